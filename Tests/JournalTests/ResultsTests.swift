import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

private func write(_ records: [Record], _ path: String) throws {
  let writer = try ResultsWriter(path: path)
  for record in records { writer.append(record) }
  try writer.close()
}

/// Power may go at any byte of what was being written.
@Test func aFileCutAtAnyByteKeepsEveryWholeRecordAndTakesNewOnes() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/results.jsonl"
  let records = Array(Sample.records[3...4])
  try write(records, path)
  let whole = try bytes(path)
  let ends = whole.indices.filter { whole[$0] == 0x0A }
  let next = Sample.records[11]
  for cut in ends[0] + 1...whole.count {
    try put(Array(whole[..<cut]), path)
    // Of the lines that are whole, the first is the header.
    let kept = ends.filter { $0 < cut }.count - 1
    #expect(try ResultsReader.all(path) == Array(records[..<kept]), "cut at \(cut)")
    let writer = try ResultsWriter(path: path)
    #expect(writer.cut == cut - (ends[kept] + 1))
    writer.append(next)
    try writer.close()
    #expect(try ResultsReader.all(path) == Array(records[..<kept]) + [next], "cut at \(cut)")
  }
  // The header too.
  for cut in 0...ends[0] {
    try put(Array(whole[..<cut]), path)
    #expect(try ResultsReader.all(path) == [])
    try write([next], path)
    #expect(try ResultsReader.all(path) == [next])
  }
}

@Test func damageBeforeTheLastLineIsRefusedWithItsLineByReaderAndWriter() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/results.jsonl"
  try write(Sample.records, path)
  let lines = try text(path).split(separator: "\n").map(String.init)
  let damages: [(Int, String)] = [
    (3, ""), (3, "{\"kind\":\"intent\""), (4, "{}"), (4, "{\"kind\":\"sent\"}"), (lines.count, "\u{0}\u{0}"),
    (5, lines[4] + "x"), (2, lines[1].replacingOccurrences(of: "\"host\"", with: "\"hosts\"")),
  ]
  for (line, damage) in damages {
    var broken = lines
    broken[line - 1] = damage
    try put(broken.joined(separator: "\n") + "\n", path)
    let before = try bytes(path)
    for read in [{ _ = try ResultsReader.all(path) }, { _ = try ResultsWriter(path: path) }] {
      let problem = #expect(throws: JournalProblem.self) { try read() }
      guard case .damaged(_, line, _)? = problem else {
        Issue.record("line \(line): \(String(describing: problem))")
        continue
      }
    }
    #expect(try bytes(path) == before)
  }
}

@Test func nothingIsOnDiskBeforeCommitAndEverythingAfterIt() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/results.jsonl"
  let writer = try ResultsWriter(path: path)
  writer.append(Sample.records[1])
  #expect(try ResultsReader.all(path) == [])
  try writer.commit()
  #expect(try ResultsReader.all(path) == [Sample.records[1]])
  try writer.commit()
  writer.append(Sample.records[2])
  try writer.close()
  #expect(try ResultsReader.all(path) == Array(Sample.records[1...2]))
}

@Test func afterAFailedCommitTheWriterRefusesToGoOn() throws {
  let writer = ResultsWriter(AppendFile(try Descriptor("/dev/full", flags: O_WRONLY)))
  writer.append(Sample.records[1])
  let problem = #expect(throws: JournalProblem.self) { try writer.commit() }
  #expect(problem == .system(.write, path: "/dev/full", code: ENOSPC))
  #expect(problem?.retryHelps == true)
  #expect(problem?.description.contains("make room on the disk") == true)
  #expect(writer.isStopped)
  writer.append(Sample.records[2])
  #expect(throws: JournalProblem.stopped(path: "/dev/full")) { try writer.commit() }
}

@Test func shardsOfADayAreReadTogetherByTime() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  try day.create()
  let (a, b) = (Sample.send(1), Sample.send(2))
  let t = Sample.morning
  func intent(_ send: PlannedSend, _ seconds: Int64) -> Record {
    .intent(Sample.attempt(send, at: t + .seconds(seconds)))
  }
  func requeued(_ send: PlannedSend, _ seconds: Int64) -> Record { .requeued(.init(send, at: t + .seconds(seconds))) }
  try write([requeued(a, 30), requeued(b, 40)], day.resultsPath)
  try write([intent(a, 10), intent(a, 50)], day.resultsPath(Shard(0, of: 2)))
  try write([intent(b, 20), intent(b, 35)], day.resultsPath(Shard(1, of: 2)))
  var read: [Record] = []
  try ResultsReader.forEach(in: day) { read.append($0) }
  #expect(
    read == [
      intent(a, 10), intent(b, 20), requeued(a, 30), intent(b, 35), requeued(b, 40), intent(a, 50),
    ])
}

