import Foundation
import TestSupport

@testable import Config
@testable import Model

/// Documents made from the keys' declarations: the least that is whole, and random ones.
enum SchemaSamples {
  /// A project in which the examples of all keys find what they name.
  static let project: [String: String] = [
    "campaigns/settings.yaml": "timezone: UTC\n",
    "campaigns/x/campaign.yaml": """
    audience: {contacts: contacts.csv}
    mailboxes: [anna]
    steps: [{id: intro, subject: Hello, text: intro.txt}]

    """,
    "campaigns/x/intro.txt": "Hello\n", "campaigns/x/intro.html": "<p>Hello</p>\n", "campaigns/x/terms.pdf": "%PDF",
    "data/contacts.csv": "email,country\nada@example.com,DE\n",
    "data/messages/codes-1.csv": "email,order_id,text\nada@example.com,1,Hello\n",
    "data/mailboxes.yaml": """
    - {id: anna, from: anna@example.com, providers: [main], tags: [sales]}
    - {id: ben, from: ben@example.com, providers: [backup]}

    """,
    "data/providers.yaml": "- {id: main, type: file}\n- {id: backup, type: file}\n",
    "ca.pem": "-", "client.pem": "-", "client.key": "-", "s1.pem": "-",
  ]

  /// The keys that an object cannot be without, with their examples.
  static func least(_ schema: Schema) -> JSON {
    var object = JSON.object([])
    for key in schema.keys where key.isRequired { object = object.setting(key.name, example(key)) }
    for rule in schema.rules {
      switch rule {
      case .exactlyOne(let names), .atLeastOne(let names):
        if let key = names.first.flatMap(schema.key) { object = object.setting(key.name, example(key)) }
      case .requiredUnless(let name, _, _):
        if let key = schema.key(name) { object = object.setting(key.name, example(key)) }
      case .atMostOne, .needs: break
      }
    }
    return object
  }

  /// What a key cannot be given without.
  static func needed(by name: String, _ schema: Schema) -> [JSON.Member] {
    schema.rules.compactMap { rule in
      guard case .needs(name, let others) = rule, let key = others.first.flatMap(schema.key) else { return nil }
      return JSON.Member(key.name, example(key))
    }
  }

  static func example(_ key: KeyInfo) -> JSON { YAMLText.json(key.example) ?? .null }

  static func random(_ kind: SchemaKind, _ dice: inout Dice) -> JSON {
    guard kind.isList else { return object(kind.entry, &dice) }
    return .array(
      (0..<1 + dice.below(2)).map { _ in
        guard !kind.entryTypes.isEmpty else { return object(kind.entry, &dice) }
        let type = dice.pick(kind.entryTypes)
        let value = object(type.schema, &dice)
        return dice.oneIn(30) ? value : value.setting("type", .string(type.name))
      })
  }

  private static func object(_ schema: Schema, _ dice: inout Dice) -> JSON {
    var members: [JSON.Member] = []
    let busy = dice.below(4)
    for key in schema.keys {
      guard key.isRequired ? !dice.oneIn(60) : dice.below(8) < busy else { continue }
      members.append(.init(key.name, value(of: key, &dice)))
    }
    if dice.oneIn(50) { members.append(.init("nonsense", .string("x"))) }
    var object = JSON.object(members)
    for rule in schema.rules where !dice.oneIn(20) {
      switch rule {
      case .exactlyOne(let names):
        let keep = dice.pick(names)
        object = .object((object.object ?? []).filter { !names.contains($0.key) || $0.key == keep })
        if object[keep] == nil, let key = schema.key(keep) { object = object.setting(keep, value(of: key, &dice)) }
      case .atLeastOne(let names):
        let name = dice.pick(names)
        if let key = schema.key(name) { object = object.setting(name, value(of: key, &dice)) }
      case .atMostOne(let names):
        object = .object((object.object ?? []).filter { $0.key != names.first })
      case .needs(let name, let others):
        if object[name] != nil, !others.contains(where: { object[$0] != nil }) {
          object = .object((object.object ?? []).filter { $0.key != name })
        }
      case .requiredUnless(let name, _, _):
        if let key = schema.key(name) { object = object.setting(name, value(of: key, &dice)) }
      }
    }
    return object
  }

