import Collections
import Model

/// Makes a day's plan.
public enum Planner {
  /// One digest over the files that a campaign's messages are made from, each by its path and digest.
  private static func content(of campaign: Campaign, _ project: Project) -> String {
    let templates = campaign.steps.flatMap { $0.variants.flatMap(\.templates).map(\.place.file) + $0.attachments }
    let own = Set([campaign.place.file] + templates)
    let lines = project.inputs.filter { own.contains($0.path) || $0.role == .settings || $0.role == .mailboxes }
      .map { "\($0.path) \($0.digest)\n" }
    return Hex.digest(lines.sorted().joined().utf8)
  }

  /// The plan of `date`: a pure function of its arguments (DESIGN §4.1).
  ///
  /// - Parameters:
  ///   - history: of all days, with what other approved plans hold.
  ///   - notBefore: nothing is planned before it; clamped to the project's day.
  ///   - renderer: renders subjects, and says what templates ask for.
  /// - Returns: sends in `send_at` order; for every campaign due = planned + deferred + skipped.
  public static func plan(
    project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer
  ) -> Plan {
    let day = PlanningDay(
      project: project, history: history, date: date, notBefore: notBefore, renderer: renderer)
    var due = DueSteps(day)
    due.gather()
    let (sends, deferred, late) = place(due, on: day)
    for (campaign, reasons) in deferred { due.totals[campaign, default: PlanTotals()].deferred = reasons }
    for skip in late { due.skip(skip) }
    for send in sends { due.totals[send.campaign, default: PlanTotals()].planned += 1 }
    let header = PlanHeader(
      date: date, zone: project.settings.zone, tzdata: Zone.dataVersion, notBefore: day.notBefore, seed: day.seed,
      sends: sends.count,
      inputs: Dictionary(project.inputs.map { ($0.path, $0.digest) }, uniquingKeysWith: { first, _ in first }),
      content: Dictionary(
        day.campaigns.map { ($0.campaign.id, content(of: $0.campaign, project)) }, uniquingKeysWith: { a, _ in a }),
      history: history.digest, campaigns: due.totals, broken: project.broken)
    return Plan(header: header, sends: sends, skipped: due.skipped, notes: Array(due.notes))
  }

  /// Rooms by rank, then times, then lines.
  private static func place(_ due: DueSteps, on day: PlanningDay) -> (
    sends: [PlannedSend], deferred: [String: [DeferReason: Int]], skipped: [SkippedStep]
  ) {
    // By rank from the start, so that the order of contacts and rows in the files changes nothing.
    let candidates = due.candidates.sorted { $0.rank < $1.rank }
    var classes = TimeClasses(day)
    let timeClasses = candidates.map { classes.id(of: $0) }
    var allocation = Allocation(day: day, classes: classes)
    var deferred: [String: [DeferReason: Int]] = [:]
    var skipped: [SkippedStep] = []
    for (i, candidate) in candidates.enumerated() {
      let campaign = day.campaigns[candidate.campaign].campaign
      switch allocation.serve(candidate, index: i, timeClass: timeClasses[i]) {
      case .placed: break
      case .deferred(let reason): deferred[campaign.id, default: [:]][reason, default: 0] += 1
      case .expired:
        skipped.append(
          SkippedStep(
            contact: candidate.contactKey, campaign: campaign.id, step: campaign.steps[candidate.step].id,
            reason: .expired, detail: "before its window opens"))
      }
    }
    let members = allocation.byMailbox()
    var sends: [PlannedSend] = []
    for m in members.keys.sorted() {
      let placed = (members[m] ?? []).map { (index: $0, candidate: candidates[$0], timeClass: timeClasses[$0]) }
      var open: [Int: IntervalSet] = [:]
      for (member, at) in zip(placed, allocation.times(mailbox: m, placed)) {
        let set = open[member.timeClass] ?? classes.open(member.timeClass, mailbox: m)
        open[member.timeClass] = set
        switch line(member.candidate, mailbox: m, at: at, open: set, on: day) {
        case .success(let send): sends.append(send)
        case .failure(let problem): skipped.append(problem.step)
        }
      }
    }
    sends.sort { a, b in
      a.sendAt != b.sendAt ? a.sendAt < b.sendAt : a.mailbox != b.mailbox ? a.mailbox < b.mailbox : a.id < b.id
    }
    return (sends, deferred, skipped)
  }

  private struct LineProblem: Error {
    var step: SkippedStep
  }

