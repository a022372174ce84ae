import Model

/// Sends of one campaign to one zone, with the same bounds of their own, have the same open time: a class. Windows are
/// expanded once a class and mailbox, not once a send.
struct TimeClasses {
  private struct Key: Hashable {
    var campaign: Int
    var zone: Zone
    var earliest: Instant?
    var expiresAt: Instant?
  }

  private let day: PlanningDay
  private var ids: [Key: Int] = [:]
  private var keys: [Key] = []
  private var byCampaign: [Int: [Int]] = [:]

  /// - Parameter day: what the classes are expanded on.
  init(_ day: PlanningDay) { self.day = day }

  /// The class of a candidate.
  mutating func id(of candidate: Candidate) -> Int {
    // A time to live that ends after the day sets no bound today.
    let expires = candidate.expiresAt.flatMap { $0 < day.span.end ? $0 : nil }
    let earliest = candidate.earliest.flatMap { $0 > day.span.start ? $0.roundedUpToSecond : nil }
    let key = Key(campaign: candidate.campaign, zone: candidate.zone, earliest: earliest, expiresAt: expires)
    if let id = ids[key] { return id }
    ids[key] = keys.count
    byCampaign[candidate.campaign, default: []].append(keys.count)
    keys.append(key)
    return keys.count - 1
  }

  /// Every class that a mailbox may serve, with its open time there.
  func open(mailbox m: Int) -> [(Int, IntervalSet)] {
    let mailbox = day.project.mailboxes[m]
    let own = mailboxOpen(m)
    var found: [(Int, IntervalSet)] = []
    for (c, live) in day.campaigns.enumerated() where live.mailboxes[mailbox.sender.channel]?.contains(m) == true {
      var byZone: [Zone: IntervalSet] = [:]
      for id in byCampaign[c] ?? [] {
        let key = keys[id]
        let base = byZone[key.zone] ?? campaignOpen(c, zone: key.zone, mailbox: m).intersection(own)
        byZone[key.zone] = base
        found.append((id, bounded(base, key)))
      }
    }
    return found
  }

  /// The open time of a class in a mailbox: what a plan line's `open` says.
  func open(_ id: Int, mailbox m: Int) -> IntervalSet {
    bounded(campaignOpen(keys[id].campaign, zone: keys[id].zone, mailbox: m).intersection(mailboxOpen(m)), keys[id])
  }

  private func mailboxOpen(_ m: Int) -> IntervalSet {
    let mailbox = day.project.mailboxes[m]
    let clocks = Window.Clocks(contact: mailbox.zone, mailbox: mailbox.zone, project: day.project.settings.zone)
    return mailbox.window.open(within: day.span, clocks: clocks, holidays: day.project.settings.holidays)
  }

  private func campaignOpen(_ c: Int, zone: Zone, mailbox m: Int) -> IntervalSet {
    let campaign = day.campaigns[c].campaign
    let clocks = Window.Clocks(
      contact: zone, mailbox: day.project.mailboxes[m].zone, project: day.project.settings.zone)
    return campaign.window.open(within: day.span, clocks: clocks, holidays: campaign.holidays)
      .intersection(Interval(campaign.start ?? .distantPast, campaign.end ?? .distantFuture))
  }

  private func bounded(_ open: IntervalSet, _ key: Key) -> IntervalSet {
    open.intersection(Interval(key.earliest ?? .distantPast, key.expiresAt ?? .distantFuture))
  }
}
