import ArgumentParser
import Delivery
import Foundation
import Journal
import Messages
import Model
import Reporting
import Transports

struct ReviewOptions: ParsableArguments {
  @Flag(name: .customLong("no-review"), help: "Mails nothing to the reviewers that the settings' review names.")
  var withoutReview = false
}

/// Mails plans that await approval, and reports of days that are done, to the reviewers of the settings' `review`: from
/// its mailbox through that mailbox's providers, outside history and limits as `test` does, each content once to each.
///
/// Nothing that goes wrong here changes what the command does or how it ends: it is said as a warning.
struct ReviewMail {
  private let workspace: Workspace
  private let day: DayFolder
  private let providers: [Provider]
  private let review: Review
  private let mailbox: Mailbox
  /// Campaigns whose lines need an approval.
  private let needApproval: Set<String>

  /// How long a server may keep a command waiting.
  private static let patience = Instant.Span.seconds(30)

  /// Nil where nobody is to be mailed.
  init?(_ workspace: Workspace, _ project: Project, _ day: DayFolder, _ options: ReviewOptions) {
    guard !options.withoutReview, let review = project.settings.review,
      let mailbox = project.mailboxes.first(where: { $0.id == review.mailbox })
    else { return nil }
    self.workspace = workspace
    self.day = day
    self.review = review
    self.mailbox = mailbox
    providers = project.providers
    needApproval = project.campaignsToApprove
  }

  /// Mails a day's plan if lines of it await approval. The caller holds the day's lock.
  /// - Parameter isAskedAnew: whether the same lines in another plan are asked for again; where files change all day
  ///   they are not.
  func plan(_ view: PlanView, isAskedAnew: Bool = true) async {
    await carefully("the plan") {
      let approvals = try Approvals.read(day.approvalPath)
      var awaiting = 0
      var lines: [UInt8] = []
      let overview = try view.overview(keptExamples: 0) { send in
        guard needApproval.contains(send.campaign) else { return }
        let digest = LineDigest.of(send, content: view.header.content[send.campaign])
        guard !approvals.isApproved(send.id, digest: digest) else { return }
        awaiting += 1
        if !isAskedAnew { lines.append(contentsOf: "\(send.id) \(digest)\n".utf8) }
      }
      guard awaiting > 0, let approve = view.approveCommand, let digest = try AtomicFile.digest(of: view.target.path)
      else { return }
      let page = try ReviewLetter.PageFile(
        PlanView.pagePath(of: view.target.path), name: "plan-\(view.header.date).html")
      try await mail(
        .plan(
          overview, awaiting: awaiting, content: isAskedAnew ? digest : Hex.digest(lines), digest: digest,
          approve: approve, page: page, isRehearsal: workspace.isRehearsal))
    }
  }

  /// Mails a day's report if nothing of the day is left to do. The caller holds the day's lock.
  /// - Parameter isOver: nothing more is done on the day, whatever is left.
  func report(_ written: DayReporter.Written?, isOver: Bool = false) async {
    guard let report = written?.report else { return }
    let totals = report.figures.totals
    guard totals.total > 0, isOver || !totals.states.contains(where: { $0.key.isLeft && $0.value > 0 }) else { return }
    await carefully("the report") {
      let counts = report.figures.by(\.campaign).sorted { $0.key < $1.key }.map { campaign, counts in
        let states = counts.states.filter { $0.value > 0 }.map { "\($0.key.rawValue) \($0.value)" }
        return "\(campaign): \(states.sorted().joined(separator: ", "))\n"
      }
      let page = try ReviewLetter.PageFile(day.reportPath, name: "report-\(report.figures.date).html")
      try await mail(.report(report, content: Hex.digest(counts.joined().utf8), page: page))
    }
  }

  private func carefully(_ what: String, _ body: () async throws -> Void) async {
    do { try await body() } catch {
      workspace.log.warning("\(what) for \(day.date) was not mailed to the reviewers: \(error)")
    }
  }

  private func mail(_ letter: ReviewLetter) async throws {
    let log = try ReviewLog.read(day.reviewPath)
    let reviewers = review.to.filter { !log.has($0.address.canonical, letter.kind, letter.content) }
    guard !reviewers.isEmpty else { return }
    let (signers, unsigned) = workspace.signers([mailbox])
    if let problem = unsigned.first { throw Failure(.failed, "\(problem.place): \(problem.message)") }
    let now = Workspace.now()
    let messages = try letter.compose(to: reviewers, from: mailbox, signers: signers, at: now)
    let (endpoints, findings) = await Endpoints.resolve(
      providers: providers, mailboxes: [mailbox], folder: workspace.folder,
      outbox: day.reviewOutboxPath, loopbackOnly: workspace.isRehearsal,
      environment: ProcessInfo.processInfo.environment)
    let ways = endpoints[mailbox.id] ?? []
    if ways.isEmpty { throw Failure(.failed, findings.map { "\($0.place): \($0.message)" }.joined(separator: "; ")) }
    try workspace.output.create()
    let entries = await deliver(messages, through: ways).enumerated().map { i, end in
      ReviewLog.Entry(
        kind: letter.kind, at: now, to: reviewers[i].address.canonical, content: letter.content,
        outcome: end.outcome.recorded, provider: end.provider, response: end.outcome.text)
    }
    try ReviewLog.append(entries, to: day.reviewPath)
    for entry in entries where entry.outcome != .sent {
      workspace.log.warning(
        "the \(letter.kind.rawValue) for \(day.date) was not mailed to \(entry.to) (\(entry.outcome.rawValue)): \(entry.response)"
      )
    }
    let sent = entries.count { $0.outcome == .sent }
    if sent > 0 {
      workspace.log.notice("mailed the \(letter.kind.rawValue) for \(day.date) to \(Words.count(sent, "reviewer"))")
    }
  }

  /// Each message through the first way that takes it; what a server may have is not tried again.
  private func deliver(
    _ messages: [(send: PlannedSend, message: ComposedMessage)], through ways: [Endpoint]
  ) async -> [(outcome: TestDelivery.Outcome, provider: String)] {
    var ends: [(outcome: TestDelivery.Outcome, provider: String)?] = messages.map { _ in nil }
    for var way in ways {
      let open = ends.indices.filter { i in ends[i].map { !$0.outcome.isSettled } ?? true }
      guard !open.isEmpty else { break }
      way.timeout = min(way.timeout ?? Self.patience, Self.patience)
      let attempts = open.map { i in
        let (send, message) = messages[i]
        return OutgoingAttempt(
          handle: i, endpoint: way, sendID: send.id, channel: .email, from: message.envelopeFrom,
          to: message.envelopeTo, message: message.bytes, needsSMTPUTF8: message.needsSMTPUTF8,
          messageID: message.messageID, parts: message.parts)
      }
      for (i, outcome) in zip(open, await TestDelivery.deliver(attempts, through: way)) {
        ends[i] = (outcome, way.provider)
      }
    }
    return ends.map { $0 ?? (TestDelivery.Outcome(isTaken: false, word: "not tried", text: "no provider"), "") }
  }
}

extension TestDelivery.Outcome {
  /// As the journal knows it.
  fileprivate var recorded: Record.Outcome {
    if isTaken { return .sent }
    return word == Self.inDoubt ? .inDoubt : word == Self.refused ? .failed : .retry
  }
  /// Whether another way must not be tried.
  fileprivate var isSettled: Bool { isTaken || word == Self.inDoubt }
}
