import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A server on 127.0.0.1 that keeps a log of what it accepted: the line is written before its answer leaves, so that
/// whatever a client was told, or was not told, the log says what the server has.
///
/// It is as bad as its manners say: slow, sure to refuse some, and closing the connection in place of some of its
/// good answers. What becomes of a send hangs on the seed and on its name alone, not on chance or on order.
public final class RecordingServer: Sendable {
  public enum Wire: String, Sendable, CaseIterable, CustomStringConvertible {
    case smtp
    /// `POST /…/ID` answered by 200 or 400.
    case webhook
    public var description: String { rawValue }
  }

  public struct Manners: Sendable {
    public var seed: UInt64
    /// At most so many milliseconds, by chance, before and after a message is written down.
    public var latency: Int
    /// One of so many is accepted, and the connection closed in place of the answer. 0: none.
    public var dropsOneIn: Int
    /// One of so many is refused for good, over SMTP by its recipient's or by the whole message. 0: none.
    public var refusesOneIn: Int

    public init(seed: UInt64, latency: Int = 4, dropsOneIn: Int = 20, refusesOneIn: Int = 10) {
      self.seed = seed
      self.latency = latency
      self.dropsOneIn = dropsOneIn
      self.refusesOneIn = refusesOneIn
    }

    public enum Fate: Sendable { case accept, drop, refuse, refuseLate }

    /// - Parameter name: of a send: over SMTP its recipient's address, else its id.
    public func fate(_ name: String) -> Fate {
      var dice = Dice(name.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 })
      if refusesOneIn > 0, dice.oneIn(refusesOneIn) { return dice.oneIn(2) ? .refuse : .refuseLate }
      return dropsOneIn > 0 && dice.oneIn(dropsOneIn) ? .drop : .accept
    }
  }

  public let wire: Wire
  public var port: Int { listener.port }
  public let manners: Manners
  private let folder: TemporaryFolder
  private let log: Int32
  private let listener: LoopbackListener
  private let written = Mutex(0)

  /// - Throws: if no port on loopback can be had.
  public init(_ wire: Wire, _ manners: Manners) throws {
    folder = try TemporaryFolder(["accepted": ""])
    listener = try LoopbackListener()
    (self.wire, self.manners) = (wire, manners)
    log = open(folder.file("accepted"), O_WRONLY | O_APPEND | O_CLOEXEC)
    listener.start { [weak self] socket in self?.serve(socket) }
  }

  deinit {
    stop()
    ScriptedSMTPServer.close(log)
  }

  /// The ids of all messages that it accepted, as often as it did, by its log.
  public var accepted: [String] {
    ((try? folder.read("accepted")) ?? "").split(separator: "\n").map(String.init)
  }
  /// How many they are.
  public var count: Int { written.withLock { $0 } }
  public var openConnections: Int { listener.openConnections }

  public func stop() { listener.stop() }

  private func serve(_ socket: Int32) {
    switch wire {
    case .smtp: RecordingSession(server: self, socket: socket).speakSMTP()
    case .webhook: RecordingSession(server: self, socket: socket).speakHTTP()
    }
  }

  /// Writes an accepted message's id down; it is in the log when this returns.
  func keep(id: String) {
    let line = Array("\(id)\n".utf8)
    written.withLock { written in
      precondition(write(log, line, line.count) == line.count, "the log of accepted messages cannot be written")
      written += 1
    }
  }
}

/// One connection of a recording server.
struct RecordingSession {
  let server: RecordingServer
  let socket: Int32

  private func dawdle() {
    let most = server.manners.latency
    if most > 0 { usleep(UInt32.random(in: 0...UInt32(most) * 1000)) }
  }

  private func say(_ text: String) -> Bool { HTTPInput.write(text + "\r\n", socket) }

  func speakSMTP() {
    var reader = LineReader(socket: socket)
    var to = ""
    guard say("220 recording.test ESMTP") else { return }
    while let bytes = reader.line() {
      let line = String(decoding: bytes, as: UTF8.self)
      let isGood: Bool
      switch line.uppercased().split(separator: " ").first {
      case "EHLO":
        isGood = say("250-recording.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES")
      case "MAIL":
        to = ""
        isGood = say("250 2.1.0 Ok")
      case "RCPT":
        let name = line.split(separator: "<").last?.split(separator: ">").first.map(String.init) ?? ""
        if server.manners.fate(name) != .refuse { to = name }
        dawdle()
        isGood = say(to.isEmpty ? "550 5.1.1 No such person" : "250 2.1.5 Ok")
      case "DATA" where to.isEmpty: isGood = say("554 5.5.1 No recipient")
      case "DATA":
        guard say("354 Go on"), let id = message(&reader) else { return }
        dawdle()
        let fate = server.manners.fate(to)
        if fate == .refuseLate {
          isGood = say("550 5.1.1 No such person, come to think of it")
          break
        }
        server.keep(id: id)
        dawdle()
        isGood = fate != .drop && say("250 2.0.0 Taken")
      case "RSET": isGood = say("250 2.0.0 Ok")
      case "QUIT":
        _ = say("221 2.0.0 Bye")
        return
      default: isGood = say("502 5.5.2 Unknown")
      }
      guard isGood else { return }
    }
  }

  /// The left part of the Message-ID, once the dot has come; nil if it never comes.
  private func message(_ reader: inout LineReader) -> String? {
    var id = ""
    while let line = reader.line() {
      if line == [0x2E] { return id }
      let text = String(decoding: line, as: UTF8.self)
      if id.isEmpty, text.lowercased().hasPrefix("message-id: <") {
        id = String(text.dropFirst(13).prefix { $0 != "@" })
      }
    }
    return nil
  }

  func speakHTTP() {
    var input = HTTPInput(socket: socket)
    while input.waitForMore(), let request = input.request(0) {
      let id = request.target.split(separator: "/").last.map(String.init) ?? ""
      dawdle()
      guard request.method == "POST" else {
        guard answer(200, "{}") else { return }
        continue
      }
      let fate = server.manners.fate(id)
      if fate == .refuse || fate == .refuseLate {
        guard answer(400, #"{"error":"no such person"}"#) else { return }
        continue
      }
      server.keep(id: id)
      dawdle()
      guard fate != .drop, answer(200, #"{"id":"\#(id)"}"#) else { return }
    }
  }

  private func answer(_ status: Int, _ body: String) -> Bool {
    HTTPInput.write(
      "HTTP/1.1 \(status) Recording\r\nContent-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n"
        + body, socket)
  }
}
