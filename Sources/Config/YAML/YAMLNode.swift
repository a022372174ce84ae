import Model

/// A node of a YAML document, with its place: what the typed keys are read from. Aliases are already followed and
/// merges (`<<`) already made.
public struct YAMLNode: Sendable {
  public enum Content: Sendable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    /// In the document's order, merged entries after the mapping's own; keys are unique.
    case mapping([Entry])
  }

  public struct Entry: Sendable {
    public var key: String
    public var keyPlace: Place
    public var value: YAMLNode
  }

  public var content: Content
  public var place: Place

  public init(_ content: Content, at place: Place) {
    self.content = content
    self.place = place
  }

  public var scalar: YAMLScalar? {
    if case .scalar(let scalar) = content { return scalar }
    return nil
  }
  public var entries: [Entry]? {
    if case .mapping(let entries) = content { return entries }
    return nil
  }
  public var isNull: Bool { scalar?.value == .null }

  public subscript(_ key: String) -> YAMLNode? { entries?.first { $0.key == key }?.value }

  /// `a list`, `the number 5`: for messages about a wrong type.
  var described: String {
    switch content {
    case .sequence: "a list"
    case .mapping: "a mapping"
    case .scalar(let scalar):
      switch scalar.value {
      case .null: "nothing"
      case .bool, .integer, .float: "\(scalar.text)"
      case .string: "'\(scalar.text.count > 60 ? scalar.text.prefix(60) + "…" : scalar.text)'"
      }
    }
  }
}

/// A scalar and what the YAML 1.2 core schema (§10.3) takes it for.
public struct YAMLScalar: Hashable, Sendable {
  public enum Value: Hashable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case float(Double)
    case string
  }

  /// As written, less the quotes.
  public var text: String
  public var value: Value
  /// A cell of a CSV file: text that may be read as any type, and as a list with `;` between.
  public var isCell: Bool

  public init(text: String, value: Value, isCell: Bool = false) {
    self.text = text
    self.value = value
    self.isCell = isCell
  }

  /// A plain scalar. Everything that the core schema does not name is a string: `no`, `on`, dates and times too.
  public init(plain text: String) {
    self.init(text: text, value: Self.resolve(text))
  }

  public init(cell text: String) {
    let value = Self.resolve(text)
    self.init(text: text, value: value == .null ? .string : value, isCell: true)
  }

  static func resolve(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .float(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .float(-.infinity)
    case ".nan", ".NaN", ".NAN": return .float(.nan)
    default: return number(text) ?? .string
    }
  }

  /// `[-+]?[0-9]+`, `0o[0-7]+`, `0x[0-9a-fA-F]+`, and decimals with a point or an exponent. An integer out of
  /// range is a float, as JSON readers take it.
  private static func number(_ text: String) -> Value? {
    let bytes = Array(text.utf8)
    if bytes.starts(with: [0x30, 0x6F]) || bytes.starts(with: [0x30, 0x78]) {
      guard text.utf8.count > 2, text.utf8.dropFirst(2).allSatisfy({ $0 != 0x2B && $0 != 0x2D }) else { return nil }
      return Int64(text.dropFirst(2), radix: bytes[1] == 0x6F ? 8 : 16).map(Value.integer)
    }
    var i = 0
    if let sign = bytes.first, sign == 0x2B || sign == 0x2D { i = 1 }
    func digits() -> Int {
      let start = i
      while i < bytes.count, bytes[i] >= 0x30, bytes[i] <= 0x39 { i += 1 }
      return i - start
    }
    let whole = digits()
    if i == bytes.count, whole > 0 { return Int64(text).map(Value.integer) ?? Double(text).map(Value.float) }
    var fraction = 0
    if i < bytes.count, bytes[i] == 0x2E {
      i += 1
      fraction = digits()
    }
    guard whole + fraction > 0 else { return nil }
    if i < bytes.count, bytes[i] == 0x65 || bytes[i] == 0x45 {
      i += 1
      if i < bytes.count, bytes[i] == 0x2B || bytes[i] == 0x2D { i += 1 }
      guard digits() > 0 else { return nil }
    }
    guard i == bytes.count else { return nil }
    // Swift reads neither "1." nor ".5e3" the way the schema does without help.
    var plain = text
    if plain.hasPrefix("+") { plain.removeFirst() }
    plain = plain.replacing("-.", with: "-0.")
    if plain.hasPrefix(".") { plain = "0" + plain }
    if plain.hasSuffix(".") { plain += "0" }
    return Double(plain.replacing(".e", with: ".0e").replacing(".E", with: ".0E")).map(Value.float)
  }
}
