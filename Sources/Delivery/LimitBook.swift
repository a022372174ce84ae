import Model

/// What the executor itself holds against every limit, whatever a plan says (DESIGN §4.2, §4.6): intents by mailbox
/// and calendar day, and by contact and project day. Planning asks the same of the future; this counts the present.
struct LimitBook {
  private var mailboxDays: [MailboxDay: Int] = [:]
  private var contactDays: [ContactDay: Int] = [:]

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
      mailboxDays[MailboxDay(mailbox: mailbox, day: rule.zone.day(of: at)), default: 0] += n
    }
    if rules.contactCapPerDay != nil, rules.campaigns[campaign]?.messageClass != .transactional {
      contactDays[ContactDay(contact: contact, day: rules.day(of: at)), default: 0] += n
    }
  }

  /// What stands in the way of a send now; for a mailbox's limit, with the start of its next day.
  func obstacle(to send: PlannedSend, at now: Instant, _ rules: DeliveryRules) -> (ReleaseReason, until: Instant?)? {
    if let rule = rules.mailboxes[send.mailbox], let limit = rule.dailyLimit {
      let day = rule.zone.day(of: now)
      if mailboxDays[MailboxDay(mailbox: send.mailbox, day: day)] ?? 0 >= limit {
        return (.mailboxLimit, rule.zone.instant(day + 1, second: 0))
      }
    }
    if let cap = rules.contactCapPerDay, rules.campaigns[send.campaign]?.messageClass != .transactional,
      contactDays[ContactDay(contact: send.contact, day: rules.day(of: now))] ?? 0 >= cap
    {
      return (.contactCap, nil)
    }
    return nil
  }
}
