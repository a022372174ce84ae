import Model

/// A comparison of two plans for people, for a comment on a pull request, and for scripts.
public struct PlanDiffReport: Sendable {
  let diff: PlanDiff

  public init(_ diff: PlanDiff) { self.diff = diff }

  /// `12 added, 3 removed, 40 moved, 2 changed, 900 the same`
  private var sentence: String {
    let t = diff.total
    let parts = [(t.added, "added"), (t.removed, "removed"), (t.moved, "moved"), (t.changed, "changed")]
    let said = parts.filter { $0.0 > 0 }.map { "\(Words.number($0.0)) \($0.1)" }
    return (said.isEmpty ? ["no send differs"] : said).joined(separator: ", ") + ", \(Words.number(t.same)) the same"
  }

  private var title: String {
    diff.old.date == diff.new.date
      ? "Plan for \(diff.new.date)" : "Plan for \(diff.new.date), compared with \(diff.old.date)"
  }

  private var rows: [(String, PlanDiff.Counts)] {
    let own = diff.campaigns.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    return own.count > 1 ? own + [("all", diff.total)] : own
  }

  private static let headings = ["campaign", "before", "after", "added", "removed", "moved", "changed"]

  private static func numbers(_ c: PlanDiff.Counts) -> [String] {
    [c.old, c.new, c.added, c.removed, c.moved, c.changed].map(Words.number)
  }

  // MARK: - Text

  public var text: String {
    var out = "\(title): \(sentence)\n"
    if !rows.isEmpty {
      var table = TextTable(Self.headings, numbers: Set(1...6))
      for (name, counts) in rows { table.add([name] + Self.numbers(counts)) }
      out += "\n" + table.text
    }
    for kind in PlanDiff.Change.Kind.allCases { out += list(kind) }
    out += fileText
    return out
  }

  private func list(_ kind: PlanDiff.Change.Kind) -> String {
    let changes = diff.changes.filter { $0.kind == kind }
    guard !changes.isEmpty else { return "" }
    let all = count(kind)
    var out = "\n\(kind.rawValue.prefix(1).uppercased() + kind.rawValue.dropFirst())\n"
    var table = TextTable(["  time", "campaign", "step", "to", "mailbox"])
    for change in changes {
      let send = change.send
      let step = send.variant.map { "\(send.step)/\($0)" } ?? send.step
      var (time, mailbox) = (clock(send.sendAt, new: kind != .removed), send.mailbox)
      if let old = change.oldTime, old != send.sendAt { time = "\(clock(old, new: false)) → \(time)" }
      if let old = change.oldMailbox, old != send.mailbox { mailbox = "\(old) → \(mailbox)" }
      table.add(["  " + time, send.campaign, step, send.to, mailbox])
    }
    // What a send says otherwise stands under its line.
    let lines = table.text.split(separator: "\n")
    out += (lines.first ?? "") + "\n"
    for (line, change) in zip(lines.dropFirst(), changes) {
      out += line + "\n"
      for field in change.fields { out += "    \(field.name): \(Self.short(field.old)) → \(Self.short(field.new))\n" }
    }
    if all > changes.count { out += "  … and \(Words.number(all - changes.count)) more (--all)\n" }
    return out
  }

  private func count(_ kind: PlanDiff.Change.Kind) -> Int {
    switch kind {
    case .added: diff.total.added
    case .removed: diff.total.removed
    case .moved: diff.total.moved
    case .changed: diff.total.changed
    }
  }

  private func clock(_ instant: Instant, new: Bool) -> String {
    let header = new ? diff.new : diff.old
    let text = header.zone.format(instant)
    return diff.old.date == diff.new.date ? String(text.dropFirst(11).prefix(8)) : String(text.prefix(16))
  }

  private static func short(_ text: String?) -> String {
    guard let text else { return "(none)" }
    return "'" + PlanListing.cut(TextTable.printable(text), to: 40) + "'"
  }

  private var fileText: String {
    guard !diff.files.isNone else { return "" }
    var out = "\nFiles\n"
    for file in diff.files.files {
      out += "  \(TextTable.printable(file.path)): \(Self.words(file.change))\n"
      guard case .changed(let words?) = file.change else { continue }
      for change in words.changes.prefix(20) { out += "    \(change.line): \(Self.line(change))\n" }
      if words.changes.count > 20 { out += "    … and \(Words.number(words.changes.count - 20)) more places\n" }
    }
    return out
  }

