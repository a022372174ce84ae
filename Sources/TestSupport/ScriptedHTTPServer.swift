import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// How a scripted HTTP server behaves, request by request over all its connections.
public enum HTTPAnswer: Sendable {
  /// A whole reply; the connection is kept.
  case reply(Int, fields: [String: String] = [:], body: String = "")
  /// The same, and the connection is closed.
  case replyAndHangUp(Int, fields: [String: String] = [:], body: String = "")
  /// Sent as it stands, and the connection is closed.
  case raw(String)
  /// The request is read to its end, and the connection closed without a word.
  case hangUp
  /// The connection is closed as soon as anything of the request has come.
  case hangUpAtOnce
  /// The request is read to its end, and nothing is said.
  case silence
}

/// An HTTP/1.1 server on 127.0.0.1 that does what its script says and remembers what it was asked. Stopped with this
/// object.
public final class ScriptedHTTPServer: Sendable {
  public struct Request: Sendable {
    /// Of the connection, from 0 in the order in which connections first said something.
    public var connection: Int
    public var method: String
    /// Path and query as they were sent.
    public var target: String
    /// Names in lower case.
    public var fields: [String: String]
    public var body: [UInt8]
    public var text: String { String(decoding: body, as: UTF8.self) }
  }

  private struct State {
    var requests: [Request] = []
    var begun = 0
    var speaking = 0
  }

  public var port: Int { listener.port }
  private let listener: LoopbackListener
  private let state = Mutex(State())
  private let script: [HTTPAnswer]
  private let otherwise: HTTPAnswer
  private let judge: (@Sendable (Request) -> HTTPAnswer?)?
  /// Nothing is read or said on any connection: a TLS handshake with it never ends.
  private let isDumb: Bool

  /// - Parameters:
  ///   - script: answers to requests in the order in which they begin.
  ///   - otherwise: the answer to all that follow.
  ///   - judge: looks at what was asked, and answers in their place unless it returns nil. It may take its time: the other
  ///     connections are answered meanwhile.
  public init(
    _ script: [HTTPAnswer] = [], otherwise: HTTPAnswer = .reply(200), isDumb: Bool = false,
    judge: (@Sendable (Request) -> HTTPAnswer?)? = nil
  ) throws {
    listener = try LoopbackListener()
    self.judge = judge
    self.script = script
    self.otherwise = otherwise
    self.isDumb = isDumb
    // The threads hold the server weakly between requests, so that dropping it stops them.
    listener.start { [weak self] socket in Self.serve(socket) { self } }
  }

  deinit { stop() }

  /// In the order in which they had been read.
  public var requests: [Request] { state.withLock { $0.requests } }
  /// Requests of which anything was read, whole or not.
  public var begun: Int { state.withLock { $0.begun } }
  /// Connections that said something.
  public var connections: Int { state.withLock { $0.speaking } }
  /// Connections, also those that were closed without a word.
  public var accepted: Int { listener.accepted }

  /// Closes everything; nobody listens any more.
  public func stop() { listener.stop() }

  /// Hangs up on every connection; new ones are welcome.
  public func hangUpOnAll() { listener.hangUpOnAll() }

  /// The number of a connection that has begun to speak.
  private func speaks() -> Int {
    state.withLock { state in
      state.speaking += 1
      return state.speaking - 1
    }
  }

  private func nextAnswer() -> HTTPAnswer {
    state.withLock { state in
      state.begun += 1
      return state.begun <= script.count ? script[state.begun - 1] : otherwise
    }
  }

  private static func serve(_ socket: Int32, _ server: () -> ScriptedHTTPServer?) {
    var input = HTTPInput(socket: socket)
    var number: Int?
    let isDumb = server()?.isDumb ?? true
    while !isDumb, input.waitForMore(), let server = server() {
      let connection = number ?? server.speaks()
      number = connection
      let answer = server.nextAnswer()
      if case .hangUpAtOnce = answer { break }
      guard let request = input.request(connection) else { break }
      server.state.withLock { $0.requests.append(request) }
      guard say(server.judge?(request) ?? answer, socket) else { break }
    }
    if isDumb { while input.waitForMore() { input.forget() } }
  }

  /// False once the connection is to be closed.
  private static func say(_ answer: HTTPAnswer, _ socket: Int32) -> Bool {
    switch answer {
    case .reply(let status, let fields, let body):
      return HTTPInput.write(whole(status, fields, body), socket)
    case .replyAndHangUp(let status, let fields, let body):
      _ = HTTPInput.write(whole(status, fields.merging(["Connection": "close"]) { old, _ in old }, body), socket)
      return false
    case .raw(let text):
      _ = HTTPInput.write(text, socket)
      return false
    case .hangUp, .hangUpAtOnce: return false
    case .silence:
      var rest = HTTPInput(socket: socket)
      while rest.waitForMore() { rest.forget() }
      return false
    }
  }

  private static func whole(_ status: Int, _ fields: [String: String], _ body: String) -> String {
    let lines = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
    return "HTTP/1.1 \(status) Scripted\r\n\(lines)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
  }
}

/// Requests from a socket.
struct HTTPInput {
  let socket: Int32
  private var buffer: [UInt8] = []

  init(socket: Int32) { self.socket = socket }

  /// False once nothing more will come.
  mutating func waitForMore() -> Bool {
    if !buffer.isEmpty { return true }
    return fill()
  }

  mutating func forget() { buffer = [] }

  private mutating func fill() -> Bool {
    var chunk = [UInt8](repeating: 0, count: 65_536)
    let count = recv(socket, &chunk, chunk.count, 0)
    guard count > 0 else { return false }
    buffer.append(contentsOf: chunk[..<count])
    return true
  }

  /// Nil if the connection ends amid it, or it is none.
  mutating func request(_ connection: Int) -> ScriptedHTTPServer.Request? {
    let blank = Array("\r\n\r\n".utf8)
    var end = buffer.firstRange(of: blank)
    while end == nil {
      guard fill() else { return nil }
      end = buffer.firstRange(of: blank)
    }
    guard let end else { return nil }
    let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    buffer.removeFirst(end.upperBound)
    let words = (lines.first ?? "").split(separator: " ").map(String.init)
    guard words.count == 3 else { return nil }
    var fields: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    if fields["expect"] != nil { _ = Self.write("HTTP/1.1 100 Continue\r\n\r\n", socket) }
    let length = fields["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < length { guard fill() else { return nil } }
    let body = Array(buffer[..<length])
    buffer.removeFirst(length)
    return ScriptedHTTPServer.Request(
      connection: connection, method: words[0], target: words[1], fields: fields, body: body)
  }

  static func write(_ text: String, _ socket: Int32) -> Bool {
    let bytes = Array(text.utf8)
    var start = 0
    while start < bytes.count {
      let count = bytes[start...].withUnsafeBytes { send(socket, $0.baseAddress, $0.count, 0) }
      guard count > 0 else { return false }
      start += count
    }
    return true
  }
}
