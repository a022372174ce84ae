import Dispatch
import Foundation
import Model
import Synchronization

/// Writes one block at a time to a file, and syncs it, on a thread of its own: a sync takes the time of some ten
/// messages, in which the caller can go on with others.
///
///     idle ──begin──▶ writing ──done──▶ done ──end──▶ idle
///
/// `@unchecked Sendable`: the file is used by the queue's block only, and by nobody else between `begin` and the `end`
/// that takes its result; what both sides touch is behind the lock.
final class BackgroundWrite: @unchecked Sendable {
  private let file: Descriptor
  private let queue = DispatchQueue(label: "journal", qos: .userInitiated)
  private let result = Mutex<Result<[UInt8], JournalProblem>?>(nil)
  private(set) var isUnderWay = false

  init(_ file: Descriptor) { self.file = file }

  /// - Parameter done: called on another thread once the block is on disk, or cannot be.
  func begin(_ block: [UInt8], done: @escaping @Sendable () -> Void) {
    precondition(!isUnderWay)
    isUnderWay = true
    queue.async { [self] in
      let outcome = Result { () throws(JournalProblem) in
        try file.write(block)
        try file.syncData()
        return block
      }
      result.withLock { $0 = outcome }
      done()
    }
  }

  /// - Parameter waits: whether to wait for it.
  /// - Returns: the block's memory, for the next; nil while it is being written.
  func end(waits: Bool) throws(JournalProblem) -> [UInt8]? {
    guard isUnderWay else { return nil }
    if waits { queue.sync {} }
    guard let outcome = result.withLock({ $0.take() }) else { return nil }
    isUnderWay = false
    return try outcome.get()
  }
}
