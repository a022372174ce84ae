import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// Everything that a history says of people who are asked for, so that one of whole results can be compared with one of
/// which days were pruned. What a prune leaves out by design is left out of both: the servers' words, and how an address
/// was spelled.
private struct Knowledge: Equatable {
  struct Send: Equatable {
    var record: SendRecord
    init(_ record: SendRecord) {
      self.record = record
      self.record.to = EmailAddress(record.to)?.canonical ?? record.to
      self.record.last?.response = ""
      self.record.last?.enhancedCode = nil
      self.record.last?.providerID = nil
      self.record.last?.milliseconds = 0
    }
  }

  var sends: [Send]
  var found: [[Send]]
  var counted: [Send]
  var spent: [Send]
  var firsts: [Instant?]
  var bounces: [Event]
  var mailbox: [String: Instant]
  var provider: [String: Instant]

  init(_ h: History, _ people: [String] = RandomRecords.people) {
    // In the history's own order: who is first may decide.
    sends = h.sends.values.map(Send.init)
    found = people.flatMap { person in
      RandomRecords.campaigns.map { id in
        var campaign = Campaign(id: id, audience: .contacts(.init(files: [])), mailboxes: .ids([]), steps: [])
        campaign.was = ["old"]
        return h.sends(campaign: campaign, contact: person, to: [EmailAddress(person)?.canonical ?? person])
          .map(Send.init)
      }
    }
    var byHash: [Send] = []
    for person in people {
      h.view.forEachSend(personHash: ByteHash.of(person)) { byHash.append(Send(h.record($0))) }
    }
    found.append(byHash)
    counted = h.counted.map(Send.init)
    spent = h.spent.map(Send.init)
    firsts = h.sends.ids.map { h.firstAttempt($0) }
    bounces = h.bounces.map { bounce in
      var bounce = bounce
      bounce.detail = PrunedDayWriter.codes(bounce.detail ?? "")
      return bounce
    }
    (mailbox, provider) = h.lastAttempt
  }
}

/// Compares part by part: a difference is told by its part.
private func expectSame(
  _ a: (Knowledge, digest: String), _ b: (Knowledge, digest: String), _ what: String, sameDigest: Bool = true,
  at location: SourceLocation = #_sourceLocation
) {
  var parts: [String] = []
  if a.0.sends != b.0.sends { parts.append("sends \(first(a.0.sends, b.0.sends))") }
  if a.0.found != b.0.found { parts.append("found \(first(a.0.found, b.0.found))") }
  if a.0.counted != b.0.counted { parts.append("counted \(first(a.0.counted, b.0.counted))") }
  if a.0.spent != b.0.spent { parts.append("spent \(first(a.0.spent, b.0.spent))") }
  if a.0.firsts != b.0.firsts { parts.append("firsts") }
  if a.0.bounces != b.0.bounces { parts.append("bounces \(first(a.0.bounces, b.0.bounces))") }
  if a.0 != b.0, parts.isEmpty { parts.append("last attempts") }
  if sameDigest, a.digest != b.digest { parts.append("digest") }
  #expect(parts.isEmpty, "\(what): \(parts)", sourceLocation: location)
}

private func first<T: Equatable>(_ a: [T], _ b: [T]) -> String {
  guard let i = zip(a, b).map({ $0 == $1 }).firstIndex(of: false) else { return "\(a.count) and \(b.count)" }
  return "\(i): \(a[i]) and \(b[i])"
}

private let people = RandomRecords.people.flatMap { [$0, EmailAddress($0)?.canonical ?? $0] }

/// An output with days of random results, the oldest on `Sample.day`.
private final class Old {
  let scratch: Scratch
  var output: OutputFolder { scratch.output }
  var random: RandomRecords
  let count: Int

  init(seed: Int, days: Int = 5) throws {
    scratch = try Scratch()
    random = RandomRecords(seed: UInt64(seed), sends: 12)
    count = days
    for day in 0..<days {
      for shard in random.dice.oneIn(4) ? [nil, 0, 1] : [nil] {
        try write(random.records(random.dice.below(50)), day, shard)
      }
    }
  }

