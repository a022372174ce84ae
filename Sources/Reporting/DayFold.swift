import Journal
import Model

/// Walks over a day's results once and counts: seven bytes a line of the plan, besides the plan's index.
///
/// Where a send stands follows the moves of `SendState`, as in the history (`History.fold`): a test holds the two
/// together.
struct DayFold {
  private enum Code {
    static let unknown: UInt8 = 0
    static let pending: UInt8 = 1
    static let inFlight: UInt8 = 2
    static let sent: UInt8 = 3
    static let waiting: UInt8 = 4
    static let inDoubt: UInt8 = 5
    static let withdrawn: UInt8 = 6
    static let dropped: UInt8 = 7
    /// And above: by the reason's place among all.
    static let dead: UInt8 = 16
  }
  private static let reasons = DeadReason.allCases

  /// `released` was the last word; a run of this very plan gave it back.
  private static let isReleased: UInt8 = 1
  private static let isReleasedByThis: UInt8 = 2

  private let index: PlanIndex
  private var figures: DayFigures
  // By line, and after the lines by stranger.
  private var states: [UInt8]
  private var marks: [UInt8]
  private var groupOf: [Int32]
  private var releaseOf: [UInt8]
  private var strangers: [SendID: Int] = [:]
  private var groups = GroupTable()
  private var attempts: [DayFigures.Outcomes] = []
  private var lastLine = 0
  private var currentPlan = ""
  private var minute: (number: Int64, counts: DayFigures.Outcomes) = (.min, .init())
  /// By number of group; groups have a provider.
  private var durations: [Durations] = []

  init(_ index: PlanIndex, isLive: Bool) {
    self.index = index
    figures = DayFigures(date: index.header.date, zone: index.header.zone, isLive: isLive)
    states = [UInt8](repeating: Code.unknown, count: index.count)
    marks = [UInt8](repeating: 0, count: index.count)
    releaseOf = [UInt8](repeating: 0, count: index.count)
    groupOf = [Int32](repeating: -1, count: index.count)
  }

  mutating func take(_ run: Record.Run) {
    currentPlan = run.plan
    figures.runs += 1
    figures.firstRun = min(figures.firstRun ?? run.at, run.at)
    figures.lastRun = max(figures.lastRun ?? run.at, run.at)
  }

  mutating func take(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) {
    let place = place(of: r.id)
    if r.kind == .intent || r.kind == .outcome {
      let group = groups.number(
        bytes.text(r.campaign), bytes.text(r.step), bytes.text(r.mailbox), bytes.text(r.provider),
        r.batch.isNone ? nil : bytes.text(r.batch))
      // The end of a send without an attempt says nothing of a provider: the last one stays.
      if r.provider.count > 0 || groupOf[place] < 0 { groupOf[place] = group }
      if r.kind == .outcome, r.number > 0, r.provider.count > 0 { count(r, group) }
    } else if groupOf[place] < 0 {
      groupOf[place] = groups.number(bytes.text(r.campaign), bytes.text(r.step), bytes.text(r.mailbox), nil, nil)
    }
    move(place, r)
  }

  private mutating func place(of id: SendID) -> Int {
    // An outcome follows its intent closely, and lines are taken up much in their order.
    for line in max(0, lastLine - 1)..<max(0, min(index.count, lastLine + 4)) where index.ids[line] == id {
      lastLine = line
      return line
    }
    if let line = index.number(of: id) {
      lastLine = line
      return line
    }
    if let known = strangers[id] { return known }
    strangers[id] = states.count
    states.append(Code.unknown)
    marks.append(0)
    releaseOf.append(0)
    groupOf.append(-1)
    return states.count - 1
  }

  private mutating func count(_ r: FlatRecord, _ group: Int32) {
    let group = Int(group)
    while attempts.count <= group {
      attempts.append(.init())
      durations.append(.init())
    }
    attempts[group][r.outcome] += 1
    if r.isTimed { durations[group].add(r.milliseconds) }
    let number = r.at >= 0 ? r.at / 60_000 : (r.at - 59_999) / 60_000
    if number != minute.number {
      keepMinute()
      minute = (number, .init())
    }
    minute.counts[r.outcome] += 1
  }

  private mutating func keepMinute() {
    guard minute.number != .min else { return }
    figures.minutes[minute.number] = (figures.minutes[minute.number] ?? .init()) + minute.counts
  }

