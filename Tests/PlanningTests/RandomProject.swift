import Foundation
import Model
import TestSupport

@testable import Planning

/// A send that must be due, written down while the project is made up, without the planner's help.
struct ExpectedSend {
  var id: SendID
  var campaign: Campaign
  var step: Int
  var contact: String
  var channel: Channel
  var to: String
  /// For `contact` in windows.
  var zone: Zone
  var daysOverdue: Int
  /// Ids of the mailboxes that it may go from.
  var mailboxes: [String]
  var earliest: Instant?
  var expiresAt: Instant?

  /// A first step or a message row.
  var isNew: Bool { step == 0 }
  var isBulk: Bool { campaign.messageClass == .bulk }
  /// What the plan must have as many of as can be, one after the other.
  var rank: [Int] { [isNew ? 1 : 0, -campaign.priority, -daysOverdue] }
}

/// What must become of a step or a row today.
enum Fate {
  case due(ExpectedSend)
  case skipped(SkipReason)
  case held(HoldReason)
  case waiting
  case ended
}

/// What the past has of a send that has not come to its end.
struct Unfinished {
  var mailbox: String?
  var retryAt: Instant?
  var expiresAt: Instant?
  /// Of the day's earlier plan.
  var firstExpiry: Instant?
  var isReserved = false
}

/// A small project with every rule mixed, some history, and lines of other plans.
struct RandomProject {
  var project: Project
  var history = History()
  var date: CalendarDay
  var notBefore: Instant
  let rules: RuleSet
  /// Of live campaigns, by their ids; what is skipped, held, waiting and ended.
  var totals: [String: PlanTotals] = [:]
  var due: [ExpectedSend] = []
  /// Keys of contacts.
  var suppressed: Set<String> = []
  var unsubscribed: Set<String> = []

  var settings: Settings { project.settings }
  var span: Interval { settings.span(of: date) }

  /// The first six are those of projects; in Santiago clocks change at midnight, on Lord Howe by half an hour.
  static let zones = [
    "Europe/Berlin", "UTC", "America/New_York", "Australia/Lord_Howe", "America/Santiago", "Pacific/Auckland",
    "Asia/Kolkata",
  ]
  /// Ordinary days, and changes of clocks: Berlin's, New York's, Santiago's, and Auckland's and Lord Howe's.
  static let dates = [
    "2026-11-20", "2026-11-21", "2026-07-01", "2026-03-29", "2026-10-25", "2026-03-08", "2026-11-01", "2026-09-06",
    "2026-04-04", "2026-04-05", "2026-09-27", "2026-10-04",
  ]

  /// - Parameter crowd: as many contacts; by default few enough for the exact solver.
  init(seed: UInt64, rules: RuleSet, crowd: Int? = nil) throws {
    var dice = Dice(seed)
    let zones = try Self.zones.map(zone)
    let date = try day(dice.percent(40) ? dice.pick(Self.dates) : Self.dates[dice.below(3)])
    var settings = Settings(
      zone: zones[dice.below(6)], dayStarts: dice.pick([0, 0, 4 * 3600, 90 * 60]), seed: dice.next() % 1000)
    for offset in -6...3 where dice.percent(4) { settings.holidays.insert(date + offset) }
    if rules.contains(.contactDay), dice.percent(35) { settings.contactCapPerDay = 1 + dice.below(2) }
    if rules.contains(.contactWeek), dice.percent(35) { settings.contactCapPerWeek = 1 + dice.below(5) }
    let people = crowd ?? 4 + dice.below(9)
    if rules.contains(.domains), dice.percent(40) {
      settings.domainCap = DomainCap(
        perDay: 1 + dice.below(max(8, people / 2)), except: dice.percent(50) ? ["gmail.com"] : [])
    }
    self.date = date
    self.rules = rules
    let span = settings.span(of: date)
    notBefore = dice.percent(60) ? span.start : span.start + .hours(Int64(1 + dice.below(12)))
    project = Project(settings: settings)
    try makeMailboxes(zones, &dice, scale: max(1, people / 10))
    makeContacts(people, zones, &dice)
    for i in 0...dice.below(3) { try addCampaign(i, people, &dice) }
    if !rules.contains(.rollingNearby) { dropNearbyRollingLimits() }
  }

