import Model

/// Builds the flow of a day and reads the places of sends off it.
struct AllocationSolver {
  private let due: DueSteps
  private let ranked: RankedSends
  private let claims: Claims
  private let choices: [[Int]]
  private let usage: Usage
  private let day: PlanningDay
  private var network = FlowNetwork()
  private(set) var places: [Allocation.Place]
  private(set) var shares: [[Allocation.Share]]

  /// For each way its node, and its arcs to its mailboxes in `choices`' order; an arc is -1 where there is no open time.
  private var wayNodes: [Int] = []
  private var wayArcs: [[Int]] = []
  private var domainNodes: [Int] = []
  private var alikeNodes: [Int] = []
  private var alikeArcs: [Int] = []
  private var firstSteps: [FirstSteps?]
  /// Arcs of bundles and of each want of those alike.
  private var bundleArcs: [Int]
  private var wantArcs: [[Int]]
  /// What each mailbox can do in the day, and has to do so far.
  private var size: [Double]
  private var load: [Double]

  /// A campaign's `daily_new_limit`.
  private struct FirstSteps {
    var left: Int
    var node: Int
    var arc: Int
    /// Arcs of sends that lie under other caps too, of all ranks so far.
    var crossing: [Int] = []
  }

  init(
    due: DueSteps, ranked: RankedSends, claims: Claims, choices: [[Int]], days: [MailboxDay?],
    waysOf: [[(way: Int, timeClass: Int)]], usage: Usage, day: PlanningDay
  ) {
    self.due = due
    self.ranked = ranked
    self.claims = claims
    self.choices = choices
    self.usage = usage
    self.day = day
    places = Array(repeating: .mailboxLimit, count: due.sends.count)
    shares = Array(repeating: [], count: days.count)
    bundleArcs = Array(repeating: -1, count: claims.bundles.count)
    wantArcs = claims.alike.map { $0.wants.map { _ in -1 } }
    size = Array(repeating: 0, count: days.count)
    load = Array(repeating: 0, count: days.count)
    firstSteps = Array(repeating: nil, count: day.campaigns.count)
    addMailboxes(days, waysOf)
    addClaims()
    for c in ranked.classes.indices {
      for send in claims.refused[c] ?? [] { places[Int(send)] = isClosed(c) ? mailboxReason(c) : .contactCap }
    }
  }

  // MARK: The network

  private mutating func addMailboxes(_ days: [MailboxDay?], _ waysOf: [[(way: Int, timeClass: Int)]]) {
    wayNodes = ranked.ways.map { _ in network.addNode() }
    wayArcs = choices.map { $0.map { _ in -1 } }
    var next = Array(repeating: 0, count: ranked.ways.count)
    for (m, day) in days.enumerated() {
      guard let day else { continue }
      size[m] = Self.size(of: day)
      var cover = RangeCover(day.add(to: &network))
      for (way, timeClass) in waysOf[m] {
        // Mailboxes come in order, as choices do.
        let place = next[way]
        next[way] += 1
        let ranges = day.ranges[timeClass].filter { !$0.isEmpty }
        guard !ranges.isEmpty else { continue }
        let node = choices[way].count == 1 ? wayNodes[way] : network.addNode()
        if choices[way].count > 1 {
          wayArcs[way][place] = network.addArc(wayNodes[way], node, FlowNetwork.unlimited)
        }
        for range in ranges { cover.connect(node, range, &network) }
        // With one mailbox to choose from, the way is its own part of it.
        if choices[way].count == 1 { wayArcs[way][place] = -2 }
      }
    }
  }

  /// Sends that a mailbox can make on the day; a large number for one without limits.
  private static func size(of day: MailboxDay) -> Double {
    let slots = day.segments.reduce(0.0) { $0 + Double(min($1.capacity, 1_000_000)) }
    guard day.segments.allSatisfy({ $0.limit >= 0 }) else { return slots }
    return min(slots, day.limits.filter { $0.parent < 0 }.reduce(0.0) { $0 + Double(min($1.left, 1_000_000)) })
  }

