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
    /// `LineDigest.whole`.
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

  /// What became of a line since it was planned.
  public enum Verdict: Hashable, Sendable { case asPlanned, changed, added }

  /// The digest of the plan's bytes as they were written.
  public let plan: String
  /// In the plan's order.
  public let lines: [Line]
  private let byID: [SendID: Int]

  init(plan: String, lines: [Line]) {
    self.plan = plan
    self.lines = lines
    byID = Dictionary(lines.enumerated().map { ($1.id, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func line(_ id: SendID) -> Line? { byID[id].map { lines[$0] } }

  public func verdict(on send: PlannedSend) -> Verdict {
    guard let line = line(send.id) else { return .added }
    return line.digest == LineDigest.whole(send) ? .asPlanned : .changed
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
    var plan: String?
    var lines: [Line] = []
    var seen: Set<SendID> = []
    while let line = try reader.next() {
      do {
        let json = try line.json()
        guard plan != nil else {
          try FormatVersion.check(json, key: "nightmail_lines", path: path)
          let fields = try Fields(json, ["nightmail_lines", "plan", "header"], what: "the header")
          plan = try fields.string("plan")
          guard try fields.string("header") == PlanCodec.identity(of: header) else {
            throw JournalProblem.interrupted(path: planPath)
          }
          continue
        }
        let entry = try decode(json)
        guard seen.insert(entry.id).inserted else { throw LineProblem("the id \(entry.id) stands twice") }
        lines.append(entry)
      } catch let problem as LineProblem {
        throw .malformed(path: path, line: line.number, message: problem.message)
      } catch let problem as JournalProblem {
        throw problem
      } catch {
        throw .malformed(path: path, line: line.number, message: "\(error)")
      }
    }
    guard let plan else { throw .interrupted(path: planPath) }
    return PlannedLines(plan: plan, lines: lines)
  }

  private static let keys = [
    "id", "sha256", "campaign", "step", "key", "contact", "channel", "to", "mailbox", "expires_at",
  ]

  private static func decode(_ json: JSON) throws(LineProblem) -> Line {
    let fields = try Fields(json, keys, what: "a planned line")
    return Line(
      id: try fields.id(), digest: try fields.string("sha256"), campaign: try fields.string("campaign"),
      step: try fields.string("step"), key: try fields.optionalString("key") ?? "",
      contact: try fields.string("contact"), channel: try fields.word("channel", Channel.self),
      to: try fields.string("to"), mailbox: try fields.string("mailbox"),
      expiresAt: try fields.optionalInstant("expires_at"))
  }

  static func header(plan: String, header: PlanHeader) -> [UInt8] {
    var out: [UInt8] = []
    out.openObject()
    out.member("nightmail_lines", 1)
    out.member("plan", plan)
    out.member("header", PlanCodec.identity(of: header))
    out.closeObject()
    out.append(0x0A)
    return out
  }

  static func encode(_ send: PlannedSend, to out: inout [UInt8]) {
    out.openObject()
    out.member("id", send.id.text)
    out.member("sha256", LineDigest.whole(send))
    out.member("campaign", send.campaign)
    out.member("step", send.step)
    out.member("key", unlessEmpty: send.key)
    out.member("contact", send.contact)
    out.member("channel", send.channel.rawValue)
    out.member("to", send.to)
    out.member("mailbox", send.mailbox)
    if let expiresAt = send.expiresAt { out.member("expires_at", expiresAt, zone: .utc) }
    out.closeObject()
    out.append(0x0A)
  }
}
