import Foundation
import Model
import Synchronization
import TestSupport
import Testing

@testable import Journal

/// An output with days of results.
private final class Days {
  let scratch: Scratch
  var output: OutputFolder { scratch.output }
  var snapshot: String { output.snapshotPath }

  init() throws { scratch = try Scratch() }

  func path(_ day: Int, shard: Int? = nil) throws -> String {
    let folder = output.day(Sample.day + day)
    try folder.create()
    return shard.map { folder.resultsPath(Shard($0, of: 3)) } ?? folder.resultsPath
  }

  func fold(keep: Bool = false) throws -> HistoryFold {
    try HistoryReader.fold(output, try output.days(), keepsSnapshot: keep, threshold: 0)
  }

  /// The fold without any snapshot.
  func plain() throws -> HistoryFold {
    let moved = try AtomicFile.read(snapshot)
    try? FileManager.default.removeItem(atPath: snapshot)
    let fold = try fold()
    if let moved { try put(moved, snapshot) }
    return fold
  }

  /// The days that would be read beside the snapshot; nil where it does not hold.
  func rest() throws -> [CalendarDay]? {
    let days: [HistoryFold.Day] = try output.days().map { .init(date: $0.date, paths: try $0.resultsPaths()) }
    return HistorySnapshot.read(of: output, days: days.filter { !$0.paths.isEmpty })?.rest.map(\.date)
  }
}

private func expectSame(_ a: HistoryFold, _ b: HistoryFold, _ what: String) {
  #expect(Telling(a.history) == Telling(b.history), "\(what)")
  #expect(a.released.filter { !$0.value.isEmpty } == b.released.filter { !$0.value.isEmpty }, "\(what)")
  #expect(a.files.map(\.path) == b.files.map(\.path) && a.files.map(\.digest) == b.files.map(\.digest), "\(what)")
  #expect(a.records == b.records, "\(what)")
}

@Suite struct SnapshotTests {
  @Test(arguments: 0..<10) func daysFoldedOnAllCoresSayWhatTheReferenceSays(part: Int) throws {
    for seed in 0..<12 {
      let days = try Days()
      var random = RandomRecords(seed: UInt64(part * 100 + seed), sends: 15)
      var reference = ReferenceHistory()
      for day in 0..<1 + random.dice.below(6) {
        for shard in random.dice.oneIn(3) ? [nil, 0, 1] : [nil] {
          try put(lines(random.records(random.dice.below(60))), try days.path(day, shard: shard))
        }
      }
      for day in try days.output.days() { try ResultsReader.forEach(in: day) { reference.apply($0) } }
      let fold = try days.fold(keep: true)
      #expect(Telling(fold.history) == Telling(reference), "seed \(seed)")
      #expect(try days.rest() == [] || fold.records == 0)
      let loaded = try days.fold()
      #expect(Telling(loaded.history) == Telling(reference), "seed \(seed)")
      expectSame(loaded, fold, "seed \(seed)")
    }
  }

  @Test(arguments: 0..<30) func aSnapshotAndWhatCameAfterItAreTheFoldOfAll(seed: Int) throws {
    let days = try Days()
    var random = RandomRecords(seed: UInt64(seed), sends: 15)
    var day = 0
    for round in 0..<8 {
      switch random.dice.below(7) {
      case 0, 1:
        day += 1
        try put(lines(random.records(random.dice.below(40))), try days.path(day))
      case 2, 3, 4:
        let path = try days.path(day)
        let writer = try ResultsWriter(path: path)
        for record in random.records(random.dice.below(20)) { writer.append(record) }
        try writer.close()
        // A run that died in the middle of a line.
        if random.dice.oneIn(3) { try put(try bytes(path) + Array("{\"kind\":\"inte".utf8), path) }
      case 5: try put(lines(random.records(5)), try days.path(day, shard: random.dice.below(3)))
      default:
        // Somebody edits an older day.
        try put(lines(random.records(10)), try days.path(random.dice.below(day + 1)))
      }
      let plain = try days.plain()
      expectSame(try days.fold(keep: random.dice.oneIn(2)), plain, "seed \(seed), round \(round)")
      expectSame(try days.fold(), plain, "seed \(seed), round \(round), again")
    }
  }

