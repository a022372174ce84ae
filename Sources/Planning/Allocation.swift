import Model

/// Serves due steps by rank: each gets a place in a mailbox's day, or waits and says for what.
///
/// All mailboxes are one flow, so that a send moves to another mailbox of its campaign where that makes room.
struct Allocation {
  let day: PlanningDay
  private let classes: TimeClasses
  private let usage: Usage
  private var flow = Flow()
  private let mailboxDays: [MailboxDay]
  /// Where each mailbox's segments begin in the flow.
  private var offsets: [Int] = []
  /// For each mailbox, the class numbers of its day by the plan's class.
  private let kinds: [[Int: Int]]
  private var groups: [Group] = []
  private var groupIndex: [GroupKey: Int] = [:]
  private var contactCount: [String: Int] = [:]
  /// Whose turn it is among the same mailboxes.
  private var turn: [[Int]: Int] = [:]

  /// Sends with the same open time and the same choice of mailboxes: a kind of the flow, by its number.
  private struct Group {
    var choices: [Int]
    /// Whether any of its mailboxes has open time for it today.
    var canEver: Bool
    /// Indices of candidates, in rank's order.
    var members: [Int] = []
    /// No mailbox has room any more for it as things stand.
    var needsMoves = false
  }

  private struct GroupKey: Hashable {
    var timeClass: Int
    var channel: Channel
    var mailbox: Int?
  }

  init(day: PlanningDay, classes: TimeClasses) {
    self.day = day
    self.classes = classes
    usage = Usage(day)
    contactCount = usage.byContact
    var kinds: [[Int: Int]] = []
    var mailboxDays: [MailboxDay] = []
    var days = 0
    for m in day.project.mailboxes.indices {
      let open = classes.open(mailbox: m)
      let own = Self.mailboxDay(m, open.map(\.1), day, usage)
      offsets.append(own.add(to: &flow, days: &days))
      kinds.append(Dictionary(uniqueKeysWithValues: open.enumerated().map { ($1.0, $0) }))
      mailboxDays.append(own)
    }
    self.kinds = kinds
    self.mailboxDays = mailboxDays
  }

  private static func mailboxDay(_ m: Int, _ open: [IntervalSet], _ day: PlanningDay, _ usage: Usage) -> MailboxDay {
    let mailbox = day.project.mailboxes[m]
    // The mailbox is open from its last attempt's gap on.
    let after = day.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
    let sets = open.map { $0.intersection(Interval(after.roundedUpToSecond, .distantFuture)) }
    let grid = SlotGrid(
      gap: mailbox.minGap, seed: day.seed, mailbox: mailbox.id, opening: sets.compactMap(\.first).min())
    return MailboxDay(classes: sets, zone: mailbox.zone, grid: grid) { date in
      (mailbox.dailyLimit ?? .max / 4) - usage.count(mailbox: m, on: date)
    }
  }

  enum Placement {
    case placed
    case deferred(DeferReason)
    /// It ends before any window opens.
    case expired
  }

  /// Makes room for the next candidate in rank's order, or says what it waits for.
  mutating func serve(_ candidate: Candidate, index: Int, timeClass: Int) -> Placement {
    let group = group(of: candidate, timeClass)
    if !groups[group].canEver, let expires = candidate.expiresAt, expires <= day.span.end { return .expired }
    let isBulk = day.campaigns[candidate.campaign].campaign.messageClass == .bulk
    if isBulk, let cap = day.project.settings.contactCapPerDay, contactCount[candidate.contactKey] ?? 0 >= cap {
      return .deferred(.contactCap)
    }
    guard add(group) else { return .deferred(reason(groups[group])) }
    groups[group].members.append(index)
    if isBulk { contactCount[candidate.contactKey, default: 0] += 1 }
    return .placed
  }

  private mutating func group(of candidate: Candidate, _ timeClass: Int) -> Int {
    let key = GroupKey(timeClass: timeClass, channel: candidate.channel, mailbox: candidate.mailbox)
    if let known = groupIndex[key] { return known }
    let choices =
      candidate.mailbox.map { [$0] } ?? day.campaigns[candidate.campaign].mailboxes[candidate.channel] ?? []
    let ways = choices.map { m in
      (kinds[m][timeClass].map { mailboxDays[m].ranges[$0] } ?? []).map { range in
        (range.lowerBound + offsets[m])..<(range.upperBound + offsets[m])
      }
    }
    let group = flow.addKind(ways)
    groups.append(Group(choices: choices, canEver: ways.contains { !$0.isEmpty }))
    groupIndex[key] = group
    return group
  }

