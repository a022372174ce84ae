import Collections
import Journal
import Model

/// The state machine of delivery: takes events, answers actions, does no I/O and reads no clock.
///
/// A send's states and the moves between them:
///
///     queued ──begin──▶ inFlight ──ready──▶ completing ──reply──▶ sent | dead | inDoubt
///       ▲                  │ │                   │
///       │                  │ └── unavailable ────┼─────────▶ queued   (untouched: no attempt was made)
///       └── retry, fail-over ◀───────────────────┘
///     queued ──▶ released   (its open time has passed, or a limit, event or suppression stands in the way)
///     queued ──▶ dead       (expired, gave up, cannot be rendered)
///     queued ──▶ left       (with `--due`: not due in this run; the next one takes it up)
///
/// Each mailbox has a queue of its sends by time; a mailbox wakes when its head is due and its gap has passed. Where a
/// login's connections are all in use, the mailbox waits in that login's line. What is paused stays in its queue until
/// it is resumed or its open time ends; what a breaker stops is released at once.
public struct Dispatcher: ~Copyable {
  let rules: DeliveryRules
  let runID: String
  let day: Interval
  let dueOnly: Bool
  /// When to look again while suppressions and events cannot be read.
  static let dropsRest = Instant.Span.seconds(5)
  /// When the run began.
  let horizon: Instant
  /// With `--due`, how long the run goes on for gaps to pass; the next run of cron takes up the rest.
  static let dueWork = Instant.Span.minutes(5)
  var book: LimitBook
  var sends: [SendSlot]
  var kinds: [SendKind] = []
  /// By send, in milliseconds since the epoch; empty if none expires.
  var expiries: [Int64]
  let source: any LineSource
  /// Sends that are under way, and some that were looked at, as a whole.
  var near: [Int: NearSend] = [:]
  /// Lines that could not be read any more were found.
  var hasLost = false
  var mailboxes: [MailboxQueue] = []
  var wakes: Heap<Wake> = []
  var logins: [String: Login] = [:]
  /// Mailboxes that wait for a connection of a login, each in one line at most. Where a line is not empty, the login
  /// has no connection free, or is among `freed`.
  var lines: [String: Deque<Int>] = [:]
  /// Logins with a free connection and a line that has not been served since.
  var freed: [String] = []
  var waitingInLine = 0
  public var inFlight: Int { underWay.count }
  /// The attempts that a transport holds: few, as connections are.
  var underWay: Set<Int> = []
  /// When the oldest of them was begun.
  var oldestBeginning: Instant? {
    var oldest: Instant?
    for handle in underWay { oldest = min(oldest ?? .distantFuture, sends[handle].startedAt) }
    return oldest
  }
  public var tally = Tally()
  /// What must not be written to; nil while the files cannot be read, and new attempts wait.
  var drops: Drops? { didSet { dropChanges += 1 } }
  /// How often `drops`, and with them what the sends' contacts are known by, have changed.
  var dropChanges = 0
  /// What is paused; nil while the file cannot be read, and new attempts wait.
  var pauses: Pauses?
  var breakers: Breakers
  let history: History
  var domains: DomainBook
  /// How many sends are held at logins, for others to the same domain to end first.
  var heldCount = 0
  var freedDomains: [FreedDomain] = []
  /// Addresses that were refused for good in this run.
  var bounced: Set<String> = []
  var isStopping = false
  private var hasBegun = false

  /// - Parameters:
  ///   - day: the plan's day; nothing goes out outside it.
  ///   - dueOnly: for `--due`: what is not due at `now` is left alone.
  ///   - pauses: what is paused when the run begins.
  ///   - breakers: with the results of the day's earlier runs; by default there were none.
  public init(
    items: [Item], rules: DeliveryRules, history: History, drops: Drops, day: Interval, runID: String, now: Instant,
    dueOnly: Bool, pauses: Pauses = Pauses(), breakers: Breakers? = nil
  ) {
    self.init(
      RunLines(items), rules: rules, history: history, earlier: { _ in }, drops: drops, day: day, runID: runID,
      now: now, dueOnly: dueOnly, pauses: pauses, breakers: breakers)
  }

