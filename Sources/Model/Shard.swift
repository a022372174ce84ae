import Crypto

/// One of several runs that share a plan's mailboxes among them (`--shard I/N`): every mailbox belongs to just one.
public struct Shard: Hashable, Sendable, CustomStringConvertible {
  /// The most shards: each has a results file that every reader reads.
  public static let limit = 1024

  /// 0 ..< `count`.
  public let index: Int
  public let count: Int

  /// - Returns: nil unless 0 ≤ index < count ≤ `limit`.
  public init?(_ index: Int, of count: Int) {
    guard (1...Self.limit).contains(count), (0..<count).contains(index) else { return nil }
    self.index = index
    self.count = count
  }

  /// Reads `2/8`: the third of eight.
  public init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let index = Int(parts[0]), let count = Int(parts[1]) else { return nil }
    self.init(index, of: count)
  }

  /// Whether a mailbox is this shard's: the first eight bytes of SHA-256 over its id, big-endian, modulo `count`.
  public func owns(mailbox id: String) -> Bool {
    let digest = SHA256.hash(data: Array(id.utf8))
    let number = digest.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    return number % UInt64(count) == UInt64(index)
  }

  public var description: String { "\(index)/\(count)" }
}
