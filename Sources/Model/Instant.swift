import Foundation

/// A point in time, to the millisecond. Plans use whole seconds; results keep the milliseconds.
public struct Instant: Hashable, Comparable, Sendable {
  /// Milliseconds since 1970-01-01T00:00:00Z.
  public var milliseconds: Int64

  public init(milliseconds: Int64) { self.milliseconds = milliseconds }
  public init(seconds: Int64) { self.milliseconds = seconds * 1000 }

  /// Whole seconds since the epoch, rounded down.
  public var seconds: Int64 {
    milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
  }

  public static let distantPast = Instant(milliseconds: -62_135_596_800_000)
  public static let distantFuture = Instant(milliseconds: 253_402_300_799_000)

  public static func < (a: Instant, b: Instant) -> Bool { a.milliseconds < b.milliseconds }
  public static func + (a: Instant, b: Span) -> Instant { Instant(milliseconds: a.milliseconds + b.milliseconds) }
  public static func - (a: Instant, b: Span) -> Instant { Instant(milliseconds: a.milliseconds - b.milliseconds) }
  public static func - (a: Instant, b: Instant) -> Span { Span(milliseconds: a.milliseconds - b.milliseconds) }
  public static func += (a: inout Instant, b: Span) { a = a + b }

  /// The instant one whole second or less later that has no fraction of a second.
  public var roundedUpToSecond: Instant {
    let floor = Instant(seconds: seconds)
    return floor == self ? self : Instant(seconds: seconds + 1)
  }

  /// A length of time. Signed, so that differences of instants are values too.
  public struct Span: Hashable, Comparable, Sendable {
    public var milliseconds: Int64

    public init(milliseconds: Int64) { self.milliseconds = milliseconds }
    public static func seconds(_ n: Int64) -> Span { Span(milliseconds: n * 1000) }
    public static func minutes(_ n: Int64) -> Span { .seconds(n * 60) }
    public static func hours(_ n: Int64) -> Span { .seconds(n * 3600) }
    public static func days(_ n: Int64) -> Span { .seconds(n * 86_400) }
    public static let zero = Span(milliseconds: 0)

    public static func < (a: Span, b: Span) -> Bool { a.milliseconds < b.milliseconds }
    public static func + (a: Span, b: Span) -> Span { Span(milliseconds: a.milliseconds + b.milliseconds) }
    public static func * (a: Span, n: Int64) -> Span { Span(milliseconds: a.milliseconds * n) }
    public static func / (a: Span, n: Int64) -> Span { Span(milliseconds: a.milliseconds / n) }

    /// Whole seconds, rounded up: a gap of 1.5 s needs two slots of a second.
    public var secondsRoundedUp: Int64 { (milliseconds + 999) / 1000 }

    /// Reads `90s`, `5m`, `20h`, `4d`, `250ms`. Nil for anything else; a number needs its unit.
    public init?(_ text: String) {
      let units: [(String, Int64)] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)]
      for (suffix, factor) in units where text.hasSuffix(suffix) {
        let digits = text.dropLast(suffix.count)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let n = Int64(digits),
          !n.multipliedReportingOverflow(by: factor).overflow, n * factor <= 3_153_600_000_000
        else { continue }
        self.init(milliseconds: n * factor)
        return
      }
      return nil
    }
  }
}

extension Instant.Span: CustomStringConvertible {
  /// The largest unit that gives a whole number: `90s`, `3h`, `4d`.
  public var description: String {
    let units: [(Int64, String)] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
    for (factor, suffix) in units where milliseconds != 0 && milliseconds % factor == 0 {
      return "\(milliseconds / factor)\(suffix)"
    }
    return milliseconds == 0 ? "0s" : "\(milliseconds)ms"
  }
}

/// A step's delay: calendar days or lengths of time (`3d`, `12h`), or business days (`3bd`), which pass over
/// Saturdays, Sundays and holidays.
public enum Delay: Hashable, Sendable {
  case days(Int)
  case businessDays(Int)

  /// Reads `3d` or `3bd`. Nil for anything else, and above ten years.
  public init?(_ text: String) {
    let business = text.hasSuffix("bd")
    guard business || text.hasSuffix("d") else { return nil }
    let digits = text.dropLast(business ? 2 : 1)
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let n = Int(digits), n <= 3660 else {
      return nil
    }
    self = business ? .businessDays(n) : .days(n)
  }
}