  private mutating func move(_ place: Int, _ r: FlatRecord) {
    let state = states[place]
    let isOpen = state == Code.unknown || state == Code.pending || state == Code.waiting
    switch r.kind {
    case .intent: states[place] = Code.inFlight
    case .outcome:
      switch r.outcome {
      case .sent: states[place] = Code.sent
      case .retry: states[place] = Code.waiting
      case .inDoubt: states[place] = Code.inDoubt
      case .failed:
        let reason = Self.reasons.firstIndex(of: r.deadReason ?? .rejected) ?? 0
        states[place] = Code.dead + UInt8(reason)
      }
    case .released:
      if isOpen { states[place] = Code.pending }
      releaseOf[place] = UInt8(ReleaseReason.allCases.firstIndex(of: r.releaseReason) ?? 0)
    case .withdrawn: if isOpen { states[place] = Code.withdrawn }
    case .requeued: states[place] = Code.pending
    case .resolved: states[place] = r.resolution == .sent ? Code.sent : Code.dropped
    }
    if r.kind == .released {
      marks[place] |= Self.isReleased | (currentPlan == index.plan ? Self.isReleasedByThis : 0)
    } else {
      marks[place] &= ~Self.isReleased
      if r.kind == .requeued { marks[place] &= ~Self.isReleasedByThis }
    }
  }

  /// - Parameters:
  ///   - batch: of a line of message rows that nothing was recorded of but notes.
  ///   - isOver: whether a line of which this day knows nothing came to its end on another.
  mutating func finish(
    batch: (Int) throws -> String?, isOver: (SendID) throws -> Bool
  ) rethrows -> DayFigures {
    keepMinute()
    var kindGroups = [Int32](repeating: -1, count: index.kinds.count)
    var tallies: [Tally] = []
    for place in states.indices {
      let isLine = place < index.count
      if isLine { try settle(line: place, &kindGroups, batch) }
      let state = try state(place, isLine: isLine, isOver)
      if state == .pending, isLine { noteNext(index.sendAt[place]) }
      if state == .released, states[place] == Code.pending {
        figures.released[ReleaseReason.allCases[Int(releaseOf[place])], default: 0] += 1
      }
      let group = Int(groupOf[place])
      while tallies.count <= group { tallies.append(Tally()) }
      tallies[group].add(state, states[place] >= Code.dead ? states[place] - Code.dead : nil)
    }
    figures.planned = index.count
    for number in 0..<groups.count {
      let group = groups.group(number)
      var counts = number < tallies.count ? tallies[number].counts(Self.reasons) : .init()
      if number < attempts.count {
        counts.attempts = attempts[number]
        if durations[number].count > 0 {
          figures.durations[group.provider] = (figures.durations[group.provider] ?? .init()) + durations[number]
        }
      }
      if counts.total > 0 || counts.attempts.total > 0 { figures.groups[group] = counts }
    }
    return figures
  }

  private mutating func settle(
    line: Int, _ kindGroups: inout [Int32], _ batch: (Int) throws -> String?
  ) rethrows {
    let number = Int(index.kindOf[line])
    let kind = index.kinds[number]
    if groupOf[line] < 0, !kind.hasKey {
      if kindGroups[number] < 0 {
        kindGroups[number] = groups.number(
          .init(campaign: kind.campaign, step: kind.step, mailbox: kind.mailbox))
      }
      groupOf[line] = kindGroups[number]
      return
    }
    guard kind.hasKey else { return }
    var group =
      groupOf[line] < 0
      ? DayFigures.Group(campaign: kind.campaign, step: kind.step, mailbox: kind.mailbox)
      : groups.group(Int(groupOf[line]))
    guard group.batch.isEmpty else { return }
    group.batch = try batch(line) ?? ""
    groupOf[line] = groups.number(group)
  }

  private func state(
    _ place: Int, isLine: Bool, _ isOver: (SendID) throws -> Bool
  ) rethrows -> DayStatus.State {
    switch states[place] {
    case Code.unknown: try isOver(index.ids[place]) ? .released : .pending
    case Code.pending:
      marks[place] & Self.isReleased != 0 && (!isLine || marks[place] & Self.isReleasedByThis != 0)
        ? .released : .pending
    case Code.inFlight: figures.isLive ? .inFlight : .inDoubt
    case Code.sent: .sent
    case Code.waiting: .deferred
    case Code.inDoubt: .inDoubt
    case Code.withdrawn: .withdrawn
    case Code.dropped: .dropped
    default: .dead
    }
  }

