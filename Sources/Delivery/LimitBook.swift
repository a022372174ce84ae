import Model

/// What the executor itself holds against every limit, whatever a plan says (DESIGN §4.2, §4.6). It counts intents:
/// what was sent, what is in doubt and what is under way. Planning asks the same of the future; this counts what is.
///
/// A run is of one plan and so of one of the project's days. What is counted by that day - contacts, domains, new
/// sends - is therefore one number each, kept only for those that the run's own lines name; a question is an index.
public struct LimitBook {
  private struct Count {
    var limit: Int
    var used = 0
    var isFull: Bool { used >= limit }
  }

  /// What lines of a kind count for; -1 where nothing limits them there.
  private struct Subject: BitwiseCopyable {
    var mailbox: Int32
    var campaign: Int32
    var isCapped: Bool
  }

  /// Today's, and those of seven days of which today is the last.
  private struct Used: BitwiseCopyable {
    var day: UInt32 = 0
    var week: UInt32 = 0
  }

  /// By a send's handle: its contact's number, where a cap is on contacts; its domain's, where one is on domains.
  private var contactOf = ContactNumbers()
  private var domainOf: [Int32] = []
  private var subjects: [Subject] = []
  private var mailboxes: [MailboxBook] = []
  private var contacts: [Used] = []
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

  /// What an earlier run of the day has sent of a plan's line, or may have.
  public struct Earlier: Sendable {
    public var at: Instant
    public var mailbox: String
    public var campaign: String
    public var step: String
    public var hasKey: Bool
    /// `ByteHash` of the contact's key, and of the canonical address.
    public var contact: UInt64
    public var address: UInt64
    /// Of the address, unless it is a number.
    public var domain: String?
    /// A number for what many have in common: mailbox, campaign, step, and whether they have keys; nil if nobody knows.
    public var group: Int?

    public init(
      at: Instant, mailbox: String, campaign: String, step: String, hasKey: Bool, contact: UInt64, address: UInt64,
      domain: String?, group: Int? = nil
    ) {
      self.at = at
      self.mailbox = mailbox
      self.campaign = campaign
      self.step = step
      self.hasKey = hasKey
      self.contact = contact
      self.address = address
      self.domain = domain
      self.group = group
    }
  }

  init(items: [Dispatcher.Item], rules: DeliveryRules, history: History, day: Interval) {
    self.init(RunLines(items), rules: rules, history: history, day: day) { _ in }
  }

  /// - Parameters:
  ///   - day: the plan's, one of the project's days.
  ///   - earlier: hands over what has been sent, or may have been, and is not in `history`.
  init(
    _ lines: borrowing RunLines, rules: DeliveryRules, history: History, day: Interval,
    earlier: ((Earlier) -> Void) -> Void
  ) {
    self.day = day
    capPerDay = rules.settings.contactCapPerDay ?? .max
    capPerWeek = rules.settings.contactCapPerWeek ?? .max
    domainCap = rules.settings.domainCap?.perDay ?? .max
    var names = Names(rules)
    subjects = lines.kinds.map { kind in
      Subject(
        mailbox: names.mailbox(kind.mailbox) ?? -1,
        campaign: names.campaign(kind.campaign, step: kind.step, hasKey: kind.hasKey) ?? -1,
        isCapped: !names.uncapped.contains(kind.campaign))
    }
    if rules.hasContactCap {
      let isCapped = subjects.map(\.isCapped)
      // Who has a history may meet any line's contact under any name, and a cap of nothing needs nobody else.
      let isAlone = history.sends.isEmpty && min(capPerDay, capPerWeek) > 0
      let shared = isAlone ? SharedNames(lines, isCapped, earlier) : nil
      contactOf = names.contacts(of: lines, isCapped: isCapped, shared)
    }
    if rules.settings.domainCap != nil {
      let numbers = lines.domains.map { $0.flatMap { names.domain($0) } ?? -1 }
      domainOf.reserveCapacity(lines.count)
      for i in 0..<lines.count {
        let domain = lines.domain(i)
        domainOf.append(domain >= 0 && subjects[Int(lines.kindOf[i])].isCapped ? numbers[Int(domain)] : -1)
      }
    }
    names.isClosed = true
    mailboxes = names.mailboxes.map(MailboxBook.init)
    contacts = Array(repeating: Used(), count: names.contactCount)
    domains = Array(repeating: 0, count: names.domains.count)
    campaigns = names.limits.map { Count(limit: $0) }
    if !lines.isEmpty { count(history, earlier, &names, rules) }
  }

