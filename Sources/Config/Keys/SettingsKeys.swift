import Model

/// `retry`: in settings, and per campaign over them.
enum RetryKeys {
  static let backoff = Key(
    "backoff", .span(least: .init(milliseconds: 1)), default: "1m",
    "The wait before the second attempt; it doubles with each one after it.", example: "1m")
  static let maxBackoff = Key(
    "max_backoff", .span(least: .init(milliseconds: 1)), default: "30m", "The longest wait between two attempts.",
    example: "30m")
  static let giveUpAfter = Key(
    "give_up_after", .span(least: .init(milliseconds: 1)), default: "4d",
    "Counted from the first attempt; after it the send becomes a dead letter (RFC 5321 §4.5.4.1: 4 to 5 days).",
    example: "4d")
  static let attempts = Key(
    "attempts", .integer(1...1000), "At most so many attempts; without it, as many as fit into give_up_after.",
    example: "6")
  static let schema = Schema(
    "retry", "When a send that was put off is tried again.",
    [backoff.info, maxBackoff.info, giveUpAfter.info, attempts.info])

  /// A campaign gives some of it, the settings the rest.
  struct Given: Sendable {
    var backoff: Instant.Span?
    var maxBackoff: Instant.Span?
    var giveUpAfter: Instant.Span?
    var attempts: Int?

    func over(_ base: RetryPolicy) -> RetryPolicy {
      RetryPolicy(
        backoff: backoff ?? base.backoff, maxBackoff: maxBackoff ?? base.maxBackoff,
        giveUpAfter: giveUpAfter ?? base.giveUpAfter, attempts: attempts ?? base.attempts)
    }
  }

  static let type = ValueType<Given>.object(schema) { object in
    let given = Given(
      backoff: object.given(backoff), maxBackoff: object.given(maxBackoff), giveUpAfter: object.given(giveUpAfter),
      attempts: object.given(attempts))
    if let least = given.backoff, let most = given.maxBackoff, least > most {
      object.findings.error(object.place(maxBackoff), "'max_backoff' (\(most)) is shorter than 'backoff' (\(least))")
    }
    return given
  }

  /// What the keys' own defaults come to.
  static var defaults: RetryPolicy {
    Given(
      backoff: backoff.defaultValue, maxBackoff: maxBackoff.defaultValue, giveUpAfter: giveUpAfter.defaultValue
    ).over(RetryPolicy())
  }
}

/// `breaker`: in settings, and per campaign over them.
enum BreakerKeys {
  static let bounceRate = Key(
    "bounce_rate", .share, default: "5%",
    "Stops above this share of bounces among the sends that ended today; 100% never does.", example: "5%")
  static let complaintRate = Key(
    "complaint_rate", .share, default: "0.3%", "Stops above this share of complaints that came in today.",
    example: "0.3%")
  static let errorRate = Key(
    "error_rate", .share, default: "20%",
    "Stops above this share of today's attempts that failed by the sender's or provider's fault, or are in doubt.",
    example: "20%")
  static let minSends = Key(
    "min_sends", .integer(1...1_000_000), default: "50", "Below so many a rate is not looked at.", example: "50")
  static let schema = Schema(
    "breaker", "When a campaign, or a mailbox, stops until a person resumes it.",
    [bounceRate.info, complaintRate.info, errorRate.info, minSends.info])

  /// A campaign gives some of it, the settings the rest.
  struct Given: Sendable {
    var bounceRate: Share?
    var complaintRate: Share?
    var errorRate: Share?
    var minSends: Int?

    func over(_ base: BreakerPolicy) -> BreakerPolicy {
      BreakerPolicy(
        bounceRate: bounceRate ?? base.bounceRate, complaintRate: complaintRate ?? base.complaintRate,
        errorRate: errorRate ?? base.errorRate, minSends: minSends ?? base.minSends)
    }
  }

  static let type = ValueType<Given>.object(schema) { object in
    Given(
      bounceRate: object.given(bounceRate), complaintRate: object.given(complaintRate),
      errorRate: object.given(errorRate), minSends: object.given(minSends))
  }

  /// What the keys' own defaults come to.
  static var defaults: BreakerPolicy {
    Given(
      bounceRate: bounceRate.defaultValue, complaintRate: complaintRate.defaultValue,
      errorRate: errorRate.defaultValue, minSends: minSends.defaultValue
    ).over(BreakerPolicy())
  }
}

/// `contact_caps`.
enum ContactCapKeys {
  static let perDay = Key(
    "per_day", .integer(0...1_000_000), "Sends to one contact on one day of the project, over all bulk campaigns.",
    example: "1")
  static let perWeek = Key(
    "per_week", .integer(0...1_000_000),
    "The same over any seven days of the project in a row, the send's own day being the last.", example: "3")
  static let schema = Schema("contact_caps", "How much one contact may get.", [perDay.info, perWeek.info])

  static let type = ValueType<(perDay: Int?, perWeek: Int?)>.object(schema) { object in
    (object.given(perDay), object.given(perWeek))
  }
}

/// `domain_caps`, in settings.
enum DomainCapKeys {
  static let perDay = Key(
    "per_day", .integer(0...10_000_000), required: true,
    "E-mails to one domain on one day of the project, over all bulk campaigns.", example: "100")
  static let except = Key(
    "except", .list(.domain), "Domains without a cap; their subdomains are domains of their own.",
    example: "[gmail.com, outlook.com]")
  static let schema = Schema("domain_caps", "How much one domain may get.", [perDay.info, except.info])

