/// How a message reaches a contact.
public enum Channel: String, Codable, CaseIterable, Sendable {
  case email, sms
}

/// Why a due step is not planned, for a cause in its own data. One line each in `skipped.jsonl`; where several apply,
/// the first of this order is given.
public enum SkipReason: String, CaseIterable, Sendable {
  /// The row could not be read: wrong width, broken UTF-8, no address.
  case invalidRow = "invalid-row"
  /// The address or number is none that a server would take.
  case invalidAddress = "invalid-address"
  /// The same address stands under two ids, or a message row twice; the first one goes out.
  case duplicate
  /// `suppressions.csv` names the address, its domain or the number.
  case suppressed
  /// Mail to the address came back for good, or the server refused it for good.
  case bounced
  /// The contact complained of spam.
  case complained
  /// The contact unsubscribed; holds for every bulk campaign.
  case unsubscribed
  /// The contact's preferences, or what it lacks, leave no channel that the step uses.
  case optedOut = "opted-out"
  /// A template names a variable that nothing gives, and has no text for its absence.
  case missingVariable = "missing-variable"
  /// Its text takes more SMS segments than the campaign's `max_segments` allows.
  case tooLong = "too-long"
  /// Its time to live has passed, or ends before it could go out.
  case expired
  /// No mailbox of the campaign can carry the step's channel.
  case noMailbox = "no-mailbox"
}

/// What a due step waits for: it is not in this plan and due again with the next.
public enum DeferReason: String, CaseIterable, Sendable {
  /// The mailboxes' limits leave no room today.
  case mailboxLimit = "mailbox-limit"
  /// Its window and the mailboxes' have no time in common on this day.
  case noWindowToday = "no-window-today"
  /// The contact has had as much today as `contact_caps` allows.
  case contactCap = "contact-cap"
  /// The domain has had as much today as `domain_caps` allows.
  case domainCap = "domain-cap"
  /// The campaign has begun as many contacts today as `daily_new_limit` allows.
  case newLimit = "new-limit"
  /// Unsent lines of other approved plans hold the room.
  case reserved
}

/// Why a step is not due although its sequence goes on. Counted apart in the plan's header.
public enum HoldReason: String, CaseIterable, Sendable {
  /// An earlier send of the sequence is in doubt: a person settles it first.
  case inDoubt = "in-doubt"
  /// An approved plan of another day has it.
  case plannedElsewhere = "planned-elsewhere"
}

/// Why a send has ended without being sent. The `reason` of a dead letter.
public enum DeadReason: String, CaseIterable, Sendable {
  /// The server refused it for good.
  case rejected
  /// Its time to live or its campaign ended first.
  case expired
  /// Tried as often, or as long, as `retry` allows.
  case gaveUp = "gave-up"
  /// The server may have it; only a person can say (`dead-letters retry` or `mark-sent`).
  case inDoubt = "in-doubt"
  /// The message could not be made from its templates and values.
  case renderError = "render-error"
}

/// Why a planned send was given back to the next plan unsent.
public enum ReleaseReason: String, CaseIterable, Sendable {
  /// Its open time passed before it could go out.
  case missed
  /// No provider of its mailbox could be reached or logged in to while it was open.
  case providerUnavailable = "provider-unavailable"
  /// A limit of its mailbox was used up by other sends.
  case mailboxLimit = "mailbox-limit"
  /// The contact had its share of the day, or of the week, by other sends.
  case contactCap = "contact-cap"
  /// The domain had its share of the day by other sends.
  case domainCap = "domain-cap"
  /// The campaign had begun as many contacts that day as `daily_new_limit` allows.
  case newLimit = "new-limit"
  /// A suppression, event or preference that came after the plan.
  case suppressed
  case bounced
  case complained
  case unsubscribed
  /// The contact has turned the channel off since.
  case optedOut = "opted-out"
  /// It went out already under another id of the contact, or another name of the step.
  case alreadySent = "already-sent"
  /// The sequence was stopped by an event that came after the plan.
  case stopped
  /// Its campaign, its mailbox or all its providers were paused by a person until its open time had passed.
  case paused
  /// The breaker of its campaign or mailbox stopped it: too many bounces, complaints or errors.
  case breaker

  /// Whether nothing speaks against the send but that its day is used up: the next one has room for it again. A breaker
  /// may be reset on the same day.
  public var waitsForAnotherDay: Bool {
    switch self {
    case .missed, .providerUnavailable, .mailboxLimit, .contactCap, .domainCap, .newLimit, .paused: true
    case .suppressed, .bounced, .complained, .unsubscribed, .optedOut, .alreadySent, .stopped, .breaker: false
    }
  }
}
