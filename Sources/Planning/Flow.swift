import Collections

/// How many sends of which kind fit into a day's segments, with moves where these make room.
///
/// A flow: kinds of sends ─▶ segments, each holding so many ─▶ days with a limit each. A kind's segments are given by
/// ways (one for each mailbox that it may take), of which `addDirectly` is asked for one at a time and `addByMoving`
/// for all. The sets of sends that fit form a matroid, so that serving by rank gives the most of each rank in turn,
/// and room that is gone never comes back. Hourly and rolling limits will be further nodes between segments and days.
struct Flow {
  struct Segment {
    /// `Int.max` for any number.
    var capacity: Int
    var used = 0
    /// Index into the days.
    var day: Int
    var hasRoom: Bool { used < capacity }
  }

  private(set) var segments: [Segment] = []
  /// Sends left for each day.
  private var left: [Int] = []
  /// The segments of each day.
  private var segmentsOfDay: [[Int]] = []
  /// For each kind and way, the segments open to it.
  private var ways: [[[Range<Int>]]] = []
  /// For each segment, how many of which kind are in it. Ordered, so that moves are the same in every run.
  private var held: [OrderedDictionary<Int, Int>] = []
  /// The same by kind.
  private var taken: [[Int: Int]] = []
  /// Kinds for which there is no room any more, even by moving others.
  private var isFull: [Bool] = []
  /// Passes over segments that are full, or whose day is: neither ever changes again.
  private var usable = Skips()
  /// Passes over segments that a search has shown to lead nowhere.
  private var alive = Skips()
  private var search = Search()

  /// - Parameter day: of this segment; a new one has the number of those so far, and the limit `limit`.
  mutating func addSegment(capacity: Int, day: Int, limit: Int) {
    if day == left.count {
      left.append(limit)
      segmentsOfDay.append([])
      search.dayEntry.append(-1)
    }
    segmentsOfDay[day].append(segments.count)
    segments.append(Segment(capacity: capacity, day: day))
    held.append([:])
    usable.append()
    alive.append()
    search.segmentStamp.append(0)
    search.skip.append(0)
    search.enteredBy.append(-1)
  }

  /// - Returns: the new kind's number.
  mutating func addKind(_ own: [[Range<Int>]]) -> Int {
    ways.append(own)
    taken.append([:])
    isFull.append(false)
    search.kindStamp.append(0)
    search.leaves.append(-1)
    return ways.count - 1
  }

  /// The segments that have any of a kind, ascending, with how many.
  func placed(_ kind: Int) -> [(segment: Int, count: Int)] {
    taken[kind].filter { $0.value > 0 }.map { ($0.key, $0.value) }.sorted { $0.segment < $1.segment }
  }

  /// Whether one more fits into a segment as things stand.
  func isUsable(_ s: Int) -> Bool { segments[s].hasRoom && left[segments[s].day] > 0 }

  /// Puts up to `n` of a kind into a segment. Returns how many that were.
  mutating func add(_ n: Int, of kind: Int, to s: Int) -> Int {
    let fit = min(n, segments[s].capacity - segments[s].used, left[segments[s].day])
    if fit > 0 { change(kind, s, by: fit) }
    return max(0, fit)
  }

  /// Puts one more of a kind into the first segment of a way that has room as things stand.
  mutating func addDirectly(_ kind: Int, way: Int) -> Bool {
    for range in ways[kind][way] {
      var s = usable.next(range.lowerBound)
      while s < range.upperBound {
        if isUsable(s) {
          change(kind, s, by: 1)
          return true
        }
        usable.remove(s)
        s = usable.next(s)
      }
    }
    return false
  }

  private mutating func change(_ kind: Int, _ s: Int, by n: Int) {
    segments[s].used += n
    left[segments[s].day] -= n
    held[s][kind, default: 0] += n
    taken[kind][s, default: 0] += n
  }

