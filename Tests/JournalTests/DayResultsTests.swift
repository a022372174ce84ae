import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// The fold over a plan's lines beside the history of everything, which says the same of every send.
@Suite struct DayResultsTests {
  /// An attempt that limits count.
  private struct Counted: Hashable {
    var mailbox: String
    var at: Instant
  }

  /// A plan of the first sends that `RandomRecords` knows; the others are strangers.
  private static func plan(_ lines: Int) -> Plan {
    Sample.plan(
      (0..<lines).map { n in
        var send = Sample.send(n)
        send.id = SendID(campaign: "c", step: "s", contact: String(n), channel: .email, key: "")
        return send
      })
  }

  @Test(arguments: 0..<12) func whatItSaysOfEachLineIsWhatTheHistorySays(seed: Int) throws {
    let scratch = try Scratch()
    let day = scratch.output.day(Sample.day)
    try FileManager.default.createDirectory(atPath: day.path, withIntermediateDirectories: true)
    let plan = Self.plan(8)
    try PlanFile.write(plan, toFile: day.planPath)
    let (index, _) = try PlanIndex.read(day.planPath, header: try PlanFile.header(day.planPath))
    var random = RandomRecords(seed: UInt64(seed))
    let before = random.records(seed % 2 == 0 ? 0 : 30)
    var records = random.records(400)
    for i in records.indices {
      if case .run(var run) = records[i] {
        run.plan = random.dice.oneIn(2) ? index.plan : "sha256:dd"
        records[i] = .run(run)
      }
    }
    // In one file, or shared out among several as shards do.
    let files = 1 + seed % 3
    var shared: [[Record]] = Array(repeating: [], count: files)
    for record in records { shared[random.dice.below(files)].append(record) }
    for (i, own) in shared.enumerated() {
      try put(lines(own), day.path + (i == 0 ? "/results.jsonl" : "/results.\(i)-of-3.jsonl"))
    }
    var merged: [Record] = []
    try ResultsReader.forEach(in: day) { merged.append($0) }

    var (history, expected) = (History(), History())
    for record in before {
      history.apply(record)
      expected.apply(record)
    }
    for record in merged { expected.apply(record) }
    let results = try DayResults.read(day, index, into: &history)
    for (n, id) in index.ids.enumerated() {
      let known = expected.sends[id]
      let standing = results.standing(n)
      guard standing != .unknown else {
        #expect(known == history.sends[id])
        continue
      }
      #expect(standing == known.map { DayResults.Standing($0.state) }, "\(n)")
      let past = results.past(n)
      #expect(past?.attempts == known?.attempts && past?.firstAttempt == known?.firstAttempt, "\(n)")
      if case .waiting(let until) = known?.state { #expect(past?.until == until) } else { #expect(past?.until == nil) }
    }
    var found: [Counted: Int] = [:]
    results.forEachCounted { one in
      let mailbox = one.mailbox ?? index.kinds[Int(index.kindOf[one.number])].mailbox
      found[Counted(mailbox: mailbox, at: one.at), default: 0] += 1
    }
    let lineIDs = Set(index.ids.enumerated().filter { results.standing($0.offset) != .unknown }.map(\.element))
    var wanted: [Counted: Int] = [:]
    for record in expected.counted where lineIDs.contains(record.id) {
      wanted[Counted(mailbox: record.mailbox, at: record.attemptAt ?? record.at), default: 0] += 1
    }
    // With other days besides, what they count stays with them.
    if before.isEmpty { #expect(found == wanted) }
    #expect(history.bounces == expected.bounces)
    #expect(history.lastAttempt.mailbox == expected.lastAttempt.mailbox)
    #expect(history.lastAttempt.provider == expected.lastAttempt.provider)
    #expect(Set(results.danglingAttempts) == Set(Self.dangling(merged).values))
    #expect(
      Set(index.ids.indices.filter { results.isReleased($0) }.map { index.ids[$0] })
        == Self.released(merged, index.plan).intersection(index.ids))
    #expect(Self.heard(results) == Self.outcomes(merged))
  }

  private static func dangling(_ records: [Record]) -> [SendID: Record.Attempt] {
    var dangling: [SendID: Record.Attempt] = [:]
    for record in records {
      switch record {
      case .intent(let attempt): dangling[attempt.id] = attempt
      case .outcome(let attempt, _): dangling[attempt.id] = nil
      case .requeued(let note), .resolved(let note, _), .released(let note, _), .withdrawn(let note):
        dangling[note.id] = nil
      case .run: break
      }
    }
    return dangling
  }

  private static func released(_ records: [Record], _ plan: String) -> Set<SendID> {
    var current = ""
    var released: Set<SendID> = []
    for record in records {
      switch record {
      case .run(let run): current = run.plan
      case .released(let note, _) where current == plan: released.insert(note.id)
      case .requeued(let note): released.remove(note.id)
      default: break
      }
    }
    return released
  }

  private static func heard(_ results: DayResults) -> [String] {
    var heard: [String] = []
    results.forEachHeard { one in
      switch one {
      case .sent(_, let campaign, let mailbox, let provider, let at):
        heard.append("sent \(campaign) \(mailbox) \(provider) \(at.milliseconds)")
      case .other(let record): heard.append("\(record)")
      }
    }
    return heard
  }

  private static func outcomes(_ records: [Record]) -> [String] {
    records.compactMap { record in
      switch record {
      case .outcome(let a, let r) where r.outcome == .sent && a.number > 0 && !r.isBounce:
        "sent \(a.campaign) \(a.mailbox) \(a.provider) \(a.at.milliseconds)"
      case .outcome, .run: "\(record)"
      default: nil
      }
    }
  }

  @Test func aDamagedLineIsNamedAndATornOneIsNot() throws {
    let scratch = try Scratch()
    let day = scratch.output.day(Sample.day)
    try FileManager.default.createDirectory(atPath: day.path, withIntermediateDirectories: true)
    try PlanFile.write(Self.plan(3), toFile: day.planPath)
    let (index, _) = try PlanIndex.read(day.planPath, header: try PlanFile.header(day.planPath))
    var random = RandomRecords(seed: 1)
    let whole = lines(random.records(20_000))
    var history = History()
    try put(whole + Array("{\"kind\":\"int".utf8), day.resultsPath)
    #expect(try DayResults.read(day, index, into: &history).paths == [day.resultsPath])
    try put(whole + Array("{\"kind\":\"int\n".utf8), day.resultsPath)
    let expected = #expect(throws: JournalProblem.self) { try ResultsReader.all(day.resultsPath) }
    let problem = #expect(throws: JournalProblem.self) { try DayResults.read(day, index, into: &history) }
    #expect(problem == expected && problem != nil)
  }
}

@Suite struct HeardTests {
  /// What was sent by an earlier plan of the day is in no line of this one, and comes before its first line's record.
  @Test func whatBreakersHearOfStrangersKeepsItsTime() throws {
    let scratch = try Scratch()
    let day = scratch.output.day(Sample.day)
    try FileManager.default.createDirectory(atPath: day.path, withIntermediateDirectories: true)
    try PlanFile.write(Sample.plan([Sample.send(0)]), toFile: day.planPath)
    let (index, _) = try PlanIndex.read(day.planPath, header: try PlanFile.header(day.planPath))
    let times = [0, 60, 7200].map { Sample.morning + .seconds(Int64($0)) }
    let records = zip([1, 2, 0], times).map { n, at in
      Record.outcome(Sample.attempt(Sample.send(n), at: at), .init(outcome: .sent, code: 250, response: "Ok"))
    }
    try put(lines(records), day.resultsPath)
    var history = History()
    let results = try DayResults.read(day, index, into: &history)
    var heard: [Instant] = []
    results.forEachHeard { if case .sent(_, _, _, _, let at) = $0 { heard.append(at) } }
    #expect(heard == records.map(\.at))
  }
}

@Suite struct LineStatesTests {
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func whatIsSetOfALineIsReadAndNothingElseChanges(seed: UInt64) {
    var dice = Dice(seed)
    var states = LineStates(8)
    var told = Array(repeating: (standing: DayResults.Standing.unknown, attempts: 0, isOpen: false), count: 8)
    let standings: [DayResults.Standing] = [.unknown, .pending, .inFlight, .sent, .waiting, .inDoubt, .over]
    for _ in 0..<2000 {
      let line = dice.below(8)
      switch dice.below(4) {
      case 0:
        told[line].standing = dice.pick(standings)
        states[standing: line] = told[line].standing
      case 1:
        told[line].attempts = dice.pick([0, 1, 2, 14, 15, 16, 255, 1000, -1])
        states[attempts: line] = told[line].attempts
      case 2:
        told[line].isOpen = true
        states.open(line)
      default:
        told[line].isOpen = false
        states.close(line)
      }
      for i in 0..<8 {
        #expect(states[standing: i] == told[i].standing, "seed \(seed)")
        #expect(states[attempts: i] == told[i].attempts, "seed \(seed)")
        #expect(states.isOpen(i) == told[i].isOpen, "seed \(seed)")
      }
    }
  }
}
