import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Reporting

/// A Python that has prometheus_client: Debian's, or one that has it from PyPI.
private let python: String? = ["/usr/bin/python3", "python3"].compactMap { Shell.find($0) }.first {
  (try? Shell.run($0, ["-c", "import prometheus_client"]).status) == 0
}

struct MetricsTests {
  private static let nine = StatusDay.nine
  /// Everything that the format has to escape.
  private static let odd = "we\"l\\co\nme"

  private func day() throws -> StatusDay {
    let lines = (0..<9).map {
      StatusDay.send($0, campaign: $0 < 6 ? Self.odd : "news", mailbox: $0 < 3 ? "anna" : "ben")
    }
    let day = try StatusDay(lines)
    func attempt(_ n: Int, provider: String = "alpha") -> Record.Attempt {
      StatusDay.attempt(lines[n], provider: provider)
    }
    try day.append([
      StatusDay.run(try day.plan), .outcome(attempt(0), .init(outcome: .sent, milliseconds: 4)),
      .outcome(attempt(1), .init(outcome: .sent, milliseconds: 1234)),
      .outcome(attempt(2, provider: "beta"), .init(outcome: .inDoubt, milliseconds: 90_000)),
      .outcome(attempt(3), .init(outcome: .failed, reason: .rejected, milliseconds: 25)),
      .released(Record.Note(lines[4], at: Self.nine), .paused), .intent(attempt(5)),
      .outcome(attempt(6), .init(outcome: .retry, milliseconds: 7, retryAt: Self.nine + .hours(1))),
    ])
    return day
  }

  private func metrics(_ day: StatusDay) throws -> Metrics {
    let figures = try day.figures()
    let pauses = Pauses([
      .init(.paused, Part(.campaign, "news"), at: Self.nine, by: "ada"),
      .init(.tripped, Part(.mailbox, "anna"), at: Self.nine, reason: "bounces"),
    ])
    return Metrics(
      figures: figures, dayStart: Self.nine, totals: try AttemptTotals.read(day.output, counted: figures),
      letters: try DeadLetters.read(day.day), pauses: pauses,
      parts: [Part(.campaign, Self.odd), Part(.campaign, "news"), Part(.mailbox, "anna"), Part(.provider, "alpha")],
      lastRun: RunEnd.Last(
        end: RunEnd(at: Instant(milliseconds: 1_795_000_000_120), run: "r", exitCode: 4),
        success: Instant(milliseconds: 1_794_000_000_000)))
  }

  @Test(.enabled(if: python != nil, "no python3 here has prometheus_client (Debian's python3-prometheus-client)"))
  func prometheusReadsTheSameNumbersAsTheStatus() throws {
    let day = try day()
    let metrics = try metrics(day)
    let folder = try TemporaryFolder(["metrics.prom": metrics.text])
    let script = """
      import json, sys
      from prometheus_client.parser import text_string_to_metric_families as read
      families = {}
      for family in read(open(sys.argv[1], encoding="utf-8", newline="").read()):
          assert family.documentation and family.name not in families, family.name
          families[family.name] = [family.type, [[s.name, s.labels, s.value] for s in family.samples]]
      print(json.dumps(families))
      """
    let output = try Shell.run(try #require(python), ["-c", script, folder.file("metrics.prom")])
    try #require(output.status == 0, "\(output.error)")
    let families = try JSON(parsing: output.out)
    func sum(_ family: String, _ labels: [String: String] = [:], sample: String? = nil) -> Double {
      (families[family]?.array?[1].array ?? []).reduce(0) { sum, row in
        guard let cells = row.array, cells[0].string == sample ?? cells[0].string,
          labels.allSatisfy({ cells[1][$0.key]?.string == $0.value })
        else { return sum }
        if case .number(let value) = cells[2] { return sum + value }
        return sum + Double(cells[2].integer ?? 0)
      }
    }
    let status = DayStatus(metrics.figures).json
    for state in DayStatus.State.allCases {
      let counted = status["totals"]?[state.rawValue]?.integer
      #expect(sum("nightmail_day_sends", ["state": state.rawValue]) == Double(counted ?? -1), "\(state)")
    }
    for campaign in [Self.odd, "news"] {
      let counted = status["campaigns"]?[campaign]?["total"]?.integer
      #expect(sum("nightmail_day_sends", ["campaign": campaign]) == Double(counted ?? -1), "\(campaign)")
    }
    #expect(sum("nightmail_day_plan_lines") == 9)
    #expect(sum("nightmail_attempts", ["outcome": "sent"]) == 2 && sum("nightmail_attempts") == 5)
    #expect(sum("nightmail_attempts", ["provider": "beta", "mailbox": "anna"]) == 1)
    #expect(sum("nightmail_attempt_duration_seconds", sample: "nightmail_attempt_duration_seconds_count") == 5)
    #expect(sum("nightmail_attempt_duration_seconds", sample: "nightmail_attempt_duration_seconds_sum") == 91.27)
    let hour = sum(
      "nightmail_attempt_duration_seconds", ["provider": "alpha", "le": "0.025"],
      sample: "nightmail_attempt_duration_seconds_bucket")
    #expect(hour == 3)
    #expect(sum("nightmail_day_dead_letters", ["reason": "rejected", "campaign": Self.odd]) == 1)
    // The intent that no outcome followed is in doubt as well.
    #expect(sum("nightmail_day_dead_letters", ["reason": "in-doubt"]) == 2 && sum("nightmail_day_dead_letters") == 3)
    #expect(sum("nightmail_day_released", ["reason": "paused"]) == 1)
    #expect(sum("nightmail_paused") == 1 && sum("nightmail_paused", ["part": "campaign", "name": "news"]) == 1)
    #expect(sum("nightmail_breaker_open") == 1 && sum("nightmail_breaker_open", ["name": "anna"]) == 1)
    #expect(sum("nightmail_last_run_timestamp_seconds") == 1_795_000_000.12)
    #expect(
      sum("nightmail_last_success_timestamp_seconds") == 1_794_000_000 && sum("nightmail_last_run_exit_code") == 4)
    let types = families.object?.reduce(into: [String: String]()) { $0[$1.key] = $1.value.array?[0].string } ?? [:]
    #expect(types["nightmail_attempts"] == "counter" && types["nightmail_attempt_duration_seconds"] == "histogram")
  }

