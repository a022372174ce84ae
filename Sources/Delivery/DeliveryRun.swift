import Journal
import Model
import Synchronization

/// Where a run writes its records. `commit` returns once everything appended is on disk.
public protocol RecordSink: AnyObject {
  func append(_ record: Record) throws
  func commit() throws
  /// Begins a commit that goes on by itself, one at a time, and calls `done` from any thread at its end.
  /// - Returns: false if the sink cannot: then `commit` it is.
  func beginCommit(done: @escaping @Sendable () -> Void) throws -> Bool
  /// Whether the commit that was begun is on disk.
  func endCommit() throws -> Bool
}

extension RecordSink {
  public func beginCommit(done: @escaping @Sendable () -> Void) throws -> Bool { false }
  public func endCommit() throws -> Bool { true }
}

/// A message as a transport is given it.
public struct OutgoingMessage: Sendable {
  public var from: String
  public var to: String
  public var bytes: [UInt8]
  public var needsSMTPUTF8: Bool
  public var messageID: String
  public var parts: MessageParts?
  public init(
    from: String, to: String, bytes: [UInt8], needsSMTPUTF8: Bool, messageID: String = "", parts: MessageParts? = nil
  ) {
    self.from = from
    self.to = to
    self.bytes = bytes
    self.needsSMTPUTF8 = needsSMTPUTF8
    self.messageID = messageID
    self.parts = parts
  }
}

/// A stop that a signal asks for, from any thread; or, within such a one, a stop that the program asks of itself to go
/// on with something else. The latter is nobody's hurry: what is under way has all the time that it takes.
public final class StopRequest: Sendable {
  private let count = Atomic<Int>(0)
  private let outer: StopRequest?
  /// - Parameter outer: a signal's, which stops this one too.
  public init(within outer: StopRequest? = nil) { self.outer = outer }
  /// The first asks for an orderly stop, a signal's second for one at once.
  public func ask() { count.wrappingAdd(1, ordering: .relaxed) }
  public var isAsked: Bool { isAskedItself || outer?.isAsked ?? false }
  /// Whether what is under way has no more than its grace.
  public var isPressing: Bool { outer?.isPressing ?? isAskedItself }
  public var isUrgent: Bool { outer?.isUrgent ?? (count.load(ordering: .relaxed) > 1) }
  private var isAskedItself: Bool { count.load(ordering: .relaxed) > 0 }
}

/// Carries out what the dispatcher decides: composes, journals, sends, waits. Runs on one thread, which it blocks.
///
/// The order that guarantee 5 rests on: an intent is appended and committed before the transport is told to complete
/// the message; outcomes are committed with the next intents, or before the run waits, reports or ends. A commit that
/// fails ends the run: what was not told to complete was not sent, the rest is in doubt by its intent.
///
/// While a commit is on its way to the disk the run goes on with other messages; those whose intents it holds wait for
/// its end, and the intents that come meanwhile for the commit after it.
public struct DeliveryRun: ~Copyable {
  public struct Hooks {
    public var compose: (PlannedSend, Instant) throws -> OutgoingMessage
    /// Reads suppressions and events again if they have changed. Nil: unchanged. Throws: unreadable.
    public var newDrops: () throws -> Drops?
    /// Reads what is paused again if it has changed. Nil: unchanged. Throws: unreadable.
    public var newPauses: () throws -> Pauses?
    /// A breaker has stopped a part: writes it down, so that it stays stopped, and says so.
    public var stopped: (Breakers.Trip) -> Void
    /// For the operator's log.
    public var warn: (String) -> Void
    /// Called often; must be quick.
    public var progress: (Tally, Instant) -> Void
    /// The time that passes whatever clocks are set to, from any beginning: for the grace after a stop.
    public var elapsed: () -> Instant.Span

    public init(
      compose: @escaping (PlannedSend, Instant) throws -> OutgoingMessage,
      newDrops: @escaping () throws -> Drops? = { nil }, newPauses: @escaping () throws -> Pauses? = { nil },
      stopped: @escaping (Breakers.Trip) -> Void = { _ in }, warn: @escaping (String) -> Void = { _ in },
      progress: @escaping (Tally, Instant) -> Void = { _, _ in },
      elapsed: @escaping () -> Instant.Span = DeliveryRun.stopwatch()
    ) {
      self.compose = compose
      self.newDrops = newDrops
      self.newPauses = newPauses
      self.stopped = stopped
      self.warn = warn
      self.progress = progress
      self.elapsed = elapsed
    }
  }

  private var dispatcher: Dispatcher
  private let transport: any Transport
  private let journal: any RecordSink
  private let clock: any DeliveryClock
  private let stop: StopRequest
  private let hooks: Hooks
  private var lastDrops: Drops
  private var lastPauses: Pauses
  private let grace: Instant.Span
  private var nextLook = Instant.distantPast
  /// A clock that was set back must not put the next look off.
  private var lastLook = Instant.distantPast
  /// Records that no commit has taken up.
  private var uncommitted = 0
  /// Attempts whose intents are among these.
  private var ready: [Int] = []
  /// Attempts whose intents are in the commit that is under way.
  private var committing: [Int] = []
  private var isCommitting = false
  /// Since when what is ready waits for others.
  private var gatheringSince: Instant.Span?