@Test func deadLettersFollowTheLastWordAndCountAnIntentAloneAsInDoubt() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  let sends = (1...5).map { Sample.send($0) }
  _ = try PlanFile.write(Sample.plan(sends), to: day)
  // Line 1 is only in the plan that was replaced.
  _ = try PlanFile.write(Sample.plan(Array(sends[1...]), history: "sha256:01"), to: day)
  func outcome(_ n: Int, _ result: Record.Result) -> [Record] {
    [.intent(Sample.attempt(sends[n])), .outcome(Sample.attempt(sends[n], at: Sample.morning + .seconds(2)), result)]
  }
  try write(
    outcome(0, .init(outcome: .failed, reason: .rejected)) + outcome(1, .init(outcome: .sent))
      + outcome(2, .init(outcome: .failed, reason: .gaveUp)) + outcome(4, .init(outcome: .inDoubt))
      + [.requeued(.init(sends[2], at: Sample.morning)), .intent(Sample.attempt(sends[3]))], day.resultsPath)
  let letters = try DeadLetters.rebuild(day, zone: Sample.berlin)
  #expect(Set(letters.map(\.id)) == [sends[0].id, sends[3].id, sends[4].id])
  #expect(letters.first { $0.id == sends[0].id }?.send == sends[0])
  #expect(letters.first { $0.id == sends[0].id }?.reason == .rejected)
  #expect(letters.first { $0.id == sends[3].id }?.reason == .inDoubt)
  #expect(letters.first { $0.id == sends[3].id }?.last == .intent(Sample.attempt(sends[3])))
  #expect(try DeadLetters.readFile(day.deadLettersPath) == letters)
  #expect(try DeadLetters.read(day, runIsLive: true).count == 2)
  let before = try bytes(day.deadLettersPath)
  try FileManager.default.removeItem(atPath: day.deadLettersPath)
  try DeadLetters.rebuild(day, zone: Sample.berlin)
  #expect(try bytes(day.deadLettersPath) == before)
}

@Test func approvalsOutliveATornTailAndRefuseOtherDamage() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/approval.jsonl"
  let entry = Approvals.Entry(by: "ada", at: Sample.morning, plan: "sha256:cc", lines: 2, withdrawn: 0)
  let lines = (1...2).map { Approvals.Line(id: Sample.send($0).id, digest: LineDigest.of(Sample.send($0))) }
  try Approvals.append(entry, lines: lines, to: path)
  let whole = try bytes(path)
  let ends = whole.indices.filter { whole[$0] == 0x0A }
  for cut in stride(from: ends[1] + 1, through: whole.count, by: 1) {
    try put(Array(whole[..<cut]), path)
    let read = try Approvals.read(path)
    #expect(read.isApproved(Sample.send(1)) == (cut > ends[2]), "cut at \(cut)")
    #expect(read.isApproved(Sample.send(2)) == (cut > ends[3]), "cut at \(cut)")
    try Approvals.append(entry, lines: [lines[1]], to: path)
    #expect(try Approvals.read(path).isApproved(Sample.send(2)))
    #expect(try Approvals.read(path).entries.count == 2)
  }
  try put(try text(path).replacingOccurrences(of: "\"kind\":\"line\"", with: "\"kind\":\"lime\""), path)
  #expect(throws: JournalProblem.self) { try Approvals.read(path) }
  #expect(throws: JournalProblem.self) { try Approvals.append(entry, lines: lines, to: path) }
  #expect(try !Approvals.read(scratch.path + "/none").isApproved(Sample.send(1)))
}

@Test func anyBytesAreReadOrRefusedByEveryReader() throws {
  let seed: UInt64 = 11
  var random = Dice(seed)
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  _ = try PlanFile.write(Sample.plan([Sample.send(1), Sample.fullSend]), to: day)
  try write(Sample.records, day.resultsPath)
  try Approvals.append(
    .init(by: "a", at: Sample.morning, plan: "p", lines: 1, withdrawn: 0),
    lines: [.init(id: Sample.send(1).id, digest: "x")], to: day.approvalPath)
  try DeadLetters.rebuild(day, zone: Sample.berlin)
  let header = try PlanFile.header(day.planPath)
  let readers: [(String, (String) throws -> Void)] = [
    (day.planPath, { _ = try PlanFile.read($0) }), (day.resultsPath, { _ = try ResultsReader.all($0) }),
    (day.approvalPath, { _ = try Approvals.read($0) }), (day.deadLettersPath, { _ = try DeadLetters.readFile($0) }),
    (day.skippedPath, { _ = try SkippedFile.read($0) }),
    (day.linesPath, { _ = try PlannedLines.read(planPath: FileSystem.folder(of: $0) + "/plan.jsonl", header: header) }),
  ]
  var refused = 0
  for (path, read) in readers {
    let good = try bytes(path)
    for _ in 0..<80 {
      var bad = good
      for _ in 0..<Int.random(in: 1...3, using: &random) where !bad.isEmpty {
        let at = Int.random(in: 0..<bad.count, using: &random)
        switch Int.random(in: 0...3, using: &random) {
        case 0: bad[at] = UInt8.random(in: 0...255, using: &random)
        case 1: bad.remove(at: at)
        case 2: bad.insert(Array("{}[]\",:0\n\\-".utf8)[Int.random(in: 0...10, using: &random)], at: at)
        default: bad.removeSubrange(at..<min(bad.count, at + Int.random(in: 0...80, using: &random)))
        }
      }
      try put(bad, path)
      do { try read(path) } catch let problem as JournalProblem {
        refused += 1
        #expect(problem.path == path || problem.path == day.planPath, "seed \(seed): \(problem)")
      } catch {
        Issue.record("\(path): \(error), seed \(seed)")
      }
    }
    try put(good, path)
  }
  #expect(refused > 150)
}
