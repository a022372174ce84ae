import Delivery
import Model

/// An attempt from `begin` to its end.
final class Job {
  let attempt: OutgoingAttempt
  let traits: MessageTraits
  /// An address is not of ASCII alone.
  let needsSMTPUTF8: Bool
  /// The caller has been told that it is ready.
  var isReady = false
  /// The caller has its intent on disk.
  var isCompleted = false
  /// It has been taken off a connection that was gone before the server said a word to it; that is done once.
  var hasMoved = false
  /// The connection that carries it, once one does. Either end of the two lets go of both.
  var connection: Connection?

  init(_ attempt: OutgoingAttempt) {
    self.attempt = attempt
    traits = MessageTraits(attempt.message)
    needsSMTPUTF8 = attempt.needsSMTPUTF8 || [attempt.from, attempt.to].contains { !$0.utf8.allSatisfy { $0 < 0x80 } }
  }
}

/// What shares connections, refused credentials and rests.
final class Login {
  let name: String
  /// As the latest attempt had it.
  var endpoint: Endpoint
  var waiting: [Job] = []
  /// `waiting`'s first that still waits: taking one moves this on.
  var firstWaiting = 0
  var connections: [Connection] = []
  /// Attempts have come since it was looked at.
  var isToBeServed = false
  /// A connection got through: until then only one at a time is tried, so that a wrong password is shown to the
  /// server once and not `maxConnections` times.
  var isProven = false
  /// How long the server took for its latest reply to a message; nil before the first. Where it takes its time, an
  /// attempt that waits behind it on the same connection would lose more than a round trip.
  var replyTime: Instant.Span?
  /// No new connection before this.
  var pauseUntil = Instant(milliseconds: .min)
  /// Where the login is by an access token that can be fetched anew.
  var token: LoginToken?

  init(_ endpoint: Endpoint) {
    name = endpoint.login
    self.endpoint = endpoint
  }

  var waitingCount: Int { waiting.count - firstWaiting }
  var hasLive: Bool { connections.contains { $0.phase == .idle || $0.phase == .busy } }
  var connecting: Int { connections.count { $0.phase == .connecting } }

  func takeWaiting() -> Job? {
    guard firstWaiting < waiting.count else { return nil }
    let job = waiting[firstWaiting]
    firstWaiting += 1
    if firstWaiting == waiting.count {
      waiting.removeAll(keepingCapacity: true)
      firstWaiting = 0
    } else if firstWaiting > 1024 {
      waiting.removeFirst(firstWaiting)
      firstWaiting = 0
    }
    return job
  }

  func forget(_ job: Job) {
    waiting = Array(waiting[firstWaiting...]).filter { $0 !== job }
    firstWaiting = 0
  }

  /// Puts a job that was taken back at the head.
  func putBack(_ job: Job) {
    if firstWaiting > 0 {
      firstWaiting -= 1
      waiting[firstWaiting] = job
    } else {
      waiting.insert(job, at: 0)
    }
  }

  func takeAllWaiting() -> [Job] {
    let jobs = Array(waiting[firstWaiting...])
    waiting = []
    firstWaiting = 0
    return jobs
  }
}

/// A transaction that waits for the one before it on its connection.
struct Following {
  /// Nil once the attempt has gone elsewhere, or has ended: nothing may be sent for it any more.
  var job: Job?
  var transaction: Transaction
  /// Until when the reply to the message before may keep it waiting.
  var until: Instant
}

/// One SMTP connection and the transaction on it.
///
///     connecting ─▶ idle ◀─▶ busy
///         │          │        │
///         └──────────┴────────┴─▶ quitting ─▶ closed
final class Connection {
  enum Phase { case connecting, idle, busy, quitting, closed }
  enum Flushed {
    case all, blocked
    case failed(String)
  }

  let link: Link
  unowned let login: Login
  let timeouts: Timeouts
  let limit: Int
  var phase = Phase.connecting
  /// Nil once its attempt has been told its end.
  var job: Job?
  /// The access token that it logs in with.
  var token: Secret? {
    didSet { redact() }
  }
  var transaction: Transaction?
  /// The transaction after it, whose opening went out behind the message: one round trip a message, and half as many
  /// system calls (RFC 2920 §3.1 allows a message's content to be followed by the next MAIL, RCPT and DATA).
  var next: Following?
  var parser = ReplyParser()
  /// Attempts begun on it.
  var messages = 0
  /// When the message under way had been written.
  var writtenAt: Instant?
  /// When it has waited long enough; what that means depends on the phase.
  var deadline: Instant
  /// Its place in the transport's list.
  var index = 0
  var linesSeen = 0
  private var out: [UInt8] = []
  private var outStart = 0
  /// How many of the bytes in `out` belong to the message under way, its final dot included.
  private var messageEnd = 0

  init(link: Link, login: Login, timeouts: Timeouts, limit: Int, deadline: Instant) {
    self.link = link
    self.login = login
    self.timeouts = timeouts
    self.limit = max(1, limit)
    self.deadline = deadline
    redact()
  }

  /// What the server says is read without what it was shown.
  private func redact() {
    guard case .smtp(let smtp) = login.endpoint.kind else { return }
    parser.redaction = Redaction(smtp, token: token)
  }

  /// Everything has been handed to the connection.
  var isWritten: Bool { outStart == out.count }
  /// The message under way has been handed to the connection, its final dot too.
  var isMessageWritten: Bool { outStart >= messageEnd }

  /// Gives the bytes still to be written to `change`, which may append.
  func write<Result>(_ change: (inout [UInt8]) -> Result) -> Result {
    change(&out)
  }

  /// The message and its dot.
  func write(message: [UInt8], hasLeadingDot: Bool) {
    out.appendDotStuffed(message, hasLeadingDot: hasLeadingDot)
    messageEnd = out.count
  }

  func flush() -> Flushed {
    while outStart < out.count {
      switch link.send(out, from: outStart) {
      case .bytes(let count): outStart += count
      case .again: return .blocked
      case .failed(let text): return .failed(text)
      }
    }
    // One large message must not keep its memory on every connection.
    out.removeAll(keepingCapacity: out.capacity <= 1 << 20)
    outStart = 0
    messageEnd = 0
    return .all
  }

  /// When it, or what follows on it, has waited long enough.
  var nextDeadline: Instant {
    guard let next, next.job != nil else { return deadline }
    return min(deadline, next.until)
  }

  /// The allowed wait for what the transaction awaits now.
  var allowance: Instant.Span {
    switch transaction?.state {
    case .mail: timeouts.mail
    case .rcpt: timeouts.rcpt
    case .data: timeouts.data
    case .message: isMessageWritten ? timeouts.message : timeouts.block
    case .emptyMessage: timeouts.message
    case .reset: timeouts.reset
    // The intent takes as long as it takes; the server's patience is the limit.
    case .ready: .days(1)
    case .over, nil: Timeouts.idle
    }
  }
}
