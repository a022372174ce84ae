import Model

extension DeadReason {
  /// What it means, for whoever reads a report.
  public var meaning: String {
    switch self {
    case .rejected: "The server refused the message or the recipient for good."
    case .expired: "Its time to live, or its campaign, ended before it could go out."
    case .gaveUp: "It was tried as often, or as long, as the retry settings allow."
    case .inDoubt: "The connection or the run broke off after the message may have been taken: nobody can tell."
    case .renderError: "The message could not be made from its templates and values."
    }
  }

  /// What to do about it.
  public var advice: String {
    switch self {
    case .rejected:
      "Read the replies. An unknown address is final and counts as a bounce; drop it. A refusal of the sender or of the "
        + "content is yours to put right; then retry."
    case .expired: "Drop it, or give the campaign a longer ttl or a later end, and plan again."
    case .gaveUp: "See to what the replies name (a full mailbox, a server that is away), then retry."
    case .inDoubt:
      "Look for the Message-ID in the server's log or ask the recipient. Mark it as sent if it arrived; retry only if it "
        + "did not: the same message may go out twice."
    case .renderError: "Correct the template or the contact's data, plan again, then retry."
    }
  }

  /// The command that settles all of a day's.
  public func command(date: CalendarDay, rehearse: Bool) -> String {
    let verb: String
    switch self {
    case .rejected, .expired: verb = "drop"
    case .gaveUp, .renderError: verb = "retry"
    case .inDoubt: verb = "mark-sent"
    }
    return "nightmail dead-letters \(verb) --reason \(rawValue) --date \(date)\(rehearse ? " --rehearse" : "")"
  }
}