  /// Round robin over the mailboxes with room; if none has any, by moving others.
  private mutating func add(_ group: Int) -> Bool {
    let choices = groups[group].choices
    if !groups[group].needsMoves {
      let start = choices.count > 1 ? turn[choices] ?? 0 : 0
      for i in choices.indices {
        let way = (start + i) % choices.count
        if flow.addDirectly(group, way: way) {
          if choices.count > 1 { turn[choices] = (way + 1) % choices.count }
          return true
        }
      }
      groups[group].needsMoves = true
    }
    return flow.addByMoving(group)
  }

  private func reason(_ group: Group) -> DeferReason {
    if !group.canEver { return .noWindowToday }
    return group.choices.contains(where: usage.reservedMailboxes.contains) ? .reserved : .mailboxLimit
  }

  /// The mailbox of everything served, as indices of candidates by mailbox. The members of a group take turns.
  func byMailbox() -> [Int: [Int]] {
    var found: [Int: [Int]] = [:]
    for (number, group) in groups.enumerated() where !group.members.isEmpty {
      var count: [Int: Int] = [:]
      for (segment, n) in flow.placed(number) { count[mailbox(of: segment), default: 0] += n }
      var left = group.choices.map { count[$0] ?? 0 }
      var way = 0
      for member in group.members {
        while left[way] == 0 { way = (way + 1) % left.count }
        left[way] -= 1
        found[group.choices[way], default: []].append(member)
        way = (way + 1) % left.count
      }
    }
    return found
  }

  private func mailbox(of segment: Int) -> Int {
    var (low, high) = (0, offsets.count)
    while high - low > 1 {
      let middle = (low + high) / 2
      if offsets[middle] <= segment { low = middle } else { high = middle }
    }
    return low
  }

  /// The times of all that was placed in a mailbox.
  func times(mailbox m: Int, _ members: [(index: Int, candidate: Candidate, timeClass: Int)]) -> [Instant] {
    let mailbox = day.project.mailboxes[m]
    let present = Set(members.map(\.timeClass)).sorted()
    let open = present.map { classes.open($0, mailbox: m) }
    let numbers = Dictionary(uniqueKeysWithValues: present.enumerated().map { ($1, $0) })
    let items = members.compactMap { member -> Slots.Item? in
      guard let kind = numbers[member.timeClass] else { return nil }
      return Slots.Item(
        kind: kind, rank: member.candidate.rank, close: open[kind].close ?? .distantFuture,
        isTransactional: day.campaigns[member.candidate.campaign].campaign.messageClass == .transactional)
    }
    return Slots.times(items, day: Self.mailboxDay(m, open, day, usage), seed: day.seed, mailbox: mailbox.id)
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
    for record in day.history.counted(since: near.start) {
      let at = record.attemptAt ?? record.at
      guard near.contains(at) else { continue }
      if let m = day.mailboxIndex[record.mailbox] {
        byMailbox[m, default: [:]][day.project.mailboxes[m].zone.day(of: at), default: 0] += 1
      }
      if day.wholeDay.contains(at), !transactional.contains(record.campaign) {
        byContact[Self.person(record.contact, record.to, day), default: 0] += 1
      }
    }
    for send in day.history.reserved.values {
      guard near.contains(send.sendAt), let m = day.mailboxIndex[send.mailbox] else { continue }
      byMailbox[m, default: [:]][day.project.mailboxes[m].zone.day(of: send.sendAt), default: 0] += 1
      reservedMailboxes.insert(m)
      if day.wholeDay.contains(send.sendAt), !transactional.contains(send.campaign) {
        byContact[Self.person(send.contact, send.to, day), default: 0] += 1
      }
    }
  }

  /// The key that a contact has today: it may have been given an id, or lost it, since.
  private static func person(_ contact: String, _ to: String, _ day: PlanningDay) -> String {
    day.project.contacts.find(contact)?.key ?? day.project.contacts.find(to)?.key ?? contact
  }

  func count(mailbox: Int, on date: CalendarDay) -> Int { byMailbox[mailbox]?[date] ?? 0 }
}
