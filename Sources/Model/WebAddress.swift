/// An `http://` or `https://` URL as configuration may hold it (RFC 3986 §3): no user name, no fragment, nothing that
/// needs percent-encoding.
public struct WebAddress: Hashable, Sendable {
  public var isEncrypted: Bool
  /// As it stands there; an IPv6 address without its brackets.
  public var host: String
  /// Nil where the URL names none.
  public var port: Int?
  /// Path and query, empty or from the `/` or `?` on.
  public var rest: String

  /// Nil for anything else.
  public init?(_ text: String) {
    let lower = text.lowercased()
    guard let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) }) else { return nil }
    guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !"\"<>\\^`{|}#".utf8.contains($0) }) else { return nil }
    isEncrypted = scheme == "https://"
    let tail = text.dropFirst(scheme.count)
    let authority = tail.prefix { $0 != "/" && $0 != "?" }
    rest = String(tail.dropFirst(authority.count))
    var portText: Substring?
    if authority.hasPrefix("[") {
      guard let close = authority.firstIndex(of: "]") else { return nil }
      host = String(authority[..<close].dropFirst())
      let after = authority[authority.index(after: close)...]
      guard after.isEmpty || after.hasPrefix(":"), host.utf8.allSatisfy(Self.isOfAddress) else { return nil }
      portText = after.isEmpty ? nil : after.dropFirst()
    } else {
      let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      host = String(parts[0])
      portText = parts.count > 1 ? parts[1] : nil
      guard host.utf8.allSatisfy(Self.isOfName) else { return nil }
    }
    guard (1...255).contains(host.utf8.count) else { return nil }
    if let portText {
      guard (1...5).contains(portText.utf8.count), portText.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
        let port = Int(portText), (1...65_535).contains(port)
      else { return nil }
      self.port = port
    }
  }

  /// A proxy: `http://HOST:PORT` or `https://HOST:PORT`, which is asked to CONNECT (RFC 9110 §9.3.6), or
  /// `socks5://HOST:PORT` (RFC 1928) or `socks5h://HOST:PORT`, which looks names up itself. Nil for anything else, a user
  /// name or a path included.
  public init?(proxy text: String) {
    let lower = text.lowercased()
    let socks = ["socks5://", "socks5h://"].first { lower.hasPrefix($0) }
    self.init(socks.map { "http://" + text.dropFirst($0.count) } ?? text)
    guard rest.isEmpty || rest == "/" else { return nil }
  }

  private static func isOfName(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D || byte == 0x2E
      || byte == 0x5F
  }

  private static func isOfAddress(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66) || (byte >= 0x30 && byte <= 0x39) || byte == 0x3A || byte == 0x2E
  }

  /// `api.example.com` or `api.example.com:8443`, as a Host field has it (RFC 9110 §7.2).
  public var authority: String {
    let name = host.contains(":") ? "[\(host)]" : host
    return port.map { "\(name):\($0)" } ?? name
  }

  /// Whether secrets and messages can go there: encrypted, or no further than this machine.
  public var isSafe: Bool { isEncrypted || Loopback.contains(host) }
}

/// Addresses of this machine that lead nowhere else.
public enum Loopback {
  /// 127.0.0.0/8, ::1 and localhost.
  public static func contains(_ host: String) -> Bool {
    if ["localhost", "localhost.", "::1", "[::1]"].contains(host.lowercased()) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    // As many digits as an octet has: `127.0.0.0x1.example.com` and the like are names.
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil }
  }
}
