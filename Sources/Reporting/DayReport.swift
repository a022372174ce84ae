import Journal
import Model

/// A day's results for people: as text here, as a page in `ReportPage`, both of the same numbers.
public struct DayReport: Sendable {
  public let figures: DayFigures
  public let letters: [DeadLetter]
  public let pauses: Pauses
  public let isRehearsal: Bool
  /// When it was made.
  public let at: Instant

  /// - Parameter letters: the day's dead letters, in the order in which they are listed.
  public init(
    figures: DayFigures, letters: [DeadLetter], pauses: Pauses = Pauses(), isRehearsal: Bool = false, at: Instant
  ) {
    self.figures = figures
    self.letters = letters
    self.pauses = pauses
    self.isRehearsal = isRehearsal
    self.at = at
  }

  var zone: Zone { figures.zone }

  var byReason: [(reason: DeadReason, count: Int)] {
    var counts: [DeadReason: Int] = [:]
    for letter in letters { counts[letter.reason, default: 0] += 1 }
    return DeadReason.allCases.compactMap { reason in counts[reason].map { (reason, $0) } }
  }

  /// Providers that had an attempt, with their attempts and how long these took.
  var providers: [(name: String, outcomes: DayFigures.Outcomes, durations: Durations)] {
    figures.by(\.provider).filter { !$0.key.isEmpty && $0.value.attempts.total > 0 }
      .map { ($0.key, $0.value.attempts, figures.durations[$0.key] ?? Durations()) }.sorted { $0.name < $1.name }
  }

  var spanLine: String? {
    guard let first = figures.firstRun, let last = figures.minutes.keys.max() else { return nil }
    let end = Instant(seconds: last * 60)
    return "\(Words.count(figures.runs, "run")) since \(clock(first)); the last outcome at \(clock(end).prefix(5))"
  }

  /// The time of day; with the day where it is another.
  func clock(_ instant: Instant) -> String {
    let text = zone.format(instant)
    return zone.day(of: instant) == figures.date
      ? String(text.dropFirst(11).prefix(8)) : "\(text.prefix(10)) \(text.dropFirst(11).prefix(5))"
  }

  public var text: String {
    let status = DayStatus(figures)
    var out = "Report for \(figures.date) (\(zone.identifier))\(isRehearsal ? ", a rehearsal" : "")\n\n"
    guard figures.totals.total > 0 else { return out + "Nothing planned and nothing sent.\n" }
    out += status.headline + "\n"
    if let spanLine { out += spanLine + "\n" }
    for entry in pauses.entries {
      out += WhyReport.paragraph(PauseReport.line(entry, zone: zone, rehearse: isRehearsal))
    }
    out += "\n" + status.table(by: .campaign) + "\n" + status.table(by: .mailbox)
    let batches = status.states(by: .batch)
    if batches.keys.contains(where: { !$0.isEmpty }) { out += "\n" + status.table(by: .batch) }
    out += providersText + timelineText
    if !figures.released.isEmpty { out += "\nReleased to the next plan: \(Words.counts(figures.released))\n" }
    return out + lettersText
  }

  private var providersText: String {
    guard !providers.isEmpty else { return "" }
    var table = TextTable(
      ["provider", "attempts", "sent", "retry", "failed", "in-doubt", "p50", "p90", "p99", "max"],
      numbers: Set(1...9))
    for (name, outcomes, durations) in providers {
      table.add(
        [name]
          + [outcomes.total, outcomes.sent, outcomes.retry, outcomes.failed, outcomes.inDoubt].map(Words.number)
          + [50, 90, 99, 100].map { durations.percentile($0).map(Words.duration) ?? "-" })
    }
    return "\nAttempts, and how long they took\n" + table.text
  }

