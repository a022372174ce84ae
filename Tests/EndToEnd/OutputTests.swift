import Foundation
import Model
import TestSupport
import Testing

/// The output folder: one run at a time, whole files, private.
@Suite(.timeLimit(.minutes(5)))
struct OutputTests {
  private static let day = "output/rehearsal/2025-11-20"

  @Test func aSecondRunIsHeldOffWhileTheFirstSends() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 100))
    let project = try TestProject(Projects.letter(contacts: 40, port: server.port, connections: 1))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    let first = try project.start("send", "--rehearse", "2025-11-20")
    defer { first.stop() }
    try wait(30) { !server.messages.isEmpty }
    try #require(!server.messages.isEmpty, "\(first.output)")
    for command in [
      ["send", "2025-11-20"], ["run", "--date", "2025-11-20"], ["plan", "--date", "2025-11-20"],
      ["approve", "2025-11-20"],
    ] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command + ["--rehearse"], folder: project.path,
        environment: Program.environment)
      #expect(output.status == 75, "\(command): \(output.out)\(output.error)")
      #expect(output.error.contains("pid \(first.processIdentifier) (send"), "\(output.error)")
    }
    // Another day can be planned, not sent; looking on and suppressing are always possible.
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-21")
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-20", "--json").json
    #expect(status["totals"]?["total"]?.integer == 40)
    #expect(status["totals"]?["in-doubt"]?.integer == 0, "what is under way is not in doubt")
    #expect(
      try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array?.isEmpty == true)
    try project.nightmail(expecting: 0, "suppress", "nobody@example.com")
    #expect(first.wait(seconds: 60) == 0, "\(first.output)")
    #expect(server.messages.count == 40)
  }

  /// A project of which half was sent before the last line of the results was torn.
  private func halfSent(tear: (String) -> String) throws -> (TestProject, ids: [String]) {
    let project = try TestProject(Projects.files(contacts: 4))
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    let path = "\(Self.day)/results.jsonl"
    let ids = try Ledger(project, day: Self.day).planned
    try project.folder.write(tear(try project.folder.read(path)), to: path)
    return (project, ids)
  }

  @Test func aTornLastLineIsCutOffAndTheRunGoesOn() throws {
    // What is left: the header, the run, the first intent and the first outcome, and half of what came next.
    let (project, ids) = try halfSent { text in
      let lines = text.split(separator: "\n")
      let firstOutcome = lines.firstIndex { $0.contains("\"outcome\":") } ?? 0
      let kept = lines[..<firstOutcome].filter { !$0.contains("\"kind\":\"intent\"") }
      return (kept + ["{\"kind\":\"intent\",\"id\":\"4d2c"]).joined(separator: "\n")
    }
    let output = try project.nightmail("send", "--rehearse", "2025-11-20", "--json")
    #expect(output.status == 0, "\(output.out)\(output.error)")
    #expect(output.error.contains("torn line was removed"), "\(output.error)")
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.ids("sent") == Set(ids))
    #expect(ledger.sent.values.allSatisfy { $0 == 1 })
  }

  @Test func anIntentThatWasCutOffIsInDoubtAndTheRunSaysSo() throws {
    let (project, ids) = try halfSent { text in
      // The last outcome is gone altogether: its send may be with the server.
      let lines = text.split(separator: "\n").filter { !$0.isEmpty }
      return lines.dropLast().joined(separator: "\n") + "\n"
    }
    let before = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(before.count == 1 && before.first?["reason"]?.string == "in-doubt", "reported before any other run")
    let output = try project.nightmail("send", "--rehearse", "2025-11-20", "--json")
    #expect(output.status == 3, "\(output.out)\(output.error)")
    #expect(try output.out.json["in_doubt"]?.integer == 1)
    #expect(try output.out.json["sent"]?.integer == 0)
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.ids("sent").count == ids.count - 1)
    let list = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(Set(list.compactMap { $0["id"]?.string }) == ledger.ids("in-doubt"))
    // It has been said: the next run has nothing to add.
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-20")
  }

  @Test(arguments: [1, 2, 4])
  func damageElsewhereIsRefusedWithItsLine(line: Int) throws {
    let (project, _) = try halfSent { text in
      var lines = text.components(separatedBy: "\n")
      lines[line - 1] = String(lines[line - 1].dropLast(20))
      return lines.joined(separator: "\n")
    }
    let damaged = try project.folder.read("\(Self.day)/results.jsonl")
    for command in [
      ["send", "2025-11-20"], ["plan", "--date", "2025-11-20"], ["plan", "--date", "2025-11-21"],
      ["status", "2025-11-20"], ["dead-letters", "list"],
    ] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command + ["--rehearse"], folder: project.path,
        environment: Program.environment)
      #expect(output.status == 1, "\(command): \(output.out)")
      #expect(output.error.contains("\(Self.day)/results.jsonl:\(line): "), "\(command): \(output.error)")
    }
    #expect(try project.folder.read("\(Self.day)/results.jsonl") == damaged)
  }

  @Test func whatIsWrittenIsPrivate() throws {
    let project = try TestProject(Projects.files(contacts: 2))
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    try project.nightmail(expecting: 0, "run", "--due")
    try project.nightmail(expecting: 0, "approve")
    let names =
      FileManager.default.enumerator(atPath: project.folder.file("output"))?.compactMap { $0 as? String } ?? []
    #expect(names.count > 15)
    for name in ["."] + names {
      let attributes = try FileManager.default.attributesOfItem(atPath: project.folder.file("output/\(name)"))
      let mode = (attributes[.posixPermissions] as? NSNumber)?.intValue
      let isFolder = attributes[.type] as? FileAttributeType == .typeDirectory
      #expect(mode == (isFolder ? 0o700 : 0o600), "output/\(name): \(String(mode ?? 0, radix: 8))")
      #expect(!name.hasSuffix(".tmp"), "\(name) was left behind")
    }
  }

  /// Dead letters made by a server that refuses: listed, shown, tried again, let go.
  @Test func deadLettersAreListedShownRetriedAndDropped() throws {
    let refusal = SMTPScript.Attempt(rcpt: "550 5.1.1 <nobody> unknown")
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [refusal, refusal, refusal]))
    let project = try TestProject(Projects.letter(contacts: 5, port: server.port, connections: 1))
    let run = try project.nightmail("run", "--rehearse", "--date", "2025-11-20", "--json")
    #expect(run.status == 3, "\(run.out)\(run.error)")
    func list() throws -> [String] {
      let list = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
      return list.compactMap { $0["id"]?.string }
    }
    let dead = try list()
    #expect(dead.count == 3)
    let table = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse")
    #expect(table.contains("rejected") && table.contains("<nobody> unknown") && table.contains(dead[0]))
    let shown = try project.nightmail(expecting: 0, "dead-letters", "show", "--rehearse", String(dead[0].prefix(10)))
    #expect(shown.contains("550 5.1.1") && shown.contains("\"first_name\""), "\(shown)")
    // Only what is in doubt can be marked as sent; the wrong word changes nothing.
    try project.nightmail(expecting: 1, "dead-letters", "mark-sent", "--rehearse", dead[0])
    try project.nightmail(expecting: 1, "dead-letters", "retry", "--rehearse")
    #expect(try list() == dead)
    try project.nightmail(expecting: 0, "dead-letters", "drop", "--rehearse", dead[0])
    #expect(try list() == Array(dead[1...]))
    try project.nightmail(expecting: 0, "dead-letters", "retry", "--rehearse", "--reason", "rejected")
    #expect(try list().isEmpty)
    // A person has judged: what the refusals said of the addresses holds no more, and both go out.
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-21")
    // A dot alone is what is said to a server that has refused the recipient and asks for the message all the same.
    #expect(server.messages.count { !$0.data.isEmpty } == 4)
    let story = try project.nightmail(expecting: 0, "status", "--rehearse", "--id", dead[0])
    #expect(story.contains("dropped by tester") || story.contains("settled as dropped by tester"), "\(story)")
  }
}
