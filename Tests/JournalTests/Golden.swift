import Foundation
import Model
import Testing

@testable import Journal

/// Samples of every version ever written; `NIGHTMAIL_RECORD=1` writes the current one again, and fails.
private func compare(_ name: String, _ bytes: [UInt8]) throws {
  let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Samples/" + name
  if ProcessInfo.processInfo.environment["NIGHTMAIL_RECORD"] == "1" {
    try put(bytes, path)
    Issue.record("recorded \(name); run again without NIGHTMAIL_RECORD")
  }
  #expect(try text(path) == String(decoding: bytes, as: UTF8.self))
}

func sample(_ name: String) -> String {
  URL(fileURLWithPath: #filePath).deletingLastPathComponent().path + "/Samples/" + name
}

private let sends = [Sample.send(1), Sample.send(2), Sample.fullSend]

@Test func plansAreWrittenAsVersion1AndReadBackWhole() throws {
  let scratch = try Scratch()
  var plan = Sample.plan(sends)
  plan.header.broken = ["old"]
  let day = scratch.output.day(Sample.day)
  #expect(try PlanFile.write(plan, to: day) == .written(previous: nil))
  try compare("plan.1.jsonl", try bytes(day.planPath))
  try compare("lines.2.lines", try bytes(day.linesPath))
  try compare("skipped.1.jsonl", try bytes(day.skippedPath))
  let stored = try PlanFile.read(sample("plan.1.jsonl"))
  #expect(stored.header == plan.header)
  #expect(stored.sends == plan.sends)
  #expect(stored.lines == [2, 3, 4])
  #expect(stored.digest == Hex.digest(try bytes(day.planPath)))
  #expect(try SkippedFile.read(sample("skipped.1.jsonl")) == plan.skipped)
}

@Test func resultsAreWrittenAsVersion1AndReadBackWhole() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/results.jsonl"
  let writer = try ResultsWriter(path: path)
  for record in Sample.records { writer.append(record) }
  try writer.close()
  try compare("results.1.jsonl", try bytes(path))
  #expect(try ResultsReader.all(sample("results.1.jsonl")) == Sample.records)
}

@Test func approvalsAreWrittenAsVersion1AndReadBackWhole() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/approval.jsonl"
  let ada = Approvals.Entry(by: "Ada \"A\"", at: Sample.morning, plan: "sha256:cc", lines: 2, withdrawn: 1)
  let bob = Approvals.Entry(by: "bob", at: Sample.morning + .hours(1), plan: "sha256:dd", lines: 1, withdrawn: 0)
  func line(_ send: PlannedSend) -> Approvals.Line { .init(id: send.id, digest: LineDigest.of(send)) }
  try Approvals.append(ada, lines: [line(sends[0]), line(sends[1])], to: path)
  try Approvals.append(bob, lines: [line(sends[2])], to: path)
  try compare("approval.1.jsonl", try bytes(path))
  let read = try Approvals.read(sample("approval.1.jsonl"))
  #expect(read.entries == [ada, bob])
  #expect(read.approvers == ["Ada \"A\"", "bob"])
  #expect(sends.allSatisfy { read.isApproved($0) })
}

@Test func deadLettersAreWrittenAsVersion1AndReadBackWhole() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/dead-letters.jsonl"
  var fold = DeadLetters()
  for record in Sample.records[..<9] { fold.apply(record) }
  let lines = Dictionary(sends.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
  let letters = fold.derive(lines: lines)
  #expect(letters.map(\.reason) == [.expired, .inDoubt] || letters.map(\.reason) == [.inDoubt, .expired])
  try DeadLetters.write(letters, zone: Sample.berlin, to: path)
  try compare("dead-letters.1.jsonl", try bytes(path))
  #expect(try DeadLetters.readFile(sample("dead-letters.1.jsonl")) == letters)
}

@Test func aLaterVersionIsRefusedByName() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/file"
  try put("{\"nightmail_plan\":2}\n", path)
  #expect(throws: JournalProblem.version(path: path, found: 2)) { try PlanFile.read(path) }
  try put("{\"nightmail_results\":2}\n", path)
  #expect(throws: JournalProblem.version(path: path, found: 2)) { try ResultsReader.all(path) }
  try put("{\"nightmail_approval\":9}\n", path)
  #expect(throws: JournalProblem.version(path: path, found: 9)) { try Approvals.read(path) }
  try put("{\"nightmail_dead_letters\":3}\n", path)
  #expect(throws: JournalProblem.version(path: path, found: 3)) { try DeadLetters.readFile(path) }
  try put("{\"nightmail_skipped\":0}\n", path)
  #expect(throws: JournalProblem.version(path: path, found: 0)) { try SkippedFile.read(path) }
}