  private mutating func addClaims() {
    for left in claims.domains {
      domainNodes.append(network.addNode())
      network.addArc(network.source, domainNodes[domainNodes.count - 1], left)
    }
    for alike in claims.alike {
      let node = network.addNode()
      alikeNodes.append(node)
      alikeArcs.append(
        network.addArc(
          alike.domain.map { domainNodes[$0] } ?? network.source, node, alike.left * alike.members.count))
    }
    for (c, live) in day.campaigns.enumerated() {
      guard let limit = live.campaign.dailyNewLimit else { continue }
      let left = max(0, limit - usage.firstSteps(campaign: live.campaign.id))
      let node = network.addNode()
      firstSteps[c] = FirstSteps(left: left, node: node, arc: network.addArc(network.source, node, left))
    }
  }

  // MARK: Ranks

  mutating func solve() {
    var nodes = [Int](repeating: -1, count: ranked.classes.count)
    var bundlesOf: [[Int]] = Array(repeating: [], count: ranked.classes.count)
    for (b, bundle) in claims.bundles.enumerated() { bundlesOf[bundle.classNumber].append(b) }
    var wantsOf: [[(alike: Int, want: Int)]] = Array(repeating: [], count: ranked.classes.count)
    for (a, alike) in claims.alike.enumerated() {
      for (w, want) in alike.wants.enumerated() { wantsOf[want.classNumber].append((a, w)) }
    }
    var start = 0
    for rank in 0..<ranked.rankCount {
      var end = start
      while end < ranked.classes.count, ranked.classes[end].rank == rank { end += 1 }
      var demand: [(way: Int, count: Int)] = []
      var crossing: [Int: [(arc: Int, count: Int)]] = [:]
      for c in start..<end {
        let item = ranked.classes[c]
        let way = wayNodes[item.way]
        guard network.canLead(from: network.source, to: way) else { continue }
        let node = network.addRightNode()
        nodes[c] = node
        network.addArc(node, way, FlowNetwork.unlimited)
        let limit = item.isFirst ? firstSteps[campaign(of: c)] : nil
        var count = 0
        for b in bundlesOf[c] {
          let bundle = claims.bundles[b]
          count += bundle.members.count
          let parent = bundle.domain.map { domainNodes[$0] } ?? limit?.node ?? network.source
          guard network.canLead(from: parent, to: node) else { continue }
          bundleArcs[b] = network.addArc(parent, node, bundle.members.count)
          if limit != nil, bundle.domain != nil {
            network.setRoom(bundleArcs[b], 0)
            crossing[campaign(of: c), default: []].append((bundleArcs[b], bundle.members.count))
          }
        }
        for (a, w) in wantsOf[c] {
          let n = claims.alike[a].wants[w].count * claims.alike[a].members.count
          count += n
          guard network.canLead(from: alikeNodes[a], to: node) else { continue }
          wantArcs[a][w] = network.addArc(alikeNodes[a], node, n)
          if limit != nil {
            network.setRoom(wantArcs[a][w], 0)
            crossing[campaign(of: c), default: []].append((wantArcs[a][w], n))
          }
        }
        demand.append((item.way, count))
      }
      place(demand, crossing)
      refuse(start..<end, nodes, bundlesOf, wantsOf)
      network.closeRank()
      start = end
    }
    read()
  }

  private func campaign(of c: Int) -> Int { ranked.campaign(ofWay: ranked.classes[c].way) }

  /// As many of a rank as there is room for: first by load, then wherever there is any.
  private mutating func place(_ demand: [(way: Int, count: Int)], _ crossing: [Int: [(arc: Int, count: Int)]]) {
    var quotas: [Int: Int] = [:]
    for (way, count) in demand { share(count, of: way, &quotas) }
    for (arc, quota) in quotas { network.setRoom(arc, quota) }
    for campaign in crossing.keys.sorted() { admit(crossing[campaign] ?? [], campaign) }
    _ = network.augment()
    for arc in quotas.keys { network.setRoom(arc, FlowNetwork.unlimited) }
    for campaign in crossing.keys.sorted() { admit(crossing[campaign] ?? [], campaign) }
    _ = network.augment()
  }

