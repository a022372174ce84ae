import Foundation
import Model
import TestSupport
import Testing

/// Campaign `outreach` between plan and delivery: limits that the plan does not hold, replies that come after it, and
/// what `status --contact` says of each.
@Suite(.timeLimit(.minutes(10)))
struct OutreachSendTests {
  private static let day = "2026-11-23"
  private static let next = "2026-11-24"

  /// The shipped project with outreach alone.
  private func project(_ changes: [String: String] = [:]) throws -> TestProject {
    let project = try ShippedProject.copy(changes)
    for campaign in ShippedProjectTests.campaigns where campaign != "outreach" {
      try FileManager.default.removeItem(atPath: project.folder.file("campaigns/\(campaign)"))
    }
    return project
  }

  private func people(_ names: [String], zone: String) -> String {
    names.map { "\($0)@\($0).example,\($0),Company,City,\(zone),agent\n" }.joined()
  }
  private let header = "email,first_name,company,city,timezone,segment\n"

  private func mailbox(_ keys: String) throws -> String {
    let shipped = try ShippedProject.text("data/mailboxes.yaml")
    let rest = try #require(shipped.range(of: "- id: accounts"))
    return "- {id: anna, from: Anna <anna@northwind.example>, providers: [relay], tags: [sales], \(keys)}\n"
      + shipped[rest.lowerBound...]
  }

  private func outcomes(_ project: TestProject, _ day: String) throws -> [JSON] {
    try project.records("output/rehearsal/\(day)/results.jsonl").filter { $0["outcome"]?.string == "sent" }
  }

  private func released(_ project: TestProject, _ day: String) throws -> [String] {
    try project.records("output/rehearsal/\(day)/results.jsonl").filter { $0["kind"]?.string == "released" }
      .compactMap { $0["reason"]?.string }
  }

  private func nextSend(_ project: TestProject, _ who: String, _ more: String...) throws -> JSON? {
    let output = try Shell.run(
      try #require(Program.folder) + "/nightmail", ["status", "--rehearse", "--contact", who, "--json"] + more,
      folder: project.path, environment: Program.environment)
    #expect(output.status == 0, "\(output.error)")
    return try output.out.json["campaigns"]?.array?.first { $0["campaign"]?.string == "outreach" }?["next_send"]
  }

  /// Two plans that know nothing of each other, and a calendar day of the mailbox that lies in both: what the first has
  /// sent by then, the second's lines find used up.
  @Test func aDailyLimitHoldsAtSendTimeOverWhateverWasPlanned() throws {
    let late = (0..<6).map { "west\($0)" }
    let early = (0..<6).map { "east\($0)" }
    // Los Angeles' 23rd is from 09:00 on the 23rd to 09:00 on the 24th in Berlin. The western contacts' day lies in its
    // beginning, and the eastern ones' from 01:00 to 09:00 on the 24th in its end.
    let project = try project([
      "data/contacts.csv": header + people(early, zone: "Asia/Tokyo"),
      "data/mailboxes.yaml": try mailbox("daily_limit: 6, min_gap: 90s, timezone: America/Los_Angeles"),
    ])
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", Self.next)
    #expect(try project.records("output/rehearsal/\(Self.next)/plan.jsonl").count == 6)
    try project.folder.write(header + people(late, zone: "America/Los_Angeles"), to: "data/contacts.csv")
    try project.nightmail(
      expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.day, "--not-before", "12:00")
    #expect(try outcomes(project, Self.day).count == 6)
    try project.folder.write(
      header + people(early, zone: "Asia/Tokyo") + people(late, zone: "America/Los_Angeles"), to: "data/contacts.csv")
    let sent = try project.nightmail(expecting: 0, "send", "--rehearse", "--auto-approve", Self.next)
    #expect(sent.contains("6 released to the next plan (mailbox-limit 6)"), "\(sent)")
    #expect(try outcomes(project, Self.next).isEmpty && released(project, Self.next).count == 6)
    // Given back is not lost: due again, and said so.
    let waits = try nextSend(project, "east0@east0.example")
    #expect(waits?["state"]?.string == "deferred" && waits?["step"]?.string == "intro", "\(waits?.text ?? "")")
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", "2026-11-25")
    let third = try outcomes(project, "2026-11-25").compactMap { $0["contact"]?.string }
    #expect(third.count { $0.hasPrefix("east") } == 6, "\(third)")
  }

