/// Where a send stands after all its records. Each record moves it; the last word counts.
///
///     pending ──intent──▶ inFlight ──outcome──▶ sent | waiting | dead | inDoubt
///        ▲                                         │        │        │
///        └──────── released, requeued ◀────────────┴────────┴────────┘
///     pending ──withdrawn──▶ withdrawn      dead | inDoubt ──resolved──▶ sent | dropped
public enum SendState: Hashable, Sendable {
  /// Due, its attempts so far counted apart.
  case pending
  /// An intent without an outcome: in doubt unless the run that wrote it still lives.
  case inFlight
  case sent
  /// Put off until an instant.
  case waiting(until: Instant)
  case inDoubt
  case dead(DeadReason)
  case withdrawn
  case dropped

  /// Whether the sequence can never take this step again.
  public var isFinal: Bool {
    switch self {
    case .sent, .dead, .withdrawn, .dropped: true
    case .pending, .inFlight, .waiting, .inDoubt: false
    }
  }
  /// Whether the server has it or may have it: what limits count.
  public var countsAgainstLimits: Bool { self == .sent || self == .inFlight || self == .inDoubt }
}

/// All that is known of one send from the results of all days.
public struct SendRecord: Hashable, Sendable {
  public var id: SendID
  public var campaign: String
  public var step: String
  public var key: String
  public var contact: String
  public var channel: Channel
  public var to: String
  public var mailbox: String
  public var state: SendState
  /// Attempts since the start or the last `requeued`.
  public var attempts: Int
  public var firstAttempt: Instant?
  /// When the state was reached.
  public var at: Instant
  /// When the last attempt was begun: the instant that limits and days count by.
  public var attemptAt: Instant?
  /// Nil until there was an attempt.
  public var messageID: String?
  public var subject: String?
  public var provider: String?
  public var expiresAt: Instant?
  /// The last outcome, where there was one.
  public var last: Record.Result?

  public init(
    id: SendID, campaign: String, step: String, key: String, contact: String, channel: Channel, to: String,
    mailbox: String, state: SendState = .pending, attempts: Int = 0, firstAttempt: Instant? = nil, at: Instant,
    attemptAt: Instant? = nil, messageID: String? = nil, subject: String? = nil, provider: String? = nil,
    expiresAt: Instant? = nil, last: Record.Result? = nil
  ) {
    self.id = id
    self.campaign = campaign
    self.step = step
    self.key = key
    self.contact = contact
    self.channel = channel
    self.to = to
    self.mailbox = mailbox
    self.state = state
    self.attempts = attempts
    self.firstAttempt = firstAttempt
    self.at = at
    self.attemptAt = attemptAt
    self.messageID = messageID
    self.subject = subject
    self.provider = provider
    self.expiresAt = expiresAt
    self.last = last
  }
}

/// What the results of all days add up to. A fold: `apply` each record in the files' order.
public struct History: Sendable {
  public private(set) var sends: [SendID: SendRecord] = [:]
  private var bySequence: [SequenceKey: [SendID]] = [:]
  /// The last attempt of each mailbox and of each provider, by id: gaps and rates count every attempt.
  public private(set) var lastAttempt: (mailbox: [String: Instant], provider: [String: Instant]) = ([:], [:])
  /// Addresses that a server refused for good, with what it said.
  public private(set) var bounces: [Event] = []
  /// Attempts that a server may have accepted although their sends were made due again: limits go on counting them.
  public private(set) var spent: [SendRecord] = []
  /// Everything that limits count.
  public var counted: [SendRecord] { sends.values.filter(\.state.countsAgainstLimits) + spent }
  /// Sends that unsent lines of other approved plans hold.
  public var reserved: [SendID: PlannedSend] = [:]
  /// When the sends of the day's earlier plan expire: a re-plan counts their time to live from that first plan.
  public var firstExpiry: [SendID: Instant] = [:]
  /// Over everything that went into it; the plan's header names it.
  public var digest: String = "sha256:"

  public init() {}

  private struct SequenceKey: Hashable {
    var campaign: String
    var person: String
  }

  /// The sends of a campaign to a contact, by its key and by the address it is written to, in order of first record.
  public func sends(campaign: Campaign, contact: String, to: [String]) -> [SendRecord] {
    if bySequence.isEmpty { return [] }
    var seen: Set<SendID> = []
    var found: [SendRecord] = []
    for id in [campaign.id] + campaign.was {
      for person in [contact] + to {
        for sendID in bySequence[SequenceKey(campaign: id, person: person)] ?? [] where seen.insert(sendID).inserted {
          if let record = sends[sendID] { found.append(record) }
        }
      }
    }
    return found
  }

