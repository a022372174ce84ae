import Foundation
import Model

/// YAML as JSON, for schemas and for whoever checks by them.
enum YAMLText {
  /// An example as it stands in a declaration: flow style or a plain value. Nil if it is no YAML.
  static func json(_ text: String) -> JSON? {
    let (node, findings) = YAMLReader.read(Array("value: \(text)\n".utf8), file: "example")
    guard findings.isEmpty else { return nil }
    return node?["value"].map(json)
  }

  /// A default as it stands in a declaration: a cell, with `;` between the items of a list.
  static func value(cell text: String) -> JSON {
    let parts = text.split(separator: ";").map { json(YAMLScalar(plain: String($0))) }
    return parts.count == 1 ? parts[0] : .array(parts)
  }

  /// A document after aliases and merges, by the core schema.
  static func json(_ node: YAMLNode) -> JSON {
    switch node.content {
    case .scalar(let scalar): json(scalar)
    case .sequence(let items): .array(items.map(json))
    case .mapping(let entries): .object(entries.map { JSON.Member($0.key, json($0.value)) })
    }
  }

  private static func json(_ scalar: YAMLScalar) -> JSON {
    switch scalar.value {
    case .null: .null
    case .bool(let value): .bool(value)
    case .integer(let n): .integer(n)
    case .float(let d): .number(d)
    case .string: .string(scalar.text)
    }
  }
}

extension JSON {
  /// On several lines, two spaces a level, a line break at the end: for files that people read and git compares. What
  /// fits into a line stays on one.
  public func pretty(width: Int = 120) -> String {
    var out = ""
    write(to: &out, indent: 0, column: 0, width: width)
    return out + "\n"
  }

  private func write(to out: inout String, indent: Int, column: Int, width: Int) {
    let parts: [(prefix: String, value: JSON)]
    switch self {
    case .array(let values): parts = values.map { ("", $0) }
    case .object(let members): parts = members.map { (JSON.string($0.key).text + ": ", $0.value) }
    default: return out += text
    }
    let (open, close) = object == nil ? ("[", "]") : ("{", "}")
    let line = open + parts.map { $0.prefix + $0.value.line }.joined(separator: ", ") + close
    if column + line.utf8.count < width { return out += line }
    let inner = String(repeating: " ", count: indent + 2)
    out += open + "\n"
    for (i, part) in parts.enumerated() {
      out += inner + part.prefix
      part.value.write(to: &out, indent: indent + 2, column: indent + 2 + part.prefix.utf8.count, width: width)
      out += i + 1 < parts.count ? ",\n" : "\n"
    }
    out += inner.dropLast(2) + close
  }

  /// On one line, with spaces between.
  private var line: String {
    switch self {
    case .array(let values): "[" + values.map(\.line).joined(separator: ", ") + "]"
    case .object(let members):
      "{" + members.map { JSON.string($0.key).text + ": " + $0.value.line }.joined(separator: ", ") + "}"
    default: text
    }
  }
}
