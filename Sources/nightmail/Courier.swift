import Config
import Delivery
import Dispatch
import Foundation
import Journal
import Messages
import Model
import Reporting
import Transports

/// Sets a delivery run up and carries it out on a thread of its own: blocking C never runs on Swift's pool.
struct Courier {
  let workspace: Workspace
  let project: Project
  let engine: TemplateEngine
  let signers: DKIMSigners
  let header: PlanHeader
  let day: DayFolder
  let rules: DeliveryRules
  let history: History
  let results: ResultsWriter
  let runID: String
  let sending: SendingOptions
  let watch: PauseWatch
  let pauses: Pauses
  let breakers: Breakers
  let plan: RunPlan
  let people: People

  /// A run's counts.
  struct Delivered: Sendable {
    var tally = Tally()
    /// A signal ended it.
    var wasStopped = false
    /// Attempts that failed on purpose.
    var injected = 0
  }

  func deliver() async throws -> Delivered {
    let stop = StopRequest()
    let signals = [SIGINT, SIGTERM, SIGHUP].map { signalSource($0, stop) }
    defer { for source in signals { source.cancel() } }
    // The run is one thread's alone; this one waits for its result and touches nothing of it meanwhile.
    let work = Handover { try run(stop) }
    var delivered = try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result { try work.body() }) }
      thread.name = "delivery"
      thread.start()
    }
    delivered.wasStopped = stop.isAsked
    return delivered
  }

  private func run(_ stop: StopRequest) throws -> Delivered {
    let clock: any DeliveryClock = workspace.isRehearsal ? RehearsalClock(start: header.notBefore) : WallClock()
    // Read now, not when the command began: an approval or a password may have taken its time.
    let dropWatch = DropWatch(folder: workspace.folder, bounces: history.bounces)
    let drops: Drops
    do {
      drops = try dropWatch.changed() ?? Drops()
      try people.heed(dropWatch.fingerprint)
    } catch {
      throw Failure(.failed, "\(error); nothing was sent")
    }
    let dispatcher = Dispatcher(
      plan.lines(hasContactCap: rules.hasContactCap), rules: rules, history: history,
      earlier: plan.forEachEarlier, drops: drops, day: project.settings.span(of: header.date),
      runID: runID, now: clock.now(), dueOnly: sending.due, pauses: pauses, breakers: breakers)
    plan.forget()
    let composer = workspace.composer(project, engine: engine, signers: signers)
    let needParts = Set(rules.endpoints.filter { $0.value.contains(where: \.needsParts) }.keys)
    let bar = ProgressBar(isShown: Console.hasTerminalErrors && !workspace.options.quiet)
    let log = workspace.log
    var transport: any Transport = NetworkTransport()
    var failing: FailingTransport?
    if let failures = sending.failures() {
      log.error(
        "FAILURES ON PURPOSE: \(failures.rate) of the attempts fail (\(failures.failure.rawValue)) and reach no server")
      let decorated = FailingTransport(transport, failures, seed: project.settings.seed)
      failing = decorated
      transport = decorated
    }
    var run = DeliveryRun(
      dispatcher: dispatcher, drops: drops, transport: transport, journal: results, clock: clock, stop: stop,
      grace: sending.gracePeriod,
      hooks: DeliveryRun.Hooks(
        compose: { send, date in
          let message = try composer.compose(send, date: date, inParts: needParts.contains(send.mailbox))
          return OutgoingMessage(
            from: message.envelopeFrom, to: message.envelopeTo, bytes: message.bytes,
            needsSMTPUTF8: message.needsSMTPUTF8, messageID: message.messageID, parts: message.parts)
        },
        newDrops: {
          let changed = try dropWatch.changed()
          if changed != nil { try people.heed(dropWatch.fingerprint) }
          return changed
        },
        newPauses: { try watch.changed() },
        stopped: { workspace.keep($0, zone: header.zone) },
        warn: { log.warning("\($0)") },
        progress: { tally, _ in bar.show(tally) }))
    defer { bar.clear() }
    let tally = try run.run()
    return Delivered(tally: tally, injected: failing?.count ?? 0)
  }

  private func signalSource(_ number: Int32, _ stop: StopRequest) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    let (log, grace) = (workspace.log, sending.gracePeriod)
    source.setEventHandler {
      stop.ask()
      log.notice(
        stop.isUrgent
          ? "stopping now; what is unanswered is in doubt"
          : "stopping: no new attempts, up to \(grace) for those under way; once more stops at once")
    }
    source.resume()
    return source
  }
}

extension ResultsWriter: RecordSink {}

/// Carries a closure over to the delivery thread. `@unchecked Sendable`: it is called once, on that thread, while the
/// task that made it is suspended until the call has returned; at no time can two threads reach what it holds.
private struct Handover: @unchecked Sendable {
  let body: () throws -> Courier.Delivered
}

/// Reads suppressions and events when the run begins, and again when their files change.
private final class DropWatch {
  private let folder: String
  private let bounces: [Event]
  private(set) var fingerprint: DropsFingerprint?
  /// The files of the last good set: one that vanishes is unreadable, not empty.
  private var files: Set<String> = []

  init(folder: String, bounces: [Event]) {
    self.folder = folder
    self.bounces = bounces
  }

  /// Nil if nothing changed since the last good set. Throws, each time it is asked, while a file cannot be read.
  func changed() throws -> Drops? {
    // Taken before reading: what is written meanwhile shows as a change the next time.
    let now = ProjectLoader.dropsFingerprint(folder: folder)
    guard now != fingerprint else { return nil }
    let reading = ProjectLoader.loadDrops(folder: folder)
    if let bad = reading.findings.first(where: { $0.severity == .error }) {
      throw UnreadableDrops(place: bad.place, message: bad.message)
    }
    if let gone = files.subtracting(reading.files).sorted().first {
      throw UnreadableDrops(place: Place(gone), message: "the file is gone; what it said still holds")
    }
    fingerprint = now
    files = Set(reading.files)
    return Drops(suppressions: reading.suppressions, events: reading.events + bounces)
  }
}

private struct UnreadableDrops: Error, CustomStringConvertible {
  var place: Place
  var message: String
  var description: String { "\(place): \(message)" }
}

/// The bar on the terminal, drawn at most ten times a second.
private final class ProgressBar {
  private let isShown: Bool
  private let began = ContinuousClock.now
  private var drawn = ContinuousClock.now - .seconds(1)

  init(isShown: Bool) { self.isShown = isShown }

  func show(_ tally: Tally) {
    guard isShown, ContinuousClock.now - drawn > .milliseconds(100) else { return }
    drawn = .now
    let elapsed = (ContinuousClock.now - began).components
    let line = ProgressLine(
      total: tally.total, sent: tally.sent, deferred: tally.waiting, dead: tally.deadTotal, inDoubt: tally.inDoubt,
      ended: tally.ended,
      elapsed: Instant.Span(milliseconds: elapsed.seconds * 1000 + elapsed.attoseconds / 1_000_000_000_000_000))
    FileHandle.standardError.write(Data("\r\u{1B}[K\(line.text(width: Console.width))".utf8))
  }

  func clear() {
    if isShown { FileHandle.standardError.write(Data("\r\u{1B}[K".utf8)) }
  }
}
