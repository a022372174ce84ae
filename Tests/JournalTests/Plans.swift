import Foundation
import Model
import Testing

@testable import Journal

@Test func theSameBytesChangeNothingAndAnotherPlanKeepsTheOldOne() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  let first = Sample.plan([Sample.send(1), Sample.send(2)])
  #expect(try PlanFile.write(first, to: day) == .written(previous: nil))
  let before = try scratch.snapshot()
  #expect(try PlanFile.write(first, to: day) == .unchanged)
  #expect(try scratch.snapshot() == before)
  #expect(
    try PlanFile.write(Sample.plan([Sample.send(1)], history: "sha256:01"), to: day)
      == .written(previous: "plan.1.jsonl"))
  #expect(try PlanFile.write(first, to: day) == .written(previous: "plan.2.jsonl"))
  #expect(try PlanFile.read(day.path + "/plan.1.jsonl").sends.count == 2)
  #expect(try PlanFile.read(day.path + "/plan.2.jsonl").sends.count == 1)
  #expect(try day.planPaths().map { FileSystem.name(of: $0) } == ["plan.jsonl", "plan.2.jsonl", "plan.1.jsonl"])
}

@Test func filesAreTheOwnersAloneAndNothingTemporaryIsLeft() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  let input = Array("subject: Hello\n".utf8)
  _ = try PlanFile.write(Sample.plan([Sample.send(1)]), to: day, copies: [(Hex.digest(input), input)])
  for path in [day.planPath, day.linesPath, day.skippedPath, try #require(day.inputPath(digest: Hex.digest(input)))] {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    #expect(attributes[.posixPermissions] as? Int == 0o600)
  }
  let folder = try FileManager.default.attributesOfItem(atPath: day.path)
  #expect(folder[.posixPermissions] as? Int == 0o700)
  #expect(try scratch.snapshot().keys.filter { $0.contains(".tmp") } == [])
  #expect(throws: JournalProblem.self) {
    try PlanFile.write(Sample.plan([]), to: day, copies: [("sha256:../../x", input)])
  }
}

/// What is left behind when writing is cut off after any of its stages.
@Test func aCrashBetweenTheFilesOfAPlanLeavesNothingThatCountsAsPlannedOrWithdrawnByMistake() throws {
  struct Crash: Error {}
  let old = Sample.plan([Sample.send(1), Sample.send(2), Sample.send(3)])
  let new = Sample.plan([Sample.send(2), Sample.send(4)], history: "sha256:01")
  for stage in PlanFile.Stage.allCases {
    let scratch = try Scratch()
    let day = scratch.output.day(Sample.day)
    _ = try PlanFile.write(old, to: day)
    #expect(throws: JournalProblem.stopped(path: "crash")) {
      try PlanFile.write(new, to: day, copies: []) { (reached) throws(JournalProblem) in
        if reached == stage { throw .stopped(path: "crash") }
      }
    }
    let stored = try PlanFile.read(day.planPath)
    switch stage {
    case .inputs, .previous, .skipped:
      let decision = ApprovalDecision.decide(
        planned: try PlannedLines.read(planPath: day.planPath, header: stored.header), current: stored)
      #expect(decision.approved.count == 3 && decision.withdrawn.isEmpty && decision.refused.isEmpty)
    case .lines:
      // The old plan beside the new list: held as a whole.
      #expect(throws: JournalProblem.interrupted(path: day.planPath)) {
        try PlannedLines.read(planPath: day.planPath, header: stored.header)
      }
    case .plan:
      let decision = ApprovalDecision.decide(
        planned: try PlannedLines.read(planPath: day.planPath, header: stored.header), current: stored)
      #expect(decision.approved.map(\.id) == new.sends.map(\.id) && decision.withdrawn.isEmpty)
    }
    // Planning again finishes the work, and keeps the old plan once.
    _ = try PlanFile.write(new, to: day)
    #expect(try PlanFile.read(day.planPath).sends == new.sends)
    #expect(try PlannedLines.read(planPath: day.planPath, header: new.header).lines.count == 2)
    #expect(try day.planPaths().count == 2)
  }
}

@Test func approvingKnowsDeletedChangedAndAddedLines() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  _ = try PlanFile.write(Sample.plan((1...5).map { Sample.send($0) }), to: day)
  var lines = try text(day.planPath).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  // Deleted: 1. Changed: 2's recipient, 3's open time. Added: 9. As it was but for white space and line ends: 4, 5.
  lines[2] = lines[2].replacingOccurrences(of: "\"to\":\"c2@", with: "\"to\":\"evil@")
  lines[3] = lines[3].replacingOccurrences(of: "T17:00:00", with: "T23:00:00")
  lines[4] = lines[4].replacingOccurrences(of: "\",\"", with: "\" , \"") + "\r"
  var added: [UInt8] = []
  PlanCodec.encode(Sample.send(9), zone: Sample.berlin, to: &added)
  lines[6] = String(decoding: added, as: UTF8.self)
  lines[1] = ""
  try put(lines.joined(separator: "\n"), day.planPath)

  let stored = try PlanFile.read(day.planPath)
  let planned = try PlannedLines.read(planPath: day.planPath, header: stored.header)
  let decision = ApprovalDecision.decide(planned: planned, current: stored)
  #expect(decision.approved.map(\.id) == [Sample.send(4).id, Sample.send(5).id])
  #expect(decision.withdrawn.map(\.id) == [Sample.send(1).id])
  #expect(
    decision.refused == [
      .init(id: Sample.send(2).id, line: 3, cause: .changed), .init(id: Sample.send(3).id, line: 4, cause: .changed),
      .init(id: Sample.send(9).id, line: 7, cause: .added),
    ])
  let strange = Sample.send(77).id
  let without = ApprovalDecision.decide(
    planned: planned, current: stored, without: [Sample.send(2).id, Sample.send(4).id, strange])
  #expect(without.withdrawn.map(\.id) == [1, 2, 4].map { Sample.send($0).id })
  #expect(without.approved.map(\.id) == [Sample.send(5).id])
  #expect(without.unknown == [strange])
  #expect(
    without.records(at: Sample.morning, by: "ada").first
      == .withdrawn(Record.Note(Sample.send(1), at: Sample.morning, by: "ada")))
}

