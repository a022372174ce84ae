import Journal
import Model

/// A day's report as one page that stands alone: no network, no script, light and dark, for the eye, the ear and paper.
public enum ReportPage {
  /// Of each reason so many letters are listed; the command lists all.
  static let listed = 200

  public static func html(_ report: DayReport) -> String {
    var page = PageText()
    let figures = report.figures
    let title = "Report for \(figures.date)"
    page.raw("<header>\n")
    page.element("h1", "", title)
    page.element(
      "p", "class=\"dim\"",
      "\(figures.zone.identifier)\(report.isRehearsal ? ", a rehearsal" : ""); made \(report.zone.format(Instant(seconds: report.at.seconds)))"
        + "\(figures.isLive ? " while a run was under way" : ""). \(report.spanLine.map { $0 + "." } ?? "")")
    page.raw("</header>\n<main>\n")
    for entry in report.pauses.entries {
      page.element("p", "class=\"note\"", PauseReport.line(entry, zone: report.zone, rehearse: report.isRehearsal))
    }
    summary(report, &page)
    if figures.totals.total > 0 {
      outcomes(report, &page)
      providers(report, &page)
      states(report, .campaign, "Campaigns", &page)
      states(report, .mailbox, "Mailboxes", &page)
      states(report, .batch, "Batches", &page)
      released(report, &page)
    }
    letters(report, &page)
    page.raw("</main>\n")
    return page.page(title: title, style: ReportStyle.css)
  }

  private static func summary(_ report: DayReport, _ page: inout PageText) {
    let states = report.figures.totals.states
    let total = report.figures.totals.total
    let left = states.filter { $0.key.isLeft }.values.reduce(0, +)
    let settled = (states[.withdrawn] ?? 0) + (states[.dropped] ?? 0)
    var tiles: [(style: String, name: String, count: Int)] = [
      ("", "sends", total), ("sent", "sent (\(Words.percent(states[.sent] ?? 0, of: total)))", states[.sent] ?? 0),
      ("retry", "left", left), ("failed", "dead", states[.dead] ?? 0), ("doubt", "in doubt", states[.inDoubt] ?? 0),
      ("", "released", states[.released] ?? 0),
    ]
    if settled > 0 { tiles.append(("", "withdrawn or dropped", settled)) }
    page.raw("<dl>\n")
    for tile in tiles {
      page.raw("<div\(tile.style.isEmpty || tile.count == 0 ? "" : " class=\"\(tile.style)\"")>")
      page.element("dt", "", tile.name)
      page.element("dd", "", Words.number(tile.count))
      page.raw("</div>\n")
    }
    page.raw("</dl>\n")
    if !report.letters.isEmpty {
      page.raw("<p><a href=\"#dead-letters\">Dead letters, and what to do about them</a></p>\n")
    }
    if total == 0 { page.element("p", "", "Nothing was planned and nothing was sent.") }
  }

  private static func outcomes(_ report: DayReport, _ page: inout PageText) {
    page.element("h2", "", "Outcomes over time")
    let timeline = Timeline(report.figures)
    guard !timeline.bars.isEmpty else { return page.element("p", "", "Nothing has been attempted yet.") }
    TimelineChart(timeline, clock: { report.clock($0).shortClock }).draw(into: &page)
  }

  private static func providers(_ report: DayReport, _ page: inout PageText) {
    page.element("h2", "", "Providers")
    guard !report.providers.isEmpty else { return page.element("p", "", "None has been asked yet.") }
    page.table(
      "Attempts by provider, and how long they took",
      ["provider", "attempts", "sent", "retry", "failed", "in doubt", "p50", "p90", "p99", "max"],
      numbers: Set(1...9),
      rows: report.providers.map { name, outcomes, durations in
        [name]
          + [outcomes.total, outcomes.sent, outcomes.retry, outcomes.failed, outcomes.inDoubt].map(Words.number)
          + [50.0, 90, 99, 100].map { durations.percentile($0).map(Words.duration) ?? "–" }
      })
    page.element(
      "p", "class=\"dim\"",
      "p90: nine attempts in ten took no longer. Percentiles are right to within 2 %, the longest is exact.")
  }

