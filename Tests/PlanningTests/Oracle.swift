import Model

@testable import Planning

/// The planner's answers worked out again in the plainest way: a wall clock looked at every quarter of an hour, and an
/// exact solver for what fits. Everything in a random project begins and ends on quarters, but gaps.
struct Oracle {
  let random: RandomProject
  private let faces: Clockfaces
  /// The quarters of the plan's day.
  let quarters: [Instant]
  private var project: Project { random.project }

  init(_ random: RandomProject) {
    self.random = random
    let span = random.span
    let rules = random.project.campaigns.map(\.window) + random.project.mailboxes.map(\.window)
    let named = rules.flatMap { $0.rules ?? [] }.compactMap { rule in
      if case .zone(let zone) = rule.clock { zone } else { nil }
    }
    let zones = random.project.mailboxes.map(\.zone) + random.due.map(\.zone) + named + [random.settings.zone]
    faces = Clockfaces(zones, over: span)
    let count = (span.end.seconds - span.start.seconds) / Clockface.quarter
    quarters = (0..<count).map { span.start + .seconds($0 * Clockface.quarter) }
  }

  func mayGo(_ send: ExpectedSend, from mailbox: Mailbox, at instant: Instant) -> Bool {
    guard random.span.contains(instant), instant >= random.notBefore else { return false }
    if let earliest = send.earliest, instant < earliest { return false }
    if let expires = send.expiresAt, instant >= expires { return false }
    if let start = send.campaign.start, instant < start { return false }
    let zone = random.settings.zone
    return faces.isOpen(
      send.campaign.window, at: instant,
      clocks: Window.Clocks(contact: send.zone, mailbox: mailbox.zone, project: zone), holidays: send.campaign.holidays)
      && faces.isOpen(
        mailbox.window, at: instant,
        clocks: Window.Clocks(contact: mailbox.zone, mailbox: mailbox.zone, project: zone),
        holidays: random.settings.holidays)
  }

  /// Sends that may go at the same times from the same mailboxes.
  struct Kind: Hashable {
    var campaign: String
    var zone: Zone
    var mailboxes: [String]
    var earliest: Instant?
    var expiresAt: Instant?

    init(_ send: ExpectedSend) {
      campaign = send.campaign.id
      zone = send.zone
      mailboxes = send.mailboxes
      earliest = send.earliest
      expiresAt = send.expiresAt
    }
  }

  /// From when on a mailbox's last attempt lets it send.
  private func free(_ mailbox: Mailbox) -> Instant {
    random.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
  }

  /// Whether there is any time today at which it could go.
  func hasOpenTime(_ send: ExpectedSend) -> Bool {
    project.mailboxes.contains { mailbox in
      send.mailboxes.contains(mailbox.id)
        && quarters.contains {
          $0 + .seconds(Clockface.quarter) > free(mailbox) && mayGo(send, from: mailbox, at: $0)
        }
    }
  }

  /// Whether a send ends today without any time that is open to it before.
  func expiresToday(_ send: ExpectedSend) -> Bool {
    guard let expires = send.expiresAt, expires <= random.span.end else { return false }
    return !hasOpenTime(send)
  }

  /// Slots of a mailbox's grid in a quarter; without a gap its first second, over and over.
  private func slots(_ mailbox: Mailbox, _ grid: SlotGrid, _ quarter: Instant) -> [Instant] {
    let span = Interval(max(quarter, free(mailbox)), quarter + .seconds(Clockface.quarter))
    guard span.start < span.end else { return [] }
    if grid.gap == 0 { return Array(repeating: span.start.roundedUpToSecond, count: random.due.count) }
    return (grid.index(from: span.start)..<grid.index(from: span.end)).map { grid.instant($0) }
  }

  /// What the due sends want and what there is.
  struct Demand {
    var problem = RoomProblem()
    var sends: [ExpectedSend] = []
    /// Of each place, whose it is and what it has.
    var slots: [(mailbox: String, times: [Instant])] = []
  }

  /// Quarters that differ in nothing are one place.
  func demand() -> Demand {
    var slots: [(mailbox: String, times: [Instant])] = []
    let sends = random.due.filter { !expiresToday($0) }
    let recount = Recount(random)
    var problem = RoomProblem()
    func cap(_ limit: Int) -> Int {
      problem.limits.append(limit)
      return problem.limits.count - 1
    }

    var kinds: [Kind: Int] = [:]
    var examples: [ExpectedSend] = []
    for send in sends where kinds[Kind(send)] == nil {
      kinds[Kind(send)] = examples.count
      examples.append(send)
    }
    problem.groups = Array(repeating: [], count: examples.count)
    for mailbox in project.mailboxes {
      let grid = SlotGrid(gap: mailbox.minGap, seed: random.settings.seed, mailbox: mailbox.id)
      let own = examples.indices.filter { examples[$0].mailboxes.contains(mailbox.id) }
      guard !own.isEmpty, let face = faces[mailbox.zone] else { continue }
      let rolling = mailbox.rollingLimit.map { [cap($0)] } ?? []
      var days: [Int: [Int]] = [:]
      var hours: [Int: [Int]] = [:]
      var places: [[Int]: Int] = [:]
      for quarter in quarters where quarter >= random.notBefore {
        let open = own.filter { mayGo(examples[$0], from: mailbox, at: quarter) }
        let times = open.isEmpty ? [] : self.slots(mailbox, grid, quarter)
        if times.isEmpty { continue }
        let (day, hour) = (face.day(quarter), face.hour(quarter))
        if days[day] == nil { days[day] = recount.left(mailbox, day: day).map { [cap($0)] } ?? [] }
        if hours[hour] == nil { hours[hour] = recount.left(mailbox, hour: hour).map { [cap($0)] } ?? [] }
        let caps = rolling + (days[day] ?? []) + (hours[hour] ?? [])
        let place = places[caps + [-1] + open] ?? problem.places.count
        if place == problem.places.count {
          places[caps + [-1] + open] = place
          problem.places.append(RoomProblem.Place(capacity: 0, caps: caps))
          slots.append((mailbox.id, []))
          for kind in open { problem.groups[kind].append(place) }
        }
        slots[place].times += times
        problem.places[place].capacity += times.count
      }
    }

    let ranks = Set(sends.map(\.rank)).sorted { $0.lexicographicallyPrecedes($1) }
    let levels = Dictionary(uniqueKeysWithValues: ranks.enumerated().map { ($1, $0) })
    problem.sends = sends.map { RoomProblem.Send(level: levels[$0.rank] ?? 0, group: kinds[Kind($0)] ?? 0) }
    func capSends(_ name: (ExpectedSend) -> String?, _ left: (String) -> Int?) {
      let named = sends.indices.compactMap { i in name(sends[i]).map { (name: $0, send: i) } }
      for (name, members) in Dictionary(grouping: named, by: \.name).sorted(by: { $0.key < $1.key }) {
        guard let left = left(name) else { continue }
        let cap = cap(left)
        for member in members { problem.sends[member.send].caps.append(cap) }
      }
    }
    capSends({ $0.isBulk ? $0.contact : nil }, recount.left(person:))
    capSends(
      { $0.isBulk && $0.channel == .email ? $0.to.split(separator: "@").last.map { $0.lowercased() } : nil },
      recount.left(domain:))
    capSends({ $0.isNew ? $0.campaign.id : nil }) { id in
      project.campaigns.first { $0.id == id }.flatMap(recount.leftNew)
    }
    return Demand(problem: problem, sends: sends, slots: slots)
  }
}
