/// Puts a server's replies together from whatever pieces arrive (RFC 5321 §4.2): several lines, one line over several
/// reads, several replies in one read.
///
/// The text is kept as bytes and read as a string only by those who ask for it: of the four replies to a message, that
/// is one.
struct ReplyParser {
  /// The server does not speak SMTP, or not any more. What to tell the operator.
  struct Malformed: Error, Hashable { var text: String }

  /// A reply in all; more is no reply but an attack or a fault.
  static let limit = 64 * 1024
  private static let textLimit = 2000

  /// What its words are read without.
  var redaction = Redaction()
  private var line: [UInt8] = []
  private var size = 0
  private var code = 0
  private var textBytes: [UInt8] = []
  private var textOfFinished: [UInt8] = []

  /// Reads on from `position`; the code of the next whole reply, or nil once the input is used up.
  mutating func next(_ input: Span<UInt8>, _ position: inout Int) throws(Malformed) -> Int? {
    while position < input.count {
      var end = position
      while end < input.count && input[end] != 0x0A { end += 1 }
      size += end - position
      guard size <= Self.limit else { throw Malformed(text: "the server sent a reply of more than 64 KiB") }
      for i in position..<end { line.append(input[i]) }
      guard end < input.count else {
        position = end
        return nil
      }
      position = end + 1
      size += 1
      if line.last == 0x0D { line.removeLast() }
      let isLast = try takeLine()
      line.removeAll(keepingCapacity: true)
      if isLast {
        let finished = code
        code = 0
        size = 0
        swap(&textOfFinished, &textBytes)
        textBytes.removeAll(keepingCapacity: true)
        return finished
      }
    }
    return nil
  }

  /// One line without its line break; true for a reply's last.
  private mutating func takeLine() throws(Malformed) -> Bool {
    func digit(_ i: Int) -> Int? {
      guard i < line.count, line[i] >= 0x30, line[i] <= 0x39 else { return nil }
      return Int(line[i]) - 0x30
    }
    guard let a = digit(0), let b = digit(1), let c = digit(2), (2...5).contains(a),
      line.count == 3 || line[3] == 0x20 || line[3] == 0x2D
    else {
      let said = ReplyText.printable(redaction.apply(line), limit: 80)
      throw Malformed(text: "the server sent a line that is no SMTP reply: \(said)")
    }
    let value = a * 100 + b * 10 + c
    guard code == 0 || code == value else {
      throw Malformed(text: "the server changed from \(code) to \(value) within one reply")
    }
    code = value
    if textBytes.count < Self.textLimit, line.count > 4 {
      if !textBytes.isEmpty { textBytes.append(0x0A) }
      textBytes.append(contentsOf: line[4...].prefix(Self.textLimit - textBytes.count))
    }
    return line.count == 3 || line[3] == 0x20
  }

  /// The text of the last whole reply, for a person, and its enhanced code.
  func text(code: Int) -> ReplyText { ReplyText(redaction.apply(textOfFinished), code: code) }
}

/// A reply's words and what can be read from them.
struct ReplyText: Hashable {
  /// RFC 3463, such as `5.1.1`; only where it agrees with the reply's code (RFC 2034 §4).
  var enhancedCode: String?
  /// Lines joined by a space, without the enhanced code; printable, at most 500 characters.
  var text: String
  /// What the server calls the message, where it says `queued as …`.
  var queueID: String?

  init(_ bytes: [UInt8], code: Int) {
    let lines = bytes.split(separator: 0x0A)
    var kept: [UInt8] = []
    for line in lines {
      let (enhanced, rest) = Self.splitEnhancedCode(line, code: code)
      if enhancedCode == nil { enhancedCode = enhanced }
      if !kept.isEmpty { kept.append(0x20) }
      kept.append(contentsOf: enhanced == nil ? line : rest)
    }
    text = Self.printable(kept, limit: 500)
    if code == 250, let range = text.range(of: "queued as ", ignoringCase: true) {
      var id = text.utf8[range...].prefix(while: Self.isQueueID)
      if id.last == 0x2E { id = id.dropLast() }
      if !id.isEmpty, id.count <= 100 { queueID = String(Substring(id)) }
    }
  }

  /// Letters, digits, `-`, `.`, `_`, and whatever is not ASCII.
  private static func isQueueID(_ byte: UInt8) -> Bool {
    (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D || byte == 0x2E
      || byte == 0x5F || byte >= 0x80
  }

  private static func splitEnhancedCode(_ line: ArraySlice<UInt8>, code: Int) -> (String?, ArraySlice<UInt8>) {
    let word = line.prefix { $0 != 0x20 }
    guard word.count >= 5, word.first == UInt8(0x30 + code / 100), word[word.startIndex + 1] == 0x2E else {
      return (nil, line)
    }
    let parts = word.split(separator: 0x2E, omittingEmptySubsequences: false)
    guard parts.count == 3,
      parts[1...].allSatisfy({ (1...3).contains($0.count) && $0.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } })
    else { return (nil, line) }
    return (String(decoding: word, as: UTF8.self), line.dropFirst(word.count).drop { $0 == 0x20 })
  }

  /// Bytes as text that is safe to print and store: UTF-8 repaired, controls as spaces.
  static func printable(_ bytes: some Collection<UInt8>, limit: Int) -> String {
    if bytes.count <= limit, bytes.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) {
      return String(decoding: bytes, as: UTF8.self)
    }
    var out = String.UnicodeScalarView()
    var count = 0
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      guard count < limit else { break }
      count += 1
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: out.append(" ")
      default: out.append(scalar)
      }
    }
    return String(out)
  }
}

extension String {
  /// The index after the first occurrence of an ASCII phrase.
  fileprivate func range(of phrase: String, ignoringCase: Bool) -> Index? {
    let wanted = Array(phrase.utf8)
    let have = Array(utf8)
    guard have.count > wanted.count else { return nil }
    for start in 0..<(have.count - wanted.count) {
      var i = 0
      while i < wanted.count, have[start + i] | 0x20 == wanted[i] | 0x20 { i += 1 }
      if i == wanted.count { return utf8.index(utf8.startIndex, offsetBy: start + i) }
    }
    return nil
  }
}
