import Model
import TestSupport

/// Histories of contacts in sequences, and what must become of them today, told twice: once as records, once as fates.
extension RandomProject {
  /// How a person's next step stands before the plan.
  private enum Story {
    case plain, inDoubt, failed, withdrawn, released, waiting, reserved, requeued, planned, replied
  }

  private static func story(_ dice: inout Dice) -> Story {
    switch dice.below(100) {
    case 0..<5: .inDoubt
    case 5..<7: .failed
    case 7..<9: .withdrawn
    case 9..<16: .released
    case 16..<20: .waiting
    case 20..<27: .reserved
    case 27..<30: .requeued
    case 30..<32: .planned
    case 32..<34: .replied
    default: .plain
    }
  }

  mutating func addSequence(of campaign: Campaign, for person: Contact, _ dice: inout Dice) {
    // Nobody has been written to by a campaign that is still to start.
    let isAhead = campaign.start.map { $0 >= span.start - .days(1) } ?? false
    var place = isAhead || dice.percent(50) ? 0 : dice.below(campaign.steps.count + 1)
    var kept: [Channel: String] = [:]
    var last: Instant?
    let ago = dice.below(6)
    for i in 0..<place {
      let at = past(ago + 2 * (place - 1 - i), &dice)
      last = at
      let channels = self.channels(campaign.steps[i], person)
      for channel in channels.isEmpty ? [.email] : channels {
        kept[channel] = send(campaign, i, person, channel, at: at, &dice)
      }
    }
    // One channel of a first step may be through while the other is still owed.
    if place == 0, !isAhead, campaign.steps[0].channel == .all, dice.percent(40) {
      let channels = self.channels(campaign.steps[0], person)
      if channels.count == 2 {
        let i = dice.below(2)
        last = past(ago, &dice)
        kept[channels[i]] = send(campaign, 0, person, channels[i], at: last ?? notBefore, &dice)
        let owed = fate(campaign, 0, person, channels[1 - i], after: nil, kept: kept, Unfinished())
        // One that may not be written to does not hold the steps after it, and is not counted.
        guard case .skipped = owed else { return note(owed, campaign) }
        place = 1
      }
    }
    guard place < campaign.steps.count else { return note(.ended, campaign) }
    let step = campaign.steps[place]
    let channels = self.channels(step, person)
    var unfinished = Unfinished()
    switch Self.story(&dice) {
    case .inDoubt:
      attempt(campaign, place, person, channels.first ?? .email, .inDoubt, &dice)
      return note(.held(.inDoubt), campaign)
    case .failed where step.channel != .all:
      attempt(campaign, place, person, channels.first ?? .email, .failed, &dice)
      return note(.ended, campaign)
    case .withdrawn where step.channel != .all:
      history.apply(.withdrawn(line(campaign, place, person, channels.first ?? .email, mailbox: "box0")))
      return note(.ended, campaign)
    case .replied:
      project.events.append(Event(at: notBefore - .hours(1), type: .reply, contact: person.key, campaign: campaign.id))
      return note(.ended, campaign)
    case let story:
      if let first = channels.first {
        unfinished = begin(story, SendKey(campaign: campaign, step: place, channel: first), person, &dice)
      }
    }
    if channels.isEmpty {
      let day = dueDay(campaign, place, person, after: last)
      return note(day > date.number ? .waiting : noChannel(step, person, campaign), campaign)
    }
    for (i, channel) in channels.enumerated() {
      note(
        fate(campaign, place, person, channel, after: last, kept: kept, i == 0 ? unfinished : Unfinished()), campaign)
    }
  }

  private func channels(_ step: Step, _ person: Contact) -> [Channel] {
    let allowed = [Channel.email, .sms].filter {
      $0 == .email ? person.emailEnabled : person.smsEnabled && person.phone != nil
    }
    switch step.channel {
    case .email: return allowed.filter { $0 == .email }
    case .sms: return allowed.filter { $0 == .sms }
    case .any: return Array(allowed.prefix(1))
    case .all: return allowed
    }
  }

