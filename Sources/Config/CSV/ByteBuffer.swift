/// Bytes read from a file, with room behind them that may be read though it means nothing, so that fast loops need not
/// look where they end. Used by one thread at a time.
final class ByteBuffer {
  /// Bytes past the end that may be looked at.
  static let slack = 32

  private(set) var start: UnsafeMutablePointer<UInt8>
  private(set) var capacity: Int
  /// How many bytes there are.
  var count = 0

  init(capacity: Int = 0) {
    self.capacity = capacity
    start = .allocate(capacity: capacity + Self.slack)
    start.initialize(repeating: 0, count: capacity + Self.slack)
  }

  deinit { start.deallocate() }

  /// Room for `n` bytes in all; keeps what is there.
  func reserve(_ n: Int) {
    guard n > capacity else { return }
    let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: n + Self.slack)
    larger.update(from: start, count: count)
    (larger + count).initialize(repeating: 0, count: n - count + Self.slack)
    start.deallocate()
    start = larger
    capacity = n
  }

  /// Drops the bytes before `offset`.
  func drop(before offset: Int) {
    guard offset > 0 else { return }
    start.update(from: start + offset, count: count - offset)
    count -= offset
  }

  func append(_ bytes: UnsafeBufferPointer<UInt8>) {
    reserve(count + bytes.count)
    if let base = bytes.baseAddress { (start + count).update(from: base, count: bytes.count) }
    count += bytes.count
  }

  subscript(range: Range<Int>) -> UnsafeBufferPointer<UInt8> {
    precondition(range.lowerBound >= 0 && range.upperBound <= count)
    return UnsafeBufferPointer(start: start + range.lowerBound, count: range.count)
  }
}
