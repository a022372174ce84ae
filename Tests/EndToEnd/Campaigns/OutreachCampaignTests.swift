import Foundation
import Model
import TestSupport
import Testing

/// Campaign `outreach`: sequences over several mailboxes, a month long.
@Suite(.serialized, .timeLimit(.minutes(10)))
struct OutreachCampaignTests {
  private func month() throws -> OutreachMonth { try OutreachMonth.played.get() }

  @Test func thirtyDaysKeepEveryRuleInPlanAndDelivery() throws {
    let month = try month()
    #expect(month.faults.isEmpty, "\(month.faults.count): \(month.faults.prefix(10))")
    // And it was a month in which the rules had something to hold.
    let judge = month.judge
    #expect(judge.all.count > 350, "\(judge.all.count)")
    for reason in ["mailbox-limit", "new-limit", "contact-cap", "domain-cap", "no-window-today"] {
      #expect(month.deferred[reason] ?? 0 > 0, "nothing was ever deferred for \(reason): \(month.deferred)")
    }
    for sequence in month.town.sequences {
      let through = judge.sent[sequence.id]?.values.count { $0.count == sequence.steps.count } ?? 0
      #expect(through > 5, "\(sequence.id): \(through) have had every step")
      #expect(Set(judge.all.filter { $0.sequence == sequence.id }.map(\.mailbox)) == Set(sequence.mailboxes))
    }
    let both = month.town.people.filter { person in
      month.town.sequences.allSatisfy { judge.sent[$0.id]?[person.email] != nil }
    }
    #expect(both.count > 5, "contacts in both sequences")
    #expect(Set(judge.all.filter { $0.mailbox == "ben" }.map(\.sequence)).count == 2, "a mailbox of both")
  }

  @Test func followUpsStandInTheThreadOfTheFirst() throws {
    let month = try month()
    var headers: [String: [String: String]] = [:]
    for message in month.server.messages {
      let own = Self.headers(message.text)
      headers[String((own["message-id"] ?? "").dropFirst().prefix(32))] = own
    }
    #expect(headers.count == month.judge.all.count)
    var followUps = 0
    var faults: [String] = []
    for sends in month.judge.sent.values.flatMap(\.values) {
      let first = try #require(headers[sends[0].id])
      #expect(first["in-reply-to"] == nil && first["references"] == nil)
      var thread: [String] = []
      for send in sends {
        let own = try #require(headers[send.id])
        if !thread.isEmpty {
          followUps += 1
          let isInThread =
            own["in-reply-to"] == thread.last && own["references"] == thread.joined(separator: " ")
            && own["subject"] == "Re: \(first["subject"] ?? "")" && own["from"] == first["from"]
            && own["to"] == first["to"]
          if !isInThread { faults.append("\(send.step) to \(send.contact): \(own), after \(thread)") }
        }
        thread.append(own["message-id"] ?? "")
      }
    }
    #expect(faults.isEmpty, "\(faults.count): \(faults.prefix(3))")
    #expect(followUps > 200, "\(followUps)")
  }

