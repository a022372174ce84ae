import Collections
import Model

/// Recipient domains share a login's connections: one that answers slowly, or not at all, must not hold them all.
///
/// While sends to several domains are left in the run, attempts in flight to one of them are at most half of a login's
/// connections, rounded up. What is due beyond that is held until one of them ends, and others go ahead of it.
extension Dispatcher {
  /// The domains that the run's sends go to.
  struct DomainBook {
    /// Sends that have not ended, by number.
    private var left: [Int]
    /// Domains that have any.
    private(set) var count = 0

    init(_ lines: borrowing RunLines) {
      left = Array(repeating: 0, count: lines.domains.count)
      for i in 0..<lines.count where lines.domain(i) >= 0 { left[Int(lines.domain(i))] += 1 }
      count = left.count { $0 > 0 }
    }

    mutating func end(_ number: Int32) {
      guard number >= 0, left[Int(number)] > 0 else { return }
      left[Int(number)] -= 1
      if left[Int(number)] == 0 { count -= 1 }
    }
  }

  /// Where sends are held that may go on now.
  struct FreedDomain: Hashable {
    var login: String
    var domain: Int32
  }

  /// How many attempts to one domain may be in flight at a login.
  private func share(_ login: Login) -> Int {
    domains.count > 1 ? max(1, (login.maxConnections + 1) / 2) : .max
  }

  /// Whether as many attempts as may be are in flight to a send's domain.
  func isCrowded(_ handle: Int, _ login: Login) -> Bool {
    let domain = sends[handle].domain
    return domain >= 0 && login.domains[domain] ?? 0 >= share(login)
  }

  /// Keeps a due send back, out of its mailbox's queue, so that others pass.
  mutating func hold(_ handle: Int, _ m: Int, at login: String) {
    logins[login]?.held[sends[handle].domain, default: []].append(handle)
    mailboxes[m].held += 1
    heldCount += 1
  }

  /// An attempt has left a login: whoever is held there may find room.
  mutating func freeDomains(at name: String) {
    for (domain, held) in logins[name]?.held ?? [:] where !held.isEmpty {
      let freed = FreedDomain(login: name, domain: domain)
      if !freedDomains.contains(freed) { freedDomains.append(freed) }
    }
  }

  /// Puts as many of those held back into their mailboxes' queues as there is room for.
  mutating func takeUpHeld() {
    // In an order that does not depend on a dictionary's.
    let freed = freedDomains.sorted { $0.login != $1.login ? $0.login < $1.login : $0.domain < $1.domain }
    freedDomains = []
    for place in freed {
      guard let login = logins[place.login], login.hasRoom else { continue }
      let room = min(share(login) - (login.domains[place.domain] ?? 0), login.room)
      guard room > 0 else { continue }
      for _ in 0..<room {
        guard let handle = logins[place.login]?.held[place.domain]?.popFirst() else { break }
        takeUp(handle)
      }
      // One of these may end without an attempt: the next is asked for until there are none, or no room.
      if logins[place.login]?.held[place.domain]?.isEmpty == false { freedDomains.append(place) }
    }
  }

  private mutating func takeUp(_ handle: Int) {
    heldCount -= 1
    mailboxes[mailbox(handle)].held -= 1
    requeue(handle, at: sends[handle].dueAt)
  }

  /// All that are held at a login look for another provider, or wait with it.
  mutating func takeUpAllHeld(at name: String) {
    let held = logins[name]?.held ?? [:]
    logins[name]?.held = [:]
    for handle in held.values.joined().sorted() { takeUp(handle) }
  }

  /// Lets go of what only a send needs that has not ended.
  mutating func forget(_ handle: Int) {
    sends[handle].forgetWork()
    near[handle] = nil
  }

  /// A send has come to its end.
  mutating func end(_ handle: Int) {
    guard sends[handle].state != .done else { return }
    sends[handle].state = .done
    // What a transport still holds has its login to leave first.
    if !underWay.contains(handle) { forget(handle) }
    domains.end(sends[handle].domain)
    // The only domain left has all connections.
    if domains.count == 1, heldCount > 0 { for name in logins.keys.sorted() { freeDomains(at: name) } }
  }
}
