import Collections
import Model

/// What the dispatcher keeps of each send, mailbox and login.
extension Dispatcher {
  /// One send in 32 bytes: a run has a million. What only an attempt needs is kept while there is one, or its retry
  /// waits.
  struct SendSlot {
    /// Its place in the source.
    let line: UInt32
    /// Index into the dispatcher's kinds.
    let kind: UInt32
    /// Number of the domain that it goes to; -1 without one.
    let domain: Int32
    var state: State = .queued
    private var marks: Marks = []
    /// `dueAt`; once it is done, `startedAt`.
    private var time: Instant
    /// One, or none: a box of its own that costs eight bytes where there is none.
    private var work: [Work] = []

    init(_ line: RunLines.Line, past: RunLines.Past?) {
      self.line = line.number
      kind = line.kind
      domain = line.domain
      time = max(line.sendAt, past?.notBefore ?? .distantPast)
      if let past, past.attempts > 0 || past.firstAttempt != nil {
        work = [Work(attempts: past.attempts, firstAttempt: past.firstAttempt)]
      }
    }

    /// When it was, or is again, to be attempted: its time, or its retry's.
    var dueAt: Instant {
      get { time }
      set { time = newValue }
    }
    /// When its last attempt of this run was begun.
    var startedAt: Instant {
      get { state == .done && work.isEmpty ? (marks.contains(.wasTried) ? time : .distantPast) : attempt.startedAt }
      set { attempt.startedAt = newValue }
    }
    /// Attempts, those of earlier runs too.
    var attempts: Int {
      get { attempt.attempts }
      set { attempt.attempts = newValue }
    }
    var firstAttempt: Instant? {
      get { attempt.firstAttempt }
      set { attempt.firstAttempt = newValue }
    }
    /// Position in its mailbox's chain of providers.
    var provider: Int {
      get { attempt.provider }
      set { attempt.provider = newValue }
    }
    /// The instant by which the limits count its attempt: its beginning, then its intent.
    var countedAt: Instant {
      get { attempt.countedAt }
      set { attempt.countedAt = newValue }
    }
    /// How things stood before this attempt, should it prove to be none.
    var before: (mailbox: Instant?, login: Instant?, isWaiting: Bool) {
      get { attempt.before }
      set { attempt.before = newValue }
    }
    /// Providers that failed it since its last wait.
    var failed: Set<Int> {
      get { attempt.failed }
      set { attempt.failed = newValue }
    }
    /// Providers that refused it for good.
    var refused: Set<Int> {
      get { attempt.refused }
      set { attempt.refused = newValue }
    }
    /// Whether a connection lost before the message was complete has already been tried again at once.
    var hasRetriedAtOnce: Bool {
      get { marks.contains(.hasRetriedAtOnce) }
      set { mark(.hasRetriedAtOnce, newValue) }
    }
    /// Put off after an attempt, and not taken up again yet.
    var isWaiting: Bool {
      get { marks.contains(.isWaiting) }
      set { mark(.isWaiting, newValue) }
    }
    /// No provider could be used when it was last due.
    var lackedProvider: Bool {
      get { marks.contains(.lackedProvider) }
      set { mark(.lackedProvider, newValue) }
    }
    /// Due, and kept back by a pause until that is over or its open time is.
    var isParked: Bool {
      get { marks.contains(.isParked) }
      set { mark(.isParked, newValue) }
    }

    /// Forgets what only a send needs that has not ended.
    mutating func forgetWork() {
      guard let last = work.first else { return }
      if last.startedAt > .distantPast {
        time = last.startedAt
        marks.insert(.wasTried)
      }
      work = []
    }

    private mutating func mark(_ mark: Marks, _ isSet: Bool) {
      if isSet { marks.insert(mark) } else { marks.remove(mark) }
    }

    private var attempt: Work {
      @inline(__always) _read {
        if work.isEmpty { yield Self.noWork } else { yield work[0] }
      }
      @inline(__always) _modify {
        if work.isEmpty { work = [Work()] }
        yield &work[0]
      }
    }

    private static let noWork = Work()
  }

  private struct Marks: OptionSet {
    let rawValue: UInt8
    static let hasRetriedAtOnce = Marks(rawValue: 1)
    static let isWaiting = Marks(rawValue: 2)
    static let lackedProvider = Marks(rawValue: 4)
    static let isParked = Marks(rawValue: 8)
    static let wasTried = Marks(rawValue: 16)
  }

  private struct Work {
    var attempts = 0
    var firstAttempt: Instant?
    var provider = 0
    var startedAt = Instant.distantPast
    var countedAt = Instant.distantPast
    var before: (mailbox: Instant?, login: Instant?, isWaiting: Bool) = (nil, nil, false)
    var failed: Set<Int> = []
    var refused: Set<Int> = []
  }

  enum State: UInt8, Sendable { case queued, inFlight, completing, done, lost }

  /// What many sends have in common.
  struct SendKind {
    var campaign: String
    /// Nil where the project does not have it any more: nothing says then that its sends may go out.
    var rule: CampaignRule?
    /// Index into `mailboxes`.
    var mailbox: Int
    var mailboxID: String
    /// The time at which they may go out, within what mailbox and campaign allow today.
    var open: IntervalSet
  }

