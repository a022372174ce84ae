import Foundation
import Model

/// Reads one file of results on several cores: one thread at a time cuts it into pieces of whole lines, all of them take
/// pieces apart, and the pieces are handed on in order. What comes out does not depend on their number.
///
/// Sendable because the file is read under the lock, and `body` runs in turn.
final class ParallelResults: @unchecked Sendable {
  private let lock = NSLock()
  private var reader: ResultsBatchReader
  private var taken = 0
  private let body: (ResultsBatch) -> Void
  private var lines = 0

  private init(_ reader: ResultsBatchReader, _ body: @escaping (ResultsBatch) -> Void) {
    self.reader = reader
    self.body = body
  }

  /// - Throws: as `ResultsReader.forEach`, after `body` has had what stands before the problem.
  static func read(
    _ path: String, workers: Int = BlockOrder.usefulWorkers, _ body: (ResultsBatch) -> Void
  ) throws(JournalProblem) {
    let reader = try ResultsBatchReader(path)
    let result = withoutActuallyEscaping(body) { body in
      Result { () throws(JournalProblem) in try ParallelResults(reader, body).run(workers) }
    }
    try result.get()
  }

  private func run(_ workers: Int) throws(JournalProblem) {
    let order = BlockOrder(count: .max)
    try order.run(workers: workers) { (_) throws(JournalProblem) in
      while let (piece, number) = try self.next(order) {
        let batch = ResultsBatchReader.scan(piece, path: self.reader.path, isFirst: number == 0)
        try order.inTurn(number) { () throws(JournalProblem) in
          self.body(batch)
          if let problem = batch.problem { throw problem.moved(by: self.lines) }
          self.lines += batch.lines
        }
      }
    }
  }

  private func next(_ order: BlockOrder) throws(JournalProblem) -> ([UInt8], Int)? {
    lock.lock()
    defer { lock.unlock() }
    guard let piece = try reader.cut(), let number = order.next() else { return nil }
    return (piece, number)
  }
}

/// The records and runs of several results files by their times, each file in its own order (`ResultsReader.forEach`),
/// in the memory of a batch for each.
struct ResultsMerge {
  /// A record or a run of a batch.
  struct Place {
    var batch: ResultsBatch
    var record: Int
    var run: Record.Run?
    /// Whether nothing of its batch comes after it.
    var isLast: Bool
  }

  private struct Cursor {
    var reader: ResultsBatchReader
    var batch: ResultsBatch?
    var next = 0
    var run = 0

    init(_ path: String) throws(JournalProblem) {
      reader = try ResultsBatchReader(path)
      try advance()
    }

    var isAtRun: Bool { batch.map { run < $0.runs.count && $0.runs[run].before == next } ?? false }
    var at: Int64? {
      batch.map { isAtRun ? $0.runs[run].run.at.milliseconds : $0.records[next].at }
    }

    private func isSpent(_ batch: ResultsBatch) -> Bool { next == batch.records.count && run == batch.runs.count }

    mutating func take() throws(JournalProblem) -> Place? {
      guard let batch else { return nil }
      var place = Place(batch: batch, record: next, run: nil, isLast: false)
      if isAtRun {
        place.run = batch.runs[run].run
        run += 1
      } else {
        next += 1
      }
      place.isLast = isSpent(batch)
      if place.isLast { try advance() }
      return place
    }

    /// To the next batch that has anything in it.
    private mutating func advance() throws(JournalProblem) {
      repeat {
        if let problem = batch?.problem { throw problem }
        (next, run) = (0, 0)
        batch = try reader.next()
      } while batch.map(isSpent) ?? false
    }
  }

  private var cursors: [Cursor] = []

  init(_ paths: [String]) throws(JournalProblem) {
    for path in paths { cursors.append(try Cursor(path)) }
  }

  mutating func next() throws(JournalProblem) -> Place? {
    var best: (i: Int, at: Int64)?
    for (i, cursor) in cursors.enumerated() {
      guard let at = cursor.at else { continue }
      if best.map({ at < $0.at }) ?? true { best = (i, at) }
    }
    guard let best else { return nil }
    return try cursors[best.i].take()
  }
}
