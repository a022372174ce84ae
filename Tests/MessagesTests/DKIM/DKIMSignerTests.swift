import Foundation
import Model
import Testing

@testable import Messages

/// A signer with both kinds of key, and what its domain publishes.
struct Signing {
  let signer: DKIMSigner
  let verifier: Verifier
  static let date = Instant(milliseconds: 1_795_161_612_900)

  init(domain: String = "example.com") throws {
    let (rsa, ed25519) = (try DKIMKey(Array(SigningKeys.rsa.utf8)), try DKIMKey(Array(Published.seed.utf8)))
    signer = DKIMSigner([
      .init(domain: domain, selector: "r1", key: rsa), .init(domain: domain, selector: "e1", key: ed25519),
    ])
    verifier = Verifier(records: [
      "r1._domainkey.\(domain)": rsa.record, "e1._domainkey.\(domain)": ed25519.record,
    ])
  }

  func sign(_ message: String) throws -> [UInt8] { try signer.sign(Published.crlf(message), at: Self.date) }
}

/// Made once: the library takes a while for an RSA key.
enum SigningKeys {
  static let rsa: String = (try? DKIMKey.makeRSA(bits: 2048).pem) ?? ""
}

private let plain = """
  From: Anna <anna@example.com>
  To: ada@example.org
  Subject: Hello
  Message-ID: <1@example.com>
  Content-Type: text/plain

  Hello Ada,
  bye.

  """

/// `text` in place of `old`, both with LF line ends; a test that changes nothing proves nothing.
private func changed(_ message: [UInt8], _ old: String, _ text: String) throws -> [UInt8] {
  let whole = String(decoding: message, as: UTF8.self)
  let (old, text) = (old.replacing("\n", with: "\r\n"), text.replacing("\n", with: "\r\n"))
  try #require(whole.contains(old) && old != text)
  return Array(whole.replacing(old, with: text).utf8)
}

@Test func eachKeySignsOnceAndTheMessageFollowsUnchanged() throws {
  let signing = try Signing()
  let signed = try signing.sign(plain)
  #expect(signing.verifier.verify(signed) == [.pass, .pass])
  #expect(signed.suffix(Published.crlf(plain).count) == Published.crlf(plain)[...])
  let text = String(decoding: signed, as: UTF8.self)
  #expect(
    text.hasPrefix("DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=example.com; s=r1;\r\n t=1795161612;"))
  #expect(text.components(separatedBy: "DKIM-Signature:").count == 3)
  #expect(!text.contains("l="))
  #expect(lineFaults(signed) == [])
  #expect(try signing.sign(plain) == signed)
}

@Test func everyFieldIsNamedOnceMoreThanItOccurs() throws {
  let signed = String(decoding: try Signing().sign(plain), as: UTF8.self)
  let field = try #require(signed.components(separatedBy: "\r\nDKIM-Signature:").last)
  let names = try #require(Verifier.tags(field)["h"]).split(separator: ":").map(String.init)
  var counts: [String: Int] = [:]
  for name in names { counts[name, default: 0] += 1 }
  #expect(
    counts == [
      "from": 2, "to": 2, "cc": 1, "reply-to": 1, "subject": 2, "date": 1, "message-id": 2, "in-reply-to": 1,
      "references": 1, "mime-version": 1, "content-type": 2, "content-transfer-encoding": 1, "list-id": 1,
      "list-unsubscribe": 1, "list-unsubscribe-post": 1,
    ])
}

@Test(arguments: [
  ("From: Anna <anna@example.com>\n", "From: Anna <anna@example.com>\nFrom: Eve <eve@example.net>\n"),
  ("From: Anna <anna@example.com>\n", "From: Eve <eve@example.net>\nFrom: Anna <anna@example.com>\n"),
  ("From: Anna <", "From: Anne <"), ("To: ada@", "To: eve@"), ("Subject: Hello\n", "Subject: Hullo\n"),
  ("Subject: Hello\n", ""), ("Subject: Hello\n", "Subject: Hello\nSubject: Hullo\n"),
  ("Subject: Hello\n", "Subject: Hello\nReply-To: eve@example.net\n"),
  ("Subject: Hello\n", "Subject: Hello\nCc: eve@example.net\n"),
  ("Subject: Hello\n", "Subject: Hello\nList-Unsubscribe: <https://example.net>\n"),
  ("text/plain", "text/html"), ("t=1795161612", "t=1795161613"), ("d=example.com", "d=example.org"),
])
func aChangedOrAddedFieldBreaksTheSignature(_ old: String, _ new: String) throws {
  let signing = try Signing()
  let verdicts = signing.verifier.verify(try changed(try signing.sign(plain), old, new))
  #expect(verdicts.count == 2 && !verdicts.contains(.pass))
}

@Test(arguments: [
  ("Hello Ada", "Hello Eve"), ("bye.\n", "bye.\nBuy!\n"), ("bye.\n", ""), ("Hello Ada,\n", "Hello Ada,\n\n"),
])
func aChangedOrLongerBodyBreaksTheSignature(_ old: String, _ new: String) throws {
  let signing = try Signing()
  #expect(signing.verifier.verify(try changed(try signing.sign(plain), old, new)) == [.bodyHash, .bodyHash])
}