  private mutating func noteNext(_ at: Int64) {
    let at = Instant(milliseconds: at)
    figures.nextSendAt = min(figures.nextSendAt ?? at, at)
  }

  /// Counts of one group in arrays: a dictionary for each of a million sends would cost more than all the rest.
  private struct Tally {
    private var states = [Int](repeating: 0, count: DayStatus.State.allCases.count)
    private var dead: [UInt8: Int] = [:]

    mutating func add(_ state: DayStatus.State, _ reason: UInt8?) {
      states[state.place] += 1
      if let reason { dead[reason, default: 0] += 1 }
    }

    func counts(_ reasons: [DeadReason]) -> DayFigures.Counts {
      var counts = DayFigures.Counts()
      for (state, n) in zip(DayStatus.State.allCases, states) where n > 0 { counts.states[state] = n }
      for (place, n) in dead { counts.dead[reasons[Int(place)]] = n }
      return counts
    }
  }
}

/// Numbers for groups, found by the bytes of a record without making strings.
private struct GroupTable {
  private var groups: [DayFigures.Group] = []
  private var texts: [[UInt8]] = []
  private var index = HashIndex()
  private var joined: [UInt8] = []
  private var last = -1

  var count: Int { groups.count }
  func group(_ number: Int) -> DayFigures.Group { groups[number] }

  mutating func number(
    _ campaign: UnsafeBufferPointer<UInt8>, _ step: UnsafeBufferPointer<UInt8>,
    _ mailbox: UnsafeBufferPointer<UInt8>, _ provider: UnsafeBufferPointer<UInt8>?,
    _ batch: UnsafeBufferPointer<UInt8>?
  ) -> Int32 {
    joined.removeAll(keepingCapacity: true)
    for part in [campaign, step, mailbox] {
      joined.append(contentsOf: part)
      joined.append(0)
    }
    if let provider { joined.append(contentsOf: provider) }
    joined.append(0)
    if let batch { joined.append(contentsOf: batch) }
    return Int32(number())
  }

  mutating func number(_ group: DayFigures.Group) -> Int32 {
    joined = Array(
      [group.campaign, group.step, group.mailbox, group.provider, group.batch].joined(separator: "\0").utf8)
    return Int32(number())
  }

  /// Of what `joined` holds. Records that follow one another mostly have the same.
  private mutating func number() -> Int {
    if last >= 0, texts[last] == joined { return last }
    let hash = joined.withUnsafeBufferPointer { ByteHash.of($0) }
    if let found = index.find(hash, { texts[$0] == joined }) {
      last = found
      return found
    }
    let parts = joined.split(separator: 0, maxSplits: 4, omittingEmptySubsequences: false)
      .map { String(decoding: $0, as: UTF8.self) }
    index.insert(hash, groups.count)
    texts.append(joined)
    groups.append(
      .init(campaign: parts[0], step: parts[1], mailbox: parts[2], provider: parts[3], batch: parts[4]))
    last = groups.count - 1
    return last
  }
}

extension DayFigures {
  /// Counts a day.
  /// - Parameters:
  ///   - planPath: the plan that the day is seen by.
  ///   - day: the folder of its results.
  ///   - isLive: whether a run is under way, where the caller knows better than the day's lock.
  ///   - output: for lines that came to their end by another day's plan: there is nothing left to do for them here.
  public static func read(
    planPath: String, day: DayFolder, isLive: Bool? = nil, in output: OutputFolder
  ) throws -> DayFigures {
    let (index, lines) = try PlanIndex.read(planPath, header: try PlanFile.header(planPath))
    // Before the results: what a run that ends meanwhile leaves undecided is then in doubt, and not under way for ever.
    var fold = DayFold(index, isLive: try isLive ?? day.isLive())
    let size = try day.resultsSize()
    try ResultsReader.forEachFlat(in: day, run: { fold.take($0) }) { fold.take($0, $1) }
    var others: History?
    var figures = try fold.finish(
      batch: { try lines.send($0).batch },
      isOver: { id in
        let history = try others ?? HistoryReader.results(output, except: day.date)
        others = history
        guard let state = history.sends[id]?.state else { return false }
        return state.isFinal || state == .inDoubt
      })
    figures.resultsSize = size
    return figures
  }
}
