import Dispatch
import Foundation
import Synchronization

/// Work on all cores whose result does not depend on how many there are.
enum Parallel {
  /// `body` of 0 ..< n, in order.
  static func map<T: Sendable>(_ n: Int, _ body: @Sendable (Int) -> T) -> [T] {
    if n <= 1 { return (0..<n).map(body) }
    let results = Mutex<[T?]>(Array(repeating: nil, count: n))
    DispatchQueue.concurrentPerform(iterations: n) { i in
      let one = body(i)
      results.withLock { $0[i] = one }
    }
    return results.withLock { $0.compactMap { $0 } }
  }

  /// `body` of 0 ..< n, in order, with something that each worker has for itself from one call to the next.
  /// - Parameters:
  ///   - own: what a worker begins with.
  ///   - body: with the worker's number: which worker makes which call is chance, and so must not show in the results.
  /// - Returns: also what every worker ended with.
  static func map<T: Sendable, Own: Sendable>(
    _ n: Int, own: Own, _ body: @Sendable (Int, Int, inout Own) -> T
  ) -> (results: [T], owned: [Own]) {
    let workers = max(1, min(n, ProcessInfo.processInfo.activeProcessorCount))
    let next = Atomic(0)
    let results = Mutex<[T?]>(Array(repeating: nil, count: n))
    let owned = Mutex<[Own]>(Array(repeating: own, count: workers))
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      var mine = own
      while true {
        let i = next.add(1, ordering: .relaxed).oldValue
        guard i < n else { break }
        let one = body(i, worker, &mine)
        results.withLock { $0[i] = one }
      }
      let done = mine
      owned.withLock { $0[worker] = done }
    }
    return (results.withLock { $0.compactMap { $0 } }, owned.withLock { $0 })
  }
}
