import Foundation

/// The entries of a table in memory that grows where it lies, if the system can do so: a million of them are 32 MB, and
/// two copies would be held while an array grows.
final class ContactEntries {
  private(set) var start: UnsafeMutablePointer<ContactEntry>
  private(set) var count = 0
  private var capacity = 0

  init() {
    start = Self.grown(nil, to: 16)
    capacity = 16
  }

  deinit { free(start) }

  func reserve(_ n: Int) {
    guard n > capacity else { return }
    start = Self.grown(start, to: n)
    capacity = n
  }

  func append(_ entry: ContactEntry) {
    if count >= capacity { reserve(max(16, capacity * 2)) }
    start[count] = entry
    count += 1
  }

  /// Drops those from `n` on.
  func truncate(to n: Int) { count = min(count, n) }

  subscript(index: Int) -> ContactEntry {
    get {
      precondition(index >= 0 && index < count)
      return start[index]
    }
    set {
      precondition(index >= 0 && index < count)
      start[index] = newValue
    }
  }

  private static func grown(_ old: UnsafeMutablePointer<ContactEntry>?, to n: Int) -> UnsafeMutablePointer<ContactEntry>
  {
    guard let memory = realloc(old, n * MemoryLayout<ContactEntry>.stride) else {
      fatalError("out of memory for \(n) contacts")
    }
    HugePages.advise(UnsafeMutableRawBufferPointer(start: memory, count: n * MemoryLayout<ContactEntry>.stride))
    return memory.bindMemory(to: ContactEntry.self, capacity: n)
  }
}
