import Model

/// Where a contact stands in a campaign's sequence, and what that means today.
///
/// Its place is the furthest step sent, in the file's order. A stop event, a failed, withdrawn or dropped step and the
/// end of the steps end the sequence; a step in doubt holds it; else the next step is due `delay` after the project's
/// day on which the one before it was sent (DESIGN §2, Sequences).
struct SequencePosition {
  let day: PlanningDay
  let campaignIndex: Int
  let contact: Contact

  private var live: LiveCampaign { day.campaigns[campaignIndex] }
  private var campaign: Campaign { live.campaign }

  /// One decision, or with `channel: all` one for each channel that the contact allows.
  /// `note` takes what a person should know, such as a mailbox that is gone.
  func decide(note: (String) -> Void) -> [Decision] {
    let addresses = [contact.email?.canonical, contact.phone?.e164].compactMap { $0 }
    let records = day.history.sends(campaign: campaign, contact: contact.key, to: addresses)
    let progress = Progress(records, live)
    if progress.isHeld { return [.held(.inDoubt)] }
    let began = progress.sent.compactMap { $0.attemptAt ?? $0.at }.min()
    for address in addresses.isEmpty ? [contact.key] : addresses {
      let person = Drops.Person(key: contact.key, to: address, channel: .email)
      if day.drops.stop(person, campaign: campaign, began: began) != nil { return [.ended] }
    }
    if progress.hasFailed { return [.ended] }
    var decisions: [Decision] = []
    // With `all`, a channel of the step reached may still be owed while another is through.
    if let place = progress.place, campaign.steps[place].channel == .all {
      decisions = owed(step: place, progress, channels: channels(of: campaign.steps[place]), note)
    }
    if !decisions.isEmpty { return decisions }
    let next = progress.place.map { $0 + 1 } ?? 0
    guard next < campaign.steps.count else { return [.ended] }
    let channels = channels(of: campaign.steps[next])
    if channels.isEmpty {
      guard dueDay(next, progress) <= day.date else { return [.waiting] }
      if let defect = contact.defect { return [.skipped(defect.reason, step: next, detail: defect.detail)] }
      return [.skipped(.optedOut, step: next, detail: whyNoChannel(campaign.steps[next]))]
    }
    let last = owed(step: next, progress, channels: channels, note)
    return last.isEmpty ? [.ended] : last
  }

  /// Decisions for the channels of a step that are not through.
  private func owed(step: Int, _ progress: Progress, channels: [Channel], _ note: (String) -> Void) -> [Decision] {
    channels.compactMap { channel in
      let record = progress.records[Progress.Key(step: step, channel: channel)]
      if let record, record.state.isFinal { return nil }
      return decide(step: step, channel: channel, progress: progress, record: record, note)
    }
  }

  private func channels(of step: Step) -> [Channel] {
    switch step.channel {
    case .email: contact.allows(.email) ? [.email] : []
    case .sms: contact.allows(.sms) ? [.sms] : []
    case .any: contact.allows(.email) ? [.email] : contact.allows(.sms) ? [.sms] : []
    case .all: Channel.allCases.filter(contact.allows)
    }
  }

  private func whyNoChannel(_ step: Step) -> String {
    let email = contact.email == nil ? "no email address" : "email_enabled is no"
    let sms = contact.phone == nil ? "no phone number" : "sms_enabled is not yes"
    switch step.channel {
    case .email: return email
    case .sms: return sms
    case .any, .all: return "\(email); \(sms)"
    }
  }

  /// The project's day from which a step is due. No delay means the day after the step before it: the next plan.
  private func dueDay(_ step: Int, _ progress: Progress) -> CalendarDay {
    let settings = day.project.settings
    let delay = campaign.steps[step].delay
    if step > 0, let sent = progress.lastSent {
      return day.day(of: sent).adding(delay ?? .days(1), holidays: campaign.holidays)
    }
    let origins = [campaign.start, contact.addedAt].compactMap { $0 }
    guard let origin = origins.max() else { return day.date }
    return settings.day(of: origin).adding(delay ?? .days(0), holidays: campaign.holidays)
  }

