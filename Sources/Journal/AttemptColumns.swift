/// How each line stands and how often it was attempted, in one byte: what stands in the low three bits, an intent that
/// no outcome has followed in the highest, and between them the attempts, those of fifteen and more beside it.
struct LineStates: Sendable {
  private var states: [UInt8] = []
  private var many: [Int: Int] = [:]

  private static let standing: UInt8 = 0x07
  private static let attempts: UInt8 = 0x78
  private static let open: UInt8 = 0x80

  init(_ n: Int = 0) { states = [UInt8](repeating: 0, count: n) }

  /// While nothing is recorded of any line.
  var isEmpty: Bool { states.isEmpty }
  var lines: Range<Int> { states.indices }

  func isOpen(_ line: Int) -> Bool { states[line] & Self.open != 0 }
  mutating func close(_ line: Int) { states[line] &= ~Self.open }
  mutating func open(_ line: Int) { states[line] |= Self.open }

  subscript(standing line: Int) -> DayResults.Standing {
    get { DayResults.Standing(rawValue: states[line] & Self.standing) ?? .over }
    set { states[line] = states[line] & ~Self.standing | newValue.rawValue }
  }

  subscript(attempts line: Int) -> Int {
    get {
      let count = Int(states[line] & Self.attempts) >> 3
      return count < 15 ? count : many[line] ?? 0
    }
    set {
      let isFew = newValue >= 0 && newValue < 15
      if !isFew { many[line] = newValue }
      states[line] = states[line] & ~Self.attempts | UInt8(isFew ? newValue : 15) << 3
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

  /// - Parameter other: times that are counted from the same instant.
  init(_ n: Int, like other: AttemptTimes) {
    self.init(n)
    base = other.base
  }

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
