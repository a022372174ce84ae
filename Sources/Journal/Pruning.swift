import Foundation
import Model

/// Which days' personal data is to go, and which stay though they are old enough, with the reason. It is found without
/// changing anything; `carryOut` acts on it.
///
/// A day goes in two moves: what history needs of it is written whole to `history/days/`, synced and renamed; then its
/// files are removed. From the first on its results are counted there alone (`PrunedDay.unkept`), so that a prune that
/// was cut off anywhere has lost nothing and counts nothing twice, and the next one ends it.
public struct Pruning: Sendable {
  /// A day that goes.
  public struct Day: Hashable, Sendable {
    public var folder: DayFolder
    /// Names in the day's folder that are Nightmail's: removed.
    public var names: [String]
    /// Names that are not: they stay, and their folder with them.
    public var strangers: [String]
    /// Of what is removed.
    public var bytes: Int
  }

  /// A day that is old enough and stays.
  public struct Kept: Hashable, Sendable {
    public var date: CalendarDay
    public var reason: Reason
  }

  public enum Reason: Hashable, Sendable {
    /// Limits look back on it, or its plan may still be sent.
    case recent
    /// Servers may have these, and nobody has said.
    case inDoubt(Int)
    /// Others that ended unsent, and nobody has settled.
    case deadLetters(Int)

    public var word: String {
      switch self {
      case .recent: "recent"
      case .inDoubt: "in-doubt"
      case .deadLetters: "dead-letters"
      }
    }
  }

  public private(set) var days: [Day] = []
  public private(set) var kept: [Kept] = []
  public var bytes: Int { days.reduce(0) { $0 + $1.bytes } }

  /// The longest that anything looks back on single sends: a contact's week, with a day to either side for zones and
  /// `day_starts`, and the day before for 24 hours across its beginning.
  public static let lookBack = 9

  /// - Parameters:
  ///   - limit: the newest day that may go.
  ///   - today: the project's.
  public static func find(
    _ output: OutputFolder, upTo limit: CalendarDay, today: CalendarDay
  ) throws(JournalProblem) -> Pruning {
    var pruning = try Pruning()
    for folder in try output.days() where folder.date <= limit {
      if folder.date > today - lookBack {
        pruning.kept.append(Kept(date: folder.date, reason: .recent))
        continue
      }
      let letters = try DeadLetters.read(folder, runIsLive: try folder.isLive())
      let inDoubt = letters.count { $0.reason == .inDoubt }
      if inDoubt > 0 {
        pruning.kept.append(Kept(date: folder.date, reason: .inDoubt(inDoubt)))
      } else if !letters.isEmpty {
        pruning.kept.append(Kept(date: folder.date, reason: .deadLetters(letters.count)))
      } else if let day = try day(folder) {
        pruning.days.append(day)
      }
    }
    return pruning
  }

  /// Of these very days, whatever stands in them.
  init(of folders: [DayFolder] = []) throws(JournalProblem) {
    for folder in folders {
      if let day = try Self.day(folder) { days.append(day) }
    }
  }

  /// Nil where nothing of ours is left in the folder.
  private static func day(_ folder: DayFolder) throws(JournalProblem) -> Day? {
    var day = Day(folder: folder, names: [], strangers: [], bytes: 0)
    for name in try FileSystem.names(in: folder.path) {
      if isOurs(name) {
        day.names.append(name)
        day.bytes += try size(folder.path + "/" + name)
      } else {
        day.strangers.append(name)
      }
    }
    return day.names.isEmpty && !day.strangers.isEmpty ? nil : day
  }

