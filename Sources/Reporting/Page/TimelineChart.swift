import Model

/// Outcomes over the day as bars, drawn in SVG: sent at the bottom, what went otherwise above it. The same numbers stand
/// in a table beside it, so that nobody has to read colours.
struct TimelineChart {
  private let timeline: Timeline
  private let clock: (Instant) -> String

  /// - Parameter clock: an instant as the axis names it.
  init(_ timeline: Timeline, clock: @escaping (Instant) -> String) {
    self.timeline = timeline
    self.clock = clock
  }

  private static let width = 760.0
  private static let height = 240.0
  private static let left = 56.0
  private static let top = 14.0
  private static let bottom = 26.0

  /// Class, name and count of the parts of a bar, from the bottom.
  static func parts(_ outcomes: DayFigures.Outcomes) -> [(style: String, name: String, count: Int)] {
    [
      ("sent", "sent", outcomes.sent), ("retry", "retry", outcomes.retry), ("failed", "failed", outcomes.failed),
      ("doubt", "in doubt", outcomes.inDoubt),
    ]
  }

  func draw(into page: inout PageText) {
    let most = max(1, timeline.bars.map(\.outcomes.total).max() ?? 1)
    let scale = Self.roundedUp(most)
    let all = timeline.bars.reduce(DayFigures.Outcomes()) { $0 + $1.outcomes }
    let said = Self.parts(all).filter { $0.count > 0 }.map { "\(Words.number($0.count)) \($0.name)" }
    let label =
      "Attempts in \(Words.count(timeline.bars.count, "bar")) of \(timeline.width) minutes: "
      + said.joined(separator: ", ") + ". The table below has the numbers."
    page.raw("<figure>\n<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"Chart: outcomes over time\">")
    page.raw(
      "<svg viewBox=\"0 0 \(Int(Self.width)) \(Int(Self.height))\" role=\"img\" aria-label=\"\(HTML.text(label))\">\n"
    )
    let floor = Self.height - Self.bottom
    let room = floor - Self.top
    for part in 0...2 {
      let y = Self.number(floor - room * Double(part) / 2)
      page.raw("<line x1=\"\(Self.number(Self.left))\" y1=\"\(y)\" x2=\"\(Int(Self.width))\" y2=\"\(y)\"/>")
      if scale * part % 2 == 0 {
        page.raw(
          "<text x=\"\(Self.number(Self.left - 8))\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">\(Words.number(scale * part / 2))</text>\n"
        )
      }
    }
    let step = (Self.width - Self.left) / Double(max(1, timeline.bars.count))
    let every = max(1, (timeline.bars.count + 7) / 8)
    for (i, bar) in timeline.bars.enumerated() {
      let x = Self.left + step * Double(i)
      var y = floor
      for part in Self.parts(bar.outcomes) where part.count > 0 {
        // What is there is seen, however little it is beside the rest.
        let height = max(1.5, room * Double(part.count) / Double(scale))
        y -= height
        page.raw(
          "<rect class=\"\(part.style)\" x=\"\(Self.number(x + min(2, step / 8)))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0.5, step - min(4, step / 4))))\" height=\"\(Self.number(height))\"/>"
        )
      }
      // Five digits' room, or the picture's edge cuts the time in two.
      if i % every == 0, x + 52 <= Self.width {
        page.raw(
          "<text x=\"\(Self.number(x))\" y=\"\(Int(Self.height) - 8)\">\(HTML.text(clock(bar.start)))</text>\n")
      }
    }
    page.raw("</svg></div>\n")
    page.element(
      "figcaption", "",
      "Attempts by the time of their outcome, \(timeline.width) minutes a bar: sent (green) at the bottom, then retry "
        + "(amber), failed (red) and in doubt (violet).")
    page.raw("</figure>\n<details><summary>The same as a table</summary>\n")
    page.table(
      "Outcomes over time", ["from", "sent", "retry", "failed", "in doubt"], numbers: [1, 2, 3, 4],
      rows: timeline.bars.map { bar in
        [clock(bar.start)] + Self.parts(bar.outcomes).map { Words.number($0.count) }
      })
    page.raw("</details>\n")
  }

  /// The next of 1, 2, 4, 5 and 10 times a power of ten, at least 2.
  static func roundedUp(_ n: Int) -> Int {
    var power = 1
    while power * 10 < n { power *= 10 }
    for factor in [1, 2, 4, 5] where factor * power >= n { return max(2, factor * power) }
    return power * 10
  }

  private static func number(_ x: Double) -> String {
    let tenths = Int((x * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
  }
}
