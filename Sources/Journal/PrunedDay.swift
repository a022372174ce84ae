import Foundation
import Model

/// What is kept of a day that was pruned, in `output/history/days/<date>.jsonl`: a header, and the records of its results
/// with tokens in place of names (`NameKey`), so that the history folds them as it folded the results. What a server
/// said, who approved and what only reports need is left out. From the moment that the file is there, the results of
/// the day that went into it count no more, whether they are still there or not.
public struct PrunedDay: Hashable, Sendable {
  /// A results file that is kept here. The plan's header names the history by its files' digests: theirs stay the same.
  public struct File: Hashable, Sendable {
    public var name: String
    /// In bytes.
    public var size: Int
    /// `sha256:` and 64 hex digits.
    public var digest: String
  }

  /// How many sends of a campaign came to what.
  public struct Counts: Hashable, Sendable {
    /// Lines of the day's last plan.
    public var planned = 0
    public var sent = 0
    /// Dead letters that a person let go among them.
    public var unsent = 0
    /// Given back: due again after it.
    public var released = 0
  }

  public var date: CalendarDay
  public var prunedAt: Instant
  /// Of the key that its tokens were made by.
  public var key: String
  public var files: [File]
  public var campaigns: [String: Counts]

  public init(
    date: CalendarDay, prunedAt: Instant, key: String, files: [File] = [], campaigns: [String: Counts] = [:]
  ) {
    self.date = date
    self.prunedAt = prunedAt
    self.key = key
    self.files = files
    self.campaigns = campaigns
  }

  static let header = "nightmail_pruned"

  var json: JSON {
    let files = files.map {
      JSON.members(("name", .string($0.name)), ("bytes", .integer(Int64($0.size))), ("digest", .string($0.digest)))
    }
    let campaigns = campaigns.sorted { $0.key < $1.key }.map { JSON.Member($0.key, $0.value.json) }
    return .members(
      (Self.header, .integer(1)), ("date", .string(date.description)),
      ("pruned_at", .string(Zone.utc.format(prunedAt))),
      ("key", .string(key)), ("files", .array(files)), ("campaigns", .object(campaigns)))
  }

  private init?(_ json: JSON) {
    guard let date = json["date"]?.string.flatMap({ CalendarDay($0) }),
      let at = json["pruned_at"]?.string.flatMap({ Instant($0) }), let key = json["key"]?.string,
      let files = json["files"]?.array, let campaigns = json["campaigns"]?.object
    else { return nil }
    self.init(date: date, prunedAt: at, key: key)
    for file in files {
      guard let name = file["name"]?.string, let size = file["bytes"]?.integer, let digest = file["digest"]?.string
      else { return nil }
      self.files.append(File(name: name, size: Int(size), digest: digest))
    }
    for campaign in campaigns { self.campaigns[campaign.key] = Counts(campaign.value) }
  }

  /// The header of a kept day; nil where the day was not pruned.
  public static func read(_ date: CalendarDay, in output: OutputFolder) throws(JournalProblem) -> PrunedDay? {
    let path = output.prunedPath(date)
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return nil }
    guard let line = try reader.next() else {
      throw .malformed(path: path, line: 1, message: "is empty; restore it from a backup")
    }
    let json: JSON
    do { json = try line.json() } catch { throw .malformed(path: path, line: 1, message: error.message) }
    try FormatVersion.check(json, key: header, path: path)
    guard let day = PrunedDay(json), day.date == date else {
      throw .malformed(path: path, line: 1, message: "is no header of \(date); restore the file from a backup")
    }
    return day
  }

  /// The results files of a day's folder that are not among what was kept of it: nothing is counted twice, and nothing
  /// passed over that was written since.
  func unkept(_ folder: DayFolder) throws(JournalProblem) -> [String] {
    var paths: [String] = []
    for path in try folder.resultsPaths() {
      let name = FileSystem.name(of: path)
      let same = files.filter { $0.name == name && $0.size == FileStamp(path)?.size }
      if !same.isEmpty {
        let digest = try AtomicFile.digest(of: path)
        if digest == nil || same.contains(where: { $0.digest == digest }) { continue }
      }
      paths.append(path)
    }
    return paths
  }
}