  private static func line(
    _ candidate: Candidate, mailbox m: Int, at: Instant, open: IntervalSet, on day: PlanningDay
  ) -> Result<PlannedSend, LineProblem> {
    let live = day.campaigns[candidate.campaign]
    let campaign = live.campaign
    let step = campaign.steps[candidate.step]
    let variant = step.variants[candidate.variant]
    let mailbox = day.project.mailboxes[m]
    let literal = candidate.literal
    func value(_ name: String) -> String? {
      for value in [candidate.values[name], mailbox.vars[name], campaign.vars[name]] {
        if let value, !value.isBlank { return value }
      }
      return nil
    }
    let needs = live.needs[candidate.step][candidate.variant]
    var names = needs.links.all
    if literal?.hasBody != true { names.formUnion(needs.body.all) }
    if literal?.subject == nil { names.formUnion(needs.subject.all) }
    var vars: [String: String] = [:]
    for name in names where !LiveCampaign.isBuiltin(name) { vars[name] = value(name) }
    var subject: String?
    if candidate.channel == .email {
      if let own = literal?.subject {
        subject = own
      } else if let template = variant.subject {
        var values = vars
        values["send_id"] = candidate.id.text
        for name in needs.subject.all where name.hasPrefix("mailbox.") {
          values[name] = mailbox.variable(String(name.dropFirst("mailbox.".count)))
        }
        do {
          subject = try day.renderer.render(template, values)
        } catch {
          return .failure(
            LineProblem(
              step: SkippedStep(
                contact: candidate.contactKey, campaign: campaign.id, step: step.id, reason: .missingVariable,
                detail: "subject: \(error)")))
        }
      } else {
        subject = candidate.thread.map { "Re: \($0.subject)" }
      }
    }
    return .success(
      PlannedSend(
        id: candidate.id, sendAt: at, open: open, expiresAt: candidate.expiresAt, campaign: campaign.id, step: step.id,
        variant: variant.id.isEmpty ? nil : variant.id, contact: candidate.contactKey, channel: candidate.channel,
        to: candidate.to, name: candidate.name, mailbox: mailbox.id, subject: subject, vars: vars,
        batch: candidate.batch, key: candidate.key, text: literal?.text, html: literal?.html,
        thread: candidate.thread))
  }
}

/// Every campaign's due steps on the day, with what is skipped, held, waiting and ended counted.
struct DueSteps {
  let day: PlanningDay
  private(set) var candidates: [Candidate] = []
  private(set) var skipped: [SkippedStep] = []
  /// By campaign id; every live campaign has an entry.
  var totals: [String: PlanTotals] = [:]
  /// In the order found, each once.
  private(set) var notes: OrderedSet<String> = []

  init(_ day: PlanningDay) { self.day = day }

  mutating func gather() {
    for (c, live) in day.campaigns.enumerated() {
      totals[live.campaign.id] = PlanTotals()
      switch live.campaign.audience {
      case .contacts(let audience): gather(c, audience)
      case .messages(let table): gather(c, table)
      }
    }
  }

  mutating func skip(_ step: SkippedStep) {
    skipped.append(step)
    totals[step.campaign, default: PlanTotals()].skipped[step.reason, default: 0] += 1
  }

  private mutating func gather(_ c: Int, _ audience: Campaign.ContactAudience) {
    let campaign = day.campaigns[c].campaign
    let contacts = day.project.contacts
    let filter = AudienceFilter(audience, contacts)
    let files = Set(audience.files.map { contacts.files[$0] })
    for row in contacts.rejected where files.contains(row.place.file) { reject(row, campaign) }
    for contact in contacts.contacts where filter.matches(contact) {
      var found: [String] = []
      let decisions = SequencePosition(day: day, campaignIndex: c, contact: contact).decide { found.append($0) }
      notes.append(contentsOf: found)
      for decision in decisions { take(decision, campaign, contact: contact.key) }
    }
  }

  private mutating func gather(_ c: Int, _ table: MessageTable) {
    let campaign = day.campaigns[c].campaign
    for row in table.rejected { reject(row, campaign) }
    var seen: Set<SendID> = []
    for row in table.rows {
      let name = row.contact ?? row.email?.canonical ?? row.phone?.e164 ?? row.place.description
      for decision in RowPosition(day: day, campaignIndex: c, row: row).decide(seen: &seen) {
        take(decision, campaign, contact: name)
      }
    }
  }

  private func firstStep(_ campaign: Campaign) -> String { campaign.steps.first?.id ?? "" }

  private mutating func reject(_ row: RejectedRow, _ campaign: Campaign) {
    skip(
      SkippedStep(
        contact: row.place.description, campaign: campaign.id, step: firstStep(campaign), reason: row.reason,
        detail: row.detail))
  }

  private mutating func take(_ decision: Decision, _ campaign: Campaign, contact: String) {
    switch decision {
    case .due(let candidate): candidates.append(candidate)
    case .skipped(let reason, let step, let detail):
      let id = campaign.steps[step].id
      skip(SkippedStep(contact: contact, campaign: campaign.id, step: id, reason: reason, detail: detail))
    case .held(let reason): totals[campaign.id, default: PlanTotals()].held[reason, default: 0] += 1
    case .waiting: totals[campaign.id, default: PlanTotals()].waiting += 1
    case .ended: totals[campaign.id, default: PlanTotals()].ended += 1
    }
  }
}

/// Which contacts an audience has.
private struct AudienceFilter {
  private let files: Set<Int>
  private let including: [(column: Int?, isTags: Bool, values: Set<String>)]
  private let excluding: [(column: Int?, isTags: Bool, values: Set<String>)]

  init(_ audience: Campaign.ContactAudience, _ table: ContactTable) {
    files = audience.files
    including = audience.including.map { (table.column($0.column), $0.column == "tags", $0.values) }
    excluding = audience.excluding.map { (table.column($0.column), $0.column == "tags", $0.values) }
  }

  func matches(_ contact: Contact) -> Bool {
    !files.isDisjoint(with: contact.files) && including.allSatisfy { Self.has(contact, $0) }
      && !excluding.contains { Self.has(contact, $0) }
  }

  private static func has(_ contact: Contact, _ filter: (column: Int?, isTags: Bool, values: Set<String>)) -> Bool {
    if filter.isTags { return contact.tags.contains(where: filter.values.contains) }
    guard let i = filter.column, i < contact.values.count else { return filter.values.contains("") }
    return filter.values.contains(contact.values[i])
  }
}
