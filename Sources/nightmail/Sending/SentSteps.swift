import Journal
import Model

/// Whether the step of a line has gone to the same person under another id: the contact was given an id since, or the
/// step or campaign another name. Hashes tell for nearly every line that nothing of the kind can be; the others are read.
struct SentSteps {
  /// What was sent, or is at an end, of the day's own lines.
  struct Earlier {
    var send: PlannedSend
    var state: DayResults.Standing
    var first: Instant
  }

  private let plan: PlanIndex
  private let day: DayResults
  private let history: History
  private let campaigns: [String: Campaign]
  /// By kind: the numbers that the history has for its campaign, and for its step, under all their names.
  private let numbers: [(campaigns: Set<Int>, steps: Set<Int>)]
  /// By kind.
  private let campaignHashes: [UInt64]

  init(
    _ plan: PlanIndex, _ day: DayResults, _ history: History, _ campaigns: [String: Campaign]
  ) {
    self.plan = plan
    self.day = day
    self.history = history
    self.campaigns = campaigns
    campaignHashes = plan.kinds.map { ByteHash.of($0.campaign) }
    numbers = plan.kinds.map { kind in
      guard let campaign = campaigns[kind.campaign] else { return ([], []) }
      let step = campaign.steps.first { $0.id == kind.step }
      return (
        Set(([campaign.id] + campaign.was).compactMap { history.campaign(named: $0) }),
        Set(([kind.step] + (step?.was ?? [])).compactMap { history.step(named: $0) })
      )
    }
  }

  /// False only if no other day's results know the line's step under another id.
  func mayKnow(_ line: Int) -> Bool {
    let number = Int(plan.kindOf[line])
    let (campaigns, steps) = numbers[number]
    if campaigns.isEmpty || steps.isEmpty { return false }
    let kind = plan.kinds[number]
    let view = history.view
    var found = false
    for hash in [plan.contacts[line], plan.address(line)] {
      view.forEachSend(personHash: hash) { entry in
        found =
          found
          || entry.id != plan.ids[line] && campaigns.contains(entry.campaign) && steps.contains(entry.step)
            && entry.channel == kind.channel && entry.hasKey == kind.hasKey
            && (entry.state.isFinal || entry.state.countsAgainstLimits)
      }
    }
    return found
  }

  /// - Parameter today: what `today` found for its line.
  func isSent(_ send: PlannedSend, _ today: [Earlier]) -> Bool {
    guard let campaign = campaigns[send.campaign] else { return false }
    let to = EmailAddress.canonical(of: send.to)
    let others = history.sends(campaign: campaign, contact: send.contact, to: [to])
    if others.contains(where: {
      $0.id != send.id && $0.channel == send.channel && $0.key == send.key && isSame($0.step, send, campaign)
        && ($0.state.isFinal || $0.state.countsAgainstLimits)
    }) {
      return true
    }
    return today.contains {
      $0.send.channel == send.channel && $0.send.key == send.key && isSame($0.send.step, send, campaign)
    }
  }

  private func isSame(_ step: String, _ send: PlannedSend, _ campaign: Campaign) -> Bool {
    step == send.step || campaign.steps.first { $0.id == send.step }?.was.contains(step) == true
  }

  /// The day's own lines that went to the same person, in the same campaign, as one of `open`.
  func today(_ open: [UInt32], _ stored: StoredLines) throws -> [Int: [Earlier]] {
    if !day.hasRecords { return [:] }
    func isDone(_ line: Int) -> Bool {
      let standing = day.standing(line)
      return standing != .unknown && !standing.isOpen
    }
    // Gone through twice: a list of them would be as long as the plan.
    let count = (0..<plan.count).count(where: isDone)
    if count == 0 { return [:] }
    var filter = HashFilter(capacity: plan.addresses.isSame ? count : 2 * count)
    for line in 0..<plan.count where isDone(line) {
      let keys = keys(line)
      filter.insert(keys.0)
      if keys.1 != keys.0 { filter.insert(keys.1) }
    }
    var asked: [UInt64: [Int]] = [:]
    for n in open {
      let keys = keys(Int(n))
      if filter.contains(keys.0) { asked[keys.0, default: []].append(Int(n)) }
      if keys.1 != keys.0, filter.contains(keys.1) { asked[keys.1, default: []].append(Int(n)) }
    }
    if asked.isEmpty { return [:] }
    var found: [Int: [Earlier]] = [:]
    for line in 0..<plan.count where isDone(line) {
      let keys = keys(line)
      guard asked[keys.0] != nil || asked[keys.1] != nil else { continue }
      let askers = Set((asked[keys.0] ?? []) + (asked[keys.1] ?? []))
      let earlier = Earlier(
        send: try stored.send(line), state: day.standing(line), first: day.firstAttempt(line) ?? .distantPast)
      for asker in askers { found[asker, default: []].append(earlier) }
    }
    return found
  }

  /// By campaign and name.
  private func keys(_ line: Int) -> (UInt64, UInt64) {
    let campaign = campaignHashes[Int(plan.kindOf[line])]
    return (plan.contacts[line] &+ campaign, plan.address(line) &+ campaign)
  }
}
