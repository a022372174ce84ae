import Model

@testable import Planning

/// Something that limits count: a send of the plan, one that history knows, or a line of another plan.
struct Counted {
  var at: Instant
  var mailbox: String
  var campaign: String
  var step: String
  var key: String
  /// The contact's key of today, or what it is written to.
  var person: String
  var channel: Channel
  var to: String
  var isPlanned = false

  var domain: String? { channel == .email ? to.split(separator: "@").last.map { $0.lowercased() } : nil }

  static func all(of random: RandomProject, _ plan: Plan? = nil) -> [Counted] {
    var names: [String: String] = [:]
    for contact in random.project.contacts.contacts {
      for name in [contact.key, contact.email?.canonical, contact.phone?.e164].compactMap({ $0 }) {
        names[name] = contact.key
      }
    }
    func person(_ contact: String, _ to: String) -> String { names[contact] ?? names[to.lowercased()] ?? contact }
    let records = random.history.sends.values.filter { record in
      switch record.state {
      case .sent, .inFlight, .inDoubt: true
      case .pending, .waiting, .dead, .withdrawn, .dropped: false
      }
    }
    var all = (records + random.history.spent).map { record in
      Counted(
        at: record.attemptAt ?? record.at, mailbox: record.mailbox, campaign: record.campaign, step: record.step,
        key: record.key, person: person(record.contact, record.to), channel: record.channel, to: record.to)
    }
    for (sends, isPlanned) in [(Array(random.history.reserved.values), false), (plan?.sends ?? [], true)] {
      all += sends.map { send in
        Counted(
          at: send.sendAt, mailbox: send.mailbox, campaign: send.campaign, step: send.step, key: send.key,
          person: person(send.contact, send.to), channel: send.channel, to: send.to, isPlanned: isPlanned)
      }
    }
    return all
  }
}

/// Every limit counted anew over all that counts.
struct Recount {
  let random: RandomProject
  let all: [Counted]
  private let bulk: Set<String>
  /// The project's days around the plan's, by their distance from it.
  private let days: [(offset: Int, span: Interval)]

  init(_ random: RandomProject, _ plan: Plan? = nil) {
    self.random = random
    all = Counted.all(of: random, plan)
    bulk = Set(random.project.campaigns.filter { $0.messageClass == .bulk }.flatMap { [$0.id] + $0.was })
    days = (-7...7).map { ($0, random.settings.span(of: random.date + $0)) }
  }

  private func offset(_ at: Instant) -> Int? { days.first { $0.span.contains(at) }?.offset }

  // MARK: What is left before the plan

  func left(_ box: Mailbox, day: Int) -> Int? {
    guard let limit = Self.limit(box, day: day) else { return nil }
    return max(0, limit - all.count { $0.mailbox == box.id && Clockface.day($0.at, box.zone) == day })
  }

  func left(_ box: Mailbox, hour: Int) -> Int? {
    guard let limit = box.hourlyLimit else { return nil }
    return max(0, limit - all.count { $0.mailbox == box.id && Clockface.hour($0.at, box.zone) == hour })
  }

  /// Of the contact's caps of the day and of every week that the day is in.
  func left(person: String) -> Int? {
    let settings = random.settings
    let offsets = all.filter { $0.person == person && bulk.contains($0.campaign) }.compactMap { offset($0.at) }
    var left = settings.contactCapPerDay.map { cap in cap - offsets.count { $0 == 0 } }
    if let cap = settings.contactCapPerWeek {
      let most = (-6...0).map { first in offsets.count { (first...first + 6).contains($0) } }.max() ?? 0
      left = min(left ?? .max, cap - most)
    }
    return left.map { max(0, $0) }
  }

  func left(domain: String) -> Int? {
    guard let cap = random.settings.domainCap, !cap.except.contains(domain) else { return nil }
    return max(0, cap.perDay - all.count { $0.domain == domain && bulk.contains($0.campaign) && offset($0.at) == 0 })
  }

