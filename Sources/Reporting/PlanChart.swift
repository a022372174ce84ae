import Model

/// An hour-by-hour chart in characters.
enum PlanChart {
  /// One line an hour: `09:00   120  ████████`. A bar is as long as its share of the fullest hour.
  /// - Parameter width: of the whole line, in characters.
  static func text(_ hours: [(start: Instant, count: Int)], zone: Zone, width: Int = 80) -> String {
    guard let most = hours.map(\.count).max(), most > 0 else { return "" }
    let digits = Words.number(most).count
    // A few sends are no wall of bars.
    let room = min(max(10, width - 9 - digits), most * 8)
    var out = ""
    for (start, count) in hours {
      let number = Words.number(count)
      var line = zone.clock(start) + "  " + String(repeating: " ", count: digits - number.count) + number
      if count > 0 { line += "  " + bar(count, of: most, room: room) }
      out += line + "\n"
    }
    return out
  }

  /// In eighths of a character; whatever is not nothing is seen.
  private static func bar(_ count: Int, of most: Int, room: Int) -> String {
    let eighths = max(1, Int((Double(count) / Double(most) * Double(room * 8)).rounded()))
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
  }
}

extension Zone {
  /// `09:00`, on the clock here.
  func clock(_ instant: Instant) -> String { String(format(instant).dropFirst(11).prefix(5)) }
  /// `09:00:12`
  func fullClock(_ instant: Instant) -> String { String(format(instant).dropFirst(11).prefix(8)) }
}
