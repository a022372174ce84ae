import Foundation
import Model
import TestSupport
import Testing

/// Campaign `activation`: a code counts as active once its message was accepted, and exactly once.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ActivationCampaignTests {
  private let today = ActivationStage.today

  @Test func eachAcceptedCodeHasItsRowAndNoOtherHas() throws {
    // One that is to be tried again, and one that nobody has.
    let later = SMTPScript.Attempt(rcpt: "451 4.3.0 Try again later", data: "503 5.5.1 No recipient")
    let nobody = SMTPScript.Attempt(rcpt: "550 5.1.1 No such person", data: "503 5.5.1 No recipient")
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [SMTPScript.Attempt(), later, nobody]))
    let stage = try ActivationStage(5, relay: ActivationStage.smtp(server.port))
    let day = "output/rehearsal/\(Daytime.today)"
    let first = try stage.run(["run", "--rehearse"])
    #expect(first.status == 3, "\(first.out)\(first.error)")
    #expect(server.messages.count == 4 && Set(server.takenIDs).count == 4)
    try stage.expectRows(for: server.takenIDs, on: day, "four of five")
    for message in server.messages {
      let code = try #require(message.to.first.flatMap { stage.codes[$0] }?.code)
      #expect(message.text.contains("Subject: \(code) is your Northwind Homes code"))
      #expect(!message.text.contains("List-Unsubscribe"), "somebody asked for it")
    }
    let letters = try stage.letters("--rehearse")
    #expect(letters.map { $0["reason"]?.string } == ["rejected"])
    #expect(letters.first?["response"]?.string?.contains("No such person") == true)
    // Nothing is due any more, and the file stays as it is.
    let before = try stage.project.folder.read("\(day)/activated.csv")
    let again = try stage.run(["run", "--rehearse", "--json"])
    #expect(again.status == 0 && server.messages.count == 4, "\(again.out)\(again.error)")
    #expect(try stage.project.folder.read("\(day)/activated.csv") == before)
  }

  @Test func aProgramThatWaitsForTheRowSeesItWhileTheRunGoesOn() throws {
    // The second code's answer never comes.
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(), .init(message: .silence)]))
    let stage = try ActivationStage(
      3, relay: ActivationStage.smtp(server.port).replacing("timeout: 10s", with: "timeout: 5m"))
    let file = "\(today)/activated.csv"
    let waiting = try RunningProgram(
      "sh", ["-c", "until [ \"$(wc -l 2>/dev/null <\(file))\" -ge 2 ]; do sleep 0.05; done; cat \(file)"],
      folder: stage.project.path, environment: Program.environment)
    defer { waiting.stop() }
    let run = try stage.project.start("run")
    defer { run.stop() }
    #expect(waiting.wait(seconds: 60) == 0, "\(waiting.output) \(run.output)")
    #expect(run.isRunning, "\(run.output)")
    let first = try #require(server.takenIDs.first)
    #expect(waiting.output.contains(",\(first)\n"), "\(waiting.output)")
    #expect(try stage.activated().map(\.id) == [first])
    try wait(30) { server.takenIDs.count == 2 || !run.isRunning }
    run.stop()
    // The second has no row for as long as nobody knows of it.
    let next = try stage.run(["send"])
    #expect(next.status == 3, "\(next.out)\(next.error)")
    let taken = server.takenIDs
    #expect(taken.count == 3)
    try stage.expectRows(for: [taken[0], taken[2]], "one in doubt")
    #expect(try stage.letters().map { $0["id"]?.string } == [taken[1]])
    #expect(try stage.run(["dead-letters", "mark-sent", taken[1]]).status == 0)
    try stage.expectRows(for: taken, "settled")
  }

  /// Killed at calls that change the results or the rows, of a run against a server that logs what it accepts, closes
  /// the connection in place of some answers and refuses others. With NIGHTMAIL_LONG=1 at each of them.
  @Test(.enabled(if: DiskFaults.isThere, "\(DiskFaults.needs)"))
  func killedBetweenAcceptanceAndRecordEachAcceptedCodeHasItsOneRow() throws {
    let stage = try ActivationStage(6)
    try stage.project.nightmail(expecting: 0, "plan")
    let names = Array(stage.codes.keys)
    func manners(_ seed: UInt64) -> RecordingServer.Manners {
      RecordingServer.Manners(seed: seed, latency: 1, dropsOneIn: 4, refusesOneIn: 5)
    }
    let seed = try #require(
      (UInt64(0)..<10_000).first { seed in
        let fates = names.map { manners(seed).fate($0) }
        return fates.count { $0 == .accept } == 4 && fates.contains(.drop)
      })
    let kept = try TemporaryFolder()
    let files = FileManager.default
    try files.copyItem(atPath: stage.project.folder.file("output"), toPath: kept.file("output"))
    func begin() throws -> RecordingServer {
      try? files.removeItem(atPath: stage.project.folder.file("data/history.id"))
      try? files.removeItem(atPath: kept.file("log"))
      try files.removeItem(atPath: stage.project.folder.file("output"))
      try files.copyItem(atPath: kept.file("output"), toPath: stage.project.folder.file("output"))
      let server = try RecordingServer(.smtp, manners(seed))
      try stage.setRelay(ActivationStage.smtp(server.port))
      return server
    }
    func send(_ kind: DiskFaults.Kind, at: Int) throws -> Shell.Output {
      try stage.run(
        ["send"], environment: DiskFaults.environment(kind, at: at, in: stage.project, log: kept.file("log")))
    }
    // Which calls there are: a run that nothing happens to.
    var server = try begin()
    #expect(try send(.killAmid, at: 100_000).status == 3)
    server.stop()
    var (calls, rows): ([Int], [Int]) = ([], [])
    for line in try kept.read("log").split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 3)
      guard words.count == 4, let number = Int(words[0]) else { continue }
      let isRow = words[1] == "write" && words[3].hasSuffix("activated.csv")
      if isRow { rows.append(number) }
      if isRow || words[3].hasSuffix("results.jsonl") { calls.append(number) }
    }
    #expect(calls.count > 15 && rows.count > 2, "\(calls) \(rows)")
    let step = RecordedKillTests.isLong ? 1 : max(1, calls.count / 5)
    let kinds: [DiskFaults.Kind] = [.killAmid, .killAfter, .killBefore]
    let some = stride(from: 0, to: calls.count, by: step).map { calls[$0] }.enumerated().flatMap { number, at in
      (RecordedKillTests.isLong ? kinds : [kinds[number % 3]]).map { (at: at, kind: $0) }
    }
    var (kills, inDoubt, marked) = (0, 0, 0)
    // And right after rows: none of them is ever taken back.
    for (at, kind) in some + rows.suffix(3).map({ ($0, .killAfter) }) {
      server = try begin()
      let note: Comment = "\(kind) at \(at)"
      let run = try send(kind, at: at)
      guard run.status == 9 else { continue }
      kills += 1
      try wait(30) { server.openConnections == 0 }
      let early = try stage.activated()
      #expect(Set(early.map(\.id)).isSubset(of: server.accepted), "\(note): a row, and the server has it not")
      #expect(Set(early).count == early.count, "\(note): a row twice")
      let last = try stage.run(["send"])
      #expect([0, 3].contains(last.status), "\(note): \(last.out)\(last.error)")
      try wait(30) { server.openConnections == 0 }
      #expect(try Set(early).isSubset(of: stage.activated()), "\(note): a row was taken back")
      // A person settles what is in doubt by the server's own log.
      let doubtful = try stage.letters("--reason", "in-doubt").compactMap { $0["id"]?.string }
      inDoubt += doubtful.count
      let arrived = doubtful.filter(server.accepted.contains)
      marked += arrived.count
      if !arrived.isEmpty { #expect(try stage.run(["dead-letters", "mark-sent"] + arrived).status == 0, note) }
      let others = doubtful.filter { !arrived.contains($0) }
      if !others.isEmpty {
        #expect(try stage.run(["dead-letters", "retry"] + others).status == 0, note)
        let retried = try stage.run(["run"])
        #expect([0, 3].contains(retried.status), "\(note): \(retried.out)\(retried.error)")
        try wait(30) { server.openConnections == 0 }
        // One whose answers are always lost is in doubt again.
        let again = try stage.letters("--reason", "in-doubt").compactMap { $0["id"]?.string }
        if !again.isEmpty { #expect(try stage.run(["dead-letters", "mark-sent"] + again).status == 0, note) }
      }
      let accepted = server.accepted
      #expect(Set(accepted).count == accepted.count, "\(note): accepted twice")
      let wanted = names.filter { [.accept, .drop].contains(server.manners.fate($0)) }
      #expect(accepted.count == wanted.count, "\(note): \(accepted.count) of \(wanted.count) accepted")
      try stage.expectRows(for: accepted, note)
      server.stop()
    }
    print("activation: \(kills) kills, \(inDoubt) in doubt, \(marked) of them accepted")
    #expect(kills >= 5 && inDoubt > kills / 2 && marked > 0)
  }

  @Test(arguments: ["--inject-failures", "NIGHTMAIL_FORCE_FAIL"])
  func aForcedFailureSendsAllToTheDeadLettersAndRetryDeliversAndActivates(how: String) throws {
    let server = try ScriptedSMTPServer()
    let stage = try ActivationStage(relay: ActivationStage.smtp(server.port))
    let isOption = how.hasPrefix("--")
    let failed = try stage.run(
      ["run"] + (isOption ? [how, "1:permanent"] : []), environment: isOption ? [:] : [how: "1"])
    #expect(failed.status == 3 && failed.out.contains("3 dead (rejected 3)"), "\(failed.out)\(failed.error)")
    #expect(failed.error.contains(how), "\(failed.error)")
    #expect(server.messages.isEmpty)
    #expect(try stage.activated().isEmpty && stage.project.folder.exists("\(today)/activated.csv"))
    let list = try stage.project.nightmail(expecting: 0, "dead-letters", "list")
    for address in stage.codes.keys {
      let line = list.split(separator: "\n").first { $0.contains(address) } ?? ""
      #expect(line.contains("rejected") && line.contains("activation") && line.contains("injected"), "\(list)")
    }
    // By itself it is never tried again; a person's word makes it due.
    let quiet = try stage.run(["run"])
    #expect(quiet.status == 0 && server.messages.isEmpty, "\(quiet.out)\(quiet.error)")
    let settled = try stage.project.nightmail(expecting: 0, "dead-letters", "retry", "--all")
    #expect(settled.contains("3 sends made due again."))
    try stage.project.nightmail(expecting: 0, "run")
    #expect(Set(server.messages.flatMap(\.to)) == Set(stage.codes.keys) && server.messages.count == 3)
    try stage.expectRows(for: server.takenIDs, "retried")
    #expect(try stage.project.nightmail(expecting: 0, "dead-letters", "list").contains("No dead letters."))
  }

  /// A night played through: what cannot be delivered for want of a server goes back to the next plan.
  @Test func aServerThatIsDownAllNightLosesNothing() throws {
    let port = try #require(try? ScriptedSMTPServer()).port
    let stage = try ActivationStage(40, relay: ActivationStage.smtp(port))
    let night = try stage.run(["run", "--rehearse"])
    #expect(night.status == 4, "\(night.out)\(night.error)")
    #expect(night.out.contains("40 released to the next plan (provider-unavailable 40)"), "\(night.out)")
    #expect(try stage.letters("--rehearse").isEmpty)
    #expect(try stage.activated("output/rehearsal/\(Daytime.today)").isEmpty)
    let server = try ScriptedSMTPServer()
    try stage.setRelay(ActivationStage.smtp(server.port))
    let tomorrow = try #require(CalendarDay(Daytime.today)) + 1
    try stage.project.nightmail(expecting: 0, "run", "--rehearse", "--date", "\(tomorrow)")
    #expect(Set(server.messages.flatMap(\.to)) == Set(stage.codes.keys) && server.messages.count == 40)
    try stage.expectRows(for: server.takenIDs, on: "output/rehearsal/\(tomorrow)", "the day after")
  }

  /// The same as cron has it, by the wall clock.
  @Test func whileTheServerIsDownRunDueEndsWith4AndTheNextOneDeliversAll() throws {
    let port = try #require(try? ScriptedSMTPServer()).port
    let stage = try ActivationStage(relay: ActivationStage.smtp(port))
    for _ in 0..<2 {
      let down = try stage.run(["run", "--due"])
      #expect(down.status == 4, "\(down.out)\(down.error)")
      #expect(down.error.contains("localhost:\(port)"), "\(down.error)")
    }
    #expect(try stage.activated().isEmpty && stage.letters().isEmpty)
    let server = try ScriptedSMTPServer()
    try stage.setRelay(ActivationStage.smtp(server.port))
    try stage.project.nightmail(expecting: 0, "run", "--due")
    #expect(server.messages.count == 3)
    try stage.expectRows(for: server.takenIDs, "it is back")
  }
}
