import ArgumentParser
import Foundation
import Journal
import Model

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume", abstract: "Lets what was paused, or stopped by its breaker, go on.",
    discussion: "Its breaker counts anew from then.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @OptionGroup var choice: PartChoice

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let pauses = try Pauses.read(workspace.output.pausesPath)
    let (part, _) = try choice.part(workspace, alsoAmong: Set(pauses.entries.map(\.part)))
    // Breakers count by whole seconds: from the next one on.
    let entry = try choice.write(.resumed, part, at: Workspace.now().roundedUpToSecond, workspace)
    if options.json { return Console.out(choice.json(entry)) }
    let was =
      pauses.tripped[part] != nil
      ? "was stopped by its breaker" : pauses.paused[part] != nil ? "was paused" : "was neither paused nor stopped"
    let goesOn = part.kind == .provider ? "goes on." : "goes on; its breaker counts anew."
    Console.out("Resumed \(part), which \(was): it \(goesOn)")
  }
}
