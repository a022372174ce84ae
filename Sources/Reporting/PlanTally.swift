import Model

/// Counts over a plan's sends, taken in one pass that keeps no send: what summaries, charts and warnings are made of, for
/// plans of any size. Memory is that of the kinds of sends times the quarters of an hour, and of the recipients' domains.
public struct PlanTally: Sendable {
  /// What sends are counted by.
  public struct Kind: Hashable, Sendable {
    public var campaign: String
    public var step: String
    public var variant: String?
    public var channel: Channel
    public var mailbox: String
  }

  /// Sends of one kind.
  public struct Group: Sendable {
    public let kind: Kind
    public internal(set) var count = 0
    public internal(set) var first = Instant.distantFuture
    public internal(set) var last = Instant.distantPast
    /// Sends by quarters of an hour since the epoch. No zone's clock is off by less, so that hours and days of every zone
    /// are sums of these.
    public internal(set) var quarters: [Int64: Int] = [:]
    /// Those whose subject has more than `longestSubject` characters.
    public internal(set) var longSubjects = 0
  }

  /// RFC 5322 §2.1.1: a line should have no more.
  public static let longestSubject = 78
  static let quarter: Int64 = 900

  public private(set) var groups: [Group] = []
  /// E-mails by the domain that they go to.
  public private(set) var domains: [String: Int] = [:]
  public private(set) var count = 0
  private var numbers: [Kind: Int] = [:]
  private var latest = 0

  public init() {}

  public mutating func add(_ send: PlannedSend) {
    let number = number(of: send)
    let quarter = send.sendAt.seconds / Self.quarter
    count += 1
    groups[number].count += 1
    groups[number].first = min(groups[number].first, send.sendAt)
    groups[number].last = max(groups[number].last, send.sendAt)
    groups[number].quarters[quarter, default: 0] += 1
    if let subject = send.subject, subject.utf8.count > Self.longestSubject, subject.count > Self.longestSubject {
      groups[number].longSubjects += 1
    }
    if send.channel == .email, let at = send.to.utf8.lastIndex(of: 0x40) {
      // Plans have domains in lower case.
      domains[String(send.to[send.to.index(after: at)...]), default: 0] += 1
    }
  }

  /// A kind's number among `groups`.
  public mutating func number(of send: PlannedSend) -> Int {
    // Neighbours are often of one kind.
    if latest < groups.count, groups[latest].kind.isOf(send) { return latest }
    let kind = Kind(
      campaign: send.campaign, step: send.step, variant: send.variant, channel: send.channel, mailbox: send.mailbox)
    latest = numbers[kind] ?? groups.count
    if latest == groups.count {
      numbers[kind] = latest
      groups.append(Group(kind: kind))
    }
    return latest
  }

  /// Sends by hour of `zone`'s clock, from the first to the last, hours without any among them. An hour that the clock
  /// shows twice stands twice.
  public func hours(in zone: Zone, where isCounted: (Kind) -> Bool = { _ in true }) -> [(start: Instant, count: Int)] {
    var counts: [Int64: Int] = [:]
    for group in groups where isCounted(group.kind) {
      for (quarter, count) in group.quarters {
        counts[Self.hour(of: quarter, zone), default: 0] += count
      }
    }
    guard let first = counts.keys.min(), let last = counts.keys.max() else { return [] }
    // Where the offset changes by half an hour, an hour that begins off the grid is met when it has sends.
    let grid = Set(stride(from: first, through: last, by: 3600)).union(counts.keys)
    return grid.sorted().map { (Instant(seconds: $0), counts[$0] ?? 0) }
  }

  /// The second at which the hour of the zone's clock began that a quarter lies in.
  private static func hour(of quarter: Int64, _ zone: Zone) -> Int64 {
    let second = quarter * Self.quarter
    let local = second + zone.offset(at: Instant(seconds: second))
    return second - ((local % 3600) + 3600) % 3600
  }

  /// A mailbox's sends by the calendar days of a zone, the first day first.
  public func days(of mailbox: String, in zone: Zone) -> [(day: CalendarDay, count: Int)] {
    var counts: [CalendarDay: Int] = [:]
    for group in groups where group.kind.mailbox == mailbox {
      for (quarter, count) in group.quarters {
        counts[zone.day(of: Instant(seconds: quarter * Self.quarter)), default: 0] += count
      }
    }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// Sends by a part of their kind, in the order of its name.
  public func counts(by part: (Kind) -> String) -> [(name: String, count: Int)] {
    var counts: [String: Int] = [:]
    for group in groups { counts[part(group.kind), default: 0] += group.count }
    return counts.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }

  /// The first and the last of a mailbox's sends.
  public func span(of mailbox: String) -> (first: Instant, last: Instant)? {
    let own = groups.filter { $0.kind.mailbox == mailbox }
    guard let first = own.map(\.first).min(), let last = own.map(\.last).max() else { return nil }
    return (first, last)
  }
}

extension PlanTally.Kind {
  fileprivate func isOf(_ send: PlannedSend) -> Bool {
    mailbox == send.mailbox && campaign == send.campaign && step == send.step && variant == send.variant
      && channel == send.channel
  }
}
