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
  let workspace: Workspace
  let project: Project
  let engine: TemplateEngine
  let sending: SendingOptions

  init(_ workspace: Workspace, _ project: Project, engine: TemplateEngine, _ sending: SendingOptions) {
    self.workspace = workspace
    self.project = project
    self.engine = engine
    self.sending = sending
  }

  func send(_ target: PlanTarget) async throws -> ExitStatus {
    let stored = try PlanFile.read(target.path)
    let changes = Staleness.changes(of: stored.header, project: project)
    guard changes.isEmpty else {
      throw Failure(.held, "the plan is stale: \(changes.joined(separator: "; ")); plan and approve again")
    }
    // Limits hold over all days together: one run at a time in an output.
    let lock = try workspace.lock(workspace.output.path + "/send.lock", purpose: "send")
    defer { lock.release() }
    let planned = try PlannedLines.read(planPath: target.path, header: stored.header)
    let results = try ResultsWriter(path: target.day.resultsPath)
    defer { do { try results.close() } catch { workspace.log.error("\(error)") } }
    if results.cut > 0 {
      workspace.log.notice("\(results.path): an earlier run was cut off while writing; its last, torn line was removed")
    }
    let now = Workspace.now()
    let runID = Hex.encode((0..<8).map { _ in UInt8.random(in: .min ... .max) })
    let settled = try settleDangling(target.day, results, now: now, runID: runID)
    if settled > 0 {
      workspace.log.warning(
        "\(Words.count(settled, "send")) of a run that was cut off: in doubt, never sent again by itself; see nightmail dead-letters list"
      )
    }
    let history = try workspace.history(project, excluding: target.day.date, at: now)
    let choice = try choose(stored, planned, target, history, now)
    let endpoints = try await endpoints(for: choice.items, target.day)
    if !choice.items.isEmpty, !workspace.isRehearsal {
      try HistoryIdentity.establish(project: workspace.folder, output: workspace.output)
    }
    let approvers = try Approvals.read(target.day.approvalPath).approvers
    results.append(
      .run(
        Record.Run(
          id: runID, at: now, plan: planned.plan, host: ProcessInfo.processInfo.hostName,
          pid: Int(ProcessInfo.processInfo.processIdentifier), approvedBy: approvers)))
    try results.commit()
    let delivery = Courier(
      workspace: workspace, project: project, engine: engine, header: stored.header, day: target.day,
      endpoints: endpoints, history: history, results: results, runID: runID, dueOnly: sending.due)
    let began = ContinuousClock.now
    var (tally, wasStopped) = choice.items.isEmpty ? (Tally(), false) : try await delivery.deliver(choice.items)
    let took = ContinuousClock.now - began
    // What a cut-off run left in doubt is this run's to report: its own never came.
    tally.total += settled
    tally.inDoubt += settled
    _ = try DeadLetters.rebuild(target.day, zone: stored.header.zone)
    return report(tally, held: choice.held, approvers: approvers, took: took, wasStopped: wasStopped, day: target.day)
  }

  private struct Choice {
    var items: [Dispatcher.Item] = []
    /// Lines that await approval, or are not as they were planned.
    var held = 0
  }

  /// The lines that this run takes up.
  private func choose(
    _ stored: StoredPlan, _ planned: PlannedLines, _ target: PlanTarget, _ history: History, _ now: Instant
  ) throws -> Choice {
    let approval = Dictionary(project.campaigns.map { ($0.id, $0.approval) }, uniquingKeysWith: { a, _ in a })
    var approvals = try Approvals.read(target.day.approvalPath)
    func waits(_ send: PlannedSend) -> Bool { approval[send.campaign] != .optional && !approvals.isApproved(send) }
    let released = try releasedFrom(planned.plan, target.day)
    let open = stored.sends.filter { send in
      guard planned.verdict(on: send) == .asPlanned, !released.contains(send.id) else { return false }
      switch history.sends[send.id]?.state {
      case nil, .pending, .waiting: return true
      case .inFlight, .sent, .inDoubt, .dead, .withdrawn, .dropped: return false
      }
    }
    let foreign = zip(stored.sends, stored.lines).filter { planned.verdict(on: $0.0) != .asPlanned }
    for (send, line) in foreign {
      workspace.log.warning("\(target.path):\(line): \(send.id) is not as it was planned, and is held")
    }
    let waiting = open.filter(waits)
    if !waiting.isEmpty, try mayApprove(waiting.count) {
      let by = sending.autoApprove ? "\(Workspace.userName) (--auto-approve)" : Workspace.userName
      _ = try Approving.approve(stored, at: target, by: by, now: now)
      approvals = try Approvals.read(target.day.approvalPath)
    }
    var choice = Choice()
    choice.held = foreign.count
    let campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    for send in open {
      if waits(send) {
        choice.held += 1
        continue
      }
      let record = history.sends[send.id]
      var item = Dispatcher.Item(
        send: send, attempts: record?.attempts ?? 0, firstAttempt: record?.firstAttempt)
      if case .waiting(let until) = record?.state { item.notBefore = until }
      if let campaign = campaigns[send.campaign] {
        let to = EmailAddress(send.to)?.canonical ?? send.to
        item.began = history.sends(campaign: campaign, contact: send.contact, to: [to])
          .filter { $0.state == .sent }.compactMap { $0.attemptAt ?? $0.at }.min()
      }
      choice.items.append(item)
    }
    return choice
  }

  /// Sends that a run of this very plan gave back: they wait for the next plan.
  private func releasedFrom(_ plan: String, _ day: DayFolder) throws -> Set<SendID> {
    var current = ""
    var released: Set<SendID> = []
    try ResultsReader.forEach(in: day) { record in
      switch record {
      case .run(let run): current = run.plan
      case .released(let note, _) where current == plan: released.insert(note.id)
      case .requeued(let note): released.remove(note.id)
      case .intent, .outcome, .released, .withdrawn, .resolved: break
      }
    }
    return released
  }

  private func mayApprove(_ count: Int) throws -> Bool {
    if sending.autoApprove { return true }
    guard Console.hasTerminalInput, Console.hasTerminalErrors else { return false }
    FileHandle.standardError.write(
      Data(
        "\(Words.count(count, "line")) of the plan \(count == 1 ? "awaits" : "await") approval. Only 'yes' approves: "
          .utf8))
    return readLine(strippingNewline: true) == "yes"
  }

  /// An intent without an outcome is in doubt (DESIGN §4.5): written down, so that every reader sees it.
  private func settleDangling(_ day: DayFolder, _ results: ResultsWriter, now: Instant, runID: String) throws -> Int {
    var dangling: [SendID: Record.Attempt] = [:]
    try ResultsReader.forEach(in: day) { record in
      switch record {
      case .intent(let attempt): dangling[attempt.id] = attempt
      case .outcome(let attempt, _): dangling[attempt.id] = nil
      case .requeued(let note), .resolved(let note, _), .released(let note, _), .withdrawn(let note):
        dangling[note.id] = nil
      case .run: break
      }
    }
    for var attempt in dangling.values.sorted(by: { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }) {
      attempt.run = runID
      results.append(
        .outcome(
          attempt,
          Record.Result(outcome: .inDoubt, response: "the run was cut off before the server's reply was recorded")))
    }
    if !dangling.isEmpty { try results.commit() }
    return dangling.count
  }

  private func endpoints(for items: [Dispatcher.Item], _ day: DayFolder) async throws -> [String: [Endpoint]] {
    let used = Set(items.map(\.send.mailbox))
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

  private func report(
    _ tally: Tally, held: Int, approvers: [String], took: Duration, wasStopped: Bool, day: DayFolder
  ) -> ExitStatus {
    let json = JSON.members(
      ("sent", .integer(Int64(tally.sent))), ("dead", .integer(Int64(tally.deadTotal))),
      ("in_doubt", .integer(Int64(tally.inDoubt))), ("released", .integer(Int64(tally.releasedTotal))),
      ("left", .integer(Int64(tally.left))), ("held", .integer(Int64(held))),
      ("seconds", .number(Double(took / .milliseconds(1)) / 1000)), ("results", .string(day.resultsPath)))
    if workspace.options.json {
      Console.out(json)
    } else {
      Console.out(Self.text(tally, held: held, approvers: approvers))
    }
    for (login, why) in tally.unavailable.sorted(by: { $0.key < $1.key }) {
      workspace.log.error("\(login): \(why)")
    }
    let lacked = tally.released[.providerUnavailable] ?? 0
    if (tally.left > 0 && (!sending.due || wasStopped || !tally.unavailable.isEmpty)) || lacked > 0 { return .stopped }
    if tally.deadTotal + tally.inDoubt > 0 { return .deadLetters }
    return held > 0 ? .held : .done
  }

  private static func text(_ tally: Tally, held: Int, approvers: [String]) -> String {
    var parts = ["\(Words.count(tally.sent, "message")) sent"]
    if tally.deadTotal > 0 { parts.append("\(Words.number(tally.deadTotal)) dead (\(Words.counts(tally.dead)))") }
    if tally.inDoubt > 0 { parts.append("\(Words.number(tally.inDoubt)) in doubt") }
    if tally.releasedTotal > 0 {
      parts.append("\(Words.number(tally.releasedTotal)) released to the next plan (\(Words.counts(tally.released)))")
    }
    if tally.left > 0 { parts.append("\(Words.number(tally.left)) left for the next run") }
    if held > 0 { parts.append("\(Words.number(held)) held: approve them with nightmail approve") }
    var text = parts.joined(separator: ", ") + "."
    if tally.total > 0, !approvers.isEmpty { text += " Approved by \(approvers.joined(separator: ", "))." }
    return text
  }
}
