import Dispatch
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
}
