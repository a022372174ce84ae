import Model

/// Where a contact stands in a campaign's sequence, and what that means today.
///
/// Its place is the furthest step sent, in the file's order. A stop event, a failed, withdrawn or dropped step and the
/// end of the steps end the sequence; a step in doubt holds it; else the next step is due `delay` after the project's
/// day on which the one before it was sent (DESIGN §2, Sequences).
struct SequencePosition {
  let day: PlanningDay
  let campaignIndex: Int
  private let live: LiveCampaign
  private let views: ContactViews
  private let pastSends: HistoryView
  private let stepCount: Int
  private let end: Instant?
  private let start: Instant?
  private let hasTTL: Bool
  private let zoneOfContact: [Int]
  /// By the history's numbers; -1 for mailboxes that are gone.
  private let mailboxOfHistory: [Int]
  private let channels: [Channel]
  /// The day from which a first step is due that no contact's own date moves.
  private let firstDay: CalendarDay
  private let days: RecentDays
  private let hasReserved: Bool
  private let delays: [Delay?]
  private let holidays: Set<CalendarDay>

  init(day: PlanningDay, campaignIndex: Int) {
    self.day = day
    self.campaignIndex = campaignIndex
    live = day.campaigns[campaignIndex]
    views = day.project.contacts.views
    pastSends = day.pastSends
    let campaign = live.campaign
    stepCount = campaign.steps.count
    end = campaign.end
    start = campaign.start
    hasTTL = campaign.ttl != nil
    zoneOfContact = day.zoneOfContact
    mailboxOfHistory = day.history.mailboxNames.map { $0.isEmpty ? -1 : day.mailboxIndex[$0] ?? -1 }
    channels = day.project.mailboxes.map(\.sender.channel)
    days = RecentDays(before: day.date, day.project.settings)
    hasReserved = day.known.hasReserved
    delays = campaign.steps.map(\.delay)
    holidays = campaign.holidays
    let start = campaign.start.map { day.project.settings.day(of: $0) }
    firstDay =
      start?.adding(campaign.steps.first?.delay ?? .days(0), holidays: campaign.holidays) ?? day.date
  }

  private var campaign: Campaign { live.campaign }

  /// One contact's questions, with the buffers that they share.
  struct Asking {
    let index: Int
    let contact: ContactView
    let concerns: Concerns
    var progress: Progress
  }

  /// One decision, or with `channel: all` one for each channel that the contact allows.
  /// - Parameters:
  ///   - scratch: bytes that are used again from call to call.
  ///   - note: takes what a person should know, such as a mailbox that is gone.
  ///   - due: takes what is due, with the thread that it joins; `other` every other decision. Apart, since nearly all
  ///     are the first.
  func decide(
    _ index: Int, scratch: inout [UInt8], note: (String) -> Void, due: (SendID, SendKind, [UInt32]) -> Void,
    other take: (Decision) -> Void
  ) {
    let contact = views[index]
    let concerns = day.concerns(of: contact, index)
    let asking = Asking(
      index: index, contact: contact, concerns: concerns,
      progress: concerns.contains(.sent) ? Progress(contact, live, pastSends) : .none)
    guard stepCount > 0 else { return take(.complete(last: nil)) }
    if !concerns.isEmpty, let decision = standstill(asking) { return take(decision) }
    let progress = asking.progress
    // With `all`, a channel of the step reached may still be owed while another is through.
    if let place = progress.place, live.facts[place].channel == .all {
      var isOwed = false
      owed(asking, step: place, scratch: &scratch, note) { id, kind, thread in
        isOwed = true
        due(id, kind, thread)
      } other: { decision in
        // One that may not be written to, or lacks a value, does not hold the steps after it.
        if case .skipped = decision { return }
        isOwed = true
        take(decision)
      }
      if isOwed { return }
    }
    let next = progress.place.map { $0 + 1 } ?? 0
    guard next < stepCount else { return take(.complete(last: progress.lastSent?.entry)) }
    guard uses(next, .email, contact) || uses(next, .sms, contact) else {
      let from = dueDay(next, asking)
      guard from <= day.date else {
        return take(.waiting(step: next, until: day.project.settings.span(of: from).start))
      }
      return take(notAllowed(asking, next))
    }
    var isAnything = false
    owed(asking, step: next, scratch: &scratch, note) { id, kind, thread in
      isAnything = true
      due(id, kind, thread)
    } other: { decision in
      isAnything = true
      take(decision)
    }
    if !isAnything { take(.complete(last: progress.lastSent?.entry)) }
  }

