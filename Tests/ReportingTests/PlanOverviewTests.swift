import Foundation
import Model
import Testing

@testable import Reporting

struct PlanOverviewTests {
  private func warnings(
    _ sends: [PlannedSend], mailboxes: [Mailbox] = [], campaigns: [Campaign] = [], settings: Settings = Settings(),
    earlier: PlanHeader? = nil, header: PlanHeader? = nil
  ) -> [PlanWarning] {
    PlanWarnings.of(
      header ?? PlanSample.header(sends), PlanSample.tally(sends),
      project: Project(settings: settings, campaigns: campaigns, mailboxes: mailboxes), earlier: earlier)
  }

  @Test func anHourThatTheClockShowsTwiceStandsTwiceAndTheSumIsThePlan() throws {
    let start = try #require(Instant("2026-10-25T00:30:00+02:00"))
    let sends = (0..<16).map { PlanSample.send($0, at: start + .minutes(Int64($0) * 20)) }
    let hours = PlanSample.tally(sends).hours(in: PlanSample.berlin)
    #expect(hours.map { PlanSample.berlin.clock($0.start) } == ["00:00", "01:00", "02:00", "02:00", "03:00", "04:00"])
    #expect(hours.map(\.count) == [2, 3, 3, 3, 3, 2])
  }

  @Test func hoursOfAZoneWithHalfHoursBeginOnItsOwnClock() throws {
    let kolkata = try #require(Zone("Asia/Kolkata"))
    let sends = (0..<4).map { PlanSample.send($0, at: PlanSample.nine + .minutes(Int64($0) * 20)) }
    let hours = PlanSample.tally(sends).hours(in: kolkata)
    #expect(hours.map { kolkata.clock($0.start) } == ["13:00", "14:00"])
    #expect(hours.map(\.count) == [2, 2])
  }

  @Test func theChartHasALineForEveryHourAndTheFullestFillsIt() {
    let sends = [0, 1, 2, 3, 130, 131].map { PlanSample.send($0) }
    let lines = PlanChart.text(PlanSample.tally(sends).hours(in: PlanSample.berlin), zone: PlanSample.berlin, width: 40)
      .split(separator: "\n").map(String.init)
    #expect(lines.count == 3)
    #expect(lines[0] == "09:00  4  " + String(repeating: "█", count: 30))
    #expect(lines[1] == "10:00  0")
    #expect(lines[2] == "11:00  2  " + String(repeating: "█", count: 15))
  }

  /// A mailbox's limit counts by the days of its own zone: six before midnight there, and four after it.
  @Test func aMailboxAtItsLimitIsNamedByTheDaysOfItsOwnZone() throws {
    let tokyo = try #require(Zone("Asia/Tokyo"))
    let midnight = tokyo.instant(PlanSample.date + 1, second: 0)
    let sends = (0..<10).map {
      PlanSample.send($0, at: midnight - .minutes(6) + .minutes(Int64($0)), to: "a@d\($0).example")
    }
    let found = warnings(sends, mailboxes: [try PlanSample.mailbox("anna", limit: 6, zone: tokyo)])
    #expect(found.map(\.kind) == [.mailboxFull])
    #expect(found.first?.message.contains("2026-11-20: 6 of 6") == true, "\(found)")
    #expect(warnings(sends, mailboxes: [try PlanSample.mailbox("anna", limit: 7, zone: tokyo)]).isEmpty)
  }

  @Test func longSubjectsAndLongLinesOfPlannedStepsAreNamed() throws {
    let sends = [
      PlanSample.send(1, subject: String(repeating: "é", count: 78)),
      PlanSample.send(2, subject: String(repeating: "x", count: 79)),
    ]
    func campaign(_ octets: Int, step: String = "intro") -> Campaign {
      let text = Template(
        "Hello\n" + String(repeating: "y", count: octets), place: Place("campaigns/welcome/a.txt", line: 1, column: 1))
      return Campaign(
        id: "welcome", audience: .messages(MessageTable()), mailboxes: .ids(["anna"]),
        steps: [Step(id: step, variants: [Step.Variant(id: "", text: text)])])
    }
    let found = warnings(sends, campaigns: [campaign(999)])
    #expect(found.map(\.kind) == [.longSubject, .longLine])
    #expect(found.first?.message.hasPrefix("welcome/intro: 1 of 2 subjects has more than 78") == true, "\(found)")
    #expect(found.last?.message.hasPrefix("campaigns/welcome/a.txt:2: a line of 999 octets") == true, "\(found)")
    #expect(warnings(sends, campaigns: [campaign(998)]).map(\.kind) == [.longSubject])
    #expect(warnings(sends, campaigns: [campaign(999, step: "later")]).map(\.kind) == [.longSubject])
  }

