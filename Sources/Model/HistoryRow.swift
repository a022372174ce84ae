/// One send in the history: 64 bytes, one line of the cache. What has no fixed size lies in blocks of the arena.
struct HistoryRow: Sendable, BitwiseCopyable {
  var id: SendID
  /// Milliseconds since the epoch.
  var at: Int64
  /// `HistoryRow.never` before the first attempt.
  var attemptAt: Int64
  /// Block of the texts that never change: contact, address, key.
  var identity: UInt32
  /// Block of what the last record said; 0 for none.
  var detail: UInt32
  /// The next send of the same person, by contact key and by address, as nodes: see `History.progress`.
  var nextByContact: UInt32
  var nextByTo: UInt32
  /// Numbers in the history's tables of names.
  var campaign: UInt32
  var step: UInt32
  var mailbox: UInt32
  /// `UInt16.max` for more than that; the detail has them then.
  var attempts: UInt16
  var state: UInt8
  var flags: Flags

  static let never = Int64.min

  struct Flags: OptionSet, Sendable, BitwiseCopyable {
    let rawValue: UInt8
    static let sms = Flags(rawValue: 1)
    /// The address is the contact's key.
    static let toIsContact = Flags(rawValue: 2)
    /// The address has a canonical spelling that differs both from it and from the contact's key.
    static let hasCanonical = Flags(rawValue: 4)
    /// Found by its address too, which is another person's name than the contact's key.
    static let hasTwoNames = Flags(rawValue: 8)
    static let hasKey = Flags(rawValue: 16)
    static let hasExpiry = Flags(rawValue: 32)
    /// A name of it is a token (`NameKey`).
    static let hasTokens = Flags(rawValue: 64)
  }

  var channel: Channel { flags.contains(.sms) ? .sms : .email }
  var isSent: Bool { state == StateCode.sent }
  var countsAgainstLimits: Bool {
    state == StateCode.sent || state == StateCode.inFlight || state == StateCode.inDoubt
  }
  /// The instant that limits and days count by.
  var countedAt: Int64 { attemptAt == Self.never ? at : attemptAt }
}

/// A state in a byte; the time of `waiting` lies in the detail.
enum StateCode {
  static let pending: UInt8 = 0
  static let inFlight: UInt8 = 1
  static let sent: UInt8 = 2
  static let waiting: UInt8 = 3
  static let inDoubt: UInt8 = 4
  static let withdrawn: UInt8 = 5
  static let dropped: UInt8 = 6
  /// And above: `dead`, with the reason's place among all reasons.
  static let dead: UInt8 = 16

  static func of(_ state: SendState) -> UInt8 {
    switch state {
    case .pending: pending
    case .inFlight: inFlight
    case .sent: sent
    case .waiting: waiting
    case .inDoubt: inDoubt
    case .withdrawn: withdrawn
    case .dropped: dropped
    case .dead(let reason): dead(reason)
    }
  }

  static func dead(_ reason: DeadReason) -> UInt8 { dead + Words.place(of: reason) }

  static func state(_ code: UInt8, until: Int64) -> SendState {
    switch code {
    case pending: .pending
    case inFlight: .inFlight
    case sent: .sent
    case waiting: .waiting(until: Instant(milliseconds: until))
    case inDoubt: .inDoubt
    case withdrawn: .withdrawn
    case dropped: .dropped
    default: .dead(Words.deadReasons[min(Int(code &- dead), Words.deadReasons.count - 1)])
    }
  }
}

/// Places of words among all of their kind, as bytes.
enum Words {
  static let deadReasons = DeadReason.allCases
  static let outcomes = Record.Outcome.allCases
  static func place(of reason: DeadReason) -> UInt8 { UInt8(deadReasons.firstIndex(of: reason) ?? 0) }
  static func place(of outcome: Record.Outcome) -> UInt8 { UInt8(outcomes.firstIndex(of: outcome) ?? 0) }
  /// Changes with the words that rows hold by place, and with the row itself: a snapshot made with others is not read.
  static var fingerprint: UInt64 {
    ByteHash.of(
      (deadReasons.map(\.rawValue) + outcomes.map(\.rawValue) + ["\(MemoryLayout<HistoryRow>.stride)"])
        .joined(separator: " "))
  }
}