  /// How long attempts in flight may take after a stop is asked for, if nobody says otherwise.
  public static let usualGrace = Instant.Span.seconds(30)
  /// How long what is ready may wait for others to share its commit.
  private static let gathering = Instant.Span(milliseconds: 2)
  /// How far a rehearsal's clock may run ahead of an attempt under way.
  static let lead = Instant.Span.seconds(30)
  private static let dropsName = "suppressions and events"
  private static let pausesName = "pauses"
  /// How often suppressions, events and pauses are looked at.
  static let lookEvery = Instant.Span.seconds(2)

  /// - Parameter grace: how long attempts in flight may take after a stop is asked for; what the server has not
  ///   answered by then is in doubt.
  public init(
    dispatcher: consuming Dispatcher, drops: Drops, transport: any Transport, journal: any RecordSink,
    clock: any DeliveryClock, stop: StopRequest, grace: Instant.Span = DeliveryRun.usualGrace, hooks: Hooks
  ) {
    lastDrops = drops
    lastPauses = dispatcher.pauses ?? Pauses()
    self.dispatcher = dispatcher
    self.grace = grace
    self.transport = transport
    self.journal = journal
    self.clock = clock
    self.stop = stop
    self.hooks = hooks
  }

  /// The run's counts so far.
  public var tally: Tally { dispatcher.tally }

  /// Delivers until everything has ended, or a stop is asked for.
  /// - Returns: the run's counts.
  /// - Throws: what the journal throws when it cannot be written; nothing was sent that it does not know of.
  public mutating func run() throws -> Tally {
    defer { transport.close() }
    var isStopping = false
    var pressedSince: Instant.Span?
    while !dispatcher.isFinished {
      if stop.isAsked, !isStopping {
        isStopping = true
        dispatcher.stop()
        transport.drain()
      }
      if stop.isPressing, pressedSince == nil { pressedSince = hooks.elapsed() }
      if let since = pressedSince, stop.isUrgent || hooks.elapsed() > since + grace {
        // What the transport was not told to complete has not been sent.
        try perform(dispatcher.abandon(unsent: Set(ready + committing), now: clock.now()))
        ready = []
        committing = []
        break
      }
      let now = clock.now()
      try lookAround(now)
      try perform(dispatcher.start(now: now))
      hooks.progress(dispatcher.tally, now)
      if dispatcher.isFinished { break }
      try wait()
    }
    try commit()
    hooks.progress(dispatcher.tally, clock.now())
    return dispatcher.tally
  }

  /// Waits for the transport or for time, whichever comes first, and takes in what there is.
  private mutating func wait() throws {
    try endCommit()
    let now = clock.now()
    let wake = dispatcher.nextWake()
    if clock.isVirtual, let wake, wake > now, mayRunAhead(to: wake) {
      return clock.advance(to: wake)
    }
    // A wall clock may be set: look at it at least four times a second.
    var milliseconds = 250
    if let wake, !clock.isVirtual || wake <= now { milliseconds = Int(min(250, max(0, (wake - now).milliseconds))) }
    if uncommitted > 0, !isCommitting {
      // A commit takes the time of some ten messages: until half of what is in flight is ready, what comes within a
      // moment shares it.
      if !ready.isEmpty, ready.count * 2 < dispatcher.inFlight, mayGather() {
        let events = transport.poll(milliseconds: 1)
        guard events.isEmpty else { return try take(events) }
      }
      // Outcomes alone may wait a little for intents.
      if ready.isEmpty, dispatcher.inFlight > 0, milliseconds > 0 {
        let events = transport.poll(milliseconds: min(milliseconds, 5))
        guard events.isEmpty else { return try take(events) }
      }
      try beginCommit()
    }
    try take(transport.poll(milliseconds: milliseconds))
  }

  /// Whether what is ready may wait a little longer for others.
  private mutating func mayGather() -> Bool {
    let time = hooks.elapsed()
    let since = gatheringSince ?? time
    gatheringSince = since
    return time <= since + Self.gathering
  }

  /// A rehearsal's clock goes on to the next send's time while connections are free for it, but no further than a
  /// moment ahead of the oldest attempt under way: its retry would come hours late, or after its window.
  private func mayRunAhead(to wake: Instant) -> Bool {
    guard let oldest = dispatcher.oldestBeginning else { return true }
    return dispatcher.waitingInLine == 0 && wake <= oldest + Self.lead
  }

