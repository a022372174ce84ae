import Model

/// Gives each of a mailbox's sends its time: spread evenly over the open time as far as windows and limits allow, with
/// jitter by seed, never nearer to one another than the gap (DESIGN §4.4).
///
/// Transactional sends do not wait for an even spread: they take the earliest slots of their open time.
struct Slots {
  /// Sends of one way in the mailbox: they have the same open time.
  struct Kind {
    /// Index of its class in the mailbox's day.
    var timeClass: Int
    var count: Int
    /// Takes the earliest slots.
    var isTransactional: Bool
  }

  private let day: MailboxDay
  private let kinds: [Kind]
  /// Sends in each segment, and left under each limit.
  private var used: [Int]
  private var left: [Int]
  /// For each kind, how many are in each segment of its own.
  private var placed: [[(segment: Int, count: Int)]]

  /// A send's place: the kind, its number within the kind, and its time.
  typealias Time = (kind: Int, number: Int, at: Instant)

  /// - Parameters:
  ///   - day: the mailbox's.
  ///   - kinds: known to fit.
  ///   - order: compares two members of different kinds by rank, each given by kind and number.
  /// - Returns: each member's time, ascending.
  static func times(
    _ kinds: [Kind], day: MailboxDay, seed: UInt64, mailbox: String,
    isBefore: ((kind: Int, number: Int), (kind: Int, number: Int)) -> Bool
  ) -> [Time] {
    var slots = Slots(day, kinds)
    slots.fill()
    return slots.times(seed, mailbox, isBefore)
  }

  private init(_ day: MailboxDay, _ kinds: [Kind]) {
    self.day = day
    self.kinds = kinds
    used = Array(repeating: 0, count: day.segments.count)
    left = day.limits.map(\.left)
    placed = Array(repeating: [], count: kinds.count)
  }

  /// How many more fit into a segment.
  private func room(_ s: Int) -> Int {
    var room = day.segments[s].capacity - used[s]
    var limit = day.segments[s].limit
    while limit >= 0 {
      room = min(room, left[limit])
      limit = day.limits[limit].parent
    }
    return max(0, room)
  }

  private mutating func add(_ n: Int, of kind: Int, to s: Int) -> Int {
    let n = min(n, room(s))
    guard n > 0 else { return 0 }
    used[s] += n
    var limit = day.segments[s].limit
    while limit >= 0 {
      left[limit] -= n
      limit = day.limits[limit].parent
    }
    placed[kind].append((s, n))
    return n
  }

  private mutating func fill() {
    // How long the segments before each one are open together.
    var before: [Int64] = [0]
    for segment in day.segments { before.append((before.last ?? 0) + segment.span.length.milliseconds) }
    let length = kinds.map { kind in
      day.ranges[kind.timeClass].reduce(Int64(0)) { $0 + before[$1.upperBound] - before[$1.lowerBound] }
    }
    // Those with the least choice first, so that the others can even out around them.
    let order = kinds.indices.sorted { a, b in
      if kinds[a].isTransactional != kinds[b].isTransactional { return kinds[a].isTransactional }
      return length[a] != length[b] ? length[a] < length[b] : a < b
    }
    var isAll = true
    for k in order {
      var rest = kinds[k].count
      if !kinds[k].isTransactional { rest -= spread(rest, of: k) }
      for s in day.ranges[kinds[k].timeClass].joined() where rest > 0 { rest -= add(rest, of: k, to: s) }
      isAll = isAll && rest == 0
    }
    if !isAll { rearrange() }
  }

  /// Where filling one kind after the other leaves some without a place, the whole is a flow, which begins with what
  /// filling has found.
  private mutating func rearrange() {
    var network = FlowNetwork()
    let segments = day.add(to: &network)
    var arcs: [[(segment: Int, arc: Int)]] = []
    for (k, kind) in kinds.enumerated() {
      let node = network.addNode()
      network.addArc(network.source, node, kind.count)
      var wanted: [Int: Int] = [:]
      for (s, n) in placed[k] { wanted[s, default: 0] += n }
      arcs.append(
        day.ranges[kind.timeClass].joined().map { ($0, network.addArc(node, segments[$0], wanted[$0] ?? 0)) })
    }
    _ = network.augment()
    for (_, arc) in arcs.joined() { network.setRoom(arc, FlowNetwork.unlimited) }
    _ = network.augment()
    for (k, own) in arcs.enumerated() {
      placed[k] = own.compactMap { s, arc in
        let n = network.flow(arc)
        return n > 0 ? (s, n) : nil
      }
    }
  }

