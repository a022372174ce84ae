import Foundation
import Model
import TestSupport
import Testing

@testable import nightmail

/// What whoever is on call has: the report, the metrics, the status, the log.
@Suite(.timeLimit(.minutes(5)))
struct OperateTests {
  private let day = "output/\(Daytime.today)"

  /// Six sends of which two are refused for good, as the seed has it.
  private func sent() throws -> TestProject {
    let project = try TestProject(
      Projects.files(contacts: 12, settings: "breaker: {bounce_rate: 100%, error_rate: 100%}\n"))
    try project.nightmail(expecting: 0, "plan", "--rehearse")
    return project
  }

  @Test func aSendLeavesAReportAndMetricsThatSayWhatTheStatusSays() throws {
    let project = try sent()
    let output = try project.nightmail("send", "--rehearse", "--inject-failures", "30%:permanent")
    #expect(output.status == 3, "\(output.error)")
    let folder = "output/rehearsal/\(Daytime.today)"
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "--json").json
    let dead = try #require(status["totals"]?["dead"]?.integer)
    let ok = try #require(status["totals"]?["sent"]?.integer)
    #expect(dead > 0 && ok > 0 && dead + ok == 12)
    let page = try project.folder.read("\(folder)/report.html")
    #expect(page.contains("rejected: \(dead)") && !page.contains("while a run was under way"))
    let metrics = try project.folder.read("output/rehearsal/metrics.prom")
    #expect(metrics.contains(#"nightmail_day_sends{campaign="letter",mailbox="anna",state="dead"} \#(dead)"#))
    #expect(
      metrics.contains(
        #"nightmail_attempts_total{campaign="letter",mailbox="anna",provider="server",outcome="sent"} \#(ok)"#))
    #expect(metrics.contains("nightmail_last_run_exit_code 3\n"))
    for file in ["\(folder)/report.html", "output/rehearsal/metrics.prom", "output/rehearsal/last-run.json"] {
      #expect(try mode(project.folder.file(file)) == 0o600, "\(file)")
    }
    // Settled letters are gone from the next report.
    try project.nightmail(expecting: 0, "dead-letters", "drop", "--rehearse", "--all")
    let text = try project.nightmail(expecting: 0, "report", "--rehearse", "--metrics", "shared.prom")
    #expect(text.contains("\(ok) of 12 sent") && text.contains("No dead letters."), "\(text)")
    #expect(try mode(project.folder.file("shared.prom")) == 0o644)
    let after = try project.folder.read("shared.prom")
    #expect(after.contains(#"nightmail_day_dead_letters{campaign="",reason="rejected"} 0"#))
    #expect(after.contains("nightmail_last_run_exit_code 3\n"), "a report is no run")
    let json = try project.nightmail(expecting: 0, "report", "--rehearse", "--json").json
    #expect(json["totals"]?["sent"]?.integer == ok && json["runs"]?.integer == 1)
  }

