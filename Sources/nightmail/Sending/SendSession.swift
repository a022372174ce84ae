import Config
import Delivery
import Foundation
import Journal
import Messages
import Model
import Reporting
import Transports

/// Delivers a stored plan: what `send` and `run` share. The caller holds the day's lock.
///
/// In order: the plan must not be stale; dangling intents of an earlier run are written down as in doubt; lines that
/// are approved, as they were planned, and not at an end become the run; then the network.
struct SendSession {
  private(set) var workspace: Workspace
  let given: Project
  /// What suppressions and events were before the project was read without its contacts; nil if it has them.
  private let drops: DropsFingerprint?
  let engine: TemplateEngine
  let sending: SendingOptions
  let signals: StopSignals
  /// Of `run --watch`, which sends again and again: stops this time alone. Nil for who sends once.
  let interruption: StopRequest?

  /// - Parameters:
  ///   - drops: of a project that was read without its contacts, what suppressions and events were before.
  ///   - interruption: see there.
  init(
    _ workspace: Workspace, _ project: Project, withoutContacts drops: DropsFingerprint? = nil,
    engine: TemplateEngine, _ sending: SendingOptions, signals: StopSignals, interruption: StopRequest? = nil
  ) {
    self.workspace = workspace
    given = project
    self.drops = drops
    self.engine = engine
    self.sending = sending
    self.signals = signals
    self.interruption = interruption
  }

  func send(_ target: PlanTarget) async throws -> End {
    let runID = Hex.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
    var session = self
    session.workspace.log[metadataKey: "run"] = "\(runID)"
    return try await session.send(target, runID: runID)
  }

  private func send(_ target: PlanTarget, runID: String) async throws -> End {
    let header = try PlanFile.header(target.path)
    let changes = Staleness.changes(of: header, project: given)
    guard changes.isEmpty else {
      throw Failure(.held, "the plan is stale: \(changes.joined(separator: "; ")); plan and approve again")
    }
    // Limits hold over all days together: one run at a time in an output, or shards that share its mailboxes out.
    let share = try RunShare(sending.shard, of: given, day: target.day, in: workspace)
    defer { share.release() }
    for (mailbox, holder) in share.missing {
      workspace.log.warning("\(mailbox): another run has it, and its lines are left to that run: \(holder)")
    }
    let course = try await deliver(target, header, share, runID: runID)
    // What the run held of the plan and the history is gone by now: the report needs its room.
    returnFreeMemory()
    return try conclude(course, target, header, share, runID: runID)
  }

  /// What a run has done.
  struct Course {
    var tally: Tally
    /// Without its lines.
    var choice: LineChoice
    var approvers: [String]
    var took: Duration
    var wasStopped: Bool
    /// Attempts that failed on purpose.
    var injected: Int
  }

  private func deliver(
    _ target: PlanTarget, _ header: PlanHeader, _ share: RunShare, runID: String
  ) async throws -> Course {
    var (index, lines) = try PlanIndex.read(target.path, header: header)
    returnFreeMemory()
    let now = Workspace.now()
    let (project, people) = try people(header)
    var history = try workspace.history(
      project, excluding: target.day.date, leavesOut: true, at: now, planPath: target.path)
    var day = try DayResults.read(target.day, index, into: &history)
    let results = try ResultsWriter(path: target.day.resultsPath(share.shard), checked: day.paths)
    defer { do { try results.close() } catch { workspace.log.error("\(error)") } }
    if results.cut > 0 {
      workspace.log.notice("\(results.path): an earlier run was cut off while writing; its last, torn line was removed")
    }
    let settled = try LineChoice.settleDangling(&day, index, &history, share, results, runID: runID)
    if settled > 0 {
      workspace.log.warning(
        "\(Words.count(settled, "send")) of a run that was cut off: in doubt, never sent again by itself; see nightmail dead-letters list"
      )
    }
    index.forgetNumbers()
    returnFreeMemory()
    let watch = PauseWatch(workspace.output.pausesPath)
    let pauses = try (watch.changed() ?? Pauses()).renamed(project.campaigns.presentIDs)
    workspace.say(pauses, zone: header.zone)
    let source = PlanSource(lines, index, people, history, project)
    let plan = RunPlan(
      index, day,
      try LineChoice.choose(
        index, lines, day, target, history, people, source, share, workspace: workspace, project: project,
        approve: { count in try share.inTurn(workspace) { try approve(count, target, now) } }),
      source)
    let used = plan.choice.mailboxes(index)
    let endpoints = try await endpoints(for: used, project, target.day).mapValues { $0.map(share.part) }
    let rules = DeliveryRules(project: project, endpoints: endpoints)
    let breakers = breakers(rules, pauses, plan.day, zone: header.zone)
    plan.day.forgetHeard()
    plan.choice.hold(by: breakers, index)
    let signers = try signers(for: plan.choice.mailboxes(index), project)
    try signals.check("nothing was sent")
    if !plan.choice.lines.isEmpty, !workspace.isRehearsal {
      _ = try share.inTurn(workspace) {
        try HistoryIdentity.establish(project: workspace.folder, output: workspace.output)
      }
    }
    // The plan in hand lets go of them once the dispatcher has what it needs; so must this.
    index.forget()
    day.forget()
    let approvers = try Approvals.read(target.day.approvalPath).approvers
    results.append(
      .run(
        Record.Run(
          id: runID, at: now, plan: index.plan, host: ProcessInfo.processInfo.hostName,
          pid: Int(ProcessInfo.processInfo.processIdentifier), approvedBy: approvers)))
    for (send, reason) in plan.choice.dropped { results.append(.released(Record.Note(send, at: now), reason)) }
    try results.commit()
    let rows = try workspace.sentRows(project, target.day, share)
    let delivery = Courier(
      workspace: workspace, project: project, engine: engine, signers: signers, header: header, day: target.day,
      rules: rules, history: history, results: results, rows: rows, runID: runID, sending: sending, watch: watch,
      pauses: pauses, breakers: breakers, plan: plan, people: people, drops: drops, signals: signals,
      stop: interruption ?? signals.request)
    let began = ContinuousClock.now
    let delivered = plan.choice.lines.isEmpty ? Courier.Delivered() : try await delivery.deliver()
    let took = ContinuousClock.now - began
    do throws(JournalProblem) { try rows?.close() } catch {
      workspace.log.error("the rows of on_sent are not whole; the next send makes them anew: \(error)")
    }
    plan.forget()
    var course = Course(
      tally: delivered.tally, choice: plan.choice, approvers: approvers, took: took, wasStopped: delivered.wasStopped,
      injected: delivered.injected)
    // What a cut-off run left in doubt is this run's to report: its own never came.
    course.tally.total += settled + plan.choice.dropped.count
    course.tally.inDoubt += settled
    for (_, reason) in plan.choice.dropped { course.tally.released[reason, default: 0] += 1 }
    return course
  }

