import Foundation

/// One block of a PEM file (RFC 7468 §2), older ones with headers of their own included (RFC 1421 §4.6).
struct PEMBlock {
  /// Between `BEGIN` and the dashes.
  var label: String
  var der: [UInt8]
  /// By a `Proc-Type` of its own.
  var isEncrypted: Bool

  /// Every block that ends and is base64; what stands between them is passed over.
  static func all(in text: String) -> [PEMBlock] {
    var blocks: [PEMBlock] = []
    var label: String?
    var base64 = ""
    var isEncrypted = false
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") {
        (label, base64, isEncrypted) = (String(line.dropFirst(11).dropLast(5)), "", false)
      } else if line.hasPrefix("-----END ") {
        if let label, let der = Data(base64Encoded: base64) {
          blocks.append(PEMBlock(label: label, der: Array(der), isEncrypted: isEncrypted))
        }
        label = nil
      } else if line.contains(":") {
        if line.hasPrefix("Proc-Type:"), line.hasSuffix("ENCRYPTED") { isEncrypted = true }
      } else {
        base64 += line
      }
    }
    return blocks
  }

  /// In lines of 64 characters (RFC 7468 §2).
  static func encode(_ label: String, _ der: [UInt8]) -> String {
    let base64 = Array(Data(der).base64EncodedString())
    let lines = stride(from: 0, to: base64.count, by: 64).map { String(base64[$0..<min($0 + 64, base64.count)]) }
    return (["-----BEGIN \(label)-----"] + lines + ["-----END \(label)-----", ""]).joined(separator: "\n")
  }
}

/// The container of Ed25519 keys in files (RFC 8410 §7, RFC 5958 §2), which the crypto library reads for RSA alone.
enum PKCS8 {
  /// `AlgorithmIdentifier` of Ed25519 (RFC 8410 §3).
  private static let ed25519: [UInt8] = [0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70]
  /// An octet string of 34 in which there is one of 32, the key (RFC 8410 §7).
  private static let keyHeader: [UInt8] = [0x04, 0x22, 0x04, 0x20]

  /// The 32 octets of an Ed25519 key; nil if this is none. What may follow the key, attributes and the public key, is not
  /// needed.
  static func ed25519Seed(_ der: [UInt8]) -> [UInt8]? {
    guard der.count >= 2, der[0] == 0x30 else { return nil }
    // Keys with attributes can be longer than a length of one octet says.
    var at = der[1] < 0x80 ? 2 : 2 + Int(der[1] & 0x7F)
    guard der.count > at + 3, der[at] == 0x02, der[at + 1] == 0x01, der[at + 2] <= 1 else { return nil }
    at += 3
    for part in [ed25519, keyHeader] {
      guard der[at...].starts(with: part) else { return nil }
      at += part.count
    }
    guard der.count >= at + 32 else { return nil }
    return Array(der[at..<(at + 32)])
  }

  static func encode(ed25519Seed seed: [UInt8]) -> [UInt8] {
    let content = [0x02, 0x01, 0x00] + ed25519 + keyHeader + seed
    return [0x30, UInt8(content.count)] + content
  }
}
