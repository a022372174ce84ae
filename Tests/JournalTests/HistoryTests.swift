import Foundation
import Model
import Testing

@testable import Journal

private func write(_ records: [Record], _ path: String) throws {
  let writer = try ResultsWriter(path: path)
  for record in records { writer.append(record) }
  try writer.close()
}

private func read(
  _ scratch: Scratch, project: Project = Project(), excluding: CalendarDay? = nil, at: Instant = Sample.morning,
  needsApproval: Bool = true
) throws -> History {
  try HistoryReader.read(scratch.output, project: project, excluding: excluding, at: at) { _ in needsApproval }
}

@Test func resultsOfAllDaysAddUpInTheOrderOfTheDays() throws {
  let scratch = try Scratch()
  #expect(try read(scratch).sends.isEmpty)
  let send = Sample.send(1)
  let (first, second) = (scratch.output.day(Sample.day - 11), scratch.output.day(Sample.day))
  try first.create()
  try second.create()
  // Names sort as dates do; what is no date is no day.
  try FileSystem.createFolder(scratch.output.path + "/rehearsal/2026-11-19")
  try write([.outcome(Sample.attempt(send), .init(outcome: .sent))], second.resultsPath)
  let some = try read(scratch)
  try write(
    [.outcome(Sample.attempt(send), .init(outcome: .retry, retryAt: Sample.morning))],
    first.resultsPath(Shard(0, of: 2)))
  let history = try read(scratch)
  #expect(history.sends[send.id]?.state == .sent)
  #expect(history.digest != some.digest)
  #expect(try read(scratch).digest == history.digest)
}

@Test func damagedResultsOfAnyDayStopTheHistory() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day - 30)
  try day.create()
  try put("{\"nightmail_results\":1}\n{}\n", day.resultsPath)
  #expect(throws: JournalProblem.self) { try read(scratch) }
}

@Test func unsentApprovedLinesOfOtherDaysAreReserved() throws {
  let scratch = try Scratch()
  let tomorrow = Sample.day + 1
  let day = scratch.output.day(tomorrow)
  let sends = (1...7).map { Sample.send($0, on: tomorrow) }
  _ = try PlanFile.write(Sample.plan(sends, on: tomorrow), to: day)
  #expect(try read(scratch).reserved.isEmpty)
  #expect(try read(scratch, needsApproval: false).reserved.count == 7)

  let approved = sends[..<6].map { Approvals.Line(id: $0.id, digest: LineDigest.of($0)) }
  try Approvals.append(
    .init(by: "ada", at: Sample.morning, plan: "p", lines: 6, withdrawn: 0), lines: approved, to: day.approvalPath)
  let t = Sample.morning
  try write(
    [
      .outcome(Sample.attempt(sends[0]), .init(outcome: .sent)),
      .outcome(Sample.attempt(sends[1]), .init(outcome: .retry, retryAt: t)),
      .released(.init(sends[2], at: t), .mailboxLimit), .withdrawn(.init(sends[3], at: t)),
    ], day.resultsPath)
  let history = try read(scratch)
  #expect(Set(history.reserved.keys) == [sends[1].id, sends[4].id, sends[5].id])
  #expect(try read(scratch, excluding: tomorrow).reserved.isEmpty)
  #expect(try read(scratch, excluding: tomorrow).digest != history.digest)
  // An edited line cannot go out, so that it holds nothing.
  try put(try text(day.planPath).replacingOccurrences(of: "\"Hello 5\"", with: "\"Hi 5\""), day.planPath)
  #expect(Set(try read(scratch).reserved.keys) == [sends[1].id, sends[5].id])
  // Once its time has ended, nothing is held.
  #expect(try read(scratch, at: t + .hours(24 + 7)).reserved.count == 2)
  #expect(try read(scratch, at: t + .hours(24 + 8)).reserved.isEmpty)
  #expect(try read(scratch, at: t + .days(30)).reserved.isEmpty)
}

@Test func stepsCarriedOverAreKnownByTheContactsKeyAndAddress() throws {
  let scratch = try Scratch()
  let address = try #require(EmailAddress("Ada@example.com"))
  let place = Place("data/contacts.csv", line: 2)
  var project = Project(contacts: ContactTable(contacts: [Contact(key: "42", email: address, place: place)]))
  let campaign = Campaign(
    id: "welcome", audience: .contacts(.init(files: [])), mailboxes: .ids([]),
    steps: [Step(id: "intro", variants: [.init(id: "")])])
  project.campaigns = [campaign]
  project.events = [
    Event(at: Sample.morning, type: .sent, contact: "ada@example.com", campaign: "welcome", step: "intro"),
    Event(at: Sample.morning, type: .reply, contact: "ada@example.com"),
  ]
  let history = try read(scratch, project: project)
  let id = SendID(campaign: "welcome", step: "intro", contact: "42", channel: .email, key: "")
  #expect(history.sends.ids.map(\.text) == [id.text])
  #expect(history.sends(campaign: campaign, contact: "new-id", to: ["ada@example.com"]).first?.state == .sent)
}

