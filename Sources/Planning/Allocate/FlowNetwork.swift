/// A flow network that is solved rank by rank: of all flows with the most of the first rank, one with the most of the
/// second, and so on.
///
/// Each rank is a maximum flow by blocking flows (Dinic, 1970) in the residual network. Its minimum cut then says what
/// later ranks may still change: an arc that crosses the cut must stay as it is – full from the source's side to the
/// sink's, empty the other way – or the rank would lose a send; every other arc may be rearranged at will. That is
/// complementary slackness for the rank's linear program, and it makes the counts lexicographically the largest (the
/// argument is in Tests/PlanningTests/Rules.md). An arc of a later rank leads from the left (what sends share: domains,
/// contacts) to the right (mailboxes, hours); it can carry something only from a node that was on the source's side of
/// every cut so far to one that was on the sink's side of every one.
struct FlowNetwork {
  /// More than any sum of sends, and small enough to add.
  static let unlimited = Int.max / 4

  let source: Int
  let sink: Int
  private var firstArc: [Int32] = []
  private var nextArc: [Int32] = []
  private var target: [Int32] = []
  /// What an arc can still carry. Arcs come in pairs: the one against it has the number ^ 1.
  private var room: [Int] = []
  private var isFrozen: [Bool] = []
  /// Whether a node was on the source's, or the sink's, side of every cut so far.
  private var wasAlwaysLeft: [Bool] = []
  private var wasAlwaysRight: [Bool] = []
  private var depth: [Int32] = []
  private var current: [Int32] = []
  private var queue: [Int32] = []

  init() {
    source = 0
    sink = 1
    _ = addNode()
    _ = addNode()
  }

  mutating func addNode() -> Int {
    firstArc.append(-1)
    wasAlwaysLeft.append(true)
    wasAlwaysRight.append(true)
    depth.append(-1)
    current.append(-1)
    return firstArc.count - 1
  }

  /// A node that comes with a later rank: it counts as one of the right.
  mutating func addRightNode() -> Int {
    let node = addNode()
    wasAlwaysLeft[node] = false
    return node
  }

  /// - Returns: the arc's number; `flow` tells what it carries.
  @discardableResult
  mutating func addArc(_ from: Int, _ to: Int, _ capacity: Int) -> Int {
    let arc = target.count
    target.append(Int32(to))
    target.append(Int32(from))
    room.append(max(0, capacity))
    room.append(0)
    isFrozen.append(false)
    isFrozen.append(false)
    nextArc.append(firstArc[from])
    nextArc.append(firstArc[to])
    firstArc[from] = Int32(arc)
    firstArc[to] = Int32(arc + 1)
    return arc
  }

  /// What an arc carries.
  func flow(_ arc: Int) -> Int { room[arc ^ 1] }

  /// Changes what an arc can carry on top of what it does; nothing for one that later ranks must leave alone.
  mutating func setRoom(_ arc: Int, _ more: Int) {
    if !isFrozen[arc] { room[arc] = max(0, more) }
  }

  /// Whether an arc of the rank at hand may lead from `left` to `right` (see above).
  func canLead(from left: Int, to right: Int) -> Bool { wasAlwaysLeft[left] && wasAlwaysRight[right] }

  /// Whether the last search came to a node from the source: what ends there lacks room on the sink's side.
  func isReached(_ node: Int) -> Bool { depth[node] >= 0 }

  /// Sends as much more as there is room for. Returns how much that was.
  mutating func augment() -> Int {
    var total = 0
    while search() {
      for node in current.indices { current[node] = firstArc[node] }
      total += block()
    }
    return total
  }

  /// Fixes what the ranks so far need. Call after `augment` has found nothing more.
  mutating func closeRank() {
    for node in depth.indices {
      if depth[node] >= 0 { wasAlwaysRight[node] = false } else { wasAlwaysLeft[node] = false }
    }
    var arc = 0
    while arc < target.count {
      let (to, from) = (Int(target[arc]), Int(target[arc + 1]))
      if (depth[to] >= 0) != (depth[from] >= 0) {
        isFrozen[arc] = true
        isFrozen[arc + 1] = true
      }
      arc += 2
    }
  }

  /// Distances from the source in arcs, over arcs with room; whether the sink can be reached.
  private mutating func search() -> Bool {
    for node in depth.indices { depth[node] = -1 }
    queue.removeAll(keepingCapacity: true)
    queue.append(Int32(source))
    depth[source] = 0
    var head = 0
    while head < queue.count {
      let node = Int(queue[head])
      head += 1
      var arc = firstArc[node]
      while arc >= 0 {
        let i = Int(arc)
        let to = Int(target[i])
        if room[i] > 0, depth[to] < 0, !isFrozen[i] {
          depth[to] = depth[node] + 1
          if to != sink { queue.append(Int32(to)) }
        }
        arc = nextArc[i]
      }
    }
    return depth[sink] >= 0
  }

  /// A blocking flow: paths that go one deeper with each arc, until none is left.
  private mutating func block() -> Int {
    var total = 0
    var path: [Int] = []
    var node = source
    while true {
      if node == sink {
        var least = Self.unlimited
        for arc in path { least = min(least, room[arc]) }
        var back = path.count
        for (i, arc) in path.enumerated().reversed() {
          room[arc] -= least
          room[arc ^ 1] += least
          if room[arc] == 0 { back = i }
        }
        total += least
        node = Int(target[path[back] ^ 1])
        path.removeLast(path.count - back)
        continue
      }
      var arc = Int(current[node])
      while arc >= 0 {
        let to = Int(target[arc])
        if room[arc] > 0, !isFrozen[arc], depth[to] == depth[node] + 1 { break }
        arc = Int(nextArc[arc])
      }
      current[node] = Int32(arc)
      if arc >= 0 {
        path.append(arc)
        node = Int(target[arc])
        continue
      }
      // A dead end: nothing leads here any more.
      depth[node] = -2
      guard let last = path.popLast() else {
        for node in depth.indices where depth[node] == -2 { depth[node] = -1 }
        return total
      }
      node = Int(target[last ^ 1])
      current[node] = nextArc[last]
    }
  }
}
