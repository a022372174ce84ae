import Foundation
import Journal
import Model

/// What PLAN on a command line means: a date, `today`, `tomorrow`, or a plan file's path; where older plans can be
/// looked at, `DATE~1` too, the plan of that day before the present one.
struct PlanTarget {
  let path: String
  /// The folder of the plan's day, where its results go.
  let day: DayFolder

  init(path: String, day: DayFolder) {
    self.path = path
    self.day = day
  }

  static let olderHelp = "A path or a date, by default today; DATE~1 is that day's plan before the present one."

  /// As `init(_:in:settings:)`, with the plans that were replaced.
  init(orOlder word: String?, in workspace: Workspace, settings: Settings) throws {
    guard let word, let mark = word.lastIndex(of: "~"), let back = Int(word[word.index(after: mark)...]), back >= 0,
      !FileManager.default.fileExists(atPath: word)
    else {
      self = try PlanTarget(word, in: workspace, settings: settings)
      return
    }
    let name = mark == word.startIndex ? "today" : String(word[..<mark])
    guard let date = try Self.date(name, settings) else {
      throw Failure(.failed, "'\(name)' is no date; ~\(back) goes back among the plans of a day")
    }
    day = workspace.output.day(date)
    let paths = try day.planPaths()
    guard paths.indices.contains(back) else {
      let there = paths.isEmpty ? "no plan" : paths.count == 1 ? "one plan" : "\(paths.count) plans"
      throw Failure(.failed, "\(word): there is \(there) for \(date) in \(workspace.output.path)")
    }
    path = paths[back]
  }

  /// - Parameter word: nil means today, in the project's zone and by its `day_starts`.
  init(_ word: String?, in workspace: Workspace, settings: Settings) throws {
    if let date = try Self.date(word ?? "today", settings) {
      day = workspace.output.day(date)
      path = day.planPath
      guard FileManager.default.fileExists(atPath: path) else {
        if let pruned = try PrunedDay.read(date, in: workspace.output) {
          throw Failure(
            .failed,
            "\(date) was pruned at \(settings.zone.format(pruned.prunedAt)), its plan with it; "
              + "nightmail status \(date)\(workspace.isRehearsal ? " --rehearse" : "") says what is still known")
        }
        throw Failure(
          .failed,
          "no plan for \(date) in \(workspace.output.path); make one with: nightmail plan --date \(date)"
            + (workspace.isRehearsal ? " --rehearse" : ""))
      }
    } else {
      path = GlobalOptions.absolute(word ?? "")
      day = workspace.output.day(try PlanFile.header(path).date)
    }
  }

  /// The date that a word names, or nil if it can only be a path.
  static func date(_ word: String, _ settings: Settings) throws -> CalendarDay? {
    let today = settings.day(of: Workspace.now())
    switch word {
    case "today": return today
    case "tomorrow": return today + 1
    case "yesterday": return today - 1
    default:
      if let date = CalendarDay(word) { return date }
      guard word.contains("/") || word.hasSuffix(".jsonl") || FileManager.default.fileExists(atPath: word) else {
        throw Failure(.failed, "'\(word)' is neither a date (2026-11-20, today, tomorrow) nor a plan file")
      }
      return nil
    }
  }
}
