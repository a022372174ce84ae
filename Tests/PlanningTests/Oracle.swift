import Foundation
import Model

@testable import Planning

/// The planner's answers worked out again in the plainest way: a wall clock looked at one instant at a time, and
/// augmenting paths between single sends and single slots.
struct Oracle {
  let random: RandomProject
  private var project: Project { random.project }

  /// Whether a window is open at an instant, by the face of the clock there.
  static func isOpen(_ window: Window, at instant: Instant, clocks: Window.Clocks, holidays: Set<CalendarDay>) -> Bool {
    guard let rules = window.rules else { return true }
    return rules.contains { rule in
      let name = clocks.zone(of: rule.clock).identifier
      guard let zone = TimeZone(identifier: name) else { return false }
      let date = Date(timeIntervalSince1970: Double(instant.milliseconds) / 1000)
      let local = Int64(date.timeIntervalSince1970.rounded(.down)) + Int64(zone.secondsFromGMT(for: date))
      let today = CalendarDay(number: Int((Double(local) / 86_400).rounded(.down)))
      let second = local - Int64(today.number) * 86_400
      func opens(_ day: CalendarDay) -> Bool { rule.days.contains(day.weekday) && !holidays.contains(day) }
      if rule.from < rule.to { return opens(today) && second >= rule.from && second < rule.to }
      return (opens(today) && second >= rule.from) || (opens(today - 1) && second < rule.to)
    }
  }

  func mayGo(_ send: ExpectedSend, from mailbox: Mailbox, at instant: Instant) -> Bool {
    let settings = project.settings
    let span = settings.span(of: random.date)
    guard instant >= max(span.start, random.notBefore), instant < span.end else { return false }
    if let earliest = send.earliest, instant < earliest { return false }
    if let end = send.campaign.end, instant >= end { return false }
    let clocks = Window.Clocks(contact: send.zone, mailbox: mailbox.zone, project: settings.zone)
    let own = Window.Clocks(contact: mailbox.zone, mailbox: mailbox.zone, project: settings.zone)
    return Self.isOpen(send.campaign.window, at: instant, clocks: clocks, holidays: send.campaign.holidays)
      && Self.isOpen(mailbox.window, at: instant, clocks: own, holidays: settings.holidays)
  }

  /// Whether a send's campaign ends today without any time that is open to it before.
  func expiresToday(_ send: ExpectedSend) -> Bool {
    let span = project.settings.span(of: random.date)
    guard !send.isSuppressed, let end = send.campaign.end, end <= span.end else { return false }
    return !project.mailboxes.contains { mailbox in
      guard send.mailboxes.contains(mailbox.id) else { return false }
      let after = random.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
      let quarters = (0..<100).map { span.start + .minutes(15 * $0) }.filter { $0 >= after }
      return (quarters + [after]).contains { mayGo(send, from: mailbox, at: $0) }
    }
  }

  /// The calendar day of a mailbox's clock.
  static func localDay(_ instant: Instant, _ zone: Zone) -> CalendarDay {
    let date = Date(timeIntervalSince1970: Double(instant.milliseconds) / 1000)
    let offset = TimeZone(identifier: zone.identifier)?.secondsFromGMT(for: date) ?? 0
    return CalendarDay(number: Int(((date.timeIntervalSince1970 + Double(offset)) / 86_400).rounded(.down)))
  }

  /// What history has used of a mailbox's day.
  func used(_ mailbox: Mailbox, on day: CalendarDay) -> Int {
    random.history.sends.values.count { record in
      record.mailbox == mailbox.id && record.state.countsAgainstLimits
        && Self.localDay(record.attemptAt ?? record.at, mailbox.zone) == day
    }
  }