  private func noChannel(_ step: Step, _ person: Contact, _ campaign: Campaign) -> Fate {
    if step.channel != .sms, suppressed.contains(person.key) { return .skipped(.suppressed) }
    // Whoever has no phone has no address there that could be unsubscribed.
    if campaign.messageClass == .bulk, unsubscribed.contains(person.key), step.channel != .sms || person.phone != nil {
      return .skipped(.unsubscribed)
    }
    return .skipped(.optedOut)
  }

  private func fate(
    _ campaign: Campaign, _ i: Int, _ person: Contact, _ channel: Channel, after last: Instant?,
    kept: [Channel: String], _ unfinished: Unfinished
  ) -> Fate {
    let due = dueDay(campaign, i, person, after: last)
    if due > date.number { return .waiting }
    if let start = campaign.start, start >= span.end { return .waiting }
    if unfinished.isReserved { return .held(.plannedElsewhere) }
    if let at = unfinished.retryAt, at >= span.end { return .waiting }
    if channel == .email, suppressed.contains(person.key) { return .skipped(.suppressed) }
    if campaign.messageClass == .bulk, unsubscribed.contains(person.key) { return .skipped(.unsubscribed) }
    let names = mailboxes(of: campaign, channel)
    if names.isEmpty { return .skipped(.noMailbox) }
    let byTTL = campaign.ttl.map { unfinished.expiresAt ?? unfinished.firstExpiry ?? notBefore + $0 }
    let expires = [byTTL, campaign.end].compactMap { $0 }.min()
    if let expires, expires <= notBefore { return .skipped(.expired) }
    let fixed = [unfinished.mailbox ?? kept[channel], person.mailbox].compactMap { $0 }.first { names.contains($0) }
    return .due(
      ExpectedSend(
        id: SendID(
          campaign: campaign.id, step: campaign.steps[i].id, contact: person.key, channel: channel, key: ""),
        campaign: campaign, step: i, contact: person.key, channel: channel, to: address(person, channel),
        zone: person.zone ?? settings.zone, daysOverdue: date.number - due, mailboxes: fixed.map { [$0] } ?? names,
        earliest: unfinished.retryAt, expiresAt: expires))
  }

  /// The project's day, as a number, from which a step is due; business days counted one by one.
  private func dueDay(_ campaign: Campaign, _ i: Int, _ person: Contact, after last: Instant?) -> Int {
    let origin = last ?? [campaign.start, person.addedAt].compactMap { $0 }.max()
    guard let origin else { return date.number }
    var day = settings.day(of: origin).number
    switch campaign.steps[i].delay {
    case nil: day += last == nil ? 0 : 1
    case .days(let n): day += n
    case .businessDays(let n):
      var left = n
      while left > 0 {
        day += 1
        // 1970-01-01 was a Thursday.
        if (day + 3) % 7 < 5, !campaign.holidays.contains(CalendarDay(number: day)) { left -= 1 }
      }
    }
    return day
  }

  func mailboxes(of campaign: Campaign, _ channel: Channel) -> [String] {
    project.mailboxes(of: campaign).filter { $0.sender.channel == channel }.map(\.id)
  }

  func address(_ person: Contact, _ channel: Channel) -> String {
    channel == .email ? person.email?.envelope ?? "" : person.phone?.e164 ?? "+4917099"
  }

  /// Some time on the project's day so many days ago, before the time of planning.
  func past(_ ago: Int, _ dice: inout Dice) -> Instant {
    let then = settings.span(of: date - ago)
    let at = then.start + .minutes(Int64(dice.below(23 * 60)))
    return at < notBefore ? at : then.start - .hours(2)
  }

  // MARK: Records

  /// A mailbox of a channel, or one that is gone.
  func anyMailbox(_ channel: Channel, _ dice: inout Dice) -> String {
    let names = project.mailboxes.filter { $0.sender.channel == channel }.map(\.id)
    return names.isEmpty || dice.percent(8) ? "gone" : dice.pick(names)
  }

