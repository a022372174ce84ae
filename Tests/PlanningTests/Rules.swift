import Foundation

/// The rules that a random project mixes beside the ones that every project has.
struct RuleSet: OptionSet, Sendable {
  let rawValue: Int

  static let contactDay = RuleSet(rawValue: 1)
  static let contactWeek = RuleSet(rawValue: 2)
  static let domains = RuleSet(rawValue: 4)
  static let newLimits = RuleSet(rawValue: 8)
  static let hourly = RuleSet(rawValue: 16)
  static let rolling = RuleSet(rawValue: 32)
  static let ramps = RuleSet(rawValue: 64)
  static let fresh = RuleSet(rawValue: 128)
  /// Rolling limits of mailboxes that have sent, or hold lines of other plans, within a day of the plan's: what is left
  /// of them changes from hour to hour and is no tree with their calendar days, so that no solver here judges it.
  static let rollingNearby = RuleSet(rawValue: 256)
  /// Gaps of two hours and more: their grid begins with the day's first opening.
  static let longGaps = RuleSet(rawValue: 512)
  /// Lines of other plans whose mailbox is gone: caps of contacts and domains, and new limits, still count them.
  static let orphans = RuleSet(rawValue: 1024)

  static let all = RuleSet(rawValue: 2047)
  /// Before hourly, rolling and weekly limits, ramps, domain caps, new-contact limits and fresh rows.
  static let before: RuleSet = [.contactDay, .longGaps]

  /// What the planner carries out, and so what its plans are checked for. `.all` once it knows every rule.
  static let checked: RuleSet = .all
  /// What its plans are compared with the exact solver for.
  static let compared: RuleSet =
    checked == .all ? .all.subtracting([.rollingNearby, .longGaps]) : .before.subtracting([.contactDay, .longGaps])
}

private let environment = ProcessInfo.processInfo.environment

/// 1 ... count. `NIGHTMAIL_SEED=n` tries n alone; `NIGHTMAIL_LONG=1` tries seven times as many.
func seeds(_ count: UInt64) -> [UInt64] {
  if let text = environment["NIGHTMAIL_SEED"], let seed = UInt64(text) { return [seed] }
  return Array(1...(environment["NIGHTMAIL_LONG"] == "1" ? 7 * count : count))
}
