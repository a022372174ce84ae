import Collections
import Model

/// A mailbox's sends by time, then handle. What a run begins with is in that order already, but for a few: it is a stretch
/// of one array that all queues share (`SendOrder`), eight bytes a send less than a heap of them. What is out of order, or
/// is put back, goes through a heap.
struct SendQueue {
  struct Entry: Comparable {
    var due: Instant
    var handle: Int
    static func < (a: Entry, b: Entry) -> Bool { a.due != b.due ? a.due < b.due : a.handle < b.handle }
  }

  private let order: SendOrder?
  /// Places in the order that have not been taken.
  private var ahead: Range<Int>
  private var heap: Heap<Entry>
  private var head: Entry?

  init(_ entries: some Sequence<Entry> = []) {
    order = nil
    ahead = 0..<0
    heap = Heap(entries)
  }

  init(_ order: SendOrder, _ places: Range<Int>, and entries: [Entry]) {
    self.order = order
    ahead = places
    heap = Heap(entries)
    head = order.entry(places)
  }

  var isEmpty: Bool { head == nil && heap.isEmpty }
  var count: Int { ahead.count + heap.count }

  var min: Entry? {
    guard let head else { return heap.min }
    guard let other = heap.min else { return head }
    return Swift.min(head, other)
  }

  mutating func insert(_ entry: Entry) { heap.insert(entry) }

  /// Takes the first one out; there must be one.
  mutating func removeMin() {
    if let head, heap.min.map({ head < $0 }) ?? true {
      ahead = ahead.dropFirst()
      self.head = order?.entry(ahead)
    } else {
      heap.removeMin()
    }
  }

  /// All of them, in no order.
  var unordered: [Entry] {
    var entries = heap.unordered
    for place in ahead { if let entry = order?.entry(place..<ahead.upperBound) { entries.append(entry) } }
    return entries
  }
}

/// The handles of a run's sends, mailbox by mailbox in the order of their times.
final class SendOrder: Sendable {
  private let handles: [UInt32]
  private let times: TimeColumn

  /// - Parameter times: by handle.
  init(handles: [UInt32], times: TimeColumn) {
    self.handles = handles
    self.times = times
  }

  /// The first of some places; nil if there is none.
  func entry(_ places: Range<Int>) -> SendQueue.Entry? {
    guard let place = places.first else { return nil }
    let handle = Int(handles[place])
    return SendQueue.Entry(due: Instant(milliseconds: times[handle]), handle: handle)
  }
}

/// Deals a run's sends out to the queues of their mailboxes.
struct SendDealer {
  private var handles: [UInt32]
  /// By mailbox: where its stretch begins, and where the next one goes.
  private let starts: [Int]
  private var ends: [Int]
  private var last: [Int64]
  private var others: [[SendQueue.Entry]]

  /// - Parameter counts: how many sends each mailbox has.
  init(counts: [Int]) {
    var starts: [Int] = []
    var total = 0
    for count in counts {
      starts.append(total)
      total += count
    }
    self.starts = starts
    ends = starts
    handles = Array(repeating: 0, count: total)
    last = Array(repeating: .min, count: counts.count)
    others = Array(repeating: [], count: counts.count)
  }

  /// - Parameter isPlanned: whether it is due at its planned time.
  mutating func add(_ handle: Int, to mailbox: Int, due: Instant, isPlanned: Bool) {
    guard isPlanned, last[mailbox] <= due.milliseconds else {
      return others[mailbox].append(SendQueue.Entry(due: due, handle: handle))
    }
    last[mailbox] = due.milliseconds
    handles[ends[mailbox]] = UInt32(handle)
    ends[mailbox] += 1
  }

  /// - Parameter times: by handle, the planned ones.
  consuming func queues(_ times: TimeColumn) -> [SendQueue] {
    let order = SendOrder(handles: handles, times: times)
    return starts.indices.map { SendQueue(order, starts[$0]..<ends[$0], and: others[$0]) }
  }
}
