import Foundation
import Model
import TestSupport
import Testing

/// Thirty days of two sequences, played through day by day on a manual clock against a real SMTP server, with replies and
/// unsubscribes in between, over the days on which Berlin's and New York's clocks go back. Played once for all tests.
final class OutreachMonth: Sendable {
  static let first = "2026-10-12"
  static let played: Result<OutreachMonth, any Error> = Result { try OutreachMonth() }

  let town: OutreachTown
  let judge: OutreachJudge
  let project: TestProject
  let server: ScriptedSMTPServer
  /// Of every plan and day, in words.
  let faults: [String]
  let days: [String]
  /// Over all days, by reason.
  let deferred: [String: Int]

  private init() throws {
    town = OutreachTown()
    server = try ScriptedSMTPServer()
    project = try town.project(port: server.port)
    var judge = OutreachJudge(town)
    var faults: [String] = []
    var deferred: [String: Int] = [:]
    var dice = Dice(5)
    var days: [String] = []
    for offset in 0..<30 {
      let day = judge.adding(offset, to: Self.first)
      days.append(day)
      try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", day, "--json")
      let folder = "output/rehearsal/\(day)"
      let plan = try project.records("\(folder)/plan.jsonl").map { try Self.send($0, "send_at") }
      let sent = try project.records("\(folder)/results.jsonl").filter { $0["outcome"]?.string == "sent" }
        .map { try Self.send($0, "at") }
      faults += judge.faults(plan: plan, of: day).map { "\(day), plan: \($0)" }
      faults += Self.totals(try Self.header(project, day), plan, judge, town, day).map { "\(day), totals: \($0)" }
      if Set(plan.map(\.id)) != Set(sent.map(\.id)) || plan.count != sent.count {
        faults.append("\(day): \(sent.count) of \(plan.count) delivered")
      }
      for (reason, count) in try Self.header(project, day)["deferred"]?.object.map({ $0.map { ($0.key, $0.value) } })
        ?? []
      {
        deferred[reason, default: 0] += Int(count.integer ?? 0)
      }
      judge.deliver(sent)
      faults += judge.limits(judge.all).map { "\(day), delivered: \($0)" }
      try Self.hear(from: sent, on: day, project, &judge, &dice)
    }
    (self.judge, self.faults, self.days, self.deferred) = (judge, faults, days, deferred)
  }

  private static func send(_ record: JSON, _ time: String) throws -> OutreachJudge.Send {
    OutreachJudge.Send(
      id: try #require(record["id"]?.string), sequence: try #require(record["campaign"]?.string),
      step: try #require(record["step"]?.string), contact: try #require(record["contact"]?.string),
      mailbox: try #require(record["mailbox"]?.string),
      at: try #require(OutreachJudge.date(record[time]?.string)))
  }

  private static func header(_ project: TestProject, _ day: String) throws -> JSON {
    let line = try project.folder.read("output/rehearsal/\(day)/plan.jsonl").split(separator: "\n").first
    return try String(try #require(line)).json
  }

  /// What the header counts against what the judge knows to be due.
  private static func totals(
    _ header: JSON, _ plan: [OutreachJudge.Send], _ judge: OutreachJudge, _ town: OutreachTown, _ day: String
  ) -> [String] {
    var faults: [String] = []
    func sum(_ json: JSON?) -> Int { json?.object?.reduce(0) { $0 + Int($1.value.integer ?? 0) } ?? 0 }
    for sequence in town.sequences {
      let own = header["campaigns"]?[sequence.id]
      let counts = (
        due: Int(own?["due"]?.integer ?? -1), planned: Int(own?["planned"]?.integer ?? -1),
        deferred: sum(own?["deferred"]), skipped: sum(own?["skipped"])
      )
      let due = judge.due(sequence, on: day)
      if counts.due != due.count { faults.append("\(sequence.id): \(counts.due) due, not \(due.count)") }
      if counts.planned != plan.count(where: { $0.sequence == sequence.id }) { faults.append("\(sequence.id): lines") }
      if counts.skipped != due.keys.count(where: judge.hasUnsubscribed) { faults.append("\(sequence.id): skipped") }
      if counts.due != counts.planned + counts.deferred + counts.skipped { faults.append("\(sequence.id): \(counts)") }
      // A campaign that has to put first steps off for its own limit has used it up.
      let begun = plan.count { $0.sequence == sequence.id && $0.step == sequence.steps[0].id }
      if sum(own?["deferred"]) > 0, own?["deferred"]?["new-limit"]?.integer ?? 0 > 0, begun != sequence.newLimit {
        faults.append("\(sequence.id): \(begun) of \(sequence.newLimit) begun, and more put off")
      }
    }
    if header["sends"]?.integer != Int64(plan.count) { faults.append("sends") }
    return faults
  }

  /// One in nine of a day's recipients answers, one in thirty wants no more: as the files have it, and one of each as
  /// it is typed.
  private static func hear(
    from sent: [OutreachJudge.Send], on day: String, _ project: TestProject, _ judge: inout OutreachJudge,
    _ dice: inout Dice
  ) throws {
    let at = "\(day)T23:59:59"
    var rows = project.folder.exists("data/events.csv") ? try project.folder.read("data/events.csv") : ""
    if rows.isEmpty { rows = "at,type,contact,campaign,step,message_id,detail\n" }
    for (number, send) in sent.sorted(by: { $0.id < $1.id }).enumerated() {
      if dice.oneIn(9) {
        judge.reply(send.contact, to: send.sequence)
        rows += "\(at),reply,\(send.contact),\(send.sequence),,,\n"
      } else if dice.oneIn(30) || number == 3 && day == Self.first {
        judge.unsubscribe(send.contact)
        rows += "\(at),unsubscribe,\(send.contact),,,,\n"
      }
    }
    try project.folder.write(rows, to: "data/events.csv")
    guard day == Self.first, sent.count > 2 else { return }
    let (a, b) = (sent[0], sent[1])
    try project.nightmail(expecting: 0, "event", "reply", a.contact, "--campaign", a.sequence, "--at", at)
    judge.reply(a.contact, to: a.sequence)
    try project.nightmail(expecting: 0, "event", "unsubscribe", b.contact, "--at", at)
    judge.unsubscribe(b.contact)
  }
}
