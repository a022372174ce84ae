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

      With --watch it goes on by itself: it plans again whenever files have changed, plans each new day as it begins, and \
      sends what is planned and approved at its time. Files that do not read, half saved perhaps, stop nothing: it says \
      so and goes on by the last good ones. approve, pause, resume and dead-letters work beside it. It ends once every \
      campaign has come to its end, or at Ctrl-C.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var planning: PlanningOptions
  @OptionGroup var sending: SendingOptions
  @OptionGroup var watching: WatchOptions
  @OptionGroup var reviewing: ReviewOptions

  func validate() throws {
    guard watching.watch else { return }
    // What a rehearsal plays through takes no time, and files that change take some.
    if rehearsal.rehearse {
      throw ValidationError("--watch waits for files and times, and --rehearse does not wait: leave out one of them")
    }
    if sending.due { throw ValidationError("--watch stays and --due exits: leave out one of them") }
    if planning.day.date != "today" || planning.day.notBefore != nil {
      throw ValidationError("--watch works on each day as it comes: leave out --date and --not-before")
    }
  }

  func run() async throws {
    if sending.shard != nil {
      throw Failure(.failed, "--shard shares out a plan that is there: plan once, then send --shard on each machine")
    }
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let signals = StopSignals(workspace, grace: sending.gracePeriod)
    defer { signals.end() }
    if watching.watch {
      return try await RunWatch(workspace, planning, sending, watching, reviewing, signals: signals).run().end()
    }
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: planning.day.keepGoing, engine: engine)
    let session = try PlanSession(
      workspace, project, planning.day, newHistory: planning.newHistory, engine: engine)
    let lock = try workspace.lock(session.day, purpose: "run")
    defer { lock.release() }
    let sender = SendSession(workspace, project, engine: engine, sending, signals: signals)
    let review = ReviewMail(workspace, project, session.day, reviewing)
    var status = ExitStatus.done
    var report: DayReporter.Written?
    if sending.due, FileManager.default.fileExists(atPath: session.day.planPath) {
      let target = try PlanTarget(session.date.description, in: workspace, settings: project.settings)
      let header = try PlanFile.header(target.path)
      if Staleness.changes(of: header, project: project).isEmpty {
        let end = try await sender.send(target)
        status = end.status
        report = end.report
        let now = Dictionary(project.inputs.map { ($0.path, $0.digest) }, uniquingKeysWith: { a, _ in a })
        if now == header.inputs || !end.goesOn {
          await review?.report(report)
          return try status.end()
        }
      }
    }
    try signals.check("nothing was planned")
    let plan = try session.make()
    let (written, _) = try session.write(plan)
    if !options.json { Console.out(PlanReport.summary(plan.header)) }
    try signals.check("nothing of this plan was sent")
    let target = try PlanTarget(session.date.description, in: workspace, settings: project.settings)
    if let review, !sending.autoApprove {
      let view = try PlanView(workspace, written, engine: engine)
      try view.writePage()
      await review.plan(view)
    }
    let end = try await sender.send(target)
    await review?.report(end.report)
    try Self.worse(status, end.status).end()
  }

  /// The one that an operator must hear of first.
  static func worse(_ a: ExitStatus, _ b: ExitStatus) -> ExitStatus {
    let order: [ExitStatus] = [.done, .planned, .held, .deadLetters, .stopped, .failed, .locked]
    return (order.firstIndex(of: a) ?? 0) > (order.firstIndex(of: b) ?? 0) ? a : b
  }
}