  /// A step that was sent, perhaps under an earlier name of the campaign, the step or the contact.
  private mutating func send(
    _ campaign: Campaign, _ i: Int, _ person: Contact, _ channel: Channel, at: Instant, _ dice: inout Dice
  ) -> String {
    let mailbox = anyMailbox(channel, &dice)
    let step = campaign.steps[i]
    history.add(
      dice.percent(50) ? step.was.first ?? step.id : step.id,
      of: dice.percent(50) ? campaign.was.first ?? campaign.id : campaign.id,
      to: dice.percent(20) ? person.email?.canonical ?? person.key : person.key, at: at, mailbox: mailbox,
      channel: channel, address: address(person, channel))
    return mailbox
  }

  @discardableResult
  private mutating func attempt(
    _ campaign: Campaign, _ i: Int, _ person: Contact, _ channel: Channel, _ outcome: Record.Outcome,
    retryAt: Instant? = nil, _ dice: inout Dice
  ) -> String {
    let mailbox = anyMailbox(channel, &dice)
    history.add(
      campaign.steps[i].id, of: campaign.id, to: person.key, at: past(dice.below(3), &dice), mailbox: mailbox,
      outcome: outcome, channel: channel, address: address(person, channel), retryAt: retryAt)
    return mailbox
  }

  private func line(
    _ campaign: Campaign, _ i: Int, _ person: Contact, _ channel: Channel, mailbox: String, expiresAt: Instant? = nil
  ) -> Record.Note {
    history.note(
      campaign.steps[i].id, of: campaign.id, to: person.key, at: notBefore - .minutes(1), mailbox: mailbox,
      expiresAt: expiresAt, channel: channel, address: address(person, channel))
  }

  private struct SendKey {
    var campaign: Campaign
    var step: Int
    var channel: Channel
  }

  private mutating func begin(_ story: Story, _ key: SendKey, _ person: Contact, _ dice: inout Dice) -> Unfinished {
    let (campaign, i, channel) = (key.campaign, key.step, key.channel)
    func quarters(_ from: Int, _ to: Int) -> Instant {
      span.start + .minutes(Int64(15 * (from + dice.below(to - from))))
    }
    switch story {
    case .released:
      let box = attempt(campaign, i, person, channel, .retry, &dice)
      let expires = campaign.ttl == nil || dice.percent(50) ? nil : quarters(-40, 200)
      history.apply(.released(line(campaign, i, person, channel, mailbox: box, expiresAt: expires), .missed))
      return Unfinished(mailbox: box, expiresAt: expires)
    case .waiting:
      let at = quarters(-20, 120)
      return Unfinished(mailbox: attempt(campaign, i, person, channel, .retry, retryAt: at, &dice), retryAt: at)
    case .requeued:
      let box = attempt(campaign, i, person, channel, .inDoubt, &dice)
      history.apply(.requeued(line(campaign, i, person, channel, mailbox: box)))
      return Unfinished(mailbox: box)
    case .reserved:
      reserve(campaign.steps[i].id, campaign, person.key, channel, address(person, channel), key: "", &dice)
      return Unfinished(isReserved: true)
    case .planned:
      let expires = quarters(-4, 200)
      let id = SendID(
        campaign: campaign.id, step: campaign.steps[i].id, contact: person.key, channel: channel, key: "")
      if campaign.ttl != nil { history.firstExpiry[id] = expires }
      return Unfinished(firstExpiry: expires)
    case .plain, .inDoubt, .failed, .withdrawn, .replied: return Unfinished()
    }
  }

  /// A line of another day's plan, or of this day's from before the time of planning.
  mutating func reserve(
    _ step: String, _ campaign: Campaign, _ contact: String, _ channel: Channel, _ to: String, key: String,
    _ dice: inout Dice
  ) {
    var mailbox = anyMailbox(channel, &dice)
    if mailbox == "gone", !rules.contains(.orphans) { mailbox = project.mailboxes[0].id }
    let day = settings.span(of: date + dice.pick([-1, 0, 1, 1, 2, 5]))
    history.reserve(
      step, of: campaign.id, to: contact, at: day.start + .minutes(Int64(15 * dice.below(90))),
      mailbox: mailbox, channel: channel, address: to, key: key)
  }
}
