import Foundation
import Model
import TestSupport
import Testing

/// `prune`: what goes, what stays, and that no later plan is another one for it.
@Suite(.timeLimit(.minutes(10)))
struct PruneTests {
  private static let days = (20...23).map { "2025-11-\($0)" }
  /// Late enough that no plan of the days before can be open; earlier a plan's header names those plans as well.
  private static let later = (27...30).map { "2025-11-\($0)" } + ["2025-12-01", "2025-12-02"]

  /// A sequence with replies and a batch of codes, under limits and caps, through files.
  private static var files: [String: String] {
    [
      "campaigns/settings.yaml": """
      timezone: Europe/Berlin
      seed: 7
      window: daily 08:00-20:00 project
      contact_caps: {per_week: 3}
      breaker: {bounce_rate: 100%, complaint_rate: 100%, error_rate: 100%}
      retry: {backoff: 1m, attempts: 2}
      """,
      "campaigns/welcome/campaign.yaml": welcome(),
      "campaigns/codes/campaign.yaml": """
      status: active
      class: transactional
      window: daily 08:00-20:00 project
      audience: {messages: [messages.csv], key: [code]}
      mailboxes: [bob]
      steps: [{id: code, subject: "Code {{code}}", text: {inline: "{{code}}\\n"}}]
      """,
      "data/contacts.csv": contacts(withIDs: false), "data/messages.csv": messages,
      "data/mailboxes.yaml": """
      - {id: anna, from: Anna <anna@shop.example>, daily_limit: 9, min_gap: 2m, providers: [server]}
      - {id: bob, from: Bob <bob@shop.example>, daily_limit: 12, min_gap: 1m, providers: [server]}
      """,
      "data/providers.yaml": "- {id: server, type: file}\n",
      "data/events.csv": """
      at,type,contact,campaign,step,message_id,detail
      2025-11-21T18:00:00Z,reply,c2@example.com,,,,
      2025-11-20T18:00:00Z,unsubscribe,c7@example.com,,,,

      """,
    ]
  }

  private static func welcome(renamed: Bool = false) -> String {
    """
    status: active
    approval: optional
    \(renamed ? "was: [welcome]" : "priority: 0")
    audience: {contacts: [contacts.csv]}
    mailboxes: [anna, bob]
    unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
    steps:
      - {id: intro, subject: "Hello {{first_name}}", text: {inline: "Dear {{first_name}}\\n"}}
      - {id: \(renamed ? "remind, was: [nudge]" : "nudge"), delay: 1d, reply: true, text: {inline: "Again\\n"}}
      - {id: last, delay: 2d, reply: true, text: {inline: "For the last time\\n"}}
    """
  }

  /// Some spell themselves otherwise than they are looked for; later they get ids, and one another address.
  private static func contacts(withIDs: Bool) -> String {
    let rows = (0..<40).map { n in
      let address = n % 5 == 0 ? "C\(n)@Example.com" : "c\(n)@example.com"
      return withIDs ? "u\(n),\(address),N\(n)\n" : "\(address),N\(n)\n"
    }
    return (withIDs ? "id,email,first_name\n" : "email,first_name\n") + rows.joined()
  }

  private static let messages = "email,code\n" + (0..<12).map { "m\($0)@example.com,k\($0)\n" }.joined()

  /// The project after four days of everything that can happen, nothing settled yet.
  private static func lived() throws -> TestProject {
    let project = try TestProject(files)
    for (day, failures) in zip(days, ["25%:permanent", "25%:in-doubt", "40%:temporary", ""]) {
      try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", day)
      var words = ["send", "--rehearse", day]
      if !failures.isEmpty { words += ["--inject-failures", failures] }
      let program = try #require(Program.folder) + "/nightmail"
      let output = try Shell.run(program, words, folder: project.path, environment: Program.environment)
      #expect([0, 3, 4].contains(output.status), "\(output.out)\(output.error)")
    }
    return project
  }

  private static func copy(_ project: TestProject, _ what: String = ".", to other: TestProject) throws {
    let output = try Shell.run(
      "/bin/cp",
      [
        "-a", "\(project.path)/\(what)",
        "\(other.path)/\(what == "." ? "." : (what as NSString).deletingLastPathComponent)",
      ],
      folder: project.path, environment: Program.environment)
    #expect(output.status == 0, "\(output.error)")
  }

  private static func exists(_ project: TestProject, _ day: String) -> Bool {
    FileManager.default.fileExists(atPath: "\(project.path)/output/rehearsal/\(day)")
  }

