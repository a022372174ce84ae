import Model

extension Cell {
  /// Without white space at its ends, as `trimmingCharacters(in: .whitespacesAndNewlines)` would leave it.
  @inline(__always)
  var trimmed: Cell {
    guard let first, let last = self.last else { return self }
    // Nearly every cell: it begins and ends with a character of ASCII that is no space.
    if first > 0x20, first < 0x80, last > 0x20, last < 0x80 { return self }
    return trimmedSlowly
  }

  private var trimmedSlowly: Cell {
    var (start, end) = (0, count)
    while start < end {
      let n = spaceLength(at: start, end)
      if n == 0 { break }
      start += n
    }
    while start < end {
      if isSpace(at: end - 1) {
        end -= 1
      } else if end - start >= 2, spaceLength(at: end - 2, end) == 2 {
        end -= 2
      } else if end - start >= 3, spaceLength(at: end - 3, end) == 3 {
        end -= 3
      } else {
        break
      }
    }
    return Cell(rebasing: self[start..<end])
  }

  private func isSpace(at i: Int) -> Bool { self[i] == 0x20 || (self[i] >= 0x09 && self[i] <= 0x0D) }

  /// Of the white space (Unicode Zs, Zl, Zp, the zero-width space and the controls that break lines) at a place, in
  /// bytes; 0 if there is none.
  private func spaceLength(at i: Int, _ end: Int) -> Int {
    if isSpace(at: i) { return 1 }
    guard i + 1 < end else { return 0 }
    if self[i] == 0xC2 { return self[i + 1] == 0x85 || self[i + 1] == 0xA0 ? 2 : 0 }
    guard i + 2 < end else { return 0 }
    switch (self[i], self[i + 1], self[i + 2]) {
    case (0xE1, 0x9A, 0x80), (0xE2, 0x80, 0x80...0x8B), (0xE2, 0x80, 0xA8), (0xE2, 0x80, 0xA9), (0xE2, 0x80, 0xAF),
      (0xE2, 0x81, 0x9F), (0xE3, 0x80, 0x80):
      return 3
    default: return 0
    }
  }

  var isASCII: Bool { allSatisfy { $0 < 0x80 } }

  /// Whether it is a word of small letters, in any case.
  func isWord(_ word: StaticString) -> Bool {
    guard count == word.utf8CodeUnitCount else { return false }
    for i in 0..<count {
      let byte = self[i]
      let small = byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte
      if small != word.utf8Start[i] { return false }
    }
    return true
  }
}

/// What a few cells that come again and again mean, by their bytes. They must outlive it.
struct CellCache<Value> {
  private var slots: [(cell: Cell, value: Value)?] = Array(repeating: nil, count: 64)

  /// - Parameter make: of a cell that is not known; its nil is not remembered.
  @inline(__always)
  mutating func value(_ cell: Cell, _ make: (String) -> Value?) -> Value? {
    let slot = Int(truncatingIfNeeded: ByteHash.of(cell) & 63)
    if let known = slots[slot], known.cell.equals(cell) { return known.value }
    guard let value = make(cell.text) else { return nil }
    slots[slot] = (cell, value)
    return value
  }
}
