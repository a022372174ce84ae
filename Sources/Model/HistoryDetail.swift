/// What is kept of a send beside its row, as it lies in the arena: texts are places in some buffer, not strings. It is
/// read, changed by a record, and written again.
struct HistoryDetail {
  var firstAttempt = HistoryRow.never
  var expiresAt = HistoryRow.never
  /// Of `waiting`.
  var until = HistoryRow.never
  var provider: Int?
  var messageID: MessageID = .none
  var subject: UnsafeBufferPointer<UInt8>?
  /// The last outcome, as `put(result:)` has written it.
  var last: UnsafeBufferPointer<UInt8>?
  /// Where there are too many for the row.
  var attempts = 0
  /// Bytes that it was read from.
  var count = 0

  enum MessageID {
    case none
    /// `<` the send's id `@` this name `>`: what Nightmail makes.
    case ofDomain(Int)
    case text(UnsafeBufferPointer<UInt8>)
  }

  private enum Mask {
    static let firstAttempt: UInt8 = 1
    /// The first attempt is the last one.
    static let firstIsLast: UInt8 = 2
    static let expiresAt: UInt8 = 4
    static let until: UInt8 = 8
    static let provider: UInt8 = 16
    static let subject: UInt8 = 32
    static let last: UInt8 = 64
    static let attempts: UInt8 = 128
  }

  init() {}

  init(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>) {
    guard row.detail != 0 else { return }
    var reader = BlockReader(bytes, block: row.detail)
    let start = reader.at
    let mask = reader.byte()
    if mask & Mask.firstAttempt != 0 { firstAttempt = mask & Mask.firstIsLast != 0 ? row.attemptAt : reader.signed() }
    if mask & Mask.expiresAt != 0 { expiresAt = reader.signed() }
    if mask & Mask.until != 0 { until = reader.signed() }
    if mask & Mask.provider != 0 { provider = Int(reader.number()) }
    switch reader.number() {
    case 0: break
    case 1: messageID = .text(reader.text())
    case let n: messageID = .ofDomain(Int(n) - 2)
    }
    if mask & Mask.subject != 0 { subject = reader.text() }
    if mask & Mask.last != 0 { last = reader.text() }
    if mask & Mask.attempts != 0 { attempts = Int(reader.number()) }
    count = reader.at - start
  }

  func write(_ row: HistoryRow, to out: inout [UInt8]) {
    var mask: UInt8 = 0
    if firstAttempt != HistoryRow.never {
      mask |= Mask.firstAttempt
      if firstAttempt == row.attemptAt { mask |= Mask.firstIsLast }
    }
    if expiresAt != HistoryRow.never { mask |= Mask.expiresAt }
    if until != HistoryRow.never { mask |= Mask.until }
    if provider != nil { mask |= Mask.provider }
    if subject != nil { mask |= Mask.subject }
    if last != nil { mask |= Mask.last }
    if row.attempts == .max { mask |= Mask.attempts }
    out.append(mask)
    if mask & Mask.firstAttempt != 0, mask & Mask.firstIsLast == 0 { out.put(signed: firstAttempt) }
    if mask & Mask.expiresAt != 0 { out.put(signed: expiresAt) }
    if mask & Mask.until != 0 { out.put(signed: until) }
    if let provider { out.put(number: UInt64(provider)) }
    switch messageID {
    case .none: out.put(number: 0)
    case .text(let text):
      out.put(number: 1)
      out.put(text: text)
    case .ofDomain(let n): out.put(number: UInt64(n) + 2)
    }
    if let subject { out.put(text: subject) }
    if let last { out.put(text: last) }
    if mask & Mask.attempts != 0 { out.put(number: UInt64(attempts)) }
  }
}

/// The last outcome of a send, as bytes of its detail.
enum ResultBlock {
  private static let reason: UInt8 = 4
  private static let code: UInt8 = 8
  private static let enhancedCode: UInt8 = 16
  private static let response: UInt8 = 32
  private static let providerID: UInt8 = 64
  private static let retryAt: UInt8 = 128

  static func write(_ r: FlatRecord, _ text: (FlatRecord.Text) -> UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
    var mask = Words.place(of: r.outcome)
    if r.deadReason != nil || r.isBounce { mask |= reason }
    if r.code >= 0 { mask |= code }
    if !r.enhancedCode.isNone { mask |= enhancedCode }
    if r.response.count > 0 { mask |= response }
    if !r.providerID.isNone { mask |= providerID }
    if r.retryAt != HistoryRow.never { mask |= retryAt }
    out.append(mask)
    if mask & reason != 0 { out.append((r.deadReason.map { Words.place(of: $0) + 1 } ?? 0) | (r.isBounce ? 0x80 : 0)) }
    if mask & code != 0 { out.put(number: UInt64(r.code)) }
    if mask & enhancedCode != 0 { out.put(text: text(r.enhancedCode)) }
    if mask & response != 0 { out.put(text: text(r.response)) }
    if mask & providerID != 0 { out.put(text: text(r.providerID)) }
    out.put(signed: r.milliseconds)
    if mask & retryAt != 0 { out.put(signed: r.retryAt) }
  }

  static func read(_ bytes: UnsafeBufferPointer<UInt8>) -> Record.Result {
    var reader = BlockReader(bytes, block: 0)
    let mask = reader.byte()
    var result = Record.Result(outcome: Words.outcomes[min(Int(mask & 3), Words.outcomes.count - 1)])
    if mask & reason != 0 {
      let byte = reader.byte()
      if byte & 0x7F > 0 { result.reason = Words.deadReasons[min(Int(byte & 0x7F) - 1, Words.deadReasons.count - 1)] }
      result.isBounce = byte & 0x80 != 0
    }
    if mask & code != 0 { result.code = Int(reader.number()) }
    if mask & enhancedCode != 0 { result.enhancedCode = String(reader.text()) }
    if mask & response != 0 { result.response = String(reader.text()) }
    if mask & providerID != 0 { result.providerID = String(reader.text()) }
    result.milliseconds = reader.signed()
    if mask & retryAt != 0 { result.retryAt = Instant(milliseconds: reader.signed()) }
    return result
  }
}

/// The texts of a send that never change, as they lie in its block of the arena.
struct SendTexts {
  let contact: UnsafeBufferPointer<UInt8>
  let to: UnsafeBufferPointer<UInt8>
  /// By what name the address is known: its canonical spelling, or itself where it is no address.
  let canonical: UnsafeBufferPointer<UInt8>
  let key: UnsafeBufferPointer<UInt8>

  @inline(__always)
  init(_ row: HistoryRow, _ bytes: UnsafeBufferPointer<UInt8>) {
    var reader = BlockReader(bytes, block: row.identity)
    let flags = row.flags
    contact = reader.text()
    to = flags.contains(.toIsContact) ? contact : reader.text()
    let other = flags.contains(.hasCanonical) ? reader.text() : to
    canonical = flags.contains(.hasTwoNames) ? other : contact
    key = flags.contains(.hasKey) ? reader.text() : UnsafeBufferPointer(start: nil, count: 0)
  }
}
