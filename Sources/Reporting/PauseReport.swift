import Journal
import Model

/// What is paused and what breakers have stopped, for people and programs.
public enum PauseReport {
  /// One sentence, with what to do about it.
  /// - Parameter rehearse: whether it is the rehearsal's.
  public static func line(_ entry: Pauses.Entry, zone: Zone, rehearse: Bool = false) -> String {
    let since = zone.format(entry.at)
    let resume = "nightmail resume \(entry.part)\(rehearse ? " --rehearse" : "")"
    switch entry.kind {
    case .paused, .resumed:
      let who = entry.by.map { " by \($0)" } ?? ""
      let why = entry.reason.map { " (\(TextTable.printable($0)))" } ?? ""
      return "\(entry.part) is paused since \(since)\(who)\(why); go on with: \(resume)"
    case .tripped:
      let why = entry.reason.map { ": \(TextTable.printable($0))" } ?? ""
      return "\(entry.part) is stopped by its breaker since \(since)\(why); see to the cause, then: \(resume)"
    }
  }

  public static func json(_ pauses: Pauses) -> JSON {
    .array(
      pauses.entries.map { entry in
        .members(
          ("part", .string(entry.part.kind.rawValue)), ("name", .string(entry.part.name)),
          ("state", .string(entry.kind == .tripped ? "stopped" : "paused")),
          ("at", .string(Zone.utc.format(entry.at))), ("by", entry.by.map(JSON.string)),
          ("reason", entry.reason.map(JSON.string)))
      })
  }
}
