import Journal
import Model

/// What a prune removes and what it leaves, for people and for programs.
public struct PruneReport: Sendable {
  private let pruning: Pruning
  private let limit: CalendarDay
  private let dryRun: Bool
  private let rehearse: String

  /// - Parameter limit: the newest day that may go.
  public init(_ pruning: Pruning, limit: CalendarDay, dryRun: Bool, rehearse: Bool) {
    self.pruning = pruning
    self.limit = limit
    self.dryRun = dryRun
    self.rehearse = rehearse ? " --rehearse" : ""
  }

  /// - Parameter isDone: whether the days are gone; else they would go.
  public func text(isDone: Bool) -> String {
    var text = ""
    if pruning.days.isEmpty {
      text = "Nothing to prune: \(pruning.kept.isEmpty ? "no day is" : "no other day is") as old as \(limit).\n"
    } else {
      var table = TextTable(["date", "files", "size"], numbers: [1, 2])
      for day in pruning.days {
        table.add([day.folder.date.description, Words.number(day.names.count), Words.bytes(day.bytes)])
      }
      let days = Words.count(pruning.days.count, "day")
      text = table.text + "\n"
      text += "\(days) up to \(limit) \(isDone ? "pruned" : "would be pruned"), \(Words.bytes(pruning.bytes)).\n"
      text += "What history needs of \(pruning.days.count == 1 ? "it" : "them") "
      text += "\(isDone ? "is" : "would be kept") in history/.\n"
    }
    for kept in pruning.kept { text += "\(kept.date) stays: \(reason(kept))\n" }
    for day in pruning.days where !day.strangers.isEmpty {
      text += "\(day.folder.path) stays for what is not nightmail's: \(day.strangers.joined(separator: ", "))\n"
    }
    return text
  }

  private func reason(_ kept: Pruning.Kept) -> String {
    switch kept.reason {
    case .recent: "limits look back on it for \(Pruning.lookBack) days"
    case .inDoubt(let count):
      "\(Words.count(count, "send")) in doubt; settle with nightmail dead-letters mark-sent\(rehearse) --date "
        + "\(kept.date) (arrived), or retry, or drop"
    case .deadLetters(let count):
      "\(Words.count(count, "dead letter")); settle with nightmail dead-letters drop\(rehearse) --date \(kept.date), "
        + "or retry"
    }
  }

  public func json(isDone: Bool) -> JSON {
    .members(
      ("up_to", .string(limit.description)), ("done", .bool(isDone)), ("bytes", .integer(Int64(pruning.bytes))),
      (
        "days",
        .array(
          pruning.days.map { day in
            .members(
              ("date", .string(day.folder.date.description)), ("bytes", .integer(Int64(day.bytes))),
              ("files", .array(day.names.map(JSON.string))),
              ("left", day.strangers.isEmpty ? nil : .array(day.strangers.map(JSON.string))))
          })
      ),
      (
        "kept",
        .array(
          pruning.kept.map {
            .members(
              ("date", .string($0.date.description)), ("reason", .string($0.reason.word)), ("text", .string(reason($0)))
            )
          })
      ))
  }
}

extension PrunedDay {
  /// What is still known of the day.
  public func text(zone: Zone) -> String {
    let text = "\(date) was pruned at \(zone.format(prunedAt)): its plan, messages, results and addresses are gone.\n"
    guard !campaigns.isEmpty else { return text + "Nothing was planned or sent on it.\n" }
    var table = TextTable(["campaign", "planned", "sent", "unsent", "released"], numbers: [1, 2, 3, 4])
    for (campaign, counts) in campaigns.sorted(by: { $0.key < $1.key }) {
      table.add([campaign] + [counts.planned, counts.sent, counts.unsent, counts.released].map { Words.number($0) })
    }
    return text + "\n" + table.text
  }

  public var statusJSON: JSON {
    .members(
      ("date", .string(date.description)), ("pruned_at", .string(Zone.utc.format(prunedAt))),
      ("campaigns", .object(campaigns.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) })))
  }
}

extension Words {
  /// `812 B`, `1.4 MB`: thousands, as disks are sold.
  public static func bytes(_ n: Int) -> String {
    var (value, unit) = (Double(n), 0)
    let units = ["B", "kB", "MB", "GB", "TB"]
    while value >= 999.5, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    if unit == 0 { return "\(n) B" }
    let tenths = Int((value * 10).rounded())
    return tenths < 100 ? "\(tenths / 10).\(tenths % 10) \(units[unit])" : "\(Int(value.rounded())) \(units[unit])"
  }
}
