import Foundation
import Model

/// What the results of a plan's day come to for its lines: read once, and everything that a run asks of them is taken
/// from here - where each line stands, what is left dangling, what limits count, what breakers heard.
///
/// A line costs 6 bytes once anything is recorded of the day, and 6 for each outcome. What is recorded of sends that are no lines of the plan,
/// and what it says of addresses, mailboxes and providers, goes into the history that was given.
public struct DayResults {
  /// Where a line stands (`SendState`).
  public enum Standing: UInt8, Sendable {
    /// Nothing is recorded of it on this day.
    case unknown
    case pending, inFlight, sent, waiting, inDoubt
    /// Dead, withdrawn or dropped.
    case over

    public var isOpen: Bool { self == .unknown || self == .pending || self == .waiting }
    public var countsAgainstLimits: Bool { self == .sent || self == .inFlight || self == .inDoubt }
  }

  private static let never = Int64.min
  private var states = LineStates()
  /// When the last attempt was begun.
  private var attemptAt = AttemptTimes()
  /// When the first one was, where that is another time; `never` where they are counted anew.
  private var firstAttempt: [Int: Int64] = [:]
  private var until: [Int: Int64] = [:]
  /// When a line came to count that was not attempted: a person said that it arrived, or the like.
  private var recordedAt: [Int: Int64] = [:]
  /// Where the records have others than the plan's line.
  private var mailboxes: [Int: String] = [:]
  private var addresses: [Int: String] = [:]
  private var released: Set<Int> = []
  /// Attempts that count although their sends were made due again.
  private var spent: [Counted] = []
  private var spentFirst: [Int: Int64] = [:]
  private var dangling: [SendID: Record.Attempt] = [:]
  /// Intents of which the same holds and that are no lines, with their times.
  private var openStrangers: [SendID: Int64] = [:]
  private var currentPlan = ""
  /// Of the last record that was about a line.
  private var lastLine = 0
  /// Outcomes in their order: when, as `attemptAt` counts, and by which of `ways`; -1 for the next of `others`.
  private var heardAt: [Int32] = []
  private var heardWays = NumberColumn()
  private var others: [Record] = []
  private var ways = AttemptWays()
  private var mailboxOf: [Int32] = []
  private let plan: String
  private let hasHistory: Bool
  /// The files that were read, all of them without a problem.
  public private(set) var paths: [String] = []

  private init(_ index: borrowing PlanIndex, _ history: borrowing History) {
    plan = index.plan
    hasHistory = !history.sends.isEmpty
    mailboxOf = index.kinds.map { ways.mailboxNumber($0.mailbox) }
  }

  /// - Parameter history: of all other days; it takes what is no line's.
  public static func read(
    _ day: DayFolder, _ index: borrowing PlanIndex, into history: inout History
  ) throws(JournalProblem) -> DayResults {
    var results = DayResults(index, history)
    let paths = try day.resultsPaths()
    results.reserve(paths)
    for path in paths where paths.count == 1 {
      try ParallelResults.read(path) { batch in results.take(batch, index, &history) }
    }
    if paths.count > 1 {
      var merge = try ResultsMerge(paths)
      while let place = try merge.next() {
        if let run = place.run {
          results.take(run)
        } else {
          place.batch.bytes.withUnsafeBufferPointer {
            results.take(place.batch.records[place.record], $0, index, &history)
          }
        }
        if place.isLast { results.keepDangling(place.batch, index) }
      }
    }
    results.ways.tell(&history)
    history.settle()
    results.paths = paths
    return results
  }

  /// An intent and an outcome have some 900 bytes: room is made once, so that nothing grows by being copied.
  private mutating func reserve(_ paths: [String]) {
    let size = paths.reduce(0) { $0 + (FileStamp($1)?.size ?? 0) }
    heardAt.reserveCapacity(size / 900)
    heardWays.reserveCapacity(size / 900)
  }

  /// Takes a record that has just been written.
  public mutating func take(_ record: Record, _ index: borrowing PlanIndex, into history: inout History) {
    var bytes: [UInt8] = []
    guard let flat = FlatRecord(record, into: &bytes) else { return }
    bytes.withUnsafeBufferPointer { take(flat, $0, index, &history) }
    ways.tell(&history)
    history.settle()
  }

  private mutating func take(_ batch: ResultsBatch, _ index: borrowing PlanIndex, _ history: inout History) {
    var runs = batch.runs[...]
    batch.bytes.withUnsafeBufferPointer { bytes in
      for (i, record) in batch.records.enumerated() {
        while let run = runs.first, run.before == i {
          take(run.run)
          runs.removeFirst()
        }
        take(record, bytes, index, &history)
      }
    }
    for run in runs { take(run.run) }
    keepDangling(batch, index)
  }

  private mutating func take(_ run: Record.Run) {
    currentPlan = run.plan
    hear(.run(run))
  }

