/// Times as a column of four bytes each, in milliseconds around the first one: those of a run lie within days. Where one
/// lies further off than 24 days, all of them have eight.
public struct TimeColumn: Sendable {
  private var narrow: [UInt32] = []
  private var wide: [Int64] = []
  /// The earliest time that fits.
  private var base: Int64 = 0

  public init() {}

  public var count: Int { wide.isEmpty ? narrow.count : wide.count }

  public mutating func reserveCapacity(_ n: Int) { narrow.reserveCapacity(n) }

  /// Milliseconds since the epoch.
  public subscript(_ number: Int) -> Int64 { wide.isEmpty ? base &+ Int64(narrow[number]) : wide[number] }

  public mutating func append(_ milliseconds: Int64) {
    if wide.isEmpty {
      if narrow.isEmpty { base = milliseconds &- 1 << 31 }
      let (distance, isFar) = milliseconds.subtractingReportingOverflow(base)
      if !isFar, let near = UInt32(exactly: distance) { return narrow.append(near) }
      wide = narrow.map { base &+ Int64($0) }
      narrow = []
    }
    wide.append(milliseconds)
  }
}

/// Numbers from -1 on as a column of two bytes each, and of four from the first that needs them.
public struct NumberColumn: Sendable {
  /// One more than the numbers.
  private var narrow: [UInt16] = []
  private var wide: [Int32] = []

  public init() {}

  public var count: Int { wide.isEmpty ? narrow.count : wide.count }

  public mutating func reserveCapacity(_ n: Int) { narrow.reserveCapacity(n) }

  public subscript(_ i: Int) -> Int32 { wide.isEmpty ? Int32(narrow[i]) - 1 : wide[i] }

  /// - Parameter number: -1 or more.
  public mutating func append(_ number: Int32) {
    if wide.isEmpty {
      if number < Int32(UInt16.max) { return narrow.append(UInt16(number + 1)) }
      wide = narrow.map { Int32($0) - 1 }
      narrow = []
    }
    wide.append(number)
  }
}

/// Hashes that are nearly always those of another column - an address is its contact's key unless the contact has an
/// id -, and take no memory as long as all of them are.
public struct SameOrOther: Sendable {
  private var own: [UInt64] = []

  public init() {}

  /// Whether all are those of the other column.
  public var isSame: Bool { own.isEmpty }

  /// - Parameter others: the other column, which has its value for the same line by now.
  public mutating func append(_ hash: UInt64, beside others: [UInt64]) {
    if own.isEmpty {
      if others.last == hash { return }
      own = others
      own[own.count - 1] = hash
    } else {
      own.append(hash)
    }
  }

  @inline(__always)
  public func value(_ number: Int, beside others: [UInt64]) -> UInt64 {
    own.isEmpty ? others[number] : own[number]
  }
}
