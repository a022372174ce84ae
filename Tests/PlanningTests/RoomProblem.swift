/// Sends that want places, under caps on both sides: what is left of a plan's day once windows, zones and histories are
/// worked out. The solvers judge the planner by it; it knows nothing of how the planner thinks.
struct RoomProblem: Sendable {
  struct Send: Sendable {
    /// 0 goes before 1, and so on.
    var level: Int
    /// Which of `groups` says where it may go.
    var group: Int
    /// Indices into `limits`.
    var caps: [Int] = []
  }

  struct Place: Sendable {
    var capacity: Int
    /// Indices into `limits`.
    var caps: [Int] = []
  }

  var sends: [Send] = []
  var places: [Place] = []
  /// Indices of places.
  var groups: [[Int]] = []
  /// Each holds for sends or for places, never for both.
  var limits: [Int] = []

  /// What a send of each level is worth: one more than all sends of the levels after it together, so that the largest
  /// sum has the most of the first level, then of the second, and so on. Nil where 64 bits do not hold it.
  var weights: [Int]? {
    let last = sends.map(\.level).max() ?? -1
    var counts = Array(repeating: 0, count: last + 1)
    for send in sends { counts[send.level] += 1 }
    var weights = Array(repeating: 1, count: last + 1)
    var next = 1
    for level in counts.indices.reversed() {
      weights[level] = next
      let (grown, overflow) = next.multipliedReportingOverflow(by: counts[level] + 1)
      if overflow || grown > Int.max / 8 { return nil }
      next = grown
    }
    return weights
  }

  /// The sends under each cap that could be exceeded.
  func binding() -> [(cap: Int, members: [Int])] {
    var members = Array(repeating: [Int](), count: limits.count)
    for (i, send) in sends.enumerated() { for cap in send.caps { members[cap].append(i) } }
    return members.indices.filter { members[$0].count > limits[$0] }.map { ($0, members[$0]) }
  }
}

/// Caps of which any two either share no member or one holds all of the other's: a tree.
struct CapTree {
  /// The next larger cap around each one in `caps`; nil at the top.
  private(set) var parent: [Int: Int] = [:]
  /// The smallest cap around each member; nil where there is none.
  private(set) var leaf: [Int?]
  let caps: [Int]

  /// Nil if the caps are no tree.
  init?(_ caps: [(cap: Int, members: [Int])], count: Int) {
    self.caps = caps.map(\.cap)
    var around = Array(repeating: [Int](), count: count)
    // Smallest first. If all members of a cap have the same one next, for every cap, the caps are a tree; and a tree's
    // members do.
    for (cap, members) in caps.sorted(by: { ($0.members.count, $0.cap) < ($1.members.count, $1.cap) }) {
      for member in members { around[member].append(cap) }
    }
    leaf = around.map(\.first)
    var known: [Int: Int?] = [:]
    for chain in around {
      for (i, cap) in chain.enumerated() {
        let next = i + 1 < chain.count ? chain[i + 1] : nil
        if let other = known[cap], other != next { return nil }
        known[cap] = .some(next)
      }
    }
    for (cap, next) in known { if let next { parent[cap] = next } }
  }
}
