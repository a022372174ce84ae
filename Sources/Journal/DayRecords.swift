import Model

extension DayResults {
  /// An attempt that limits count.
  public struct Counted: Sendable {
    /// The line's number.
    public var number: Int
    public var at: Instant
    /// Where they are not the line's own any more.
    public var mailbox: String?
    public var to: String?
  }

  /// An outcome as breakers take it: one in a thousand has more to say than that it was sent.
  public enum Heard {
    /// - way: a number for campaign, mailbox and provider together, from 0.
    case sent(way: Int, campaign: String, mailbox: String, provider: String, at: Instant)
    case other(Record)
  }
}

extension DayResults.Standing {
  init(_ state: SendState) {
    switch state {
    case .pending: self = .pending
    case .inFlight: self = .inFlight
    case .sent: self = .sent
    case .waiting: self = .waiting
    case .inDoubt: self = .inDoubt
    case .dead, .withdrawn, .dropped: self = .over
    }
  }
}
