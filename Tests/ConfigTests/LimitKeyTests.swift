import Foundation
import Testing

@testable import Config
@testable import Model

/// The keys that limit what goes out.
struct LimitKeyTests {
  private static let mailboxes = """
    - id: anna
      from: anna@example.com
      providers: [backup]
      tags: [sales]
    - id: ben
      from: ben@example.com
      providers: [backup]

    """

  /// A project whose mailboxes stand in YAML, the first with `lines` more.
  private func load(
    mailbox lines: String = "", settings: String = "", campaign: String = "", audience: String = ""
  ) throws -> (project: Project?, findings: [String]) {
    var files = Sample.good
    files["data/mailboxes.csv"] = nil
    let first = Self.mailboxes.replacing("  tags: [sales]\n", with: "  tags: [sales]\n" + lines)
    return try Sample(
      files,
      [
        "data/mailboxes.yaml": first, "campaigns/settings.yaml": "timezone: Europe/Berlin\n" + settings,
        "campaigns/codes/campaign.yaml":
          "audience: {messages: [messages/*], columns: {mail: email}\(audience)}\nmailboxes: [ben]\n" + campaign,
      ]
    ).load()
  }

  @Test func limitsOfAMailboxAreReadFromYAMLAndFromCSV() throws {
    let ramp = Mailbox.Ramp(
      from: 10, step: 5, everyDays: 2, start: try #require(CalendarDay("2026-11-01")))
    let (yaml, findings) = try load(
      mailbox: "  hourly_limit: 20\n  rolling_limit: 500\n"
        + "  ramp: {from: 10, step: 5, every_days: 2, start: 2026-11-01}\n")
    #expect(findings == [])
    let anna = try #require(yaml).mailboxes[0]
    #expect(anna.hourlyLimit == 20 && anna.rollingLimit == 500 && anna.ramp == ramp)
    let ben = try #require(yaml).mailboxes[1]
    #expect(ben.hourlyLimit == nil && ben.rollingLimit == nil && ben.ramp == nil && ben.limit(on: ramp.start) == nil)

    let csv = try Sample(
      Sample.good,
      [
        "data/mailboxes.csv": """
        id;from;Hourly Limit;rolling_limit;ramp_from;rampStep;ramp_every_days;Ramp Start;providers;tags
        anna;anna@example.com;20;500;10;5;2;2026-11-01;backup;sales
        ben;ben@example.com;;;10;5;;2026-11-01;backup;
        text;+4915112345678;;;;;;;backup;

        """
      ]
    ).load()
    #expect(csv.findings == [])
    let boxes = try #require(csv.project).mailboxes
    #expect(boxes[0].hourlyLimit == 20 && boxes[0].rollingLimit == 500 && boxes[0].ramp == ramp)
    #expect(boxes[1].ramp?.everyDays == 1 && boxes[1].hourlyLimit == nil && boxes[2].ramp == nil)
  }

  @Test func aBadColumnOfARampIsReportedInItsCell() throws {
    let findings = try Sample(
      Sample.good,
      [
        "data/mailboxes.csv": """
        id,from,ramp_from,ramp_step,ramp_pace,providers,tags
        anna,anna@example.com,ten,5,1,backup,sales
        ben,ben@example.com,,,,backup,

        """
      ]
    ).load().findings
    #expect(
      findings == [
        "data/mailboxes.csv:1:29: error: unknown key 'ramp_pace' in mailbox",
        "data/mailboxes.csv:2:23: error: 'from' must be a whole number from 0 to 10000000, not 'ten'",
        "data/mailboxes.csv:2:23: error: ramp lacks its 'start'",
      ])
  }

  @Test func capsOfSettingsAndCampaignsAreRead() throws {
    let (project, findings) = try load(
      settings: "contact_caps: {per_week: 3}\ndomain_caps: {per_day: 100, except: [GMail.com, bücher.example]}\n",
      campaign: "daily_new_limit: 50\n")
    #expect(findings == [])
    let settings = try #require(project).settings
    #expect(settings.contactCapPerDay == nil && settings.contactCapPerWeek == 3)
    #expect(settings.domainCap == DomainCap(perDay: 100, except: ["gmail.com", "xn--bcher-kva.example"]))
    #expect(project?.campaigns.map(\.dailyNewLimit) == [50, nil])
    let one = try load(settings: "domain_caps: {per_day: 0, except: gmail.com}\n").project?.settings
    #expect(one?.domainCap == DomainCap(perDay: 0, except: ["gmail.com"]))
  }

  private static let number = "a whole number from 0 to 10000000"
  private static let span =
    "must be a length of time with its unit, such as 90s, 5m, 20h or 4d, above zero, not"