/// Texts and rare values of sends, in blocks of eight bytes and their multiples. A block is named by its place in eights,
/// so that 32 bits reach over 32 GiB; block 0 is none. A freed block is taken again by the next of its size: an intent's
/// detail gives way to its outcome's, and leaves no waste behind.
struct HistoryArena: Sendable {
  var bytes: [UInt8] = [UInt8](repeating: 0, count: 8)
  /// The first free block of each size in eights; the next one stands in the block itself.
  private var free = [UInt32](repeating: 0, count: 65)

  /// Keeps a copy of `block`, in the place of an earlier one of `oldCount` bytes.
  mutating func put(_ block: [UInt8], replacing old: UInt32 = 0, oldCount: Int = 0) -> UInt32 {
    let size = (block.count + 7) / 8
    if old != 0 {
      let oldSize = (oldCount + 7) / 8
      if oldSize == size {
        write(block, at: Int(old) * 8)
        return old
      }
      release(old, size: oldSize)
    }
    if size < free.count, free[size] != 0 {
      let place = free[size]
      free[size] = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: Int(place) * 8, as: UInt32.self) }
      write(block, at: Int(place) * 8)
      return place
    }
    let place = bytes.count / 8
    bytes.append(contentsOf: block)
    for _ in block.count..<size * 8 { bytes.append(0) }
    return UInt32(place)
  }

  private mutating func write(_ block: [UInt8], at offset: Int) {
    bytes.withUnsafeMutableBytes { target in
      block.withUnsafeBytes { source in
        UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + source.count]).copyMemory(from: source)
      }
    }
  }

  private mutating func release(_ place: UInt32, size: Int) {
    guard size < free.count, size > 0 else { return }
    let next = free[size]
    bytes.withUnsafeMutableBytes { $0.storeBytes(of: next, toByteOffset: Int(place) * 8, as: UInt32.self) }
    free[size] = place
  }
}

/// Reads what a block is made of, in order.
package struct BlockReader {
  package let bytes: UnsafeBufferPointer<UInt8>
  package var at: Int

  package init(_ bytes: UnsafeBufferPointer<UInt8>, block: UInt32 = 0) {
    self.bytes = bytes
    at = Int(block) * 8
  }

  @inline(__always)
  package mutating func byte() -> UInt8 {
    defer { at += 1 }
    return bytes[at]
  }

  /// LEB128.
  @inline(__always)
  package mutating func number() -> UInt64 {
    var value = UInt64(byte())
    if value < 0x80 { return value }
    value &= 0x7F
    var shift: UInt64 = 7
    while true {
      let next = byte()
      value |= UInt64(next & 0x7F) << shift
      if next < 0x80 || shift > 56 { return value }
      shift += 7
    }
  }

  package mutating func signed() -> Int64 {
    let value = number()
    return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
  }

  @inline(__always)
  package mutating func text() -> UnsafeBufferPointer<UInt8> {
    let count = Int(number())
    defer { at += count }
    return UnsafeBufferPointer(rebasing: bytes[at..<at + count])
  }
}

extension [UInt8] {
  package mutating func put(number: UInt64) {
    var value = number
    while value >= 0x80 {
      append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    append(UInt8(value))
  }

  /// Small either side of nothing.
  package mutating func put(signed value: Int64) { put(number: UInt64(bitPattern: value << 1 ^ value >> 63)) }

  package mutating func put(text: UnsafeBufferPointer<UInt8>) {
    put(number: UInt64(text.count))
    append(contentsOf: text)
  }
}

extension String {
  init(_ bytes: UnsafeBufferPointer<UInt8>) { self = String(decoding: bytes, as: UTF8.self) }
}
