import Foundation
import Model
import Testing

@testable import Messages

private func length(_ text: String) -> SMSLength { SMSSegments.count(text) }

/// 3GPP TS 23.038 §6.2.1, from 0x00 on, the escape (0x1B) left out; and the extension table.
private let basic =
  "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
  + "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
private let extended = "\u{0C}^{}\\[~]|€"

@Test func theDefaultAlphabetAndItsExtensionAreKnownWhole() {
  // The two tables have 127 and 10 characters; CR and LF side by side would be one `Character`.
  #expect(basic.unicodeScalars.count == 127 && extended.unicodeScalars.count == 10)
  for scalar in basic.unicodeScalars { #expect(SMSAlphabet.width(scalar) == 1, "\(scalar)") }
  for scalar in extended.unicodeScalars { #expect(SMSAlphabet.width(scalar) == 2, "\(scalar)") }
  let known = Set((basic + extended).unicodeScalars)
  for value in UInt32(0)..<0x3000 {
    guard let scalar = Unicode.Scalar(value), !known.contains(scalar) else { continue }
    #expect(SMSAlphabet.width(scalar) == nil, "\(value)")
  }
  #expect(length(basic) == SMSLength(encoding: .gsm7, units: 127, segments: 1))
}

@Test(arguments: [
  (0, 0), (1, 1), (160, 1), (161, 2), (306, 2), (307, 3), (459, 3), (460, 4), (1530, 10), (1531, 11),
])
func plainTextsFill160AndThen153(_ count: Int, _ segments: Int) {
  #expect(length(String(repeating: "a", count: count)) == SMSLength(encoding: .gsm7, units: count, segments: segments))
}

@Test(arguments: [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (670, 10), (671, 11)])
func otherTextsFill70AndThen67(_ count: Int, _ segments: Int) {
  let text = String(repeating: "a", count: count - 1) + "ç"
  #expect(length(text) == SMSLength(encoding: .ucs2, units: count, segments: segments))
}

@Test func anEscapedCharacterIsNotSplit() {
  let a = { String(repeating: "a", count: $0) }
  #expect(length(a(158) + "€") == SMSLength(encoding: .gsm7, units: 160, segments: 1))
  #expect(length(a(159) + "€") == SMSLength(encoding: .gsm7, units: 161, segments: 2))
  // One unit is left in the first segment: 152, then 2 and 152 in the second, and the last has no room.
  #expect(length(a(152) + "€" + a(151)) == SMSLength(encoding: .gsm7, units: 305, segments: 2))
  #expect(length(a(152) + "€" + a(152)) == SMSLength(encoding: .gsm7, units: 306, segments: 3))
  #expect(length(a(151) + "€" + a(153)) == SMSLength(encoding: .gsm7, units: 306, segments: 2))
  #expect(length(String(repeating: "€", count: 80)).segments == 1)
  // 76 pairs and not 76.5 in each.
  #expect(length(String(repeating: "€", count: 152)).segments == 2)
  #expect(length(String(repeating: "€", count: 153)) == SMSLength(encoding: .gsm7, units: 306, segments: 3))
}

@Test func aSurrogatePairIsNotSplit() {
  let a = { String(repeating: "a", count: $0) }
  #expect(length("👋") == SMSLength(encoding: .ucs2, units: 2, segments: 1))
  #expect(length(a(68) + "👋") == SMSLength(encoding: .ucs2, units: 70, segments: 1))
  #expect(length(a(66) + "👋" + a(65)) == SMSLength(encoding: .ucs2, units: 133, segments: 2))
  #expect(length(a(66) + "👋" + a(66)) == SMSLength(encoding: .ucs2, units: 134, segments: 3))
  #expect(length(a(65) + "👋" + a(67)) == SMSLength(encoding: .ucs2, units: 134, segments: 2))
  #expect(length(String(repeating: "👋", count: 67)) == SMSLength(encoding: .ucs2, units: 134, segments: 3))
}

@Test(arguments: ["’", "ç", "`", "e\u{301}", "\u{A0}", "–", "\t", "日"])
func oneCharacterOutsideTheAlphabetMakesTheWholeTextUCS2(_ character: String) {
  #expect(length("Hello " + character).encoding == .ucs2)
}

@Test func aDraftIsAsLongAsTheMessageThatIsSent() throws {
  var mailbox = try Make.mailbox(vars: ["sign": "Anna [sales]"])
  mailbox.sender = .sms(try #require(PhoneNumber("+4930123456")))
  let unsubscribe = Campaign.Unsubscribe(url: Make.template("https://example.com/u/{{send_id}}?n={{name}}"))
  let text = "{{name}}: {{mailbox.sign}} {{mailbox.email}} {{send_id}} {{unsubscribe_url}}\n\n"
  let campaign = Make.campaign(text: text, unsubscribe: unsubscribe, channel: .sms)
  for name in ["Ada", "Ädä €", "日本 👋", String(repeating: "x", count: 400)] {
    let send = Make.send(to: "+4915112345678", subject: nil, vars: ["name": name], channel: .sms)
    let sent = try Make.composer(campaign, mailbox).compose(send, date: Make.date)
    let draft = SMSDraft(
      id: send.id, body: .template(Make.template(text)), mailbox: mailbox, unsubscribe: unsubscribe,
      values: ["name": name])
    #expect(TemplateEngine().length(of: draft) == length(String(decoding: sent.bytes, as: UTF8.self)))
    let literal = SMSDraft(
      id: send.id, body: .literal("{{name}} \(name)\r\n"), mailbox: mailbox, unsubscribe: nil, values: [:])
    #expect(TemplateEngine().length(of: literal) == length("{{name}} \(name)"))
  }
  let lacking = SMSDraft(
    id: Make.send().id, body: .template(Make.template(text)), mailbox: mailbox, unsubscribe: unsubscribe, values: [:])
  #expect(TemplateEngine().length(of: lacking) == nil)
}
