import Crypto
import Foundation
import Testing

@testable import Messages

private func body(_ text: String) -> String {
  String(decoding: RelaxedForm.body(Array(text.utf8)[...]), as: UTF8.self)
}

private func field(_ text: String) -> String { String(decoding: RelaxedForm.field(text.utf8), as: UTF8.self) }

/// RFC 6376 §3.4.5.
@Test func theStandardsExampleTakesItsRelaxedForm() {
  let message = SplitMessage(Array("A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n".utf8))
  #expect(message.fields.map(\.name) == ["a", "b"])
  #expect(message.fields.map { String(decoding: RelaxedForm.field($0.bytes), as: UTF8.self) } == ["a:X", "b:Y Z"])
  #expect(String(decoding: RelaxedForm.body(message.body), as: UTF8.self) == " C\r\nD E\r\n")
}

@Test func fieldsLoseTheirFoldsAndNothingElse() {
  #expect(field("SUBJECT: a  b\r\n\t c:d ") == "subject:a b c:d")
  #expect(field("Subject:") == "subject:")
  #expect(field("Subject: \t\r\n ") == "subject:")
  #expect(field("Subject::: a") == "subject::: a")
  #expect(field("From:\r\n Grüße  <a@b>") == "from:Grüße <a@b>")
}

@Test(arguments: [
  ("", ""), ("\r\n", ""), ("\r\n\r\n", ""), (" \t\r\n  \r\n", ""), ("a", "a\r\n"), ("a\r\n", "a\r\n"),
  ("a\r\n\r\n \r\n", "a\r\n"), ("\r\n\r\na", "\r\n\r\na\r\n"), ("a\r\n\r\nb \r\n", "a\r\n\r\nb\r\n"),
  ("  a\t\tb  c d\t\r\n", " a b c d\r\n"), ("\ta", " a\r\n"), ("a\rb\nc", "a\rb\nc\r\n"), ("a \r b", "a \r b\r\n"),
])
func aBodyTakesItsRelaxedForm(_ text: String, _ form: String) {
  #expect(body(text) == form)
  #expect(Verifier.relaxed(body: text) == form)
}

/// RFC 6376 §3.4.4: nothing at all, and not one empty line.
@Test func anEmptyBodyHasTheHashOfNothing() {
  let hash = Data(SHA256.hash(data: RelaxedForm.body(Array("\r\n \r\n".utf8)[...]))).base64EncodedString()
  #expect(hash == "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
}

/// RFC 8463, appendix A: who has its keys and its words has its signatures, and the verifier of these tests takes them.
@Test func thePublishedSignaturesAreMadeAgainBitByBit() throws {
  let keys = try Published.keys()
  let fields = [(Published.ed25519Field, keys.ed25519), (Published.rsaField, keys.rsa)]
  let message = Published.crlf(Published.message)
  let verifier = Verifier(records: Published.records)
  let all = Published.crlf(Published.ed25519Field + Published.rsaField) + message
  #expect(verifier.verify(all) == [.pass, .pass])

  let split = SplitMessage(message)
  let names = ["from", "to", "subject", "date", "message-id", "from", "subject", "date"]
  for (text, key) in fields {
    let tags = Verifier.tags(String(text.dropFirst("DKIM-Signature:".count)))
    #expect(tags["a"] == key.algorithm)
    #expect(Data(SHA256.hash(data: RelaxedForm.body(split.body))).base64EncodedString() == tags["bh"])
    let open = try #require(text.range(of: "\n b="))
    let unsigned = Published.crlf(String(text[..<open.upperBound]))
    let input = DKIMSigner.input(names, split.fields) + RelaxedForm.field(unsigned)
    #expect(Data(try key.signature(over: input)).base64EncodedString() == tags["b"])
  }
  #expect(keys.ed25519.record == Published.records["brisbane._domainkey.football.example.com"])
  #expect(keys.rsa.record == Published.records["test._domainkey.football.example.com"])
}

@Test func aSignatureUnderAnotherMessageIsNone() {
  let verifier = Verifier(records: Published.records)
  let signatures = Published.ed25519Field + Published.rsaField
  let subject = Published.message.replacing("dinner", with: "supper")
  #expect(verifier.verify(Published.crlf(signatures + subject)) == [.signature, .signature])
  let body = Published.message.replacing("lost", with: "won")
  #expect(verifier.verify(Published.crlf(signatures + body)) == [.bodyHash, .bodyHash])
}
