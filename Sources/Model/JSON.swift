/// A JSON value (RFC 8259). Objects keep their order, so that what is written is what was meant, byte for byte.
public enum JSON: Hashable, Sendable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  public struct Member: Hashable, Sendable {
    public var key: String
    public var value: JSON
    public init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// An object's members, those that are nil left out.
  public static func members(_ pairs: (String, JSON?)...) -> JSON {
    .object(pairs.compactMap { key, value in value.map { Member(key, $0) } })
  }

  public subscript(_ key: String) -> JSON? {
    guard case .object(let members) = self else { return nil }
    return members.first { $0.key == key }?.value
  }

  public var string: String? {
    if case .string(let s) = self { return s }
    return nil
  }
  public var integer: Int64? {
    if case .integer(let n) = self { return n }
    return nil
  }
  public var array: [JSON]? {
    if case .array(let a) = self { return a }
    return nil
  }
  public var object: [Member]? {
    if case .object(let members) = self { return members }
    return nil
  }

  /// `a string`, `an object`: for messages about a wrong type.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer, .number: "a number"
    case .string: "a string"
    case .array: "a list"
    case .object: "an object"
    }
  }
}

/// Why bytes are not JSON, and where.
public struct JSONProblem: Error, Hashable, Sendable {
  public var message: String
  /// From 0, in bytes.
  public var offset: Int
}

extension JSON {
  /// Reads one value and nothing after it but white space. Strict: UTF-8 must be valid, keys must not repeat,
  /// nesting ends at 64.
  public init(parsing bytes: some Sequence<UInt8>) throws(JSONProblem) {
    var parser = JSONParser(Array(bytes))
    self = try parser.document()
  }

  public init(parsing text: String) throws(JSONProblem) { try self.init(parsing: text.utf8) }
}

private struct JSONParser {
  let bytes: [UInt8]
  var at = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONProblem) -> JSON {
    let value = try value(depth: 0)
    skipSpace()
    guard at == bytes.count else { throw problem("unexpected text after the value") }
    return value
  }

  func problem(_ message: String) -> JSONProblem { JSONProblem(message: message, offset: at) }

  mutating func skipSpace() {
    while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 || bytes[at] == 0x0A || bytes[at] == 0x0D { at += 1 }
  }

  mutating func value(depth: Int) throws(JSONProblem) -> JSON {
    guard depth <= 64 else { throw problem("nested deeper than 64 levels") }
    skipSpace()
    guard at < bytes.count else { throw problem("the value is cut off") }
    switch bytes[at] {
    case 0x7B: return try object(depth)
    case 0x5B: return try array(depth)
    case 0x22: return .string(try string())
    case 0x74: return try word("true", .bool(true))
    case 0x66: return try word("false", .bool(false))
    case 0x6E: return try word("null", .null)
    default: return try number()
    }
  }

  mutating func word(_ word: String, _ value: JSON) throws(JSONProblem) -> JSON {
    guard bytes[at...].starts(with: word.utf8) else { throw problem("expected a value") }
    at += word.utf8.count
    return value
  }

  mutating func object(_ depth: Int) throws(JSONProblem) -> JSON {
    at += 1
    var members: [JSON.Member] = []
    skipSpace()
    if at < bytes.count, bytes[at] == 0x7D {
      at += 1
      return .object([])
    }
    var keys: Set<String> = []
    while true {
      skipSpace()
      guard at < bytes.count, bytes[at] == 0x22 else { throw problem("expected a key in quotes") }
      let start = at
      let key = try string()
      guard keys.insert(key).inserted else {
        throw JSONProblem(message: "the key '\(key)' stands twice", offset: start)
      }
      skipSpace()
      guard at < bytes.count, bytes[at] == 0x3A else { throw problem("expected ':' after the key") }
      at += 1
      members.append(JSON.Member(key, try value(depth: depth + 1)))
      skipSpace()
      guard at < bytes.count, bytes[at] == 0x2C || bytes[at] == 0x7D else { throw problem("expected ',' or '}'") }
      at += 1
      if bytes[at - 1] == 0x7D { return .object(members) }
    }
  }

  mutating func array(_ depth: Int) throws(JSONProblem) -> JSON {
    at += 1
    var values: [JSON] = []
    skipSpace()
    if at < bytes.count, bytes[at] == 0x5D {
      at += 1
      return .array([])
    }
    while true {
      values.append(try value(depth: depth + 1))
      skipSpace()
      guard at < bytes.count, bytes[at] == 0x2C || bytes[at] == 0x5D else { throw problem("expected ',' or ']'") }
      at += 1
      if bytes[at - 1] == 0x5D { return .array(values) }
    }
  }

  mutating func string() throws(JSONProblem) -> String {
    at += 1
    let start = at
    while at < bytes.count, bytes[at] != 0x22, bytes[at] != 0x5C, bytes[at] >= 0x20 { at += 1 }
    guard at < bytes.count else { throw problem("the string is cut off") }
    if bytes[at] == 0x22 {
      guard let s = String(validating: bytes[start..<at], as: UTF8.self) else { throw problem("invalid UTF-8") }
      at += 1
      return s
    }
    var out = Array(bytes[start..<at])
    while true {
      guard at < bytes.count else { throw problem("the string is cut off") }
      let b = bytes[at]
      if b == 0x22 {
        at += 1
        guard let s = String(validating: out, as: UTF8.self) else { throw problem("invalid UTF-8") }
        return s
      }
      guard b >= 0x20 else { throw problem("a control character must be escaped") }
      guard b == 0x5C else {
        out.append(b)
        at += 1
        continue
      }
      guard at + 1 < bytes.count else { throw problem("the string is cut off") }
      at += 2
      switch bytes[at - 1] {
      case 0x22: out.append(0x22)
      case 0x5C: out.append(0x5C)
      case 0x2F: out.append(0x2F)
      case 0x62: out.append(0x08)
      case 0x66: out.append(0x0C)
      case 0x6E: out.append(0x0A)
      case 0x72: out.append(0x0D)
      case 0x74: out.append(0x09)
      case 0x75: out.append(contentsOf: String(try escapedScalar()).utf8)
      default: throw problem("unknown escape")
      }
    }
  }

  mutating func escapedScalar() throws(JSONProblem) -> Unicode.Scalar {
    let high = try hex4()
    if (0xD800..<0xDC00).contains(high) {
      guard at + 1 < bytes.count, bytes[at] == 0x5C, bytes[at + 1] == 0x75 else { throw problem("half a surrogate") }
      at += 2
      let low = try hex4()
      guard (0xDC00..<0xE000).contains(low), let s = Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
      else { throw problem("half a surrogate") }
      return s
    }
    guard let s = Unicode.Scalar(high) else { throw problem("half a surrogate") }
    return s
  }

  mutating func hex4() throws(JSONProblem) -> UInt32 {
    guard at + 4 <= bytes.count else { throw problem("the escape is cut off") }
    var n: UInt32 = 0
    for _ in 0..<4 {
      let b = bytes[at]
      switch b {
      case 0x30...0x39: n = n << 4 + UInt32(b - 0x30)
      case 0x41...0x46: n = n << 4 + UInt32(b - 0x37)
      case 0x61...0x66: n = n << 4 + UInt32(b - 0x57)
      default: throw problem("a \\u escape has four hex digits")
      }
      at += 1
    }
    return n
  }

  mutating func number() throws(JSONProblem) -> JSON {
    let start = at
    func digits() -> Int {
      var n = 0
      while at + n < bytes.count, bytes[at + n] >= 0x30, bytes[at + n] <= 0x39 { n += 1 }
      return n
    }
    if at < bytes.count, bytes[at] == 0x2D { at += 1 }
    let whole = digits()
    guard whole > 0 else {
      at = start
      throw problem("expected a value")
    }
    guard whole == 1 || bytes[at] != 0x30 else { throw problem("a number has no leading zero") }
    at += whole
    var isInteger = true
    if at < bytes.count, bytes[at] == 0x2E {
      isInteger = false
      at += 1
      let n = digits()
      guard n > 0 else { throw problem("expected digits after the point") }
      at += n
    }
    if at < bytes.count, bytes[at] == 0x65 || bytes[at] == 0x45 {
      isInteger = false
      at += 1
      if at < bytes.count, bytes[at] == 0x2B || bytes[at] == 0x2D { at += 1 }
      let n = digits()
      guard n > 0 else { throw problem("expected digits in the exponent") }
      at += n
    }
    let text = String(decoding: bytes[start..<at], as: UTF8.self)
    if isInteger, let n = Int64(text) { return .integer(n) }
    guard let d = Double(text), d.isFinite else { throw problem("the number is out of range") }
    return .number(d)
  }
}

