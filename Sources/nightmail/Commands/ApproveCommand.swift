import ArgumentParser
import Journal
import Model

struct ApproveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "approve",
    abstract: "Approves a plan's lines; lines deleted from it, or named by --without, are withdrawn for good.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: ArgumentHelp("Ids of sends to take out, with commas between.", valueName: "id,…"))
  var without: String?
  @Option(help: ArgumentHelp("Who approves; by default the user.", valueName: "name"))
  var by: String?
  @Option(
    name: .customLong("sha256"),
    help: ArgumentHelp("Approves only if the plan file's digest begins so.", valueName: "prefix"))
  var digest: String?
  @Argument(help: ArgumentHelp("A path or a date; by default today.", valueName: "plan"), completion: Completions.plans)
  var plan: String?

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let project = try workspace.load(keepGoing: true)
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    let lock = try workspace.lockInTurn(target.day, purpose: "approve")
    defer { lock.release() }
    let stored = try PlanFile.read(target.path)
    if let digest {
      let whole = String(stored.digest.dropFirst("sha256:".count))
      let prefix = digest.hasPrefix("sha256:") ? String(digest.dropFirst("sha256:".count)) : digest
      guard prefix.count >= 8, whole.hasPrefix(prefix.lowercased()) else {
        throw Failure(.failed, "the plan's sha256 is \(whole), not \(prefix)…: it is not the plan that was reviewed")
      }
    }
    let changes = Staleness.changes(of: stored.header, project: project)
    guard changes.isEmpty else {
      throw Failure(.held, "the plan is stale: \(changes.joined(separator: "; ")); plan again")
    }
    var ids: Set<SendID> = []
    for word in without?.split(separator: ",") ?? [] {
      guard let id = SendID(word.trimmingPrefix(" ").lowercased()) else {
        throw Failure(.failed, "'\(word)' is no id: 32 hex digits, as the plan has them")
      }
      ids.insert(id)
    }
    let decision = try Approving.approve(
      stored, at: target, without: ids, by: by ?? Workspace.userName, now: Workspace.now())
    if options.json {
      return Console.out(
        .members(
          ("approved", .integer(Int64(decision.approved.count))),
          ("withdrawn", .integer(Int64(decision.withdrawn.count))),
          ("plan", .string(stored.digest))))
    }
    let withdrawn = decision.withdrawn.isEmpty ? "" : ", withdrew \(decision.withdrawn.count)"
    Console.out(
      "Approved \(decision.approved.count) of \(stored.sends.count) lines\(withdrawn). Plan \(stored.digest.prefix(19))…"
    )
  }
}

/// Carries an approval out: withdrawals first, so that a crash in between leaves less approved, never more.
enum Approving {
  /// The caller holds the day's lock.
  static func approve(
    _ stored: StoredPlan, at target: PlanTarget, without: Set<SendID> = [], by: String, now: Instant
  ) throws -> ApprovalDecision {
    let planned = try PlannedLines.read(planPath: target.path, header: stored.header)
    let decision = ApprovalDecision.decide(planned: planned, current: stored, without: without)
    guard decision.unknown.isEmpty else {
      throw Failure(.failed, "not in the plan: \(decision.unknown.map(\.text).joined(separator: ", "))")
    }
    guard decision.refused.isEmpty else {
      let lines = decision.refused.map { refusal in
        let what = refusal.cause == .changed ? "was changed" : "was not planned"
        return "\(target.path):\(refusal.line): \(refusal.id) \(what)"
      }
      throw Failure(
        .failed,
        lines.joined(separator: "\n")
          + "\na plan's lines can be deleted, not changed or added: change the files and plan again")
    }
    try withdraw(decision, in: target.day, by: by, now: now)
    try Approvals.append(
      Approvals.Entry(
        by: by, at: now, plan: stored.digest, lines: decision.approved.count, withdrawn: decision.withdrawn.count),
      lines: decision.approved, to: target.day.approvalPath)
    return decision
  }

  /// Records what was taken out, each once: what has come to an end already is left as it is.
  private static func withdraw(_ decision: ApprovalDecision, in day: DayFolder, by: String, now: Instant) throws {
    guard !decision.withdrawn.isEmpty else { return }
    var history = History()
    try ResultsReader.forEach(in: day) { history.apply($0) }
    let records = decision.records(at: now, by: by).filter { record in
      guard case .withdrawn(let note) = record else { return false }
      return history.isOpen(note.id)
    }
    guard !records.isEmpty else { return }
    let results = try ResultsWriter(path: day.resultsPath)
    for record in records { results.append(record) }
    try results.commit()
    try results.close()
  }
}