  /// A server that wants each letter twice doubles the attempts, and the plan knew nothing of it.
  @Test func retriesKeepToTheGapOfTheirMailbox() throws {
    let later = SMTPScript.Attempt(rcpt: "451 4.7.1 Greylisted", data: "503 5.5.1 No recipient")
    let server = try ScriptedSMTPServer(SMTPScript(attempts: Array(repeating: later, count: 8)))
    let project = try project([
      "data/contacts.csv": header + people((0..<8).map { "c\($0)" }, zone: "Europe/Berlin"),
      "data/mailboxes.yaml": try mailbox("hourly_limit: 3, min_gap: 10m, timezone: Europe/Berlin"),
      "data/providers.yaml": try ShippedProject.text("data/providers.yaml").replacing(
        "- {id: relay, type: file}",
        with: "- {id: relay, type: smtp, host: localhost, port: \(server.port), tls: none, max_connections: 1}"),
    ])
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.day)
    let records = try project.records("output/rehearsal/\(Self.day)/results.jsonl")
    let attempts = records.filter { $0["kind"]?.string == "outcome" && $0["attempt"]?.integer ?? 0 > 0 }
      .compactMap { OutreachJudge.date($0["at"]?.string) }.sorted()
    #expect(attempts.count == 16 && server.messages.count == 8)
    for (a, b) in zip(attempts, attempts.dropFirst()) { #expect(b.timeIntervalSince(a) >= 600, "\(a) \(b)") }
    let sent = try outcomes(project, Self.day).compactMap { OutreachJudge.date($0["at"]?.string) }
    let hours = Dictionary(grouping: sent) { Int($0.timeIntervalSince1970 / 3600) }
    #expect(hours.values.allSatisfy { $0.count <= 3 }, "\(sent)")
  }