  private var timelineText: String {
    let timeline = Timeline(figures)
    guard let most = timeline.bars.map(\.outcomes.total).max(), most > 0 else { return "" }
    var out = "\nOutcomes over time, \(timeline.width) minutes a line (#: sent, x: anything else)\n"
    let room = 48
    var isGap = false
    for bar in timeline.bars {
      if bar.outcomes.total == 0 {
        if !isGap { out += "  ...\n" }
        isGap = true
        continue
      }
      isGap = false
      let cells = (bar.outcomes.total * room + most - 1) / most
      let sent = bar.outcomes.sent * cells / bar.outcomes.total
      let line =
        "\(clock(bar.start).prefix(5))  " + String(repeating: "#", count: sent)
        + String(repeating: "x", count: cells - sent) + " \(Words.number(bar.outcomes.total))"
      out += line + "\n"
    }
    return out
  }

  private var lettersText: String {
    guard !letters.isEmpty else { return "\nNo dead letters.\n" }
    var out =
      "\nDead letters: \(Words.number(letters.count)) (nightmail dead-letters list --date \(figures.date)\(isRehearsal ? " --rehearse" : ""))\n"
    for (reason, count) in byReason {
      out += WhyReport.paragraph(
        "  \(reason.rawValue) \(Words.number(count)): \(reason.meaning) \(reason.advice)", hanging: 4)
    }
    return out
  }

  public var json: JSON {
    let status = DayStatus(figures).json.object ?? []
    let attempts = providers.map { name, outcomes, durations in
      JSON.Member(
        name,
        .members(
          ("attempts", .integer(Int64(outcomes.total))), ("sent", .integer(Int64(outcomes.sent))),
          ("retry", .integer(Int64(outcomes.retry))), ("failed", .integer(Int64(outcomes.failed))),
          ("in-doubt", .integer(Int64(outcomes.inDoubt))),
          (
            "ms",
            .object(
              [("p50", 50.0), ("p90", 90), ("p99", 99), ("max", 100)].compactMap { name, percent in
                durations.percentile(percent).map { JSON.Member(name, .integer($0)) }
              })
          )))
    }
    return .object(
      status + [
        JSON.Member("attempts", .object(attempts)), JSON.Member("released", PlanReport.counts(figures.released)),
        JSON.Member("runs", .integer(Int64(figures.runs))), JSON.Member("paused", PauseReport.json(pauses)),
        JSON.Member(
          "dead_letters",
          .object(byReason.map { JSON.Member($0.reason.rawValue, .integer(Int64($0.count))) })),
      ])
  }
}

/// Outcomes of a day in bars of equal width, at most four dozen from the first to the last.
struct Timeline {
  struct Bar {
    var start: Instant
    var outcomes: DayFigures.Outcomes
  }

  /// Of a bar, in minutes.
  let width: Int64
  let bars: [Bar]

  private static let widths: [Int64] = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440]

  init(_ figures: DayFigures) {
    guard let first = figures.minutes.keys.min(), let last = figures.minutes.keys.max() else {
      (width, bars) = (1, [])
      return
    }
    // Bars begin at round times of the day's clock; a change of clocks within it leaves those after it as they are.
    let shift = figures.zone.offset(at: Instant(seconds: first * 60)) / 60
    var width = Self.widths[0]
    func place(_ minute: Int64) -> Int64 {
      let local = minute + shift
      return local >= 0 ? local / width : (local - width + 1) / width
    }
    for wider in Self.widths.dropFirst() where place(last) - place(first) >= 48 { width = wider }
    // Results of many days in one, as of a clock that was wrong.
    while place(last) - place(first) >= 48 { width *= 2 }
    var counts = [DayFigures.Outcomes](repeating: .init(), count: Int(place(last) - place(first)) + 1)
    for (minute, outcomes) in figures.minutes {
      let bar = Int(place(minute) - place(first))
      counts[bar] = counts[bar] + outcomes
    }
    let start = place(first) * width - shift
    self.width = width
    bars = counts.enumerated().map { number, outcomes in
      Bar(start: Instant(seconds: (start + Int64(number) * width) * 60), outcomes: outcomes)
    }
  }
}
