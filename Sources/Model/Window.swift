/// When a campaign, a mailbox or the whole project may send: a set of wall-clock rules, which comes to a set of
/// instants on a given day. Campaigns, mailboxes and settings carry one each; Planning expands them.
public struct Window: Hashable, Sendable {
  /// One line: `mon-fri 09:00-17:00 contact`.
  public struct Rule: Hashable, Sendable {
    /// The days on which the rule opens.
    public var days: Set<Weekday>
    /// Seconds after midnight, 0...86399.
    public var from: Int64
    /// Seconds after midnight, exclusive, 1...86400; at or below `from`, the rule crosses midnight.
    public var to: Int64
    public var clock: Clock

    public init(days: Set<Weekday>, from: Int64, to: Int64, clock: Clock) {
      self.days = days
      self.from = from
      self.to = to
      self.clock = clock
    }
  }

  /// Whose clock a rule is read on.
  public enum Clock: Hashable, Sendable {
    case contact, mailbox, project
    case zone(Zone)
  }

  /// Nil means always open.
  public var rules: [Rule]?

  public init(rules: [Rule]) { self.rules = rules }
  private init() { rules = nil }
  public static let always = Window()

  /// The zones that `contact`, `mailbox` and `project` stand for in one expansion.
  public struct Clocks: Hashable, Sendable {
    public var contact: Zone
    public var mailbox: Zone
    public var project: Zone
    public init(contact: Zone, mailbox: Zone, project: Zone) {
      self.contact = contact
      self.mailbox = mailbox
      self.project = project
    }

    public func zone(of clock: Clock) -> Zone {
      switch clock {
      case .contact: contact
      case .mailbox: mailbox
      case .project: project
      case .zone(let zone): zone
      }
    }
  }

  /// The instants of `span` at which the window is open.
  ///
  /// A rule that crosses midnight belongs, weekday and holiday included, to the day on which it opens (DESIGN §2).
  public func open(within span: Interval, clocks: Clocks, holidays: Set<CalendarDay>) -> IntervalSet {
    guard let rules else { return IntervalSet([span]) }
    var parts: [Interval] = []
    for rule in rules {
      let zone = clocks.zone(of: rule.clock)
      var day = zone.day(of: span.start) - 2
      let last = zone.day(of: span.end) + 1
      while day <= last {
        defer { day = day + 1 }
        guard rule.days.contains(day.weekday), !holidays.contains(day) else { continue }
        let to = rule.to > rule.from ? rule.to : rule.to + 86_400
        parts.append(
          Interval(
            zone.instant(day, second: rule.from, edge: .opening), zone.instant(day, second: to, edge: .closing)))
      }
    }
    return IntervalSet(parts).intersection(span)
  }
}

/// Why a window's text is not one: what the operator wrote, and what would do.
public struct WindowProblem: Error, Hashable, Sendable {
  public var message: String
  public init(_ message: String) { self.message = message }
}

extension Window.Rule {
  /// Reads `mon-fri 09:00-17:00 contact`. The zone may be left out: it is then the contact's.
  public init(parsing text: String) throws(WindowProblem) {
    let words = text.split(whereSeparator: { $0 == " " || $0 == "\t" }).map(String.init)
    guard words.count == 2 || words.count == 3 else {
      throw WindowProblem(
        "a window is 'DAYS FROM-TO ZONE', such as 'mon-fri 09:00-17:00 contact', or 'always', not '\(text)'")
    }
    days = try Self.days(words[0])
    let times = words[1].split(separator: "-", omittingEmptySubsequences: false).map(String.init)
    guard times.count == 2, let from = Self.time(times[0]), let to = Self.time(times[1]), from < 86_400 else {
      throw WindowProblem("times are 'HH:MM-HH:MM', such as '09:00-17:00', not '\(words[1])'")
    }
    guard from != to else { throw WindowProblem("'\(words[1])' is never open; for the whole day write '00:00-24:00'") }
    self.from = from
    self.to = to == 0 ? 86_400 : to
    switch words.count == 3 ? words[2] : "contact" {
    case "contact": clock = .contact
    case "mailbox": clock = .mailbox
    case "project": clock = .project
    case let name:
      guard let zone = Zone(name) else {
        throw WindowProblem("'\(name)' is neither contact, mailbox, project nor an IANA time zone")
      }
      clock = .zone(zone)
    }
  }

  /// `HH:MM`, 00:00 to 24:00, as seconds after midnight.
  public static func time(_ text: String) -> Int64? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[0].count), parts[1].count == 2,
      parts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }),
      let h = Int64(parts[0]), let m = Int64(parts[1]), m < 60, h < 24 || (h == 24 && m == 0)
    else { return nil }
    return h * 3600 + m * 60
  }

  private static func days(_ text: String) throws(WindowProblem) -> Set<Weekday> {
    if text == "daily" { return Set(Weekday.allCases) }
    var days: Set<Weekday> = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Weekday(rawValue: String($0)) }
      switch (ends.count, ends.first ?? nil, ends.last ?? nil) {
      case (1, let day?, _): days.insert(day)
      case (2, let from?, let to?):
        var i = from.index
        while true {
          days.insert(Weekday.allCases[i])
          if i == to.index { break }
          i = (i + 1) % 7
        }
      default:
        throw WindowProblem("days are 'mon-fri', 'mon,wed' or 'daily' (mon tue wed thu fri sat sun), not '\(text)'")
      }
    }
    return days
  }
}
