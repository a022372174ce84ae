/// The best plan by the textbook: a min-cost flow from source over caps, sends and groups to places, their caps and the
/// sink, along one cheapest path after the other (Ahuja, Magnanti, Orlin, Network Flows, §9.7; Bellman–Ford with a
/// queue). Every unit of flow is one send.
struct FlowSolver {
  struct Answer {
    /// The place of each send; nil for one that is not made.
    var places: [Int?]
    var weight: Int
    var taken: [Bool] { places.map { $0 != nil } }
  }

  private let problem: RoomProblem
  private let weights: [Int]
  private let sendCaps: CapTree
  private let placeCaps: CapTree
  private let inner: [Int]

  /// Nil if caps are no trees, so that no flow says it.
  /// - Parameter ignoring: caps of sends that are not looked at.
  init?(_ problem: RoomProblem, ignoring: Set<Int> = []) {
    guard let weights = problem.weights else { return nil }
    var members = Array(repeating: [Int](), count: problem.limits.count)
    for (i, place) in problem.places.enumerated() { for cap in place.caps { members[cap].append(i) } }
    let ofPlaces = members.indices.filter { !members[$0].isEmpty }.map { (cap: $0, members: members[$0]) }
    guard
      let sendCaps = CapTree(
        problem.binding().filter { !ignoring.contains($0.cap) }, count: problem.sends.count),
      let placeCaps = CapTree(ofPlaces, count: problem.places.count)
    else { return nil }
    self.problem = problem
    self.weights = weights
    self.sendCaps = sendCaps
    self.placeCaps = placeCaps
    inner = sendCaps.caps + placeCaps.caps
  }

  /// - Parameter excluded: sends that must not be made.
  func best(excluding excluded: Set<Int> = []) -> Answer {
    var network = Network(nodes: 2)
    let (source, sink) = (0, 1)
    var capNode: [Int: Int] = [:]
    for cap in inner { capNode[cap] = network.addNode() }
    func node(_ cap: Int?) -> Int? { cap.flatMap { capNode[$0] } }
    for cap in sendCaps.caps {
      network.add(node(sendCaps.parent[cap]) ?? source, node(cap) ?? source, room: problem.limits[cap])
    }
    for cap in placeCaps.caps {
      network.add(node(cap) ?? sink, node(placeCaps.parent[cap]) ?? sink, room: problem.limits[cap])
    }
    let places = problem.places.indices.map { i in
      let place = network.addNode()
      network.add(place, node(placeCaps.leaf[i]) ?? sink, room: problem.places[i].capacity)
      return place
    }
    var ways: [[(edge: Int, place: Int)]] = []
    let groups = problem.groups.map { open in
      let group = network.addNode()
      ways.append(open.map { (network.add(group, places[$0], room: problem.sends.count), $0) })
      return group
    }
    var edges: [Int: Int] = [:]
    for (i, send) in problem.sends.enumerated() where !excluded.contains(i) {
      let own = network.addNode()
      edges[i] = network.add(node(sendCaps.leaf[i]) ?? source, own, room: 1, gain: weights[send.level])
      network.add(own, groups[send.group], room: 1)
    }
    network.fill(from: source, to: sink)
    var answer = Answer(places: Array(repeating: nil, count: problem.sends.count), weight: 0)
    // What went from a group to its places, handed out to the group's sends.
    var used = ways.map { $0.flatMap { Array(repeating: $0.place, count: network.used($0.edge)) } }
    for (i, send) in problem.sends.enumerated() {
      guard let edge = edges[i], network.used(edge) > 0 else { continue }
      answer.places[i] = used[send.group].popLast()
      answer.weight += weights[send.level]
    }
    return answer
  }

  /// Edges stand in pairs: one and its way back.
  private struct Network {
    private var out: [[Int]]
    private var target: [Int] = []
    private var room: [Int] = []
    private var gain: [Int] = []

    init(nodes: Int) { out = Array(repeating: [], count: nodes) }

    mutating func addNode() -> Int {
      out.append([])
      return out.count - 1
    }

    @discardableResult
    mutating func add(_ from: Int, _ to: Int, room: Int, gain: Int = 0) -> Int {
      let edge = target.count
      for (a, b, room, gain) in [(from, to, room, gain), (to, from, 0, -gain)] {
        out[a].append(target.count)
        target.append(b)
        self.room.append(room)
        self.gain.append(gain)
      }
      return edge
    }

    /// What an edge carries: the room of its way back.
    func used(_ edge: Int) -> Int { room[edge + 1] }

    /// Sends a unit along the path of the greatest gain until none gains anything.
    mutating func fill(from source: Int, to sink: Int) {
      while true {
        var best = Array(repeating: Int.min, count: out.count)
        var by = Array(repeating: -1, count: out.count)
        var isWaiting = Array(repeating: false, count: out.count)
        var queue = [source]
        var head = 0
        best[source] = 0
        while head < queue.count {
          let node = queue[head]
          head += 1
          isWaiting[node] = false
          for edge in out[node] where room[edge] > 0 {
            let to = target[edge]
            let sum = best[node] + gain[edge]
            if sum <= best[to] { continue }
            best[to] = sum
            by[to] = edge
            if !isWaiting[to] {
              isWaiting[to] = true
              queue.append(to)
            }
          }
        }
        guard best[sink] > 0 else { return }
        var node = sink
        while node != source {
          let edge = by[node]
          room[edge] -= 1
          room[edge ^ 1] += 1
          node = target[edge ^ 1]
        }
      }
    }
  }
}
