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

  /// In the order of first record, each send once.
  private var all: [Past] = []
  /// The furthest step of which a channel was sent.
  private(set) var place: Int?
  private(set) var inDoubt: Past?
  /// A step without any channel sent that has failed, was withdrawn or let go.
  private(set) var failed: Past?

  static let none = Progress()
  private init() {}

  init(_ contact: ContactView, _ live: LiveCampaign, _ history: History) {
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
      case .sent: place = max(place ?? past.step, past.step)
      case .pending, .waiting, .dead, .withdrawn, .dropped: break
      }
    }
    let furthest = place ?? -1
    // With `all`, a channel that failed does not stop the other.
    for past in all where past.step > furthest && live.facts[past.step].channel != .all {
      switch record(past.step, past.entry.channel)?.entry.state {
      case .dead, .withdrawn, .dropped: failed = failed ?? record(past.step, past.entry.channel)
      case .pending, .inFlight, .sent, .waiting, .inDoubt, nil: break
      }
    }
  }

  /// When the sequence began.
  var began: Instant? { all.lazy.filter { $0.entry.state == .sent }.map(\.at).min() }

  /// What is known of a step and channel: of several, under other names of contact or step, the one that got further.
  func record(_ step: Int, _ channel: Channel) -> Past? {
    var found: Past?
    for past in all where past.step == step && past.entry.channel == channel {
      if let known = found, known.entry.state.isFinal, !past.entry.state.isFinal { continue }
      found = past
    }
    return found
  }

  /// The last of what was sent, by step and time, as far as `isMeant` says.
  private func lastSent(_ isMeant: (Past) -> Bool) -> Past? {
    var last: Past?
    for past in all where past.entry.state == .sent && isMeant(past) {
      if let last, (past.step, past.entry.at, past.entry.id) < (last.step, last.entry.at, last.entry.id) { continue }
      last = past
    }
    return last
  }

  var lastSent: Past? { lastSent { _ in true } }

  /// The last send of the furthest step before `step`.
  func lastSent(before step: Int) -> Past? { lastSent { $0.step < step } }

  func lastSent(by channel: Channel) -> Past? { lastSent { $0.entry.channel == channel } }

  /// Whether `thread` has one to give, without making it.
  func hasThread(before step: Int, _ live: LiveCampaign, _ history: History) -> Bool {
    var (hasReference, hasSubject) = (false, false)
    for i in 0..<step {
      guard let past = record(i, .email), past.entry.state == .sent else { continue }
      if !live.facts[i].isReply { (hasReference, hasSubject) = (false, false) }
      hasReference = hasReference || history.hasMessageID(past.entry)
      hasSubject = hasSubject || history.hasSubject(past.entry)
    }
    return hasReference && hasSubject
  }

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
