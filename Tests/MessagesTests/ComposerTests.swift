import Foundation
import Model
import Testing

@testable import Messages

private func compose(
  _ send: PlannedSend, campaign: Campaign = Make.campaign(.transactional, text: "Hi\n"), mailbox: Mailbox? = nil,
  files: [String: [UInt8]] = [:]
) throws -> ComposedMessage {
  try Make.composer(campaign, mailbox ?? Make.mailbox(), files: files).compose(send, date: Make.date)
}

@Test func aPlainMessageHasExactlyTheseBytes() throws {
  let campaign = Make.campaign(text: "Hi {{name}},\n{{mailbox.name}}\n")
  let send = Make.send(name: "Ada Lovelace", vars: ["name": "Ada"])
  let message = try compose(send, campaign: campaign, mailbox: Make.mailbox(replyTo: "team@example.com"))
  #expect(
    String(decoding: message.bytes, as: UTF8.self)
      == """
      Date: Fri, 20 Nov 2026 09:00:12 +0100
      From: Anna Schmidt <anna@example.com>
      Reply-To: team@example.com
      To: Ada Lovelace <ada@example.org>
      Subject: Hello Ada
      Message-ID: <\(send.id.text)@example.com>
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: 7bit

      Hi Ada,
      Anna Schmidt

      """.replacingOccurrences(of: "\n", with: "\r\n"))
  #expect(message.envelopeFrom == "anna@example.com")
  #expect(message.envelopeTo == "ada@example.org")
  #expect(message.messageID == "<\(send.id.text)@example.com>")
  #expect(!message.needsSMTPUTF8)
}

@Test func theSameSendGivesTheSameBytes() throws {
  let campaign = Make.campaign(text: "Hi {{name}}", html: "<p>{{name}}", attachments: ["a/ü.pdf", "b.txt"])
  let files = ["a/ü.pdf": [UInt8](0...255), "b.txt": Array("x".utf8)]
  let send = Make.send(vars: ["name": "Jörg"])
  let first = try compose(send, campaign: campaign, files: files)
  for _ in 0..<20 { #expect(try compose(send, campaign: campaign, files: files) == first) }
}

@Test func aReplyNamesTheThreadItBelongsTo() throws {
  let ids = (1...6).map { "<\(String(repeating: "\($0)", count: 32))@example.com>" }
  let thread = PlannedSend.Thread(references: ids + ["ses-id-without-brackets"], subject: "Hello")
  let raw = Raw(try compose(Make.send(subject: "Re: Hello", thread: thread)))
  #expect(raw["In-Reply-To"] == ids[5])
  #expect(raw.unfolded("References") == ids.joined(separator: " "))
  #expect(raw["References"]?.components(separatedBy: "\r\n").count == 6)
  #expect(raw["Subject"] == "Re: Hello")
}

@Test func aThreadWithoutAnyMessageIDGivesNoThreadingHeaders() throws {
  let thread = PlannedSend.Thread(references: ["<a b@x>", "<a@x>\r\nBcc: <b@x>", "<>", "<a@>b>"], subject: "x")
  let raw = Raw(try compose(Make.send(thread: thread)))
  #expect(raw["References"] == nil)
  #expect(raw["In-Reply-To"] == nil)
}

@Test func textAndHTMLAreAlternativesThePlainOneFirst() throws {
  let send = Make.send()
  let raw = Raw(try compose(send, campaign: Make.campaign(.transactional, text: "Hi\n", html: "<p>Hi</p>\n")))
  let boundary = "=_\(send.id.text)_alternative"
  #expect(raw["Content-Type"] == "multipart/alternative;\r\n boundary=\"\(boundary)\"")
  let parts = raw.body.components(separatedBy: "--\(boundary)")
  #expect(parts.count == 4)
  #expect(parts[0] == "")
  #expect(parts[1].hasPrefix("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
  #expect(parts[1].hasSuffix("\r\n\r\nHi\r\n\r\n"))
  #expect(parts[2].hasPrefix("\r\nContent-Type: text/html; charset=utf-8\r\n"))
  #expect(parts[3] == "--\r\n")
}

@Test func aBoundaryThatStandsInTheTextIsNotUsed() throws {
  let send = Make.send()
  let taken = "=_\(send.id.text)_alternative"
  let campaign = Make.campaign(.transactional, text: "--\(taken)\n--\(taken)_1--\n", html: "x")
  let raw = Raw(try compose(send, campaign: campaign))
  #expect(raw["Content-Type"]?.contains("boundary=\"\(taken)_2\"") == true)
}

@Test func aMessageRowsOwnTextTakesTheTemplatesPlaceAndIsNoTemplate() throws {
  let campaign = Make.campaign(.transactional, text: "template {{name}}", html: "<b>{{name}}</b>")
  let raw = Raw(try compose(Make.send(text: "literal {{name}} <b>"), campaign: campaign))
  #expect(raw["Content-Type"] == "text/plain; charset=utf-8")
  #expect(raw.body == "literal {{name}} <b>\r\n")
}

@Test func bulkMailCanBeUnsubscribedFromByOneClick() throws {
  let unsubscribe = Campaign.Unsubscribe(
    mailto: Make.template("leave+{{send_id}}@example.com?subject=Leave {{email}}"),
    url: Make.template("https://example.com/u?id={{send_id}}&who={{email}}\n"))
  let text = "Leave: {{unsubscribe_url}}"
  let send = Make.send(vars: ["email": "a&b=c@exämple.org\r\nBcc: x"])
  let raw = Raw(try compose(send, campaign: Make.campaign(text: text, html: text, unsubscribe: unsubscribe)))
  let who = "a%26b%3Dc%40ex%C3%A4mple.org%0D%0ABcc%3A%20x"
  let url = "https://example.com/u?id=\(send.id.text)&who=\(who)"
  #expect(
    raw.unfolded("List-Unsubscribe")
      == "<\(url)>, <mailto:leave+\(send.id.text)@example.com?subject=Leave%20\(who)>")
  #expect(raw["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click")
  #expect(raw["Bcc"] == nil)
  #expect(
    raw.body.replacingOccurrences(of: "=\r\n", with: "").contains(
      "Leave: " + url.replacingOccurrences(of: "=", with: "=3D"))
      || raw.body.contains("Leave: " + url))
  #expect(raw.body.contains("&amp;who="))
  let transactional = Make.campaign(.transactional, text: text, unsubscribe: unsubscribe)
  #expect(Raw(try compose(send, campaign: transactional))["List-Unsubscribe"] == nil)
}

