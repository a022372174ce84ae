import Collections
import Model

/// What the dispatcher keeps of each send, mailbox and login.
extension Dispatcher {
  struct SendSlot {
    var item: Item
    var open: IntervalSet
    var state: State = .queued
    /// Number of the domain that it goes to; -1 without one.
    var domain: Int32 = -1
    /// Position in its mailbox's chain of providers.
    var provider = 0
    var startedAt = Instant.distantPast
    /// When it was, or is again, to be attempted: its time, or its retry's.
    var dueAt = Instant.distantPast
    /// The instant by which the limits count its attempt: its beginning, then its intent.
    var countedAt = Instant.distantPast
    /// How things stood before this attempt, should it prove to be none.
    var before: (mailbox: Instant?, login: Instant?, isWaiting: Bool) = (nil, nil, false)
    /// Providers that failed it since its last wait.
    var failed: Set<Int> = []
    /// Providers that refused it for good.
    var refused: Set<Int> = []
    /// Whether a connection lost before the message was complete has already been tried again at once.
    var hasRetriedAtOnce = false
    /// Put off after an attempt, and not taken up again yet.
    var isWaiting = false
    /// No provider could be used when it was last due.
    var lackedProvider = false
    /// Due, and kept back by a pause until that is over or its open time is.
    var isParked = false
  }

  enum State: Sendable { case queued, inFlight, completing, done }

  struct MailboxQueue {
    var gap: Instant.Span
    var endpoints: [Endpoint]
    var queue: Heap<Entry> = []
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

  struct Entry: Comparable {
    var due: Instant
    var handle: Int
    static func < (a: Entry, b: Entry) -> Bool { a.due != b.due ? a.due < b.due : a.handle < b.handle }
  }

  struct Wake: Comparable {
    var at: Instant
    var mailbox: Int
    var version: Int
    static func < (a: Wake, b: Wake) -> Bool { a.at != b.at ? a.at < b.at : a.mailbox < b.mailbox }
  }

  struct Login {
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
    var hasRoom: Bool { room > 0 }
  }
}
