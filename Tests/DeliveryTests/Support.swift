import Journal
import Model

@testable import Delivery

/// 2026-11-20, a Friday, UTC.
func at(_ time: String, day: String = "2026-11-20") -> Instant {
  Instant("\(day)T\(time)Z") ?? .distantPast
}

let today = Interval(at("00:00:00"), at("00:00:00", day: "2026-11-21"))

/// A project of mailboxes `m1`, `m2`, … and what a dispatcher needs besides it. Change what a test is about.
struct Scene {
  var settings = Settings()
  var mailboxes: [Mailbox]
  var campaigns: [Campaign]
  var endpoints: [String: [Endpoint]]
  var items: [Dispatcher.Item] = []
  var history = History()
  var drops = Drops()
  var day = today
  var now = at("08:00:00")
  var dueOnly = false
  var pauses = Pauses()
  /// Results of the day's earlier runs.
  var earlier: [Record] = []

  /// - Parameter providers: each mailbox's chain, by login.
  init(mailboxes count: Int = 1, gap: Instant.Span = .zero, providers: [String] = ["alpha"], connections: Int = 10) {
    mailboxes = (1...count).map { n in
      Mailbox(
        id: "m\(n)", sender: .email(Scene.sender(n)), minGap: gap, zone: .utc, providers: providers)
    }
    campaigns = [Scene.campaign("welcome")]
    endpoints = Dictionary(
      uniqueKeysWithValues: mailboxes.map { mailbox in
        (mailbox.id, providers.map { Scene.endpoint($0, connections: connections) })
      })
  }

  static func sender(_ n: Int) -> NamedAddress {
    EmailAddress("anna\(n)@example.com").map { NamedAddress(name: "Anna", address: $0) }
      ?? Scene.sender(0)
  }

  static func endpoint(_ login: String, connections: Int = 10, interval: Instant.Span = .zero) -> Endpoint {
    Endpoint(
      provider: login, login: login, kind: .file(directory: "/nowhere"), maxConnections: connections,
      messagesPerConnection: 100, interval: interval)
  }

  static func campaign(
    _ id: String, class messageClass: Campaign.MessageClass = .bulk, end: Instant? = nil,
    retry: RetryPolicy = RetryPolicy()
  ) -> Campaign {
    Campaign(
      id: id, status: .active, messageClass: messageClass, end: end,
      audience: .contacts(Campaign.ContactAudience(files: [0])), mailboxes: .ids(["m1"]), retry: retry,
      steps: [Step(id: "intro", variants: [Step.Variant(id: "")])])
  }

  static func send(
    _ n: Int, at time: Instant, mailbox: String = "m1", campaign: String = "welcome", contact: String? = nil,
    open: IntervalSet? = nil, expires: Instant? = nil
  ) -> PlannedSend {
    let contact = contact ?? "c\(n)@example.org"
    return PlannedSend(
      id: SendID(campaign: campaign, step: "intro-\(n)", contact: contact, channel: .email, key: ""), sendAt: time,
      open: open ?? IntervalSet([today]), expiresAt: expires, campaign: campaign, step: "intro-\(n)",
      contact: contact, channel: .email, to: contact, mailbox: mailbox, subject: "Hello")
  }

  mutating func add(
    _ time: Instant, mailbox: String = "m1", campaign: String = "welcome", contact: String? = nil,
    open: IntervalSet? = nil, expires: Instant? = nil
  ) {
    items.append(
      Dispatcher.Item(
        send: Scene.send(
          items.count, at: time, mailbox: mailbox, campaign: campaign, contact: contact, open: open,
          expires: expires)))
  }

  var rules: DeliveryRules {
    DeliveryRules(
      project: Project(settings: settings, campaigns: campaigns, mailboxes: mailboxes), endpoints: endpoints)
  }

  var dispatcher: Dispatcher {
    Dispatcher(
      items: items, rules: rules, history: history, drops: drops, day: day, runID: "00000000000000aa", now: now,
      dueOnly: dueOnly, pauses: pauses, breakers: breakers)
  }

  var breakers: Breakers {
    var breakers = Breakers(rules: rules, pauses: pauses)
    for record in earlier { breakers.apply(record) }
    return breakers
  }
}

/// Plays the driver by hand: what the dispatcher asked for is kept and looked at, and nothing is carried out.
struct Bench {
  let dispatcher: Held
  var records: [Record] = []
  /// Handle, login and time of all that was begun.
  var begun: [(handle: Int, login: String, at: Instant)] = []
  var completed: [Int] = []
  var warnings: [String] = []
  var cancelled: [Int] = []
  var stopped: [Part] = []

  /// `#expect` copies what it looks into, and dispatchers cannot be copied: a bench and its copies have one.
  final class Held {
    private var held: Dispatcher

    init(_ dispatcher: consuming Dispatcher) { held = dispatcher }

