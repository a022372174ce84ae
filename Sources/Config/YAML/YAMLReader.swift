import Model

/// A YAML file into a node tree. Limits keep a hostile or broken file from costing more than a finding.
public enum YAMLReader {
  public struct Limits: Sendable {
    /// Levels of nesting, aliases followed.
    public var depth = 64
    /// Nodes after aliases are followed: what a "billion laughs" would cost.
    public var nodes = 100_000
    public var bytes = 16 << 20
    public init() {}
  }

  /// Reads one document. The node is nil where the file could not be read to its end; an empty file is an empty
  /// mapping. Every problem is a finding at its place in `file`.
  public static func read(
    _ bytes: [UInt8], file: String, limits: Limits = Limits()
  ) -> (node: YAMLNode?, findings: [Finding]) {
    let findings = Findings()
    let node = read(bytes, file: file, limits: limits, findings: findings)
    return (node, findings.all)
  }

  static func read(_ bytes: [UInt8], file: String, limits: Limits = Limits(), findings: Findings) -> YAMLNode? {
    guard bytes.count <= limits.bytes else {
      findings.error(Place(file), "the file is larger than \(limits.bytes >> 20) MiB")
      return nil
    }
    let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes[3...] : bytes[...]
    if String(validating: body, as: UTF8.self) == nil {
      let offset = TextPosition.firstBrokenUTF8(in: body) ?? 0
      let (line, column) = TextPosition.find(offset, in: body)
      findings.error(Place(file, line: line, column: column), "the file is not UTF-8 here; save it as UTF-8")
      return nil
    }
    var composer = YAMLComposer(events: YAMLEvents(body), file: file, limits: limits, findings: findings)
    do {
      return try composer.document()
    } catch {
      findings.add(error.finding)
      return nil
    }
  }
}

/// Reading cannot go on.
private struct YAMLStop: Error {
  var finding: Finding
}

/// Builds the tree from the events, following aliases and making merges as it goes.
private struct YAMLComposer {
  /// A node with what it costs: how many nodes it is, and how many levels.
  struct Built {
    var node: YAMLNode
    var size = 1
    var height = 1
  }
  enum Anchor {
    /// Its node is being read: an alias to it would be endless.
    case open
    case done(Built)
  }

  let events: YAMLEvents
  let file: String
  let limits: YAMLReader.Limits
  let findings: Findings
  var anchors: [String: Anchor] = [:]
  var total = 0

  mutating func next() throws(YAMLStop) -> (event: YAMLEvent, place: Place) {
    do {
      let (event, line, column) = try events.next()
      return (event, Place(file, line: line, column: column))
    } catch {
      let place = Place(file, line: error.line, column: error.column)
      throw YAMLStop(finding: .error(place, "not valid YAML: \(error.message)"))
    }
  }

  mutating func document() throws(YAMLStop) -> YAMLNode? {
    var root: YAMLNode?
    var documents = 0
    while true {
      let (event, place) = try next()
      switch event {
      case .streamStart, .documentEnd: continue
      case .streamEnd: return root ?? YAMLNode(.mapping([]), at: Place(file, line: 1, column: 1))
      case .documentStart:
        documents += 1
        guard documents == 1 else {
          throw YAMLStop(finding: .error(place, "a second document begins here; the file may hold only one"))
        }
      default:
        let built = try node(event, place, depth: 1)
        root = built.node.isNull ? nil : built.node
      }
    }
  }

  mutating func count(_ n: Int, at place: Place) throws(YAMLStop) {
    total += n
    guard total <= limits.nodes else {
      throw YAMLStop(finding: .error(place, "the file comes to more than \(limits.nodes) values, aliases followed"))
    }
  }

  func check(depth: Int, at place: Place) throws(YAMLStop) {
    guard depth <= limits.depth else {
      throw YAMLStop(finding: .error(place, "nested deeper than \(limits.depth) levels"))
    }
  }

  mutating func node(_ event: YAMLEvent, _ place: Place, depth: Int) throws(YAMLStop) -> Built {
    try check(depth: depth, at: place)
    switch event {
    case .alias(let name):
      switch anchors[name] {
      case .done(let built):
        try count(built.size, at: place)
        try check(depth: depth + built.height - 1, at: place)
        return built
      case .open: throw YAMLStop(finding: .error(place, "the alias '*\(name)' stands inside what it stands for"))
      case nil:
        throw YAMLStop(
          finding: .error(place, "no '&\(name)' stands before this" + Nearest.hint(name, among: anchors.keys.sorted())))
      }
    case .scalar(let text, let anchor, let tag, let isPlain):
      try count(1, at: place)
      let built = Built(node: YAMLNode(.scalar(scalar(text, tag, isPlain, place)), at: place))
      if let anchor { anchors[anchor] = .done(built) }
      return built
    case .sequenceStart(let anchor, let tag):
      try count(1, at: place)
      checkCollection(tag, "seq", place)
      if let anchor { anchors[anchor] = .open }
      let built = try sequence(place, depth)
      if let anchor { anchors[anchor] = .done(built) }
      return built
    case .mappingStart(let anchor, let tag):
      try count(1, at: place)
      checkCollection(tag, "map", place)
      if let anchor { anchors[anchor] = .open }
      let built = try mapping(place, depth)
      if let anchor { anchors[anchor] = .done(built) }
      return built
    default: throw YAMLStop(finding: .error(place, "not valid YAML: a value was expected here"))
    }
  }

