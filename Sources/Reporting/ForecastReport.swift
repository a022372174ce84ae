import Model

/// The coming days for people, within 80 columns: what each day sends and what waits, when campaigns will be through, how
/// full mailboxes are, and what runs short.
public struct ForecastReport: Sendable {
  let forecast: Forecast
  /// What the view is narrowed to; what is forecast is always the whole.
  let campaign: String?
  let mailbox: String?

  static let columns = 80

  /// - Parameters:
  ///   - campaign: shows this campaign alone, and the mailboxes that it sends from.
  ///   - mailbox: shows this mailbox's sends alone. What is not planned has no mailbox.
  public init(_ forecast: Forecast, campaign: String? = nil, mailbox: String? = nil) {
    self.forecast = forecast
    self.campaign = campaign
    self.mailbox = mailbox
  }

  // MARK: What is shown

  /// The day's sends that are shown.
  func sends(_ day: Forecast.Day) -> [Forecast.Sends] {
    day.sends.filter {
      (campaign == nil || $0.campaign == campaign) && (mailbox == nil || $0.mailbox == mailbox)
    }
  }

  func planned(_ day: Forecast.Day, of id: String) -> Int {
    sends(day).reduce(0) { $0 + ($1.campaign == id ? $1.count : 0) }
  }

  /// The day's totals over the campaigns that are shown.
  func totals(_ day: Forecast.Day) -> PlanTotals {
    day.campaigns.filter { campaign == nil || $0.key == campaign }.values.reduce(PlanTotals(), +)
  }

  /// Campaigns that are shown: with a mailbox given those that send from it.
  var courses: [Forecast.Course] {
    let users = mailbox == nil ? nil : Set(forecast.days.flatMap { sends($0).map(\.campaign) })
    return forecast.campaigns.filter {
      (campaign == nil || $0.id == campaign) && users?.contains($0.id) ?? true
    }
  }

  /// Mailboxes that are shown, in the file's order: with a campaign given those that it sends from.
  var mailboxes: [String] {
    let used = campaign == nil ? nil : Set(forecast.days.flatMap { sends($0).map(\.mailbox) })
    return forecast.mailboxes.filter { (mailbox == nil || $0 == mailbox) && used?.contains($0) ?? true }
  }

  func load(_ day: Forecast.Day, of id: String) -> Forecast.Load? { day.loads.first { $0.mailbox == id } }

  // MARK: What runs short

  /// One reason for which somebody waits on some of the days.
  struct Wait {
    var reason: DeferReason
    var first: CalendarDay
    var last: CalendarDay
    /// The most on one day, and how many on the last day of the forecast.
    var most: Int
    var atTheEnd: Int
    /// Days on which somebody waits.
    var days: Int
    /// Mailboxes that had no room for those who were waiting, in the file's order.
    var mailboxes: [String]
  }

  var waits: [Wait] {
    guard mailbox == nil else { return [] }
    return DeferReason.allCases.compactMap { reason in
      let counts = forecast.days.map { totals($0).deferred[reason] ?? 0 }
      guard let first = counts.firstIndex(where: { $0 > 0 }), let last = counts.lastIndex(where: { $0 > 0 }) else {
        return nil
      }
      let isMailboxes = reason == .mailboxLimit || reason == .reserved
      let short = Set(forecast.days.flatMap { day in day.loads.filter { $0.waited > 0 }.map(\.mailbox) })
      return Wait(
        reason: reason, first: forecast.days[first].date, last: forecast.days[last].date, most: counts.max() ?? 0,
        atTheEnd: counts[counts.count - 1], days: counts.count { $0 > 0 },
        mailboxes: isMailboxes ? mailboxes.filter(short.contains) : [])
    }
  }
}

/// What is told of a campaign over all the days.
extension ForecastReport {
  struct Span {
    var sends = 0
    /// The most on one day.
    var most = 0
    var first: CalendarDay?
    var last: CalendarDay?
  }

  func span(of id: String) -> Span {
    var span = Span()
    for day in forecast.days {
      let count = planned(day, of: id)
      guard count > 0 else { continue }
      span.sends += count
      span.most = max(span.most, count)
      span.first = span.first ?? day.date
      span.last = day.date
    }
    return span
  }
}

