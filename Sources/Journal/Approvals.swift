import Model

/// Who approved which lines of a day, from `approval.jsonl`. A line is approved under its digest less `send_at` and
/// `open`, so that a re-plan keeps the approval of what was approved.
public struct Approvals: Sendable {
  /// One `approve`.
  public struct Entry: Hashable, Sendable {
    public var by: String
    public var at: Instant
    /// The digest of the plan file's bytes when it was approved.
    public var plan: String
    public var lines: Int
    public var withdrawn: Int
    public init(by: String, at: Instant, plan: String, lines: Int, withdrawn: Int) {
      self.by = by
      self.at = at
      self.plan = plan
      self.lines = lines
      self.withdrawn = withdrawn
    }
  }

  /// A line and its `LineDigest.of`.
  public struct Line: Hashable, Sendable {
    public var id: SendID
    public var digest: String
    public init(id: SendID, digest: String) {
      self.id = id
      self.digest = digest
    }
  }

  /// In the order in which they were given.
  public private(set) var entries: [Entry] = []
  private var approved: Set<Line> = []

  public init() {}

  /// - Parameter digest: `LineDigest.of` the line as it stands in the plan now.
  public func isApproved(_ id: SendID, digest: String) -> Bool { approved.contains(Line(id: id, digest: digest)) }
  /// - Parameter content: what the plan's header says of the campaign's files.
  public func isApproved(_ send: PlannedSend, content: String? = nil) -> Bool {
    !approved.isEmpty && isApproved(send.id, digest: LineDigest.of(send, content: content))
  }

  /// Everybody who approved, each once, in order.
  public var approvers: [String] {
    var seen: Set<String> = []
    return entries.map(\.by).filter { seen.insert($0).inserted }
  }

  private static let header = "{\"nightmail_approval\":1}"

  /// Reads the file; nobody approved anything if there is none. A torn last line is passed over: `approve` was cut
  /// off before it had said that it was done.
  public static func read(_ path: String) throws(JournalProblem) -> Approvals {
    var approvals = Approvals()
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return approvals }
    while let line = try reader.next(), line.isEnded {
      let json: JSON
      do { json = try line.json() } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
      if line.number == 1 {
        try FormatVersion.check(json, key: "nightmail_approval", path: path)
        continue
      }
      do { try approvals.apply(json) } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
    }
    return approvals
  }

  private mutating func apply(_ json: JSON) throws(LineProblem) {
    switch json["kind"]?.string {
    case "approval":
      let fields = try Fields(json, ["kind", "by", "at", "plan", "lines", "withdrawn"], what: "an approval")
      entries.append(
        Entry(
          by: try fields.string("by"), at: try fields.instant("at"), plan: try fields.string("plan"),
          lines: try fields.count("lines"), withdrawn: try fields.count("withdrawn")))
    case "line":
      let fields = try Fields(json, ["kind", "id", "sha256"], what: "an approved line")
      guard !entries.isEmpty else { throw LineProblem("a line stands before the approval that it belongs to") }
      approved.insert(Line(id: try fields.id(), digest: try fields.string("sha256")))
    default: throw LineProblem("'kind' is 'approval' or 'line'")
    }
  }

  /// Adds an approval, on disk when it returns. The caller holds the day's lock.
  public static func append(_ entry: Entry, lines: [Line], to path: String) throws(JournalProblem) {
    // Nothing is added to a file that cannot be read: it would be lost with it.
    _ = try read(path)
    let file = try AppendFile(path, header: header)
    file.pending.openObject()
    file.pending.member("kind", "approval")
    file.pending.member("by", entry.by)
    file.pending.member(utc: "at", entry.at)
    file.pending.member("plan", entry.plan)
    file.pending.member("lines", entry.lines)
    file.pending.member("withdrawn", entry.withdrawn)
    file.pending.closeObject()
    file.pending.append(0x0A)
    for line in lines {
      file.pending.openObject()
      file.pending.member("kind", "line")
      file.pending.member("id", line.id.text)
      file.pending.member("sha256", line.digest)
      file.pending.closeObject()
      file.pending.append(0x0A)
    }
    try file.close()
  }
}

/// What approving a plan comes to: decided here, carried out by `approve`.
public struct ApprovalDecision: Hashable, Sendable {
  /// A line that is not as it was planned: nothing of it may be approved.
  public struct Refusal: Hashable, Sendable {
    public enum Cause: Hashable, Sendable { case changed, added }
    public var id: SendID
    /// The plan file's line, from 1.
    public var line: Int
    public var cause: Cause
  }

  public var approved: [Approvals.Line]
  /// Taken out of the plan file or named by `--without`, in the order in which they were planned.
  public var withdrawn: [PlannedLines.Line]
  public var refused: [Refusal]
  /// Ids of `--without` that the plan never had.
  public var unknown: [SendID]

  /// - Parameters:
  ///   - planned: the lines as they were planned.
  ///   - current: the plan as it stands now.
  ///   - without: ids that are to be taken out.
  public static func decide(
    planned: PlannedLines, current: StoredPlan, without: Set<SendID> = []
  ) -> ApprovalDecision {
    var decision = ApprovalDecision(approved: [], withdrawn: [], refused: [], unknown: [])
    var present: Set<SendID> = []
    for (send, line) in zip(current.sends, current.lines) {
      present.insert(send.id)
      switch planned.verdict(on: send) {
      case .asPlanned where without.contains(send.id): continue
      case .changed where without.contains(send.id): continue
      case .asPlanned:
        decision.approved.append(
          Approvals.Line(id: send.id, digest: LineDigest.of(send, content: current.header.content[send.campaign])))
      case .changed: decision.refused.append(Refusal(id: send.id, line: line, cause: .changed))
      case .added: decision.refused.append(Refusal(id: send.id, line: line, cause: .added))
      }
    }
    decision.withdrawn = planned.lines.filter { !present.contains($0.id) || without.contains($0.id) }
    decision.unknown = without.filter { planned.line($0) == nil }.sorted()
    return decision
  }

  /// Leaves what a person saw in an earlier plan of the day and is still as it was there: what came or changed since
  /// awaits another look, and what is gone since was taken out by nobody.
  public mutating func keep(onlyAsIn reviewed: StoredPlan, without: Set<SendID>) {
    let seen = Set(reviewed.sends.map { LineDigest.of($0, content: reviewed.header.content[$0.campaign]) })
    approved.removeAll { !seen.contains($0.digest) }
    withdrawn.removeAll { !without.contains($0.id) }
  }

  /// The records of what was withdrawn, to be appended to the day's results before the approval is written: a crash
  /// in between then leaves less approved, never something withdrawn that may go out.
  public func records(at: Instant, by: String) -> [Record] { withdrawn.map { .withdrawn($0.note(at: at, by: by)) } }
}

extension Project {
  /// Whether a line of a plan goes out as it stands: it is approved, or its campaign needs no approval.
  public func mayGo(_ send: PlannedSend, of header: PlanHeader, _ approvals: Approvals) -> Bool {
    campaigns.contains { $0.id == send.campaign && $0.approval == .optional }
      || approvals.isApproved(send, content: header.content[send.campaign])
  }
}