  /// How far a contact has come, by the same look at its past that `decide` takes: the position of the furthest step
  /// sent, and the mailboxes that its next step keeps, one a channel.
  func reached(_ index: Int) -> (place: Int?, mailboxes: [Int]) {
    let contact = views[index]
    let concerns = day.concerns(of: contact, index)
    let progress = concerns.contains(.sent) ? Progress(contact, live, pastSends) : .none
    let asking = Asking(index: index, contact: contact, concerns: concerns, progress: progress)
    let next = min(progress.place.map { $0 + 1 } ?? 0, stepCount - 1)
    let mailboxes = Channel.allCases.compactMap { channel in
      keptMailbox(asking, next < 0 ? nil : progress.record(next, channel), channel) { _ in }
    }
    return (progress.place, mailboxes)
  }

  /// What keeps the whole sequence from going on.
  private func standstill(_ asking: Asking) -> Decision? {
    let progress = asking.progress
    if let past = progress.inDoubt { return .held(.inDoubt, step: past.step) }
    if asking.concerns.contains(.named) {
      let (key, names) = (asking.contact.key.text, names(asking))
      let person = Drops.Person(key: key, to: names.first ?? key, channel: .email, others: names)
      if let event = day.drops.stop(person, campaign: campaign, began: progress.began(day.history)) {
        return .ended(.stopped(event))
      }
    }
    return progress.failed.map { .ended(.failed(day.history.record($0.entry))) }
  }

  /// Decisions for the channels of a step that are not through.
  private func owed(
    _ asking: Asking, step: Int, scratch: inout [UInt8], _ note: (String) -> Void,
    _ due: (SendID, SendKind, [UInt32]) -> Void, other: (Decision) -> Void
  ) {
    for isEmail in [true, false] {
      let channel: Channel = isEmail ? .email : .sms
      guard uses(step, channel, asking.contact) else { continue }
      let past = asking.concerns.contains(.sent) ? asking.progress.record(step, channel) : nil
      if let past, past.entry.state.isFinal { continue }
      let decision = decide(asking, step: step, channel: channel, past: past, scratch: &scratch, note, due)
      if let decision { other(decision) }
    }
  }

  /// Whether a step goes to a contact by a channel.
  @inline(__always)
  private func uses(_ step: Int, _ channel: Channel, _ contact: ContactView) -> Bool {
    switch live.facts[step].channel {
    case .email: channel == .email && contact.allows(.email)
    case .sms: channel == .sms && contact.allows(.sms)
    case .any: contact.allows(channel) && (channel == .email || !contact.allows(.email))
    case .all: contact.allows(channel)
    }
  }

  /// Why a step has no channel; what else keeps it from the contact is said before that.
  private func notAllowed(_ asking: Asking, _ index: Int) -> Decision {
    if let defect = day.project.contacts.defect(asking.index) {
      return .skipped(defect.reason, step: index, detail: defect.detail)
    }
    let step = campaign.steps[index]
    let uses = step.channel.channels
    if uses.contains(.sms), asking.contact.smsEnabled, let taken = day.project.contacts.takenNumber(asking.index) {
      return .skipped(taken.reason, step: index, detail: taken.detail)
    }
    for channel in uses where channel == .email ? asking.contact.emailEnabled : asking.contact.smsEnabled {
      guard let text = day.project.contacts.brokenAddress(asking.index, channel) else { continue }
      let defect = Contact.Defect.notAnAddress(text, of: channel, at: day.project.contacts.place(asking.index))
      return .skipped(defect.reason, step: index, detail: defect.detail)
    }
    let drops = uses.compactMap { drop(asking, $0) }
    for reason in SkipReason.allCases {
      if let drop = drops.first(where: { $0.reason == reason }) {
        return .skipped(drop.reason, step: index, detail: drop.detail)
      }
    }
    return .skipped(.optedOut, step: index, detail: whyNoChannel(step, asking.contact))
  }

  private func addresses(_ contact: ContactView) -> [String] {
    [contact.email, contact.phone].filter { !$0.isEmpty }.map(\.text)
  }

