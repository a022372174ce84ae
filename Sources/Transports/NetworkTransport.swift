import Delivery
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Carries attempts out over SMTP, over HTTP and into folders, all on the caller's thread: one loop over all sockets,
/// in `poll`.
///
/// SMTP connections are opened as attempts wait for them, at most `maxConnections` for a login, kept for the next attempt
/// up to `messagesPerConnection`, and closed after 30 idle seconds. A login's first connection is tried alone; the
/// others follow once it got through.
///
/// Not Sendable: use it from the thread that made it. It makes the process ignore SIGPIPE.
public final class NetworkTransport: Transport {
  let now: () -> Instant
  var events: [TransportEvent] = []
  var jobs: [Int: Job] = [:]
  var logins: [String: Login] = [:]
  /// The logins of services over HTTP.
  var services: [String: HTTPLogin] = [:]
  /// An attempt over HTTP has come or gone: somebody may wait for room.
  var hasNewRequests = false
  var connections: [Connection] = []
  /// Logins whose tokens are on their way.
  var fetching: [Login] = []
  /// When it was made, by `now`.
  let began: Instant
  var isDraining = false
  /// No deadline lies before this; they are looked at only then.
  var earliestDeadline = Instant(milliseconds: .max)
  let outbox = Outbox()
  private var newlyWaiting: [Login] = []
  private var toComplete: [Job] = []
  private let waker = Waker()
  private var isWoken = false
  private var polled: [pollfd] = []
  private var owners: [Owner] = []
  /// Whose socket it is.
  private enum Owner {
    case smtp(Connection)
    case http(HTTPLogin)
    case waker(Waker)
  }
  var buffer = [UInt8](repeating: 0, count: 16_384)

  /// - Parameter now: the clock that waits for servers are measured by. It must never go back; only differences
  ///   matter.
  public init(now: @escaping () -> Instant = MonotonicTime.now) {
    _ = SystemCalls.ignoreBrokenPipes
    self.now = now
    began = now()
  }

  deinit { close() }

  /// Takes an attempt; what becomes of it comes from `poll`. A handle that is still in flight ends at once.
  public func begin(_ attempt: OutgoingAttempt) {
    let refusal: String?
    if isDraining {
      end(attempt.handle, .connectionLost, "stopped before anything was sent")
      return
    } else if jobs[attempt.handle] != nil {
      refusal = "the handle \(attempt.handle) is already in flight"
    } else if case .smtp = attempt.endpoint.kind {
      refusal = Self.refusal(attempt)
    } else {
      refusal = nil
    }
    if let refusal {
      end(attempt.handle, .unsupported, refusal)
      return
    }
    let job = Job(attempt)
    if case .smtp = attempt.endpoint.kind, job.traits.hasBareLineBreak {
      end(attempt.handle, .unsupported, "the message has a CR or LF by itself, which RFC 5321 §2.3.8 forbids")
      return
    }
    jobs[attempt.handle] = job
    switch attempt.endpoint.kind {
    case .file: outbox.begin(job)
    case .http(let http): beginHTTP(job, http)
    case .smtp:
      let login = logins[attempt.endpoint.login] ?? Login(attempt.endpoint)
      login.endpoint = attempt.endpoint
      logins[login.name] = login
      login.waiting.append(job)
      if !login.isToBeServed { newlyWaiting.append(login) }
      login.isToBeServed = true
    }
  }

  private static func refusal(_ attempt: OutgoingAttempt) -> String? {
    guard attempt.channel == .email else { return "an SMTP server carries no text messages to telephones" }
    return Envelope.defect(ofAddress: attempt.from).map { "sender: \($0)" }
      ?? Envelope.defect(ofAddress: attempt.to).map { "recipient: \($0)" }
  }

  private func end(_ handle: Int, _ ending: Reply.Ending, _ text: String) {
    events.append(
      .finished(handle: handle, Reply(stage: .mail, ending: ending, text: text, completed: false)))
  }

  /// The intent is on disk. Of an attempt that has ended meanwhile, nothing is written.
  public func complete(_ handle: Int) {
    guard let job = jobs[handle], job.isReady, !job.isCompleted else { return }
    job.isCompleted = true
    toComplete.append(job)
  }

