import Model

/// A key where it stands: what `nightmail explain` tells.
public struct KeyEntry: Sendable {
  /// `campaign.steps.delay`; of a provider with its type, `providers.smtp.host`.
  public var path: String
  public var kind: SchemaKind
  public var info: KeyInfo
  /// What stands in it, where it is an object or a list of them.
  public var inner: [String]
  /// What the keys of that object ask of one another, as sentences.
  public var rules: [String]
  /// Its column in `mailboxes.csv`; nil where it has none.
  public var column: String?
  /// The settings' key that it stands in place of.
  public var overrides: String?

  public var parent: String { String(path.prefix(upTo: path.lastIndex(of: ".") ?? path.startIndex)) }

  /// Whether the same is to be said of both.
  public func says(theSameAs other: KeyEntry) -> Bool {
    info.name == other.info.name && info.doc == other.info.doc && info.type == other.info.type
      && info.defaultText == other.info.defaultText && info.isRequired == other.info.isRequired
      && kind == other.kind && column == other.column && overrides == other.overrides && rules == other.rules
      && inner.count == other.inner.count
  }
}

/// All keys of all files, and how to find one by what a person types.
public enum KeyGuide {
  public enum Answer: Sendable {
    /// A file, or a provider's type: its keys.
    case group(title: String, [KeyEntry], rules: [String])
    /// Keys of this name; those of which the same is to be said stand together.
    case keys([[KeyEntry]])
    /// Nothing is called so; the nearest name, if one is near.
    case unknown(nearest: String?)
  }

  public static let all: [KeyEntry] = SchemaKind.allCases.flatMap { kind -> [KeyEntry] in
    var entries: [KeyEntry] = []
    func walk(_ schema: Schema, _ path: String, base: String? = nil) {
      for key in schema.keys {
        let own = "\(path).\(key.name)"
        let overridden = key.overrides ?? base.map { "\($0).\(key.name)" }
        let inside = key.shape.schemas
        entries.append(
          KeyEntry(
            path: own, kind: kind, info: key, inner: inside.flatMap { $0.keys.map { "\(own).\($0.name)" } },
            rules: inside.flatMap { $0.rules.map(Self.words) }, column: column(own, kind, inside), overrides: overridden
          ))
        for schema in inside { walk(schema, own, base: overridden) }
      }
    }
    if kind.entryTypes.isEmpty {
      walk(kind.entry, kind.rawValue)
    } else {
      for type in kind.entryTypes { walk(type.schema, "\(kind.rawValue).\(type.name)") }
    }
    return entries
  }

  /// What a key's path, a part of it, its bare name or a CSV column means.
  public static func find(_ word: String) -> Answer {
    // `providers.*.proxy` is how the lists write what several types share.
    var parts = word.split(separator: ".").map(String.init).filter { $0 != "*" }
    let other = ["campaigns": "campaign", "mailbox": "mailboxes", "provider": "providers", "setting": "settings"]
    if let first = parts.first, let name = other[first] { parts[0] = name }
    let path = parts.joined(separator: ".")
    if let kind = SchemaKind(rawValue: path) {
      let keys = all.filter { $0.kind == kind && isDirect($0) }
      return .group(title: kind.path, keys, rules: kind.entry.rules.map(words))
    }
    let members = all.filter { $0.kind == .providers && $0.parent == path }
    if !members.isEmpty, !all.contains(where: { $0.path == path }) {
      let type = SchemaKind.providers.entryTypes.first { $0.name == parts.last }
      return .group(
        title: "\(SchemaKind.providers.path), type: \(parts.last ?? "")", members,
        rules: type?.schema.rules.map(words) ?? [])
    }
    let exact = all.filter { $0.path == path }
    let found = !exact.isEmpty ? exact : all.filter { isNamed($0, by: parts) }
    if !found.isEmpty { return .keys(together(found)) }
    let columns = all.filter { $0.column != nil && $0.column == parts.last && parts.count <= 2 }
    if !columns.isEmpty { return .keys(together(columns)) }
    let candidates = Set(all.map(\.path)).union(SchemaKind.allCases.map(\.rawValue))
    let nearest = Nearest.match(path, among: candidates.sorted())
    let bare = parts.count == 1 ? Nearest.match(path, among: Set(all.map(\.info.name)).sorted()) : nil
    return .unknown(nearest: bare ?? nearest)
  }

  /// Keys directly in a file's entry; of providers, of any type.
  private static func isDirect(_ entry: KeyEntry) -> Bool {
    let depth = entry.path.split(separator: ".").count
    return depth == (entry.kind.entryTypes.isEmpty ? 2 : 3)
  }

  /// Whether the words are some of the path's, in its order, down to its last.
  private static func isNamed(_ entry: KeyEntry, by words: [String]) -> Bool {
    let parts = entry.path.split(separator: ".").map(String.init)
    guard let last = words.last, last == parts.last else { return false }
    var rest = parts[...]
    for word in words {
      guard let i = rest.firstIndex(of: word) else { return false }
      rest = rest[(i + 1)...]
    }
    return true
  }

  /// Entries of which the same is to be said, as one.
  public static func together(_ entries: [KeyEntry]) -> [[KeyEntry]] {
    entries.reduce(into: [[KeyEntry]]()) { groups, entry in
      if let i = groups.firstIndex(where: { $0[0].says(theSameAs: entry) }) {
        groups[i].append(entry)
      } else {
        groups.append([entry])
      }
    }
  }

  private static func column(_ path: String, _ kind: SchemaKind, _ inside: [Schema]) -> String? {
    guard kind == .mailboxes, inside.isEmpty, !path.hasSuffix(".vars") else { return nil }
    return path.split(separator: ".").dropFirst().joined(separator: "_")
  }

  private static func words(_ rule: KeyRule) -> String {
    func list(_ names: [String], _ word: String) -> String {
      (names.dropLast().joined(separator: ", ") + " \(word) " + (names.last ?? "")).trimmingPrefix(" \(word) ")
        .description
    }
    return switch rule {
    case .exactlyOne(let names): "exactly one of \(list(names, "and"))"
    case .atLeastOne(let names): "\(list(names, "or")), or more than one of them"
    case .atMostOne(let names): "not both \(list(names, "and"))"
    case .needs(let name, let others): "\(name) only with \(list(others, "or"))"
    case .requiredUnless(let name, let object, let key): "\(name), unless \(object) has \(key)"
    }
  }
}