  /// What a contact is known by beside its key.
  private func names(_ asking: Asking) -> [String] {
    addresses(asking.contact) + day.project.contacts.otherNames(asking.index)
  }

  private func drop(_ asking: Asking, _ channel: Channel) -> (reason: SkipReason, detail: String)? {
    guard asking.concerns.contains(.named) else { return nil }
    let to = asking.contact.address(channel)
    guard !to.isEmpty else { return nil }
    let person = Drops.Person(
      key: asking.contact.key.text, to: to.text, channel: channel, others: names(asking))
    return day.drops.reason(
      person, campaign: campaign.id, was: campaign.was, messageClass: campaign.messageClass, now: day.notBefore)
  }

  private func whyNoChannel(_ step: Step, _ contact: ContactView) -> String {
    let email = contact.hasEmail ? "email_enabled is no" : "no email address"
    let sms = contact.hasPhone ? "sms_enabled is not yes" : "no phone number"
    switch step.channel {
    case .email: return email
    case .sms: return sms
    case .any, .all: return "\(email); \(sms)"
    }
  }

  /// The project's day from which a step is due. No delay means the day after the step before it: the next plan.
  private func dueDay(_ step: Int, _ asking: Asking) -> CalendarDay {
    guard step > 0 || asking.contact.addedAt != nil else { return firstDay }
    let delay = delays[step]
    if step > 0, let sent = asking.progress.lastSent(before: step) {
      return days.day(of: sent.at).adding(delay ?? .days(1), holidays: holidays)
    }
    let added = asking.contact.addedAt
    guard let origin = start.map({ max($0, added ?? $0) }) ?? added else { return day.date }
    return days.day(of: origin).adding(delay ?? .days(0), holidays: holidays)
  }

  private func decide(
    _ asking: Asking, step: Int, channel: Channel, past: Progress.Past?, scratch: inout [UInt8],
    _ note: (String) -> Void, _ due: (SendID, SendKind, [UInt32]) -> Void
  ) -> Decision? {
    let from = dueDay(step, asking)
    guard from <= day.date else {
      return .waiting(step: step, until: day.project.settings.span(of: from).start)
    }
    if let start, start >= day.span.end { return .waiting(step: step, until: start) }
    let contact = asking.contact
    if hasReserved,
      day.known.isReserved(
        campaign, campaign.steps[step], channel, key: "", persons: [contact.key.text] + names(asking))
    {
      return .held(.plannedElsewhere, step: step)
    }
    var retryAt: Instant?
    if case .waiting(let until) = past?.entry.state { retryAt = until }
    if let retryAt, retryAt >= day.span.end { return .waiting(step: step, until: retryAt) }
    if contact.hasDefect, let defect = day.project.contacts.defect(asking.index) {
      return .skipped(defect.reason, step: step, detail: defect.detail)
    }
    if let drop = drop(asking, channel) { return .skipped(drop.reason, step: step, detail: drop.detail) }
    guard live.hasMailbox(channel) else {
      return .skipped(.noMailbox, step: step, detail: "no mailbox of the campaign sends by \(channel.rawValue)")
    }
    let variant =
      live.facts[step].variants.count > 1 ? live.variant(step: step, contact: contact.key.text, seed: day.seed) : 0
    let mailbox = keptMailbox(asking, past, channel, note)
    let thread =
      channel == .email && live.facts[step].isReply ? asking.progress.thread(before: step, live, pastSends) : []
    let need = Need(step: step, variant: variant, channel: channel, mailbox: mailbox, hasThread: !thread.isEmpty)
    if lacksSomething(asking, need) {
      let missing = missing(asking, need)
      return .skipped(.missingVariable, step: step, detail: missing.joined(separator: ", "))
    }
    let id = id(step, channel, contact, &scratch)
    if channel == .sms, let detail = excess(asking, need, id) {
      return .skipped(.tooLong, step: step, detail: detail)
    }
    let expires = expiry(id, past)
    if let expires, expires <= day.notBefore {
      return .skipped(.expired, step: step, detail: "since \(day.project.settings.zone.format(expires))")
    }
    due(
      id,
      SendKind(
        campaign: campaignIndex, step: step, variant: variant, channel: channel,
        zone: zoneOfContact[contact.zone], earliest: retryAt, expiresAt: expires, mailbox: mailbox ?? -1,
        daysOverdue: day.date.number - from.number), thread)
    return nil
  }

