/// Prometheus' text exposition format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/), as node_exporter's textfile collector reads it: no
/// timestamps, each family once with its HELP and TYPE.
struct PrometheusText {
  enum Kind: String { case counter, gauge, histogram }

  private(set) var text = ""

  /// Begins a family; its samples follow.
  mutating func family(_ name: String, _ kind: Kind, _ help: String) {
    text += "# HELP \(name) \(Self.escaped(help, quotes: false))\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: String) {
    text += name
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.0)=\"\(Self.escaped($0.1, quotes: true))\"" }.joined(separator: ",") + "}"
    }
    text += " \(value)\n"
  }

  mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
    sample(name, labels, String(value))
  }

  mutating func sample(_ name: String, _ value: Int) { sample(name, [], String(value)) }
  mutating func sample(_ name: String, _ value: String) { sample(name, [], value) }

  /// Backslash and line feed are escaped, and in label values the double quote.
  static func escaped(_ text: String, quotes: Bool) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": out += "\\\\"
      case "\n": out += "\\n"
      case "\"" where quotes: out += "\\\""
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// Milliseconds in seconds, without a rounding error: `0.25`, `1700000000.123`.
  static func seconds(_ milliseconds: Int64) -> String {
    let (whole, rest) = (milliseconds.magnitude / 1000, milliseconds.magnitude % 1000)
    var text = (milliseconds < 0 ? "-" : "") + String(whole)
    if rest > 0 {
      var digits = String(rest)
      while digits.count < 3 { digits = "0" + digits }
      while digits.last == "0" { digits.removeLast() }
      text += "." + digits
    }
    return text
  }
}
