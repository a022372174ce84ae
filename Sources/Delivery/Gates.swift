import Model

/// What a send must pass each time before it goes out: its expiry, its open time, what must not be written to, and the
/// limits. Asked when it is due, and again when its connection stands.
extension Dispatcher {
  /// How a due send stands.
  enum Standing: Equatable {
    case mayGo
    /// It has come to its end, and its record says how.
    case ended
    /// It is to be looked at again then.
    case waits(until: Instant)
    /// So is its mailbox: none of its sends can go out before.
    case mailboxWaits(until: Instant)
  }

  /// What keeps a due send from being attempted at all now. Its end comes first: also what is paused expires.
  mutating func settle(_ handle: Int, _ now: Instant, _ actions: inout [Action]) -> Standing {
    let expires = expiry(handle)
    if let expires, now >= expires {
      die(handle, .expired, "its time to live or its campaign ended at \(Zone.utc.format(expires))", now, &actions)
      return .ended
    }
    guard let next = open(handle).firstInstant(from: now) else {
      return end(handle, missed(handle), now, &actions)
    }
    if next > now { return .waits(until: next) }
    // While nobody can say who must not be written to, nobody is; what closes or expires meanwhile still ends.
    guard drops != nil, pauses != nil else { return .waits(until: now + Self.dropsRest) }
    if isStopped(handle) { return end(handle, .breaker, now, &actions) }
    if isPaused(handle) { return park(handle) }
    guard let near = send(handle) else {
      lose(handle, &actions)
      return .ended
    }
    if let reason = dropReason(handle, near, now) { return end(handle, reason, now, &actions) }
    let close = open(handle).close ?? now
    switch book.obstacle(to: handle, of: sends[handle].kind, at: now, before: close) {
    case nil: return .mayGo
    case .ends(let reason): return end(handle, reason, now, &actions)
    case .waits(let room):
      guard let next = open(handle).firstInstant(from: room) else {
        return end(handle, .mailboxLimit, now, &actions)
      }
      if let expires, expires < next { return .waits(until: expires) }
      return next > room ? .waits(until: next) : .mailboxWaits(until: room)
    }
  }

  /// Why a send's open time has passed.
  private func missed(_ handle: Int) -> ReleaseReason {
    if sends[handle].isParked { return .paused }
    if sends[handle].lackedProvider { return .providerUnavailable }
    guard let room = mailboxes[mailbox(handle)].lackedRoomUntil, let close = open(handle).close
    else { return .missed }
    return close <= room ? .mailboxLimit : .missed
  }

  private mutating func end(
    _ handle: Int, _ reason: ReleaseReason, _ now: Instant, _ actions: inout [Action]
  ) -> Standing {
    release(handle, reason, now, &actions)
    return .ended
  }

  private func dropReason(_ handle: Int, _ near: NearSend, _ now: Instant) -> ReleaseReason? {
    // Without its campaign nothing says that it may go out.
    guard let drops, let rule = kinds[Int(sends[handle].kind)].rule else { return .stopped }
    if !bounced.isEmpty, bounced.contains(near.person.to) { return .bounced }
    // Time alone brings no reason: a suppression can only come to its end.
    if near.clearedAt == dropChanges { return nil }
    let (send, campaign, line) = (near.send, rule.campaign, Int(sends[handle].line))
    near.person.others = source.others(line, send)
    let person = near.person
    if let drop = drops.reason(
      person, campaign: campaign.id, was: campaign.was, messageClass: campaign.messageClass, now: now)
    {
      return ReleaseReason(rawValue: drop.reason.rawValue) ?? .suppressed
    }
    if send.key.isEmpty, drops.isCarriedOver(person, campaign: campaign, step: send.step) { return .alreadySent }
    if rule.hasAudience, drops.hasEvents {
      if drops.stop(person, campaign: campaign, began: source.began(line, send)) != nil { return .stopped }
    }
    near.clearedAt = dropChanges
    return nil
  }
}
