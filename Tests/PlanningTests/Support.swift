import Foundation
import Model
import Testing

@testable import Planning

/// A template language just large enough for planning: `{{name}}` must be given, `{{#name}}` and `{{^name}}` need not.
struct PlainRenderer: TemplateRenderer {
  struct Missing: Error { var name: String }

  func needs(of template: Template) -> TemplateNeeds {
    var required: Set<String> = []
    var optional: Set<String> = []
    for tag in tags(template.source) {
      if tag.hasPrefix("#") || tag.hasPrefix("^") { optional.insert(String(tag.dropFirst())) }
    }
    for tag in tags(template.source) where tag.first?.isLetter == true && !optional.contains(tag) {
      required.insert(tag)
    }
    return TemplateNeeds(required: required, optional: optional)
  }

  func render(_ template: Template, _ values: [String: String]) throws -> String {
    var text = template.source
    for tag in tags(text) where tag.first?.isLetter == true {
      guard let value = values[tag] else { throw Missing(name: tag) }
      text = text.replacing("{{\(tag)}}", with: value)
    }
    return text
  }

  private func tags(_ source: String) -> [String] {
    source.components(separatedBy: "{{").dropFirst().compactMap { $0.components(separatedBy: "}}").first }
  }
}

struct BadTestValue: Error { var text: String }

func zone(_ name: String) throws -> Zone {
  guard let zone = Zone(name) else { throw BadTestValue(text: name) }
  return zone
}

func at(_ text: String) throws -> Instant {
  guard let instant = Instant(text) else { throw BadTestValue(text: text) }
  return instant
}

func day(_ text: String) throws -> CalendarDay {
  guard let day = CalendarDay(text) else { throw BadTestValue(text: text) }
  return day
}

func window(_ lines: String...) throws -> Window { Window(rules: try lines.map { try Window.Rule(parsing: $0) }) }

func template(_ source: String) -> Template { Template(source, place: Place("campaigns/welcome/step.txt")) }

func step(
  _ id: String, was: [String] = [], delay: Delay? = nil, channel: Step.StepChannel = .email, reply: Bool = false,
  subject: String? = "Hello", text: String = "Good morning"
) -> Step {
  let variant = Step.Variant(id: "", subject: subject.map(template), text: template(text))
  return Step(id: id, was: was, delay: delay, channel: channel, reply: reply, variants: [variant])
}

func mailbox(
  _ id: String, limit: Int? = nil, gap: Instant.Span = .zero, window: Window = .always, zone: Zone = .utc,
  tags: [String] = [], vars: [String: String] = [:]
) throws -> Mailbox {
  guard let address = EmailAddress("\(id)@example.com") else { throw BadTestValue(text: id) }
  return Mailbox(
    id: id, sender: .email(NamedAddress(name: nil, address: address)), dailyLimit: limit, minGap: gap, window: window,
    zone: zone, providers: ["server"], tags: tags, vars: vars)
}

func smsMailbox(_ id: String, number: String) throws -> Mailbox {
  guard let phone = PhoneNumber(number) else { throw BadTestValue(text: number) }
  return Mailbox(id: id, sender: .sms(phone), zone: .utc, providers: ["gateway"])
}

/// A contact whose key is its address unless `id` is given.
func contact(
  _ name: String, domain: String = "example.org", id: String? = nil, phone: String? = nil, zone: Zone? = nil,
  tags: [String] = [],
  mailbox: String? = nil, addedAt: Instant? = nil, emailEnabled: Bool = true, smsEnabled: Bool = false,
  values: [String] = [], files: Set<Int> = [0], defect: Contact.Defect? = nil
) -> Contact {
  let email = EmailAddress("\(name)@\(domain)")
  return Contact(
    key: id ?? email?.canonical ?? name, email: email, phone: phone.flatMap { PhoneNumber($0) }, zone: zone,
    tags: tags, mailbox: mailbox, addedAt: addedAt, emailEnabled: emailEnabled, smsEnabled: smsEnabled,
    values: values, files: files, place: Place("data/contacts.csv", line: 2), defect: defect)
}

func people(_ contacts: Contact..., columns: [String] = []) -> ContactTable {
  ContactTable(columns: columns, files: ["data/contacts.csv"], contacts: contacts)
}

func crowd(_ n: Int, zone: Zone? = nil) -> ContactTable {
  ContactTable(files: ["data/contacts.csv"], contacts: (0..<n).map { contact("person\($0)", zone: zone) })
}

func everyone() -> Campaign.Audience { .contacts(Campaign.ContactAudience(files: [0])) }

func rows(_ rows: MessageRow...) -> Campaign.Audience { .messages(MessageTable(rows: rows)) }

func row(
  _ key: String, to: String? = nil, contact: String? = nil, from: String? = nil, sendAt: Instant? = nil,
  subject: String? = nil, text: String? = nil, values: [String: String] = [:], line: Int = 2
) -> MessageRow {
  MessageRow(
    contact: contact, email: to.flatMap { EmailAddress($0) }, from: from, sendAt: sendAt, subject: subject, text: text,
    values: values, key: key, batch: "alerts", place: Place("data/messages/alerts.csv", line: line))
}

