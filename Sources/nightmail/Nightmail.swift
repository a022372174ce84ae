import ArgumentParser
import CMemory
import Foundation
import Model

/// The program: each command is a file beside this one, which parses, calls the rooms and sets the exit code.
@main
struct Nightmail: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nightmail",
    abstract: "Plans each day's mail from files in git, and delivers exactly what was planned.",
    discussion: """
      Edit the files, then: nightmail validate, plan, show, approve, send, status. PLAN is a path or a date \
      (2026-11-20, today, tomorrow); without one it is today.

      Exit codes: 0 done; 1 findings or an error; 2 plan --detailed-exitcode found sends; 3 done, and some sends became \
      dead letters; 4 stopped early, run again to go on, or resume what a breaker stopped; 5 held: the plan is stale or awaits approval; 75 another run \
      holds the lock.
      """,
    version: "0.1.0",
    subcommands: [
      InitCommand.self, ValidateCommand.self, PlanCommand.self, ShowCommand.self, ApproveCommand.self,
      SendCommand.self, RunCommand.self, StatusCommand.self, WhyCommand.self, DeadLettersCommand.self,
      EventCommand.self, SuppressCommand.self, PauseCommand.self, ResumeCommand.self, DkimCommand.self,
      SchemaCommand.self, ExplainCommand.self, TestCommand.self, DiffCommand.self, ReportCommand.self,
      DoctorCommand.self, ForecastCommand.self, PruneCommand.self,
    ])

  static func main() async {
    returnMemory()
    // A file at its largest (ulimit -f) is an error of the write (EFBIG) like a full disk, not a reason to be killed.
    signal(SIGXFSZ, SIG_IGN)
    let arguments = globalsLast(Array(CommandLine.arguments.dropFirst()))
    do {
      let names = configuration.subcommands.compactMap { $0.configuration.commandName }
      if let word = arguments.first, !word.hasPrefix("-"), word != "help", !names.contains(word) {
        throw Failure(.failed, "no command '\(word)'\(Nearest.hint(word, among: names)); see nightmail --help")
      }
      var command = try parseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch let failure as Failure {
      failure.report()
      Foundation.exit(failure.status.rawValue)
    } catch let code as ExitCode {
      Foundation.exit(code.rawValue)
    } catch {
      let code = exitCode(for: error)
      let text = fullMessage(for: error)
      // Help and version are results; a wrong command line is an error like any other.
      if code.isSuccess {
        print(text)
        Foundation.exit(0)
      }
      Console.error(text)
      Foundation.exit(ExitStatus.failed.rawValue)
    }
  }

  /// `nightmail --project X plan` means `nightmail plan --project X`: options that stand before the command go behind it.
  static func globalsLast(_ arguments: [String]) -> [String] {
    let withValue: Set<String> = ["--project", "--output", "--log-file"]
    // Asked by a shell: the script itself, and what may stand at a place.
    if let first = arguments.first, first.hasPrefix("---") || first.hasPrefix("--generate-") { return arguments }
    var leading: [String] = []
    var rest = arguments[...]
    while let first = rest.first, first.hasPrefix("-"), first != "--", !["--help", "-h", "--version"].contains(first) {
      leading.append(rest.removeFirst())
      if withValue.contains(first), let value = rest.popFirst() { leading.append(value) }
    }
    guard let command = rest.popFirst() else { return arguments }
    // The options of a nested command stand behind its name too.
    var names = [command]
    if ["dead-letters", "dkim"].contains(command), let nested = rest.first, !nested.hasPrefix("-") {
      names.append(rest.removeFirst())
    }
    return names + leading + rest
  }
}

/// What the exit codes mean (DESIGN §3).
enum ExitStatus: Int32 {
  case done = 0
  /// Findings or an error.
  case failed = 1
  /// `plan --detailed-exitcode`: there is something to send.
  case planned = 2
  /// Done, and some sends became dead letters.
  case deadLetters = 3
  /// Stopped early: a signal, or no provider to be had - run again to go on - or a breaker.
  case stopped = 4
  /// The plan is stale or awaits approval.
  case held = 5
  /// Another run holds the lock.
  case locked = 75

  /// Ends the command with this code.
  func end() throws { if self != .done { throw ExitCode(rawValue) } }
}

/// Why a command ends without doing what it was asked.
struct Failure: Error, CustomStringConvertible {
  var status: ExitStatus
  var message: String
  var description: String { message }

  init(_ status: ExitStatus = .failed, _ message: String) {
    self.status = status
    self.message = message
  }

  func report() { Console.error(message) }
}

/// Has glibc give large blocks back to the kernel as soon as they are free: by itself it raises the size from which it
/// does so with each that it sees, and a plan of a million sends then keeps 10 MB that nobody uses.
private func returnMemory() {
  // It only saves memory: where it cannot be set, the plan is the same.
  _ = nightmail_return_blocks(256 << 10, 2)
}

/// Has glibc give back what lies free among small blocks: for when much was read and little of it is kept.
func returnFreeMemory() { nightmail_return_free() }
