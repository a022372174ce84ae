import Model

/// What delivery needs of the project's files besides the plan: read when the run begins.
public struct DeliveryRules: Sendable {
  public var settings: Settings
  public var campaigns: [String: Campaign]
  public var mailboxes: [String: Mailbox]
  /// Each mailbox's chain of providers.
  public var endpoints: [String: [Endpoint]]

  public init(project: Project, endpoints: [String: [Endpoint]]) {
    settings = project.settings
    campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    mailboxes = Dictionary(project.mailboxes.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    self.endpoints = endpoints
  }

  public var hasContactCap: Bool { settings.contactCapPerDay != nil || settings.contactCapPerWeek != nil }
  func day(of instant: Instant) -> CalendarDay { settings.day(of: instant) }

  /// The time at which a line may go out: what it says, within what its mailbox and campaign allow today. A line's
  /// `open` may have been edited by hand; it can only take time away.
  func open(_ kind: RunLines.Kind, within day: Interval) -> IntervalSet {
    var open = kind.open.intersection(day)
    if let mailbox = mailboxes[kind.mailbox] {
      let clocks = Window.Clocks(contact: mailbox.zone, mailbox: mailbox.zone, project: settings.zone)
      open = open.intersection(mailbox.window.open(within: day, clocks: clocks, holidays: settings.holidays))
    }
    if let campaign = campaigns[kind.campaign] {
      open = open.intersection(Interval(campaign.start ?? .distantPast, campaign.end ?? .distantFuture))
    }
    return open
  }
}

extension DeliveryRules {
  /// Of a mailbox's address; nil where it sends no mail.
  func domain(of mailbox: String) -> String? {
    guard case .email(let named) = mailboxes[mailbox]?.sender else { return nil }
    return named.address.domain
  }
}