func campaign(
  _ id: String = "welcome", _ audience: Campaign.Audience? = nil, messageClass: Campaign.MessageClass = .bulk,
  priority: Int = 0, start: Instant? = nil, end: Instant? = nil, mailboxes: [String] = ["anna"],
  window: Window = .always, holidays: Set<CalendarDay> = [], stopOn: Set<EventType> = [.reply],
  ttl: Instant.Span? = nil, vars: [String: String] = [:], was: [String] = [], steps: [Step] = [step("intro")]
) -> Campaign {
  Campaign(
    id: id, messageClass: messageClass, priority: priority, start: start, end: end,
    audience: audience ?? everyone(), mailboxes: .ids(mailboxes), window: window, holidays: holidays, stopOn: stopOn,
    ttl: ttl, vars: vars, was: was, steps: steps)
}

extension History {
  /// One attempt at a step and how it ended.
  mutating func add(
    _ step: String, of campaign: String = "welcome", to contact: String, at: Instant, mailbox: String = "anna",
    outcome: Record.Outcome = .sent, channel: Channel = .email, address: String? = nil, key: String = "",
    subject: String? = "Hello", expiresAt: Instant? = nil, retryAt: Instant? = nil
  ) {
    let id = SendID(campaign: campaign, step: step, contact: contact, channel: channel, key: key)
    let attempt = Record.Attempt(
      id: id, number: 1, at: at, sendAt: at, campaign: campaign, step: step, variant: nil, batch: nil, key: key,
      contact: contact, channel: channel, to: address ?? contact, mailbox: mailbox, provider: "server",
      messageID: "<\(id)@example.com>", subject: subject, expiresAt: expiresAt, run: "0123456789abcdef")
    apply(.intent(attempt))
    apply(
      .outcome(attempt, Record.Result(outcome: outcome, retryAt: outcome == .retry ? retryAt ?? at + .minutes(1) : nil))
    )
  }

  func note(
    _ step: String, of campaign: String = "welcome", to contact: String, at: Instant, mailbox: String = "anna",
    expiresAt: Instant? = nil, channel: Channel = .email, address: String? = nil
  ) -> Record.Note {
    Record.Note(
      id: SendID(campaign: campaign, step: step, contact: contact, channel: channel, key: ""), at: at,
      campaign: campaign, step: step, key: "", contact: contact, channel: channel, to: address ?? contact,
      mailbox: mailbox,
      expiresAt: expiresAt)
  }

  /// A line of another day's approved plan.
  mutating func reserve(
    _ step: String, of campaign: String = "welcome", to contact: String, at: Instant, mailbox: String = "anna",
    channel: Channel = .email, address: String? = nil, key: String = ""
  ) {
    let id = SendID(campaign: campaign, step: step, contact: contact, channel: channel, key: key)
    reserved[id] = PlannedSend(
      id: id, sendAt: at, open: IntervalSet([Interval(at, at + .hours(1))]), campaign: campaign, step: step,
      contact: contact, channel: channel, to: address ?? contact, mailbox: mailbox, key: key)
  }
}

let ada = "ada@example.org"

/// Plans a project, by default for Friday 2026-11-20 in UTC with one mailbox `anna` and one contact `ada`.
struct Scene {
  var settings = Settings(seed: 7)
  var campaigns: [Campaign] = [campaign()]
  var mailboxes: [Mailbox] = []
  var contacts = people(contact("ada"))
  var suppressions: [Suppression] = []
  var events: [Event] = []
  var history = History()

  func plan(_ date: String = "2026-11-20", notBefore: Instant = .distantPast) throws -> Plan {
    let project = Project(
      settings: settings, campaigns: campaigns, mailboxes: mailboxes.isEmpty ? [try mailbox("anna")] : mailboxes,
      contacts: contacts, suppressions: suppressions, events: events)
    let plan = Planner.plan(
      project: project, history: history, date: try day(date), notBefore: notBefore, renderer: PlainRenderer())
    try plan.checkTotals()
    return plan
  }

  /// `step to`, or the reason, of the only campaign's only due step; `waiting`, `ended` or `held` where none is due.
  func fate(_ date: String = "2026-11-20", notBefore: Instant = .distantPast) throws -> String {
    let plan = try plan(date, notBefore: notBefore)
    let totals = plan.header.totals
    var words = plan.sends.map(\.step)
    words += plan.skipped.map { $0.reason.rawValue }
    words += totals.deferred.map(\.key.rawValue).sorted()
    words += totals.held.map(\.key.rawValue).sorted()
    if totals.waiting > 0 { words.append("waiting") }
    if totals.ended > 0 { words.append("ended") }
    return words.joined(separator: " ")
  }
}

extension Plan {
  /// DESIGN §2: due = planned + deferred + skipped, for every campaign, and as many lines as the totals say.
  func checkTotals() throws {
    #expect(header.sends == sends.count)
    for (id, totals) in header.campaigns {
      #expect(totals.planned == sends.count { $0.campaign == id })
      for reason in SkipReason.allCases {
        #expect(totals.skipped[reason] ?? 0 == skipped.count { $0.campaign == id && $0.reason == reason })
      }
      #expect(totals.due == totals.planned + totals.deferredTotal + totals.skippedTotal)
    }
  }
}