  /// What Nightmail writes into a day's folder (DESIGN §2).
  static func isOurs(_ name: String) -> Bool {
    let names: Set = [
      "skipped.jsonl", "approval.jsonl", "review.jsonl", "dead-letters.jsonl", "report.html", "inputs", "outbox",
      "review", "lock", "waiting",
    ]
    // The rows of `on_sent` name people too, whatever a campaign calls its file.
    if names.contains(name) || SentRecord.isFileName(name) || name.hasPrefix("lock.")
      || (name.hasPrefix(".") && name.hasSuffix(".tmp"))
    {
      return true
    }
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, let last = parts.last, parts.count == 2 || parts.count == 3 else { return false }
    switch first {
    case "plan": return ["jsonl", "lines", "html"].contains(last) && (parts.count == 2 || Int(parts[1]) != nil)
    case "results": return last == "jsonl" && (parts.count == 2 || Shard.isFileMark(parts[1]))
    default: return false
    }
  }

  private static func size(_ path: String) throws(JournalProblem) -> Int {
    guard FileSystem.isFolder(path) else { return FileStamp(path)?.size ?? 0 }
    var size = 0
    for name in try FileSystem.names(in: path) { size += try self.size(path + "/" + name) }
    return size
  }

  /// Removes the days. The caller holds the output's send lock.
  /// - Parameters:
  ///   - lock: takes a day's own lock, so that nobody writes results of it meanwhile.
  ///   - step: called before each thing that changes the disk, with a word for it.
  public func carryOut(
    in output: OutputFolder, at now: Instant, lock: (DayFolder) throws -> Void,
    step: (String) throws -> Void = { _ in }
  ) throws {
    guard !days.isEmpty else { return }
    try step("sweep")
    for name in try FileSystem.names(in: output.prunedPath) where name.hasPrefix(".") && name.hasSuffix(".tmp") {
      try FileSystem.remove(output.prunedPath + "/" + name)
    }
    try step("remove snapshot")
    HistorySnapshot.remove(from: output)
    try step("make key")
    var writer = PrunedDayWriter(output, try output.makeNameKey())
    for day in days {
      try lock(day.folder)
      try step("keep \(day.folder.date)")
      let earlier = try PrunedDay.read(day.folder.date, in: output)
      if try earlier?.unkept(day.folder).isEmpty != true {
        try writer.write(day.folder, after: earlier, at: now)
      }
      // Plans first: without one the day is told by what was kept. Locks last: until then nobody writes here.
      func order(_ name: String) -> Int { name.hasPrefix("plan") ? 0 : name.hasPrefix("lock") ? 2 : 1 }
      for name in try FileSystem.names(in: day.folder.path).filter(Self.isOurs).sorted(by: { order($0) < order($1) }) {
        try Self.remove(day.folder.path + "/" + name, step)
      }
      if day.strangers.isEmpty {
        try step("remove \(day.folder.date)")
        try FileSystem.remove(day.folder.path)
      }
      try FileSystem.syncFolder(output.path)
    }
    // A plan that was being made meanwhile may have written one.
    HistorySnapshot.remove(from: output)
  }

  private static func remove(_ path: String, _ step: (String) throws -> Void) throws {
    if FileSystem.isFolder(path) {
      for name in try FileSystem.names(in: path) { try remove(path + "/" + name, step) }
    }
    try step("remove \(FileSystem.name(of: path))")
    try FileSystem.remove(path)
  }
}

extension FileSystem {
  /// Of the path itself, not of what a link points at.
  static func isFolder(_ path: String) -> Bool {
    var status = stat()
    return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
  }

  /// Removes a file or an empty folder; one that is not there is removed already.
  static func remove(_ path: String) throws(JournalProblem) {
    guard (isFolder(path) ? rmdir(path) : unlink(path)) != 0, errno != ENOENT else { return }
    throw .system(.remove, path: path, code: errno)
  }
}

extension Shard {
  /// `2-of-8`
  fileprivate static func isFileMark(_ text: Substring) -> Bool {
    let parts = text.split(separator: "-")
    return parts.count == 3 && Int(parts[0]) != nil && parts[1] == "of" && Int(parts[2]) != nil
  }
}
