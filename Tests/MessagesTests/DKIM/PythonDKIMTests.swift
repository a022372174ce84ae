import Foundation
import Model
import Testing

@testable import Messages

/// dkimpy verifies what the signer wrote: an independent reading of both standards. A line of input is
/// `[records, message]`; a line of output, whether each signature holds.
private let verifier = """
  import base64, dkim, json, sys
  for line in sys.stdin:
      records, message = json.loads(line)
      def txt(name, timeout=5):
          return records.get(name.decode().rstrip("."), "").encode()
      message = base64.b64decode(message)
      count = len(dkim.DKIM(message).headers) and sum(n.lower() == b"dkim-signature" for n, _ in dkim.DKIM(message).headers)
      print(json.dumps([dkim.DKIM(message).verify(idx=i, dnsfunc=txt) for i in range(count)]))
  """

/// One that has dkimpy, and PyNaCl for Ed25519.
private let python: String? = {
  let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
  let folders = path.split(separator: ":").map(String.init) + ["/usr/bin", "/usr/local/bin"]
  return folders.map { $0 + "/python3" }.first { path in
    guard FileManager.default.isExecutableFile(atPath: path) else { return false }
    let process = Process()
    process.executableURL = URL(filePath: path)
    process.arguments = ["-c", "import dkim, nacl.signing"]
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return false }
    process.waitUntilExit()
    return process.terminationStatus == 0
  }
}()

@Test(.enabled(if: python != nil, "no python3 here has dkimpy and PyNaCl (pip install dkimpy pynacl)"))
func dkimpyTakesEverySignatureAndNoForgedOne() throws {
  let signing = try Signing()
  var messages: [[UInt8]] = []
  let thread = PlannedSend.Thread(references: ["<1@example.com>", "<2@example.com>"], subject: "x")
  let unsubscribe = Campaign.Unsubscribe(
    mailto: Make.template("leave@example.com"), url: Make.template("https://example.com/u/{{send_id}}"))
  for (i, text) in ["Hi\n", "", "\n\n\n", "a  b \t\n\n.\n\n\n", "Grüße\n", String(repeating: "日本語 ", count: 300)]
    .enumerated()
  {
    for subject in ["Hello", "Grüße, Ada", String(repeating: "A long subject ", count: 20)] {
      let html = i % 2 == 0 ? "<p>\(text)</p>" : nil
      let campaign = Make.campaign(text: nil, attachments: ["a.bin"], unsubscribe: unsubscribe)
      let send = Make.send(
        name: "Ädä  <x>", subject: subject, text: text, html: html, thread: i % 3 == 0 ? thread : nil)
      let composer = try Make.composer(campaign, Make.mailbox(), files: ["a.bin": Array(0...255)])
      messages.append(try composer.compose(send, date: Make.date).bytes)
    }
  }
  for body in ["", "\n", "\n\n \n", "\nno line end", "\n \tx  y\t\n\n\n"] {
    messages.append(Published.crlf("From: a@example.com\nSUBJECT:  two  spaces\nSubject: twice\n" + body))
  }
  let signed = try messages.map { try signing.signer.sign($0, at: Signing.date) }
  let forged = try signed.map { message in
    let text = String(decoding: message, as: UTF8.self)
    let from = try #require(text.range(of: "\r\nFrom:"))
    return Array(text.replacingCharacters(in: from, with: "\r\nFrom: eve@example.net\r\nFrom:").utf8)
  }
  let verdicts = try dkimpy(signed + forged, signing.verifier.records)
  #expect(verdicts.count == 2 * signed.count)
  #expect(verdicts.prefix(signed.count).allSatisfy { $0 == [true, true] })
  #expect(verdicts.suffix(signed.count).allSatisfy { $0 == [false, false] })
  for message in signed { #expect(signing.verifier.verify(message) == [.pass, .pass]) }
}

private func dkimpy(_ messages: [[UInt8]], _ records: [String: String]) throws -> [[Bool]] {
  let input = FileManager.default.temporaryDirectory.appending(path: "nightmail-\(UUID().uuidString).jsonl")
  defer { try? FileManager.default.removeItem(at: input) }
  let known = String(decoding: try JSONEncoder().encode(records), as: UTF8.self)
  let lines: [String] = messages.map { "[\(known),\"\(Data($0).base64EncodedString())\"]\n" }
  try lines.joined().write(to: input, atomically: true, encoding: .utf8)
  let process = Process()
  process.executableURL = URL(filePath: try #require(python))
  process.arguments = ["-c", verifier]
  process.standardInput = try FileHandle(forReadingFrom: input)
  let output = Pipe()
  process.standardOutput = output
  try process.run()
  let data = try output.fileHandleForReading.readToEnd() ?? Data()
  process.waitUntilExit()
  try #require(process.terminationStatus == 0)
  return try data.split(separator: 0x0A).map { try JSONDecoder().decode([Bool].self, from: $0) }
}
