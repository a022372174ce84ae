import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One connection of a scripted server, on a thread of its own.
struct ScriptedSession: Sendable {
  let socket: Int32
  let number: Int
  let script: SMTPScript
  weak let server: ScriptedSMTPServer?

  /// Serves the connection to its end.
  func run() {
    var reader = LineReader(socket: socket)
    var from = ""
    var to: [String] = []
    var attempt = SMTPScript.Attempt()
    defer {
      if let server { server.leave(socket) } else { ScriptedSMTPServer.close(socket) }
    }
    let greeting = number < script.greetings.count ? script.greetings[number] : script.greetings.last
    guard say(greeting ?? "220 scripted.test") else { return }
    while let bytes = reader.line() {
      let line = String(decoding: bytes, as: UTF8.self)
      note(line)
      let words = line.uppercased().split(separator: " ")
      let open: Bool
      switch words.first {
      case "EHLO": open = say(script.ehlo ?? .reply(offer))
      case "HELO": open = say("250 scripted.test")
      case "AUTH": open = logIn(words.dropFirst().map(String.init), &reader)
      case "MAIL":
        attempt = nextAttempt()
        from = Self.path(line)
        to = []
        open = say(attempt.mail)
      case "RCPT":
        to.append(Self.path(line))
        open = say(attempt.rcpt)
      case "DATA":
        guard say(attempt.data) else { return }
        guard case .reply(let text) = attempt.data, text.hasPrefix("354") else { continue }
        guard let data = message(&reader, attempt) else { return }
        server?.state.withLock { $0.messages.append(.init(from: from, to: to, data: data)) }
        guard say(attempt.message) else { return }
        open = attempt.after.map { say($0) } ?? true
      case "RSET": open = say(script.reset)
      case "QUIT":
        server?.sayGoodbye(socket)
        open = say(script.quit)
      default: open = say("502 5.5.2 Unknown command")
      }
      guard open else { return }
    }
  }

  private var offer: String {
    let lines = ["scripted.test"] + script.capabilities
    return lines.enumerated().map { ($0 < lines.count - 1 ? "250-" : "250 ") + $1 }.joined(separator: "\r\n")
  }

  /// The message up to its dot; nil if it never came or the script ends the connection before it.
  private func message(_ reader: inout LineReader, _ attempt: SMTPScript.Attempt) -> [UInt8]? {
    var data: [UInt8] = []
    var isFirst = true
    while let line = reader.line() {
      if isFirst, let amid = attempt.amid, !say(amid) { return nil }
      isFirst = false
      if line == [0x2E] { return data }
      data.append(contentsOf: line.first == 0x2E ? line.dropFirst() : line[...])
      data.append(contentsOf: [0x0D, 0x0A])
    }
    return nil
  }

  /// PLAIN and XOAUTH2 with or without an initial response; LOGIN; CRAM-MD5 with RFC 2195's challenge.
  private func logIn(_ words: [String], _ reader: inout LineReader) -> Bool {
    let challenges: [String]
    switch words.first {
    case "LOGIN": challenges = ["334 VXNlcm5hbWU6", "334 UGFzc3dvcmQ6"]
    case "CRAM-MD5": challenges = ["334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+"]
    default: challenges = ["334 "]
    }
    for challenge in challenges.dropFirst(words.count - 1) {
      guard say(.reply(challenge)), let line = reader.line() else { return false }
      note(String(decoding: line, as: UTF8.self))
    }
    let count = server?.state.withLock { state in
      defer { state.logins += 1 }
      return state.logins
    }
    return say(count.flatMap { $0 < script.logins.count ? script.logins[$0] : nil } ?? script.login)
  }

  private func nextAttempt() -> SMTPScript.Attempt {
    server?.state.withLock { state in
      defer { state.attempts += 1 }
      return state.attempts < script.attempts.count ? script.attempts[state.attempts] : SMTPScript.Attempt()
    } ?? SMTPScript.Attempt()
  }

  private static func path(_ line: String) -> String {
    guard let open = line.firstIndex(of: "<"), let close = line[open...].firstIndex(of: ">") else { return "" }
    return String(line[line.index(after: open)..<close])
  }

  private func note(_ line: String) {
    server?.state.withLock { $0.transcripts[number].append(line) }
  }

  /// False once the connection is to be closed.
  private func say(_ answer: SMTPScript.Answer) -> Bool {
    if script.latency > 0 { usleep(UInt32(script.latency) * 1000) }
    switch answer {
    case .reply(let text): return write(text + "\r\n")
    case .pieces(let pieces, let pause):
      for piece in pieces {
        guard write(piece) else { return false }
        if pause > 0 { usleep(UInt32(pause) * 1000) }
      }
      return true
    case .silence:
      var rest = LineReader(socket: socket)
      while rest.line() != nil {}
      return false
    case .hangUp: return false
    case .replyAndHangUp(let text):
      _ = write(text + "\r\n")
      return false
    }
  }

  private func write(_ text: String) -> Bool {
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

/// Lines from a socket, without their line breaks.
struct LineReader {
  let socket: Int32
  private var buffer: [UInt8] = []
  private var start = 0

  init(socket: Int32) { self.socket = socket }

  /// Nil at the end, also if that comes amid a line.
  mutating func line() -> [UInt8]? {
    var looked = start
    while true {
      if let end = buffer[looked...].firstIndex(of: 0x0A) {
        var line = buffer[start..<end]
        if line.last == 0x0D { line = line.dropLast() }
        start = end + 1
        return Array(line)
      }
      buffer.removeFirst(start)
      start = 0
      looked = buffer.count
      var chunk = [UInt8](repeating: 0, count: 65_536)
      let count = recv(socket, &chunk, chunk.count, 0)
      guard count > 0 else { return nil }
      buffer.append(contentsOf: chunk[..<count])
    }
  }
}