  /// A class, since a campaign is large and asked for at each send.
  final class CampaignRule: Sendable {
    let campaign: Campaign
    /// Whether stop events end its sends.
    let hasAudience: Bool

    init(_ campaign: Campaign) {
      self.campaign = campaign
      if case .contacts = campaign.audience { hasAudience = true } else { hasAudience = false }
    }
  }

  /// A send as a whole, while it is looked at or under way.
  final class NearSend {
    let send: PlannedSend
    /// What its records have in common.
    let record: Record.Attempt.Send
    var person: Drops.Person
    /// The count of `Dispatcher.dropChanges` at which nothing was found to stand against writing to them.
    var clearedAt = -1

    init(_ send: PlannedSend, messageID: String) {
      self.send = send
      record = Record.Attempt.Send(send, messageID: messageID)
      person = Drops.Person(key: send.contact, to: send.to, channel: send.channel)
    }
  }

  struct MailboxQueue {
    var gap: Instant.Span
    var endpoints: [Endpoint]
    /// Of its address, in the Message-IDs of what it sends; nil for SMS.
    var domain: String?
    var queue = SendQueue()
    var lastAttempt: Instant?
    /// Attempts begun and not yet made: they wait for a connection, or for the server's word to send the message.
    var opening = 0
    var version = 0
    /// How many of its sends `--due` leaves to later runs.
    var later = 0
    /// How many of its sends wait for others to the same domain.
    var held = 0
    /// The login in whose line it stands.
    var line: String?
    /// When its limits have room again, or had it last; nil if they were never used up.
    var lackedRoomUntil: Instant?
    /// All open time of its sends, for the pace of catching up.
    var open = IntervalSet()
  }

  typealias Entry = SendQueue.Entry

  struct Wake: Comparable {
    var at: Instant
    var mailbox: Int
    var version: Int
    static func < (a: Wake, b: Wake) -> Bool { a.at != b.at ? a.at < b.at : a.mailbox < b.mailbox }
  }

  /// A class: it is looked up by its name and changed many times a message.
  final class Login {
    var maxConnections: Int
    var maxInFlight: Int
    var inFlight = 0
    var lastAttempt: Instant?
    var breaker = LoginBreaker()
    /// Attempts in flight by number of domain.
    var domains: [Int32: Int] = [:]
    /// Sends that are due and wait until fewer to the same domain are in flight, by number of domain.
    var held: [Int32: Deque<Int>] = [:]
    var restsUntil: Instant { breaker.restsUntil }
    var room: Int { (breaker.isProbing ? 1 : maxInFlight) - inFlight }
    var hasRoom: Bool { room > 0 && (interval == .zero || opening == 0 || isWarm) }
    /// The least time between two attempts.
    var interval = Instant.Span.zero
    /// Attempts begun and not yet made.
    var opening = 0
    /// Connections are open, so that attempts are made as soon as they are begun. Until then, one at a time is begun
    /// where there is a rate: those that gather behind a slow greeting would go out in one burst.
    var isWarm = false
    /// How long a login without attempts stays warm: idle connections are closed after 30 seconds.
    static let warmth = Instant.Span.seconds(25)

    init(_ endpoint: Endpoint, lastAttempt: Instant? = nil, breaker: LoginBreaker = LoginBreaker()) {
      maxConnections = endpoint.maxConnections
      maxInFlight = endpoint.maxInFlight
      interval = endpoint.interval
      self.lastAttempt = lastAttempt
      self.breaker = breaker
    }
  }
}

extension Dispatcher {
  /// How many sends that are not under way are kept as a whole: those looked at last, mostly heads of queues.
  static let keptSends = 2048

  /// The whole of a send, read where it is not at hand; nil if it cannot be read any more.
  mutating func send(_ handle: Int) -> NearSend? {
    if let send = near[handle] { return send }
    guard let send = try? source.send(Int(sends[handle].line)) else { return nil }
    if near.count >= Self.keptSends + underWay.count { near = near.filter { underWay.contains($0.key) } }
    let one = NearSend(send, messageID: messageID(of: send, mailboxes[mailbox(handle)].domain))
    near[handle] = one
    return one
  }

  /// - Parameter domain: of its mailbox's address; nil for SMS.
  private func messageID(of send: PlannedSend, _ domain: String?) -> String {
    domain.map { "<\(send.id.text)@\($0)>" } ?? ""
  }

  /// A send whose line cannot be read, or is not as it was: nothing is known of it that a record could say, so that it
  /// is left for another run to look at.
  mutating func lose(_ handle: Int, _ actions: inout [Action]) {
    end(handle)
    stopWaiting(handle)
    sends[handle].state = .lost
    if !hasLost {
      actions.append(.warn("lines of the plan have changed or cannot be read any more: they are left alone"))
    }
    hasLost = true
  }

  func kind(_ handle: Int) -> SendKind { kinds[Int(sends[handle].kind)] }
  func mailbox(_ handle: Int) -> Int { kinds[Int(sends[handle].kind)].mailbox }
  func open(_ handle: Int) -> IntervalSet { kinds[Int(sends[handle].kind)].open }
  func expiry(_ handle: Int) -> Instant? {
    guard !expiries.isEmpty, expiries[handle] != .max else { return nil }
    return Instant(milliseconds: expiries[handle])
  }
}
