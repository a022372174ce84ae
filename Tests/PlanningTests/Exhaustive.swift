/// The best plan by trying everything: each send in turn goes to each place that has room, or to none. Only what comes
/// to the same room left is not tried twice. For a few sends and places: it judges the other solvers.
struct Exhaustive {
  private let problem: RoomProblem
  private let weights: [Int]
  private struct State: Hashable {
    var send: Int
    var left: [Int]
  }
  private var known: [State: Int] = [:]

  init?(_ problem: RoomProblem) {
    guard let weights = problem.weights else { return nil }
    self.problem = problem
    self.weights = weights
  }

  mutating func weight() -> Int { best(from: 0, problem.limits + problem.places.map(\.capacity)) }

  private mutating func best(from i: Int, _ left: [Int]) -> Int {
    guard i < problem.sends.count else { return 0 }
    // More room than there are sends is all the same.
    let state = State(send: i, left: left.map { min($0, problem.sends.count - i) })
    if let found = known[state] { return found }
    let send = problem.sends[i]
    var most = best(from: i + 1, left)
    for place in problem.groups[send.group] {
      let uses = send.caps + problem.places[place].caps + [problem.limits.count + place]
      guard uses.allSatisfy({ left[$0] > 0 }) else { continue }
      var rest = left
      for use in uses { rest[use] -= 1 }
      most = max(most, weights[send.level] + best(from: i + 1, rest))
    }
    known[state] = most
    return most
  }
}