extension PrunedDay.Counts {
  public var json: JSON {
    .members(
      ("planned", .integer(Int64(planned))), ("sent", .integer(Int64(sent))), ("unsent", .integer(Int64(unsent))),
      ("released", .integer(Int64(released))))
  }

  fileprivate init(_ json: JSON) {
    func count(_ name: String) -> Int { Int(json[name]?.integer ?? 0) }
    self.init(planned: count("planned"), sent: count("sent"), unsent: count("unsent"), released: count("released"))
  }
}

extension OutputFolder {
  /// What is kept of pruned days.
  var prunedPath: String { historyPath + "/days" }
  /// How paths of kept days begin, relative to the output.
  var relativePrunedPath: String { "history/days/" }
  func prunedPath(_ date: CalendarDay) -> String { "\(prunedPath)/\(date).jsonl" }
  var nameKeyPath: String { historyPath + "/names.key" }

  /// The days of which something is kept, the earliest first.
  public func prunedDates() throws(JournalProblem) -> [CalendarDay] {
    try FileSystem.names(in: prunedPath).compactMap { name in
      name.hasSuffix(".jsonl") ? CalendarDay(String(name.dropLast(6))) : nil
    }.sorted()
  }

  /// Whether something is kept of a day, so that its own folder, if it is there, is on its way out.
  public func isPruned(_ date: CalendarDay) -> Bool { FileSystem.exists(prunedPath(date)) }

  /// Of the pruned days: their headers, and the key of their tokens; nil where there are none.
  /// - Throws: where the key is missing or is not theirs: without it the same people would be taken for others.
  func pruned() throws(JournalProblem) -> (days: [CalendarDay: PrunedDay], key: NameKey)? {
    var days: [CalendarDay: PrunedDay] = [:]
    for date in try prunedDates() { days[date] = try PrunedDay.read(date, in: self) }
    guard let first = days.keys.min() else { return nil }
    guard let key = try readNameKey() else {
      throw .malformed(
        path: nameKeyPath, line: 0,
        message: "is missing, and what was kept of pruned days cannot be read without it; restore it from a backup")
    }
    let fingerprint = key.fingerprint
    for (date, day) in days where day.key != fingerprint {
      throw .malformed(
        path: nameKeyPath, line: 0,
        message: "is not the key of \(prunedPath(date)); restore the two from one backup (the first is of \(first))")
    }
    return (days, key)
  }

  private static let keyPrefix = "nightmail-key 1 "

  private func readNameKey() throws(JournalProblem) -> NameKey? {
    guard let bytes = try AtomicFile.read(nameKeyPath) else { return nil }
    let text = String(decoding: bytes, as: UTF8.self).trimmingSuffix(while: \.isNewline)
    let key = text.hasPrefix(Self.keyPrefix) ? decode(text.dropFirst(Self.keyPrefix.count)) : nil
    guard let key, key.count == 32 else {
      throw .malformed(
        path: nameKeyPath, line: 1, message: "must be one line, 'nightmail-key 1' and 64 hex digits; restore it")
    }
    return NameKey(bytes: key)
  }

  private func decode(_ hex: Substring) -> [UInt8]? {
    let digits = hex.utf8.map { $0 >= 0x30 && $0 <= 0x39 ? $0 - 0x30 : $0 >= 0x61 && $0 <= 0x66 ? $0 - 0x57 : 0xFF }
    guard digits.count % 2 == 0, !digits.contains(0xFF) else { return nil }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }

  /// The key; made once, before the first day is pruned.
  func makeNameKey() throws(JournalProblem) -> NameKey {
    if let pruned = try pruned() { return pruned.key }
    if let key = try readNameKey() { return key }
    let bytes = (0..<32).map { _ in UInt8.random(in: .min ... .max) }
    try createHistory()
    try AtomicFile.write(Array((Self.keyPrefix + Hex.encode(bytes) + "\n").utf8), to: nameKeyPath)
    return NameKey(bytes: bytes)
  }
}

extension StringProtocol {
  fileprivate func trimmingSuffix(while isLeftOut: (Character) -> Bool) -> String {
    var text = String(self)
    while let last = text.last, isLeftOut(last) { text.removeLast() }
    return text
  }
}
