import Foundation
import Model
import Testing

/// Reads plans and results of a month with clocks and counters of its own, Foundation's for time zones, and says what
/// breaks a rule.
struct OutreachJudge {
  /// One send: a line of a plan, or what was made of it.
  struct Send {
    var id: String
    var sequence: String
    var step: String
    var contact: String
    var mailbox: String
    var at: Date
  }

  let town: OutreachTown
  private let people: [String: OutreachTown.Person]
  private let boxes: [String: OutreachTown.Box]
  private let sequences: [String: OutreachTown.Sequence]
  private var calendars: [String: Calendar] = [:]
  /// What was delivered so far, by sequence and contact, in order.
  private(set) var sent: [String: [String: [Send]]] = [:]
  private(set) var all: [Send] = []
  /// By sequence, who has answered; and who wants nothing any more.
  private var answered: [String: Set<String>] = [:]
  private var unsubscribed: Set<String> = []

  init(_ town: OutreachTown) {
    self.town = town
    people = Dictionary(uniqueKeysWithValues: town.people.map { ($0.email, $0) })
    boxes = Dictionary(uniqueKeysWithValues: town.boxes.map { ($0.id, $0) })
    sequences = Dictionary(uniqueKeysWithValues: town.sequences.map { ($0.id, $0) })
    for zone in Set(town.people.map(\.zone) + town.boxes.map(\.zone) + [OutreachTown.project]) {
      var calendar = Calendar(identifier: .gregorian)
      calendar.timeZone = TimeZone(identifier: zone) ?? .gmt
      calendars[zone] = calendar
    }
  }

  static func date(_ text: String?) -> Date? { text.flatMap { try? Date($0, strategy: .iso8601) } }

  private func calendar(_ zone: String) -> Calendar { calendars[zone] ?? Calendar(identifier: .gregorian) }

  /// `2026-10-12` on a zone's clock.
  func day(_ date: Date, _ zone: String = OutreachTown.project) -> String {
    let parts = calendar(zone).dateComponents([.year, .month, .day], from: date)
    return Self.text(parts)
  }

  private static func text(_ parts: DateComponents) -> String {
    func two(_ n: Int?) -> String { (n ?? 0) < 10 ? "0\(n ?? 0)" : "\(n ?? 0)" }
    return "\(parts.year ?? 0)-\(two(parts.month))-\(two(parts.day))"
  }

  private func noon(_ day: String) -> Date { Self.date(day + "T12:00:00Z") ?? .distantPast }

  func adding(_ days: Int, to day: String, isBusiness: Bool = false) -> String {
    var left = days
    var at = noon(day)
    while left > 0 {
      at += 86_400
      let weekday = Calendar.utc.component(.weekday, from: at)
      if !isBusiness || (2...6).contains(weekday) { left -= 1 }
    }
    return Self.text(Calendar.utc.dateComponents([.year, .month, .day], from: at))
  }

  // MARK: What happened

  mutating func reply(_ contact: String, to sequence: String) { answered[sequence, default: []].insert(contact) }
  mutating func unsubscribe(_ contact: String) { unsubscribed.insert(contact) }
  func hasUnsubscribed(_ contact: String) -> Bool { unsubscribed.contains(contact) }
  func hasAnswered(_ contact: String, _ sequence: String) -> Bool { answered[sequence]?.contains(contact) == true }

  mutating func deliver(_ sends: [Send]) {
    for send in sends.sorted(by: { $0.at < $1.at }) {
      sent[send.sequence, default: [:]][send.contact, default: []].append(send)
    }
    all += sends
  }

  /// The step that a contact is to have next and the day from which it is due; nil where the sequence has ended or is
  /// not for it.
  func next(_ sequence: OutreachTown.Sequence, _ person: OutreachTown.Person) -> (step: Int, from: String)? {
    guard town.isIn(sequence, person), !hasAnswered(person.email, sequence.id) else { return nil }
    let past = sent[sequence.id]?[person.email] ?? []
    guard past.count < sequence.steps.count else { return nil }
    let step = sequence.steps[past.count]
    guard let last = past.last else { return (0, "0000-00-00") }
    return (past.count, adding(step.delay, to: day(last.at), isBusiness: step.isBusiness))
  }

  /// Who is due on a day, with the step; also those who have unsubscribed.
  func due(_ sequence: OutreachTown.Sequence, on date: String) -> [String: Int] {
    var due: [String: Int] = [:]
    for person in town.people {
      if let next = next(sequence, person), next.from <= date { due[person.email] = next.step }
    }
    return due
  }

  // MARK: The rules

