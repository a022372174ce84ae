import Model
import Testing

@testable import Reporting

struct WhyReportTests {
  private static let midnight = Instant("2026-11-20T00:00:00Z") ?? .distantPast

  private func send(_ step: String, at instant: Instant, mailbox: String = "anna") -> PlannedSend {
    PlannedSend(
      id: SendID(campaign: "welcome", step: step, contact: "ada@example.com", channel: .email, key: ""),
      sendAt: instant, open: IntervalSet([Interval(Self.midnight + .hours(9), Self.midnight + .hours(17))]),
      campaign: "welcome", step: step, contact: "ada@example.com", channel: .email, to: "ada@example.com",
      mailbox: mailbox, subject: "Hello")
  }

  private var sent: SendRecord {
    let hello = send("hello", at: Self.midnight - .hours(60))
    return SendRecord(
      id: hello.id, campaign: "welcome", step: "hello", key: "", contact: hello.contact, channel: .email, to: hello.to,
      mailbox: "anna", state: .sent, attempts: 1, at: hello.sendAt, attemptAt: hello.sendAt, provider: "server",
      last: Record.Result(outcome: .sent, code: 250, enhancedCode: "2.0.0", response: "OK queued\u{1B}[2J"))
  }

  private var explanation: Explanation {
    let news = Explanation.MailboxUse(
      id: "news", isOpen: true, isReserved: false, planned: 150,
      days: [.init(day: CalendarDay(number: 20_777), use: .init(limit: 200, earlier: 50, planned: 150))],
      hourlyLimit: nil, rollingLimit: nil, minGap: .seconds(90))
    let filter = Campaign.Filter(column: "segment", values: ["new", "old"])
    return Explanation(
      person: .init(
        kind: .contact, key: "ada@example.com", place: Place("data/contacts.csv", line: 2), zone: Zone("Asia/Tokyo"),
        names: ["ada@example.com", "+491701000000"]),
      date: CalendarDay(number: 20_777), zone: .utc, notBefore: Self.midnight,
      campaigns: [
        .init(campaign: "archive", steps: ["only"], absence: .paused, past: []),
        .init(
          campaign: "news", steps: ["letter"], past: [],
          items: [
            .init(
              step: "letter", channel: .email,
              verdict: .deferred(.mailboxLimit, .mailboxes([news]), until: Self.midnight + .days(1)))
          ]),
        .init(campaign: "offers", steps: ["one"], absence: .notWhere(filter), past: []),
        .init(
          campaign: "welcome", steps: ["hello", "follow-up", "last"], past: [sent],
          items: [
            .init(
              step: "follow-up", channel: .email,
              verdict: .planned(send("follow-up", at: Self.midnight + .hours(10) + .seconds(12))))
          ]),
      ], notes: [])
  }

  @Test func whyTellsEachCampaignStepByStep() {
    let text = WhyReport.text(explanation, written: nil)
    let expected = """
      ada@example.com (+491701000000): a contact, data/contacts.csv:2, lives in
        Asia/Tokyo
      Plan for 2026-11-20, from 2026-11-20T00:00:00Z:

      archive: paused

      news
        letter  deferred (mailbox-limit): news 200 of 200 (150 in this plan) today,
                90s apart; due again with the plan for 2026-11-21

      offers: left out by where segment: [new, old]

      welcome
        hello      sent 2026-11-17T12:00:00Z from anna through server: 250 2.0.0 OK
                   queued [2J
        follow-up  planned at 10:00:12 from anna to ada@example.com; open 09:00-17:00
        last       after the step before it

      """
    #expect(text == expected)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
  }

  @Test func whyTellsWhereTheWrittenPlanDiffers() {
    let now = send("follow-up", at: Self.midnight + .hours(11), mailbox: "ben")
    let gone = send("last", at: Self.midnight + .hours(12))
    let text = WhyReport.text(explanation, written: [.init(send: now, mayGo: true), .init(send: gone, mayGo: false)])
    #expect(
      text.hasSuffix(
        """

        The plan that was written for this day:
          welcome follow-up: at 11:00:00 from ben, approved
          welcome last: planned in it at 12:00:00 from anna, awaits approval; a plan
            made now would not have it

        """))
    #expect(WhyReport.text(explanation, written: []).contains("welcome follow-up: not in it; plan again to have it"))
  }

  @Test func jsonHasTheSameVerdicts() {
    let json = WhyReport.json(explanation, written: nil)
    let campaigns = json["campaigns"]?.array ?? []
    #expect(campaigns.compactMap { $0["campaign"]?.string } == ["archive", "news", "offers", "welcome"])
    #expect(campaigns.first?["absent"]?["because"]?.string == "paused")
    let today = campaigns.compactMap { $0["today"]?.array?.first?["verdict"]?.string }
    #expect(today == ["deferred", "planned"])
    #expect(campaigns.last?["past"]?.array?.count == 1)
  }
}
