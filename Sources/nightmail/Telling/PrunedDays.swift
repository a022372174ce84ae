import Journal
import Model
import Reporting

extension PlanTarget {
  /// What is kept of the day that a word names, where it was pruned: there is no plan of it to look at any more.
  static func pruned(_ word: String?, in workspace: Workspace, settings: Settings) throws -> PrunedDay? {
    guard let date = (try? Self.date(word ?? "today", settings)) ?? nil,
      try workspace.output.day(date).planPaths().isEmpty
    else { return nil }
    return try PrunedDay.read(date, in: workspace.output)
  }
}

extension Workspace {
  /// Says of a pruned day what is still known of it; false where the word names none.
  func sayIfPruned(_ word: String?, settings: Settings) throws -> Bool {
    guard let pruned = try PlanTarget.pruned(word, in: self, settings: settings) else { return false }
    if options.json { Console.out(pruned.statusJSON) } else { Console.out(pruned.text(zone: settings.zone)) }
    return true
  }
}