  /// - Parameter earlier: hands over what earlier runs of the day have sent, or may have, where `history` does not know of it.
  public init(
    _ lines: consuming RunLines, rules: DeliveryRules, history: History,
    earlier: ((LimitBook.Earlier) -> Void) -> Void, drops: Drops, day: Interval, runID: String, now: Instant,
    dueOnly: Bool, pauses: Pauses = Pauses(), breakers: Breakers? = nil
  ) {
    self.rules = rules
    self.runID = runID
    self.day = day
    self.dueOnly = dueOnly
    horizon = now
    self.drops = drops
    self.pauses = pauses
    self.history = history
    self.breakers = breakers ?? Breakers(rules: rules, pauses: pauses)
    book = LimitBook(lines, rules: rules, history: history, day: day, earlier: earlier)
    lines.contacts = []
    lines.addresses = SameOrOther()
    source = lines.source
    expiries = lines.expiries
    domains = DomainBook(lines)
    sends = []
    sends.reserveCapacity(lines.count)
    takeKinds(lines.kinds)
    // Counted first, so that each queue is as large as it must be.
    var counts = Array(repeating: 0, count: mailboxes.count)
    for i in 0..<lines.count { counts[kinds[Int(lines.kindOf[i])].mailbox] += 1 }
    for i in 0..<lines.count { sends.append(SendSlot(lines[i], past: lines.past.isEmpty ? nil : lines.past[i])) }
    // Before the queues take their place.
    lines.forgetKinds()
    var dealer = SendDealer(counts: counts)
    for i in sends.indices {
      // One that waits for a later try is looked at when it expires: no later run might come to tell of it.
      let (m, due) = (mailbox(i), min(sends[i].dueAt, expiry(i) ?? .distantFuture))
      if !dueOnly || due <= now {
        dealer.add(i, to: m, due: due, isPlanned: due.milliseconds == lines.times[i])
      } else {
        mailboxes[m].later += 1
      }
    }
    tally.total = sends.count
    let queues = dealer.queues(lines.times)
    for m in mailboxes.indices {
      mailboxes[m].queue = queues[m]
      for endpoint in mailboxes[m].endpoints where logins[endpoint.login] == nil {
        logins[endpoint.login] = Login(
          endpoint, lastAttempt: history.lastAttempt.provider[endpoint.provider],
          breaker: self.breakers.logins[endpoint.login] ?? LoginBreaker())
      }
      if let head = mailboxes[m].queue.min { schedule(m, at: head.due) }
    }
  }

  /// Makes the mailboxes that lines are of, in the order of their first lines' kinds.
  private mutating func takeKinds(_ given: [RunLines.Kind]) {
    struct Time: Hashable {
      var open: IntervalSet
      var mailbox: String
      var campaign: String
    }
    var index: [String: Int] = [:]
    var times: [Time: IntervalSet] = [:]
    var open: [Set<IntervalSet>] = []
    var campaignRules: [String: CampaignRule] = [:]
    for kind in given {
      let m = index[kind.mailbox] ?? mailboxes.count
      if m == mailboxes.count {
        index[kind.mailbox] = m
        mailboxes.append(
          MailboxQueue(
            gap: rules.mailboxes[kind.mailbox]?.minGap ?? .zero, endpoints: rules.endpoints[kind.mailbox] ?? [],
            domain: rules.domain(of: kind.mailbox),
            lastAttempt: history.lastAttempt.mailbox[kind.mailbox]))
        open.append([])
      }
      let key = Time(open: kind.open, mailbox: kind.mailbox, campaign: kind.campaign)
      let time = times[key] ?? rules.open(kind, within: day)
      times[key] = time
      open[m].insert(time)
      let rule = campaignRules[kind.campaign] ?? rules.campaigns[kind.campaign].map(CampaignRule.init)
      campaignRules[kind.campaign] = rule
      kinds.append(SendKind(campaign: kind.campaign, rule: rule, mailbox: m, mailboxID: kind.mailbox, open: time))
    }
    for m in mailboxes.indices { mailboxes[m].open = IntervalSet(open[m].flatMap(\.intervals)) }
  }

