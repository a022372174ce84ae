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
    var text = String(text)
    let plain = text.withUTF8 { Self.readASCII($0) }
    switch plain {
    case .address(let envelope, let canonical): self.init(envelope: envelope, canonical: canonical)
    case .malformed: return nil
    case .notASCII: self.init(unicode: text)
    }
  }

  /// The whole rule, for addresses outside ASCII.
  private init?(unicode text: String) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines).precomposedStringWithCanonicalMapping
    guard let at = text.lastIndex(of: "@") else { return nil }
    let local = text[..<at]
    guard let domain = Self.domain(String(text[text.index(after: at)...])), (1...64).contains(local.utf8.count),
      local.utf8.count + 1 + domain.utf8.count <= 254, local.utf8.first != 0x2E, local.utf8.last != 0x2E,
      !local.contains(".."),
      local.unicodeScalars.allSatisfy({ $0.isASCII ? Self.isLocal(UInt8($0.value)) : !Self.isInvisible($0) })
    else { return nil }
    self.init(envelope: local + "@" + domain, canonical: local.lowercased() + "@" + domain)
  }

  /// How an address or a phone number is looked for: an address in its canonical spelling, anything else as it stands.
  public static func canonical(of to: String) -> String { EmailAddress(to)?.canonical ?? to }

  private init(envelope: String, canonical: String) {
    self.envelope = envelope
    self.canonical = canonical
  }

  private enum Reading {
    case address(envelope: String, canonical: String)
    case malformed
    case notASCII
  }

  /// Nearly every address there is, in one pass without Unicode work: planning and sending read millions.
  private static func readASCII(_ bytes: UnsafeBufferPointer<UInt8>) -> Reading {
    var (start, end) = (0, bytes.count)
    while start < end, isSpace(bytes[start]) { start += 1 }
    while end > start, isSpace(bytes[end - 1]) { end -= 1 }
    var at = -1
    for i in start..<end {
      if bytes[i] >= 0x80 { return .notASCII }
      if bytes[i] == 0x40 { at = i }
    }
    guard at > start, at - start <= 64, at + 1 < end, end - start <= 254 else { return .malformed }
    var isLower = true
    var previous: UInt8 = 0x2E
    for i in start..<at {
      let byte = bytes[i]
      guard isLocal(byte), byte != 0x2E || previous != 0x2E else { return .malformed }
      if byte >= 0x41 && byte <= 0x5A { isLower = false }
      previous = byte
    }
    guard previous != 0x2E else { return .malformed }
    var label = 0
    var labels = 1
    for i in (at + 1)..<end {
      let byte = bytes[i]
      if byte == 0x2E {
        guard label > 0, bytes[i - 1] != 0x2D else { return .malformed }
        labels += 1
        label = 0
        continue
      }
      if byte >= 0x41 && byte <= 0x5A { isLower = false }
      let isLetterOrDigit = (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39)
      guard isLetterOrDigit || (byte == 0x2D && label > 0) else { return .malformed }
      label += 1
      guard label <= 63 else { return .malformed }
    }
    guard labels >= 2, label > 0, bytes[end - 1] != 0x2D else { return .malformed }
    let written = String(decoding: bytes[start..<end], as: UTF8.self)
    if isLower { return .address(envelope: written, canonical: written) }
    let canonical = written.lowercased()
    let local = String(decoding: bytes[start...at], as: UTF8.self)
    let domain = canonical.utf8.dropFirst(at + 1 - start)
    return .address(envelope: local + String(decoding: domain, as: UTF8.self), canonical: canonical)
  }

  /// Whether the bytes are an address in the spelling that is both canonical and the envelope's: ASCII, lower case,
  /// nothing around it. Contacts by the million need no string then; anything else goes through `init`.
  public static func isCanonical(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let count = bytes.count
    guard count <= 254, count >= 3 else { return false }
    return canonicalClasses.withUnsafeBufferPointer { classes in
      var i = 0
      var previous: UInt8 = 0x2E
      while i < count, classes[Int(bytes[i])] & 1 != 0 {
        if bytes[i] == 0x2E, previous == 0x2E { return false }
        previous = bytes[i]
        i += 1
      }
      guard i < count, bytes[i] == 0x40, (1...64).contains(i), previous != 0x2E else { return false }
      var labels = 1
      var start = i + 1
      i = start
      while i < count {
        let byte = bytes[i]
        guard classes[Int(byte)] & 2 != 0 else { return false }
        if byte == 0x2E {
          guard (1...63).contains(i - start), bytes[i - 1] != 0x2D, bytes[start] != 0x2D else { return false }
          labels += 1
          start = i + 1
        }
        i += 1
      }
      return labels >= 2 && (1...63).contains(count - start) && bytes[count - 1] != 0x2D && bytes[start] != 0x2D
    }
  }

  /// By byte: 1 for what may stand in a canonical local part, 2 for what may stand in a domain.
  private static let canonicalClasses: [UInt8] = (UInt8.min...UInt8.max).map { byte in
    let isUpper = byte >= 0x41 && byte <= 0x5A
    let isDomain = (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D || byte == 0x2E
    return (isLocal(byte) && !isUpper ? 1 : 0) | (isDomain ? 2 : 0)
  }

  private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }

  /// atext (RFC 5322 §3.2.3) and the dot.
  private static func isLocal(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x61...0x7A, 0x41...0x5A, 0x30...0x39, 0x2E: true
    // ! # $ % & ' * + - / = ? ^ _ ` { | } ~
    case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2F, 0x3D, 0x3F, 0x5E, 0x5F, 0x60, 0x7B...0x7E: true
    default: false
    }
  }

  public var domain: String {
    let at = envelope.utf8.lastIndex(of: 0x40) ?? envelope.startIndex
    return String(envelope[envelope.utf8.index(after: at)...])
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
}

/// A telephone number in E.164: `+` and 8 to 15 digits, the first not 0. Spaces, dots, dashes and brackets that
/// people write are taken out; `00` for `+` is not guessed at.
public struct PhoneNumber: Hashable, Sendable {
  public let e164: String

  /// Whether the bytes are a number in E.164 as it stands.
  public static func isCanonical(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard (9...16).contains(bytes.count), bytes[0] == 0x2B, bytes[1] != 0x30 else { return false }
    for i in 1..<bytes.count where bytes[i] < 0x30 || bytes[i] > 0x39 { return false }
    return true
  }

  public init?(_ text: some StringProtocol) {
    // Nearly every number there is: telling characters apart would take ten times as long.
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      let kept = text.utf8.filter { !Self.isDecoration($0) }
      guard kept.withUnsafeBufferPointer(Self.isCanonical) else { return nil }
      e164 = String(decoding: kept, as: UTF8.self)
      return
    }
    let kept = String(text.filter { !" .-()/\u{00A0}".contains($0) })
    let digits = kept.dropFirst()
    guard kept.first == "+", (8...15).contains(digits.count), digits.first != "0",
      digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
    else { return nil }
    e164 = kept
  }

  /// Space, dot, dash, brackets and slash.
  private static func isDecoration(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x2D && byte <= 0x2F) || byte == 0x28 || byte == 0x29
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
