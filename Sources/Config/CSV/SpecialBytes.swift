/// Finds the bytes of CSV that may mean something, sixteen at a time: delimiter, quote, line breaks, NUL, and other
/// control characters, which the caller passes over.
///
/// The bytes must lie in a `ByteBuffer`, since up to `ByteBuffer.slack` bytes past their end are looked at.
struct SpecialBytes {
  private let base: UnsafeRawPointer
  private let end: Int
  private let delimiter: SIMD16<UInt8>
  /// Where the sixteen bytes begin that are being looked at.
  private var block: Int
  /// One bit in four for each of them: what is still to be given out.
  private var mask: UInt64 = 0
  /// Those of them that are no ASCII have their top bit here.
  private var blockBits: UInt64 = 0
  /// All bytes or-ed together since `begin`: a top bit means that there was something outside ASCII, if only nearby.
  private var bits: UInt64 = 0

  init(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int, delimiter: UInt8) {
    self.base = UnsafeRawPointer(base)
    self.end = end
    self.delimiter = SIMD16(repeating: delimiter)
    block = start
    if start < end { look() }
  }

  /// Forgets what was seen before the bytes at hand.
  @inline(__always) mutating func begin() { bits = blockBits }

  @inline(__always) var isASCII: Bool { bits & 0x8080_8080_8080_8080 == 0 }

  /// The next place, or the end.
  @inline(__always)
  mutating func next() -> Int {
    while mask == 0 {
      block += 16
      guard block < end else { return end }
      look()
    }
    let place = block + mask.trailingZeroBitCount >> 2
    mask &= mask &- 1
    return place
  }

  @inline(__always)
  private mutating func look() {
    let bytes = base.loadUnaligned(fromByteOffset: block, as: SIMD16<UInt8>.self)
    let lowest = pointwiseMin(bytes, SIMD16(repeating: 0x0D)) .== bytes
    let found = lowest .| (bytes .== delimiter) .| (bytes .== SIMD16(repeating: 0x22))
    // Four bits a byte: each pair of bytes as one of 16 bits, shifted by four and cut to eight.
    let pairs = unsafeBitCast(found, to: SIMD8<UInt16>.self) &>> 4
    mask = unsafeBitCast(SIMD8<UInt8>(truncatingIfNeeded: pairs), to: UInt64.self) & 0x1111_1111_1111_1111
    let halves = unsafeBitCast(bytes, to: SIMD2<UInt64>.self)
    blockBits = halves[0] | halves[1]
    if block + 16 > end { mask &= (1 << UInt64((end - block) * 4)) - 1 }
    bits |= blockBits
  }
}
