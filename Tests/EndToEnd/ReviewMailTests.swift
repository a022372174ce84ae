import Foundation
import Model
import TestSupport
import Testing

@testable import nightmail

/// `review` in settings: plans that await approval and reports of days that are done, by mail.
@Suite(.timeLimit(.minutes(5)))
struct ReviewMailTests {
  private static let day = "output/rehearsal/2025-11-20"

  private func project(
    to: String = "me@example.com", approval: String = "required", providers: String = "[server]", more: String = ""
  ) throws -> TestProject {
    var files = Projects.files(contacts: 3, settings: "review: {to: [\(to)], mailbox: anna}\n")
    files["campaigns/letter/campaign.yaml"] = files["campaigns/letter/campaign.yaml"]?
      .replacing("approval: optional", with: "approval: \(approval)")
    files["data/mailboxes.yaml"] =
      "- {id: anna, from: Anna <anna@shop.example>, providers: \(providers), daily_limit: 3}\n"
    files["data/providers.yaml", default: ""] += more
    return try TestProject(files)
  }

  private func run(_ project: TestProject, _ arguments: String...) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", arguments + ["--rehearse"], folder: project.path,
      environment: Program.environment)
  }

  private func plan(_ project: TestProject, _ options: String...) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", ["plan", "--rehearse", "--date", "2025-11-20"] + options,
      folder: project.path, environment: Program.environment)
  }

  /// The mails as a mail program reads them: headers, text, and the attachment's name and bytes.
  private struct Letter {
    var to = ""
    var subject = ""
    var text = ""
    var attachment: Data?
    var name: String?
  }

  private func letters(_ project: TestProject, in outbox: String = "output/rehearsal/2025-11-20/review") throws
    -> [Letter]
  {
    try project.folder.list(outbox).map { file in
      let text = try project.folder.read("\(outbox)/\(file)").replacing("\r\n", with: "\n")
      var letter = Letter()
      for line in text.split(separator: "\n\n", maxSplits: 1)[0].split(separator: "\n") {
        if line.hasPrefix("To: ") { letter.to = String(line.dropFirst(4)) }
        if line.hasPrefix("Subject: ") { letter.subject = String(line.dropFirst(9)) }
      }
      let parts = text.components(separatedBy: "\n--=_").dropFirst()
      letter.text = parts.first ?? text
      if let part = parts.first(where: { $0.contains("Content-Disposition: attachment") }) {
        letter.name = part.components(separatedBy: "filename=\"").last?.components(separatedBy: "\"").first
        let body = part.components(separatedBy: "\n\n").dropFirst().joined()
        letter.attachment = Data(base64Encoded: body, options: .ignoreUnknownCharacters)
      }
      return letter
    }
  }

  @Test func aPlanIsMailedOnceAndItsCommandApprovesIt() throws {
    let project = try project(to: "me@example.com, Ada <ada@example.com>")
    let made = try plan(project)
    #expect(made.status == 0 && made.error.contains("mailed the plan for 2025-11-20 to 2 reviewers"), "\(made.error)")
    let mails = try letters(project)
    #expect(Set(mails.map(\.to)) == ["me@example.com", "Ada <ada@example.com>"])
    let mail = try #require(mails.first)
    #expect(mail.subject == "[rehearsal] Plan for 2025-11-20: 3 sends to approve")
    #expect(mail.name == "plan-2025-11-20.html")
    #expect(mail.attachment == (try Data(contentsOf: URL(filePath: project.folder.file("\(Self.day)/plan.html")))))
    #expect(mail.text.contains("Worth a look\n  - mailbox anna sends all that its limit allows"), "\(mail.text)")
    #expect(!mail.text.contains("c0@example.com"), "counts and no addresses")
    // Unchanged, it is not mailed again; it stands outside history and limits.
    #expect(try plan(project).status == 0)
    #expect(try letters(project).count == 2)
    #expect(try project.records("\(Self.day)/review.jsonl").count == 2)
    #expect(project.folder.list("\(Self.day)/outbox").isEmpty)
    let command = try #require(mail.text.split(separator: "\n").first { $0.hasPrefix("  nightmail approve ") })
    let approved = try Shell.run("sh", ["-c", String(command)], folder: project.path, environment: Program.environment)
    #expect(approved.status == 0, "\(command): \(approved.error)")
    // The report comes once the day is done, and once.
    let sent = try run(project, "send", "2025-11-20")
    #expect(
      sent.status == 0 && sent.out.contains("3 messages sent"), "limits do not count it: \(sent.out)\(sent.error)")
    #expect(try run(project, "send", "2025-11-20").status == 0)
    let reports = try letters(project).filter { $0.subject.contains("Report") }
    #expect(reports.map(\.subject) == Array(repeating: "[rehearsal] Report for 2025-11-20: 3 sent", count: 2))
    #expect(reports.allSatisfy { $0.name == "report-2025-11-20.html" && $0.text.contains("3 of 3 sent (100 %)") })
    // What is approved is asked for no more.
    try project.folder.write("email,first_name\nc0@example.com,A\n", to: "data/contacts.csv")
    #expect(try plan(project).status == 0)
    #expect(try letters(project).count == 4)
  }

  @Test func anotherPlanIsMailedAnew() throws {
    let project = try project()
    #expect(try plan(project).status == 0)
    try project.folder.write("email,first_name\nc0@example.com,A\nnew@example.com,B\n", to: "data/contacts.csv")
    #expect(try plan(project).status == 0)
    #expect(Set(try letters(project).map(\.subject)).count == 2)
  }

  @Test func nothingIsMailedThatNobodyNeeds() throws {
    let optional = try project(approval: "optional")
    #expect(try plan(optional).status == 0)
    #expect(!optional.folder.exists("output/rehearsal/review"), "it needs no approval")
    let quiet = try project()
    #expect(try plan(quiet, "--no-review").status == 0)
    #expect(try plan(quiet, "--out", "elsewhere.jsonl").status == 0)
    // Not a day that is done: all of it awaits approval.
    #expect(try run(quiet, "send", "2025-11-20").status == 5)
    try quiet.nightmail(expecting: 0, "approve", "2025-11-20", "--rehearse")
    #expect(try run(quiet, "send", "2025-11-20", "--no-review").status == 0)
    #expect(!quiet.folder.exists("output/rehearsal/review"))
    let approving = try project()
    #expect(try run(approving, "run", "--date", "2025-11-20", "--auto-approve").status == 0)
    #expect(try letters(approving).map(\.subject) == ["[rehearsal] Report for 2025-11-20: 3 sent"])
  }

  @Test func runMailsWhatItHolds() throws {
    let project = try project()
    #expect(try run(project, "run", "--date", "2025-11-20").status == 5)
    let mails = try letters(project)
    #expect(mails.map(\.subject) == ["[rehearsal] Plan for 2025-11-20: 3 sends to approve"])
    #expect(mails.first?.attachment?.isEmpty == false)
  }

  @Test func aMailThatIsRefusedFailsNothingAndIsTriedAgain() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(message: "554 5.6.0 not like this"), .init()]))
    let smtp = "- {id: smtp, type: smtp, host: localhost, port: \(server.port), tls: none}\n"
    let project = try project(providers: "[smtp]", more: smtp)
    let refused = try plan(project)
    #expect(refused.status == 0 && refused.error.contains("554 5.6.0 not like this"), "\(refused.error)")
    #expect(try project.records("\(Self.day)/review.jsonl").map { $0["outcome"]?.string } == ["failed"])
    #expect(try plan(project).status == 0)
    // The server counts the one that it refused at its end too.
    #expect(server.messages.map(\.to) == [["me@example.com"], ["me@example.com"]])
    #expect(try plan(project).status == 0)
    #expect(server.messages.count == 2)
  }

  @Test func theNextProviderTakesWhatTheFirstCannot() throws {
    let server = try ScriptedSMTPServer(SMTPScript(greetings: ["554 5.3.2 closed today"]))
    let project = try project(
      providers: "[smtp, server]",
      more: "- {id: smtp, type: smtp, host: localhost, port: \(server.port), tls: none}\n")
    #expect(try plan(project).status == 0)
    #expect(server.connections > 0)
    #expect(try letters(project).count == 1)
  }

  @Test func aRehearsalMailsNobodyElsewhere() throws {
    let project = try project(providers: "[away]", more: "- {id: away, type: smtp, host: smtp.example.com}\n")
    let output = try plan(project)
    #expect(output.status == 0 && output.error.contains("was not mailed"), "\(output.error)")
    #expect(!project.folder.exists("\(Self.day)/review.jsonl"))
  }

  @Test func alsoWithoutAPageOrWithOneThatIsTooLarge() throws {
    let project = try project()
    #expect(try plan(project, "--no-html").status == 0)
    let mail = try #require(try letters(project).first)
    #expect(mail.attachment == nil && mail.text.contains("No page was written."), "\(mail.text)")
    let folder = try TemporaryFolder([
      "small.html": String(repeating: "x", count: ReviewLetter.largestPage),
      "large.html": String(repeating: "x", count: ReviewLetter.largestPage + 1),
    ])
    #expect(try ReviewLetter.PageFile(folder.file("small.html"), name: "p").page != nil)
    let large = try ReviewLetter.PageFile(folder.file("large.html"), name: "p")
    #expect(large.page == nil)
    #expect(large.sentence("all").contains("has 10 MB and is not attached; it is \(folder.path)/large.html"))
  }
}
