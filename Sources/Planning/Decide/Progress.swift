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

  init(_ contact: ContactView, _ live: LiveCampaign, _ pastSends: HistoryView) {
    func add(_ hash: UInt64, _ person: Cell) {
      pastSends.forEachSend(personHash: hash, person) { entry in
        guard !entry.hasKey, live.isMine(historyCampaign: entry.campaign),
          let step = live.position(historyStep: entry.step), !all.contains(where: { $0.entry.number == entry.number })
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

  /// When the sequence began: the first attempt of what was sent.
  func began(_ history: History) -> Instant? {
    all.lazy.filter { $0.entry.state == .sent }.map { history.firstAttempt($0.entry.id) ?? $0.at }.min()
  }

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

  /// The thread that a reply at `step` joins: the e-mails sent since the last step that was no reply, by their numbers
  /// in the history. Empty where they have no subject or no Message-ID to refer to.
  func thread(before step: Int, _ live: LiveCampaign, _ pastSends: HistoryView) -> [UInt32] {
    var thread: [UInt32] = []
    var (hasReference, hasSubject) = (false, false)
    for i in 0..<step {
      guard let entry = record(i, .email)?.entry, entry.state == .sent else { continue }
      if !live.facts[i].isReply {
        thread.removeAll(keepingCapacity: true)
        (hasReference, hasSubject) = (false, false)
      }
      thread.append(entry.number)
      let message = pastSends.hasMessage(entry)
      hasReference = hasReference || message.id
      hasSubject = hasSubject || message.subject
    }
    return hasReference && hasSubject ? thread : []
  }

  /// As text, `re: ` in any case.
  static func withoutReplyPrefix(_ subject: Cell) -> Cell {
    guard subject.count >= 4, subject[0] | 0x20 == 0x72, subject[1] | 0x20 == 0x65, subject[2] == 0x3A,
      subject[3] == 0x20
    else { return subject }
    return Cell(rebasing: subject[4...])
  }
}
