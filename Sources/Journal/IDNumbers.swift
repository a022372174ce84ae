import Foundation
import Model

/// The numbers of a plan's lines by their ids: open addressing over an array of four bytes a slot, made when it is asked
/// for first - by whoever reads results, or looks for ids that stand twice.
///
/// Sendable because making it is under a lock, and whoever lets go of it is alone with it.
final class IDNumbers: @unchecked Sendable {
  private let lock = NSLock()
  /// A number plus one; 0 where a slot is free. Empty before it is made.
  private var slots: [UInt32] = []

  @inline(__always)
  func find(_ id: SendID, in ids: [SendID]) -> Int? {
    if slots.isEmpty { _ = make(ids) }
    return slots.withUnsafeBufferPointer { slots in
      ids.withUnsafeBufferPointer { ids in
        var at = Self.place(id, slots.count)
        while slots[at] != 0 {
          let number = Int(slots[at]) - 1
          if ids[number] == id { return number }
          at = at + 1 == slots.count ? 0 : at + 1
        }
        return nil
      }
    }
  }

  @inline(__always)
  private static func place(_ id: SendID, _ size: Int) -> Int {
    Int(truncatingIfNeeded: id.tableHash.multipliedFullWidth(by: UInt64(size)).high)
  }

  /// Makes them again when they are asked for next. Not while others ask.
  func forget() { slots = [] }

  /// - Returns: the first number whose id has one already.
  func make(_ ids: [SendID]) -> Int? {
    lock.lock()
    defer { lock.unlock() }
    let size = ids.count + ids.count / 3 + 16
    var slots = [UInt32](repeating: 0, count: size)
    var repeated: Int?
    slots.withUnsafeMutableBufferPointer { slots in
      for (number, id) in ids.enumerated() {
        var at = Self.place(id, size)
        while slots[at] != 0 {
          if repeated == nil, ids[Int(slots[at]) - 1] == id { repeated = number }
          at = at + 1 == size ? 0 : at + 1
        }
        slots[at] = UInt32(number + 1)
      }
    }
    self.slots = slots
    return repeated
  }
}
