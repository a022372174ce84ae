import ArgumentParser
import Foundation
import Journal
import Messages
import Model
import Planning
import Reporting

struct WhyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "why", abstract: "Why a contact is, or is not, in the plan, step by step; writes nothing.",
    discussion: """
      Plans the day as nightmail plan would at this moment, and tells of one person what the plan has, what happened \
      before, and what stands in the way and until when. Exit code 1 if nobody knows the contact.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var planning: DayOptions
  @Option(help: ArgumentHelp("Only this campaign.", valueName: "id"), completion: Completions.campaigns)
  var campaign: String?
  @Argument(help: "An id, an address or a number; or the file:line of a row that was rejected.")
  var contact: String

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: planning.keepGoing, engine: engine)
    let campaigns = project.campaigns.map(\.id) + project.broken
    if let campaign, !campaigns.contains(campaign) {
      throw Failure(.failed, "there is no campaign '\(campaign)'\(Nearest.hint(campaign, among: campaigns))")
    }
    let session = try PlanSession(workspace, project, planning, engine: engine)
    let explainer = try session.explainer()
    guard let explanation = explainer.explain(contact, campaign: campaign) else {
      let hint = explainer.nearest(contact).map { "; did you mean '\($0)'?" } ?? ""
      throw Failure(.failed, "no contact, message row or earlier send has '\(contact)'\(hint)")
    }
    let written = try written(explanation, session)
    if options.json {
      Console.out(WhyReport.json(explanation, written: written))
    } else {
      Console.out(WhyReport.text(explanation, written: written))
    }
  }

  /// The person's lines in the plan that the day has already; nil if it has none.
  private func written(_ explanation: Explanation, _ session: PlanSession) throws -> [WhyReport.WrittenLine]? {
    guard FileManager.default.fileExists(atPath: session.day.planPath) else { return nil }
    let names = Set(explanation.person.names + [explanation.person.key])
    var sends: [PlannedSend] = []
    let header = try PlanFile.forEach(session.day.planPath) { send, _ in
      if names.contains(send.contact) || names.contains(EmailAddress.canonical(of: send.to)) {
        sends.append(send)
      }
    }
    let approvals = try Approvals.read(session.day.approvalPath)
    return sends.map { send in
      WhyReport.WrittenLine(send: send, mayGo: session.project.mayGo(send, of: header, approvals))
    }
  }
}
