import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Takes connections to a port of 127.0.0.1 and serves each on a thread of its own. Stopped with this object: its
/// threads hold it weakly, so that dropping it stops them.
public final class LoopbackListener: Sendable {
  private struct State {
    var sockets: Set<Int32> = []
    var accepted = 0
    var isStopped = false
  }

  public let port: Int
  private let listener: Int32
  private let state = Mutex(State())

  /// - Throws: if no port on loopback can be had.
  public init() throws {
    guard let (socket, port) = LoopbackPort.listen() else { throw CocoaError(.fileWriteUnknown) }
    (listener, self.port) = (socket, port)
    signal(SIGPIPE, SIG_IGN)
  }

  deinit { stop() }

  /// - Parameter serve: is given each connection's socket, which is closed once it returns.
  public func start(_ serve: @escaping @Sendable (Int32) -> Void) {
    Thread.detachNewThread { [weak self, listener] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { break }
        guard self?.take(client) == true else {
          ScriptedSMTPServer.close(client)
          break
        }
        Thread.detachNewThread { [weak self] in
          serve(client)
          if let self { self.leave(client) } else { ScriptedSMTPServer.close(client) }
        }
      }
      ScriptedSMTPServer.close(listener)
    }
  }

  /// Connections, also those that were closed without a word.
  public var accepted: Int { state.withLock { $0.accepted } }
  public var openConnections: Int { state.withLock { $0.sockets.count } }
  public var isStopped: Bool { state.withLock { $0.isStopped } }

  /// Closes everything; nobody listens any more.
  public func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      // Wakes the thread that accepts; it closes the listener.
      _ = shutdown(listener, Int32(SHUT_RDWR))
      Self.hangUp(state)
    }
  }

  /// Hangs up on every connection; new ones are welcome.
  public func hangUpOnAll() {
    state.withLock { Self.hangUp($0) }
  }

  /// Under the lock, under which sockets are closed too: none of these numbers is another's by now.
  private static func hangUp(_ state: State) {
    for socket in state.sockets { _ = shutdown(socket, Int32(SHUT_RDWR)) }
  }

  /// Takes a socket in, to hang up on with the others. False once it is stopped.
  func keep(_ socket: Int32) -> Bool {
    state.withLock { state in
      guard !state.isStopped else { return false }
      var on: Int32 = 1
      setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      state.sockets.insert(socket)
      return true
    }
  }

  private func take(_ client: Int32) -> Bool {
    guard keep(client) else { return false }
    state.withLock { $0.accepted += 1 }
    return true
  }

  /// Closes a socket that was kept.
  func leave(_ socket: Int32) {
    state.withLock { state in
      state.sockets.remove(socket)
      ScriptedSMTPServer.close(socket)
    }
  }
}
