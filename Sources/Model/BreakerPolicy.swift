/// A share of a whole, exact to a millionth: what rates are compared with without rounding.
public struct Share: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// 0...1,000,000.
  public let millionths: Int

  /// - Parameter millionths: brought into 0...1,000,000.
  public init(millionths: Int) { self.millionths = min(max(millionths, 0), 1_000_000) }

  public static let none = Share(millionths: 0)
  public static let all = Share(millionths: 1_000_000)
  public static func percent(_ n: Int) -> Share { Share(millionths: n * 10_000) }
  public static func < (a: Share, b: Share) -> Bool { a.millionths < b.millionths }

  /// Reads `5%`, `0.3%`, `0.05`, `1`. Nil for anything else, above the whole, and for what is finer than a millionth.
  public init?(_ text: String) {
    let isPercent = text.hasSuffix("%")
    let number = isPercent ? text.dropLast() : text[...]
    let parts = number.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, number.utf8.contains(where: { $0 != 0x2E }), number.utf8.count <= 12 else { return nil }
    guard parts.allSatisfy({ $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }) else { return nil }
    let places = isPercent ? 4 : 6
    let fraction = parts.count == 2 ? String(parts[1]) : ""
    let kept = fraction.prefix(places)
    guard fraction.dropFirst(places).allSatisfy({ $0 == "0" }),
      let digits = Int((parts[0].isEmpty ? "0" : parts[0]) + kept)
    else { return nil }
    var millionths = digits
    for _ in kept.count..<places {
      let (product, overflow) = millionths.multipliedReportingOverflow(by: 10)
      guard !overflow else { return nil }
      millionths = product
    }
    guard millionths <= 1_000_000 else { return nil }
    self.init(millionths: millionths)
  }

  /// Whether `part` of `whole` is more than this share; nothing of nothing is not.
  public func isExceeded(by part: Int, of whole: Int) -> Bool { part * 1_000_000 > millionths * whole }

  /// In percent: `5%`, `0.3%`.
  public var description: String {
    var fraction = String(millionths % 10_000 + 10_000).dropFirst()
    while fraction.hasSuffix("0") { fraction.removeLast() }
    return "\(millionths / 10_000)" + (fraction.isEmpty ? "" : ".\(fraction)") + "%"
  }
}

/// When a campaign or mailbox is stopped until a person has looked (DESIGN §2, `breaker`). A rate stops it once it is
/// above its share: 0 % at the first case, 100 % never.
///
/// The defaults: providers suspend accounts from 5 to 10 % of bounces (Amazon SES puts an account under review at 5 %),
/// and Gmail and Yahoo ask for complaints that never reach 0.3 %.
public struct BreakerPolicy: Hashable, Sendable {
  /// Of the sends that ended, those that the recipient's server refused for good, then or later.
  public var bounceRate: Share
  /// Complaints of a day, of the sends made on it.
  public var complaintRate: Share
  /// Of the attempts, those that failed by the sender's or the provider's fault, or left the send in doubt.
  public var errorRate: Share
  /// Fewer than that many in a day's count prove nothing.
  public var minSends: Int

  public init(
    bounceRate: Share = .percent(5), complaintRate: Share = Share(millionths: 3_000), errorRate: Share = .percent(20),
    minSends: Int = 50
  ) {
    self.bounceRate = bounceRate
    self.complaintRate = complaintRate
    self.errorRate = errorRate
    self.minSends = minSends
  }
}
