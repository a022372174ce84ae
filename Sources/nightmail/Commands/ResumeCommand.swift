import ArgumentParser
import Foundation
import Journal
import Model

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets what was paused, or stopped by its breaker, go on.",
    discussion: """
      A campaign's or mailbox's breaker counts anew from then. A provider's logins that rest after faults are tried \
      again at once, also by a send that runs; a send that was tried already waits for its own next try. A campaign \
      goes on under all the ids that it had.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var choice: PartChoice

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let pauses = try Pauses.read(workspace.output.pausesPath)
    let held = Set(pauses.entries.map(\.part))
    let found = try choice.find(workspace, alsoAmong: held)
    let part = found.part
    // Breakers count by whole seconds: from the next one on.
    let at = Workspace.now().roundedUpToSecond
    for earlier in found.earlier where held.contains(earlier) {
      _ = try choice.write(.resumed, earlier, at: at, workspace)
    }
    // Also where the file knows of nothing: a trip may not have come to be written down, and rests of logins never are.
    let entry = try choice.write(.resumed, part, at: at, workspace)
    if options.json { return Console.out(choice.json(entry)) }
    let now = pauses.renamed(Dictionary(uniqueKeysWithValues: found.earlier.map { ($0.name, part.name) }))
    let after = part.kind == .provider ? "its logins rest no longer" : "its breaker counts anew"
    if now.tripped[part] == nil, now.paused[part] == nil {
      return Console.out("\(part) was neither paused nor stopped; \(after).")
    }
    let was = now.tripped[part] != nil ? "was stopped by its breaker" : "was paused"
    Console.out("Resumed \(part), which \(was): it goes on; \(after).")
  }
}
