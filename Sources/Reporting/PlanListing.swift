import Model

/// A plan's sends as a table that is printed line by line: measured in a first pass over the plan and written in a second,
/// so that a plan of any size needs the memory of one line.
public struct PlanListing {
  private static let headings = ["send at", "campaign", "step", "to", "mailbox", "subject"]
  private let zone: Zone
  /// A line's characters at most; what is too long is cut. Nil: nothing is.
  private let width: Int?
  private var widths = headings.map(\.count)

  public init(zone: Zone, width: Int?) {
    self.zone = zone
    self.width = width
  }

  public mutating func measure(_ send: PlannedSend) {
    for (i, cell) in cells(send).enumerated() { widths[i] = max(widths[i], TextTable.width(cell)) }
  }

  public var heading: String { line(Self.headings) }
  public func line(_ send: PlannedSend) -> String { line(cells(send)) }

  private func cells(_ send: PlannedSend) -> [String] {
    let step = send.variant.map { "\(send.step)/\($0)" } ?? send.step
    // The day stands in the summary: the time of day is enough.
    let cells = [
      zone.fullClock(send.sendAt), send.campaign, step, send.to, send.mailbox, send.subject ?? send.text ?? "",
    ]
    return cells.map(TextTable.printable)
  }

  private func line(_ cells: [String]) -> String {
    let widths = fitted
    var line = ""
    var used = 0
    for (i, cell) in cells.dropLast().enumerated() {
      let cell = Self.cut(cell, to: widths[i])
      line += cell + String(repeating: " ", count: widths[i] - TextTable.width(cell) + 2)
      used += widths[i] + 2
    }
    let last = cells[cells.count - 1]
    line += width.map { Self.cut(last, to: max(Self.leastSubject, $0 - used)) } ?? last
    while line.last == " " { line.removeLast() }
    return line + "\n"
  }

  /// What is seen of a subject at least.
  private static let leastSubject = 12

  /// The columns' widths, the widest of campaign, step, address and mailbox narrowed until a subject has room.
  private var fitted: [Int] {
    var widths = widths
    guard let width else { return widths }
    func rest() -> Int { width - widths.dropLast().reduce(0) { $0 + $1 + 2 } }
    while rest() < Self.leastSubject, let widest = (1...4).max(by: { widths[$0] < widths[$1] }), widths[widest] > 6 {
      widths[widest] -= 1
    }
    return widths
  }

  static func cut(_ text: String, to room: Int) -> String {
    guard TextTable.width(text) > room else { return text }
    var cut = ""
    var used = 0
    for character in text {
      let wide = TextTable.width(String(character))
      guard used + wide < room else { break }
      cut.append(character)
      used += wide
    }
    return cut + "…"
  }
}
