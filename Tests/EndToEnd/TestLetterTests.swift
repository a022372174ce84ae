import Foundation
import Model
import TestSupport
import Testing

/// `nightmail test`: a campaign's messages to oneself, and nothing else.
@Suite(.timeLimit(.minutes(5)))
struct TestLetterTests {
  private func sample() throws -> TestProject {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    return project
  }

  private func headers(_ project: TestProject) throws -> [[String: String]] {
    try project.folder.list("output/test/outbox").map { name in
      let text = try project.folder.read("output/test/outbox/\(name)").replacing("\r\n", with: "\n")
      let lines = text.prefix(upTo: text.firstRange(of: "\n\n")?.lowerBound ?? text.endIndex).split(separator: "\n")
      return Dictionary(
        lines.compactMap { line in
          line.firstRange(of: ": ").map { (String(line[..<$0.lowerBound]), String(line[$0.upperBound...])) }
        }, uniquingKeysWith: { first, _ in first })
    }
  }

  @Test func everyStepAndVariantGoesToOneselfAndNothingIsWrittenDown() throws {
    let project = try sample()
    try project.nightmail(expecting: 0, "plan", "--date", "2030-01-07", "--out", "before.jsonl")
    let result = try project.nightmail(expecting: 0, "test", "welcome", "--to", "Me@Example.COM", "--json").json
    #expect(result["sent"]?.integer == 3 && result["total"]?.integer == 3)
    #expect(result["mailbox"]?.string == "anna" && result["provider"]?.string == "outbox")
    let letters = try headers(project)
    let subjects = Set(letters.compactMap { $0["Subject"] })
    #expect(
      subjects == [
        "[test] Welcome to Northwind Bikes, Ada", "[test] Ada, which bike is yours?",
        "[test] Re: Welcome to Northwind Bikes, Ada",
      ])
    #expect(letters.allSatisfy { $0["To"] == "Me@example.com" && $0["From"]?.contains("anna@") == true })
    // The answer stands in the thread of the test's own first letter.
    let first = letters.first { $0["Subject"]?.contains("Welcome to") == true && $0["In-Reply-To"] == nil }
    #expect(letters.count { $0["In-Reply-To"] != nil && $0["In-Reply-To"] == first?["Message-ID"] } == 1)
    #expect(project.folder.list("output") == [".gitignore", "test"])
    #expect(!project.folder.exists("data/history.id"))
    try project.nightmail(expecting: 0, "plan", "--date", "2030-01-07", "--out", "after.jsonl")
    #expect(try project.folder.read("before.jsonl") == project.folder.read("after.jsonl"))
    // Typed again it sends again, under other ids.
    try project.nightmail(expecting: 0, "test", "welcome", "--to", "me@example.com")
    #expect(project.folder.list("output/test/outbox").count == 6)
    let ids = Set(
      try project.folder.read("after.jsonl").split(separator: "\n").compactMap { try String($0).json["id"]?.string })
    #expect(ids.count > 5 && ids.allSatisfy { !project.folder.exists("output/test/outbox/\($0).eml") })
  }

  @Test func oneStepWithAContactsValues() throws {
    let project = try sample()
    try project.nightmail(
      expecting: 0, "test", "welcome", "--to", "me@example.com", "--step", "follow-up", "--contact", "raj@example.org")
    let letters = try headers(project)
    #expect(letters.map { $0["Subject"] } == ["[test] Re: Welcome to Northwind Bikes, Raj"])
    #expect(letters.first?["References"] == nil)
  }

  @Test func aMessageRowIsTestedToo() throws {
    let project = try sample()
    try project.nightmail(expecting: 0, "test", "reminders", "--to", "me@example.com")
    #expect(try headers(project).map { $0["Subject"] } == ["[test] Your workshop slot on Tuesday"])
  }

  @Test(arguments: [
    (["welcom", "--to", "me@example.com"], "did you mean 'welcome'?"),
    (["welcome", "--to", "me"], "neither an e-mail address nor a phone number"),
    (["welcome", "--to", "+4915112345678"], "no mailbox for text messages"),
    (["welcome", "--to", "me@example.com", "--step", "helo"], "did you mean 'hello'?"),
    (["welcome", "--to", "me@example.com", "--contact", "nobody"], "there is no contact 'nobody'"),
    (["welcome", "--to", "me@example.com", "--contact", "sam@example.com"], "{{first_name}}"),
    (["reminders", "--to", "me@example.com", "--contact", "nobody"], "no message row for 'nobody'"),
    (["welcome"], "--to"),
  ])
  func whatCannotBeTestedSendsNothing(_ arguments: [String], _ words: String) throws {
    let project = try sample()
    let output = try Shell.run(
      try #require(Program.folder) + "/nightmail", ["test"] + arguments, folder: project.path,
      environment: Program.environment)
    #expect(output.status == 1 && output.error.contains(words) && output.out.isEmpty, "\(output.error)")
    #expect(!project.folder.exists("output/test"))
  }

  @Test func oneselfMayBeSuppressed() throws {
    let project = try sample()
    let output = try project.nightmail("test", "weekly-tip", "--to", "old.friend@example.org")
    #expect(output.status == 0 && output.error.contains("@example.org is suppressed"))
    #expect(try headers(project).count == 1)
  }

  @Test func theServersAnswerDecidesTheExitCode() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [
        .init(), .init(rcpt: "550 5.1.1 no such user"), .init(message: "451 4.3.0 try again"), .init(),
      ]))
    var files = Projects.letter(contacts: 2, port: server.port)
    // Limits hold a campaign back, and no test.
    files["data/mailboxes.yaml"] =
      "- {id: anna, from: Anna <anna@shop.example>, providers: [server, other], daily_limit: 0, min_gap: 1h}\n"
    files["data/providers.yaml", default: ""] += "\n- {id: other, type: smtp, host: smtp.example.com}\n"
    let project = try TestProject(files)
    func test() throws -> (Int32, JSON?) {
      let output = try project.nightmail("test", "letter", "--to", "me@example.com", "--json", "--rehearse")
      return (output.status, try output.out.json["messages"]?.array?.first)
    }
    let taken = try test()
    #expect(taken.0 == 0 && taken.1?["outcome"]?.string == "sent")
    let refused = try test()
    #expect(refused.0 == 1 && refused.1?["outcome"]?.string == "refused")
    #expect(refused.1?["response"]?.string == "550 5.1.1 no such user")
    let later = try test()
    #expect(later.0 == 1 && later.1?["outcome"]?.string == "put off")
    #expect(server.messages.allSatisfy { $0.to == ["me@example.com"] })
    #expect(server.messages.first?.text.contains("Subject: [test] Hello Contact 0\r\n") == true)
    server.stop()
    let gone = try test()
    #expect(gone.0 == 1 && gone.1?["outcome"]?.string == "not sent")
  }

  @Test func aRehearsalStaysOnThisMachine() throws {
    var files = Projects.letter(contacts: 1, port: 25)
    files["data/providers.yaml"] = "- {id: server, type: smtp, host: smtp.example.com}\n"
    let project = try TestProject(files)
    let output = try project.nightmail("test", "letter", "--to", "me@example.com", "--rehearse")
    #expect(output.status == 1 && output.error.contains("nothing was sent"), "\(output.error)")
    #expect(!project.folder.exists("output/rehearsal/test"))
  }
}
