import CryptoExtras
import Foundation
import Testing

@testable import Messages

private func read(_ text: String) throws(DKIMProblem) -> DKIMKey { try DKIMKey(Array(text.utf8)) }

@Test func ed25519KeysAreReadAsTheyCome() throws {
  let p = "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
  let pem = """
    -----BEGIN PRIVATE KEY-----
    MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
    -----END PRIVATE KEY-----

    """
  for text in [
    Published.seed, "\n\(Published.seed)\r\n", pem, pem.replacing("\n", with: "\r\n"), "a comment\n\n" + pem,
  ] {
    #expect(try read(text).record.hasSuffix(p))
  }
  #expect(try read(Published.seed).pem == pem)
}

/// RFC 8410 §10.3: with attributes and the public key behind it.
@Test func anEd25519KeyMayHaveItsPublicKeyWithIt() throws {
  let key = try read(
    """
    -----BEGIN PRIVATE KEY-----
    MHICAQEwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC
    oB8wHQYKKoZIhvcNAQkJFDEPDA1DdXJkbGUgQ2hhaXJzgSEAGb9ECWmEzf6FQbrB
    Z9w7lshQhqowtrbLDFw4rXAxZuE=
    -----END PRIVATE KEY-----
    """)
  #expect(key.record == "v=DKIM1; k=ed25519; p=Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=")
}

@Test func rsaKeysAreReadInBothContainers() throws {
  let key = try _RSA.Signing.PrivateKey(pemRepresentation: SigningKeys.rsa)
  let (old, new) = (key.pemRepresentation, key.pkcs8PEMRepresentation)
  #expect(old.hasPrefix("-----BEGIN RSA PRIVATE KEY-----") && new.hasPrefix("-----BEGIN PRIVATE KEY-----"))
  let record = "v=DKIM1; k=rsa; p=\(key.publicKey.derRepresentation.base64EncodedString())"
  #expect(try read(old).record == record)
  #expect(try read(new).record == record)
  #expect(try read(read(old).pem).record == record)
}

@Test func recordsAreSplitIntoStringsOf255OctetsAtMost() throws {
  let key = try read(SigningKeys.rsa)
  #expect(key.recordStrings.map(\.utf8.count) == [255, key.record.utf8.count - 255])
  #expect(key.recordStrings.joined() == key.record)
  #expect(try read(Published.seed).recordStrings.count == 1)
  #expect(DKIMKey.recordName(selector: "s1", domain: "example.com") == "s1._domainkey.example.com")
}

private func pem(_ label: String, _ base64: String, header: String = "") -> String {
  "-----BEGIN \(label)-----\n\(header)\(base64)\n-----END \(label)-----\n"
}

@Test func whatIsNoUsableKeyIsRefusedForItsOwnReason() throws {
  let cases: [(String, DKIMProblem)] = [
    (Published.rsaPEM, .tooShort(bits: 1024)),
    (pem("RSA PRIVATE KEY", "AAAA", header: "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n"), .encrypted),
    (pem("ENCRYPTED PRIVATE KEY", "AAAA"), .encrypted), (pem("PUBLIC KEY", "AAAA"), .publicKey),
    (pem("RSA PUBLIC KEY", "AAAA"), .publicKey), (pem("CERTIFICATE", "AAAA"), .publicKey),
    (pem("EC PARAMETERS", "AAAA") + pem("EC PRIVATE KEY", "AAAA"), .otherKind("EC PRIVATE KEY")),
    (pem("OPENSSH PRIVATE KEY", "AAAA"), .otherKind("OPENSSH PRIVATE KEY")),
    (pem("PRIVATE KEY", "AAAA"), .notAKey), (pem("RSA PRIVATE KEY", "MAA="), .notAKey),
    (pem("PRIVATE KEY", "MC4CAQAwBQYDK2VwBCIEIJ1h"), .notAKey), (pem("PRIVATE KEY", "not base64"), .notAKey),
    ("", .notAKey), ("v=DKIM1; k=rsa; p=AAAA", .notAKey), ("AAAA", .notAKey),
    ("-----BEGIN PRIVATE KEY-----\nMC4CAQ", .notAKey),
  ]
  for (text, problem) in cases {
    #expect(throws: problem, "\(text)") { try read(text) }
    #expect(!problem.description.contains("AAAA"))
  }
  #expect(throws: DKIMProblem.notAKey) { try DKIMKey([0xFF, 0xFE]) }
  for count in 0..<48 {
    #expect(throws: DKIMProblem.notAKey) {
      try read(pem("PRIVATE KEY", Data(repeating: 0x30, count: count).base64EncodedString()))
    }
  }
}

@Test func aKeyNeverPrintsItself() throws {
  let key = try read(Published.seed)
  var dumped = ""
  dump(key, to: &dumped)
  #expect("\(key)" == "<redacted>" && String(reflecting: key) == "<redacted>" && !dumped.contains("Curve"))
}

@Test func keysAreMadeThatCanBeReadAgain() throws {
  #expect(try read(DKIMKey.makeEd25519().pem).algorithm == "ed25519-sha256")
  #expect(DKIMKey.makeEd25519().record != DKIMKey.makeEd25519().record)
  #expect(throws: DKIMProblem.tooShort(bits: 1024)) { try DKIMKey.makeRSA(bits: 1024) }
}
