import Model

/// Everything that is said of a plan besides its lines: one value, printed as text, as JSON and into the page.
public struct PlanOverview: Sendable {
  public let header: PlanHeader
  public let tally: PlanTally
  public let mailboxes: [MailboxLoad]
  public let warnings: [PlanWarning]
  public let skipped: SkippedSummary
  /// Of the last plan of an earlier day.
  public let earlier: PlanHeader?

  /// What a mailbox has to do on the day.
  public struct MailboxLoad: Hashable, Sendable {
    public var id: String
    /// Its address or number; nil where the plan's mailboxes are not known any more.
    public var address: String?
    public var planned: Int
    /// What its limit and ramp allow on the day of its zone on which it sends most; nil means no limit.
    public var limit: Int?
    public var first: Instant?
    public var last: Instant?
  }

  /// - Parameters:
  ///   - project: settings, mailboxes and campaigns as the plan knew them.
  ///   - earlier: the header of the last plan of an earlier day.
  public init(
    _ header: PlanHeader, _ tally: PlanTally, project: Project, skipped: SkippedSummary, earlier: PlanHeader?
  ) {
    self.header = header
    self.tally = tally
    self.skipped = skipped
    self.earlier = earlier
    warnings = PlanWarnings.of(header, tally, project: project, earlier: earlier)
    let planned = Dictionary(tally.counts { $0.mailbox }.map { ($0.name, $0.count) }, uniquingKeysWith: +)
    let known = Set(project.mailboxes.map(\.id))
    let named = project.mailboxes.map { mailbox in
      let days = tally.days(of: mailbox.id, in: mailbox.zone)
      let busiest = days.max { $0.count < $1.count }?.day ?? header.date
      let span = tally.span(of: mailbox.id)
      return MailboxLoad(
        id: mailbox.id, address: mailbox.sender.address, planned: planned[mailbox.id] ?? 0,
        limit: mailbox.limit(on: busiest), first: span?.first, last: span?.last)
    }
    let unknown = planned.keys.filter { !known.contains($0) }.sorted().map { id in
      let span = tally.span(of: id)
      return MailboxLoad(
        id: id, address: nil, planned: planned[id] ?? 0, limit: nil, first: span?.first, last: span?.last)
    }
    mailboxes = named + unknown
  }
}

extension PlanOverview {
  /// Due and not planned, by campaign: what is deferred first, then what is skipped, most first.
  var notPlanned: [(what: String, campaign: String, reason: String, count: Int)] {
    header.campaigns.sorted { $0.key < $1.key }.flatMap { id, totals in
      let deferred = totals.deferred.map { ("deferred", id, $0.key.rawValue, $0.value) }
      let skipped = totals.skipped.map { ("skipped", id, $0.key.rawValue, $0.value) }
      return [deferred, skipped].flatMap { part in
        part.filter { $0.3 > 0 }.sorted { ($1.3, $0.2) < ($0.3, $1.2) }
      }
    }
  }
}

/// What `skipped.jsonl` says, counted, with a few of its lines.
public struct SkippedSummary: Sendable {
  /// By campaign and reason.
  public private(set) var counts: [String: [SkipReason: Int]] = [:]
  /// The first of each campaign and reason.
  public private(set) var examples: [SkippedStep] = []
  private let kept: Int

  /// - Parameter kept: examples of each campaign and reason.
  public init(kept: Int) { self.kept = kept }

  public mutating func add(_ step: SkippedStep) {
    let n = counts[step.campaign, default: [:]][step.reason, default: 0]
    counts[step.campaign, default: [:]][step.reason] = n + 1
    if n < kept { examples.append(step) }
  }
}

/// Which sends of a plan are shown. All that are given must fit.
public struct PlanFilter: Sendable {
  public var mailbox: String?
  public var campaign: String?
  /// In lower case, an id or an address.
  public var contact: String?

  public init(mailbox: String? = nil, campaign: String? = nil, contact: String? = nil) {
    self.mailbox = mailbox
    self.campaign = campaign
    self.contact = contact?.lowercased()
  }

  public var isEmpty: Bool { mailbox == nil && campaign == nil && contact == nil }

  public func takes(_ send: PlannedSend) -> Bool {
    (mailbox == nil || send.mailbox == mailbox) && (campaign == nil || send.campaign == campaign)
      && (contact.map { isContact($0, send.contact) || isContact($0, send.to) } ?? true)
  }

  /// A skipped step has no mailbox yet.
  public func takes(_ step: SkippedStep) -> Bool {
    mailbox == nil && (campaign == nil || step.campaign == campaign)
      && (contact.map { isContact($0, step.contact) } ?? true)
  }

  private func isContact(_ wanted: String, _ name: String) -> Bool { name == wanted || name.lowercased() == wanted }
}
