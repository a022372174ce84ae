import Model

/// One mailbox's part of the plan's day, cut into segments between any two openings or closings of the classes of sends
/// (those with the same open time), at its midnights and, where it has hourly or rolling limits, at its clock's hours.
/// Each segment lies under a chain of limits.
struct MailboxDay {
  struct Segment {
    var span: Interval
    /// Slots of the grid in it; `Int.max` for a mailbox without a gap.
    var capacity: Int
    /// Index into `limits`; -1 for none.
    var limit: Int
  }

  /// So many sends in all the segments and limits under it.
  struct Limit {
    var left: Int
    /// The limit that this one lies under; -1 for none.
    var parent: Int
  }

  private(set) var segments: [Segment] = []
  private(set) var limits: [Limit] = []
  /// For each class, the segments in which it may go.
  private(set) var ranges: [[Range<Int>]]
  let grid: SlotGrid

  /// - Parameters:
  ///   - classes: the open time of each class, within the plan's span and the mailbox's window.
  init(classes: [IntervalSet], mailbox: Mailbox, grid: SlotGrid, used: (Interval) -> Int, instants: [Instant]) {
    self.grid = grid
    ranges = Array(repeating: [], count: classes.count)
    var cuts = Set(classes.flatMap { $0.intervals.flatMap { [$0.start, $0.end] } })
    guard let first = cuts.min(), let last = cuts.max() else { return }
    let clock = MailboxClock(zone: mailbox.zone, from: first, to: last)
    let byHour = mailbox.hourlyLimit != nil || mailbox.rollingLimit != nil
    for day in clock.days.dropFirst() { cuts.insert(day.span.start) }
    if byHour { for hour in clock.hours.dropFirst() { cuts.insert(hour.span.start) } }
    let all = IntervalSet(classes.flatMap(\.intervals))
    let builder = LimitBuilder(mailbox: mailbox, clock: clock, used: used, instants: instants, open: all)
    let sorted = cuts.sorted()
    var piece = 0
    for (start, end) in zip(sorted, sorted.dropFirst()) {
      while piece < all.intervals.count, all.intervals[piece].end <= start { piece += 1 }
      guard piece < all.intervals.count, all.intervals[piece].contains(start) else { continue }
      let span = Interval(start, end)
      segments.append(Segment(span: span, capacity: grid.count(in: span), limit: builder.limit(at: start)))
    }
    limits = builder.limits
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
}

/// The days and hours that a mailbox's clock shows during a span.
struct MailboxClock {
  struct Piece {
    /// The whole of it, also what lies outside of the span.
    var span: Interval
    /// The day's number, or the hour's: two hours that a change of the clocks repeats have the same.
    var label: Int
  }

  private(set) var days: [Piece] = []
  private(set) var hours: [Piece] = []

  init(zone: Zone, from first: Instant, to last: Instant) {
    var day = zone.day(of: first)
    while true {
      let span = Interval(zone.instant(day, second: 0), zone.instant(day + 1, second: 0))
      days.append(Piece(span: span, label: day.number))
      day = day + 1
      if span.end >= last { break }
    }
    func hour(at instant: Instant) -> Int {
      let local = instant.seconds + zone.offset(at: instant)
      return Int(local >= 0 ? local / 3600 : (local - 3599) / 3600)
    }
    var start = Instant(seconds: first.seconds)
    let into = { (t: Instant) in ((t.seconds + zone.offset(at: t)) % 3600 + 3600) % 3600 }
    start = start - .seconds(into(start))
    while start < last {
      // To the next full hour by the offset in force, whatever the one after it.
      let end = start + .seconds(3600 - into(start))
      hours.append(Piece(span: Interval(start, end), label: hour(at: start)))
      start = end
    }
  }

  static func index(of instant: Instant, in pieces: [Piece]) -> Int {
    pieces.lastIndex { $0.span.start <= instant } ?? 0
  }
}

extension MailboxDay {
  /// Adds what the day has room for: a node for each segment and each limit, and from them to the sink.
  /// - Returns: the segments' nodes.
  func add(to network: inout FlowNetwork) -> [Int] {
    let nodes = limits.map { _ in network.addNode() }
    for (node, limit) in zip(nodes, limits) {
      network.addArc(node, limit.parent < 0 ? network.sink : nodes[limit.parent], limit.left)
    }
    return segments.map { segment in
      let node = network.addNode()
      network.addArc(
        node, segment.limit < 0 ? network.sink : nodes[segment.limit], min(segment.capacity, FlowNetwork.unlimited))
      return node
    }
  }
}

/// The limits of a mailbox as a tree: hours under the rolling 24 hours under days.
///
/// Rolling: whatever the plan has sent by the end of an hour, and what was sent in the 24 hours before the hour's
/// beginning, must not be more than the limit. Since the plan is a day long, its own sends all count together, and the
/// sets – everything up to an hour – lie inside one another as a flow needs it. What breaks that, and is counted more
/// strictly than need be: the second calendar day of a plan, if the mailbox has daily limits too (earlier sends count
/// as at that day's beginning); lines that other plans hold for the 24 hours after (each hour gets a share of its own).
private struct LimitBuilder {
  private(set) var limits: [MailboxDay.Limit] = []
  private let clock: MailboxClock
  /// For each hour the innermost limit; for each day, where there are no limits by the hour.
  private var ofHour: [Int] = []
  private var ofDay: [Int] = []

