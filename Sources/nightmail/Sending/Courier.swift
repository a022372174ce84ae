import Config
import Delivery
import Dispatch
import Foundation
import Journal
import Logging
import Messages
import Model
import Reporting
import Synchronization
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
  /// Nil where no campaign asks for rows of what it has sent.
  let rows: SentRowsWriter?
  let runID: String
  let sending: SendingOptions
  let watch: PauseWatch
  let pauses: Pauses
  let breakers: Breakers
  let plan: RunPlan
  let people: People
  /// What suppressions and events were before the project was read; nil if nobody knows.
  let drops: DropsFingerprint?
  let signals: StopSignals
  /// Asked by the signals, or by who wants to go on with something else.
  let stop: StopRequest

  /// A run's counts.
  struct Delivered: Sendable {
    var tally = Tally()
    /// A signal ended it.
    var wasStopped = false
    /// Attempts that failed on purpose.
    var injected = 0
  }

  func deliver() async throws -> Delivered {
    signals.enter(.delivering)
    defer { signals.enter(.between) }
    // The run is one thread's alone; this one waits for its result and touches nothing of it meanwhile.
    let work = Handover { try run() }
    var delivered = try await withCheckedThrowingContinuation { continuation in
      let thread = Thread { continuation.resume(with: Result { try work.body() }) }
      thread.name = "delivery"
      thread.start()
    }
    delivered.wasStopped = signals.request.isAsked
    return delivered
  }

  private func run() throws -> Delivered {
    let clock: any DeliveryClock = workspace.isRehearsal ? RehearsalClock(start: header.notBefore) : WallClock()
    // Read now, not when the command began: an approval or a password may have taken its time.
    let dropWatch = DropWatch(folder: workspace.folder, bounces: history.bounces, known: drops.map { ($0, project) })
    let drops: Drops
    do {
      drops = try dropWatch.changed(heed: people.heed) ?? Drops()
    } catch {
      throw Failure(.failed, "\(error); nothing was sent")
    }
    let dispatcher = Dispatcher(
      plan.lines(hasContactCap: rules.hasContactCap), rules: rules, history: history,
      earlier: { plan.forEachEarlier(withDomains: rules.settings.domainCap != nil, $0) }, drops: drops,
      day: project.settings.span(of: header.date),
      runID: runID, now: clock.now(), dueOnly: sending.due, pauses: pauses, breakers: breakers)
    plan.forget()
    returnFreeMemory()
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
      // Handed over: a second owner would mean a copy of all sends with the first change.
      dispatcher: consume dispatcher, drops: drops, transport: transport, journal: AttemptLog(results, rows, log),
      clock: clock, stop: stop,
      grace: sending.gracePeriod,
      hooks: DeliveryRun.Hooks(
        compose: { send, date in
          rows?.expect(send)
          let message = try composer.compose(send, date: date, inParts: needParts.contains(send.mailbox))
          return OutgoingMessage(
            from: message.envelopeFrom, to: message.envelopeTo, bytes: message.bytes,
            needsSMTPUTF8: message.needsSMTPUTF8, messageID: message.messageID, parts: message.parts)
        },
        newDrops: { try dropWatch.changed(heed: people.heed) },
        newPauses: { try watch.changed() },
        stopped: { workspace.keep($0, zone: header.zone) },
        warn: { log.warning("\($0)") },
        progress: { tally, _ in bar.show(tally) }))
    defer { bar.clear() }
    let tally: Tally
    do {
      tally = try run.run()
    } catch {
      bar.clear()
      let sent = run.tally.sent
      log.error(
        "\(Words.count(sent, "message")) had been accepted by then; those whose outcome is not on disk are in doubt, and the next run says so"
      )
      throw error
    }
    return Delivered(tally: tally, injected: failing?.count ?? 0)
  }
}

/// The signals that stop a command that sends, from its beginning to its end: one request, whatever it is at when it is
/// asked to stop.
///
/// Asked once, it ends in order: a delivery by itself, anything else before its next step. Asked twice it ends at once.
final class StopSignals {
  /// What a signal finds the command at.
  enum Stage: Sendable {
    /// It reads, plans or reports.
    case between
    /// A person is asked: nobody wants to answer first.
    case asking
    case delivering
  }

