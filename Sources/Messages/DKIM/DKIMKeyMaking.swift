import Crypto
import CryptoExtras
import Foundation

extension DKIMKey {
  /// A new Ed25519 key.
  public static func makeEd25519() -> DKIMKey { DKIMKey(.ed25519(Curve25519.Signing.PrivateKey())) }

  /// A new RSA key.
  /// - Parameter bits: 2048...4096, a multiple of 8; receivers need not take longer ones (RFC 8301 §3.2).
  /// - Throws: `tooShort`, or `signing` where the library makes none.
  public static func makeRSA(bits: Int) throws(DKIMProblem) -> DKIMKey {
    guard bits >= leastRSABits else { throw .tooShort(bits: bits) }
    do {
      return DKIMKey(.rsa(try _RSA.Signing.PrivateKey(keySize: _RSA.Signing.KeySize(bitCount: bits))))
    } catch {
      throw .signing("no key of \(bits) bits could be made: \(error)")
    }
  }

  /// The private key as a PEM file in PKCS#8. Whoever has it signs in the domain's name.
  public var pem: String {
    switch kind {
    case .rsa(let key): PEMBlock.encode("PRIVATE KEY", Array(key.pkcs8DERRepresentation))
    case .ed25519(let key):
      PEMBlock.encode("PRIVATE KEY", PKCS8.encode(ed25519Seed: Array(key.rawRepresentation)))
    }
  }

  /// The text of the TXT record that publishes the public key (RFC 6376 §3.6.1; RFC 8463 §4.2 has Ed25519 keys without
  /// their container).
  public var record: String {
    switch kind {
    case .rsa(let key): "v=DKIM1; k=rsa; p=\(key.publicKey.derRepresentation.base64EncodedString())"
    case .ed25519(let key): "v=DKIM1; k=ed25519; p=\(key.publicKey.rawRepresentation.base64EncodedString())"
    }
  }

  /// The record in the strings that a zone file has it in: at most 255 octets each (RFC 1035 §3.3.14), which readers put
  /// together without anything between them (RFC 6376 §3.6.2.2).
  public var recordStrings: [String] {
    let text = Array(record)
    return stride(from: 0, to: text.count, by: 255).map { String(text[$0..<min($0 + 255, text.count)]) }
  }

  /// Where the record stands (RFC 6376 §3.6.2.1).
  public static func recordName(selector: String, domain: String) -> String { "\(selector)._domainkey.\(domain)" }
}
