import Model

/// What a send must pass each time before it goes out: its expiry, its open time, what must not be written to, and the
/// limits. Asked when it is due, and again when its connection stands.
extension Dispatcher {
  /// What keeps a due send from being attempted at all now. Nil: nothing does. `distantFuture`: it has come to its
  /// end. Else when to look at it again.
  mutating func settle(_ handle: Int, _ now: Instant, _ actions: inout [Action]) -> Instant? {
    let send = sends[handle].item.send
    if let expires = send.expiresAt, now >= expires {
      die(handle, .expired, "its time to live or its campaign ended at \(Zone.utc.format(expires))", now, &actions)
      return .distantFuture
    }
    guard let next = sends[handle].open.firstInstant(from: now) else {
      release(handle, sends[handle].lackedProvider ? .providerUnavailable : .missed, now, &actions)
      return .distantFuture
    }
    if next > now { return next }
    // While nobody can say who must not be written to, nobody is; what closes or expires meanwhile still ends.
    guard drops != nil else { return now + Self.dropsRest }
    if let reason = dropReason(handle, now) {
      release(handle, reason, now, &actions)
      return .distantFuture
    }
    if let (reason, until) = book.obstacle(to: send, at: now, rules) {
      guard let until, let next = sends[handle].open.firstInstant(from: until) else {
        release(handle, reason, now, &actions)
        return .distantFuture
      }
      return next
    }
    return nil
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
