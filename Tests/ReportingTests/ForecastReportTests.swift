import Model
import Testing

@testable import Reporting

struct ForecastReportTests {
  private static let first = CalendarDay("2026-11-20") ?? CalendarDay(number: 0)

  /// `planned` of each day and how many wait for room; one campaign, one mailbox with a limit of 10.
  private func forecast(
    _ days: [(planned: Int, waits: Int)], ending: Forecast.Ending = .through(nil), unreached: [String] = [],
    campaign: String = "welcome", mailboxes: [String] = ["anna"]
  ) -> Forecast {
    let made = days.enumerated().map { n, day -> Forecast.Day in
      var totals = PlanTotals()
      totals.planned = day.planned
      if day.waits > 0 { totals.deferred = [.mailboxLimit: day.waits] }
      totals.skipped = [.suppressed: n + 1]
      return Forecast.Day(
        date: Self.first + n, notBefore: Zone.utc.instant(Self.first + n, second: 0), campaigns: [campaign: totals],
        sends: day.planned == 0
          ? [] : [.init(campaign: campaign, step: "intro", mailbox: mailboxes[0], count: day.planned)],
        loads: mailboxes.enumerated().map { i, id in
          let planned = i == 0 ? day.planned : n % 2
          return Forecast.Load(
            mailbox: id, planned: planned, limit: 10, used: planned, waited: i == 0 ? day.waits : 0,
            isFull: planned >= 10)
        })
    }
    return Forecast(
      zone: .utc, days: made, campaigns: [.init(id: campaign, ending: ending, unreached: unreached)],
      mailboxes: mailboxes)
  }

  @Test func daysMailboxesAndWhatWaitsAreTold() {
    let text = ForecastReport(
      forecast([(10, 12), (10, 2), (2, 0)], ending: .through(Self.first + 2))
    ).text
    #expect(
      text == """
        Forecast for 3 days from Fri 2026-11-20 (UTC)
        If every plan is approved, everything in it accepted at its time, nobody replies
        or bounces, and the files stay as they are.

        day             due  planned  deferred  skipped  waits for
        Fri 2026-11-20   23       10        12        1  mailbox-limit
        Sat 2026-11-21   14       10         2        2  mailbox-limit
        Sun 2026-11-22    5        2         0        3
        all days                  22
        Skipped, the most on one day: suppressed 3 (nightmail plan writes whom and why)

        campaign  sends  a day  first       last        through
        welcome      22   ≤ 10  2026-11-20  2026-11-22  2026-11-22

        Sends a day, by mailbox (of its daily limit; * full)
        day               anna
        Fri 2026-11-20  10/10*
        Sat 2026-11-21  10/10*
        Sun 2026-11-22   2/10

        What waits
          up to 12 for room in a mailbox (mailbox-limit) on 2 days from Fri 2026-11-20
            to Sat 2026-11-21, in anna; nobody from Sun 2026-11-22 on

        """)
  }

  @Test func whoStillWaitsOnTheLastDayAndWhoIsLeftIsSaid() {
    let text = ForecastReport(
      forecast([(10, 5), (10, 4000)], ending: .goesOn(left: 4000), unreached: ["bye"])
    ).text
    #expect(text.contains("4,000 still on the last day"))
    #expect(text.contains("no, 4,000 left"))
    #expect(text.contains("Steps that nobody reaches within 2 days: welcome/bye"))
    var held = forecast([(1, 0), (1, 0)])
    held.days[0].campaigns["welcome"]?.held = [.inDoubt: 2, .plannedElsewhere: 7]
    #expect(ForecastReport(held).text.contains("Held, the most on one day: planned-elsewhere 7, in-doubt 2\n"))
    let cut = ForecastReport(
      forecast([(3, 0)], ending: .cutOff(at: Instant("2026-11-20T12:00:00Z") ?? .distantPast, left: 7))
    ).text
    #expect(cut.contains("welcome ends on 2026-11-20T12:00:00Z, with 7 still to send"), "\(cut)")
    #expect(cut.contains("Nothing waits"))
  }

  @Test func severalReasonsStandOnLinesOfTheirOwnWithTheirCounts() {
    var whole = forecast([(10, 0)])
    whole.days[0].campaigns["welcome"]?.deferred = [.newLimit: 1, .contactCap: 2, .noWindowToday: 123_456]
    let lines = ForecastReport(whole).text.split(separator: "\n").map(String.init)
    let row = lines.firstIndex { $0.hasPrefix("Fri") } ?? 0
    #expect(lines[row].hasSuffix("no-window-today 123,456,"), "\(lines)")
    #expect(lines[row + 1].hasSuffix("  contact-cap 2, new-limit 1"), "\(lines)")
    whole.days[0].campaigns["welcome"]?.planned = 12_345_678
    whole.days[0].campaigns["welcome"]?.deferred = [.reserved: 1, .noWindowToday: 123_456_789]
    #expect(ForecastReport(whole).text.contains("no-window-today 123.4M,\n"))
  }

  @Test func manyMailboxesAndLongNamesStayWithinEightyColumns() {
    let many = (0..<40).map { "mailbox-with-a-long-name-\($0)" }
    let days = (0..<20).map { (planned: $0 * 123_456, waits: $0 * 1_234_567) }
    let forecast = forecast(
      days, ending: .goesOn(left: 12_345_678), unreached: (0..<20).map { "step\($0)" },
      campaign: "a-campaign-with-a-very-long-name-indeed", mailboxes: many)
    for report in [
      ForecastReport(forecast), ForecastReport(forecast, campaign: forecast.campaigns[0].id),
      ForecastReport(forecast, mailbox: many[0]),
    ] {
      let lines = report.text.split(separator: "\n")
      #expect(lines.allSatisfy { TextTable.width(String($0)) <= 80 }, "\(report.text)")
    }
    #expect(ForecastReport(forecast).text.contains("… and 28 more mailboxes: --mailbox ID, or --json"))
  }

  @Test func aMailboxesViewHasItsOwnSendsAndNothingOfWhatIsNotPlanned() throws {
    let whole = forecast([(10, 3), (1, 0)], mailboxes: ["anna", "ben"])
    let anna = ForecastReport(whole, mailbox: "anna")
    #expect(anna.text.contains("Fri 2026-11-20       10     10/10              3  full"), "\(anna.text)")
    #expect(!anna.text.contains("Skipped"))
    let day = try #require(anna.json["days"]?.array?.first)
    #expect(day["totals"] == nil && day["mailboxes"]?.object?.map(\.key) == ["anna"])
    #expect(ForecastReport(whole, mailbox: "ben").json["campaigns"]?.object?.isEmpty == true)
  }

  @Test func theJSONReconciles() throws {
    let json = ForecastReport(forecast([(10, 12), (10, 2)], ending: .goesOn(left: 2))).json
    for day in try #require(json["days"]?.array) {
      let totals = try #require(day["totals"])
      func sum(_ key: String) -> Int64 { (totals[key]?.object ?? []).reduce(0) { $0 + ($1.value.integer ?? 0) } }
      #expect(totals["due"]?.integer == (totals["planned"]?.integer ?? 0) + sum("deferred") + sum("skipped"))
      let sends = (day["sends"]?.array ?? []).reduce(0) { $0 + ($1["planned"]?.integer ?? 0) }
      #expect(sends == totals["planned"]?.integer)
    }
    #expect(json["campaigns"]?["welcome"]?["left"]?.integer == 2)
    #expect(json["waits"]?.array?.first?["most"]?.integer == 12)
    #expect(json["mailboxes"]?["anna"]?["full_days"]?.integer == 2)
  }
}
