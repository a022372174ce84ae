/// Where a send stands after all its records. Each record moves it; the last word counts.
///
///     pending ──intent──▶ inFlight ──outcome──▶ sent | waiting | dead | inDoubt
///        ▲                                         │        │        │
///        └──────── released, requeued ◀────────────┴────────┴────────┘
///     pending ──withdrawn──▶ withdrawn      dead | inDoubt ──resolved──▶ sent | dropped
public enum SendState: Hashable, Sendable {
  /// Due, its attempts so far counted apart.
  case pending
  /// An intent without an outcome: in doubt unless the run that wrote it still lives.
  case inFlight
  case sent
  /// Put off until an instant.
  case waiting(until: Instant)
  case inDoubt
  case dead(DeadReason)
  case withdrawn
  case dropped

  /// Whether the sequence can never take this step again.
  public var isFinal: Bool {
    switch self {
    case .sent, .dead, .withdrawn, .dropped: true
    case .pending, .inFlight, .waiting, .inDoubt: false
    }
  }
  /// Whether the server has it or may have it: what limits count.
  public var countsAgainstLimits: Bool { self == .sent || self == .inFlight || self == .inDoubt }
}

/// All that is known of one send from the results of all days.
public struct SendRecord: Hashable, Sendable {
  public var id: SendID
  public var campaign: String
  public var step: String
  public var key: String
  public var contact: String
  public var channel: Channel
  public var to: String
  public var mailbox: String
  public var state: SendState
  /// Attempts since the start or the last `requeued`.
  public var attempts: Int
  public var firstAttempt: Instant?
  /// When the state was reached.
  public var at: Instant
  /// When the last attempt was begun: the instant that limits and days count by.
  public var attemptAt: Instant?
  /// Nil until there was an attempt.
  public var messageID: String?
  public var subject: String?
  public var provider: String?
  public var expiresAt: Instant?
  /// The last outcome, where there was one.
  public var last: Record.Result?

  public init(
    id: SendID, campaign: String, step: String, key: String, contact: String, channel: Channel, to: String,
    mailbox: String, state: SendState = .pending, attempts: Int = 0, firstAttempt: Instant? = nil, at: Instant,
    attemptAt: Instant? = nil, messageID: String? = nil, subject: String? = nil, provider: String? = nil,
    expiresAt: Instant? = nil, last: Record.Result? = nil
  ) {
    self.id = id
    self.campaign = campaign
    self.step = step
    self.key = key
    self.contact = contact
    self.channel = channel
    self.to = to
    self.mailbox = mailbox
    self.state = state
    self.attempts = attempts
    self.firstAttempt = firstAttempt
    self.at = at
    self.attemptAt = attemptAt
    self.messageID = messageID
    self.subject = subject
    self.provider = provider
    self.expiresAt = expiresAt
    self.last = last
  }
}
