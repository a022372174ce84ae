import ArgumentParser
import Config
import Foundation
import Model

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain", abstract: "What a key of the project's files means.",
    discussion: """
      KEY is a path such as campaign.window or providers.smtp.port, the end of one (ramp.from), a bare name (window), a \
      column of mailboxes.csv (ramp_from), or a file: settings, campaign, mailboxes, providers. Without it, all keys.
      """)

  @OptionGroup var options: GlobalOptions
  @Argument(
    help: ArgumentHelp("Such as campaign.window.", valueName: "key"),
    completion: .custom { _, _, _ in Completions.keys })
  var key: String?

  func run() throws {
    guard let key else {
      if options.json { return Console.out(.array(KeyGuide.all.map(KeyPage.json))) }
      let groups = SchemaKind.allCases.map { kind in
        KeyPage.list(title: kind.path, KeyGuide.all.filter { $0.kind == kind }, width: Console.outWidth)
      }
      return Console.out(groups.joined(separator: "\n"))
    }
    switch KeyGuide.find(key) {
    case .group(let title, let entries, let rules):
      if options.json { return Console.out(.array(entries.map(KeyPage.json))) }
      let needs = rules.map { "  needs      \($0)\n" }.joined()
      Console.out(KeyPage.list(title: title, entries, width: Console.outWidth) + (needs.isEmpty ? "" : "\n" + needs))
    case .keys(let groups):
      if options.json { return Console.out(.array(groups.joined().map(KeyPage.json))) }
      Console.out(groups.map { KeyPage.text($0, width: Console.outWidth) }.joined(separator: "\n"))
    case .unknown(let nearest):
      let hint = nearest.map { "; did you mean '\($0)'?" } ?? ""
      throw Failure(.failed, "there is no key '\(key)'\(hint)\n  nightmail explain lists them all")
    }
  }
}

extension Console {
  /// The width of what goes to stdout: the terminal's, or 80 in a file or a pipe.
  fileprivate static var outWidth: Int {
    var size = winsize()
    return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 20 ? Int(size.ws_col) : 80
  }
}

/// Keys as they are printed.
enum KeyPage {
  /// One key, or several of which the same is to be said.
  static func text(_ entries: [KeyEntry], width: Int) -> String {
    guard let entry = entries.first else { return "" }
    let info = entry.info
    var out = "\(entries.count == 1 ? entry.path : info.name)\n"
    out += wrap(info.doc, indent: 2, width: width) + "\n\n"
    var facts: [(String, String)] = []
    facts.append(("stands in", entries.count == 1 ? entry.kind.path : places(entries)))
    if let column = entry.column { facts.append(("", "data/mailboxes.csv, as the column \(column)")) }
    facts.append(("value", info.type))
    facts.append(("default", defaultText(entry)))
    for rule in entry.rules { facts.append(("needs", rule)) }
    facts.append(("example", example(entry)))
    if let overrides = entry.overrides { facts.append(("overrides", overrides)) }
    let others = others(entries)
    if !others.isEmpty { facts.append(("see also", others.joined(separator: ", "))) }
    for (name, text) in facts {
      let lines = wrap(text, indent: 13, width: width).dropFirst(13)
      out += "  " + name.padding(toLength: 11, withPad: " ", startingAt: 0) + lines + "\n"
    }
    if !entry.inner.isEmpty {
      let inner = Set(entry.inner)
      out += "\n" + lines(KeyGuide.all.filter { inner.contains($0.path) }, width: width)
    }
    return out
  }

  /// A file's keys, a line each.
  static func list(title: String, _ entries: [KeyEntry], width: Int) -> String {
    "\(title)\n" + lines(entries, width: width)
  }

  static func json(_ entry: KeyEntry) -> JSON {
    let info = entry.info
    return .members(
      ("key", .string(entry.path)), ("file", .string(entry.kind.path)), ("doc", .string(info.doc)),
      ("value", .string(info.type)), ("required", .bool(info.isRequired)),
      ("default", info.defaultText.flatMap { entry.overrides == nil ? .string($0) : nil }),
      ("example", .string(info.example)), ("overrides", entry.overrides.map { .string($0) }),
      ("column", entry.column.map { .string($0) }),
      ("rules", entry.rules.isEmpty ? nil : .array(entry.rules.map { .string($0) })),
      ("keys", entry.inner.isEmpty ? nil : .array(entry.inner.map { .string($0) })))
  }

  private static func places(_ entries: [KeyEntry]) -> String {
    entries.map(\.parent).joined(separator: ", ") + " (\(entries[0].kind.path))"
  }

  private static func defaultText(_ entry: KeyEntry) -> String {
    if entry.info.isRequired { return "none: it must be given" }
    if let overrides = entry.overrides { return "what \(overrides) says" }
    if case .object(let schema) = entry.info.shape, schema.keys.contains(where: { $0.defaultText != nil }) {
      return "that of each key in it"
    }
    return entry.info.defaultText ?? "none"
  }

  /// As it would stand in the file.
  private static func example(_ entry: KeyEntry) -> String { "\(entry.info.name): \(entry.info.example)" }

  /// The same key elsewhere: of this name, with such a value.
  private static func others(_ entries: [KeyEntry]) -> [String] {
    let own = Set(entries.map(\.path) + entries.compactMap(\.overrides))
    let info = entries[0].info
    let all = KeyGuide.all.filter {
      $0.info.name == info.name && $0.info.type == info.type && !own.contains($0.path)
    }
    // Of many providers that share a key the first will do.
    return KeyGuide.together(all).compactMap { $0.first?.path }
  }

  /// Keys with the beginning of what they mean; what several providers share stands once.
  private static func lines(_ entries: [KeyEntry], width: Int) -> String {
    let groups = entries.reduce(into: [[KeyEntry]]()) { groups, entry in
      guard entry.kind == .providers, let i = groups.firstIndex(where: { $0[0].says(theSameAs: entry) }) else {
        return groups.append([entry])
      }
      groups[i].append(entry)
    }
    let rows = groups.map { group -> (String, String) in
      let entry = group[0]
      let name = group.count == 1 ? entry.path : "\(entry.kind.rawValue).*.\(shared(group))"
      return (name, (entry.info.isRequired ? "(required) " : "") + entry.info.doc)
    }
    let column = min(rows.map(\.0.count).max() ?? 0, 40) + 2
    return rows.map { name, doc in
      let start = "  " + name.padding(toLength: max(column, name.count + 2), withPad: " ", startingAt: 0)
      let room = max(20, width - start.count)
      return start + (doc.count > room ? doc.prefix(room - 1).trimmingCharacters(in: .whitespaces) + "…" : doc) + "\n"
    }.joined()
  }

  /// What the paths of several providers' keys have in common: all behind the type.
  private static func shared(_ group: [KeyEntry]) -> String {
    group[0].path.split(separator: ".").dropFirst(2).joined(separator: ".")
  }

  private static func wrap(_ text: String, indent: Int, width: Int) -> String {
    let margin = String(repeating: " ", count: indent)
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ") {
      if !line.isEmpty, indent + line.count + 1 + word.count > width {
        lines.append(line)
        line = ""
      }
      line += line.isEmpty ? String(word) : " \(word)"
    }
    lines.append(line)
    return lines.map { margin + $0 }.joined(separator: "\n")
  }
}
