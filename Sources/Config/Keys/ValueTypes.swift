import Foundation
import Model

// The types that keys have. Each names itself in the words that follow "must be".

extension ValueType {
  /// A type read from a string's text; nil from `parse` is a finding made of the type's name.
  static func parsed(_ name: String, shape: Shape = .string, _ parse: @escaping @Sendable (String) -> Value?)
    -> ValueType
  {
    ValueType(name: name, shape: shape) { node, key, findings in
      if let scalar = node.scalar, scalar.value == .string || scalar.isCell, let value = parse(scalar.text) {
        return value
      }
      return wrong(node, key, name, findings)
    }
  }

  /// Reports a value that is not what it must be.
  static func wrong(_ node: YAMLNode, _ key: String, _ name: String, _ findings: Findings) -> Value? {
    findings.error(node.place, "'\(key)' must be \(name), not \(node.described)")
    return nil
  }
}

extension ValueType where Value == String {
  /// Any text. A number must stand in quotes, so that `007` stays what it is.
  static var string: ValueType {
    ValueType(name: "a string", shape: .string) { node, key, findings in
      guard let scalar = node.scalar else { return wrong(node, key, "a string", findings) }
      guard scalar.value == .string || scalar.isCell else {
        return wrong(node, key, "a string (write \"\(scalar.text)\")", findings)
      }
      return scalar.text
    }
  }

  /// A name that may stand in ids, file names and plan lines.
  static var id: ValueType {
    parsed("a name of letters, digits and - _ . @ +, at most 100", shape: .pattern("^[A-Za-z0-9_.@+-]{1,100}$")) {
      text in
      let isGood = text.utf8.allSatisfy {
        ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x41 && $0 <= 0x5A) || ($0 >= 0x30 && $0 <= 0x39)
          || "-_.@+".utf8.contains($0)
      }
      return isGood && (1...100).contains(text.utf8.count) && text != "." && text != ".." ? text : nil
    }
  }

  /// Text that is sent or looked up, of any scalar, as it is written.
  static var text: ValueType {
    ValueType(name: "a value", shape: .text) { node, key, findings in
      node.scalar?.text ?? wrong(node, key, "a single value", findings)
    }
  }
}

extension ValueType where Value == String {
  /// A domain, as lower-case A-labels.
  static var domain: ValueType { parsed("a domain, such as gmail.com") { EmailAddress.domain($0) } }
}

extension ValueType where Value == Int {
  static func integer(_ range: ClosedRange<Int>) -> ValueType {
    let name = "a whole number from \(range.lowerBound) to \(range.upperBound)"
    return ValueType(name: name, shape: .integer(range)) { node, key, findings in
      if case .integer(let n)? = node.scalar?.value, range.contains(Int(n)) { return Int(n) }
      return wrong(node, key, name, findings)
    }
  }
}

extension ValueType where Value == Share {
  /// A share of a whole, as `5%` or `0.05`.
  static var share: ValueType {
    let name = "a share from 0% to 100%, such as 5% or 0.05"
    return ValueType(name: name, shape: .either([.pattern("^[0-9]*[.]?[0-9]*%?$"), .number(0...1)])) {
      node, key, findings in
      node.scalar.flatMap { Share($0.text) } ?? wrong(node, key, name, findings)
    }
  }
}

extension ValueType where Value == Bool {
  static var bool: ValueType {
    ValueType(name: "true or false", shape: .boolean) { node, key, findings in
      if case .bool(let value)? = node.scalar?.value { return value }
      return wrong(node, key, "true or false", findings)
    }
  }
}

extension ValueType where Value: RawRepresentable & CaseIterable & Sendable, Value.RawValue == String {
  /// One of an enum's words.
  static func choice(of cases: [Value] = Array(Value.allCases)) -> ValueType {
    let words = cases.map(\.rawValue)
    let name = words.count == 1 ? words[0] : words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    return ValueType(name: name, shape: .choice(words)) { node, key, findings in
      if let text = node.scalar?.text, let value = cases.first(where: { $0.rawValue == text }) { return value }
      let hint = Nearest.hint(node.scalar?.text ?? "", among: words)
      return wrong(node, key, name, findings, hint: hint)
    }
  }

  private static func wrong(_ node: YAMLNode, _ key: String, _ name: String, _ findings: Findings, hint: String)
    -> Value?
  {
    findings.error(node.place, "'\(key)' must be \(name), not \(node.described)\(hint)")
    return nil
  }
}

