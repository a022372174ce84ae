import Foundation
import Journal
import Model
import Reporting

/// Where the message rows stand that have certain values in the columns of their campaign's `key`: the row, what the
/// plans made of it, each attempt with the provider's reply, and why a part of it was skipped. For `status --key`.
struct KeyStory {
  /// More sends than this are told in a table, one line each.
  private static let whole = 20

  private let question: KeyQuestion
  private let project: Project
  /// Rows in the files, by place.
  private var rows: [(campaign: String, place: Place)] = []
  /// By campaign, what made the rows one of a kind that are meant.
  private var keys: [String: Set<String>] = [:]
  private var history = History()
  /// Each as the last plan has it.
  private var planned: [SendID: PlannedSend] = [:]
  /// What plans and results say of each, in the order of the days.
  private var lines: [SendID: [String]] = [:]
  /// Of the last plan that skips any.
  private var skipped: (date: CalendarDay, steps: [SkippedStep])?

  /// - Parameters:
  ///   - words: `VALUE` or `COLUMN=VALUE`, all of which hold for a row.
  ///   - campaign: looked at alone.
  /// - Throws: `Failure` where no row, plan or result has them.
  init(_ words: [String], campaign: String?, _ project: Project, _ output: OutputFolder) throws {
    self.project = project
    let tables = project.campaigns.compactMap { one -> (id: String, table: MessageTable)? in
      guard campaign == nil || one.id == campaign, case .messages(let table) = one.audience else { return nil }
      return (one.id, table)
    }
    question = KeyQuestion(words, columns: Set(tables.flatMap(\.table.keyColumns)))
    for (id, table) in tables {
      for row in table.rows where question.isMet(by: row, keyColumns: table.keyColumns) {
        rows.append((id, row.place))
        keys[id, default: []].insert(row.key)
      }
      if let key = question.wholeKey(table.keyColumns) {
        for row in table.rejected where row.key == key { rows.append((id, row.place)) }
        keys[id, default: []].insert(key)
      }
    }
    try read(output)
    guard !rows.isEmpty || !ids.isEmpty || skipped != nil else {
      let known = tables.flatMap { id, table in
        table.rows.flatMap { row in table.keyColumns.map { row.values[$0] ?? "" } }
      }
      throw Failure(
        .failed,
        "no message row, plan or result has the key '\(words.joined(separator: " "))'"
          + (words.count == 1 ? Nearest.hint(words[0], among: known) : ""))
    }
  }

  private var ids: Set<SendID> { Set(history.sends.ids).union(planned.keys) }

  private mutating func read(_ output: OutputFolder) throws {
    let present = project.campaigns.presentIDs
    let (keys, zone) = (keys, project.settings.zone)
    func isMeant(_ campaign: String, _ key: String?) -> Bool {
      guard let key else { return false }
      return keys[present[campaign] ?? campaign]?.contains(key) ?? false
    }
    for day in try output.days() {
      // An old day's plan that is whole no more takes nothing from what the results tell.
      if let header = try? PlanFile.header(day.planPath),
        header.content.isEmpty || header.content.keys.contains(where: { keys[present[$0] ?? $0] != nil })
      {
        _ = try? PlanFile.forEach(day.planPath) { send, _ in
          guard isMeant(send.campaign, send.key) else { return }
          planned[send.id] = send
          lines[send.id, default: []].append(SendStory.line(planned: send, on: day.date, zone: zone))
        }
      }
      try ResultsReader.forEach(in: day) { record in
        guard let send = record.send, isMeant(send.campaign, send.key) else { return }
        history.apply(record)
        lines[send.id, default: []].append(SendStory.line(record, zone: zone))
      }
      var steps: [SkippedStep] = []
      try SkippedFile.forEach(day.skippedPath) { if isMeant($0.campaign, $0.key) { steps.append($0) } }
      if !steps.isEmpty { skipped = (day.date, steps) }
    }
  }

