import ArgumentParser
import Foundation
import Journal
import Model
import Reporting

struct PruneCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "prune", abstract: "Removes the personal data of old days; keeps what history needs.",
    discussion: """
      Of the days that are old enough, plans, messages, results, approvals and reports are removed. What keeps anybody \
      from getting a step twice stays in output/history/, with keyed hashes in place of addresses and ids, so that \
      later plans are the same plans. Days with sends in doubt or dead letters that nobody has settled stay, and are \
      named. Keep output/history/ in every backup: without its key and its days, what was pruned is forgotten.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: ArgumentHelp("Days that began at least so long ago: 90d.", valueName: "time"))
  var olderThan: String
  @Flag(help: "Says what would go, and removes nothing.")
  var dryRun = false
  @Flag(help: "Removes without asking.")
  var autoApprove = false

  func validate() throws {
    guard let span = Instant.Span(olderThan), span >= .days(1) else {
      throw ValidationError("--older-than is a number of days with its unit, from 1d, such as 90d, not '\(olderThan)'")
    }
  }

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let settings = try workspace.settings()
    let output = workspace.output
    let now = Workspace.now()
    let today = settings.day(of: now)
    let span = Instant.Span(olderThan) ?? .days(90)
    let days = Int((span.milliseconds + 86_399_999) / 86_400_000)
    guard FileManager.default.fileExists(atPath: output.path) else {
      throw Failure(.failed, "there is no \(output.path): nothing to prune")
    }
    try workspace.checkHistory(renew: false)
    let pruning = try Pruning.find(output, upTo: today - days, today: today)
    let report = PruneReport(pruning, limit: today - days, dryRun: dryRun, rehearse: workspace.isRehearsal)
    guard !dryRun, !pruning.days.isEmpty else { return say(report) }
    if !autoApprove {
      guard Console.hasTerminalInput, Console.hasTerminalErrors else {
        say(report, isDone: false)
        throw Failure(.held, "nothing was removed: nobody is there to ask; add --auto-approve")
      }
      FileHandle.standardError.write(
        Data("\(report.text(isDone: false))\nThis cannot be undone. Only 'yes' removes them: ".utf8))
      guard readLine(strippingNewline: true) == "yes" else { throw Failure(.held, "nothing was removed") }
    }
    // Limits and history hold over all days together: nobody may be sending. Asked before: cron must not wait for an
    // answer.
    var locks = [try workspace.lock(output.sendLockPath, purpose: "prune")]
    defer { for lock in locks { lock.release() } }
    guard try Pruning.find(output, upTo: today - days, today: today).days.map(\.folder) == pruning.days.map(\.folder)
    else { throw Failure(.failed, "nothing was removed: other days are to go by now; type it again") }
    // Counters must never go back: the days are counted before they go.
    _ = try AttemptTotals.read(output)
    try pruning.carryOut(in: output, at: now) { day in
      locks.append(try workspace.lock(day.lockPath, purpose: "prune"))
    }
    say(report)
  }

  private func say(_ report: PruneReport, isDone: Bool = true) {
    if options.json { return Console.out(report.json(isDone: isDone && !dryRun)) }
    Console.out(report.text(isDone: isDone && !dryRun))
  }
}