  private func decide(
    step: Int, channel: Channel, progress: Progress, record: SendRecord?, _ note: (String) -> Void
  ) -> Decision {
    let due = dueDay(step, progress)
    guard due <= day.date, campaign.start.map({ $0 < day.span.end }) ?? true else { return .waiting }
    let id = SendID(
      campaign: campaign.id, step: campaign.steps[step].id, contact: contact.key, channel: channel, key: "")
    if day.history.reserved[id] != nil { return .held(.plannedElsewhere) }
    if let defect = contact.defect { return .skipped(defect.reason, step: step, detail: defect.detail) }
    let to = channel == .email ? contact.email?.envelope : contact.phone?.e164
    let canonical = channel == .email ? contact.email?.canonical : contact.phone?.e164
    guard let to, let canonical else {
      return .skipped(.optedOut, step: step, detail: whyNoChannel(campaign.steps[step]))
    }
    let person = Drops.Person(key: contact.key, to: canonical, channel: channel)
    if let drop = day.drops.reason(
      person, campaign: campaign.id, messageClass: campaign.messageClass, now: day.notBefore)
    {
      return .skipped(drop.reason, step: step, detail: drop.detail)
    }
    guard let choices = live.mailboxes[channel], !choices.isEmpty else {
      return .skipped(.noMailbox, step: step, detail: "no mailbox of the campaign sends by \(channel.rawValue)")
    }
    var values: [String: String] = [:]
    for (i, name) in day.project.contacts.columns.enumerated() where i < contact.values.count {
      if !contact.values[i].isBlank { values[name] = contact.values[i] }
    }
    let variant = live.variant(step: step, contact: contact.key, seed: day.seed)
    var missing = live.missing(step: step, variant: variant, channel: channel, literal: nil, values: values)
    let thread = campaign.steps[step].reply ? progress.thread(before: step, steps: campaign.steps) : nil
    if channel == .email, campaign.steps[step].variants[variant].subject == nil, thread == nil {
      missing.append("subject")
    }
    guard missing.isEmpty else {
      return .skipped(.missingVariable, step: step, detail: missing.joined(separator: ", "))
    }
    let expires = day.expiry(campaign, origin: day.notBefore, record: record)
    if let expires, expires <= day.notBefore {
      return .skipped(.expired, step: step, detail: "since \(day.project.settings.zone.format(expires))")
    }
    return .due(
      Candidate(
        id: id, campaign: campaignIndex, step: step, variant: variant, contactKey: contact.key, channel: channel,
        to: to, zone: contact.zone ?? day.project.settings.zone, expiresAt: expires,
        mailbox: keptMailbox(progress, record, choices, note),
        rank: Rank(
          isFollowUp: step > 0, priority: campaign.priority, daysOverdue: day.date.number - due.number,
          tie: day.tie(id)),
        values: values, thread: thread))
  }

  /// The mailbox of the sequence so far, or the one that the contact is assigned to. Nil leaves the choice open.
  private func keptMailbox(
    _ progress: Progress, _ record: SendRecord?, _ choices: [Int], _ note: (String) -> Void
  ) -> Int? {
    let channelOf = { (i: Int) in day.project.mailboxes[i].sender.channel }
    let before = record?.mailbox ?? progress.lastSent?.mailbox
    for (name, why) in [(before, "its sequence's mailbox"), (contact.mailbox, "its assigned mailbox")] {
      guard let name, !name.isEmpty else { continue }
      if let i = day.mailboxIndex[name], choices.contains(i) { return i }
      // A sequence over two channels has a mailbox for each: only one of this channel can be gone.
      if let i = day.mailboxIndex[name], let first = choices.first, channelOf(i) != channelOf(first) { continue }
      note("\(campaign.id): \(contact.key): \(why) '\(name)' is gone from the campaign; another takes over")
    }
    return nil
  }
}

/// What history says of one contact in one campaign, by step and channel.
private struct Progress {
  struct Key: Hashable {
    var step: Int
    var channel: Channel
  }
  var records: [Key: SendRecord] = [:]
  var sent: [SendRecord] = []
  /// The furthest step of which a channel was sent.
  var place: Int?
  var lastSent: SendRecord?
  var isHeld = false
  /// A step without any channel sent has failed, was withdrawn or let go.
  var hasFailed = false

  init(_ all: [SendRecord], _ live: LiveCampaign) {
    var stepOfLast = -1
    for record in all where record.key.isEmpty {
      guard let step = live.stepIndex[record.step] else { continue }
      let key = Key(step: step, channel: record.channel)
      // Under an earlier id of the contact or step there may be a second record: the one that got further counts.
      if let other = records[key], other.state.isFinal, !record.state.isFinal { continue }
      records[key] = record
      switch record.state {
      case .inDoubt, .inFlight: isHeld = true
      case .sent:
        sent.append(record)
        if step > stepOfLast || (step == stepOfLast && record.at > (lastSent?.at ?? .distantPast)) {
          stepOfLast = step
          lastSent = record
        }
      case .pending, .waiting, .dead, .withdrawn, .dropped: break
      }
    }
    place = stepOfLast >= 0 ? stepOfLast : nil
    // With `all`, a channel that failed does not stop the other.
    for (key, record) in records where key.step > stepOfLast && live.campaign.steps[key.step].channel != .all {
      switch record.state {
      case .dead, .withdrawn, .dropped: hasFailed = true
      case .pending, .inFlight, .sent, .waiting, .inDoubt: break
      }
    }
  }

  /// The thread that a reply at `step` joins: the e-mails sent since the last step that was no reply.
  func thread(before step: Int, steps: [Step]) -> PlannedSend.Thread? {
    var references: [String] = []
    var subject: String?
    for i in 0..<step {
      guard let record = records[Key(step: i, channel: .email)], record.state == .sent else { continue }
      if !steps[i].reply {
        references = []
        subject = nil
      }
      if let id = record.messageID, !id.isEmpty { references.append(id) }
      subject = subject ?? record.subject
    }
    guard let subject, !references.isEmpty else { return nil }
    return PlannedSend.Thread(references: references, subject: Self.withoutReplyPrefix(subject))
  }

  static func withoutReplyPrefix(_ subject: String) -> String {
    subject.lowercased().hasPrefix("re: ") ? String(subject.dropFirst(4)) : subject
  }
}
