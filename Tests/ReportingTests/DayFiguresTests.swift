import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Reporting

struct DayFiguresTests {
  private static let nine = StatusDay.nine

  /// Streams that could stand in results, and some that could not, over few sends, so that each is met in every state.
  private struct Stream {
    var dice: Dice
    let sends: [PlannedSend]
    let plan: String
    private var clock = StatusDay.nine

    init(seed: UInt64, sends: [PlannedSend], plan: String) {
      dice = Dice(seed)
      self.sends = sends
      self.plan = plan
    }

    mutating func next() -> Record {
      clock += Instant.Span(milliseconds: Int64(1 + dice.below(90_000)))
      let send = dice.pick(sends)
      let number = dice.oneIn(9) ? 0 : 1 + dice.below(3)
      let provider = number == 0 ? "" : dice.pick(["alpha", "beta"])
      let attempt = StatusDay.attempt(send, number, provider: provider, at: clock)
      let note = Record.Note(send, at: clock)
      switch dice.below(16) {
      case 0: return StatusDay.run(dice.oneIn(2) ? plan : "sha256:other", at: clock)
      case 1...4: return .intent(attempt)
      case 5...10:
        let outcome = dice.pick(Record.Outcome.allCases)
        return .outcome(
          attempt,
          Record.Result(
            outcome: outcome, reason: outcome == .failed ? dice.pick(DeadReason.allCases) : nil, response: "words",
            milliseconds: Int64(dice.below(30_000)), retryAt: outcome == .retry ? clock + .minutes(5) : nil))
      case 11, 12: return .released(note, dice.pick(ReleaseReason.allCases))
      case 13: return .withdrawn(note)
      case 14: return .requeued(note)
      default: return .resolved(note, dice.pick(Record.Resolution.allCases))
      }
    }
  }

  @Test(arguments: 0..<120)
  func theCountsAreThoseOfTheHistory(seed: Int) throws {
    var dice = Dice(UInt64(seed) &+ 9000)
    let lines = (0..<7).map { StatusDay.send($0, campaign: $0 < 4 ? "welcome" : "news", batch: $0 == 2 ? "b" : nil) }
    let strangers = (7..<10).map { StatusDay.send($0) }
    let day = try StatusDay(lines)
    var stream = Stream(seed: UInt64(seed), sends: lines + strangers, plan: try day.plan)
    let records = (0..<(5 + dice.below(60))).map { _ in stream.next() }
    let others = (0..<dice.below(12)).map { _ in stream.next() }
    try day.append(records)
    try day.append(others, to: day.output.day(StatusDay.date - 1))
    let isLive = dice.oneIn(2)
    let figures = try day.figures(isLive: isLive)
    let reference = ReferenceStatus(
      lines: lines, plan: try day.plan, records: records, others: others, isLive: isLive)
    #expect(DayStatus(figures).states(by: .campaign) == reference.counts)
    for dimension in DayStatus.Dimension.allCases {
      let sum = DayStatus(figures).states(by: dimension).values.reduce(0) { $0 + $1.values.reduce(0, +) }
      #expect(sum == reference.states.count, "\(dimension)")
    }
    var attempts = DayFigures.Outcomes()
    for case .outcome(let attempt, let result) in records where attempt.number > 0 { attempts[result.outcome] += 1 }
    #expect(figures.totals.attempts == attempts)
    #expect(figures.minutes.values.reduce(DayFigures.Outcomes()) { $0 + $1 } == attempts)
    #expect(figures.totals.dead.values.reduce(0, +) == figures.totals.states[.dead] ?? 0)
    #expect(figures.runs == records.count { if case .run = $0 { true } else { false } })
  }

  @Test func shardsAreCountedTogether() throws {
    let lines = (0..<6).map { StatusDay.send($0) }
    let day = try StatusDay(lines)
    for part in 0..<2 {
      let shard = try #require(Shard("\(part)/2"))
      let own = lines.enumerated().filter { $0.offset % 2 == part }.map(\.element)
      try day.append(
        [StatusDay.run(try day.plan)] + own.map { .outcome(StatusDay.attempt($0), .init(outcome: .sent)) },
        shard: shard)
    }
    let figures = try day.figures()
    #expect(figures.totals.states == [.sent: 6] && figures.runs == 2)
  }