  /// Nothing of the message is written: a server that said 354 sees the connection close.
  public func cancel(_ handle: Int) {
    guard let job = jobs[handle], !job.isCompleted else { return }
    jobs[handle] = nil
    outbox.drop { $0 === job }
    cancelHTTP(job)
    if let connection = job.connection, connection.job === job {
      connection.job = nil
      job.connection = nil
      drop(connection)
    } else if let connection = job.connection, connection.next?.job === job {
      connection.next?.job = nil
      job.connection = nil
    } else {
      logins[job.attempt.endpoint.login]?.forget(job)
    }
  }

  /// Carries on with whatever can be done, for at most `milliseconds`, and returns as soon as there is an event.
  public func poll(milliseconds: Int) -> [TransportEvent] {
    let end = MonotonicTime.now() + Instant.Span(milliseconds: Int64(max(0, milliseconds)))
    completeAll()
    var hasLooked = false
    while true {
      collectTokens()
      serveLogins()
      serveServices()
      outbox.flush { [self] event in tell(event) }
      // A reply that came in time is read, however late this looks.
      if !hasLooked, now() >= earliestDeadline { pump(0) }
      expire()
      let left = (end - MonotonicTime.now()).milliseconds
      // Sockets are looked at each time, so that none of them starves.
      if hasLooked, !events.isEmpty || isWoken || left <= 0 { break }
      pump(events.isEmpty && !isWoken ? wait(atMost: Int(max(0, left))) : 0)
      hasLooked = true
    }
    isWoken = false
    defer { events.removeAll(keepingCapacity: true) }
    return events
  }

  public var wake: (@Sendable () -> Void)? {
    guard let waker else { return nil }
    return { waker.wake() }
  }

  /// Ends every attempt whose final dot has not been asked for and takes no more.
  public func drain() {
    isDraining = true
    drainServices()
    let text = "stopped before the message was complete"
    for connection in connections {
      connection.next?.job = nil
      if let job = connection.job, job.isCompleted { continue }
      switch connection.phase {
      case .idle: quit(connection)
      case .quitting, .closed: break
      case .connecting: drop(connection)
      case .busy: lose(connection, .connectionLost, text)
      }
    }
    for (handle, job) in jobs where !job.isCompleted {
      tell(
        .finished(
          handle: handle, Reply(stage: .mail, ending: .connectionLost, text: text, completed: false)))
    }
    for login in logins.values { _ = login.takeAllWaiting() }
    outbox.drop { !$0.isCompleted }
  }

  /// Closes everything; what is in flight gets no event.
  public func close() {
    isDraining = true
    for connection in connections {
      if connection.phase == .idle {
        connection.write { $0.append(contentsOf: "QUIT\r\n".utf8) }
        _ = connection.flush()
      }
      connection.link.close()
      connection.phase = .closed
      connection.job = nil
      connection.next = nil
    }
    for login in services.values { login.close() }
    connections = []
    fetching = []
    owners = []
    logins = [:]
    services = [:]
    jobs = [:]
    events = []
    newlyWaiting = []
    toComplete = []
    outbox.drop { _ in true }
  }

  /// Passes an event on, and forgets the attempt if it ends it.
  func tell(_ event: TransportEvent) {
    switch event {
    case .ready(let handle): jobs[handle]?.isReady = true
    case .finished(let handle, _): jobs[handle] = nil
    case .unavailable(_, _, let returned): for handle in returned { jobs[handle] = nil }
    }
    events.append(event)
  }

  // MARK: The loop

  private func completeAll() {
    guard !toComplete.isEmpty else { return }
    for job in toComplete where jobs[job.attempt.handle] === job {
      switch job.attempt.endpoint.kind {
      case .file: outbox.complete(job)
      case .http: completeHTTP(job)
      case .smtp:
        if let connection = job.connection, connection.job === job { writeMessage(connection, job) }
      }
    }
    toComplete.removeAll(keepingCapacity: true)
  }

