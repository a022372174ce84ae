import Collections
import Journal
import Model

/// What keeps a part of the run back: pauses, which wait, and breakers, which release.
extension Dispatcher {
  // MARK: - Pauses

  /// Takes in the pauses file; nil while it cannot be read, and new attempts wait.
  public mutating func heed(_ new: Pauses?, now: Instant) -> [Action] {
    var actions: [Action] = []
    pauses = new
    guard let new else { return actions }
    let before = breakers.providersSince
    for trip in breakers.heed(new) { stop(trip, now, &actions) }
    countLateEvents(now, &actions)
    let resumed = breakers.providersSince.filter { $0.value > before[$0.key] ?? .distantPast }
    if !resumed.isEmpty { endRests(of: Set(resumed.keys), now) }
    for m in mailboxes.indices { unpark(m, now) }
    return actions
  }

  /// What has been resumed is due again as it was.
  private mutating func unpark(_ m: Int, _ now: Instant) {
    let free = mailboxes[m].queue.unordered.map(\.handle).filter { sends[$0].isParked && !isPaused($0) }
    for handle in free { sends[handle].isParked = false }
    putBack(free, m, now)
  }

  /// What was put off is due again as it was: at its time, or its retry's.
  private mutating func putBack(_ handles: [Int], _ m: Int, _ now: Instant) {
    if handles.isEmpty { return }
    let free = Set(handles)
    let others = mailboxes[m].queue.unordered.filter { !free.contains($0.handle) }
    mailboxes[m].queue = SendQueue(others + handles.map { Entry(due: sends[$0].dueAt, handle: $0) })
    if mailboxes[m].line == nil, let head = mailboxes[m].queue.min { schedule(m, at: max(head.due, now)) }
  }

  /// Whether a send's campaign, its mailbox, or every provider that it could go through is paused.
  func isPaused(_ handle: Int) -> Bool {
    guard let paused = pauses?.paused, !paused.isEmpty else { return false }
    let kind = kind(handle)
    if paused[Part(.mailbox, kind.mailboxID)] != nil { return true }
    let was = rules.campaigns[kind.campaign]?.was ?? []
    if ([kind.campaign] + was).contains(where: { paused[Part(.campaign, $0)] != nil }) { return true }
    let usable = mailboxes[kind.mailbox].endpoints.enumerated().filter { !sends[handle].refused.contains($0.offset) }
    return !usable.isEmpty && usable.allSatisfy { isPaused($0.element) }
  }

  func isPaused(_ endpoint: Endpoint) -> Bool {
    guard let paused = pauses?.paused, !paused.isEmpty else { return false }
    return paused[Part(.provider, endpoint.provider)] != nil
  }

  /// A paused send waits for its end: `resume` puts it back.
  mutating func park(_ handle: Int) -> Standing {
    sends[handle].isParked = true
    let close = open(handle).close ?? .distantFuture
    return .waits(until: min(close, expiry(handle) ?? close))
  }

  // MARK: - Rests of logins

  /// A person lets providers go on: their logins rest no longer, and what was put off for want of them is due again.
  private mutating func endRests(of providers: Set<String>, _ now: Instant) {
    for m in mailboxes.indices {
      let resumed = mailboxes[m].endpoints.filter { providers.contains($0.provider) }
      if resumed.isEmpty { continue }
      for endpoint in resumed {
        logins[endpoint.login]?.breaker = LoginBreaker()
        tally.unavailable[endpoint.login] = nil
        // There is more room than the one attempt that was to show whether it is well.
        if lines[endpoint.login]?.isEmpty == false, !freed.contains(endpoint.login) { freed.append(endpoint.login) }
      }
      putBack(mailboxes[m].queue.unordered.map(\.handle).filter { sends[$0].lackedProvider }, m, now)
    }
  }

  /// Logins that rest by the results of earlier runs: said once when the run begins, and they are why it ends with
  /// sends left.
  mutating func takeOverRests(_ now: Instant, _ actions: inout [Action]) {
    var told: Set<String> = []
    for endpoint in mailboxes.flatMap(\.endpoints) where told.insert(endpoint.login).inserted {
      guard let end = logins[endpoint.login]?.restsUntil, end > now else { continue }
      let why = breakers.troubles[endpoint.login] ?? "it failed in an earlier run"
      tally.unavailable[endpoint.login] = why
      actions.append(
        .warn(
          "\(endpoint.login): \(why); since an earlier run it rests until \(rules.settings.zone.format(end)); once the "
            + "cause is mended, nightmail resume provider \(endpoint.provider) ends that"))
    }
  }

  // MARK: - Breakers

  func isStopped(_ handle: Int) -> Bool {
    if breakers.trips.isEmpty { return false }
    let kind = kind(handle)
    return breakers.trip(campaign: kind.campaign, mailbox: kind.mailboxID) != nil
  }