  private mutating func makeMailboxes(_ zones: [Zone], _ dice: inout Dice, scale: Int) throws {
    let gaps = [0, 0, 20, 30, 45, 90].map { $0 / Int64(scale) } + (rules.contains(.longGaps) ? [150] : [])
    func limit(_ dice: inout Dice, _ chance: Int, _ most: Int) -> Int? {
      dice.percent(chance) ? (1 + dice.below(most)) * scale : nil
    }
    for i in 0...dice.below(3) {
      var box = try mailbox(
        "box\(i)", limit: limit(&dice, 60, 6), gap: .minutes(dice.pick(gaps)),
        window: try Self.window(&dice, always: 60),
        zone: dice.pick(zones))
      if rules.contains(.hourly) { box.hourlyLimit = limit(&dice, 40, 2) }
      if rules.contains(.rolling) { box.rollingLimit = limit(&dice, 40, 8) }
      if rules.contains(.ramps), dice.percent(30) {
        box.ramp = Mailbox.Ramp(
          from: dice.below(6) * scale, step: (1 + dice.below(2)) * scale, everyDays: 1 + dice.below(3),
          start: date - dice.below(9) + 1)
      }
      project.mailboxes.append(box)
    }
    if dice.percent(35) {
      var box = try smsMailbox("texts", number: "+4915112345678")
      box.zone = dice.pick(zones)
      box.dailyLimit = limit(&dice, 60, 4)
      project.mailboxes.append(box)
    }
  }

  private mutating func makeContacts(_ count: Int, _ zones: [Zone], _ dice: inout Dice) {
    let domains = ["example.org", "example.net", "gmail.com"]
    let contacts = (0..<count).map { i in
      contact(
        "person\(i)", domain: dice.pick(domains), id: dice.percent(30) ? "id\(i)" : nil,
        phone: dice.percent(40) ? "+49170\(1_000_000 + i)" : nil, zone: dice.percent(70) ? dice.pick(zones) : nil,
        mailbox: dice.percent(20) ? dice.pick(project.mailboxes).id : nil,
        addedAt: dice.percent(40) ? span.start + .days(Int64(dice.below(6) - 4)) + .hours(3) : nil,
        emailEnabled: dice.percent(93), smsEnabled: dice.percent(60))
    }
    for person in contacts {
      if dice.percent(8), let email = person.email {
        suppressed.insert(person.key)
        project.suppressions.append(
          Suppression(value: email.canonical, place: Place("data/suppressions.csv", line: 2)))
      }
      if dice.percent(5) {
        unsubscribed.insert(person.key)
        project.events.append(Event(at: span.start - .days(9), type: .unsubscribe, contact: person.key))
      }
    }
    project.contacts = ContactTable(files: ["data/contacts.csv"], contacts: contacts)
  }