  @Test func onlyWhatIsNewIsRead() throws {
    let days = try Days()
    var random = RandomRecords(seed: 1)
    for day in 0..<4 { try put(lines(random.records(50)), try days.path(day)) }
    #expect(try days.rest() == nil)
    _ = try days.fold(keep: true)
    #expect(try days.rest() == [])
    let writer = try ResultsWriter(path: try days.path(3))
    for record in random.records(5) { writer.append(record) }
    try writer.close()
    #expect(try days.rest() == [Sample.day + 3])
    try put(lines(random.records(50)), try days.path(4))
    #expect(try days.rest() == [Sample.day + 3, Sample.day + 4])
    expectSame(try days.fold(), try days.plain(), "two days more")
    // Written again where it pays, and not by those who only read.
    let before = try bytes(days.snapshot)
    _ = try days.fold()
    #expect(try bytes(days.snapshot) == before)
    _ = try days.fold(keep: true)
    #expect(try days.rest() == [])
  }

  @Test func aChangeOfAnythingElseMakesItAnew() throws {
    let changes: [(Days) throws -> Void] = [
      { days in
        // The same length, an older day.
        let path = try days.path(1)
        try put(try text(path).replacingOccurrences(of: "intro", with: "nudge"), path)
      },
      { days in
        // The newest day, not only added to.
        let path = try days.path(2)
        try put(try text(path).replacingOccurrences(of: "intro", with: "nudge") + "", path)
      },
      { days in try FileManager.default.removeItem(atPath: try days.path(1)) },
      { days in try put(try bytes(try days.path(2)), try days.path(2, shard: 1)) },
      { days in try put(try bytes(try days.path(2)), try days.path(-1)) },
      { days in
        // Cut short.
        let path = try days.path(2)
        let records = try ResultsReader.all(path)
        try put(lines(records.dropLast()), path)
      },
    ]
    for (i, change) in changes.enumerated() {
      let days = try Days()
      var random = RandomRecords(seed: UInt64(i))
      for day in 0..<3 { try put(lines(random.records(50)), try days.path(day)) }
      _ = try days.fold(keep: true)
      #expect(try days.rest() == [])
      try change(days)
      #expect(try days.rest() == nil, "change \(i)")
      expectSame(try days.fold(), try days.plain(), "change \(i)")
      expectSame(try days.fold(keep: true), try days.plain(), "change \(i)")
      #expect(try days.rest() == [], "change \(i)")
    }
  }

