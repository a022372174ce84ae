import Model

/// What may be known of a contact.
struct Concerns: OptionSet {
  let rawValue: UInt8
  /// A suppression or an event names it.
  static let named = Concerns(rawValue: 1)
  /// The history has sends to it.
  static let sent = Concerns(rawValue: 2)
}

/// What all decisions of one plan share: the day, the project and what is known of the past.
struct PlanningDay {
  let project: Project
  let history: History
  /// The history as it lies in memory, for decisions.
  let pastSends: HistoryView
  let date: CalendarDay
  /// The instants that the plan covers, from `notBefore` on.
  let span: Interval
  /// The whole of the project's day.
  let wholeDay: Interval
  let notBefore: Instant
  let drops: Drops
  let known: Known
  let renderer: any TemplateRenderer
  /// Active campaigns that have not ended, in order of their ids.
  let campaigns: [LiveCampaign]
  /// Ids and addresses of mailboxes to their index.
  let mailboxIndex: [String: Int]
  /// The project's zone, then those of the contacts.
  let zones: [Zone]
  /// For `ContactView.zone`, the index into `zones`.
  let zoneOfContact: [Int]

  init(project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer) {
    self.project = project
    self.history = history
    pastSends = history.view
    self.date = date
    self.renderer = renderer
    wholeDay = project.settings.span(of: date)
    let start = min(max(notBefore, wholeDay.start).roundedUpToSecond, wholeDay.end)
    self.notBefore = start
    span = Interval(start, wholeDay.end)
    // A suppression that names a campaign by an earlier id holds for the campaign of today.
    let renamed = project.campaigns.flatMap { campaign in
      project.suppressions.filter { $0.campaign.map(campaign.was.contains) ?? false }.map { suppression in
        var renamed = suppression
        renamed.campaign = campaign.id
        return renamed
      }
    }
    drops = Drops(
      suppressions: renamed.isEmpty ? project.suppressions : project.suppressions + renamed,
      events: project.events + history.bounces)
    var index: [String: Int] = [:]
    for (i, mailbox) in project.mailboxes.enumerated() {
      index[mailbox.id] = i
      switch mailbox.sender {
      case .email(let named): if index[named.address.canonical] == nil { index[named.address.canonical] = i }
      case .sms(let number): if index[number.e164] == nil { index[number.e164] = i }
      }
    }
    mailboxIndex = index
    campaigns = project.campaigns
      .filter { $0.status == .active && ($0.end.map { $0 > start } ?? true) }
      .sorted { $0.id < $1.id }
      .map {
        LiveCampaign(
          $0, project: project, history: history, mailboxIndex: index, isMine: project.membership(of: $0),
          renderer: renderer)
      }
    known = Known(history, forRows: campaigns.contains { $0.campaign.readsMessages })
    let own = project.settings.zone
    let zones =
      [own] + project.contacts.zones.filter { $0 != own }.sorted { $0.identifier < $1.identifier }
    zoneOfContact = [0] + project.contacts.zones.map { zones.firstIndex(of: $0) ?? 0 }
    self.zones = zones
  }

  var seed: UInt64 { project.settings.seed }

  /// The project's day on which a send was made.
  func day(of record: SendRecord) -> CalendarDay { project.settings.day(of: record.attemptAt ?? record.at) }

  /// When a send ends unsent: the earlier of its time to live, counted from `origin`, and the campaign's end.
  /// A send that was planned before, and released or not yet made, keeps what its first plan gave it.
  func expiry(_ campaign: Campaign, _ id: SendID, origin: Instant, record: SendRecord?) -> Instant? {
    let byTTL = campaign.ttl.map { record?.expiresAt ?? history.firstExpiry[id] ?? origin + $0 }
    guard let byTTL, let end = campaign.end else { return byTTL ?? campaign.end }
    return min(byTTL, end)
  }

  /// What may be known of a contact; nothing of nearly everybody, and quickly.
  @inline(__always)
  func concerns(of contact: ContactView, _ index: Int) -> Concerns {
    var concerns: Concerns = []
    func look(_ hash: UInt64) {
      if drops.mayName(hash) { concerns.insert(.named) }
      if pastSends.mayKnow(personHash: hash) { concerns.insert(.sent) }
    }
    look(contact.keyHash)
    if contact.hasEmail {
      let email = contact.email
      if contact.hasOwnID { look(ByteHash.of(email)) }
      if let at = email.lastIndex(of: 0x40), drops.mayName(ByteHash.of(Cell(rebasing: email[at...]))) {
        concerns.insert(.named)
      }
    }
    if contact.hasPhone { look(ByteHash.of(contact.phone)) }
    if contact.hasOtherNames { for name in project.contacts.otherNames(index) { look(ByteHash.of(name)) } }
    return concerns
  }
}

extension Project {
  /// For each mailbox, whether a campaign names it.
  fileprivate func membership(of campaign: Campaign) -> [Bool] {
    switch campaign.mailboxes {
    case .ids(let ids):
      let ids = Set(ids)
      return mailboxes.map { ids.contains($0.id) }
    case .tag(let tag): return mailboxes.map { $0.tags.contains(tag) }
    }
  }
}

extension Campaign {
  fileprivate var readsMessages: Bool {
    if case .messages = audience { true } else { false }
  }
}

extension SendRecord {
  /// A retry is not due before its time.
  var retryAt: Instant? {
    if case .waiting(let until) = state { until } else { nil }
  }
}