  mutating func sequence(_ place: Place, _ depth: Int) throws(YAMLStop) -> Built {
    var items: [YAMLNode] = []
    var built = Built(node: YAMLNode(.sequence([]), at: place))
    while true {
      let (event, itemPlace) = try next()
      if case .sequenceEnd = event { break }
      let item = try node(event, itemPlace, depth: depth + 1)
      items.append(item.node)
      built.size += item.size
      built.height = max(built.height, item.height + 1)
    }
    built.node.content = .sequence(items)
    return built
  }

  mutating func mapping(_ place: Place, _ depth: Int) throws(YAMLStop) -> Built {
    var entries: [YAMLNode.Entry] = []
    var firstPlace: [String: Place] = [:]
    var merges: [YAMLNode] = []
    var built = Built(node: YAMLNode(.mapping([]), at: place))
    while true {
      let (keyEvent, keyPlace) = try next()
      if case .mappingEnd = keyEvent { break }
      let key = try node(keyEvent, keyPlace, depth: depth + 1)
      let (event, valuePlace) = try next()
      let value = try node(event, valuePlace, depth: depth + 1)
      built.size += key.size + value.size
      built.height = max(built.height, value.height + 1)
      guard let name = key.node.scalar?.text else {
        findings.error(keyPlace, "a key must be a plain word, not \(key.node.described)")
        continue
      }
      if case .scalar("<<", _, nil, true) = keyEvent {
        merges.append(value.node)
        continue
      }
      if let first = firstPlace[name] {
        findings.error(keyPlace, "the key '\(name)' stands twice, first in line \(first.line)")
        continue
      }
      firstPlace[name] = keyPlace
      entries.append(YAMLNode.Entry(key: name, keyPlace: keyPlace, value: value.node))
    }
    try merge(merges, into: &entries, &built)
    built.node.content = .mapping(entries)
    return built
  }

  /// `<<: *base` or `<<: [*a, *b]`: the mapping's own keys win, then the earlier of the list.
  mutating func merge(_ merges: [YAMLNode], into entries: inout [YAMLNode.Entry], _ built: inout Built)
    throws(YAMLStop)
  {
    var names = Set(entries.map(\.key))
    var sources: [YAMLNode] = []
    for merge in merges {
      if case .sequence(let items) = merge.content { sources += items } else { sources.append(merge) }
    }
    for source in sources {
      guard let merged = source.entries else {
        findings.error(source.place, "'<<' takes a mapping or a list of mappings, not \(source.described)")
        continue
      }
      try count(merged.count, at: source.place)
      built.size += merged.count
      for entry in merged where names.insert(entry.key).inserted { entries.append(entry) }
    }
  }

  func scalar(_ text: String, _ tag: String?, _ isPlain: Bool, _ place: Place) -> YAMLScalar {
    let prefix = "tag:yaml.org,2002:"
    switch tag {
    case nil: return isPlain ? YAMLScalar(plain: text) : YAMLScalar(text: text, value: .string)
    case "!", prefix + "str": return YAMLScalar(text: text, value: .string)
    case prefix + "null", prefix + "bool", prefix + "int", prefix + "float":
      let scalar = YAMLScalar(plain: text)
      let fits =
        switch (scalar.value, tag) {
        case (.null, prefix + "null"), (.bool, prefix + "bool"), (.integer, prefix + "int"): true
        case (.integer, prefix + "float"), (.float, prefix + "float"): true
        default: false
        }
      if !fits { findings.error(place, "'\(text)' is not what its tag !!\((tag ?? "").dropFirst(prefix.count)) says") }
      return scalar
    case let other?:
      findings.error(place, "the tag '\(other)' means nothing here; remove it")
      return YAMLScalar(text: text, value: .string)
    }
  }

  func checkCollection(_ tag: String?, _ name: String, _ place: Place) {
    guard let tag, tag != "!", tag != "tag:yaml.org,2002:\(name)" else { return }
    findings.error(place, "the tag '\(tag)' means nothing here; remove it")
  }
}
