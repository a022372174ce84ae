import Model

/// What the executor itself holds against every limit, whatever a plan says (DESIGN §4.2, §4.6). It counts intents:
/// what was sent, what is in doubt and what is under way. Planning asks the same of the future; this counts what is.
///
/// A run is of one plan and so of one of the project's days. What is counted by that day - contacts, domains, new
/// sends - is therefore one number each, kept only for those that the run's own lines name; a question is an index.
struct LimitBook {
  /// What one line of the run counts for; nil where nothing limits it there.
  private struct Subject {
    var mailbox: Int32?
    var contact: Int32?
    var domain: Int32?
    var campaign: Int32?
  }

  private struct Count {
    var limit: Int
    var used = 0
    var isFull: Bool { used >= limit }
  }

  /// By a send's handle.
  private var subjects: [Subject] = []
  private var mailboxes: [MailboxBook] = []
  /// Today's, and those of seven days of which today is the last.
  private var contacts: [(day: Int, week: Int)] = []
  private var domains: [Int] = []
  /// First steps and message rows of campaigns with a limit on them.
  private var campaigns: [Count] = []
  private let day: Interval
  private let capPerDay: Int
  private let capPerWeek: Int
  private let domainCap: Int

  /// What stands in a send's way.
  enum Obstacle: Equatable {
    /// It cannot go out while it is open.
    case ends(ReleaseReason)
    /// Its mailbox has no room before that instant, for this send or any other.
    case waits(until: Instant)
  }

  /// - Parameter day: the plan's, one of the project's days.
  init(items: [Dispatcher.Item], rules: DeliveryRules, history: History, day: Interval) {
    self.day = day
    capPerDay = rules.settings.contactCapPerDay ?? .max
    capPerWeek = rules.settings.contactCapPerWeek ?? .max
    domainCap = rules.settings.domainCap?.perDay ?? .max
    var names = Names(items, rules)
    subjects = items.map { item in
      let send = item.send
      return Subject(
        mailbox: names.mailbox(send.mailbox), contact: names.contact(send.contact, send.to, send.campaign),
        domain: names.domain(send.to, send.channel, send.campaign),
        campaign: names.campaign(send.campaign, step: send.step, key: send.key))
    }
    names.isClosed = true
    mailboxes = names.mailboxes.map(MailboxBook.init)
    contacts = Array(repeating: (0, 0), count: names.contactCount)
    domains = Array(repeating: 0, count: names.domains.count)
    campaigns = names.limits.map { Count(limit: $0) }
    count(history, &names, rules)
  }

  /// Counts what earlier runs have sent, or may have.
  private mutating func count(_ history: History, _ names: inout Names, _ rules: DeliveryRules) {
    guard !subjects.isEmpty else { return }
    // Two days to either side hold every calendar day that any zone's clock shows during the run.
    let near = Interval(day.start - .days(2), day.end + .days(2))
    let week = Interval(rules.settings.span(of: rules.day(of: day.start) - 6).start, day.end)
    var attempts: [[Instant]] = Array(repeating: [], count: mailboxes.count)
    for record in history.counted(since: min(near.start, week.start)) {
      let at = record.attemptAt ?? record.at
      if near.contains(at), let m = names.mailbox(record.mailbox) { attempts[Int(m)].append(at) }
      guard week.contains(at) else { continue }
      if let contact = names.contact(record.contact, record.to, record.campaign) {
        contacts[Int(contact)].week += 1
        if day.contains(at) { contacts[Int(contact)].day += 1 }
      }
      guard day.contains(at) else { continue }
      if let domain = names.domain(record.to, record.channel, record.campaign) { domains[Int(domain)] += 1 }
      if let campaign = names.campaign(record.campaign, step: record.step, key: record.key) {
        campaigns[Int(campaign)].used += 1
      }
    }
    for (m, instants) in attempts.enumerated() {
      for at in instants.sorted() { mailboxes[m].add(at) }
    }
  }

  /// - Parameters:
  ///   - handle: the send's place among the run's items.
  ///   - n: 1 for an attempt, -1 for one that proved to be none.
  mutating func count(_ handle: Int, at: Instant, by n: Int) {
    let subject = subjects[handle]
    if let m = subject.mailbox {
      if n > 0 { mailboxes[Int(m)].add(at) } else { mailboxes[Int(m)].remove(at) }
      mailboxes[Int(m)].forget(before: at)
    }
    guard day.contains(at) else { return }
    if let contact = subject.contact {
      contacts[Int(contact)].day += n
      contacts[Int(contact)].week += n
    }
    if let domain = subject.domain { domains[Int(domain)] += n }
    if let campaign = subject.campaign { campaigns[Int(campaign)].used += n }
  }

