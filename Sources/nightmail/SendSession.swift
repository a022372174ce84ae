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
    let settled = try LineChoice.settleDangling(target.day, results, now: now, runID: runID)
    if settled > 0 {
      workspace.log.warning(
        "\(Words.count(settled, "send")) of a run that was cut off: in doubt, never sent again by itself; see nightmail dead-letters list"
      )
    }
    let history = try workspace.history(project, excluding: target.day.date, at: now)
    let choice = try LineChoice.choose(
      stored, planned, target, history, workspace: workspace, project: project,
      approve: { try approve($0, stored, target, now) })
    let endpoints = try await endpoints(for: choice.items, target.day)
    let signers = try signers(for: choice.items)
    if !choice.items.isEmpty, !workspace.isRehearsal {
      try HistoryIdentity.establish(project: workspace.folder, output: workspace.output)
    }
    let approvers = try Approvals.read(target.day.approvalPath).approvers
    results.append(
      .run(
        Record.Run(
          id: runID, at: now, plan: planned.plan, host: ProcessInfo.processInfo.hostName,
          pid: Int(ProcessInfo.processInfo.processIdentifier), approvedBy: approvers)))
    for (send, reason) in choice.dropped { results.append(.released(Record.Note(send, at: now), reason)) }
    try results.commit()
    let delivery = Courier(
      workspace: workspace, project: project, engine: engine, signers: signers, header: stored.header, day: target.day,
      endpoints: endpoints, history: history, results: results, runID: runID, dueOnly: sending.due)
    let began = ContinuousClock.now
    var (tally, wasStopped) = choice.items.isEmpty ? (Tally(), false) : try await delivery.deliver(choice.items)
    let took = ContinuousClock.now - began
    // What a cut-off run left in doubt is this run's to report: its own never came.
    tally.total += settled + choice.dropped.count
    tally.inDoubt += settled
    for (_, reason) in choice.dropped { tally.released[reason, default: 0] += 1 }
    let letters = try DeadLetters.rebuild(target.day, zone: stored.header.zone)
    // Those of this run are its exit code's to say; the others are said until somebody settles them.
    let unsettled = letters.count { $0.reason == .inDoubt } - tally.inDoubt
    if unsettled > 0 {
      workspace.log.warning(
        "\(Words.count(unsettled, "send")) of earlier runs still in doubt; settle them with nightmail dead-letters")
    }
    return report(
      tally, choice, approvers: approvers, took: took, wasStopped: wasStopped, day: target.day)
  }

  /// Approves the lines that await it, by `--auto-approve` or by a person's word at the terminal; false if neither is
  /// there.
  private func approve(_ count: Int, _ stored: StoredPlan, _ target: PlanTarget, _ now: Instant) throws -> Bool {
    if !sending.autoApprove {
      guard Console.hasTerminalInput, Console.hasTerminalErrors else { return false }
      let lines = "\(Words.count(count, "line")) of the plan \(count == 1 ? "awaits" : "await") approval."
      FileHandle.standardError.write(Data("\(lines) Only 'yes' approves: ".utf8))
      guard readLine(strippingNewline: true) == "yes" else { return false }
    }
    let by = Workspace.userName + (sending.autoApprove ? " (--auto-approve)" : "")
    _ = try Approving.approve(stored, at: target, by: by, now: now)
    return true
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

  /// The keys of the mailboxes that send. Mail that cannot be signed as asked would count against its domain.
  private func signers(for items: [Dispatcher.Item]) throws -> DKIMSigners {
    let used = Set(items.map(\.send.mailbox))
    let (signers, findings) = workspace.signers(project.mailboxes.filter { used.contains($0.id) })
    guard findings.isEmpty else {
      for finding in findings { FileHandle.standardError.write(Data("\(finding)\n".utf8)) }
      throw Failure(.failed, "nothing was sent")
    }
    return signers
  }

  private func report(
    _ tally: Tally, _ choice: LineChoice, approvers: [String], took: Duration, wasStopped: Bool, day: DayFolder
  ) -> ExitStatus {
    let json = JSON.members(
      ("sent", .integer(Int64(tally.sent))), ("dead", .integer(Int64(tally.deadTotal))),
      ("in_doubt", .integer(Int64(tally.inDoubt))), ("released", .integer(Int64(tally.releasedTotal))),
      ("left", .integer(Int64(tally.left))), ("held", .integer(Int64(choice.held))),
      ("seconds", .number(Double(took / .milliseconds(1)) / 1000)), ("results", .string(day.resultsPath)))
    if workspace.options.json {
      Console.out(json)
    } else {
      Console.out(Self.text(tally, choice, approvers: approvers))
      if tally.ended > 0, !workspace.options.quiet { Console.out("Results in \(day.path)") }
    }
    for (login, why) in tally.unavailable.sorted(by: { $0.key < $1.key }) {
      workspace.log.error("\(login): \(why)")
    }
    let lacked = tally.released[.providerUnavailable] ?? 0
    if (tally.left > 0 && (!sending.due || wasStopped || !tally.unavailable.isEmpty)) || lacked > 0 { return .stopped }
    if tally.deadTotal + tally.inDoubt > 0 { return .deadLetters }
    return choice.held > 0 ? .held : .done
  }

  private static func text(_ tally: Tally, _ choice: LineChoice, approvers: [String]) -> String {
    var parts = ["\(Words.count(tally.sent, "message")) sent"]
    if tally.deadTotal > 0 { parts.append("\(Words.number(tally.deadTotal)) dead (\(Words.counts(tally.dead)))") }
    if tally.inDoubt > 0 { parts.append("\(Words.number(tally.inDoubt)) in doubt") }
    if tally.releasedTotal > 0 {
      parts.append("\(Words.number(tally.releasedTotal)) released to the next plan (\(Words.counts(tally.released)))")
    }
    if tally.left > 0 { parts.append("\(Words.number(tally.left)) left for the next run") }
    if choice.heldBack > 0 { parts.append("\(Words.number(choice.heldBack)) held back (see above)") }
    if choice.awaiting > 0 {
      parts.append("\(Words.number(choice.awaiting)) held: approve them with nightmail approve")
    }
    var text = parts.joined(separator: ", ") + "."
    if tally.total > 0, !approvers.isEmpty { text += " Approved by \(approvers.joined(separator: ", "))." }
    return text
  }
}
