import Journal
import Model

/// What node_exporter's textfile collector is given (`output/metrics.prom`): the last day as gauges, and all attempts
/// that the output has seen as counters. No address stands in it, nor anything else of a person.
public struct Metrics: Sendable {
  /// Each family's name, type and words, in the file's order. Rules, dashboards and docs may name no other.
  enum Family: String, CaseIterable {
    case daySends = "nightmail_day_sends"
    case dayDeadLetters = "nightmail_day_dead_letters"
    case dayReleased = "nightmail_day_released"
    case dayPlanned = "nightmail_day_plan_lines"
    case dayStart = "nightmail_day_start_timestamp_seconds"
    case attempts = "nightmail_attempts_total"
    case durations = "nightmail_attempt_duration_seconds"
    case lastRun = "nightmail_last_run_timestamp_seconds"
    case lastSuccess = "nightmail_last_success_timestamp_seconds"
    case lastExit = "nightmail_last_run_exit_code"
    case paused = "nightmail_paused"
    case breaker = "nightmail_breaker_open"

    var kind: PrometheusText.Kind {
      switch self {
      case .attempts: .counter
      case .durations: .histogram
      default: .gauge
      }
    }

    var help: String {
      switch self {
      case .daySends: "Sends of the day by where they stand; all states together are the day's sends."
      case .dayDeadLetters:
        "Sends of the day that ended unsent or are in doubt, by reason, until somebody settles them."
      case .dayReleased: "Sends of the day that were given back to the next plan, by reason."
      case .dayPlanned: "Lines of the day's plan."
      case .dayStart: "When the day began that the other day metrics are of."
      case .attempts: "Attempts by how they ended, over all days of the output."
      case .durations: "How long attempts took, over all days of the output."
      case .lastRun: "When a run of send or run last came to its end, however it ended."
      case .lastSuccess: "When a run last did all that it had to do (exit code 0 or 3)."
      case .lastExit: "The exit code of that last run."
      case .paused: "1 while a person has paused it."
      case .breaker: "1 while its breaker has stopped it."
      }
    }
  }

  public let figures: DayFigures
  public let dayStart: Instant
  public let totals: AttemptTotals
  public let letters: [DeadReason: [String: Int]]
  public let pauses: Pauses
  public let parts: [Part]
  public let lastRun: RunEnd.Last

  /// - Parameters:
  ///   - letters: the day's dead letters.
  ///   - parts: all that could be paused, so that each has its 0.
  public init(
    figures: DayFigures, dayStart: Instant, totals: AttemptTotals, letters: [DeadLetter], pauses: Pauses,
    parts: [Part], lastRun: RunEnd.Last
  ) {
    self.figures = figures
    self.dayStart = dayStart
    self.totals = totals
    self.letters = letters.reduce(into: [:]) { counts, letter in
      counts[letter.reason, default: [:]][letter.campaign, default: 0] += 1
    }
    self.pauses = pauses
    self.parts = Set(parts + pauses.entries.map(\.part)).sorted()
    self.lastRun = lastRun
  }

  public var text: String {
    var out = PrometheusText()
    for family in Family.allCases {
      var samples = PrometheusText()
      write(family, to: &samples)
      guard !samples.text.isEmpty else { continue }
      out.family(family.rawValue, family.kind, family.help)
      write(family, to: &out)
    }
    return out.text
  }

  private func write(_ family: Family, to out: inout PrometheusText) {
    let name = family.rawValue
    switch family {
    case .daySends: daySends(name, &out)
    case .dayDeadLetters:
      for reason in DeadReason.allCases {
        for (campaign, count) in (letters[reason] ?? [:]).sorted(by: { $0.key < $1.key }) {
          out.sample(name, [("campaign", campaign), ("reason", reason.rawValue)], count)
        }
        // A reason that has gone must not look like one that is unknown.
        if letters[reason] == nil { out.sample(name, [("campaign", ""), ("reason", reason.rawValue)], 0) }
      }
    case .dayReleased:
      for (reason, count) in figures.released.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
        out.sample(name, [("reason", reason.rawValue)], count)
      }
    case .dayPlanned: out.sample(name, figures.planned)
    case .dayStart: out.sample(name, PrometheusText.seconds(dayStart.milliseconds))
    case .attempts:
      for (way, outcomes) in totals.attempts.sorted(by: { $0.key < $1.key }) {
        for outcome in Record.Outcome.allCases {
          out.sample(
            name,
            [
              ("campaign", way.campaign), ("mailbox", way.mailbox), ("provider", way.provider),
              ("outcome", outcome.rawValue),
            ], outcomes[outcome])
        }
      }
    case .durations: durations(name, &out)
    case .lastRun: time(name, lastRun.end?.at, &out)
    case .lastSuccess: time(name, lastRun.success, &out)
    case .lastExit: if let end = lastRun.end { out.sample(name, Int(end.exitCode)) }
    case .paused: flags(name, pauses.paused, &out)
    case .breaker: flags(name, pauses.tripped, &out)
    }
  }

  private func daySends(_ name: String, _ out: inout PrometheusText) {
    let groups = figures.by { [$0.campaign, $0.mailbox] }.filter { $0.value.total > 0 }
    for (key, counts) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
      for state in DayStatus.State.allCases {
        out.sample(
          name, [("campaign", key[0]), ("mailbox", key[1]), ("state", state.rawValue)], counts.states[state] ?? 0)
      }
    }
  }

  private func durations(_ name: String, _ out: inout PrometheusText) {
    for (provider, durations) in totals.durations.sorted(by: { $0.key < $1.key }) {
      var seen = 0
      for (bound, count) in zip(Durations.bounds, durations.buckets) {
        seen += count
        out.sample(name + "_bucket", [("provider", provider), ("le", PrometheusText.seconds(bound))], seen)
      }
      out.sample(name + "_bucket", [("provider", provider), ("le", "+Inf")], durations.count)
      out.sample(name + "_sum", [("provider", provider)], PrometheusText.seconds(durations.sumMilliseconds))
      out.sample(name + "_count", [("provider", provider)], durations.count)
    }
  }

  private func time(_ name: String, _ at: Instant?, _ out: inout PrometheusText) {
    if let at { out.sample(name, PrometheusText.seconds(at.milliseconds)) }
  }

  private func flags(_ name: String, _ set: [Part: Pauses.Entry], _ out: inout PrometheusText) {
    for part in parts {
      out.sample(name, [("part", part.kind.rawValue), ("name", part.name)], set[part] == nil ? 0 : 1)
    }
  }
}

extension DeadLetter {
  /// Of the record that it is about.
  var campaign: String { last.send?.campaign ?? send?.campaign ?? "" }
}