  private func expiry(_ id: SendID, _ past: Progress.Past?) -> Instant? {
    guard hasTTL else { return end }
    return day.expiry(campaign, id, origin: day.notBefore, record: past.map { day.history.record($0.entry) })
  }

  private func id(_ step: Int, _ channel: Channel, _ contact: ContactView, _ scratch: inout [UInt8]) -> SendID {
    scratch.removeAll(keepingCapacity: true)
    scratch.append(contentsOf: live.idPrefixes[step])
    SendID.append(contact.key, to: &scratch)
    SendID.append(channel.rawValue.utf8, to: &scratch)
    SendID.append(EmptyCollection(), to: &scratch)
    return SendID(digestOf: scratch)
  }

  /// What a message asks of a contact.
  private struct Need {
    var step: Int
    var variant: Int
    var channel: Channel
    var mailbox: Int?
    /// Whether it joins a thread, which gives it a subject.
    var hasThread: Bool
  }

  /// Whether anything required is missing: a quick look, since nearly always nothing is.
  private func lacksSomething(_ asking: Asking, _ need: Need) -> Bool {
    if let mailbox = need.mailbox, !live.givesTheSame(mailbox: mailbox) { return !missing(asking, need).isEmpty }
    let facts = live.variantFacts[live.facts[need.step].variants.lowerBound + need.variant]
    if need.channel == .email ? facts.isNever.email : facts.isNever.sms { return true }
    for i in need.channel == .email ? facts.email : facts.sms where asking.contact.value(live.askedColumns[i]).isBlank {
      return true
    }
    return need.channel == .email && !facts.hasSubject && !need.hasThread
  }

  private func excess(_ asking: Asking, _ need: Need, _ id: SendID) -> String? {
    SegmentLimit(day: day, live: live).excess(
      id: id, step: need.step, variant: need.variant, mailbox: need.mailbox, literal: nil
    ) { name in
      day.project.contacts.column(name).map { asking.contact.value($0).text }
    }
  }

  private func missing(_ asking: Asking, _ need: Need) -> [String] {
    var missing = live.missing(
      step: need.step, variant: need.variant, channel: need.channel,
      mailbox: need.mailbox.map { day.project.mailboxes[$0] }, literal: nil
    ) { name in
      day.project.contacts.column(name).map { !asking.contact.value($0).isBlank } ?? false
    }
    if need.channel == .email, campaign.steps[need.step].variants[need.variant].subject == nil, !need.hasThread {
      missing.append("subject")
    }
    return missing
  }

  /// The mailbox of the sequence so far, or the one that the contact is assigned to. Nil leaves the choice open.
  private func keptMailbox(
    _ asking: Asking, _ past: Progress.Past?, _ channel: Channel, _ note: (String) -> Void
  ) -> Int? {
    // A sequence over two channels has a mailbox for each.
    if asking.concerns.contains(.sent), let before = past ?? asking.progress.lastSent(by: channel) {
      let known = mailboxOfHistory[before.entry.mailbox]
      if known >= 0, live.has(mailbox: known), isOfChannel(known, channel) { return known }
      let name = day.history.mailboxNames[before.entry.mailbox]
      if let i = kept(name, "its sequence's mailbox", asking, channel, note) { return i }
    }
    let assigned = asking.contact.mailbox
    if assigned.isEmpty { return nil }
    return kept(assigned.text, "its assigned mailbox", asking, channel, note)
  }

  private func isOfChannel(_ mailbox: Int, _ channel: Channel) -> Bool { channels[mailbox] == channel }

  private func kept(
    _ name: String, _ why: String, _ asking: Asking, _ channel: Channel, _ note: (String) -> Void
  ) -> Int? {
    if name.isEmpty { return nil }
    if let i = day.mailboxIndex[name] {
      if live.has(mailbox: i) && day.project.mailboxes[i].sender.channel == channel { return i }
      // The assigned mailbox may be one of the other channel: it is not gone.
      if day.project.mailboxes[i].sender.channel != channel { return nil }
    }
    note("\(campaign.id): \(asking.contact.key.text): \(why) '\(name)' is gone from the campaign; another takes over")
    return nil
  }
}
