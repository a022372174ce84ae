import Delivery
import Journal
import Model

/// Which lines of a plan a run takes up: those that are as they were planned, approved where that is needed, and not at
/// an end already - the last gate before the network.
struct LineChoice {
  var items: [Dispatcher.Item] = []
  /// Lines that await approval.
  var awaiting = 0
  /// Lines that are not as they were planned, or whose campaign has findings: each was named in the log.
  var heldBack = 0
  /// Lines of what a breaker has stopped: they wait for a person, and for `resume`.
  var stopped = 0
  /// Lines that cannot go out any more: the same step went to the same person under another id, or the contact has
  /// turned the channel off, since the plan was made.
  var dropped: [(send: PlannedSend, reason: ReleaseReason)] = []

  var held: Int { awaiting + heldBack }

  /// - Parameters:
  ///   - share: whose lines the run may take up.
  ///   - approve: asked once, with the number of lines that await it; true once they are approved.
  static func choose(
    _ stored: StoredPlan, _ planned: PlannedLines, _ target: PlanTarget, _ history: History, _ share: RunShare,
    workspace: Workspace, project: Project, approve: (Int) throws -> Bool
  ) throws -> LineChoice {
    let campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    var approvals = try Approvals.read(target.day.approvalPath)
    func waits(_ send: PlannedSend) -> Bool {
      campaigns[send.campaign]?.approval != .optional
        && !approvals.isApproved(send, content: stored.header.content[send.campaign])
    }
    let released = try releasedFrom(planned.plan, target.day)
    var choice = LineChoice()
    var open: [PlannedSend] = []
    var broken: [String: Int] = [:]
    for (send, line) in zip(stored.sends, stored.lines) where share.has(mailbox: send.mailbox) {
      guard planned.verdict(on: send) == .asPlanned else {
        workspace.log.warning("\(target.path):\(line): \(send.id) is not as it was planned, and is held")
        choice.heldBack += 1
        continue
      }
      guard !released.contains(send.id), history.isOpen(send.id) else { continue }
      guard campaigns[send.campaign] != nil else {
        broken[send.campaign, default: 0] += 1
        continue
      }
      open.append(send)
    }
    for (campaign, count) in broken.sorted(by: { $0.key < $1.key }) {
      workspace.log.warning("\(campaign): it has findings, and its lines (\(count)) are held; see nightmail validate")
      choice.heldBack += count
    }
    let waiting = open.filter(waits).count
    if waiting > 0, try approve(waiting) { approvals = try Approvals.read(target.day.approvalPath) }
    for send in open {
      guard let campaign = campaigns[send.campaign] else { continue }
      if waits(send) {
        choice.awaiting += 1
        continue
      }
      let to = EmailAddress(send.to)?.canonical ?? send.to
      let known = history.sends(campaign: campaign, contact: send.contact, to: [to])
      if known.contains(where: {
        isSame($0, send, campaign) && ($0.state.isFinal || $0.state.countsAgainstLimits)
      }) {
        choice.dropped.append((send, .alreadySent))
        continue
      }
      let index = project.contacts.index(of: send.contact)
      let contact = index.map { project.contacts[$0] }
      if let contact, send.channel == .email ? !contact.emailEnabled : !contact.smsEnabled {
        choice.dropped.append((send, .optedOut))
        continue
      }
      let record = history.sends[send.id]
      var item = Dispatcher.Item(send: send, attempts: record?.attempts ?? 0, firstAttempt: record?.firstAttempt)
      if case .waiting(let until) = record?.state { item.notBefore = until }
      item.others =
        [contact?.key, contact?.email?.canonical, contact?.phone?.e164].compactMap { $0 }
        + (index.map { project.contacts.otherNames($0) } ?? [])
      item.began = known.filter { $0.state == .sent }.map { history.firstAttempt($0.id) ?? $0.at }.min()
      choice.items.append(item)
    }
    return choice
  }

  /// Holds the lines of what a breaker has stopped.
  mutating func hold(by breakers: Breakers) {
    let going = items.filter { breakers.trip(stopping: $0.send) == nil }
    stopped = items.count - going.count
    items = going
  }

  /// Whether a record is of the same step to the same person, though under another id: the contact was given an id
  /// since, or the step or campaign another name.
  private static func isSame(_ record: SendRecord, _ send: PlannedSend, _ campaign: Campaign) -> Bool {
    guard record.channel == send.channel, record.key == send.key else { return false }
    let step = campaign.steps.first { $0.id == send.step }
    return record.step == send.step || step?.was.contains(record.step) == true
  }

  /// Sends that a run of this very plan gave back: they wait for the next plan.
  static func releasedFrom(_ plan: String, _ day: DayFolder) throws -> Set<SendID> {
    var current = ""
    var released: Set<SendID> = []
    try ResultsReader.forEach(in: day) { record in
      switch record {
      case .run(let run): current = run.plan
      case .released(let note, _) where current == plan: released.insert(note.id)
      case .requeued(let note): released.remove(note.id)
      case .intent, .outcome, .released, .withdrawn, .resolved: break
      }
    }
    return released
  }

  /// An intent without an outcome is in doubt (DESIGN §4.5): written down, so that every reader sees it.
  static func settleDangling(
    _ day: DayFolder, _ share: RunShare, _ results: ResultsWriter, runID: String
  ) throws -> Int {
    var dangling: [SendID: Record.Attempt] = [:]
    try ResultsReader.forEach(in: day) { record in
      switch record {
      case .intent(let attempt): dangling[attempt.id] = attempt
      case .outcome(let attempt, _): dangling[attempt.id] = nil
      case .requeued(let note), .resolved(let note, _), .released(let note, _), .withdrawn(let note):
        dangling[note.id] = nil
      case .run: break
      }
    }
    // What other shards have under way is theirs.
    let own = dangling.values.filter { share.has(mailbox: $0.mailbox) }
    for var attempt in own.sorted(by: { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }) {
      attempt.run = runID
      // After its intent, which may stand in another shard's file: files are read by the time of their records.
      attempt.at = attempt.at + Instant.Span(milliseconds: 1)
      results.append(
        .outcome(
          attempt,
          Record.Result(outcome: .inDoubt, response: "the run was cut off before the server's reply was recorded")))
    }
    if !own.isEmpty { try results.commit() }
    return own.count
  }
}
