import Journal
import Model

/// What a day's plan and results come to, in counts: the one place that `status`, `report` and the metrics take their
/// numbers from, so that they agree.
///
/// Every line of the plan, and every send that the results name besides, is counted once, in one state.
public struct DayFigures: Sendable {
  /// What sends are counted by. A text is empty where there is none.
  public struct Group: Hashable, Sendable {
    public var campaign: String
    public var step: String
    public var mailbox: String
    /// Of the last attempt; empty before the first.
    public var provider: String
    /// The file of message rows that it came from.
    public var batch: String

    public init(campaign: String, step: String, mailbox: String, provider: String = "", batch: String = "") {
      self.campaign = campaign
      self.step = step
      self.mailbox = mailbox
      self.provider = provider
      self.batch = batch
    }
  }

  public struct Counts: Hashable, Sendable {
    public var states: [DayStatus.State: Int] = [:]
    public var dead: [DeadReason: Int] = [:]
    /// Attempts, by how they ended; the group's provider is theirs.
    public var attempts = Outcomes()

    public init() {}
    public var total: Int { states.values.reduce(0, +) }
  }

  /// Attempts by how they ended.
  public struct Outcomes: Hashable, Sendable {
    public var sent = 0
    public var retry = 0
    public var failed = 0
    public var inDoubt = 0

    public init() {}
    public var total: Int { sent + retry + failed + inDoubt }

    public subscript(_ outcome: Record.Outcome) -> Int {
      get {
        switch outcome {
        case .sent: sent
        case .retry: retry
        case .failed: failed
        case .inDoubt: inDoubt
        }
      }
      set {
        switch outcome {
        case .sent: sent = newValue
        case .retry: retry = newValue
        case .failed: failed = newValue
        case .inDoubt: inDoubt = newValue
        }
      }
    }

    public static func + (a: Outcomes, b: Outcomes) -> Outcomes {
      var sum = a
      for outcome in Record.Outcome.allCases { sum[outcome] += b[outcome] }
      return sum
    }
  }

  public let date: CalendarDay
  public let zone: Zone
  public internal(set) var groups: [Group: Counts] = [:]
  /// How long attempts took, by provider.
  public internal(set) var durations: [String: Durations] = [:]
  /// Attempts by the minute of their outcome, counted from the epoch.
  public internal(set) var minutes: [Int64: Outcomes] = [:]
  public internal(set) var released: [ReleaseReason: Int] = [:]
  /// How often the day was sent, and when that began first and last.
  public internal(set) var runs = 0
  public internal(set) var firstRun: Instant?
  public internal(set) var lastRun: Instant?
  /// Lines of the plan.
  public internal(set) var planned = 0
  /// The earliest `send_at` of what is still pending.
  public internal(set) var nextSendAt: Instant?
  /// Of the results in bytes, before they were read.
  var resultsSize = 0
  /// Whether a run is under way.
  public let isLive: Bool

  public init(date: CalendarDay, zone: Zone, isLive: Bool) {
    self.date = date
    self.zone = zone
    self.isLive = isLive
  }

  public var totals: Counts {
    groups.values.reduce(into: Counts()) { sum, counts in
      sum.states.merge(counts.states, uniquingKeysWith: +)
      sum.dead.merge(counts.dead, uniquingKeysWith: +)
      sum.attempts = sum.attempts + counts.attempts
    }
  }

  /// The counts by one of the group's parts, or by several together.
  public func by<Key: Hashable>(_ key: (Group) -> Key) -> [Key: Counts] {
    var result: [Key: Counts] = [:]
    for (group, counts) in groups {
      result[key(group), default: Counts()].states.merge(counts.states, uniquingKeysWith: +)
      result[key(group), default: Counts()].dead.merge(counts.dead, uniquingKeysWith: +)
      result[key(group), default: Counts()].attempts =
        (result[key(group)]?.attempts ?? Outcomes()) + counts.attempts
    }
    return result
  }

  /// The same of the groups that are named alone. What has no group – runs, minutes, durations – stays as it is.
  public func only(_ include: (Group) -> Bool) -> DayFigures {
    var copy = self
    copy.groups = groups.filter { include($0.key) }
    return copy
  }
}
