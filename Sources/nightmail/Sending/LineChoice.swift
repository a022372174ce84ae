import Delivery
import Journal
import Model

/// Which lines of a plan a run takes up: those that are as they were planned, approved where that is needed, and not at
/// an end already - the last gate before the network.
struct LineChoice {
  /// Numbers of lines, in the plan's order.
  var lines: [UInt32] = []
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
    _ plan: PlanIndex, _ stored: StoredLines, _ day: DayResults, _ target: PlanTarget,
    _ history: History, _ people: People, _ source: PlanSource, _ share: RunShare, workspace: Workspace,
    project: Project, approve: (Int) throws -> Bool
  ) throws -> LineChoice {
    var choice = LineChoice()
    let campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    let isOurs = plan.kinds.map { share.has(mailbox: $0.mailbox) }
    let isKnown = plan.kinds.map { campaigns[$0.campaign] != nil }
    for held in plan.held where isOurs[Int(plan.kindOf[held.number])] {
      workspace.log.warning("\(target.path):\(held.line): \(held.id) is not as it was planned, and is held")
      choice.heldBack += 1
    }
    let held = Set(plan.held.map(\.number))
    var open: [UInt32] = []
    open.reserveCapacity(day.hasRecords ? 0 : plan.count)
    var broken: [String: Int] = [:]
    for n in 0..<plan.count {
      let kind = Int(plan.kindOf[n])
      guard isOurs[kind], held.isEmpty || !held.contains(n), !day.isReleased(n) else { continue }
      let standing = day.standing(n)
      guard standing == .unknown ? history.isOpen(plan.ids[n]) : standing.isOpen else { continue }
      if isKnown[kind] {
        open.append(UInt32(n))
      } else {
        broken[plan.kinds[kind].campaign, default: 0] += 1
      }
    }
    for (campaign, count) in broken.sorted(by: { $0.key < $1.key }) {
      workspace.log.warning("\(campaign): it has findings, and its lines (\(count)) are held; see nightmail validate")
      choice.heldBack += count
    }
    let needsApproval = plan.kinds.map { campaigns[$0.campaign]?.approval != .optional }
    func waiting(_ lines: [UInt32]) throws -> [UInt32] {
      let candidates = lines.filter { needsApproval[Int(plan.kindOf[Int($0)])] }
      if candidates.isEmpty { return [] }
      let approvals = try Approvals.read(target.day.approvalPath)
      return try candidates.filter { n in
        let send = try stored.send(Int(n))
        return !approvals.isApproved(send, content: plan.header.content[send.campaign])
      }
    }
    var waits = try waiting(open)
    if !waits.isEmpty, try approve(waits.count) { waits = try waiting(waits) }
    choice.awaiting = waits.count
    if !waits.isEmpty {
      let unapproved = Set(waits)
      open.removeAll { unapproved.contains($0) }
    }
    let sentSteps = SentSteps(plan, day, history, campaigns)
    let today = try sentSteps.today(open, stored)
    let channels = Set(plan.kinds.map(\.channel))
    let optedOut = Dictionary(uniqueKeysWithValues: channels.map { ($0, people.optedOut($0)) })
    // By kind: who has turned its channel off.
    let outOf = plan.kinds.map { optedOut[$0.channel] ?? [] }
    let isQuiet = today.isEmpty && history.sends.isEmpty && outOf.allSatisfy(\.isEmpty)
    if isQuiet {
      choice.lines = open
      return choice
    }
    for n in open {
      let line = Int(n)
      let out = outOf[Int(plan.kindOf[line])]
      let maySent = sentSteps.mayKnow(line) || today[line] != nil
      let mayBeOut = !out.isEmpty && out.contains(plan.contacts[line])
      if maySent || mayBeOut {
        let send = try stored.send(line)
        if maySent, sentSteps.isSent(send, today[line] ?? []) {
          choice.dropped.append((send, .alreadySent))
          continue
        }
        if mayBeOut, people.hasOptedOut(send) {
          choice.dropped.append((send, .optedOut))
          continue
        }
        source.began[line] = (today[line] ?? []).filter { $0.state == .sent }.map(\.first).min()
      }
      choice.lines.append(n)
    }
    return choice
  }

  /// Holds the lines of what a breaker has stopped.
  mutating func hold(by breakers: Breakers, _ plan: PlanIndex) {
    let isStopped = plan.kinds.map { breakers.isStopped(campaign: $0.campaign, mailbox: $0.mailbox) }
    guard isStopped.contains(true) else { return }
    let kindOf = plan.kindOf
    let count = lines.count
    lines.removeAll { isStopped[Int(kindOf[Int($0)])] }
    stopped = count - lines.count
  }

  /// The mailboxes of the lines.
  func mailboxes(_ plan: PlanIndex) -> Set<String> {
    var isUsed = Array(repeating: false, count: plan.kinds.count)
    for n in lines { isUsed[Int(plan.kindOf[Int(n)])] = true }
    return Set(zip(plan.kinds, isUsed).filter(\.1).map(\.0.mailbox))
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
    _ day: inout DayResults, _ plan: PlanIndex, _ history: inout History, _ share: RunShare,
    _ results: ResultsWriter, runID: String
  ) throws -> Int {
    // What other shards have under way is theirs.
    let own = day.danglingAttempts.filter { share.has(mailbox: $0.mailbox) }
    for var attempt in own {
      attempt.run = runID
      // After its intent, which may stand in another shard's file: files are read by the time of their records.
      attempt.at = attempt.at + Instant.Span(milliseconds: 1)
      let record = Record.outcome(
        attempt,
        Record.Result(outcome: .inDoubt, response: "the run was cut off before the server's reply was recorded"))
      results.append(record)
      day.take(record, plan, into: &history)
    }
    if !own.isEmpty { try results.commit() }
    return own.count
  }
}