  func write(_ records: [Record], _ day: Int, _ shard: Int? = nil) throws {
    let folder = output.day(Sample.day + day)
    try folder.create()
    let writer = try ResultsWriter(path: shard.map { folder.resultsPath(Shard($0, of: 3)) } ?? folder.resultsPath)
    for record in records { writer.append(record) }
    try writer.close()
  }

  /// What is known, and what the plan's header would say of it.
  func known() throws -> (Knowledge, digest: String) {
    let project = Project(events: people.map { Event(at: Sample.morning, type: .autoReply, contact: $0) })
    let history = try HistoryReader.read(
      output, project: project, excluding: nil, at: Sample.morning + .days(400)
    ) { _ in false }
    return (Knowledge(history), history.digest)
  }

  /// Every day that is chosen, dead letters or not.
  func prune(_ days: [Int], step: (String) throws -> Void = { _ in }) throws {
    let folders = days.map { output.day(Sample.day + $0) }
    let pruning = try Pruning(of: folders)
    try pruning.carryOut(in: output, at: Sample.morning + .days(200), lock: { _ in }, step: step)
  }
}

private struct Cut: Error {}

@Suite struct PruningTests {
  @Test(arguments: 0..<40) func whatIsKeptOfPrunedDaysSaysWhatTheirResultsSaid(seed: Int) throws {
    let old = try Old(seed: seed)
    let before = try old.known()
    var dice = Dice(UInt64(seed))
    for _ in 0..<3 {
      try old.prune((0..<old.count).filter { _ in dice.oneIn(2) })
      let after = try old.known()
      expectSame(after, before, "seed \(seed)")
    }
    // Later days go on where they were: the same sends, by name.
    let more = old.random.records(60)
    let whole = try Old(seed: seed)
    for other in [old, whole] { try other.write(more, old.count) }
    expectSame(try old.known(), try whole.known(), "seed \(seed), gone on")
    try old.prune([old.count])
    expectSame(try old.known(), try whole.known(), "seed \(seed), pruned again")
  }