  @Test func theReportOfAnEarlierDayLeavesTheMetricsOfTheLaterOne() throws {
    let project = try sent()
    try project.nightmail(expecting: 0, "send", "--rehearse")
    let zone = try #require(Zone(Daytime.zone))
    let tomorrow = (try #require(CalendarDay(Daytime.today)) + 1).description
    try project.folder.write(
      "email,first_name\nnew@example.com,New\n", to: "data/contacts.csv")
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", tomorrow)
    try project.nightmail(expecting: 0, "send", "--rehearse", tomorrow)
    let metrics = try project.folder.read("output/rehearsal/metrics.prom")
    let start = zone.instant(try #require(CalendarDay(tomorrow)), second: 0).seconds
    #expect(metrics.contains("nightmail_day_start_timestamp_seconds \(start)\n"))
    #expect(metrics.contains(#"outcome="sent"} 13"#), "counters are of both days: \(metrics)")
    try project.nightmail(expecting: 0, "report", "--rehearse", Daytime.today)
    #expect(try project.folder.read("output/rehearsal/metrics.prom") == metrics)
    let refused = try project.nightmail("report", "--rehearse", Daytime.today, "--metrics", "x.prom")
    #expect(refused.status == 1 && refused.error.contains("later day") && !project.folder.exists("x.prom"))
  }

  @Test func theStatusGoesByWhatIsAskedFor() throws {
    let project = try sent()
    try project.nightmail(expecting: 0, "send", "--rehearse")
    for (by, name) in [("step", "letter/only"), ("mailbox", "anna"), ("provider", "server"), ("campaign", "letter")] {
      let text = try project.nightmail(expecting: 0, "status", "--rehearse", "--by", by)
      #expect(text.contains("12 of 12 sent (100 %)"))
      #expect(
        text.split(separator: "\n").last?.split(separator: " ").map(String.init) == [name, "12", "12"], "\(text)")
    }
    #expect(try project.nightmail(expecting: 0, "status", "--rehearse", "--mailbox", "ben").contains("Nothing planned"))
    let wrong = try project.nightmail("status", "--rehearse", "--by", "colour")
    #expect(wrong.status == 1 && wrong.error.contains("campaign"), "\(wrong.error)")
    // Not on a terminal, and with no run under way, watching ends with its first line.
    let watched = try project.nightmail(expecting: 0, "status", "--rehearse", "--watch")
    #expect(watched.hasSuffix("  12 of 12 sent (100 %)\n") && watched.split(separator: "\n").count == 1, "\(watched)")
  }

  @Test func aSendsStoryBeginsWithItsPlanAlsoBeforeAnythingWasTried() throws {
    let project = try sent()
    let line = try #require(try project.records("output/rehearsal/\(Daytime.today)/plan.jsonl").first)
    let id = try #require(line["id"]?.string)
    let before = try project.nightmail(expecting: 0, "status", "--rehearse", "--id", String(id.prefix(9)))
    #expect(before.contains("pending") && before.contains("planned for \(Daytime.today): from anna"), "\(before)")
    try project.nightmail(expecting: 0, "send", "--rehearse")
    let after = try project.nightmail(expecting: 0, "status", "--rehearse", "--id", String(id.prefix(9)))
    #expect(after.contains("planned for") && after.contains("attempt 1 through server: sent"), "\(after)")
    let none = try project.nightmail("status", "--rehearse", "--id", "zz")
    #expect(none.status == 1 && none.error.contains("'zz'"))
  }

  @Test func theLogIsJSONLinesWithTheIdsOfTheResultsAndWithoutAddresses() throws {
    let project = try sent()
    let output = try project.nightmail(
      "send", "--rehearse", "--inject-failures", "30%:permanent", "--log-file", "night.log")
    #expect(try mode(project.folder.file("night.log")) == 0o600)
    // Not on a terminal: each line of the log on stderr is one of the file's.
    let said = output.error.split(separator: "\n").map(String.init)
    let text = try project.folder.read("night.log")
    #expect(!said.isEmpty && said.allSatisfy { text.contains($0 + "\n") }, "\(said)")
    let lines = try text.split(separator: "\n").map { try String($0).json }
    let records = try project.records("output/rehearsal/\(Daytime.today)/results.jsonl")
    let run = try #require(records.first { $0["kind"]?.string == "run" }?["run"]?.string)
    let outcomes = records.filter { $0["kind"]?.string == "outcome" }
    let told = lines.filter { $0["outcome"] != nil }
    #expect(told.count == outcomes.count && told.allSatisfy { $0["run"]?.string == run })
    #expect(told.map { $0["send"]?.string } == outcomes.map { $0["id"]?.string })
    #expect(lines.allSatisfy { $0["time"]?.string.flatMap { Instant($0) } != nil && $0["level"]?.string != nil })
    #expect(!text.contains("c1@example.com") && text.contains("c…@example.com"))
    // Appended to, and with --verbose in full.
    try project.nightmail("send", "--rehearse", "--verbose", "--log-file", "night.log")
    #expect(try project.folder.read("night.log").hasPrefix(text))
  }

  @Test func whatEndsACommandStandsInTheLogToo() throws {
    let project = try sent()
    let output = try project.nightmail("event", "reply", "someone@example.org", "--log-file", "night.log")
    let text = try project.folder.read("night.log")
    #expect(output.status == 0 && text.contains("s…@example.org") && !text.contains("someone@"), "\(text)")
    try project.nightmail(expecting: 1, "show", "2001-01-01", "--log-file", "night.log")
    #expect(try project.folder.read("night.log").contains(#""level":"error","message":"no plan for 2001-01-01"#))
    let bad = try project.nightmail("plan", "--log-file", "no/such/folder/night.log")
    #expect(
      bad.status == 1 && bad.error.contains("--log-file") && bad.error.contains("cannot be opened"), "\(bad.error)")
  }

  @Test(arguments: [
    ("refused anna.smith@example.com today", "refused a…@example.com today"),
    ("<Ada@EXAMPLE.org>, (ben@x.example)", "<A…@EXAMPLE.org>, (b…@x.example)"),
    ("relay anna@shop.example@localhost:587: no", "relay a…@localhost:587: no"),
    ("to=jörg@bücher.example;", "to=j…@bücher.example;"), ("call +4915112345678 now", "call +49…78 now"),
    (#"say "ada lovelace"@example.com again"#, "say …@example.com again"),
    ("the domain @example.com, 1+1, a+b, at @", "the domain @example.com, 1+1, a+b, at @"),
    ("ada+news@example.com", "a…@example.com"), ("no one", "no one"),
  ])
  func addressesAreMaskedWhereverTheyStand(text: String, masked: String) {
    #expect(AddressMasking.masked(text) == masked)
  }

  private func mode(_ path: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }
}
