/// How long attempts took: percentiles to within two hundredths of the value, and the counts of Prometheus' buckets,
/// in the memory of a few hundred numbers however many attempts there were.
public struct Durations: Hashable, Sendable {
  /// The buckets' upper bounds in milliseconds, as the metrics have them; what is longer has the last bucket.
  public static let bounds: [Int64] = [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]

  /// By bound, not cumulative; one more than there are bounds.
  public internal(set) var buckets = [Int](repeating: 0, count: Durations.bounds.count + 1)
  public internal(set) var count = 0
  public internal(set) var sumMilliseconds: Int64 = 0
  public private(set) var longest: Int64 = 0
  /// Up to 63 ms each its own, above that 32 for each doubling.
  private var fine: [Int] = []

  public init() {}

  /// As they were kept: without percentiles.
  init?(milliseconds sum: Int64?, buckets counts: [Int64?]) {
    let counts = counts.compactMap { $0.map(Int.init) }
    guard let sum, counts.count == buckets.count, counts.allSatisfy({ $0 >= 0 }) else { return nil }
    (sumMilliseconds, buckets, count) = (sum, counts, counts.reduce(0, +))
  }

  /// - Parameter milliseconds: below nothing counts as nothing: a clock was put back.
  public mutating func add(_ milliseconds: Int64) {
    let value = max(0, milliseconds)
    count += 1
    sumMilliseconds &+= value
    longest = max(longest, value)
    var bucket = 0
    while bucket < Self.bounds.count, value > Self.bounds[bucket] { bucket += 1 }
    buckets[bucket] += 1
    let place = Self.place(value)
    if place >= fine.count { fine.append(contentsOf: repeatElement(0, count: place + 1 - fine.count)) }
    fine[place] += 1
  }

  public static func + (a: Durations, b: Durations) -> Durations {
    var sum = a
    for i in sum.buckets.indices { sum.buckets[i] += b.buckets[i] }
    sum.count += b.count
    sum.sumMilliseconds &+= b.sumMilliseconds
    sum.longest = max(a.longest, b.longest)
    if sum.fine.count < b.fine.count {
      sum.fine.append(contentsOf: repeatElement(0, count: b.fine.count - sum.fine.count))
    }
    for (i, n) in b.fine.enumerated() { sum.fine[i] += n }
    return sum
  }

  /// The nearest-rank percentile in milliseconds; nil without attempts.
  /// - Parameter percent: above 0, up to 100.
  public func percentile(_ percent: Double) -> Int64? {
    guard count > 0 else { return nil }
    let rank = max(1, Int((Double(count) * percent / 100).rounded(.up)))
    guard rank < count else { return longest }
    var seen = 0
    for (place, n) in fine.enumerated() {
      seen += n
      if seen >= rank { return min(longest, Self.middle(place)) }
    }
    return longest
  }

  private static func place(_ value: Int64) -> Int {
    guard value >= 64 else { return Int(value) }
    let power = 63 - value.leadingZeroBitCount
    return 64 + (power - 6) * 32 + Int(value >> Int64(power - 5)) - 32
  }

  private static func middle(_ place: Int) -> Int64 {
    guard place >= 64 else { return Int64(place) }
    let (power, part) = ((place - 64) / 32 + 6, (place - 64) % 32)
    return Int64(part + 32) << Int64(power - 5) + Int64(1) << Int64(power - 5) / 2
  }
}
