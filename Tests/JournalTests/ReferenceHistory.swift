import Model

/// The history as it is defined, with a dictionary of records and no thought of size: the compact one must never differ.
struct ReferenceHistory {
  private(set) var sends: [SendID: SendRecord] = [:]
  private var bySequence: [SequenceKey: [SendID]] = [:]
  /// The last attempt of each mailbox and of each provider, by id: gaps and rates count every attempt.
  private(set) var lastAttempt: (mailbox: [String: Instant], provider: [String: Instant]) = ([:], [:])
  /// Addresses that a server refused for good, with what it said.
  private(set) var bounces: [Event] = []
  /// Attempts that a server may have accepted although their sends were made due again: limits go on counting them.
  private(set) var spent: [SendRecord] = []
  /// Everything that limits count.
  var counted: [SendRecord] { sends.values.filter(\.state.countsAgainstLimits) + spent }

  init() {}

  private struct SequenceKey: Hashable {
    var campaign: String
    var person: String
  }

  /// The sends of a campaign to a contact, by its key and by the address it is written to, in order of first record.
  func sends(campaign: Campaign, contact: String, to: [String]) -> [SendRecord] {
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

  mutating func apply(_ record: Record) {
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
  func isOpen(_ id: SendID) -> Bool {
    switch sends[id]?.state {
    case nil, .pending, .waiting: true
    case .inFlight, .sent, .inDoubt, .dead, .withdrawn, .dropped: false
    }
  }

  /// A step carried over from another tool (`sent` in an events file) counts as sent.
  /// - Parameter to: the address or number that the contact is written to; the event's contact if nil.
  mutating func carryOver(_ event: Event, to: String? = nil, channel: Channel = .email) {
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