  /// What one search has visited, and how it came there. Stamps save clearing it for the next one.
  private struct Search {
    var number = 0
    var segmentStamp: [Int] = []
    var kindStamp: [Int] = []
    /// The next segment that may be unvisited, for one that is visited.
    var skip: [Int] = []
    /// The kind that wants to enter a segment; -1 where a day gave the segment's place back.
    var enteredBy: [Int] = []
    /// The segment that a kind would leave; -1 for the new send's kind.
    var leaves: [Int] = []
    /// The segment that wants a place of a day which is used up.
    var dayEntry: [Int] = []
    var days: Set<Int> = []
    var segments: [Int] = []
    var kinds: [Int] = []
  }

  /// Makes room for one more of a kind, over all of its ways, by moving others; false if there is none.
  ///
  /// Breadth first. From a kind one reaches its segments; from a full segment the kinds that have a send in it, which
  /// would leave; from a segment with room on a day that is used up the other segments of that day, which would give
  /// a place back. The end is a segment with room on a day with room: each move before it leaves its segment or its
  /// day as full as it was.
  mutating func addByMoving(_ kind: Int) -> Bool {
    if isFull[kind] { return false }
    search.number += 1
    search.days = []
    search.segments = []
    search.kinds = []
    var goal = reach(kind, leaving: -1)
    var head = 0
    while goal == nil, head < search.segments.count {
      let s = search.segments[head]
      head += 1
      for kind in held[s].keys where (held[s][kind] ?? 0) > 0 {
        goal = reach(kind, leaving: s)
        if goal != nil { break }
      }
      if goal == nil, segments[s].hasRoom { takeBack(from: segments[s].day, for: s) }
    }
    guard let goal else {
      for s in search.segments { alive.remove(s) }
      for kind in search.kinds { isFull[kind] = true }
      return false
    }
    var s = goal
    while true {
      let kind = search.enteredBy[s]
      let from = search.leaves[kind]
      change(kind, s, by: 1)
      if from < 0 { return true }
      change(kind, from, by: -1)
      s = search.enteredBy[from] >= 0 ? from : search.dayEntry[segments[from].day]
    }
  }

  /// Visits all that a kind may enter. Returns a segment that has room for it, if there is one.
  private mutating func reach(_ kind: Int, leaving: Int) -> Int? {
    guard search.kindStamp[kind] != search.number else { return nil }
    search.kindStamp[kind] = search.number
    search.kinds.append(kind)
    search.leaves[kind] = leaving
    for range in ways[kind].joined() {
      var s = nextUnvisited(range.lowerBound)
      while s < range.upperBound {
        visit(s, by: kind)
        if isUsable(s) { return s }
        s = nextUnvisited(s)
      }
    }
    return nil
  }

  private mutating func takeBack(from day: Int, for s: Int) {
    guard search.days.insert(day).inserted else { return }
    search.dayEntry[day] = s
    for other in segmentsOfDay[day] where segments[other].used > 0 && search.segmentStamp[other] != search.number {
      visit(other, by: -1)
    }
  }

  private mutating func visit(_ s: Int, by kind: Int) {
    search.segmentStamp[s] = search.number
    search.skip[s] = s + 1
    search.enteredBy[s] = kind
    search.segments.append(s)
  }

  private mutating func nextUnvisited(_ start: Int) -> Int {
    var s = alive.next(start)
    while s < segments.count, search.segmentStamp[s] == search.number {
      let next = alive.next(search.skip[s])
      search.skip[s] = next
      s = next
    }
    return s
  }
}

/// The numbers from 0 on, less those taken out: finds the next one in almost constant time (union-find).
private struct Skips {
  private var parent: [Int] = []

  mutating func append() { parent.append(parent.count) }
  mutating func remove(_ i: Int) { parent[i] = i + 1 }

  /// The first number at or after `start` that is left; the count where there is none.
  mutating func next(_ start: Int) -> Int {
    var i = start
    while i < parent.count, parent[i] != i {
      if parent[i] < parent.count { parent[i] = parent[parent[i]] }
      i = parent[i]
    }
    return i
  }
}
