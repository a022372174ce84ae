import Model

/// Which due sends get a place in the day, and in which mailbox: a flow from domains and contacts through classes of
/// sends to segments, hours and mailboxes, solved rank by rank (`FlowNetwork`).
///
/// Within the best counts a class is shared out by load: each mailbox gets so much of it that all are equally far from
/// what they can do in the day. What breaks the flow's structure is decided by rank and order instead, never beyond a
/// limit: `daily_new_limit` for contacts or domains whose caps bind (`Claims`, `FirstSteps`), and see `LimitBuilder`.
struct Allocation {
  /// What became of a due send.
  enum Place: UInt8, CaseIterable {
    case planned
    case mailboxLimit, noWindowToday, contactCap, domainCap, newLimit, reserved
    /// It ends before any window opens.
    case expired

    var reason: DeferReason? {
      switch self {
      case .planned, .expired: nil
      case .mailboxLimit: .mailboxLimit
      case .noWindowToday: .noWindowToday
      case .contactCap: .contactCap
      case .domainCap: .domainCap
      case .newLimit: .newLimit
      case .reserved: .reserved
      }
    }
  }

  /// Sends of one way in one mailbox, by rank.
  struct Share {
    var way: Int
    var members: [UInt32]
  }

  let ranked: RankedSends
  /// By send.
  private(set) var places: [Place]
  /// By mailbox.
  private(set) var shares: [[Share]]
  private let openSets: [[IntervalSet]]
  private let kindOfMailbox: [Int]
  let mailboxDays: [MailboxDay?]
  /// For each mailbox, the ways that lead to it and the class of its day that each one is.
  let waysOf: [[(way: Int, timeClass: Int)]]
  private let day: PlanningDay

  init(_ due: DueSteps, _ day: PlanningDay) {
    self.day = day
    var open = OpenTimes(day)
    var ranked = RankedSends(due, day, open)
    var usage = Usage(day)
    let choices = ranked.ways.map { way in
      way.mailbox >= 0
        ? [way.mailbox] : day.campaigns[ranked.times[way.time].campaign].mailboxes[way.channel] ?? []
    }
    let days = Self.mailboxDays(ranked, choices, usage, day, &open)
    var isOpen = Array(repeating: false, count: ranked.ways.count)
    for (m, ways) in days.waysOf.enumerated() {
      guard let ranges = days.days[m]?.ranges else { continue }
      for (way, timeClass) in ways where ranges[timeClass].contains(where: { !$0.isEmpty }) { isOpen[way] = true }
    }
    let claims = Claims(due, ranked, isOpen: isOpen, &usage, day)
    (places, shares) = Self.solve(
      AllocationSolver(
        due: due, ranked: ranked, claims: claims, choices: choices, days: days.days, waysOf: days.waysOf,
        usage: usage, day: day))
    // The shares have them now.
    ranked.forgetMembers()
    mailboxDays = days.days
    waysOf = days.waysOf
    kindOfMailbox = open.kindOfMailbox
    openSets = ranked.times.map { time in (0..<open.mailboxKinds).map { open.open(time, mailboxKind: $0) } }
    self.ranked = ranked
  }

  private static func solve(
    _ solver: consuming AllocationSolver
  ) -> (places: [Place], shares: [[Share]]) {
    var solver = solver
    solver.solve()
    return (solver.places, solver.shares)
  }

  /// What a plan line's `open` says.
  /// - Parameter time: index into the ranked sends' times.
  func openSet(time: Int, mailbox m: Int) -> IntervalSet { openSets[time][kindOfMailbox[m]] }

  /// The day of every mailbox that something may go through.
  private static func mailboxDays(
    _ ranked: RankedSends, _ choices: [[Int]], _ usage: Usage, _ day: PlanningDay, _ open: inout OpenTimes
  ) -> (days: [MailboxDay?], waysOf: [[(way: Int, timeClass: Int)]]) {
    let n = day.project.mailboxes.count
    var waysOf: [[(way: Int, timeClass: Int)]] = Array(repeating: [], count: n)
    var classesOf: [[Int]] = Array(repeating: [], count: n)
    for (w, way) in ranked.ways.enumerated() {
      for m in choices[w] {
        // Ways of one time stand together more often than not.
        let known = classesOf[m].lastIndex(of: way.time)
        waysOf[m].append((w, known ?? classesOf[m].count))
        if known == nil { classesOf[m].append(way.time) }
      }
    }
    var days: [MailboxDay?] = Array(repeating: nil, count: n)
    for m in 0..<n where !classesOf[m].isEmpty {
      let mailbox = day.project.mailboxes[m]
      // The mailbox is open from its last attempt's gap on.
      let after = day.history.lastAttempt.mailbox[mailbox.id].map { ($0 + mailbox.minGap).roundedUpToSecond }
      let sets = classesOf[m].map { time -> IntervalSet in
        let set = open.open(ranked.times[time], mailboxKind: open.kindOfMailbox[m])
        guard let after, after > day.span.start else { return set }
        return set.intersection(Interval(after, .distantFuture))
      }
      let grid = SlotGrid(
        gap: mailbox.minGap, seed: day.seed, mailbox: mailbox.id, opening: sets.compactMap(\.first).min())
      days[m] = MailboxDay(
        classes: sets, mailbox: mailbox, grid: grid, used: { usage.count(mailbox: m, in: $0) },
        instants: mailbox.rollingLimit == nil ? [] : usage.instants(mailbox: m))
    }
    return (days, waysOf)
  }
}