  /// By name, folded lines joined.
  private static func headers(_ text: String) -> [String: String] {
    var headers: [String: String] = [:]
    let head = text.components(separatedBy: "\r\n\r\n").first ?? ""
    for line in head.replacing("\r\n ", with: " ").replacing("\r\n\t", with: " ").components(separatedBy: "\r\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      if parts.count == 2 {
        headers[parts[0].lowercased()] = parts[1].trimmingCharacters(in: .whitespaces)
      }
    }
    return headers
  }

  private func status(_ project: TestProject, _ who: String, _ more: String...) throws -> JSON {
    let output = try Shell.run(
      try #require(Program.folder) + "/nightmail", ["status", "--rehearse", "--contact", who, "--json"] + more,
      folder: project.path, environment: Program.environment)
    #expect(output.status == 0, "\(output.error)")
    return try output.out.json
  }

  private func campaign(_ status: JSON, _ id: String) -> JSON? {
    status["campaigns"]?.array?.first { $0["campaign"]?.string == id }
  }

  /// Somebody of each kind: what `status --contact` says of the next send is what the judge knows of it.
  @Test func statusSaysWhereEachSequenceStandsAndWhatComesNext() throws {
    let month = try month()
    let (town, judge) = (month.town, month.judge)
    let today = try #require(month.days.last)
    var kinds: [String: Int] = [:]
    for person in town.people {
      for sequence in town.sequences where town.isIn(sequence, person) {
        let past = judge.sent[sequence.id]?[person.email] ?? []
        let next = judge.next(sequence, person)
        let kind =
          judge.hasAnswered(person.email, sequence.id)
          ? "reply"
          : past.count == sequence.steps.count
            ? "complete"
            : next.map { $0.from > today } == true
              ? "waiting \(past.count)"
              : judge.hasUnsubscribed(person.email) ? "unsubscribed" : past.isEmpty ? "new" : "deferred"
        kinds[kind, default: 0] += 1
        // Two of each are asked about.
        guard kinds[kind] ?? 0 <= 2 else { continue }
        let status = try status(month.project, person.email)
        #expect(status["contact"]?.string == person.email)
        let own = campaign(status, sequence.id)
        let note: Comment = "\(sequence.id), \(kind): \(own?.text ?? "")"
        #expect(own?["current_step"]?.string == past.last?.step, note)
        #expect(OutreachJudge.date(own?["last_send"]?["at"]?.string) == past.last?.at, note)
        #expect(own?["last_send"]?["step"]?.string == past.last?.step, note)
        if let last = past.last { #expect(own?["mailbox"]?.string == last.mailbox, note) }
        let coming = own?["next_send"]
        if kind.hasPrefix("waiting") {
          #expect(coming?["state"]?.string == "waiting" && coming?["reason"]?.string == "delay", note)
          #expect(coming?["step"]?.string == next.map { sequence.steps[$0.step].id }, note)
          let from = try #require(OutreachJudge.date(coming?["from"]?.string), note)
          #expect(judge.day(from) == next?.from, note)
        } else if kind == "new" || kind == "deferred" {
          #expect(coming?["state"]?.string == "deferred" && coming?["reason"] != nil, note)
          #expect(coming?["step"]?.string == next.map { sequence.steps[$0.step].id }, note)
        } else {
          #expect(coming?["state"]?.string == "none" && coming?["reason"]?.string == kind, note)
        }
        #expect(status["sends"]?.array?.count == judge.all.count { $0.contact == person.email }, note)
      }
    }
    for kind in ["reply", "complete", "unsubscribed"] { #expect(kinds[kind] != nil, "\(kinds)") }
    #expect(kinds.keys.count { $0.hasPrefix("waiting") } >= 2, "\(kinds)")
    #expect(kinds["new"] != nil || kinds["deferred"] != nil, "\(kinds)")
    // A plan for tomorrow: the time is known, and whether it is approved.
    let tomorrow = judge.adding(1, to: today)
    try month.project.nightmail(expecting: 0, "plan", "--rehearse", "--date", tomorrow)
    for isApproved in [false, true] {
      if isApproved { try month.project.nightmail(expecting: 0, "approve", "--rehearse", tomorrow) }
      let lines = try month.project.records("output/rehearsal/\(tomorrow)/plan.jsonl")
      #expect(lines.count > 5)
      for line in [lines[0], lines[lines.count / 2]] {
        for day in [today, tomorrow] {
          let status = try status(month.project, line["contact"]?.string ?? "", day)
          let next = campaign(status, line["campaign"]?.string ?? "")?["next_send"]
          #expect(next?["state"]?.string == "planned" && next?["step"] == line["step"], "\(next?.text ?? "")")
          #expect(next?["at"] == line["send_at"] && next?["plan"]?.string == tomorrow)
          #expect(next?["mailbox"] == line["mailbox"] && next?["id"] == line["id"])
          #expect(next?["approved"] == .bool(isApproved))
        }
      }
    }
  }
}
