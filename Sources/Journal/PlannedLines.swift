import Model

/// The lines of a plan as they were planned (`plan.lines`), kept beside the plan for what people do to it: `approve`
/// learns from it which lines were deleted, changed or added, and the executor which ones to hold back.
///
/// Its header names the plan it belongs to. A list that belongs to another plan vouches for nothing: reading it is
/// `JournalProblem.interrupted`.
public struct PlannedLines: Sendable {
  /// One line: enough to record it as withdrawn when the plan no longer has it.
  public struct Line: Hashable, Sendable {
    public var id: SendID
    /// `LineDigest.planned`; in lists of version 1 `LineDigest.whole`.
    public var digest: String
    public var campaign: String
    public var step: String
    public var key: String
    public var contact: String
    public var channel: Channel
    public var to: String
    public var mailbox: String
    public var expiresAt: Instant?

    public func note(at: Instant, by: String?) -> Record.Note {
      Record.Note(
        id: id, at: at, campaign: campaign, step: step, key: key, contact: contact, channel: channel, to: to,
        mailbox: mailbox, expiresAt: expiresAt, by: by)
    }
  }

  /// What many lines have in common, and says enough of them for that record.
  struct Kind: Hashable, Sendable {
    var campaign: String
    var step: String
    var channel: Channel
    var mailbox: String
    var expiresAt: Instant?
  }

  /// What became of a line since it was planned.
  public enum Verdict: Hashable, Sendable { case asPlanned, changed, added }

  /// The digest of the plan's bytes as they were written.
  public let plan: String
  /// In the plan's order.
  public let lines: [Line]
  private let byID: [SendID: Int]
  private let version: Int64

  init(version: Int64, plan: String, lines: [Line]) {
    self.version = version
    self.plan = plan
    self.lines = lines
    byID = Dictionary(lines.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func line(_ id: SendID) -> Line? { byID[id].map { lines[$0] } }

  public func verdict(on send: PlannedSend) -> Verdict {
    guard let line = line(send.id) else { return .added }
    let digest = version == 1 ? LineDigest.whole(send) : LineDigest.planned(send)
    return line.digest == digest ? .asPlanned : .changed
  }

  /// The list that belongs to a plan file: `plan.lines` for `plan.jsonl`.
  public static func path(forPlan path: String) -> String {
    (path.hasSuffix(".jsonl") ? String(path.dropLast(6)) : path) + ".lines"
  }

  /// Reads the list of `plan`, which stands at `path`.
  public static func read(planPath: String, header: PlanHeader) throws(JournalProblem) -> PlannedLines {
    let path = path(forPlan: planPath)
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { throw .interrupted(path: planPath) }
    var list: PlannedLinesReader?
    while let line = try reader.next() {
      do {
        let json = try line.json()
        if list != nil {
          try list?.add(json)
          continue
        }
        list = try begin(json, path: path, planPath: planPath, header: header)
      } catch let problem as LineProblem {
        throw .malformed(path: path, line: line.number, message: problem.message)
      } catch let problem as JournalProblem {
        throw problem
      } catch {
        throw .malformed(path: path, line: line.number, message: "\(error)")
      }
    }
    guard let list else { throw .interrupted(path: planPath) }
    return PlannedLines(version: list.version, plan: list.plan, lines: list.lines)
  }

  private static func begin(
    _ json: JSON, path: String, planPath: String, header: PlanHeader
  ) throws -> PlannedLinesReader {
    try FormatVersion.check(json, key: "nightmail_lines", path: path, known: Self.version)
    let fields = try Fields(json, ["nightmail_lines", "plan", "header", "bytes"], what: "the header")
    let list = PlannedLinesReader(
      version: try fields.integer("nightmail_lines", 1...Self.version), plan: try fields.string("plan"),
      bytes: try fields.optionalString("bytes"))
    guard try fields.string("header") == PlanCodec.identity(of: header) else {
      throw JournalProblem.interrupted(path: planPath)
    }
    return list
  }

  /// The list's first line, which says whose it is.
  static func open(
    _ line: LineReader.Line, path: String, planPath: String, header: PlanHeader
  ) throws(JournalProblem) -> PlannedLinesReader {
    do { return try begin(try line.json(), path: path, planPath: planPath, header: header) } catch {
      if let problem = error as? JournalProblem { throw problem }
      throw .malformed(path: path, line: line.number, message: (error as? LineProblem)?.message ?? "\(error)")
    }
  }
}