  /// What stands in the way of a send now. Caps that hold for the whole day end it; a mailbox's limit may pass.
  /// - Parameter close: when its open time ends.
  mutating func obstacle(to handle: Int, at now: Instant, before close: Instant) -> Obstacle? {
    let subject = subjects[handle]
    if let contact = subject.contact {
      let used = contacts[Int(contact)]
      if used.day >= capPerDay || used.week >= capPerWeek { return .ends(.contactCap) }
    }
    if let domain = subject.domain, domains[Int(domain)] >= domainCap { return .ends(.domainCap) }
    if let campaign = subject.campaign, campaigns[Int(campaign)].isFull { return .ends(.newLimit) }
    guard let m = subject.mailbox else { return nil }
    guard let room = mailboxes[Int(m)].firstRoom(from: now, before: close) else { return .ends(.mailboxLimit) }
    return room > now ? .waits(until: room) : nil
  }
}

/// Numbers for what the run's lines are counted by. What earlier sends are counted by is looked up among these.
private struct Names {
  let rules: DeliveryRules
  private(set) var mailboxes: [Mailbox] = []
  private(set) var contactCount = 0
  private(set) var domains: [String: Int32] = [:]
  /// Of the campaigns that have a limit on new sends.
  private(set) var limits: [Int] = []
  /// Nothing that is not known gets a number any more.
  var isClosed = false
  private var mailboxNumbers: [String: Int32] = [:]
  /// By key, address and number.
  private var contacts: [String: Int32] = [:]
  private var campaignNumbers: [String: Int32] = [:]
  /// Campaigns, by all the names they have had, that no cap on contacts or domains holds for.
  private let uncapped: Set<String>
  private let campaigns: [String: Campaign]
  private let firstSteps: [String: Set<String>]

  init(_ items: [Dispatcher.Item], _ rules: DeliveryRules) {
    self.rules = rules
    var byName: [String: Campaign] = [:]
    for campaign in rules.campaigns.values { for old in campaign.was { byName[old] = campaign } }
    byName.merge(rules.campaigns) { _, own in own }
    campaigns = byName
    uncapped = Set(byName.filter { $0.value.messageClass == .transactional }.keys)
    firstSteps = rules.campaigns.mapValues { campaign in
      Set(campaign.steps.first.map { [$0.id] + $0.was } ?? [])
    }
    guard rules.hasContactCap else { return }
    // First all keys, then what else they are known by: a contact may have been given an id, or lost it, since an
    // earlier send or since the plan.
    for item in items where !uncapped.contains(item.send.campaign) && contacts[item.send.contact] == nil {
      contacts[item.send.contact] = Int32(contactCount)
      contactCount += 1
    }
    for item in items {
      guard let number = contacts[item.send.contact] else { continue }
      for name in [Self.canonical(item.send.to, item.send.channel)] + item.others where contacts[name] == nil {
        contacts[name] = number
      }
    }
  }

  mutating func mailbox(_ id: String) -> Int32? {
    if let known = mailboxNumbers[id] { return known }
    guard !isClosed, let rule = rules.mailboxes[id], MailboxBook.isNeeded(rule) else { return nil }
    mailboxNumbers[id] = Int32(mailboxes.count)
    mailboxes.append(rule)
    return mailboxNumbers[id]
  }

  /// As planning takes it: by the key, or by the address it was written to.
  func contact(_ key: String, _ to: String, _ campaign: String) -> Int32? {
    guard contactCount > 0, !uncapped.contains(campaign) else { return nil }
    return contacts[key] ?? contacts[to] ?? contacts[EmailAddress(to)?.canonical ?? to]
  }

  mutating func domain(_ to: String, _ channel: Channel, _ campaign: String) -> Int32? {
    guard let cap = rules.settings.domainCap, channel == .email, !uncapped.contains(campaign),
      let address = EmailAddress(to)
    else { return nil }
    let domain = address.domain
    if let known = domains[domain] { return known }
    guard !isClosed, !cap.except.contains(domain) else { return nil }
    domains[domain] = Int32(domains.count)
    return domains[domain]
  }

  /// Nil for a follow-up, and where nothing limits new sends.
  mutating func campaign(_ id: String, step: String, key: String) -> Int32? {
    guard let campaign = campaigns[id], let limit = campaign.dailyNewLimit,
      !key.isEmpty || firstSteps[campaign.id]?.contains(step) == true
    else { return nil }
    if let known = campaignNumbers[campaign.id] { return known }
    guard !isClosed else { return nil }
    campaignNumbers[campaign.id] = Int32(limits.count)
    limits.append(limit)
    return campaignNumbers[campaign.id]
  }

  private static func canonical(_ to: String, _ channel: Channel) -> String {
    channel == .email ? EmailAddress(to)?.canonical ?? to : to
  }
}
