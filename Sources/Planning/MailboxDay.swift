import Model

/// How many sends of which kind one mailbox can make on the plan's day.
///
/// A small flow: classes of sends (those with the same open time) ─▶ segments of the day (between any two openings or
/// closings; each holds as many slots of the mailbox's grid as lie in it) ─▶ calendar days of the mailbox (each with
/// its daily limit). `add` finds room for one more of a class, moving others where that makes room, and says no only
/// where there is none. The sets of sends that fit form a matroid, so that serving by rank gives the most of each rank
/// in turn. Hourly and rolling limits will be further nodes between segments and days.
struct MailboxDay {
  struct Segment {
    var span: Interval
    /// Slots of the grid in it; `Int.max` for a mailbox without a gap.
    var capacity: Int
    var used = 0
    /// Index into `limits`.
    var day: Int
    var hasRoom: Bool { used < capacity }
  }

  private(set) var segments: [Segment] = []
  /// Sends left for each calendar day of the mailbox.
  private(set) var limits: [Int] = []
  /// For each class, the segments in which it may go.
  private var options: [[Int]]
  /// For each class, how many of it are in which segment.
  private(set) var placed: [[Int: Int]]
  /// Classes for which there is no room any more; room never comes back.
  private(set) var isFull: [Bool]
  let grid: SlotGrid

  /// - Parameters:
  ///   - classes: the open time of each class, within the plan's span and the mailbox's window.
  ///   - remaining: what the daily limit leaves for a calendar day of the mailbox.
  init(classes: [IntervalSet], zone: Zone, grid: SlotGrid, remaining: (CalendarDay) -> Int) {
    self.grid = grid
    options = Array(repeating: [], count: classes.count)
    placed = Array(repeating: [:], count: classes.count)
    isFull = classes.map(\.isEmpty)
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
    for (start, end) in zip(sorted, sorted.dropFirst()) where all.contains(start) {
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
      for interval in open.intervals {
        var s = firstSegment(from: interval.start)
        while s < segments.count, segments[s].span.start < interval.end {
          options[i].append(s)
          s += 1
        }
      }
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

  /// Takes everything out again.
  mutating func clear() {
    for kind in placed.indices {
      for (s, n) in placed[kind] {
        segments[s].used -= n
        limits[segments[s].day] += n
      }
      placed[kind] = [:]
      isFull[kind] = options[kind].isEmpty
    }
  }

  var total: Int { segments.reduce(0) { $0 + $1.used } }
  /// Sends that the daily limits still allow.
  var limitLeft: Int { limits.reduce(0) { $0.addingReportingOverflow($1).overflow ? .max : $0 + $1 } }
  func canEver(_ kind: Int) -> Bool { !options[kind].isEmpty }
  /// The segments in which a class may go.
  func segmentsOpen(to kind: Int) -> [Int] { options[kind] }

  /// Makes room for one more of a class; false if there is none, even by moving others.
  mutating func add(_ kind: Int) -> Bool {
    if isFull[kind] { return false }
    for s in options[kind] where segments[s].hasRoom && limits[segments[s].day] > 0 {
      put(kind, in: s)
      return true
    }
    if augment(kind) { return true }
    isFull[kind] = true
    return false
  }

  /// As `add`, with a preference among the segments that have room at once.
  mutating func add(_ kind: Int, by preference: (Segment) -> Double) -> Bool {
    var best: (segment: Int, score: Double)?
    for s in options[kind] where segments[s].hasRoom && limits[segments[s].day] > 0 {
      let score = preference(segments[s])
      if best.map({ score < $0.score }) ?? true { best = (s, score) }
    }
    guard let best else { return augment(kind) }
    put(kind, in: best.segment)
    return true
  }

  private mutating func put(_ kind: Int, in s: Int) {
    segments[s].used += 1
    limits[segments[s].day] -= 1
    placed[kind][s, default: 0] += 1
  }

  private mutating func take(_ kind: Int, from s: Int) {
    segments[s].used -= 1
    limits[segments[s].day] += 1
    placed[kind][s, default: 0] -= 1
    if placed[kind][s] == 0 { placed[kind][s] = nil }
  }

  /// Breadth-first search for a chain of moves that ends in a segment with room on a day with room.
  ///
  /// From a class one reaches its segments. From a full segment one reaches the classes that have a send in it (which
  /// would move). From a segment with room whose day is used up one reaches, beside those, the other segments of that
  /// day that are in use: a send leaving one of them gives the day its place back.
  private mutating func augment(_ kind: Int) -> Bool {
    struct Step {
      var kind: Int
      var segment: Int
      /// The step whose send this one's move makes room for.
      var previous: Int
      /// Where the moved send comes from; -1 for the new one.
      var from: Int
    }
    var steps: [Step] = []
    var seen: Set<Int> = []
    // A state is a segment that a send wants to enter.
    func enter(_ kind: Int, from: Int, previous: Int, freesDay: Int?, _ steps: inout [Step], _ seen: inout Set<Int>)
      -> Int?
    {
      for s in options[kind] where s != from {
        let dayOK = limits[segments[s].day] > 0 || freesDay == segments[s].day
        if segments[s].hasRoom && dayOK {
          steps.append(Step(kind: kind, segment: s, previous: previous, from: from))
          return steps.count - 1
        }
        if seen.insert(s).inserted {
          steps.append(Step(kind: kind, segment: s, previous: previous, from: from))
        }
      }
      return nil
    }
    var goal = enter(kind, from: -1, previous: -1, freesDay: nil, &steps, &seen)
    var head = 0
    while goal == nil, head < steps.count {
      let s = steps[head].segment
      // Sends that could leave to let this one in: those in the segment, or if it has room, any of its day.
      let sources = segments[s].hasRoom ? segments.indices.filter { segments[$0].day == segments[s].day } : [s]
      search: for source in sources {
        for other in placed.indices where placed[other][source] != nil {
          goal = enter(other, from: source, previous: head, freesDay: segments[source].day, &steps, &seen)
          if goal != nil { break search }
        }
      }
      head += 1
    }
    guard var at = goal else { return false }
    // Carry the moves out from the end of the chain.
    while true {
      let step = steps[at]
      if step.from >= 0 { take(step.kind, from: step.from) }
      put(step.kind, in: step.segment)
      guard step.previous >= 0 else { return true }
      at = step.previous
    }
  }
}

/// The instants at which a mailbox may send: whole multiples of its gap from a phase of its own. It does not depend on
/// the day, so that the gap holds from one day's plan to the next.
struct SlotGrid {
  /// Seconds between two slots; 0 for none.
  let gap: Int64
  /// Seconds, 0 ..< gap.
  let phase: Int64

  init(gap: Instant.Span, seed: UInt64, mailbox: String) {
    self.gap = gap.secondsRoundedUp
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
    gap == 0 ? .max : Int(index(from: span.end) - index(from: span.start))
  }
}
