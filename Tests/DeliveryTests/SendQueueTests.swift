import Collections
import Model
import TestSupport
import Testing

@testable import Delivery

@Suite struct SendQueueTests {
  @Test func queuesGiveTheirSendsAsHeapsOfThemWould() {
    for seed in 1...200 as ClosedRange<UInt64> {
      var dice = Dice(seed)
      func below(_ n: Int) -> Int { Int(dice.next() % UInt64(n)) }
      let (count, mailboxes) = (1 + below(60), 1 + below(3))
      var times = TimeColumn()
      var at: [Int64] = []
      var time: Int64 = 1_795_000_000_000
      for _ in 0..<count {
        time += Int64(below(3)) * 1000
        // Some out of their order, one of them by years.
        at.append(below(8) == 0 ? time - Int64(below(5)) * 1000 : below(50) == 0 ? 0 : time)
        times.append(at[at.count - 1])
      }
      let box = (0..<count).map { _ in below(mailboxes) }
      var counts = Array(repeating: 0, count: mailboxes)
      for m in box { counts[m] += 1 }
      var dealer = SendDealer(counts: counts)
      var heaps: [Heap<SendQueue.Entry>] = Array(repeating: [], count: mailboxes)
      for handle in 0..<count {
        // A retry waits beyond its planned time.
        let isPlanned = below(6) != 0
        let due = Instant(milliseconds: isPlanned ? at[handle] : at[handle] + 60_000)
        dealer.add(handle, to: box[handle], due: due, isPlanned: isPlanned)
        heaps[box[handle]].insert(SendQueue.Entry(due: due, handle: handle))
      }
      var queues = dealer.queues(times)
      for m in 0..<mailboxes {
        while true {
          #expect(queues[m].min == heaps[m].min && queues[m].count == heaps[m].count)
          #expect(queues[m].isEmpty == heaps[m].isEmpty)
          #expect(queues[m].unordered.sorted() == heaps[m].unordered.sorted())
          guard let head = heaps[m].min else { break }
          queues[m].removeMin()
          heaps[m].removeMin()
          if below(4) == 0 {
            let again = SendQueue.Entry(due: head.due + .seconds(Int64(below(20))), handle: head.handle)
            queues[m].insert(again)
            heaps[m].insert(again)
          }
        }
      }
    }
  }
}
