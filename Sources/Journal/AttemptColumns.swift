/// How often each line was attempted: a byte a line, and the few that were attempted more often beside them.
struct AttemptCounts: Sendable {
  private var counts: [UInt8]
  private var many: [Int: Int] = [:]

  init(_ n: Int = 0) { counts = [UInt8](repeating: 0, count: n) }

  subscript(_ line: Int) -> Int {
    get { counts[line] < .max ? Int(counts[line]) : many[line] ?? 0 }
    set {
      if newValue >= 0, newValue < UInt8.max {
        counts[line] = UInt8(newValue)
      } else {
        counts[line] = .max
        many[line] = newValue
      }
    }
  }
}

/// When each line was attempted, in milliseconds since the epoch, `.min` where it was not: four bytes a line, counted from
/// the first time of all, and those that are more than 24 days from it beside them.
struct AttemptTimes: Sendable {
  private var distances: [Int32]
  private var far: [Int: Int64] = [:]
  private var base: Int64?

  private static let never = Int32.min
  private static let isFar = Int32.max

  init(_ n: Int = 0) { distances = [Int32](repeating: Self.never, count: n) }

  /// How far a time is from the first one; nil if that is too far.
  @inline(__always)
  mutating func distance(_ time: Int64) -> Int32? {
    if base == nil { base = time }
    let (distance, isFar) = time.subtractingReportingOverflow(base ?? 0)
    guard !isFar, let near = Int32(exactly: distance), near != Self.never, near != Self.isFar else { return nil }
    return near
  }

  /// The time at that distance.
  func time(_ distance: Int32) -> Int64 { (base ?? 0) &+ Int64(distance) }

  subscript(_ line: Int) -> Int64 {
    @inline(__always) get {
      switch distances[line] {
      case Self.never: .min
      case Self.isFar: far[line] ?? .min
      case let distance: time(distance)
      }
    }
    @inline(__always) set {
      if newValue == .min {
        distances[line] = Self.never
      } else if let near = distance(newValue) {
        distances[line] = near
      } else {
        distances[line] = Self.isFar
        far[line] = newValue
      }
    }
  }
}