  private func serveLogins() {
    guard !newlyWaiting.isEmpty else { return }
    let served = newlyWaiting
    newlyWaiting.removeAll(keepingCapacity: true)
    for login in served {
      login.isToBeServed = false
      serve(login)
    }
  }

  /// Waits for any socket and handles all that are ready.
  private func pump(_ milliseconds: Int) {
    polled.removeAll(keepingCapacity: true)
    owners.removeAll(keepingCapacity: true)
    for connection in connections {
      if connection.phase == .connecting {
        for (socket, events) in connection.link.sockets {
          polled.append(pollfd(fd: socket, events: events, revents: 0))
          owners.append(.smtp(connection))
        }
      } else if connection.phase != .closed {
        let events = connection.isWritten ? Int16(POLLIN) : Int16(POLLIN) | Int16(POLLOUT)
        polled.append(pollfd(fd: connection.link.socket, events: events, revents: 0))
        owners.append(.smtp(connection))
      }
    }
    for login in services.values {
      for (socket, events) in login.multi.sockets {
        polled.append(pollfd(fd: socket, events: events, revents: 0))
        owners.append(.http(login))
      }
    }
    if polled.isEmpty && milliseconds == 0 { return tickConnecting() }
    if let waker {
      polled.append(pollfd(fd: waker.reading, events: Int16(POLLIN), revents: 0))
      owners.append(.waker(waker))
    }
    var ready = SystemCalls.wait(&polled, milliseconds: milliseconds)
    var i = 0
    while ready > 0, i < polled.count {
      defer { i += 1 }
      let (socket, revents) = (polled[i].fd, polled[i].revents)
      guard revents != 0 else { continue }
      ready -= 1
      switch owners[i] {
      case .smtp(let connection): serve(connection, socket, revents)
      case .http(let login):
        login.multi.ready(socket, events: revents)
        advance(login)
      case .waker(let waker):
        waker.clear()
        isWoken = true
      }
    }
    tickConnecting()
  }

  private func serve(_ connection: Connection, _ socket: Int32, _ revents: Int16) {
    switch connection.phase {
    case .connecting:
      connection.link.ready(socket, events: revents)
      advance(connection)
    case .closed: break
    case .idle, .busy, .quitting:
      if revents & Int16(POLLOUT) != 0, !connection.isWritten { flush(connection) }
      if revents & ~Int16(POLLOUT) != 0 { read(connection) }
    }
  }

  private func tickConnecting() {
    let now = MonotonicTime.now()
    for connection in connections where connection.phase == .connecting {
      guard let timer = connection.link.timer, timer <= now else { continue }
      connection.link.tick(now)
      advance(connection)
    }
    for login in services.values {
      guard let timer = login.multi.timer, timer <= now else { continue }
      login.multi.tick(now)
      advance(login)
    }
  }

  /// How long the sockets may be waited for: until libcurl's next timer or the next deadline.
  private func wait(atMost limit: Int) -> Int {
    var wait = Int64(limit)
    let time = MonotonicTime.now()
    for connection in connections where connection.phase == .connecting {
      if let timer = connection.link.timer { wait = min(wait, (timer - time).milliseconds) }
    }
    for login in services.values {
      if let timer = login.multi.timer { wait = min(wait, (timer - time).milliseconds) }
    }
    if !fetching.isEmpty { wait = min(wait, Self.tokenLook) }
    if earliestDeadline.milliseconds != .max { wait = min(wait, (earliestDeadline - now()).milliseconds + 1) }
    return Int(max(0, wait))
  }

  private func expire() {
    let time = now()
    guard time >= earliestDeadline else { return }
    for connection in connections {
      if connection.deadline <= time { timeOut(connection) }
      if let following = connection.next, following.until <= time { giveUpFollowing(connection) }
    }
    for login in services.values { expire(login, time) }
    let deadlines = connections.map(\.nextDeadline) + services.values.map(Self.deadline(of:))
    earliestDeadline = deadlines.min() ?? Instant(milliseconds: .max)
    // `serve` sets a deadline again where a pause goes on.
    for login in logins.values where login.waitingCount > 0 { serve(login) }
  }
}