  private mutating func take(_ events: [TransportEvent]) throws {
    guard !events.isEmpty else { return }
    let now = clock.now()
    for event in events {
      // One by one: a send that was ready may have ended by the next event, and must be forgotten then.
      forget(event)
      // A rehearsal's clock runs on while attempts are under way: each counts as made when it was begun.
      let at = clock.isVirtual ? dispatcher.beginning(of: event) ?? now : now
      try perform(dispatcher.handle(event, now: at))
    }
  }

  /// An attempt that has ended while its intent was on its way to the disk must not be completed after that: by then
  /// the same send may be under way again, with an intent that is not there yet.
  private mutating func forget(_ event: TransportEvent) {
    guard !committing.isEmpty || !ready.isEmpty else { return }
    let ended: [Int]
    switch event {
    case .ready: return
    case .finished(let handle, _): ended = [handle]
    case .unavailable(_, _, let returned): ended = returned
    }
    committing.removeAll(where: ended.contains)
    ready.removeAll(where: ended.contains)
  }

  private mutating func perform(_ actions: [Dispatcher.Action]) throws {
    for action in actions {
      switch action {
      case .record(let record):
        try journal.append(record)
        uncommitted += 1
      case .complete(let handle): ready.append(handle)
      case .cancel(let handle): transport.cancel(handle)
      case .warn(let text): hooks.warn(text)
      case .stopped(let trip): hooks.stopped(trip)
      case .begin(let handle, let endpoint): try begin(handle, endpoint)
      }
    }
  }

  private mutating func begin(_ handle: Int, _ endpoint: Endpoint) throws {
    guard let send = dispatcher.near[handle]?.send else { return }
    let message: OutgoingMessage
    do {
      message = try hooks.compose(send, clock.now())
    } catch {
      return try perform(dispatcher.cannotRender(handle, "\(error)", now: clock.now()))
    }
    transport.begin(
      OutgoingAttempt(
        handle: handle, endpoint: endpoint, sendID: send.id, channel: send.channel, from: message.from, to: message.to,
        message: message.bytes, needsSMTPUTF8: message.needsSMTPUTF8, messageID: message.messageID,
        parts: message.parts))
  }

  /// Begins to bring what was recorded to the disk; without help from another thread it is there on return.
  private mutating func beginCommit() throws {
    gatheringSince = nil
    if let wake = transport.wake, try journal.beginCommit(done: wake) {
      isCommitting = true
      committing = ready
      ready.removeAll(keepingCapacity: true)
      uncommitted = 0
    } else {
      try commit()
    }
  }

  /// Lets the messages go on whose intents are on disk by now.
  private mutating func endCommit() throws {
    guard isCommitting, try journal.endCommit() else { return }
    isCommitting = false
    for handle in committing { transport.complete(handle) }
    committing.removeAll(keepingCapacity: true)
  }

  /// All that was recorded is on disk on return.
  private mutating func commit() throws {
    guard uncommitted > 0 || isCommitting else { return }
    try journal.commit()
    uncommitted = 0
    isCommitting = false
    for handle in committing + ready { transport.complete(handle) }
    committing.removeAll(keepingCapacity: true)
    ready.removeAll(keepingCapacity: true)
  }

  /// A file that turns unreadable never shrinks what is dropped or paused: the last good set holds, and new attempts
  /// wait.
  private mutating func lookAround(_ now: Instant) throws {
    guard !clock.isVirtual, now >= nextLook || now < lastLook else { return }
    lastLook = now
    nextLook = now + Self.lookEvery
    switch Result(catching: hooks.newDrops) {
    case .success(let changed):
      if let changed { lastDrops = changed }
      if changed != nil || dispatcher.drops == nil { try perform(dispatcher.heed(drops: lastDrops, now: now)) }
      dispatcher.tally.unavailable[Self.dropsName] = nil
    case .failure(let error):
      cannotRead(Self.dropsName, error, isNew: dispatcher.drops != nil)
      try perform(dispatcher.heed(drops: nil, now: now))
    }
    switch Result(catching: hooks.newPauses) {
    case .success(let changed):
      if let changed { lastPauses = changed }
      if changed != nil || dispatcher.pauses == nil { try perform(dispatcher.heed(lastPauses, now: now)) }
      dispatcher.tally.unavailable[Self.pausesName] = nil
    case .failure(let error):
      cannotRead(Self.pausesName, error, isNew: dispatcher.pauses != nil)
      try perform(dispatcher.heed(nil, now: now))
    }
  }

  private mutating func cannotRead(_ name: String, _ error: any Error, isNew: Bool) {
    dispatcher.tally.unavailable[name] = "\(error)"
    if isNew { hooks.warn("\(error); new attempts wait until it can be read again") }
  }

  /// Milliseconds since it was made.
  public static func stopwatch() -> () -> Instant.Span {
    let began = ContinuousClock.now
    return {
      let passed = (ContinuousClock.now - began).components
      return Instant.Span(milliseconds: passed.seconds * 1000 + passed.attoseconds / 1_000_000_000_000_000)
    }
  }
}
