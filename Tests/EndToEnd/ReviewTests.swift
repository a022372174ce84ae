import Foundation
import Model
import TestSupport
import Testing

/// What a person does with a plan before it goes out, as typed: `show`, `diff`, the page, `approve`.
@Suite(.timeLimit(.minutes(5)))
struct ReviewTests {
  private static let day = "output/rehearsal/2025-11-20"

  private func project() throws -> TestProject {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    return project
  }

  private func run(_ project: TestProject, _ arguments: [String]) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", arguments, folder: project.path, environment: Program.environment)
  }

  private func plan(_ project: TestProject, _ options: String...) throws -> String {
    let output = try run(project, ["plan", "--rehearse", "--date", "2025-11-20"] + options)
    #expect(output.status == 0, "\(output.out)\(output.error)")
    return output.out
  }

  private func ids(_ project: TestProject, campaign: String) throws -> [String] {
    try project.records("\(Self.day)/plan.jsonl").filter { $0["campaign"]?.string == campaign }
      .compactMap { $0["id"]?.string }
  }

  @Test func anOldPlanIsShownFromItsOwnInputsWhateverHasBecomeOfTheFiles() throws {
    let project = try project()
    _ = try plan(project)
    let id = try #require(try ids(project, campaign: "welcome").first)
    let show = ["show", "--rehearse", "2025-11-20", "--message", id]
    let before = try run(project, show)
    #expect(before.status == 0 && before.error.isEmpty, "\(before.error)")
    #expect(before.out.contains("what to expect: one short letter now"))
    try project.folder.write("Nothing.\n", to: "campaigns/welcome/hello.txt")
    try project.folder.write("timezone: Asia/Tokyo\n", to: "campaigns/settings.yaml")
    try project.folder.write("[]\n", to: "data/mailboxes.yaml")
    let changed = try run(project, show)
    #expect(changed.out == before.out)
    for file in ["hello.txt", "settings.yaml", "mailboxes.yaml"] {
      #expect(changed.error.contains("\(file) was changed"), "\(changed.error)")
    }
    try FileManager.default.removeItem(atPath: project.folder.file("campaigns/welcome"))
    try FileManager.default.removeItem(atPath: project.folder.file("data"))
    let gone = try run(project, show)
    #expect(gone.status == 0 && gone.out == before.out, "\(gone.error)")
    #expect(gone.error.contains("campaigns/welcome/hello.txt is gone"), "\(gone.error)")
    // Without its copies the message cannot be shown as it was, and nothing else is shown in its place.
    try FileManager.default.removeItem(atPath: project.folder.file("\(Self.day)/inputs"))
    let lost = try run(project, show)
    #expect(lost.status == 1 && lost.out.isEmpty && lost.error.contains("the plan has no copy of it"), "\(lost.error)")
  }

  @Test func aCopyThatSomebodyEditedIsNotUsed() throws {
    let project = try project()
    _ = try plan(project)
    let id = try #require(try ids(project, campaign: "welcome").first)
    for name in project.folder.list("\(Self.day)/inputs") {
      let text = try project.folder.read("\(Self.day)/inputs/\(name)")
      try project.folder.write(text.replacing("short letter", with: "forgery"), to: "\(Self.day)/inputs/\(name)")
    }
    let output = try run(project, ["show", "--rehearse", "2025-11-20", "--message", id])
    #expect(output.status == 0 && !output.out.contains("forgery"), "today's file is the plan's")
    #expect(output.error.contains("the plan's copy of campaigns/welcome/hello.txt was changed"), "\(output.error)")
  }

  @Test func whatIsShownCanBeNarrowedAndItsNumbersReconcile() throws {
    let project = try project()
    _ = try plan(project)
    let whole = try run(project, ["show", "--rehearse", "2025-11-20", "--json"]).out.json
    let sends = try #require(whole["sends"]?.array)
    #expect(Int64(sends.count) == whole["totals"]?["planned"]?.integer && sends.count > 10)
    #expect(whole["hours"]?.array?.compactMap { $0["sends"]?.integer }.reduce(0, +) == Int64(sends.count))
    #expect(whole["mailboxes"]?.array?.compactMap { $0["planned"]?.integer }.reduce(0, +) == Int64(sends.count))
    var parts = 0
    for mailbox in ["anna", "news"] {
      let part = try run(project, ["show", "--rehearse", "2025-11-20", "--json", "--mailbox", mailbox]).out.json
      #expect(part["sends"]?.array?.allSatisfy { $0["mailbox"]?.string == mailbox } == true)
      parts += part["sends"]?.array?.count ?? 0
    }
    #expect(parts == sends.count)
    let ada = try run(project, ["show", "--rehearse", "2025-11-20", "--contact", "ADA@example.com"])
    #expect(ada.out.hasPrefix("Plan for 2025-11-20 (Europe/Berlin): 2 of \(sends.count) sends"), "\(ada.out)")
    let skipped = try run(project, ["show", "--rehearse", "2025-11-20", "--contact", "old.friend@example.org"])
    #expect(skipped.out.contains("asked by telephone"), "\(skipped.out)")
    for wrong in [
      ["--mailbox", "ana"], ["--campaign", "welcom"], ["--html", "--all"], ["--message", "zz"],
      ["--message", "1", "--mailbox", "anna"],
    ] {
      let output = try run(project, ["show", "--rehearse", "2025-11-20"] + wrong)
      #expect(output.status == 1 && output.out.isEmpty && output.error.hasPrefix("nightmail: "), "\(wrong)")
    }
    let near = try run(project, ["show", "--rehearse", "2025-11-20", "--campaign", "welcom"])
    #expect(near.error.contains("did you mean 'welcome'?"), "\(near.error)")
  }

  @Test func plansOfADayAreComparedByTheWordsOfTheirTemplates() throws {
    let project = try project()
    let first = try plan(project, "--diff")
    #expect(first.contains("No earlier plan for 2025-11-20 to compare with."))
    let diff = ["diff", "--rehearse", "2025-11-20~1", "2025-11-20"]
    #expect(try run(project, diff).status == 1, "there is one plan")
    #expect(try plan(project, "--diff").contains("no send differs"))
    let old = try project.folder.read("campaigns/welcome/hello.txt")
    try project.folder.write(old.replacing("one short letter", with: "two letters"), to: "campaigns/welcome/hello.txt")
    let contacts = try project.folder.read("data/contacts.csv")
    try project.folder.write(
      contacts.split(separator: "\n").filter { !$0.hasPrefix("ada@") }.joined(separator: "\n") + "\n",
      to: "data/contacts.csv")
    let text = try plan(project, "--diff")
    #expect(text.contains("2 removed"), "\(text)")
    #expect(text.contains("[-one short letter-]{+two letters+}"), "\(text)")
    let output = try run(project, diff + ["--detailed-exitcode"])
    #expect(output.status == 2 && output.out.contains("data/contacts.csv: changed"), "\(output.out)")
    #expect(text.contains(output.out), "plan --diff says the same")
    #expect(try run(project, diff).status == 0)
    #expect(try run(project, ["diff", "--rehearse", "2025-11-20", "2025-11-20", "--detailed-exitcode"]).status == 0)
    let markdown = try run(project, diff + ["--format", "markdown"]).out
    #expect(!markdown.contains("@") && markdown.contains("| welcome |"), "\(markdown)")
    let json = try run(project, diff + ["--json"]).out.json
    #expect(json["total"]?["removed"]?.integer == 2)
    #expect(json["sends"]?.array?.count { $0["kind"]?.string == "removed" } == 2)
    #expect(try plan(project, "--diff", "--json").json["diff"]?["total"]?["moved"]?.integer == 0)
    #expect(
      try run(project, ["show", "--rehearse", "2025-11-20", "--html", "--json"]).out.json["page"]?.string?
        .hasSuffix("plan.html") == true)
    // By path, the other way round.
    let paths = ["\(Self.day)/plan.jsonl", "\(Self.day)/plan.1.jsonl"]
    #expect(try run(project, ["diff", "--rehearse"] + paths + ["--json"]).out.json["total"]?["added"]?.integer == 2)
    for wrong in [
      ["2025-11-20~2", "2025-11-20"], ["2025-11-20"], ["x~1", "2025-11-20"],
      ["2025-11-20", "2025-11-20", "--format", "xml"],
      ["2025-11-20", "2025-11-20", "--json", "--format", "markdown"],
    ] {
      let output = try run(project, ["diff", "--rehearse"] + wrong)
      #expect(
        output.status == 1 && output.out.isEmpty && output.error.hasPrefix("nightmail: "), "\(wrong): \(output.error)")
    }
  }

  @Test func thePageStandsBesideItsPlanAndNeverBesideAnother() throws {
    let project = try project()
    _ = try plan(project, "--no-html")
    #expect(!project.folder.exists("\(Self.day)/plan.html"))
    let output = try run(project, ["show", "--rehearse", "2025-11-20", "--html"])
    #expect(output.out.contains("\(Self.day)/plan.html"))
    let page = try project.folder.read("\(Self.day)/plan.html")
    #expect(try plan(project).contains("plan.jsonl and plan.html"))
    #expect(try project.folder.read("\(Self.day)/plan.html") == page, "the same plan has the same page")
    _ = try plan(project, "--not-before", "12:00", "--no-html")
    #expect(!project.folder.exists("\(Self.day)/plan.html"), "the page of the plan that was replaced")
    try project.nightmail(expecting: 0, "show", "--rehearse", "2025-11-20~1", "--html")
    #expect(try project.folder.read("\(Self.day)/plan.1.html").contains("has been replaced by a later one"))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20", "--out", "o'ther.jsonl")
    #expect(try project.folder.read("o'ther.html").contains("approve &#39;"))
  }

  @Test func theCommandOfThePageApprovesThePlanThatItShowsAndNoOther() throws {
    let project = try project()
    _ = try plan(project)
    let page = try project.folder.read("\(Self.day)/plan.html")
    let command = try #require(page.firstMatch(of: #/<code id="command">([^<]+)</code>/#)).output.1
    let words = command.split(separator: " ").map(String.init)
    #expect(words.prefix(4) == ["nightmail", "approve", "2025-11-20", "--rehearse"])
    let out = try ids(project, campaign: "welcome").prefix(2).joined(separator: ",")
    let all = try project.records("\(Self.day)/plan.jsonl").count
    let approved = try run(project, Array(words.dropFirst()) + ["--without", out, "--by", "Maria"])
    #expect(
      approved.status == 0 && approved.out.contains("Approved \(all - 2) of \(all) lines, withdrew 2"),
      "\(approved.error)")
    let sent = try run(project, ["send", "--rehearse", "2025-11-20"])
    #expect(sent.out.contains("\(all - 2) messages sent") && sent.out.contains("Approved by Maria"), "\(sent.out)")
    _ = try plan(project, "--not-before", "12:00")
    let other = try run(project, Array(words.dropFirst()))
    #expect(other.status == 1 && other.error.contains("nothing of the plan that was reviewed"), "\(other.error)")
  }

  /// Plans are made again while somebody looks at one: the command of the page that was looked at still counts.
  @Test func theReviewOfAnEarlierPlanApprovesWhatIsStillAsItWasThere() throws {
    let project = try project()
    _ = try plan(project)
    let file = project.folder.file("\(Self.day)/plan.jsonl")
    let digest = try Shell.run("sha256sum", [file]).out.prefix(12)
    let all = try project.records("\(Self.day)/plan.jsonl").count
    let contacts = try project.folder.read("data/contacts.csv")
    try project.folder.write(
      contacts + "new@example.com,Nina,Neu,Neu GmbH,Bonn,Europe/Berlin,new,\n", to: "data/contacts.csv")
    _ = try plan(project)
    let now = try project.records("\(Self.day)/plan.jsonl").count
    #expect(now > all)
    let approved = try run(project, ["approve", "--rehearse", "2025-11-20", "--sha256", String(digest)])
    #expect(approved.status == 0, "\(approved.error)")
    #expect(approved.out.contains("Approved \(all) of \(now) lines."), "\(approved.out)")
    #expect(
      approved.out.contains("\(now - all) lines came or changed since the plan sha256:\(digest)"), "\(approved.out)")
    let sent = try run(project, ["send", "--rehearse", "2025-11-20"])
    #expect(sent.status == 5 && sent.out.contains("\(all) messages sent, \(now - all) held"), "\(sent.out)")
    // Another text is another message: nothing of it was looked at.
    try project.folder.write("Something else.\n", to: "campaigns/welcome/hello.txt")
    _ = try plan(project)
    let changed = try run(project, ["approve", "--rehearse", "2025-11-20", "--sha256", String(digest)])
    #expect(changed.status == 1 && changed.error.contains("nothing of the plan that was reviewed"), "\(changed.error)")
  }
}
