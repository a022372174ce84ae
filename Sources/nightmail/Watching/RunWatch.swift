import Delivery
import Foundation
import Journal
import Model
import Reporting

/// `run --watch`: plans and delivers day after day, and again whenever something has changed.
///
/// ```
/// a day begins ─▶ [plan, if the files call for it] ─▶ deliver, waiting for each send's time ─▶ wait
///        ▲                  ▲                                   │ something calls (Lookout)     │
///        │                  └──────── the same day ─────────────┴───────────────────────────────┤
///        └──────────────────────────── the next day ────────────────────────────────────────────┤
///                                                 every campaign has ended, or a signal ─▶ the end
/// ```
/// The day's lock is held for the day, so that nobody else plans or sends it, and given out of hand for a moment to a
/// person's `approve` or `dead-letters`.
final class RunWatch {
  static let purpose = "run --watch"

  private let workspace: Workspace
  private let planning: PlanningOptions
  private let sending: SendingOptions
  private let rhythm: WatchRhythm
  private let reviewing: ReviewOptions
  private let signals: StopSignals
  private var day: DayFolder
  private var lock: Lock?
  /// Grows while one try after the other fails.
  private var retries: WatchRhythm
  private var hasDelivered = false
  private var status = ExitStatus.done
  /// Of the day's results when they were last read or written here: what others add may be due again.
  private var resultsSize = 0
  private var isFirstPlan = true
  private var isHistoryNew: Bool
  // What is said once, until it changes.
  private var saidAwaiting = 0
  private var saidFailure = ""

  init(
    _ workspace: Workspace, _ planning: PlanningOptions, _ sending: SendingOptions, _ watching: WatchOptions,
    _ reviewing: ReviewOptions, signals: StopSignals
  ) {
    self.workspace = workspace
    self.planning = planning
    self.sending = sending
    self.reviewing = reviewing
    self.signals = signals
    rhythm = watching.rhythm
    retries = watching.rhythm
    isHistoryNew = planning.newHistory
    // Until a day begins.
    day = workspace.output.day(CalendarDay(number: 0))
  }

  func run() async throws -> ExitStatus {
    let files = WatchedFiles(folder: workspace.folder)
    var reading = WatchedReading(workspace, keepGoing: planning.day.keepGoing)
    let project = try reading.first()
    try begin(today(project))
    let lookout = Lookout(
      workspace, project: project, files: files, reading: reading, day: day, agenda: agenda(project), rhythm: rhythm,
      heedsApprovals: !sending.autoApprove, signals: signals.request)
    defer {
      lookout.close()
      lock?.release()
    }
    if !workspace.options.quiet {
      workspace.log.notice(
        "watching \(workspace.folder): a look every \(rhythm.poll) to \(rhythm.most); Ctrl-C ends it")
    }
    while true {
      if let end = try await work(lookout) { return end }
      switch await lookout.next() {
      case .stop: return stopped()
      case .giveWay: try giveWay()
      case .files: retries = rhythm
      case .approval, .pauses, .wake: break
      }
    }
  }

  // MARK: - Days

  private func today(_ project: WatchedProject) -> CalendarDay { project.project.settings.day(of: Workspace.now()) }

  private func begin(_ date: CalendarDay) throws {
    day = workspace.output.day(date)
    (isFirstPlan, saidAwaiting) = (true, 0)
    lock = try workspace.lock(day, purpose: Self.purpose)
    resultsSize = try day.resultsSize()
    try workspace.checkHistory(renew: isHistoryNew)
    isHistoryNew = false
  }

  /// The day is over, or is another one by the project's new zone.
  private func turn(to date: CalendarDay, _ project: WatchedProject, _ lookout: Lookout) async throws {
    if lock != nil { await mailReport(project) }
    lock?.release()
    lock = nil
    // The agenda first: where the new day's lock is not to be had, the old day must not call again.
    day = workspace.output.day(date)
    lookout.turn(to: day, agenda(project))
    try begin(date)
  }