  private static func value(of key: KeyInfo, _ dice: inout Dice) -> JSON {
    // Most of it right, or hardly any file would be.
    if dice.percent(75) { return example(key) }
    if dice.percent(30), let text = key.defaultText { return YAMLText.value(cell: text) }
    if dice.oneIn(12) { return dice.pick(junk) }
    return value(key.shape, &dice)
  }

  private static let junk: [JSON] = [
    .null, .array([]), .object([]), .integer(7), .bool(true), .string("junk"), .string(""), .number(0.5),
    .array([.null]), .array([.array([])]), .object([.init("a", .null)]),
  ]
  private static let texts = [
    "x", "a b", "true", "7", "{{mailbox.id}}", "ü", "anna", "main", "intro.txt", "contacts.csv", "sales",
    "https://example.com/{{id}}", "a@example.com", "+4915112345678", "example.com", "{\"a\": \"{{to}}\"}",
  ]
  /// Right for one form or another, and just not.
  private static let forms = [
    "90s", "5m", "250ms", "4d", "3bd", "0s", "0d", "00090s", "1.5h", "10/s", "1/d", "1000/s", "0/s", "2026-11-20",
    "2026-11-20 09:00", "2026-11-20T09:00:00.5+01:00", "2026-11-20t09:00z", "2026-11-20 09:00.5",
    "2026-11-20T09:00+0100",
    "2026-02-30", "09:00", "9:30", "24:00", "UTC", "Europe/Berlin", "Etc/GMT+5", "America/Argentina/Ushuaia", "EST",
    "daily 00:00-24:00", "mon-fri 9:00-17:00", "sat,sun 22:00-02:00 Europe/London",
    " fri-mon,wed 10:00-11:00\t project ",
    "mon-fri 09:00-17:00 nowhere", "mon 10:00-10:00", "always", "5%", "0.3%", ".5", "5.%", "100%", "101%", "%", "0.05",
    "1", "429", "500-599", "+429", "0429", "+0500-0599", "599-500", "600", "id-1", "a.b@c+d", "..", "x y",
    "eu-central-1",
  ]

  private static func value(_ shape: Shape, _ dice: inout Dice) -> JSON {
    switch shape {
    case .string: return .string(dice.pick(texts))
    case .pattern: return .string(dice.pick(forms))
    case .text: return dice.pick([.string(dice.pick(texts)), .integer(5), .bool(false), .number(2.5), .null])
    case .boolean: return dice.pick([.bool(true), .bool(false), .string("true")])
    case .integer(let range):
      let (low, high) = (Int64(range.lowerBound), Int64(range.upperBound))
      return dice.pick([
        .integer(low), .integer(high), .integer(low - 1), .integer(high &+ 1), .integer(low + 1), .string("3"),
        .number(1.5),
      ])
    case .number:
      return dice.pick([.integer(0), .integer(1), .number(0.05), .number(0.000001), .number(1.5), .integer(2)])
    case .choice(let words): return .string(dice.pick(words + ["other"]))
    case .list(let item):
      let items = (0..<dice.below(3)).map { _ in value(item, &dice) }
      return dice.oneIn(3) ? value(item, &dice) : .array(items)
    case .map(let item): return .object([.init("country", value(item, &dice)), .init("email", value(item, &dice))])
    case .object(let schema): return object(schema, &dice)
    case .either(let shapes): return value(dice.pick(shapes), &dice)
    }
  }
}

extension JSON {
  /// With a member in place of the one of its name, or behind the others.
  func setting(_ key: String, _ value: JSON) -> JSON {
    var members = object ?? []
    if let i = members.firstIndex(where: { $0.key == key }) {
      members[i].value = value
    } else {
      members.append(Member(key, value))
    }
    return .object(members)
  }
}
