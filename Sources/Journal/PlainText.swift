/// What the scanners of plans and results have in common: passing over the text of JSON strings.
enum PlainText {
  /// The first place from `at` on that holds a quote, a backslash, a control character or a byte outside ASCII, or `end`:
  /// eight bytes at a time (the tests for a byte in a word are from Hacker's Delight §6-1), so that up to seven before it
  /// may be left to be looked at one by one.
  @inline(__always)
  static func skip(_ base: UnsafePointer<UInt8>, from start: Int, to end: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    var at = start
    while end - at >= 8 {
      let word = UInt64(littleEndian: UnsafeRawPointer(base + at).loadUnaligned(as: UInt64.self))
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      let hits =
        ((quote &- ones) & ~quote | (backslash &- ones) & ~backslash | (word &- ones &* 0x20) & ~word | word) & highs
      if hits != 0 { return at + (hits.trailingZeroBitCount >> 3) }
      at += 8
    }
    return at
  }

  /// What stands for a character after a backslash; nil for `\u` and for what is no escape.
  @inline(__always)
  static func unescaped(_ byte: UInt8) -> UInt8? {
    switch byte {
    case 0x22, 0x5C, 0x2F: byte
    case 0x62: 0x08
    case 0x66: 0x0C
    case 0x6E: 0x0A
    case 0x72: 0x0D
    case 0x74: 0x09
    default: nil
    }
  }
}