  /// A breaker has stopped a part: said once, and all of it that waits is given back. What is under way may end.
  mutating func stop(_ trip: Breakers.Trip, _ now: Instant, _ actions: inout [Action]) {
    tally.stopped.append(trip)
    actions.append(.stopped(trip))
    for m in mailboxes.indices {
      let entries = mailboxes[m].queue.unordered
      let gone = entries.filter { isStopped($0.handle) }.map(\.handle).sorted()
      guard !gone.isEmpty else { continue }
      mailboxes[m].queue = SendQueue(entries.filter { !isStopped($0.handle) })
      for handle in gone { release(handle, .breaker, now, &actions) }
      if mailboxes[m].line == nil, let head = mailboxes[m].queue.min { schedule(m, at: max(head.due, now)) }
    }
    // Those held for their domain are given back as soon as they are looked at.
    for name in logins.keys.sorted() where heldCount > 0 { takeUpAllHeld(at: name) }
  }

  /// Counts what an outcome says, and stops what it stops.
  mutating func feedBreakers(
    _ attempt: Record.Attempt, _ result: Record.Result, _ now: Instant, _ actions: inout [Action]
  ) {
    for trip in breakers.note(attempt, result) { stop(trip, now, &actions) }
  }

  /// Takes in what must not be written to; nil while it cannot be read, and new attempts wait.
  public mutating func heed(drops new: Drops?, now: Instant) -> [Action] {
    var actions: [Action] = []
    drops = new
    if new != nil { countLateEvents(now, &actions) }
    return actions
  }

  /// Bounces and complaints that events of the day tell of, given to the parts that their sends belong to.
  mutating func countLateEvents(_ now: Instant, _ actions: inout [Action]) {
    guard let drops else { return }
    let known = Set(history.bounces.map(\.contact)).union(bounced)
    // A refusal that a result tells of is counted by it.
    let events = drops.events([.bounce, .complaint], within: day).filter {
      $0.type == .complaint || !known.contains($0.contact)
    }
    let late = origins(of: events).map { event, parts in
      Breakers.Late(at: event.at, isComplaint: event.type == .complaint, parts: parts)
    }
    for trip in breakers.heed(late: late, now: now) { stop(trip, now, &actions) }
  }

  /// The campaign and mailbox of the send that each event is about: by its Message-ID, else the last one to the
  /// contact, in the campaign that the event names if it names one. What belongs to no send counts for none.
  private mutating func origins(of events: [Event]) -> [(Event, [Part])] {
    if events.isEmpty { return [] }
    let ids = Set(events.compactMap(\.sendID))
    let names = Set(events.map(\.contact))
    var byID: [SendID: PlannedSend] = [:]
    var byName: [String: [(at: Instant, send: PlannedSend)]] = [:]
    for handle in tried(ids, names) {
      guard let near = send(handle) else { continue }
      let send = near.send
      let startedAt = sends[handle].startedAt
      if ids.contains(send.id) { byID[send.id] = send }
      let others = source.others(Int(sends[handle].line), send)
      let own = Set([send.contact, near.person.to] + others)
      for name in own where names.contains(name) { byName[name, default: []].append((startedAt, send)) }
    }
    return events.compactMap { event in
      if let id = event.sendID {
        if let send = byID[id] { return (event, [Part(.campaign, send.campaign), Part(.mailbox, send.mailbox)]) }
        if let record = history.sends[id] {
          return (event, [Part(.campaign, record.campaign), Part(.mailbox, record.mailbox)])
        }
      }
      let campaigns = rules.campaigns.values.filter { campaign in
        event.campaign.map { $0 == campaign.id || campaign.was.contains($0) } ?? true
      }.sorted { $0.id < $1.id }
      var last: (at: Instant, campaign: String, mailbox: String)?
      for (at, send) in byName[event.contact] ?? [] where campaigns.contains(where: { $0.id == send.campaign }) {
        if at > last?.at ?? .distantPast { last = (at, send.campaign, send.mailbox) }
      }
      for campaign in campaigns {
        for record in history.sends(campaign: campaign, contact: event.contact, to: []) where record.attempts > 0 {
          if record.at > last?.at ?? .distantPast { last = (record.at, campaign.id, record.mailbox) }
        }
      }
      return last.map { (event, [Part(.campaign, $0.campaign), Part(.mailbox, $0.mailbox)]) }
    }
  }
}

extension Dispatcher {
  /// What this run has attempted and brought to an end, of the sends that may have one of these ids or go to somebody
  /// with one of these names.
  private func tried(_ ids: Set<SendID>, _ names: Set<String>) -> [Int] {
    let done = sends.indices.filter { sends[$0].state == .done && sends[$0].startedAt > .distantPast }
    if done.isEmpty { return [] }
    let wanted = Set(source.lines(done.map { Int(sends[$0].line) }, ids: ids, to: names))
    return done.filter { wanted.contains(Int(sends[$0].line)) }
  }
}

extension Event {
  /// The send that the event's Message-ID names, if it is one of ours: its left part (DESIGN §2, `id`).
  fileprivate var sendID: SendID? {
    guard let left = messageID?.split(separator: "@").first else { return nil }
    return SendID(String(left.drop { $0 == "<" }))
  }
}