  /// In the order of their last change, those of which nothing is recorded yet last.
  private var sends: [SendID] {
    func at(_ id: SendID) -> Instant { history.sends[id]?.at ?? planned[id]?.sendAt ?? Instant(milliseconds: 0) }
    let known = history.sends
    return ids.sorted { a, b in
      if (known[a] == nil) != (known[b] == nil) { return known[a] != nil }
      return at(a) != at(b) ? at(a) < at(b) : a < b
    }
  }

  var text: String {
    var parts: [String] = []
    if !rows.isEmpty {
      parts.append(rows.map { "\($0.place): \(question.text), \($0.campaign)" }.joined(separator: "\n"))
    }
    let sends = sends
    if sends.count <= Self.whole {
      for id in sends { parts.append(story(id)) }
    } else {
      let table = SendStory.table(sends.compactMap { history.sends[$0] }, zone: project.settings.zone)
      let pending = sends.count { history.sends[$0] == nil }
      parts.append(table.trimmingCharacters(in: .newlines))
      if pending > 0 { parts.append("\(pending) planned, of which nothing is recorded yet") }
    }
    if let skipped {
      let reasons = skipped.steps.map { step in
        "skipped by the plan for \(skipped.date): \(step.contact), \(step.reason.rawValue): "
          + TextTable.printable(step.detail)
      }
      parts.append(reasons.joined(separator: "\n"))
    }
    if sends.isEmpty, skipped == nil { parts.append("No plan has it yet.") }
    return parts.joined(separator: "\n\n")
  }

  private func story(_ id: SendID) -> String {
    let head = history.sends[id].map(SendStory.head) ?? planned[id].map(SendStory.head(planned:))
    return ([head].compactMap { $0 } + (lines[id] ?? [])).joined(separator: "\n")
  }

  var json: JSON {
    .members(
      (
        "rows",
        .array(rows.map { .members(("campaign", .string($0.campaign)), ("row", .string($0.place.description))) })
      ),
      (
        "sends",
        .array(
          sends.compactMap { id in
            history.sends[id].map(SendStory.json) ?? planned[id].map { SendStory.json(planned: $0) }
          })
      ),
      (
        "skipped",
        .array(
          skipped?.steps.map { [date = skipped?.date] step in
            .members(
              ("date", date.map { .string($0.description) }), ("contact", .string(step.contact)),
              ("campaign", .string(step.campaign)), ("step", .string(step.step)),
              ("reason", .string(step.reason.rawValue)), ("detail", .string(step.detail)))
          } ?? [])
      ))
  }
}

/// Which rows `--key` asks for.
struct KeyQuestion {
  /// Without a column, any of the key's may have the value.
  private let parts: [(column: String?, value: String)]
  let text: String

  /// - Parameter columns: of the keys of all campaigns; `a=b` is a value where none is called `a`.
  init(_ words: [String], columns: Set<String>) {
    text = words.joined(separator: " ")
    parts = words.map { word in
      guard let sign = word.firstIndex(of: "="), columns.contains(String(word[..<sign])) else { return (nil, word) }
      return (String(word[..<sign]), String(word[word.index(after: sign)...]))
    }
  }

  /// - Parameter keyColumns: empty where all of a row but `send_at` makes it one of a kind.
  func isMet(by row: MessageRow, keyColumns: [String]) -> Bool {
    parts.allSatisfy { column, value in
      if let column { return keyColumns.contains(column) && row.values[column] == value }
      if keyColumns.isEmpty { return row.values.contains { $0.key != "send_at" && $0.value == value } }
      return keyColumns.contains { row.values[$0] == value }
    }
  }

  /// The key itself, where the values are all of it: then rows are found that stand in no file any more. Nil otherwise.
  func wholeKey(_ columns: [String]) -> String? {
    guard !columns.isEmpty, parts.count == columns.count else { return nil }
    if columns.count == 1, parts[0].column ?? columns[0] == columns[0] {
      return MessageRow.key([columns[0], parts[0].value])
    }
    let named = Dictionary(
      parts.compactMap { part in part.column.map { ($0, part.value) } }, uniquingKeysWith: { a, _ in a })
    let values = columns.compactMap { column in named[column].map { [column, $0] } }
    return values.count == columns.count ? MessageRow.key(values.flatMap { $0 }) : nil
  }
}
