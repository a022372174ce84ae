import CMemory

/// Numbers by hash: open addressing over one array, eight bytes a slot. What a number stands for is compared by the
/// caller, who has it.
public struct HashIndex: Sendable {
  /// The hash's upper half and the number plus one; 0 where a slot is free.
  private var slots: [UInt64] = []
  private var mask = 0
  public private(set) var count = 0

  public init() {}

  /// Room for so many numbers without growing.
  public mutating func reserve(_ n: Int) {
    var size = 16
    while size * 3 < n * 4 { size *= 2 }
    if size > slots.count { resize(to: size) }
  }

  /// The first number inserted under a hash that `isIt` takes for the right one.
  @inline(__always)
  public func find(_ hash: UInt64, _ isIt: (Int) -> Bool) -> Int? {
    if count == 0 { return nil }
    return slots.withUnsafeBufferPointer { slots in
      var at = Int(truncatingIfNeeded: hash >> 32) & mask
      let tag = hash & 0xFFFF_FFFF_0000_0000
      while slots[at] != 0 {
        let slot = slots[at]
        if slot & 0xFFFF_FFFF_0000_0000 == tag {
          let number = Int(slot & 0xFFFF_FFFF) - 1
          if isIt(number) { return number }
        }
        at = (at + 1) & mask
      }
      return nil
    }
  }

  /// Brings the slot near where a search for a hash begins.
  @inline(__always)
  public func fetch(_ hash: UInt64) {
    slots.withUnsafeBufferPointer { slots in
      nightmail_prefetch(slots.baseAddress.map { $0 + Int(truncatingIfNeeded: hash >> 32) & mask })
    }
  }

  /// The number that `find` gives, or else inserts `number` and gives nil: one search in place of two.
  @inline(__always)
  public mutating func findOrInsert(_ hash: UInt64, _ number: Int, _ isIt: (Int) -> Bool) -> Int? {
    if (count + 1) * 4 > slots.count * 3 { resize(to: max(16, slots.count * 2)) }
    let mask = mask
    let tag = hash & 0xFFFF_FFFF_0000_0000
    let found: Int? = slots.withUnsafeMutableBufferPointer { slots in
      var at = Int(truncatingIfNeeded: hash >> 32) & mask
      while slots[at] != 0 {
        let slot = slots[at]
        if slot & 0xFFFF_FFFF_0000_0000 == tag {
          let other = Int(slot & 0xFFFF_FFFF) - 1
          if isIt(other) { return other }
        }
        at = (at + 1) & mask
      }
      slots[at] = tag | UInt64(number + 1)
      return nil
    }
    if found == nil { count += 1 }
    return found
  }

  /// - Parameter number: 0 ..< 2³² - 1.
  public mutating func insert(_ hash: UInt64, _ number: Int) {
    if (count + 1) * 4 > slots.count * 3 { resize(to: max(16, slots.count * 2)) }
    count += 1
    place(hash & 0xFFFF_FFFF_0000_0000 | UInt64(number + 1))
  }

  /// By the half of the hash that a slot keeps, so that a slot says itself where it goes in a larger table.
  private mutating func place(_ slot: UInt64) {
    slots.withUnsafeMutableBufferPointer { slots in
      var at = Int(truncatingIfNeeded: slot >> 32) & mask
      while slots[at] != 0 { at = (at + 1) & mask }
      slots[at] = slot
    }
  }

  private mutating func resize(to size: Int) {
    let old = slots
    slots = .zeros(size)
    mask = size - 1
    for slot in old where slot != 0 { place(slot) }
  }
}
