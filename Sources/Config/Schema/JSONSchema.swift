import Model

/// JSON Schema (2020-12) of the project's YAML files, made from the keys' declarations: for editors, which complete and
/// check by it. It refuses nothing that the decoders take; they check more than it can say.
public enum JSONSchema {
  /// The schema of one kind of file.
  public static func document(_ kind: SchemaKind) -> JSON {
    var maker = Maker()
    var members: [JSON.Member] = [
      .init("$schema", .string("https://json-schema.org/draft/2020-12/schema")),
      .init("$id", .string("urn:nightmail:schema:1:\(kind.rawValue)")),
      .init("title", .string("Nightmail: \(kind.path)")),
      .init("description", .string(kind.doc)),
    ]
    if kind.isList {
      members += [.init("type", .string("array")), .init("minItems", .integer(1))]
      members.append(.init("items", kind.entryTypes.isEmpty ? maker.reference(kind.entry) : maker.choice(kind)))
    } else {
      // Settings may be left out, and an empty file is `null` to most readers of YAML.
      let types: JSON =
        kind == .settings ? .array([.string("object"), .string("null")]) : .string("object")
      members += [.init("type", types)] + maker.object(kind.entry)
    }
    if !maker.definitions.isEmpty {
      let sorted = maker.definitions.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .object($0.value)) }
      members.append(.init("$defs", .object(sorted)))
    }
    return .object(members)
  }
}

/// Makes one document; objects stand in `$defs`, once each.
private struct Maker {
  var definitions: [String: [JSON.Member]] = [:]

  /// An entry whose other keys depend on its `type`.
  mutating func choice(_ kind: SchemaKind) -> JSON {
    var properties: [JSON.Member] = []
    for key in kind.entry.keys { properties.append(.init(key.name, property(key))) }
    let branches = kind.entryTypes.map { name, schema in
      JSON.members(
        (
          "if",
          .members(
            ("properties", .members(("type", .members(("const", .string(name)))))),
            ("required", .array([.string("type")])))
        ),
        ("then", reference(schema)))
    }
    return .members(
      ("type", .string("object")), ("description", .string(kind.entry.doc)),
      ("required", .strings(kind.entry.keys.filter(\.isRequired).map(\.name))), ("properties", .object(properties)),
      ("allOf", .array(branches)))
  }

  mutating func reference(_ schema: Schema, isOverride: Bool = false) -> JSON {
    let name = schema.name.replacing(" ", with: "-")
    if definitions[name] == nil {
      // Its name is taken first, for an object that holds itself.
      definitions[name] = []
      definitions[name] =
        [.init("description", .string(schema.doc)), .init("type", .string("object"))]
        + object(schema, isOverride: isOverride)
    }
    return .members(("$ref", .string("#/$defs/\(name)")))
  }

  /// What an object's keys are; all but its `type` and description.
  mutating func object(_ schema: Schema, isOverride: Bool = false) -> [JSON.Member] {
    let keys = schema.keys
    var properties: [JSON.Member] = []
    for key in keys { properties.append(.init(key.name, property(key, isOverride: isOverride))) }
    var members: [JSON.Member] = []
    let required = keys.filter(\.isRequired).map(\.name)
    if !required.isEmpty { members.append(.init("required", .strings(required))) }
    members += [.init("properties", .object(properties)), .init("additionalProperties", .bool(false))]
    if !schema.rules.isEmpty { members.append(.init("allOf", .array(schema.rules.map(Self.rule)))) }
    return members
  }

  /// - Parameter isOverride: it stands in an object whose default is the settings', not the keys' own.
  private mutating func property(_ key: KeyInfo, isOverride: Bool = false) -> JSON {
    var members: [JSON.Member] = [.init("description", .string(key.doc))]
    members += value(key.shape, isOverride: isOverride || key.overrides != nil)
    if !isOverride, let text = key.defaultText { members.append(.init("default", YAMLText.value(cell: text))) }
    if let example = YAMLText.json(key.example) { members.append(.init("examples", .array([example]))) }
    return .object(members)
  }

  /// - Parameter isInside: in a list or a map, where a text may also be nothing.
  private mutating func value(_ shape: Shape, isInside: Bool = false, isOverride: Bool) -> [JSON.Member] {
    switch shape {
    case .string: return [.init("type", .string("string"))]
    case .pattern(let pattern): return [.init("type", .string("string")), .init("pattern", .string(pattern))]
    case .text: return [.init("type", .strings(["string", "number", "boolean"] + (isInside ? ["null"] : [])))]
    case .boolean: return [.init("type", .string("boolean"))]
    case .integer(let range):
      // The greatest numbers are more than a validator's floating point tells apart.
      let most = range.upperBound == .max ? [] : [JSON.Member("maximum", .integer(Int64(range.upperBound)))]
      return [.init("type", .string("integer")), .init("minimum", .integer(Int64(range.lowerBound)))] + most
    case .number(let range):
      return [
        .init("type", .string("number")), .init("minimum", .number(range.lowerBound)),
        .init("maximum", .number(range.upperBound)),
      ]
    case .choice(let words): return [.init("enum", .strings(words))]
    case .list(let item):
      let one = JSON.object(value(item, isInside: true, isOverride: isOverride))
      return Self.any([one, .members(("type", .string("array")), ("items", one))])
    case .map(let item):
      return [
        .init("type", .string("object")),
        .init("additionalProperties", .object(value(item, isInside: true, isOverride: isOverride))),
      ]
    case .object(let schema):
      return reference(schema, isOverride: isOverride).object ?? []
    case .either(let shapes):
      return Self.any(shapes.map { .object(value($0, isInside: isInside, isOverride: isOverride)) })
    }
  }

  /// One of these; those that are such a choice themselves are taken apart.
  private static func any(_ choices: [JSON]) -> [JSON.Member] {
    let flat = choices.flatMap { choice -> [JSON] in
      guard let members = choice.object, members.count == 1, let inner = choice["anyOf"]?.array else { return [choice] }
      return inner
    }
    return [.init("anyOf", .array(flat))]
  }

  private static func rule(_ rule: KeyRule) -> JSON {
    func has(_ name: String) -> JSON { .members(("required", .strings([name]))) }
    switch rule {
    case .exactlyOne(let names): return .members(("oneOf", .array(names.map(has))))
    case .atLeastOne(let names): return .members(("anyOf", .array(names.map(has))))
    case .atMostOne(let names): return .members(("not", .members(("required", .strings(names)))))
    case .needs(let name, let others):
      guard others.count > 1 else {
        return .members(("dependentRequired", .object([.init(name, .strings(others))])))
      }
      return .members(
        ("dependentSchemas", .object([.init(name, .members(("anyOf", .array(others.map(has)))))])))
    case .requiredUnless(let name, let object, let key):
      let instead = JSON.members(
        ("required", .strings([object])), ("properties", .object([.init(object, has(key))])))
      return .members(("anyOf", .array([has(name), instead])))
    }
  }
}

extension JSON {
  fileprivate static func strings(_ words: [String]) -> JSON { .array(words.map { .string($0) }) }
}
