import Foundation
import Model
import TestSupport
import Testing

@testable import Messages

/// Whatever stands in the data, a message's header has the fields that were meant and no others.
@Test func noValueCreatesAHeaderField() throws {
  let seed: UInt64 = 0x4E49_4748_544D_4149
  var random = Dice(seed)
  let bits = [
    "\r\n", "\r", "\n", "\0", "\u{2028}", "\u{2029}", "\u{85}", "\u{B}", "\u{C}", "\t", " ", "Bcc: evil@example.net",
    "X-Evil: 1",
    "=?utf-8?Q?=0D=0ABcc:_x@y.z?=", "=?utf-8?B?", "?=", "\"", "\\", "<evil@example.net>", ",", ";", ":", "(", ")", "ü",
    "日", "👩‍👩‍👧",
    "\u{202E}", "\u{301}", "a", "word ", "\r\n\r\nbody", "\r\n ", "--", "%0d%0a", "{{x}}",
    String(repeating: "y", count: 90),
    "\u{7F}", "\u{1B}", "\u{FEFF}",
  ]
  func value() -> String {
    var text = ""
    for _ in 0..<Int.random(in: 0...14, using: &random) { text += bits.randomElement(using: &random) ?? "" }
    return text
  }
  let meant: Set<String> = [
    "Date", "From", "Reply-To", "To", "Subject", "Message-ID", "In-Reply-To", "References", "List-Unsubscribe",
    "List-Unsubscribe-Post", "MIME-Version", "Content-Type", "Content-Transfer-Encoding",
  ]
  let unsubscribe = Campaign.Unsubscribe(
    mailto: Make.template("leave@example.com?subject={{{v}}}"), url: Make.template("https://example.com/{{{v}}}/{{v}}"))
  let campaign = Make.campaign(text: "{{v}} {{#w}}{{w}}{{/w}}", attachments: ["a"], unsubscribe: unsubscribe)
  let engine = TemplateEngine()
  var composed = 0
  for round in 0..<5000 {
    var mailbox = try Make.mailbox()
    let from = try #require(EmailAddress("anna@example.com"))
    mailbox.sender = .email(NamedAddress(name: value(), address: from))
    mailbox.replyTo = NamedAddress(name: value(), address: from)
    mailbox.vars = ["v": value()]
    var campaign = campaign
    campaign.steps[0].attachments = round % 4 == 0 ? [value() + ".pdf"] : []
    let composer = MessageComposer(
      project: Project(campaigns: [campaign], mailboxes: [mailbox]), engine: engine, attachment: { _ in [1, 2, 3] })
    let send = Make.send(
      to: round % 10 == 0 ? value() : "ada@example.org", name: value(), subject: value(),
      vars: ["v": "v" + value(), "w": value()],
      thread: PlannedSend.Thread(references: [value(), "<" + value() + "@x>", "<a@x>"], subject: value()))
    let result = Result { () throws(RenderProblem) in try composer.compose(send, date: Make.date) }
    guard case .success(let message) = result else {
      // Refused: an address that is none, a link of over 900 characters.
      switch result {
      case .failure(.invalidRecipient), .failure(.invalidUnsubscribe): continue
      default: Issue.record("seed \(seed), round \(round): \(result)")
      }
      continue
    }
    composed += 1
    let raw = Raw(message)
    let names = raw.fields.map(\.name)
    #expect(Set(names).isSubset(of: meant), "seed \(seed), round \(round): \(names)")
    #expect(Set(names).count == names.count, "seed \(seed), round \(round): \(names)")
    #expect(
      Set(names).isSuperset(of: ["Date", "From", "To", "Message-ID", "MIME-Version"]), "seed \(seed), round \(round)")
    #expect(lineFaults(message.bytes) == [], "seed \(seed), round \(round)")
    let header = message.bytes.prefix(message.bytes.count - raw.body.utf8.count)
    #expect(header.allSatisfy { ($0 >= 0x20 && $0 < 0x7F) || $0 == 0x0D || $0 == 0x0A }, "seed \(seed), round \(round)")
    // A fold is never a line of white space alone (RFC 5322 §3.2.2).
    let blank = raw.fields.contains { field in
      field.value.components(separatedBy: "\r\n").dropFirst().contains { $0.allSatisfy { $0 == " " } }
    }
    #expect(!blank, "seed \(seed), round \(round)")
    if raw["Content-Type"]?.hasPrefix("multipart/mixed") == true {
      let fields = raw.body.components(separatedBy: "\r\n").filter { $0.hasPrefix("Content-") }
      #expect(fields.count == 5, "seed \(seed), round \(round): \(fields)")
    }
  }
  #expect(composed > 4000)
}
