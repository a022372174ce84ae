import Foundation

/// Takes people out of log lines: of an address the first character and the domain stay (`a…@example.com`), of a
/// telephone number the country's digits and the last two (`+49…78`). Whatever looks like one is masked wherever it
/// stands - in a server's reply, in a file's name -, since a log goes to more places than the output does.
enum AddressMasking {
  static func masked(_ text: String) -> String {
    // Most lines name nobody.
    guard text.utf8.contains(where: { $0 == 0x40 || $0 == 0x2B }) else { return text }
    var out = ""
    var word: [Character] = []
    func flush() {
      out += mask(word)
      word.removeAll(keepingCapacity: true)
    }
    for character in text {
      if isDelimiter(character) {
        flush()
        out.append(character)
      } else {
        word.append(character)
      }
    }
    flush()
    // A quoted local part (RFC 5321 §4.1.2) may hold anything, and ends in front of the @.
    return out.contains("\"@") ? maskedQuoted(out) : out
  }

  private static func isDelimiter(_ character: Character) -> Bool {
    character.isWhitespace || "<>()[]{},;:\"'|`".contains(character)
  }

  /// - Parameter word: without delimiters.
  private static func mask(_ word: [Character]) -> String {
    if let at = word.lastIndex(of: "@") {
      guard at > 0, at + 1 < word.count else { return String(word) }
      // What stands before an `=` is a name, as in `to=ada@example.com`.
      let start = word[..<at].lastIndex(of: "=").map { $0 + 1 } ?? 0
      guard start < at else { return String(word) }
      return String(word[..<start]) + String(word[start]) + "…" + String(word[at...])
    }
    guard let plus = word.firstIndex(of: "+") else { return String(word) }
    let digits = word[(plus + 1)...].prefix { $0.isASCII && $0.isNumber }
    // E.164 has at most fifteen; shorter than seven reaches nobody from abroad.
    guard digits.count >= 7 else { return String(word) }
    return String(word[...plus]) + String(digits.prefix(2)) + "…" + String(digits.suffix(2))
      + String(word[(plus + 1 + digits.count)...])
  }

  /// `"ada lovelace"@example.com`: from the quote that opens it.
  private static func maskedQuoted(_ text: String) -> String {
    var rest = text[...]
    var out = ""
    while let end = rest.range(of: "\"@") {
      let before = rest[..<end.lowerBound]
      if let open = before.lastIndex(of: "\"") {
        out += before[..<open] + "…@"
      } else {
        out += before + "\"@"
      }
      rest = rest[end.upperBound...]
    }
    return out + rest
  }
}