  @Test func timesThatSomebodyWroteIntoThePlanAreHeld() throws {
    let project = try project()
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", Self.day)
    let file = "output/rehearsal/\(Self.day)/plan.jsonl"
    let plan = try project.folder.read(file)
    let together = plan.replacing(/"send_at":"[^"]*"/, with: "\"send_at\":\"\(Self.day)T10:05:00+01:00\"")
    #expect(together != plan)
    try project.folder.write(together, to: file)
    let held = try project.nightmail("send", "--rehearse", "--auto-approve", Self.day)
    #expect(held.status == 5 && held.error.contains("is not as it was planned, and is held"), "\(held.error)")
    #expect(try outcomes(project, Self.day).isEmpty)
    let next = try nextSend(project, "ada@example.com")
    #expect(next?["state"]?.string == "due", "no time that will not be kept: \(next?.text ?? "")")
  }

  /// A limit that is lowered once the plan is made makes it stale, and nothing goes out by it.
  @Test func aLimitLoweredAfterThePlanHoldsItUntilItIsPlannedAgain() throws {
    let contacts = header + people((0..<8).map { "c\($0)" }, zone: "Europe/Berlin")
    let project = try project([
      "data/contacts.csv": contacts, "data/mailboxes.yaml": try mailbox("daily_limit: 8, timezone: Europe/Berlin"),
    ])
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", Self.day)
    try project.nightmail(expecting: 0, "approve", "--rehearse", Self.day)
    try project.folder.write(try mailbox("daily_limit: 5, timezone: Europe/Berlin"), to: "data/mailboxes.yaml")
    let held = try project.nightmail("send", "--rehearse", Self.day)
    #expect(held.status == 5 && held.error.contains("data/mailboxes.yaml"), "\(held.error)")
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.day)
    #expect(try outcomes(project, Self.day).count == 5)
    // The other three: today there is no room, tomorrow there is.
    var deferred = 0
    for i in 0..<8 {
      let next = try nextSend(project, "c\(i)@c\(i).example")
      guard next?["state"]?.string == "deferred" else { continue }
      deferred += 1
      #expect(next?["reason"]?.string == "mailbox-limit", "\(next?.text ?? "")")
      #expect(next?["from"]?.string == "\(Self.next)T00:00:00+01:00", "\(next?.text ?? "")")
    }
    #expect(deferred == 3)
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.next)
    #expect(try outcomes(project, Self.next).count == 3)
  }

  @Test func aReplyOrAnUnsubscribeAfterThePlanStopsTheSequence() throws {
    let project = try project()
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", Self.day)
    let first = try outcomes(project, Self.day)
    #expect(first.count == 6)
    // The next step is due two business days later, and approved; then two of them answer in their own way.
    let third = "2026-11-25"
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", third)
    try project.nightmail(expecting: 0, "approve", "--rehearse", third)
    let lines = try project.records("output/rehearsal/\(third)/plan.jsonl")
    #expect(lines.count == 6 && lines.allSatisfy { $0["step"]?.string == "example" })
    let planned = try nextSend(project, "ada@example.com")
    #expect(planned?["state"]?.string == "planned" && planned?["approved"] == .bool(true))
    try project.nightmail(expecting: 0, "event", "reply", "ada@example.com", "--at", "2026-11-24T10:00")
    try project.nightmail(expecting: 0, "event", "unsubscribe", "raj@example.org", "--at", "2026-11-24T11:00")
    try project.nightmail(expecting: 0, "suppress", "grace@example.com", "--reason", "asked by telephone")
    let stopped = try nextSend(project, "ada@example.com")
    #expect(stopped?["state"]?.string == "none" && stopped?["reason"]?.string == "reply", "\(stopped?.text ?? "")")
    let left = try nextSend(project, "raj@example.org")
    #expect(left?["state"]?.string == "none" && left?["reason"]?.string == "unsubscribed", "\(left?.text ?? "")")
    let suppressed = try nextSend(project, "grace@example.com")
    #expect(suppressed?["reason"]?.string == "suppressed", "\(suppressed?.text ?? "")")
    try project.nightmail(expecting: 0, "send", "--rehearse", third)
    let second = Set(try outcomes(project, third).compactMap { $0["contact"]?.string })
    #expect(
      second
        == Set(first.compactMap { $0["contact"]?.string }).subtracting(
          ["ada@example.com", "raj@example.org", "grace@example.com"]))
    #expect(try Set(released(project, third)) == ["stopped", "unsubscribed", "suppressed"])
    // For good: two weeks on, nothing more has gone to them.
    for day in ["2026-11-30", "2026-12-07"] {
      try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", day)
    }
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "--contact", "ada@example.com", "--json")
      .json
    #expect(status["sends"]?.array?.count { $0["state"]?.string == "sent" } == 1)
    let jurgen = try project.nightmail(expecting: 0, "status", "--rehearse", "--contact", "jurgen.muller@example.org")
    #expect(jurgen.contains("current step  goodbye") && jurgen.contains("every step is through"), "\(jurgen)")
  }

  @Test func aStepInDoubtHoldsTheSequenceUntilAPersonSettlesIt() throws {
    let project = try project()
    let run = try project.nightmail(
      "run", "--rehearse", "--auto-approve", "--date", Self.day, "--inject-failures", "1:in-doubt")
    #expect(run.status == 3, "\(run.out)\(run.error)")
    let held = try nextSend(project, "ada@example.com")
    #expect(held?["state"]?.string == "none" && held?["reason"]?.string == "in-doubt", "\(held?.text ?? "")")
    let text = try project.nightmail(expecting: 0, "status", "--rehearse", "--contact", "ada@example.com")
    #expect(text.contains("dead-letters") && text.contains("in doubt since"), "\(text)")
    #expect(
      text.components(separatedBy: "\n\nwhen ")[0].split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
    try project.nightmail(expecting: 0, "dead-letters", "mark-sent", "--rehearse", "--all")
    let waits = try nextSend(project, "ada@example.com")
    #expect(waits?["state"]?.string == "waiting" && waits?["step"]?.string == "example", "\(waits?.text ?? "")")
  }

  @Test func whoIsNobodyIsSaidSoWithTheNearestName() throws {
    let project = try project()
    let nobody = try project.nightmail("status", "--contact", "adaa@example.com")
    #expect(nobody.status == 1 && nobody.error.contains("did you mean 'ada@example.com'?"), "\(nobody.error)")
    // Nothing was sent yet, and all is told that will be.
    let ada = try project.nightmail(expecting: 0, "status", "--rehearse", "--contact", "ada@example.com", Self.day)
    #expect(
      ada.contains("next send     intro, due, and in no plan yet") && ada.contains("Nothing was ever sent"), "\(ada)")
  }
}
