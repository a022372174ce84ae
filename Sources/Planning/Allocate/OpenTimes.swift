import Model

/// When which sends may go out. Sends of one campaign to one zone, with the same bounds of their own, have the same
/// open time; mailboxes of the same window and zone too. Windows are expanded once for each such pair, not once a send.
struct OpenTimes {
  /// What a send's open time depends on besides the mailbox.
  struct Class: Hashable {
    var campaign: Int
    /// Index into the day's zones.
    var zone: Int
    var earliest: Instant?
    var expiresAt: Instant?
  }

  private struct Pair: Hashable {
    var campaign: Int
    var zone: Int
    var mailboxKind: Int
  }

  private struct MailboxTime: Hashable {
    var window: Window
    var zone: Zone
  }

  private let day: PlanningDay
  private let span: Interval
  /// For each mailbox, which of the kinds it is.
  let kindOfMailbox: [Int]
  var mailboxKinds: Int { example.count }
  /// One mailbox of each kind.
  private let example: [Int]
  private let mailboxOpen: [IntervalSet]
  private var known: [Pair: IntervalSet] = [:]

  /// - Parameter span: other than the one that is planned: what an earlier start, or another day, would have.
  init(_ day: PlanningDay, within span: Interval? = nil) {
    self.day = day
    let span = span ?? day.span
    self.span = span
    var index: [MailboxTime: Int] = [:]
    var example: [Int] = []
    kindOfMailbox = day.project.mailboxes.enumerated().map { i, mailbox in
      let key = MailboxTime(window: mailbox.window, zone: mailbox.zone)
      if let known = index[key] { return known }
      index[key] = example.count
      example.append(i)
      return example.count - 1
    }
    self.example = example
    mailboxOpen = example.map { m in
      let mailbox = day.project.mailboxes[m]
      let clocks = Window.Clocks(contact: mailbox.zone, mailbox: mailbox.zone, project: day.project.settings.zone)
      return mailbox.window.open(within: span, clocks: clocks, holidays: day.project.settings.holidays)
    }
  }

  /// The class of a kind of sends.
  func timeClass(of kind: SendKind) -> Class {
    // A time to live that ends after the plan's day sets no bound today.
    Class(
      campaign: kind.campaign, zone: kind.zone,
      earliest: kind.earliest.flatMap { $0 > span.start ? $0.roundedUpToSecond : nil },
      expiresAt: kind.expiresAt.flatMap { $0 <= span.end ? $0 : nil })
  }

  /// The open time of a class in mailboxes of a kind: what a plan line's `open` says.
  mutating func open(_ own: Class, mailboxKind: Int) -> IntervalSet {
    let pair = Pair(campaign: own.campaign, zone: own.zone, mailboxKind: mailboxKind)
    let base: IntervalSet
    if let found = known[pair] {
      base = found
    } else {
      base = campaignOpen(own.campaign, day.zones[own.zone], example[mailboxKind])
        .intersection(mailboxOpen[mailboxKind])
      known[pair] = base
    }
    if own.earliest == nil, own.expiresAt == nil { return base }
    return base.intersection(Interval(own.earliest ?? .distantPast, own.expiresAt ?? .distantFuture))
  }

  private func campaignOpen(_ c: Int, _ zone: Zone, _ m: Int) -> IntervalSet {
    let campaign = day.campaigns[c].campaign
    let clocks = Window.Clocks(
      contact: zone, mailbox: day.project.mailboxes[m].zone, project: day.project.settings.zone)
    return campaign.window.open(within: span, clocks: clocks, holidays: campaign.holidays)
      .intersection(Interval(campaign.start ?? .distantPast, campaign.end ?? .distantFuture))
  }
}