  @Test func nothingOfAPersonStandsInTheMetrics() throws {
    let text = try metrics(day()).text
    #expect(!text.contains("@") && !text.contains("c1"))
  }

  @Test func labelsAndHelpAreEscaped() {
    #expect(PrometheusText.escaped("a\\b\"c\nd", quotes: true) == "a\\\\b\\\"c\\nd")
    #expect(PrometheusText.escaped("a\\b\"c\nd", quotes: false) == "a\\\\b\"c\\nd")
    #expect(
      [0, 5, 120, 1000, 91_270, -1500].map { PrometheusText.seconds($0) } == [
        "0", "0.005", "0.12", "1", "91.27", "-1.5",
      ])
  }

  /// Counters never go back: not when a day is over, not when its results have been removed.
  @Test func attemptsOfAllDaysAreAddedUpAndOutliveTheirResults() throws {
    let day = try day()
    let first = try AttemptTotals.read(day.output)
    let again = try AttemptTotals.read(day.output)
    #expect(again.attempts == first.attempts && first.attempts.count == 4, "what was kept is what was counted")
    #expect(again.durations.mapValues(\.buckets) == first.durations.mapValues(\.buckets))
    #expect(again.durations.mapValues(\.sumMilliseconds) == first.durations.mapValues(\.sumMilliseconds))
    let next = day.output.day(StatusDay.date + 1)
    try day.append([.outcome(StatusDay.attempt(StatusDay.send(1)), .init(outcome: .sent, milliseconds: 3))], to: next)
    func total(_ totals: AttemptTotals) -> Int { totals.attempts.values.reduce(0) { $0 + $1.total } }
    #expect(total(try AttemptTotals.read(day.output)) == total(first) + 1)
    try FileManager.default.removeItem(atPath: day.day.resultsPath)
    #expect(total(try AttemptTotals.read(day.output)) == total(first) + 1)
    // What grew is counted again as a whole.
    try day.append([.outcome(StatusDay.attempt(StatusDay.send(2)), .init(outcome: .sent, milliseconds: 3))], to: next)
    #expect(total(try AttemptTotals.read(day.output)) == total(first) + 2)
    // A file that is none is made again from what is there.
    try day.folder.write("rubbish\n", to: "output/history/attempts.jsonl")
    #expect(total(try AttemptTotals.read(day.output)) == 2)
  }

  @Test func aRunsEndIsRememberedAndASuccessOutlivesAFailure() throws {
    let day = try StatusDay([])
    var last = RunEnd.Last.read(day.output)
    #expect(last == RunEnd.Last())
    try last.note(RunEnd(at: Self.nine, run: "a", exitCode: 3), in: day.output)
    try last.note(RunEnd(at: Self.nine + .hours(1), run: "b", exitCode: 4), in: day.output)
    let read = RunEnd.Last.read(day.output)
    #expect(read == last && read.success == Self.nine && read.end?.exitCode == 4)
  }

  /// Rules and dashboards in the documentation name no metric that is not written, and the page names all.
  @Test(arguments: ["alerts.yml", "dashboard.json", "Prometheus.md"])
  func theDocumentationNamesMetricsThatExist(file: String) throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/nightmail/Documentation.docc")
    let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
    let known = Set(Metrics.Family.allCases.map(\.rawValue))
    let named = Set(text.matches(of: /nightmail_[a-z_]+/).map { String($0.output) })
    #expect(named.count > 5)
    for name in named {
      let family = ["_bucket", "_sum", "_count"].first { name.hasSuffix($0) }.map { String(name.dropLast($0.count)) }
      #expect(known.contains(name) || family.map(known.contains) == true, "\(name)")
    }
    if file == "Prometheus.md" { #expect(known.subtracting(named).isEmpty) }
    if file == "dashboard.json" { _ = try JSON(parsing: text) }
  }
}
