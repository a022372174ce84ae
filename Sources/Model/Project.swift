/// Everything that a plan is made from besides the history: the project's files as values.
public struct Project: Sendable {
  public var settings: Settings
  /// In order of their ids.
  public var campaigns: [Campaign]
  /// In the file's order.
  public var mailboxes: [Mailbox]
  public var providers: [Provider]
  public var contacts: ContactTable
  public var suppressions: [Suppression]
  public var events: [Event]
  /// Every file that was read, by its path relative to the project.
  public var inputs: [InputFile]
  /// Campaigns that `--keep-going` left out for their findings.
  public var broken: [String]

  public init(
    settings: Settings = Settings(), campaigns: [Campaign] = [], mailboxes: [Mailbox] = [],
    providers: [Provider] = [], contacts: ContactTable = ContactTable(), suppressions: [Suppression] = [],
    events: [Event] = [], inputs: [InputFile] = [], broken: [String] = []
  ) {
    self.settings = settings
    self.campaigns = campaigns
    self.mailboxes = mailboxes
    self.providers = providers
    self.contacts = contacts
    self.suppressions = suppressions
    self.events = events
    self.inputs = inputs
    self.broken = broken
  }

  /// The mailboxes that a campaign names, in the file's order.
  public func mailboxes(of campaign: Campaign) -> [Mailbox] {
    switch campaign.mailboxes {
    case .ids(let ids): mailboxes.filter { ids.contains($0.id) }
    case .tag(let tag): mailboxes.filter { $0.tags.contains(tag) }
    }
  }
}

/// A file that a plan depends on.
public struct InputFile: Hashable, Sendable {
  public var path: String
  /// `sha256:` and 64 hex digits.
  public var digest: String
  public var role: Role

  /// Whether a change makes a plan stale, and whether the plan keeps a copy (DESIGN §4.7).
  public enum Role: String, Sendable {
    case settings, campaign, template, attachment, mailboxes
    case contacts, messages, suppressions, events, providers

    /// A plan is held once one of these has changed.
    public var makesStale: Bool {
      switch self {
      case .settings, .campaign, .template, .attachment, .mailboxes: true
      case .contacts, .messages, .suppressions, .events, .providers: false
      }
    }
    /// Kept under `inputs/` so that `show` and `diff` work on old plans.
    public var isKept: Bool { self == .settings || self == .campaign || self == .template || self == .mailboxes }
  }

  public init(path: String, digest: String, role: Role) {
    self.path = path
    self.digest = digest
    self.role = role
  }
}

extension Project {
  /// The campaigns whose lines go out only once a person has approved them.
  public var campaignsToApprove: Set<String> { Set(campaigns.filter { $0.approval == .required }.map(\.id)) }
}
