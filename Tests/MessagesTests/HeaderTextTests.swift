import Foundation
import Model
import Testing

@testable import Messages

private func subject(_ text: String) -> String {
  String(decoding: HeaderText.unstructured(text, column: 9), as: UTF8.self)
}
private func phrase(_ text: String) -> String { String(decoding: HeaderText.phrase(text, column: 6), as: UTF8.self) }

/// Decodes encoded-words by RFC 2047 §6.2, white space between two of them dropped.
private func decoded(_ header: String) throws -> String {
  var bytes: [UInt8] = []
  for word in header.components(separatedBy: "\r\n ") {
    try #require(word.hasPrefix("=?utf-8?") && word.hasSuffix("?="), "\(word)")
    let content = word.dropFirst(10).dropLast(2)
    let chunk: [UInt8]
    if word.dropFirst(8).first == "B" {
      chunk = Array(try #require(Data(base64Encoded: String(content))))
    } else {
      let percent = content.replacingOccurrences(of: "_", with: " ").replacingOccurrences(of: "=", with: "%")
      chunk = Array(try #require(percent.removingPercentEncoding).utf8)
    }
    // §5: each word holds whole characters.
    _ = try #require(String(validating: chunk, as: UTF8.self))
    bytes += chunk
  }
  return String(decoding: bytes, as: UTF8.self)
}

@Test func anASCIISubjectStandsAsItIs() {
  #expect(subject("Hello Ada, 50% off: \"now\"") == "Hello Ada, 50% off: \"now\"")
}

@Test(arguments: [
  ("a\r\nBcc: x@y.z", "a Bcc: x@y.z"), ("a\u{0}b", "a b"), ("\r\n a \n", "a"), ("a\tb\u{7F}c", "a b c"),
  ("a\r\n\r\nbody", "a body"), ("a\u{2028}b\u{85}c", "a b c"), ("\n\n", ""),
])
func controlsInAHeadersValueBecomeASpace(_ input: String, _ output: String) {
  #expect(HeaderText.clean(input) == output)
}

@Test(arguments: [
  // The shorter of Q and B: few accents against none but.
  ("Neues aus der Stadt Köln", "=?utf-8?Q?Neues_aus_der_Stadt_K=C3=B6ln?="),
  ("Grüße aus Köln", "=?utf-8?B?R3LDvMOfZSBhdXMgS8O2bG4=?="),
  ("日本語", "=?utf-8?B?5pel5pys6Kqe?="),
  ("👋", "=?utf-8?B?8J+Riw==?="),
  // What looks like an encoded-word must not become one at the reader's.
  ("=?utf-8?Q?x?=", "=?utf-8?B?PT91dGYtOD9RP3g/PQ==?="),
])
func aSubjectOutsideASCIIIsAnEncodedWord(_ text: String, _ header: String) throws {
  #expect(subject(text) == header)
  #expect(try decoded(header) == text)
}

@Test func aLongSubjectFoldsAtItsSpaces() {
  let text = (1...30).map { "word\($0)" }.joined(separator: " ")
  let lines = ("Subject: " + subject(text)).components(separatedBy: "\r\n")
  #expect(lines.count == 3)
  #expect(lines.allSatisfy { $0.utf8.count <= 78 })
  #expect(lines.dropFirst().allSatisfy { $0.hasPrefix(" word") })
  #expect(lines.joined() == "Subject: " + text)
}

@Test(arguments: [
  String(repeating: "ü", count: 300), String(repeating: "日本", count: 200), String(repeating: "👩‍👩‍👧 x", count: 80),
  String(repeating: "a", count: 2000), "a" + String(repeating: " ", count: 1500) + "b",
])
func aLongSubjectKeepsToTheLimitsOfLinesAndWords(_ text: String) throws {
  let header = subject(text)
  let lines = ("Subject: " + header).components(separatedBy: "\r\n")
  #expect(lines.count > 3)
  #expect(lines.allSatisfy { $0.utf8.count <= 76 })
  #expect(header.components(separatedBy: "\r\n ").allSatisfy { $0.utf8.count <= 75 })
  #expect(try decoded(header) == text)
}

@Test(arguments: [
  ("Anna Schmidt", "Anna Schmidt"), ("Schmidt, Anna", "\"Schmidt, Anna\""),
  ("A. \"Ann\" \\ S", "\"A. \\\"Ann\\\" \\\\ S\""),
  ("x@example.com", "\"x@example.com\""), ("a  b", "\"a  b\""), ("Jörg", "=?utf-8?B?SsO2cmc=?="),
  ("Jörg Maximilian", "=?utf-8?Q?J=C3=B6rg_Maximilian?="),
  ("Jörg <j@x.de>, \"x\"", "=?utf-8?B?SsO2cmcgPGpAeC5kZT4sICJ4Ig==?="),
])
func aNameBeforeAnAddressIsAPhrase(_ name: String, _ header: String) {
  #expect(phrase(name) == header)
}

@Test(arguments: [
  (1_795_161_612 as Int64, "Europe/Berlin", "Fri, 20 Nov 2026 09:00:12 +0100"),
  (1_795_161_612, "America/New_York", "Fri, 20 Nov 2026 03:00:12 -0500"),
  (1_795_161_612, "Asia/Kolkata", "Fri, 20 Nov 2026 13:30:12 +0530"),
  (1_795_161_612, "UTC", "Fri, 20 Nov 2026 08:00:12 +0000"),
  (1_782_864_000, "Pacific/Kiritimati", "Wed, 1 Jul 2026 14:00:00 +1400"),
  // The hour that autumn repeats is told by its offset.
  (1_792_888_200, "Europe/Berlin", "Sun, 25 Oct 2026 02:30:00 +0200"),
  (1_792_891_800, "Europe/Berlin", "Sun, 25 Oct 2026 02:30:00 +0100"),
  (-1, "UTC", "Wed, 31 Dec 1969 23:59:59 +0000"),
])
func aDateStandsOnTheMailboxesClock(_ seconds: Int64, _ zone: String, _ text: String) throws {
  #expect(MailDate.format(Instant(seconds: seconds), zone: try #require(Zone(zone))) == text)
}
