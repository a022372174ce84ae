/// Something wrong with the project's files: what, where, and what to do. Config and Messages make them, `validate`
/// prints them, and any error among them stops planning.
public struct Finding: Hashable, Sendable {
  public enum Severity: String, Sendable { case error, warning }

  public var severity: Severity
  public var place: Place
  /// One sentence without a full stop: what is wrong and what would be right.
  public var message: String

  public init(_ severity: Severity, at place: Place, _ message: String) {
    self.severity = severity
    self.place = place
    self.message = message
  }

  public static func error(_ place: Place, _ message: String) -> Finding { Finding(.error, at: place, message) }
  public static func warning(_ place: Place, _ message: String) -> Finding { Finding(.warning, at: place, message) }
}

/// A place in a file of the project. The path is relative to the project, with `/`.
public struct Place: Hashable, Sendable {
  public var file: String
  /// From 1; 0 means the file as a whole.
  public var line: Int
  /// From 1, in characters; 0 means the line as a whole.
  public var column: Int

  public init(_ file: String, line: Int = 0, column: Int = 0) {
    self.file = file
    self.line = line
    self.column = column
  }
}

extension Place: CustomStringConvertible, Comparable {
  /// `file:line:column`, as compilers and editors write it.
  public var description: String {
    line == 0 ? file : column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
  }

  public static func < (a: Place, b: Place) -> Bool {
    (a.file, a.line, a.column) < (b.file, b.line, b.column)
  }
}

extension Finding: CustomStringConvertible {
  /// `campaigns/x/campaign.yaml:3:1: error: …`
  public var description: String { "\(place): \(severity.rawValue): \(message)" }
}

/// The nearest right word, for "did you mean".
public enum Nearest {
  /// The candidate with the least edits to `word`, if that is at most a third of its length (and two for short words).
  public static func match(_ word: String, among candidates: some Sequence<String>) -> String? {
    var best: (distance: Int, word: String)?
    for candidate in candidates {
      let limit = max(2, candidate.count / 3)
      let d = distance(Array(word.lowercased().utf8), Array(candidate.lowercased().utf8))
      if d <= limit, d < candidate.count, d < best?.distance ?? .max { best = (d, candidate) }
    }
    return best?.word
  }

  /// ` (did you mean 'x'?)`, or nothing.
  public static func hint(_ word: String, among candidates: some Sequence<String>) -> String {
    match(word, among: candidates).map { "; did you mean '\($0)'?" } ?? ""
  }

  /// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    guard !a.isEmpty, !b.isEmpty, a.count < 100, b.count < 100 else { return max(a.count, b.count) }
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in 1...a.count {
      for j in 1...b.count {
        let cost = a[i - 1] == b[j - 1] ? 0 : 1
        rows[i][j] = min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost)
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          rows[i][j] = min(rows[i][j], rows[i - 2][j - 2] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
