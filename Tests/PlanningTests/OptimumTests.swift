import Model
import TestSupport
import Testing

@testable import Planning

/// How a plan stands to the best there is.
private struct Judgement {
  enum Kind { case flow, search, unjudged }
  var kind: Kind
  /// How many of each level, the plan's and the best one's.
  var found: [Int] = []
  var best: [Int] = []
  /// Whether some of the due sends fit and some do not, so that there was a choice.
  var isChoice = false
  var shortfall: Int { best.reduce(0, +) - found.reduce(0, +) }

  init(_ random: RandomProject, _ plan: Plan) {
    let demand = Oracle(random).demand()
    let (problem, sends) = (demand.problem, demand.sends)
    guard var search = BranchAndBound(problem), let answer = search.solve() else {
      kind = .unjudged
      return
    }
    kind = search.isFlow ? .flow : .search
    let planned = Set(plan.sends.map(\.id))
    best = Array(repeating: 0, count: (problem.sends.map(\.level).max() ?? -1) + 1)
    found = best
    for (i, send) in problem.sends.enumerated() {
      if answer.taken[i] { best[send.level] += 1 }
      if planned.contains(sends[i].id) { found[send.level] += 1 }
    }
    isChoice = answer.taken.contains(true) && answer.taken.contains(false)
  }
}

@Test func thePlanHasAsManySendsOfEachRankAsTheExactSolver() throws {
  var (flows, searches, unjudged, worse, lost, most) = (0, 0, 0, 0, 0, 0)
  var choices = 0
  for seed in seeds(1500) {
    let random = try RandomProject(seed: seed, rules: .compared)
    let plan = plan(random)
    let excesses = Recount(random, plan).excesses()
    #expect(excesses == [], "NIGHTMAIL_SEED=\(seed)")
    let judgement = Judgement(random, plan)
    if judgement.isChoice { choices += 1 }
    switch judgement.kind {
    case .flow:
      flows += 1
      #expect(judgement.found == judgement.best, "NIGHTMAIL_SEED=\(seed) by rank")
    case .search:
      // Caps that cross are no flow (DESIGN §4.3): here the distance is measured.
      searches += 1
      if judgement.found != judgement.best { worse += 1 }
      lost += max(0, judgement.shortfall)
      most = max(most, judgement.shortfall)
      let isBetter = judgement.best.lexicographicallyPrecedes(judgement.found)
      #expect(!isBetter, "NIGHTMAIL_SEED=\(seed) \(judgement.found) is more than \(judgement.best)")
    case .unjudged: unjudged += 1
    }
  }
  print(
    "\(flows) projects by flow; \(searches) by search, of which \(worse) fell short, by \(lost) sends in all and \(most)"
      + " at most; \(unjudged) not judged; in \(choices) some sends fit and some did not")
  #expect(unjudged * 100 <= flows + searches)
}

/// Where sends of other days take a part of a rolling limit, the solver's answer without them is a bound, which the best
/// plan may not reach either: the distance is at most what is printed.
@Test(.enabled(if: RuleSet.checked == .all))
func aPlanBesideSendsOfOtherDaysIsNoBetterThanItsBound() throws {
  var (bounded, short, lost, most) = (0, 0, 0, 0)
  for seed in seeds(500) {
    let random = try RandomProject(seed: seed, rules: .all.subtracting(.longGaps))
    if random.nearbyRolling.isEmpty { continue }
    let plan = plan(random)
    let excesses = Recount(random, plan).excesses()
    #expect(excesses == [], "NIGHTMAIL_SEED=\(seed)")
    let judgement = Judgement(random, plan)
    if judgement.kind == .unjudged { continue }
    bounded += 1
    if judgement.found != judgement.best { short += 1 }
    lost += max(0, judgement.shortfall)
    most = max(most, judgement.shortfall)
    let isBetter = judgement.best.lexicographicallyPrecedes(judgement.found)
    #expect(!isBetter, "NIGHTMAIL_SEED=\(seed) \(judgement.found) is more than \(judgement.best)")
  }
  print("\(bounded) projects by bound, of which \(short) stay below, by \(lost) sends in all and \(most) at most")
}
