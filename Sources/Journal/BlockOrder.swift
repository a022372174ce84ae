import Foundation

/// Work in blocks that several threads do at once and hand on in order.
///
/// A thread takes the next block, works on it in memory of its own, waits for its turn, hands the block on, and takes
/// another. Blocks are taken in order and each thread has one at a time, so that the one whose turn it is always runs:
/// nothing waits for ever, however few threads there are. The first problem ends it for all.
final class BlockOrder: @unchecked Sendable {
  // All of it under the condition's lock.
  private let condition = NSCondition()
  private var taken = 0
  private var turn = 0
  private var problem: JournalProblem?
  private let count: Int

  init(count: Int) { self.count = count }

  /// As many threads as are worth starting; beyond four, what is done in order is all that counts.
  static var usefulWorkers: Int { max(1, min(4, ProcessInfo.processInfo.activeProcessorCount)) }

  /// Has `work` done by `workers` threads, this one among them, and throws the first problem.
  func run(workers: Int, _ work: @Sendable (Int) throws(JournalProblem) -> Void) throws(JournalProblem) {
    DispatchQueue.concurrentPerform(iterations: max(1, min(workers, count))) { worker in
      do throws(JournalProblem) { try work(worker) } catch { stop(error) }
    }
    condition.lock()
    defer { condition.unlock() }
    if let problem { throw problem }
  }

  /// The next block; nil if there is none or the work has failed.
  func next() -> Int? {
    condition.lock()
    defer { condition.unlock() }
    guard taken < count, problem == nil else { return nil }
    defer { taken += 1 }
    return taken
  }

  /// Does `body` once it has been done for all blocks before this one; not at all if the work has failed.
  /// - Parameter isLast: false keeps the turn, for blocks that are handed on in pieces.
  func inTurn(
    _ block: Int, isLast: Bool = true, _ body: () throws(JournalProblem) -> Void
  ) throws(JournalProblem) {
    condition.lock()
    while turn != block && problem == nil { condition.wait() }
    let failed = problem
    condition.unlock()
    if let failed { throw failed }
    try body()
    guard isLast else { return }
    condition.lock()
    turn += 1
    condition.broadcast()
    condition.unlock()
  }

  private func stop(_ error: JournalProblem) {
    condition.lock()
    if problem == nil { problem = error }
    condition.broadcast()
    condition.unlock()
  }
}
