import Model

/// By a send's handle, the number under which its contact is counted for caps; few have one where contacts get one
/// message each.
struct ContactNumbers: Sendable {
  private var dense: [Int32] = []
  private var few: [Int: Int32] = [:]

  init() {}

  /// - Parameter isDense: whether most sends have a number.
  init(count: Int, isDense: Bool) {
    if isDense { dense = Array(repeating: -1, count: count) }
  }

  subscript(_ handle: Int) -> Int? {
    if dense.isEmpty { return few.isEmpty ? nil : few[handle].map(Int.init) }
    return dense[handle] < 0 ? nil : Int(dense[handle])
  }

  mutating func set(_ handle: Int, _ number: Int32) {
    if dense.isEmpty { few[handle] = number } else { dense[handle] = number }
  }
}

/// The names - keys and addresses, by their hashes - that more than one of a run's lines may have, or a line and an
/// earlier send. Nearly every contact has one message a day: counting it needs no table, only this look that says so,
/// in four bits a line. It takes a few names for shared that are not, which costs their place in the table.
struct SharedNames {
  private var once: [UInt64]
  private var shared: [UInt64]
  private let mask: UInt64

  init(_ lines: borrowing RunLines, _ isCapped: [Bool], _ earlier: ((LimitBook.Earlier) -> Void) -> Void) {
    var bits = 1 << 16
    while bits < lines.count * 16 { bits *= 2 }
    once = Array(repeating: 0, count: bits / 64)
    shared = once
    mask = UInt64(bits - 1)
    for i in 0..<lines.count where isCapped[Int(lines.kindOf[i])] {
      mention(lines.contacts[i])
      let address = lines.address(i)
      if address != lines.contacts[i] { mention(address) }
    }
    earlier { one in
      share(one.contact)
      if one.address != one.contact { share(one.address) }
    }
    lines.source.forEachOtherName { contact, others in
      share(contact)
      for other in others { share(other) }
    }
  }

  private mutating func mention(_ hash: UInt64) {
    let (word, bit) = place(hash)
    if once[word] & bit != 0 { shared[word] |= bit } else { once[word] |= bit }
  }

  /// Somebody else has the name too, if a line has it.
  private mutating func share(_ hash: UInt64) {
    let (word, bit) = place(hash)
    if once[word] & bit != 0 { shared[word] |= bit }
  }

  func contains(_ hash: UInt64) -> Bool {
    let (word, bit) = place(hash)
    return shared[word] & bit != 0
  }

  @inline(__always)
  private func place(_ hash: UInt64) -> (Int, UInt64) {
    (Int((hash & mask) >> 6), 1 << (hash & 63))
  }
}