    var isFinished: Bool { held.isFinished }
    var inFlight: Int { held.inFlight }
    var heldCount: Int { held.heldCount }
    var waitingInLine: Int { held.waitingInLine }
    var logins: [String: Dispatcher.Login] { held.logins }
    var breakers: Breakers { held.breakers }
    var domainCount: Int { held.domains.count }
    var tally: Tally { held.tally }
    var drops: Drops? {
      get { held.drops }
      set { held.drops = newValue }
    }

    func inFlight(to domain: String) -> Int {
      held.underWay.count { held.near[$0]?.send.to.hasSuffix("@" + domain) == true }
    }
    func open(_ handle: Int) -> IntervalSet { held.open(handle) }
    func nextWake() -> Instant? { held.nextWake() }
    func start(now: Instant) -> [Dispatcher.Action] { held.start(now: now) }
    func stop() { held.stop() }
    func handle(_ event: TransportEvent, now: Instant) -> [Dispatcher.Action] { held.handle(event, now: now) }
    func cannotRender(_ handle: Int, _ text: String, now: Instant) -> [Dispatcher.Action] {
      held.cannotRender(handle, text, now: now)
    }
    func abandon(unsent: Set<Int> = [], now: Instant) -> [Dispatcher.Action] { held.abandon(unsent: unsent, now: now) }
    func heed(_ pauses: Pauses?, now: Instant) -> [Dispatcher.Action] { held.heed(pauses, now: now) }
    func heed(drops: Drops?, now: Instant) -> [Dispatcher.Action] { held.heed(drops: drops, now: now) }
  }

  init(_ scene: Scene) { dispatcher = Held(scene.dispatcher) }

  /// - Returns: the handles begun now.
  @discardableResult
  mutating func start(_ now: Instant) -> [Int] { take(dispatcher.start(now: now), now) }

  @discardableResult
  mutating func take(_ actions: [Dispatcher.Action], _ now: Instant) -> [Int] {
    var handles: [Int] = []
    for action in actions {
      switch action {
      case .begin(let handle, let endpoint):
        handles.append(handle)
        begun.append((handle, endpoint.login, now))
      case .record(let record): records.append(record)
      case .complete(let handle): completed.append(handle)
      case .cancel(let handle): cancelled.append(handle)
      case .warn(let text): warnings.append(text)
      case .stopped(let trip): stopped.append(trip.part)
      }
    }
    return handles
  }

  mutating func event(_ event: TransportEvent, _ now: Instant) { take(dispatcher.handle(event, now: now), now) }
  mutating func finish(_ handle: Int, _ reply: Reply, _ now: Instant) { event(.finished(handle: handle, reply), now) }
  mutating func ready(_ handle: Int, _ now: Instant) { event(.ready(handle: handle), now) }

  mutating func accept(_ handle: Int, _ now: Instant) {
    ready(handle, now)
    finish(handle, .accepted, now)
  }

  mutating func unavailable(_ login: String, _ returned: [Int], _ now: Instant) {
    event(.unavailable(login: login, Unavailability(cause: .connection, text: "refused"), returned: returned), now)
  }

  /// Accepts everything, going from wake to wake, until all has ended or `end` has passed.
  mutating func play(from start: Instant, until end: Instant) {
    var now = start
    for _ in 0..<10_000 {
      for handle in self.start(now) { accept(handle, now) }
      guard !dispatcher.isFinished, let wake = dispatcher.nextWake(), wake < end else { return }
      now = max(now, wake)
    }
  }

  var outcomes: [(Record.Attempt, Record.Result)] {
    records.compactMap { if case .outcome(let attempt, let result) = $0 { (attempt, result) } else { nil } }
  }
  var released: [ReleaseReason] {
    records.compactMap { if case .released(_, let reason) = $0 { reason } else { nil } }
  }
  var tally: Tally { dispatcher.tally }
  var sums: Bool { tally.total == tally.sent + tally.deadTotal + tally.inDoubt + tally.releasedTotal + tally.left }
}

extension Reply {
  static let accepted = Reply(
    stage: .message, ending: .reply(code: 250), enhancedCode: "2.0.0", text: "queued", completed: true)

  static func code(_ code: Int, _ stage: Stage = .rcpt, _ enhanced: String? = nil) -> Reply {
    Reply(
      stage: stage, ending: .reply(code: code), enhancedCode: enhanced, text: "no", completed: stage == .message)
  }
  static let greylisted = code(451, .rcpt, "4.7.1")
  static let unknown = code(550, .rcpt, "5.1.1")
  static let policy = code(550, .rcpt, "5.7.1")
  static let closing = code(421, .mail, "4.3.2")
  static func lost(completed: Bool) -> Reply {
    Reply(stage: .message, ending: .connectionLost, text: "closed", completed: completed)
  }
}
