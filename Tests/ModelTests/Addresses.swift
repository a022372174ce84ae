import Model
import TestSupport
import Testing

@Test(arguments: [
  ("Ada@Example.COM", "ada@example.com", "Ada@example.com"),
  ("  ada@example.com\t", "ada@example.com", "ada@example.com"),
  ("ada@bücher.de", "ada@xn--bcher-kva.de", "ada@xn--bcher-kva.de"),
  ("ada@BÜCHER.DE", "ada@xn--bcher-kva.de", "ada@xn--bcher-kva.de"),
  ("Jo\u{0308}rg@example.com", "j\u{00F6}rg@example.com", "J\u{00F6}rg@example.com"),
  ("o'brien+x@a-b.example", "o'brien+x@a-b.example", "o'brien+x@a-b.example"),
])
func anAddressHasOneCanonicalSpellingAndKeepsItsLocalPart(
  _ text: String, _ canonical: String, _ envelope: String
) throws {
  let address = try #require(EmailAddress(text))
  #expect(Array(address.canonical.utf8) == Array(canonical.utf8))
  #expect(Array(address.envelope.utf8) == Array(envelope.utf8))
  #expect(EmailAddress(address.canonical)?.canonical == address.canonical)
}

@Test(arguments: [
  "", "@", "ada", "ada@", "@example.com", "ada@localhost", "a da@example.com", "ada@exa mple.com", ".ada@example.com",
  "ada.@example.com", "a..da@example.com", "a@b@example.com", "ada@-a.com", "ada@a-.com", "ada@a..com", "ada@.com",
  "ada@a.com.", "\"a b\"@example.com", "<ada@example.com>", "ada@example.com\r\nRCPT TO:<x@y.zz>", "ada@[127.0.0.1]",
  "ada\u{00A0}b@example.com", "ada\u{2028}b@example.com", "ada\u{0085}b@example.com", "ada\u{FFFD}@example.com",
  "ada\u{202E}b@example.com", "ada@exa_mple.com",
])
func whatSMTPCannotCarryIsNoAddress(_ text: String) { #expect(EmailAddress(text) == nil) }

@Test func addressesEndAtTheLengthsOfRFC5321() {
  let local = String(repeating: "a", count: 64)
  #expect(EmailAddress(local + "@example.com") != nil)
  #expect(EmailAddress(local + "a@example.com") == nil)
  let label = String(repeating: "b", count: 63)
  #expect(EmailAddress("a@\(label).com") != nil)
  #expect(EmailAddress("a@\(label)b.com") == nil)
  #expect(EmailAddress("\(local)@\(label).\(label).\(label).com") == nil)
}

@Test func anyTextIsAnAddressOrNoneAndAnAddressStaysItself() {
  let seed: UInt64 = 7
  var random = Dice(seed)
  let parts = [
    "a", "Z", "@", "@", ".", "ü", "İ", "ß", "xn--", "-", " ", "\u{0301}", "☃", "9", "\u{200D}", "\\", "\"", "中", "com",
    "a@b.", "é@é.",
  ]
  var found = 0
  for _ in 0..<20_000 {
    let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in
      parts[Int.random(in: 0..<parts.count, using: &random)]
    }.joined()
    guard let address = EmailAddress(text) else { continue }
    found += 1
    #expect(EmailAddress(address.canonical)?.canonical == address.canonical, "\(text), seed \(seed)")
    #expect(EmailAddress(address.envelope)?.envelope == address.envelope, "\(text), seed \(seed)")
  }
  #expect(found > 100)
}

@Test(arguments: [("+49 151 123-456 78", "+4915112345678"), ("+1 (202) 555.0100", "+12025550100")])
func phoneNumbersAreE164(_ text: String, _ e164: String) { #expect(PhoneNumber(text)?.e164 == e164) }

@Test(arguments: [
  "0151 12345678", "0049151123", "+0151123456", "+1234567", "+1234567890123456", "+49x5112345678", "", "+",
])
func whatIsNoE164NumberIsRefused(_ text: String) { #expect(PhoneNumber(text) == nil) }

@Test func namesAndAddressesAreReadAsAFromLineHasThem() throws {
  #expect(try #require(NamedAddress("\"Schmidt, Anna\" <anna@example.com>")).name == "Schmidt, Anna")
  #expect(try #require(NamedAddress("Anna <anna@example.com>")).address.envelope == "anna@example.com")
  #expect(try #require(NamedAddress("anna@example.com")).name == nil)
  #expect(NamedAddress("Anna <anna@example.com>\r\nBcc: x@example.com") == nil)
  #expect(NamedAddress("Anna <anna>") == nil)
}

@Test func sendIDsAreTheDigestThatTheDesignSays() {
  // Made with Python's hashlib and struct.pack(">I", …).
  #expect(
    SendID(campaign: "welcome", step: "intro", contact: "ada@example.com", channel: .email, key: "").text
      == "2488de121bbb158770d481bcbcfe5b1a")
  #expect(
    SendID(campaign: "codes", step: "code", contact: "+4915112345678", channel: .sms, key: "Zürich-7").text
      == "40728a4371a16e873c58f195c813aeba")
  // Lengths keep neighbours apart.
  #expect(
    SendID(campaign: "ab", step: "c", contact: "x", channel: .email, key: "")
      != SendID(campaign: "a", step: "bc", contact: "x", channel: .email, key: ""))
  #expect(SendID("ABCDEF0123456789abcdef0123456789") == nil)
  #expect(SendID("abc") == nil)
}
