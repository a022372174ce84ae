import Foundation
import Model
import TestSupport
import Testing

/// `forecast` against what `plan` and `send` then do, day after day in a rehearsal.
@Suite(.timeLimit(.minutes(10)))
struct ForecastTests {
  /// Sequences, replies, limits, a ramp, gaps, windows, holidays, caps, a time to live, an end, rows for later, and what
  /// another tool has sent.
  private static let rich: [String: String] = {
    var people = "email,phone,first_name,timezone,segment,added_at,sms_enabled,mailbox\n"
    let zones = ["Europe/Berlin", "Asia/Tokyo", "America/New_York", ""]
    for i in 0..<60 {
      let domain = ["example.com", "example.net", "example.org"][i % 3]
      let added = i % 10 == 0 ? "2026-12-\(24 + i / 20)" : ""
      people += "p\(i)@\(domain),+4917012345\(10 + i),\(i == 7 ? "" : "Name\(i)"),\(zones[i % 4]),"
      people += "\(i % 2 == 0 ? "new" : "old"),\(added),\(i % 5 == 0 ? "yes" : ""),\(i % 7 == 0 ? "ben" : "")\n"
    }
    var rows = "key,email,send_at,text\n"
    for i in 0..<24 { rows += "k\(i),row\(i)@example.com,2026-12-\(22 + i % 8)T\(10 + i % 9):00,Alert \(i)\n" }
    return [
      "campaigns/settings.yaml": """
      timezone: Europe/Berlin
      day_starts: "04:00"
      window: mon-fri 09:00-17:00 contact
      holidays: [2026-12-25]
      contact_caps: {per_day: 1, per_week: 3}
      domain_caps: {per_day: 12, except: [example.org]}
      seed: 3
      """,
      "campaigns/welcome/campaign.yaml": """
      status: active
      priority: 5
      audience: {contacts: [contacts.csv], where: {segment: [new]}}
      mailboxes: [anna, ben]
      daily_new_limit: 3
      unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
      steps:
        - {id: hello, subject: "Hello {{first_name}}", text: {inline: "Dear {{first_name}}\\n"}}
        - {id: nudge, delay: 2bd, reply: true, text: {inline: "Well?\\n"}}
        - {id: bye, delay: 3d, subject: "Bye", text: {inline: "Bye\\n"}}
      """,
      "campaigns/news/campaign.yaml": """
      status: active
      audience: {contacts: [contacts.csv]}
      mailboxes: [ben, carl]
      window: daily 08:00-20:00 contact
      end: 2026-12-29T12:00
      unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
      steps:
        - {id: one, subject: "News", text: {inline: "News\\n"}}
        - {id: two, delay: 1d, subject: "More", text: {inline: "More\\n"}}
      """,
      "campaigns/alerts/campaign.yaml": """
      status: active
      class: transactional
      ttl: 30h
      audience: {messages: [messages/*.csv], key: [key]}
      mailboxes: [carl]
      window: daily 09:00-18:00
      steps:
        - {id: alert, subject: "An alert"}
      """,
      "campaigns/texts/campaign.yaml": """
      status: active
      class: transactional
      audience: {contacts: [contacts.csv]}
      mailboxes: [phone]
      steps:
        - {id: text, channel: sms, text: {inline: "Hello"}}
      """,
      "campaigns/later/campaign.yaml": """
      status: draft
      audience: {contacts: [contacts.csv]}
      mailboxes: [anna]
      unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
      steps:
        - {id: one, subject: "Later", text: {inline: "Later\\n"}}
      """,
      "data/contacts.csv": people,
      "data/messages/alerts.csv": rows,
      "data/suppressions.csv": "value\np3@example.com\n",
      "data/events.csv": """
      at,type,contact,campaign,step
      2026-12-18T10:00:00Z,sent,p2@example.org,welcome,hello
      2026-12-18T10:00:00Z,unsubscribe,p4@example.net,,

      """,
      "data/mailboxes.yaml": """
      - {id: anna, from: Anna <anna@shop.example>, daily_limit: 6, min_gap: 10m, providers: [outbox]}
      - id: ben
        from: Ben <ben@shop.example>
        timezone: America/New_York
        ramp: {from: 2, step: 3, every_days: 2, start: 2026-12-21}
        hourly_limit: 2
        providers: [outbox]
      - {id: carl, from: Carl <carl@shop.example>, rolling_limit: 14, min_gap: 30s, providers: [outbox]}
      - {id: phone, from: "+4917000000000", daily_limit: 4, providers: [outbox]}
      """,
      "data/providers.yaml": "- {id: outbox, type: file}\n",
    ]
  }()

