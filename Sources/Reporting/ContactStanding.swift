import Model

/// Where a contact stands in each of its campaigns: how far it has come, what went out last, and what comes next and
/// when, or why nothing does. Words for what the plan decides (`Explanation`), and for the lines of written plans.
public enum ContactStanding {
  /// A line of a written plan, of the day or a later one, that has still to go out.
  public struct PlannedLine: Sendable {
    public var send: PlannedSend
    /// The day that the plan is for.
    public var date: CalendarDay
    /// Approved, or in no need of it.
    public var mayGo: Bool
    public init(send: PlannedSend, date: CalendarDay, mayGo: Bool) {
      self.send = send
      self.date = date
      self.mayGo = mayGo
    }
  }

  /// What a campaign has for the contact next.
  enum Next {
    case planned(PlannedLine)
    case decided(Explanation.Item)
    case absent(Explanation.Absence)
  }

  /// The campaigns that have something for the contact, or had.
  private static func own(_ explanation: Explanation) -> [Explanation.InCampaign] {
    explanation.campaigns.filter { !$0.items.isEmpty || !$0.past.isEmpty }
  }

  /// A written line stands as long as the plan's own decision has its step before it: a reply that has come since, a
  /// suppression or a send in doubt takes it out.
  static func next(_ campaign: Explanation.InCampaign, _ planned: [PlannedLine]) -> Next? {
    if let absence = campaign.absence { return .absent(absence) }
    let open = Set(campaign.items.filter(\.verdict.isOpen).compactMap(\.step))
    let lines = planned.filter { $0.send.campaign == campaign.campaign && open.contains($0.send.step) }
    if let line = lines.min(by: { ($0.send.sendAt, $0.send.id) < ($1.send.sendAt, $1.send.id) }) {
      return .planned(line)
    }
    // The first of those that are alike: `min` keeps it.
    return campaign.items.min { $0.verdict.order < $1.verdict.order }.map { .decided($0) }
  }

  static func mailbox(_ campaign: Explanation.InCampaign, _ next: Next?) -> String? {
    switch next {
    case .planned(let line): return line.send.mailbox
    case .decided(let item):
      if case .planned(let send) = item.verdict { return send.mailbox }
    case .absent, nil: break
    }
    return campaign.mailboxes.isEmpty ? nil : campaign.mailboxes.joined(separator: ", ")
  }

  // MARK: Text

  /// One paragraph a campaign, within 80 columns.
  public static func text(_ explanation: Explanation, planned: [PlannedLine]) -> String {
    let words = WhyWords(explanation)
    var out = WhyReport.paragraph(WhyReport.head(explanation))
    for campaign in own(explanation) {
      let next = next(campaign, planned)
      let last = campaign.lastSent.map { "\($0.step), \(words.past($0))" }
      out += "\n" + WhyReport.paragraph(campaign.campaign)
      func line(_ name: String, _ text: String?) {
        guard let text else { return }
        let padding = String(repeating: " ", count: max(0, 14 - name.count))
        out += WhyReport.paragraph("  \(name)\(padding)\(text)", hanging: 16)
      }
      line("current step", campaign.place)
      line("mailbox", mailbox(campaign, next))
      line("last send", last ?? "none")
      line("next send", next.map { text($0, words) })
    }
    return out
  }

  private static func text(_ next: Next, _ words: WhyWords) -> String {
    switch next {
    case .planned(let line):
      let state = line.mayGo ? "approved" : "awaits approval"
      return "\(line.send.step), \(words.full(line.send.sendAt)) from \(line.send.mailbox), \(state)"
    case .absent(let absence): return "none: \(words.absence(absence))"
    case .decided(let item):
      let step = item.step.map { "\($0), " } ?? ""
      if case .planned(let send) = item.verdict {
        return "\(step)due, and in no plan yet; one made now has it at \(words.full(send.sendAt)) from \(send.mailbox)"
      }
      if case .ended = item.verdict { return "none, \(words.verdict(item.verdict))" }
      return item.verdict.isOpen ? step + words.item(item) : "none: \(step)\(words.item(item))"
    }
  }

  // MARK: JSON

  /// An array with one object a campaign. Times are RFC 3339 in the project's zone.
  public static func json(_ explanation: Explanation, planned: [PlannedLine]) -> JSON {
    let words = WhyWords(explanation)
    return .array(
      own(explanation).map { campaign in
        let next = next(campaign, planned)
        return .members(
          ("campaign", .string(campaign.campaign)), ("current_step", campaign.place.map(JSON.string)),
          ("mailbox", mailbox(campaign, next).map(JSON.string)),
          ("last_send", campaign.lastSent.map { json($0, words) }), ("next_send", next.map { json($0, words) }))
      })
  }

  private static func json(_ last: SendRecord, _ words: WhyWords) -> JSON {
    .members(
      ("step", .string(last.step)), ("at", .string(words.full(last.attemptAt ?? last.at))),
      ("id", .string(last.id.text)), ("mailbox", last.mailbox.isEmpty ? nil : .string(last.mailbox)))
  }

  private static func json(_ next: Next, _ words: WhyWords) -> JSON {
    func object(
      _ step: String?, _ state: String, reason: String? = nil, detail: String? = nil, from: Instant? = nil
    ) -> JSON {
      .members(
        ("step", step.map(JSON.string)), ("state", .string(state)), ("from", from.map { .string(words.full($0)) }),
        ("reason", reason.map(JSON.string)), ("detail", detail.map(JSON.string)))
    }
    switch next {
    case .planned(let line):
      return .members(
        ("step", .string(line.send.step)), ("state", .string("planned")),
        ("at", .string(words.full(line.send.sendAt))), ("plan", .string(line.date.description)),
        ("approved", .bool(line.mayGo)), ("mailbox", .string(line.send.mailbox)), ("id", .string(line.send.id.text)))
    case .absent(let absence):
      return object(nil, "none", reason: WhyReport.because(absence), detail: words.absence(absence))
    case .decided(let item):
      switch item.verdict {
      case .planned: return object(item.step, "due", from: words.start)
      case .deferred(let reason, _, let until):
        return object(item.step, "deferred", reason: reason.rawValue, detail: words.item(item), from: until)
      case .waiting(let reason, let until): return object(item.step, "waiting", reason: reason.rawValue, from: until)
      case .held(let reason, _):
        return object(item.step, "none", reason: reason.rawValue, detail: words.item(item))
      case .skipped(let reason, let detail):
        return object(item.step, "none", reason: reason.rawValue, detail: detail)
      case .ended(let reason):
        return object(item.step, "none", reason: WhyReport.because(reason), detail: words.verdict(item.verdict))
      }
    }
  }
}

extension Explanation.Verdict {
  /// Whether something is still to come of it by itself.
  fileprivate var isOpen: Bool {
    switch self {
    case .planned, .deferred, .waiting, .held(.plannedElsewhere, _): true
    case .held(.inDoubt, _), .skipped, .ended: false
    }
  }

  /// Of several decisions, which comes first: what is due, by its time, then what waits, then what does not come.
  fileprivate var order: (Int, Instant) {
    switch self {
    case .planned(let send): (0, send.sendAt)
    case .held(.plannedElsewhere, _): (1, .distantPast)
    case .deferred(_, _, let until): (2, until ?? .distantFuture)
    case .waiting(_, let until): (2, until)
    case .held(.inDoubt, _): (3, .distantPast)
    case .skipped: (4, .distantPast)
    case .ended: (5, .distantPast)
    }
  }
}
