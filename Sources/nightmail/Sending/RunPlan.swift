import Delivery
import Journal
import Model

/// A plan on its way into a run: its index, what the day's results say of it, and the lines that were chosen. Let go of
/// once the dispatcher has what it needs, so that a run of any length does not keep it.
final class RunPlan {
  private(set) var index: PlanIndex
  var day: DayResults
  var choice: LineChoice
  let source: PlanSource

  init(_ index: PlanIndex, _ day: DayResults, _ choice: LineChoice, _ source: PlanSource) {
    self.index = index
    self.day = day
    self.choice = choice
    self.source = source
  }

  /// The lines for the dispatcher, kinds in the order of their first lines.
  func lines(hasContactCap: Bool) -> RunLines {
    // What earlier runs of the day have sent is told by the index.
    defer { if !day.hasRecords { forget() } }
    // Nearly always all of them: then the columns are shared, whose kinds are in that order too.
    if choice.lines.count == index.count, !day.hasRecords, !source.hasRecords {
      var run = RunLines(
        source: source, kinds: index.kinds, kindOf: index.kindOf, domainOf: index.domainOf,
        times: index.sendAt, expiries: index.expiries)
      run.domains = index.domains
      if hasContactCap { (run.contacts, run.addresses) = (index.contacts, index.addresses) }
      return run
    }
    var run = RunLines(source: source)
    var numbers = [UInt32](repeating: .max, count: index.kinds.count)
    run.domains = index.domains
    for n in choice.lines {
      let line = Int(n)
      let old = Int(index.kindOf[line])
      if numbers[old] == .max {
        numbers[old] = UInt32(run.kinds.count)
        run.kinds.append(index.kinds[old])
      }
      if let past = past(line) { run.past[run.count] = past }
      run.append(
        RunLines.Line(
          number: n, kind: numbers[old], domain: index.domainOf[line],
          sendAt: Instant(milliseconds: index.sendAt[line])), expiresAt: index.expiry(line))
      if hasContactCap {
        run.contacts.append(index.contacts[line])
        run.addresses.append(index.address(line), beside: run.contacts)
      }
    }
    return run
  }

  private func past(_ line: Int) -> RunLines.Past? {
    if let past = day.past(line) {
      return RunLines.Past(attempts: past.attempts, firstAttempt: past.firstAttempt, notBefore: past.until)
    }
    guard let record = source.record(index.ids[line]) else { return nil }
    var past = RunLines.Past(attempts: record.attempts, firstAttempt: record.firstAttempt)
    if case .waiting(let until) = record.state { past.notBefore = until }
    return past
  }

  /// What earlier runs of the day have sent of the plan's lines, or may have.
  /// - Parameter withDomains: whether anybody asks for the domains.
  func forEachEarlier(withDomains: Bool, _ body: (LimitBook.Earlier) -> Void) {
    let index = index
    // What lines of a kind have in common is made once.
    var ofKind = index.kinds.enumerated().map { group, kind in
      LimitBook.Earlier(
        at: .distantPast, mailbox: kind.mailbox, campaign: kind.campaign, step: kind.step, hasKey: kind.hasKey,
        contact: 0, address: 0, domain: nil, group: group)
    }
    day.forEachCounted { one in
      let kind = Int(index.kindOf[one.number])
      ofKind[kind].at = one.at
      ofKind[kind].contact = index.contacts[one.number]
      ofKind[kind].address = index.address(one.number)
      if withDomains {
        let domain = index.domainOf[one.number]
        ofKind[kind].domain = one.to.map { EmailAddress($0)?.domain } ?? (domain < 0 ? nil : index.domains[Int(domain)])
      }
      guard let mailbox = one.mailbox else { return body(ofKind[kind]) }
      var other = ofKind[kind]
      other.mailbox = mailbox
      other.group = nil
      body(other)
    }
  }

  func forget() {
    index.forget()
    day.forget()
    choice.lines = []
  }
}
