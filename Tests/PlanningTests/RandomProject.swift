import Foundation
import TestSupport
import Model

@testable import Planning

/// A send that must be due, written down while the project is made up, without the planner's help.
struct ExpectedSend {
  var id: SendID
  var campaign: Campaign
  var contact: String
  /// For `contact` in windows.
  var zone: Zone
  var isFollowUp: Bool
  var daysOverdue: Int
  /// Ids of the mailboxes that it may go from.
  var mailboxes: [String]
  var earliest: Instant?
  var isSuppressed: Bool

  /// What the plan must have as many of as can be, one after the other.
  var rank: [Int] { [isFollowUp ? 0 : 1, -campaign.priority, -daysOverdue] }
}

/// A project of up to three mailboxes, campaigns of two steps and of message rows, with some history.
struct RandomProject {
  var project: Project
  var history = History()
  var date: CalendarDay
  var notBefore: Instant
  var expected: [ExpectedSend] = []

  static let zones = [
    "Europe/Berlin", "UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe",
  ]
  /// Ordinary days, and Berlin's two changes of clocks. The windows below open and close at no time that these remove
  /// or repeat, so that the naive clock of the oracle is right about them.
  static let dates = ["2026-11-20", "2026-11-21", "2026-07-01", "2026-03-29", "2026-10-25"]

  init(seed: UInt64, caps: Bool) throws {
    var dice = Dice(seed)
    let zones = try Self.zones.map(zone)
    date = try day(dice.pick(Self.dates))
    var settings = Settings(
      zone: zones[dice.below(4)], dayStarts: dice.pick([0, 0, 4 * 3600]), seed: dice.next() % 1000)
    if dice.percent(20) { settings.holidays = [date] }
    if caps, dice.percent(50) { settings.contactCapPerDay = 1 + dice.below(2) }
    let span = settings.span(of: date)
    notBefore = dice.percent(60) ? span.start : span.start + .hours(Int64(1 + dice.below(12)))

    let mailboxes = try (0...dice.below(3)).map { i in
      try mailbox(
        "box\(i)", limit: dice.percent(70) ? 1 + dice.below(6) : nil,
        gap: .minutes(dice.pick([0, 20, 30, 45, 90])), window: try Self.window(&dice), zone: dice.pick(zones))
    }
    let people = (0..<(2 + dice.below(9))).map { i in
      contact(
        "person\(i)", id: dice.percent(30) ? "id\(i)" : nil, zone: dice.percent(70) ? dice.pick(zones) : nil,
        mailbox: dice.percent(20) ? dice.pick(mailboxes).id : nil,
        addedAt: dice.percent(40) ? span.start + .days(Int64(dice.below(6) - 4)) + .hours(3) : nil)
    }
    let suppressed = people.filter { _ in dice.percent(8) }
    project = Project(
      settings: settings, mailboxes: mailboxes,
      contacts: ContactTable(files: ["data/contacts.csv"], contacts: people),
      suppressions: suppressed.compactMap { person in
        person.email.map { Suppression(value: $0.canonical, place: Place("data/suppressions.csv", line: 2)) }
      })
    for i in 0...dice.below(3) {
      var own = mailboxes.filter { _ in dice.percent(70) }
      if own.isEmpty { own = mailboxes }
      var campaign = campaign(
        "campaign\(i)", messageClass: dice.percent(80) ? .bulk : .transactional, priority: dice.below(2),
        end: dice.percent(15) ? span.end - .hours(Int64(1 + dice.below(20))) : nil, mailboxes: own.map(\.id),
        window: try Self.window(&dice), holidays: settings.holidays,
        steps: [step("one"), step("two", delay: .days(2))])
      if dice.percent(30) {
        addRows(to: &campaign, own: own, people: people, suppressed: suppressed, &dice)
      } else {
        addSequences(of: campaign, own: own, people: people, suppressed: suppressed, &dice)
      }
      project.campaigns.append(campaign)
    }
    // A campaign that has ended by the time of planning has nothing due.
    expected.removeAll { send in send.campaign.end.map { $0 <= notBefore } ?? false }
  }

