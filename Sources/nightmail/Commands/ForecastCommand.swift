import ArgumentParser
import Foundation
import Journal
import Messages
import Model
import Planning
import Reporting

struct ForecastCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "forecast", abstract: "The coming days' sends, and each mailbox's load; writes nothing.",
    discussion: """
      Plans day after day, each on what the days before it would have sent: what goes out and what waits, when each \
      campaign will be through, where mailboxes are full. It takes every plan as approved, every send as accepted at \
      its time, and the files as they are. Plans that are approved already hold their limits, as they do for plan.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var planning: DayOptions
  @Option(help: ArgumentHelp("How many days, 1 to 366; the first is --date.", valueName: "n"))
  var days = 7
  @Option(
    help: ArgumentHelp("Shows only this campaign; all of them are forecast.", valueName: "id"),
    completion: Completions.campaigns)
  var campaign: String?
  @Option(help: ArgumentHelp("Shows only this mailbox's sends.", valueName: "id"), completion: Completions.mailboxes)
  var mailbox: String?

  func validate() throws {
    guard (1...366).contains(days) else { throw ValidationError("--days is 1 to 366, not \(days)") }
  }

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: planning.keepGoing, engine: engine)
    try Self.check(campaign, among: project.campaigns.map(\.id) + project.broken, "campaign")
    try Self.check(mailbox, among: project.mailboxes.map(\.id), "mailbox")
    let session = try PlanSession(workspace, project, planning, engine: engine)
    if !workspace.isRehearsal, session.date > project.settings.day(of: Workspace.now()) {
      workspace.log.notice(
        "of the days before \(session.date) the forecast knows what was sent and what approved plans hold, nothing else"
      )
    }
    let forecast = try session.forecast(days: days)
    let report = ForecastReport(forecast, campaign: campaign, mailbox: mailbox)
    if options.json {
      Console.out(report.json)
    } else {
      Console.out(report.text)
    }
    workspace.say(try workspace.pauses(project), zone: project.settings.zone)
  }

  private static func check(_ name: String?, among names: [String], _ what: String) throws {
    guard let name, !names.contains(name) else { return }
    throw Failure(.failed, "there is no \(what) '\(name)'\(Nearest.hint(name, among: names))")
  }
}

extension PlanSession {
  /// The plans of so many days from this one on, each on the one before it; nothing is written.
  func forecast(days: Int) throws -> Forecast {
    try Forecaster.forecast(
      project: project, history: try history(keepsSnapshot: false), from: date, days: days, notBefore: notBefore,
      renderer: engine, firstExpiries: { try firstExpiries(workspace.output.day($0)) })
  }
}
