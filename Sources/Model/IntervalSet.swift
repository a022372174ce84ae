/// From `start` up to, and not including, `end`.
public struct Interval: Hashable, Sendable {
  public var start: Instant
  public var end: Instant

  public init(_ start: Instant, _ end: Instant) {
    self.start = start
    self.end = end
  }

  public var length: Instant.Span { end - start }
  public func contains(_ instant: Instant) -> Bool { start <= instant && instant < end }
}

/// A set of instants: sorted, disjoint, non-empty intervals that do not touch. What a window comes to on a given day.
public struct IntervalSet: Hashable, Sendable {
  public private(set) var intervals: [Interval]

  public init() { intervals = [] }

  /// Any intervals, in any order, overlapping or empty.
  public init(_ parts: [Interval]) {
    intervals = []
    for part in parts.sorted(by: { $0.start < $1.start }) where part.start < part.end {
      if let last = intervals.last, part.start <= last.end {
        intervals[intervals.count - 1].end = max(last.end, part.end)
      } else {
        intervals.append(part)
      }
    }
  }

  public var isEmpty: Bool { intervals.isEmpty }
  public var first: Instant? { intervals.first?.start }
  /// The closing of the last interval: the first instant that is not in the set any more.
  public var close: Instant? { intervals.last?.end }
  public var length: Instant.Span { intervals.reduce(.zero) { $0 + $1.length } }

  public func contains(_ instant: Instant) -> Bool { intervals.contains { $0.contains(instant) } }

  /// The first instant of the set at or after `instant`.
  public func firstInstant(from instant: Instant) -> Instant? {
    for interval in intervals where instant < interval.end { return max(instant, interval.start) }
    return nil
  }

  public func intersection(_ other: IntervalSet) -> IntervalSet {
    var result: [Interval] = []
    var (i, j) = (0, 0)
    while i < intervals.count, j < other.intervals.count {
      let (a, b) = (intervals[i], other.intervals[j])
      let common = Interval(max(a.start, b.start), min(a.end, b.end))
      if common.start < common.end { result.append(common) }
      if a.end < b.end { i += 1 } else { j += 1 }
    }
    return IntervalSet(result)
  }

  public func intersection(_ interval: Interval) -> IntervalSet { intersection(IntervalSet([interval])) }
  public func union(_ other: IntervalSet) -> IntervalSet { IntervalSet(intervals + other.intervals) }
}