  @Test func aMessageRowsBatchIsKnownWhateverBecameOfIt() throws {
    let lines = (0..<4).map { StatusDay.send($0, batch: $0 < 3 ? "monday" : nil) }
    let day = try StatusDay(lines)
    try day.append([
      StatusDay.run(try day.plan), .outcome(StatusDay.attempt(lines[0]), .init(outcome: .sent)),
      .released(Record.Note(lines[1], at: Self.nine), .missed),
    ])
    let figures = try day.figures()
    let status = DayStatus(figures)
    #expect(status.states(by: .batch)["monday"] == [.sent: 1, .released: 1, .pending: 1])
    #expect(figures.released == [.missed: 1] && figures.nextSendAt == lines[2].sendAt)
  }

  @Test func aSendIsCountedByTheProviderThatTriedItLast() throws {
    let lines = (0..<2).map { StatusDay.send($0) }
    let day = try StatusDay(lines)
    try day.append([
      .outcome(
        StatusDay.attempt(lines[0]), .init(outcome: .retry, milliseconds: 20, retryAt: Self.nine + .minutes(1))),
      .outcome(StatusDay.attempt(lines[0], 2, provider: "beta"), .init(outcome: .sent, milliseconds: 30)),
    ])
    let figures = try day.figures()
    #expect(DayStatus(figures).states(by: .provider) == ["beta": [.sent: 1], "": [.pending: 1]])
    let attempts = figures.by(\.provider).mapValues(\.attempts.total)
    #expect(attempts["alpha"] == 1 && attempts["beta"] == 1)
    #expect(figures.durations["alpha"]?.percentile(100) == 20 && figures.durations["beta"]?.count == 1)
  }

  @Test(arguments: 0..<40)
  func percentilesLieWithinTwoPercentOfTheSortedValues(seed: Int) throws {
    var dice = Dice(UInt64(seed))
    let most = dice.pick([50, 900, 40_000, 4_000_000])
    let values = (0..<(1 + dice.below(500))).map { _ in Int64(dice.below(most)) }.sorted()
    var durations = Durations()
    for value in values { durations.add(value) }
    for percent in [1.0, 50, 90, 99, 100] {
      let exact = values[max(0, Int((Double(values.count) * percent / 100).rounded(.up)) - 1)]
      let found = try #require(durations.percentile(percent))
      #expect(abs(Double(found - exact)) <= Double(exact) * 0.02 + 0.5, "\(percent): \(found) for \(exact)")
    }
    #expect(durations.percentile(100) == values.last)
    var seen = 0
    for (bound, count) in zip(Durations.bounds, durations.buckets) {
      seen += count
      #expect(seen == values.count { $0 <= bound }, "up to \(bound)")
    }
    #expect(durations.buckets.reduce(0, +) == values.count && durations.sumMilliseconds == values.reduce(0, +))
  }

  @Test func theTimelineHasEveryAttemptInAtMostFourDozenBars() {
    var dice = Dice(5)
    for span in [1, 30, 600, 1440, 20_000] {
      var figures = DayFigures(
        date: StatusDay.date, zone: Zone("Asia/Kolkata") ?? .utc, isLive: false)
      for _ in 0..<200 {
        let minute = StatusDay.nine.seconds / 60 + Int64(dice.below(span))
        figures.minutes[minute, default: .init()].sent += 1
      }
      let timeline = Timeline(figures)
      #expect(timeline.bars.count <= 48 && timeline.bars.map(\.outcomes.total).reduce(0, +) == 200, "\(span)")
      #expect(timeline.bars.first?.outcomes.total ?? 0 > 0 && timeline.bars.last?.outcomes.total ?? 0 > 0)
      // Bars begin at round times where people read them: half past five ahead of UTC.
      let clock = figures.zone.format(timeline.bars[0].start).dropFirst(11).prefix(5)
      if timeline.width == 30 { #expect(clock.hasSuffix(":00") || clock.hasSuffix(":30"), "\(clock)") }
    }
  }
}