  private static func window(_ dice: inout Dice) throws -> Window {
    if dice.percent(25) { return .always }
    let days = dice.pick(["daily", "mon-fri", "fri-sun", "wed,fri,sat"])
    let clock = dice.pick(["contact", "contact", "mailbox", "project", "Asia/Kolkata"])
    let times = dice.pick([
      "09:00-17:00", "08:30-12:00", "13:00-18:15", "04:00-10:00", "22:00-01:00", "20:15-00:30", "11:00-12:00",
      "00:00-24:00",
    ])
    let first = try Window.Rule(parsing: "\(days) \(times) \(clock)")
    guard dice.percent(25) else { return Window(rules: [first]) }
    return Window(rules: [first, try Window.Rule(parsing: "daily 18:00-19:00 \(clock)")])
  }

  private mutating func addSequences(
    of campaign: Campaign, own: [Mailbox], people: [Contact], suppressed: [Contact], _ dice: inout Dice
  ) {
    let settings = project.settings
    for person in people {
      var due: (step: Int, overdue: Int, kept: String?)?
      switch dice.below(10) {
      case 0..<5:
        let overdue = person.addedAt.map { date.number - settings.day(of: $0).number } ?? 0
        if overdue >= 0 { due = (0, overdue, nil) }
      case 5..<8:
        let ago = dice.below(5)
        let sentDay = settings.span(of: date - ago)
        var sent = sentDay.start + .minutes(Int64(dice.below(23 * 60)))
        // Nothing was sent today after the time of planning.
        if ago == 0, sent >= notBefore { sent = sentDay.start - .hours(2) }
        let sentOn = settings.day(of: sent)
        let box = dice.pick(project.mailboxes)
        history.add("one", of: campaign.id, to: person.key, at: sent, mailbox: box.id, address: person.email?.envelope)
        let overdue = date.number - (sentOn.number + 2)
        if overdue >= 0 { due = (1, overdue, box.id) }
      case 8:
        let sent = settings.span(of: date - 3).start + .hours(5)
        for step in ["one", "two"] {
          history.add(
            step, of: campaign.id, to: person.key, at: sent, mailbox: own[0].id, address: person.email?.envelope)
        }
      default:
        history.add(
          "one", of: campaign.id, to: person.key, at: settings.span(of: date - 1).start + .hours(7),
          mailbox: own[0].id, outcome: dice.percent(50) ? .inDoubt : .failed, address: person.email?.envelope)
      }
      guard let due else { continue }
      let names = own.map(\.id)
      let fixed = [due.kept, person.mailbox].compactMap { $0 }.first { names.contains($0) }
      expected.append(
        ExpectedSend(
          id: SendID(
            campaign: campaign.id, step: campaign.steps[due.step].id, contact: person.key, channel: .email, key: ""),
          campaign: campaign, contact: person.key, zone: person.zone ?? settings.zone, isFollowUp: due.step > 0,
          daysOverdue: due.overdue, mailboxes: fixed.map { [$0] } ?? names, earliest: nil,
          isSuppressed: suppressed.contains { $0.key == person.key }))
    }
  }

  private mutating func addRows(
    to campaign: inout Campaign, own: [Mailbox], people: [Contact], suppressed: [Contact], _ dice: inout Dice
  ) {
    let settings = project.settings
    let span = settings.span(of: date)
    var rows: [MessageRow] = []
    for i in 0..<dice.below(8) {
      let person = dice.pick(people)
      let from = dice.percent(25) ? dice.pick(own).id : nil
      let sendAt = dice.percent(60) ? span.start + .minutes(Int64(15 * (dice.below(200) - 60))) : nil
      rows.append(row("row\(i)", contact: person.key, from: from, sendAt: sendAt, text: "Alert \(i)", line: i + 2))
    }
    campaign.audience = .messages(MessageTable(rows: rows))
    for row in rows {
      guard let person = people.first(where: { $0.key == row.contact }) else { continue }
      if let at = row.sendAt, at >= span.end { continue }
      let names = own.map(\.id)
      let fixed = [row.from, person.mailbox].compactMap { $0 }.first { names.contains($0) }
      let overdue = row.sendAt.map { max(0, date.number - settings.day(of: $0).number) } ?? 0
      expected.append(
        ExpectedSend(
          id: SendID(campaign: campaign.id, step: "one", contact: person.key, channel: .email, key: row.key),
          campaign: campaign, contact: person.key, zone: person.zone ?? settings.zone, isFollowUp: false,
          daysOverdue: overdue, mailboxes: fixed.map { [$0] } ?? names, earliest: row.sendAt,
          isSuppressed: suppressed.contains { $0.key == person.key }))
    }
  }
}
