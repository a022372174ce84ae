import Foundation
import Model

/// The executor's time: the wall clock, or one that a rehearsal plays through.
public protocol DeliveryClock: AnyObject {
  func now() -> Instant
  /// Whether waiting is done by moving the clock.
  var isVirtual: Bool { get }
  /// Moves a virtual clock forward, never back; does nothing to the wall clock.
  func advance(to instant: Instant)
}

/// The machine's clock.
public final class WallClock: DeliveryClock {
  public init() {}
  public func now() -> Instant { Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
  public var isVirtual: Bool { false }
  public func advance(to instant: Instant) {}
}

/// A rehearsal's clock: it stands still while there is work and jumps to when there is some again, so that a day passes
/// in seconds and each send counts as made at its `send_at`.
public final class RehearsalClock: DeliveryClock {
  private var time: Instant
  public init(start: Instant) { time = start }
  public func now() -> Instant { time }
  public var isVirtual: Bool { true }
  public func advance(to instant: Instant) { time = max(time, instant) }
}
