import ArgumentParser
import Journal
import Messages
import Model
import Reporting

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "A plan for people, or one message as it will be sent.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(
    help: ArgumentHelp("Shows this send as the message that goes out: an id, or its first digits.", valueName: "id"))
  var message: String?
  @Argument(help: ArgumentHelp("A path or a date; by default today.", valueName: "plan"))
  var plan: String?

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: true, engine: engine)
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    let stored = try PlanFile.read(target.path)
    let changes = Staleness.changes(of: stored.header, project: project)
    if !changes.isEmpty {
      workspace.log.warning("the plan is stale: \(changes.joined(separator: "; "))")
    }
    if let message { return try show(message, stored, project, engine, workspace) }
    if options.json {
      var out: [UInt8] = []
      for send in stored.sends {
        PlanCodec.encode(send, zone: stored.header.zone, to: &out)
        out.append(0x0A)
      }
      return Console.out(String(decoding: out, as: UTF8.self))
    }
    Console.out(PlanReport.summary(stored.header))
    if !stored.sends.isEmpty { Console.out("\n" + PlanReport.table(stored.sends, zone: stored.header.zone)) }
  }

  private func show(
    _ id: String, _ stored: StoredPlan, _ project: Project, _ engine: TemplateEngine, _ workspace: Workspace
  ) throws {
    let found = stored.sends.filter { $0.id.text.hasPrefix(id.lowercased()) }
    guard let send = found.first, found.count == 1 else {
      throw Failure(
        .failed, found.isEmpty ? "no send '\(id)' in the plan" : "'\(id)' begins \(found.count) ids; give more digits")
    }
    let (signers, problems) = workspace.signers(project.mailboxes.filter { $0.id == send.mailbox })
    for problem in problems {
      workspace.log.warning("\(problem.place): \(problem.message); the message is shown unsigned")
    }
    let composer = workspace.composer(project, engine: engine, signers: signers)
    let message = try composer.compose(send, date: send.sendAt)
    let text = String(decoding: message.bytes, as: UTF8.self)
    if options.json {
      return Console.out(
        .members(
          ("id", .string(send.id.text)), ("from", .string(message.envelopeFrom)), ("to", .string(message.envelopeTo)),
          ("message", .string(text))))
    }
    Console.out(text.replacing("\r\n", with: "\n"))
  }
}
