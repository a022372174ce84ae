/// An open-addressing table from 64-bit hashes to numbers. It holds no keys: whoever looks up compares what the number
/// stands for. A slot has the hash's low half beside the number, so that nearly every other entry is passed over without
/// looking at what it stands for; the place follows from the high half.
struct HistoryTable: Sendable {
  /// 0 is empty; else the hash's low 32 bits, and below them the number and one.
  var slots: [UInt64] = []
  private(set) var count = 0

  init() {}

  /// A table that was kept: as many slots as were given, `count` of them taken.
  init(slots: [UInt64], count: Int) {
    self.slots = slots
    self.count = count
  }

  /// More than seven slots in ten taken.
  var isFull: Bool { count * 10 >= slots.count * 7 }

  @inline(__always)
  static func place(_ hash: UInt64, _ capacity: Int) -> Int {
    Int(truncatingIfNeeded: hash.multipliedFullWidth(by: UInt64(capacity)).high)
  }

  /// The slot of the entry that `matches`; nil if there is none.
  @inline(__always)
  func find(_ hash: UInt64, _ matches: (UInt32) -> Bool) -> Int? {
    slots.withUnsafeBufferPointer { Self.find(hash, in: $0, matches) }
  }

  @inline(__always)
  static func find(_ hash: UInt64, in slots: UnsafeBufferPointer<UInt64>, _ matches: (UInt32) -> Bool) -> Int? {
    let capacity = slots.count
    if capacity == 0 { return nil }
    var i = Self.place(hash, capacity)
    while true {
      let slot = slots[i]
      if slot == 0 { return nil }
      if slot >> 32 == hash & 0xFFFF_FFFF, matches(number(slot)) { return i }
      i += 1
      if i == capacity { i = 0 }
    }
  }

  /// What a taken slot holds.
  @inline(__always)
  static func number(_ slot: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: slot) &- 1 }

  subscript(slot: Int) -> UInt32 {
    get { Self.number(slots[slot]) }
    set { slots[slot] = slots[slot] & 0xFFFF_FFFF_0000_0000 | UInt64(newValue &+ 1) }
  }

  /// Adds an entry that is not there yet. The table must not be full.
  mutating func insert(_ hash: UInt64, _ number: UInt32) {
    slots.withUnsafeMutableBufferPointer { slots in
      var i = Self.place(hash, slots.count)
      while slots[i] != 0 {
        i += 1
        if i == slots.count { i = 0 }
      }
      slots[i] = hash << 32 | UInt64(number &+ 1)
    }
    count += 1
  }

  /// Takes an entry out, and moves those up that stood behind it for want of a free place.
  /// - Parameter hash: of what a number stands for.
  mutating func remove(_ slot: Int, hash: (UInt32) -> UInt64) {
    var free = slot
    var i = slot
    while true {
      i = i + 1 == slots.count ? 0 : i + 1
      if slots[i] == 0 { break }
      let home = Self.place(hash(Self.number(slots[i])), slots.count)
      // Stays where its own place lies behind the free one, up to where it is.
      if free <= i ? (free < home && home <= i) : (free < home || home <= i) { continue }
      slots[free] = slots[i]
      free = i
    }
    slots[free] = 0
    count -= 1
  }

  /// Makes room for `wanted` entries with some to spare.
  mutating func grow(for wanted: Int, hash: (UInt32) -> UInt64) {
    let old = slots
    slots = .zeros(max(16, wanted * 8 / 5))
    count = 0
    for slot in old where slot != 0 {
      insert(hash(Self.number(slot)), Self.number(slot))
    }
  }
}

/// Names that stand in many sends – of campaigns, steps, mailboxes, providers, and the domains of Message-IDs – as
/// numbers in order of their first use.
struct NameTable: Sendable {
  private(set) var names: [String] = []
  /// The names' UTF-8, one after the other, and where each ends.
  private var text: [UInt8] = []
  private var ends: [Int] = []
  private var table = HistoryTable()
  private var latest = 0

  func find(_ name: UnsafeBufferPointer<UInt8>) -> Int? {
    let view = view
    if latest < names.count, view[latest].isSame(as: name) { return latest }
    guard let slot = table.find(ByteHash.of(name), { view[Int($0)].isSame(as: name) }) else { return nil }
    return Int(table[slot])
  }

  func find(_ name: String) -> Int? {
    var name = name
    return name.withUTF8 { find($0) }
  }

  mutating func number(_ name: UnsafeBufferPointer<UInt8>) -> Int {
    if let found = find(name) {
      latest = found
      return found
    }
    if table.isFull {
      let view = view
      table.grow(for: names.count + names.count / 2 + 16) { ByteHash.of(view[Int($0)]) }
    }
    table.insert(ByteHash.of(name), UInt32(names.count))
    names.append(String(decoding: name, as: UTF8.self))
    text.append(contentsOf: name)
    ends.append(text.count)
    latest = names.count - 1
    return latest
  }

  mutating func number(_ name: String) -> Int {
    var name = name
    return name.withUTF8 { number($0) }
  }

  /// Names as they lie in memory; valid while the table is kept unchanged, as `HistoryView` is.
  struct View {
    fileprivate let text: UnsafeBufferPointer<UInt8>
    fileprivate let ends: UnsafeBufferPointer<Int>

    subscript(number: Int) -> UnsafeBufferPointer<UInt8> {
      UnsafeBufferPointer(rebasing: text[(number == 0 ? 0 : ends[number - 1])..<ends[number]])
    }
  }

  var view: View { View(text: text.withUnsafeBufferPointer { $0 }, ends: ends.withUnsafeBufferPointer { $0 }) }
}

extension UnsafeBufferPointer<UInt8> {
  @inline(__always)
  func isSame(as other: UnsafeBufferPointer<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard count > 0, let a = baseAddress, let b = other.baseAddress else { return true }
    return UnsafeRawBufferPointer(self).elementsEqual(UnsafeRawBufferPointer(other), a, b)
  }
}

extension UnsafeRawBufferPointer {
  /// Compares eight bytes at a time; texts here are short.
  @inline(__always)
  fileprivate func elementsEqual(_ other: UnsafeRawBufferPointer, _ a: UnsafeRawPointer, _ b: UnsafeRawPointer) -> Bool
  {
    var i = 0
    while i + 8 <= count {
      if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
        return false
      }
      i += 8
    }
    while i < count {
      if a.load(fromByteOffset: i, as: UInt8.self) != b.load(fromByteOffset: i, as: UInt8.self) { return false }
      i += 1
    }
    return true
  }
}
