import Model
import Testing

@testable import Reporting

struct ContactStandingTests {
  private static let midnight = Instant("2026-11-20T00:00:00Z") ?? .distantPast

  private func send(_ campaign: String, _ step: String, at instant: Instant) -> PlannedSend {
    PlannedSend(
      id: SendID(campaign: campaign, step: step, contact: "ada@example.com", channel: .email, key: ""),
      sendAt: instant, open: IntervalSet([Interval(Self.midnight, Self.midnight + .days(1))]), campaign: campaign,
      step: step, contact: "ada@example.com", channel: .email, to: "ada@example.com", mailbox: "ben")
  }

  private func past(_ campaign: String, _ step: String, hours: Int64, _ state: SendState = .sent) -> SendRecord {
    let send = send(campaign, step, at: Self.midnight - .hours(hours))
    return SendRecord(
      id: send.id, campaign: campaign, step: step, key: "", contact: send.contact, channel: .email, to: send.to,
      mailbox: "anna", state: state, attempts: 1, at: send.sendAt, attemptAt: send.sendAt, provider: "relay",
      last: Record.Result(outcome: state == .sent ? .sent : .inDoubt, code: 250, response: "OK"))
  }

  private func story(
    _ campaign: String, _ verdict: Explanation.Verdict?, absence: Explanation.Absence? = nil, past: [SendRecord]? = nil
  ) -> Explanation.InCampaign {
    var story = Explanation.InCampaign(
      campaign: campaign, steps: ["one", "two"], absence: absence,
      past: past ?? [self.past(campaign, "one", hours: 50)],
      items: verdict.map { [Explanation.Item(step: "two", channel: .email, verdict: $0)] } ?? [])
    story.place = story.past.isEmpty ? nil : "one"
    story.mailboxes = story.past.isEmpty ? [] : ["anna"]
    return story
  }

  private func explanation(_ campaigns: Explanation.InCampaign...) -> Explanation {
    Explanation(
      person: .init(kind: .contact, key: "ada@example.com", place: Place("data/contacts.csv", line: 2), names: []),
      date: CalendarDay(number: 20_777), zone: .utc, notBefore: Self.midnight, campaigns: campaigns, notes: [])
  }

  private func next(_ story: Explanation.InCampaign, _ planned: ContactStanding.PlannedLine...) -> JSON? {
    ContactStanding.json(explanation(story), planned: planned).array?.first?["next_send"]
  }

  @Test func eachCampaignHasAParagraphWithin80Columns() {
    let line = ContactStanding.PlannedLine(
      send: send("b", "two", at: Self.midnight + .hours(10)), date: CalendarDay(number: 20_777), mayGo: false)
    let text = ContactStanding.text(
      explanation(
        story("a", .waiting(.delay, until: Self.midnight + .days(2))),
        story("b", .planned(send("b", "two", at: Self.midnight + .hours(11)))),
        story("c", .planned(send("c", "two", at: Self.midnight + .hours(12))), past: []),
        story("d", nil, absence: .noRow, past: [])), planned: [line])
    let expected = """
      ada@example.com: a contact, data/contacts.csv:2, no zone, so UTC

      a
        current step  one
        mailbox       anna
        last send     one, sent 2026-11-17T22:00:00Z from anna through relay: 250 OK
        next send     two, not due before 2026-11-22: its delay

      b
        current step  one
        mailbox       ben
        last send     one, sent 2026-11-17T22:00:00Z from anna through relay: 250 OK
        next send     two, 2026-11-20T10:00:00Z from ben, awaits approval

      c
        mailbox       ben
        last send     none
        next send     two, due, and in no plan yet; one made now has it at
                      2026-11-20T12:00:00Z from ben

      """
    #expect(text == expected)
  }

  @Test func aWrittenLineStandsOnlyWhileItsStepIsStillToCome() {
    let line = ContactStanding.PlannedLine(
      send: send("a", "two", at: Self.midnight + .hours(10)), date: CalendarDay(number: 20_778), mayGo: true)
    let open: [Explanation.Verdict] = [
      .planned(line.send), .waiting(.delay, until: Self.midnight + .days(1)), .held(.plannedElsewhere, by: nil),
      .deferred(.reserved, .windows(closed: nil), until: nil),
    ]
    for verdict in open {
      let next = next(story("a", verdict), line)
      #expect(next?["state"]?.string == "planned" && next?["plan"]?.string == "2026-11-21", "\(verdict)")
      #expect(next?["at"]?.string == "2026-11-20T10:00:00Z" && next?["approved"] == .bool(true))
    }
    let reply = Event(at: Self.midnight, type: .reply, contact: "ada@example.com")
    let closed: [(Explanation.Verdict, String)] = [
      (.ended(.stopped(reply)), "reply"), (.ended(.complete(last: nil)), "complete"),
      (.ended(.failed(past("a", "two", hours: 1, .dead(.rejected)))), "failed"),
      (.skipped(.suppressed, detail: "asked"), "suppressed"),
      (.held(.inDoubt, by: .send(past("a", "one", hours: 50, .inDoubt))), "in-doubt"),
    ]
    for (verdict, reason) in closed {
      let next = next(story("a", verdict), line)
      #expect(next?["state"]?.string == "none" && next?["reason"]?.string == reason, "\(verdict)")
      #expect(next?["at"] == nil)
    }
    let paused = next(story("a", nil, absence: .paused), line)
    #expect(paused?["state"]?.string == "none" && paused?["reason"]?.string == "paused")
  }

  @Test func whatIsDueOrWaitsSaysFromWhen() {
    let until = Self.midnight + .days(3)
    let waiting = next(story("a", .waiting(.delay, until: until)))
    #expect(waiting?["state"]?.string == "waiting" && waiting?["from"]?.string == "2026-11-23T00:00:00Z")
    let deferred = next(story("a", .deferred(.mailboxLimit, .mailboxes([]), until: until)))
    #expect(deferred?["state"]?.string == "deferred" && deferred?["reason"]?.string == "mailbox-limit")
    #expect(deferred?["from"]?.string == "2026-11-23T00:00:00Z")
    let due = next(story("a", .planned(send("a", "two", at: until))))
    #expect(due?["state"]?.string == "due" && due?["from"]?.string == "2026-11-20T00:00:00Z" && due?["at"] == nil)
  }

  @Test func ofSeveralRowsTheNextToComeIsTold() {
    var story = story("a", .ended(.complete(last: nil)))
    story.items.append(
      Explanation.Item(step: "two", verdict: .waiting(.sendAt, until: Self.midnight + .hours(9))))
    story.items.append(
      Explanation.Item(step: "two", verdict: .waiting(.sendAt, until: Self.midnight + .hours(7))))
    #expect(next(story)?["from"]?.string == "2026-11-20T07:00:00Z")
    story.items.append(
      Explanation.Item(
        step: "two", channel: .email, verdict: .planned(send("a", "two", at: Self.midnight + .hours(12)))))
    #expect(next(story)?["state"]?.string == "due")
  }
}