@Test(arguments: [
  ("Subject: Hello\n", "subject:   Hello \n"), ("From: Anna <", "From: Anna\n <"), ("bye.\n", "bye. \t\n\n\n"),
  ("Hello Ada,", "Hello  Ada,\t"), ("From: Anna", "Received: from a\n by b\nX-Mailer: relay\nFrom: Anna"),
])
func whatRelaysDoToMailLeavesTheSignatureWhole(_ old: String, _ new: String) throws {
  let signing = try Signing()
  #expect(signing.verifier.verify(try changed(try signing.sign(plain), old, new)) == [.pass, .pass])
}

@Test(arguments: ["", "\n", "\n\n", "\n \t\n\n", "\na", "\na\n\n\n", "\n\n\na  b \n.\n", "\nGrüße  \u{1F44B}\n"])
func everyBodyCanBeSigned(_ body: String) throws {
  let signing = try Signing()
  let signed = try signing.sign("From: a@example.com\nSubject: x\n" + body)
  #expect(signing.verifier.verify(signed) == [.pass, .pass])
}

@Test func fieldsThatOccurTwiceAreTakenFromTheLastOneUpwards() throws {
  let signing = try Signing()
  let signed = try signing.sign("From: a@example.com\nSubject: one\nSubject: two\n\nx\n")
  #expect(signing.verifier.verify(signed) == [.pass, .pass])
  let swapped = try changed(signed, "Subject: one\nSubject: two", "Subject: two\nSubject: one")
  #expect(signing.verifier.verify(swapped) == [.signature, .signature])
}

@Test(arguments: ["example.com", "mail.a-rather-long-name-for-a-department.example.com", "b.example"])
func noLineOfTheFieldPasses77Columns(_ domain: String) throws {
  let signing = try Signing(domain: domain)
  let headers = (0..<9).map { "Subject: \($0)\nTo: a\($0)@example.org\nList-Unsubscribe: <x>\n" }.joined()
  let signed = try signing.sign(headers + "From: a@\(domain)\n\nx\n")
  #expect(signing.verifier.verify(signed) == [.pass, .pass])
  let lines = String(decoding: signed, as: UTF8.self).components(separatedBy: "\r\n")
  #expect(lines.allSatisfy { $0.utf8.count < 78 })
  // None is so short that it would waste half the field's lines.
  let own = lines.prefix { !$0.hasPrefix("Subject") }
  #expect(own.count(where: { $0.utf8.count < 40 }) <= 6)
}

@Test func theMailboxsMailGoesOutSignedWithTheDateOfTheSend() throws {
  let keys = ["r.pem": SigningKeys.rsa, "e.key": Published.seed]
  var mailbox = try Make.mailbox()
  mailbox.dkim = [
    .init(domain: "example.com", selector: "r1", keyFile: "r.pem"),
    .init(domain: "example.com", selector: "e1", keyFile: "e.key"),
  ]
  var reads: [String] = []
  var other = mailbox
  other.id = "ben"
  let (signers, findings) = DKIMSigners.load([mailbox, other]) { path in
    reads.append(path)
    return Array((keys[path] ?? "").utf8)
  }
  #expect(findings == [])
  #expect(reads == ["r.pem", "e.key"])
  let campaign = Make.campaign(
    text: "Grüße {{name}}", html: "<p>", attachments: ["a.bin"],
    unsubscribe: Campaign.Unsubscribe(url: Make.template("https://example.com/{{send_id}}")))
  let project = Project(campaigns: [campaign], mailboxes: [mailbox, other])
  let send = Make.send(vars: ["name": "Ada"])
  let file = (0..<9999).map { UInt8(truncatingIfNeeded: $0 &* 31) }
  let composer = MessageComposer(project: project, engine: TemplateEngine(), signers: signers) { _ in file }
  let unsigned = MessageComposer(project: project, engine: TemplateEngine()) { _ in file }
  let signed = try composer.compose(send, date: Make.date)
  #expect(signed.bytes.count > 9999)
  #expect(signed.bytes.suffix(try unsigned.compose(send, date: Make.date).bytes.count).first == UInt8(ascii: "D"))
  let verifier = try Signing().verifier
  #expect(verifier.verify(signed.bytes) == [.pass, .pass])
  #expect(Raw(signed)["DKIM-Signature"]?.contains("t=\(Make.date.seconds);") == true)
  let later = try composer.compose(send, date: Make.date + .minutes(1))
  #expect(Raw(later)["DKIM-Signature"]?.contains("t=\(Make.date.seconds + 60);") == true)
  #expect(verifier.verify(later.bytes) == [.pass, .pass])
}

@Test func aMailboxWithOneBadKeyOfTwoHasNoSigner() throws {
  var mailbox = try Make.mailbox()
  let place = Place("data/mailboxes.yaml", line: 7, column: 50)
  mailbox.dkim = [
    .init(domain: "example.com", selector: "e1", keyFile: "e.key"),
    .init(domain: "example.com", selector: "r1", keyFile: "old.pem", place: place),
    .init(domain: "example.com", selector: "r2", keyFile: "gone.pem", place: place),
  ]
  let (signers, findings) = DKIMSigners.load([mailbox]) { path in
    switch path {
    case "e.key": return Array(Published.seed.utf8)
    case "old.pem": return Array(Published.rsaPEM.utf8)
    default: throw Make.NoSuchFile()
    }
  }
  #expect(signers["anna"] == nil)
  #expect(
    findings.map(\.description) == [
      "data/mailboxes.yaml:7:50: error: 'key_file': old.pem holds an RSA key of 1024 bits, which receivers do not trust; "
        + "it must have 2048 at least: make a new one with nightmail dkim keygen, under another selector",
      "data/mailboxes.yaml:7:50: error: 'key_file': gone.pem cannot be read: NoSuchFile()",
    ])
}
