import Model

/// What a message row comes to today: the same questions as for a step of a sequence, asked of a row.
struct RowPosition {
  let day: PlanningDay
  let campaignIndex: Int
  let row: MessageRow

  private var live: LiveCampaign { day.campaigns[campaignIndex] }
  private var campaign: Campaign { live.campaign }

  /// One decision for each channel of the row. `seen` has the sends that earlier rows of the campaign make; what
  /// is due of the row is added to `sends`, one for each decision that says so.
  func decide(seen: inout Set<SendID>, sends: inout [RowSend]) -> [Decision] {
    guard !campaign.steps.isEmpty else { return [] }
    if let defect = row.defect { return [.skipped(defect.reason, step: 0, detail: defect.detail)] }
    let index = (row.contact ?? row.email?.canonical ?? row.phone?.e164)
      .flatMap { day.project.contacts.index(of: $0) }
    let contact = index.map { day.project.contacts[$0] }
    if let name = row.contact, contact == nil {
      return [.skipped(.invalidRow, step: 0, detail: "no contact '\(name)' (\(row.place))")]
    }
    if let defect = contact?.defect { return [.skipped(defect.reason, step: 0, detail: defect.detail)] }
    let channels = channels(contact)
    let broken = broken(contact, index)
    if channels.isEmpty, !broken.isEmpty { return broken }
    if channels.isEmpty {
      let addresses =
        [contact?.email?.canonical, contact?.phone?.e164, row.email?.canonical, row.phone?.e164].compactMap { $0 }
        + (index.map { day.project.contacts.otherNames($0) } ?? [])
      for (channel, to) in [(Channel.email, row.email ?? contact?.email), (.sms, nil)] {
        guard let to = channel == .email ? to?.canonical : (row.phone ?? contact?.phone)?.e164 else { continue }
        if let drop = drop(contact?.key ?? to, to, channel, others: addresses) {
          return [.skipped(drop.reason, step: 0, detail: drop.detail)]
        }
      }
      let missing = row.email == nil && row.phone == nil && contact == nil
      return [
        missing
          ? .skipped(.invalidRow, step: 0, detail: "the row names no contact, email or phone (\(row.place))")
          : .skipped(.optedOut, step: 0, detail: "no channel that the contact allows (\(row.place))")
      ]
    }
    return (campaign.steps[0].channel == .all ? broken : [])
      + channels.map { decide(contact, index, channel: $0, seen: &seen, sends: &sends) }
  }

  /// Channels that the contact wants, and whose cell, the row's or else the contact's, is no address or number.
  private func broken(_ contact: Contact?, _ index: Int?) -> [Decision] {
    campaign.steps[0].channel.channels.compactMap { channel in
      if let contact, channel == .email ? !contact.emailEnabled : !contact.smsEnabled { return nil }
      let isGiven = channel == .email ? row.email != nil : row.phone != nil
      var (text, place) = (row.broken[channel], row.place)
      if text == nil, !isGiven, let index {
        (text, place) = (day.project.contacts.brokenAddress(index, channel), day.project.contacts.place(index))
      }
      guard let defect = text.map({ Contact.Defect.notAnAddress($0, of: channel, at: place) }) else { return nil }
      return .skipped(defect.reason, step: 0, detail: defect.detail)
    }
  }

  /// A row that has grown too old to be news.
  private func stale() -> Decision? {
    guard case .messages(let table) = campaign.audience, let limit = table.freshWithin,
      let written = row.sendAt ?? row.writtenAt, written + limit < day.notBefore
    else { return nil }
    let since = day.project.settings.zone.format(written)
    return .skipped(.expired, step: 0, detail: "not fresh: of \(since) (\(row.place))")
  }

  private func channels(_ contact: Contact?) -> [Channel] {
    func allowed(_ channel: Channel) -> Bool {
      if row.broken[channel] != nil { return false }
      if let contact {
        switch channel {
        case .email: return contact.emailEnabled && (row.email ?? contact.email) != nil
        case .sms: return contact.smsEnabled && (row.phone ?? contact.phone) != nil
        }
      }
      return channel == .email ? row.email != nil : row.phone != nil
    }
    switch campaign.steps[0].channel {
    case .email: return allowed(.email) ? [.email] : []
    case .sms: return allowed(.sms) ? [.sms] : []
    case .any: return allowed(.email) ? [.email] : allowed(.sms) ? [.sms] : []
    case .all: return Channel.allCases.filter(allowed)
    }
  }

