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
      made as ever. A provider that is paused is passed over: what would go through it goes through the mailbox's \
      next provider, and waits where there is none. What is under way when it is paused ends by itself.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var choice: PartChoice

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let found = try choice.find(workspace)
    let entry = try choice.write(.paused, found.part, at: Workspace.now(), workspace)
    if options.json { return Console.out(choice.json(entry)) }
    Console.out("Paused \(found.part) at \(found.zone.format(entry.at)). A send that runs heeds it within seconds.")
  }
}

/// What `pause` and `resume` have in common on the command line.
struct PartChoice: ParsableArguments {
  @Option(help: ArgumentHelp("Who does it; by default the user.", valueName: "name"))
  var by: String?
  @Option(help: ArgumentHelp("Why; kept in the file.", valueName: "text"))
  var reason: String?
  @Argument(help: ArgumentHelp("campaign, mailbox or provider.", valueName: "part"), completion: Completions.parts)
  var kind: String
  @Argument(help: ArgumentHelp("Its id.", valueName: "name"), completion: Completions.partNames)
  var name: String

  /// What a command line names.
  struct Found {
    /// A campaign by its present id, also where an earlier one was typed.
    var part: Part
    /// What a campaign was called before.
    var earlier: [Part] = []
    /// The project's.
    var zone = Zone.utc
  }

  /// - Parameter known: what may be named though the project has no such part any more.
  func find(_ workspace: Workspace, alsoAmong known: Set<Part> = []) throws -> Found {
    let kinds = Part.Kind.allCases.map(\.rawValue)
    guard let kind = Part.Kind(rawValue: kind) else {
      throw Failure(
        .failed,
        "'\(self.kind)' cannot be paused\(Nearest.hint(self.kind, among: kinds)); it is \(kinds[0]), "
          + "\(kinds[1]) or \(kinds[2])")
    }
    let part = Part(kind, name)
    // A project with findings must still be able to stop.
    let (project, _) = workspace.findings(keepGoing: true)
    guard let project else {
      workspace.log.warning(
        "the project has findings (see nightmail validate): nobody knows whether there is a \(part)")
      return Found(part: part)
    }
    let ids = project.campaigns.presentIDs
    if kind == .campaign, let id = ids[name] {
      let earlier = ids.filter { $0.value == id && $0.key != id }.keys.sorted()
      return Found(
        part: Part(.campaign, id), earlier: earlier.map { Part(.campaign, $0) }, zone: project.settings.zone)
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
    return Found(part: part, zone: project.settings.zone)
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