@Test func oneClickIsOnlyOfferedOverHTTPS() throws {
  for unsubscribe in [
    Campaign.Unsubscribe(mailto: Make.template("mailto:leave@example.com")),
    Campaign.Unsubscribe(url: Make.template("http://example.com/u")),
  ] {
    let raw = Raw(try compose(Make.send(), campaign: Make.campaign(text: "x", unsubscribe: unsubscribe)))
    #expect(raw["List-Unsubscribe"] != nil)
    #expect(raw["List-Unsubscribe-Post"] == nil)
  }
}

@Test func anUnsubscribeThatIsNoAddressStopsTheMessage() throws {
  let unsubscribe = Campaign.Unsubscribe(mailto: Make.template("leave+{{email}}@example.com"))
  let campaign = Make.campaign(text: "x", unsubscribe: unsubscribe)
  #expect(throws: RenderProblem.invalidUnsubscribe("leave+a%40b@example.com")) {
    try compose(Make.send(vars: ["email": "a@b"]), campaign: campaign)
  }
}

@Test func attachmentsStandBesideTheText() throws {
  let campaign = Make.campaign(
    .transactional, text: "Hi", html: "<p>", attachments: ["files/Preise 2026.pdf", "übersicht.csv"])
  let files = ["files/Preise 2026.pdf": [UInt8](repeating: 7, count: 300), "übersicht.csv": Array("ä;b\n".utf8)]
  let raw = Raw(try compose(Make.send(), campaign: campaign, files: files))
  #expect(raw["Content-Type"]?.hasPrefix("multipart/mixed;") == true)
  #expect(
    raw.body.contains(
      "Content-Type: application/pdf\r\nContent-Disposition: attachment;\r\n filename=\"Preise 2026.pdf\"\r\n"))
  #expect(raw.body.contains("Content-Type: text/csv; charset=utf-8\r\n"))
  #expect(raw.body.contains(";\r\n filename*=utf-8''%C3%BCbersicht.csv;\r\n filename=\"_bersicht.csv\"\r\n"))
  #expect(raw.body.contains("BwcH"))
}

@Test func anAttachmentThatCannotBeReadStopsTheMessage() {
  #expect(throws: RenderProblem.attachment(path: "a.pdf", reason: "NoSuchFile()")) {
    try compose(Make.send(), campaign: Make.campaign(text: "x", attachments: ["a.pdf"]))
  }
}

