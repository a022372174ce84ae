import Foundation
import TestSupport
import Testing

@testable import Messages

private func encoded(_ text: String) -> (BodyEncoding, String) {
  let (encoding, bytes) = BodyEncoding.encode(text: text)
  return (encoding, String(decoding: bytes, as: UTF8.self))
}

/// RFC 2045 §6.7, read the other way.
private func unquoted(_ text: String) -> [UInt8] {
  let bytes = Array(text.utf8)
  var out: [UInt8] = []
  var i = 0
  while i < bytes.count {
    guard bytes[i] == 0x3D, i + 2 < bytes.count else {
      out.append(bytes[i])
      i += 1
      continue
    }
    if bytes[i + 1] != 0x0D, let byte = UInt8(String(decoding: bytes[(i + 1)...(i + 2)], as: UTF8.self), radix: 16) {
      out.append(byte)
    }
    i += 3
  }
  return out
}

@Test(arguments: [
  ("a\nb", "a\r\nb\r\n"), ("a\r\nb\r\n", "a\r\nb\r\n"), ("a\rb", "a\r\nb\r\n"), ("a\n\r\n\rb\n", "a\r\n\r\n\r\nb\r\n"),
  ("", "\r\n"),
])
func everyLineEndsInCRLF(_ text: String, _ body: String) {
  #expect(encoded(text) == (.sevenBit, body))
}

@Test func plainASCIIGoesAsItIsUpTo998OctetsALine() {
  #expect(encoded(String(repeating: "x", count: 998)).0 == .sevenBit)
  #expect(encoded(String(repeating: "x", count: 999)).0 == .quotedPrintable)
}

@Test(arguments: [
  ("From here on\n", "=46rom here on\r\n"), ("x \n", "x=20\r\n"), ("x\t\n", "x=09\r\n"),
  ("a=b é\n", "a=3Db =C3=A9\r\n"),
  ("é and a few words more\n.\n..x\n", "=C3=A9 and a few words more\r\n=2E\r\n=2E.x\r\n"), ("a\u{0}b", "a=00b\r\n"),
  ("-- \nAnna", "--=20\r\nAnna\r\n"),
])
func whatARelayCouldChangeIsQuoted(_ text: String, _ body: String) {
  #expect(encoded(text) == (.quotedPrintable, body))
}

@Test func theShorterOfQuotedPrintableAndBase64IsTaken() {
  #expect(encoded("Grüße aus Köln, wo es heute regnet").0 == .quotedPrintable)
  let (encoding, body) = encoded(String(repeating: "日本語", count: 50))
  #expect(encoding == .base64)
  #expect(body.components(separatedBy: "\r\n").dropLast().allSatisfy { $0.utf8.count <= 76 })
}

@Test(arguments: [
  String(repeating: "x", count: 75), String(repeating: "x", count: 76), String(repeating: "x", count: 77),
  String(repeating: "x", count: 74) + "é", String(repeating: "x", count: 73) + "é",
  String(repeating: "x", count: 75) + " ",
  String(repeating: ".", count: 200), String(repeating: "x", count: 75) + "From here",
])
func noQuotedPrintableLineIsOver76CharactersAndNothingIsLost(_ text: String) {
  let source = BodyEncoding.normalised(text + "\né\n").lines
  let body = String(decoding: QuotedPrintable.encode(source), as: UTF8.self)
  for line in body.components(separatedBy: "\r\n") {
    #expect(line.utf8.count <= 76)
    #expect(!line.hasPrefix(".") && !line.hasPrefix("From ") && line.last != " " && line.last != "\t")
  }
  #expect(unquoted(body) == source)
}

@Test func quotedPrintableComesBackAsItWas() {
  let seed: UInt64 = 20_261_120
  var random = Dice(seed)
  let bits: [String] = ["é", "=", " ", "\t", "\n", "\r\n", ".", "From ", "日", "x", "yyyyyyyyyyyyyyyyyyyy", "\u{0}"]
  for _ in 0..<500 {
    var text = ""
    for _ in 0..<Int.random(in: 1...60, using: &random) { text += bits.randomElement(using: &random) ?? "" }
    let source = BodyEncoding.normalised(text).lines
    let body = String(decoding: QuotedPrintable.encode(source), as: UTF8.self)
    #expect(unquoted(body) == source, "seed \(seed): \(text.debugDescription)")
    #expect(body.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 76 }, "seed \(seed)")
  }
}

@Test(arguments: 0...200)
func base64IsFoundations(_ count: Int) {
  let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
  var out: [UInt8] = []
  Base64.append(bytes, to: &out)
  #expect(String(decoding: out, as: UTF8.self) == Data(bytes).base64EncodedString())
}
