/// One send of the history without any strings: what the planner looks at for each contact. A value; it stays what it is
/// when the history goes on.
public struct HistoryEntry: Sendable {
  let row: HistoryRow
  public let state: SendState
  public let expiresAt: Instant?

  init(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>) {
    self.row = row
    if row.flags.contains(.hasExpiry) || row.state == StateCode.waiting {
      let detail = HistoryDetail(row, bytes)
      state = StateCode.state(row.state, until: detail.until)
      expiresAt = detail.expiresAt == HistoryRow.never ? nil : Instant(milliseconds: detail.expiresAt)
    } else {
      state = StateCode.state(row.state, until: 0)
      expiresAt = nil
    }
  }

  /// Place in `History.campaignNames`; `step` and `mailbox` likewise.
  public var campaign: Int { Int(row.campaign) }
  public var step: Int { Int(row.step) }
  public var mailbox: Int { Int(row.mailbox) }
  public var channel: Channel { row.channel }
  /// Whether it is of a message row.
  public var hasKey: Bool { row.flags.contains(.hasKey) }
  /// When the state was reached.
  public var at: Instant { Instant(milliseconds: row.at) }
  /// When the last attempt was begun.
  public var attemptAt: Instant? {
    row.attemptAt == HistoryRow.never ? nil : Instant(milliseconds: row.attemptAt)
  }
  /// Attempts since the start or the last `requeued`; of more than 65,534 it says 65,535.
  public var attempts: Int { Int(row.attempts) }
  public var id: SendID { SendID(row.key) }
}

extension History {
  /// Names of campaigns, steps and mailboxes by the numbers that entries have.
  public var campaignNames: [String] { campaigns.names }
  public var stepNames: [String] { steps.names }
  public var mailboxNames: [String] { mailboxes.names }
  /// The number of a name; nil if no send has it.
  public func campaign(named name: String) -> Int? { campaigns.find(name) }
  public func step(named name: String) -> Int? { steps.find(name) }
  public func mailbox(named name: String) -> Int? { mailboxes.find(name) }

  /// False only if no send of any campaign is known under a person – a contact's key or a canonical address – with
  /// this hash. A few nanoseconds; safe from several threads at once.
  public func mayKnow(personHash: UInt64) -> Bool { persons.mayHave(personHash) }

  /// The sends of a person in order of their first record, those of the very person and of nobody else with its hash.
  /// - Parameters:
  ///   - personHash: `ByteHash` of `person`.
  ///   - person: a contact's key or a canonical address, as UTF-8.
  public func progress(
    personHash: UInt64, _ person: UnsafeBufferPointer<UInt8>, _ body: (HistoryEntry) -> Void
  ) {
    guard mayKnow(personHash: personHash) else { return }
    forEachRow(personHash, person) { row, bytes in body(HistoryEntry(row, bytes)) }
  }

