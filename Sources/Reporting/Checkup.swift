import Model

/// What `doctor` found: a line for each thing it looked at, with what to do where it is not well.
public struct Checkup: Sendable {
  public enum Verdict: String, Sendable { case ok, warn, fail }

  public struct Line: Sendable {
    public var verdict: Verdict
    /// `output`, `provider relay`.
    public var about: String
    public var found: String
    /// Nil where there is nothing to do.
    public var advice: String?

    public init(_ verdict: Verdict, _ about: String, _ found: String, _ advice: String? = nil) {
      self.verdict = verdict
      self.about = about
      self.found = found
      self.advice = advice
    }
  }

  public private(set) var lines: [Line] = []

  public init() {}

  public mutating func add(_ verdict: Verdict, _ about: String, _ found: String, _ advice: String? = nil) {
    lines.append(Line(verdict, about, found, advice))
  }
  public mutating func add(_ more: [Line]) { lines += more }

  public func count(_ verdict: Verdict) -> Int { lines.count { $0.verdict == verdict } }

  /// Within 80 columns, the advice on lines of its own.
  public var text: String {
    var out = ""
    for line in lines {
      let label = line.verdict.rawValue.padded(to: 6)
      out += WhyReport.paragraph("\(label)\(line.about): \(line.found)", hanging: 6)
      if let advice = line.advice { out += WhyReport.paragraph("      -> \(advice)", hanging: 9) }
    }
    var bad: [String] = []
    if count(.fail) > 0 { bad.append("\(Words.count(count(.fail), "problem")) to solve") }
    if count(.warn) > 0 { bad.append("\(Words.count(count(.warn), "thing")) to look at") }
    return out + "\n" + (bad.isEmpty ? "All is well." : bad.joined(separator: ", ") + ".") + "\n"
  }

  public var json: JSON {
    .members(
      ("ok", .bool(count(.fail) == 0)), ("warn", .integer(Int64(count(.warn)))),
      ("fail", .integer(Int64(count(.fail)))),
      (
        "checks",
        .array(
          lines.map { line in
            .members(
              ("verdict", .string(line.verdict.rawValue)), ("about", .string(line.about)),
              ("found", .string(line.found)), ("advice", line.advice.map(JSON.string)))
          })
      ))
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
