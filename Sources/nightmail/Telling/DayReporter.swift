import Journal
import Model
import Reporting

/// Counts a day and writes what is kept of it for people and for Prometheus: `report.html` beside the results, and
/// `metrics.prom` for the last day that has any.
struct DayReporter {
  private let workspace: Workspace
  private let settings: Settings
  private let parts: [Part]

  /// - Parameter parts: what can be paused.
  init(_ workspace: Workspace, _ settings: Settings, parts: [Part]) {
    self.workspace = workspace
    self.settings = settings
    self.parts = parts
  }

  /// The files that were written.
  struct Written {
    var report: DayReport
    var page: String
    /// Nil where a later day has results: the metrics are of that one.
    var metrics: String?
  }

  /// - Parameters:
  ///   - letters: the day's dead letters.
  ///   - isLive: whether a run is under way; nil: what the day's lock says.
  ///   - copy: where the metrics go too, for others to read.
  func write(
    _ target: PlanTarget, letters: [DeadLetter], lastRun: RunEnd.Last, isLive: Bool? = nil, copy: String? = nil
  ) throws -> Written {
    let output = workspace.output
    let figures = try DayFigures.read(planPath: target.path, day: target.day, isLive: isLive, in: output)
    let pauses = try Pauses.read(output.pausesPath)
    let report = DayReport(
      figures: figures, letters: letters, pauses: pauses, isRehearsal: workspace.isRehearsal, at: Workspace.now())
    try target.day.create()
    try AtomicFile.write(Array(ReportPage.html(report).utf8), to: target.day.reportPath)
    var written = Written(report: report, page: target.day.reportPath)
    let later = try output.days().last { try $0.date > target.day.date && $0.resultsSize() > 0 }
    if later == nil {
      let metrics = Metrics(
        figures: figures, dayStart: settings.span(of: figures.date).start,
        totals: try AttemptTotals.read(output, counted: figures), letters: letters, pauses: pauses, parts: parts,
        lastRun: lastRun)
      let text = Array(metrics.text.utf8)
      try AtomicFile.write(text, to: output.metricsPath)
      // The output is its owner's alone, and node_exporter mostly somebody else's. Nothing in it tells of a person.
      if let copy { try AtomicFile.write(text, to: copy, mode: 0o644) }
      written.metrics = copy ?? output.metricsPath
    }
    return written
  }

  /// After a run: what has been sent is on disk, and a report that cannot be written changes nothing about that.
  @discardableResult
  func writeAfterRun(_ target: PlanTarget, letters: [DeadLetter], end: RunEnd, isLive: Bool) -> Written? {
    do {
      var last = RunEnd.Last.read(workspace.output)
      try last.note(end, in: workspace.output)
      return try write(target, letters: letters, lastRun: last, isLive: isLive)
    } catch {
      workspace.log.error("the report could not be written; nightmail report makes it again: \(error)")
      return nil
    }
  }
}

extension Project {
  /// What a person can pause and a breaker can stop.
  var parts: [Part] {
    campaigns.map { Part(.campaign, $0.id) } + mailboxes.map { Part(.mailbox, $0.id) }
      + providers.map { Part(.provider, $0.id) }
  }
}
