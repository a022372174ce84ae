import Foundation
import Model
import Testing

@testable import Messages

/// Python's `email` package reads what the composer wrote: an independent parser that records every defect.
private let reader = """
  import base64, email, email.header, email.policy, email.utils, json, sys
  def address(m, name):
      # The newer parser keeps the space between two encoded-words of a phrase, against RFC 2047 6.2.
      display, spec = email.utils.parseaddr(m[name])
      return [str(email.header.make_header(email.header.decode_header(display))), spec]
  def part(p):
      content = p.get_payload(decode=True)
      return {"type": p.get_content_type(), "charset": p.get_content_charset(), "file": p.get_filename(),
              "content": base64.b64encode(content).decode()}
  for line in sys.stdin:
      m = email.message_from_bytes(base64.b64decode(json.loads(line)), policy=email.policy.default)
      old = email.message_from_bytes(base64.b64decode(json.loads(line)), policy=email.policy.compat32)
      defects = [f"{d!r}" for p in m.walk() for d in p.defects]
      for p in m.walk():
          for name, value in p.items():
              # Python takes filename and filename* together, RFC 2231's own advice, for a repetition.
              if name != "Content-Disposition":
                  defects += [f"{name}: {d!r}" for d in value.defects]
      print(json.dumps({
          "defects": defects,
          "headers": [[k, str(v)] for k, v in m.items()],
          "from": address(old, "From"),
          "to": address(old, "To"),
          "addresses": [a.addr_spec for n in ("From", "To") for a in m[n].addresses],
          "parts": [part(p) for p in m.walk() if not p.is_multipart()],
          "multiparts": [p.get_content_type() for p in m.walk() if p.is_multipart()],
      }))
  """

private struct Reading: Decodable {
  struct Part: Decodable {
    var type: String
    var charset: String?
    var file: String?
    var content: Data
    var text: String { String(decoding: content, as: UTF8.self) }
  }
  var defects: [String]
  var headers: [[String]]
  var from: [String]
  var to: [String]
  var addresses: [String]
  var parts: [Part]
  var multiparts: [String]
  func header(_ name: String) -> String? { headers.first { $0[0] == name }?[1] }
}

private let python = ["/usr/bin/python3", "/usr/local/bin/python3"].first(where: FileManager.default.isExecutableFile)

