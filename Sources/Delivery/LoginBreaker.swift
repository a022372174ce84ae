import Model

/// The breaker of one login, since a provider that fails every message must not be handed the next ones.
///
///     closed ──`limit` faults in a row──▶ open (rests) ──its rest over──▶ half open (one attempt at a time)
///        ▲                                  ▲                                │ │
///        │                                  └──────────── fault ─────────────┘ │
///        └────────────────────────── any other reply ──────────────────────────┘
///
/// A rest lasts as long as `retry` says of a send's waits: it doubles from `backoff` up to `max_backoff`. Refused
/// connections and credentials open it at once; they are no attempts, no record tells of them, and a restart forgets
/// them. A person who lets the provider go on (`resume`) closes it.
struct LoginBreaker: Hashable, Sendable {
  /// So many faults in a row open it.
  static let limit = 5

  private(set) var strikes = 0
  /// How often it was opened since it last worked: its rests double with it.
  private(set) var failures = 0
  private(set) var restsUntil = Instant.distantPast
  /// Open, or half open: at most one attempt at a time shows whether it works again.
  var isProbing: Bool { failures > 0 }

  /// - Parameter atLeast: how long the server asks to be left alone. A restart forgets it, and keeps to its own rests.
  /// - Returns: how long it rests, if that opened it.
  mutating func note(
    _ fault: Fault, at now: Instant, policy: RetryPolicy, name: String, atLeast: Instant.Span = .zero
  ) -> Instant.Span? {
    switch fault {
    case .none:
      strikes = 0
      failures = 0
      return nil
    // What was under way when it opened says nothing new.
    case .strike, .rest:
      guard now >= restsUntil else { return nil }
      strikes += 1
      guard fault != .strike || isProbing || strikes >= Self.limit else { return nil }
      return open(at: now, policy: policy, name: name, atLeast: atLeast)
    }
  }

  /// - Returns: how long it rests; nil if it rests already.
  mutating func open(
    at now: Instant, policy: RetryPolicy, name: String, atLeast: Instant.Span = .zero
  ) -> Instant.Span? {
    guard restsUntil <= now else { return nil }
    strikes = 0
    failures += 1
    let delay = max(RetrySchedule.delay(after: failures, policy: policy, id: name), atLeast, .seconds(1))
    restsUntil = now + delay
    return delay
  }
}