  /// Each day's plan is made and sent; what it says by campaign, and its lines by campaign, step and mailbox, must be
  /// what was forecast.
  /// - Returns: how many were planned and deferred.
  private func compare(
    _ forecast: JSON, _ project: TestProject, dates: some Collection<CalendarDay>
  ) throws -> (planned: Int, deferred: Int) {
    let days = try #require(forecast["days"]?.array)
    #expect(days.count == dates.count)
    var totals = (planned: 0, deferred: 0)
    for (date, day) in zip(dates, days) {
      #expect(day["date"]?.string == "\(date)")
      let plan = try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "\(date)", "--json").json
      try project.nightmail(expecting: 0, "send", "\(date)", "--rehearse", "--auto-approve", "--json")
      #expect(day["campaigns"] == plan["campaigns"], "\(date)")
      #expect(day["totals"] == plan["totals"], "\(date)")
      #expect(day["not_before"] == plan["not_before"], "\(date)")
      let folder = "output/rehearsal/\(date)"
      var counts: [String: Int64] = [:]
      let sent = try project.records("\(folder)/results.jsonl").filter { $0["outcome"]?.string == "sent" }
      for line in sent {
        let key = ["campaign", "step", "mailbox"].map { line[$0]?.string ?? "" }.joined(separator: " ")
        counts[key, default: 0] += 1
      }
      var told: [String: Int64] = [:]
      var ofMailbox: [String: Int64] = [:]
      for sends in day["sends"]?.array ?? [] {
        let key = ["campaign", "step", "mailbox"].map { sends[$0]?.string ?? "" }.joined(separator: " ")
        told[key] = sends["planned"]?.integer
        ofMailbox[sends["mailbox"]?.string ?? "", default: 0] += sends["planned"]?.integer ?? 0
      }
      #expect(told == counts, "\(date)")
      for member in day["mailboxes"]?.object ?? [] {
        #expect(member.value["planned"]?.integer == ofMailbox[member.key] ?? 0, "\(date) \(member.key)")
      }
      totals.planned += sent.count
      totals.deferred += (day["totals"]?["deferred"]?.object ?? []).reduce(0) { $0 + Int($1.value.integer ?? 0) }
    }
    return totals
  }

  private func dates(_ first: String, _ count: Int) throws -> [CalendarDay] {
    let first = try #require(CalendarDay(first))
    return (0..<count).map { first + $0 }
  }

  @Test func theSamplesForecastIsWhatItsDaysThenSend() throws {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    let dates = try dates("2026-11-19", 6)
    let forecast = try project.nightmail(
      expecting: 0, "forecast", "--rehearse", "--date", "2026-11-19", "--days", "6", "--json"
    ).json
    #expect(!project.folder.exists("output"), "a forecast writes nothing")
    let totals = try compare(forecast, project, dates: dates)
    #expect(totals.planned == 24)
    #expect(forecast["campaigns"]?["welcome"]?["through"]?.string == "2026-11-23")
    #expect(forecast["campaigns"]?["weekly-tip"]?["state"]?.string == "through")
  }

  @Test func aRichProjectsForecastIsWhatItsDaysThenSend() throws {
    let project = try TestProject(Self.rich)
    let all = try dates("2026-12-21", 12)
    let forecast = try project.nightmail(
      expecting: 0, "forecast", "--rehearse", "--date", "2026-12-21", "--days", "12", "--json"
    ).json
    var totals = try compare(
      .members(("days", forecast["days"].map { .array(Array(($0.array ?? []).prefix(5))) })), project,
      dates: all.prefix(5))
    // The same from the middle on: by then the rehearsal's results are the past.
    let rest = try project.nightmail(
      expecting: 0, "forecast", "--rehearse", "--date", "2026-12-26", "--days", "7", "--json"
    ).json
    #expect(rest["days"] == forecast["days"].map { .array(Array(($0.array ?? []).dropFirst(5))) })
    let later = try compare(rest, project, dates: all.dropFirst(5))
    totals.planned += later.planned
    totals.deferred += later.deferred
    #expect(totals.planned > 150 && totals.deferred > 100, "\(totals)")
    let reasons = Set(
      (forecast["waits"]?.array ?? []).compactMap { $0["reason"]?.string })
    #expect(
      reasons.isSuperset(of: ["mailbox-limit", "no-window-today", "contact-cap", "new-limit"]), "\(reasons)")
    #expect(forecast["idle"]?["later"]?.string == "draft")
    #expect(forecast["campaigns"]?["news"]?["state"]?.string == "cut-off")
  }

  @Test func theTextFitsEightyColumnsAndCountsWhatTheJSONCounts() throws {
    let project = try TestProject(Self.rich)
    let span = ["--rehearse", "--date", "2026-12-21", "--days", "9"]
    for options in [[], ["--campaign", "welcome"], ["--mailbox", "ben"], ["--campaign", "news", "--mailbox", "ben"]] {
      let output = try forecast(project, span + options)
      #expect(output.status == 0, "\(output.error)")
      let wide = output.out.split(separator: "\n").filter { $0.count > 80 }
      #expect(wide.isEmpty, "\(wide)")
      let json = try forecast(project, span + ["--json"] + options)
      let sends = try (json.out.json["days"]?.array ?? []).flatMap { $0["sends"]?.array ?? [] }
      let planned = sends.reduce(0) { $0 + ($1["planned"]?.integer ?? 0) }
      let row = try #require(output.out.split(separator: "\n").first { $0.hasPrefix("all days") })
      #expect(planned > 0 && row.split(separator: " ").last.map(String.init) == "\(planned)", "\(options) \(row)")
    }
    let text = try forecast(project, span).out
    #expect(text.contains("Not forecast: later (draft)"))
    #expect(text.contains("mailbox-limit") && text.contains("What waits"))
  }

  private func forecast(_ project: TestProject, _ options: [String]) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", ["forecast"] + options, folder: project.path,
      environment: Program.environment)
  }

  @Test func whatCannotBeForecastIsSaid() throws {
    let project = try TestProject(Self.rich)
    func refused(_ options: String..., says words: String) throws {
      let output = try forecast(project, options)
      #expect(output.status == 1 && output.out.isEmpty, "\(options): \(output.out)")
      #expect(output.error.contains(words), "\(options): \(output.error)")
    }
    try refused("--days", "0", says: "--days is 1 to 366, not 0")
    try refused("--days", "367", says: "1 to 366")
    try refused("--days", "many", says: "--days")
    try refused("--campaign", "welcom", says: "no campaign 'welcom'; did you mean 'welcome'?")
    try refused("--mailbox", "carol", says: "no mailbox 'carol'")
    try refused("--date", "2020-01-01", says: "2020-01-01 is over")
    try refused("--date", "soon", says: "'soon'")
    try refused("--project", "nowhere", says: "no campaigns/ folder")
    try project.folder.write("status: actve\n", to: "campaigns/welcome/campaign.yaml")
    try refused("--rehearse", says: "campaigns/welcome/campaign.yaml:1")
    let rest = try forecast(project, ["--rehearse", "--keep-going", "--date", "2026-12-21"])
    #expect(rest.status == 0 && rest.out.contains("welcome (broken)"), "\(rest.out)\(rest.error)")
  }

  @Test func aProjectWithoutAnActiveCampaignHasNothingToForecast() throws {
    let project = try TestProject([
      "campaigns/settings.yaml": "timezone: UTC\n", "data/contacts.csv": "email\n",
      "data/mailboxes.yaml": "- {id: anna, from: anna@shop.example, providers: [outbox]}\n",
      "data/providers.yaml": "- {id: outbox, type: file}\n",
    ])
    let output = try forecast(project, ["--days", "3"])
    #expect(output.status == 0 && output.out.contains("No active campaign."), "\(output.out)\(output.error)")
    let json = try forecast(project, ["--days", "3", "--json"]).out.json
    #expect(json["days"]?.array?.count == 3 && json["campaigns"]?.object?.isEmpty == true)
  }

  /// A plan of a later day that is approved holds its lines; on its day it is planned anew.
  @Test func anApprovedPlanOfALaterDayIsHeeded() throws {
    let project = try TestProject(Self.rich)
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2026-12-23")
    try project.nightmail(expecting: 0, "approve", "2026-12-23", "--rehearse")
    let dates = try dates("2026-12-21", 4)
    let forecast = try project.nightmail(
      expecting: 0, "forecast", "--rehearse", "--date", "2026-12-21", "--days", "4", "--json"
    ).json
    let held = (forecast["days"]?.array ?? []).map { $0["totals"]?["held"]?["planned-elsewhere"]?.integer ?? 0 }
    #expect(held[0] > 5 && held[1] > 5 && held[2] == 0, "\(held)")
    #expect(try compare(forecast, project, dates: dates).planned > 50)
  }
}
