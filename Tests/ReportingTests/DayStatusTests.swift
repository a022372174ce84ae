import Model
import Testing

@testable import Reporting

struct DayStatusTests {
  private static let nine = Instant("2026-11-20T09:00:00Z") ?? .distantPast

  private func send(_ n: Int, campaign: String = "welcome") -> PlannedSend {
    PlannedSend(
      id: SendID(campaign: campaign, step: "intro", contact: "c\(n)", channel: .email, key: ""), sendAt: Self.nine,
      open: IntervalSet([Interval(Self.nine, Self.nine + .hours(8))]), campaign: campaign, step: "intro",
      contact: "c\(n)", channel: .email, to: "c\(n)@example.org", mailbox: "anna", subject: "Hello")
  }

  private func attempt(_ send: PlannedSend) -> Record.Attempt {
    Record.Attempt(send, number: 1, at: Self.nine, provider: "alpha", messageID: "<x>", run: "r")
  }

  /// One send in each state, two never tried, and one of another plan.
  private var day: (lines: [PlannedSend], history: History, released: Set<SendID>) {
    let lines = (0..<11).map { send($0, campaign: $0 < 8 ? "welcome" : "news") }
    var history = History()
    history.apply(.outcome(attempt(lines[0]), .init(outcome: .sent)))
    history.apply(.outcome(attempt(lines[1]), .init(outcome: .retry, retryAt: Self.nine + .hours(1))))
    history.apply(.outcome(attempt(lines[2]), .init(outcome: .inDoubt)))
    history.apply(.outcome(attempt(lines[3]), .init(outcome: .failed, reason: .rejected)))
    history.apply(.intent(attempt(lines[4])))
    history.apply(.released(Record.Note(lines[5], at: Self.nine), .missed))
    history.apply(.withdrawn(Record.Note(lines[8], at: Self.nine)))
    history.apply(.outcome(attempt(lines[9]), .init(outcome: .failed, reason: .gaveUp)))
    history.apply(.resolved(Record.Note(lines[9], at: Self.nine), .dropped))
    history.apply(.outcome(attempt(send(50)), .init(outcome: .sent)))
    return (lines, history, [lines[5].id])
  }

  private func status(runIsLive: Bool, include: (SendID, String) -> Bool = { _, _ in true }) -> DayStatus {
    let day = day
    return DayStatus(
      lines: day.lines, history: day.history, released: day.released, runIsLive: runIsLive, include: include)
  }

  @Test func everyLineAndEveryRecordIsCountedOnce() {
    let status = status(runIsLive: true)
    #expect(status.totals.values.reduce(0, +) == 12)
    #expect(
      status.byCampaign["welcome"] == [
        .sent: 2, .deferred: 1, .inDoubt: 1, .dead: 1, .inFlight: 1, .released: 1, .pending: 2,
      ])
    #expect(status.byCampaign["news"] == [.withdrawn: 1, .dropped: 1, .pending: 1])
    #expect(status.deadReasons == [.rejected: 1])
    for state in DayStatus.State.allCases { #expect(status.totals[state] ?? 0 > 0, "\(state)") }
  }

  @Test func anIntentWithoutAnOutcomeIsInDoubtOnceItsRunIsGone() {
    let status = status(runIsLive: false)
    #expect(status.totals[.inDoubt] == 2 && status.totals[.inFlight] == nil)
    #expect(status.totals.values.reduce(0, +) == 12)
  }

  @Test func aChoiceCountsOnlyWhatItNames() {
    let status = status(runIsLive: true) { _, campaign in campaign == "news" }
    #expect(Array(status.byCampaign.keys) == ["news"] && status.totals.values.reduce(0, +) == 3)
    #expect(status.deadReasons.isEmpty)
  }

  @Test func textAndJSONGiveTheSameTotals() {
    let status = status(runIsLive: true)
    let rows = status.text.split(separator: "\n").map { $0.split(separator: " ") }
    let all = rows.first { $0.first == "all" } ?? []
    #expect(all.dropFirst().compactMap { Int($0) }.first == 12)
    #expect(all.dropFirst(2).compactMap { Int($0) }.reduce(0, +) == 12)
    #expect(status.text.contains("Dead: rejected 1 (nightmail dead-letters list)"))
    let totals = status.json["totals"]
    let sum = DayStatus.State.allCases.reduce(Int64(0)) { $0 + (totals?[$1.rawValue]?.integer ?? 0) }
    #expect(totals?["total"]?.integer == 12 && sum == 12)
  }

  @Test func aDayWithNothingSaysSo() {
    let status = DayStatus(lines: [], history: History(), released: [], runIsLive: false) { _, _ in true }
    #expect(status.text == "Nothing planned and nothing sent.\n")
    #expect(status.json["totals"]?["total"]?.integer == 0)
  }

  @Test func aResponseFromAServerCannotBreakTheStorysLine() {
    let result = Record.Result(
      outcome: .failed, reason: .rejected, code: 550, enhancedCode: "5.1.1", response: "no\r\n\u{1B}[2J such user")
    let line = SendStory.line(.outcome(attempt(send(1)), result), zone: .utc)
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
