import Foundation
import Model
import TestSupport
import Testing

/// Against Postfix's smtp-sink with each of its faults: every send ends as the reply says, nothing twice, nothing lost.
@Suite(.enabled(if: Shell.find("smtp-sink") != nil, "needs Postfix's smtp-sink"), .timeLimit(.minutes(5)))
struct SinkTests {
  private struct Sink {
    let folder: TemporaryFolder
    let port: Int
    private let program: RunningProgram

    init(_ options: [String]) throws {
      folder = try TemporaryFolder(["dump/.keep": ""])
      // As root it gives its rights away, and must still be able to write.
      try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder.file("dump"))
      port = LoopbackPort.free()
      let user = getuid() == 0 ? ["-u", "nobody"] : []
      program = try RunningProgram(
        "smtp-sink", user + options + ["-D", folder.file("dump/mail"), "127.0.0.1:\(port)", "128"])
      try #require(LoopbackPort.waitUntilOpen(port), "\(program.output)")
    }

    /// The left part of each Message-ID that came in, as often as it came.
    var received: [String] {
      guard let text = try? folder.read("dump/mail") else { return [] }
      return text.split(separator: "\n").filter { $0.lowercased().hasPrefix("message-id: <") }
        .map { String($0.dropFirst(13).prefix(32)) }
    }