  private mutating func addCampaign(_ i: Int, _ people: Int, _ dice: inout Dice) throws {
    var own = project.mailboxes.filter { _ in dice.percent(75) }
    if own.isEmpty { own = project.mailboxes }
    let hasTexts = own.contains { $0.sender.channel == .sms }
    let steps = ["one", "two", "three"].prefix(2 + dice.below(2)).map { id in
      var step = step(
        id, was: dice.percent(30) ? ["\(id)-before"] : [],
        delay: dice.pick([nil, .days(1), .days(2), .businessDays(1), .businessDays(3)]),
        channel: dice.percent(hasTexts ? 45 : 5) ? dice.pick([.sms, .any, .all]) : .email)
      if id == "one", dice.percent(70) { step.delay = nil }
      if dice.percent(20) {
        step.variants = ["a", "b"].map {
          Step.Variant(id: $0, weight: 1 + dice.below(3), subject: template("Hello"), text: template("Good day"))
        }
      }
      return step
    }
    var campaign = campaign(
      "campaign\(i)", messageClass: dice.percent(80) ? .bulk : .transactional, priority: dice.below(2),
      start: dice.percent(20) ? span.start + .hours(Int64(dice.below(80) - 50)) : nil,
      end: dice.percent(15) ? span.end - .hours(Int64(1 + dice.below(20))) : nil, mailboxes: own.map(\.id),
      window: try Self.window(&dice, always: 25), holidays: settings.holidays,
      ttl: dice.percent(15) ? .hours(Int64(1 + dice.below(60))) : nil, was: dice.percent(30) ? ["former\(i)"] : [],
      steps: Array(steps))
    if rules.contains(.newLimits), dice.percent(40) { campaign.dailyNewLimit = dice.below(max(5, people / 3)) }
    if dice.percent(4) { campaign.status = .paused }
    // A campaign that has ended by the time of planning has nothing due.
    let isLive = campaign.status == .active && campaign.end.map { $0 > notBefore } ?? true
    if isLive { totals[campaign.id] = PlanTotals() }
    let known = due.count
    if dice.percent(30) {
      addRows(to: &campaign, count: crowdRows(people, &dice), &dice)
    } else {
      for person in project.contacts.contacts { addSequence(of: campaign, for: person, &dice) }
    }
    if !isLive { due.removeLast(due.count - known) }
    project.campaigns.append(campaign)
  }

  private func crowdRows(_ people: Int, _ dice: inout Dice) -> Int { people > 50 ? people / 2 : dice.below(8) }

  mutating func note(_ fate: Fate, _ campaign: Campaign) {
    switch fate {
    case .due(let send): due.append(send)
    case .skipped(let reason): totals[campaign.id]?.skipped[reason, default: 0] += 1
    case .held(let reason): totals[campaign.id]?.held[reason, default: 0] += 1
    case .waiting: totals[campaign.id]?.waiting += 1
    case .ended: totals[campaign.id]?.ended += 1
    }
  }

  private static func window(_ dice: inout Dice, always: Int) throws -> Window {
    if dice.percent(always) { return .always }
    let days = dice.pick(["daily", "daily", "daily", "mon-fri", "fri-sun", "wed,fri,sat"])
    let clock = dice.pick(["contact", "contact", "mailbox", "project", "Asia/Kolkata"])
    let times = dice.pick([
      "09:00-17:00", "08:30-12:00", "13:00-18:15", "04:00-10:00", "22:00-01:00", "20:15-00:30", "11:00-12:00",
      "00:00-24:00", "09:00-17:00", "00:00-24:00", "06:00-20:00", "23:30-02:30", "01:30-03:15", "02:15-02:45",
      "00:00-01:45",
    ])
    let first = try Window.Rule(parsing: "\(days) \(times) \(clock)")
    guard dice.percent(25) else { return Window(rules: [first]) }
    return Window(rules: [first, try Window.Rule(parsing: "daily 18:00-19:00 \(clock)")])
  }

  /// Ids of mailboxes whose rolling limit other days' sends take a part of. A day and a change of clocks, and an hour
  /// to either side, since a plan may count by whole hours.
  var nearbyRolling: Set<String> {
    let near = Interval(span.start - .hours(26), span.end + .hours(26))
    let busy = Set(Counted.all(of: self).filter { near.contains($0.at) }.map(\.mailbox))
    return busy.intersection(project.mailboxes.filter { $0.rollingLimit != nil }.map(\.id))
  }

  private mutating func dropNearbyRollingLimits() {
    let busy = nearbyRolling
    for i in project.mailboxes.indices where busy.contains(project.mailboxes[i].id) {
      project.mailboxes[i].rollingLimit = nil
    }
  }
}
