import Foundation
import Journal
import Model

/// Thirty days of results before the planned day, as many sends as there are contacts, every one sent.
enum BenchmarkHistory: String {
  /// Each night sent what was due: a share of the contacts their first step, and those of three days before the second.
  /// Half of all contacts are through; the second step of one night is due, that of two nights lies ahead.
  case keptUp
  /// Four contacts in five have had the first step, one in five the second too: the second step of the others is due,
  /// overdue by one to 27 days, which makes as many ranks, and each in the mailbox that it has to keep.
  case backlog

  static let days = 30
  private static let run = "00000000000000b1"

  /// What the night `d` sent to the contact in row `i` of `n`.
  private func step(night d: Int, contact i: Int, of n: Int) -> String? {
    let first: Int
    switch self {
    case .keptUp:
      // Scattered over the file, as contacts that come and go are.
      first = i * 611_953 % n / max(1, n / 57)
      if first >= Self.days { return nil }
    case .backlog:
      first = i % 5 != 4 ? i % (Self.days - 3) : Self.days
      if i % 5 != 0 { return d == first ? "intro" : nil }
    }
    return d == first ? "intro" : d == first + 3 ? "nudge" : nil
  }

  /// - Parameter output: the folder that `--output` names; the plan is a rehearsal.
  func write(to output: String, contacts: Int, mailboxes: Int, before date: CalendarDay) throws {
    let folder = OutputFolder(output).rehearsal
    try folder.create()
    let boxes = Dictionary(grouping: 0..<mailboxes, by: BenchmarkProject.segment)
    for d in 0..<Self.days {
      let day = folder.day(date - Self.days + d)
      try day.create()
      let writer = try ResultsWriter(path: day.resultsPath)
      let start = Zone.utc.instant(day.date, second: 8 * 3600)
      writer.append(
        .run(Record.Run(id: Self.run, at: start, plan: day.planPath, host: "benchmark", pid: 1, approvedBy: [])))
      var n = 0
      for i in 0..<contacts {
        guard let step = step(night: d, contact: i, of: contacts) else { continue }
        let own = boxes[BenchmarkProject.segment(i)] ?? []
        guard !own.isEmpty else { continue }
        // Ten hours of sends, over and over.
        let at = start + .seconds(Int64(n % 36_000))
        Self.add(step, contact: i, from: BenchmarkProject.mailbox(own[i / 3 % own.count]), at: at, to: writer)
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