@Test func aMailboxVarThatTheMailboxDoesNotHaveIsMissing() throws {
  let campaign = Make.campaign(.transactional, text: "{{mailbox.signature}}")
  // The plan's own idea of it does not count.
  let send = Make.send(vars: ["mailbox.signature": "from the plan"])
  #expect(throws: RenderProblem.missingVariables(["mailbox.signature"])) { try compose(send, campaign: campaign) }
  let message = try compose(send, campaign: campaign, mailbox: Make.mailbox(vars: ["signature": "Best, Anna"]))
  #expect(Raw(message).body == "Best, Anna\r\n")
}

@Test func builtinNamesCannotBeTakenOverByData() throws {
  let campaign = Make.campaign(.transactional, text: "{{send_id}}")
  let send = Make.send(vars: ["send_id": "forged", "unsubscribe_url": "https://evil.example"])
  #expect(Raw(try compose(send, campaign: campaign)).body == send.id.text + "\r\n")
  #expect(throws: RenderProblem.missingVariables(["unsubscribe_url"])) {
    try compose(send, campaign: Make.campaign(.transactional, text: "{{unsubscribe_url}}"))
  }
}

@Test func anAddressOutsideASCIINeedsSMTPUTF8AndADomainDoesNot() throws {
  #expect(try compose(Make.send(to: "jörg@example.org")).needsSMTPUTF8)
  let message = try compose(Make.send(to: "ada@bücher.example"))
  #expect(!message.needsSMTPUTF8)
  #expect(message.envelopeTo == "ada@xn--bcher-kva.example")
  #expect(Raw(message)["To"] == "ada@xn--bcher-kva.example")
}

@Test(arguments: [
  "", "ada", "ada@example.org\r\nRCPT TO:<x@y.z>", "a@b@c.de", "a\u{2028}b@example.org", "a\u{A0}b@example.org",
])
func aRecipientThatIsNoAddressStopsTheMessage(_ to: String) {
  #expect(throws: RenderProblem.invalidRecipient(to)) { try compose(Make.send(to: to)) }
}

@Test func anEmptyMessageIsNotMade() throws {
  #expect(throws: RenderProblem.noContent) { try compose(Make.send(), campaign: Make.campaign(text: nil)) }
  #expect(throws: RenderProblem.noContent) {
    try compose(Make.send(), campaign: Make.campaign(text: "{{#a}}x{{/a}}\n \n", html: "\n"))
  }
  let attachment = Make.campaign(.transactional, attachments: ["a.pdf"])
  #expect(try Raw(compose(Make.send(), campaign: attachment, files: ["a.pdf": [1]])).body.contains("application/pdf"))
}

@Test func whatTheProjectDoesNotHaveIsSaid() throws {
  var send = Make.send()
  send.campaign = "gone"
  #expect(throws: RenderProblem.notInProject(what: "campaign", name: "gone")) { try compose(send) }
  send = Make.send()
  send.step = "gone"
  #expect(throws: RenderProblem.notInProject(what: "step", name: "c/gone")) { try compose(send) }
  send = Make.send()
  send.variant = "b"
  #expect(throws: RenderProblem.notInProject(what: "variant", name: "c/s/b")) { try compose(send) }
  #expect(throws: RenderProblem.notInProject(what: "mailbox", name: "bob")) { try compose(Make.send(mailbox: "bob")) }
  #expect(throws: RenderProblem.wrongChannel(mailbox: "anna", .sms)) {
    try compose(Make.send(to: "+4915112345678", channel: .sms))
  }
}

@Test func anSMSIsItsTextAlone() throws {
  let phone = try #require(PhoneNumber("+4930123456"))
  var mailbox = try Make.mailbox()
  mailbox.sender = .sms(phone)
  let campaign = Make.campaign(
    .transactional, text: "Ihr Code: {{code}} für {{mailbox.name}}\n", html: "{{never}}", channel: .sms)
  let send = Make.send(to: "+49 151 12345678", subject: nil, vars: ["code": "<7>"], channel: .sms)
  let message = try compose(send, campaign: campaign, mailbox: mailbox)
  #expect(String(decoding: message.bytes, as: UTF8.self) == "Ihr Code: <7> für +4930123456")
  #expect(message.envelopeFrom == "+4930123456")
  #expect(message.envelopeTo == "+4915112345678")
  #expect(message.messageID == "<\(send.id.text)@sms.invalid>")
}