  /// First steps of contacts or domains whose caps bind: the new limit lies across those caps, which no flow can have.
  /// As many as the limit leaves are let in, in order; what comes of them is taken off what the free ones have.
  private mutating func admit(_ arcs: [(arc: Int, count: Int)], _ c: Int) {
    guard var limit = firstSteps[c] else { return }
    limit.crossing += arcs.map(\.arc).filter { !limit.crossing.contains($0) }
    firstSteps[c] = limit
    func placed() -> Int { limit.crossing.reduce(0) { $0 + network.flow($1) } }
    network.setRoom(limit.arc, 0)
    // Those that take all they are offered may be offered more; the others have found what there is.
    var hopeful = arcs
    while !hopeful.isEmpty {
      var free = limit.left - placed() - network.flow(limit.arc)
      guard free > 0 else { break }
      var offers: [(arc: Int, count: Int, offer: Int, before: Int)] = []
      for (arc, count) in hopeful {
        let before = network.flow(arc)
        let offer = min(count - before, free)
        network.setRoom(arc, offer)
        free -= offer
        offers.append((arc, count, offer, before))
      }
      _ = network.augment()
      for (arc, _) in arcs { network.setRoom(arc, 0) }
      hopeful = offers.filter { one in
        let flow = network.flow(one.arc)
        return flow < one.count && flow - one.before >= one.offer
      }.map { ($0.arc, $0.count) }
      if offers.allSatisfy({ $0.offer == 0 }) { break }
    }
    network.setRoom(limit.arc, limit.left - placed() - network.flow(limit.arc))
  }

  /// How much of a way's sends goes to each mailbox, so that all of them end equally full.
  private mutating func share(_ count: Int, of way: Int, _ quotas: inout [Int: Int]) {
    let arcs = wayArcs[way]
    guard choices[way].count > 1, count > 0 else {
      if let m = choices[way].first { load[m] += Double(count) }
      return
    }
    func part(_ i: Int, _ level: Double) -> Double {
      let m = choices[way][i]
      return arcs[i] < 0 ? 0 : max(0, min(level, 1) * size[m] - load[m])
    }
    let open = arcs.indices.filter { arcs[$0] >= 0 }
    var (low, high) = (0.0, 1.0)
    for _ in 0..<50 {
      let middle = (low + high) / 2
      if open.reduce(0, { $0 + part($1, middle) }) < Double(count) { low = middle } else { high = middle }
    }
    // Shares are no whole numbers: what is due so far, rounded, less what was given so far.
    var (sum, given) = (0.0, 0)
    for i in open {
      sum += part(i, high)
      let quota = max(0, min(count, Int(sum + 0.5)) - given)
      given += quota
      quotas[arcs[i], default: 0] += quota
      load[choices[way][i]] += Double(quota)
    }
  }

  // MARK: What came of it

  /// Says of the sends of a rank that found no place what they wait for: where the last search came to, room is lacking
  /// on the mailboxes' side; elsewhere a cap stands in the way.
  private mutating func refuse(
    _ classes: Range<Int>, _ nodes: [Int], _ bundlesOf: [[Int]], _ wantsOf: [[(alike: Int, want: Int)]]
  ) {
    for c in classes {
      let why = mailboxReason(c)
      let first = ranked.classes[c].isFirst ? firstSteps[campaign(of: c)] : nil
      for b in bundlesOf[c] {
        let bundle = claims.bundles[b]
        var reason = why
        if why == .mailboxLimit || why == .reserved {
          if let domain = bundle.domain {
            if !network.isReached(domainNodes[domain]) {
              reason = .domainCap
            } else if let first, isUsedUp(first) {
              reason = .newLimit
            }
          } else if let first, !network.isReached(first.node) {
            reason = .newLimit
          }
        }
        for send in bundle.members { places[Int(send)] = reason }
      }
      for (a, w) in wantsOf[c] {
        let alike = claims.alike[a]
        var reason = why
        if why == .mailboxLimit || why == .reserved {
          if !network.isReached(alikeNodes[a]) {
            let isFull = network.flow(alikeArcs[a]) >= alike.left * alike.members.count
            reason = isFull || alike.domain == nil ? .contactCap : .domainCap
          } else if let first, isUsedUp(first) {
            reason = .newLimit
          }
        }
        for member in alike.members { for send in member[w] { places[Int(send)] = reason } }
      }
    }
  }

