import Journal
import Model

/// What goes into the dispatcher, and what comes out of it.
extension Dispatcher {
  /// A line of the plan that goes out in this run, with what history knows of it: for runs of a few, at hand.
  public struct Item: Sendable {
    public var send: PlannedSend
    /// Attempts made by earlier runs.
    public var attempts: Int
    public var firstAttempt: Instant?
    /// Where a retry waits: not before it.
    public var notBefore: Instant?
    /// When its sequence began, for stop events; nil for a first step.
    public var began: Instant?
    /// What else the contact is known by - the key it has by now, addresses and numbers: complaints and unsubscribes
    /// under them hold too, and what was sent to them counts for its caps.
    public var others: [String] = []

    public init(
      send: PlannedSend, attempts: Int = 0, firstAttempt: Instant? = nil, notBefore: Instant? = nil,
      began: Instant? = nil
    ) {
      self.send = send
      self.attempts = attempts
      self.firstAttempt = firstAttempt
      self.notBefore = notBefore
      self.began = began
    }
  }

  /// What the driver is to do.
  public enum Action: Sendable {
    /// Compose the message and hand it to the transport.
    case begin(handle: Int, Endpoint)
    /// Write the record.
    case record(Record)
    /// The intent is among the records: once they are on disk, let the transport complete the message.
    case complete(handle: Int)
    /// The message must not go out now after all: let the transport give the attempt up.
    case cancel(handle: Int)
    /// For the log.
    case warn(String)
    /// A breaker has stopped a part until a person resumes it: write it down, and say so.
    case stopped(Breakers.Trip)
  }
}