  /// Whether this is one time of many: nobody wants to hear again that nothing is new.
  var isRepeated: Bool { interruption != nil }

  /// The project, with its contacts if anything has news of them since the plan was made, and who asks them.
  private func people(_ header: PlanHeader) throws -> (Project, People) {
    let (workspace, engine, given) = (workspace, engine, given)
    func load() throws -> Project { try workspace.load(keepGoing: true, engine: engine, after: given) }
    guard let drops else {
      let baseline = ProjectLoader.dropsFingerprint(folder: workspace.folder)
      return (given, People(given.contacts, baseline: baseline) { given.contacts })
    }
    if header.hasNews(of: given) {
      let project = try load()
      return (project, People(project.contacts, baseline: drops) { project.contacts })
    }
    return (given, People(nil, baseline: drops) { try load().contacts })
  }

  /// The breakers as the day's results leave them. A trip that no run lived to write down is written down now.
  private func breakers(
    _ rules: DeliveryRules, _ pauses: Pauses, _ day: DayResults, zone: Zone
  ) -> Breakers {
    var breakers = Breakers(rules: rules, pauses: pauses, isRehearsal: workspace.isRehearsal)
    day.forEachHeard { breakers.apply($0) }
    for trip in breakers.trips.values.sorted(by: { $0.part < $1.part }) where pauses.tripped[trip.part] == nil {
      workspace.keep(trip, zone: zone)
    }
    return breakers
  }

  /// Approves the lines that await it, by `--auto-approve` or by a person's word at the terminal; false if neither is
  /// there.
  private func approve(_ count: Int, _ target: PlanTarget, _ now: Instant) throws -> Bool {
    if !sending.autoApprove {
      guard !isRepeated, Console.hasTerminalInput, Console.hasTerminalErrors else { return false }
      let lines = "\(Words.count(count, "line")) of the plan \(count == 1 ? "awaits" : "await") approval."
      FileHandle.standardError.write(Data("\(lines) Only 'yes' approves: ".utf8))
      guard signals.asking({ readLine(strippingNewline: true) }) == "yes" else { return false }
    }
    let by = Workspace.userName + (sending.autoApprove ? " (--auto-approve)" : "")
    _ = try Approving.approve(try PlanFile.read(target.path), at: target, by: by, now: now)
    return true
  }

  private func endpoints(
    for used: Set<String>, _ project: Project, _ day: DayFolder
  ) async throws -> [String: [Endpoint]] {
    let (endpoints, findings) = await Endpoints.resolve(
      providers: project.providers, mailboxes: project.mailboxes.filter { used.contains($0.id) },
      folder: workspace.folder, outbox: day.outboxPath, loopbackOnly: workspace.isRehearsal,
      environment: ProcessInfo.processInfo.environment)
    guard findings.isEmpty else {
      for finding in findings { FileHandle.standardError.write(Data("\(finding)\n".utf8)) }
      throw Failure(.failed, "nothing was sent")
    }
    return endpoints
  }

  /// The keys of the mailboxes that send. Mail that cannot be signed as asked would count against its domain.
  private func signers(for used: Set<String>, _ project: Project) throws -> DKIMSigners {
    let (signers, findings) = workspace.signers(project.mailboxes.filter { used.contains($0.id) })
    guard findings.isEmpty else {
      for finding in findings { FileHandle.standardError.write(Data("\(finding)\n".utf8)) }
      throw Failure(.failed, "nothing was sent")
    }
    return signers
  }
}