  private func decide(
    _ contact: Contact?, _ index: Int?, channel: Channel, seen: inout Set<SendID>, sends: inout [RowSend]
  ) -> Decision {
    let email = row.email ?? contact?.email
    let phone = row.phone ?? contact?.phone
    let to = channel == .email ? email?.envelope : phone?.e164
    let canonical = channel == .email ? email?.canonical : phone?.e164
    guard let to, let canonical else { return .skipped(.invalidRow, step: 0, detail: "no address (\(row.place))") }
    let contactKey = contact?.key ?? canonical
    // The address may be another contact's than the one that the row names: what holds for either holds.
    let ownerIndex = day.project.contacts.index(of: canonical)
    let owner = ownerIndex == index ? nil : ownerIndex.map { day.project.contacts[$0] }
    let addresses = Set(
      [contact?.email?.canonical, contact?.phone?.e164, row.email?.canonical, row.phone?.e164, owner?.key]
        .compactMap { $0 } + [index, ownerIndex].flatMap { $0.map { day.project.contacts.otherNames($0) } ?? [] }
    ).sorted()
    let persons = [contactKey, canonical] + addresses
    let step = campaign.steps[0]
    let id = SendID(campaign: campaign.id, step: step.id, contact: contactKey, channel: channel, key: row.key)
    let record = day.known.row(campaign, step, channel, key: row.key, persons: persons) ?? day.history.sends[id]
    switch record?.state {
    case .sent: return .ended(.complete(last: record))
    case .dead, .withdrawn, .dropped: return .ended(record.map { .failed($0) } ?? .complete(last: nil))
    case .inDoubt, .inFlight: return .held(.inDoubt, step: 0)
    case .pending, .waiting, nil: break
    }
    guard seen.insert(id).inserted else {
      return .skipped(.duplicate, step: 0, detail: "an earlier row is the same message to \(canonical) (\(row.place))")
    }
    if day.known.isReserved(campaign, step, channel, key: row.key, persons: persons) {
      return .held(.plannedElsewhere, step: 0)
    }
    let earliest = [row.sendAt, record?.retryAt].compactMap { $0 }.max()
    if let at = earliest, at >= day.span.end { return .waiting(step: 0, until: at) }
    if let start = campaign.start, start >= day.span.end { return .waiting(step: 0, until: start) }
    if let drop = drop(contactKey, canonical, channel, others: addresses) {
      return .skipped(drop.reason, step: 0, detail: drop.detail)
    }
    if let owner, !owner.allows(channel) {
      return .skipped(.optedOut, step: 0, detail: "\(canonical) is '\(owner.key)', who allows it not (\(row.place))")
    }
    if let stale = stale() { return stale }
    var values = row.values
    if let contact {
      for (i, name) in day.project.contacts.columns.enumerated() where i < contact.values.count {
        if values[name] == nil, !contact.values[i].isBlank { values[name] = contact.values[i] }
      }
    }
    let variant = live.variant(step: 0, contact: contactKey + row.key, seed: day.seed)
    let literal = RowSend.Literal(subject: row.subject, text: row.text, html: row.html)
    let template = step.variants[variant]
    let pick = pickMailbox(channel, record, contact)
    var mailbox: Int?
    if case .fixed(let i) = pick { mailbox = i }
    var missing = live.missing(
      step: 0, variant: variant, channel: channel, mailbox: mailbox.map { day.project.mailboxes[$0] },
      literal: literal
    ) { name in !(values[name]?.isBlank ?? true) }
    if channel == .email, row.subject == nil, template.subject == nil { missing.append("subject") }
    if !literal.hasBody, template.text == nil, template.html == nil { missing.append("text") }
    guard missing.isEmpty else {
      return .skipped(.missingVariable, step: 0, detail: "\(missing.joined(separator: ", ")) (\(row.place))")
    }
    if channel == .sms,
      let detail = SegmentLimit(day: day, live: live).excess(
        id: id, step: 0, variant: variant, mailbox: mailbox, literal: literal, value: { values[$0] })
    {
      return .skipped(.tooLong, step: 0, detail: "\(detail) (\(row.place))")
    }
    // What a person made due again begins its time to live anew.
    let requeued = record.flatMap { $0.attempts == 0 && $0.expiresAt == nil ? $0.at : nil }
    let origin = requeued ?? row.sendAt ?? day.notBefore
    let expires = day.expiry(campaign, id, origin: origin, record: record)
    if let expires, expires <= day.notBefore {
      return .skipped(.expired, step: 0, detail: "since \(day.project.settings.zone.format(expires)) (\(row.place))")
    }
    if case .none(let why) = pick { return .skipped(.noMailbox, step: 0, detail: "\(why) (\(row.place))") }
    let kind = SendKind(
      campaign: campaignIndex, step: 0, variant: variant, channel: channel, isRow: true,
      zone: index.map { day.zoneOfContact[day.project.contacts.view($0).zone] } ?? 0, earliest: earliest,
      expiresAt: expires, mailbox: mailbox ?? -1,
      daysOverdue: max(0, day.date.number - day.project.settings.day(of: origin).number))
    let send = RowSend(
      contact: index ?? ownerIndex, contactKey: contactKey, to: to, canonical: canonical, name: row.name,
      values: values,
      batch: row.batch, key: row.key, literal: literal)
    sends.append(send)
    return .due(id, kind)
  }

  private func drop(_ key: String, _ to: String, _ channel: Channel, others: [String]) -> (
    reason: SkipReason, detail: String
  )? {
    day.drops.reason(
      Drops.Person(key: key, to: to, channel: channel, others: others), campaign: campaign.id,
      was: campaign.was, messageClass: campaign.messageClass, now: day.notBefore)
  }

  private enum MailboxPick {
    case open
    case fixed(Int)
    case none(String)
  }

  /// The mailbox that the row names, else the earlier attempt's, else the contact's, else an open choice.
  private func pickMailbox(_ channel: Channel, _ record: SendRecord?, _ contact: Contact?) -> MailboxPick {
    guard let choices = live.mailboxes[channel], !choices.isEmpty else {
      return .none("no mailbox of the campaign sends by \(channel.rawValue)")
    }
    if let from = row.from {
      let canonical = NamedAddress(from)?.address.canonical ?? from
      guard let i = day.mailboxIndex[from] ?? day.mailboxIndex[canonical], choices.contains(i) else {
        return .none("'\(from)' is no mailbox of the campaign")
      }
      return .fixed(i)
    }
    for name in [record?.mailbox, contact?.mailbox].compactMap({ $0 }) {
      if let i = day.mailboxIndex[name], choices.contains(i) { return .fixed(i) }
    }
    return .open
  }
}
