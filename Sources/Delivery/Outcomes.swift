import Model

/// How sends end, and how they go on: what the dispatcher makes of the transport's events.
extension Dispatcher {
  // MARK: - Ends

  /// Gives a send back to the next plan. One that no later day's plan could take up any more has come to its end.
  mutating func release(_ handle: Int, _ reason: ReleaseReason, _ now: Instant, _ actions: inout [Action]) {
    guard let send = send(handle) else { return lose(handle, &actions) }
    if reason.waitsForAnotherDay, let expires = expiry(handle), expires <= day.end {
      let when = Zone.utc.format(expires)
      return die(
        handle, .expired, "\(reason.rawValue), and its time to live or its campaign ends at \(when), with this day",
        now,
        &actions)
    }
    end(handle)
    stopWaiting(handle)
    tally.released[reason, default: 0] += 1
    actions.append(.record(.released(Record.Note(send.send, at: now), reason)))
  }

  mutating func die(
    _ handle: Int, _ reason: DeadReason, _ text: String, _ now: Instant, _ actions: inout [Action]
  ) {
    guard let send = send(handle) else { return lose(handle, &actions) }
    end(handle)
    stopWaiting(handle)
    tally.dead[reason, default: 0] += 1
    let attempt = attemptRecord(send, number: 0, at: now, provider: "")
    actions.append(.record(.outcome(attempt, Record.Result(outcome: .failed, reason: reason, response: text))))
  }

  func attemptRecord(_ send: NearSend, number: Int, at: Instant, provider: String) -> Record.Attempt {
    Record.Attempt(send.record, number: number, at: at, provider: provider, run: runID)
  }

  /// An attempt leaves its login: the next mailbox in line may go on.
  mutating func leaveLogin(_ handle: Int) -> Endpoint? {
    underWay.remove(handle)
    defer { if sends[handle].state == .done || sends[handle].state == .lost { forget(handle) } }
    guard let endpoint = endpoint(of: handle) else { return nil }
    if let login = logins[endpoint.login] {
      login.inFlight -= 1
      let domain = sends[handle].domain
      if domain >= 0, let n = login.domains[domain] { login.domains[domain] = n > 1 ? n - 1 : nil }
    }
    if heldCount > 0 { freeDomains(at: endpoint.login) }
    if lines[endpoint.login]?.isEmpty == false, !freed.contains(endpoint.login) { freed.append(endpoint.login) }
    return endpoint
  }

  // MARK: - Events

  /// The message could not be made: the send ends, since the same values would fail again.
  public mutating func cannotRender(_ handle: Int, _ text: String, now: Instant) -> [Action] {
    var actions: [Action] = []
    takeBack(handle)
    _ = leaveLogin(handle)
    die(handle, .renderError, text, now, &actions)
    schedule(mailbox(handle), at: now)
    return actions
  }

  public mutating func handle(_ event: TransportEvent, now: Instant) -> [Action] {
    var actions: [Action] = []
    switch event {
    case .ready(let handle):
      guard sends[handle].state == .inFlight, !isStopping, let send = near[handle] else { break }
      // It may have waited long for its connection: everything is asked again before the message goes out.
      count(handle, by: -1)
      var standing = settle(handle, now, &actions)
      if standing == .mayGo, let endpoint = endpoint(of: handle), isPaused(endpoint) { standing = .waits(until: now) }
      guard standing == .mayGo else { return giveUp(handle, standing, now, &actions) }
      // Limits count intents: where a new day has come since the beginning, this one is of that day.
      sends[handle].countedAt = now
      count(handle, by: 1)
      hasOpened(handle, now)
      sends[handle].state = .completing
      let provider = endpoint(of: handle)?.provider ?? ""
      let attempt = attemptRecord(send, number: sends[handle].attempts + 1, at: now, provider: provider)
      actions.append(.record(.intent(attempt)))
      actions.append(.complete(handle: handle))
    case .finished(let handle, let reply):
      finish(handle, reply, now, &actions)
    case .unavailable(let login, let why, let returned):
      rest(login, why, now, &actions)
      for handle in returned.reversed() {
        switch sends[handle].state {
        case .inFlight:
          takeBack(handle)
          _ = leaveLogin(handle)
          requeue(handle, at: now)
        case .completing:
          // Not what a transport promises. The server may have it.
          finish(
            handle, Reply(stage: .message, ending: .connectionLost, text: why.text, completed: true), now, &actions)
        case .queued, .done, .lost: break
        }
      }
    }
    return actions
  }

