import Foundation
import Model
import TestSupport
import Testing

/// `nightmail run --watch`, beside which files change and commands are typed.
@Suite(.timeLimit(.minutes(5)))
struct WatchTests {
  private let day = "output/\(Daytime.today)"

  /// A letter to each contact and a code to each row, through mailboxes of their own: a plan gives a mailbox no two
  /// sends in one second.
  /// - Parameter letter: keys of its campaign; nil: it is a draft, since its sends are spread over the day.
  private func project(letter: String? = nil, codes: String = "", provider: String? = nil) throws -> TestProject {
    var files = Projects.files(contacts: 1)
    files["campaigns/letter/campaign.yaml"] = """
      status: \(letter == nil ? "draft" : "active")
      approval: optional
      \(letter ?? "")
      audience: {contacts: [contacts.csv]}
      mailboxes: [anna]
      unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
      steps:
        - {id: only, subject: "Hello {{first_name}}", text: {inline: "Dear {{first_name}}\\n"}}
      """
    files["campaigns/codes/campaign.yaml"] = """
      status: active
      class: transactional
      \(codes)
      audience: {messages: [messages/*.csv], key: [code]}
      mailboxes: [ben]
      steps: [{id: code, subject: Your code, text: {inline: "{{code}}\\n"}}]
      """
    files["data/mailboxes.yaml"] = """
      - {id: anna, from: Anna <anna@shop.example>, providers: [server]}
      - {id: ben, from: Ben <ben@shop.example>, providers: [server]}

      """
    files["data/messages/1.csv"] = "code,email\n1111,ada@example.com\n"
    if let provider { files["data/providers.yaml"] = provider }
    return try TestProject(files)
  }

  private func outbox(_ project: TestProject) -> Int { project.folder.list("\(day)/outbox").count }

  private func text(_ instant: Date) -> String { instant.ISO8601Format() }

  @Test func newContactsAndRowsGoOutUntilTheEndAndNothingAfterIt() throws {
    let (soon, later) = (Date().addingTimeInterval(25), Date().addingTimeInterval(45))
    let project = try project(letter: "end: \(text(soon))", codes: "end: \(text(later))")
    let run = try project.start("run", "--watch", "--poll", "100ms", "--max-poll", "200ms")
    defer { run.stop() }
    func hasMail(to address: String) -> Bool {
      project.folder.list("\(day)/outbox").contains { name in
        (try? project.folder.read("\(day)/outbox/\(name)"))?.contains("To: \(address)") ?? false
      }
    }
    // A code is due at once; letters are spread over the time that is left.
    try wait(20) { hasMail(to: "ada@example.com") || !run.isRunning }
    try project.folder.write("email,first_name\nc0@example.com,C\nnew@example.com,Ada\n", to: "data/contacts.csv")
    try wait(20) { run.output.contains("data/contacts.csv was changed") || !run.isRunning }
    try project.folder.write("code,email\n2222,ben@example.com\n", to: "data/messages/2.csv")
    // A row whose time comes after the end is never written to.
    try project.folder.write(
      "code,email,send_at\n4444,dan@example.com,\(text(later.addingTimeInterval(60)))\n", to: "data/messages/4.csv")
    try wait(20) { hasMail(to: "ben@example.com") || !run.isRunning }
    try wait(30) { hasMail(to: "c0@example.com") && hasMail(to: "new@example.com") || !run.isRunning }
    // The letter has ended, the codes have not.
    try wait(30) { Date() >= soon }
    try project.folder.write(
      "email,first_name\nc0@example.com,C\nnew@example.com,Ada\nlate@example.com,Bob\n", to: "data/contacts.csv")
    try project.folder.write("code,email\n3333,cleo@example.com\n", to: "data/messages/3.csv")
    try wait(20) { hasMail(to: "cleo@example.com") || !run.isRunning }
    #expect(run.wait(seconds: 60) == 0, "\(run.output)")
    #expect(run.output.contains("Every campaign has ended."))
    #expect(run.output.contains("data/messages/2.csv is new"), "\(run.output)")
    let sent = try project.records("\(day)/results.jsonl").filter { $0["outcome"]?.string == "sent" }
    #expect(sent.count == 5)
    #expect(!sent.contains { $0["to"]?.string == "late@example.com" || $0["to"]?.string == "dan@example.com" })
    for record in sent {
      let at = try #require(record["at"]?.string.flatMap { Instant($0) })
      let end = record["campaign"]?.string == "letter" ? soon : later
      #expect(at.seconds <= Int64(end.timeIntervalSince1970), "\(record.text)")
    }
    #expect(try Set(Ledger(project, day: day).sent.values) == [1])
    let status = try project.nightmail(expecting: 0, "status", "--json").json
    #expect(status["totals"]?["sent"]?.integer == 5)
  }

