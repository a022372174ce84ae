import Journal
import Model

/// Where a day stands: every line of its plan, and every send that its results name, in exactly one state.
public struct DayStatus: Sendable {
  /// The states a send can be in, in the order of its life.
  public enum State: String, CaseIterable, Sendable {
    /// Planned, and nothing done yet.
    case pending
    /// An attempt is under way, in the run that lives.
    case inFlight = "in-flight"
    /// Put off; will be tried again.
    case deferred
    case sent
    case inDoubt = "in-doubt"
    case dead
    /// Given back to the next plan.
    case released
    case withdrawn
    /// A dead letter that a person let go.
    case dropped

    /// Its place among all.
    var place: Int {
      switch self {
      case .pending: 0
      case .inFlight: 1
      case .deferred: 2
      case .sent: 3
      case .inDoubt: 4
      case .dead: 5
      case .released: 6
      case .withdrawn: 7
      case .dropped: 8
      }
    }

    /// Whether a run may still have something to do for it on this day.
    public var isLeft: Bool { self == .pending || self == .inFlight || self == .deferred }
  }

  /// What the table can be by.
  public enum Dimension: String, CaseIterable, Sendable {
    case campaign, step, mailbox, provider, batch

    /// The key of its object in JSON.
    var plural: String {
      switch self {
      case .campaign: "campaigns"
      case .step: "steps"
      case .mailbox: "mailboxes"
      case .provider: "providers"
      case .batch: "batches"
      }
    }

    /// A step is named with its campaign. Empty where the send has none.
    func name(_ group: DayFigures.Group) -> String {
      switch self {
      case .campaign: group.campaign
      case .step: "\(group.campaign)/\(group.step)"
      case .mailbox: group.mailbox
      case .provider: group.provider
      case .batch: group.batch
      }
    }

    /// For sends that have none.
    var none: String {
      switch self {
      case .provider: "(not tried)"
      case .batch: "(no batch)"
      case .campaign, .step, .mailbox: "(none)"
      }
    }
  }

  public let figures: DayFigures

  public init(_ figures: DayFigures) { self.figures = figures }

  public func states(by dimension: Dimension) -> [String: [State: Int]] {
    figures.by(dimension.name).mapValues(\.states).filter { !$0.value.isEmpty }
  }

  public var totals: [State: Int] { figures.totals.states }

  /// The day at a glance, the table, and what is dead.
  public func text(by dimension: Dimension = .campaign) -> String {
    let all = figures.totals
    guard all.total > 0 else { return "Nothing planned and nothing sent.\n" }
    var out = headline + "\n\n" + table(by: dimension)
    if !all.dead.isEmpty { out += "\nDead: \(Words.counts(all.dead)) (nightmail dead-letters list)\n" }
    return out
  }

  /// `1,200 of 1,300 sent (92 %), 3 dead; a run is under way, next send 14:03:20`
  public var headline: String {
    let counts = figures.totals.states
    let total = figures.totals.total
    let sent = counts[.sent] ?? 0
    var parts = ["\(Words.number(sent)) of \(Words.number(total)) sent (\(Words.percent(sent, of: total)))"]
    for state in State.allCases where state != .sent {
      if let n = counts[state], n > 0 { parts.append("\(Words.number(n)) \(state.rawValue)") }
    }
    var text = parts.joined(separator: ", ")
    var clauses: [String] = []
    if figures.isLive { clauses.append("a run is under way") }
    if let next = figures.nextSendAt {
      clauses.append("next send due \(figures.zone.format(next).dropFirst(11).prefix(8))")
    }
    if !clauses.isEmpty { text += "; " + clauses.joined(separator: ", ") }
    return WhyReport.paragraph(text, hanging: 0).trimmingLineBreak
  }

  /// One row for each name, and one for all where there are several.
  public func table(by dimension: Dimension) -> String {
    let rows = states(by: dimension)
    let totals = totals
    let shown = State.allCases.filter { state in state == .sent || totals[state] ?? 0 > 0 }
    var table = TextTable(
      [dimension.rawValue, "total"] + shown.map(\.rawValue), numbers: Set(1...(shown.count + 1)))
    func row(_ name: String, _ counts: [State: Int]) {
      let total = counts.values.reduce(0, +)
      table.add([name, Words.number(total)] + shown.map { Words.number(counts[$0] ?? 0) })
    }
    for (name, counts) in rows.sorted(by: { $0.key < $1.key }) { row(name.isEmpty ? dimension.none : name, counts) }
    if rows.count > 1 { row("all", totals) }
    return table.text
  }

  public var json: JSON {
    func object(_ counts: [State: Int]) -> JSON {
      .object(
        [JSON.Member("total", .integer(Int64(counts.values.reduce(0, +))))]
          + State.allCases.map { JSON.Member($0.rawValue, .integer(Int64(counts[$0] ?? 0))) })
    }
    var members = [
      JSON.Member("date", .string(figures.date.description)), JSON.Member("live", .bool(figures.isLive)),
      JSON.Member("totals", object(totals)),
    ]
    for dimension in Dimension.allCases {
      let rows = states(by: dimension).filter { dimension == .campaign || !$0.key.isEmpty }
      members.append(
        JSON.Member(
          dimension.plural, .object(rows.sorted(by: { $0.key < $1.key }).map { JSON.Member($0.key, object($0.value)) }))
      )
    }
    members.append(JSON.Member("dead", PlanReport.counts(figures.totals.dead)))
    if let next = figures.nextSendAt { members.append(JSON.Member("next_send_at", .string(figures.zone.format(next)))) }
    return .object(members)
  }
}

extension Words {
  /// `92.5 %`; never 100 while something is missing, never 0 while something is there.
  public static func percent(_ part: Int, of whole: Int) -> String {
    guard whole > 0 else { return "0 %" }
    if part == whole { return "100 %" }
    if part == 0 { return "0 %" }
    let tenths = min(999, max(1, (part * 1000 + whole / 2) / whole))
    return tenths % 10 == 0 ? "\(tenths / 10) %" : "\(tenths / 10).\(tenths % 10) %"
  }

  /// `85 ms`, `1.25 s`, `2 min 5 s`
  public static func duration(_ milliseconds: Int64) -> String {
    if milliseconds < 1000 { return "\(milliseconds) ms" }
    if milliseconds < 60_000 {
      let hundredths = milliseconds / 10
      return "\(hundredths / 100).\(hundredths % 100 < 10 ? "0" : "")\(hundredths % 100) s"
    }
    return "\(milliseconds / 60_000) min \(milliseconds / 1000 % 60) s"
  }
}

extension String {
  var trimmingLineBreak: String { hasSuffix("\n") ? String(dropLast()) : self }
}