/// One process, one JSON line a message each way.
private func read(_ messages: [ComposedMessage]) throws -> [Reading] {
  let folder = FileManager.default.temporaryDirectory.appending(path: "nightmail-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  let input = folder.appending(path: "messages.jsonl")
  try messages.map { "\"\(Data($0.bytes).base64EncodedString())\"\n" }.joined().write(
    to: input, atomically: true, encoding: .utf8)
  let process = Process()
  process.executableURL = URL(filePath: try #require(python))
  process.arguments = ["-c", reader]
  process.standardInput = try FileHandle(forReadingFrom: input)
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0)
  return try data.split(separator: 0x0A).map { try JSONDecoder().decode(Reading.self, from: $0) }
}

private struct Case {
  var label: String
  var text: String?
  var html: String?
  var subject: String
  var from: String
  var name: String?
  var files: [String: [UInt8]]
  var isReply: Bool
}

private func matrix() -> [Case] {
  let texts: [(String, String)] = [
    ("ascii", "Hello Ada,\n\nFrom here on all is well.\n.\n-- \nAnna\n"),
    ("german", "Grüße aus Köln,\nschöne Straße = 100 %\n"),
    ("japanese", "こんにちは、世界。\n" + String(repeating: "日本語", count: 100)),
    ("emoji", "👩‍👩‍👧 and 🇩🇪\n"), ("long", String(repeating: "x", count: 2000) + "\nü\n"),
    ("long ascii", String(repeating: "word ", count: 400) + "\nend"), ("crlf", "a\r\nb\rc\n\n\n"),
    ("controls", "a\u{0}b\u{1B}[1m\n"),
  ]
  let subjects = [
    "Hello Ada", "Grüße, Ada", "こんにちは世界 " + String(repeating: "日本語", count: 40), "👋 hi", "=?utf-8?Q?x?= look-alike",
    String(repeating: "A long subject ", count: 20) + "ends", String(repeating: "y", count: 300),
    "a\r\nBcc: evil@example.net",
  ]
  let names: [(String, String?)] = [
    ("anna@example.com", nil), ("Anna Schmidt <anna@example.com>", "Ada Lovelace"),
    ("\"Schmidt, Anna\" <anna@example.com>", "Lovelace, Ada \"the\" \\ Countess"),
    ("Jörg Müßig <joerg@example.com>", "Übermäßig langer Name, " + String(repeating: "Straße ", count: 12)),
    ("日本 <nihon@example.com>", "A.B. <x@y.z>"),
  ]
  let pdf = (0..<5000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  var cases: [Case] = []
  for (i, (label, text)) in texts.enumerated() {
    for shape in 0..<4 {
      for (j, subject) in subjects.enumerated() {
        let (from, name) = names[(i + j + shape) % names.count]
        let files: [String: [UInt8]] =
          shape == 3
          ? [
            "files/a.pdf": pdf, "Übersicht – 東京 \(String(repeating: "lang", count: 20)).csv": Array("ä;b\n".utf8),
            "empty.txt": [],
          ] : [:]
        cases.append(
          Case(
            label: "\(label)/\(shape)/\(j)", text: shape == 1 ? nil : text, html: shape == 0 ? nil : "<p>\(text)</p>",
            subject: subject, from: from, name: name, files: files, isReply: (i + j) % 3 == 0))
      }
    }
  }
  return cases
}

/// Line ends as LF, and the last one, if there is one, left out.
private func lines(_ text: String) -> String {
  let unified = text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
  return unified.hasSuffix("\n") ? String(unified.dropLast()) : unified
}

@Test(.enabled(if: python != nil, "python3 is not installed"))
func pythonsEmailPackageReadsEveryMessageAsItWasMeant() throws {
  let thread = PlannedSend.Thread(
    references: (0..<9).map { "<\(String(repeating: "\($0)", count: 32))@example.com>" }, subject: "x")
  let cases = matrix()
  #expect(cases.count == 256)
  var messages: [ComposedMessage] = []
  let unsubscribe = Campaign.Unsubscribe(
    mailto: Make.template("leave@example.com"), url: Make.template("https://example.com/u/{{send_id}}"))
  for one in cases {
    let campaign = Make.campaign(text: nil, attachments: one.files.keys.sorted(), unsubscribe: unsubscribe)
    let send = Make.send(
      name: one.name, subject: one.subject, text: one.text, html: one.html, thread: one.isReply ? thread : nil,
      key: one.label)
    messages.append(
      try Make.composer(campaign, Make.mailbox(from: one.from), files: one.files).compose(send, date: Make.date))
  }
  let readings = try read(messages)
  try #require(readings.count == cases.count)
  for (i, one) in cases.enumerated() {
    let (message, reading) = (messages[i], readings[i])
    #expect(lineFaults(message.bytes) == [], "\(one.label)")
    #expect(reading.defects == [], "\(one.label)")
    let sender = try #require(NamedAddress(one.from))
    #expect(reading.from == [sender.name ?? "", sender.address.envelope], "\(one.label)")
    #expect(reading.to == [one.name.map(HeaderText.clean) ?? "", "ada@example.org"], "\(one.label)")
    #expect(reading.addresses == [sender.address.envelope, "ada@example.org"], "\(one.label)")
    #expect(reading.header("Subject") == HeaderText.clean(one.subject), "\(one.label)")
    #expect(reading.header("Date") == "Fri, 20 Nov 2026 09:00:12 +0100", "\(one.label)")
    #expect(reading.header("Message-ID") == message.messageID, "\(one.label)")
    #expect(reading.header("MIME-Version") == "1.0", "\(one.label)")
    #expect(reading.header("List-Unsubscribe-Post") == "List-Unsubscribe=One-Click", "\(one.label)")
    #expect(reading.header("In-Reply-To") == (one.isReply ? thread.references.last : nil), "\(one.label)")
    #expect(
      reading.header("References")?.split(separator: " ").map(String.init) == (one.isReply ? thread.references : nil),
      "\(one.label)")

    var multiparts: [String] = []
    if !one.files.isEmpty { multiparts.append("multipart/mixed") }
    if one.text != nil && one.html != nil { multiparts.append("multipart/alternative") }
    #expect(reading.multiparts == multiparts, "\(one.label)")
    var types: [String] = []
    if one.text != nil { types.append("text/plain") }
    if one.html != nil { types.append("text/html") }
    let written = [one.text, one.html].compactMap { $0 }
    for (part, text) in zip(reading.parts, written) {
      #expect(part.charset == "utf-8", "\(one.label)")
      #expect(part.text.hasSuffix("\r\n"), "\(one.label)")
      #expect(lines(part.text) == lines(text), "\(one.label)")
    }
    let files = reading.parts.dropFirst(written.count)
    #expect(reading.parts.prefix(written.count).map(\.type) == types, "\(one.label)")
    #expect(
      files.map(\.file) == one.files.keys.sorted().map { $0.split(separator: "/").last.map(String.init) },
      "\(one.label)")
    for (part, path) in zip(files, one.files.keys.sorted()) {
      #expect(Array(part.content) == one.files[path], "\(one.label)")
    }
  }
}
