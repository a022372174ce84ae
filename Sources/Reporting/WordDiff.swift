import Model

/// Which words of a text became which. Lines are compared first and words within the lines that differ, so that a file of
/// some thousand lines takes no time; what differs altogether is given as a whole.
public struct WordDiff: Sendable {
  /// A stretch that differs, with a few words of what stands around it.
  public struct Change: Hashable, Sendable {
    /// Of the new text, from 1.
    public var line: Int
    public var before: String
    public var removed: String
    public var added: String
    public var after: String
  }

  public private(set) var changes: [Change] = []
  /// Words that went and came.
  public private(set) var wordsRemoved = 0
  public private(set) var wordsAdded = 0

  fileprivate enum Piece: Equatable {
    case same(Substring), removed(Substring), added(Substring)
  }

  /// Beyond as many comparisons two stretches count as altogether different.
  private static let effort = 20_000_000
  /// Words of context on either side.
  private static let context = 4

  public init(old: String, new: String) {
    let pieces = Self.joined(Self.pieces(old, new))
    collect(pieces)
  }

  public var isEmpty: Bool { changes.isEmpty }

  // MARK: - Comparing

  private static func pieces(_ old: String, _ new: String) -> [Piece] {
    var out: [Piece] = []
    var (gone, came): ([Substring], [Substring]) = ([], [])
    func words() -> [Piece] {
      let texts = (gone.joined(), came.joined())
      return compare(tokens(texts.0), tokens(texts.1))
    }
    for piece in compare(lines(old), lines(new)) {
      switch piece {
      case .removed(let line): gone.append(line)
      case .added(let line): came.append(line)
      case .same:
        out += words() + [piece]
        (gone, came) = ([], [])
      }
    }
    return out + words()
  }

  private static func compare(_ old: [Substring], _ new: [Substring]) -> [Piece] {
    var head = 0
    while head < min(old.count, new.count), old[head] == new[head] { head += 1 }
    var tail = 0
    while tail < min(old.count, new.count) - head, old[old.count - 1 - tail] == new[new.count - 1 - tail] { tail += 1 }
    let (a, b) = (Array(old[head..<(old.count - tail)]), Array(new[head..<(new.count - tail)]))
    var out = old[..<head].map(Piece.same)
    if a.count.multipliedReportingOverflow(by: max(1, b.count)).partialValue > effort {
      out += a.map(Piece.removed) + b.map(Piece.added)
    } else {
      var (gone, came) = (Set<Int>(), Set<Int>())
      for change in b.difference(from: a) {
        switch change {
        case .remove(let offset, _, _): gone.insert(offset)
        case .insert(let offset, _, _): came.insert(offset)
        }
      }
      var (i, j) = (0, 0)
      while i < a.count || j < b.count {
        if i < a.count, gone.contains(i) {
          out.append(.removed(a[i]))
          i += 1
        } else if j < b.count, came.contains(j) {
          out.append(.added(b[j]))
          j += 1
        } else {
          out.append(.same(b[j]))
          i += 1
          j += 1
        }
      }
    }
    return out + new[(new.count - tail)...].map(Piece.same)
  }

  /// Each with its line break, which may be CRLF.
  private static func lines(_ text: String) -> [Substring] {
    split(text) { $0.isNewline }
  }

  /// Words with the white space behind them, line breaks by themselves.
  private static func tokens(_ text: String) -> [Substring] {
    var out: [Substring] = []
    var start = text.startIndex
    while start < text.endIndex {
      let isSpace = text[start].isWhitespace
      var end = text.index(after: start)
      while end < text.endIndex, text[end].isWhitespace == isSpace, !isSpace || !text[end].isNewline {
        end = text.index(after: end)
      }
      out.append(text[start..<end])
      start = end
    }
    return out
  }

  private static func split(_ text: String, _ ends: (Character) -> Bool) -> [Substring] {
    var out: [Substring] = []
    var start = text.startIndex
    while start < text.endIndex {
      let end = text[start...].firstIndex(where: ends).map { text.index(after: $0) } ?? text.endIndex
      out.append(text[start..<end])
      start = end
    }
    return out
  }

  /// White space between two changes is part of both.
  private static func joined(_ pieces: [Piece]) -> [Piece] {
    var out: [Piece] = []
    for (i, piece) in pieces.enumerated() {
      if case .same(let text) = piece, text.allSatisfy({ $0.isWhitespace && !$0.isNewline }), i > 0,
        i + 1 < pieces.count, !pieces[i - 1].isSame, !pieces[i + 1].isSame
      {
        out += [.removed(text), .added(text)]
      } else {
        out.append(piece)
      }
    }
    return out
  }

  // MARK: - Telling

  private mutating func collect(_ pieces: [Piece]) {
    var line = 1
    var i = 0
    var around: [Substring] = []
    while i < pieces.count {
      if case .same(let text) = pieces[i] {
        line += text.count(where: \.isNewline)
        around.append(contentsOf: Self.tokens(String(text)))
        if around.count > 64 { around.removeFirst(around.count - 32) }
        i += 1
        continue
      }
      var change = Change(line: line, before: Self.last(around), removed: "", added: "", after: "")
      while i < pieces.count, !pieces[i].isSame {
        switch pieces[i] {
        case .removed(let text): change.removed += text
        case .added(let text):
          change.added += text
          line += text.count(where: \.isNewline)
        case .same: break
        }
        i += 1
      }
      change.after = Self.first(pieces[i...])
      wordsRemoved += Self.words(change.removed)
      wordsAdded += Self.words(change.added)
      changes.append(change)
      around = []
    }
  }

  static func words(_ text: String) -> Int { text.split(whereSeparator: \.isWhitespace).count }

  private static func last(_ tokens: [Substring]) -> String {
    let line = tokens.lastIndex { $0.contains(where: \.isNewline) }.map { tokens[($0 + 1)...] } ?? tokens[...]
    return line.suffix(context * 2).joined()
  }

  private static func first(_ pieces: ArraySlice<Piece>) -> String {
    var out = ""
    var count = 0
    for piece in pieces {
      guard case .same(let text) = piece else { break }
      for token in tokens(String(text)) {
        guard count < context * 2, !token.contains(where: \.isNewline) else { return out }
        out += token
        count += 1
      }
    }
    return out
  }
}

extension WordDiff.Piece {
  fileprivate var isSame: Bool {
    if case .same = self { return true }
    return false
  }
}