  static let type = ValueType<DomainCap>.object(schema) { object in
    let most = object.given(perDay)
    let free = object.given(except) ?? []
    return most.map { DomainCap(perDay: $0, except: Set(free)) }
  }
}

/// `review`, in settings.
enum ReviewKeys {
  static let to = Key(
    "to", .list(.address), required: true, "Who is mailed: at least one e-mail address.",
    example: "[me@example.com, Ada Lovelace <ada@example.com>]")
  static let mailbox = Key(
    "mailbox", .id, required: true,
    "The mailbox that it is mailed from, through its own providers; its limits are neither asked nor used up.",
    example: "anna")
  static let schema = Schema("review", "Who is mailed plans and reports.", [to.info, mailbox.info])

  static let type = ValueType<Review>.object(schema) { object in
    let (to, mailbox) = (object.given(to), object.given(mailbox))
    guard let to, let mailbox else { return nil }
    guard !to.isEmpty else {
      object.findings.error(object.place(Self.to), "'to' names nobody; give it an address, or remove 'review'")
      return nil
    }
    var seen: Set<String> = []
    return Review(
      to: to.filter { seen.insert($0.address.canonical).inserted }, mailbox: mailbox, place: object.place(Self.mailbox))
  }

  /// The mailbox must be there and have an e-mail address.
  /// - Parameter ids: of all mailboxes; a broken one is reported where it stands.
  static func check(_ review: Review, mailboxes: [Mailbox], ids: Set<String>, _ findings: Findings) {
    if let mailbox = mailboxes.first(where: { $0.id == review.mailbox }) {
      guard mailbox.sender.channel == .sms else { return }
      findings.error(
        review.place, "'review' needs a mailbox for e-mail, and '\(review.mailbox)' is for text messages")
    } else if !ids.contains(review.mailbox) {
      let hint = Nearest.hint(review.mailbox, among: ids.sorted())
      findings.error(review.place, "'review': there is no mailbox '\(review.mailbox)'\(hint)")
    }
  }
}

/// `campaigns/settings.yaml`.
enum SettingsKeys {
  static let timezone = Key(
    "timezone", .zone, default: "UTC",
    "The project's time zone: its days, and the zone of contacts that have none.", example: "Europe/Berlin")
  static let dayStarts = Key(
    "day_starts", .timeOfDay, default: "00:00", "When the project's day begins, on its own clock.", example: "06:00")
  static let window = Key(
    "window", .window, default: "always", "When campaigns that name no window of their own may send.",
    example: "mon-fri 09:00-17:00 contact")
  static let holidays = Key(
    "holidays", .list(.date), "Days on which no window opens and which business days pass over.",
    example: "[2026-12-25, 2026-12-26]")
  static let contactCaps = Key(
    "contact_caps", ContactCapKeys.type, "How much one contact may get, over all bulk campaigns.",
    example: "{per_day: 1, per_week: 3}")
  static let domainCaps = Key(
    "domain_caps", DomainCapKeys.type, "How many e-mails one domain may get, over all bulk campaigns.",
    example: "{per_day: 100, except: [gmail.com]}")
  static let retry = Key(
    "retry", RetryKeys.type, "When a send that was put off is tried again.", example: "{backoff: 1m, max_backoff: 30m}")
  static let breaker = Key(
    "breaker", BreakerKeys.type,
    "Bounces, complaints and errors above which a campaign or a mailbox is stopped until a person resumes it.",
    example: "{bounce_rate: 5%, min_sends: 100}")
  static let approval = Key(
    "approval", .choice(of: Approval.allCases), default: "required",
    "Whether a plan's lines go out only once a person has approved them. Transactional campaigns are optional unless "
      + "they say otherwise.", example: "required")
  static let vars = Key(
    "vars", .map(.text), "Variables for every template; a campaign's of the same name win.",
    example: "{sender_company: Example GmbH}")
  static let seed = Key("seed", .seed, default: "0", "Decides ties, jitter and variants.", example: "7")

  static let review = Key(
    "review", ReviewKeys.type,
    "Who is mailed the page of a plan that awaits approval, with the command that approves it, and the report of a day "
      + "that is done.", example: "{to: [me@example.com], mailbox: anna}")

  static let schema = Schema(
    "settings", "The project's defaults: campaigns/settings.yaml.",
    [
      timezone.info, dayStarts.info, window.info, holidays.info, contactCaps.info, domainCaps.info, retry.info,
      breaker.info, approval.info, vars.info, seed.info, review.info,
    ])

  static func settings(_ object: ObjectReader) -> Settings {
    let seed = object.value(seed) ?? 0
    let caps = object.given(contactCaps)
    return Settings(
      zone: object.value(timezone) ?? .utc, dayStarts: object.value(dayStarts) ?? 0,
      window: object.value(window) ?? .always, holidays: Set(object.given(holidays) ?? []),
      contactCapPerDay: caps?.perDay, contactCapPerWeek: caps?.perWeek, domainCap: object.given(domainCaps),
      retry: retry(object), breaker: object.given(breaker)?.over(BreakerKeys.defaults) ?? BreakerKeys.defaults,
      approval: object.value(approval) ?? .required,
      vars: object.given(vars) ?? [:], seed: seed, review: object.given(review))
  }

  private static func retry(_ object: ObjectReader) -> RetryPolicy {
    object.given(retry)?.over(RetryKeys.defaults) ?? RetryKeys.defaults
  }
}
