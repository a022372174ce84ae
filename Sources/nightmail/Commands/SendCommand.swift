import ArgumentParser
import Config
import Delivery
import Foundation
import Messages
import Model

struct SendCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send", abstract: "Delivers a plan: waits for each send's time, retries, records every outcome.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var sending: SendingOptions
  @OptionGroup var reviewing: ReviewOptions
  @Flag(
    help:
      "Gives the output at hand a new history, where data/history.id names another: what only the other knew may be sent again."
  )
  var newHistory = false
  @Argument(
    help: ArgumentHelp("A path or a date; by default today.", valueName: "plan"), completion: Completions.plans)
  var plan: String?

  func run() async throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let signals = StopSignals(workspace, grace: sending.gracePeriod)
    defer { signals.end() }
    let engine = TemplateEngine()
    let drops = ProjectLoader.dropsFingerprint(folder: workspace.folder)
    let project = try workspace.load(keepGoing: true, readsContacts: false, engine: engine)
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    try workspace.checkHistory(renew: newHistory)
    let lock = try workspace.lock(target.day, purpose: "send", isShared: sending.shard != nil)
    defer { lock.release() }
    let session = SendSession(workspace, project, withoutContacts: drops, engine: engine, sending, signals: signals)
    let end = try await session.send(target)
    if sending.shard == nil { await ReviewMail(workspace, project, target.day, reviewing)?.report(end.report) }
    try end.status.end()
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

  @Option(
    help: ArgumentHelp(
      "After a signal, how long those under way may take; what is unanswered then is in doubt.", valueName: "time"))
  var grace: String = "30s"

  @Option(
    help: ArgumentHelp(
      "Lets a share of the attempts fail without any network, to see what happens then: 20%, or 20%:permanent; the "
        + "classes are temporary, permanent, in-doubt and connection. What is recorded says that it was injected.",
      valueName: "rate[:class]"))
  var injectFailures: String?

  var gracePeriod: Instant.Span { Instant.Span(grace) ?? DeliveryRun.usualGrace }

  /// `--inject-failures`; without it `NIGHTMAIL_FORCE_FAIL=1`, by which every attempt fails for good.
  func failures(environment: [String: String] = ProcessInfo.processInfo.environment) -> InjectedFailures? {
    if let injectFailures { return InjectedFailures(injectFailures) }
    let forced = environment["NIGHTMAIL_FORCE_FAIL"] ?? ""
    return ["", "0", "false"].contains(forced) ? nil : InjectedFailures(.permanent, rate: .all)
  }

  func validate() throws {
    guard Instant.Span(grace) != nil else {
      throw ValidationError("--grace is a length of time with its unit, such as 30s or 2m, not '\(grace)'")
    }
    if let injectFailures, InjectedFailures(injectFailures) == nil {
      let classes = InjectedFailures.Class.allCases.map(\.rawValue).joined(separator: ", ")
      throw ValidationError(
        "--inject-failures is a share of the attempts, such as 20% or 0.2, and one of \(classes) after a colon, not "
          + "'\(injectFailures)'")
    }
  }
}

extension Shard: ExpressibleByArgument {
  public init?(argument: String) { self.init(argument) }
}
