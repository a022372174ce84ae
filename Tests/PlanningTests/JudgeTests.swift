import Model
import TestSupport
import Testing

// The judge judged: the solver's best plan is written out with mailboxes and times, and counted anew. It keeps every
// limit, and nothing more goes into it.

private let rules: RuleSet = .all.subtracting([.rollingNearby, .longGaps])

private struct BestPlan {
  let random: RandomProject
  let demand: Oracle.Demand
  let answer: FlowSolver.Answer
  /// Slots that are left.
  private(set) var free: [[Instant]]
  private(set) var plan: Plan

  init?(seed: UInt64) throws {
    random = try RandomProject(seed: seed, rules: rules)
    demand = Oracle(random).demand()
    guard var search = BranchAndBound(demand.problem), let answer = search.solve() else { return nil }
    self.answer = answer
    free = demand.slots.map(\.times)
    plan = Plan(
      header: PlanHeader(
        date: random.date, zone: random.settings.zone, tzdata: "", notBefore: random.notBefore, seed: 0, sends: 0,
        inputs: [:], history: "", campaigns: [:]), sends: [], skipped: [])
    for (i, place) in answer.places.enumerated() {
      guard let place, let at = free[place].popLast() else { continue }
      plan.sends.append(line(i, place, at))
    }
    plan.sends.sort { $0.sendAt < $1.sendAt }
  }

  func line(_ i: Int, _ place: Int, _ at: Instant) -> PlannedSend {
    let send = demand.sends[i]
    return PlannedSend(
      id: send.id, sendAt: at, open: IntervalSet(), campaign: send.campaign.id, step: send.campaign.steps[send.step].id,
      contact: send.contact, channel: send.channel, to: send.to, mailbox: demand.slots[place].mailbox)
  }
}

@Test func theBestPlanOfTheSolverKeepsEveryLimit() throws {
  var (sends, due) = (0, 0)
  for seed in seeds(250) {
    guard let best = try BestPlan(seed: seed) else { continue }
    sends += best.plan.sends.count
    due += best.demand.sends.count
    #expect(best.plan.sends.count == best.answer.taken.count { $0 }, "NIGHTMAIL_SEED=\(seed)")
    let excesses = Recount(best.random, best.plan).excesses()
    #expect(excesses == [], "NIGHTMAIL_SEED=\(seed)")
  }
  // Enough is deferred for the comparison to mean something, and not all of it.
  #expect(sends * 10 > due * 3 && sends * 10 < due * 9 || seeds(250).count == 1, "\(sends) of \(due)")
}

@Test func nothingCanBeAddedToTheBestPlanOfTheSolver() throws {
  for seed in seeds(120) {
    guard let best = try BestPlan(seed: seed) else { continue }
    for (i, place) in best.answer.places.enumerated() where place == nil {
      for place in best.demand.problem.groups[best.demand.problem.sends[i].group] {
        guard let at = best.free[place].last else { continue }
        var more = best.plan
        more.sends.append(best.line(i, place, at))
        more.sends.sort { $0.sendAt < $1.sendAt }
        let excesses = Recount(best.random, more).excesses()
        #expect(!excesses.isEmpty, "NIGHTMAIL_SEED=\(seed) \(best.demand.sends[i].id) from \(more.sends.count) sends")
      }
    }
  }
}