  /// When something can be done next without an event from the transport; nil if nothing waits for time.
  public mutating func nextWake() -> Instant? {
    if isStopping { return nil }
    // A line to be served is work for now.
    if !freed.isEmpty || !freedDomains.isEmpty { return .distantPast }
    while let top = wakes.min, top.version != mailboxes[top.mailbox].version { wakes.removeMin() }
    return wakes.min?.at
  }

  /// Whether everything has come to an end, as far as this run takes it.
  public var isFinished: Bool {
    underWay.isEmpty
      && (isStopping || (waitingInLine == 0 && heldCount == 0 && mailboxes.allSatisfy { $0.queue.isEmpty }))
  }

  /// No new attempts; those in flight may end.
  public mutating func stop() { isStopping = true }

  // MARK: - Time

  /// What is to be done at `now`.
  public mutating func start(now: Instant) -> [Action] {
    var actions: [Action] = []
    guard !isStopping else { return actions }
    if !hasBegun {
      hasBegun = true
      countLateEvents(now, &actions)
      takeOverRests(now, &actions)
    }
    repeat {
      takeUpHeld()
      serveLines(now, &actions)
      while let top = wakes.min, top.at <= now {
        wakes.removeMin()
        guard top.version == mailboxes[top.mailbox].version else { continue }
        serve(top.mailbox, now, &actions)
        serveLines(now, &actions)
      }
    } while !freedDomains.isEmpty
    return actions
  }

  mutating func schedule(_ m: Int, at: Instant) {
    mailboxes[m].version += 1
    wakes.insert(Wake(at: at, mailbox: m, version: mailboxes[m].version))
  }

  /// - Parameter turn: the login whose line has come to this mailbox.
  mutating func serve(_ m: Int, turn: String? = nil, _ now: Instant, _ actions: inout [Action]) {
    var turn = turn
    while let head = mailboxes[m].queue.min {
      if head.due > now {
        if dueOnly { return leave(m) }
        return schedule(m, at: head.due)
      }
      // The gap runs from when the attempt before is made, not from when its connection was asked for.
      if mailboxes[m].opening > 0, mailboxes[m].gap > .zero {
        mailboxes[m].version += 1
        return
      }
      let handle = head.handle
      switch settle(handle, now, &actions) {
      case .mayGo: break
      case .ended:
        mailboxes[m].queue.removeMin()
        continue
      case .waits(let next):
        mailboxes[m].queue.removeMin()
        mailboxes[m].queue.insert(Entry(due: next, handle: handle))
        continue
      case .mailboxWaits(let next):
        // The queue is left as it is: asking each of its sends, at each instant that has room for one, would cost the
        // square of their number.
        mailboxes[m].lackedRoomUntil = next
        if dueOnly { return leave(m) }
        return schedule(m, at: next)
      }
      if let last = mailboxes[m].lastAttempt {
        let next = last + pace(m, head: handle, last: last, now)
        if next > now {
          if dueOnly, next > horizon + Self.dueWork { return leave(m) }
          return schedule(m, at: next)
        }
      }
      guard let position = chooseProvider(m, handle, now) else {
        sends[handle].lackedProvider = true
        let rests = mailboxes[m].endpoints.enumerated().filter {
          !sends[handle].refused.contains($0.offset) && !isPaused($0.element)
        }.compactMap { logins[$0.element.login]?.restsUntil }
        mailboxes[m].queue.removeMin()
        putOff(handle, m, until: rests.min() ?? .distantFuture, now, &actions)
        continue
      }
      let endpoint = mailboxes[m].endpoints[position]
      let login = login(of: endpoint)
      if login.isWarm, let last = login.lastAttempt, now - last > Login.warmth { login.isWarm = false }
      if isCrowded(handle, login) {
        mailboxes[m].queue.removeMin()
        hold(handle, m, at: endpoint.login)
        continue
      }
      guard login.hasRoom, turn == endpoint.login || (lines[endpoint.login] ?? []).isEmpty else {
        return lineUp(m, for: endpoint.login)
      }
      if let last = login.lastAttempt, last + endpoint.interval > now {
        return schedule(m, at: last + endpoint.interval)
      }
      mailboxes[m].queue.removeMin()
      turn = nil
      sends[handle].before = (mailboxes[m].lastAttempt, login.lastAttempt, sends[handle].isWaiting)
      login.inFlight += 1
      login.opening += 1
      if sends[handle].domain >= 0 { login.domains[sends[handle].domain, default: 0] += 1 }
      login.lastAttempt = now
      mailboxes[m].lastAttempt = now
      mailboxes[m].opening += 1
      sends[handle].provider = position
      sends[handle].state = .inFlight
      sends[handle].startedAt = now
      sends[handle].countedAt = now
      underWay.insert(handle)
      stopWaiting(handle)
      count(handle, by: 1)
      actions.append(.begin(handle: handle, endpoint))
    }
  }

