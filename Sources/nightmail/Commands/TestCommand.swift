import ArgumentParser
import Config
import Delivery
import Foundation
import Journal
import Messages
import Model
import Reporting
import Transports

struct TestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Sends a campaign's messages to oneself.",
    discussion: """
      Every step with each of its variants, or --step alone, with a real contact's values, through the first provider of \
      the mailbox, at once, with [test] before the subject. It stands outside history and limits: it writes no results, \
      counts for nothing and asks no window. A link that is made of the contact's values is the contact's own, one of \
      {{send_id}} is nobody's. Messages of `file` providers go to \
      output/test/outbox. With --rehearse it delivers to files and this machine only. Exit code 0 only if the server took \
      all of them.
      """)

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: ArgumentHelp("Who gets them: an e-mail address, or a phone number.", valueName: "me"))
  var to: String
  @Option(help: ArgumentHelp("Only this step.", valueName: "id"))
  var step: String?
  @Option(
    help: ArgumentHelp(
      "Whose values: an id or address; by default the first of the audience who has them all.", valueName: "who"))
  var contact: String?
  @Argument(help: ArgumentHelp("The campaign's id.", valueName: "campaign"), completion: Completions.campaigns)
  var campaign: String

  func run() async throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let engine = TemplateEngine()
    let project = try workspace.load(keepGoing: true, engine: engine)
    guard let chosen = project.campaigns.first(where: { $0.id == campaign }) else {
      let names = project.campaigns.map(\.id)
      throw Failure(
        .failed,
        project.broken.contains(campaign)
          ? "campaign '\(campaign)' has errors, see above"
          : "there is no campaign '\(campaign)'; "
            + (Nearest.match(campaign, among: names).map { "did you mean '\($0)'?" }
              ?? "there are \(names.joined(separator: ", "))"))
    }
    let now = Workspace.now()
    let letters = try TestLetters(project: project, campaign: chosen, engine: engine, to: to, now: now)
    let person = try letters.person(contact)
    var mailbox = try letters.mailbox(person)
    mailbox.providers = Array(mailbox.providers.prefix(1))
    let sends = try letters.make(person, from: mailbox, step: step)
    let (endpoint, composed) = try await prepare(sends, mailbox, project, engine, workspace, now)
    mention(letters, project, workspace, now)
    if !options.quiet, !options.json {
      Console.error(
        "\(Words.count(sends.count, "message")) to \(letters.to) from mailbox '\(mailbox.id)' through '\(endpoint.provider)', "
          + "with the values of \(letters.name(of: person))")
    }
    let outcomes = await TestDelivery.deliver(composed, through: endpoint)
    report(zip(sends, outcomes).map { ($0, $1) }, mailbox, endpoint)
    if !outcomes.allSatisfy(\.isTaken) { try ExitStatus.failed.end() }
  }

  /// The way out and the messages. Nothing goes out unless all of them can be made.
  private func prepare(
    _ sends: [PlannedSend], _ mailbox: Mailbox, _ project: Project, _ engine: TemplateEngine, _ workspace: Workspace,
    _ now: Instant
  ) async throws -> (Endpoint, [OutgoingAttempt]) {
    let (signers, unsigned) = workspace.signers([mailbox])
    let (endpoints, findings) = await Endpoints.resolve(
      providers: project.providers, mailboxes: [mailbox], folder: workspace.folder,
      outbox: workspace.output.path + "/test/outbox", loopbackOnly: workspace.isRehearsal,
      environment: ProcessInfo.processInfo.environment)
    guard let endpoint = endpoints[mailbox.id]?.first, unsigned.isEmpty, findings.isEmpty else {
      for finding in unsigned + findings { FileHandle.standardError.write(Data("\(finding)\n".utf8)) }
      throw Failure(.failed, "nothing was sent")
    }
    // It keeps personal data out of git and from other users.
    try workspace.output.create()
    let composer = workspace.composer(project, engine: engine, signers: signers)
    let attempts = try sends.enumerated().map { i, send in
      let message: ComposedMessage
      do {
        message = try composer.compose(send, date: now, inParts: endpoint.needsParts)
      } catch {
        throw Failure(.failed, "step '\(send.step)': \(error); nothing was sent")
      }
      return OutgoingAttempt(
        handle: i, endpoint: endpoint, sendID: send.id, channel: send.channel, from: message.envelopeFrom,
        to: message.envelopeTo, message: message.bytes, needsSMTPUTF8: message.needsSMTPUTF8,
        messageID: message.messageID, parts: message.parts)
    }
    return (endpoint, attempts)
  }

  /// A suppression keeps campaigns from somebody; that somebody's own test goes out, and is told of it.
  private func mention(_ letters: TestLetters, _ project: Project, _ workspace: Workspace, _ now: Instant) {
    let drops = Drops(suppressions: project.suppressions, events: project.events)
    let key = EmailAddress.canonical(of: letters.to)
    let person = Drops.Person(key: key, to: letters.to, channel: letters.channel)
    let campaign = letters.campaign
    guard
      let drop = drops.reason(
        person, campaign: campaign.id, was: campaign.was, messageClass: campaign.messageClass, now: now)
    else { return }
    workspace.log.warning(
      "\(letters.to) is \(drop.reason.rawValue) (\(drop.detail)): the campaign does not write there; this test does")
  }

  private func report(
    _ results: [(send: PlannedSend, outcome: TestDelivery.Outcome)], _ mailbox: Mailbox, _ endpoint: Endpoint
  ) {
    if options.json {
      return Console.out(
        .members(
          ("to", .string(results.first?.send.to ?? to)), ("mailbox", .string(mailbox.id)),
          ("provider", .string(endpoint.provider)),
          ("sent", .integer(Int64(results.count { $0.outcome.isTaken }))), ("total", .integer(Int64(results.count))),
          ("messages", .array(results.map(Self.json)))))
    }
    var table = TextTable(["step", "variant", "result", "subject", "answer"])
    for (send, outcome) in results {
      table.add([send.step, send.variant ?? "", outcome.word, send.subject ?? "", outcome.text])
    }
    Console.out(table.text)
  }

  private static func json(_ send: PlannedSend, _ outcome: TestDelivery.Outcome) -> JSON {
    .members(
      ("step", .string(send.step)), ("variant", send.variant.map { .string($0) }), ("id", .string(send.id.text)),
      ("contact", .string(send.contact)), ("subject", send.subject.map { .string($0) }),
      ("outcome", .string(outcome.word)), ("response", .string(outcome.text)))
  }
}