extension ValueType where Value == Zone {
  static var zone: ValueType {
    ValueType(name: "an IANA time zone, such as Europe/Berlin", shape: .pattern("^(UTC|.*/.*)$")) {
      node, key, findings in
      guard let text = node.scalar?.text, let zone = Zone(text) else {
        let hint = Nearest.hint(node.scalar?.text ?? "", among: TimeZone.knownTimeZoneIdentifiers)
        findings.error(
          node.place, "'\(key)' must be an IANA time zone, such as Europe/Berlin, not \(node.described)\(hint)")
        return nil
      }
      return zone
    }
  }
}

extension ValueType where Value == Instant.Span {
  static func span(least: Instant.Span = .zero) -> ValueType {
    let name = "a length of time with its unit, such as 90s, 5m, 20h or 4d" + (least > .zero ? ", above zero" : "")
    return parsed(name, shape: .pattern("^[0-9]+(ms|s|m|h|d)$")) { text in
      Instant.Span(text).flatMap { $0 >= least ? $0 : nil }
    }
  }

  /// A rate, as the least time between two attempts; rounded up, so that the rate is never exceeded.
  static var rate: ValueType {
    let name = "a rate from 1 to 1000 a second, minute, hour or day, such as 10/s, 30/m or 500/h"
    return parsed(name, shape: .pattern("^[0-9]+/[smhd]$")) { text in
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      let units: [Substring: Int64] = ["s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
      guard parts.count == 2, let unit = units[parts[1]], !parts[0].isEmpty,
        parts[0].utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let n = Int64(parts[0]), n > 0, n <= unit
      else { return nil }
      return Instant.Span(milliseconds: (unit + n - 1) / n)
    }
  }
}

extension ValueType where Value == Delay {
  static var delay: ValueType {
    parsed("a number of days, such as 3d, or business days, such as 3bd", shape: .pattern("^[0-9]+b?d$")) { Delay($0) }
  }
}

extension ValueType where Value == CalendarDay {
  static var date: ValueType {
    parsed("a date, such as 2026-12-24", shape: .pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")) { CalendarDay($0) }
  }
}

extension ValueType where Value == Int64 {
  /// A wall-clock time, as seconds after midnight, 0...86399.
  static var timeOfDay: ValueType {
    parsed("a time of day from 00:00 to 23:59", shape: .pattern("^[0-9]{1,2}:[0-9]{2}$")) {
      Window.Rule.time($0).flatMap { $0 < 86_400 ? $0 : nil }
    }
  }
}

extension ValueType where Value == UInt64 {
  static var seed: ValueType {
    ValueType(name: "a whole number from 0", shape: .integer(0...Int.max)) { node, key, findings in
      if case .integer(let n)? = node.scalar?.value, n >= 0 { return UInt64(n) }
      return wrong(node, key, "a whole number from 0", findings)
    }
  }
}

extension ValueType where Value == String {
  /// A moment; read with the project's zone later, which is not known while `settings.yaml` is being read.
  static var moment: ValueType {
    let name = "a date (2026-11-20), a local time (2026-11-20 09:00) or a time with its offset"
    let clock = "[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([.][0-9]+)?([Zz]|[+-][0-9]{2}:?[0-9]{2})?"
    return parsed(name, shape: .pattern("^[0-9]{4}-[0-9]{2}-[0-9]{2}(\(clock))?$")) { text in
      Instant(text, zone: .utc) == nil ? nil : text
    }
  }
}

extension ValueType where Value == NamedAddress {
  static var address: ValueType {
    parsed("an address, such as Anna Schmidt <anna@example.com>") { NamedAddress($0) }
  }
}

extension ValueType where Value == Mailbox.Sender {
  static var sender: ValueType {
    parsed("an address, such as Anna Schmidt <anna@example.com>, or a number, such as +4915112345678") { text in
      if let phone = PhoneNumber(text) { return .sms(phone) }
      return NamedAddress(text).map { .email($0) }
    }
  }
}

extension ValueType {
  /// A list; a single item may stand for a list of one, and a CSV cell has `;` between items.
  static func list<Item>(_ item: ValueType<Item>) -> ValueType where Value == [Item] {
    ValueType(name: "a list, each item \(item.name)", shape: .list(item.shape)) { node, key, findings in
      items(of: node).reduce(into: [Item]?.some([])) { list, node in
        guard let value = item.decode(node, key, findings) else { return list = nil }
        list?.append(value)
      }
    }
  }

