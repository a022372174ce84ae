import Model

/// The tags of one template, found by reading its text: what it needs, what is wrong with it, and where.
///
/// swift-mustache keeps its tokens to itself and renders what is missing as nothing, so strictness cannot come from
/// it. It still does the rendering; this reads the same grammar, less what Nightmail does not offer. Like
/// swift-mustache it reads by `Character`, so that both see a tag in the same places.
struct ScannedTemplate: Sendable {
  /// A run of text, or a variable: what a template without sections and comments is made of.
  private(set) var needs = TemplateNeeds()
  private(set) var findings: [Finding] = []
  /// Where each name stands first.
  private(set) var places: [String: Place] = [:]
  /// The whole template as pieces; nil if it has sections or comments, whose lines Mustache may swallow.
  private(set) var pieces: [TemplatePiece]?

  init(_ template: Template) {
    var scanner = TemplateScanner(template)
    scanner.run()
    needs = scanner.needs
    findings = scanner.findings
    places = scanner.places
    pieces = scanner.isPlain && findings.isEmpty ? scanner.pieces : nil
  }
}

private struct TemplateScanner {
  struct OpenSection {
    var name: String
    var isInverted: Bool
    var tag: String
    var line: Int
    var place: Place
    var note: String
  }

  let template: Template
  let text: [Character]
  var at = 0
  var line = 1
  var column = 1

  var findings: [Finding] = []
  var places: [String: Place] = [:]
  var pieces: [TemplatePiece] = []
  var isPlain = true

  var open: [OpenSection] = []
  var named: Set<String> = []
  /// Variables that stand outside a section of their own name.
  var bare: Set<String> = []
  var inverted: Set<String> = []

  init(_ template: Template) {
    self.template = template
    text = Array(template.source)
  }

  var needs: TemplateNeeds {
    let required = bare.subtracting(inverted)
    return TemplateNeeds(required: required, optional: named)
  }

  mutating func run() {
    var start = 0
    while at < text.count {
      guard text[at] == "{", at + 1 < text.count, text[at + 1] == "{" else {
        advance(to: at + 1)
        continue
      }
      if start < at { pieces.append(.text(String(text[start..<at]))) }
      tag()
      start = at
    }
    // swift-mustache drops white space that is all there is of the last line; the short way does the same.
    var end = at
    while end > start, text[end - 1] == " " || text[end - 1] == "\t" { end -= 1 }
    let isAloneOnItsLine = end == 0 || (end > start && (text[end - 1] == "\n" || text[end - 1] == "\r\n"))
    if !isAloneOnItsLine { end = at }
    if start < end { pieces.append(.text(String(text[start..<end]))) }
    for section in open {
      findings.append(.error(section.place, "\(section.tag) is never closed" + section.note))
    }
  }

  /// Reads the tag at `at` and goes past it.
  private mutating func tag() {
    let (place, note, startLine) = (here, hereNote, line)
    let sigil = at + 2 < text.count ? text[at + 2] : " "
    if sigil == "!" {
      isPlain = false
      guard let end = close(from: at + 3, acrossLines: true) else {
        findings.append(.error(place, "the comment is never closed: '}}' is missing" + note))
        advance(to: text.count)
        return
      }
      advance(to: end + 2)
      return
    }
    let hasSigil = "#^/&{><$=%".contains(sigil)
    guard let end = close(from: at + (hasSigil ? 3 : 2), acrossLines: false) else {
      findings.append(.error(place, "'{{' opens a tag that is not closed by '}}' on the same line" + note))
      advance(to: at + 2)
      return
    }
    let name = trimmed(text[(at + (hasSigil ? 3 : 2))..<end])
    var next = end + 2
    if sigil == "{" {
      guard next < text.count, text[next] == "}" else {
        findings.append(.error(place, "'{{{' has to be closed by '}}}'" + note))
        advance(to: next)
        return
      }
      next += 1
    }
    let tag = String(text[at..<next])
    defer { advance(to: next) }

    if let feature = Self.refused(sigil, name) {
      findings.append(.error(place, "\(tag): \(feature)" + note))
      return
    }
    if let problem = Self.problem(withName: name) {
      findings.append(.error(place, "\(tag): \(problem)" + note))
      return
    }
    switch sigil {
    case "#", "^":
      isPlain = false
      remember(name, place)
      if sigil == "^" { inverted.insert(name) }
      open.append(
        OpenSection(name: name, isInverted: sigil == "^", tag: tag, line: startLine, place: place, note: note))
    case "/":
      isPlain = false
      closeSection(name, tag: tag, place: place, note: note)
    default:
      remember(name, place)
      if !open.contains(where: { $0.name == name && !$0.isInverted }) { bare.insert(name) }
      pieces.append(.variable(name, escaped: sigil != "{" && sigil != "&"))
    }
  }

