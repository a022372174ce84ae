import Model
import TestSupport
import Testing

@testable import Planning

/// What a forecast must say, by the planner day after day and results that are written here, one record after another.
private struct DayByDay {
  let project: Project
  var history: History
  var days: [Plan] = []

  init(_ project: Project, _ history: History, from first: CalendarDay, days: Int, notBefore: Instant) {
    self.project = project
    self.history = history
    let settings = project.settings
    for n in 0..<days {
      let span = settings.span(of: first + n)
      play(until: span.start)
      if n > 0 {
        // The day's own plan holds nothing back.
        self.history.reserved = self.history.reserved.filter { !span.contains($0.value.sendAt) }
        self.history.firstExpiry = [:]
      }
      let plan = Planner.plan(
        project: project, history: self.history, date: first + n, notBefore: n == 0 ? notBefore : span.start,
        renderer: PlainRenderer())
      for send in plan.sends { accept(send) }
      self.days.append(plan)
    }
    play(until: settings.span(of: first + days).start)
  }

  /// What other plans had for days that have passed.
  private mutating func play(until instant: Instant) {
    for send in history.reserved.values.filter({ $0.sendAt < instant }).sorted(by: { $0.id < $1.id }) {
      history.reserved[send.id] = nil
      if history.isOpen(send.id) { accept(send) }
    }
  }

  private mutating func accept(_ send: PlannedSend) {
    let domain = project.mailboxes.first { $0.id == send.mailbox }.flatMap { mailbox -> String? in
      if case .email(let named) = mailbox.sender { named.address.domain } else { nil }
    }
    let attempt = Record.Attempt(
      send, number: 1, at: send.sendAt, provider: "server", messageID: domain.map { "<\(send.id)@\($0)>" } ?? "",
      run: "0123456789abcdef")
    history.apply(.intent(attempt))
    history.apply(.outcome(attempt, Record.Result(outcome: .sent)))
  }
}

private func sends(_ plan: Plan) -> [Forecast.Sends] {
  var counts: [Forecast.Sends: Int] = [:]
  for send in plan.sends {
    let kind = Forecast.Sends(campaign: send.campaign, step: send.step, mailbox: send.mailbox, count: 0)
    counts[kind, default: 0] += 1
  }
  return counts.map { kind, count in
    Forecast.Sends(campaign: kind.campaign, step: kind.step, mailbox: kind.mailbox, count: count)
  }.sorted { ($0.campaign, $0.step, $0.mailbox) < ($1.campaign, $1.step, $1.mailbox) }
}

extension Scene {
  fileprivate func forecast(_ days: Int, from date: String = "2026-11-20", notBefore: Instant = .distantPast) throws
    -> Forecast
  {
    let project = Project(
      settings: settings, campaigns: campaigns, mailboxes: mailboxes.isEmpty ? [try mailbox("anna")] : mailboxes,
      contacts: contacts, suppressions: suppressions, events: events)
    return Forecaster.forecast(
      project: project, history: history, from: try day(date), days: days, notBefore: notBefore,
      renderer: PlainRenderer(), firstExpiries: { _ in [:] })
  }
}

private func forecast(_ random: RandomProject, _ days: Int) -> Forecast {
  Forecaster.forecast(
    project: random.project, history: random.history, from: random.date, days: days, notBefore: random.notBefore,
    renderer: PlainRenderer(), firstExpiries: { _ in [:] })
}

struct ForecastTests {
  @Test func aForecastIsWhatPlanningAndSendingDayByDayComesTo() throws {
    var (planned, deferred, reserved, later) = (0, 0, 0, 0)
    for seed in seeds(250) {
      let random = try RandomProject(seed: seed, rules: .checked)
      let forecast = forecast(random, 9)
      let truth = DayByDay(
        random.project, random.history, from: random.date, days: 9, notBefore: random.notBefore)
      reserved += random.history.reserved.count
      #expect(forecast.days.count == 9)
      for (day, plan) in zip(forecast.days, truth.days) {
        let why: Comment = "NIGHTMAIL_SEED=\(seed), \(plan.header.date)"
        #expect(day.date == plan.header.date && day.notBefore == plan.header.notBefore, why)
        #expect(day.campaigns == plan.header.campaigns, why)
        #expect(day.sends == sends(plan), why)
        for load in day.loads {
          #expect(load.planned == plan.sends.count { $0.mailbox == load.mailbox }, why)
          #expect(load.limit.map { load.used <= $0 || load.planned == 0 } ?? true, why)
        }
        for totals in day.campaigns.values {
          #expect(totals.due == totals.planned + totals.deferredTotal + totals.skippedTotal, why)
        }
        planned += plan.header.sends
        deferred += plan.header.totals.deferredTotal
        if plan.header.date > random.date { later += plan.header.sends }
      }
    }
    // Not one of the rules that matter stood idle.
    #expect(planned > 2000 && deferred > 2000 && reserved > 100 && later > 1000, "\(planned) \(deferred) \(later)")
  }

