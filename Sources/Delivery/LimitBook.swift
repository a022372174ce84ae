import Model

/// What the executor itself holds against every limit, whatever a plan says (DESIGN §4.2, §4.6): intents by mailbox
/// and calendar day, and by contact and project day. Planning asks the same of the future; this counts the present.
struct LimitBook {
  private var mailboxDays: [MailboxDay: Int] = [:]
  private var contactDays: [ContactDay: Int] = [:]
  private var days = KnownDays()

  private struct MailboxDay: Hashable {
    var mailbox: String
    var day: CalendarDay
  }

  private struct ContactDay: Hashable {
    var contact: String
    var day: CalendarDay
  }

  /// Counts what earlier runs have sent, or may have.
  init(history: History, rules: DeliveryRules) {
    for record in history.counted {
      let at = record.attemptAt ?? record.at
      count(mailbox: record.mailbox, contact: record.contact, campaign: record.campaign, at: at, rules, by: 1)
    }
  }

  mutating func count(
    mailbox: String, contact: String, campaign: String, at: Instant, _ rules: DeliveryRules, by n: Int
  ) {
    if let rule = rules.mailboxes[mailbox] {
      mailboxDays[MailboxDay(mailbox: mailbox, day: days.day(of: at, in: rule.zone)), default: 0] += n
    }
    if rules.contactCapPerDay != nil, rules.campaigns[campaign]?.messageClass != .transactional {
      contactDays[ContactDay(contact: contact, day: days.day(of: at, rules)), default: 0] += n
    }
  }

  /// What stands in the way of a send now; for a mailbox's limit, with the start of its next day.
  mutating func obstacle(
    to send: PlannedSend, at now: Instant, _ rules: DeliveryRules
  ) -> (ReleaseReason, until: Instant?)? {
    if let rule = rules.mailboxes[send.mailbox], let limit = rule.dailyLimit {
      let day = days.day(of: now, in: rule.zone)
      if mailboxDays[MailboxDay(mailbox: send.mailbox, day: day)] ?? 0 >= limit {
        return (.mailboxLimit, rule.zone.instant(day + 1, second: 0))
      }
    }
    if let cap = rules.contactCapPerDay, rules.campaigns[send.campaign]?.messageClass != .transactional {
      let day = days.day(of: now, rules)
      if contactDays[ContactDay(contact: send.contact, day: day)] ?? 0 >= cap { return (.contactCap, nil) }
    }
    return nil
  }
}

/// Days that were asked for last. A run asks for the same one with every message, and a zone's offsets are slow to
/// look up: a tenth of the executor's time without this.
private struct KnownDays {
  private var zones: [Zone: (span: Interval, day: CalendarDay)] = [:]
  private var project: (span: Interval, day: CalendarDay)?

  mutating func day(of instant: Instant, in zone: Zone) -> CalendarDay {
    if let known = zones[zone], known.span.contains(instant) { return known.day }
    let day = zone.day(of: instant)
    zones[zone] = (Interval(zone.instant(day, second: 0), zone.instant(day + 1, second: 0)), day)
    return day
  }

  /// The project's day, by its `day_starts`.
  mutating func day(of instant: Instant, _ rules: DeliveryRules) -> CalendarDay {
    if let known = project, known.span.contains(instant) { return known.day }
    let day = rules.day(of: instant)
    project = (rules.settings.span(of: day), day)
    return day
  }
}
