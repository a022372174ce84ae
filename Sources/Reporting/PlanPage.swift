import Model

/// A plan as one page for reviewers: self-contained, without network, useful without scripts, and quick with a hundred
/// thousand sends.
///
/// Its policy lets the one script run whose digest it names, and nothing be fetched; a message's HTML is shown in a frame
/// that may do nothing at all. The page is written piece by piece: whatever the size of the plan, no more than
/// `mostSends` lines are held, as the columns that the script reads.
public struct PlanPage {
  /// Sends on the page. The others are counted, and approved with it.
  public static let mostSends = 100_000
  /// Those that are plain HTML, for readers without scripts.
  static let plainSends = 200
  /// Mailboxes that have a timeline.
  static let mostMailboxes = 500

  /// A step's message with a real contact's values.
  public struct Preview: Sendable {
    public var campaign: String
    public var step: String
    public var variant: String?
    public var channel: Channel
    /// Nil where no send of the step is in the plan: there is nobody to show it for.
    public var message: Message?
    /// Why there is none although a send is in the plan.
    public var problem: String?

    public init(
      campaign: String, step: String, variant: String?, channel: Channel, message: Message? = nil,
      problem: String? = nil
    ) {
      self.campaign = campaign
      self.step = step
      self.variant = variant
      self.channel = channel
      self.message = message
      self.problem = problem
    }
  }

  public struct Message: Sendable {
    public var id: SendID
    public var from: String
    public var to: String
    public var subject: String?
    public var text: String?
    public var html: String?
    public var attachments: [String]

    public init(
      id: SendID, from: String, to: String, subject: String?, text: String?, html: String?, attachments: [String]
    ) {
      self.id = id
      self.from = from
      self.to = to
      self.subject = subject
      self.text = text
      self.html = html
      self.attachments = attachments
    }
  }

  let overview: PlanOverview
  let lines: PlanPageLines
  let previews: [Preview]
  /// What a reader should know of the page itself: files that changed since.
  let notes: [String]
  /// `sha256:` and the digest of the plan's file.
  let digest: String
  /// The command that approves the plan, less its options; nil where the plan cannot be approved.
  let approve: String?

  public init(
    _ overview: PlanOverview, _ lines: PlanPageLines, previews: [Preview], notes: [String], digest: String,
    approve: String?
  ) {
    self.overview = overview
    self.lines = lines
    self.previews = previews
    self.notes = notes
    self.digest = digest
    self.approve = approve
  }

  var header: PlanHeader { overview.header }

  /// Hands the page to `sink` in pieces.
  public func write<Problem: Error>(to sink: ([UInt8]) throws(Problem) -> Void) throws(Problem) {
    func put(_ text: String) throws(Problem) { try sink(Array(text.utf8)) }
    try put(head)
    try put("<body>\n<a class=\"skip\" href=\"#sends\">Skip to the list of sends</a>\n")
    try put(banner)
    try put("<main>\n" + summary + warnings + campaigns)
    try put(load + mailboxes + skipped)
    for part in previewParts { try put(part) }
    try put(listHead)
    for row in lines.plain { try put(row) }
    try put(listFoot + approval + "</main>\n" + footer)
    try put("<script type=\"application/json\" id=\"plan\">")
    try lines.writeJSON(self, to: sink)
    try put("</script>\n<script>\(PlanPageScript.text)</script>\n</body>\n</html>\n")
  }

  private var head: String {
    let policy = "script-src \(HTML.source(PlanPageScript.text)); style-src 'unsafe-inline'; img-src data:; "
    return HTML.head(title: "Plan for \(header.date) – Nightmail", policy: policy, style: PlanPageStyle.text)
  }

  /// A number that stands in a table.
  static func number(_ n: Int) -> String { "<td class=\"n\">\(Words.number(n))</td>" }

  /// A time that the script writes anew in the reader's zone.
  static func time(_ instant: Instant, _ zone: Zone, seconds: Bool = false) -> String {
    let clock = seconds ? zone.fullClock(instant) : zone.clock(instant)
    return
      "<time datetime=\"\(zone.format(instant))\" data-t=\"\(instant.seconds)\"\(seconds ? " data-s" : "")>\(clock)</time>"
  }
}

