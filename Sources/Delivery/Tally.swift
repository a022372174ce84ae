import Model

/// The counts of a run. Every line of it ends as one of them: total = sent + dead + in doubt + released + left.
public struct Tally: Sendable {
  public var total = 0
  public var sent = 0
  public var inDoubt = 0
  public var dead: [DeadReason: Int] = [:]
  public var released: [ReleaseReason: Int] = [:]
  /// Attempts that will be, or were, tried again.
  public var retried = 0
  /// Sends that wait for another attempt.
  public var waiting = 0
  /// Logins that could not be used when last tried, and why.
  public var unavailable: [String: String] = [:]
  /// What breakers have stopped in this run.
  public var stopped: [Breakers.Trip] = []

  public init() {}
  public var deadTotal: Int { dead.values.reduce(0, +) }
  public var releasedTotal: Int { released.values.reduce(0, +) }
  public var ended: Int { sent + inDoubt + deadTotal + releasedTotal }
  /// Not taken to an end by this run: not due, put off, or the run was stopped.
  public var left: Int { total - ended }
}
