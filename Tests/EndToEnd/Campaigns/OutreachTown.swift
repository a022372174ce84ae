import Foundation
import TestSupport

/// The people, mailboxes and events of a month of outreach, as tables of the test's own: what the project's files are
/// written from, and what the plans are judged by.
struct OutreachTown {
  struct Person {
    var email: String
    var zone: String
    var isAgent: Bool
    /// Whether the second sequence is for it too.
    var isPartner: Bool
    /// The one that contacts.csv assigns.
    var mailbox: String?
    var domain: String { String(email.split(separator: "@")[1]) }
  }

  struct Box {
    var id: String
    var zone: String
    var daily: Int?
    var hourly: Int?
    var rolling: Int?
    /// Seconds.
    var gap: Int
    /// Hours of its own clock.
    var window: Range<Int>?
    var ramp: (from: Int, step: Int, everyDays: Int, start: String)?
    var isSales: Bool

    fileprivate var yaml: String {
      var keys = ["id: \(id)", "from: \(id.capitalized) <\(id)@northwind.example>", "timezone: \(zone)"]
      if let daily { keys.append("daily_limit: \(daily)") }
      if let hourly { keys.append("hourly_limit: \(hourly)") }
      if let rolling { keys.append("rolling_limit: \(rolling)") }
      keys.append("min_gap: \(gap)s")
      if let window {
        keys.append("window: \"daily \(Self.clock(window.lowerBound))-\(Self.clock(window.upperBound)) mailbox\"")
      }
      if let ramp {
        keys.append(
          "ramp: {from: \(ramp.from), step: \(ramp.step), every_days: \(ramp.everyDays), start: \(ramp.start)}")
      }
      return "- {\(keys.joined(separator: ", ")), providers: [relay]\(isSales ? ", tags: [sales]" : "")}\n"
    }

    private static func clock(_ hour: Int) -> String { (hour < 10 ? "0" : "") + "\(hour):00" }
  }

  /// A sequence, as its campaign.yaml has it.
  struct Sequence {
    struct Step {
      var id: String
      /// Days, or business days.
      var delay: Int
      var isBusiness: Bool
    }
    var id: String
    var steps: [Step]
    var mailboxes: [String]
    var newLimit: Int
    /// Hours of the contact's clock, or of the mailbox's.
    var window: Range<Int>
    var isContactsClock: Bool
    var isWeekdays: Bool
  }

  static let project = "Europe/Berlin"
  static let perDay = 1
  static let perWeek = 3
  static let domainPerDay = 5
  static let exempt = "gmail.com"

  let people: [Person]
  let boxes: [Box]
  let sequences: [Sequence]

  init(people count: Int = 240) {
    var dice = Dice(11)
    let zones = [
      "Europe/London", "Europe/Berlin", "Asia/Tokyo", "America/New_York", "Asia/Kolkata", "Australia/Sydney",
    ]
    people = (0..<count).map { i in
      let zone = zones[dice.below(zones.count)]
      let domain = dice.oneIn(4) ? "agency.example" : dice.oneIn(6) ? Self.exempt : "office\(i / 2).example"
      let isAgent = !dice.oneIn(8)
      let isEuropean = zone.hasPrefix("Europe")
      return Person(
        email: "p\(i)@\(domain)", zone: zone, isAgent: isAgent, isPartner: dice.oneIn(5),
        mailbox: isEuropean && dice.oneIn(4) ? dice.pick(["anna", "ben"]) : nil)
    }
    boxes = [
      Box(id: "anna", zone: "Europe/Berlin", daily: 12, hourly: 3, gap: 90, isSales: true),
      Box(id: "ben", zone: "Europe/Berlin", daily: 9, gap: 120, window: 8..<12, isSales: true),
      Box(
        id: "carla", zone: "America/New_York", daily: 14, gap: 90, ramp: (2, 3, 4, "2026-10-12"), isSales: true),
      Box(id: "dora", zone: "Asia/Tokyo", rolling: 7, gap: 300, isSales: false),
    ]
    sequences = [
      Sequence(
        id: "outreach",
        steps: [
          .init(id: "intro", delay: 0, isBusiness: false), .init(id: "example", delay: 2, isBusiness: true),
          .init(id: "offer", delay: 3, isBusiness: true), .init(id: "goodbye", delay: 7, isBusiness: false),
        ], mailboxes: ["anna", "ben", "carla"], newLimit: 20, window: 9..<17, isContactsClock: true, isWeekdays: false),
      Sequence(
        id: "partners",
        steps: [
          .init(id: "hello", delay: 0, isBusiness: false), .init(id: "nudge", delay: 1, isBusiness: true),
          .init(id: "last", delay: 4, isBusiness: false),
        ], mailboxes: ["ben", "dora"], newLimit: 5, window: 10..<16, isContactsClock: false, isWeekdays: true),
    ]
  }

  func isIn(_ sequence: Sequence, _ person: Person) -> Bool {
    sequence.id == "outreach" ? person.isAgent : person.isPartner
  }

  /// The shipped project with these people and mailboxes, and a second sequence over some of the same.
  func project(port: Int) throws -> TestProject {
    let mailboxes = try ShippedProject.text("data/mailboxes.yaml")
    let rest = mailboxes.range(of: "- id: accounts").map { String(mailboxes[$0.lowerBound...]) } ?? ""
    var settings = try ShippedProject.text("campaigns/settings.yaml")
    settings = settings.replacing(
      "contact_caps: {per_day: 2, per_week: 5}",
      with: "contact_caps: {per_day: \(Self.perDay), per_week: \(Self.perWeek)}"
    ).replacing(
      "per_day: 50, except: [gmail.com, outlook.com]", with: "per_day: \(Self.domainPerDay), except: [\(Self.exempt)]")
    let header = "email,first_name,company,city,timezone,segment,tags,mailbox\n"
    let rows = people.enumerated().map { i, person in
      "\(person.email),First\(i),Company \(i),City \(i),\(person.zone),\(person.isAgent ? "agent" : "tenant"),"
        + "\(person.isPartner ? "partner" : ""),\(person.mailbox ?? "")\n"
    }
    let project = try ShippedProject.copy([
      "campaigns/settings.yaml": settings,
      "campaigns/partners/campaign.yaml": """
      status: active
      priority: 20
      audience: {contacts: [contacts.csv], where: {tags: [partner]}}
      mailboxes: [ben, dora]
      daily_new_limit: 5
      window: mon-fri 10:00-16:00 mailbox
      unsubscribe: {url: "https://northwind.example/unsubscribe/{{send_id}}"}
      steps:
        - {id: hello, subject: "Working together, {{first_name}}", text: {inline: "Hello {{first_name}} {{unsubscribe_url}}\\n"}}
        - {id: nudge, delay: 1bd, reply: true, text: {inline: "Well? {{unsubscribe_url}}\\n"}}
        - {id: last, delay: 4d, reply: true, text: {inline: "Goodbye. {{unsubscribe_url}}\\n"}}
      """,
      "data/contacts.csv": header + rows.joined(),
      "data/mailboxes.yaml": boxes.map(\.yaml).joined() + rest,
      "data/providers.yaml": try ShippedProject.text("data/providers.yaml").replacing(
        "- {id: relay, type: file}",
        with: "- {id: relay, type: smtp, host: localhost, port: \(port), tls: none, timeout: 10s}"),
    ])
    for campaign in ShippedProjectTests.campaigns where campaign != "outreach" {
      try FileManager.default.removeItem(atPath: project.folder.file("campaigns/\(campaign)"))
    }
    return project
  }
}