  @inline(__always)
  private func forEachRow(
    _ hash: UInt64, _ person: UnsafeBufferPointer<UInt8>,
    _ body: (HistoryRow, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard let slot = findPerson(hash, person) else { return }
    let tail = byPerson[slot]
    arena.bytes.withUnsafeBufferPointer { bytes in
      rows.withUnsafeBufferPointer { rows in
        var node = tail
        repeat {
          let last = rows[Int(node >> 1)]
          node = node & 1 == 0 ? last.nextByContact : last.nextByTo
          body(rows[Int(node >> 1)], bytes)
        } while node != tail
      }
    }
  }

  /// The sends of a campaign to a contact, by its key and by the address it is written to, in order of first record.
  public func sends(campaign: Campaign, contact: String, to: [String]) -> [SendRecord] {
    if rows.isEmpty { return [] }
    var seen: Set<SendKey> = []
    var found: [SendRecord] = []
    for id in [campaign.id] + campaign.was {
      guard let number = campaigns.find(id) else { continue }
      for var person in [contact] + to {
        person.withUTF8 { person in
          let hash = ByteHash.of(person)
          guard mayKnow(personHash: hash) else { return }
          forEachRow(hash, person) { row, bytes in
            if row.campaign == number, seen.insert(row.key).inserted { found.append(record(row, bytes)) }
          }
        }
      }
    }
    return found
  }

  /// The whole of what is known of an entry's send. Slow: it makes the strings.
  public func record(_ entry: HistoryEntry) -> SendRecord {
    arena.bytes.withUnsafeBufferPointer { record(entry.row, $0) }
  }

  /// Nil until there was an attempt.
  public func messageID(_ entry: HistoryEntry) -> String? {
    arena.bytes.withUnsafeBufferPointer { messageID(HistoryDetail(entry.row, $0), entry.row.key) }
  }

  /// Whether `messageID` has one, other than an empty one.
  public func hasMessageID(_ entry: HistoryEntry) -> Bool {
    arena.bytes.withUnsafeBufferPointer { bytes in
      switch HistoryDetail(entry.row, bytes).messageID {
      case .none: false
      case .text(let text): !text.isEmpty
      case .ofDomain: true
      }
    }
  }

  public func hasSubject(_ entry: HistoryEntry) -> Bool {
    arena.bytes.withUnsafeBufferPointer { HistoryDetail(entry.row, $0).subject != nil }
  }

  public func subject(_ entry: HistoryEntry) -> String? {
    arena.bytes.withUnsafeBufferPointer { HistoryDetail(entry.row, $0).subject.map { String($0) } }
  }

  /// What limits count – sent, in flight, in doubt, and spent attempts – whose last attempt was begun at `since` or
  /// later. One pass over the rows: 10 ns a send.
  public func forEachCounted(since: Instant = .distantPast, _ body: (HistoryEntry) -> Void) {
    arena.bytes.withUnsafeBufferPointer { bytes in
      for rows in [rows, spentRows] {
        rows.withUnsafeBufferPointer { rows in
          for row in rows where row.countsAgainstLimits && row.countedAt >= since.milliseconds {
            body(HistoryEntry(row, bytes))
          }
        }
      }
    }
  }

  /// Everything that limits count, whose last attempt was begun at `since` or later.
  public func counted(since: Instant) -> [SendRecord] {
    var found: [SendRecord] = []
    forEachCounted(since: since) { found.append(record($0)) }
    return found
  }

  /// Everything that limits count. Slow: it makes a record of every send.
  public var counted: [SendRecord] { counted(since: .distantPast) }

  /// Sends of message rows.
  public func forEachKeyed(_ body: (HistoryEntry) -> Void) {
    arena.bytes.withUnsafeBufferPointer { bytes in
      rows.withUnsafeBufferPointer { rows in
        for row in rows where row.flags.contains(.hasKey) { body(HistoryEntry(row, bytes)) }
      }
    }
  }

  /// Attempts that a server may have accepted although their sends were made due again: limits go on counting them.
  public var spent: [SendRecord] {
    arena.bytes.withUnsafeBufferPointer { bytes in spentRows.map { record($0, bytes) } }
  }

  /// Addresses that a server refused for good, with what it said.
  public var bounces: [Event] {
    arena.bytes.withUnsafeBufferPointer { bytes in
      bounceRows.map { bounce in
        var reader = BlockReader(bytes, block: bounce.block)
        let contact = String(reader.text())
        return Event(
          at: Instant(milliseconds: bounce.at), type: .bounce, contact: contact, detail: String(reader.text()))
      }
    }
  }

  /// All sends by id, in order of their first record.
  public var sends: Sends { Sends(history: self) }

  /// Sends as a collection of records, each made when it is asked for.
  public struct Sends: Sendable {
    fileprivate let history: History

    public var count: Int { history.rows.count }
    public var isEmpty: Bool { history.rows.isEmpty }
    public subscript(id: SendID) -> SendRecord? {
      guard let row = history.row(of: SendKey(id)) else { return nil }
      return history.arena.bytes.withUnsafeBufferPointer { history.record(history.rows[row], $0) }
    }
    public var ids: some Sequence<SendID> { history.rows.lazy.map { SendID($0.key) } }
    public var values: some Sequence<SendRecord> {
      history.rows.lazy.map { [history] row in
        history.arena.bytes.withUnsafeBufferPointer { history.record(row, $0) }
      }
    }
  }

  private func messageID(_ detail: HistoryDetail, _ key: SendKey) -> String? {
    switch detail.messageID {
    case .none: nil
    case .text(let text): String(text)
    case .ofDomain(let number): "<\(SendID(key))@\(domains.names[number])>"
    }
  }

  func record(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>) -> SendRecord {
    let texts = SendTexts(row, bytes)
    let detail = HistoryDetail(row, bytes)
    func instant(_ time: Int64) -> Instant? { time == HistoryRow.never ? nil : Instant(milliseconds: time) }
    return SendRecord(
      id: SendID(row.key), campaign: campaigns.names[Int(row.campaign)], step: steps.names[Int(row.step)],
      key: String(texts.key), contact: String(texts.contact), channel: row.channel, to: String(texts.to),
      mailbox: mailboxes.names[Int(row.mailbox)], state: StateCode.state(row.state, until: detail.until),
      attempts: row.attempts == .max ? detail.attempts : Int(row.attempts), firstAttempt: instant(detail.firstAttempt),
      at: Instant(milliseconds: row.at), attemptAt: instant(row.attemptAt),
      messageID: messageID(detail, row.key), subject: detail.subject.map { String($0) },
      provider: detail.provider.map { providers.names[$0] }, expiresAt: instant(detail.expiresAt),
      last: detail.last.map(ResultBlock.read))
  }
}
