import Foundation
import Model

/// Bytes for the hot path of plans: room is made once a value, then it is written without further checks.
///
/// Raw pointers, since an array's append costs as much as the eight bytes that it adds: measured, optimised, a line of
/// 400 bytes takes a fifth of the time. Freed with its owner; the memory is used again for every block.
struct LineBuffer: ~Copyable {
  private var base: UnsafeMutableRawPointer
  private var capacity: Int
  private(set) var count = 0

  init(capacity: Int = 4096) {
    self.capacity = capacity
    base = .allocate(byteCount: capacity, alignment: 16)
  }

  deinit { base.deallocate() }

  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

  mutating func removeAll() { count = 0 }

  /// Room for `n` bytes more, and for eight beyond them, so that the last bytes can be written eight at a time.
  @inline(__always)
  mutating func reserve(_ n: Int) {
    if count + n + 8 > capacity { grow(n) }
  }

  @inline(never)
  private mutating func grow(_ n: Int) {
    let larger = max(capacity * 2, count + n + 8)
    let new = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
    new.copyMemory(from: base, byteCount: count)
    base.deallocate()
    base = new
    capacity = larger
  }

  @inline(__always)
  mutating func append(_ byte: UInt8) {
    reserve(1)
    base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
    count += 1
  }

  @inline(__always)
  mutating func append(_ bytes: UnsafeRawBufferPointer) {
    guard let from = bytes.baseAddress else { return }
    reserve(bytes.count)
    memcpy(base + count, from, bytes.count)
    count += bytes.count
  }

  mutating func append(_ bytes: [UInt8]) { bytes.withUnsafeBytes { append($0) } }

  @inline(__always)
  mutating func text(_ s: StaticString) {
    append(UnsafeRawBufferPointer(start: s.utf8Start, count: s.utf8CodeUnitCount))
  }

  /// Eight bytes, the first of them the word's lowest; `used` of them count.
  @inline(__always)
  mutating func append(word: UInt64, used: Int = 8) {
    reserve(8)
    base.storeBytes(of: word.littleEndian, toByteOffset: count, as: UInt64.self)
    count += used
  }

  /// Eight bytes, the highest first: how numbers stand in digests.
  @inline(__always)
  mutating func append(bigEndian word: UInt64) { append(word: word.byteSwapped) }

  /// A length, or `nil` as the number that no length is: four bytes, the highest first.
  @inline(__always)
  mutating func append(length: Int?) {
    let n = length.map { UInt32(truncatingIfNeeded: $0) } ?? .max
    append(word: UInt64(n.byteSwapped), used: 4)
  }

  /// 16 lower-case hex digits.
  @inline(__always)
  mutating func hex(_ word: UInt64) {
    append(word: Self.hexDigits(UInt32(word >> 32)))
    append(word: Self.hexDigits(UInt32(truncatingIfNeeded: word)))
  }

  /// Eight digits at a time: the half bytes are spread over a word, the highest first, and those from ten on moved up
  /// to the letters.
  @inline(__always)
  private static func hexDigits(_ half: UInt32) -> UInt64 {
    var x = UInt64(half.byteSwapped)
    x = (x | x << 16) & 0x0000_FFFF_0000_FFFF
    x = (x | x << 8) & 0x00FF_00FF_00FF_00FF
    x = (x >> 4 | x << 8) & 0x0F0F_0F0F_0F0F_0F0F
    let isLetter = (x &+ 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101
    return x &+ 0x3030_3030_3030_3030 &+ isLetter &* 0x27
  }

  mutating func number(_ value: Int) {
    var digits = String(value)
    digits.withUTF8 { append(UnsafeRawBufferPointer($0)) }
  }

  mutating func string(_ text: String) {
    var text = text
    text.withUTF8 { string(UnsafeRawBufferPointer($0)) }
  }

  /// A JSON string with its quotes, the same as `JSON.write` gives.
  @inline(__always)
  mutating func string(_ text: UnsafeRawBufferPointer) {
    let n = text.count
    reserve(n + 2)
    base.storeBytes(of: 0x22, toByteOffset: count, as: UInt8.self)
    if let from = text.baseAddress, !Self.copy(from, n, to: base + count + 1) { return escaped(text) }
    base.storeBytes(of: 0x22, toByteOffset: count + 1 + n, as: UInt8.self)
    count += n + 2
  }

  @inline(never)
  private mutating func escaped(_ text: UnsafeRawBufferPointer) {
    var out: [UInt8] = []
    JSON.write(utf8: text.bindMemory(to: UInt8.self), to: &out)
    append(out)
  }

  /// Copies eight bytes at a time for as long as none of them may need an escape; false if one does.
  @inline(__always)
  private static func copy(_ from: UnsafeRawPointer, _ n: Int, to: UnsafeMutableRawPointer) -> Bool {
    guard n >= 8 else {
      var flags: UInt64 = 0
      for i in 0..<n {
        let byte = from.load(fromByteOffset: i, as: UInt8.self)
        flags |= mayNeedEscape(UInt64(byte) | 0x2020_2020_2020_2000)
        to.storeBytes(of: byte, toByteOffset: i, as: UInt8.self)
      }
      return flags == 0
    }
    var i = 0
    var flags: UInt64 = 0
    while i + 8 <= n {
      let word = from.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      flags |= mayNeedEscape(word)
      to.storeBytes(of: word, toByteOffset: i, as: UInt64.self)
      i += 8
    }
    if i < n {
      // The last eight once more, in part.
      let word = from.loadUnaligned(fromByteOffset: n - 8, as: UInt64.self)
      flags |= mayNeedEscape(word)
      to.storeBytes(of: word, toByteOffset: n - 8, as: UInt64.self)
    }
    return flags == 0
  }

  /// Not 0 if one of eight bytes is a control character, a quote, a backslash, DEL, or opens U+2028 (E2). Each line
  /// is the usual test for a zero byte among eight; the first one for a byte below 0x20.
  @inline(__always)
  private static func mayNeedEscape(_ word: UInt64) -> UInt64 {
    let ones: UInt64 = 0x0101_0101_0101_0101
    @inline(__always) func zero(_ x: UInt64) -> UInt64 { (x &- ones) & ~x }
    let control = (word &- ones &* 0x20) & ~word
    let found =
      control | zero(word ^ ones &* 0x22) | zero(word ^ ones &* 0x5C) | zero(word ^ ones &* 0x7F)
      | zero(word ^ ones &* 0xE2)
    return found & 0x8080_8080_8080_8080
  }
}
