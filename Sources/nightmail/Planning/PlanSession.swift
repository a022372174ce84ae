import Foundation
import Journal
import Messages
import Model
import Planning

/// Makes a plan and writes it: what `plan` and `run` share, and `why` explains without writing.
struct PlanSession {
  let workspace: Workspace
  let project: Project
  let engine: TemplateEngine
  let date: CalendarDay
  let day: DayFolder
  let notBefore: Instant

  init(
    _ workspace: Workspace, _ project: Project, _ options: DayOptions, newHistory: Bool = false, engine: TemplateEngine
  ) throws {
    self.workspace = workspace
    self.project = project
    self.engine = engine
    guard let date = try PlanTarget.date(options.date, project.settings) else {
      throw Failure(.failed, "--date is a date, today or tomorrow, not '\(options.date)'")
    }
    self.date = date
    day = workspace.output.day(date)
    let span = project.settings.span(of: date)
    let now = Workspace.now()
    if let text = options.notBefore {
      guard let time = Self.time(text, date, project.settings) else {
        throw Failure(.failed, "--not-before is HH:MM or a time such as \(date)T09:00, not '\(text)'")
      }
      notBefore = time
    } else {
      // Plans tell whole seconds: rounded up, nothing of a plan made now would be due to the run that made it.
      notBefore = workspace.isRehearsal ? span.start : max(Instant(seconds: now.seconds), span.start)
    }
    if !workspace.isRehearsal, now >= span.end {
      throw Failure(.failed, "\(date) is over; plan today or a later day, or add --rehearse")
    }
    try workspace.checkHistory(renew: newHistory)
  }

  private static func time(_ text: String, _ date: CalendarDay, _ settings: Settings) -> Instant? {
    if let second = Window.Rule.time(text) {
      let at = settings.zone.instant(date, second: second)
      // With a day that starts at 04:00, 02:00 lies at its end.
      return at < settings.span(of: date).start ? settings.zone.instant(date + 1, second: second) : at
    }
    return Instant(text, zone: settings.zone)
  }

  func make() throws -> Plan {
    let history = try history(keepsSnapshot: true)
    let plan = Planner.plan(project: project, history: history, date: date, notBefore: notBefore, renderer: engine)
    for note in plan.notes { workspace.log.notice("\(note)") }
    return plan
  }

  /// The same plan, for questions about it; nothing is written.
  func explainer() throws -> Explainer {
    Explainer(
      project: project, history: try history(keepsSnapshot: false), date: date, notBefore: notBefore, renderer: engine)
  }

  func history(keepsSnapshot: Bool) throws -> History {
    // What other plans hold, they hold from now on; a rehearsal's day begins where the days before it have ended.
    let instant = workspace.isRehearsal ? notBefore : min(Workspace.now(), notBefore)
    var history = try workspace.history(project, excluding: date, at: instant, keepsSnapshot: keepsSnapshot)
    history.firstExpiry = try firstExpiries(day)
    return history
  }

  /// When the sends of a day's plan, if it has one, expire: for projects whose campaigns have a `ttl`.
  func firstExpiries(_ day: DayFolder) throws -> [SendID: Instant] {
    var expiries: [SendID: Instant] = [:]
    if project.campaigns.contains(where: { $0.ttl != nil }), FileManager.default.fileExists(atPath: day.planPath) {
      try PlanFile.forEach(day.planPath) { send, _ in expiries[send.id] = send.expiresAt }
    }
    return expiries
  }

  /// Writes the plan into its day's folder, or to `out`. The caller holds the day's lock.
  /// - Returns: where it is, and the plan that it is to be compared with: the one that it replaced or, written to `out`,
  ///   the day's own; the same for a plan that was there already; nil for a day's first.
  @discardableResult
  func write(_ plan: Plan, out: String? = nil) throws -> (plan: PlanTarget, before: PlanTarget?) {
    if let out {
      try PlanFile.write(plan, toFile: out)
      let own = FileManager.default.fileExists(atPath: day.planPath)
      return (PlanTarget(path: out, day: day), own ? PlanTarget(path: day.planPath, day: day) : nil)
    }
    let copies = try project.inputs.filter(\.role.isKept).map {
      (digest: $0.digest, bytes: try workspace.read($0.path))
    }
    let target = PlanTarget(path: day.planPath, day: day)
    switch try PlanFile.write(plan, to: day, copies: copies) {
    case .unchanged: return (target, target)
    case .written(let previous):
      // A page of another plan would be read as this one's.
      try? FileManager.default.removeItem(atPath: PlanView.pagePath(of: day.planPath))
      return (target, previous.map { PlanTarget(path: "\(day.path)/\($0)", day: day) })
    }
  }

  /// What a person does next.
  func hint(_ plan: Plan, path: String?, withPage: Bool) {
    guard !workspace.options.quiet else { return }
    let what = path ?? (date == project.settings.day(of: Workspace.now()) ? "" : " \(date)")
    let words = path.map { " \($0)" } ?? what
    let rehearse = workspace.isRehearsal ? " --rehearse" : ""
    let needs = project.campaignsToApprove
    let page = PlanView.pagePath(of: path ?? day.planPath)
    Console.out("\nWrote \(path ?? day.planPath)\(withPage ? " and \((page as NSString).lastPathComponent)" : "")")
    guard plan.header.sends > 0 else { return }
    if plan.header.campaigns.contains(where: { $0.value.planned > 0 && needs.contains($0.key) }) {
      Console.out(
        "Next: nightmail show\(words)\(rehearse), nightmail approve\(words)\(rehearse), nightmail send\(words)\(rehearse)"
      )
    } else {
      Console.out("Next: nightmail show\(words)\(rehearse), nightmail send\(words)\(rehearse)")
    }
  }
}
