import Model

/// When the next attempt is made.
public enum RetrySchedule {
  /// The wait after attempt `number` (from 1): `backoff` doubled for each attempt before it, at most `max_backoff`,
  /// less or more by up to a fifth, so that what failed together does not come back together. The jitter follows from
  /// the send's id: the same send waits the same time in every run.
  public static func delay(after number: Int, policy: RetryPolicy, id: String) -> Instant.Span {
    let doublings = min(max(number - 1, 0), 40)
    let (product, overflow) = policy.backoff.milliseconds.multipliedReportingOverflow(by: 1 << Int64(doublings))
    let base = min(overflow ? .max : product, policy.maxBackoff.milliseconds, Self.longest.milliseconds)
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in "\(id)/\(number)".utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let permille = 800 + Int64((hash >> 32) % 401)
    let jittered = Instant.Span(milliseconds: base / 1000 * permille + base % 1000 * permille / 1000)
    return min(jittered, policy.maxBackoff)
  }

  /// A century: what the settings can name at most, and safe to add to any instant.
  private static let longest = Instant.Span.days(36_500)

  /// Whether attempt `number`, the first having been made at `first`, is followed by another one at `next`: `attempts`
  /// and `give_up_after` allow it.
  public static func goesOn(
    after number: Int, first: Instant, next: Instant, policy: RetryPolicy
  ) -> Bool {
    if let limit = policy.attempts, number >= limit { return false }
    return next < first + policy.giveUpAfter
  }
}
