import Model

/// Runs the planner forward on its own results: plans a day, takes its sends into a copy of the history as accepted at
/// their times, and goes on with the next day. It decides nothing that a plan does not decide, and writes nothing.
///
/// What it assumes: every plan is made at its day's beginning, the first one at `notBefore`; all lines are approved and
/// accepted; nobody replies or bounces; the files stay as they are. Lines that approved plans of other days hold are
/// heeded as the planner does, until their day: those of days before the one at hand count as sent, and a day that has
/// a plan is planned anew, as `run` does. It takes the memory of a day's plan, and 200 bytes a send for the history.
public struct Forecaster {
  private let project: Project
  private let renderer: any TemplateRenderer
  private let mailboxes: [String: Mailbox]
  private var history: History
  private var loads: MailboxLoads

  /// - Parameters:
  ///   - history: as for the first day's plan. Given away, it is not copied.
  ///   - days: 1 or more.
  ///   - notBefore: the first day's; later ones are planned from their beginning on.
  ///   - firstExpiries: when the sends of a later day's plan, if it has one already, expire (`History.firstExpiry`).
  public static func forecast(
    project: Project, history: consuming History, from first: CalendarDay, days: Int, notBefore: Instant,
    renderer: any TemplateRenderer, firstExpiries: (CalendarDay) throws -> [SendID: Instant]
  ) rethrows -> Forecast {
    var forecaster = Forecaster(project, consume history, from: first, renderer)
    var made: [Forecast.Day] = []
    for n in 0..<max(1, days) {
      let span = project.settings.span(of: first + n)
      forecaster.takeReserved(before: span, isFirst: n == 0)
      if n > 0 { forecaster.history.firstExpiry = try firstExpiries(first + n) }
      made.append(forecaster.plan(first + n, notBefore: n == 0 ? notBefore : span.start))
    }
    let campaigns = forecaster.courses(made)
    let live = Set(campaigns.map(\.id))
    var idle = project.campaigns.filter { !live.contains($0.id) }.map { campaign in
      (campaign: campaign.id, why: Self.idleness(campaign.status))
    }
    idle += project.broken.map { ($0, .broken) }
    return Forecast(
      zone: project.settings.zone, days: made, campaigns: campaigns, mailboxes: project.mailboxes.map(\.id),
      idle: idle.sorted { $0.campaign < $1.campaign })
  }

  private init(
    _ project: Project, _ history: consuming History, from first: CalendarDay, _ renderer: any TemplateRenderer
  ) {
    self.project = project
    self.renderer = renderer
    self.history = history
    mailboxes = Dictionary(project.mailboxes.map { ($0.id, $0) }, uniquingKeysWith: { _, last in last })
    // Two days before it hold every calendar day that any zone's clock shows during the first one.
    loads = MailboxLoads(
      project.mailboxes, self.history, since: project.settings.span(of: first).start - .days(2))
  }

  private static func idleness(_ status: Campaign.Status) -> Forecast.Idleness {
    switch status {
    case .draft: .draft
    case .paused: .paused
    case .active: .over
    }
  }

  // MARK: One day

  /// The lines of approved plans: those of earlier days have gone out by now, those of the day are planned anew.
  private mutating func takeReserved(before span: Interval, isFirst: Bool) {
    let passed = history.reserved.values.filter { $0.sendAt < (isFirst ? span.start : span.end) }
    for send in passed.sorted(by: { ($0.sendAt, $0.id) < ($1.sendAt, $1.id) }) {
      history.reserved[send.id] = nil
      guard send.sendAt < span.start, history.isOpen(send.id) else { continue }
      let attempt = Record.Attempt(
        send, number: 1, at: send.sendAt, provider: mailboxes[send.mailbox]?.providers.first ?? send.mailbox,
        messageID: messageID(send), run: "")
      history.apply(.intent(attempt))
      history.apply(.outcome(attempt, Record.Result(outcome: .sent)))
      if let m = loads.number(of: send.mailbox) { loads.add(m, at: send.sendAt, isPlanned: false) }
    }
  }

  private func messageID(_ send: PlannedSend) -> String {
    guard case .email(let named)? = mailboxes[send.mailbox]?.sender else { return "" }
    return "<\(send.id)@\(named.address.domain)>"
  }

  private mutating func plan(_ date: CalendarDay, notBefore: Instant) -> Forecast.Day {
    loads.beginPlan()
    let (day, sends) = planned(date, notBefore: notBefore)
    // Nothing holds on to the history now: it is changed where it lies.
    sends.take(into: &history)
    return day
  }