  private mutating func hear(_ record: Record) {
    heardAt.append(0)
    heardWays.append(-1)
    others.append(record)
  }

  /// Of a batch's intents, keeps those that are still open at its end as a whole: they are as few as connections.
  private mutating func keepDangling(_ batch: ResultsBatch, _ index: borrowing PlanIndex) {
    for (i, record) in batch.records.enumerated() where record.kind == .intent {
      if let line = index.number(of: record.id) {
        guard states.isOpen(line), attemptAt[line] == record.at else { continue }
      } else {
        guard openStrangers[record.id] == record.at else { continue }
      }
      if case .intent(let attempt) = batch.record(i) { dangling[record.id] = attempt }
    }
  }
}

// MARK: - What each record does

extension DayResults {
  private mutating func take(
    _ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, _ index: borrowing PlanIndex, _ history: inout History
  ) {
    if r.kind != .intent, !dangling.isEmpty { dangling[r.id] = nil }
    var way: Int32 = -1
    if r.kind == .intent || r.kind == .outcome {
      way = ways.number(r, bytes)
      if r.kind == .outcome { note(r, bytes, way) }
    }
    // An outcome follows its intent closely, and lines are taken up much in their order.
    let line = index.number(of: r.id, near: lastLine)
    if let line { lastLine = line }
    guard let line else {
      if r.kind == .intent {
        openStrangers[r.id] = r.at
      } else if !openStrangers.isEmpty {
        openStrangers[r.id] = nil
      }
      history.fold(r, bytes)
      return
    }
    if states.isEmpty { makeRoom(index.count) }
    if r.kind != .intent { states.close(line) }
    switch r.kind {
    case .released: if currentPlan == plan { released.insert(line) }
    case .requeued:
      if !released.isEmpty { released.remove(line) }
      history.forgetBounces(of: bytes.text(r.to), until: r.at)
    case .outcome: if r.isBounce { history.bounce(bytes.text(r.to), bytes.text(r.response), at: r.at) }
    case .intent, .withdrawn, .resolved: break
    }
    if states[standing: line] == .unknown, !begin(line, r, bytes, index, history) { return }
    move(line, r, way)
    if way >= 0 {
      let mailbox = ways.mailbox(way)
      if mailbox != mailboxOf[Int(index.kindOf[line])] {
        mailboxes[line] = ways.mailboxNames[Int(mailbox)]
      } else if !mailboxes.isEmpty {
        mailboxes[line] = nil
      }
    }
  }

  private mutating func makeRoom(_ n: Int) {
    states = LineStates(n)
    // What was heard of sends that are in no line is counted from the same instant.
    attemptAt = AttemptTimes(n, like: attemptAt)
  }

  /// The day's first record of a line: what is known of it from other days goes on. False where a later day knows more.
  private mutating func begin(
    _ line: Int, _ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, _ index: borrowing PlanIndex,
    _ history: borrowing History
  ) -> Bool {
    let to = bytes.text(r.to)
    if hasHistory, let known = history.sends[r.id] {
      if known.at.milliseconds > r.at { return false }
      set(line, Standing(known.state))
      states[attempts: line] = known.attempts
      attemptAt[line] = known.attemptAt?.milliseconds ?? Self.never
      let first = known.firstAttempt?.milliseconds ?? Self.never
      if first != attemptAt[line] { firstAttempt[line] = first }
      if case .waiting(let time) = known.state { until[line] = time.milliseconds }
      if PlanLineScanner.hash(canonical: known.to) != index.address(line) { addresses[line] = known.to }
      return true
    }
    set(line, .pending)
    if ByteHash.of(to) != index.address(line) {
      let text = String(decoding: to, as: UTF8.self)
      if PlanLineScanner.hash(canonical: text) != index.address(line) { addresses[line] = text }
    }
    return true
  }

  @inline(__always)
  private mutating func set(_ line: Int, _ standing: Standing) {
    states[standing: line] = standing
  }

  /// The moves of `SendState`, as the history makes them.
  private mutating func move(_ line: Int, _ r: FlatRecord, _ way: Int32) {
    let standing = standing(line)
    if !until.isEmpty, r.kind == .intent || r.kind == .outcome || standing.isOpen { until[line] = nil }
    switch r.kind {
    case .intent:
      states[standing: line] = .inFlight
      states.open(line)
      states[attempts: line] = r.number
      setAttempt(line, at: r.at)
    case .outcome:
      if r.number > 0 {
        let isNew = states[attempts: line] != r.number
        states[attempts: line] = r.number
        if isNew { setAttempt(line, at: r.at) } else { setFirst(line, r.at) }
      }
      switch r.outcome {
      case .sent: set(line, .sent)
      case .inDoubt: set(line, .inDoubt)
      case .failed: set(line, .over)
      case .retry:
        set(line, .waiting)
        until[line] = r.retryAt == Self.never ? r.at : r.retryAt
      }
    case .released: if standing.isOpen { set(line, .pending) }
    case .withdrawn: if standing.isOpen { set(line, .over) }
    case .requeued:
      if standing.countsAgainstLimits {
        spent.append(counted(line))
        let times = [first(line), attemptAt[line], spentFirst[line] ?? Self.never].filter { $0 != Self.never }
        spentFirst[line] = times.min()
      }
      set(line, .pending)
      states[attempts: line] = 0
      if attemptAt[line] != Self.never { firstAttempt[line] = Self.never }
    case .resolved:
      set(line, r.resolution == .sent ? .sent : .over)
    }
    if attemptAt[line] == Self.never, self.standing(line).countsAgainstLimits {
      recordedAt[line] = r.at
    } else if !recordedAt.isEmpty {
      recordedAt[line] = nil
    }
  }

