/// What a day's plan makes of one person, campaign by campaign, and what stands in the way: the very decisions and
/// places that the plan is made from, as `why` tells them. Planning makes it, Reporting words it.
public struct Explanation: Sendable {
  public var person: Person
  public var date: CalendarDay
  /// The project's.
  public var zone: Zone
  public var notBefore: Instant
  /// All of the project's campaigns, by id.
  public var campaigns: [InCampaign]
  /// What the plan's notices say of the person.
  public var notes: [String]

  public init(
    person: Person, date: CalendarDay, zone: Zone, notBefore: Instant, campaigns: [InCampaign], notes: [String]
  ) {
    self.person = person
    self.date = date
    self.zone = zone
    self.notBefore = notBefore
    self.campaigns = campaigns
    self.notes = notes
  }

  /// Who is explained.
  public struct Person: Sendable {
    public enum Kind: String, Sendable {
      case contact
      /// Named by message rows, and no contact.
      case recipient
      /// A row that is no contact and no message.
      case rejected
      /// Known from earlier sends alone.
      case former
    }

    public var kind: Kind
    /// The contact's key, a stranger's address, or the rejected row's place.
    public var key: String
    /// Where the contact or the rejected row stands.
    public var place: Place?
    /// Nil for a contact that lives in the project's zone.
    public var zone: Zone?
    /// Everything that files and history may call the person: the key, the address and the number.
    public var names: [String]

    public init(kind: Kind, key: String, place: Place? = nil, zone: Zone? = nil, names: [String]) {
      self.kind = kind
      self.key = key
      self.place = place
      self.zone = zone
      self.names = names
    }
  }

  /// What one campaign has for the person.
  public struct InCampaign: Sendable {
    public var campaign: String
    /// Its steps' ids, in the file's order.
    public var steps: [String]
    /// Why the campaign has nothing for the person today, whatever happened before; nil where it decides.
    public var absence: Absence?
    /// Sends of the past, in the order of their last change.
    public var past: [SendRecord]
    /// The furthest step of the sequence that was sent; nil before the first, and for message rows.
    public var place: String?
    /// The mailboxes that the contact keeps, one a channel: those of its sequence so far, else its own. Empty where the
    /// plan chooses.
    public var mailboxes: [String] = []
    public var items: [Item]

    /// The latest send that went out.
    public var lastSent: SendRecord? {
      past.filter { $0.state == .sent }.max { ($0.attemptAt ?? $0.at, $0.id) < ($1.attemptAt ?? $1.at, $1.id) }
    }

    public init(campaign: String, steps: [String], absence: Absence? = nil, past: [SendRecord], items: [Item] = []) {
      self.campaign = campaign
      self.steps = steps
      self.absence = absence
      self.past = past
      self.items = items
    }
  }

  /// Why a campaign does not look at a person at all.
  public enum Absence: Hashable, Sendable {
    case draft, paused
    /// Its `end` has passed.
    case over(since: Instant)
    /// It has findings, and was left out by `--keep-going`.
    case broken
    /// The audience reads these files, and the person stands in none of them.
    case notInFiles([String])
    /// The contact has not what `where` asks for.
    case notWhere(Campaign.Filter)
    case excepted(Campaign.Filter)
    /// It sends message rows, and none names the person.
    case noRow
  }

  /// One decision of the day.
  public struct Item: Sendable {
    /// Nil where the whole sequence has ended.
    public var step: String?
    /// Nil where it came to no channel.
    public var channel: Channel?
    public var row: Row?
    public var verdict: Verdict

    public init(step: String?, channel: Channel? = nil, row: Row? = nil, verdict: Verdict) {
      self.step = step
      self.channel = channel
      self.row = row
      self.verdict = verdict
    }
  }

  /// The message row that an item is about.
  public struct Row: Hashable, Sendable {
    public var batch: String
    public var place: Place
    public init(batch: String, place: Place) {
      self.batch = batch
      self.place = place
    }
  }

  public enum Verdict: Sendable {
    case planned(PlannedSend)
    /// - until: from when it can be had, as far as that is known: the next plan's beginning, or later.
    case deferred(DeferReason, Obstacle, until: Instant?)
    case skipped(SkipReason, detail: String)
    case held(HoldReason, by: Holder?)
    case waiting(WaitReason, until: Instant)
    case ended(EndReason)
  }

  /// What a step waits for before it is due.
  public enum WaitReason: String, Sendable {
    case delay, start, retry
    case sendAt = "send-at"
  }

  /// What holds a step.
  public enum Holder: Sendable {
    /// A send that is in doubt.
    case send(SendRecord)
    /// An approved plan's line.
    case line(PlannedSend)
  }

  /// What stands in the way of a due send, with its numbers.
  public enum Obstacle: Hashable, Sendable {
    /// All the mailboxes that it may use.
    case mailboxes([MailboxUse])
    /// - closed: when its windows of this day closed, where that was before the plan's beginning.
    case windows(closed: Instant?)
    /// Those of the contact's caps that there are.
    case contactCaps(day: Use?, week: Use?)
    case domainCap(domain: String, Use)
    case newLimit(Use)
  }

  /// How much of a limit is taken.
  public struct Use: Hashable, Sendable {
    public var limit: Int
    /// By earlier sends, and by lines that other plans hold.
    public var earlier: Int
    /// By this plan.
    public var planned: Int
    public init(limit: Int, earlier: Int, planned: Int) {
      self.limit = limit
      self.earlier = earlier
      self.planned = planned
    }
  }

  public struct MailboxUse: Hashable, Sendable {
    public var id: String
    /// Whether the send's windows and the mailbox's have time in common on this day.
    public var isOpen: Bool
    /// Whether other plans' lines hold some of its room.
    public var isReserved: Bool
    /// Of the plan's sends, how many are the mailbox's.
    public var planned: Int
    /// Its calendar days that the plan touches while it is open, with what `daily_limit` and `ramp` allow on them.
    public var days: [Day]
    public var hourlyLimit: Int?
    public var rollingLimit: Int?
    public var minGap: Instant.Span

    public struct Day: Hashable, Sendable {
      public var day: CalendarDay
      public var use: Use
      public init(day: CalendarDay, use: Use) {
        self.day = day
        self.use = use
      }
    }

    public init(
      id: String, isOpen: Bool, isReserved: Bool, planned: Int, days: [Day], hourlyLimit: Int?, rollingLimit: Int?,
      minGap: Instant.Span
    ) {
      self.id = id
      self.isOpen = isOpen
      self.isReserved = isReserved
      self.planned = planned
      self.days = days
      self.hourlyLimit = hourlyLimit
      self.rollingLimit = rollingLimit
      self.minGap = minGap
    }
  }
}

/// Why a sequence, or a row, has nothing to send any more.
public enum EndReason: Sendable {
  /// Every step is through; with the last one sent, where one was.
  case complete(last: SendRecord?)
  case stopped(Event)
  /// A step ended without being sent, and the steps after it with it.
  case failed(SendRecord)
}
