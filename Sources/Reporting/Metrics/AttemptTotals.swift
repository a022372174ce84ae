import Journal
import Model

/// All attempts that an output has ever seen, by what they went through: what Prometheus' counters count, which must
/// never go back. Days are added up; those whose results have not grown since are taken from
/// `output/history/attempts.jsonl`, and so is a day whose results have been removed.
///
/// The file can be thrown away: it is made again from the results that are there, and counters begin at what these have.
public struct AttemptTotals: Hashable, Sendable {
  /// What an attempt went through.
  public struct Way: Hashable, Comparable, Sendable {
    public var campaign: String
    public var mailbox: String
    public var provider: String

    public static func < (a: Way, b: Way) -> Bool {
      (a.campaign, a.mailbox, a.provider) < (b.campaign, b.mailbox, b.provider)
    }
  }

  public private(set) var attempts: [Way: DayFigures.Outcomes] = [:]
  /// By provider. Of days that were read back, without their percentiles.
  public private(set) var durations: [String: Durations] = [:]

  public init() {}

  init(_ figures: DayFigures) {
    for (group, counts) in figures.groups where counts.attempts.total > 0 {
      let way = Way(campaign: group.campaign, mailbox: group.mailbox, provider: group.provider)
      attempts[way] = (attempts[way] ?? .init()) + counts.attempts
    }
    durations = figures.durations
  }

  mutating func add(_ other: AttemptTotals) {
    attempts.merge(other.attempts, uniquingKeysWith: +)
    durations.merge(other.durations, uniquingKeysWith: +)
  }

  // MARK: What is kept

  /// One day's line of the file.
  private struct Line {
    /// Of its results, in bytes; they only grow.
    var size: Int
    var totals: AttemptTotals
  }

  private static let key = "nightmail_attempts"
  private static func path(_ output: OutputFolder) -> String { output.historyPath + "/attempts.jsonl" }

  /// Adds up all days, and keeps what was counted anew.
  /// - Parameter figures: of a day that was counted a moment ago.
  public static func read(_ output: OutputFolder, counted figures: DayFigures? = nil) throws -> AttemptTotals {
    var known = lines(of: path(output))
    let before = known.mapValues(\.size)
    for day in try output.days() {
      // Taken before the results are read: what is written meanwhile is counted the next time.
      let size = try day.resultsSize()
      guard size > 0, known[day.date]?.size != size else { continue }
      // Counted before it was pruned; what is left of it is on its way out.
      if known[day.date] != nil, output.isPruned(day.date) { continue }
      if let figures, figures.date == day.date {
        // Counted before now: should it have grown since, the next run sees another size than this one's.
        known[day.date] = Line(size: figures.resultsSize, totals: AttemptTotals(figures))
      } else {
        known[day.date] = Line(size: size, totals: try count(day))
      }
    }
    if known.mapValues(\.size) != before { try write(known, to: output) }
    return known.values.reduce(into: AttemptTotals()) { $0.add($1.totals) }
  }

  private static func count(_ day: DayFolder) throws(JournalProblem) -> AttemptTotals {
    var totals = AttemptTotals()
    try ResultsReader.forEachFlat(in: day) { r, bytes in
      guard r.kind == .outcome, r.number > 0, r.provider.count > 0 else { return }
      func text(_ text: FlatRecord.Text) -> String { String(decoding: bytes.text(text), as: UTF8.self) }
      let way = Way(campaign: text(r.campaign), mailbox: text(r.mailbox), provider: text(r.provider))
      totals.attempts[way, default: .init()][r.outcome] += 1
      if r.isTimed { totals.durations[way.provider, default: .init()].add(r.milliseconds) }
    }
    return totals
  }

  /// Nothing where the file is missing or is not what it should be: then everything is counted anew.
  private static func lines(of path: String) -> [CalendarDay: Line] {
    guard let bytes = try? AtomicFile.read(path) else { return [:] }
    var lines: [CalendarDay: Line] = [:]
    for (number, text) in bytes.split(separator: 0x0A).enumerated() {
      guard let json = try? JSON(parsing: text) else { return [:] }
      if number == 0 {
        guard json[key]?.integer == 1 else { return [:] }
        continue
      }
      guard let date = json["date"]?.string.flatMap({ CalendarDay($0) }), let size = json["bytes"]?.integer,
        let totals = AttemptTotals(json)
      else { return [:] }
      lines[date] = Line(size: Int(size), totals: totals)
    }
    return lines
  }

  private init?(_ json: JSON) {
    for row in json["attempts"]?.array ?? [] {
      guard let cells = row.array, cells.count == 7, let campaign = cells[0].string, let mailbox = cells[1].string,
        let provider = cells[2].string
      else { return nil }
      let counts = cells[3...].compactMap(\.integer).map(Int.init)
      guard counts.count == 4 else { return nil }
      var outcomes = DayFigures.Outcomes()
      (outcomes.sent, outcomes.retry, outcomes.failed, outcomes.inDoubt) = (counts[0], counts[1], counts[2], counts[3])
      attempts[Way(campaign: campaign, mailbox: mailbox, provider: provider)] = outcomes
    }
    for row in json["durations"]?.array ?? [] {
      guard let cells = row.array, let provider = cells.first?.string,
        let durations = Durations(
          milliseconds: cells.dropFirst().first?.integer, buckets: cells.dropFirst(2).map(\.integer))
      else { return nil }
      self.durations[provider] = durations
    }
  }

  private static func write(_ lines: [CalendarDay: Line], to output: OutputFolder) throws(JournalProblem) {
    var out = Array("{\"\(key)\":1}\n".utf8)
    for (date, line) in lines.sorted(by: { $0.key < $1.key }) {
      let attempts = line.totals.attempts.sorted { $0.key < $1.key }.map { way, outcomes in
        JSON.array(
          [.string(way.campaign), .string(way.mailbox), .string(way.provider)]
            + [outcomes.sent, outcomes.retry, outcomes.failed, outcomes.inDoubt].map { .integer(Int64($0)) })
      }
      let durations = line.totals.durations.sorted { $0.key < $1.key }.map { provider, durations in
        JSON.array(
          [.string(provider), .integer(durations.sumMilliseconds)] + durations.buckets.map { .integer(Int64($0)) })
      }
      JSON.members(
        ("date", .string(date.description)), ("bytes", .integer(Int64(line.size))), ("attempts", .array(attempts)),
        ("durations", .array(durations))
      ).write(to: &out)
      out.append(0x0A)
    }
    try output.createHistory()
    try AtomicFile.write(out, to: path(output))
  }
}

extension FlatRecord {
  /// Whether an outcome says how long its attempt took: one that the next run settled was nobody's to time.
  var isTimed: Bool { outcome != .inDoubt || milliseconds > 0 }
}
