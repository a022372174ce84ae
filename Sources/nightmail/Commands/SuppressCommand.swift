import ArgumentParser
import Config
import Model

struct SuppressCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "suppress",
    abstract: "Never writes to an address, @domain or phone number again; heeded by a running send.")

  @OptionGroup var options: GlobalOptions
  @Option(help: ArgumentHelp("Why; kept in the file.", valueName: "text"))
  var reason: String?
  @Option(
    help: ArgumentHelp("Only for this campaign; by default for all.", valueName: "id"),
    completion: Completions.campaigns)
  var campaign: String?
  @Option(help: ArgumentHelp("Holds no longer from this time on.", valueName: "time"))
  var until: String?
  @Argument(help: ArgumentHelp("An address, @domain or phone number.", valueName: "value"))
  var value: String

  func run() throws {
    let workspace = Workspace(options)
    guard let canonical = Self.canonical(value) else {
      throw Failure(.failed, "'\(value)' is no address (ada@example.com), @domain or phone number (+4930…)")
    }
    // A project with findings must still be able to stop writing to somebody.
    let (project, _) = workspace.findings(keepGoing: true)
    if let campaign, let project, !project.campaigns.contains(where: { $0.id == campaign }) {
      throw Failure(.failed, "no campaign '\(campaign)'\(Nearest.hint(campaign, among: project.campaigns.map(\.id)))")
    }
    let end = try until.map { text in
      guard let end = Instant(text, zone: project?.settings.zone ?? .utc) else {
        throw Failure(.failed, "--until is a date or a time, not '\(text)'")
      }
      return end
    }
    let suppression = Suppression(
      value: canonical, reason: reason, campaign: campaign, until: end, place: Place("data/suppressions.csv"))
    try DataFile.append(suppression, folder: workspace.folder)
    if options.json { return Console.out(.members(("suppressed", .string(canonical)))) }
    Console.out("Suppressed \(canonical)\(campaign.map { " for \($0)" } ?? "").")
  }

  static func canonical(_ value: String) -> String? {
    if value.hasPrefix("@") { return EmailAddress.domain(String(value.dropFirst())).map { "@\($0)" } }
    return EmailAddress(value)?.canonical ?? PhoneNumber(value)?.e164
  }
}
