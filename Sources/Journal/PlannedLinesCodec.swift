import Model

/// The list of a plan's lines as bytes, version 2. A header; then the kinds of lines, each an object with its number;
/// then a line a send, in the plan's order:
///
/// ```
/// {"nightmail_lines":2,"plan":"sha256:…","header":"sha256:…","bytes":"sha256:…"}
/// {"kind":0,"campaign":"welcome","step":"intro","channel":"email","mailbox":"anna","expires_at":"2026-11-21T04:00:00Z"}
/// ["4d2c…","91fe…",0,"ada@example.com"]
/// ["8365…","77aa…",0,"42","ada@example.com","key"]
/// ```
///
/// A send's id, `LineDigest.planned`, kind, contact, and where they are needed `to` (null if it is the contact) and
/// `key`. `LineEncoder` writes these. `bytes` in the header is the digest of the plan's bytes after its header
/// (`PlanPieces`): as long as it is true, nothing was edited, and who sends the plan need not go through the list. The
/// first lists had none. Version 1 had an object for each send, with all of it spelled out.
extension PlannedLines {
  static let version: Int64 = 2

  static func header(plan: String, bytes: String, header: PlanHeader) -> [UInt8] {
    var out: [UInt8] = []
    out.openObject()
    out.member("nightmail_lines", version)
    out.member("plan", plan)
    out.member("header", PlanCodec.identity(of: header))
    out.member("bytes", bytes)
    out.closeObject()
    out.append(0x0A)
    return out
  }

  static func encode(_ kind: Kind, index: Int) -> [UInt8] {
    var out: [UInt8] = []
    out.openObject()
    out.member("kind", index)
    out.member("campaign", kind.campaign)
    out.member("step", kind.step)
    out.member("channel", kind.channel.rawValue)
    out.member("mailbox", kind.mailbox)
    if let expiresAt = kind.expiresAt { out.member("expires_at", expiresAt, zone: .utc) }
    out.closeObject()
    out.append(0x0A)
    return out
  }
}

/// Takes in the lines of a list after its header.
struct PlannedLinesReader {
  let version: Int64
  let plan: String
  let bytes: String?
  private(set) var lines: [PlannedLines.Line] = []
  private var kinds: [PlannedLines.Kind] = []
  private var seen: Set<SendID> = []
  var kindCount: Int { kinds.count }

  init(version: Int64, plan: String, bytes: String? = nil) {
    self.version = version
    self.plan = plan
    self.bytes = bytes
  }

  mutating func add(_ json: JSON) throws(LineProblem) {
    let line: PlannedLines.Line
    if version == 1 {
      line = try Self.spelledOut(json)
    } else if let values = json.array {
      line = try self.line(values)
    } else {
      return try addKind(json)
    }
    guard seen.insert(line.id).inserted else { throw LineProblem("the id \(line.id) stands twice") }
    lines.append(line)
  }

  private static let keys = [
    "id", "sha256", "campaign", "step", "key", "contact", "channel", "to", "mailbox", "expires_at",
  ]

  private static func spelledOut(_ json: JSON) throws(LineProblem) -> PlannedLines.Line {
    let fields = try Fields(json, keys, what: "a planned line")
    return PlannedLines.Line(
      id: try fields.id(), digest: try fields.string("sha256"), campaign: try fields.string("campaign"),
      step: try fields.string("step"), key: try fields.optionalString("key") ?? "",
      contact: try fields.string("contact"), channel: try fields.word("channel", Channel.self),
      to: try fields.string("to"), mailbox: try fields.string("mailbox"),
      expiresAt: try fields.optionalInstant("expires_at"))
  }

  mutating func addKind(_ json: JSON) throws(LineProblem) {
    let fields = try Fields(
      json, ["kind", "campaign", "step", "channel", "mailbox", "expires_at"], what: "a kind of lines")
    guard lines.isEmpty, try fields.count("kind") == kinds.count else {
      throw LineProblem("'kind' counts up from 0, before the first line")
    }
    kinds.append(
      PlannedLines.Kind(
        campaign: try fields.string("campaign"), step: try fields.string("step"),
        channel: try fields.word("channel", Channel.self), mailbox: try fields.string("mailbox"),
        expiresAt: try fields.optionalInstant("expires_at")))
  }

  func line(_ values: [JSON]) throws(LineProblem) -> PlannedLines.Line {
    guard (4...6).contains(values.count), let id = values[0].string.flatMap({ SendID($0) }),
      let digest = values[1].string, let index = values[2].integer, let contact = values[3].string
    else { throw LineProblem("a planned line is [id, digest, kind, contact, to, key], the last two where needed") }
    guard (0..<Int64(kinds.count)).contains(index) else { throw LineProblem("there is no kind \(index) of lines") }
    let kind = kinds[Int(index)]
    var to = contact
    if values.count > 4, values[4] != .null {
      guard let text = values[4].string else { throw LineProblem("'to' is a string or null, not \(values[4].kind)") }
      to = text
    }
    var key = ""
    if values.count > 5 {
      guard let text = values[5].string else { throw LineProblem("'key' is a string, not \(values[5].kind)") }
      key = text
    }
    return PlannedLines.Line(
      id: id, digest: digest, campaign: kind.campaign, step: kind.step, key: key, contact: contact,
      channel: kind.channel, to: to, mailbox: kind.mailbox, expiresAt: kind.expiresAt)
  }
}