@Test func aLockIsHeldByOneUntilItIsLetGo() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/lock"
  let lock = try Lock.acquire(path, purpose: "send", at: Sample.morning)
  let problem = #expect(throws: LockProblem.self) { try Lock.acquire(path, purpose: "plan", at: Sample.morning) }
  guard case .held(let held)? = problem else {
    Issue.record("\(String(describing: problem))")
    return
  }
  #expect(held.holder == .init(pid: Int(getpid()), purpose: "send", since: Sample.morning))
  #expect(held.description.contains("held by pid \(getpid()) (send, since 2026-11-20T08:00:00Z)"))
  lock.release()
  _ = try Lock.acquire(path, purpose: "plan", at: Sample.morning + .seconds(5))
  #expect(try text(path).contains("\"purpose\":\"plan\""))
  #expect(throws: LockProblem.self) { try Lock.acquire(scratch.path + "/none/lock", purpose: "x", at: Sample.morning) }
}

@Test func aLockDiesWithTheProcessThatHeldIt() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/lock"
  let holder = Process()
  holder.executableURL = URL(fileURLWithPath: "/usr/bin/flock")
  holder.arguments = ["--no-fork", path, "cat"]
  let (input, output) = (Pipe(), Pipe())
  holder.standardInput = input
  holder.standardOutput = output
  try holder.run()
  // cat answers once the lock is held.
  try input.fileHandleForWriting.write(contentsOf: Data("x".utf8))
  #expect(output.fileHandleForReading.availableData.count == 1)
  let problem = #expect(throws: LockProblem.self) { try Lock.acquire(path, purpose: "plan", at: Sample.morning) }
  #expect(problem == .held(LockHeld(path: path, holder: nil)))
  kill(holder.processIdentifier, SIGKILL)
  holder.waitUntilExit()
  #expect(throws: Never.self) { try Lock.acquire(path, purpose: "plan", at: Sample.morning) }
}

@Test func aHistoryIsNamedOnceAndMissedWhereItIsNot() throws {
  let scratch = try Scratch()
  let (project, output) = (scratch.path + "/project", scratch.output)
  func check() throws -> HistoryIdentity { try HistoryIdentity.check(project: project, output: output) }
  #expect(try check() == .none)
  let id = try HistoryIdentity.establish(project: project, output: output)
  #expect(try check() == .matches(id: id))
  #expect(try HistoryIdentity.establish(project: project, output: output) == id)
  let data = project + "/data/history.id"
  #expect(try text(data) == "nightmail-history 1 \(id)\n")

  // A fresh checkout without the file: written again from the twin.
  try FileManager.default.removeItem(atPath: data)
  #expect(try check() == .unrecorded(id: id))
  #expect(try HistoryIdentity.establish(project: project, output: output) == id)
  #expect(try check() == .matches(id: id))

  // Another machine's empty output.
  try FileManager.default.removeItem(atPath: output.historyIDPath)
  guard case .lost(let reason) = try check() else {
    Issue.record("a lost history was not noticed")
    return
  }
  #expect(reason.contains("--new-history") && reason.contains("--output"))
  #expect(throws: JournalProblem.self) { try HistoryIdentity.establish(project: project, output: output) }
  let renewed = try HistoryIdentity.renew(project: project, output: output)
  #expect(renewed != id)
  #expect(try check() == .matches(id: renewed))
  try put("nightmail-history 1 \(id)\n", output.historyIDPath)
  guard case .lost = try check() else {
    Issue.record("another history was taken for ours")
    return
  }
  try put("nightmail-history 1 \n", data)
  #expect(throws: JournalProblem.self) { try check() }
}

@Test func anAtomicWriteThatFailsLeavesWhatWasThereAndNothingElse() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/file"
  try AtomicFile.write(Array("old".utf8), to: path)
  let writer = try AtomicFileWriter(path: path)
  try writer.write([UInt8](repeating: 0x41, count: 1 << 20))
  writer.discard()
  #expect(throws: JournalProblem.stopped(path: path)) { try writer.commit() }
  #expect(try scratch.snapshot() == ["file": Array("old".utf8)])
  try FileManager.default.createDirectory(atPath: scratch.path + "/folder", withIntermediateDirectories: false)
  #expect(throws: JournalProblem.system(.rename, path: scratch.path + "/folder", code: EISDIR)) {
    try AtomicFile.write([0x41], to: scratch.path + "/folder")
  }
  #expect(throws: JournalProblem.self) { try AtomicFile.write([0x41], to: scratch.path + "/none/file") }
  #expect(try scratch.snapshot().keys.sorted() == ["file"])
}

@Test func linesLongerThanABufferAreReadWhole() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/lines"
  let lengths = [0, 1, 300_000, (1 << 18) - 1, 1 << 18, 700_000, 5]
  try put(lengths.map { String(repeating: "x", count: $0) + "\n" }.joined() + "tail", path)
  var reader = try LineReader(path)
  var found: [Int] = []
  while let line = try reader.next() {
    found.append(line.bytes.count)
    #expect(line.number == found.count)
    #expect(line.isEnded == (found.count <= lengths.count))
  }
  #expect(found == lengths + [4])
}