  /// Lets a person's command have the day for a moment.
  private func giveWay() throws {
    lock?.release()
    lock = nil
    // Whoever waits has this until it has the day.
    try workspace.lock(day.waitingPath, purpose: Self.purpose, waits: true).release()
    lock = try workspace.lock(day.lockPath, purpose: Self.purpose, waits: true)
  }

  private func agenda(_ project: WatchedProject, retryAt: Instant? = nil) -> WatchAgenda {
    WatchAgenda(
      dayEnd: project.project.settings.span(of: day.date).end, campaignsEnd: WatchEnd.of(project.project).instant,
      retryAt: retryAt)
  }

  // MARK: - Work

  /// Plans if need be, and delivers until something calls or all is done.
  /// - Returns: how it ends; nil: it goes on.
  private func work(_ lookout: Lookout) async throws -> ExitStatus? {
    if signals.request.isAsked { return stopped() }
    let project = lookout.takeIn()
    let end = WatchEnd.of(project.project)
    if end == .nothingActive {
      workspace.log.notice("no campaign is active or paused: there is nothing to watch for")
      return status
    }
    do {
      let date = today(project)
      if lock == nil || date != day.date { try await turn(to: date, project, lookout) }
      let isLast = end.instant.map { Workspace.now() >= $0 } ?? false
      guard try await plan(project, lookout) else {
        lookout.set(agenda(project, retryAt: retryAt()))
        return nil
      }
      let stop = StopRequest(within: signals.request)
      lookout.begin(stop)
      defer { lookout.end() }
      let session = SendSession(
        workspace, project.project, engine: project.engine, sending, signals: signals, interruption: stop)
      // What a delivery has written down is no news, however it ends.
      defer { resultsSize = (try? day.resultsSize()) ?? resultsSize }
      let sent = try await session.send(PlanTarget(path: day.planPath, day: day))
      let end = take(sent, project, isLast: isLast && !stop.isAsked, lookout)
      if let end, end != .stopped { await mailReport(project) }
      return end
    } catch let failure as Failure {
      return try take(failure, project, lookout)
    } catch let problem as JournalProblem {
      // A full disk, or a plan that somebody is about to save without a line.
      return try take(Failure(.failed, "\(problem)"), project, lookout)
    }
  }

  /// - Returns: whether there is a plan to deliver.
  private func plan(_ project: WatchedProject, _ lookout: Lookout) async throws -> Bool {
    let isThere = FileManager.default.fileExists(atPath: day.planPath)
    let before = isThere ? try PlanFile.header(day.planPath) : nil
    let size = try day.resultsSize()
    let isRequeued = size != resultsSize
    let changes = before.map { self.changes(project, since: $0) } ?? []
    if before != nil, changes.isEmpty, !isRequeued {
      lookout.planned(from: project.inputs)
      return true
    }
    // A plan keeps copies of what it was made from: the files at hand must be the ones that were read.
    guard !lookout.isBroken, try isAtHand(project) else {
      return before.map { Staleness.changes(of: $0, project: project.project).isEmpty } ?? false
    }
    var options = planning.day
    options.date = day.date.description
    let session = try PlanSession(workspace, project.project, options, engine: project.engine)
    let plan = try session.make()
    let (target, _) = try session.write(plan)
    resultsSize = size
    lookout.planned(from: project.inputs)
    let needs = sending.autoApprove ? [] : project.project.campaignsToApprove
    if plan.header.campaigns.contains(where: { $0.value.planned > 0 && needs.contains($0.key) }) {
      let view = try PlanView(workspace, target, engine: project.engine)
      try view.writePage()
      await ReviewMail(workspace, project.project, day, reviewing)?.plan(view, isAskedAnew: false)
    }
    say(plan.header, isRequeued && changes.isEmpty ? ["sends were made due again"] : changes)
    return true
  }

  private func isAtHand(_ project: WatchedProject) throws -> Bool {
    try project.project.inputs.filter(\.role.isKept).allSatisfy {
      try AtomicFile.digest(of: workspace.folder + "/" + $0.path) == $0.digest
    }
  }

