import Model

/// The progress bar's text: a pure function of the counts and the time that passed.
public struct ProgressLine: Sendable {
  public var total: Int
  public var sent: Int
  /// Put off and to be tried again.
  public var deferred: Int
  public var dead: Int
  public var inDoubt: Int
  /// Sent, dead, in doubt and released.
  public var ended: Int
  public var elapsed: Instant.Span

  public init(total: Int, sent: Int, deferred: Int, dead: Int, inDoubt: Int, ended: Int, elapsed: Instant.Span) {
    self.total = total
    self.sent = sent
    self.deferred = deferred
    self.dead = dead
    self.inDoubt = inDoubt
    self.ended = ended
    self.elapsed = elapsed
  }

  /// One line of at most `width` characters.
  public func text(width: Int) -> String {
    let seconds = Double(max(1, elapsed.milliseconds)) / 1000
    let rate = Double(ended) / seconds
    var parts = ["\(Words.number(ended))/\(Words.number(total))", "sent \(Words.number(sent))"]
    if deferred > 0 { parts.append("deferred \(Words.number(deferred))") }
    if dead > 0 { parts.append("dead \(Words.number(dead))") }
    if inDoubt > 0 { parts.append("in doubt \(Words.number(inDoubt))") }
    parts.append(rate >= 10 ? "\(Words.number(Int(rate)))/s" : "\(Int(rate * 600) / 10)/min")
    if rate > 0, ended < total { parts.append("\(Self.clock(Int(Double(total - ended) / rate))) left") }
    let words = parts.joined(separator: "  ")
    let room = width - words.count - 4
    guard room >= 8 else { return String(words.prefix(max(0, width - 1))) }
    let cells = min(room, 30)
    let filled = total == 0 ? cells : cells * min(ended, total) / total
    return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: cells - filled) + "] " + words
  }

  static func clock(_ seconds: Int) -> String {
    seconds < 60
      ? "\(seconds)s" : seconds < 3600 ? "\(seconds / 60)m\(seconds % 60)s" : "\(seconds / 3600)h\(seconds / 60 % 60)m"
  }
}
