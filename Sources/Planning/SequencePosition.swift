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
    // One that may not be written to, or lacks a value, does not hold the steps after it.
    let isOwed = decisions.contains { decision in
      if case .skipped = decision { false } else { true }
    }
    if isOwed { return decisions }
    let next = progress.place.map { $0 + 1 } ?? 0
    guard next < campaign.steps.count else { return [.ended] }
    let channels = channels(of: campaign.steps[next])
    if channels.isEmpty {
      guard dueDay(next, progress) <= day.date else { return [.waiting] }
      return [notAllowed(next)]
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

  /// Why a step has no channel; what else keeps it from the contact is said before that.
  private func notAllowed(_ step: Int) -> Decision {
    if let defect = contact.defect { return .skipped(defect.reason, step: step, detail: defect.detail) }
    let uses: [Channel] =
      switch campaign.steps[step].channel {
      case .email: [.email]
      case .sms: [.sms]
      case .any, .all: Channel.allCases
      }
    let drops = uses.compactMap { drop($0) }
    for reason in SkipReason.allCases {
      if let drop = drops.first(where: { $0.reason == reason }) {
        return .skipped(drop.reason, step: step, detail: drop.detail)
      }
    }
    return .skipped(.optedOut, step: step, detail: whyNoChannel(campaign.steps[step]))
  }

  private var addresses: [String] { [contact.email?.canonical, contact.phone?.e164].compactMap { $0 } }

  private func drop(_ channel: Channel) -> (reason: SkipReason, detail: String)? {
    guard let to = channel == .email ? contact.email?.canonical : contact.phone?.e164 else { return nil }
    let person = Drops.Person(key: contact.key, to: to, channel: channel, others: addresses)
    return day.drops.reason(
      person, campaign: campaign.id, was: campaign.was, messageClass: campaign.messageClass, now: day.notBefore)
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
    if step > 0, let sent = progress.lastSent(before: step) {
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
    if day.known.isReserved(campaign, campaign.steps[step], channel, key: "", persons: [contact.key] + addresses) {
      return .held(.plannedElsewhere)
    }
    if let retryAt = record?.retryAt, retryAt >= day.span.end { return .waiting }
    if let defect = contact.defect { return .skipped(defect.reason, step: step, detail: defect.detail) }
    guard let to = channel == .email ? contact.email?.envelope : contact.phone?.e164 else { return notAllowed(step) }
    if let drop = drop(channel) { return .skipped(drop.reason, step: step, detail: drop.detail) }
    guard let choices = live.mailboxes[channel], !choices.isEmpty else {
      return .skipped(.noMailbox, step: step, detail: "no mailbox of the campaign sends by \(channel.rawValue)")
    }
    var values: [String: String] = [:]
    for (i, name) in day.project.contacts.columns.enumerated() where i < contact.values.count {
      if !contact.values[i].isBlank { values[name] = contact.values[i] }
    }
    let variant = live.variant(step: step, contact: contact.key, seed: day.seed)
    let mailbox = keptMailbox(progress, record, channel, choices, note)
    var missing = live.missing(
      step: step, variant: variant, channel: channel, mailbox: mailbox.map { day.project.mailboxes[$0] }, literal: nil,
      values: values)
    let thread = campaign.steps[step].reply ? progress.thread(before: step, steps: campaign.steps) : nil
    if channel == .email, campaign.steps[step].variants[variant].subject == nil, thread == nil {
      missing.append("subject")
    }
    guard missing.isEmpty else {
      return .skipped(.missingVariable, step: step, detail: missing.joined(separator: ", "))
    }
    let expires = day.expiry(campaign, id, origin: day.notBefore, record: record)
    if let expires, expires <= day.notBefore {
      return .skipped(.expired, step: step, detail: "since \(day.project.settings.zone.format(expires))")
    }
    return .due(
      Candidate(
        id: id, campaign: campaignIndex, step: step, variant: variant, contactKey: contact.key, channel: channel,
        to: to, zone: contact.zone ?? day.project.settings.zone, earliest: record?.retryAt, expiresAt: expires,
        mailbox: mailbox,
        rank: Rank(
          isFollowUp: step > 0, priority: campaign.priority, daysOverdue: day.date.number - due.number,
          tie: day.tie(id)),
        values: values, thread: thread))
  }

  /// The mailbox of the sequence so far, or the one that the contact is assigned to. Nil leaves the choice open.
  private func keptMailbox(
    _ progress: Progress, _ record: SendRecord?, _ channel: Channel, _ choices: [Int], _ note: (String) -> Void
  ) -> Int? {
    // A sequence over two channels has a mailbox for each.
    let before = record?.mailbox ?? progress.lastSent(by: channel)?.mailbox
    for (name, why) in [(before, "its sequence's mailbox"), (contact.mailbox, "its assigned mailbox")] {
      guard let name, !name.isEmpty else { continue }
      if let i = day.mailboxIndex[name] {
        if choices.contains(i) { return i }
        // The assigned mailbox may be one of the other channel: it is not gone.
        if day.project.mailboxes[i].sender.channel != channel { continue }
      }
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
  /// What was sent, by step and time.
  var sent: [SendRecord] = []
  private var stepOfSent: [Int] = []
  /// The furthest step of which a channel was sent.
  var place: Int? { stepOfSent.last }
  var isHeld = false
  /// A step without any channel sent has failed, was withdrawn or let go.
  var hasFailed = false

  init(_ all: [SendRecord], _ live: LiveCampaign) {
    var found: [(step: Int, record: SendRecord)] = []
    for record in all where record.key.isEmpty {
      guard let step = live.stepIndex[record.step] else { continue }
      let key = Key(step: step, channel: record.channel)
      // Under an earlier id of the contact or step there may be a second record: the one that got further counts.
      if let other = records[key], other.state.isFinal, !record.state.isFinal { continue }
      records[key] = record
      switch record.state {
      case .inDoubt, .inFlight: isHeld = true
      case .sent: found.append((step, record))
      case .pending, .waiting, .dead, .withdrawn, .dropped: break
      }
    }
    if found.count > 1 { found.sort { ($0.step, $0.record.at, $0.record.id) < ($1.step, $1.record.at, $1.record.id) } }
    sent = found.map(\.record)
    stepOfSent = found.map(\.step)
    let furthest = place ?? -1
    // With `all`, a channel that failed does not stop the other.
    for (key, record) in records where key.step > furthest && live.campaign.steps[key.step].channel != .all {
      switch record.state {
      case .dead, .withdrawn, .dropped: hasFailed = true
      case .pending, .inFlight, .sent, .waiting, .inDoubt: break
      }
    }
  }

  /// The last send of the furthest step before `step`.
  func lastSent(before step: Int) -> SendRecord? {
    stepOfSent.lastIndex { $0 < step }.map { sent[$0] }
  }

  func lastSent(by channel: Channel) -> SendRecord? { sent.last { $0.channel == channel } }

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
