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
  var persons = PersonFilter()
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
  private var scratch: [UInt8] = []

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
    guard let row = row(of: SendKey(id)) else { return true }
    return Self.isOpen(rows[row].state)
  }

  private static func isOpen(_ state: UInt8) -> Bool { state == StateCode.pending || state == StateCode.waiting }

  /// A step carried over from another tool (`sent` in an events file) counts as sent.
  /// - Parameter to: the address or number that the contact is written to; the event's contact if nil.
  public mutating func carryOver(_ event: Event, to: String? = nil, channel: Channel = .email) {
    guard event.type == .sent, let campaign = event.campaign, let step = event.step else { return }
    let id = SendID(campaign: campaign, step: step, contact: event.contact, channel: channel, key: "")
    guard row(of: SendKey(id)) == nil else { return }
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

// MARK: - The fold

extension History {
  /// Applies a record whose texts lie in `bytes`. After the last one of many comes `settle`.
  package mutating func fold(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) {
    let found = row(of: r.id)
    switch r.kind {
    case .intent, .outcome: break
    case .released, .withdrawn:
      // A line may be deleted from the plan after it went out: that takes nothing back.
      if let found, !Self.isOpen(rows[found].state) { return }
    case .requeued:
      // A person has judged: what this send's refusal said of the address holds no more.
      forgetBounces(of: bytes.text(r.to), until: r.at)
      if let found, rows[found].countsAgainstLimits { spend(rows[found]) }
    case .resolved: break
    }
    let index = found ?? insert(r, bytes)
    var row = rows[index]
    row.at = r.at
    var change = Change(r, bytes)
    if r.kind == .intent || r.kind == .outcome {
      row.mailbox = UInt32(mailboxes.number(bytes.text(r.mailbox)))
      if r.number > 0, r.provider.count > 0 {
        let provider = providers.number(bytes.text(r.provider))
        change.provider = provider
        change.domain = domain(ofMessageID: bytes.text(r.messageID), of: r.id)
        Self.keepLatest(r.at, Int(row.mailbox), &lastByMailbox)
        Self.keepLatest(r.at, provider, &lastByProvider)
      }
    }
    var block: [UInt8] = []
    swap(&block, &scratch)
    block.removeAll(keepingCapacity: true)
    let oldCount = arena.bytes.withUnsafeBufferPointer { change.apply(to: &row, from: $0, into: &block) }
    row.detail = arena.put(block, replacing: row.detail, oldCount: oldCount)
    swap(&block, &scratch)
    rows[index] = row
    if r.kind == .outcome, r.isBounce { bounce(bytes.text(r.to), bytes.text(r.response), at: r.at) }
  }

  private static func keepLatest(_ at: Int64, _ number: Int, _ times: inout [Int64]) {
    while times.count <= number { times.append(HistoryRow.never) }
    if times[number] < at { times[number] = at }
  }

  /// The number of the domain, where a Message-ID is one that follows from the send's id.
  private mutating func domain(ofMessageID text: UnsafeBufferPointer<UInt8>, of id: SendKey) -> Int? {
    guard text.count > 35, text[0] == 0x3C, text[33] == 0x40, text[text.count - 1] == 0x3E,
      SendKey(hex: UnsafeBufferPointer(rebasing: text[1..<33])) == id
    else { return nil }
    let domain = UnsafeBufferPointer(rebasing: text[34..<text.count - 1])
    // Names are for what stands in many sends.
    return domains.find(domain) ?? (domains.names.count < 10_000 ? domains.number(domain) : nil)
  }

  /// Brings `lastAttempt` up to what was folded.
  package mutating func settle() {
    for (number, at) in lastByMailbox.enumerated() where at != HistoryRow.never {
      lastAttempt.mailbox[mailboxes.names[number]] = Instant(milliseconds: at)
    }
    for (number, at) in lastByProvider.enumerated() where at != HistoryRow.never {
      lastAttempt.provider[providers.names[number]] = Instant(milliseconds: at)
    }
  }

  private mutating func settle(attempt r: FlatRecord) {
    guard r.kind == .intent || r.kind == .outcome, r.number > 0, r.provider.count > 0, let row = row(of: r.id) else {
      return
    }
    let mailbox = Int(rows[row].mailbox)
    lastAttempt.mailbox[mailboxes.names[mailbox]] = Instant(milliseconds: lastByMailbox[mailbox])
    let provider = arena.bytes.withUnsafeBufferPointer { HistoryDetail(rows[row], $0).provider }
    if let provider {
      lastAttempt.provider[providers.names[provider]] = Instant(milliseconds: lastByProvider[provider])
    }
  }

  // MARK: Bounces and spent attempts

  private static func canonical(_ to: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    // What has no upper case, no white space and nothing outside ASCII is its own canonical spelling, address or not.
    if to.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !($0 >= 0x41 && $0 <= 0x5A) }) { return nil }
    guard let address = EmailAddress(String(to)) else { return nil }
    return Array(address.canonical.utf8)
  }

  private mutating func bounce(
    _ to: UnsafeBufferPointer<UInt8>, _ response: UnsafeBufferPointer<UInt8>, at: Int64
  ) {
    var block: [UInt8] = []
    if let canonical = Self.canonical(to) {
      canonical.withUnsafeBufferPointer { block.put(text: $0) }
    } else {
      block.put(text: to)
    }
    block.put(text: response)
    bounceRows.append(Bounce(at: at, block: arena.put(block)))
  }

  private mutating func forgetBounces(of to: UnsafeBufferPointer<UInt8>, until: Int64) {
    guard !bounceRows.isEmpty else { return }
    let address = Self.canonical(to) ?? Array(to)
    address.withUnsafeBufferPointer { address in
      var kept: [Bounce] = []
      arena.bytes.withUnsafeBufferPointer { bytes in
        kept = bounceRows.filter {
          var reader = BlockReader(bytes, block: $0.block)
          return $0.at > until || !reader.text().isSame(as: address)
        }
      }
      bounceRows = kept
    }
  }

  private mutating func spend(_ row: HistoryRow) {
    var row = row
    let detail = arena.bytes.withUnsafeBufferPointer { bytes in
      Array(bytes[Int(row.detail) * 8..<Int(row.detail) * 8 + HistoryDetail(row, bytes).count])
    }
    row.detail = arena.put(detail)
    spentRows.append(row)
  }
}