  /// Takes an attempt back before its message: for later, or for good.
  private mutating func giveUp(
    _ handle: Int, _ standing: Standing, _ now: Instant, _ actions: inout [Action]
  ) -> [Action] {
    hasOpened(handle, now)
    _ = leaveLogin(handle)
    actions.append(.cancel(handle: handle))
    switch standing {
    case .mayGo, .ended: lookAgain(handle, now)
    case .waits(let next), .mailboxWaits(let next):
      waitAgain(handle)
      requeue(handle, at: next)
    }
    return actions
  }

  /// An attempt has been made, or has ended before: its mailbox's gap runs from now.
  mutating func hasOpened(_ handle: Int, _ now: Instant) {
    let m = mailbox(handle)
    guard mailboxes[m].opening > 0 else { return }
    mailboxes[m].opening -= 1
    mailboxes[m].lastAttempt = max(mailboxes[m].lastAttempt ?? now, now)
    if let login = endpoint(of: handle)?.login { hasMade(at: login, now) }
    if mailboxes[m].gap > .zero, let head = mailboxes[m].queue.min, mailboxes[m].line == nil {
      schedule(m, at: max(head.due, now))
    }
  }

  /// An attempt has been made at a login: its rate runs from now, and others may be begun.
  private mutating func hasMade(at name: String, _ now: Instant) {
    guard let login = logins[name] else { return }
    login.opening -= 1
    guard login.interval > .zero else { return }
    login.lastAttempt = max(login.lastAttempt ?? now, now)
    login.isWarm = true
    if lines[name]?.isEmpty == false, !freed.contains(name) { freed.append(name) }
  }

  /// When the attempt that an event ends or carries on was begun; nil for what is about a login.
  func beginning(of event: TransportEvent) -> Instant? {
    switch event {
    case .ready(let handle), .finished(let handle, _): sends[handle].startedAt
    case .unavailable: nil
    }
  }

  func endpoint(of handle: Int) -> Endpoint? {
    let m = mailbox(handle)
    guard mailboxes[m].endpoints.indices.contains(sends[handle].provider) else { return nil }
    return mailboxes[m].endpoints[sends[handle].provider]
  }

  /// Room has come back to a send's mailbox: those that wait for it need not wait for the clock.
  private mutating func lookAgain(_ handle: Int, _ now: Instant) {
    let m = mailbox(handle)
    guard mailboxes[m].line == nil, let head = mailboxes[m].queue.min else { return }
    schedule(m, at: max(head.due, now))
  }

  mutating func requeue(_ handle: Int, at due: Instant) {
    sends[handle].state = .queued
    let m = mailbox(handle)
    mailboxes[m].queue.insert(Entry(due: due, handle: handle))
    // Another of the mailbox may be due before it.
    schedule(m, at: mailboxes[m].queue.min?.due ?? due)
  }

  /// A login that cannot be used rests, longer each time. Nobody's attempt is spent on it.
  mutating func rest(_ name: String, _ why: Unavailability, _ now: Instant, _ actions: inout [Action]) {
    guard let delay = logins[name]?.breaker.open(at: now, policy: rules.settings.retry, name: name) else { return }
    beginRest(login: name, delay, why, now, &actions)
  }

