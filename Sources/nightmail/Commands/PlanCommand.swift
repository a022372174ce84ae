import ArgumentParser
import Journal
import Messages
import Model
import Planning
import Reporting

struct PlanCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "plan", abstract: "Works out a day's sends and writes the plan; sends nothing.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var planning: PlanningOptions
  @OptionGroup var reviewing: ReviewOptions
  @Option(help: ArgumentHelp("Writes the plan to this file instead.", valueName: "file"))
  var out: String?
  @Flag(name: .customLong("no-html"), help: "Writes no plan.html, the page for reviewers, beside the plan.")
  var withoutPage = false
  @Flag(help: "Says what differs from the day's last plan: sends by campaign, and words of templates.")
  var diff = false
  @Flag(help: "Exit code 2 if there is something to send, 0 if not.")
  var detailedExitcode = false

  func run() async throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: planning.day.keepGoing, engine: engine)
    let session = try PlanSession(
      workspace, project, planning.day, newHistory: planning.newHistory, engine: engine)
    let lock = out == nil ? try workspace.lock(session.day, purpose: "plan") : nil
    defer { lock?.release() }
    let made = try session.make()
    let (written, before) = try session.write(made, out: out.map(GlobalOptions.absolute))
    let view = try PlanView(workspace, written, engine: engine)
    if !withoutPage { try view.writePage() }
    let report = try diff ? before.map { PlanDiffReport(try Comparing.diff($0, written, limit: 20)) } : nil
    if options.json {
      Console.out(PlanReport.json(made.header, path: out ?? session.day.planPath, diff: report))
    } else {
      Console.out(PlanReport.summary(made.header))
      if diff { Console.out("\n" + (report?.text ?? "No earlier plan for \(session.date) to compare with.\n")) }
      session.hint(made, path: out, withPage: !withoutPage)
    }
    workspace.say(try workspace.pauses(project), zone: project.settings.zone)
    // A plan that was written elsewhere is a question of one's own, and no one else is asked to approve it.
    if out == nil { await ReviewMail(workspace, project, session.day, reviewing)?.plan(view) }
    if detailedExitcode, made.header.sends > 0 { try ExitStatus.planned.end() }
  }
}

/// What `plan` and `run` have in common on the command line.
struct PlanningOptions: ParsableArguments {
  @OptionGroup var day: DayOptions

  @Flag(
    help:
      "Gives the output at hand a new history, where data/history.id names another: what only the other knew may be sent again."
  )
  var newHistory = false
}

/// The day that is planned, or that `why` explains the plan of.
struct DayOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp("The day: 2026-11-20, today or tomorrow.", valueName: "date"), completion: Completions.days)
  var date: String = "today"

  @Option(
    help: ArgumentHelp(
      "Plans nothing before it: HH:MM in the project's zone, or a full time. By default now for today, the day's start "
        + "for a later day and in a rehearsal.", valueName: "time"))
  var notBefore: String?

  @Flag(help: "Leaves campaigns with findings out instead of stopping.")
  var keepGoing = false
}
