import ArgumentParser
import Foundation
import Model
import Reporting

struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Whether tonight's run has what it needs: providers, clock, disk, permissions, keys.",
    discussion: """
      Sends nothing: SMTP servers are connected to and logged in to, services over HTTP are asked what they document as \
      harmless, a webhook is only connected to. Each line is ok, warn or fail, and says what to do. Exits with 1 if any \
      fails.
      """)

  @OptionGroup var options: GlobalOptions
  @Option(help: ArgumentHelp("How long a provider may take.", valueName: "time"))
  var timeout = "10s"
  @Flag(help: "Looks at this machine alone: no providers, no DNS.")
  var offline = false

  func validate() throws {
    guard let span = Instant.Span(timeout), span > .zero, span <= .minutes(10) else {
      throw ValidationError("--timeout is a length of time up to 10m, such as 10s, not '\(timeout)'")
    }
  }

  func run() async throws {
    let workspace = Workspace(options)
    let machine = MachineCheck(workspace)
    var checkup = Checkup()
    let project = machine.project(&checkup)
    machine.time(project, &checkup)
    machine.output(&checkup)
    machine.disk(&checkup)
    machine.locks(&checkup)
    machine.history(&checkup)
    if let project {
      machine.pauses(project, &checkup)
      machine.keyFiles(project, &checkup)
      let network = NetworkCheck(
        workspace, project, limit: Instant.Span(timeout) ?? .seconds(10), isOffline: offline)
      checkup.add(network.keys())
      if !offline {
        checkup.add(await network.publishedKeys())
        checkup.add(await network.providers())
      } else {
        checkup.add(.ok, "providers", "not asked, by --offline; nor is DNS")
      }
    }
    if options.json { Console.out(checkup.json) } else { Console.out(checkup.text) }
    if checkup.count(.fail) > 0 { try ExitStatus.failed.end() }
  }
}