  private mutating func login(of endpoint: Endpoint) -> Login {
    if let login = logins[endpoint.login] { return login }
    let login = Login(endpoint)
    logins[endpoint.login] = login
    return login
  }

  mutating func stopWaiting(_ handle: Int) {
    if sends[handle].isWaiting { tally.waiting -= 1 }
    sends[handle].isWaiting = false
  }

  /// With `--due`: what is still queued belongs to a later run.
  mutating func leave(_ m: Int) {
    mailboxes[m].queue = SendQueue()
    mailboxes[m].version += 1
  }

  func chooseProvider(_ m: Int, _ handle: Int, _ now: Instant) -> Int? {
    let chain = mailboxes[m].endpoints
    for offset in chain.indices {
      let position = (sends[handle].provider + offset) % chain.count
      guard !sends[handle].refused.contains(position) else { continue }
      if !rests(chain[position], now) { return position }
    }
    return nil
  }

  func rests(_ endpoint: Endpoint, _ now: Instant) -> Bool {
    isPaused(endpoint) || logins[endpoint.login].map { $0.restsUntil > now } ?? true
  }

  /// Back into the queue for a later time of its open time, or released if there is none.
  mutating func putOff(_ handle: Int, _ m: Int, until: Instant, _ now: Instant, _ actions: inout [Action]) {
    sends[handle].state = .queued
    if isStopped(handle) { return release(handle, .breaker, now, &actions) }
    var due = max(until, now)
    if let expires = expiry(handle), expires < due { due = expires }
    guard let next = open(handle).firstInstant(from: due) else {
      return release(handle, sends[handle].lackedProvider ? .providerUnavailable : .missed, now, &actions)
    }
    mailboxes[m].queue.insert(Entry(due: next, handle: handle))
  }

  mutating func count(_ handle: Int, by n: Int) {
    book.count(handle, of: sends[handle].kind, at: sends[handle].countedAt, by: n)
  }

  /// A retry that was taken up, and not made, waits as before.
  mutating func waitAgain(_ handle: Int) {
    guard sends[handle].before.isWaiting else { return }
    sends[handle].isWaiting = true
    tally.waiting += 1
  }

  /// What was begun was no attempt: limits, gap and rate get back what it took, and a retry waits as before.
  mutating func takeBack(_ handle: Int) {
    count(handle, by: -1)
    let slot = sends[handle]
    waitAgain(handle)
    guard let name = endpoint(of: handle)?.login else { return }
    let m = mailbox(handle)
    mailboxes[m].opening -= 1
    if mailboxes[m].lastAttempt == slot.startedAt { mailboxes[m].lastAttempt = slot.before.mailbox }
    guard let login = logins[name] else { return }
    login.opening -= 1
    login.isWarm = false
    if login.lastAttempt == slot.startedAt { login.lastAttempt = slot.before.login }
  }
}