  private func first(_ line: Int) -> Int64 {
    firstAttempt.isEmpty ? attemptAt[line] : firstAttempt[line] ?? attemptAt[line]
  }

  private mutating func setAttempt(_ line: Int, at: Int64) {
    let first = first(line)
    attemptAt[line] = at
    if first != Self.never, first != at {
      firstAttempt[line] = first
    } else if !firstAttempt.isEmpty {
      firstAttempt[line] = nil
    }
  }

  private mutating func setFirst(_ line: Int, _ at: Int64) {
    guard first(line) == Self.never else { return }
    if attemptAt[line] == Self.never { attemptAt[line] = at }
    firstAttempt[line] = at == attemptAt[line] ? nil : at
  }

  private mutating func note(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, _ way: Int32) {
    if r.outcome == .sent, r.number > 0, !r.isBounce, let at = attemptAt.distance(r.at) {
      heardAt.append(at)
      heardWays.append(way)
    } else {
      hear(r.record(in: bytes))
    }
  }

  private func counted(_ line: Int) -> Counted {
    // Nearly always empty, all three of them.
    let at = (recordedAt.isEmpty ? nil : recordedAt[line]) ?? attemptAt[line]
    return Counted(
      number: line, at: Instant(milliseconds: at), mailbox: mailboxes.isEmpty ? nil : mailboxes[line],
      to: addresses.isEmpty ? nil : addresses[line])
  }
}

// MARK: - What a run asks

extension DayResults {
  /// Whether anything is recorded of the plan's lines.
  public var hasRecords: Bool { !states.isEmpty }

  public func standing(_ line: Int) -> Standing {
    states.isEmpty ? .unknown : states[standing: line]
  }

  /// Attempts so far, when the first of them was, and where a retry waits; nil where nothing is recorded on the day.
  public func past(_ line: Int) -> (attempts: Int, firstAttempt: Instant?, until: Instant?)? {
    guard standing(line) != .unknown else { return nil }
    let first = first(line)
    return (
      states[attempts: line], first == Self.never ? nil : Instant(milliseconds: first),
      standing(line) == .waiting ? until[line].map { Instant(milliseconds: $0) } : nil
    )
  }

  /// When a line was first attempted, or came to count without an attempt; also before it was made due again though a server may have had it.
  public func firstAttempt(_ line: Int) -> Instant? {
    guard standing(line) != .unknown else { return nil }
    let times = [first(line), attemptAt[line], spentFirst[line] ?? Self.never].filter { $0 != Self.never }
    return (times.min() ?? recordedAt[line]).map { Instant(milliseconds: $0) }
  }

  /// Whether a run of this very plan gave the line back: it waits for the next plan.
  public func isReleased(_ line: Int) -> Bool { released.contains(line) }

  /// Intents without an outcome, in the order of their times.
  public var danglingAttempts: [Record.Attempt] {
    dangling.values.sorted { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
  }

  /// What limits count of the plan's lines.
  public func forEachCounted(_ body: (Counted) -> Void) {
    for line in states.lines where standing(line).countsAgainstLimits { body(counted(line)) }
    for one in spent { body(one) }
  }

  /// What breakers have to hear, in the order of the records.
  public func forEachHeard(_ body: (Heard) -> Void) {
    var other = 0
    for i in heardAt.indices {
      let number = Int(heardWays[i])
      if number < 0 {
        body(.other(others[other]))
        other += 1
      } else {
        let way = ways.names[number]
        let at = Instant(milliseconds: attemptAt.time(heardAt[i]))
        body(.sent(way: number, campaign: way.campaign, mailbox: way.mailbox, provider: way.provider, at: at))
      }
    }
  }

  /// Lets go of what breakers have heard.
  public mutating func forgetHeard() {
    heardAt = []
    heardWays = NumberColumn()
    others = []
  }

  /// Lets go of everything.
  public mutating func forget() {
    forgetHeard()
    (states, attemptAt) = (LineStates(), AttemptTimes())
    (firstAttempt, until, recordedAt, mailboxes, addresses) = ([:], [:], [:], [:], [:])
    (released, spent) = ([], [])
  }
}
