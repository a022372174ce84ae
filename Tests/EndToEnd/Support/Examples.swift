import Foundation

/// What a page of the documentation shows, in its order: what is checked of it stands in its fences.
enum Example: Equatable {
  /// A fence `yaml campaigns/settings.yaml`: the file's whole text.
  case file(path: String, text: String)
  /// A line of a fence `sh`. It ends with 0, unless a comment after it says `# exit code 3`, or `3|4` where that
  /// depends.
  case command(String, codes: Set<Int32>)
  /// A line of a fence `console` that begins with `$ `, and what stands below it: what it prints, `…` for any text, and
  /// on a line of its own for any lines.
  case dialogue(String, output: String)

  /// - Returns: with the line on which each stands, from 1.
  static func all(in page: String) -> [(line: Int, example: Example)] {
    var found: [(Int, Example)] = []
    var fence: (words: [String], start: Int, lines: [String])?
    for (number, line) in page.components(separatedBy: "\n").enumerated() {
      guard line.hasPrefix("```") else {
        fence?.lines.append(line)
        continue
      }
      if let closed = fence {
        found += examples(closed.words, closed.lines, start: closed.start + 1)
        fence = nil
      } else {
        fence = (line.dropFirst(3).split(separator: " ").map(String.init), number + 1, [])
      }
    }
    return found
  }

  private static func examples(_ words: [String], _ lines: [String], start: Int) -> [(Int, Example)] {
    switch words.first {
    case "sh":
      return lines.enumerated().filter { !$0.element.isEmpty && !$0.element.hasPrefix("#") }.map { i, line in
        let comment = line.firstRange(of: /\ +# exit code (?<codes>[0-9|]+).*/)
        let codes = line.firstMatch(of: /\ # exit code ([0-9|]+)/)?.output.1.split(separator: "|").compactMap {
          Int32($0)
        }
        return (start + i, .command(comment.map { String(line[..<$0.lowerBound]) } ?? line, codes: Set(codes ?? [0])))
      }
    case "console":
      var found: [(Int, String, [String])] = []
      for (i, line) in lines.enumerated() {
        if line.hasPrefix("$ ") {
          found.append((start + i, String(line.dropFirst(2)), []))
        } else if !found.isEmpty {
          found[found.count - 1].2.append(line)
        }
      }
      return found.map { ($0.0, .dialogue($0.1, output: $0.2.joined(separator: "\n"))) }
    default:
      guard words.count == 2, words[1].contains("/") else { return [] }
      return [(start, .file(path: words[1], text: lines.joined(separator: "\n") + "\n"))]
    }
  }

  /// Whether a command's output is what the page says.
  static func matches(_ output: String, _ expected: String) -> Bool {
    var pattern = ""
    for line in expected.trimmingCharacters(in: .newlines).components(separatedBy: "\n") {
      if !pattern.isEmpty { pattern += line == "…" ? "" : "\n" }
      if line == "…" {
        pattern += "(?:\n[^\n]*)*?"
      } else {
        let pieces = line.components(separatedBy: "…").map { NSRegularExpression.escapedPattern(for: $0) }
        pattern += pieces.joined(separator: "[^\\n]*")
      }
    }
    // A line of its own may begin the page's text too.
    let text = "\n" + output.trimmingCharacters(in: .whitespacesAndNewlines)
    return text.range(of: "^\n?\(pattern)$", options: .regularExpression) != nil
  }
}
