import Model

/// Serves due steps by rank: each gets a place in a mailbox's day, or waits and says for what.
struct Allocation {
  let day: PlanningDay
  private let classes: TimeClasses
  private(set) var rooms: [MailboxDay]
  /// For each mailbox, the class numbers of its day by the plan's class.
  private let kinds: [[Int: Int]]
  private var contactCount: [String: Int] = [:]
  private var turn: [[Int]: Int] = [:]
  private var exhausted: Set<Exhausted> = []

  private struct Exhausted: Hashable {
    var mailboxes: [Int]
    var timeClass: Int
  }

  init(day: PlanningDay, classes: TimeClasses) {
    self.day = day
    self.classes = classes
    let usage = Usage(day)
    contactCount = usage.byContact
    var rooms: [MailboxDay] = []
    var kinds: [[Int: Int]] = []
    for (m, mailbox) in day.project.mailboxes.enumerated() {
      var ids: [Int: Int] = [:]
      var sets: [IntervalSet] = []
      // The mailbox is open from its last attempt's gap on.
      let after = day.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
      for (id, open) in classes.open(mailbox: m) {
        ids[id] = sets.count
        sets.append(open.intersection(Interval(after.roundedUpToSecond, .distantFuture)))
      }
      kinds.append(ids)
      rooms.append(
        MailboxDay(
          classes: sets, zone: mailbox.zone, grid: SlotGrid(gap: mailbox.minGap, seed: day.seed, mailbox: mailbox.id)
        ) { date in
          (mailbox.dailyLimit ?? .max / 4) - usage.count(mailbox: m, on: date)
        })
    }
    self.rooms = rooms
    self.kinds = kinds
    reservedMailboxes = usage.reservedMailboxes
  }

  private let reservedMailboxes: Set<Int>

  /// A mailbox for the next candidate in rank's order, or what it waits for.
  mutating func serve(_ candidate: Candidate, timeClass: Int) -> Placement {
    let live = day.campaigns[candidate.campaign]
    let isBulk = live.campaign.messageClass == .bulk
    if isBulk, let cap = day.project.settings.contactCapPerDay, contactCount[candidate.contactKey] ?? 0 >= cap {
      return .deferred(.contactCap)
    }
    let choices = candidate.mailbox.map { [$0] } ?? live.mailboxes[candidate.channel] ?? []
    guard let mailbox = pick(choices, timeClass) else { return .deferred(reason(choices, timeClass)) }
    if isBulk { contactCount[candidate.contactKey, default: 0] += 1 }
    return .placed(mailbox: mailbox)
  }

  enum Placement {
    case placed(mailbox: Int)
    case deferred(DeferReason)
  }

  /// Round robin over the mailboxes with room. Choice by load is the seam for limits that differ.
  private mutating func pick(_ choices: [Int], _ timeClass: Int) -> Int? {
    if choices.count > 1, exhausted.contains(Exhausted(mailboxes: choices, timeClass: timeClass)) { return nil }
    let start = choices.count > 1 ? turn[choices] ?? 0 : 0
    for i in choices.indices {
      let at = (start + i) % choices.count
      let m = choices[at]
      if let kind = kinds[m][timeClass], rooms[m].add(kind) {
        if choices.count > 1 { turn[choices] = (at + 1) % choices.count }
        return m
      }
    }
    if choices.count > 1 { exhausted.insert(Exhausted(mailboxes: choices, timeClass: timeClass)) }
    return nil
  }

  private func reason(_ choices: [Int], _ timeClass: Int) -> DeferReason {
    let canEver = choices.contains { m in kinds[m][timeClass].map { rooms[m].canEver($0) } ?? false }
    if !canEver { return .noWindowToday }
    return choices.contains(where: reservedMailboxes.contains) ? .reserved : .mailboxLimit
  }

  /// The times of all that was placed in a mailbox.
  func times(mailbox m: Int, _ members: [(index: Int, candidate: Candidate, timeClass: Int)]) -> [Instant] {
    let mailbox = day.project.mailboxes[m]
    let items = members.compactMap { member -> Slots.Item? in
      guard let kind = kinds[m][member.timeClass] else { return nil }
      return Slots.Item(
        candidate: member.index, kind: kind, rank: member.candidate.rank,
        close: classes.open(member.timeClass, mailbox: m).close ?? .distantFuture,
        isTransactional: day.campaigns[member.candidate.campaign].campaign.messageClass == .transactional)
    }
    return Slots.times(items, room: rooms[m].emptied(), seed: day.seed, mailbox: mailbox.id)
  }
}

extension MailboxDay {
  /// The same day with nothing placed.
  func emptied() -> MailboxDay {
    var copy = self
    copy.clear()
    return copy
  }
}

/// What earlier sends and other plans have used of the day's limits.
private struct Usage {
  var byContact: [String: Int] = [:]
  private var byMailbox: [Int: [CalendarDay: Int]] = [:]
  private(set) var reservedMailboxes: Set<Int> = []

  init(_ day: PlanningDay) {
    var bulk: Set<String> = []
    for campaign in day.project.campaigns where campaign.messageClass == .bulk {
      bulk.formUnion([campaign.id] + campaign.was)
    }
    let transactional = Set(day.project.campaigns.flatMap { [$0.id] + $0.was }).subtracting(bulk)
    // Two days to either side hold every calendar day that any zone's clock shows during the plan.
    let near = Interval(day.wholeDay.start - .days(2), day.wholeDay.end + .days(2))
    for record in day.history.sends.values where record.state.countsAgainstLimits {
      let at = record.attemptAt ?? record.at
      guard near.contains(at) else { continue }
      if let m = day.mailboxIndex[record.mailbox] {
        byMailbox[m, default: [:]][day.project.mailboxes[m].zone.day(of: at), default: 0] += 1
      }
      if day.wholeDay.contains(at), !transactional.contains(record.campaign) {
        byContact[record.contact, default: 0] += 1
      }
    }
    for send in day.history.reserved.values {
      guard near.contains(send.sendAt), let m = day.mailboxIndex[send.mailbox] else { continue }
      byMailbox[m, default: [:]][day.project.mailboxes[m].zone.day(of: send.sendAt), default: 0] += 1
      reservedMailboxes.insert(m)
      if day.wholeDay.contains(send.sendAt), !transactional.contains(send.campaign) {
        byContact[send.contact, default: 0] += 1
      }
    }
  }

  func count(mailbox: Int, on date: CalendarDay) -> Int { byMailbox[mailbox]?[date] ?? 0 }
}
