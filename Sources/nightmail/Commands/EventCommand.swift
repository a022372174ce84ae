import ArgumentParser
import Config
import Model

struct EventCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "event", abstract: "Records something that happened to a contact, in data/events.csv.")

  @OptionGroup var options: GlobalOptions
  @Option(
    help: ArgumentHelp("The campaign that it belongs to; without one it holds for all that run.", valueName: "id"),
    completion: Completions.campaigns)
  var campaign: String?
  @Option(help: ArgumentHelp("The step that it belongs to.", valueName: "id"))
  var step: String?
  @Option(help: ArgumentHelp("When; by default now.", valueName: "time"))
  var at: String?
  @Option(help: ArgumentHelp("The message that it answers.", valueName: "message-id"))
  var messageID: String?
  @Option(help: ArgumentHelp("Anything worth keeping.", valueName: "text"))
  var detail: String?
  @Argument(
    help: ArgumentHelp("reply, auto_reply, bounce, soft_bounce, complaint, unsubscribe or sent.", valueName: "type"),
    completion: .list(EventType.allCases.map(\.rawValue)))
  var type: String
  @Argument(help: ArgumentHelp("An id, an address or a phone number.", valueName: "contact"))
  var contact: String

  func run() throws {
    let workspace = Workspace(options)
    let names = EventType.allCases.map(\.rawValue)
    guard let type = EventType(rawValue: type) else {
      throw Failure(
        .failed, "no event '\(type)'\(Nearest.hint(type, among: names)); there are \(names.joined(separator: ", "))")
    }
    let project = try workspace.load(keepGoing: true)
    let time = try at.map { text in
      guard let time = Instant(text, zone: project.settings.zone) else {
        throw Failure(.failed, "--at is a time such as 2026-11-20T09:00, not '\(text)'")
      }
      return time
    }
    if let campaign, !project.campaigns.contains(where: { $0.id == campaign || $0.was.contains(campaign) }) {
      throw Failure(.failed, "no campaign '\(campaign)'\(Nearest.hint(campaign, among: project.campaigns.map(\.id)))")
    }
    if type == .sent, campaign == nil || step == nil {
      throw Failure(.failed, "an event 'sent' needs --campaign and --step")
    }
    let who = EmailAddress(contact)?.canonical ?? PhoneNumber(contact)?.e164 ?? contact
    if project.contacts.find(who) == nil {
      workspace.log.warning("no contact '\(who)' in the files; the event is recorded all the same")
    }
    let event = Event(
      at: time ?? Workspace.now(), type: type, contact: who, campaign: campaign, step: step, messageID: messageID,
      detail: detail)
    try DataFile.append(event, folder: workspace.folder)
    if options.json {
      return Console.out(.members(("type", .string(type.rawValue)), ("contact", .string(who))))
    }
    Console.out("Recorded: \(type.rawValue) \(who).")
  }
}
