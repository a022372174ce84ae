/// What the coming days bring, if each day's plan is approved and everything in it is accepted at its time: the planner
/// run forward on its own results. Planning makes it, Reporting words it.
public struct Forecast: Sendable {
  /// The project's.
  public var zone: Zone
  /// The project's days one after the other; at least one.
  public var days: [Day]
  /// Campaigns that are live on one of the days, by id.
  public var campaigns: [Course]
  /// Ids, in the file's order.
  public var mailboxes: [String]
  /// Campaigns that have nothing on any of the days, whoever is in their audience.
  public var idle: [(campaign: String, why: Idleness)]

  public init(
    zone: Zone, days: [Day], campaigns: [Course], mailboxes: [String],
    idle: [(campaign: String, why: Idleness)] = []
  ) {
    self.zone = zone
    self.days = days
    self.campaigns = campaigns
    self.mailboxes = mailboxes
    self.idle = idle
  }

  public struct Day: Sendable {
    public var date: CalendarDay
    /// Nothing is planned before it.
    public var notBefore: Instant
    /// By id of the campaigns that are live on the day; due = planned + deferred + skipped in each.
    public var campaigns: [String: PlanTotals]
    /// By campaign, step and mailbox, in the order of their ids; none of no sends.
    public var sends: [Sends]
    /// Of every mailbox, in the file's order.
    public var loads: [Load]

    public init(
      date: CalendarDay, notBefore: Instant, campaigns: [String: PlanTotals], sends: [Sends], loads: [Load]
    ) {
      self.date = date
      self.notBefore = notBefore
      self.campaigns = campaigns
      self.sends = sends
      self.loads = loads
    }
  }

  /// A day's sends of one step from one mailbox.
  public struct Sends: Hashable, Sendable {
    public var campaign: String
    public var step: String
    public var mailbox: String
    public var count: Int

    public init(campaign: String, step: String, mailbox: String, count: Int) {
      self.campaign = campaign
      self.step = step
      self.mailbox = mailbox
      self.count = count
    }
  }

  /// What a mailbox has to do on one of the project's days.
  public struct Load: Hashable, Sendable {
    public var mailbox: String
    public var planned: Int
    /// What its limit and ramp allow on the day of its own clock on which this plan sends most; nil means no limit.
    public var limit: Int?
    /// Sends on that day of its clock, those before this plan among them.
    public var used: Int
    /// Due sends that it was open to and had no room for. One that may go from several mailboxes counts in each.
    public var waited: Int
    /// Whether its limit is reached, or somebody waited for room in it.
    public var isFull: Bool

    public init(mailbox: String, planned: Int, limit: Int?, used: Int, waited: Int, isFull: Bool) {
      self.mailbox = mailbox
      self.planned = planned
      self.limit = limit
      self.used = used
      self.waited = waited
      self.isFull = isFull
    }
  }

  /// How a campaign goes on.
  public struct Course: Sendable {
    public var id: String
    public var ending: Ending
    /// Steps that nobody has been sent, in the past or on these days, of a campaign that is not through.
    public var unreached: [String]

    public init(id: String, ending: Ending, unreached: [String] = []) {
      self.id = id
      self.ending = ending
      self.unreached = unreached
    }
  }

  public enum Ending: Hashable, Sendable {
    /// Nobody is left with a step to come; the day of the last send, nil where that lies before the forecast.
    case through(CalendarDay?)
    /// On the day after the forecast so many steps and rows are due or still to come: one for each contact, or channel.
    case goesOn(left: Int)
    /// The campaign's `end` comes first, with so many left.
    case cutOff(at: Instant, left: Int)
  }

  public enum Idleness: Hashable, Sendable {
    case draft, paused, broken
    /// Its `end` has passed.
    case over
  }
}
