import Foundation
import Journal
import Model

/// Thirty days of results before the planned day, as many sends as there are contacts, every one sent: four contacts in
/// five have had the first step of their campaign, one in five the second too. So a fifth begins, three fifths are due
/// their second step, and a fifth has ended.
enum BenchmarkHistory {
  static let days = 30
  private static let run = "00000000000000b1"

  /// - Parameter output: the folder that `--output` names; the plan is a rehearsal.
  static func write(to output: String, contacts: Int, mailboxes: Int, before date: CalendarDay) throws {
    let folder = OutputFolder(output).rehearsal
    try folder.create()
    let boxes = Dictionary(grouping: 0..<mailboxes, by: BenchmarkProject.segment)
    for d in 0..<days {
      let day = folder.day(date - days + d)
      try day.create()
      let writer = try ResultsWriter(path: day.resultsPath)
      let start = Zone.utc.instant(day.date, second: 8 * 3600)
      writer.append(
        .run(Record.Run(id: run, at: start, plan: day.planPath, host: "benchmark", pid: 1, approvedBy: [])))
      var n = 0
      for i in 0..<contacts {
        let step: String
        if i % 5 != 4, i % (days - 3) == d {
          step = "intro"
        } else if i % 5 == 0, i % (days - 3) == d - 3 {
          step = "nudge"
        } else {
          continue
        }
        let own = boxes[BenchmarkProject.segment(i)] ?? []
        guard !own.isEmpty else { continue }
        // Ten hours of sends, over and over.
        let at = start + .seconds(Int64(n % 36_000))
        add(step, contact: i, from: BenchmarkProject.mailbox(own[i / 3 % own.count]), at: at, to: writer)
        n += 1
        if n % 5000 == 0 { try writer.commit() }
      }
      try writer.close()
    }
  }

  private static func add(_ step: String, contact i: Int, from mailbox: String, at: Instant, to writer: ResultsWriter) {
    let (campaign, address) = (BenchmarkProject.segment(i), BenchmarkProject.address(i))
    let id = SendID(campaign: campaign, step: step, contact: address, channel: .email, key: "")
    var attempt = Record.Attempt(
      id: id, number: 1, at: at, sendAt: at, campaign: campaign, step: step, variant: nil, batch: nil, key: "",
      contact: address, channel: .email, to: address, mailbox: mailbox, provider: "main",
      messageID: "<\(id.text)@sender.example>", subject: "Ada, a question about Company \(i % 50_000)", expiresAt: nil,
      run: run)
    writer.append(.intent(attempt))
    attempt.at = at + Instant.Span(milliseconds: 180)
    writer.append(
      .outcome(
        attempt,
        Record.Result(
          outcome: .sent, code: 250, enhancedCode: "2.0.0", response: "2.0.0 Ok: queued as 4F2B81C0A3",
          milliseconds: 180)))
  }
}
