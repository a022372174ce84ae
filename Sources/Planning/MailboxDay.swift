import Model

/// One mailbox's part of the plan's day, cut into segments between any two openings or closings of the classes of sends
/// (those with the same open time) and at the mailbox's midnights. `Flow` says what fits into them.
struct MailboxDay {
  struct Segment {
    var span: Interval
    /// Slots of the grid in it; `Int.max` for a mailbox without a gap.
    var capacity: Int
    /// Index into `limits`.
    var day: Int
  }

  private(set) var segments: [Segment] = []
  /// Sends left for each calendar day of the mailbox.
  private(set) var limits: [Int] = []
  /// For each class, the segments in which it may go.
  private(set) var ranges: [[Range<Int>]]
  let grid: SlotGrid

  /// - Parameters:
  ///   - classes: the open time of each class, within the plan's span and the mailbox's window.
  ///   - remaining: what the daily limit leaves for a calendar day of the mailbox.
  init(classes: [IntervalSet], zone: Zone, grid: SlotGrid, remaining: (CalendarDay) -> Int) {
    self.grid = grid
    ranges = Array(repeating: [], count: classes.count)
    var cuts = Set(classes.flatMap { $0.intervals.flatMap { [$0.start, $0.end] } })
    guard let first = cuts.min(), let last = cuts.max() else { return }
    var day = zone.day(of: first) + 1
    while true {
      let midnight = zone.instant(day, second: 0)
      guard midnight < last else { break }
      cuts.insert(midnight)
      day = day + 1
    }
    let all = IntervalSet(classes.flatMap(\.intervals))
    let sorted = cuts.sorted()
    var dayIndex: [CalendarDay: Int] = [:]
    var piece = 0
    for (start, end) in zip(sorted, sorted.dropFirst()) {
      while piece < all.intervals.count, all.intervals[piece].end <= start { piece += 1 }
      guard piece < all.intervals.count, all.intervals[piece].contains(start) else { continue }
      let day = zone.day(of: start)
      let index = dayIndex[day] ?? limits.count
      if dayIndex[day] == nil {
        dayIndex[day] = index
        limits.append(max(0, remaining(day)))
      }
      let span = Interval(start, end)
      segments.append(Segment(span: span, capacity: grid.count(in: span), day: index))
    }
    for (i, open) in classes.enumerated() {
      ranges[i] = open.intervals.map { firstSegment(from: $0.start)..<firstSegment(from: $0.end) }
    }
  }

  private func firstSegment(from instant: Instant) -> Int {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].span.start < instant { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Adds the segments and days to a flow. Returns the number of the first segment there.
  func add(to flow: inout Flow, days: inout Int) -> Int {
    let first = flow.segments.count
    for segment in segments {
      flow.addSegment(capacity: segment.capacity, day: days + segment.day, limit: limits[segment.day])
    }
    days += limits.count
    return first
  }
}

/// The instants at which a mailbox may send: whole multiples of its gap from a phase of its own. It does not depend on
/// the day, so that the gap holds from one day's plan to the next. A gap of hours could miss a window every day: its
/// grid begins with the day's first opening, and the mailbox's last attempt and the executor keep it from day to day.
struct SlotGrid {
  /// Seconds between two slots; 0 for none.
  let gap: Int64
  /// Seconds, 0 ..< gap.
  let phase: Int64

  /// - Parameter opening: the mailbox's first open instant on the plan's day.
  init(gap: Instant.Span, seed: UInt64, mailbox: String, opening: Instant? = nil) {
    self.gap = gap.secondsRoundedUp
    if gap >= .hours(2), let opening {
      phase = opening.roundedUpToSecond.seconds % self.gap
      return
    }
    var random = Seeded(seed, "grid", mailbox)
    phase = random.below(self.gap)
  }

  /// The number of the first slot at or after an instant.
  func index(from instant: Instant) -> Int64 {
    let step = max(gap, 1)
    let t = instant.roundedUpToSecond.seconds - phase + step - 1
    return t >= 0 ? t / step : (t - step + 1) / step
  }

  func instant(_ index: Int64) -> Instant { Instant(seconds: index * max(gap, 1) + phase) }

  /// Slots in a span; without a gap any number of sends may share one.
  func count(in span: Interval) -> Int {
    let slots = Int(index(from: span.end) - index(from: span.start))
    return gap == 0 && slots > 0 ? .max : slots
  }
}