  public mutating func apply(_ record: Record) {
    switch record {
    case .run: return
    case .intent(let a):
      update(a) { send in
        send.state = .inFlight
        send.attempts = a.number
        send.attemptAt = a.at
        send.firstAttempt = send.firstAttempt ?? a.at
      }
    case .outcome(let a, let result):
      update(a) { send in
        if a.number > 0 {
          if send.attempts != a.number { send.attemptAt = a.at }
          send.attempts = a.number
          send.firstAttempt = send.firstAttempt ?? a.at
        }
        send.last = result
        switch result.outcome {
        case .sent: send.state = .sent
        case .retry: send.state = .waiting(until: result.retryAt ?? a.at)
        case .inDoubt: send.state = .inDoubt
        case .failed: send.state = .dead(result.reason ?? .rejected)
        }
      }
      if result.isBounce {
        bounces.append(
          Event(at: a.at, type: .bounce, contact: EmailAddress(a.to)?.canonical ?? a.to, detail: result.response))
      }
    case .released(let note, _):
      if isOpen(note.id) { update(note) { $0.state = .pending } }
    case .withdrawn(let note):
      // A line may be deleted from the plan after it went out: that takes nothing back.
      if isOpen(note.id) { update(note) { $0.state = .withdrawn } }
    case .requeued(let note):
      // A person has judged: what this send's refusal said of the address holds no more.
      let address = EmailAddress(note.to)?.canonical ?? note.to
      bounces.removeAll { $0.contact == address && $0.at <= note.at }
      if let record = sends[note.id], record.state.countsAgainstLimits { spent.append(record) }
      update(note) { send in
        send.state = .pending
        send.attempts = 0
        send.firstAttempt = nil
        send.expiresAt = nil
      }
    case .resolved(let note, let resolution):
      update(note) { $0.state = resolution == .sent ? .sent : .dropped }
    }
  }

  /// Whether a send has neither come to an end nor may be with a server.
  public func isOpen(_ id: SendID) -> Bool {
    switch sends[id]?.state {
    case nil, .pending, .waiting: true
    case .inFlight, .sent, .inDoubt, .dead, .withdrawn, .dropped: false
    }
  }

  /// A step carried over from another tool (`sent` in an events file) counts as sent.
  /// - Parameter to: the address or number that the contact is written to; the event's contact if nil.
  public mutating func carryOver(_ event: Event, to: String? = nil, channel: Channel = .email) {
    guard event.type == .sent, let campaign = event.campaign, let step = event.step else { return }
    let id = SendID(campaign: campaign, step: step, contact: event.contact, channel: channel, key: "")
    guard sends[id] == nil else { return }
    insert(
      SendRecord(
        id: id, campaign: campaign, step: step, key: "", contact: event.contact, channel: channel,
        to: to ?? event.contact, mailbox: "", state: .sent, at: event.at, attemptAt: event.at,
        messageID: event.messageID))
  }

  private mutating func insert(_ record: SendRecord) {
    sends[record.id] = record
    bySequence[SequenceKey(campaign: record.campaign, person: record.contact), default: []].append(record.id)
    let to = EmailAddress(record.to)?.canonical ?? record.to
    if to != record.contact {
      bySequence[SequenceKey(campaign: record.campaign, person: to), default: []].append(record.id)
    }
  }

  private mutating func update(_ a: Record.Attempt, _ change: (inout SendRecord) -> Void) {
    if sends[a.id] == nil {
      insert(
        SendRecord(
          id: a.id, campaign: a.campaign, step: a.step, key: a.key, contact: a.contact, channel: a.channel, to: a.to,
          mailbox: a.mailbox, at: a.at))
    }
    guard var send = sends.removeValue(forKey: a.id) else { return }
    send.at = a.at
    send.mailbox = a.mailbox
    send.expiresAt = a.expiresAt
    if a.number > 0 && !a.provider.isEmpty {
      send.provider = a.provider
      send.messageID = a.messageID
      send.subject = a.subject
      lastAttempt.mailbox[a.mailbox] = max(lastAttempt.mailbox[a.mailbox] ?? a.at, a.at)
      lastAttempt.provider[a.provider] = max(lastAttempt.provider[a.provider] ?? a.at, a.at)
    }
    change(&send)
    sends[a.id] = send
  }

  private mutating func update(_ note: Record.Note, _ change: (inout SendRecord) -> Void) {
    if sends[note.id] == nil {
      insert(
        SendRecord(
          id: note.id, campaign: note.campaign, step: note.step, key: note.key, contact: note.contact,
          channel: note.channel, to: note.to, mailbox: note.mailbox, at: note.at))
    }
    guard var send = sends.removeValue(forKey: note.id) else { return }
    send.at = note.at
    send.expiresAt = note.expiresAt
    change(&send)
    sends[note.id] = send
  }
}
