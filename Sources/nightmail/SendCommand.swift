import ArgumentParser
import Messages
import Model

struct SendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Delivers a plan: waits for each send's time, retries, records every outcome.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var sending: SendingOptions
  @Flag(
    help:
      "Gives the output at hand a new history, where data/history.id names another: what only the other knew may be sent again."
  )
  var newHistory = false
  @Argument(help: ArgumentHelp("A path or a date; by default today.", valueName: "plan"))
  var plan: String?

  func run() async throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: true, engine: engine)
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    try workspace.checkHistory(renew: newHistory)
    let lock = try workspace.lock(target.day, purpose: "send", isShared: sending.shard != nil)
    defer { lock.release() }
    let session = SendSession(workspace, project, engine: engine, sending)
    let status = try await session.send(target)
    try status.end()
  }
}

/// What `send` and `run` have in common on the command line.
struct SendingOptions: ParsableArguments {
  @Flag(help: "Sends what is due now and exits: for cron.")
  var due = false

  @Flag(help: "Approves what is not approved, without asking.")
  var autoApprove = false

  @Option(
    help: ArgumentHelp(
      "Delivers the mailboxes of shard I of N, counted from 0, beside the others: for array jobs.", valueName: "I/N"))
  var shard: Shard?
}

extension Shard: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