/// What one record does to a row and its detail.
private struct Change {
  let record: FlatRecord
  let bytes: UnsafeBufferPointer<UInt8>
  /// Nil where there was no attempt.
  var provider: Int?
  var domain: Int?

  init(_ record: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) {
    self.record = record
    self.bytes = bytes
  }

  /// Writes the new detail to `block`. Returns how many bytes the old one has.
  func apply(to row: inout HistoryRow, from arena: UnsafeBufferPointer<UInt8>, into block: inout [UInt8]) -> Int {
    var detail = HistoryDetail(row, arena)
    if row.attempts != .max { detail.attempts = Int(row.attempts) }
    detail.expiresAt = record.expiresAt
    row.flags.remove(.hasExpiry)
    if record.expiresAt != HistoryRow.never { row.flags.insert(.hasExpiry) }
    detail.until = HistoryRow.never
    if let provider {
      detail.provider = provider
      detail.messageID = domain.map { .ofDomain($0) } ?? .text(bytes.text(record.messageID))
      detail.subject = record.subject.isNone ? nil : bytes.text(record.subject)
    }
    var result: [UInt8] = []
    switch record.kind {
    case .intent:
      row.state = StateCode.inFlight
      detail.attempts = record.number
      row.attemptAt = record.at
      if detail.firstAttempt == HistoryRow.never { detail.firstAttempt = record.at }
    case .outcome:
      if record.number > 0 {
        if detail.attempts != record.number { row.attemptAt = record.at }
        detail.attempts = record.number
        if detail.firstAttempt == HistoryRow.never { detail.firstAttempt = record.at }
      }
      switch record.outcome {
      case .sent: row.state = StateCode.sent
      case .retry:
        row.state = StateCode.waiting
        detail.until = record.retryAt == HistoryRow.never ? record.at : record.retryAt
      case .inDoubt: row.state = StateCode.inDoubt
      case .failed: row.state = StateCode.dead(record.deadReason ?? .rejected)
      }
      result.reserveCapacity(96)
      ResultBlock.write(record, { bytes.text($0) }, to: &result)
    case .released: row.state = StateCode.pending
    case .withdrawn: row.state = StateCode.withdrawn
    case .requeued:
      row.state = StateCode.pending
      detail.attempts = 0
      detail.firstAttempt = HistoryRow.never
      detail.expiresAt = HistoryRow.never
      row.flags.remove(.hasExpiry)
    case .resolved: row.state = record.resolution == .sent ? StateCode.sent : StateCode.dropped
    }
    row.attempts = UInt16(clamping: detail.attempts)
    result.withUnsafeBufferPointer { result in
      if record.kind == .outcome { detail.last = result }
      detail.write(row, to: &block)
    }
    return detail.count
  }
}