  @Test func everyPlanAfterAPruneIsThePlanWithoutIt() throws {
    let whole = try Self.lived()
    let before = try whole.nightmail(
      expecting: 0, "prune", "--rehearse", "--older-than", "90d", "--dry-run", "--json"
    ).json
    let kept = before["kept"]?.array ?? []
    #expect(kept.first { $0["date"]?.string == Self.days[0] }?["reason"]?.string == "dead-letters")
    #expect(kept.first { $0["date"]?.string == Self.days[1] }?["reason"]?.string == "in-doubt")
    #expect(before["done"] == .bool(false))
    // Some are made due again, some let go, some found to have arrived.
    let dead =
      try whole.nightmail(
        expecting: 0, "dead-letters", "list", "--rehearse", "--date", Self.days[0], "--json"
      ).json.array ?? []
    let ids = dead.compactMap { $0["id"]?.string }
    try #require(ids.count > 2, "the first day has some")
    try whole.nightmail(expecting: 0, "dead-letters", "retry", "--rehearse", ids[0])
    let doubts =
      try whole.nightmail(
        expecting: 0, "dead-letters", "list", "--rehearse", "--reason", "in-doubt", "--json"
      ).json.array ?? []
    let doubtful = doubts.compactMap { $0["id"]?.string }
    try #require(doubtful.count > 2)
    try whole.nightmail(expecting: 0, "dead-letters", "retry", "--rehearse", doubtful[0])
    try whole.nightmail(expecting: 0, "dead-letters", "mark-sent", "--rehearse", doubtful[1])
    for day in Self.days {
      let left =
        try whole.nightmail(
          expecting: 0, "dead-letters", "list", "--rehearse", "--date", day, "--json"
        ).json.array ?? []
      if !left.isEmpty { try whole.nightmail(expecting: 0, "dead-letters", "drop", "--rehearse", "--date", day) }
    }

    let pruned = try TestProject([:])
    try Self.copy(whole, to: pruned)
    let done = try pruned.nightmail(
      expecting: 0, "prune", "--rehearse", "--older-than", "90d", "--auto-approve", "--json"
    ).json
    #expect(done["done"] == .bool(true) && done["days"]?.array?.count == 4)
    for day in Self.days { #expect(!Self.exists(pruned, day)) }
    let status = try pruned.nightmail(expecting: 0, "status", "--rehearse", Self.days[0], "--json").json
    #expect(status["pruned_at"]?.string != nil)
    #expect(status["campaigns"]?["welcome"]?["planned"]?.integer ?? 0 > 0)
    for command in ["status", "report", "show"] {
      let text = try pruned.nightmail(expecting: 0, command, "--rehearse", Self.days[0])
      #expect(text.contains("was pruned at") && text.contains("welcome"))
    }
    let story = try pruned.nightmail(expecting: 0, "status", "--rehearse", "--contact", "c1@example.com", "--json")
    let told = try whole.nightmail(expecting: 0, "status", "--rehearse", "--contact", "c1@example.com", "--json")
    #expect(try story.json["sends"]?.array?.count == told.json["sends"]?.array?.count)
    #expect(try told.json["sends"]?.array?.isEmpty == false)

    // From now on both are the same project, with everything renamed in the middle.
    for (n, day) in Self.later.enumerated() {
      for project in [whole, pruned] where n == 1 {
        try project.folder.write(Self.contacts(withIDs: true), to: "data/contacts.csv")
        try project.folder.write(Self.welcome(renamed: true), to: "campaigns/hello/campaign.yaml")
        try FileManager.default.removeItem(atPath: "\(project.path)/campaigns/welcome")
      }
      let path = "output/rehearsal/\(day)"
      for project in [whole, pruned] { try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", day) }
      #expect(try pruned.folder.read("\(path)/plan.jsonl") == whole.folder.read("\(path)/plan.jsonl"), "\(day)")
      func skipped(_ project: TestProject) throws -> [String] {
        try project.records("\(path)/skipped.jsonl").map { line in
          ["contact", "campaign", "step", "reason"].map { line[$0]?.string ?? "" }.joined(separator: " ")
        }
      }
      #expect(try skipped(pruned) == skipped(whole))
      let send = try pruned.nightmail("send", "--rehearse", day)
      #expect([0, 3].contains(send.status), "\(send.error)")
      // Its results are the other's as well: times to the millisecond are no two runs' alike.
      try FileManager.default.removeItem(atPath: "\(whole.path)/\(path)")
      try Self.copy(pruned, path, to: whole)
    }
    let all = try Self.later.flatMap { try pruned.records("output/rehearsal/\($0)/plan.jsonl") }
    #expect(all.contains { $0["thread"] != nil }, "replies to what was pruned")
    #expect(all.contains { $0["campaign"]?.string == "hello" && $0["step"]?.string == "remind" })
  }

  @Test func aPlanMadeElsewhereSendsNobodyASecondTimeWhatWasPruned() throws {
    // Room for everybody on the first day.
    var files = Self.files
    files["data/mailboxes.yaml"] = files["data/mailboxes.yaml"]?.replacing("daily_limit: ", with: "daily_limit: 10")
    let project = try TestProject(files)
    let stranger = try TestProject(files)
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", Self.days[0])
    try project.nightmail(
      expecting: 0, "prune", "--rehearse", "--older-than", "90d", "--auto-approve")
    // Renamed and with ids of their own, so that no send has the id that it had.
    for project in [project, stranger] {
      try project.folder.write(Self.contacts(withIDs: true), to: "data/contacts.csv")
      try project.folder.write(Self.welcome(renamed: true), to: "campaigns/hello/campaign.yaml")
      try FileManager.default.removeItem(atPath: "\(project.path)/campaigns/welcome")
    }
    try stranger.nightmail(expecting: 0, "plan", "--rehearse", "--date", Self.days[1])
    let path = "output/rehearsal/\(Self.days[1])"
    let planned = try stranger.records("\(path)/plan.jsonl")
    let first = planned.filter { $0["campaign"]?.string == "hello" }
    #expect(first.count > 5)
    try Self.copy(stranger, path, to: project)
    let sent = try project.nightmail(expecting: 0, "send", "--rehearse", Self.days[1], "--json").json
    #expect(sent["sent"]?.integer == 0, "the plan knows nothing of the history, the executor does: \(sent.text)")
  }

  @Test func aPruneNeedsAWordAndARightToIt() throws {
    let project = try TestProject(Self.files)
    #expect(try project.nightmail("prune", "--older-than", "90d").status == 1, "no output yet")
    #expect(try project.nightmail("prune").status == 1)
    for bad in ["90", "0d", "12h", "x"] {
      let output = try project.nightmail("prune", "--older-than", bad)
      #expect(output.status == 1 && output.error.contains("--older-than is"), "\(bad): \(output.error)")
    }
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", Self.days[0])
    try project.folder.write("mine", to: "output/rehearsal/\(Self.days[0])/notes.txt")
    try project.folder.write("to\nc1@example.com\n", to: "output/rehearsal/\(Self.days[0])/told.csv")
    let unasked = try project.nightmail("prune", "--rehearse", "--older-than", "90d")
    #expect(unasked.status == 5 && unasked.error.contains("--auto-approve"))
    #expect(unasked.out.contains("would be pruned"))
    let none = try project.nightmail(expecting: 0, "prune", "--rehearse", "--older-than", "3000d", "--auto-approve")
    #expect(none.contains("Nothing to prune"))
    let done = try project.nightmail(expecting: 0, "prune", "--rehearse", "--older-than", "90d", "--auto-approve")
    #expect(done.contains("notes.txt"))
    let left = try FileManager.default.contentsOfDirectory(
      atPath: "\(project.path)/output/rehearsal/\(Self.days[0])")
    #expect(left == ["notes.txt"])
    // Nothing that tells of a person is left anywhere but in the files of the project.
    let found = try Shell.run(
      "/bin/grep", ["-rliE", "c[0-9]+@example.com", "output"], folder: project.path, environment: Program.environment)
    #expect(found.status == 1, "\(found.out)")
  }

  @Test func whatLimitsLookBackOnStaysHoweverLittleWasAskedFor() throws {
    let project = try TestProject(Self.files)
    let today = try #require(CalendarDay(Daytime.today))
    for ago in [5, 20] { try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "\(today - ago)") }
    let done = try project.nightmail(
      expecting: 0, "prune", "--rehearse", "--older-than", "1d", "--auto-approve", "--json"
    ).json
    #expect(done["days"]?.array?.compactMap { $0["date"]?.string } == ["\(today - 20)"])
    #expect(done["kept"]?.array?.compactMap { $0["date"]?.string } == ["\(today - 5)"])
    #expect(done["kept"]?.array?.first?["reason"]?.string == "recent")
  }

  @Test func nothingIsPrunedWhileSomebodySends() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 100))
    let project = try TestProject(Projects.letter(contacts: 30, port: server.port, connections: 1))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    let run = try project.start("send", "--rehearse", "2025-11-20")
    defer { run.stop() }
    try wait(30) { !server.messages.isEmpty }
    try #require(!server.messages.isEmpty, "\(run.output)")
    let output = try project.nightmail("prune", "--rehearse", "--older-than", "90d", "--auto-approve")
    #expect(output.status == 75, "\(output.out)\(output.error)")
    #expect(run.wait(seconds: 60) == 0)
    try project.nightmail(expecting: 0, "prune", "--rehearse", "--older-than", "90d", "--auto-approve")
  }
}
