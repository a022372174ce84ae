import Foundation
import Model

/// A history on its way: what was folded, and what it was made of.
struct HistoryFold: Sendable {
  /// One results file that went into it.
  struct File: Hashable, Sendable {
    /// Relative to the output folder.
    var path: String
    var day: CalendarDay
    var stamp: FileStamp
    /// Whether what was read is what the stamp speaks of: nobody wrote meanwhile.
    var isSettled = true
    /// Of the whole file, for the plan's header.
    var digest: String
    /// The place after the last whole line, how many lines there are before it, and their digest.
    var end: Int
    var lines: Int
    var linesDigest: String
  }

  /// The results files of one day, in the order in which they are read.
  struct Day: Sendable {
    var date: CalendarDay
    var paths: [String]
    /// Where an only file has been read up to.
    var mark: ResultsBatchReader.Mark?
    /// Whether it is what was kept of a pruned day.
    var isPruned = false
  }

  var history = History()
  /// Sends that were given back on a day and not taken up again on it.
  var released: [CalendarDay: Set<SendID>] = [:]
  /// In the order of the fold.
  var files: [File] = []
  var records = 0
  /// Of what was kept, by its day.
  var pruned: [CalendarDay: PrunedDay] = [:]

  mutating func take(
    _ record: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, on date: CalendarDay, hasTokens: Bool = false
  ) {
    history.fold(record, bytes, hasTokens: hasTokens)
    records += 1
    switch record.kind {
    case .released: released[date, default: []].insert(record.id)
    case .intent: if !released.isEmpty { released[date]?.remove(record.id) }
    case .outcome, .withdrawn, .requeued, .resolved: break
    }
  }

  mutating func take(_ batch: ResultsBatch, on date: CalendarDay, hasTokens: Bool = false) {
    batch.bytes.withUnsafeBufferPointer { bytes in
      for record in batch.records { take(record, bytes, on: date, hasTokens: hasTokens) }
    }
  }

  /// The records of several files by their times, each file in its own order: `ResultsReader.forEach(in:)` says how.
  mutating func take(merging files: [[ResultsBatch]], on date: CalendarDay) {
    var cursors = files.map { Cursor($0) }
    while true {
      var best: Int?
      for (i, cursor) in cursors.enumerated() where !cursor.isAtEnd {
        if let b = best, cursors[b].at <= cursor.at { continue }
        best = i
      }
      guard let best else { return }
      if let (batch, i) = cursors[best].record {
        batch.bytes.withUnsafeBufferPointer { take(batch.records[i], $0, on: date) }
      }
      cursors[best].advance()
    }
  }

  /// A place in a file's records and runs: a run's time counts in the merge.
  private struct Cursor {
    let batches: [ResultsBatch]
    private var batch = 0
    private var next = 0
    private var run = 0

    init(_ batches: [ResultsBatch]) {
      self.batches = batches
      skipEmpty()
    }

    var isAtEnd: Bool { batch == batches.count }
    private var isAtRun: Bool { run < batches[batch].runs.count && batches[batch].runs[run].before == next }
    var record: (ResultsBatch, Int)? { isAtRun ? nil : (batches[batch], next) }
    var at: Int64 {
      isAtRun ? batches[batch].runs[run].run.at.milliseconds : batches[batch].records[next].at
    }

    mutating func advance() {
      if isAtRun { run += 1 } else { next += 1 }
      skipEmpty()
    }

    private mutating func skipEmpty() {
      while batch < batches.count, next == batches[batch].records.count, run == batches[batch].runs.count {
        batch += 1
        (next, run) = (0, 0)
      }
    }
  }
}

/// Folds days of results on several cores: each worker reads, hashes and parses a day of its own, and applies it when
/// the days before it have been applied. What comes out does not depend on the number of cores.
///
///     a worker:   reading ──its turn──▶ applying ──▶ next day that nobody has
///                    └─ more than `waits` bytes ahead: waits for its turn
final class ParallelFold: @unchecked Sendable {
  private let condition = NSCondition()
  private let days: [HistoryFold.Day]
  private let output: OutputFolder
  // Under the condition's lock:
  private var taken = 0
  private var turn = 0
  private var problem: JournalProblem?
  /// Touched only by the worker whose turn it is.
  private var fold: HistoryFold

