import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// An SMTP server on 127.0.0.1 that does what its script says and remembers what it was told. Stopped with this
/// object.
public final class ScriptedSMTPServer: Sendable {
  /// A message that got as far as its final dot.
  public struct Message: Sendable {
    public var from: String
    public var to: [String]
    /// As it was sent, dots unstuffed, the final dot left out.
    public var data: [UInt8]
    public var text: String { String(decoding: data, as: UTF8.self) }
  }

  struct State {
    var transcripts: [[String]] = []
    var messages: [Message] = []
    var sockets: Set<Int32> = []
    var most = 0
    /// Connections that have said QUIT: the client counts them as closed before this thread comes to close them.
    var leaving: Set<Int32> = []
    var attempts = 0
    var logins = 0
    var isStopped = false
  }

  public let port: Int
  let script: SMTPScript
  private let listener: Int32
  let state = Mutex(State())

  /// - Throws: if no port on loopback can be had.
  public init(_ script: SMTPScript = SMTPScript()) throws {
    guard let (socket, port) = LoopbackPort.listen() else { throw CocoaError(.fileWriteUnknown) }
    listener = socket
    self.port = port
    self.script = script
    signal(SIGPIPE, SIG_IGN)
    // The threads hold the server weakly between connections, so that dropping it stops them.
    Thread.detachNewThread { [weak self, script, listener = socket] in
      while true {
        let client = accept(listener, nil, nil)
        guard client >= 0 else { break }
        guard let session = self?.admit(client, script) else {
          Self.close(client)
          break
        }
        Thread.detachNewThread { session.run() }
      }
      Self.close(listener)
    }
  }

  deinit { stop() }

  /// What each connection said, line by line, messages left out; in the order of the connections.
  public var transcripts: [[String]] { state.withLock { $0.transcripts } }
  /// In the order in which their dots came.
  public var messages: [Message] { state.withLock { $0.messages } }
  public var connections: Int { state.withLock { $0.transcripts.count } }
  public var openConnections: Int { state.withLock { $0.sockets.count } }
  /// The most connections at one time.
  public var mostConnections: Int { state.withLock { $0.most } }

  /// Closes everything; also a way to hang up on all at once.
  public func stop() {
    state.withLock { state in
      guard !state.isStopped else { return }
      state.isStopped = true
      // Wakes the thread that accepts; it closes the listener.
      _ = shutdown(listener, Int32(SHUT_RDWR))
      hangUp(&state)
    }
  }

  /// Hangs up on every connection; new ones are welcome.
  public func hangUpOnAll() {
    state.withLock { hangUp(&$0) }
  }

  /// Under the lock, under which sockets are closed too: none of these numbers is another's by now.
  private func hangUp(_ state: inout State) {
    for socket in state.sockets { _ = shutdown(socket, Int32(SHUT_RDWR)) }
  }

  private func admit(_ client: Int32, _ script: SMTPScript) -> ScriptedSession? {
    state.withLock { state in
      guard !state.isStopped else { return nil }
      var on: Int32 = 1
      setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
      state.sockets.insert(client)
      state.most = max(state.most, state.sockets.count - state.leaving.count)
      state.transcripts.append([])
      return ScriptedSession(socket: client, number: state.transcripts.count - 1, script: script, server: self)
    }
  }

  func sayGoodbye(_ socket: Int32) {
    state.withLock { _ = $0.leaving.insert(socket) }
  }

  func leave(_ socket: Int32) {
    state.withLock { state in
      state.leaving.remove(socket)
      state.sockets.remove(socket)
      Self.close(socket)
    }
  }

  static func close(_ socket: Int32) {
    #if canImport(Glibc)
      Glibc.close(socket)
    #elseif canImport(Musl)
      Musl.close(socket)
    #else
      Darwin.close(socket)
    #endif
  }
}