  @Test func aCampaignIsThroughWhenNothingIsLeftAfterTheLastDay() throws {
    for seed in seeds(120) {
      let random = try RandomProject(seed: seed, rules: .checked)
      let forecast = forecast(random, 5)
      let truth = DayByDay(
        random.project, random.history, from: random.date, days: 6, notBefore: random.notBefore)
      let after = truth.days[5].header.campaigns
      for course in forecast.campaigns {
        let why: Comment = "NIGHTMAIL_SEED=\(seed), \(course.id)"
        let last = truth.days.prefix(5).last { $0.header.campaigns[course.id]?.planned ?? 0 > 0 }?.header.date
        switch course.ending {
        case .through(let day):
          #expect(day == last, why)
          // Skipped for their end, or their time to live, are those that were left.
          if let totals = after[course.id] { #expect(totals.planned + totals.deferredTotal + totals.waiting == 0, why) }
        case .goesOn(let left):
          let totals = try #require(after[course.id], why)
          let open = totals.planned + totals.deferredTotal + totals.waiting + totals.held.values.reduce(0, +)
          let expired = totals.skipped[.expired] ?? 0
          #expect(open <= left && left <= open + expired + (totals.skipped[.missingVariable] ?? 0), why)
        case .cutOff(let end, let left):
          #expect(after[course.id] == nil && left > 0, why)
          #expect(end <= random.settings.span(of: random.date + 5).start, why)
        }
      }
    }
  }

  @Test func aLimitDefersUntilItIsWorkedOffAndNamesItsMailbox() throws {
    var scene = Scene()
    scene.contacts = crowd(25)
    scene.mailboxes = [try mailbox("anna", limit: 10), try mailbox("ben", limit: 5)]
    let forecast = try scene.forecast(4)
    #expect(forecast.days.map { $0.sends.map(\.count) } == [[10], [10], [5], []])
    #expect(forecast.days.map { $0.campaigns["welcome"]?.deferred[.mailboxLimit] ?? 0 } == [15, 5, 0, 0])
    #expect(forecast.days.map { $0.loads.map(\.waited) } == [[15, 0], [5, 0], [0, 0], [0, 0]])
    #expect(forecast.days.map { $0.loads[0].isFull } == [true, true, false, false])
    #expect(forecast.days.allSatisfy { !$0.loads[1].isFull })
    #expect(forecast.days.map { $0.loads[0].used } == [10, 10, 5, 0])
    #expect(forecast.campaigns.map(\.ending) == [.through(try day("2026-11-22"))])
  }

  @Test func followUpsComeAfterTheirDelayAndStepsThatNobodyReachesAreNamed() throws {
    var scene = Scene()
    scene.contacts = crowd(3)
    scene.campaigns = [
      campaign(steps: [
        step("intro"), step("nudge", delay: .businessDays(2)), step("re", delay: .days(1), reply: true, subject: nil),
        step("bye", delay: .days(30)),
      ])
    ]
    // Friday; two business days on it is Tuesday.
    let forecast = try scene.forecast(7)
    #expect(
      forecast.days.flatMap { day in day.sends.map { "\(day.date) \($0.step) \($0.count)" } }
        == ["2026-11-20 intro 3", "2026-11-24 nudge 3", "2026-11-25 re 3"])
    #expect(forecast.campaigns.map(\.ending) == [.goesOn(left: 3)])
    #expect(forecast.campaigns.map(\.unreached) == [["bye"]])
    #expect(try scene.forecast(36).campaigns.map(\.ending) == [.through(try day("2026-12-25"))])
  }

  @Test func approvedLinesOfOtherDaysHoldTheirRoomUntilTheirDay() throws {
    var scene = Scene()
    scene.contacts = crowd(4)
    scene.mailboxes = [try mailbox("anna", limit: 2)]
    scene.history.reserve("intro", to: "person0@example.org", at: try at("2026-11-21T10:00:00Z"))
    let forecast = try scene.forecast(3)
    #expect(forecast.days[0].campaigns["welcome"]?.held == [.plannedElsewhere: 1])
    // Planned anew on its day, beside the one that waited.
    #expect(forecast.days.map { $0.sends.map(\.count) } == [[2], [2], []])
    // Those of a day before the first have gone out by then.
    scene.history.reserved = [:]
    scene.history.reserve("intro", to: "person0@example.org", at: try at("2026-11-19T23:00:00Z"))
    let next = try scene.forecast(3)
    #expect(next.days[0].campaigns["welcome"].map { [$0.planned, $0.ended] } == [2, 1])
    #expect(next.days.map { $0.sends.map(\.count) } == [[2], [1], []])
  }

  @Test func draftsPausedAndEndedCampaignsAreIdleAndAnEndCutsOff() throws {
    var scene = Scene()
    scene.contacts = crowd(9)
    scene.mailboxes = [try mailbox("anna", limit: 2)]
    var draft = campaign("draft")
    draft.status = .draft
    let ended = campaign("ended", end: try at("2026-11-19T00:00:00Z"))
    let end = try at("2026-11-22T00:00:00Z")
    scene.campaigns = [draft, ended, campaign("short", end: end)]
    let forecast = try scene.forecast(5)
    #expect(forecast.idle.map(\.campaign) == ["draft", "ended"])
    #expect(forecast.idle.map(\.why) == [.draft, .over])
    #expect(forecast.campaigns.map(\.ending) == [.cutOff(at: end, left: 5)])
    #expect(forecast.days.map { $0.campaigns.count } == [1, 1, 0, 0, 0])
  }

  @Test func theHistoryGivenStaysAsItIs() throws {
    var scene = Scene()
    scene.history.add("intro", to: "someone@example.org", at: try at("2026-11-19T10:00:00Z"))
    let before = Array(scene.history.sends.values)
    _ = try scene.forecast(3)
    #expect(Array(scene.history.sends.values) == before)
    #expect(scene.history.lastAttempt.mailbox == ["anna": try at("2026-11-19T10:00:00Z")])
  }
}
