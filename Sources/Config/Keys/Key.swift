import Model

/// What a value looks like: for `explain` and JSON Schema.
public indirect enum Shape: Sendable {
  case string
  /// A string of a certain form: a regular expression (ECMA-262) that refuses nothing that the decoder takes.
  case pattern(String)
  /// A single value of any kind, taken as it is written.
  case text
  case boolean
  case integer(ClosedRange<Int>)
  case number(ClosedRange<Double>)
  case choice([String])
  /// In YAML a single item may stand for a list of one.
  case list(Shape)
  /// A mapping whose keys are the user's.
  case map(Shape)
  case object(Schema)
  case either([Shape])
}

/// One key as data: everything about it but the code that reads it.
public struct KeyInfo: Sendable {
  public var name: String
  /// What its value is, in words that follow "must be".
  public var type: String
  public var shape: Shape
  /// The default, as it would be written; nil where there is none.
  public var defaultText: String?
  public var doc: String
  public var example: String
  public var isRequired: Bool
  /// The key of the settings that it stands in place of, such as `settings.window`: that is its default.
  public var overrides: String?

  /// The same key where it stands in a campaign, in place of the settings'.
  func overridingSettings(_ doc: String) -> KeyInfo {
    var copy = self
    copy.doc = doc
    copy.defaultText = nil
    copy.overrides = "settings.\(name)"
    return copy
  }
}

/// What an object's keys ask of one another. Its decoder checks it, with words of its own.
public enum KeyRule: Hashable, Sendable {
  case exactlyOne([String])
  case atLeastOne([String])
  case atMostOne([String])
  /// Where the first is given, one of the others must be.
  case needs(String, oneOf: [String])
  /// The first is required unless the second, an object, has the third.
  case requiredUnless(String, object: String, has: String)
}

/// The keys of one kind of object.
public struct Schema: Sendable {
  public var name: String
  public var doc: String
  public var keys: [KeyInfo]
  public var rules: [KeyRule]

  public init(_ name: String, _ doc: String, _ keys: [KeyInfo], rules: [KeyRule] = []) {
    self.name = name
    self.doc = doc
    self.keys = keys
    self.rules = rules
  }

  public func key(_ name: String) -> KeyInfo? { keys.first { $0.name == name } }
}

/// How values of one type are read. Decoders report what is wrong themselves; nil means that they did.
struct ValueType<Value: Sendable>: Sendable {
  /// Follows "must be" in findings.
  var name: String
  var shape: Shape
  /// The node, the key's name for messages, and where findings go.
  var decode: @Sendable (YAMLNode, String, Findings) -> Value?
}

/// One declaration of a configuration key: it gives the decoding, the findings, the default and the documentation.
struct Key<Value: Sendable>: Sendable {
  let info: KeyInfo
  let type: ValueType<Value>

  /// - Parameter default: as it would be written in the file; it is read by the same decoder.
  init(
    _ name: String, _ type: ValueType<Value>, default defaultText: String? = nil, required: Bool = false, _ doc: String,
    example: String
  ) {
    self.type = type
    info = KeyInfo(
      name: name, type: type.name, shape: type.shape, defaultText: defaultText, doc: doc, example: example,
      isRequired: required)
  }

  var defaultValue: Value? {
    guard let text = info.defaultText else { return nil }
    return type.decode(YAMLNode(.scalar(YAMLScalar(cell: text)), at: Place("default")), info.name, Findings())
  }
}

/// Reads one mapping by its schema. Unknown keys are reported at once, the others as they are read.
struct ObjectReader {
  let place: Place
  let findings: Findings
  private let schema: Schema
  private let entries: [String: YAMLNode.Entry]

  /// Nil, with a finding, if the node is no mapping.
  init?(_ node: YAMLNode, _ schema: Schema, _ findings: Findings, called name: String? = nil) {
    guard let list = node.entries else {
      findings.error(node.place, "\(name ?? schema.name) must be a mapping of keys, not \(node.described)")
      return nil
    }
    place = node.place
    self.schema = schema
    self.findings = findings
    entries = Dictionary(list.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    let known = schema.keys.map(\.name)
    for entry in list where schema.key(entry.key) == nil {
      findings.error(
        entry.keyPlace, "unknown key '\(entry.key)' in \(schema.name)" + Nearest.hint(entry.key, among: known))
    }
  }

  func has<V>(_ key: Key<V>) -> Bool { entries[key.info.name] != nil }

  /// The value's place; the object's where the key is absent.
  func place<V>(_ key: Key<V>) -> Place { entries[key.info.name]?.value.place ?? place }

  /// The value as the file gives it; nil if it gives none, or a wrong one, which is then reported.
  func given<V>(_ key: Key<V>) -> V? {
    guard let entry = entries[key.info.name] else {
      if key.info.isRequired { findings.error(place, "\(schema.name) lacks its '\(key.info.name)'") }
      return nil
    }
    if entry.value.isNull {
      findings.error(entry.keyPlace, "'\(entry.key)' has no value; give it one or remove the key")
      return nil
    }
    return key.type.decode(entry.value, entry.key, findings)
  }

  /// The value, or the key's default.
  func value<V>(_ key: Key<V>) -> V? { given(key) ?? key.defaultValue }
}
