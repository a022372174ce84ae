import ArgumentParser
import Journal
import Model
import Reporting

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff", abstract: "What differs between two plans: sends by campaign, and words of templates.",
    discussion: """
      nightmail diff 2026-11-20~1 2026-11-20 compares a day's plan with the one before it. Exit code 0, whether they differ \
      or not; with --detailed-exitcode 2 where they do.
      """)

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, markdown, json }

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: "How it is told; markdown has counts alone and no addresses, for a comment on a pull request.")
  var format: Format?
  @Flag(help: "Lists every send that differs, not the first 20 of each kind alone.")
  var all = false
  @Flag(help: "Exit code 2 if the plans differ.")
  var detailedExitcode = false
  @Argument(
    help: ArgumentHelp(
      "The plan to compare with: a path or a date; DATE~1 is that day's plan before the present one.", valueName: "old"),
    completion: Completions.plans)
  var old: String
  @Argument(help: ArgumentHelp("The plan that is compared.", valueName: "new"), completion: Completions.plans)
  var new: String

  func validate() throws {
    if options.json, let format, format != .json {
      throw ValidationError("--json and --format \(format.rawValue) contradict each other")
    }
  }

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let settings = try workspace.settings()
    let targets = (
      try PlanTarget(orOlder: old, in: workspace, settings: settings),
      try PlanTarget(orOlder: new, in: workspace, settings: settings)
    )
    let format = options.json ? .json : format ?? .text
    let diff = try Comparing.diff(targets.0, targets.1, limit: all || format == .json ? .max : 20)
    let report = PlanDiffReport(diff)
    switch format {
    case .text: Console.out(report.text)
    case .markdown: Console.out(report.markdown)
    case .json: Console.out(report.json)
    }
    if detailedExitcode, !diff.isNone { try ExitStatus.planned.end() }
  }
}

/// Compares two stored plans: what `diff` and `plan --diff` share.
enum Comparing {
  /// - Parameter limit: changes of each kind that are told one by one.
  static func diff(_ old: PlanTarget, _ new: PlanTarget, limit: Int) throws -> PlanDiff {
    let headers = (try PlanFile.header(old.path), try PlanFile.header(new.path))
    let files = try PlanFileDiff(
      headers.0, try PlanInputs.of(headers.0, at: old.path, in: old.day),
      headers.1, try PlanInputs.of(headers.1, at: new.path, in: new.day))
    return try PlanDiff(old: old.path, new: new.path, files: files, limit: limit)
  }
}
