import CYAML
import Model

/// What libyaml's event parser says, as values.
enum YAMLEvent {
  case scalar(text: String, anchor: String?, tag: String?, isPlain: Bool)
  case alias(String)
  case sequenceStart(anchor: String?, tag: String?)
  case sequenceEnd
  case mappingStart(anchor: String?, tag: String?)
  case mappingEnd
  case documentStart
  case documentEnd
  case streamStart
  case streamEnd
}

/// The text is no YAML: libyaml's words and the place.
struct YAMLSyntaxProblem: Error {
  var message: String
  var line: Int
  var column: Int
}

/// Owns one libyaml parser and the text it reads.
final class YAMLEvents {
  // libyaml keeps the addresses of both the parser and the text, so neither may move while it lives.
  private let parser: UnsafeMutablePointer<yaml_parser_t>
  private let input: UnsafeMutableBufferPointer<UInt8>
  private let isReady: Bool

  init(_ bytes: some Collection<UInt8>) {
    parser = .allocate(capacity: 1)
    parser.initialize(to: yaml_parser_t())
    input = .allocate(capacity: max(1, bytes.count))
    _ = input.initialize(from: bytes)
    isReady = yaml_parser_initialize(parser) == 1
    if isReady {
      yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
      yaml_parser_set_input_string(parser, input.baseAddress, bytes.count)
    }
  }

  deinit {
    if isReady { yaml_parser_delete(parser) }
    parser.deallocate()
    input.deallocate()
  }

  /// The next event and where it starts, line and column from 1.
  func next() throws(YAMLSyntaxProblem) -> (event: YAMLEvent, line: Int, column: Int) {
    guard isReady else { throw YAMLSyntaxProblem(message: "out of memory", line: 0, column: 0) }
    var raw = yaml_event_t()
    guard yaml_parser_parse(parser, &raw) == 1 else { throw problem() }
    defer { yaml_event_delete(&raw) }
    return (Self.event(raw), Int(raw.start_mark.line) + 1, Int(raw.start_mark.column) + 1)
  }

  private static func event(_ raw: yaml_event_t) -> YAMLEvent {
    switch raw.type {
    case YAML_SCALAR_EVENT:
      let scalar = raw.data.scalar
      return .scalar(
        text: String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self),
        anchor: text(scalar.anchor), tag: text(scalar.tag), isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_ALIAS_EVENT: return .alias(text(raw.data.alias.anchor) ?? "")
    case YAML_SEQUENCE_START_EVENT:
      return .sequenceStart(anchor: text(raw.data.sequence_start.anchor), tag: text(raw.data.sequence_start.tag))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      return .mappingStart(anchor: text(raw.data.mapping_start.anchor), tag: text(raw.data.mapping_start.tag))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_STREAM_START_EVENT: return .streamStart
    default: return .streamEnd
    }
  }

  private static func text(_ pointer: UnsafeMutablePointer<UInt8>?) -> String? {
    pointer.map { String(cString: $0) }
  }

  private func problem() -> YAMLSyntaxProblem {
    let raw = parser.pointee
    var message = raw.problem.map { String(cString: $0) } ?? "it cannot be read"
    if raw.error == YAML_READER_ERROR {
      // The reader counts bytes, not lines.
      let (line, column) = position(ofByte: raw.problem_offset)
      return YAMLSyntaxProblem(message: message, line: line, column: column)
    }
    if message.hasPrefix("found character that cannot start any token"), isTab(onLine: raw.problem_mark.line) {
      message = "a tab stands here; YAML is indented with spaces"
    } else if let context = raw.context {
      message += " \(String(cString: context))"
      if raw.context_mark.line != raw.problem_mark.line { message += " at line \(raw.context_mark.line + 1)" }
    }
    return YAMLSyntaxProblem(
      message: message, line: Int(raw.problem_mark.line) + 1, column: Int(raw.problem_mark.column) + 1)
  }

  /// Whether a line, counted from 0, begins with a tab, spaces before it aside.
  private func isTab(onLine line: Int) -> Bool {
    let lines = input.split(separator: 0x0A, maxSplits: line + 1, omittingEmptySubsequences: false)
    return line < lines.count && lines[line].first { $0 != 0x20 } == 0x09
  }

  private func position(ofByte offset: Int) -> (line: Int, column: Int) {
    TextPosition.find(offset, in: input[..<min(max(0, offset), input.count)])
  }
}

/// Line and column, both from 1 and the column in characters, of a byte.
enum TextPosition {
  static func find(_ offset: Int, in bytes: some Collection<UInt8>) -> (line: Int, column: Int) {
    var (line, column) = (1, 1)
    for byte in bytes.prefix(offset) {
      if byte == 0x0A {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return (line, column)
  }

  /// The offset of the first byte that is no UTF-8; nil if all of it is.
  static func firstBrokenUTF8(in bytes: some Sequence<UInt8>) -> Int? {
    var decoder = UTF8()
    var iterator = bytes.makeIterator()
    var offset = 0
    while true {
      switch decoder.decode(&iterator) {
      case .scalarValue(let scalar): offset += UTF8.width(scalar)
      case .emptyInput: return nil
      case .error: return offset
      }
    }
  }
}
