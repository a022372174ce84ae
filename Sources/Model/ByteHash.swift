/// A 64-bit hash over bytes, for look-up tables of many short strings: addresses, contact keys, names. The same bytes
/// give the same hash on every machine and in every version, since the history's snapshot keeps tables made by it. It is
/// no guard against chosen collisions: whoever looks something up compares the bytes as well.
///
/// Eight bytes at a time, each pair of words folded by the two halves of their 128-bit product (the mixing step that
/// wyhash made known); measured at some 4 ns for an address of 24 bytes.
public enum ByteHash {
  @usableFromInline static let first: UInt64 = 0x9E37_79B9_7F4A_7C15
  @usableFromInline static let second: UInt64 = 0xD1B5_4A32_D192_ED03
  @usableFromInline static let third: UInt64 = 0xAEF1_7502_108E_F2D9

  @inlinable @inline(__always)
  static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }

  @inlinable
  public static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 { of(UnsafeRawBufferPointer(bytes)) }

  @inlinable
  public static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    let count = bytes.count
    var state = first ^ UInt64(truncatingIfNeeded: count)
    guard count > 0, let base = bytes.baseAddress else { return fold(state ^ second, third) }
    var at = 0
    while count - at > 16 {
      state = fold(word(base, at) ^ second, word(base, at + 8) ^ state)
      at += 16
    }
    // What is left is 1 to 16 bytes: two words that overlap where it is no round number.
    let left = count - at
    let a: UInt64
    let b: UInt64
    if left >= 8 {
      a = word(base, at)
      b = word(base, count - 8)
    } else if left >= 4 {
      a = half(base, at)
      b = half(base, count - 4)
    } else {
      a =
        UInt64(base.load(fromByteOffset: at, as: UInt8.self)) << 16
        | UInt64(base.load(fromByteOffset: at + left >> 1, as: UInt8.self)) << 8
        | UInt64(base.load(fromByteOffset: count - 1, as: UInt8.self))
      b = 0
    }
    return fold(fold(a ^ second, b ^ state) ^ third, state ^ first)
  }

  /// The hash of a string's UTF-8 bytes, without any normalization.
  public static func of(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { of($0) }
  }

  @inlinable @inline(__always)
  static func word(_ base: UnsafeRawPointer, _ at: Int) -> UInt64 {
    UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
  }

  @inlinable @inline(__always)
  static func half(_ base: UnsafeRawPointer, _ at: Int) -> UInt64 {
    UInt64(UInt32(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
  }
}
