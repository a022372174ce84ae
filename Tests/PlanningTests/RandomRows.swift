import Model
import TestSupport

/// Message rows: to contacts by id or address, and to strangers by address or number.
extension RandomProject {
  private struct Recipient {
    var email: EmailAddress?
    var phone: PhoneNumber?
    var contact: Contact?
    /// A stranger is known by the address that is written to.
    func key(_ channel: Channel) -> String {
      contact?.key ?? (channel == .email ? email?.canonical : phone?.e164) ?? ""
    }
    func to(_ channel: Channel) -> String? { channel == .email ? email?.envelope : phone?.e164 }
  }

  mutating func addRows(to campaign: inout Campaign, count: Int, _ dice: inout Dice) {
    var table = MessageTable()
    if rules.contains(.fresh), dice.percent(30) { table.freshWithin = .hours(100) }
    for i in 0..<count {
      let sendAt = dice.percent(60) ? span.start + .minutes(Int64(15 * (dice.below(200) - 60))) : nil
      var row = row("row\(i)", sendAt: sendAt, text: "Alert \(i)", line: i + 2)
      // Some are much older than `fresh_within` allows, none grows too old during the day.
      row.writtenAt = span.start - .hours(dice.percent(30) ? 150 : 10)
      if table.freshWithin != nil, dice.percent(20) { row.sendAt = span.start - .hours(130) }
      row.from = dice.percent(20) ? dice.pick(project.mailboxes).id : nil
      let recipient: Recipient
      if dice.percent(80) {
        let person = project.contacts[dice.below(project.contacts.count)]
        recipient = Recipient(email: person.email, phone: person.phone, contact: person)
        if dice.percent(20) { row.email = person.email } else { row.contact = person.key }
      } else {
        row.email = dice.percent(80) ? EmailAddress("stranger\(i)@\(dice.pick(["example.net", "example.com"]))") : nil
        if row.email == nil || dice.percent(30) { row.phone = PhoneNumber("+49160\(1_000_000 + i)") }
        recipient = Recipient(email: row.email, phone: row.phone)
      }
      table.rows.append(row)
      add(row, campaign, recipient, freshWithin: table.freshWithin, &dice)
    }
    campaign.audience = .messages(table)
  }

  private mutating func add(
    _ row: MessageRow, _ campaign: Campaign, _ recipient: Recipient, freshWithin: Instant.Span?, _ dice: inout Dice
  ) {
    let channels = self.channels(campaign, recipient)
    if channels.isEmpty {
      if let key = recipient.contact?.key, suppressed.contains(key) {
        return note(.skipped(.suppressed), campaign)
      }
      if campaign.messageClass == .bulk, unsubscribed.contains(recipient.key(.email)) {
        return note(.skipped(.unsubscribed), campaign)
      }
      return note(.skipped(.optedOut), campaign)
    }
    for channel in channels {
      var unfinished = Unfinished()
      func attempt(_ outcome: Record.Outcome, retryAt: Instant? = nil) -> String {
        let box = anyMailbox(channel, &dice)
        history.add(
          "one", of: dice.percent(30) ? campaign.was.first ?? campaign.id : campaign.id, to: recipient.key(channel),
          at: past(dice.below(4), &dice), mailbox: box, outcome: outcome, channel: channel,
          address: recipient.to(channel), key: row.key, retryAt: retryAt)
        return box
      }
      switch dice.below(100) {
      case 0..<10:
        _ = attempt(.sent)
        note(.ended, campaign)
        continue
      case 10..<14:
        _ = attempt(.inDoubt)
        note(.held(.inDoubt), campaign)
        continue
      case 14..<20:
        let at = span.start + .minutes(Int64(15 * (dice.below(130) - 20)))
        unfinished = Unfinished(mailbox: attempt(.retry, retryAt: at), retryAt: at)
      case 20..<26:
        reserve("one", campaign, recipient.key(channel), channel, recipient.to(channel) ?? "", key: row.key, &dice)
        unfinished.isReserved = true
      default: break
      }
      note(fate(row, campaign, recipient, channel, unfinished, freshWithin), campaign)
    }
  }

  private func channels(_ campaign: Campaign, _ recipient: Recipient) -> [Channel] {
    let allowed = [Channel.email, .sms].filter { channel in
      guard recipient.to(channel) != nil else { return false }
      guard let person = recipient.contact else { return true }
      return channel == .email ? person.emailEnabled : person.smsEnabled
    }
    switch campaign.steps[0].channel {
    case .email: return allowed.filter { $0 == .email }
    case .sms: return allowed.filter { $0 == .sms }
    case .any: return Array(allowed.prefix(1))
    case .all: return allowed
    }
  }

  private func fate(
    _ row: MessageRow, _ campaign: Campaign, _ recipient: Recipient, _ channel: Channel, _ unfinished: Unfinished,
    _ freshWithin: Instant.Span?
  ) -> Fate {
    if unfinished.isReserved { return .held(.plannedElsewhere) }
    let earliest = [row.sendAt, unfinished.retryAt].compactMap { $0 }.max()
    if let earliest, earliest >= span.end { return .waiting }
    if let start = campaign.start, start >= span.end { return .waiting }
    if channel == .email, suppressed.contains(recipient.key(channel)) { return .skipped(.suppressed) }
    if campaign.messageClass == .bulk, unsubscribed.contains(recipient.key(channel)) { return .skipped(.unsubscribed) }
    let origin = row.sendAt ?? notBefore
    let expires = [campaign.ttl.map { origin + $0 }, campaign.end].compactMap { $0 }.min()
    if let expires, expires <= notBefore { return .skipped(.expired) }
    if let freshWithin, let written = row.sendAt ?? row.writtenAt, written + freshWithin <= span.start {
      return .skipped(.expired)
    }
    let names = mailboxes(of: campaign, channel)
    if names.isEmpty { return .skipped(.noMailbox) }
    if let from = row.from, !names.contains(from) { return .skipped(.noMailbox) }
    let fixed = [row.from, unfinished.mailbox, recipient.contact?.mailbox].compactMap { $0 }
      .first { names.contains($0) }
    return .due(
      ExpectedSend(
        id: SendID(campaign: campaign.id, step: "one", contact: recipient.key(channel), channel: channel, key: row.key),
        campaign: campaign, step: 0, contact: recipient.key(channel), channel: channel, to: recipient.to(channel) ?? "",
        zone: recipient.contact?.zone ?? settings.zone,
        daysOverdue: max(0, date.number - settings.day(of: origin).number), mailboxes: fixed.map { [$0] } ?? names,
        earliest: earliest, expiresAt: expires))
  }
}