extension UnsafeBufferPointer<UInt8> {
  @inline(__always)
  func text(_ text: FlatRecord.Text) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: self[Int(text.offset)..<Int(text.offset) + Int(text.count)])
  }
}

// MARK: - Rows and their tables

extension History {
  func row(of key: SendKey) -> Int? {
    guard let slot = byID.find(key.hash, { rows[Int($0)].key == key }) else { return nil }
    return Int(byID[slot])
  }

  /// Adds a send that is not known yet. Returns its row.
  private mutating func insert(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    let index = rows.count
    let (contact, to, key) = (bytes.text(r.contact), bytes.text(r.to), bytes.text(r.key))
    var flags: HistoryRow.Flags = r.channel == .sms ? [.sms] : []
    var block: [UInt8] = []
    block.reserveCapacity(contact.count + 32)
    block.put(text: contact)
    if to.isSame(as: contact) { flags.insert(.toIsContact) } else { block.put(text: to) }
    let spelled = Self.canonical(to) ?? Array(to)
    spelled.withUnsafeBufferPointer { canonical in
      if !canonical.isSame(as: contact) {
        flags.insert(.hasTwoNames)
        if !canonical.isSame(as: to) {
          flags.insert(.hasCanonical)
          block.put(text: canonical)
        }
      }
      if key.count > 0 {
        flags.insert(.hasKey)
        block.put(text: key)
      }
      rows.append(
        HistoryRow(
          key: r.id, at: r.at, attemptAt: HistoryRow.never, identity: arena.put(block), detail: 0, nextByContact: 0,
          nextByTo: 0, campaign: UInt32(campaigns.number(bytes.text(r.campaign))),
          step: UInt32(steps.number(bytes.text(r.step))), mailbox: UInt32(mailboxes.number(bytes.text(r.mailbox))),
          attempts: 0, state: StateCode.pending, flags: flags))
      if byID.isFull { growByID(for: index + index / 2 + 64) }
      byID.insert(r.id.hash, UInt32(index))
      link(UInt32(index) * 2, contact)
      if flags.contains(.hasTwoNames) { link(UInt32(index) * 2 + 1, canonical) }
    }
    return index
  }

  /// Puts a node at the end of a person's ring.
  private mutating func link(_ node: UInt32, _ person: UnsafeBufferPointer<UInt8>) {
    let hash = ByteHash.of(person)
    if let slot = findPerson(hash, person) {
      let tail = byPerson[slot]
      self[next: node] = self[next: tail]
      self[next: tail] = node
      byPerson[slot] = node
    } else {
      if byPerson.isFull { growByPerson(for: byPerson.count + byPerson.count / 2 + 64) }
      self[next: node] = node
      byPerson.insert(hash, node)
      persons.insert(hash)
    }
  }

  subscript(next node: UInt32) -> UInt32 {
    @inline(__always) get { node & 1 == 0 ? rows[Int(node >> 1)].nextByContact : rows[Int(node >> 1)].nextByTo }
    set {
      if node & 1 == 0 {
        rows[Int(node >> 1)].nextByContact = newValue
      } else {
        rows[Int(node >> 1)].nextByTo = newValue
      }
    }
  }

  @inline(__always)
  func findPerson(_ hash: UInt64, _ person: UnsafeBufferPointer<UInt8>) -> Int? {
    arena.bytes.withUnsafeBufferPointer { bytes in
      byPerson.find(hash) { Self.person($0, rows[Int($0 >> 1)], bytes).isSame(as: person) }
    }
  }

  @inline(__always)
  private static func person(
    _ node: UInt32, _ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>
  ) -> UnsafeBufferPointer<UInt8> {
    let texts = SendTexts(row, bytes)
    return node & 1 == 0 ? texts.contact : texts.canonical
  }

  private mutating func growByID(for wanted: Int) {
    byID.grow(for: wanted) { rows[Int($0)].key.hash }
  }

  private mutating func growByPerson(for wanted: Int) {
    var filter = PersonFilter()
    filter.words = [UInt64](repeating: 0, count: max(4, wanted / 4))
    arena.bytes.withUnsafeBufferPointer { bytes in
      byPerson.grow(for: wanted) { node in
        let hash = ByteHash.of(Self.person(node, rows[Int(node >> 1)], bytes))
        filter.insert(hash)
        return hash
      }
    }
    persons = filter
  }

  /// Leaves room in the tables, so that some more sends do not make them anew at once.
  package mutating func loosen() {
    if byID.count * 10 >= byID.slots.count * 65 / 10 { growByID(for: byID.count) }
    if byPerson.count * 10 >= byPerson.slots.count * 65 / 10 { growByPerson(for: byPerson.count) }
  }
}