  /// Puts sends of a kind where the day is emptiest, evenly from its first segment to its last. Returns how many found
  /// a place; limits can leave some over.
  private mutating func spread(_ n: Int, of kind: Int) -> Int {
    let open = day.ranges[kinds[kind].timeClass].joined().filter { room($0) > 0 }
    func seconds(_ s: Int) -> Double { Double(day.segments[s].span.length.milliseconds) / 1000 }
    if n == 1 {
      // The one that is the emptiest with it; of equal ones the first.
      let best = open.min { a, b in Double(used[a] + 1) * seconds(b) < Double(used[b] + 1) * seconds(a) }
      return best.map { add(1, of: kind, to: $0) } ?? 0
    }
    let rooms = open.map { room($0) }
    // The level, in sends a second, up to which all segments are filled.
    func share(_ i: Int, _ level: Double) -> Double {
      min(max(0, level * seconds(open[i]) - Double(used[open[i]])), Double(rooms[i]))
    }
    var (low, high) = (0.0, 1.0)
    func fits(_ level: Double) -> Bool { open.indices.reduce(0) { $0 + share($1, level) } < Double(n) }
    while high < 1e9, fits(high) { high *= 16 }
    for _ in 0..<60 {
      let middle = (low + high) / 2
      if fits(middle) { low = middle } else { high = middle }
    }
    // Shares are no whole numbers: what is due so far, rounded, less what was given so far.
    let shares = open.indices.map { share($0, high) }
    var (sum, given) = (0.0, 0)
    for (s, share) in zip(open, shares) {
      sum += share
      given += add(min(n, Int(sum + 0.5)) - given, of: kind, to: s)
    }
    return given
  }

  /// Within a kind the better ranked go to the earlier segments; within a segment the earliest closing goes first.
  private func times(
    _ seed: UInt64, _ mailbox: String,
    _ isBefore: ((kind: Int, number: Int), (kind: Int, number: Int)) -> Bool
  ) -> [Time] {
    var inSegment: [[(kind: Int, range: Range<Int>)]] = Array(repeating: [], count: day.segments.count)
    for (k, parts) in placed.enumerated() {
      var next = 0
      for (s, n) in parts.sorted(by: { $0.segment < $1.segment }) {
        inSegment[s].append((k, next..<(next + n)))
        next += n
      }
    }
    let close = kinds.map { kind in day.ranges[kind.timeClass].last.map { day.segments[$0.upperBound - 1].span.end } }
    var times: [Time] = []
    for (s, parts) in inSegment.enumerated() where !parts.isEmpty {
      func goesFirst(_ a: Int, _ b: Int) -> Bool? {
        if kinds[a].isTransactional != kinds[b].isTransactional { return kinds[a].isTransactional }
        if let x = close[a], let y = close[b], x != y { return x < y }
        return nil
      }
      // Kinds that close together are mixed by rank; each by itself is in that order already.
      let sorted = parts.sorted { goesFirst($0.kind, $1.kind) ?? ($0.kind < $1.kind) }
      var members: [(kind: Int, number: Int)] = []
      var start = 0
      for (i, part) in sorted.enumerated() {
        for number in part.range { members.append((part.kind, number)) }
        if i + 1 < sorted.count, goesFirst(part.kind, sorted[i + 1].kind) == nil { continue }
        if i > 0, goesFirst(sorted[i - 1].kind, part.kind) == nil { members[start...].sort(by: isBefore) }
        start = members.count
      }
      let early = members.prefix { kinds[$0.kind].isTransactional }.count
      var random = Seeded(seed, "jitter", mailbox, String(day.segments[s].span.start.seconds))
      let span = day.segments[s].span
      let slots = Self.spread(early: early, rest: members.count - early, in: span, grid: day.grid, random: &random)
      for (member, at) in zip(members, slots) { times.append((member.kind, member.number, at)) }
    }
    return times
  }

  /// The times in one segment, ascending: `early` ones from its start, `rest` over what is left of it.
  private static func spread(
    early: Int, rest: Int, in span: Interval, grid: SlotGrid, random: inout Seeded
  ) -> [Instant] {
    var first = grid.index(from: span.start)
    let end = grid.index(from: span.end)
    var out: [Instant] = []
    out.reserveCapacity(early + rest)
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