  static let bad: [(key: String, text: String, findings: [String])] = [
    (
      "mailbox", "  hourly_limit: -1\n",
      ["data/mailboxes.yaml:5:17: error: 'hourly_limit' must be a whole number from 0 to 10000000, not -1"]
    ),
    (
      "mailbox", "  rolling_limit: 1.5\n",
      ["data/mailboxes.yaml:5:18: error: 'rolling_limit' must be a whole number from 0 to 10000000, not 1.5"]
    ),
    (
      "mailbox", "  hourly_limt: 3\n",
      ["data/mailboxes.yaml:5:3: error: unknown key 'hourly_limt' in mailbox; did you mean 'hourly_limit'?"]
    ),
    ("mailbox", "  ramp: 10\n", ["data/mailboxes.yaml:5:9: error: 'ramp' must be a mapping of keys, not 10"]),
    ("mailbox", "  ramp: {from: 10, step: 5}\n", ["data/mailboxes.yaml:5:9: error: ramp lacks its 'start'"]),
    (
      "mailbox", "  ramp: {form: 10, step: 5, every_days: 0, start: 1.11.2026}\n",
      [
        "data/mailboxes.yaml:5:9: error: ramp lacks its 'from'",
        "data/mailboxes.yaml:5:10: error: unknown key 'form' in ramp; did you mean 'from'?",
        "data/mailboxes.yaml:5:41: error: 'every_days' must be a whole number from 1 to 3660, not 0",
        "data/mailboxes.yaml:5:51: error: 'start' must be a date, such as 2026-12-24, not '1.11.2026'",
      ]
    ),
    (
      "mailbox", "  daily_limit: 40\n  ramp: {from: 50, step: 5, start: 2026-11-01}\n",
      ["data/mailboxes.yaml:6:9: warning: 'ramp' begins with 50 a day and 'daily_limit' allows 40: it changes nothing"]
    ),
    (
      "settings", "contact_caps: {per_week: many}\n",
      ["campaigns/settings.yaml:2:26: error: 'per_week' must be a whole number from 0 to 1000000, not 'many'"]
    ),
    (
      "settings", "contact_caps: {per_weak: 3}\n",
      ["campaigns/settings.yaml:2:16: error: unknown key 'per_weak' in contact_caps; did you mean 'per_week'?"]
    ),
    (
      "settings", "domain_caps: {except: [gmail.com]}\n",
      ["campaigns/settings.yaml:2:14: error: domain_caps lacks its 'per_day'"]
    ),
    (
      "settings", "domain_caps: {per_day: 1, except: [gmail.com, '@web.de', localhost]}\n",
      [
        "campaigns/settings.yaml:2:47: error: 'except' must be a domain, such as gmail.com, not '@web.de'",
        "campaigns/settings.yaml:2:58: error: 'except' must be a domain, such as gmail.com, not 'localhost'",
      ]
    ),
    (
      "campaign", "daily_new_limit: all\n",
      [
        "campaigns/codes/campaign.yaml:3:18: error: 'daily_new_limit' must be \(number), not 'all'"
      ]
    ),
    (
      "audience", ", fresh_within: 20",
      [
        "campaigns/codes/campaign.yaml:1:74: error: 'fresh_within' \(span) 20"
      ]
    ),
    (
      "audience", ", fresh_within: 0h",
      [
        "campaigns/codes/campaign.yaml:1:74: error: 'fresh_within' \(span) '0h'"
      ]
    ),
  ]

  @Test(arguments: bad) func aBadLimitIsReportedWhereItStands(_ key: String, _ text: String, _ expected: [String])
    throws
  {
    func given(_ name: String) -> String { key == name ? text : "" }
    let found = try load(
      mailbox: given("mailbox"), settings: given("settings"), campaign: given("campaign"), audience: given("audience"))
    #expect(found.findings == expected)
    #expect((found.project == nil) == expected.contains { $0.contains("error") })
  }

  @Test func freshnessIsForMessagesOnly() throws {
    let findings = try Sample(
      Sample.good,
      [
        "campaigns/codes/campaign.yaml":
          "audience: {contacts: [contacts.csv], fresh_within: 20h}\nmailboxes: [ben]\n"
          + "steps: [{id: a, text: {inline: Hi}, subject: Hi}]\n"
      ]
    ).load().findings
    #expect(
      findings == [
        "campaigns/codes/campaign.yaml:1:52: error: 'fresh_within' is for an audience of messages"
      ])
  }

  @Test func rowsKnowWhenTheirFileWasWrittenWhereThatIsAskedFor() throws {
    let written = try #require(Instant("2026-11-19T22:15:30.250Z"))
    for (asks, audience) in [(true, ", fresh_within: 20h"), (false, "")] {
      let sample = try Sample(
        Sample.good,
        [
          "campaigns/codes/campaign.yaml":
            "audience: {messages: [messages/*], columns: {mail: email}\(audience)}\nmailboxes: [ben]\n",
          "data/messages/more.jsonl":
            "{\"email\":\"b@example.com\",\"destinations\":[{\"email\":\"c@example.com\"}]}\n",
        ])
      for name in ["today.csv", "more.jsonl"] {
        try FileManager.default.setAttributes(
          [.modificationDate: Date(timeIntervalSince1970: Double(written.milliseconds) / 1000)],
          ofItemAtPath: sample.folder + "/data/messages/\(name)")
      }
      let (project, findings) = sample.load()
      #expect(findings == [])
      guard case .messages(let table)? = project?.campaigns.first?.audience else { throw FileProblem("no table") }
      #expect(table.freshWithin == (asks ? .hours(20) : nil))
      #expect(table.rows.map(\.writtenAt) == [asks ? written : nil, asks ? written : nil])
    }
  }
}
