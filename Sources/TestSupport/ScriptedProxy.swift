import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A proxy on 127.0.0.1 that speaks HTTP's CONNECT and SOCKS 5 (RFC 1928), takes every host for this machine, and
/// remembers what it was asked for. Stopped with this object.
public final class ScriptedProxy: Sendable {
  private struct State {
    var targets: [String] = []
  }

  public var port: Int { listener.port }
  private let listener: LoopbackListener
  private let state = Mutex(State())
  /// To CONNECT, in place of `200`.
  private let refusal: String?

  public init(refusal: String? = nil) throws {
    listener = try LoopbackListener()
    self.refusal = refusal
    listener.start { [weak self] client in self?.serve(client) }
  }

  deinit { stop() }

  /// `host:port` of each connection that was asked for, in the order in which they came.
  public var targets: [String] { state.withLock { $0.targets } }

  public func stop() { listener.stop() }

  private func serve(_ client: Int32) {
    guard let first = Self.read(client, 1)?.first, let target = first == 5 ? socks(client) : connect(client) else {
      return
    }
    state.withLock { $0.targets.append(target) }
    if let refusal, first != 5 {
      Self.write(Array("HTTP/1.1 \(refusal)\r\nContent-Length: 0\r\n\r\n".utf8), client)
      return
    }
    guard let port = target.split(separator: ":").last.flatMap({ Int($0) }), let server = LoopbackPort.connect(port),
      listener.keep(server)
    else { return }
    Self.write(
      first == 5 ? [5, 0, 0, 1, 127, 0, 0, 1, 0, 0] : Array("HTTP/1.1 200 Go on\r\nX-Proxy: scripted\r\n\r\n".utf8),
      client)
    let done = DispatchSemaphore(value: 0)
    Thread.detachNewThread {
      Self.relay(server, client)
      done.signal()
    }
    Self.relay(client, server)
    done.wait()
    listener.leave(server)
  }

  /// After its first byte: the rest of `CONNECT host:port HTTP/1.1` and its header.
  private func connect(_ client: Int32) -> String? {
    var text: [UInt8] = []
    while !text.suffix(4).elementsEqual("\r\n\r\n".utf8) {
      guard let byte = Self.read(client, 1) else { return nil }
      text += byte
    }
    let words = String(decoding: text, as: UTF8.self).split(separator: " ")
    return words.count > 1 && words[0] == "ONNECT" ? String(words[1]) : nil
  }

  /// After its first byte: no authentication, then CONNECT to an IPv4 address or a name.
  private func socks(_ client: Int32) -> String? {
    guard let count = Self.read(client, 1)?.first, Self.read(client, Int(count)) != nil else { return nil }
    Self.write([5, 0], client)
    guard let head = Self.read(client, 4), head[1] == 1 else { return nil }
    let host: String
    if head[3] == 3 {
      guard let length = Self.read(client, 1)?.first, let name = Self.read(client, Int(length)) else { return nil }
      host = String(decoding: name, as: UTF8.self)
    } else {
      guard head[3] == 1, let octets = Self.read(client, 4) else { return nil }
      host = octets.map { String($0) }.joined(separator: ".")
    }
    guard let port = Self.read(client, 2) else { return nil }
    return "\(host):\(Int(port[0]) << 8 | Int(port[1]))"
  }

  private static func relay(_ from: Int32, _ to: Int32) {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(from, &chunk, chunk.count, 0)
      guard count > 0, write(Array(chunk[..<count]), to) else { break }
    }
    _ = shutdown(to, Int32(SHUT_RDWR))
  }

  private static func read(_ socket: Int32, _ count: Int) -> [UInt8]? {
    var bytes: [UInt8] = []
    while bytes.count < count {
      var chunk = [UInt8](repeating: 0, count: count - bytes.count)
      let got = recv(socket, &chunk, chunk.count, 0)
      guard got > 0 else { return nil }
      bytes += chunk[..<got]
    }
    return bytes
  }

  @discardableResult
  private static func write(_ bytes: [UInt8], _ socket: Int32) -> Bool {
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0) }
      guard count > 0 else { return false }
      start += count
    }
    return true
  }
}