  @Test func aDamagedSnapshotIsMadeAnewWithoutAWord() throws {
    let days = try Days()
    var random = RandomRecords(seed: 21, sends: 40)
    for day in 0..<2 { try put(lines(random.records(60)), try days.path(day)) }
    let plain = try days.plain()
    _ = try days.fold(keep: true)
    let whole = try bytes(days.snapshot)
    let telling = Telling(plain.history)
    for at in stride(from: 0, to: whole.count, by: 97) {
      var flipped = whole
      flipped[at] ^= UInt8(1 << (at % 8))
      for damaged in [flipped, Array(whole[..<at]), flipped + [0]] {
        try put(damaged, days.snapshot)
        #expect(try days.rest() == nil, "byte \(at)")
        // From here on all damage is alike.
        if at % 11 == 0 { #expect(Telling(try days.fold().history) == telling, "byte \(at)") }
      }
    }
    for bytes in [[UInt8](repeating: 0, count: 5000), [UInt8](repeating: 0xFF, count: 5000), []] {
      try put(bytes, days.snapshot)
      #expect(try days.rest() == nil)
    }
    _ = try days.fold(keep: true)
    #expect(try days.rest() == [])
    #expect(try bytes(days.snapshot) == whole)
  }

  @Test func aSnapshotIsForItsOwnerAloneAndLeavesNothingElseBehind() throws {
    let days = try Days()
    var random = RandomRecords(seed: 4)
    try put(lines(random.records(50)), try days.path(0))
    _ = try days.fold(keep: true)
    #expect(try FileSystem.names(in: days.output.historyPath) == ["snapshot.bin"])
    let mode = try FileManager.default.attributesOfItem(atPath: days.snapshot)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func itIsKeptOnlyWhereItPays() {
    #expect(!HistorySnapshot.pays(records: 20_000, known: 0))
    #expect(HistorySnapshot.pays(records: 20_001, known: 0))
    #expect(!HistorySnapshot.pays(records: 2_060_000, known: 2_000_000))
    #expect(HistorySnapshot.pays(records: 2_130_000, known: 2_000_000))
  }

  @Test func aFileThatGrowsWhileItIsReadIsNotTakenForRead() throws {
    let days = try Days()
    var random = RandomRecords(seed: 9)
    try put(lines(random.records(20)), try days.path(0))
    var fold = try days.fold()
    fold.files[0].isSettled = false
    HistorySnapshot.write(&fold, to: days.output)
    #expect(!FileSystem.exists(days.snapshot))
  }

  @Test func theFirstDaysProblemIsTold() throws {
    let days = try Days()
    var random = RandomRecords(seed: 10)
    for day in 0..<6 { try put(lines(random.records(300)), try days.path(day)) }
    _ = try days.fold(keep: true)
    try put(lines(random.records(3000)) + Array("{}\n".utf8), try days.path(2))
    try put("{}\n", try days.path(3))
    let path = try days.path(2)
    for _ in 0..<20 {
      #expect(throws: JournalProblem.damaged(path: path, line: 3002, message: "a record has a 'kind'")) {
        try days.fold()
      }
    }
  }

  @Test func linesGivenBackHoldNothingWhereTheSnapshotTellsOfThemEither() throws {
    let days = try Days()
    let day = days.output.day(Sample.day + 1)
    let sends = (1...4).map { Sample.send($0, on: day.date) }
    _ = try PlanFile.write(Sample.plan(sends, on: day.date), to: day)
    let t = Sample.morning
    try put(
      lines([
        .released(.init(sends[0], at: t), .mailboxLimit), .released(.init(sends[1], at: t), .missed),
        .intent(Sample.attempt(sends[1])),
        .outcome(Sample.attempt(sends[1]), .init(outcome: .retry, retryAt: t)), .withdrawn(.init(sends[2], at: t)),
      ]), day.resultsPath)
    func read() throws -> History {
      try HistoryReader.read(days.output, project: Project(), excluding: nil, at: t) { _ in false }
    }
    let plain = try read()
    #expect(Set(plain.reserved.keys) == [sends[1].id, sends[3].id])
    _ = try days.fold(keep: true)
    #expect(try days.rest() == [])
    let kept = try read()
    #expect(kept.reserved == plain.reserved && kept.digest == plain.digest)
    // Read on from where the snapshot ends.
    let writer = try ResultsWriter(path: day.resultsPath)
    writer.append(.intent(Sample.attempt(sends[0])))
    writer.append(.outcome(Sample.attempt(sends[0]), .init(outcome: .retry, retryAt: t)))
    writer.append(.released(.init(sends[3], at: t), .missed))
    try writer.close()
    let grown = try read()
    #expect(Set(grown.reserved.keys) == [sends[0].id, sends[1].id])
    #expect(grown.digest != plain.digest)
    try FileManager.default.removeItem(atPath: days.snapshot)
    let again = try read()
    #expect(again.reserved == grown.reserved && again.digest == grown.digest)
  }

  @Test func aSnapshotIsReadBySeveralThreadsAtOnce() throws {
    let days = try Days()
    let sends = (0..<3000).map { Sample.send($0) }
    try put(lines(sends.map { .intent(Sample.attempt($0)) }), try days.path(0))
    _ = try days.fold(keep: true)
    let history = try days.fold().history
    let found = Mutex(0)
    DispatchQueue.concurrentPerform(iterations: 4) { worker in
      var own = 0
      for send in sends {
        var person = send.contact
        person.withUTF8 { person in
          history.view.forEachSend(personHash: ByteHash.of(person), person) {
            if history.record($0).id == send.id { own += 1 }
          }
        }
      }
      found.withLock { $0 += own }
    }
    #expect(found.withLock { $0 } == 4 * sends.count)
  }
}
