/// What the results of all days add up to. A fold: `apply` each record in the files' order.
///
/// Built for a million sends and more: a row of 64 bytes a send, its texts in an arena of bytes, names as numbers, and
/// tables over hashes, some 200 bytes a send in all. A `SendRecord` is made only when somebody asks for one; who
/// walks over many sends takes `HistoryEntry`, which has no strings. Reading is safe from several threads at once.
public struct History: Sendable {
  var rows: [HistoryRow] = []
  var arena = HistoryArena()
  /// Rows by send.
  var byID = HistoryTable()
  /// The last node of each person's ring of sends: twice the row, and one more where the person's name is the address.
  var byPerson = HistoryTable()
  var persons = HashFilter()
  var campaigns = NameTable()
  var steps = NameTable()
  var mailboxes = NameTable()
  var providers = NameTable()
  var domains = NameTable()
  /// By number of mailbox and of provider; `HistoryRow.never` where there was none.
  var lastByMailbox: [Int64] = []
  var lastByProvider: [Int64] = []
  /// Rows as they were when their sends were made due again.
  var spentRows: [HistoryRow] = []
  var bounceRows: [Bounce] = []
  var scratch: [UInt8] = []
  /// Of what was kept of pruned days; nil where no day was.
  package var nameKey: NameKey?

  /// The last attempt of each mailbox and of each provider, by id: gaps and rates count every attempt.
  public internal(set) var lastAttempt: (mailbox: [String: Instant], provider: [String: Instant]) = ([:], [:])
  /// Sends that unsent lines of other approved plans hold.
  public var reserved: [SendID: PlannedSend] = [:]
  /// When the sends of the day's earlier plan expire: a re-plan counts their time to live from that first plan.
  public var firstExpiry: [SendID: Instant] = [:]
  /// Over everything that went into it; the plan's header names it.
  public var digest: String = "sha256:"

  public init() {}

  /// An address refused for good: the block has the address and what the server said.
  struct Bounce: Sendable, BitwiseCopyable {
    var at: Int64
    var block: UInt32
  }

  public mutating func apply(_ record: Record) {
    var bytes: [UInt8] = []
    guard let flat = FlatRecord(record, into: &bytes) else { return }
    bytes.withUnsafeBufferPointer { fold(flat, $0) }
    settle(attempt: flat)
  }

  /// Makes room for so many sends, so that the tables need not be made anew as they grow.
  package mutating func reserve(sends: Int) {
    guard sends > rows.capacity else { return }
    rows.reserveCapacity(sends)
    arena.bytes.reserveCapacity(sends * 96)
    growByID(for: sends)
    growByPerson(for: sends)
  }

  /// Whether a send has neither come to an end nor may be with a server.
  public func isOpen(_ id: SendID) -> Bool {
    guard let row = row(of: id) else { return true }
    return Self.isOpen(rows[row].state)
  }

  static func isOpen(_ state: UInt8) -> Bool { state == StateCode.pending || state == StateCode.waiting }

  /// A step carried over from another tool (`sent` in an events file) counts as sent.
  /// - Parameter to: the address or number that the contact is written to; the event's contact if nil.
  public mutating func carryOver(_ event: Event, to: String? = nil, channel: Channel = .email) {
    guard event.type == .sent, let campaign = event.campaign, let step = event.step else { return }
    let id = SendID(campaign: campaign, step: step, contact: event.contact, channel: channel, key: "")
    guard row(of: id) == nil else { return }
    let note = Record.Note(
      id: id, at: event.at, campaign: campaign, step: step, key: "", contact: event.contact, channel: channel,
      to: to ?? event.contact, mailbox: "")
    var bytes: [UInt8] = []
    guard let flat = FlatRecord(.resolved(note, .sent), into: &bytes) else { return }
    bytes.withUnsafeBufferPointer { bytes in
      var row = rows[insert(flat, bytes)]
      row.state = StateCode.sent
      row.attemptAt = event.at.milliseconds
      var detail = HistoryDetail()
      var messageID = event.messageID ?? ""
      messageID.withUTF8 { text in
        if event.messageID != nil { detail.messageID = .text(text) }
        scratch.removeAll(keepingCapacity: true)
        detail.write(row, to: &scratch)
      }
      row.detail = arena.put(scratch)
      rows[rows.count - 1] = row
    }
  }
}