extension JSON {
  /// The value on one line, without spaces.
  public func write(to out: inout [UInt8]) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let b): out.append(contentsOf: (b ? "true" : "false").utf8)
    case .integer(let n): out.append(contentsOf: String(n).utf8)
    case .number(let d): out.append(contentsOf: (d.isFinite ? String(d) : "null").utf8)
    case .string(let s): Self.write(s, to: &out)
    case .array(let values):
      out.append(0x5B)
      for (i, value) in values.enumerated() {
        if i > 0 { out.append(0x2C) }
        value.write(to: &out)
      }
      out.append(0x5D)
    case .object(let members):
      out.append(0x7B)
      for (i, member) in members.enumerated() {
        if i > 0 { out.append(0x2C) }
        Self.write(member.key, to: &out)
        out.append(0x3A)
        member.value.write(to: &out)
      }
      out.append(0x7D)
    }
  }

  public var text: String {
    var out: [UInt8] = []
    write(to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  /// A string with its quotes. U+2028 and U+2029 are escaped, so that a line stays a line for every reader.
  public static func write(_ string: String, to out: inout [UInt8]) {
    var string = string
    string.withUTF8 { write(utf8: $0, to: &out) }
  }

  /// As `write(_:to:)`, of text that is there as UTF-8.
  public static func write(utf8 bytes: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
    func digit(_ n: UInt8) -> UInt8 { n < 10 ? 0x30 + n : 0x57 + n }
    out.append(0x22)
    var run = 0
    for i in bytes.indices {
      let b = bytes[i]
      let isSeparator =
        b == 0xE2 && i + 2 < bytes.count && bytes[i + 1] == 0x80 && (bytes[i + 2] == 0xA8 || bytes[i + 2] == 0xA9)
      guard b < 0x20 || b == 0x22 || b == 0x5C || b == 0x7F || isSeparator, i >= run else { continue }
      out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run..<i]))
      run = i + 1
      out.append(0x5C)
      switch b {
      case 0x22, 0x5C: out.append(b)
      case 0x0A: out.append(0x6E)
      case 0x0D: out.append(0x72)
      case 0x09: out.append(0x74)
      case 0xE2:
        out.append(contentsOf: (bytes[i + 2] == 0xA8 ? "u2028" : "u2029").utf8)
        run = i + 3
      default:
        out.append(contentsOf: "u00".utf8)
        out.append(digit(b >> 4))
        out.append(digit(b & 15))
      }
    }
    out.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[run...]))
    out.append(0x22)
  }
}
