import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// A day with a plan, results, and the rows that `on_sent` asks for.
private struct SentDay {
  let scratch: Scratch
  let day: DayFolder
  let sends: [PlannedSend]
  var files = SentFiles(
    [campaign("welcome", SentRecord(file: "activated.csv", columns: ["first_name", "to", "sent_at", "send_id"]))],
    zone: Sample.berlin)

  init() throws {
    scratch = try Scratch()
    day = scratch.output.day(Sample.day)
    try day.create()
    sends = (0..<6).map { n in
      var send = Sample.send(n)
      if n == 1 { send.vars["first_name"] = "Jörg, \"J\"\nthe first" }
      if n == 5 {
        send = Sample.send(n, campaign: "other")
      }
      return send
    }
    try PlanFile.write(Sample.plan(sends), toFile: day.planPath)
  }

  static func campaign(_ id: String, was: [String] = [], _ record: SentRecord?) -> Campaign {
    Campaign(
      id: id, audience: .messages(MessageTable()), mailboxes: .ids(["anna"]), onSent: record, was: was, steps: [])
  }

  func intent(_ n: Int) -> Record { .intent(Sample.attempt(sends[n])) }

  func outcome(_ n: Int, _ outcome: Record.Outcome, _ attempt: Int = 1) -> Record {
    .outcome(
      Sample.attempt(sends[n], attempt, at: Sample.morning + .seconds(Int64(n))), Record.Result(outcome: outcome))
  }

  /// Everything that can happen to a send.
  var records: [Record] {
    [
      intent(0), intent(1), outcome(1, .sent), outcome(0, .retry), intent(2), outcome(2, .failed), intent(0),
      outcome(0, .sent, 2), intent(3), outcome(3, .inDoubt), intent(5), outcome(5, .sent), intent(4),
    ]
  }

  func record(_ records: [Record]) throws {
    let writer = try ResultsWriter(path: day.resultsPath)
    for record in records { writer.append(record) }
    try writer.close()
  }

  func rows(_ file: String = "activated.csv") throws -> String { try text("\(day.path)/\(file)") }

  static let header = "first_name,to,sent_at,send_id\n"
  func row(_ n: Int, at time: String, name: String? = nil) -> String {
    "\(name ?? "N\(n)"),c\(n)@example.com,2026-11-20T\(time)+01:00,\(sends[n].id)\n"
  }
}

@Suite struct SentFilesTests {
  @Test func thereIsOneRowForEachSendThatWasDeliveredAndNoneForAnyOther() throws {
    let day = try SentDay()
    try day.record(day.records)
    #expect(try day.files.rebuild(day.day) == 0)
    let one = day.row(1, at: "09:00:01.007", name: "\"Jörg, \"\"J\"\"\nthe first\"")
    let both = SentDay.header + one + day.row(0, at: "09:00:00.007")
    #expect(try day.rows() == both)
    // A person knows that the one in doubt has arrived.
    try day.record([.resolved(Record.Note(day.sends[3], at: Sample.morning + .hours(2), by: "ada"), .sent)])
    try day.files.rebuild(day.day)
    #expect(try day.rows() == both + day.row(3, at: "11:00:00"))
    // Let go of: not delivered.
    try day.record([.resolved(Record.Note(day.sends[2], at: Sample.morning + .hours(2), by: "ada"), .dropped)])
    try day.files.rebuild(day.day)
    #expect(try day.rows() == both + day.row(3, at: "11:00:00"))
  }

  @Test func whatARunWritesAsItGoesIsWhatTheResultsSay() throws {
    let day = try SentDay()
    // An earlier run was cut off after the outcome and before the row.
    try day.record([day.intent(4), day.outcome(4, .sent)])
    try put("torn", "\(day.day.path)/activated.csv")
    let writer = try SentRowsWriter(day.files, day.day)
    let before = SentDay.header + day.row(4, at: "09:00:04.007")
    #expect(try day.rows() == before)
    let results = try ResultsWriter(path: day.day.resultsPath)
    func append(_ records: Record...) {
      for record in records {
        results.append(record)
        writer.take(record)
      }
    }
    for send in day.sends { writer.expect(send) }
    append(day.intent(0), day.intent(2), day.outcome(0, .sent), day.outcome(2, .failed))
    writer.commitBegins()
    // This one's outcome is not on its way to the disk yet.
    append(day.intent(3), day.outcome(3, .sent))
    #expect(try day.rows() == before)
    writer.commitEnded()
    #expect(try day.rows() == before + day.row(0, at: "09:00:00.007"))
    try results.commit()
    writer.commitBegins()
    writer.commitEnded()
    let end = before + day.row(0, at: "09:00:00.007") + day.row(3, at: "09:00:03.007")
    #expect(try day.rows() == end)
    try results.close()
    try writer.close()
    #expect(try day.rows() == end)
    #expect(try !day.files.isBehind(day.day))
    try day.files.rebuild(day.day)
    #expect(try day.rows() == end)
  }

  @Test func aDayWhoseRunWasCutOffIsSeenToBeBehind() throws {
    let day = try SentDay()
    #expect(try !day.files.isBehind(day.day))
    let writer = try SentRowsWriter(day.files, day.day)
    try day.record([day.intent(4), day.outcome(4, .sent)])
    #expect(try day.files.isBehind(day.day))
    _ = consume writer
    #expect(try day.rows() == SentDay.header)
    try SentRowsWriter(day.files, day.day).close()
    #expect(try day.rows() == SentDay.header + day.row(4, at: "09:00:04.007"))
    #expect(try !day.files.isBehind(day.day))
  }

  @Test func aRowThatCannotBeWrittenIsMadeUpFor() throws {
    let day = try SentDay()
    let writer = try SentRowsWriter(day.files, day.day)
    writer.expect(day.sends[0])
    try day.record([day.intent(0), day.outcome(0, .sent)])
    writer.take(day.outcome(0, .sent))
    // Never committed as far as it was told.
    try writer.close()
    #expect(try day.rows() == SentDay.header + day.row(0, at: "09:00:00.007"))
  }

  @Test func anEarlierNameOfACampaignCountsAndTwoMayShareAFile() throws {
    var day = try SentDay()
    let record = SentRecord(file: "all.csv", columns: ["campaign", "step", "contact", "mailbox"])
    day.files = SentFiles(
      [SentDay.campaign("hello", was: ["welcome"], record), SentDay.campaign("other", record)], zone: .utc)
    try day.record(day.records)
    try day.files.rebuild(day.day)
    #expect(
      try day.rows("all.csv")
        == "campaign,step,contact,mailbox\n"
        + [("welcome", 1), ("welcome", 0), ("other", 5)]
        .map { "\($0),intro,c\($1)@example.com,anna\n" }.joined())
  }

  @Test func aSendWithoutItsLineIsCountedAsLost() throws {
    let day = try SentDay()
    try day.record(day.records)
    try PlanFile.write(Sample.plan([day.sends[1]]), toFile: day.day.planPath)
    #expect(try day.files.rebuild(day.day) == 1)
    #expect(try day.rows().hasPrefix(SentDay.header + "\"Jörg"))
  }
}
