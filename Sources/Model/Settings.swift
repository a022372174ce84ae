/// The project's defaults, from `settings.yaml`. Every key has one.
public struct Settings: Sendable {
  public var zone: Zone
  /// When the project's day begins, in seconds after midnight, 0...86399.
  public var dayStarts: Int64
  public var window: Window
  public var holidays: Set<CalendarDay>
  /// Sends to one contact on one of the project's days, over all bulk campaigns; nil means no cap.
  public var contactCapPerDay: Int?
  /// The same over any seven of the project's days in a row, the send's own being the last; nil means no cap.
  public var contactCapPerWeek: Int?
  /// Nil means no cap.
  public var domainCap: DomainCap?
  public var retry: RetryPolicy
  /// For mailboxes, and for campaigns that have none of their own.
  public var breaker: BreakerPolicy
  public var approval: Approval
  public var vars: [String: String]
  /// Decides ties, jitter and variants.
  public var seed: UInt64
  /// Nil: nobody is mailed plans and reports.
  public var review: Review?

  public init(
    zone: Zone = .utc, dayStarts: Int64 = 0, window: Window = .always, holidays: Set<CalendarDay> = [],
    contactCapPerDay: Int? = nil, contactCapPerWeek: Int? = nil, domainCap: DomainCap? = nil,
    retry: RetryPolicy = RetryPolicy(), breaker: BreakerPolicy = BreakerPolicy(), approval: Approval = .required,
    vars: [String: String] = [:], seed: UInt64 = 0, review: Review? = nil
  ) {
    self.zone = zone
    self.dayStarts = dayStarts
    self.window = window
    self.holidays = holidays
    self.contactCapPerDay = contactCapPerDay
    self.contactCapPerWeek = contactCapPerWeek
    self.domainCap = domainCap
    self.retry = retry
    self.breaker = breaker
    self.approval = approval
    self.vars = vars
    self.seed = seed
    self.review = review
  }

  /// The instants that a plan for `day` covers: from `day_starts` to the next day's, 23, 24 or 25 hours (DESIGN §2).
  public func span(of day: CalendarDay) -> Interval {
    Interval(zone.instant(day, second: dayStarts), zone.instant(day + 1, second: dayStarts))
  }

  /// The project's day that an instant belongs to.
  public func day(of instant: Instant) -> CalendarDay {
    let day = zone.day(of: instant)
    return instant < span(of: day).start ? day - 1 : day
  }
}

/// Who is mailed the plans that await approval and the reports of days, and from which mailbox. Such mail is no send: it
/// stands outside history and limits.
public struct Review: Hashable, Sendable {
  /// At least one, each address once.
  public var to: [NamedAddress]
  /// A mailbox's id. Project loading sees to it that the mailbox is there and has an e-mail address.
  public var mailbox: String
  /// Of the mailbox's name.
  public var place: Place

  public init(to: [NamedAddress], mailbox: String, place: Place = Place("campaigns/settings.yaml")) {
    self.to = to
    self.mailbox = mailbox
    self.place = place
  }
}

/// E-mails to one domain on one of the project's days, over all bulk campaigns.
public struct DomainCap: Hashable, Sendable {
  /// At least 0.
  public var perDay: Int
  /// Domains without a cap, as lower-case A-labels.
  public var except: Set<String>
  public init(perDay: Int, except: Set<String> = []) {
    self.perDay = perDay
    self.except = except
  }
}

public enum Approval: String, CaseIterable, Sendable {
  case required, optional
}

/// When a send that was put off is tried again.
public struct RetryPolicy: Hashable, Sendable {
  /// Before the second attempt; doubled for each one after it.
  public var backoff: Instant.Span
  public var maxBackoff: Instant.Span
  /// Counted from the first attempt (RFC 5321 §4.5.4.1: at least 4 to 5 days).
  public var giveUpAfter: Instant.Span
  /// At most so many attempts; nil means as many as fit.
  public var attempts: Int?

  public init(
    backoff: Instant.Span = .minutes(1), maxBackoff: Instant.Span = .minutes(30),
    giveUpAfter: Instant.Span = .days(4), attempts: Int? = nil
  ) {
    self.backoff = backoff
    self.maxBackoff = maxBackoff
    self.giveUpAfter = giveUpAfter
    self.attempts = attempts
  }
}
