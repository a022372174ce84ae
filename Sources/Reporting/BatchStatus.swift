import Journal
import Model

/// Where one batch of message rows stands, over all days: each of its sends once - lines of the days' present plans, and
/// whatever was attempted - in the state that its last record, or else its last plan, gives it.
public struct BatchStatus: Sendable {
  public let batch: String
  /// The days whose plan or results name it, the earliest first.
  public let days: [CalendarDay]
  /// Its sends; the date is that of the last day.
  public let figures: DayFigures

  public enum Problem: Error, Hashable, Sendable {
    /// No plan and no result names it; what they name in its place.
    case unknown(others: [String])
  }

  private init(batch: String, days: [CalendarDay], figures: DayFigures) {
    self.batch = batch
    self.days = days
    self.figures = figures
  }

  /// Reads the days' present plans and all results of an output.
  /// - Parameters:
  ///   - zone: of the project, for times.
  ///   - isLive: whether a run of a day is under way.
  /// - Throws: `Problem`, or what a results file has to say (`JournalProblem`). An old day's plan that is whole no more
  ///   takes nothing from what the results tell.
  public static func read(
    _ batch: String, in output: OutputFolder, zone: Zone, isLive: (DayFolder) throws -> Bool = { try $0.isLive() }
  ) throws -> BatchStatus {
    var fold = BatchFold(batch)
    for day in try output.days() {
      // Before its results: what a run that ends meanwhile leaves undecided is then in doubt, and not under way for ever.
      if try isLive(day) { fold.liveDays.insert(day.date) }
      fold.takePlan(of: day)
      try ResultsReader.forEach(in: day) { fold.take($0, of: day.date) }
    }
    guard let last = fold.days.max() else { throw Problem.unknown(others: fold.others.sorted()) }
    var figures = DayFigures(date: last, zone: zone, isLive: !fold.liveDays.isDisjoint(with: fold.days))
    figures.groups = fold.groups
    figures.nextSendAt = fold.nextSendAt
    return BatchStatus(batch: batch, days: fold.days.sorted(), figures: figures)
  }

  /// The same of those sends alone that are named.
  public func only(_ include: (DayFigures.Group) -> Bool) -> BatchStatus {
    BatchStatus(batch: batch, days: days, figures: figures.only(include))
  }

  public func text(by dimension: DayStatus.Dimension = .campaign) -> String {
    let span = days.count > 1 ? "\(days[0]) to \(days[days.count - 1])" : figures.date.description
    return "\(batch), \(span)\n\n\(DayStatus(figures).text(by: dimension))"
  }

  /// The members of a day's status, with `batch` and `days` in place of its `date`.
  public var json: JSON {
    let members = (DayStatus(figures).json.object ?? []).filter { $0.key != "date" }
    return .object(
      [
        JSON.Member("batch", .string(batch)), JSON.Member("days", .array(days.map { .string($0.description) })),
      ] + members)
  }
}

/// Takes plans and records, day by day, and keeps what is of the batch.
private struct BatchFold {
  private struct Planned {
    var group: DayFigures.Group
    var day: CalendarDay
    /// The digest of the plan.
    var plan: String
    var sendAt: Instant
  }

  private let batch: String
  /// By the last plan that has it.
  private var planned: [SendID: Planned] = [:]
  private var history = History()
  /// With the provider of the last attempt.
  private var groupOf: [SendID: DayFigures.Group] = [:]
  /// Of the last record.
  private var dayOf: [SendID: CalendarDay] = [:]
  /// Those whose last word is a release, with the plan whose run gave them back.
  private var released: [SendID: String] = [:]
  private var currentPlan = ""
  /// Days of which a run is under way.
  var liveDays: Set<CalendarDay> = []
  private(set) var days: Set<CalendarDay> = []
  private(set) var others: Set<String> = []

  init(_ batch: String) { self.batch = batch }

  mutating func takePlan(of day: DayFolder) {
    guard let header = try? PlanFile.header(day.planPath),
      let (index, lines) = try? PlanIndex.read(day.planPath, header: header)
    else { return }
    for number in 0..<index.count where index.kinds[Int(index.kindOf[number])].hasKey {
      guard let send = try? lines.send(number) else { break }
      guard send.batch == batch else {
        if let other = send.batch { others.insert(other) }
        continue
      }
      days.insert(day.date)
      let group = DayFigures.Group(campaign: send.campaign, step: send.step, mailbox: send.mailbox, batch: batch)
      planned[send.id] = Planned(group: group, day: day.date, plan: index.plan, sendAt: send.sendAt)
      if groupOf[send.id] == nil { groupOf[send.id] = group }
    }
  }

  mutating func take(_ record: Record, of day: CalendarDay) {
    let id: SendID
    switch record {
    case .run(let run):
      currentPlan = run.plan
      return
    case .intent(let attempt), .outcome(let attempt, _):
      guard attempt.batch == batch else {
        if let other = attempt.batch { others.insert(other) }
        return
      }
      id = attempt.id
      // The end of a send without an attempt says nothing of a provider: the last one stays.
      let provider = attempt.provider.isEmpty ? groupOf[id]?.provider ?? "" : attempt.provider
      groupOf[id] = DayFigures.Group(
        campaign: attempt.campaign, step: attempt.step, mailbox: attempt.mailbox, provider: provider, batch: batch)
    case .released(let note, _), .withdrawn(let note), .requeued(let note), .resolved(let note, _):
      guard groupOf[note.id] != nil else { return }
      id = note.id
    }
    days.insert(day)
    dayOf[id] = day
    history.apply(record)
    if case .released = record { released[id] = currentPlan } else { released[id] = nil }
  }

  var groups: [DayFigures.Group: DayFigures.Counts] {
    var groups: [DayFigures.Group: DayFigures.Counts] = [:]
    for (id, group) in groupOf {
      let recorded = history.sends[id]?.state
      let state = state(id, recorded)
      groups[group, default: .init()].states[state, default: 0] += 1
      if state == .dead, case .dead(let reason)? = recorded {
        groups[group, default: .init()].dead[reason, default: 0] += 1
      }
    }
    return groups
  }

  private func state(_ id: SendID, _ state: SendState?) -> DayStatus.State {
    switch state {
    case .pending, nil: isGivenBack(id) ? .released : .pending
    case .inFlight: dayOf[id].map(liveDays.contains) == true ? .inFlight : .inDoubt
    case .sent: .sent
    case .waiting: .deferred
    case .inDoubt: .inDoubt
    case .dead: .dead
    case .withdrawn: .withdrawn
    case .dropped: .dropped
    }
  }

  /// Whether no plan that came after its release has it.
  private func isGivenBack(_ id: SendID) -> Bool {
    guard let by = released[id], let day = dayOf[id] else { return false }
    guard let line = planned[id] else { return true }
    return line.day < day || line.day == day && line.plan == by
  }

  /// The earliest time of what is still to go out by a plan, and not by one that a later record has overtaken.
  var nextSendAt: Instant? {
    planned.filter { id, line in
      state(id, history.sends[id]?.state) == .pending && (dayOf[id].map { $0 < line.day } ?? true)
    }.map(\.value.sendAt).min()
  }
}
