import Model

/// Gives each of a mailbox's sends its time: spread evenly over the open time as far as windows and limits allow, with
/// jitter by seed, never nearer to one another than the gap (DESIGN §4.4).
///
/// Transactional sends do not wait for an even spread: they take the earliest slots of their open time.
enum Slots {
  struct Item {
    /// Index of its class in the mailbox's day.
    var kind: Int
    var rank: Rank
    var close: Instant
    /// As are all of its class.
    var isTransactional: Bool
  }

  /// - Parameter day: the mailbox's, with the classes that `items` name; the items are known to fit.
  /// - Returns: a time for each item, in `items`' order.
  static func times(_ items: [Item], day: MailboxDay, seed: UInt64, mailbox: String) -> [Instant] {
    var flow = Flow()
    var days = 0
    _ = day.add(to: &flow, days: &days)
    for ranges in day.ranges { _ = flow.addKind([ranges]) }
    var queues: [[Int]] = Array(repeating: [], count: day.ranges.count)
    for i in items.indices.sorted(by: { items[$0].rank < items[$1].rank }) { queues[items[i].kind].append(i) }
    // How long the segments before each one are open together.
    var before: [Int64] = [0]
    for segment in day.segments { before.append((before.last ?? 0) + segment.span.length.milliseconds) }
    let length = day.ranges.map { $0.reduce(Int64(0)) { $0 + before[$1.upperBound] - before[$1.lowerBound] } }
    let early = queues.map { queue in queue.first.map { items[$0].isTransactional } ?? false }
    // Those with the least choice first, so that the others can even out around them.
    let order = queues.indices.sorted { a, b in
      early[a] != early[b] ? early[a] : length[a] != length[b] ? length[a] < length[b] : a < b
    }
    for kind in order {
      let n = queues[kind].count
      let placed = early[kind] ? 0 : spread(n, of: kind, over: day, &flow)
      for _ in placed..<n where !flow.addDirectly(kind, way: 0) { _ = flow.addByMoving(kind) }
    }
    // Which of a class go to which of its segments: the better ranked to the earlier ones.
    var inSegment: [[Int]] = Array(repeating: [], count: day.segments.count)
    for (kind, queue) in queues.enumerated() {
      var rest = queue[...]
      for (s, n) in flow.placed(kind) {
        inSegment[s] += rest.prefix(n)
        rest = rest.dropFirst(n)
      }
    }
    var times = Array(repeating: Instant.distantPast, count: items.count)
    for (s, members) in inSegment.enumerated() where !members.isEmpty {
      let sorted = members.sorted { a, b in
        let (x, y) = (items[a], items[b])
        if x.isTransactional != y.isTransactional { return x.isTransactional }
        return x.close != y.close ? x.close < y.close : x.rank < y.rank
      }
      let early = sorted.prefix { items[$0].isTransactional }.count
      let slots = spread(
        early: early, rest: sorted.count - early, in: day.segments[s].span, grid: day.grid,
        random: Seeded(seed, "jitter", mailbox, String(day.segments[s].span.start.seconds)))
      for (i, slot) in zip(sorted, slots) { times[i] = slot }
    }
    return times
  }

  /// Puts sends of a class where the day is emptiest, evenly from its first segment to its last. Returns how many found
  /// a place; limits can leave some over.
  private static func spread(_ n: Int, of kind: Int, over day: MailboxDay, _ flow: inout Flow) -> Int {
    let open = day.ranges[kind].joined().filter { flow.isUsable($0) }
    func seconds(_ s: Int) -> Double { Double(day.segments[s].span.length.milliseconds) / 1000 }
    if n == 1 {
      // The one that is the emptiest with it; of equal ones the first.
      let best = open.min { a, b in
        Double(flow.segments[a].used + 1) * seconds(b) < Double(flow.segments[b].used + 1) * seconds(a)
      }
      return best.map { flow.add(1, of: kind, to: $0) } ?? 0
    }
    // The level, in sends a second, up to which all segments are filled.
    func share(_ s: Int, _ level: Double) -> Double {
      let segment = flow.segments[s]
      return min(max(0, level * seconds(s) - Double(segment.used)), Double(segment.capacity - segment.used))
    }
    var (low, high) = (0.0, 1.0)
    func fits(_ level: Double) -> Bool { open.reduce(0) { $0 + share($1, level) } < Double(n) }
    while high < 1e9, fits(high) { high *= 16 }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    // Shares are no whole numbers: what is due so far, rounded, less what was given so far.
    var (sum, given) = (0.0, 0)
    let shares = open.map { share($0, high) }
    for (s, share) in zip(open, shares) {
      sum += share
      given += flow.add(min(n, Int(sum + 0.5)) - given, of: kind, to: s)
    }
    return given
  }

  /// The times in one segment, ascending: `early` ones from its start, `rest` over what is left of it.
  private static func spread(early: Int, rest: Int, in span: Interval, grid: SlotGrid, random: Seeded) -> [Instant] {
    var random = random
    var first = grid.index(from: span.start)
    let end = grid.index(from: span.end)
    var out: [Instant] = []
    if early > 0 {
      // Without a gap they share the first second; the executor's connections pace them.
      for i in 0..<Int64(early) { out.append(grid.instant(grid.gap == 0 ? first : first + i)) }
      if grid.gap > 0 { first += Int64(early) }
    }
    let room = max(1, end - first)
    let n = Int64(rest)
    for i in 0..<n {
      let from = first + i.multipliedReportingOverflow(by: room).partialValue / n
      let to = first + (i + 1).multipliedReportingOverflow(by: room).partialValue / n
      out.append(grid.instant(from + random.below(to - from)))
    }
    return out
  }
}
