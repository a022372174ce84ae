import Collections
import Model

/// Whose turn it is: the lines for a login's connections, and the pace of what was missed.
extension Dispatcher {
  /// Gives free connections to those who wait for them, one each in turn. Who is called and needs none - its send has
  /// ended meanwhile, its gap has not passed - makes room for the next.
  mutating func serveLines(_ now: Instant, _ actions: inout [Action]) {
    while let name = freed.popLast() {
      while logins[name]?.hasRoom == true, let m = lines[name]?.popFirst() {
        waitingInLine -= 1
        mailboxes[m].line = nil
        serve(m, turn: name, now, &actions)
      }
    }
  }

  /// Puts a mailbox at the end of a login's line.
  mutating func lineUp(_ m: Int, for name: String) {
    mailboxes[m].version += 1
    guard mailboxes[m].line != name else { return }
    if let old = mailboxes[m].line {
      lines[old]?.removeAll { $0 == m }
      waitingInLine -= 1
    }
    lines[name, default: []].append(m)
    waitingInLine += 1
    mailboxes[m].line = name
    if logins[name]?.hasRoom == true, !freed.contains(name) { freed.append(name) }
  }

  /// The least time since the mailbox's last attempt: its gap; for a send that was missed, at least what spreads the
  /// mailbox's remaining sends over the open time it has left (DESIGN §4.2). A transactional message is not held up.
  ///
  /// The sends left share the open time since the last attempt in equal parts, one of which comes after the last send:
  /// so the last one goes out before the closing and not at it, and asking often changes nothing.
  func pace(_ m: Int, head: Int, last: Instant, _ now: Instant) -> Instant.Span {
    let gap = mailboxes[m].gap
    let slot = sends[head]
    let tolerance = max(.seconds(60), gap * 2)
    guard now - slot.dueAt > tolerance,
      kinds[Int(sends[head].kind)].rule?.campaign.messageClass != .transactional
    else { return gap }
    let left = mailboxes[m].open.intersection(Interval(last, .distantFuture)).length
    return max(gap, left / Int64(mailboxes[m].queue.count + mailboxes[m].held + mailboxes[m].later + 1))
  }
}
