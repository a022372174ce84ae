import Collections
import Model

/// The intents of one mailbox that has limits: by calendar day, by clock hour, and one by one for the limit over any
/// 24 hours. Days and hours are those of the mailbox's zone.
struct MailboxBook {
  private let mailbox: Mailbox
  private var days: [CalendarDay: Int] = [:]
  private var hours: [ClockHour: Int] = [:]
  /// In order; empty without a rolling limit.
  private var instants: Deque<Instant> = []
  private var calendar: LocalTimes

  init(_ mailbox: Mailbox) {
    self.mailbox = mailbox
    calendar = LocalTimes(mailbox.zone)
  }

  /// Whether a mailbox has any limit that is counted here.
  static func isNeeded(_ mailbox: Mailbox) -> Bool {
    mailbox.dailyLimit != nil || mailbox.ramp != nil || mailbox.hourlyLimit != nil || mailbox.rollingLimit != nil
  }

  /// Whether intents are kept one by one, so that many are best added in the order of their times.
  var needsOrder: Bool { mailbox.rollingLimit != nil }

  mutating func add(_ at: Instant) {
    if mailbox.dailyLimit != nil || mailbox.ramp != nil { days[calendar.day(of: at).day, default: 0] += 1 }
    if mailbox.hourlyLimit != nil { hours[calendar.hour(of: at).hour, default: 0] += 1 }
    guard mailbox.rollingLimit != nil else { return }
    // Nearly always the last: only a clock that was set back, or a rehearsal's attempts, make it another.
    var place = instants.endIndex
    while place > instants.startIndex, instants[place - 1] > at { place -= 1 }
    instants.insert(at, at: place)
  }

  mutating func remove(_ at: Instant) {
    if mailbox.dailyLimit != nil || mailbox.ramp != nil { days[calendar.day(of: at).day, default: 0] -= 1 }
    if mailbox.hourlyLimit != nil { hours[calendar.hour(of: at).hour, default: 0] -= 1 }
    guard mailbox.rollingLimit != nil else { return }
    // What is taken back was begun a moment ago.
    var place = instants.endIndex
    while place > instants.startIndex, instants[place - 1] > at { place -= 1 }
    if place > instants.startIndex, instants[place - 1] == at { instants.remove(at: place - 1) }
  }

  /// Forgets intents that no limit can count any more at `now` or later, and a day before it: the clock may be set
  /// back.
  mutating func forget(before now: Instant) {
    while let first = instants.first, first + .days(2) <= now { instants.removeFirst() }
  }

  /// The first instant from `now` on at which all limits have room; nil if there is none before `close`.
  mutating func firstRoom(from now: Instant, before close: Instant) -> Instant? {
    var at = now
    // Each turn goes on in time: nothing odd in a zone's rules can hold it here.
    while at < close {
      guard let rolling = firstRollingRoom(from: at) else { return nil }
      at = rolling
      if let limit = mailbox.hourlyLimit {
        if limit <= 0 { return nil }
        let (hour, span) = calendar.hour(of: at)
        if hours[hour] ?? 0 >= limit {
          at = span.end > at ? span.end : at + .seconds(1)
          continue
        }
      }
      if mailbox.dailyLimit != nil || mailbox.ramp != nil {
        let (day, span) = calendar.day(of: at)
        if let limit = mailbox.limit(on: day), days[day] ?? 0 >= limit {
          at = span.end > at ? span.end : at + .seconds(1)
          continue
        }
      }
      return at < close ? at : nil
    }
    return nil
  }

  /// One more intent must not make `limit + 1` within less than 24 hours: where `limit` intents in a row already lie so
  /// close together, it comes 24 hours after the first of them, or 24 hours before the last.
  private func firstRollingRoom(from now: Instant) -> Instant? {
    guard let limit = mailbox.rollingLimit else { return now }
    guard limit > 0 else { return nil }
    guard instants.count >= limit else { return now }
    if let last = instants.last, last <= now { return max(now, instants[instants.count - limit] + .days(1)) }
    // Something lies ahead of `now`. Both ends of the forbidden times rise from run to run, so one pass is enough.
    var at = now
    for i in 0...(instants.count - limit) {
      let (first, last) = (instants[i], instants[i + limit - 1])
      if last - first < .days(1), at < first + .days(1), at > last - .days(1) { at = first + .days(1) }
    }
    return at
  }
}

/// An hour as a clock on the wall shows it. Where clocks go back, the two hours that show the same are one.
struct ClockHour: Hashable, Sendable {
  /// Hours from 1970-01-01 00:00 on that clock.
  var number: Int64
}

/// Days and hours of a zone, those asked for last kept: a run asks for the same ones with every message, and a zone's
/// offsets are slow to look up (a tenth of the executor's time without this).
struct LocalTimes {
  private let zone: Zone
  private var day: (day: CalendarDay, span: Interval)?
  private var hour: (hour: ClockHour, span: Interval)?

  init(_ zone: Zone) { self.zone = zone }

  mutating func day(of instant: Instant) -> (day: CalendarDay, span: Interval) {
    if let day, day.span.contains(instant) { return day }
    let number = zone.day(of: instant)
    let found = (number, Interval(zone.instant(number, second: 0), zone.instant(number + 1, second: 0)))
    day = found
    return found
  }

  /// - Returns: the hour, and a span with the instant in which the clock shows it without a break.
  mutating func hour(of instant: Instant) -> (hour: ClockHour, span: Interval) {
    if let hour, hour.span.contains(instant) { return hour }
    let offset = zone.offset(at: instant)
    let local = instant.seconds + offset
    let number = local >= 0 ? local / 3600 : (local - 3599) / 3600
    let start = Instant(seconds: number * 3600 - offset)
    var span = Interval(start, start + .hours(1))
    if zone.offset(at: start) != offset || zone.offset(at: span.end - .seconds(1)) != offset {
      // Clocks change within it: to the next whole minute, which no change of clocks lies within.
      span = Interval(instant, Instant(seconds: (instant.seconds / 60 + 1) * 60))
    }
    let found = (ClockHour(number: number), span)
    hour = found
    return found
  }
}
