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
    var run = RunLines(source: source)
    var numbers = [UInt32](repeating: .max, count: index.kinds.count)
    run.domains = index.domains
    run.lines.reserveCapacity(choice.lines.count)
    // Nearly always all of them: then the columns are shared.
    let isWhole = choice.lines.count == index.count
    if hasContactCap, isWhole { (run.contacts, run.addresses) = (index.contacts, index.addresses) }
    let picks = hasContactCap && !isWhole
    if picks {
      run.contacts.reserveCapacity(choice.lines.count)
      run.addresses.reserveCapacity(choice.lines.count)
    }
    for n in choice.lines {
      let line = Int(n)
      let old = Int(index.kindOf[line])
      if numbers[old] == .max {
        numbers[old] = UInt32(run.kinds.count)
        run.kinds.append(RunLines.Kind(index.kinds[old]))
      }
      if let past = past(line) { run.past[run.count] = past }
      run.append(
        RunLines.Line(
          number: n, kind: numbers[old], domain: index.domainOf[line],
          sendAt: Instant(milliseconds: index.sendAt[line])), expiresAt: index.expiry(line))
      if picks {
        run.contacts.append(index.contacts[line])
        run.addresses.append(index.addresses[line])
      }
    }
    // What earlier runs of the day have sent is told by the index.
    if !day.hasRecords { forget() }
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
  func forEachEarlier(_ body: (LimitBook.Earlier) -> Void) {
    day.forEachCounted { one in
      let kind = index.kinds[Int(index.kindOf[one.number])]
      let domain = index.domainOf[one.number]
      body(
        LimitBook.Earlier(
          at: one.at, mailbox: one.mailbox ?? kind.mailbox, campaign: kind.campaign, step: kind.step,
          hasKey: kind.hasKey, contact: index.contacts[one.number], address: index.addresses[one.number],
          domain: one.to.map { EmailAddress($0)?.domain } ?? (domain < 0 ? nil : index.domains[Int(domain)])))
    }
  }

  func forget() {
    index.forget()
    day.forget()
    choice.lines = []
  }
}
