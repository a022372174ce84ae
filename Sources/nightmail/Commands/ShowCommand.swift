import ArgumentParser
import Foundation
import Journal
import Messages
import Model
import Reporting

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "A plan for people, or one message as it will be sent.",
    discussion: """
      Campaigns, mailboxes, the sends hour by hour, what is skipped and why, what is worth a look, and the sends \
      themselves. An old plan is shown from the files that it was made from, whatever has become of them since.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(
    help: ArgumentHelp("Shows this send as the message that goes out: an id, or its first digits.", valueName: "id"))
  var message: String?
  @Option(help: ArgumentHelp("Only sends from this mailbox.", valueName: "id"), completion: Completions.mailboxes)
  var mailbox: String?
  @Option(help: ArgumentHelp("Only sends of this campaign.", valueName: "id"), completion: Completions.campaigns)
  var campaign: String?
  @Option(help: ArgumentHelp("Only sends to this contact: its id or its address.", valueName: "contact"))
  var contact: String?
  @Flag(help: "Lists every send, not the first 50 alone.")
  var all = false
  @Flag(help: "Writes the page for reviewers, plan.html, beside the plan.")
  var html = false
  @Argument(help: ArgumentHelp(PlanTarget.olderHelp, valueName: "plan"), completion: Completions.plans)
  var plan: String?

  func validate() throws {
    let filters = [mailbox, campaign, contact].contains { $0 != nil }
    if html, message != nil || filters || all {
      throw ValidationError("--html is of the whole plan; leave --message, --all and the filters out")
    }
    if message != nil, filters || all {
      throw ValidationError("--message shows one send; leave the filters and --all out")
    }
  }

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let settings = try workspace.settings()
    if message == nil, try workspace.sayIfPruned(plan, settings: settings) { return }
    let target = try PlanTarget(orOlder: plan, in: workspace, settings: settings)
    let view = try PlanView(workspace, target)
    view.planned.say(workspace)
    if let message { return try view.show(message: message) }
    if html {
      let path = try view.writePage()
      return options.json ? Console.out(.members(("page", .string(path)))) : Console.out("Wrote \(path)")
    }
    let filter = try view.check(PlanFilter(mailbox: mailbox, campaign: campaign, contact: contact))
    try view.show(filter, limit: all ? .max : 50)
  }
}
