/// A 64-bit hash over bytes, by which contacts, suppressions and the history find one another. Whoever relies on it
/// compares the bytes too: two of a million keys share a hash once in 37 million projects.
///
/// Eight bytes at a time, folded multiplication. The same on every machine; it is never written to a plan.
public enum ByteHash {
  @inlinable
  public static func of(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
    guard let base = bytes.baseAddress else { return fold(0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93) }
    let raw = UnsafeRawPointer(base)
    let n = bytes.count
    var hash = UInt64(truncatingIfNeeded: n) &* 0x9E37_79B9_7F4A_7C15
    var i = 0
    while i + 8 <= n {
      hash = fold(hash ^ raw.loadUnaligned(fromByteOffset: i, as: UInt64.self).littleEndian, 0xD6E8_FEB8_6659_FD93)
      i += 8
    }
    var rest: UInt64 = 0
    var shift: UInt64 = 0
    while i < n {
      rest |= UInt64(base[i]) << shift
      shift += 8
      i += 1
    }
    return fold(hash ^ rest, 0xA076_1D64_78BD_642F)
  }

  @inlinable
  public static func of(_ text: String) -> UInt64 {
    var text = text
    return text.withUTF8 { of($0) }
  }

  @inlinable
  static func fold(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return product.high ^ product.low
  }
}
