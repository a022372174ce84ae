/// Arcs from a node to all segments of a range: to each, or by a tree over the mailbox's segments where there are many,
/// so that the network stays as large as the day and not as large as the day times its classes.
struct RangeCover {
  private static let few = 24
  private let segments: [Int]
  /// Node of each inner vertex of the tree, from 1, by the rule of heaps; leaves are segments.
  private var inner: [Int] = []
  private var width = 1

  init(_ segments: [Int]) { self.segments = segments }

  mutating func connect(_ node: Int, _ range: Range<Int>, _ network: inout FlowNetwork) {
    if segments.count <= Self.few {
      for s in range { network.addArc(node, segments[s], FlowNetwork.unlimited) }
      return
    }
    if inner.isEmpty { build(&network) }
    var (low, high) = (range.lowerBound + width, range.upperBound + width)
    while low < high {
      if low & 1 == 1 {
        network.addArc(node, vertex(low), FlowNetwork.unlimited)
        low += 1
      }
      if high & 1 == 1 {
        high -= 1
        network.addArc(node, vertex(high), FlowNetwork.unlimited)
      }
      low >>= 1
      high >>= 1
    }
  }

  private func vertex(_ i: Int) -> Int { i < width ? inner[i] : segments[i - width] }

  private mutating func build(_ network: inout FlowNetwork) {
    while width < segments.count { width *= 2 }
    inner = (0..<width).map { $0 == 0 ? -1 : network.addNode() }
    for i in 1..<width {
      for child in [2 * i, 2 * i + 1] where child < width || child - width < segments.count {
        network.addArc(inner[i], vertex(child), FlowNetwork.unlimited)
      }
    }
  }
}
