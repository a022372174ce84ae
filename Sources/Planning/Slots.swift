import Model

/// Gives each of a mailbox's sends its time: spread evenly over the open time as far as windows and limits allow, with
/// jitter by seed, never nearer to one another than the gap (DESIGN §4.4).
///
/// Transactional sends do not wait for an even spread: they take the earliest slots of their open time.
enum Slots {
  struct Item {
    /// Index of the candidate.
    var candidate: Int
    /// Index of its class in the mailbox's day.
    var kind: Int
    var rank: Rank
    var close: Instant
    var isTransactional: Bool
  }

  /// - Parameter room: the mailbox's day, empty, with the classes that `items` name; the items are known to fit.
  /// - Returns: a time for each item, in `items`' order.
  static func times(_ items: [Item], room: MailboxDay, seed: UInt64, mailbox: String) -> [Instant] {
    var room = room
    var length: [Int: Double] = [:]
    for item in items where length[item.kind] == nil {
      length[item.kind] = room.openSeconds(item.kind)
    }
    // Those with the least choice first, so that the others can even out around them.
    let order = items.indices.sorted { a, b in
      let (x, y) = (items[a], items[b])
      if x.isTransactional != y.isTransactional { return x.isTransactional }
      let (lx, ly) = (length[x.kind] ?? 0, length[y.kind] ?? 0)
      return lx != ly ? lx < ly : x.kind != y.kind ? x.kind < y.kind : x.rank < y.rank
    }
    for i in order {
      if items[i].isTransactional {
        _ = room.add(items[i].kind) { Double($0.span.start.seconds) }
      } else {
        _ = room.add(items[i].kind) { Double($0.used + 1) / max(1, Double($0.span.length.milliseconds)) }
      }
    }
    // Which of a class go to which of its segments: the better ranked to the earlier ones.
    var queues: [Int: [Int]] = [:]
    for i in items.indices.sorted(by: { items[$0].rank < items[$1].rank }) {
      queues[items[i].kind, default: []].append(i)
    }
    var inSegment: [[Int]] = Array(repeating: [], count: room.segments.count)
    for (kind, queue) in queues {
      var rest = queue[...]
      for s in room.placed[kind].keys.sorted() {
        let n = room.placed[kind][s] ?? 0
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
        early: early, rest: sorted.count - early, in: room.segments[s].span, grid: room.grid,
        random: Seeded(seed, "jitter", mailbox, String(room.segments[s].span.start.seconds)))
      for (i, slot) in zip(sorted, slots) { times[i] = slot }
    }
    return times
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

extension MailboxDay {
  /// How long a class is open, in seconds.
  func openSeconds(_ kind: Int) -> Double {
    segmentsOpen(to: kind).reduce(0) { $0 + Double(segments[$1].span.length.milliseconds) / 1000 }
  }
}
