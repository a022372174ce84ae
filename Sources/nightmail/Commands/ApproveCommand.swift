import ArgumentParser
import Journal
import Model
import Reporting

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
    help: ArgumentHelp(
      "Approves the lines of the plan whose digest begins so: all of them if it is the present one, and of an earlier "
        + "one of the day those that are the same by now.", valueName: "prefix"))
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
    let reviewed = try digest.flatMap { try self.reviewed($0, stored, target) }
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
      stored, at: target, without: ids, reviewed: reviewed, by: by ?? Workspace.userName, now: Workspace.now())
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
    let rest = stored.sends.count - decision.approved.count - decision.withdrawn.count
    if let reviewed, rest > 0 {
      Console.out(
        "\(Words.count(rest, "line")) came or changed since the plan \(reviewed.digest.prefix(19))… that was reviewed: not approved by this."
      )
    }
  }

  /// The plan that was reviewed, where it is an earlier one of the day; nil where it is the present one.
  private func reviewed(_ digest: String, _ stored: StoredPlan, _ target: PlanTarget) throws -> StoredPlan? {
    let scheme = "sha256:"
    let prefix = (digest.hasPrefix(scheme) ? String(digest.dropFirst(scheme.count)) : digest).lowercased()
    func isMeant(_ plan: StoredPlan) -> Bool { plan.digest.dropFirst(scheme.count).hasPrefix(prefix) }
    if prefix.count >= 8 {
      if isMeant(stored) { return nil }
      for path in try target.day.planPaths() where path != target.path {
        let earlier = try PlanFile.read(path)
        if isMeant(earlier) { return earlier }
      }
    }
    throw Failure(
      .failed,
      "the plan's sha256 is \(stored.digest.dropFirst(scheme.count)), not \(prefix)…: it is not the plan that was reviewed"
    )
  }
}

/// Carries an approval out: withdrawals first, so that a crash in between leaves less approved, never more.
enum Approving {
  /// The caller holds the day's lock.
  /// - Parameter reviewed: the earlier plan of the day that a person looked at; nil for this one.
  static func approve(
    _ stored: StoredPlan, at target: PlanTarget, without: Set<SendID> = [], reviewed: StoredPlan? = nil, by: String,
    now: Instant
  ) throws -> ApprovalDecision {
    let planned = try PlannedLines.read(planPath: target.path, header: stored.header)
    var decision = ApprovalDecision.decide(planned: planned, current: stored, without: without)
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
    if let reviewed {
      decision.keep(onlyAsIn: reviewed, without: without)
      if decision.approved.isEmpty, decision.withdrawn.isEmpty {
        throw Failure(.failed, "nothing of the plan that was reviewed is in this one as it was there: look at this one")
      }
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
