/// Columns under headings, aligned for a terminal. Numbers stand to the right.
public struct TextTable {
  private let headings: [String]
  private var rows: [[String]] = []
  private let rightAligned: Set<Int>

  public init(_ headings: [String], numbers: Set<Int> = []) {
    self.headings = headings
    rightAligned = numbers
  }

  public mutating func add(_ cells: [String]) { rows.append(cells.map(Self.printable)) }
  public var isEmpty: Bool { rows.isEmpty }

  /// Lines without trailing spaces, each ending in a line break.
  public var text: String {
    let all = [headings] + rows
    let widths = headings.indices.map { column in all.map { Self.width($0.count > column ? $0[column] : "") }.max() ?? 0
    }
    var out = ""
    for row in all {
      var line = ""
      for (column, cell) in row.enumerated() where column < widths.count {
        let padding = String(repeating: " ", count: max(0, widths[column] - Self.width(cell)))
        line += rightAligned.contains(column) ? padding + cell : cell + padding
        line += "  "
      }
      while line.last == " " { line.removeLast() }
      out += line + "\n"
    }
    return out
  }

  /// Data must not move the cursor, break a line or turn the reading direction round (UAX #9).
  public static func printable(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: commands) else { return text }
    return String(String.UnicodeScalarView(text.unicodeScalars.map { commands($0) ? " " : $0 }))
  }

  private static func commands(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20..<0x7F: false
    case 0x2028...0x202E, 0x2066...0x2069, 0x200E, 0x200F, 0x061C: true
    default: scalar.properties.generalCategory == .control
    }
  }

  /// Cells on a terminal: two for East Asian wide characters and emoji, none for combining marks.
  static func width(_ text: String) -> Int {
    text.reduce(0) { sum, character in
      guard let scalar = character.unicodeScalars.first else { return sum }
      switch scalar.value {
      case 0x20..<0x7F: return sum + 1
      case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
        0xFFE0...0xFFE6, 0x1F300...0x1FAFF, 0x20000...0x3FFFD:
        return sum + 2
      // Flags are two regional indicators in one character.
      case 0x1F1E6...0x1F1FF: return sum + 2
      default:
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return sum
        default: return sum + (scalar.properties.isEmojiPresentation ? 2 : 1)
        }
      }
    }
  }
}

/// Words and numbers as they stand in sentences.
public enum Words {
  /// `1 send`, `1,234 sends`.
  public static func count(_ n: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(number(n)) \(n == 1 ? noun : plural ?? noun + "s")"
  }

  /// `1,234,567`
  public static func number(_ n: Int) -> String {
    var digits = String(n.magnitude)
    var groups: [String] = []
    while digits.count > 3 {
      groups.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (n < 0 ? "-" : "") + ([digits] + groups).joined(separator: ",")
  }

  /// `suppressed 3, duplicate 1`, most first; nothing for no counts.
  public static func counts(_ counts: [String: Int]) -> String {
    counts.filter { $0.value != 0 }
      .sorted { $0.value != $1.value ? $0.value > $1.value : $0.key < $1.key }
      .map { "\($0.key) \(number($0.value))" }
      .joined(separator: ", ")
  }

  public static func counts<Reason: RawRepresentable>(_ reasons: [Reason: Int]) -> String
  where Reason.RawValue == String {
    counts(Dictionary(reasons.map { ($0.key.rawValue, $0.value) }, uniquingKeysWith: +))
  }
}
