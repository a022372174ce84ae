import Journal
import Messages
import Model
import Reporting

/// What a reviewer is told: a subject, a text with counts and no addresses, and a page beside it.
struct ReviewLetter {
  var kind: ReviewLog.Kind
  /// Of what is told: the same content is mailed once.
  var content: String
  var subject: String
  var text: String
  var page: Page?

  struct Page {
    /// As the reader saves it.
    var name: String
    var bytes: [UInt8]
  }

  /// A page that is larger is not attached: many servers refuse it, and base64 makes it a third larger.
  static let largestPage = 10_000_000

  /// - Parameters:
  ///   - awaiting: lines that nobody has approved yet.
  ///   - digest: of the plan file: `sha256:` and 64 hex digits.
  ///   - approve: the command without it.
  static func plan(
    _ overview: PlanOverview, awaiting: Int, content: String, digest: String, approve: String, page: PageFile,
    isRehearsal: Bool
  ) -> ReviewLetter {
    let date = overview.header.date
    var text = PlanReport.summary(overview.header)
    if !overview.warnings.isEmpty {
      text += "\nWorth a look\n" + overview.warnings.map { "  - \(TextTable.printable($0.message))\n" }.joined()
    }
    let lines = awaiting == 1 ? "1 line awaits approval." : "\(Words.number(awaiting)) lines await approval."
    text += "\n\(lines) \(page.sentence("every send, and every message as it will go out"))\n"
    text += "\nTo approve this plan and no other, in the project's folder:\n\n"
    text += "  \(approve) --sha256 \(digest.trimmingPrefix("sha256:").prefix(16))\n"
    if page.page != nil {
      text += "\nTo leave sends out, untick them on the page: it makes the command.\n"
    }
    return ReviewLetter(
      kind: .plan, content: content,
      subject: mark(isRehearsal) + "Plan for \(date): \(Words.count(awaiting, "send")) to approve", text: text,
      page: page.page)
  }

  static func report(_ report: DayReport, content: String, page: PageFile) -> ReviewLetter {
    let totals = report.figures.totals
    var parts = ["\(Words.number(totals.states[.sent] ?? 0)) sent"]
    for state in [DayStatus.State.dead, .inDoubt, .released] {
      if let count = totals.states[state], count > 0 { parts.append("\(Words.number(count)) \(state.rawValue)") }
    }
    return ReviewLetter(
      kind: .report, content: content,
      subject: mark(report.isRehearsal) + "Report for \(report.figures.date): \(parts.joined(separator: ", "))",
      text: report.text + "\n\(page.sentence("the same with pictures"))\n", page: page.page)
  }

  private static func mark(_ isRehearsal: Bool) -> String { isRehearsal ? "[rehearsal] " : "" }

  /// A page as it is on disk.
  struct PageFile {
    let path: String
    let page: Page?
    private let size: Int

    /// - Parameter name: what the attachment is called.
    init(_ path: String, name: String) throws(JournalProblem) {
      self.path = path
      let bytes = try AtomicFile.read(path)
      size = bytes?.count ?? 0
      page = bytes.flatMap { $0.count <= ReviewLetter.largestPage ? Page(name: name, bytes: $0) : nil }
    }

    /// Where a reviewer finds it.
    func sentence(_ what: String) -> String {
      if page != nil { return "The page is attached: \(what)." }
      guard size > 0 else { return "No page was written." }
      return "The page has \(size / 1_000_000) MB and is not attached; it is \(path), with \(what)."
    }
  }

  // MARK: - As a message

  /// What a plan's line would be if this were a send. It is of this moment and this reviewer alone.
  private func send(to reviewer: NamedAddress, from mailbox: Mailbox, at now: Instant) -> PlannedSend {
    let id = SendID(
      campaign: Self.name, step: kind.rawValue, contact: reviewer.address.canonical, channel: .email,
      key: "\(content) \(now.milliseconds)")
    return PlannedSend(
      id: id, sendAt: now, open: IntervalSet(), campaign: Self.name, step: kind.rawValue,
      contact: reviewer.address.canonical, channel: .email, to: reviewer.address.envelope, name: reviewer.name,
      mailbox: mailbox.id, subject: subject, text: text)
  }

  private static let name = "review"

  /// The messages, made as a campaign's are: signed, encoded, in parts for services that want parts.
  func compose(
    to reviewers: [NamedAddress], from mailbox: Mailbox, signers: DKIMSigners, at now: Instant
  ) throws(RenderProblem) -> [(send: PlannedSend, message: ComposedMessage)] {
    let path = page?.name ?? ""
    // Transactional: nobody unsubscribes from their own plans.
    let campaign = Campaign(
      id: Self.name, messageClass: .transactional, audience: .contacts(.init(files: [])), mailboxes: .ids([mailbox.id]),
      steps: [
        Step(id: kind.rawValue, variants: [Step.Variant(id: "")], attachments: page == nil ? [] : [path])
      ])
    let bytes = page?.bytes ?? []
    let composer = MessageComposer(
      project: Project(campaigns: [campaign], mailboxes: [mailbox]), engine: TemplateEngine(), signers: signers,
      attachment: { _ in bytes })
    var messages: [(PlannedSend, ComposedMessage)] = []
    for reviewer in reviewers {
      let send = send(to: reviewer, from: mailbox, at: now)
      messages.append((send, try composer.compose(send, date: now)))
    }
    return messages
  }
}