  @Test func aBrokenFileIsSaidOnceAndWhatIsPlannedGoesOn() throws {
    let server = try ScriptedSMTPServer()
    let project = try project(
      provider: "- {id: server, type: smtp, host: localhost, port: \(server.port), tls: none}\n")
    try project.folder.write(
      "code,email\n" + (100..<400).map { "\($0),c\($0)@example.com\n" }.joined(), to: "data/messages/1.csv")
    let run = try project.start("run", "--watch", "--poll", "50ms", "--max-poll", "100ms")
    defer { run.stop() }
    try wait(30) { server.messages.count >= 3 || !run.isRunning }
    let settings = try project.folder.read("campaigns/settings.yaml")
    try project.folder.write(settings + "vars: {half: \n", to: "campaigns/settings.yaml")
    try wait(20) { run.output.contains("the files do not read") || !run.isRunning }
    let before = server.messages.count
    // New rows wait while the files do not read; what is planned goes on.
    try project.folder.write("code,email\nnew,new@example.com\n", to: "data/messages/2.csv")
    try wait(20) { server.messages.count >= before + 4 || !run.isRunning }
    #expect(run.isRunning)
    #expect(run.output.ranges(of: "the files do not read").count == 1, "\(run.output)")
    #expect(run.output.ranges(of: "campaigns/settings.yaml:").count == 1, "\(run.output)")
    #expect(!server.messages.contains { $0.to == ["new@example.com"] })
    try project.folder.write(settings, to: "campaigns/settings.yaml")
    try wait(20) { run.output.contains("data/messages/2.csv is new") || !run.isRunning }
    #expect(run.output.contains("the files read again"))
    // Gone is not empty: whom it names is not written to. A misspelt campaign tells when it has been read.
    try project.folder.write("value,campaign\nc399@example.com,nowhere\n", to: "data/suppressions.csv")
    try wait(20) { run.output.contains("nowhere") || !run.isRunning }
    try FileManager.default.removeItem(atPath: project.folder.file("data/suppressions.csv"))
    try wait(20) { run.output.contains("the file is gone") || !run.isRunning }
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 30) == 4, "\(run.output)")
    #expect(run.output.contains("run again to go on"))
    #expect(Set(server.takenIDs).count == server.messages.count, "nothing twice")
    #expect(try Ledger(project, day: day).ids("in-doubt").isEmpty)
  }

  @Test func whatNeedsApprovalWaitsForItAndAnApprovalIsNoticed() throws {
    let project = try project(codes: "approval: required")
    try project.folder.write(
      try project.folder.read("campaigns/settings.yaml") + "review: {to: [me@example.com], mailbox: anna}\n",
      to: "campaigns/settings.yaml")
    let run = try project.start("run", "--watch", "--poll", "100ms")
    defer { run.stop() }
    try wait(20) { run.output.contains("1 line awaits approval") || !run.isRunning }
    #expect(project.folder.exists("\(day)/plan.html"))
    #expect(project.folder.list("\(day)/review").count == 1)
    // Another plan that asks for nothing new is not mailed.
    try project.folder.write("email,first_name\nc0@example.com,C\nnew@example.com,N\n", to: "data/contacts.csv")
    try wait(20) { run.output.contains("data/contacts.csv was changed") || !run.isRunning }
    #expect(project.folder.list("\(day)/review").count == 1)
    // A plan by somebody else is refused, an approval is let in.
    #expect(try project.nightmail("plan").status == 75)
    #expect(try project.nightmail("run", "--watch").status == 75)
    let approved = try project.nightmail("approve", "--by", "ada")
    #expect(approved.status == 0, "\(approved.error)")
    try wait(20) { outbox(project) == 1 || !run.isRunning }
    #expect(outbox(project) == 1, "\(run.output)")
    try wait(20) { run.output.contains("Approved by ada") || !run.isRunning }
    kill(run.processIdentifier, SIGINT)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
    #expect(run.output.ranges(of: "awaits approval").count == 1)
  }

  @Test func whatAPersonMakesDueAgainIsPlannedAgain() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(message: "554 5.6.0 not like this"), .init()]))
    let project = try project(
      provider: "- {id: server, type: smtp, host: localhost, port: \(server.port), tls: none}\n")
    let run = try project.start("run", "--watch", "--poll", "100ms")
    defer { run.stop() }
    try wait(20) { run.output.contains("1 dead (rejected 1)") || !run.isRunning }
    let id = try #require(try Ledger(project, day: day).planned.first)
    let retry = try project.nightmail("dead-letters", "retry", id)
    #expect(retry.status == 0, "\(retry.error)")
    try wait(20) { run.output.contains("sends were made due again: planned again, 1 send") || !run.isRunning }
    // The one that was refused has been counted too.
    try wait(20) { server.messages.count == 2 || !run.isRunning }
    try wait(20) { run.output.contains("1 message sent") || !run.isRunning }
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
  }

  @Test func aPlanThatIsHalfSavedEndsNothing() throws {
    let project = try project()
    let run = try project.start("run", "--watch", "--poll", "50ms", "--max-poll", "100ms")
    defer { run.stop() }
    try wait(20) { outbox(project) == 1 || !run.isRunning }
    let plan = try project.folder.read("\(day)/plan.jsonl")
    try project.folder.write(String(plan.dropLast(40)), to: "\(day)/plan.jsonl")
    // Whatever has the run look at it.
    try project.nightmail(expecting: 0, "pause", "mailbox", "anna")
    try wait(20) { run.output.contains("ever more seldom") || !run.isRunning }
    try project.folder.write(plan, to: "\(day)/plan.jsonl")
    try project.folder.write("code,email\n2222,ben@example.com\n", to: "data/messages/2.csv")
    try wait(20) { outbox(project) == 2 || !run.isRunning }
    #expect(run.isRunning && outbox(project) == 2, "\(run.output)")
    #expect(!run.output.contains("made due again"), "\(run.output)")
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
  }

  @Test func aLockThatAnotherRunHoldsIsWaitedForWithoutHaste() throws {
    let flock = try #require(Shell.find("flock"), "util-linux has it")
    let project = try project()
    let run = try project.start("run", "--watch", "--poll", "50ms", "--max-poll", "400ms")
    defer { run.stop() }
    try wait(20) { outbox(project) == 1 || !run.isRunning }
    let other = try RunningProgram(
      flock, ["--no-fork", project.folder.file("output/send.lock"), "sh", "-c", "touch held; exec sleep 120"],
      folder: project.path)
    defer { other.stop() }
    try wait(20) { project.folder.exists("held") }
    try project.folder.write("code,email\n2222,ben@example.com\n", to: "data/messages/2.csv")
    try wait(20) { run.output.contains("ever more seldom") || !run.isRunning }
    // What is new is planned, and cannot go out yet.
    try project.folder.write("code,email\n3333,cleo@example.com\n", to: "data/messages/3.csv")
    try wait(20) { run.output.contains("data/messages/3.csv is new") || !run.isRunning }
    #expect(run.isRunning && outbox(project) == 1)
    #expect(run.output.ranges(of: "ever more seldom").count == 1, "\(run.output)")
    other.stop()
    try wait(20) { outbox(project) == 3 || !run.isRunning }
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
  }

  @Test func theNextDayIsPlannedAsItBegins() throws {
    // The project's day begins with the next whole minute that leaves time to start.
    let calendar = Date().addingTimeInterval(12)
    let minutes = Int(calendar.timeIntervalSince1970 / 60) + 1
    let project = try project(letter: "priority: 1")
    let clock = String(format: "%02d:%02d", minutes / 60 % 24, minutes % 60)
    try project.folder.write(
      "timezone: UTC\nwindow: always\nday_starts: \"\(clock)\"\n", to: "campaigns/settings.yaml")
    let start = Instant(seconds: Int64(minutes) * 60)
    let next = Zone.utc.day(of: start)
    let run = try project.start("run", "--watch", "--poll", "100ms", "--max-poll", "1s")
    defer { run.stop() }
    func sent(_ day: CalendarDay) -> Int { project.folder.list("output/\(day)/outbox").count }
    // The letter comes at some time of what is left of the day.
    try wait(100) { sent(next - 1) == 2 || !run.isRunning }
    #expect(sent(next - 1) == 2, "\(run.output)")
    try wait(100) { project.folder.exists("output/\(next)/plan.jsonl") || !run.isRunning }
    try project.folder.write("code,email\n2222,ben@example.com\n", to: "data/messages/2.csv")
    try wait(30) { sent(next) == 1 || !run.isRunning }
    #expect(sent(next) == 1, "\(run.output)")
    // The old day is nobody's any more.
    try project.nightmail(expecting: 0, "approve", "\(next - 1)")
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
    #expect(run.output.contains("Plan for \(next - 1)") && run.output.contains("Plan for \(next)"), "\(run.output)")
  }

  @Test func aProjectWithNothingActiveIsNotWatched() throws {
    let project = try project()
    for name in ["letter", "codes"] {
      let path = "campaigns/\(name)/campaign.yaml"
      try project.folder.write(
        try project.folder.read(path).replacing("status: active", with: "status: draft"), to: path)
    }
    let output = try project.nightmail("run", "--watch")
    #expect(output.status == 0 && output.error.contains("nothing to watch for"), "\(output.error)")
  }

  @Test(arguments: [
    (["run", "--watch", "--rehearse"], "--rehearse does not wait"),
    (["run", "--watch", "--due"], "--due exits"),
    (["run", "--watch", "--date", "2030-01-01"], "leave out --date"),
    (["run", "--watch", "--poll", "fast"], "--poll is a length of time"),
    (["run", "--watch", "--poll", "0s"], "at least 10ms"),
    (["run", "--watch", "--poll", "1m", "--max-poll", "30s"], "less than --poll"),
    (["run", "--poll", "5s"], "give --watch too"),
    (["run", "--watch", "--shard", "0/2"], "plan once"),
  ])
  func whatMakesNoSenseTogetherIsRefused(_ arguments: [String], _ words: String) throws {
    let project = try project()
    let output = try Shell.run(
      try #require(Program.folder) + "/nightmail", arguments, folder: project.path, environment: Program.environment)
    #expect(output.status == 1 && output.error.contains(words), "\(output.error)")
    #expect(!project.folder.exists("output"))
  }

  @Test func aProjectThatDoesNotReadAtTheBeginningIsRefused() throws {
    let project = try project()
    try project.folder.write("nonsense: [\n", to: "campaigns/settings.yaml")
    let output = try project.nightmail("run", "--watch")
    #expect(output.status == 1 && output.error.contains("campaigns/settings.yaml:"), "\(output.error)")
  }
}
