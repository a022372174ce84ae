import Foundation
import Model
import TestSupport
import Testing

/// What only real sends show: the history's name, `--due`, the wall clock.
@Suite(.timeLimit(.minutes(5)))
struct TodayTests {
  private let day = "output/\(Daytime.today)"

  @Test func theFirstRealSendNamesTheHistoryAndALostOneIsNoticed() throws {
    let project = try TestProject(Projects.files(contacts: 3))
    try project.nightmail(expecting: 0, "plan")
    #expect(!project.folder.exists("data/history.id"), "planning names nothing")
    try project.nightmail(expecting: 0, "send", "--due")
    let name = try project.folder.read("data/history.id")
    #expect(try project.folder.read("output/history/id") == name)
    // Somebody clones the project onto a machine whose output is empty.
    try FileManager.default.moveItem(atPath: project.folder.file("output"), toPath: project.folder.file("elsewhere"))
    for command in [["plan"], ["run", "--due"]] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command, folder: project.path, environment: Program.environment)
      #expect(output.status == 1, "\(command)")
      #expect(output.error.contains("--new-history") && output.error.contains("--output"), "\(output.error)")
    }
    #expect(!project.folder.exists("output/\(Daytime.today)/plan.jsonl"))
    // A rehearsal has a history of its own.
    try project.nightmail(expecting: 0, "plan", "--rehearse")
    // Pointed to where it is, all is well.
    try project.nightmail(expecting: 0, "plan", "--output", "elsewhere")
    try project.nightmail(expecting: 0, "plan", environment: ["NIGHTMAIL_OUTPUT": "elsewhere"])
    // Begun anew, everybody is due again.
    try project.nightmail(expecting: 0, "plan", "--new-history")
    #expect(try Ledger(project, day: day).planned.count == 3)
    #expect(try project.folder.read("data/history.id") != name)
    let lost = try project.nightmail("plan", "--output", "elsewhere")
    #expect(lost.status == 1 && lost.error.contains("data/history.id"), "\(lost.error)")
  }

  /// `run --due`, as cron types it: what is due goes out, what is not waits, new contacts are taken in.
  @Test func runDueSendsWhatIsDueAndTakesInWhatIsNew() throws {
    let project = try TestProject(Projects.files(contacts: 0))
    // Each code has a mailbox of its own: a plan gives a mailbox no two sends in one second.
    let mailboxes = ["anna", "ben", "cleo"].map { "- {id: \($0), from: \($0)@shop.example, providers: [server]}\n" }
    try project.folder.write(mailboxes.joined(), to: "data/mailboxes.yaml")
    var sent = 0
    func run() throws -> Int {
      let lines = try project.nightmail(expecting: 0, "run", "--due", "--json").split(separator: "\n")
      let tally = try lines.map { try String($0).json["sent"]?.integer ?? 0 }.reduce(0, +)
      return Int(tally)
    }
    sent += try run()
    #expect(sent == 0)
    // A code that somebody asked for is due at once, in the run that finds it.
    try project.folder.write(
      """
      status: active
      class: transactional
      audience: {messages: [messages/*.csv], key: [code]}
      mailboxes: [anna, ben, cleo]
      steps: [{id: code, subject: Your code, text: {inline: "{{code}}\\n"}}]
      """, to: "campaigns/codes/campaign.yaml")
    try project.folder.write("code,email,from\n1111,ada@example.com,anna@shop.example\n", to: "data/messages/1.csv")
    sent += try run()
    #expect(sent == 1)
    sent += try run()
    #expect(sent == 1, "once")
    try project.folder.write(
      "code,email,from\n2222,ada@example.com,ben@shop.example\n1111,ada@example.com,anna@shop.example\n",
      to: "data/messages/2.csv")
    sent += try run()
    #expect(sent == 2)
    // What has a time of its own waits for it.
    let later = Date().addingTimeInterval(3600).ISO8601Format()
    try project.folder.write(
      "code,email,from,send_at\n3333,ben@example.com,cleo@shop.example,\(later)\n", to: "data/messages/3.csv")
    sent += try run()
    #expect(sent == 2)
    let status = try project.nightmail(expecting: 0, "status", "--json").json
    #expect(status["totals"]?["sent"]?.integer == 2)
    #expect(status["totals"]?["pending"]?.integer == 1)
    #expect(project.folder.list("\(day)/outbox").count == 2)
  }

  @Test func aRealSendIsRefusedNothingARehearsalIs() throws {
    var files = Projects.letter(contacts: 1, port: 25)
    files["data/providers.yaml"] = files["data/providers.yaml"]?.replacing("localhost", with: "smtp.example.com")
    files["data/providers.yaml"] = files["data/providers.yaml"]?.replacing("tls: none", with: "tls: starttls")
    let project = try TestProject(files)
    let output = try project.nightmail("run", "--rehearse")
    #expect(output.status == 1)
    #expect(output.error.contains("data/providers.yaml:1:") && output.error.contains("rehears"), "\(output.error)")
  }

  @Test func aSecretThatIsMissingIsNamedAndNothingIsSent() throws {
    let server = try ScriptedSMTPServer()
    let project = try TestProject(
      Projects.letter(
        contacts: 1, port: server.port,
        provider: "tls: none\nusername: anna\npassword: {env: NIGHTMAIL_TEST_PASSWORD}"))
    try project.nightmail(expecting: 0, "validate")
    let output = try project.nightmail("run", "--rehearse", "--date", "2025-11-20")
    #expect(output.status == 1)
    #expect(output.error.contains("NIGHTMAIL_TEST_PASSWORD"), "\(output.error)")
    #expect(server.connections == 0)
  }

  @Test func everyCommandPrintsJSONThatParses() throws {
    let project = try TestProject(Projects.files(contacts: 3))
    let id = "00000000000000000000000000000000"
    let commands: [[String]] = [
      ["validate", "--json"], ["validate", "--format", "json"], ["plan", "--json"],
      ["plan", "--json", "--out", "p.jsonl"],
      ["show", "--json"], ["approve", "--json"], ["send", "--due", "--json"], ["run", "--due", "--json"],
      ["status", "--json"], ["status", "--json", "--contact", "c0@example.com"], ["dead-letters", "list", "--json"],
      ["dead-letters", "--json"], ["event", "reply", "c0@example.com", "--json"],
      ["suppress", "c1@example.com", "--json"], ["--json", "suppress", "@example.net"], ["init", "new", "--json"],
    ]
    for command in commands {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command, folder: project.path, environment: Program.environment)
      #expect(output.status == 0, "\(command): \(output.out)\(output.error)")
      let lines = output.out.split(separator: "\n")
      #expect(!lines.isEmpty, "\(command)")
      for line in lines { #expect(throws: Never.self, "\(command): \(line)") { try String(line).json } }
    }
    // Errors go to standard error, also then.
    for command in [["status", "--json", "--id", id], ["show", "--json", "1999-01-01"]] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command, folder: project.path, environment: Program.environment)
      #expect(output.status == 1 && output.out.isEmpty && output.error.hasPrefix("nightmail: "), "\(command)")
    }
  }
}