  /// Counts what earlier runs have sent, or may have.
  private mutating func count(
    _ history: History, _ earlier: ((Earlier) -> Void) -> Void, _ names: inout Names, _ rules: DeliveryRules
  ) {
    // Two days to either side hold every calendar day that any zone's clock shows during the run.
    let near = Interval(day.start - .days(2), day.end + .days(2))
    let week = Interval(rules.settings.span(of: rules.day(of: day.start) - 6).start, day.end)
    // Where they have to be in order, they are put in order first.
    var attempts: [[Instant]] = Array(repeating: [], count: mailboxes.count)
    var groups = Groups()
    func take(_ one: Earlier, to: String?) {
      let at = one.at
      let its = groups.counters(one, &names)
      if near.contains(at), let m = its.mailbox {
        if mailboxes[m].needsOrder { attempts[m].append(at) } else { mailboxes[m].add(at) }
      }
      guard week.contains(at) else { return }
      if its.isCapped, let contact = names.contact(one, to: to) {
        contacts[Int(contact)].week += 1
        if day.contains(at) { contacts[Int(contact)].day += 1 }
      }
      guard day.contains(at) else { return }
      if its.isCapped, let domain = one.domain.flatMap({ names.domain($0) }) {
        domains[Int(domain)] += 1
      }
      if let campaign = its.campaign { campaigns[campaign].used += 1 }
    }
    for record in history.counted(since: min(near.start, week.start)) {
      let address = names.hasContacts || rules.settings.domainCap != nil ? EmailAddress(record.to) : nil
      let one = Earlier(
        at: record.attemptAt ?? record.at, mailbox: record.mailbox, campaign: record.campaign, step: record.step,
        hasKey: !record.key.isEmpty, contact: ByteHash.of(record.contact),
        address: ByteHash.of(address?.canonical ?? record.to),
        domain: record.channel == .email ? address?.domain : nil)
      take(one, to: record.to)
    }
    earlier { take($0, to: nil) }
    for (m, instants) in attempts.enumerated() {
      for at in instants.sorted() { mailboxes[m].add(at) }
    }
  }

  /// - Parameters:
  ///   - handle: the send's place among the run's items.
  ///   - kind: its kind's place among the run's.
  ///   - n: 1 for an attempt, -1 for one that proved to be none.
  mutating func count(_ handle: Int, of kind: UInt32, at: Instant, by n: Int) {
    let subject = subjects[Int(kind)]
    if subject.mailbox >= 0 {
      let m = Int(subject.mailbox)
      if n > 0 { mailboxes[m].add(at) } else { mailboxes[m].remove(at) }
      mailboxes[m].forget(before: at)
    }
    guard day.contains(at) else { return }
    if let contact = contactOf[handle] {
      contacts[contact].day = UInt32(clamping: Int(contacts[contact].day) + n)
      contacts[contact].week = UInt32(clamping: Int(contacts[contact].week) + n)
    }
    if let domain = Self.number(domainOf, handle) { domains[domain] += n }
    if subject.campaign >= 0 { campaigns[Int(subject.campaign)].used += n }
  }

  private static func number(_ numbers: [Int32], _ handle: Int) -> Int? {
    numbers.isEmpty || numbers[handle] < 0 ? nil : Int(numbers[handle])
  }

  /// What stands in the way of a send now. Caps that hold for the whole day end it; a mailbox's limit may pass.
  /// - Parameter close: when its open time ends.
  mutating func obstacle(
    to handle: Int, of kind: UInt32, at now: Instant, before close: Instant
  ) -> Obstacle? {
    if let contact = contactOf[handle] {
      let used = contacts[contact]
      if used.day >= capPerDay || used.week >= capPerWeek { return .ends(.contactCap) }
    }
    if let domain = Self.number(domainOf, handle), domains[domain] >= domainCap { return .ends(.domainCap) }
    let subject = subjects[Int(kind)]
    if subject.campaign >= 0, campaigns[Int(subject.campaign)].isFull { return .ends(.newLimit) }
    guard subject.mailbox >= 0 else { return nil }
    let m = Int(subject.mailbox)
    guard let room = mailboxes[m].firstRoom(from: now, before: close) else { return .ends(.mailboxLimit) }
    return room > now ? .waits(until: room) : nil
  }
}

/// What earlier sends count for, looked up once for all that have it in common.
private struct Groups {
  struct Counters {
    var mailbox: Int?
    var campaign: Int?
    var isCapped: Bool
  }

  private var known: [Counters?] = []