  private static func words(_ change: PlanFileDiff.File.Change) -> String {
    switch change {
    case .added: "new"
    case .removed: "not used any more"
    case .changed(nil): "changed"
    case .changed(let words?) where words.wordsAdded + words.wordsRemoved == 0: "white space alone"
    case .changed(let words?):
      "\(Words.count(words.wordsRemoved, "word")) out, \(Words.number(words.wordsAdded)) in"
    }
  }

  /// As wdiff writes it: `one [-short-] {+brief+} letter`.
  private static func line(_ change: WordDiff.Change) -> String {
    func told(_ text: String) -> String {
      let text = PlanListing.cut(text.replacing("\r\n", with: "↵").replacing("\n", with: "↵"), to: 300)
      return TextTable.printable(text)
    }
    var line = told(change.before)
    if !change.removed.isEmpty { line += "[-\(told(change.removed))-]" }
    if !change.added.isEmpty { line += "{+\(told(change.added))+}" }
    line += told(change.after)
    while line.last == " " { line.removeLast() }
    return line
  }

  // MARK: - Markdown

  /// Counts alone, without any address: a pull request is read by more people than the output folder.
  public var markdown: String {
    var out = "**\(title)**: \(sentence)\n"
    if !rows.isEmpty {
      out += "\n| \(Self.headings.joined(separator: " | ")) |\n|---|\(String(repeating: "--:|", count: 6))\n"
      for (name, counts) in rows {
        out += "| \(Self.cell(name)) | \(Self.numbers(counts).joined(separator: " | ")) |\n"
      }
    }
    if !diff.files.isNone {
      out += "\n| file | words |\n|---|---|\n"
      for file in diff.files.files { out += "| \(Self.cell(file.path)) | \(Self.words(file.change)) |\n" }
    }
    return out
  }

  private static func cell(_ text: String) -> String {
    let special = "\\`*_[]<>|#&"
    return TextTable.printable(text).map { special.contains($0) ? "\\\($0)" : "\($0)" }.joined()
  }

  // MARK: - JSON

  public var json: JSON {
    .members(
      ("old", .string(diff.old.date.description)), ("new", .string(diff.new.date.description)),
      ("total", Self.json(diff.total)),
      (
        "campaigns",
        .object(diff.campaigns.sorted { $0.key < $1.key }.map { JSON.Member($0.key, Self.json($0.value)) })
      ),
      ("sends", .array(diff.changes.map(json))), ("files", .array(diff.files.files.map(Self.json))))
  }

  private static func json(_ c: PlanDiff.Counts) -> JSON {
    .members(
      ("before", .integer(Int64(c.old))), ("after", .integer(Int64(c.new))), ("added", .integer(Int64(c.added))),
      ("removed", .integer(Int64(c.removed))), ("moved", .integer(Int64(c.moved))),
      ("changed", .integer(Int64(c.changed))), ("same", .integer(Int64(c.same))))
  }

  private func json(_ change: PlanDiff.Change) -> JSON {
    let send = change.send
    let isGone = change.kind == .removed
    return .members(
      ("kind", .string(change.kind.rawValue)), ("id", .string(send.id.text)), ("campaign", .string(send.campaign)),
      ("step", .string(send.step)), ("contact", .string(send.contact)), ("to", .string(send.to)),
      ("old_send_at", change.oldTime.map { .string(diff.old.zone.format($0)) }),
      ("old_mailbox", change.oldMailbox.map(JSON.string)),
      ("send_at", isGone ? nil : .string(diff.new.zone.format(send.sendAt))),
      ("mailbox", isGone ? nil : .string(send.mailbox)),
      (
        "fields",
        change.fields.isEmpty
          ? nil
          : .array(
            change.fields.map {
              .members(
                ("name", .string($0.name)), ("old", $0.old.map(JSON.string)), ("new", $0.new.map(JSON.string)))
            })
      ))
  }

  private static func json(_ file: PlanFileDiff.File) -> JSON {
    var (kind, places): (String, JSON?) = ("changed", nil)
    switch file.change {
    case .added: kind = "added"
    case .removed: kind = "removed"
    case .changed(let words):
      places = words.map { words in
        .array(
          words.changes.map {
            .members(
              ("line", .integer(Int64($0.line))), ("removed", .string($0.removed)), ("added", .string($0.added)))
          })
      }
    }
    return .members(("path", .string(file.path)), ("change", .string(kind)), ("words", places))
  }
}