  /// The most sends of each rank that any plan can have, better ranks first.
  func optimum() -> [[Int]: Int] {
    let slots = slots()
    var graph = Paths(slots: slots)
    var counts: [[Int]: Int] = [:]
    var open: [String: [Bool]] = [:]
    for send in random.expected.filter({ !$0.isSuppressed }).sorted(by: { $0.rank.lexicographicallyPrecedes($1.rank) })
    {
      let kind = "\(send.campaign.id) \(send.zone.identifier) \(send.mailboxes) \(send.earliest?.seconds ?? 0)"
      let fits =
        open[kind] ?? slots.all.map { send.mailboxes.contains($0.box.id) && mayGo(send, from: $0.box, at: $0.at) }
      open[kind] = fits
      if graph.add(fits.indices.filter { fits[$0] }) { counts[send.rank, default: 0] += 1 }
    }
    return counts
  }

  struct Slots {
    struct Slot {
      var at: Instant
      var box: Mailbox
      /// Index into `limits`.
      var day: Int
      var capacity: Int
    }
    var all: [Slot] = []
    var limits: [Int] = []
  }

  /// Every instant of each mailbox's grid; for one without a gap every quarter of an hour, since all windows here open
  /// and close on quarters.
  private func slots() -> Slots {
    var slots = Slots()
    let span = project.settings.span(of: random.date)
    for mailbox in project.mailboxes {
      let grid = SlotGrid(gap: mailbox.minGap, seed: project.settings.seed, mailbox: mailbox.id)
      let after = random.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
      var days: [CalendarDay: Int] = [:]
      var at = grid.gap == 0 ? span.start : grid.instant(grid.index(from: span.start))
      while at < span.end {
        defer { at = at + (grid.gap == 0 ? .minutes(15) : .seconds(grid.gap)) }
        guard at >= after else { continue }
        let date = Self.localDay(at, mailbox.zone)
        if days[date] == nil {
          days[date] = slots.limits.count
          slots.limits.append(max(0, (mailbox.dailyLimit ?? 10_000) - used(mailbox, on: date)))
        }
        guard let day = days[date] else { continue }
        slots.all.append(.init(at: at, box: mailbox, day: day, capacity: grid.gap == 0 ? 10_000 : 1))
      }
    }
    return slots
  }

  /// Textbook augmenting paths: a send takes a slot, or the place of another one that can move, under a limit for each
  /// day. A day that is used up is given back a place by a send that leaves it.
  private struct Paths {
    let slots: Slots
    var options: [[Int]] = []
    /// The slot of each send, -1 before it has one.
    var slotOf: [Int] = []
    var members: [Int: [Int]] = [:]
    var used: [Int]

    init(slots: Slots) {
      self.slots = slots
      used = Array(repeating: 0, count: slots.limits.count)
    }

    mutating func add(_ options: [Int]) -> Bool {
      self.options.append(options)
      slotOf.append(-1)
      var seen = Seen()
      if place(slotOf.count - 1, &seen) { return true }
      self.options.removeLast()
      slotOf.removeLast()
      return false
    }

    private struct Seen {
      var sends: Set<Int> = []
      var slots: Set<Int> = []
      var days: Set<Int> = []
    }

    private mutating func place(_ send: Int, _ seen: inout Seen) -> Bool {
      guard seen.sends.insert(send).inserted else { return false }
      for slot in options[send] where slot != slotOf[send] && seen.slots.insert(slot).inserted {
        let day = slots.all[slot].day
        if members[slot, default: []].count < slots.all[slot].capacity {
          if used[day] < slots.limits[day] {
            used[day] += 1
            take(send, slot)
            return true
          }
          if seen.days.insert(day).inserted {
            // Anyone of this day who can go elsewhere leaves the day's place to this send.
            for other in slotOf.indices where slotOf[other] >= 0 && slots.all[slotOf[other]].day == day {
              if place(other, &seen) {
                take(send, slot)
                return true
              }
            }
          }
        }
        for other in members[slot, default: []] where place(other, &seen) {
          take(send, slot)
          return true
        }
      }
      return false
    }

    private mutating func take(_ send: Int, _ slot: Int) {
      if slotOf[send] >= 0 { members[slotOf[send]]?.removeAll { $0 == send } }
      slotOf[send] = slot
      members[slot, default: []].append(send)
    }
  }
}
