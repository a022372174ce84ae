/// What each kind of record does to the history: the states and moves of `SendState`.
extension History {
  /// Applies a record whose texts lie in `bytes`. After the last one of many comes `settle`.
  /// - Parameter hasTokens: whether it was kept of a pruned day, with tokens in place of names.
  package mutating func fold(_ r: FlatRecord, _ bytes: UnsafeBufferPointer<UInt8>, hasTokens: Bool = false) {
    let found = row(of: r.id)
    if let found, !hasTokens, rows[found].flags.contains(.hasTokens) { putNames(of: r, bytes, in: found) }
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
    if found == nil, hasTokens { row.flags.insert(.hasTokens) }
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
  private mutating func domain(ofMessageID text: UnsafeBufferPointer<UInt8>, of id: SendID) -> Int? {
    guard text.count > 35, text[0] == 0x3C, text[33] == 0x40, text[text.count - 1] == 0x3E,
      SendID(hex: UnsafeBufferPointer(rebasing: text[1..<33])) == id
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

  mutating func settle(attempt r: FlatRecord) {
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

  /// Takes in an attempt that is kept elsewhere: gaps and rates count it. After the last one comes `settle`.
  package mutating func noteAttempt(mailbox: String, provider: String, at: Instant) {
    Self.keepLatest(at.milliseconds, mailboxes.number(mailbox), &lastByMailbox)
    Self.keepLatest(at.milliseconds, providers.number(provider), &lastByProvider)
  }

  // MARK: Bounces and spent attempts

  static func canonical(_ to: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    // What has no upper case, no white space and nothing outside ASCII is its own canonical spelling, address or not.
    if to.allSatisfy({ $0 > 0x20 && $0 < 0x7F && !($0 >= 0x41 && $0 <= 0x5A) }) { return nil }
    guard let address = EmailAddress(String(to)) else { return nil }
    return Array(address.canonical.utf8)
  }

  package mutating func bounce(
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

  package mutating func forgetBounces(of to: UnsafeBufferPointer<UInt8>, until: Int64) {
    guard !bounceRows.isEmpty else { return }
    let address = Self.canonical(to) ?? Array(to)
    address.withUnsafeBufferPointer { address in
      var kept: [Bounce] = []
      arena.bytes.withUnsafeBufferPointer { bytes in
        kept = bounceRows.filter {
          var reader = BlockReader(bytes, block: $0.block)
          return $0.at > until || !isSame(reader.text(), address)
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