  private mutating func planned(
    _ date: CalendarDay, notBefore: Instant
  ) -> (Forecast.Day, AssumedSends) {
    let made = Planner.make(
      project: project, history: history, date: date, notBefore: notBefore, renderer: renderer)
    let shapes = made.lines.shapes
    let numbers = shapes.map { loads.number(of: $0.mailbox) }
    var counts = [Int](repeating: 0, count: shapes.count)
    let sends = AssumedSends(made.lines, mailboxes: mailboxes) { shape, at in
      counts[shape] += 1
      if let m = numbers[shape] { loads.add(m, at: at) }
    }
    var ofKind: [Forecast.Sends: Int] = [:]
    for (shape, count) in zip(shapes, counts) where count > 0 {
      let kind = Forecast.Sends(campaign: shape.campaign, step: shape.step, mailbox: shape.mailbox, count: 0)
      ofKind[kind, default: 0] += count
    }
    let day = Forecast.Day(
      date: date, notBefore: made.day.notBefore, campaigns: made.plan.header.campaigns,
      sends: ofKind.map { Forecast.Sends(campaign: $0.campaign, step: $0.step, mailbox: $0.mailbox, count: $1) }
        .sorted { ($0.campaign, $0.step, $0.mailbox) < ($1.campaign, $1.step, $1.mailbox) },
      loads: loads.loads(
        in: made.day.wholeDay, waited: Self.waited(made.due, made.allocation.places, made.day)))
    return (day, sends)
  }

  /// For each mailbox, how many due sends it was open to and had no room for.
  private static func waited(_ due: DueSteps, _ places: [Allocation.Place], _ day: PlanningDay) -> [Int] {
    var ofKind = [Int](repeating: 0, count: due.kinds.count)
    for (i, place) in places.enumerated() where place == .mailboxLimit || place == .reserved {
      ofKind[Int(due.sends[i].kind)] += 1
    }
    var waited = [Int](repeating: 0, count: day.project.mailboxes.count)
    var times = OpenTimes(day)
    for (kind, count) in zip(due.kinds, ofKind) where count > 0 {
      let own = times.timeClass(of: kind)
      let choices =
        kind.mailbox >= 0 ? [kind.mailbox] : day.campaigns[kind.campaign].mailboxes[kind.channel] ?? []
      for m in choices where !times.open(own, mailboxKind: times.kindOfMailbox[m]).isEmpty { waited[m] += count }
    }
    return waited
  }

  // MARK: What is left

  /// How campaigns stand on the day after the last one.
  private mutating func courses(_ days: [Forecast.Day]) -> [Forecast.Course] {
    guard let last = days.last else { return [] }
    let span = project.settings.span(of: last.date + 1)
    takeReserved(before: span, isFirst: false)
    let day = PlanningDay(
      project: project, history: history, date: last.date + 1, notBefore: span.start, renderer: renderer)
    let due = DueSteps(day)
    var left: [String: Int] = [:]
    for (id, totals) in due.totals { left[id] = totals.waiting + totals.held.values.reduce(0, +) }
    for send in due.sends { left[day.campaigns[due.kinds[Int(send.kind)].campaign].campaign.id, default: 0] += 1 }
    let reached = reachedSteps()
    return project.campaigns.filter { campaign in days.contains { $0.campaigns[campaign.id] != nil } }
      .map { campaign in
        var course = Forecast.Course(id: campaign.id, ending: ending(campaign, left[campaign.id], days))
        if case .through = course.ending { return course }
        course.unreached = campaign.steps.filter { step in
          !([campaign.id] + campaign.was).contains { id in
            ([step.id] + step.was).contains { reached.contains(Name(campaign: id, step: $0)) }
          }
        }.map(\.id)
        return course
      }.sorted { $0.id < $1.id }
  }

  /// - Parameter left: nil where the campaign has ended by the day after the last one.
  private func ending(_ campaign: Campaign, _ left: Int?, _ days: [Forecast.Day]) -> Forecast.Ending {
    func hasSends(_ day: Forecast.Day) -> Bool { day.campaigns[campaign.id]?.planned ?? 0 > 0 }
    if let left {
      return left == 0 ? .through(days.last(where: hasSends)?.date) : .goesOn(left: left)
    }
    // Its last day: whoever waited then, and whoever got a step that others follow.
    guard let day = days.last(where: { $0.campaigns[campaign.id] != nil }), let totals = day.campaigns[campaign.id]
    else { return .through(nil) }
    let final = campaign.steps.last?.id
    let amid = day.sends.filter { $0.campaign == campaign.id && $0.step != final }.reduce(0) { $0 + $1.count }
    let behind = totals.deferredTotal + totals.waiting + totals.held.values.reduce(0, +) + amid
    guard behind > 0, let end = campaign.end else { return .through(days.last(where: hasSends)?.date) }
    return .cutOff(at: end, left: behind)
  }

  private struct Name: Hashable {
    var campaign: String
    var step: String
  }

  private func reachedSteps() -> Set<Name> {
    var seen: Set<Int> = []
    let width = history.stepNames.count
    history.forEachCounted { seen.insert($0.campaign * width + $0.step) }
    return Set(
      seen.map { Name(campaign: history.campaignNames[$0 / width], step: history.stepNames[$0 % width]) })
  }
}
