import TestSupport
import Testing

/// A problem of a few sends and places.
/// - Parameter isTree: whether sends have one kind of cap inside another, or kinds that cross.
private func randomProblem(_ dice: inout Dice, isTree: Bool) -> RoomProblem {
  var problem = RoomProblem()
  func cap(_ most: Int) -> Int {
    problem.limits.append(dice.below(most + 1))
    return problem.limits.count - 1
  }
  // Hours in days in mailboxes.
  for _ in 0...dice.below(2) {
    let mailbox = dice.percent(50) ? [cap(4)] : []
    for _ in 0...dice.below(2) {
      let day = mailbox + (dice.percent(60) ? [cap(3)] : [])
      for _ in 0...dice.below(2) {
        let hour = day + (dice.percent(60) ? [cap(2)] : [])
        for _ in 0...dice.below(2) { problem.places.append(.init(capacity: dice.below(4), caps: hour)) }
      }
    }
  }
  for _ in 0...dice.below(3) {
    problem.groups.append(problem.places.indices.filter { _ in dice.percent(40) })
  }
  let domains = (0...dice.below(2)).map { _ in cap(4) }
  let contacts = (0...dice.below(4)).map { _ in (cap: cap(2), domain: dice.pick(domains)) }
  let campaigns = (0...dice.below(2)).map { _ in cap(3) }
  for _ in 0...dice.below(8) {
    var send = RoomProblem.Send(level: dice.below(4), group: dice.below(problem.groups.count))
    let contact = dice.pick(contacts)
    if dice.percent(70) { send.caps = [contact.cap, contact.domain] }
    if !isTree, dice.percent(60) { send.caps.append(dice.pick(campaigns)) }
    problem.sends.append(send)
  }
  return problem
}

@Test func theFlowIsAsGoodAsTryingEverything() throws {
  for seed in seeds(600) {
    var dice = Dice(seed)
    let problem = randomProblem(&dice, isTree: true)
    let flow = try #require(FlowSolver(problem), "NIGHTMAIL_SEED=\(seed)")
    var exhaustive = try #require(Exhaustive(problem))
    let most = exhaustive.weight()
    #expect(flow.best().weight == most, "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func branchAndBoundIsAsGoodAsTryingEverythingWhereCapsCross() throws {
  var crossing = 0
  for seed in seeds(600) {
    var dice = Dice(seed)
    let problem = randomProblem(&dice, isTree: false)
    var search = try #require(BranchAndBound(problem), "NIGHTMAIL_SEED=\(seed)")
    if !search.isFlow { crossing += 1 }
    var exhaustive = try #require(Exhaustive(problem))
    let found = search.solve()
    let most = exhaustive.weight()
    #expect(found?.weight == most, "NIGHTMAIL_SEED=\(seed)")
  }
  #expect(crossing > 50 || seeds(600).count == 1)
}

@Test func theFlowTakesASendOfTheFirstRankBeforeManyOfTheNext() throws {
  // One place for either the first send or, through two places of another group, three of the second rank.
  var problem = RoomProblem(
    sends: [.init(level: 0, group: 0, caps: [0])], places: [.init(capacity: 1), .init(capacity: 3)],
    groups: [[0], [1]], limits: [1])
  for _ in 0..<3 { problem.sends.append(.init(level: 1, group: 1, caps: [0])) }
  let answer = try #require(FlowSolver(problem)).best()
  #expect(answer.taken == [true, false, false, false])
}
