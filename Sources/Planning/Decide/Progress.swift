import Model

/// What history says of one contact in one campaign, by step and channel.
struct Progress {
  struct Past {
    /// Position of its step.
    var step: Int
    var entry: HistoryEntry
    /// When its last attempt was begun, or its state reached without one.
    var at: Instant { entry.attemptAt ?? entry.at }
  }

  /// One for each step and channel: of several, under other names of contact or step, the one that got further.
  private(set) var records: [Past] = []
  /// What was sent, by step and time.
  private(set) var sent: [Past] = []
  private(set) var inDoubt: Past?
  /// A step without any channel sent that has failed, was withdrawn or let go.
  private(set) var failed: Past?

  static let none = Progress()
  private init() {}

  init(_ contact: ContactView, _ live: LiveCampaign, _ history: History) {
    var all: [Past] = []
    func add(_ hash: UInt64, _ person: Cell) {
      history.progress(personHash: hash, person) { entry in
        guard !entry.hasKey, live.isMine(historyCampaign: entry.campaign),
          let step = live.position(historyStep: entry.step), !all.contains(where: { $0.entry.id == entry.id })
        else { return }
        all.append(Past(step: step, entry: entry))
      }
    }
    add(contact.keyHash, contact.key)
    if contact.hasEmail, contact.hasOwnID { add(ByteHash.of(contact.email), contact.email) }
    if contact.hasPhone { add(ByteHash.of(contact.phone), contact.phone) }
    for past in all {
      switch past.entry.state {
      case .inDoubt, .inFlight: inDoubt = inDoubt ?? past
      case .sent: sent.append(past)
      case .pending, .waiting, .dead, .withdrawn, .dropped: break
      }
      if let i = records.firstIndex(where: { $0.step == past.step && $0.entry.channel == past.entry.channel }) {
        if !records[i].entry.state.isFinal || past.entry.state.isFinal { records[i] = past }
      } else {
        records.append(past)
      }
    }
    if sent.count > 1 { sent.sort { ($0.step, $0.entry.at, $0.entry.id) < ($1.step, $1.entry.at, $1.entry.id) } }
    let furthest = place ?? -1
    // With `all`, a channel that failed does not stop the other.
    for past in records where past.step > furthest && live.campaign.steps[past.step].channel != .all {
      switch past.entry.state {
      case .dead, .withdrawn, .dropped: failed = failed ?? past
      case .pending, .inFlight, .sent, .waiting, .inDoubt: break
      }
    }
  }

  /// The furthest step of which a channel was sent.
  var place: Int? { sent.last?.step }
  /// When the sequence began.
  var began: Instant? { sent.map(\.at).min() }

  func record(_ step: Int, _ channel: Channel) -> Past? {
    records.first { $0.step == step && $0.entry.channel == channel }
  }

  /// The last send of the furthest step before `step`.
  func lastSent(before step: Int) -> Past? { sent.last { $0.step < step } }

  func lastSent(by channel: Channel) -> Past? { sent.last { $0.entry.channel == channel } }

  /// The thread that a reply at `step` joins: the e-mails sent since the last step that was no reply.
  func thread(before step: Int, steps: [Step], _ history: History) -> PlannedSend.Thread? {
    var references: [String] = []
    var subject: String?
    for i in 0..<step {
      guard let past = record(i, .email), past.entry.state == .sent else { continue }
      if !steps[i].reply {
        references = []
        subject = nil
      }
      if let id = history.messageID(past.entry), !id.isEmpty { references.append(id) }
      subject = subject ?? history.subject(past.entry)
    }
    guard let subject, !references.isEmpty else { return nil }
    return PlannedSend.Thread(references: references, subject: Self.withoutReplyPrefix(subject))
  }

  static func withoutReplyPrefix(_ subject: String) -> String {
    subject.lowercased().hasPrefix("re: ") ? String(subject.dropFirst(4)) : subject
  }
}