  @Test(arguments: [
    (100, 100, false), (100, 151, true), (100, 150, false), (100, 49, true), (10, 29, false), (0, 30, true),
  ])
  func anAudienceThatJumpsIsNamed(before: Int, now: Int, isNamed: Bool) {
    func header(_ n: Int, _ date: CalendarDay) -> PlanHeader {
      var header = PlanSample.header([], date: date)
      header.campaigns["welcome"] = PlanTotals()
      header.campaigns["welcome"]?.waiting = n
      return header
    }
    let found = warnings(
      [], earlier: header(before, PlanSample.date - 1), header: header(now, PlanSample.date))
    #expect(found.map(\.kind) == (isNamed ? [.audience] : []), "\(found)")
  }

  @Test func aDomainWithManyRecipientsIsNamedUnlessItIsExcepted() {
    let sends = (0..<40).map { PlanSample.send($0, to: $0 < 10 ? "u\($0)@big.example" : "u\($0)@d\($0).example") }
    #expect(warnings(sends).map(\.message) == ["10 sends to big.example, 25% of the plan's e-mails"])
    let cap = DomainCap(perDay: 100, except: ["big.example"])
    #expect(warnings(sends, settings: Settings(domainCap: cap)).isEmpty)
    #expect(warnings(Array(sends.dropFirst())).isEmpty, "nine are not many")
  }

  @Test func theOverviewsTextAndJSONHaveTheSameNumbers() throws {
    let sends = (0..<8).map {
      PlanSample.send($0, campaign: $0 < 5 ? "welcome" : "news", mailbox: $0 < 6 ? "anna" : "ben")
    }
    var skipped = SkippedSummary(kept: 1)
    for n in 0..<3 {
      skipped.add(SkippedStep(contact: "x\(n)", campaign: "news", step: "a", reason: .suppressed, detail: "asked"))
    }
    let overview = PlanOverview(
      PlanSample.header(sends), PlanSample.tally(sends),
      project: Project(mailboxes: [try PlanSample.mailbox("anna", limit: 9), try PlanSample.mailbox("cleo")]),
      skipped: skipped, earlier: nil)
    #expect(overview.mailboxes.map(\.id) == ["anna", "cleo", "ben"])
    #expect(overview.mailboxes.map(\.planned) == [6, 0, 2])
    let rows = overview.text().split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains(["anna", "6", "9", "09:00", "09:05", "anna@shop.example"]))
    #expect(rows.contains(["ben", "2", "none", "09:06", "09:07"]))
    #expect(overview.text().contains("… and 2 more in skipped.jsonl"))
    let json = overview.json(path: "p")
    #expect(json["hours"]?.array?.count == 1 && json["selected"]?.integer == 8)
    #expect(json["mailboxes"]?.array?.compactMap { $0["planned"]?.integer } == [6, 0, 2])
  }

  @Test func aFilterTakesWhatFitsAllOfIt() {
    let send = PlanSample.send(1, to: "Ada@Example.org")
    #expect(PlanFilter(contact: "ada@example.ORG").takes(send))
    #expect(PlanFilter(mailbox: "anna", campaign: "welcome", contact: "Ada@Example.org").takes(send))
    #expect(!PlanFilter(mailbox: "ben", campaign: "welcome").takes(send))
    #expect(!PlanFilter(contact: "ada").takes(send))
  }

  @Test func aListedLineIsCutToTheTerminalAndNothingElseIs() {
    let send = PlanSample.send(1, subject: String(repeating: "花", count: 60))
    var narrow = PlanListing(zone: PlanSample.berlin, width: 80)
    narrow.measure(send)
    let line = narrow.line(send)
    #expect(TextTable.width(line.trimmingCharacters(in: .newlines)) <= 80 && line.contains("…"), "\(line)")
    let crowded = PlanSample.send(
      1, campaign: "a-campaign-with-a-long-name", mailbox: "a-mailbox-too", to: "somebody.with.a.name@company.example")
    narrow.measure(crowded)
    #expect(TextTable.width(narrow.line(crowded).trimmingCharacters(in: .newlines)) <= 80)
    #expect(narrow.line(crowded).hasSuffix("Hello\n"))
    var wide = PlanListing(zone: PlanSample.berlin, width: nil)
    wide.measure(send)
    #expect(wide.line(send).contains(String(repeating: "花", count: 60)))
  }
}