  /// The nodes of a list, a cell, or a single value.
  static func items(of node: YAMLNode) -> [YAMLNode] {
    if case .sequence(let items) = node.content { return items }
    guard let scalar = node.scalar, scalar.isCell else { return [node] }
    return scalar.text.split(separator: ";").compactMap {
      let text = $0.trimmingCharacters(in: .whitespaces)
      return text.isEmpty ? nil : YAMLNode(.scalar(YAMLScalar(cell: text)), at: node.place)
    }
  }

  /// A mapping with the user's own keys.
  static func map<Item>(_ item: ValueType<Item>) -> ValueType where Value == [String: Item] {
    ValueType(name: "a mapping", shape: .map(item.shape)) { node, key, findings in
      guard let entries = node.entries else { return wrong(node, key, "a mapping", findings) }
      var values: [String: Item] = [:]
      for entry in entries {
        guard let value = item.decode(entry.value, "\(key).\(entry.key)", findings) else { continue }
        values[entry.key] = value
      }
      return values
    }
  }

  /// An object with a schema of its own.
  static func object(_ schema: Schema, _ read: @escaping @Sendable (ObjectReader) -> Value?) -> ValueType {
    ValueType(name: "a mapping (\(schema.keys.map(\.name).joined(separator: ", ")))", shape: .object(schema)) {
      node, key, findings in
      ObjectReader(node, schema, findings, called: "'\(key)'").flatMap(read)
    }
  }
}

extension ValueType where Value == Window {
  static var window: ValueType {
    ValueType(
      name: "'DAYS FROM-TO ZONE', a list of such lines, or 'always'",
      shape: .either([.choice(["always"]), .list(.pattern(windowLine))])
    ) { node, key, findings in
      if node.scalar?.text == "always" { return .always }
      var rules: [Window.Rule] = []
      for item in ValueType<[String]>.items(of: node) {
        guard let text = ValueType<String>.string.decode(item, key, findings) else { continue }
        do throws(WindowProblem) {
          rules.append(try Window.Rule(parsing: text))
        } catch {
          findings.error(item.place, "'\(key)': \(error.message)")
        }
      }
      if case .sequence(let items) = node.content, items.isEmpty {
        findings.error(node.place, "'\(key)' is empty and would never open; write 'always' for no restriction")
      }
      return rules.isEmpty ? nil : Window(rules: rules)
    }
  }

  /// Days, times and, if it is given, a zone's name without white space.
  private static var windowLine: String {
    let names = Weekday.allCases.map(\.rawValue).joined(separator: "|")
    let days = "(\(names))(-(\(names)))?"
    let time = "[0-9]{1,2}:[0-9]{2}"
    return "^[ \\t]*(daily|\(days)(,\(days))*)[ \\t]+\(time)-\(time)([ \\t]+[^ \\t]+)?[ \\t]*$"
  }
}

extension ValueType where Value == SecretReference {
  /// Never a secret itself, and a finding never shows one.
  static var secret: ValueType {
    let name = "{env: NAME}, {file: PATH} or {command: [PROGRAM, …]}"
    return ValueType(name: name, shape: .object(SecretKeys.schema)) { node, key, findings in
      guard node.entries != nil else {
        findings.error(
          node.place, "'\(key)' holds a secret in clear; give \(name) instead, and change the secret if this was shared"
        )
        return nil
      }
      guard let object = ObjectReader(node, SecretKeys.schema, findings, called: "'\(key)'") else { return nil }
      let given = [object.has(SecretKeys.env), object.has(SecretKeys.file), object.has(SecretKeys.command)]
      guard given.filter({ $0 }).count == 1 else {
        findings.error(node.place, "'\(key)' must be exactly one of \(name)")
        return nil
      }
      if let name = object.given(SecretKeys.env) { return .environment(name) }
      if let path = object.given(SecretKeys.file) { return .file(path) }
      guard let words = object.given(SecretKeys.command) else { return nil }
      guard !words.isEmpty else {
        findings.error(node.place, "'\(key)' has an empty command; its first item is the program")
        return nil
      }
      return .command(words)
    }
  }
}

/// Where a secret comes from.
enum SecretKeys {
  static let env = Key("env", .string, "The environment variable that holds the secret.", example: "SMTP_PASSWORD")
  static let file = Key(
    "file", .string, "A file that holds the secret; its final line break is not part of it.",
    example: "/run/secrets/smtp")
  static let command = Key(
    "command", .list(.string), "A program and its arguments; the secret is what it prints.",
    example: "[pass, show, smtp]")
  static let schema = Schema(
    "secret", "Where a secret comes from: one of these.", [env.info, file.info, command.info],
    rules: [.exactlyOne(["env", "file", "command"])])
}
