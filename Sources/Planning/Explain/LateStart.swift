import Model

/// What a plan that begins within its day could not have any more: due sends whose open time, or whose mailboxes' room,
/// lay before `not_before`. Counted by kinds of sends and never by contact; nothing where the plan begins with the day.
struct LateStart {
  /// By campaign id: sends that an earlier start would have had room for.
  private(set) var counts: [String: Count] = [:]

  struct Count: Equatable {
    /// Of those without any open time from `not_before` on.
    var closed = 0
    /// Of those whose mailboxes had not enough room from then on.
    var crowded = 0
  }

  init(_ due: DueSteps, _ allocation: Allocation, _ day: PlanningDay) {
    let missed = Interval(day.wholeDay.start, day.notBefore)
    guard missed.start < missed.end, Self.mayConcern(due.totals) else { return }
    var waiting = Array(repeating: Count(), count: due.kinds.count)
    for (i, place) in allocation.places.enumerated() {
      switch place {
      case .noWindowToday: waiting[Int(due.sends[i].kind)].closed += 1
      case .mailboxLimit: waiting[Int(due.sends[i].kind)].crowded += 1
      case .planned, .contactCap, .domainCap, .newLimit, .reserved, .expired: break
      }
    }
    var times = OpenTimes(day, within: missed)
    var sets: [Int: [IntervalSet]] = [:]
    var demands: [(kind: Int, choices: [(mailbox: Int, timeClass: Int)])] = []
    let order = due.kinds.indices.filter { waiting[$0] != Count() }.sorted { a, b in
      let (x, y) = (rank(due.kinds[a], day), rank(due.kinds[b], day))
      return x != y ? x < y : a < b
    }
    for k in order {
      let kind = due.kinds[k]
      let mailboxes =
        kind.mailbox >= 0 ? [kind.mailbox] : day.campaigns[kind.campaign].mailboxes[kind.channel] ?? []
      let own = times.timeClass(of: kind)
      demands.append(
        (
          k,
          mailboxes.compactMap { m in
            let after = day.history.lastAttempt.mailbox[day.project.mailboxes[m].id].map {
              $0 + day.project.mailboxes[m].minGap
            }
            let open = times.open(own, mailboxKind: times.kindOfMailbox[m])
              .intersection(Interval(after ?? .distantPast, .distantFuture))
            return open.isEmpty ? nil : (m, sets[m, default: []].number(of: open))
          }
        ))
    }
    guard !sets.isEmpty else { return }
    var rooms = MissedRooms(sets, allocation, day)
    var firstSteps = Self.firstStepsLeft(due, allocation, rooms, day)
    for (k, choices) in demands {
      var left = waiting[k]
      let kind = due.kinds[k]
      let campaign = day.campaigns[kind.campaign].campaign
      let id = campaign.id
      let isLimited = kind.isFirst && campaign.dailyNewLimit != nil
      if isLimited {
        left.closed = min(left.closed, firstSteps[kind.campaign])
        left.crowded = min(left.crowded, firstSteps[kind.campaign] - left.closed)
      }
      for (m, timeClass) in choices where left != Count() {
        let n = rooms.take(left.closed + left.crowded, timeClass: timeClass, mailbox: m)
        let closed = min(n, left.closed)
        left.closed -= closed
        left.crowded -= n - closed
        if isLimited { firstSteps[kind.campaign] -= n }
        if n > 0 {
          counts[id, default: Count()].closed += closed
          counts[id, default: Count()].crowded += n - closed
        }
      }
    }
  }

  /// By campaign, what its `daily_new_limit` leaves beside the plan.
  private static func firstStepsLeft(
    _ due: DueSteps, _ allocation: Allocation, _ rooms: MissedRooms, _ day: PlanningDay
  ) -> [Int] {
    var left = day.campaigns.map { live in
      live.campaign.dailyNewLimit.map { $0 - rooms.usage.firstSteps(campaign: live.campaign.id) } ?? .max / 2
    }
    for members in allocation.shares.joined().map(\.members) {
      for send in members {
        let kind = due.kinds[Int(due.sends[Int(send)].kind)]
        if kind.isFirst { left[kind.campaign] -= 1 }
      }
    }
    return left.map { max(0, $0) }
  }

  private static func mayConcern(_ totals: [String: PlanTotals]) -> Bool {
    totals.values.contains { $0.deferred[.noWindowToday] ?? 0 > 0 || $0.deferred[.mailboxLimit] ?? 0 > 0 }
  }

