import Model
import Synchronization

/// A clock that stands still until a test moves it. Hand `now` to whatever takes a clock.
public final class ManualClock: Sendable {
  private let time: Mutex<Instant>

  /// By default 2026-11-20T08:00:00Z, a Friday.
  public init(_ start: Instant = Instant(seconds: 1_795_161_600)) { time = Mutex(start) }

  public var now: Instant { time.withLock { $0 } }
  public func advance(by span: Instant.Span) { time.withLock { $0 += span } }
  public func set(_ instant: Instant) { time.withLock { $0 = instant } }
}