  /// What an attempt's record says of its login. A server that asks to be left alone for longer is.
  private mutating func judge(
    _ endpoint: Endpoint, _ result: Record.Result, asked: Instant.Span?, _ now: Instant, _ actions: inout [Action]
  ) {
    let name = endpoint.login
    let fault = result.fault(at: endpoint.kind)
    let delay = logins[name]?.breaker.note(
      fault, at: now, policy: rules.settings.retry, name: name, atLeast: asked ?? .zero)
    guard let delay else {
      if fault == .none { tally.unavailable[name] = nil }
      return
    }
    let text = [result.code.map(String.init), result.response].compactMap { $0 }.joined(separator: " ")
    let cause: Unavailability.Cause = if case .rest(let cause) = fault { cause } else { .connection }
    beginRest(login: name, delay, Unavailability(cause: cause, text: text), now, &actions)
  }

  private mutating func beginRest(
    login name: String, _ delay: Instant.Span, _ why: Unavailability, _ now: Instant, _ actions: inout [Action]
  ) {
    // Said once, not at each try of a night.
    if tally.unavailable.updateValue(why.text, forKey: name) != why.text {
      actions.append(.warn("\(name): \(why.text); resting it for \(delay.rounded), then trying again"))
    }
    // Those in line for it, and those held at it, look for another provider, or wait with it.
    takeUpAllHeld(at: name)
    while let m = lines[name]?.popFirst() {
      waitingInLine -= 1
      mailboxes[m].line = nil
      schedule(m, at: now)
    }
  }

  mutating func finish(_ handle: Int, _ reply: Reply, _ now: Instant, _ actions: inout [Action]) {
    let state = sends[handle].state
    guard state == .inFlight || state == .completing, let send = near[handle] else { return }
    let startedAt = sends[handle].startedAt
    let endpoint = leaveLogin(handle)
    let verdict = Verdict(reply, from: endpoint?.kind)
    if isStopping, state == .inFlight, reply.ending == .connectionLost, !reply.completed {
      // The stop cut it off before its intent: as if it had not been begun.
      takeBack(handle)
      sends[handle].state = .queued
      return
    }
    if state == .inFlight { hasOpened(handle, now) }
    let number = sends[handle].attempts + 1
    sends[handle].attempts = number
    sends[handle].firstAttempt = sends[handle].firstAttempt ?? startedAt
    sends[handle].lackedProvider = false
    let attempt = attemptRecord(send, number: number, at: now, provider: endpoint?.provider ?? "")
    var result = Record.Result(
      outcome: .sent, enhancedCode: reply.enhancedCode ?? (verdict == .accepted ? nil : reply.providerCode),
      response: reply.text, providerID: reply.providerID,
      milliseconds: max(0, (now - startedAt).milliseconds))
    switch reply.ending {
    case .reply(let code), .malformed(let code): result.code = code
    case .connectionLost, .timeout, .unsupported: break
    }
    switch verdict {
    case .accepted:
      end(handle)
      tally.sent += 1
    case .inDoubt:
      end(handle)
      tally.inDoubt += 1
      result.outcome = .inDoubt
    case .refused(let isBounce):
      count(handle, by: -1)
      lookAgain(handle, now)
      if isBounce { bounced.insert(EmailAddress.canonical(of: attempt.to)) }
      fail(handle, .rejected, isBounce: isBounce, &result)
    case .later:
      count(handle, by: -1)
      tryAgain(handle, send.send.id, atOnce: false, atLeast: reply.retryAfter, number, now, &result)
    case .failOver(let isFinal):
      count(handle, by: -1)
      lookAgain(handle, now)
      failOver(handle, send.send.id, isFinal: isFinal, reply, number, now, &result)
    }
    actions.append(.record(.outcome(attempt, result)))
    if let endpoint { judge(endpoint, result, asked: reply.retryAfter, now, &actions) }
    feedBreakers(attempt, result, now, &actions)
    if result.outcome == .retry {
      let m = mailbox(handle)
      putOff(handle, m, until: result.retryAt ?? now, now, &actions)
      // With `--due`, what waits is left as soon as it is looked at.
      if let head = mailboxes[m].queue.min { schedule(m, at: dueOnly ? now : max(head.due, now)) }
    }
  }