  /// First steps and rows that a campaign may still make today.
  func leftNew(_ campaign: Campaign) -> Int? {
    campaign.dailyNewLimit.map { limit in max(0, limit - all.count { isNew($0, campaign) && offset($0.at) == 0 }) }
  }

  private func isNew(_ send: Counted, _ campaign: Campaign) -> Bool {
    guard ([campaign.id] + campaign.was).contains(send.campaign), let first = campaign.steps.first else { return false }
    return ([first.id] + first.was).contains(send.step)
  }

  private static func limit(_ box: Mailbox, day: Int) -> Int? {
    guard let ramp = box.ramp else { return box.dailyLimit }
    let since = day - ramp.start.number
    return min(since < 0 ? 0 : ramp.from + ramp.step * (since / ramp.everyDays), box.dailyLimit ?? .max)
  }

  // MARK: What the plan exceeds

  /// A line for each limit that is exceeded with a send of the plan among what it counts; earlier days' own excess is
  /// not the plan's.
  func excesses() -> [String] {
    var found: [String] = []
    func check(_ what: String, _ sends: [Counted], _ limit: Int?) {
      guard let limit, sends.count > limit, sends.contains(where: \.isPlanned) else { return }
      found.append("\(what): \(sends.count) of \(limit)")
    }
    let byMailbox = Dictionary(grouping: all, by: \.mailbox)
    for box in random.project.mailboxes {
      let own = (byMailbox[box.id] ?? []).sorted { $0.at < $1.at }
      for (day, sends) in Dictionary(grouping: own, by: { Clockface.day($0.at, box.zone) }) {
        check("\(box.id) on \(CalendarDay(number: day))", sends, Self.limit(box, day: day))
      }
      if let limit = box.hourlyLimit {
        for (hour, sends) in Dictionary(grouping: own, by: { Clockface.hour($0.at, box.zone) }) {
          check("\(box.id) at \(hour % 24) h", sends, limit)
        }
      }
      if let limit = box.rollingLimit {
        var end = 0
        for (i, first) in own.enumerated() {
          while end < own.count, own[end].at < first.at + .hours(24) { end += 1 }
          check("\(box.id) in 24 h from \(Zone.utc.format(first.at))", Array(own[i..<end]), limit)
        }
      }
      let gaps = own.filter(\.isPlanned).map(\.at)
      let before = random.history.lastAttempt.mailbox[box.id].map { [$0] } ?? []
      for (a, b) in zip(before + gaps, (before + gaps).dropFirst()) where b - a < box.minGap {
        found.append("\(box.id): \(b - a) between \(Zone.utc.format(a)) and \(Zone.utc.format(b))")
      }
    }
    let near = all.compactMap { send in offset(send.at).map { (offset: $0, send: send) } }
    let today = near.filter { $0.offset == 0 }.map(\.send)
    let settings = random.settings
    for (person, sends) in Dictionary(grouping: near.filter { bulk.contains($0.send.campaign) }, by: \.send.person) {
      check("\(person) today", sends.filter { $0.offset == 0 }.map(\.send), settings.contactCapPerDay)
      for first in -6...0 {
        let week = sends.filter { (first...first + 6).contains($0.offset) }.map(\.send)
        check("\(person) in the week from day \(first)", week, settings.contactCapPerWeek)
      }
    }
    for (domain, sends) in Dictionary(grouping: today.filter { bulk.contains($0.campaign) }, by: \.domain) {
      guard let domain, let cap = settings.domainCap, !cap.except.contains(domain) else { continue }
      check(domain, sends, cap.perDay)
    }
    for campaign in random.project.campaigns where campaign.dailyNewLimit != nil {
      check("\(campaign.id) anew", today.filter { isNew($0, campaign) }, campaign.dailyNewLimit)
    }
    return found
  }
}
