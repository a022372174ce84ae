import Foundation
import Model

/// A zone's wall clock, looked at each quarter of an hour over some days: on quarters all windows here open and close,
/// and all zones change their clocks. What a window means is read off the face of the clock, by none of Model's means.
struct Clockface {
  static let quarter: Int64 = 900

  let start: Int64
  /// What the clock shows, in seconds since 1970 as if it were UTC.
  private let shown: [Int64]
  /// The latest and the earliest time that the clock shows within two hours before and after.
  private let highest: [Int64]
  private let lowest: [Int64]

  init(_ zone: Zone, over span: Interval) {
    let margin = 12 * Self.quarter
    start = (span.start.seconds - margin) / Self.quarter * Self.quarter
    let count = Int((span.end.seconds + margin - start) / Self.quarter) + 1
    let begin = start
    let shown = (0..<count).map { i in Self.seconds(Instant(seconds: begin + Int64(i) * Self.quarter), zone) }
    self.shown = shown
    highest = shown.indices.map { i in shown[max(0, i - 8)...i].max() ?? 0 }
    lowest = shown.indices.map { i in shown[i...min(count - 1, i + 8)].min() ?? 0 }
  }

  /// What a clock in `zone` shows at an instant.
  static func seconds(_ instant: Instant, _ zone: Zone) -> Int64 {
    let date = Date(timeIntervalSince1970: Double(instant.seconds))
    return instant.seconds + Int64(TimeZone(identifier: zone.identifier)?.secondsFromGMT(for: date) ?? 0)
  }
  static func day(_ instant: Instant, _ zone: Zone) -> Int { Int(floor(Double(seconds(instant, zone)) / 86_400)) }
  /// Date and hour: the hour that a change of clocks repeats is one hour.
  static func hour(_ instant: Instant, _ zone: Zone) -> Int { Int(floor(Double(seconds(instant, zone)) / 3600)) }

  private func index(_ instant: Instant) -> Int { Int((instant.seconds - start) / Self.quarter) }
  func day(_ instant: Instant) -> Int { Int(floor(Double(shown[index(instant)]) / 86_400)) }
  func hour(_ instant: Instant) -> Int { Int(floor(Double(shown[index(instant)]) / 3600)) }

  /// Whether a rule is open at an instant. It has opened if the clock has shown its opening or later by then, and has
  /// not closed while the clock shows a time before its closing, or is still to show its closing or a time before that:
  /// so of a time that is shown twice the first opens and the second closes.
  func isOpen(_ rule: Window.Rule, at instant: Instant, holidays: Set<CalendarDay>) -> Bool {
    let i = index(instant)
    let today = Int(floor(Double(shown[i]) / 86_400))
    return (today - 1...today + 1).contains { day in
      guard rule.days.contains(Weekday.allCases[(day + 3) % 7]), !holidays.contains(CalendarDay(number: day)) else {
        return false
      }
      let midnight = Int64(day) * 86_400
      let to = rule.to > rule.from ? rule.to : rule.to + 86_400
      guard highest[i] >= midnight + rule.from else { return false }
      return shown[i] < midnight + to || (i + 1 < lowest.count && lowest[i + 1] <= midnight + to)
    }
  }
}

/// The clocks of all zones of a project.
struct Clockfaces {
  private var faces: [Zone: Clockface] = [:]

  init(_ zones: some Sequence<Zone>, over span: Interval) {
    for zone in Set(zones) { faces[zone] = Clockface(zone, over: span) }
  }

  subscript(zone: Zone) -> Clockface? { faces[zone] }

  func isOpen(_ window: Window, at instant: Instant, clocks: Window.Clocks, holidays: Set<CalendarDay>) -> Bool {
    guard let rules = window.rules else { return true }
    return rules.contains { rule in
      faces[clocks.zone(of: rule.clock)]?.isOpen(rule, at: instant, holidays: holidays) ?? false
    }
  }
}