    func stop() { program.stop() }
  }

  struct Fault: Sendable, CustomTestStringConvertible {
    /// `-r` refuses with 4yz, `-f` with 5yz, `-q` hangs up, `-Q` says 421 first.
    var option: String
    var command: String
    var testDescription: String { "\(option) \(command)" }
    static let all = ["-r", "-f", "-q", "-Q"].flatMap { option in
      ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."].map { Fault(option: option, command: $0) }
    }

    enum End { case sent, rejected, inDoubt, gaveUp, unavailable }
    var end: End {
      switch (option, command) {
      case ("-q", "."): .inDoubt
      // Refused at the door: no attempt was made.
      case (_, "CONNECT"), ("-q", "EHLO"), ("-Q", "EHLO"): .unavailable
      // It refuses EHLO and takes HELO.
      case (_, "EHLO"): .sent
      case ("-f", _): .rejected
      default: .gaveUp
      }
    }
  }

  private static let day = "output/rehearsal/2025-11-20"

  @Test(arguments: Fault.all)
  func everySendEndsAsTheReplySays(fault: Fault) throws {
    let sink = try Sink([fault.option, fault.command])
    defer { sink.stop() }
    let count = 6
    let project = try TestProject(
      Projects.letter(contacts: count, port: sink.port, retry: "{backoff: 10m, max_backoff: 1h, give_up_after: 3h}"))
    let output = try project.nightmail("run", "--rehearse", "--date", "2025-11-20", "--json")
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.planned.count == count)
    let tally = try output.out.json
    func n(_ key: String) -> Int { Int(tally[key]?.integer ?? -1) }
    #expect(n("sent") + n("dead") + n("in_doubt") + n("released") + n("left") == count, "\(output.out)")
    #expect(Set(ledger.state.keys) == Set(ledger.planned), "a send without a record")
    switch fault.end {
    case .sent:
      #expect(output.status == 0, "\(output.out)\(output.error)")
      #expect(n("sent") == count)
      #expect(sink.received.sorted() == ledger.planned.sorted())
    case .rejected:
      #expect(output.status == 3, "\(output.out)\(output.error)")
      #expect(n("dead") == count)
    case .inDoubt:
      #expect(output.status == 3, "\(output.out)\(output.error)")
      #expect(n("in_doubt") == count)
    case .gaveUp:
      // Those of the evening had no time left to give up in: the next plan takes them up.
      #expect(n("dead") > 0 && n("dead") + n("released") == count, "\(output.out)")
      let hangsUp = ["-q", "-Q"].contains(fault.option)
      // A server that hangs up on one after the other is rested by its login's breaker; one that asks to come again is
      // well. What had no other way out at its closing was kept back by that: run again to go on.
      #expect(output.error.contains("resting it") == hangsUp, "\(output.error)")
      let released = try project.records("\(Self.day)/results.jsonl").filter { $0["kind"]?.string == "released" }
      let lacked = released.contains { $0["reason"]?.string == "provider-unavailable" }
      #expect(!lacked || hangsUp)
      #expect(output.status == (lacked ? 4 : 3), "\(output.out)\(output.error)")
      let dead = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
      #expect(dead.count == n("dead"))
      #expect(dead.allSatisfy { $0["reason"]?.string == "gave-up" && $0["attempts"]?.integer ?? 0 >= 2 })
    case .unavailable:
      #expect(output.status == 4, "\(output.out)\(output.error)")
      #expect(n("released") == count)
      #expect(output.error.contains("localhost:\(sink.port)"), "\(output.error)")
      // Connecting and logging in are no attempts.
      #expect(try project.records("\(Self.day)/results.jsonl").allSatisfy { $0["attempt"] == nil })
    }
    // Once more: what has ended is never begun again.
    let again = try project.nightmail("send", "--rehearse", "2025-11-20", "--json")
    #expect(try again.out.json["sent"]?.integer == 0)
    #expect(again.status == 0, "\(again.out)\(again.error)")
    #expect(Set(sink.received).count == sink.received.count || fault.command == ".")
  }

  @Test func aSendInDoubtIsNeverSentAgainByItself() throws {
    let sink = try Sink(["-q", "."])
    let project = try TestProject(Projects.letter(contacts: 5, port: sink.port))
    #expect(try project.nightmail("run", "--rehearse", "--date", "2025-11-20").status == 3)
    sink.stop()
    // The server is well again: nothing of it comes by itself, in no plan and no run.
    let well = try Sink([])
    defer { well.stop() }
    let providers = try project.folder.read("data/providers.yaml")
    try project.folder.write(
      providers.replacing("port: \(sink.port)", with: "port: \(well.port)"), to: "data/providers.yaml")
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-20")
    let plan = try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-21", "--json").json
    #expect(plan["totals"]?["planned"]?.integer == 0)
    #expect(plan["totals"]?["held"]?["in-doubt"]?.integer == 5)
    #expect(well.received.isEmpty)
    // A person settles them: two did arrive, three are to go out again.
    let ids = try Ledger(project, day: Self.day).planned.sorted()
    try project.nightmail(expecting: 0, "dead-letters", "mark-sent", "--rehearse", ids[0], String(ids[1].prefix(12)))
    try project.nightmail(expecting: 0, "dead-letters", "retry", "--rehearse", "--all")
    #expect(
      try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array?.isEmpty == true)
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-21")
    #expect(well.received.sorted() == Array(ids[2...]))
  }

  @Test func aServerThatAbortsAfterDATALosesNothing() throws {
    let sink = try Sink(["-A", "0"])
    defer { sink.stop() }
    let project = try TestProject(
      Projects.letter(contacts: 5, port: sink.port, retry: "{backoff: 10m, give_up_after: 1h}"))
    let output = try project.nightmail("run", "--rehearse", "--date", "2025-11-20", "--json")
    let ledger = try Ledger(project, day: Self.day)
    #expect(output.status == 3, "\(output.out)\(output.error)")
    #expect(ledger.sent.isEmpty)
    #expect(ledger.ids("failed").union(ledger.ids("in-doubt")).union(ledger.ids("released")) == Set(ledger.planned))
  }

  @Test func aSlowServerIsWaitedFor() throws {
    let sink = try Sink(["-w", "1"])
    defer { sink.stop() }
    let project = try TestProject(Projects.letter(contacts: 4, port: sink.port))
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    #expect(try sink.received.sorted() == Ledger(project, day: Self.day).planned.sorted())
  }

  @Test func aServerWithoutPipeliningGetsOneCommandAtATime() throws {
    let sink = try Sink(["-p", "-8"])
    defer { sink.stop() }
    let project = try TestProject(Projects.letter(contacts: 50, port: sink.port))
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    #expect(try sink.received.sorted() == Ledger(project, day: Self.day).planned.sorted())
  }
}
