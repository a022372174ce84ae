import Journal
import Model
import Testing

@testable import Reporting

/// A batch of message rows over several days.
struct BatchStatusTests {
  private static let nine = StatusDay.nine
  private static let next = StatusDay.date + 1

  private static func row(_ n: Int, batch: String = "list") -> PlannedSend {
    StatusDay.send(n, campaign: "news", batch: batch)
  }

  private static func status(_ day: StatusDay, live: Set<CalendarDay> = [], batch: String = "list") throws
    -> BatchStatus
  {
    try BatchStatus.read(batch, in: day.output, zone: .utc) { live.contains($0.date) }
  }

  /// The same lines on the next day, less those before `first`.
  private static func planAgain(_ lines: [PlannedSend], in day: StatusDay, on date: CalendarDay = next) throws {
    let header = PlanHeader(
      date: date, zone: .utc, tzdata: "2026b", notBefore: nine + .days(1), seed: 7, sends: lines.count, inputs: [:],
      history: "sha256:", campaigns: ["news": PlanTotals()])
    _ = try PlanFile.write(Plan(header: header, sends: lines, skipped: []), to: day.output.day(date))
  }

  @Test func eachSendIsCountedOnceOverAllDaysByItsLastWord() throws {
    let lines = (0..<6).map { Self.row($0) }
    let day = try StatusDay(lines + [Self.row(8, batch: "other"), StatusDay.send(9)])
    try day.append([
      StatusDay.run(try day.plan), .outcome(StatusDay.attempt(lines[0]), .init(outcome: .sent)),
      .outcome(StatusDay.attempt(lines[1]), .init(outcome: .retry, retryAt: Self.nine + .hours(1))),
      .released(Record.Note(lines[1], at: Self.nine), .missed),
      .released(Record.Note(lines[2], at: Self.nine), .providerUnavailable),
      .outcome(StatusDay.attempt(lines[3]), .init(outcome: .failed, reason: .rejected)),
      .intent(StatusDay.attempt(lines[4])),
      .outcome(StatusDay.attempt(Self.row(8, batch: "other")), .init(outcome: .sent)),
    ])
    let first = try Self.status(day)
    #expect(first.days == [StatusDay.date])
    let figures = first.figures.totals
    #expect(figures.states == [.sent: 1, .released: 2, .dead: 1, .inDoubt: 1, .pending: 1])
    #expect(figures.dead == [.rejected: 1] && first.figures.nextSendAt == lines[5].sendAt)
    #expect(try Self.status(day, live: [StatusDay.date]).figures.totals.states[.inFlight] == 1)

    // The next day's plan takes up what was given back; the dead one is made due again.
    try day.append([.requeued(Record.Note(lines[3], at: Self.nine))])
    try Self.planAgain([lines[1], lines[2], lines[3]], in: day)
    #expect(try Self.status(day).figures.totals.states == [.sent: 1, .inDoubt: 1, .pending: 4])
    try day.append(
      [
        .outcome(StatusDay.attempt(lines[1], 2, provider: "beta"), .init(outcome: .sent)),
        .outcome(StatusDay.attempt(lines[3], 1, provider: "beta"), .init(outcome: .sent)),
      ], to: day.output.day(Self.next))
    let last = try Self.status(day)
    #expect(last.days == [StatusDay.date, Self.next] && last.figures.date == Self.next)
    #expect(last.figures.totals.states == [.sent: 3, .inDoubt: 1, .pending: 2])
    #expect(DayStatus(last.figures).states(by: .provider)["beta"] == [.sent: 2])
    #expect(last.text().contains("list, \(StatusDay.date) to \(Self.next)\n\n3 of 6 sent (50 %)"), "\(last.text())")
    #expect(last.json["batch"]?.string == "list" && last.json["date"] == nil)
    #expect(last.json["days"]?.array?.count == 2 && last.json["totals"]?["sent"]?.integer == 3)
    #expect(last.only { $0.provider == "beta" }.figures.totals.total == 2)
  }

  @Test func whatIsGivenBackWaitsUntilAPlanAfterItHasIt() throws {
    let lines = [Self.row(0), Self.row(1)]
    let day = try StatusDay(lines)
    let note = Record.Note(lines[0], at: Self.nine)
    try day.append([StatusDay.run(try day.plan), .released(note, .missed)])
    #expect(try Self.status(day).figures.totals.states == [.released: 1, .pending: 1])
    // The day planned again has it again.
    try day.write([lines[0], lines[1], Self.row(2)])
    #expect(try Self.status(day).figures.totals.states == [.pending: 3])
    try day.append([StatusDay.run(try day.plan), .released(note, .missed)])
    #expect(try Self.status(day).figures.totals.states == [.released: 1, .pending: 2])
    try Self.planAgain([lines[0]], in: day)
    #expect(try Self.status(day).figures.totals.states == [.pending: 3])
  }

  @Test func aBatchThatNothingNamesIsAProblemThatNamesTheOthers() throws {
    let day = try StatusDay([Self.row(0), Self.row(1, batch: "last")])
    #expect(throws: BatchStatus.Problem.unknown(others: ["last", "list"])) {
      try Self.status(day, batch: "lisst")
    }
  }
}
