import Foundation

/// An email address as SMTP carries it (RFC 5321 §4.1.2), and the one spelling by which Nightmail knows a person.
public struct EmailAddress: Hashable, Sendable {
  /// Trimmed, NFC, lower case, the domain as A-labels (RFC 5890): identity, suppressions and history use this.
  public let canonical: String
  /// Trimmed and NFC, the domain as A-labels in lower case, the local part as it was written: what the server is
  /// given, since a local part may be case-sensitive (RFC 5321 §2.4).
  public let envelope: String

  /// Nil if it is no address that SMTP could carry: no single `@`, white space or controls, quotes, empty parts, a
  /// local part over 64 octets or a whole over 254 (RFC 5321 §4.5.3.1), a domain that is no host name.
  public init?(_ text: some StringProtocol) {
    // The common case, pure ASCII, stays clear of Unicode work.
    let trimmed = text.utf8.allSatisfy({ $0 < 0x80 }) ? Self.trimASCII(text) : Self.trimAndNormalise(String(text))
    let bytes = Array(trimmed.utf8)
    guard bytes.count <= 254, let at = bytes.lastIndex(of: 0x40), at > 0, at <= 64, at + 1 < bytes.count else {
      return nil
    }
    var previous: UInt8 = 0x2E
    for byte in bytes[..<at] {
      // atext and dots (RFC 5322 §3.2.3), UTF-8 beside them (RFC 6531); a dot neither first, last nor doubled.
      let ok =
        byte >= 0x80 || (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A)
        || (byte >= 0x30 && byte <= 0x39) || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
        || (byte == 0x2E && previous != 0x2E)
      guard ok else { return nil }
      previous = byte
    }
    guard previous != 0x2E else { return nil }
    let local = String(decoding: bytes[..<at], as: UTF8.self)
    guard local.unicodeScalars.allSatisfy({ $0.isASCII || !Self.isInvisible($0) }) else { return nil }
    guard let domain = Self.domain(String(decoding: bytes[(at + 1)...], as: UTF8.self)) else { return nil }
    envelope = local + "@" + domain
    canonical = local.lowercased() + "@" + domain
  }

  public var domain: String {
    String(envelope[envelope.index(after: envelope.lastIndex(of: "@") ?? envelope.startIndex)...])
  }
  /// Whether the local part needs SMTPUTF8 (RFC 6531).
  public var needsSMTPUTF8: Bool { !envelope.utf8.allSatisfy { $0 < 0x80 } }

  /// A host name of at least two labels in lower-case A-labels; nil if it is none.
  public static func domain(_ text: String) -> String? {
    var name = text.lowercased()
    if !name.utf8.allSatisfy({ $0 < 0x80 }) {
      var components = URLComponents()
      components.host = name.precomposedStringWithCompatibilityMapping
      guard let encoded = components.encodedHost, encoded.utf8.allSatisfy({ $0 < 0x80 }) else { return nil }
      name = encoded.lowercased()
    }
    guard name.utf8.count <= 253 else { return nil }
    let labels = name.split(separator: ".", omittingEmptySubsequences: false)
    guard labels.count >= 2 else { return nil }
    for label in labels {
      guard (1...63).contains(label.utf8.count), label.utf8.first != 0x2D, label.utf8.last != 0x2D,
        label.utf8.allSatisfy({ ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D })
      else { return nil }
    }
    return name
  }

  /// White space, controls, line separators and the replacement character, which stands for bytes that were no UTF-8.
  private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
    scalar.properties.isWhitespace || scalar.value == 0xFFFD
      || [.control, .format].contains(scalar.properties.generalCategory)
  }

  private static func trimASCII(_ text: some StringProtocol) -> String {
    var bytes = Array(text.utf8)[...]
    while let b = bytes.first, b == 0x20 || (b >= 0x09 && b <= 0x0D) { bytes = bytes.dropFirst() }
    while let b = bytes.last, b == 0x20 || (b >= 0x09 && b <= 0x0D) { bytes = bytes.dropLast() }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func trimAndNormalise(_ text: String) -> String {
    text.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
  }
}

/// A telephone number in E.164: `+` and 8 to 15 digits, the first not 0. Spaces, dots, dashes and brackets that
/// people write are taken out; `00` for `+` is not guessed at.
public struct PhoneNumber: Hashable, Sendable {
  public let e164: String

  public init?(_ text: some StringProtocol) {
    let kept = String(text.filter { !" .-()/\u{00A0}".contains($0) })
    let digits = kept.dropFirst()
    guard kept.first == "+", (8...15).contains(digits.count), digits.first != "0",
      digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    e164 = kept
  }
}

/// A name and an address as a From line has them: `Anna Schmidt <anna@example.com>` (RFC 5322 §3.4).
public struct NamedAddress: Hashable, Sendable {
  public var name: String?
  public var address: EmailAddress

  public init(name: String?, address: EmailAddress) {
    self.name = name
    self.address = address
  }

  /// Reads `anna@example.com`, `Anna <anna@example.com>` and `"Schmidt, Anna" <anna@example.com>`.
  public init?(_ text: String) {
    let text = text.trimmingCharacters(in: .whitespaces)
    guard !text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else { return nil }
    guard text.hasSuffix(">"), let open = text.lastIndex(of: "<") else {
      guard let address = EmailAddress(text) else { return nil }
      self.init(name: nil, address: address)
      return
    }
    guard let address = EmailAddress(text[text.index(after: open)...].dropLast()) else { return nil }
    var name = text[..<open].trimmingCharacters(in: .whitespaces)
    if name.count >= 2, name.hasPrefix("\""), name.hasSuffix("\"") {
      name = String(name.dropFirst().dropLast()).replacing("\\\"", with: "\"").replacing("\\\\", with: "\\")
    }
    self.init(name: name.isEmpty ? nil : name, address: address)
  }
}