  @Test(arguments: 0..<6) func aPruneCutOffAnywhereLosesNothingAndTheNextOneEndsIt(seed: Int) throws {
    let whole = try Old(seed: seed)
    let before = try whole.known()
    var steps = 0
    try whole.prune([0, 2, 3]) { _ in steps += 1 }
    #expect(steps > 10)
    for cut in 0..<steps {
      let old = try Old(seed: seed)
      var step = 0
      #expect(throws: Cut.self) {
        try old.prune([0, 2, 3]) { _ in
          step += 1
          if step == cut + 1 { throw Cut() }
        }
      }
      expectSame(try old.known(), before, "cut before step \(cut)")
      try old.prune([0, 2, 3])
      expectSame(try old.known(), before, "cut before step \(cut), and pruned again")
      #expect(try old.output.days().map(\.date) == [Sample.day + 1, Sample.day + 4])
    }
  }

  @Test func noNameIsLeftInWhatIsKept() throws {
    let old = try Old(seed: 3)
    _ = try HistoryReader.fold(old.output, try old.output.days(), keepsSnapshot: true, threshold: 0)
    #expect(FileManager.default.fileExists(atPath: old.output.snapshotPath))
    try old.prune([0, 1, 2, 3, 4])
    let files = try old.scratch.snapshot().filter { !$0.key.hasSuffix("names.key") }
    #expect(files.contains { $0.key.contains("history/days/") })
    for (name, bytes) in files {
      let text = String(decoding: bytes, as: UTF8.self)
      for person in ["ada@example.com", "Ada@Example.com", "jörg@example.com", "4915112345678", "\"contact\":\"42\""] {
        #expect(!text.contains(person), "\(name) has \(person)")
      }
    }
    let mode = try #require(
      try FileManager.default.attributesOfItem(atPath: old.output.nameKeyPath)[.posixPermissions] as? NSNumber)
    #expect(mode.intValue == 0o600)
    // A snapshot that a plan makes of what was kept has tokens as well, and is of use.
    _ = try HistoryReader.fold(old.output, try old.output.days(), keepsSnapshot: true, threshold: 0)
    let snapshot = String(decoding: try bytes(old.output.snapshotPath), as: UTF8.self)
    #expect(!snapshot.contains("ada@example.com") && snapshot.contains("hmac:"))
    expectSame(try old.known(), try Old(seed: 3).known(), "by way of a snapshot")
  }

  @Test func aServersWordsGoAndItsCodesStay() {
    for (said, kept) in [
      ("550 5.1.1 <ada@example.com>: no such user", "550 5.1.1"), ("550-5.1.1 The email account", "550 5.1.1"),
      ("550 ada is unknown", "550"), ("5.7.1 blocked", "5.7.1"), ("no such user ada", ""), ("", ""),
      ("550 551 x", "550"), ("1.2.3.4 said so", ""),
    ] {
      #expect(PrunedDayWriter.codes(said) == kept)
    }
  }

  /// Were each held against all the others, these would take a quarter of an hour.
  @Test(.timeLimit(.minutes(2))) func thousandsOfBouncesGetTheirNamesBackInOneWalk() throws {
    let scratch = try Scratch()
    let day = scratch.output.day(Sample.day)
    try day.create()
    let sends = (0..<20_000).map { Sample.send($0) }
    let writer = try ResultsWriter(path: day.resultsPath)
    for send in sends {
      let refused = Record.Result(outcome: .failed, reason: .rejected, response: "550 5.1.1 unknown", isBounce: true)
      writer.append(.outcome(Sample.attempt(send), refused))
    }
    try writer.close()
    try Pruning(of: [day]).carryOut(in: scratch.output, at: Sample.morning + .days(200), lock: { _ in })
    let project = Project(events: sends.map { Event(at: Sample.morning, type: .autoReply, contact: $0.contact) })
    let history = try HistoryReader.read(
      scratch.output, project: project, excluding: nil, at: Sample.morning + .days(400)
    ) { _ in false }
    #expect(history.bounces.map(\.contact) == sends.map(\.contact))
  }

  @Test func whatWasMailedToReviewersGoesWithItsDay() throws {
    let old = try Old(seed: 2)
    let day = old.output.day(Sample.day)
    try FileSystem.createFolder(day.reviewOutboxPath)
    try put("To: me@example.com", day.reviewOutboxPath + "/1.eml")
    try put("To: me@example.com", day.reviewPath)
    try old.prune([0])
    #expect(!FileSystem.exists(day.path))
  }

  @Test func withoutItsKeyWhatWasKeptIsNotGuessedAt() throws {
    let old = try Old(seed: 1)
    try old.prune([0])
    let key = try bytes(old.output.nameKeyPath)
    try put("nightmail-key 1 \(String(repeating: "0", count: 64))\n", old.output.nameKeyPath)
    let wrong = #expect(throws: JournalProblem.self) { try old.known() }
    #expect(wrong?.description.contains("is not the key of") == true)
    try FileManager.default.removeItem(atPath: old.output.nameKeyPath)
    let missing = #expect(throws: JournalProblem.self) { try old.known() }
    #expect(missing?.description.contains("restore it from a backup") == true)
    #expect(throws: JournalProblem.self) { try old.prune([1]) }
    try put(key, old.output.nameKeyPath)
    expectSame(try old.known(), try Old(seed: 1).known(), "with the key again")
  }

  @Test func resultsWrittenAfterAPruneCountBesideWhatWasKept() throws {
    let (old, whole) = (try Old(seed: 5), try Old(seed: 5))
    let more = old.random.records(30)
    try old.prune([4])
    for other in [old, whole] { try other.write(more, 4) }
    expectSame(try old.known(), try whole.known(), "sent on", sameDigest: false)
    try old.prune([4])
    expectSame(try old.known(), try whole.known(), "pruned twice", sameDigest: false)
    #expect(try old.output.days().count == 4)
  }
}
