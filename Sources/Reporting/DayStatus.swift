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
  }

  public private(set) var byCampaign: [String: [State: Int]] = [:]
  public private(set) var deadReasons: [DeadReason: Int] = [:]

  /// - Parameters:
  ///   - lines: of the day's plan.
  ///   - history: of the day's results alone.
  ///   - released: sends whose last record is `released`.
  ///   - elsewhere: lines that came to their end by another day's plan: there is nothing left to do for them here.
  ///   - runIsLive: whether an intent without outcome is still under way.
  public init(
    lines: [PlannedSend], history: History, released: Set<SendID>, elsewhere: Set<SendID> = [], runIsLive: Bool,
    include: (SendID, String) -> Bool
  ) {
    for line in lines where history.sends[line.id] == nil && include(line.id, line.campaign) {
      let state = elsewhere.contains(line.id) ? State.released : .pending
      byCampaign[line.campaign, default: [:]][state, default: 0] += 1
    }
    for record in history.sends.values where include(record.id, record.campaign) {
      let state = Self.state(record, released: released, runIsLive: runIsLive)
      byCampaign[record.campaign, default: [:]][state, default: 0] += 1
      if case .dead(let reason) = record.state { deadReasons[reason, default: 0] += 1 }
    }
  }

  public static func state(_ record: SendRecord, released: Set<SendID>, runIsLive: Bool) -> State {
    switch record.state {
    case .pending: released.contains(record.id) ? .released : .pending
    case .inFlight: runIsLive ? .inFlight : .inDoubt
    case .sent: .sent
    case .waiting: .deferred
    case .inDoubt: .inDoubt
    case .dead: .dead
    case .withdrawn: .withdrawn
    case .dropped: .dropped
    }
  }

  public var totals: [State: Int] {
    byCampaign.values.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
  }

  public var text: String {
    let shown = State.allCases.filter { state in state == .sent || totals[state] ?? 0 > 0 }
    var table = TextTable(
      ["campaign", "total"] + shown.map(\.rawValue), numbers: Set(1...(shown.count + 1)))
    func row(_ name: String, _ counts: [State: Int]) {
      let total = counts.values.reduce(0, +)
      table.add([name, Words.number(total)] + shown.map { Words.number(counts[$0] ?? 0) })
    }
    for (id, counts) in byCampaign.sorted(by: { $0.key < $1.key }) { row(id, counts) }
    if byCampaign.count > 1 { row("all", totals) }
    var out = table.isEmpty ? "Nothing planned and nothing sent.\n" : table.text
    if !deadReasons.isEmpty { out += "\nDead: \(Words.counts(deadReasons)) (nightmail dead-letters list)\n" }
    return out
  }

  public var json: JSON {
    func object(_ counts: [State: Int]) -> JSON {
      .object(
        [JSON.Member("total", .integer(Int64(counts.values.reduce(0, +))))]
          + State.allCases.map { JSON.Member($0.rawValue, .integer(Int64(counts[$0] ?? 0))) })
    }
    return .members(
      ("totals", object(totals)),
      ("campaigns", .object(byCampaign.sorted(by: { $0.key < $1.key }).map { JSON.Member($0.key, object($0.value)) })),
      ("dead", PlanReport.counts(deadReasons)))
  }
}