extension ForecastReport {
  /// The same numbers for scripts. A day has the mailboxes that send on it or had no room for somebody.
  public var json: JSON {
    let zone = forecast.zone
    let courses = courses
    let shown = Set(mailboxes)
    return .members(
      ("date", forecast.days.first.map { .string($0.date.description) }), ("timezone", .string(zone.identifier)),
      (
        "days",
        .array(
          forecast.days.map { day in
            .members(
              ("date", .string(day.date.description)), ("not_before", .string(zone.format(day.notBefore))),
              ("totals", mailbox == nil ? PlanReport.json(totals(day)) : nil),
              (
                "campaigns",
                mailbox == nil
                  ? .object(
                    day.campaigns.filter { campaign == nil || $0.key == campaign }.sorted { $0.key < $1.key }
                      .map { JSON.Member($0.key, PlanReport.json($0.value)) }) : nil
              ),
              ("sends", .array(sends(day).map(Self.json))),
              (
                "mailboxes",
                .object(
                  day.loads.filter { shown.contains($0.mailbox) && $0.planned + $0.waited > 0 }
                    .map { JSON.Member($0.mailbox, Self.json($0)) })
              ))
          })
      ),
      ("campaigns", .object(courses.map { JSON.Member($0.id, json($0)) })),
      (
        "mailboxes",
        .object(
          mailboxes.map { id in
            let loads = forecast.days.compactMap { load($0, of: id) }
            return JSON.Member(
              id,
              .members(
                ("sends", .integer(Int64(loads.reduce(0) { $0 + $1.planned }))),
                ("full_days", .integer(Int64(loads.count { $0.isFull })))))
          })
      ),
      (
        "waits",
        .array(
          waits.map { wait in
            .members(
              ("reason", .string(wait.reason.rawValue)), ("first", .string(wait.first.description)),
              ("last", .string(wait.last.description)), ("days", .integer(Int64(wait.days))),
              ("most", .integer(Int64(wait.most))), ("at_the_end", .integer(Int64(wait.atTheEnd))),
              ("mailboxes", wait.mailboxes.isEmpty ? nil : .array(wait.mailboxes.map(JSON.string))))
          })
      ),
      (
        "idle",
        .object(
          forecast.idle.filter { campaign == nil || $0.campaign == campaign }
            .map { JSON.Member($0.campaign, .string("\($0.why)")) })
      ))
  }

  private static func json(_ sends: Forecast.Sends) -> JSON {
    .members(
      ("campaign", .string(sends.campaign)), ("step", .string(sends.step)), ("mailbox", .string(sends.mailbox)),
      ("planned", .integer(Int64(sends.count))))
  }

  private static func json(_ load: Forecast.Load) -> JSON {
    .members(
      ("planned", .integer(Int64(load.planned))), ("used", .integer(Int64(load.used))),
      ("limit", load.limit.map { .integer(Int64($0)) }), ("waited", .integer(Int64(load.waited))),
      ("full", .bool(load.isFull)))
  }

  private func json(_ course: Forecast.Course) -> JSON {
    let span = span(of: course.id)
    var state: String
    var (left, ends): (Int?, Instant?) = (nil, nil)
    switch course.ending {
    case .through: state = "through"
    case .goesOn(let n): (state, left) = ("goes-on", n)
    case .cutOff(let at, let n): (state, left, ends) = ("cut-off", n, at)
    }
    var through: CalendarDay?
    if case .through(let day) = course.ending { through = day }
    return .members(
      ("sends", .integer(Int64(span.sends))), ("most_a_day", .integer(Int64(span.most))),
      ("first", span.first.map { .string($0.description) }), ("last", span.last.map { .string($0.description) }),
      ("state", .string(state)), ("through", through.map { .string($0.description) }),
      ("left", left.map { .integer(Int64($0)) }), ("ends", ends.map { .string(forecast.zone.format($0)) }),
      ("unreached", course.unreached.isEmpty ? nil : .array(course.unreached.map(JSON.string))))
  }
}
