import Model

/// What stands in the way of sends that are deferred, with its numbers, and from when there may be room.
extension Explainer {
  /// How many of the project's days after the plan's are searched for an opening.
  private static let horizon = 14

  /// - Parameter i: index of the due send.
  func obstacle(_ reason: DeferReason, _ i: Int) -> (Explanation.Obstacle, until: Instant?) {
    let nextPlan = day.wholeDay.end
    switch reason {
    case .mailboxLimit, .reserved: return (.mailboxes(mailboxes(i)), nextPlan)
    case .noWindowToday: return (.windows(closed: closing(i)), opening(i))
    case .contactCap: return contactCaps(i)
    case .domainCap: return (domainCap(i), nextPlan)
    case .newLimit: return (newLimit(i), nextPlan)
    }
  }

  private func kind(_ i: Int) -> SendKind { due.kinds[Int(due.sends[i].kind)] }
  private func campaign(_ i: Int) -> Campaign { day.campaigns[kind(i).campaign].campaign }

  // MARK: Mailboxes and windows

  private func choices(_ i: Int) -> [Int] {
    let kind = kind(i)
    return kind.mailbox >= 0 ? [kind.mailbox] : day.campaigns[kind.campaign].mailboxes[kind.channel] ?? []
  }

  /// When a send may go out from each of its mailboxes, within a span that need not be the plan's.
  private func openTimes(_ i: Int, within span: Interval) -> [(mailbox: Int, open: IntervalSet)] {
    var times = OpenTimes(day, within: span)
    let own = times.timeClass(of: kind(i))
    return choices(i).map { m in
      let mailbox = day.project.mailboxes[m]
      let after = day.history.lastAttempt.mailbox[mailbox.id].map { $0 + mailbox.minGap } ?? .distantPast
      let open = times.open(own, mailboxKind: times.kindOfMailbox[m])
      return (m, open.intersection(Interval(after, .distantFuture)))
    }
  }

  private func closing(_ i: Int) -> Instant? {
    openTimes(i, within: Interval(day.wholeDay.start, day.notBefore)).compactMap(\.open.close).max()
  }

  private func opening(_ i: Int) -> Instant? {
    let end = day.project.settings.span(of: day.date + Self.horizon).end
    return openTimes(i, within: Interval(day.wholeDay.end, end)).compactMap(\.open.first).min()
  }

  private func mailboxes(_ i: Int) -> [Explanation.MailboxUse] {
    let usage = Usage(day)
    let times = plannedTimes()
    return openTimes(i, within: day.span).map { m, open in
      let mailbox = day.project.mailboxes[m]
      let own = times[mailbox.id] ?? []
      var days: [Explanation.MailboxUse.Day] = []
      if let first = open.first, let last = open.close {
        for piece in MailboxClock(zone: mailbox.zone, from: first, to: last).days {
          let date = CalendarDay(number: piece.label)
          guard let limit = mailbox.limit(on: date) else { continue }
          let use = Explanation.Use(
            limit: limit, earlier: usage.count(mailbox: m, in: piece.span),
            planned: own.count { piece.span.contains($0) })
          days.append(Explanation.MailboxUse.Day(day: date, use: use))
        }
      }
      return Explanation.MailboxUse(
        id: mailbox.id, isOpen: !open.isEmpty, isReserved: usage.isReserved[m], planned: own.count, days: days,
        hourlyLimit: mailbox.hourlyLimit, rollingLimit: mailbox.rollingLimit, minGap: mailbox.minGap)
    }
  }

  /// When each mailbox sends by this plan.
  private func plannedTimes() -> [String: [Instant]] {
    var times: [String: [Instant]] = [:]
    for i in 0..<lines.count { times[lines.shape(i).mailbox, default: []].append(lines.time(i)) }
    return times
  }

  // MARK: Caps

  private func isBulk(_ send: DueSend) -> Bool {
    day.campaigns[due.kinds[Int(send.kind)].campaign].campaign.messageClass == .bulk
  }

  /// The plan's sends of bulk campaigns.
  private func planned() -> [DueSend] {
    (0..<lines.count).map { due.sends[lines.dueIndex($0)] }.filter(isBulk)
  }

  private func contactCaps(_ i: Int) -> (Explanation.Obstacle, until: Instant?) {
    let settings = day.project.settings
    var usage = Usage(day)
    func person(_ send: DueSend) -> Int {
      guard due.kinds[Int(send.kind)].isRow else { return Int(send.person) }
      let row = due.rows[Int(send.person)]
      return row.contact ?? usage.people.number(of: row.contactKey, row.canonical)
    }
    let own = person(due.sends[i])
    let planned = planned().count { person($0) == own }
    var used = usage.used(person: own)
    func week(_ start: Int) -> Int { (start..<(start + 7)).reduce(0) { $0 + (used[$1] ?? 0) } }
    let today = settings.contactCapPerDay.map {
      Explanation.Use(limit: $0, earlier: used[0] ?? 0, planned: planned)
    }
    // Of the seven weeks that the day lies in, the fullest binds.
    let fullest = (-6...0).map(week).max() ?? 0
    let weekly = settings.contactCapPerWeek.map { Explanation.Use(limit: $0, earlier: fullest, planned: planned) }
    used[0, default: 0] += planned
    let free = (1...Self.horizon).first { offset in
      (settings.contactCapPerDay.map { used[offset] ?? 0 < $0 } ?? true)
        && (settings.contactCapPerWeek.map { cap in ((offset - 6)...offset).allSatisfy { week($0) < cap } } ?? true)
    }
    return (.contactCaps(day: today, week: weekly), free.map { settings.span(of: day.date + $0).start })
  }

  private func domainCap(_ i: Int) -> Explanation.Obstacle {
    let domain = domain(due.sends[i])
    let planned = planned().count { due.kinds[Int($0.kind)].channel == .email && self.domain($0) == domain }
    return .domainCap(
      domain: domain,
      Explanation.Use(
        limit: day.project.settings.domainCap?.perDay ?? 0, earlier: Usage(day).used(domain: domain), planned: planned))
  }

  private func domain(_ send: DueSend) -> String {
    let address =
      due.kinds[Int(send.kind)].isRow
      ? due.rows[Int(send.person)].canonical : day.project.contacts.view(Int(send.person)).email.text
    return address.lastIndex(of: "@").map { String(address[address.index(after: $0)...]) } ?? address
  }

  private func newLimit(_ i: Int) -> Explanation.Obstacle {
    let campaign = campaign(i)
    let first = campaign.steps.first?.id
    let planned = (0..<lines.count).count { lines.shape($0).campaign == campaign.id && lines.shape($0).step == first }
    return .newLimit(
      Explanation.Use(
        limit: campaign.dailyNewLimit ?? 0, earlier: Usage(day).firstSteps(campaign: campaign.id), planned: planned))
  }
}
