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
    let send = sends[handle].item.send
    if let expires = send.expiresAt, now >= expires {
      die(handle, .expired, "its time to live or its campaign ended at \(Zone.utc.format(expires))", now, &actions)
      return .ended
    }
    guard let next = sends[handle].open.firstInstant(from: now) else {
      return end(handle, missed(handle), now, &actions)
    }
    if next > now { return .waits(until: next) }
    // While nobody can say who must not be written to, nobody is; what closes or expires meanwhile still ends.
    guard drops != nil, pauses != nil else { return .waits(until: now + Self.dropsRest) }
    if isStopped(handle) { return end(handle, .breaker, now, &actions) }
    if isPaused(handle) { return park(handle) }
    if let reason = dropReason(handle, now) { return end(handle, reason, now, &actions) }
    let close = sends[handle].open.close ?? now
    switch book.obstacle(to: handle, at: now, before: close) {
    case nil: return .mayGo
    case .ends(let reason): return end(handle, reason, now, &actions)
    case .waits(let room):
      guard let next = sends[handle].open.firstInstant(from: room) else {
        return end(handle, .mailboxLimit, now, &actions)
      }
      if let expires = send.expiresAt, expires < next { return .waits(until: expires) }
      return next > room ? .waits(until: next) : .mailboxWaits(until: room)
    }
  }

  /// Why a send's open time has passed.
  private func missed(_ handle: Int) -> ReleaseReason {
    if sends[handle].isParked { return .paused }
    if sends[handle].lackedProvider { return .providerUnavailable }
    guard let m = mailboxIndex[sends[handle].item.send.mailbox], let room = mailboxes[m].lackedRoomUntil,
      let close = sends[handle].open.close
    else { return .missed }
    return close <= room ? .mailboxLimit : .missed
  }

  private mutating func end(
    _ handle: Int, _ reason: ReleaseReason, _ now: Instant, _ actions: inout [Action]
  ) -> Standing {
    release(handle, reason, now, &actions)
    return .ended
  }

  func dropReason(_ handle: Int, _ now: Instant) -> ReleaseReason? {
    let item = sends[handle].item
    let send = item.send
    // Without its campaign nothing says that it may go out.
    guard let drops, let campaign = rules.campaigns[send.campaign] else { return .stopped }
    let person = Drops.Person(key: send.contact, to: send.to, channel: send.channel, others: item.others)
    if bounced.contains(person.to) { return .bounced }
    if let drop = drops.reason(
      person, campaign: campaign.id, was: campaign.was, messageClass: campaign.messageClass, now: now)
    {
      return ReleaseReason(rawValue: drop.reason.rawValue) ?? .suppressed
    }
    if send.key.isEmpty, drops.isCarriedOver(person, campaign: campaign, step: send.step) { return .alreadySent }
    if case .contacts = campaign.audience, drops.stop(person, campaign: campaign, began: item.began) != nil {
      return .stopped
    }
    return nil
  }
}
