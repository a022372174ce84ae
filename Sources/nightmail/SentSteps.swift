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

  init(
    _ plan: PlanIndex, _ day: DayResults, _ history: History, _ campaigns: [String: Campaign]
  ) {
    self.plan = plan
    self.day = day
    self.history = history
    self.campaigns = campaigns
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
    for hash in [plan.contacts[line], plan.addresses[line]] {
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
    let to = EmailAddress(send.to)?.canonical ?? send.to
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
    let done = (0..<plan.count).filter { day.standing($0) != .unknown && !day.standing($0).isOpen }
    if done.isEmpty { return [:] }
    var filter = HashFilter(capacity: 2 * done.count)
    for line in done { for key in keys(line) { filter.insert(key) } }
    var asked: [UInt64: [Int]] = [:]
    for n in open {
      for key in Set(keys(Int(n))) where filter.contains(key) { asked[key, default: []].append(Int(n)) }
    }
    if asked.isEmpty { return [:] }
    var found: [Int: [Earlier]] = [:]
    for line in done {
      let askers = Set(keys(line).flatMap { asked[$0] ?? [] })
      if askers.isEmpty { continue }
      let earlier = Earlier(
        send: try stored.send(line), state: day.standing(line), first: day.firstAttempt(line) ?? .distantPast)
      for asker in askers { found[asker, default: []].append(earlier) }
    }
    return found
  }

  /// By campaign and name.
  private func keys(_ line: Int) -> [UInt64] {
    let campaign = ByteHash.of(plan.kinds[Int(plan.kindOf[line])].campaign)
    return [plan.contacts[line] &+ campaign, plan.addresses[line] &+ campaign]
  }
}
