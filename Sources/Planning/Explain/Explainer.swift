import Model

/// Explains single people out of a day's plan: it asks the decisions, places and lines that the plan is made from, and
/// decides nothing itself.
public struct Explainer {
  public let plan: Plan
  let day: PlanningDay
  let due: DueSteps
  let allocation: Allocation
  let lines: DayLines

  /// All that the day was planned from.
  public var history: History { day.history }

  /// Plans the day; the arguments are those of `Planner.plan`.
  public init(
    project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer
  ) {
    let made = Planner.make(
      project: project, history: history, date: date, notBefore: notBefore, renderer: renderer)
    plan = made.plan
    day = made.day
    due = made.due
    allocation = made.allocation
    lines = made.lines
  }

  /// - Parameters:
  ///   - who: a contact's id, address or number, that of a message row's recipient, or a rejected row's place.
  ///   - only: the one campaign to speak of; nil for all.
  /// - Returns: nil where neither files nor history know the person.
  public func explain(_ who: String, campaign only: String? = nil) -> Explanation? {
    guard let subject = subject(who) else { return nil }
    var notes: [String] = []
    var campaigns = day.project.campaigns.filter { only == nil || $0.id == only }
      .map { story($0, subject, &notes) }
    for id in day.project.broken where only == nil || id == only {
      campaigns.append(.init(campaign: id, steps: [], absence: .broken, past: []))
    }
    return Explanation(
      person: subject.person, date: day.date, zone: day.project.settings.zone, notBefore: day.notBefore,
      campaigns: campaigns.sorted { $0.campaign < $1.campaign }, notes: notes)
  }

  private func story(_ campaign: Campaign, _ subject: Subject, _ notes: inout [String]) -> Explanation.InCampaign {
    var story = Explanation.InCampaign(
      campaign: campaign.id, steps: campaign.steps.map(\.id), past: past(campaign, subject.person))
    switch campaign.status {
    case .draft: story.absence = .draft
    case .paused: story.absence = .paused
    case .active: break
    }
    if story.absence != nil { return story }
    guard let c = day.campaigns.firstIndex(where: { $0.campaign.id == campaign.id }) else {
      story.absence = .over(since: campaign.end ?? day.notBefore)
      return story
    }
    switch campaign.audience {
    case .contacts(let audience):
      if let row = subject.rejected, files(audience).contains(row.place.file) {
        story.items = [rejected(row, campaign)]
      } else if let index = subject.index {
        let reached = SequencePosition(day: day, campaignIndex: c).reached(index)
        story.place = reached.place.map { campaign.steps[$0].id }
        story.absence = gap(audience, index)
        if story.absence == nil {
          story.mailboxes = reached.mailboxes.map { day.project.mailboxes[$0].id }
          story.items = sequence(c, index, story.past, subject, &notes)
        }
      } else {
        story.absence = .notInFiles(files(audience))
      }
    case .messages(let table):
      if let row = subject.rejected, table.rejected.contains(row) { story.items = [rejected(row, campaign)] }
      story.items += rows(c, table, story.past, subject)
      if story.items.isEmpty { story.absence = .noRow }
    }
    return story
  }

  // MARK: Decisions

  private func sequence(
    _ c: Int, _ index: Int, _ past: [SendRecord], _ subject: Subject, _ notes: inout [String]
  ) -> [Explanation.Item] {
    let campaign = day.campaigns[c].campaign
    var items: [Explanation.Item] = []
    var found: [String] = []
    var scratch: [UInt8] = []
    SequencePosition(day: day, campaignIndex: c).decide(
      index, scratch: &scratch, note: { found.append($0) },
      due: { id, kind, _ in items.append(item(id, kind, campaign)) },
      other: { items.append(item($0, campaign, past, subject.person)) })
    notes += found
    return items
  }

  /// The rows that name the person, decided after all the rows before them.
  private func rows(
    _ c: Int, _ table: MessageTable, _ past: [SendRecord], _ subject: Subject
  ) -> [Explanation.Item] {
    let campaign = day.campaigns[c].campaign
    var items: [Explanation.Item] = []
    var seen: Set<SendID> = []
    var sends: [RowSend] = []
    for row in table.rows {
      let decisions = RowPosition(day: day, campaignIndex: c, row: row).decide(seen: &seen, sends: &sends)
      sends.removeAll(keepingCapacity: true)
      guard isOf(row, subject) else { continue }
      let own = past.filter { $0.key == row.key }
      for decision in decisions {
        var item = item(decision, campaign, own, subject.person, row)
        item.row = Explanation.Row(batch: row.batch, place: row.place)
        items.append(item)
      }
    }
    return items
  }

