import Foundation
import Model
import TestSupport
import Testing

/// A person's `pause` and `resume`, breakers, and failures on purpose, as they are typed.
@Suite(.serialized, .timeLimit(.minutes(5)))
struct PauseTests {
  private static let day = "output/rehearsal/2025-11-20"

  /// Codes that somebody waits for, one a second.
  private func codes(_ count: Int, _ server: ScriptedSMTPServer) throws -> TestProject {
    var files = Projects.letter(contacts: 0, port: server.port, connections: 1)
    files["campaigns/letter/campaign.yaml"] = """
      status: active
      class: transactional
      audience: {messages: [messages.csv], key: [email]}
      mailboxes: [anna]
      steps: [{id: code, subject: Your code, text: {inline: "{{email}}\\n"}}]
      """
    files["data/mailboxes.yaml"] = "- {id: anna, from: Anna <anna@shop.example>, providers: [server], min_gap: 1s}\n"
    files["data/messages.csv"] = "email\n" + (0..<count).map { "c\($0)@example.com\n" }.joined()
    return try TestProject(files)
  }

  @Test func aRunningSendHeedsPauseAndResumeWithinSeconds() throws {
    let server = try ScriptedSMTPServer()
    let project = try codes(300, server)
    let run = try project.start("run")
    defer { run.stop() }
    try wait(30) { server.messages.count >= 2 || !run.isRunning }
    let said = try project.nightmail(
      expecting: 0, "pause", "campaign", "letter", "--by", "ben", "--reason", "a wrong link")
    #expect(said.contains("Paused campaign letter"), "\(said)")
    // It looks every two seconds, and sends one a second: three without any are its doing.
    var (count, quiet) = (server.messages.count, 0)
    try wait(20) {
      pause(milliseconds: 100)
      quiet = server.messages.count == count ? quiet + 1 : 0
      count = server.messages.count
      return quiet >= 30
    }
    #expect(count < 25 && run.isRunning, "\(run.output)")
    let status = try project.nightmail(expecting: 0, "status", "--json").json
    #expect(status["paused"]?.array?.first?["name"]?.string == "letter")
    #expect(status["paused"]?.array?.first?["by"]?.string == "ben")
    #expect(status["totals"]?["pending"]?.integer ?? 0 > 0)
    try project.nightmail(expecting: 0, "resume", "campaign", "letter", "--by", "ben")
    try wait(10) { server.messages.count > count || !run.isRunning }
    #expect(server.messages.count > count, "\(run.output)")
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
    #expect(Set(server.takenIDs).count == server.messages.count, "nothing twice")
  }

  /// Whoever else a contact is can then not be told: nobody is written to until it can.
  @Test func aSuppressionThatComesWhileTheProjectCannotBeReadHoldsOnceItCan() throws {
    let server = try ScriptedSMTPServer()
    let project = try codes(30, server)
    try project.nightmail(expecting: 0, "plan")
    let run = try project.start("send")
    defer { run.stop() }
    try wait(30) { server.messages.count >= 2 || !run.isRunning }
    let settings = try project.folder.read("campaigns/settings.yaml")
    try project.folder.write(settings + "nonsense: [\n", to: "campaigns/settings.yaml")
    let late = (0..<30).map { "c\($0)@example.com,asked,," }.joined(separator: "\n")
    try project.folder.write("value,reason,campaign,until\n\(late)\n", to: "data/suppressions.csv")
    try wait(20) { run.output.contains("the project cannot be read") || !run.isRunning }
    #expect(run.isRunning, "\(run.output)")
    try project.folder.write(settings, to: "campaigns/settings.yaml")
    #expect(run.wait(seconds: 60) == 0, "\(run.output)")
    // What was sent before anybody looked; the others are given back.
    #expect(server.messages.count < 20, "\(server.messages.count)")
  }