/// The list's lines as the page has them: columns for the script, the first of them as plain rows.
public struct PlanPageLines: Sendable {
  private let zone: Zone
  private var kinds = PlanTally()
  private var times: [UInt8] = []
  private var numbers: [UInt8] = []
  private var ids: [UInt8] = []
  private var recipients: [UInt8] = []
  private var subjects: [UInt8] = []
  private var contacts: [UInt8] = []
  private var last: Int64 = 0
  private(set) var count = 0
  private(set) var plain: [String] = []

  public init(zone: Zone) { self.zone = zone }

  /// Takes the plan's next line; those beyond the page's most are left out.
  public mutating func add(_ send: PlannedSend) {
    guard count < PlanPage.mostSends else { return }
    let comma: [UInt8] = count == 0 ? [] : [0x2C]
    times += comma + Array(String(send.sendAt.seconds - last).utf8)
    last = send.sendAt.seconds
    numbers += comma + Array(String(kinds.number(of: send)).utf8)
    ids += Array(send.id.text.utf8)
    recipients += comma
    HTML.json(send.to, to: &recipients)
    subjects += comma
    HTML.json(Self.subject(send), to: &subjects)
    if send.contact != send.to {
      contacts += (contacts.isEmpty ? [] : [0x2C]) + Array("\"\(count)\":".utf8)
      HTML.json(send.contact, to: &contacts)
    }
    if count < PlanPage.plainSends { plain.append(row(send)) }
    count += 1
  }

  /// A subject, or how a text message begins.
  private static func subject(_ send: PlannedSend) -> String { String((send.subject ?? send.text ?? "").prefix(200)) }

  private func row(_ send: PlannedSend) -> String {
    let step = [send.campaign, send.step, send.variant].compactMap { $0 }.joined(separator: " / ")
    return """
      <tr role="row"><td role="cell" class="tick"></td><td role="cell" class="time">\
      \(PlanPage.time(send.sendAt, zone, seconds: true))</td><td role="cell" class="to">\(HTML.text(send.to))</td>\
      <td role="cell" class="subject">\(HTML.text(Self.subject(send)))</td><td role="cell" class="step">\
      \(HTML.text(step))</td><td role="cell" class="mailbox">\(HTML.text(send.mailbox))</td></tr>

      """
  }

  /// The one object that the script reads.
  func writeJSON<Problem: Error>(
    _ page: PlanPage, to sink: ([UInt8]) throws(Problem) -> Void
  ) throws(Problem) {
    var out = Array("{\"zone\":".utf8)
    HTML.json(page.header.zone.identifier, to: &out)
    out += Array(",\"sends\":\(page.overview.tally.count),\"approve\":".utf8)
    if let approve = page.approve { HTML.json(approve, to: &out) } else { out += Array("null".utf8) }
    out += Array(",\"sha256\":\"\(page.digest.dropFirst("sha256:".count).prefix(16))\",\"quarters\":".utf8)
    var quarters: [Int64: Int] = [:]
    for group in page.overview.tally.groups { quarters.merge(group.quarters, uniquingKeysWith: +) }
    let pairs = quarters.sorted { $0.key < $1.key }.map { "[\($0.key * PlanTally.quarter),\($0.value)]" }
    out += Array("[\(pairs.joined(separator: ","))],\"kinds\":[".utf8)
    for (i, group) in kinds.groups.enumerated() {
      out += Array(i == 0 ? "[".utf8 : ",[".utf8)
      let kind = group.kind
      HTML.json([kind.campaign, kind.step, kind.variant].compactMap { $0 }.joined(separator: " / "), to: &out)
      out.append(0x2C)
      HTML.json(kind.mailbox, to: &out)
      out.append(0x5D)
    }
    out += Array("],\"t\":[".utf8)
    try sink(out)
    try sink(times)
    try sink(Array("],\"k\":[".utf8))
    try sink(numbers)
    try sink(Array("],\"id\":\"".utf8))
    try sink(ids)
    try sink(Array("\",\"to\":[".utf8))
    try sink(recipients)
    try sink(Array("],\"s\":[".utf8))
    try sink(subjects)
    try sink(Array("],\"c\":{".utf8))
    try sink(contacts)
    try sink(Array("}}".utf8))
  }
}
