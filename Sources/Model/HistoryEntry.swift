/// One send of the history without any strings: what the planner looks at for each contact. A value; it stays what it is
/// when the history goes on.
public struct HistoryEntry: Sendable {
  let row: HistoryRow
  /// Its place among the history's sends.
  public let number: UInt32
  public let state: SendState
  public let expiresAt: Instant?

  @inline(__always)
  init(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>, number: UInt32 = .max) {
    self.row = row
    self.number = number
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
  public var id: SendID { row.id }
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

  /// The sends of a campaign to a contact, by its key and by the address it is written to, in order of first record.
  public func sends(campaign: Campaign, contact: String, to: [String]) -> [SendRecord] {
    var seen: Set<Int> = []
    return ([campaign.id] + campaign.was).compactMap { campaigns.find($0) }
      .flatMap { number in sends(of: [contact] + to, seen: &seen) { $0.campaign == number } }
  }

  /// All sends to a contact, whatever campaign they were of, by the names that it is known by.
  public func sends(of names: [String]) -> [SendRecord] {
    var seen: Set<Int> = []
    return sends(of: names, seen: &seen) { _ in true }
  }

  private func sends(of names: [String], seen: inout Set<Int>, where isMeant: (HistoryRow) -> Bool) -> [SendRecord] {
    if rows.isEmpty { return [] }
    let view = view
    var found: [SendRecord] = []
    // Asked for a person whom nobody said would be asked for.
    for var person in names + (nameKey.map { key in names.map { key.token($0) } } ?? []) {
      person.withUTF8 { person in
        view.forEachRow(ByteHash.of(person), person) { row in
          if isMeant(rows[row]), seen.insert(row).inserted { found.append(view.record(row, self)) }
        }
      }
    }
    return found
  }

  /// The whole of what is known of an entry's send. Slow: it makes the strings.
  public func record(_ entry: HistoryEntry) -> SendRecord {
    arena.bytes.withUnsafeBufferPointer { record(entry.row, $0) }
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

  /// When a send was first attempted, also before a person made it due again though a server may have had it; nil
  /// without any attempt.
  public func firstAttempt(_ id: SendID) -> Instant? {
    arena.bytes.withUnsafeBufferPointer { bytes in
      let own = (row(of: id).map { [rows[$0]] } ?? []) + spentRows.filter { $0.id == id }
      return own.flatMap { [HistoryDetail($0, bytes).firstAttempt, $0.attemptAt] }.filter { $0 != HistoryRow.never }
        .min().map { Instant(milliseconds: $0) }
    }
  }

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
      guard let row = history.row(of: id) else { return nil }
      return history.arena.bytes.withUnsafeBufferPointer { history.record(history.rows[row], $0) }
    }
    public var ids: some Sequence<SendID> { history.rows.lazy.map { $0.id } }
    public var values: some Sequence<SendRecord> {
      history.rows.lazy.map { [history] row in
        history.arena.bytes.withUnsafeBufferPointer { history.record(row, $0) }
      }
    }
  }

  private func messageID(_ detail: HistoryDetail, _ id: SendID) -> String? {
    switch detail.messageID {
    case .none: nil
    case .text(let text): String(text)
    case .ofDomain(let number): "<\(id)@\(domains.names[number])>"
    }
  }

  func record(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>) -> SendRecord {
    let texts = SendTexts(row, bytes)
    let detail = HistoryDetail(row, bytes)
    func instant(_ time: Int64) -> Instant? { time == HistoryRow.never ? nil : Instant(milliseconds: time) }
    return SendRecord(
      id: row.id, campaign: campaigns.names[Int(row.campaign)], step: steps.names[Int(row.step)],
      key: String(texts.key), contact: String(texts.contact), channel: row.channel, to: String(texts.to),
      mailbox: mailboxes.names[Int(row.mailbox)], state: StateCode.state(row.state, until: detail.until),
      attempts: row.attempts == .max ? detail.attempts : Int(row.attempts), firstAttempt: instant(detail.firstAttempt),
      at: Instant(milliseconds: row.at), attemptAt: instant(row.attemptAt),
      messageID: messageID(detail, row.id), subject: detail.subject.map { String($0) },
      provider: detail.provider.map { providers.names[$0] }, expiresAt: instant(detail.expiresAt),
      last: detail.last.map(ResultBlock.read))
  }
}
