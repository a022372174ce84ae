/// The best plan where the caps of sends are no tree, such as contact caps across new-contact limits: caps are left out
/// until a flow says the rest; where its answer exceeds one of those, one of the sends under it has to go, and each is
/// tried in turn. A flow that is no better than the best plan found so far ends its branch.
struct BranchAndBound {
  /// Flows after which it gives up.
  static let patience = 300

  private let problem: RoomProblem
  private let flow: FlowSolver
  private let open: [(cap: Int, members: [Int])]
  private var best: FlowSolver.Answer?
  private var seen: Set<Set<Int>> = []

  /// Whether a single flow is the answer.
  var isFlow: Bool { open.isEmpty }

  /// Nil if the caps of places are no tree.
  init?(_ problem: RoomProblem) {
    let binding = problem.binding()
    // From the last one, since the first kinds of cap are the most like a tree.
    for kept in stride(from: binding.count, through: 0, by: -1) {
      let left = binding[kept...]
      if let flow = FlowSolver(problem, ignoring: Set(left.map(\.cap))) {
        self.problem = problem
        self.flow = flow
        open = Array(left)
        return
      }
    }
    return nil
  }

  /// Nil if it gave up.
  mutating func solve() -> FlowSolver.Answer? {
    guard branch([]) else { return nil }
    return best
  }

  private mutating func branch(_ excluded: Set<Int>) -> Bool {
    guard seen.insert(excluded).inserted else { return true }
    guard seen.count <= Self.patience else { return false }
    let answer = flow.best(excluding: excluded)
    if let best, answer.weight <= best.weight { return true }
    for (cap, members) in open {
      let taken = members.filter { answer.taken[$0] }
      if taken.count <= problem.limits[cap] { continue }
      for member in taken.sorted(by: { problem.sends[$0].level > problem.sends[$1].level }) {
        guard branch(excluded.union([member])) else { return false }
      }
      return true
    }
    best = answer
    return true
  }
}