  private func rejected(_ row: RejectedRow, _ campaign: Campaign) -> Explanation.Item {
    Explanation.Item(step: campaign.steps.first?.id, verdict: .skipped(row.reason, detail: row.detail))
  }

  private func item(
    _ decision: Decision, _ campaign: Campaign, _ past: [SendRecord], _ person: Explanation.Person,
    _ row: MessageRow? = nil
  ) -> Explanation.Item {
    func step(_ i: Int) -> String { campaign.steps[i].id }
    switch decision {
    case .due(let id, let kind): return item(id, kind, campaign)
    case .skipped(let reason, let i, let detail):
      return Explanation.Item(step: step(i), verdict: .skipped(reason, detail: detail))
    case .held(let reason, let i):
      let holder = holder(reason, campaign, campaign.steps[i], past, person, key: row?.key ?? "")
      return Explanation.Item(step: step(i), verdict: .held(reason, by: holder))
    case .waiting(let i, let until):
      let reason: Explanation.WaitReason =
        if past.contains(where: { $0.state == .waiting(until: until) }) {
          .retry
        } else if row?.sendAt == until {
          .sendAt
        } else if campaign.start == until { .start } else { .delay }
      return Explanation.Item(step: step(i), verdict: .waiting(reason, until: until))
    case .complete(let last):
      return Explanation.Item(step: nil, verdict: .ended(.complete(last: last.map { day.history.record($0) })))
    case .ended(let reason):
      return Explanation.Item(step: row.flatMap { _ in campaign.steps.first?.id }, verdict: .ended(reason))
    }
  }

  private func holder(
    _ reason: HoldReason, _ campaign: Campaign, _ step: Step, _ past: [SendRecord], _ person: Explanation.Person,
    key: String
  ) -> Explanation.Holder? {
    switch reason {
    case .inDoubt:
      return past.first { $0.state == .inDoubt || $0.state == .inFlight }.map { .send($0) }
    case .plannedElsewhere:
      let names = Set(person.names)
      return day.history.reserved.values.filter { line in
        (line.campaign == campaign.id || campaign.was.contains(line.campaign))
          && (line.step == step.id || step.was.contains(line.step)) && line.key == key
          && (names.contains(line.contact) || names.contains(EmailAddress.canonical(of: line.to)))
      }.min { $0.id < $1.id }.map { .line($0) }
    }
  }

  /// What became of a due send.
  private func item(_ id: SendID, _ kind: SendKind, _ campaign: Campaign) -> Explanation.Item {
    Explanation.Item(step: campaign.steps[kind.step].id, channel: kind.channel, verdict: verdict(id, campaign))
  }

  private func verdict(_ id: SendID, _ campaign: Campaign) -> Explanation.Verdict {
    guard let i = due.sends.firstIndex(where: { $0.id == id }) else {
      return .skipped(.duplicate, detail: "another contact or row has the same send")
    }
    let place = allocation.places[i]
    if let reason = place.reason {
      let (obstacle, until) = obstacle(reason, i)
      return .deferred(reason, obstacle, until: until)
    }
    if place == .planned, let line = (0..<lines.count).first(where: { lines.dueIndex($0) == i }) {
      return .planned(lines.send(line))
    }
    // What allocation and subjects leave out has been settled with the skipped ones.
    let reason: SkipReason = place == .planned ? .missingVariable : .expired
    let (kind, key) = (due.kinds[Int(due.sends[i].kind)], contactKey(i))
    let settled = due.skipped.last {
      $0.contact == key && $0.campaign == campaign.id && $0.step == campaign.steps[kind.step].id && $0.reason == reason
    }
    return .skipped(reason, detail: settled?.detail ?? "")
  }

  private func contactKey(_ i: Int) -> String {
    let send = due.sends[i]
    return due.kinds[Int(send.kind)].isRow
      ? due.rows[Int(send.person)].contactKey : day.project.contacts.view(Int(send.person)).key.text
  }
}