  /// What a day's plan breaks, given all that was delivered before it.
  func faults(plan: [Send], of date: String) -> [String] {
    var faults: [String] = []
    for sequence in town.sequences {
      let due = due(sequence, on: date)
      let own = plan.filter { $0.sequence == sequence.id }
      for send in own {
        let name = "\(send.sequence) \(send.step) to \(send.contact)"
        guard let person = people[send.contact], let box = boxes[send.mailbox] else {
          faults.append("\(name): nobody's")
          continue
        }
        if due[send.contact].map({ sequence.steps[$0].id }) != send.step { faults.append("\(name): not its turn") }
        if unsubscribed.contains(send.contact) { faults.append("\(name): unsubscribed") }
        if !sequence.mailboxes.contains(send.mailbox) { faults.append("\(name): from \(send.mailbox)") }
        let kept = sent[sequence.id]?[send.contact]?.last?.mailbox ?? person.mailbox
        if let kept, sequence.mailboxes.contains(kept), kept != send.mailbox {
          faults.append("\(name): from \(send.mailbox), and it has \(kept)")
        }
        if day(send.at) != date { faults.append("\(name): at \(send.at), on another day") }
        if !isOpen(send.at, sequence, person, box) { faults.append("\(name): at \(send.at), closed") }
      }
      let first = own.count { $0.step == sequence.steps[0].id }
      if first > sequence.newLimit { faults.append("\(sequence.id): \(first) begun") }
      if Set(own.map(\.contact)).count != own.count { faults.append("\(sequence.id): a contact twice") }
    }
    let earlier = Set(all.map { "\($0.sequence) \($0.step) \($0.contact)" })
    for send in plan where earlier.contains("\(send.sequence) \(send.step) \(send.contact)") {
      faults.append("\(send.step) to \(send.contact): twice")
    }
    return faults + limits(all + plan)
  }

  private func isOpen(
    _ at: Date, _ sequence: OutreachTown.Sequence, _ person: OutreachTown.Person, _ box: OutreachTown.Box
  ) -> Bool {
    let clock = calendar(sequence.isContactsClock ? person.zone : box.zone)
    let parts = clock.dateComponents([.hour, .weekday], from: at)
    if !sequence.window.contains(parts.hour ?? -1) { return false }
    if sequence.isWeekdays, !(2...6).contains(parts.weekday ?? 0) { return false }
    return box.window?.contains(calendar(box.zone).component(.hour, from: at)) ?? true
  }

  /// Limits, gaps and caps over all sends together.
  func limits(_ sends: [Send]) -> [String] {
    var faults: [String] = []
    for box in town.boxes {
      let times = sends.filter { $0.mailbox == box.id }.map(\.at).sorted()
      let clock = calendar(box.zone)
      for (day, own) in Dictionary(grouping: times, by: { day($0, box.zone) }) {
        var limit = box.daily ?? .max
        if let ramp = box.ramp {
          let age = Int((noon(day).timeIntervalSince(noon(ramp.start)) / 86_400).rounded(.down))
          limit = min(limit, ramp.from + ramp.step * (max(0, age) / ramp.everyDays))
        }
        if own.count > limit { faults.append("\(box.id): \(own.count) of \(limit) on \(day)") }
      }
      if let hourly = box.hourly {
        let hours = Dictionary(grouping: times) { clock.dateInterval(of: .hour, for: $0)?.start ?? $0 }
        for (hour, own) in hours where own.count > hourly {
          faults.append("\(box.id): \(own.count) in the hour of \(hour)")
        }
      }
      for (a, b) in zip(times, times.dropFirst()) where b.timeIntervalSince(a) < Double(box.gap) {
        faults.append("\(box.id): \(b.timeIntervalSince(a)) s apart at \(b)")
      }
      if let rolling = box.rolling {
        for (a, b) in zip(times, times.dropFirst(rolling)) where b.timeIntervalSince(a) < 86_400 {
          faults.append("\(box.id): more than \(rolling) in 24 hours up to \(b)")
        }
      }
    }
    for (contact, own) in Dictionary(grouping: sends, by: \.contact) {
      let days = own.map { day($0.at) }.sorted()
      for (day, same) in Dictionary(grouping: days, by: { $0 }) where same.count > OutreachTown.perDay {
        faults.append("\(contact): \(same.count) on \(day)")
      }
      for (a, b) in zip(days, days.dropFirst(OutreachTown.perWeek)) where b < adding(7, to: a) {
        faults.append("\(contact): more than \(OutreachTown.perWeek) in the week up to \(b)")
      }
    }
    let domains = Dictionary(grouping: sends) { "\(people[$0.contact]?.domain ?? "") on \(day($0.at))" }
    for (domain, own) in domains where !domain.hasPrefix(OutreachTown.exempt) && own.count > OutreachTown.domainPerDay {
      faults.append("\(own.count) to \(domain)")
    }
    return faults
  }
}

extension Calendar {
  fileprivate static let utc: Calendar = {
    var calendar = Calendar(identifier: .gregorian)
    calendar.timeZone = .gmt
    return calendar
  }()
}