  mutating func counters(_ one: LimitBook.Earlier, _ names: inout Names) -> Counters {
    if let group = one.group, group < known.count, let found = known[group] { return found }
    let found = Counters(
      mailbox: names.mailbox(one.mailbox).map(Int.init),
      campaign: names.campaign(one.campaign, step: one.step, hasKey: one.hasKey).map(Int.init),
      isCapped: !names.uncapped.contains(one.campaign))
    if let group = one.group {
      while known.count <= group { known.append(nil) }
      known[group] = found
    }
    return found
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
  /// By the hash of a key, address or number. Hashes stand for what they are of: two names of one hash, if there ever
  /// are any, share their cap.
  private var contacts = HashIndex()
  private var contactHashes: [UInt64] = []
  private var contactNumbers: [Int32] = []
  private var campaignNumbers: [String: Int32] = [:]
  /// Campaigns, by all the names they have had, that no cap on contacts or domains holds for.
  let uncapped: Set<String>
  private let campaigns: [String: Campaign]
  private let firstSteps: [String: Set<String>]

  init(_ rules: DeliveryRules) {
    self.rules = rules
    var byName: [String: Campaign] = [:]
    for campaign in rules.campaigns.values { for old in campaign.was { byName[old] = campaign } }
    byName.merge(rules.campaigns) { _, own in own }
    campaigns = byName
    uncapped = Set(byName.filter { $0.value.messageClass == .transactional }.keys)
    firstSteps = rules.campaigns.mapValues { campaign in
      Set(campaign.steps.first.map { [$0.id] + $0.was } ?? [])
    }
  }

  var hasContacts: Bool { contactCount > 0 }

  /// The numbers of the lines' contacts, where a cap holds.
  /// - Parameter shared: the names that others may have too; nil for all. The rest need no count: nobody else adds to it.
  mutating func contacts(
    of lines: borrowing RunLines, isCapped: [Bool], _ shared: SharedNames?
  ) -> ContactNumbers {
    // First all keys, then what else they are known by: a contact may have been given an id, or lost it, since an
    // earlier send or since the plan.
    var numbers = ContactNumbers(count: lines.count, isDense: shared == nil)
    for i in 0..<lines.count where isCapped[Int(lines.kindOf[i])] {
      if let shared, !shared.contains(lines.contacts[i]), !shared.contains(lines.address(i)) { continue }
      if let known = find(lines.contacts[i]) {
        numbers.set(i, known)
      } else {
        numbers.set(i, Int32(contactCount))
        add(lines.contacts[i], Int32(contactCount))
        contactCount += 1
      }
    }
    if !lines.addresses.isSame {
      for i in 0..<lines.count {
        guard let number = numbers[i] else { continue }
        let address = lines.address(i)
        if address != lines.contacts[i], find(address) == nil { add(address, Int32(number)) }
      }
    }
    lines.source.forEachOtherName { contact, others in
      guard let number = find(contact) else { return }
      for other in others where find(other) == nil { add(other, number) }
    }
    return numbers
  }

  private func find(_ hash: UInt64) -> Int32? {
    contacts.find(hash) { contactHashes[$0] == hash }.map { contactNumbers[$0] }
  }

  private mutating func add(_ hash: UInt64, _ number: Int32) {
    contacts.insert(hash, contactHashes.count)
    contactHashes.append(hash)
    contactNumbers.append(number)
  }

  mutating func mailbox(_ id: String) -> Int32? {
    if let known = mailboxNumbers[id] { return known }
    guard !isClosed, let rule = rules.mailboxes[id], MailboxBook.isNeeded(rule) else { return nil }
    mailboxNumbers[id] = Int32(mailboxes.count)
    mailboxes.append(rule)
    return mailboxNumbers[id]
  }

  /// As planning takes it: by the key, or by the address it was written to.
  func contact(_ one: LimitBook.Earlier, to: String?) -> Int32? {
    guard hasContacts else { return nil }
    return find(one.contact) ?? to.flatMap { find(ByteHash.of($0)) } ?? find(one.address)
  }

  mutating func domain(_ domain: String) -> Int32? {
    guard let cap = rules.settings.domainCap else { return nil }
    if let known = domains[domain] { return known }
    guard !isClosed, !cap.except.contains(domain) else { return nil }
    domains[domain] = Int32(domains.count)
    return domains[domain]
  }

  /// Nil for a follow-up, and where nothing limits new sends.
  mutating func campaign(_ id: String, step: String, hasKey: Bool) -> Int32? {
    guard let campaign = campaigns[id], let limit = campaign.dailyNewLimit,
      hasKey || firstSteps[campaign.id]?.contains(step) == true
    else { return nil }
    if let known = campaignNumbers[campaign.id] { return known }
    guard !isClosed else { return nil }
    campaignNumbers[campaign.id] = Int32(limits.count)
    limits.append(limit)
    return campaignNumbers[campaign.id]
  }
}
