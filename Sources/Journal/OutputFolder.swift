import Foundation
import Model

/// Where everything that Nightmail writes lives (DESIGN §2): one folder a day, and what belongs to no day. It holds
/// personal data: folders are made 0700, files 0600.
public struct OutputFolder: Hashable, Sendable {
  public let path: String

  public init(_ path: String) { self.path = path }

  /// The same again for `--rehearse`, with a history of its own.
  public var rehearsal: OutputFolder { OutputFolder(path + "/rehearsal") }
  /// Held by whoever sends: limits hold over all days together. Shards hold it together.
  public var sendLockPath: String { path + "/send.lock" }
  /// Held by a shard while it does what only one may do at a time.
  public var turnLockPath: String { path + "/turn.lock" }
  /// Held by the shard that a mailbox belongs to: it has one owner, whatever number of shards others were started with.
  /// Named by the id's digest, since ids may hold what file names must not.
  public func lockPath(mailbox id: String) -> String {
    "\(path)/locks/\(Hex.digest(id.utf8).dropFirst("sha256:".count).prefix(32))"
  }
  /// Makes the folder of mailboxes' locks.
  public func createLocks() throws(JournalProblem) { try FileSystem.createFolder(path + "/locks") }

  /// What belongs to the history as a whole.
  public var historyPath: String { path + "/history" }
  /// The twin of `data/history.id` (DESIGN §4.12).
  public var historyIDPath: String { historyPath + "/id" }
  /// Makes the folder of what belongs to the history.
  public func createHistory() throws(JournalProblem) { try FileSystem.createFolder(historyPath) }
  /// What is paused, and what breakers have stopped.
  public var pausesPath: String { path + "/pauses.jsonl" }
  public var metricsPath: String { path + "/metrics.prom" }

  public func day(_ date: CalendarDay) -> DayFolder { DayFolder(date: date, path: "\(path)/\(date)") }

  /// The days that have a folder, the earliest first.
  public func days() throws(JournalProblem) -> [DayFolder] {
    try FileSystem.names(in: path).compactMap { CalendarDay($0) }.sorted().map { day($0) }
  }

  /// Makes the folder, and those above it that are missing, and has git pass it over: it holds personal data.
  public func create() throws(JournalProblem) {
    try FileSystem.createFolder(path)
    let ignore = path + "/.gitignore"
    if !FileSystem.exists(ignore) { try AtomicFile.write(Array("*\n".utf8), to: ignore) }
  }
}

/// One day's files.
public struct DayFolder: Hashable, Sendable {
  public let date: CalendarDay
  public let path: String

  public var planPath: String { path + "/plan.jsonl" }
  /// The lines of the plan as they were planned.
  public var linesPath: String { path + "/plan.lines" }
  public var planHTMLPath: String { path + "/plan.html" }
  public var skippedPath: String { path + "/skipped.jsonl" }
  public var approvalPath: String { path + "/approval.jsonl" }
  /// Copies of the campaign files and templates that the plan was made from, named by their digest in hex.
  public var inputsPath: String { path + "/inputs" }
  public var resultsPath: String { path + "/results.jsonl" }
  public var deadLettersPath: String { path + "/dead-letters.jsonl" }
  public var reportPath: String { path + "/report.html" }
  /// What was mailed to reviewers.
  public var reviewPath: String { path + "/review.jsonl" }
  /// Where `file` providers put that mail: it holds whole plans, and goes with its day.
  public var reviewOutboxPath: String { path + "/review" }
  public var outboxPath: String { path + "/outbox" }
  /// Held by whoever writes results of this day.
  public var lockPath: String { path + "/lock" }
  /// Held by whoever waits for `lockPath` while a run that gives way has it: the run's cue to do so.
  public var waitingPath: String { path + "/waiting" }

  /// A shard's own: `results.2-of-8.jsonl`. Without a shard `resultsPath`.
  public func resultsPath(_ shard: Shard?) -> String {
    shard.map { "\(path)/results.\($0.index)-of-\($0.count).jsonl" } ?? resultsPath
  }

  /// Held by the run of one shard, besides its share of `lockPath`.
  public func lockPath(_ shard: Shard) -> String { "\(path)/\(Self.shardLock)\(shard.index)-of-\(shard.count)" }

  private static let shardLock = "lock."

  /// Whether somebody writes results of this day.
  public func isLive() throws(JournalProblem) -> Bool {
    if try Lock.isHeld(lockPath) { return true }
    for name in try FileSystem.names(in: path) where name.hasPrefix(Self.shardLock) {
      if try Lock.isHeld("\(path)/\(name)") { return true }
    }
    return false
  }

  /// Path of an input's copy; nil unless the digest is `sha256:` and 64 hex digits.
  public func inputPath(digest: String) -> String? {
    let hex = digest.hasPrefix("sha256:") ? digest.dropFirst(7) : digest[...]
    guard hex.utf8.count == 64, hex.utf8.allSatisfy({ ($0 >= 0x30 && $0 <= 0x39) || ($0 >= 0x61 && $0 <= 0x66) })
    else { return nil }
    return "\(inputsPath)/\(hex)"
  }

  /// The results files that are there: `results.jsonl` first, then the shards'.
  public func resultsPaths() throws(JournalProblem) -> [String] {
    let names = try FileSystem.names(in: path).filter { $0.hasPrefix("results.") && $0.hasSuffix(".jsonl") }
    return (names.filter { $0 == "results.jsonl" } + names.filter { $0 != "results.jsonl" }).map { "\(path)/\($0)" }
  }

  /// Of all its results files together, in bytes: they only grow.
  public func resultsSize() throws(JournalProblem) -> Int {
    var size = 0
    for path in try resultsPaths() { size += FileStamp(path)?.size ?? 0 }
    return size
  }

  /// Numbers of the plans that were replaced: `plan.1.jsonl` is the oldest.
  func keptPlans() throws(JournalProblem) -> [Int] {
    try FileSystem.names(in: path).compactMap { name in
      guard name.hasPrefix("plan."), name.hasSuffix(".jsonl"), name.utf8.count > 11 else { return nil }
      let digits = name.dropFirst(5).dropLast(6)
      guard let n = Int(digits), n > 0, String(n) == digits else { return nil }
      return n
    }.sorted()
  }

  /// The plans of this day that are there, the current one first, then the replaced ones, the newest first.
  public func planPaths() throws(JournalProblem) -> [String] {
    let kept = try keptPlans().reversed().map { "\(path)/plan.\($0).jsonl" }
    return (FileSystem.exists(planPath) ? [planPath] : []) + kept
  }

  /// Makes the folder, and those above it that are missing.
  public func create() throws(JournalProblem) { try FileSystem.createFolder(path) }
}
