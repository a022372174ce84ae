import Model

/// What earlier sends and the unsent lines of other approved plans have used of the limits around the day.
struct Usage {
  /// For each mailbox, when it sent or will send: within a few days of the plan's, ascending.
  private var instants: [[Instant]]
  /// Mailboxes of which other plans hold some.
  private(set) var isReserved: [Bool]
  /// By person and by the project's day, counted from the plan's: sends of bulk campaigns.
  private var persons: [Int: [Int: Int]] = [:]
  /// E-mails of bulk campaigns on the plan's day.
  private var domains: [String: Int] = [:]
  /// First steps and message rows by campaign on the plan's day.
  private var firstSteps: [String: Int] = [:]
  var people: People

  /// The days before and after the plan's that a week with it can have.
  private static let week = 6

  init(_ day: PlanningDay) {
    let settings = day.project.settings
    instants = Array(repeating: [], count: day.project.mailboxes.count)
    isReserved = Array(repeating: false, count: day.project.mailboxes.count)
    people = People(day.project.contacts)
    var bulk: Set<String> = []
    for campaign in day.project.campaigns where campaign.messageClass == .bulk {
      bulk.formUnion([campaign.id] + campaign.was)
    }
    let transactional = Set(day.project.campaigns.flatMap { [$0.id] + $0.was }).subtracting(bulk)
    let counts = CapsInForce(day)
    let mailboxOf = day.history.mailboxNames.map { day.mailboxIndex[$0] ?? -1 }
    // Two days to either side hold every calendar day that any zone's clock shows during the plan, and every 24 hours.
    let near = Interval(day.wholeDay.start - .days(2), day.wholeDay.end + .days(2))
    let weekAround = Interval(
      settings.span(of: day.date - Self.week).start, settings.span(of: day.date + Self.week).end)
    let since = counts.week ? min(near.start, weekAround.start) : near.start
    let history = day.history
    history.forEachCounted(since: since) { entry in
      let at = entry.attemptAt ?? entry.at
      let m = mailboxOf[entry.mailbox]
      if m >= 0, near.contains(at) { instants[m].append(at) }
      guard counts.any, weekAround.contains(at) else { return }
      let campaign = history.campaignNames[entry.campaign]
      let isToday = day.wholeDay.contains(at)
      if isToday, day.isFirst(step: history.stepNames[entry.step], hasKey: entry.hasKey, of: campaign) {
        firstSteps[day.currentName(ofCampaign: campaign), default: 0] += 1
      }
      guard counts.persons || (counts.domains && isToday), !transactional.contains(campaign) else { return }
      let record = history.record(entry)
      count(record.contact, record.to, record.channel, at, isToday, counts, day)
    }
    for send in day.history.reserved.values {
      if near.contains(send.sendAt), let m = day.mailboxIndex[send.mailbox] {
        instants[m].append(send.sendAt)
        isReserved[m] = true
      }
      guard counts.any, weekAround.contains(send.sendAt) else { continue }
      let isToday = day.wholeDay.contains(send.sendAt)
      if isToday, day.isFirst(step: send.step, hasKey: !send.key.isEmpty, of: send.campaign) {
        firstSteps[day.currentName(ofCampaign: send.campaign), default: 0] += 1
      }
      if !transactional.contains(send.campaign) {
        count(send.contact, send.to, send.channel, send.sendAt, isToday, counts, day)
      }
    }
    for m in instants.indices { instants[m].sort() }
  }

  private mutating func count(
    _ contact: String, _ to: String, _ channel: Channel, _ at: Instant, _ isToday: Bool, _ counts: CapsInForce,
    _ day: PlanningDay
  ) {
    if counts.persons {
      let offset = day.project.settings.day(of: at).number - day.date.number
      persons[people.number(of: contact, to), default: [:]][offset, default: 0] += 1
    }
    if counts.domains, isToday, channel == .email, let domain = EmailAddress(to)?.domain {
      domains[domain, default: 0] += 1
    }
  }

  /// The instants at which a mailbox sent, or will by other plans.
  func instants(mailbox m: Int) -> [Instant] { instants[m] }

  /// How many a mailbox has in an interval.
  func count(mailbox m: Int, in interval: Interval) -> Int {
    let all = instants[m]
    return all.isEmpty ? 0 : Self.first(in: all, from: interval.end) - Self.first(in: all, from: interval.start)
  }

  private static func first(in all: [Instant], from instant: Instant) -> Int {
    var (low, high) = (0, all.count)
    while low < high {
      let middle = (low + high) / 2
      if all[middle] < instant { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// Bulk sends that a person can still have on the plan's day.
  func left(person: Int, _ settings: Settings) -> Int {
    var left = settings.contactCapPerDay ?? .max
    guard let used = persons[person] else { return min(left, settings.contactCapPerWeek ?? .max) }
    if settings.contactCapPerDay != nil { left -= used[0] ?? 0 }
    if let cap = settings.contactCapPerWeek {
      for start in -Self.week...0 {
        left = min(left, cap - (start...(start + Self.week)).reduce(0) { $0 + (used[$1] ?? 0) })
      }
    }
    return max(0, left)
  }

  func hasUsed(person: Int) -> Bool { !persons.isEmpty && persons[person] != nil }

  /// What a person has had, or other plans hold for it, by days counted from the plan's; bulk alone.
  func used(person: Int) -> [Int: Int] { persons[person] ?? [:] }
  func used(domain: String) -> Int { domains[domain] ?? 0 }
  func firstSteps(campaign: String) -> Int { firstSteps[campaign] ?? 0 }
}

/// Which of the caps there are, so that nothing is counted for the others.
private struct CapsInForce {
  let persons: Bool
  let week: Bool
  let domains: Bool
  let firstSteps: Bool
  var any: Bool { persons || domains || firstSteps }

  init(_ day: PlanningDay) {
    let settings = day.project.settings
    week = settings.contactCapPerWeek != nil
    persons = week || settings.contactCapPerDay != nil
    domains = settings.domainCap != nil
    firstSteps = day.campaigns.contains { $0.campaign.dailyNewLimit != nil }
  }
}

/// Who is who for the caps, by number: contacts by their index, strangers to the contacts' files after them.
struct People {
  private let contacts: ContactTable
  private var strangers: [String: Int] = [:]

  init(_ contacts: ContactTable) { self.contacts = contacts }

  var count: Int { contacts.count + strangers.count }

  /// A contact may have been given an id, or lost it, since: it is found by key and by address.
  mutating func number(of key: String, _ to: String) -> Int {
    if let i = contacts.index(of: key) ?? contacts.index(of: to) { return i }
    let name = EmailAddress.canonical(of: to)
    if let known = strangers[name] { return known }
    let number = contacts.count + strangers.count
    strangers[name] = number
    return number
  }
}

extension PlanningDay {
  /// Today's id of a campaign that history may name by an earlier one.
  func currentName(ofCampaign id: String) -> String {
    project.campaigns.first { $0.id == id || $0.was.contains(id) }?.id ?? id
  }

  /// Whether a step begins its sequence: what `daily_new_limit` counts, as it does message rows.
  func isFirst(step: String, hasKey: Bool, of campaign: String) -> Bool {
    if hasKey { return true }
    guard let own = project.campaigns.first(where: { $0.id == campaign || $0.was.contains(campaign) }),
      let first = own.steps.first
    else { return false }
    return first.id == step || first.was.contains(step)
  }
}