  let request: StopRequest
  private let place: Place
  private let sources: [any DispatchSourceSignal]

  private final class Place: Sendable {
    let stage = Mutex(Stage.between)
  }

  /// - Parameter grace: how long a delivery's attempts under way may take.
  init(_ workspace: Workspace, grace: Instant.Span) {
    let (request, place, log) = (StopRequest(), Place(), workspace.log)
    self.request = request
    self.place = place
    sources = [SIGINT, SIGTERM, SIGHUP].map { Self.source($0, request, place, log, grace) }
  }

  private static func source(
    _ number: Int32, _ request: StopRequest, _ place: Place, _ log: Logger, _ grace: Instant.Span
  ) -> any DispatchSourceSignal {
    signal(number, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
    source.setEventHandler {
      // Held while it may end here, so that no delivery begins meanwhile.
      place.stage.withLock { stage in
        request.ask()
        switch stage {
        case .delivering:
          log.notice(
            request.isUrgent
              ? "stopping now; what is unanswered is in doubt"
              : "stopping: no new attempts, up to \(grace) for those under way; once more stops at once")
        case .between where !request.isUrgent:
          log.notice("stopping before the next step; once more stops at once")
        case .between, .asking:
          // As if it were killed: nothing is under way, and files are whole at each instant.
          log.notice("stopped")
          _exit(ExitStatus.stopped.rawValue)
        }
      }
    }
    source.resume()
    return source
  }

  func enter(_ stage: Stage) { place.stage.withLock { $0 = stage } }

  /// Asks a person something: a signal ends the command there.
  func asking<R>(_ body: () throws -> R) rethrows -> R {
    enter(.asking)
    defer { enter(.between) }
    return try body()
  }

  /// Goes no further once a stop was asked for.
  /// - Parameter what: what has not been done.
  func check(_ what: String) throws {
    if request.isAsked { throw Failure(.stopped, "stopped: \(what)") }
  }

  /// From here on signals do what they did before.
  func end() {
    for source in sources { source.cancel() }
    for number in [SIGINT, SIGTERM, SIGHUP] { signal(number, SIG_DFL) }
  }
}

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
  private var known: (fingerprint: DropsFingerprint, project: Project)?

  /// - Parameter known: a project that was read after the fingerprint was taken: as long as nothing has changed since,
  ///   its suppressions and events need not be read again, nor kept twice.
  init(folder: String, bounces: [Event], known: (DropsFingerprint, Project)?) {
    self.folder = folder
    self.bounces = bounces
    self.known = known
  }

  /// Nil if nothing changed since the last good set. Throws, each time it is asked, while a file cannot be read.
  /// - Parameter heed: lets others look at what has changed; where they cannot, nothing counts as taken in.
  func changed(heed: (DropsFingerprint?) throws -> Void) throws -> Drops? {
    // Taken before reading: what is written meanwhile shows as a change the next time.
    let now = ProjectLoader.dropsFingerprint(folder: folder)
    guard now != fingerprint else { return nil }
    if let known, known.fingerprint == now {
      try heed(now)
      fingerprint = now
      self.known = nil
      files = Set(known.project.inputs.filter { $0.role == .suppressions || $0.role == .events }.map(\.path))
      return Drops(suppressions: known.project.suppressions, events: known.project.events + bounces)
    }
    known = nil
    let reading = ProjectLoader.loadDrops(folder: folder)
    if let bad = reading.findings.first(where: { $0.severity == .error }) {
      throw UnreadableDrops(place: bad.place, message: bad.message)
    }
    if let gone = files.subtracting(reading.files).sorted().first {
      throw UnreadableDrops(place: Place(gone), message: "the file is gone; what it said still holds")
    }
    do {
      try heed(now)
    } catch {
      throw UnreadableDrops(
        place: Place(folder), message: "the project cannot be read, and with it who its contacts are: \(error)")
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
