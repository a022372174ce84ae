import Foundation
import Model
import TestSupport
import Testing

/// What the page on backups promises, done as it says.
@Suite(.timeLimit(.minutes(5)))
struct BackupTests {
  private static func rsync(_ from: String, _ to: String, without: String? = nil) throws {
    // As the page has it; cp where rsync is not installed.
    if let rsync = Shell.find("rsync") {
      let output = try Shell.run(rsync, ["-a"] + (without.map { ["--exclude", $0] } ?? []) + [from, to])
      #expect(output.status == 0, "\(output.error)")
    } else {
      let isContent = from.hasSuffix("/")
      let output = try Shell.run("/bin/cp", ["-a", isContent ? from + "." : from, to])
      #expect(output.status == 0, "\(output.error)")
    }
  }

  /// Letters that go out at once.
  private static func files(contacts: Int, approval: String = "optional") -> [String: String] {
    var files = Projects.files(contacts: contacts)
    let campaign = "campaigns/letter/campaign.yaml"
    files[campaign] = files[campaign]?.replacing(
      "approval: optional", with: "approval: \(approval)\nclass: transactional")
    return files
  }

  private static func ids(_ project: TestProject, _ day: String) throws -> Set<String> {
    Set(try project.records("output/\(day)/plan.jsonl").compactMap { $0["id"]?.string })
  }

  @Test func planHereAndSendThereSendsNothingTwice() throws {
    let today = Daytime.today
    let planner = try TestProject(Self.files(contacts: 12, approval: "required"))
    let sender = try TestProject([:])
    try planner.nightmail(expecting: 0, "plan")
    #expect(try Self.ids(planner, today).count == 12)
    for folder in ["campaigns", "data", "output"] { try Self.rsync("\(planner.path)/\(folder)", sender.path) }
    #expect(try sender.nightmail("send").status == 5, "nobody has approved it yet")
    try sender.nightmail(expecting: 0, "approve")
    let sent = try sender.nightmail(expecting: 0, "send", "--json").json
    #expect(sent["sent"]?.integer == 12)

    // Without the results the planner knows nothing of it: the page says so. The sender does.
    try planner.nightmail(expecting: 0, "plan", "--date", "tomorrow")
    try Self.rsync("\(planner.path)/output/", "\(sender.path)/output/")
    let again = try sender.nightmail("send", "tomorrow", "--auto-approve", "--due", "--json")
    #expect(try again.out.json["sent"]?.integer == 0, "\(again.out)\(again.error)")

    try Self.rsync("\(sender.path)/output/", "\(planner.path)/output/")
    try Self.rsync("\(sender.path)/data/history.id", "\(planner.path)/data/")
    for day in ["today", "tomorrow"] {
      let plan = try planner.nightmail(expecting: 0, "plan", "--date", day, "--json").json
      #expect(plan["totals"]?["planned"]?.integer == 0, "\(plan.text)")
    }
    let there = try FileManager.default.contentsOfDirectory(atPath: "\(sender.path)/output/\(today)/outbox")
    #expect(there.filter { $0.hasSuffix(".eml") }.count == 12)
  }

  @Test func aRestoredOutputGoesOnWhereItWasAndALostOneIsNoticed() throws {
    let project = try TestProject(Self.files(contacts: 6))
    try project.nightmail(expecting: 0, "run")
    let backup = try TemporaryFolder()
    try Self.rsync("\(project.path)/output/", "\(backup.path)/", without: "snapshot.bin")

    try FileManager.default.removeItem(atPath: "\(project.path)/output")
    for command in ["plan", "send"] {
      let lost = try project.nightmail(command)
      #expect(lost.status == 1, "\(lost.out)\(lost.error)")
    }
    let plan = try project.nightmail("plan")
    #expect(plan.error.contains("restore that folder"), "\(plan.error)")

    try FileManager.default.createDirectory(atPath: "\(project.path)/output", withIntermediateDirectories: true)
    try Self.rsync("\(backup.path)/", "\(project.path)/output/")
    let after = try project.nightmail(expecting: 0, "run", "--json")
    #expect(!after.contains("\"sent\":6"), "\(after)")
    #expect(project.folder.list("output/\(Daytime.today)/outbox").filter { $0.hasSuffix(".eml") }.count == 6)
  }

  /// The honest row of the page's table. Should this ever be noticed, the page has to say so.
  @Test func aBackupFromBeforeTheLastSendIsNotNoticedAndASentEventMakesUpForIt() throws {
    let project = try TestProject(Self.files(contacts: 3))
    try project.nightmail(expecting: 0, "run")
    let backup = try TemporaryFolder()
    try Self.rsync("\(project.path)/output/", "\(backup.path)/")
    let contacts = try project.folder.read("data/contacts.csv")
    try project.folder.write(contacts + "late@example.com,Late\n", to: "data/contacts.csv")
    try project.nightmail(expecting: 0, "run")
    #expect(try Ledger(project, day: "output/\(Daytime.today)").ids("sent").count == 4)

    try FileManager.default.removeItem(atPath: "\(project.path)/output")
    try FileManager.default.createDirectory(atPath: "\(project.path)/output", withIntermediateDirectories: true)
    try Self.rsync("\(backup.path)/", "\(project.path)/output/")
    try project.nightmail(expecting: 0, "plan")
    #expect(try Self.ids(project, Daytime.today).count == 1, "it would be sent again")
    try project.folder.write(
      "at,type,contact,campaign,step\n2026-01-01T09:00:12Z,sent,late@example.com,letter,only\n",
      to: "data/events/restored.csv")
    try project.nightmail(expecting: 0, "plan")
    #expect(try Self.ids(project, Daytime.today).isEmpty)
  }
}