  /// Whether a campaign begins as many today as its limit leaves: the free ones, and those whose caps bind.
  private func isUsedUp(_ first: FirstSteps) -> Bool {
    network.flow(first.arc) + first.crossing.reduce(0) { $0 + network.flow($1) } >= first.left
  }

  /// Whether no mailbox has open time for a class today.
  private func isClosed(_ c: Int) -> Bool { wayArcs[ranked.classes[c].way].allSatisfy { $0 == -1 } }

  private func mailboxReason(_ c: Int) -> Allocation.Place {
    let way = ranked.classes[c].way
    if isClosed(c) {
      let expires = ranked.times[ranked.ways[way].time].expiresAt
      return expires != nil ? .expired : .noWindowToday
    }
    return choices[way].contains { usage.isReserved[$0] } ? .reserved : .mailboxLimit
  }

  /// Picks the sends that the flow has room for, by tie, and hands them to the mailboxes.
  private mutating func read() {
    var planned: [[(classNumber: Int, members: [UInt32])]] = Array(repeating: [], count: ranked.ways.count)
    var chosen: [[UInt32]] = Array(repeating: [], count: ranked.classes.count)
    for (b, bundle) in claims.bundles.enumerated() where bundleArcs[b] >= 0 {
      let n = network.flow(bundleArcs[b])
      let members = bundle.members[0..<n]
      if chosen[bundle.classNumber].isEmpty, n == bundle.members.count {
        chosen[bundle.classNumber] = bundle.members
      } else {
        chosen[bundle.classNumber] += members
      }
    }
    for (a, alike) in claims.alike.enumerated() {
      // Each contact in turn takes one: nobody gets more than the others by more than one, nor more than is left.
      var turn = 0
      for (w, want) in alike.wants.enumerated() where wantArcs[a][w] >= 0 {
        var given = Array(repeating: 0, count: alike.members.count)
        for _ in 0..<network.flow(wantArcs[a][w]) {
          chosen[want.classNumber].append(alike.members[turn][w][given[turn]])
          given[turn] += 1
          turn = (turn + 1) % alike.members.count
        }
      }
    }
    for (c, members) in chosen.enumerated() where !members.isEmpty {
      for send in members { places[Int(send)] = .planned }
      planned[ranked.classes[c].way].append((c, members))
    }
    for (way, classes) in planned.enumerated() where !classes.isEmpty { deal(classes.flatMap(\.members), way) }
  }

  /// The members of a way, by rank, take turns among its mailboxes.
  private mutating func deal(_ members: [UInt32], _ way: Int) {
    guard choices[way].count > 1 else {
      shares[choices[way][0]].append(Allocation.Share(way: way, members: members))
      return
    }
    var left = wayArcs[way].map { $0 < 0 ? 0 : network.flow($0) }
    var dealt = left.map { n in
      var list: [UInt32] = []
      list.reserveCapacity(n)
      return list
    }
    var turns = left.indices.filter { left[$0] > 0 }
    var at = 0
    for member in members {
      if at >= turns.count {
        turns.removeAll { left[$0] == 0 }
        at = 0
      }
      let i = turns[at]
      dealt[i].append(member)
      left[i] -= 1
      at += 1
    }
    for (i, list) in dealt.enumerated() where !list.isEmpty {
      shares[choices[way][i]].append(Allocation.Share(way: way, members: list))
    }
  }
}
