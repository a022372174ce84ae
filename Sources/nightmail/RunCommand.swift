import ArgumentParser
import Foundation
import Journal
import Messages
import Model
import Reporting

struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run", abstract: "Plans and sends in one go, for unattended nights.",
    discussion: """
      With --due it first sends what today's plan has due, then plans again if files have changed, and sends what that \
      makes due: typed every few minutes by cron it takes in new contacts and message rows.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var planning: PlanningOptions
  @OptionGroup var sending: SendingOptions

  func run() async throws {
    if sending.shard != nil {
      throw Failure(.failed, "--shard shares out a plan that is there: plan once, then send --shard on each machine")
    }
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let signals = StopSignals(workspace, grace: sending.gracePeriod)
    defer { signals.end() }
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: planning.day.keepGoing, engine: engine)
    let session = try PlanSession(
      workspace, project, planning.day, newHistory: planning.newHistory, engine: engine)
    let lock = try workspace.lock(session.day, purpose: "run")
    defer { lock.release() }
    let sender = SendSession(workspace, project, engine: engine, sending, signals: signals)
    var status = ExitStatus.done
    if sending.due, FileManager.default.fileExists(atPath: session.day.planPath) {
      let target = try PlanTarget(session.date.description, in: workspace, settings: project.settings)
      let header = try PlanFile.header(target.path)
      if Staleness.changes(of: header, project: project).isEmpty {
        let end = try await sender.send(target)
        status = end.status
        let now = Dictionary(project.inputs.map { ($0.path, $0.digest) }, uniquingKeysWith: { a, _ in a })
        if now == header.inputs || !end.goesOn { return try status.end() }
      }
    }
    try signals.check("nothing was planned")
    let plan = try session.make()
    try session.write(plan)
    if !options.json { Console.out(PlanReport.summary(plan.header)) }
    try signals.check("nothing of this plan was sent")
    let target = try PlanTarget(session.date.description, in: workspace, settings: project.settings)
    status = Self.worse(status, try await sender.send(target).status)
    try status.end()
  }

  /// The one that an operator must hear of first.
  static func worse(_ a: ExitStatus, _ b: ExitStatus) -> ExitStatus {
    let order: [ExitStatus] = [.done, .planned, .held, .deadLetters, .stopped, .failed, .locked]
    return (order.firstIndex(of: a) ?? 0) > (order.firstIndex(of: b) ?? 0) ? a : b
  }
}
