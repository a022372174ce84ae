/// Says of a hash that it was never put in, or that it may have been (a Bloom filter whose bits of one hash lie in one
/// word): most contacts have no history and nobody suppressed them, and a look here is some nanoseconds where a look into
/// a table is a miss of the cache. With four hashes a word one in a hundred is taken for known that is not.
public struct HashFilter: Sendable {
  @usableFromInline var words: [UInt64]

  /// - Parameter capacity: how many hashes it is for; more make it say maybe more often.
  public init(capacity: Int = 0) { words = .zeros(capacity == 0 ? 0 : max(4, capacity / 4)) }

  /// As it was kept.
  init(words: [UInt64]) { self.words = words }

  @inlinable @inline(__always)
  static func bits(_ hash: UInt64) -> UInt64 { 1 << (hash & 63) | 1 << (hash >> 6 & 63) | 1 << (hash >> 12 & 63) }

  @inlinable @inline(__always)
  static func place(_ hash: UInt64, _ count: Int) -> Int {
    Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(count)).high)
  }

  @inlinable @inline(__always)
  public func contains(_ hash: UInt64) -> Bool { words.withUnsafeBufferPointer { Self.contains(hash, in: $0) } }

  @inlinable @inline(__always)
  static func contains(_ hash: UInt64, in words: UnsafeBufferPointer<UInt64>) -> Bool {
    if words.isEmpty { return false }
    let bits = bits(hash)
    return words[place(hash, words.count)] & bits == bits
  }

  /// The filter must have a capacity.
  public mutating func insert(_ hash: UInt64) { words[Self.place(hash, words.count)] |= Self.bits(hash) }
}