/// Carries a few messages out one after the other, without anything being written down.
enum TestDelivery {
  struct Outcome: Sendable {
    var isTaken: Bool
    /// `sent`, `refused`, `put off`, `in doubt`, `not tried`.
    var word: String
    var text: String

    static let refused = "refused"
    static let inDoubt = "in doubt"
  }

  /// Blocking C never runs on Swift's own pool: on a thread of its own.
  static func deliver(_ attempts: [OutgoingAttempt], through endpoint: Endpoint) async -> [Outcome] {
    await withCheckedContinuation { continuation in
      let thread = Thread { continuation.resume(returning: run(attempts, endpoint)) }
      thread.name = "delivery"
      thread.start()
    }
  }

  private static func run(_ attempts: [OutgoingAttempt], _ endpoint: Endpoint) -> [Outcome] {
    let transport = NetworkTransport()
    defer { transport.close() }
    var outcomes: [Outcome] = []
    for attempt in attempts {
      if !outcomes.isEmpty, endpoint.interval > .zero {
        Thread.sleep(forTimeInterval: Double(endpoint.interval.milliseconds) / 1000)
      }
      let (outcome, goesOn) = one(attempt, transport)
      outcomes.append(outcome)
      guard goesOn else { break }
    }
    while outcomes.count < attempts.count {
      outcomes.append(Outcome(isTaken: false, word: "not tried", text: "the provider cannot be used, see above"))
    }
    return outcomes
  }

  /// - Returns: how it ended, and whether the login is good for another.
  private static func one(_ attempt: OutgoingAttempt, _ transport: NetworkTransport) -> (Outcome, Bool) {
    transport.begin(attempt)
    while true {
      for event in transport.poll(milliseconds: 1000) {
        switch event {
        case .ready(let handle): transport.complete(handle)
        case .finished(_, let reply): return (outcome(reply, attempt), true)
        case .unavailable(let login, let why, _):
          return (Outcome(isTaken: false, word: "not sent", text: "\(login): \(why.text)"), false)
        }
      }
    }
  }

  private static func outcome(_ reply: Reply, _ attempt: OutgoingAttempt) -> Outcome {
    let code = if case .reply(let code) = reply.ending { "\(code) " } else { "" }
    let text = (code + [reply.enhancedCode, reply.text].compactMap { $0 }.joined(separator: " "))
    return switch Verdict(reply, from: attempt.endpoint.kind) {
    case .accepted: Outcome(isTaken: true, word: "sent", text: text)
    case .refused, .failOver(isFinal: true): Outcome(isTaken: false, word: Outcome.refused, text: text)
    case .later, .failOver: Outcome(isTaken: false, word: "put off", text: text)
    case .inDoubt: Outcome(isTaken: false, word: Outcome.inDoubt, text: text)
    }
  }
}
