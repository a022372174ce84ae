import ArgumentParser
import Foundation
import Journal
import Messages
import Model
import Reporting

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Where a day, a campaign, a batch, a contact or one send stands.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: ArgumentHelp("A row for each campaign, step, mailbox, provider or batch.", valueName: "what"))
  var by: DayStatus.Dimension = .campaign
  @Option(help: ArgumentHelp("Only this campaign.", valueName: "id"), completion: Completions.campaigns)
  var campaign: String?
  @Option(help: ArgumentHelp("Only this mailbox.", valueName: "id"), completion: Completions.mailboxes)
  var mailbox: String?
  @Option(
    help: ArgumentHelp("Only what was last tried through this provider.", valueName: "id"),
    completion: Completions.providers)
  var provider: String?
  @Option(
    help: ArgumentHelp(
      "This batch of message rows, over all days; with a plan or --watch, of that day alone.", valueName: "id"))
  var batch: String?
  @Option(
    help: ArgumentHelp(
      "Where this contact stands in each of its campaigns, what comes next and when, and all sends to it of all days: an id, "
        + "an address or a number.", valueName: "who"))
  var contact: String?
  @Option(
    name: .customLong("id"), help: ArgumentHelp("One send's whole story: an id, or its first digits.", valueName: "id"))
  var send: String?
  @Option(
    help: ArgumentHelp(
      "All that came of message rows by the values of their key columns; given again, all must hold.",
      valueName: "value or column=value"))
  var key: [String] = []
  @Flag(
    help: "Again every two seconds until the run under way has ended; on a terminal in place, otherwise a line each.")
  var watch = false
  @Argument(
    help: ArgumentHelp(
      "The day's plan: a path or a date; by default today. With --contact the day from which the next sends are told.",
      valueName: "plan"), completion: Completions.plans)
  var plan: String?

  func validate() throws {
    if watch, send != nil || contact != nil || !key.isEmpty {
      throw ValidationError("--watch follows a day; --id, --key and --contact tell what is recorded by now")
    }
    if !key.isEmpty, send != nil || contact != nil {
      throw ValidationError("--key, --id and --contact each ask for something else; give one of them")
    }
    if watch, options.json { throw ValidationError("--watch is for people; --json prints one answer") }
  }

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: true, readsContacts: contact != nil, engine: engine)
    if !key.isEmpty {
      let story = try KeyStory(key, campaign: campaign, project, workspace.output)
      return options.json ? Console.out(story.json) : Console.out(story.text)
    }
    if let send {
      let story = try IDStory(send, workspace.output, zone: project.settings.zone)
      return options.json ? Console.out(story.json) : Console.out(story.text)
    }
    if let contact {
      let page = try ContactPage(contact, campaign: campaign, asOf: plan, workspace, project, engine: engine)
      return Console.out(options.json ? page.json.text : page.text)
    }
    if let batch, plan == nil, !watch { return try story(batch: batch, workspace, project.settings) }
    if try workspace.sayIfPruned(plan, settings: project.settings) { return }
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    if watch {
      return try StatusWatch(isTerminal: isatty(STDOUT_FILENO) == 1).run {
        let status = try day(target, workspace)
        return (status, try text(status, workspace, project))
      }
    }
    let status = try day(target, workspace)
    guard options.json else { return Console.out(try text(status, workspace, project)) }
    let pauses = try workspace.pauses(project)
    Console.out(.object((status.json.object ?? []) + [JSON.Member("paused", PauseReport.json(pauses))]))
  }

  private func day(_ target: PlanTarget, _ workspace: Workspace) throws -> DayStatus {
    let figures = try DayFigures.read(planPath: target.path, day: target.day, in: workspace.output)
    return DayStatus(figures.only(isAsked))
  }

  private func text(_ status: DayStatus, _ workspace: Workspace, _ project: Project) throws -> String {
    let zone = project.settings.zone
    var text = "\(status.figures.date)\n\n\(status.text(by: by))"
    let pauses = try workspace.pauses(project)
    if !pauses.isEmpty {
      let lines = pauses.entries.map { PauseReport.line($0, zone: zone, rehearse: workspace.isRehearsal) }
      text += "\n" + lines.joined(separator: "\n") + "\n"
    }
    return text
  }

  private func story(batch: String, _ workspace: Workspace, _ settings: Settings) throws {
    let status: BatchStatus
    do {
      status = try BatchStatus.read(batch, in: workspace.output, zone: settings.zone).only(isAsked)
    } catch BatchStatus.Problem.unknown(let others) {
      throw Failure(.failed, "no plan and no result has a batch '\(batch)'\(Nearest.hint(batch, among: others))")
    }
    if options.json { Console.out(status.json) } else { Console.out(status.text(by: by)) }
  }

  private func isAsked(_ group: DayFigures.Group) -> Bool {
    (campaign == nil || group.campaign == campaign) && (mailbox == nil || group.mailbox == mailbox)
      && (provider == nil || group.provider == provider) && (batch == nil || group.batch == batch)
  }
}

extension DayStatus.Dimension: ExpressibleByArgument {}