  /// One sentence a campaign, in the order of their ids.
  func notes(_ day: PlanningDay) -> [String] {
    func minute(_ instant: Instant) -> Substring { day.project.settings.zone.format(instant).prefix(16) }
    let until = minute(day.notBefore)
    let start = "\(minute(day.wholeDay.start)) (nightmail plan --date \(day.date) the evening before)"
    let settings = day.project.settings
    let isCapped = settings.contactCapPerDay != nil || settings.contactCapPerWeek != nil || settings.domainCap != nil
    // Whose caps are used up is not looked at: that would be a look at each contact.
    let hint = "a plan made by \(start) would reach them\(isCapped ? ", as far as caps allow" : "")"
    return counts.sorted { $0.key < $1.key }.map { id, count in
      let closed = count.closed == 1 ? "1 send's window" : "\(count.closed) sends' windows"
      let crowded = count.crowded == 1 ? "1 send" : "\(count.crowded) sends"
      let what =
        count.crowded == 0
        ? "\(closed) had closed before \(until)"
        : count.closed == 0
          ? "\(crowded) found no room from \(until) on"
          : "\(closed) had closed before \(until), and \(crowded) found no room from then on"
      return "\(id): \(what); \(hint)"
    }
  }
}

extension SendKind {
  /// Whether `daily_new_limit` counts it.
  fileprivate var isFirst: Bool { isRow || step == 0 }
}

private func rank(_ kind: SendKind, _ day: PlanningDay) -> Rank { Rank(kind, day.campaigns[kind.campaign].campaign) }

/// The room that mailboxes had before `not_before`, under their limits and less what the plan itself takes of these.
private struct MissedRooms {
  let usage: Usage
  private var rooms: [Int: Room] = [:]

  private struct Room {
    var day: MailboxDay
    /// Left of each segment and limit.
    var segments: [Int]
    var limits: [Int]
    /// Whatever its segments say: left of the rolling limit; and of a grid that begins with the first opening, one
    /// slot less where the plan has that mailbox too, since the two grids are not the same.
    var most: Int
  }

  /// - Parameter sets: by mailbox, the open times that something asks for.
  init(_ sets: [Int: [IntervalSet]], _ allocation: Allocation, _ day: PlanningDay) {
    usage = Usage(day)
    let planned = allocation.shares.map { $0.reduce(0) { $0 + $1.members.count } }
    let usage = usage
    for (m, sets) in sets {
      let mailbox = day.project.mailboxes[m]
      let grid = SlotGrid(
        gap: mailbox.minGap, seed: day.seed, mailbox: mailbox.id, opening: sets.compactMap(\.first).min())
      let room = MailboxDay(
        classes: sets, mailbox: mailbox, grid: grid, used: { usage.count(mailbox: m, in: $0) },
        instants: mailbox.rollingLimit == nil ? [] : usage.instants(mailbox: m))
      rooms[m] = Room(
        day: room,
        segments: room.segments.map {
          $0.capacity == .max ? .max : max(0, $0.capacity - usage.count(mailbox: m, in: $0.span))
        },
        // What the plan has from `not_before` on counts for the day and the 24 hours, and not for hours gone by.
        limits: room.limits.map {
          $0.parent < 0 && mailbox.hasLongLimit ? max(0, $0.left - planned[m]) : $0.left
        },
        most: min(
          mailbox.rollingLimit.map { limit in
            // All that any 24 hours with a part of the day can have.
            let around = Interval(day.wholeDay.start - .hours(24), day.wholeDay.end + .hours(24))
            return max(0, limit - planned[m] - usage.count(mailbox: m, in: around))
          } ?? .max,
          planned[m] > 0 && mailbox.minGap >= .hours(2)
            ? max(0, room.segments.reduce(0) { $0 + $1.capacity } - 1) : .max))
    }
  }

  /// Takes up to `n` places for an open time; says how many there were.
  mutating func take(_ n: Int, timeClass: Int, mailbox m: Int) -> Int {
    guard var room = rooms[m] else { return 0 }
    var taken = 0
    for s in room.day.ranges[timeClass].joined() where taken < n {
      var free = min(n - taken, room.segments[s], room.most)
      var limit = room.day.segments[s].limit
      while limit >= 0 {
        free = min(free, room.limits[limit])
        limit = room.day.limits[limit].parent
      }
      guard free > 0 else { continue }
      taken += free
      if room.segments[s] != .max { room.segments[s] -= free }
      if room.most != .max { room.most -= free }
      limit = room.day.segments[s].limit
      while limit >= 0 {
        room.limits[limit] -= free
        limit = room.day.limits[limit].parent
      }
    }
    rooms[m] = room
    return taken
  }
}

extension [IntervalSet] {
  /// The number of a set, new or known.
  fileprivate mutating func number(of set: IntervalSet) -> Int {
    if let known = firstIndex(of: set) { return known }
    append(set)
    return count - 1
  }
}

extension Mailbox {
  /// Whether it has a limit that reaches over more than an hour.
  fileprivate var hasLongLimit: Bool { dailyLimit != nil || ramp != nil || rollingLimit != nil }
}