  mutating func fail(_ handle: Int, _ reason: DeadReason, isBounce: Bool, _ result: inout Record.Result) {
    end(handle)
    tally.dead[reason, default: 0] += 1
    result.outcome = .failed
    result.reason = reason
    result.isBounce = isBounce
  }

  mutating func failOver(
    _ handle: Int, _ id: SendID, isFinal: Bool, _ reply: Reply, _ number: Int, _ now: Instant,
    _ result: inout Record.Result
  ) {
    let chain = mailboxes[mailbox(handle)].endpoints
    sends[handle].failed.insert(sends[handle].provider)
    if isFinal { sends[handle].refused.insert(sends[handle].provider) }
    let others = chain.indices.filter { !sends[handle].refused.contains($0) }
    guard let first = others.first else { return fail(handle, .rejected, isBounce: false, &result) }
    if let next = others.first(where: { !sends[handle].failed.contains($0) && !rests(chain[$0], now) }) {
      sends[handle].provider = next
      return tryAgain(handle, id, atOnce: true, number, now, &result)
    }
    // None is left to turn to at once: all over again later, first with those that have not been asked.
    sends[handle].provider = others.first { !sends[handle].failed.contains($0) } ?? first
    // A kept connection that the server had closed costs one try at once, not a minute.
    let lostEarly = reply.ending == .connectionLost && !reply.completed && !sends[handle].hasRetriedAtOnce
    sends[handle].hasRetriedAtOnce = sends[handle].hasRetriedAtOnce || lostEarly
    tryAgain(handle, id, atOnce: lostEarly && chain.count == 1, number, now, &result)
  }

  /// - Parameter atLeast: how long the server asks to be left alone (Retry-After).
  mutating func tryAgain(
    _ handle: Int, _ id: SendID, atOnce: Bool, atLeast: Instant.Span? = nil, _ number: Int, _ now: Instant,
    _ result: inout Record.Result
  ) {
    let policy = kinds[Int(sends[handle].kind)].rule?.campaign.retry ?? rules.settings.retry
    let delay = RetrySchedule.delay(after: number, policy: policy, id: id.text)
    let next = atOnce ? now : now + max(delay, atLeast ?? .zero)
    guard
      RetrySchedule.goesOn(after: number, first: sends[handle].firstAttempt ?? now, next: next, policy: policy)
    else { return fail(handle, .gaveUp, isBounce: false, &result) }
    tally.retried += 1
    tally.waiting += 1
    sends[handle].isWaiting = true
    sends[handle].dueAt = next
    if !atOnce { sends[handle].failed = [] }
    result.outcome = .retry
    result.retryAt = next
  }

  /// The run ends with messages whose byte of completion may have left: they are in doubt, and said to be.
  /// - Parameter unsent: those that wait for their intents to be on disk; nothing of them has been sent.
  public mutating func abandon(unsent: Set<Int> = [], now: Instant) -> [Action] {
    var actions: [Action] = []
    // Only what a transport holds can be at these stages.
    for handle in underWay.sorted() where sends[handle].state == .completing {
      guard let send = near[handle] else { continue }
      underWay.remove(handle)
      let isUnsent = unsent.contains(handle)
      sends[handle].state = isUnsent ? .queued : .done
      if !isUnsent { tally.inDoubt += 1 }
      let provider = endpoint(of: handle)?.provider ?? ""
      let text = "the run was stopped before " + (isUnsent ? "the message was complete" : "the server's reply")
      actions.append(
        .record(
          .outcome(
            attemptRecord(send, number: sends[handle].attempts + 1, at: now, provider: provider),
            Record.Result(
              outcome: isUnsent ? .retry : .inDoubt, response: text,
              milliseconds: max(0, (now - sends[handle].startedAt).milliseconds), retryAt: isUnsent ? now : nil))))
    }
    for handle in underWay.sorted() where sends[handle].state == .inFlight {
      takeBack(handle)
      sends[handle].state = .queued
      underWay.remove(handle)
    }
    return actions
  }
}

extension Instant.Span {
  /// For people: whole seconds.
  var rounded: Instant.Span { .seconds(max(1, secondsRoundedUp)) }
}
