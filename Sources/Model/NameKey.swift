import Crypto

/// The key by which the names of people are written in what is kept of pruned days: a contact's key or an address
/// becomes a token, the same one every time, by which it is found again by whoever has the name and the key. Without the
/// key a token tells nothing; with it, it tells whether a name that somebody already has is the one.
public struct NameKey: Sendable {
  private let key: SymmetricKey

  /// - Parameter bytes: 32 random ones.
  public init(bytes: [UInt8]) { key = SymmetricKey(data: bytes) }

  /// What every token begins with: no address and no phone number does.
  static let mark = Array("hmac:".utf8)

  /// `hmac:` and the first 16 bytes, in hex, of HMAC-SHA256 (RFC 2104) over the name's UTF-8. Nothing has none.
  public func token(_ name: some Collection<UInt8>) -> [UInt8] {
    if name.isEmpty { return [] }
    let code = HMAC<SHA256>.authenticationCode(for: Array(name), using: key)
    var token = Self.mark
    token.reserveCapacity(Self.mark.count + 32)
    for byte in code.prefix(16) { for half in [byte >> 4, byte & 15] { token.append(half + (half < 10 ? 48 : 87)) } }
    return token
  }

  public func token(_ name: String) -> String { String(decoding: token(name.utf8), as: UTF8.self) }

  /// Tells this key from others, and nothing else of it.
  public var fingerprint: String { token("nightmail history") }

  static func isToken(_ text: UnsafeBufferPointer<UInt8>) -> Bool { text.count == 37 && text.starts(with: mark) }
}