  /// How far a worker reads ahead of its turn.
  private static let waits = 64 << 20

  private init(_ days: [HistoryFold.Day], _ output: OutputFolder, _ fold: HistoryFold) {
    self.days = days
    self.output = output
    self.fold = fold
  }

  /// Adds days, which must come after those that are in `fold`.
  static func add(
    _ days: [HistoryFold.Day], of output: OutputFolder, to fold: inout HistoryFold
  ) throws(JournalProblem) {
    let work = ParallelFold(days, output, fold)
    // The worker's is the only one now: no copy is made when it grows.
    fold = HistoryFold()
    let cores = min(days.count, ProcessInfo.processInfo.activeProcessorCount, 8)
    if cores > 1 {
      DispatchQueue.concurrentPerform(iterations: cores) { _ in work.run() }
    } else {
      work.run()
    }
    if let problem = work.problem { throw problem }
    fold = work.fold
    fold.history.settle()
  }

  private func run() {
    while let day = nextDay() {
      do throws(JournalProblem) {
        if days[day].paths.count == 1 { try stream(day) } else { try merge(day) }
      } catch {
        // Of several problems the first day's is told, as if they had been read one after another.
        if waitForTurn(day) { stop(error) }
        return
      }
    }
  }

  private func nextDay() -> Int? {
    condition.withLock {
      guard taken < days.count, problem == nil else { return nil }
      defer { taken += 1 }
      return taken
    }
  }

  /// False where an earlier day had a problem.
  private func waitForTurn(_ day: Int) -> Bool {
    condition.withLock {
      while turn < day, problem == nil { condition.wait() }
      return problem == nil
    }
  }

  private func isTurn(_ day: Int) -> Bool { condition.withLock { turn == day } }

  private func endTurn() {
    condition.withLock {
      turn += 1
      condition.broadcast()
    }
  }

  private func stop(_ error: JournalProblem) {
    condition.withLock {
      problem = error
      condition.broadcast()
    }
  }

  /// A day with one file: batch by batch, as soon as it may.
  private func stream(_ day: Int) throws(JournalProblem) {
    let (date, isPruned) = (days[day].date, days[day].isPruned)
    var reader = try ResultsBatchReader(
      days[day].paths[0], hashing: true, from: days[day].mark ?? .init(),
      header: isPruned ? PrunedDay.header : ResultsCodec.key)
    var ahead: [ResultsBatch] = []
    var aheadBytes = 0
    while let batch = try reader.next() {
      if let problem = batch.problem { throw problem }
      aheadBytes += batch.bytes.count
      ahead.append(batch)
      guard isTurn(day) || aheadBytes > Self.waits else { continue }
      guard waitForTurn(day) else { return }
      for batch in ahead { fold.take(batch, on: date, hasTokens: isPruned) }
      ahead.removeAll()
      aheadBytes = 0
    }
    guard waitForTurn(day) else { return }
    for batch in ahead { fold.take(batch, on: date, hasTokens: isPruned) }
    fold.files.append(file(reader, date))
    endTurn()
  }

  /// A day with several files: all of them are read before they are merged.
  private func merge(_ day: Int) throws(JournalProblem) {
    let date = days[day].date
    var files: [[ResultsBatch]] = []
    var read: [HistoryFold.File] = []
    for path in days[day].paths {
      var reader = try ResultsBatchReader(path, hashing: true)
      var batches: [ResultsBatch] = []
      while let batch = try reader.next() {
        if let problem = batch.problem { throw problem }
        batches.append(batch)
      }
      files.append(batches)
      read.append(file(reader, date))
    }
    guard waitForTurn(day) else { return }
    fold.take(merging: files, on: date)
    fold.files += read
    endTurn()
  }

  private func file(_ reader: ResultsBatchReader, _ date: CalendarDay) -> HistoryFold.File {
    HistoryFold.File(
      path: String(reader.path.dropFirst(output.path.count + 1)), day: date, stamp: reader.stamp,
      isSettled: reader.stamp.size == reader.size, digest: reader.digest ?? "", end: reader.mark.offset,
      lines: reader.mark.lines, linesDigest: reader.mark.digest)
  }
}

extension ResultsBatchReader.Mark {
  var digest: String { "sha256:" + Hex.encode(hash.finalize()) }
}
