import ArgumentParser
import Journal
import Model
import Reporting

struct ReportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "A day's results: as text here, as a page, and as metrics for Prometheus.",
    discussion: """
      Writes report.html beside the results and, for the last day that has results, metrics.prom in the output. send \
      and run write both at their end. For node_exporter's textfile collector have a copy written into its folder: \
      --metrics FILE.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(
    help: ArgumentHelp("Writes the metrics to this file too, for everybody to read (0644).", valueName: "file"))
  var metrics: String?
  @Argument(
    help: ArgumentHelp("The day's plan: a path or a date; by default today.", valueName: "plan"),
    completion: Completions.plans)
  var plan: String?

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let project = try workspace.load(keepGoing: true, readsContacts: false)
    if metrics == nil, try workspace.sayIfPruned(plan, settings: project.settings) { return }
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    let letters = try DeadLetters.read(target.day, runIsLive: try target.day.isLive())
    let written = try DayReporter(workspace, project.settings, parts: project.parts)
      .write(
        target, letters: letters, lastRun: RunEnd.Last.read(workspace.output), copy: metrics.map(GlobalOptions.absolute)
      )
    if metrics != nil, written.metrics == nil {
      throw Failure(
        .failed, "a later day has results, and the metrics are of that one; report it, or leave out --metrics")
    }
    if options.json {
      let files = JSON.members(("page", .string(written.page)), ("metrics", written.metrics.map(JSON.string)))
      return Console.out(.object((written.report.json.object ?? []) + (files.object ?? [])))
    }
    Console.out(written.report.text)
    guard !options.quiet else { return }
    Console.out("\nWrote \(written.page)\(written.metrics.map { "\nWrote \($0)" } ?? "")")
  }
}