  @Test func whatIsPausedIsSaidByStatusPlanAndSendAndUnknownNamesAreRefused() throws {
    let project = try TestProject(Projects.files(contacts: 4))
    for (words, hint) in [
      (["campaign", "lettre"], "did you mean 'letter'"), (["mailbox", "ana"], "did you mean 'anna'"),
      (["provider", "relay"], "no provider 'relay'"), (["campain", "letter"], "did you mean 'campaign'"),
    ] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", ["pause", "--rehearse"] + words, folder: project.path,
        environment: Program.environment)
      #expect(output.status == 1 && output.error.contains(hint), "\(words): \(output.error)")
    }
    #expect(!project.folder.exists("output/rehearsal/pauses.jsonl"))
    let json = try project.nightmail(
      expecting: 0, "pause", "mailbox", "anna", "--rehearse", "--json", "--reason", "a holiday"
    ).json
    #expect(json["paused"]?.string == "anna" && json["part"]?.string == "mailbox" && json["by"]?.string == "tester")
    let plan = try project.nightmail("plan", "--rehearse", "--date", "2025-11-20")
    #expect(plan.status == 0 && plan.error.contains("mailbox anna is paused"), "\(plan.error)")
    #expect(plan.error.contains("a holiday") && plan.error.contains("nightmail resume mailbox anna --rehearse"))
    #expect(try Ledger(project, day: Self.day).planned.count == 4, "a plan is made as ever")
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-20")
    #expect(status.contains("mailbox anna is paused"), "\(status)")
    // A day on which nobody resumes it: all goes back to the next plan.
    let send = try project.nightmail("send", "--rehearse", "2025-11-20")
    #expect(send.status == 0 && send.error.contains("mailbox anna is paused"), "\(send.out)\(send.error)")
    #expect(send.out.contains("4 released to the next plan (paused 4)"), "\(send.out)")
    let resumed = try project.nightmail(expecting: 0, "resume", "mailbox", "anna", "--rehearse")
    #expect(resumed.contains("was paused"), "\(resumed)")
    let next = try project.nightmail("run", "--rehearse", "--date", "2025-11-21")
    #expect(next.status == 0 && next.out.contains("4 messages sent") && !next.error.contains("is paused"), "\(next)")
  }

  @Test func aPausedProviderIsPassedOverForTheNext() throws {
    let server = try ScriptedSMTPServer()
    var files = Projects.letter(contacts: 4, port: server.port)
    files["data/mailboxes.yaml"] = "- {id: anna, from: Anna <anna@shop.example>, providers: [server, backup]}\n"
    files["data/providers.yaml"] = (files["data/providers.yaml"] ?? "") + "\n- {id: backup, type: file}\n"
    let project = try TestProject(files)
    try project.nightmail(expecting: 0, "pause", "provider", "server", "--rehearse")
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    #expect(server.connections == 0)
    #expect(project.folder.list("\(Self.day)/outbox").filter { $0.hasSuffix(".eml") }.count == 4)
  }

  @Test func aBreakerStopsItsPartUntilAPersonResumesIt() throws {
    let unknown = SMTPScript.Attempt(rcpt: "550 5.1.1 No such user")
    let server = try ScriptedSMTPServer(SMTPScript(attempts: Array(repeating: unknown, count: 6)))
    let project = try TestProject(
      Projects.letter(
        contacts: 40, port: server.port, connections: 1, settings: "breaker: {bounce_rate: 10%, min_sends: 6}\n"))
    let first = try project.nightmail("run", "--rehearse", "--date", "2025-11-20")
    #expect(first.status == 4, "\(first.out)\(first.error)")
    for part in ["campaign letter", "mailbox anna"] {
      #expect(first.error.contains("\(part) is stopped by its breaker"), "\(first.error)")
      #expect(first.error.contains("nightmail resume \(part) --rehearse"), "\(first.error)")
    }
    let figures = "6 bounces in 6 sends (100.0%), above the bounce_rate of 10%"
    #expect(first.error.contains(figures), "\(first.error)")
    #expect(
      first.out.contains("6 dead (rejected 6)") && first.out.contains("34 released to the next plan (breaker 34)"))
    #expect(server.takenIDs.isEmpty)
    // The next night it is still held, for whoever has not resumed it.
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-21")
    let held = try project.nightmail("send", "--rehearse", "2025-11-21")
    #expect(held.status == 4 && held.out.contains("34 held by a breaker"), "\(held.out)\(held.error)")
    #expect(held.error.contains(figures), "\(held.error)")
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-21", "--json").json
    #expect(status["paused"]?.array?.map { $0["state"]?.string } == ["stopped", "stopped"])
    try project.nightmail(expecting: 0, "resume", "mailbox", "anna", "--rehearse")
    #expect(try project.nightmail("send", "--rehearse", "2025-11-21").status == 4, "its campaign is stopped too")
    let resumed = try project.nightmail(expecting: 0, "resume", "campaign", "letter", "--rehearse", "--by", "ben")
    #expect(resumed.contains("was stopped by its breaker"), "\(resumed)")
    let last = try project.nightmail("send", "--rehearse", "2025-11-21")
    #expect(last.status == 0 && last.out.contains("34 messages sent"), "\(last.out)\(last.error)")
    #expect(Set(server.takenIDs).count == 34 && server.takenIDs.count == 34)
    let lines = try project.records("output/rehearsal/pauses.jsonl")
    #expect(lines.map { $0["kind"]?.string } == ["tripped", "tripped", "resumed", "resumed"])
    #expect(lines.last?["by"]?.string == "ben")
  }

  @Test func aBreakerHoldsARenamedCampaignUntilItIsResumedByItsNewName() throws {
    let unknown = SMTPScript.Attempt(rcpt: "550 5.1.1 No such user")
    let server = try ScriptedSMTPServer(SMTPScript(attempts: Array(repeating: unknown, count: 6)))
    let files = Projects.letter(
      contacts: 12, port: server.port, connections: 1, settings: "breaker: {bounce_rate: 10%, min_sends: 6}\n")
    let project = try TestProject(files)
    #expect(try project.nightmail("run", "--rehearse", "--date", "2025-11-20").status == 4)
    try project.nightmail(expecting: 0, "resume", "mailbox", "anna", "--rehearse")
    let text = files["campaigns/letter/campaign.yaml"] ?? ""
    try FileManager.default.removeItem(atPath: project.folder.file("campaigns/letter"))
    try project.folder.write("was: [letter]\n" + text, to: "campaigns/post/campaign.yaml")
    let plan = try project.nightmail("plan", "--rehearse", "--date", "2025-11-21")
    #expect(plan.status == 0 && plan.error.contains("campaign post is stopped by its breaker"), "\(plan.error)")
    #expect(plan.error.contains("nightmail resume campaign post --rehearse"), "\(plan.error)")
    let held = try project.nightmail("send", "--rehearse", "2025-11-21")
    #expect(held.status == 4 && held.out.contains("6 held by a breaker"), "\(held.out)\(held.error)")
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-21", "--json").json
    #expect(status["paused"]?.array?.map { $0["name"]?.string } == ["post"])
    let resumed = try project.nightmail(expecting: 0, "resume", "campaign", "post", "--rehearse")
    #expect(resumed.contains("campaign post, which was stopped by its breaker"), "\(resumed)")
    let last = try project.nightmail("send", "--rehearse", "2025-11-21")
    #expect(last.status == 0 && last.out.contains("6 messages sent"), "\(last.out)\(last.error)")
  }

  /// Codes through a webhook, each by a mailbox of its own: a plan gives a mailbox no two sends in one second.
  private func webhook(_ server: ScriptedHTTPServer, keys: String = "") throws -> TestProject {
    var files = Projects.codes(0, through: nil)
    files["campaigns/settings.yaml"] = """
      timezone: \(Daytime.zone)
      window: always
      retry: {backoff: 10m, max_backoff: 20m}
      breaker: {bounce_rate: 100%, complaint_rate: 100%, error_rate: 100%}
      """
    files["campaigns/codes/campaign.yaml"] = """
      status: active
      class: transactional
      audience: {messages: [messages/*.csv], key: [email]}
      mailboxes: [anna, ben, cleo]
      steps: [{id: code, subject: Your code, text: {inline: "{{email}}\\n"}}]
      """
    files["data/messages.csv"] = nil
    files["data/messages/1.csv"] = "email,from\nc0@example.com,anna@shop.example\n"
    files["data/mailboxes.yaml"] = ["anna", "ben", "cleo"].map {
      "- {id: \($0), from: \($0)@shop.example, providers: [gateway]}\n"
    }.joined()
    files["data/providers.yaml"] = """
      - id: gateway
        type: webhook
        url: http://127.0.0.1:\(server.port)/v1/send/{{id}}
        body: '{"id": "{{id}}", "to": "{{to}}", "text": "{{text}}"}'
        max_connections: 1
        timeout: 10s
        \(keys)
      """
    return try TestProject(files)
  }

  private static let more = "email,from\nc1@example.com,ben@shop.example\nc2@example.com,cleo@shop.example\n"

  @Test func aLoginThatRestsSinceAnEarlierRunIsSaidAndAResumeOfItsProviderEndsThat() throws {
    let server = try ScriptedHTTPServer([.reply(401, body: "who are you")])
    let project = try webhook(server)
    try project.folder.write(Self.more, to: "data/messages/2.csv")
    let first = try project.nightmail("run", "--due")
    #expect(first.status == 4 && first.out.contains("3 left for the next run"), "\(first.out)\(first.error)")
    let second = try project.nightmail("send", "--due")
    #expect(second.status == 4 && second.out.contains("3 left for the next run"), "\(second.out)\(second.error)")
    for words in ["401", "nightmail resume provider gateway"] {
      #expect(second.error.contains(words), "\(second.error)")
    }
    #expect(server.requests.count == 1, "it rests")
    let resumed = try project.nightmail(expecting: 0, "resume", "provider", "gateway")
    #expect(resumed.contains("provider gateway was neither paused nor stopped"), "\(resumed)")
    let last = try project.nightmail("send", "--due")
    #expect(
      last.status == 0 && last.out.contains("2 messages sent, 1 left for the next run"), "\(last.out)\(last.error)")
    #expect(server.requests.count == 3)
  }

  @Test func aSignalBetweenTheTwoSendsOfRunDueStopsIt() throws {
    let server = try ScriptedHTTPServer()
    // Each send asks for the token anew: the second time is the moment between.
    let project = try webhook(server, keys: #"token: {command: [sh, "-c", "echo x >> asked; sleep 2; echo secret"]}"#)
    try project.nightmail(expecting: 0, "plan")
    try project.folder.write(Self.more, to: "data/messages/2.csv")
    let run = try project.start("run", "--due")
    defer { run.stop() }
    try wait(30) { (try? project.folder.read("asked")) == "x\nx\n" || !run.isRunning }
    #expect(run.isRunning && server.requests.count == 1, "\(run.output)")
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
    #expect(server.requests.count == 1 && run.output.contains("stopped: nothing was sent"), "\(run.output)")
    try project.nightmail(expecting: 0, "run", "--due")
    #expect(server.requests.count == 3)
  }

  @Test func whatIsNeitherPausedNorStoppedIsSaidToBeSo() throws {
    let project = try TestProject(Projects.files(contacts: 1))
    for part in ["campaign letter", "mailbox anna", "provider server"] {
      let words = part.split(separator: " ").map(String.init)
      let said = try project.nightmail(expecting: 0, "resume", words[0], words[1], "--rehearse")
      #expect(said.hasPrefix("\(part) was neither paused nor stopped"), "\(said)")
    }
  }

  /// By the option, and by the environment.
  @Test(arguments: [true, false]) func failuresOnPurposeBecomeDeadLettersThatSaySoAndCanBeRetried(byOption: Bool) throws
  {
    let project = try TestProject(Projects.files(contacts: 5))
    let failed =
      byOption
      ? try project.nightmail(
        "run", "--rehearse", "--date", "2025-11-20", "--inject-failures", "100%:permanent")
      : try project.nightmail(
        "run", "--rehearse", "--date", "2025-11-20", environment: ["NIGHTMAIL_FORCE_FAIL": "1"])
    #expect(failed.status == 3 && failed.out.contains("5 dead (rejected 5)"), "\(failed.out)\(failed.error)")
    #expect(failed.error.contains("FAILURES ON PURPOSE: 100%"), "\(failed.error)")
    let why = byOption ? "--inject-failures" : "NIGHTMAIL_FORCE_FAIL"
    #expect(failed.error.contains("5 attempts failed on purpose, by \(why)"), "\(failed.error)")
    let outcomes = try project.records("\(Self.day)/results.jsonl").filter { $0["kind"]?.string == "outcome" }
    #expect(outcomes.count == 5 && outcomes.allSatisfy { $0["response"]?.string?.hasPrefix("injected: ") == true })
    #expect(project.folder.list("\(Self.day)/outbox").isEmpty)
    let list = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse")
    #expect(list.components(separatedBy: "injected: a permanent failure").count == 6, "\(list)")
    try project.nightmail(expecting: 0, "dead-letters", "retry", "--rehearse", "--all")
    let again = try project.nightmail("run", "--rehearse", "--date", "2025-11-21")
    #expect(again.status == 0 && again.out.contains("5 messages sent"), "\(again.out)\(again.error)")
    #expect(!again.error.contains("PURPOSE"), "\(again.error)")
    #expect(try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse").contains("No dead letters"))
  }

  @Test func aStopWaitsForItsGraceAndThenSaysWhatIsInDoubt() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [SMTPScript.Attempt(message: .silence)]))
    let project = try TestProject(Projects.letter(contacts: 3, port: server.port, connections: 1))
    let run = try project.start("run", "--rehearse", "--date", "2025-11-20", "--grace", "2s")
    defer { run.stop() }
    try wait(30) { server.messages.count == 1 || !run.isRunning }
    let asked = Date()
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 9) == 4, "\(run.output)")
    #expect(Date().timeIntervalSince(asked) > 1.9)
    #expect(run.output.contains("1 in doubt, 2 left for the next run"), "\(run.output)")
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.ids("in-doubt") == Set(server.takenIDs) && ledger.ids("intent").isEmpty)
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-20")
    #expect(Set(server.takenIDs).count == 3 && server.messages.count == 3)
  }

  @Test(arguments: ["lots", "20%:fatal", "120%"]) func aShareThatIsNoneIsRefused(text: String) throws {
    let project = try TestProject(Projects.files(contacts: 1))
    let output = try project.nightmail("run", "--rehearse", "--inject-failures", text)
    #expect(![0, 3].contains(output.status) && output.error.contains("--inject-failures"), "\(output.error)")
    #expect(!project.folder.exists("output"))
  }
}
