import Model

/// Numbers for texts of which there are few, and mostly the same one again.
struct FewTexts {
  private var texts: [[UInt8]] = []
  private var numbers = HashIndex()
  private var last: Int32 = -1

  @inline(__always)
  mutating func number(_ text: UnsafeRawBufferPointer) -> Int32 {
    if last >= 0, Self.isSame(texts[Int(last)], text) { return last }
    let hash = ByteHash.of(text)
    last = Int32(numbers.find(hash) { Self.isSame(texts[$0], text) } ?? texts.count)
    if Int(last) == texts.count {
      numbers.insert(hash, texts.count)
      texts.append(Array(text))
    }
    return last
  }

  @inline(__always)
  private static func isSame(_ a: [UInt8], _ b: UnsafeRawBufferPointer) -> Bool {
    a.withUnsafeBytes { $0.isSame(as: b) }
  }
}
