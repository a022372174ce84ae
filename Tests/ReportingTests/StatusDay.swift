import Foundation
import Journal
import Model
import TestSupport

@testable import Reporting

/// A day on disk: a plan, and whatever is recorded of it.
struct StatusDay {
  static let nine = Instant("2026-11-20T09:00:00Z") ?? .distantPast
  static let date = CalendarDay(number: 20_777)

  let folder: TemporaryFolder
  let output: OutputFolder
  let day: DayFolder

  init(_ lines: [PlannedSend], date: CalendarDay = Self.date) throws {
    folder = try TemporaryFolder()
    output = OutputFolder(folder.file("output"))
    day = output.day(date)
    try write(lines)
  }

  /// Writes the plan, which takes the place of the one before it.
  func write(_ lines: [PlannedSend]) throws {
    var campaigns: [String: PlanTotals] = [:]
    for line in lines { campaigns[line.campaign, default: PlanTotals()].planned += 1 }
    let header = PlanHeader(
      date: day.date, zone: .utc, tzdata: "2026b", notBefore: Self.nine, seed: 7, sends: lines.count, inputs: [:],
      history: "sha256:", campaigns: campaigns)
    _ = try PlanFile.write(Plan(header: header, sends: lines, skipped: []), to: day)
  }

  /// The digest by which runs name the plan.
  var plan: String {
    get throws { try PlanIndex.read(day.planPath, header: try PlanFile.header(day.planPath)).index.plan }
  }

  func append(_ records: [Record], to day: DayFolder? = nil, shard: Shard? = nil) throws {
    let day = day ?? self.day
    try day.create()
    let results = try ResultsWriter(path: day.resultsPath(shard))
    for record in records { results.append(record) }
    try results.close()
  }

  func figures(isLive: Bool = false) throws -> DayFigures {
    try DayFigures.read(planPath: day.planPath, day: day, isLive: isLive, in: output)
  }

  static func send(
    _ n: Int, campaign: String = "welcome", mailbox: String = "anna", batch: String? = nil
  ) -> PlannedSend {
    let key = batch == nil ? "" : "k\(n)"
    return PlannedSend(
      id: SendID(campaign: campaign, step: "intro", contact: "c\(n)", channel: .email, key: key),
      sendAt: nine + .minutes(Int64(n)), open: IntervalSet([Interval(nine, nine + .hours(8))]), campaign: campaign,
      step: "intro", contact: "c\(n)", channel: .email, to: "c\(n)@example.org", mailbox: mailbox, subject: "Hello",
      batch: batch, key: key)
  }

  static func attempt(
    _ send: PlannedSend, _ number: Int = 1, provider: String = "alpha", at: Instant = Self.nine
  ) -> Record.Attempt {
    Record.Attempt(send, number: number, at: at, provider: provider, messageID: "<x>", run: "r")
  }

  static func run(_ plan: String, at: Instant = Self.nine) -> Record {
    .run(.init(id: "00112233aabbccdd", at: at, plan: plan, host: "h", pid: 7, approvedBy: []))
  }
}

/// What the history says of the same day: the long way, by which `status` once went.
struct ReferenceStatus {
  private(set) var states: [SendID: DayStatus.State] = [:]
  private(set) var campaigns: [SendID: String] = [:]

  init(lines: [PlannedSend], plan: String, records: [Record], others: [Record] = [], isLive: Bool) {
    var history = History()
    var released: Set<SendID> = []
    var givenBack: Set<SendID> = []
    var current = ""
    for record in records {
      history.apply(record)
      switch record {
      case .run(let run): current = run.plan
      case .released(let note, _):
        released.insert(note.id)
        if current == plan { givenBack.insert(note.id) }
      case .intent(let attempt), .outcome(let attempt, _): released.remove(attempt.id)
      case .requeued(let note):
        released.remove(note.id)
        givenBack.remove(note.id)
      case .withdrawn(let note), .resolved(let note, _): released.remove(note.id)
      }
    }
    var elsewhere = History()
    for record in others { elsewhere.apply(record) }
    for line in lines where !givenBack.contains(line.id) { released.remove(line.id) }
    for line in lines {
      campaigns[line.id] = line.campaign
      let other = elsewhere.sends[line.id]?.state
      states[line.id] = other.map { $0.isFinal || $0 == .inDoubt } ?? false ? .released : .pending
    }
    for record in history.sends.values {
      campaigns[record.id] = campaigns[record.id] ?? record.campaign
      states[record.id] =
        switch record.state {
        case .pending: released.contains(record.id) ? .released : .pending
        case .inFlight: isLive ? .inFlight : .inDoubt
        case .sent: .sent
        case .waiting: .deferred
        case .inDoubt: .inDoubt
        case .dead: .dead
        case .withdrawn: .withdrawn
        case .dropped: .dropped
        }
    }
  }

  var counts: [String: [DayStatus.State: Int]] {
    var counts: [String: [DayStatus.State: Int]] = [:]
    for (id, state) in states { counts[campaigns[id] ?? "", default: [:]][state, default: 0] += 1 }
    return counts
  }
}