@Test func anApprovalHoldsOverAReplanThatMovesTheSendAndOverNothingElse() {
  let send = Sample.send(1)
  var moved = send
  moved.sendAt += .hours(3)
  moved.open = IntervalSet([Interval(Sample.morning + .hours(2), Sample.morning + .hours(9))])
  moved.expiresAt = Sample.morning
  #expect(LineDigest.of(moved) == LineDigest.of(send))
  #expect(LineDigest.of(send, content: "sha256:aa") != LineDigest.of(send, content: "sha256:bb"))
  #expect(LineDigest.whole(moved) != LineDigest.whole(send))
  var digests: Set<String> = [LineDigest.of(send)]
  let changes: [(inout PlannedSend) -> Void] = [
    { $0.to = "x@example.com" }, { $0.subject = "Hi" }, { $0.vars["first_name"] = "X" }, { $0.mailbox = "bob" },
    { $0.text = "t" }, { $0.html = "t" }, { $0.variant = nil }, { $0.name = "N" },
    { $0.thread = .init(references: ["<a@b>"], subject: "s") }, { $0.batch = "b" }, { $0.key = "b" },
    { $0.channel = .sms }, { $0.contact = "x" }, { $0.step = "x" }, { $0.campaign = "x" },
  ]
  for change in changes {
    var other = send
    change(&other)
    #expect(digests.insert(LineDigest.of(other)).inserted)
  }
}

@Test(arguments: [
  ("\"step\":\"intro\"", "\"stepp\":\"intro\"", "stepp"), ("\"channel\":\"email\"", "\"channel\":\"emial\"", "email"),
  ("\"vars\":{", "\"vars\":[", "byte"), ("\"mailbox\":\"anna\"", "\"mailbox\":7", "mailbox"),
  ("\"send_at\":\"2026-11-20T09:01:30+01:00\"", "\"send_at\":\"2026-11-20T09:01:30\"", "send_at"),
  ("\"to\":\"c1@example.com\",", "", "to"), ("T17:00:00", "T07:00:00", "open"),
])
func aBrokenLineOfAPlanIsRefusedWithItsLine(_ old: String, _ new: String, _ hint: String) throws {
  let scratch = try Scratch()
  let path = scratch.path + "/plan.jsonl"
  try PlanFile.write(Sample.plan([Sample.send(0), Sample.send(1)]), toFile: path)
  var lines = try text(path).split(separator: "\n").map(String.init)
  #expect(lines[2].contains(old))
  lines[2] = lines[2].replacingOccurrences(of: old, with: new)
  try put(lines.joined(separator: "\n"), path)
  let problem = #expect(throws: JournalProblem.self) { try PlanFile.read(path) }
  #expect(problem?.description.contains("plan.jsonl:3: ") == true)
  #expect(problem?.description.contains(hint) == true, "\(problem?.description ?? "")")
}

@Test func anIdThatStandsTwiceIsRefusedWithBothLines() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/plan.jsonl"
  try PlanFile.write(Sample.plan([Sample.send(0), Sample.send(1), Sample.send(0)]), toFile: path)
  let problem = #expect(throws: JournalProblem.self) { try PlanFile.read(path) }
  #expect(problem?.description.hasSuffix("plan.jsonl:4: the id \(Sample.send(0).id) stands on line 2 already") == true)
  #expect(throws: JournalProblem.missing(path: path + "x")) { try PlanFile.read(path + "x") }
  try put("", path)
  #expect(throws: JournalProblem.self) { try PlanFile.read(path) }
}

@Test func headersKeepSeedsOf64BitsAndRefuseTotalsThatDoNotAddUp() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/plan.jsonl"
  for seed in [0, 7, UInt64(Int64.max), UInt64(Int64.max) + 1, UInt64.max] {
    var plan = Sample.plan([])
    plan.header.seed = seed
    try PlanFile.write(plan, toFile: path)
    #expect(try PlanFile.header(path).seed == seed)
  }
  try put(try text(path).replacingOccurrences(of: "\"due\":16,\"planned\"", with: "\"due\":17,\"planned\""), path)
  #expect(throws: JournalProblem.self) { try PlanFile.header(path) }
}