  private static func states(
    _ report: DayReport, _ dimension: DayStatus.Dimension, _ title: String, _ page: inout PageText
  ) {
    let status = DayStatus(report.figures)
    let rows = status.states(by: dimension)
    guard dimension != .batch || rows.keys.contains(where: { !$0.isEmpty }) else { return }
    let totals = status.totals
    let shown = DayStatus.State.allCases.filter { $0 == .sent || totals[$0] ?? 0 > 0 }
    func cells(_ name: String, _ counts: [DayStatus.State: Int]) -> [String] {
      [name, Words.number(counts.values.reduce(0, +))] + shown.map { Words.number(counts[$0] ?? 0) }
    }
    page.element("h2", "", title)
    page.table(
      "Sends by \(dimension.rawValue) and where they stand", [dimension.rawValue, "total"] + shown.map(\.rawValue),
      numbers: Set(1...(shown.count + 1)),
      rows: rows.sorted { $0.key < $1.key }.map { cells($0.key.isEmpty ? dimension.none : $0.key, $0.value) },
      total: rows.count > 1 ? cells("all", totals) : nil)
  }

  private static func released(_ report: DayReport, _ page: inout PageText) {
    guard !report.figures.released.isEmpty else { return }
    page.element("h2", "", "Released")
    page.element(
      "p", "", "Given back unsent, and due again with the next plan: \(Words.counts(report.figures.released)).")
  }

  private static func letters(_ report: DayReport, _ page: inout PageText) {
    page.element("h2", "id=\"dead-letters\"", "Dead letters")
    guard !report.letters.isEmpty else { return page.element("p", "", "None.") }
    var byReason: [DeadReason: [DeadLetter]] = [:]
    for letter in report.letters where byReason[letter.reason]?.count ?? 0 < listed {
      byReason[letter.reason, default: []].append(letter)
    }
    for (reason, count) in report.byReason {
      page.element("h3", "", "\(reason.rawValue): \(Words.number(count))")
      page.element("p", "", "\(reason.meaning) \(reason.advice)")
      page.raw("<p>All of them at once: <code>")
      page.text(reason.command(date: report.figures.date, rehearse: report.isRehearsal))
      page.raw("</code></p>\n")
      page.table(
        "Dead letters: \(reason.rawValue)", ["send", "campaign", "step", "to", "attempts", "last reply"], numbers: [4],
        rows: (byReason[reason] ?? []).map(row))
      if count > listed {
        page.element(
          "p", "class=\"dim\"",
          "The first \(listed) of \(Words.number(count)); nightmail dead-letters list --reason \(reason.rawValue) --date \(report.figures.date)\(report.isRehearsal ? " --rehearse" : "") has them all."
        )
      }
    }
  }

  private static func row(_ letter: DeadLetter) -> [String] {
    // The first digits are enough for status --id.
    let id = String(letter.id.text.prefix(12))
    return switch letter.last {
    case .intent(let attempt):
      [id, attempt.campaign, attempt.step, attempt.to, Words.number(letter.attempts), "none was recorded"]
    case .outcome(let attempt, let result):
      [
        id, attempt.campaign, attempt.step, attempt.to, Words.number(letter.attempts),
        [result.code.map(String.init), result.enhancedCode, result.response].compactMap { $0 }
          .filter { !$0.isEmpty }.joined(separator: " "),
      ]
    case .run, .released, .withdrawn, .requeued, .resolved:
      [id, letter.send?.campaign ?? "", letter.send?.step ?? "", letter.send?.to ?? "", "", ""]
    }
  }
}

extension String {
  /// `09:30` of `09:30:00`; a text with a day stays.
  fileprivate var shortClock: String { count == 8 ? String(prefix(5)) : self }
}