  init(
    mailbox: Mailbox, clock: MailboxClock, used: (Interval) -> Int, instants: [Instant], open: IntervalSet
  ) {
    self.clock = clock
    ofDay = clock.days.map { _ in -1 }
    let isDaily = mailbox.dailyLimit != nil || mailbox.ramp != nil
    if isDaily {
      for (i, day) in clock.days.enumerated() {
        let limit = mailbox.limit(on: CalendarDay(number: day.label)) ?? .max / 4
        ofDay[i] = add(limit - used(day.span), parent: -1)
      }
    }
    guard mailbox.hourlyLimit != nil || mailbox.rollingLimit != nil else { return }
    var outer = clock.hours.map { ofDay[MailboxClock.index(of: $0.span.start, in: clock.days)] }
    if let rolling = mailbox.rollingLimit { roll(rolling, isDaily, instants, open, &outer) }
    guard let hourly = mailbox.hourlyLimit else {
      ofHour = outer
      return
    }
    var byLabel: [Int: Int] = [:]
    for (i, hour) in clock.hours.enumerated().reversed() {
      if let known = byLabel[hour.label] {
        limits[known].left -= used(hour.span)
      } else {
        byLabel[hour.label] = add(hourly - used(hour.span), parent: outer[i])
      }
    }
    ofHour = clock.hours.map { byLabel[$0.label] ?? -1 }
    for i in limits.indices { limits[i].left = max(0, limits[i].left) }
  }

  private mutating func add(_ left: Int, parent: Int) -> Int {
    limits.append(MailboxDay.Limit(left: max(0, left), parent: parent))
    return limits.count - 1
  }

  /// - Parameter outer: for each hour the limit of its day; becomes the innermost that there is now.
  private mutating func roll(
    _ rolling: Int, _ isDaily: Bool, _ instants: [Instant], _ open: IntervalSet, _ outer: inout [Int]
  ) {
    let hours = clock.hours
    guard let start = open.first, let end = open.close else { return }
    let past = instants.filter { $0 < start }
    let later = instants.filter { $0 >= end }
    let between = instants.count - past.count - later.count
    // What others have in the worst 24 hours that end after an hour's beginning and began before the plan.
    func before(_ hour: Int) -> Int {
      let near = past.drop { $0 <= hours[hour].span.start - .hours(24) }
      var most = near.count
      for (i, first) in near.enumerated() where !later.isEmpty {
        most = max(most, near.count - i + later.prefix { $0 < first + .hours(24) }.count)
      }
      return most + between
    }
    let firstDayEnd = clock.days.first?.span.end ?? .distantFuture
    let isSplit = isDaily && clock.days.count > 1
    let last = isSplit ? (hours.lastIndex { $0.span.start < firstDayEnd } ?? hours.count - 1) : hours.count - 1
    var root = -1
    if isSplit, last + 1 < hours.count {
      root = add(rolling - before(last + 1), parent: -1)
      for day in ofDay where day >= 0 { limits[day].parent = root }
    }
    // From the day's end to its beginning, each under the one after it. Hours of the same label share the stricter.
    var inner = isDaily ? ofDay[0] : root
    for i in (0...max(0, last)).reversed() where i < hours.count {
      let repeats = i > 0 && hours[i - 1].label == hours[i].label
      let past = before(repeats ? i - 1 : i)
      if inner < 0 || rolling - past < limits[inner].left { inner = add(rolling - past, parent: inner) }
      outer[i] = inner
    }
    share(rolling - between, later, open, &outer)
  }

  /// Room for what other plans hold after this one: an hour may take only what leaves the 24 hours after it whole.
  private mutating func share(
    _ rolling: Int, _ later: [Instant], _ open: IntervalSet, _ outer: inout [Int]
  ) {
    var given = 0
    for (i, hour) in clock.hours.enumerated().reversed() {
      guard !open.intersection(hour.span).isEmpty else { continue }
      let ahead = later.prefix { $0 < hour.span.end + .hours(24) }.count
      // With none of them in reach the plan's own sends are all that counts, and they are counted above.
      guard ahead > 0 else { break }
      let share = max(0, rolling - ahead - given)
      given += share
      outer[i] = add(share, parent: outer[i])
    }
  }

  func limit(at instant: Instant) -> Int {
    if ofHour.isEmpty { return ofDay[MailboxClock.index(of: instant, in: clock.days)] }
    return ofHour[MailboxClock.index(of: instant, in: clock.hours)]
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
