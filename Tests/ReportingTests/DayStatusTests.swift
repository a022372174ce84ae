import Journal
import Model
import Testing

@testable import Reporting

struct DayStatusTests {
  private static let nine = StatusDay.nine

  /// One send in each state, two never tried, and one of another plan.
  private func status(isLive: Bool, include: (DayFigures.Group) -> Bool = { _ in true }) throws -> DayStatus {
    let lines = (0..<11).map { StatusDay.send($0, campaign: $0 < 8 ? "welcome" : "news") }
    let day = try StatusDay(lines)
    func attempt(_ n: Int) -> Record.Attempt { StatusDay.attempt(lines[n]) }
    try day.append([
      StatusDay.run(try day.plan), .outcome(attempt(0), .init(outcome: .sent)),
      .outcome(attempt(1), .init(outcome: .retry, retryAt: Self.nine + .hours(1))),
      .outcome(attempt(2), .init(outcome: .inDoubt)),
      .outcome(attempt(3), .init(outcome: .failed, reason: .rejected)), .intent(attempt(4)),
      .released(Record.Note(lines[5], at: Self.nine), .missed),
      .withdrawn(Record.Note(lines[8], at: Self.nine)),
      .outcome(attempt(9), .init(outcome: .failed, reason: .gaveUp)),
      .resolved(Record.Note(lines[9], at: Self.nine), .dropped),
      .outcome(StatusDay.attempt(StatusDay.send(50)), .init(outcome: .sent)),
    ])
    return DayStatus(try day.figures(isLive: isLive).only(include))
  }

  @Test func everyLineAndEveryRecordIsCountedOnce() throws {
    let status = try status(isLive: true)
    #expect(status.totals.values.reduce(0, +) == 12)
    let campaigns = status.states(by: .campaign)
    #expect(
      campaigns["welcome"] == [
        .sent: 2, .deferred: 1, .inDoubt: 1, .dead: 1, .inFlight: 1, .released: 1, .pending: 2,
      ])
    #expect(campaigns["news"] == [.withdrawn: 1, .dropped: 1, .pending: 1])
    #expect(status.figures.totals.dead == [.rejected: 1])
    for state in DayStatus.State.allCases { #expect(status.totals[state] ?? 0 > 0, "\(state)") }
  }

  @Test func anIntentWithoutAnOutcomeIsInDoubtOnceItsRunIsGone() throws {
    let status = try status(isLive: false)
    #expect(status.totals[.inDoubt] == 2 && status.totals[.inFlight] == nil)
    #expect(status.totals.values.reduce(0, +) == 12)
  }

  @Test func aChoiceCountsOnlyWhatItNames() throws {
    let status = try status(isLive: true) { $0.campaign == "news" }
    #expect(Array(status.states(by: .campaign).keys) == ["news"] && status.totals.values.reduce(0, +) == 3)
    #expect(status.figures.totals.dead.isEmpty)
  }

  @Test(arguments: DayStatus.Dimension.allCases)
  func textAndJSONGiveTheSameTotals(by dimension: DayStatus.Dimension) throws {
    let status = try status(isLive: true)
    let rows = status.table(by: dimension).split(separator: "\n").map { $0.split(separator: " ") }
    let all = try #require(rows.last).compactMap { Int($0) }
    #expect(all.first == 12 && all.dropFirst().reduce(0, +) == 12, "\(rows)")
    let totals = status.json["totals"]
    let sum = DayStatus.State.allCases.reduce(Int64(0)) { $0 + (totals?[$1.rawValue]?.integer ?? 0) }
    #expect(totals?["total"]?.integer == 12 && sum == 12)
  }

  @Test func theFirstLineTellsTheDayWithinEightyColumns() throws {
    let status = try status(isLive: true)
    #expect(
      status.headline.replacing("\n", with: " ")
        == "2 of 12 sent (16.7 %), 3 pending, 1 in-flight, 1 deferred, 1 in-doubt, 1 dead, 1 released, 1 withdrawn, "
        + "1 dropped; a run is under way, next send due 09:06:00")
    #expect(status.headline.split(separator: "\n").allSatisfy { $0.count <= 80 })
    #expect(status.text().contains("Dead: rejected 1 (nightmail dead-letters list)"))
  }

  @Test func aDayWithNothingSaysSo() throws {
    let status = DayStatus(try StatusDay([]).figures())
    #expect(status.text() == "Nothing planned and nothing sent.\n")
    #expect(status.json["totals"]?["total"]?.integer == 0)
  }

  @Test(arguments: [
    (0, 7, "0 %"), (7, 7, "100 %"), (999, 1000, "99.9 %"), (99_999, 100_000, "99.9 %"),
    (1, 100_000, "0.1 %"), (1, 2, "50 %"), (0, 0, "0 %"),
  ])
  func aShareIsNeverRoundedToAllOrNothing(part: Int, whole: Int, text: String) {
    #expect(Words.percent(part, of: whole) == text)
  }

  @Test func aResponseFromAServerCannotBreakTheStorysLine() {
    let result = Record.Result(
      outcome: .failed, reason: .rejected, code: 550, enhancedCode: "5.1.1", response: "no\r\n\u{1B}[2J such user")
    let line = SendStory.line(.outcome(StatusDay.attempt(StatusDay.send(1)), result), zone: .utc)
    #expect(line.hasPrefix("2026-11-20T09:00:00Z  attempt 1 through alpha: failed (rejected) 550 5.1.1 no"))
    #expect(!line.unicodeScalars.contains { $0.value < 0x20 })
  }

  @Test func thePlansTableAddsUp() {
    var (welcome, news) = (PlanTotals(), PlanTotals())
    welcome.planned = 1200
    welcome.skipped = [.suppressed: 3, .duplicate: 1]
    welcome.deferred = [.mailboxLimit: 40]
    news.planned = 2
    news.ended = 9
    let header = PlanHeader(
      date: CalendarDay(number: 20_777), zone: .utc, tzdata: "2026b", notBefore: Self.nine, seed: 7, sends: 1202,
      inputs: [:], history: "sha256:", campaigns: ["welcome": welcome, "news": news])
    let text = PlanReport.summary(header)
    let rows = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    #expect(rows.contains(["welcome", "1,244", "1,200", "40", "4", "0", "0"]))
    #expect(rows.contains(["news", "2", "2", "0", "0", "0", "9"]))
    #expect(rows.contains(["all", "1,246", "1,202", "40", "4", "0", "9"]))
    #expect(text.contains("Skipped: suppressed 3, duplicate 1"))
    let totals = PlanReport.json(header, path: "plan.jsonl")["totals"]
    #expect(totals?["due"]?.integer == 1246 && totals?["skipped"]?["suppressed"]?.integer == 3)
  }
}
