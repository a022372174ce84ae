import Model

/// The project's days on which instants lie, for millions of them: nearly all are of the last months, whose beginnings
/// are worked out once.
struct RecentDays {
  /// Days before the plan's that are known.
  private static let reach = 400
  private static let length: Int64 = 86_400_000

  private let first: CalendarDay
  /// When each day begins, and the one after the last, in milliseconds.
  private let starts: [Int64]
  private let settings: Settings

  init(before date: CalendarDay, _ settings: Settings) {
    let first = date - Self.reach
    self.first = first
    self.settings = settings
    starts = (0...Self.reach + 2).map { settings.span(of: first + $0).start.milliseconds }
  }

  /// What `Settings.day` says.
  func day(of instant: Instant) -> CalendarDay {
    let at = instant.milliseconds
    guard at >= starts[0], at < starts[starts.count - 1] else { return settings.day(of: instant) }
    // Days have 23 to 25 hours: the guess is off by one at most where clocks change and change back.
    var day = min(starts.count - 2, Int((at - starts[0]) / Self.length))
    while starts[day] > at { day -= 1 }
    while starts[day + 1] <= at { day += 1 }
    return first + day
  }
}
