import ArgumentParser
import Foundation
import Journal
import Model
import Reporting

struct PauseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pause", abstract: "Holds a campaign's, mailbox's or provider's sends; heeded by a running send.",
    discussion: """
      What is paused waits; what is still paused when its time for today is over goes back to the next plan. Plans are \
      made as ever. A provider's sends go through the mailbox's next provider, if it has one.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var choice: PartChoice

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let (part, zone) = try choice.part(workspace)
    let entry = try choice.write(.paused, part, at: Workspace.now(), workspace)
    if options.json { return Console.out(choice.json(entry)) }
    Console.out("Paused \(part) at \(zone.format(entry.at)). A send that runs heeds it within seconds.")
  }
}

/// What `pause` and `resume` have in common on the command line.
struct PartChoice: ParsableArguments {
  @Option(help: ArgumentHelp("Who does it; by default the user.", valueName: "name"))
  var by: String?
  @Option(help: ArgumentHelp("Why; kept in the file.", valueName: "text"))
  var reason: String?
  @Argument(help: ArgumentHelp("campaign, mailbox or provider.", valueName: "part"))
  var kind: String
  @Argument(help: ArgumentHelp("Its id.", valueName: "name"))
  var name: String

  /// The part that is named, and the project's zone.
  func part(_ workspace: Workspace, alsoAmong known: Set<Part> = []) throws -> (Part, Zone) {
    let kinds = Part.Kind.allCases.map(\.rawValue)
    guard let kind = Part.Kind(rawValue: kind) else {
      throw Failure(
        .failed, "'\(self.kind)' cannot be paused\(Nearest.hint(self.kind, among: kinds)); it is \(kinds[0]), "
          + "\(kinds[1]) or \(kinds[2])")
    }
    let part = Part(kind, name)
    // A project with findings must still be able to stop.
    let (project, _) = workspace.findings(keepGoing: true)
    guard let project else {
      workspace.log.warning("the project has findings (see nightmail validate): nobody knows whether there is a \(part)")
      return (part, .utc)
    }
    let names =
      switch kind {
      case .campaign: project.campaigns.map(\.id) + project.broken
      case .mailbox: project.mailboxes.map(\.id)
      case .provider: project.providers.map(\.id)
      }
    guard names.contains(name) || known.contains(part) else {
      throw Failure(.failed, "no \(kind.rawValue) '\(name)'\(Nearest.hint(name, among: names))")
    }
    return (part, project.settings.zone)
  }

  func write(_ kind: Pauses.Entry.Kind, _ part: Part, at: Instant, _ workspace: Workspace) throws -> Pauses.Entry {
    let entry = Pauses.Entry(kind, part, at: at, by: by ?? Workspace.userName, reason: reason)
    try workspace.output.create()
    try Pauses.append(entry, to: workspace.output.pausesPath)
    return entry
  }

  func json(_ entry: Pauses.Entry) -> JSON {
    .members(
      (entry.kind.rawValue, .string(entry.part.name)), ("part", .string(entry.part.kind.rawValue)),
      ("at", .string(Zone.utc.format(entry.at))), ("by", entry.by.map(JSON.string)),
      ("reason", entry.reason.map(JSON.string)))
  }
}