  /// What of the files calls for another plan than the one that is there.
  private func changes(_ project: WatchedProject, since header: PlanHeader) -> [String] {
    let roles = Dictionary(project.project.inputs.map { ($0.path, $0.role) }, uniquingKeysWith: { a, _ in a })
    let before = header.inputs.map { path, digest in
      // One that is gone, and whose role is told by its name alone.
      let isDrops = path == "data/suppressions.csv" || path == "data/events.csv" || path.hasPrefix("data/events/")
      return InputFile(path: path, digest: digest, role: roles[path] ?? (isDrops ? .events : .contacts))
    }
    return project.inputs.changes(since: WatchedInputs(before))
  }

  private func say(_ header: PlanHeader, _ changes: [String]) {
    defer { isFirstPlan = false }
    guard !workspace.options.json else { return }
    if isFirstPlan, changes.isEmpty { return Console.out(PlanReport.summary(header)) }
    WatchLog.out(
      "\(changes.joined(separator: "; ")): planned again, \(Words.count(header.sends, "send")) to go", zone: header.zone
    )
  }

  /// What a delivery came to.
  private func take(
    _ sent: SendSession.End, _ project: WatchedProject, isLast: Bool, _ lookout: Lookout
  ) -> ExitStatus? {
    hasDelivered = true
    saidFailure = ""
    if sent.status == .deadLetters { status = .deadLetters }
    if signals.request.isAsked { return stopped() }
    let zone = project.project.settings.zone
    if sent.awaiting != saidAwaiting, sent.awaiting > 0, !workspace.options.json {
      let lines = "\(Words.count(sent.awaiting, "line")) \(sent.awaiting == 1 ? "awaits" : "await") approval"
      WatchLog.out("\(lines): nightmail show, then nightmail approve", zone: zone)
    }
    saidAwaiting = sent.awaiting
    if isLast, sent.goesOn {
      if !workspace.options.quiet, !workspace.options.json { WatchLog.out("Every campaign has ended.", zone: zone) }
      return status
    }
    lookout.set(agenda(project, retryAt: sent.goesOn ? nil : retryAt()))
    if sent.goesOn { retries = rhythm }
    return nil
  }

  /// What goes wrong once a plan was delivered may go right again: it is said once, and tried again.
  private func take(_ failure: Failure, _ project: WatchedProject, _ lookout: Lookout) throws -> ExitStatus? {
    if signals.request.isAsked { return stopped() }
    guard hasDelivered else { throw failure }
    let wait = retries.interval
    if saidFailure != failure.message {
      workspace.log.error("\(failure.message); the next try in \(wait), then ever more seldom")
    }
    saidFailure = failure.message
    lookout.set(agenda(project, retryAt: retryAt()))
    return nil
  }

  /// Once for the day: while files change, a day is done many times over.
  private func mailReport(_ project: WatchedProject) async {
    guard let mail = ReviewMail(workspace, project.project, day, reviewing),
      FileManager.default.fileExists(atPath: day.planPath)
    else { return }
    do {
      let reporter = DayReporter(workspace, project.project.settings, parts: project.project.parts)
      let written = try reporter.write(
        PlanTarget(path: day.planPath, day: day), letters: try DeadLetters.read(day),
        lastRun: RunEnd.Last.read(workspace.output), isLive: false)
      await mail.report(written, isOver: true)
    } catch {
      workspace.log.warning("the report of \(day.date) was not mailed: \(error)")
    }
  }

  private func retryAt() -> Instant {
    defer { retries.looked(foundNews: false) }
    return Workspace.now() + retries.interval
  }

  private func stopped() -> ExitStatus {
    workspace.log.notice("stopped; run again to go on")
    return .stopped
  }
}

/// What `run --watch` says of its work: a line with its time, in the project's zone.
enum WatchLog {
  static func out(_ text: String, zone: Zone) {
    Console.out("\(zone.format(Workspace.now()).prefix(19))  \(text)")
  }
}