  private mutating func closeSection(_ name: String, tag: String, place: Place, note: String) {
    guard let innermost = open.last else {
      findings.append(.error(place, "\(tag) closes a section that was never opened" + note))
      return
    }
    guard innermost.name != name else {
      open.removeLast()
      return
    }
    findings.append(
      .error(place, "\(tag) does not close \(innermost.tag) of line \(innermost.place.line)" + note))
    // Going on from the section that was meant keeps one slip from being reported many times.
    if let meant = open.lastIndex(where: { $0.name == name }) {
      open.removeSubrange(meant...)
    } else {
      open.removeLast()
    }
  }

  private mutating func remember(_ name: String, _ place: Place) {
    named.insert(name)
    if places[name] == nil { places[name] = place }
  }

  /// Why a tag is one that Nightmail does not offer; nil if it is.
  private static func refused(_ sigil: Character, _ name: String) -> String? {
    switch sigil {
    case ">": "partials are not supported; write the text into the template itself"
    case "<", "$": "template inheritance is not supported; write the text into the template itself"
    case "=": "delimiters cannot be changed; tags are {{ and }}"
    case "%": "settings inside a template are not supported"
    default: name.contains("(") ? "functions are not supported; give the finished value as a column or a var" : nil
    }
  }

  /// Why a name is none that a value could have; nil if it is one.
  private static func problem(withName name: String) -> String? {
    func isPlainName(_ text: some StringProtocol) -> Bool {
      !text.isEmpty
        && text.utf8.allSatisfy {
          ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x5F
            || $0 == 0x2D
        }
    }
    if name.isEmpty { return "a variable's name is missing" }
    if name == "mailbox" {
      return "say what of the mailbox: mailbox.name, mailbox.email, mailbox.id or one of its vars"
    }
    if isPlainName(name) { return nil }
    if name.hasPrefix("mailbox."), isPlainName(name.dropFirst(8)) { return nil }
    if name.contains(".") { return "names with a dot are not supported, other than mailbox.…" }
    return "'\(name)' is no variable's name; it has letters a-z, digits, '_' and '-' only"
  }

  /// The index of the next `}}`, or nil. Mustache would let a line break into a tag, and lose the tag.
  private func close(from start: Int, acrossLines: Bool) -> Int? {
    var i = start
    while i + 1 < text.count {
      if text[i] == "}", text[i + 1] == "}" { return i }
      if !acrossLines, text[i].isNewline { return nil }
      i += 1
    }
    return nil
  }

  private func trimmed(_ slice: ArraySlice<Character>) -> String {
    var slice = slice
    while let c = slice.first, c == " " || c == "\t" { slice = slice.dropFirst() }
    while let c = slice.last, c == " " || c == "\t" { slice = slice.dropLast() }
    return String(slice)
  }

  private mutating func advance(to index: Int) {
    while at < index {
      if text[at] == "\n" || text[at] == "\r\n" || text[at] == "\r" {
        line += 1
        column = 1
      } else {
        column += 1
      }
      at += 1
    }
  }

  private var here: Place { template.place(line: line, column: column) }
  private var hereNote: String { template.note(line: line, column: column) }
}

extension Template {
  /// Whether the text stands inside a YAML file, where indentation, quotes and folding hide its exact columns.
  var isInline: Bool { place.file.hasSuffix(".yaml") || place.file.hasSuffix(".yml") }

  /// Where a character of the text stands in its file; for an inline text, where the text begins.
  func place(line: Int, column: Int) -> Place {
    if isInline { return place }
    return Place(
      place.file, line: max(place.line, 1) + line - 1, column: line == 1 ? max(place.column, 1) + column - 1 : column)
  }

  /// What `place(line:column:)` cannot say of an inline text.
  func note(line: Int, column: Int) -> String {
    isInline ? " (line \(line), character \(column) of the text)" : ""
  }
}
