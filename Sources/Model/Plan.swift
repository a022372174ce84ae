import Crypto

/// A send's identity: the same step never goes to the same contact twice, whichever night plans it.
public struct SendID: Hashable, Sendable, BitwiseCopyable {
  /// Its 16 bytes, big-endian.
  public let high: UInt64
  public let low: UInt64

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// The first 16 bytes of SHA-256 over the strings, each as its UTF-8 length (four bytes, big-endian) and its bytes.
  public init(campaign: String, step: String, contact: String, channel: Channel, key: String) {
    var bytes = Self.prefix(campaign: campaign, step: step)
    Self.append(contact.utf8, to: &bytes)
    Self.append(channel.rawValue.utf8, to: &bytes)
    Self.append(key.utf8, to: &bytes)
    self.init(digestOf: bytes)
  }

  /// What the ids of all sends of a step begin with, for whoever makes many.
  public static func prefix(campaign: String, step: String) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(96)
    for part in ["nightmail1", campaign, step] { append(part.utf8, to: &bytes) }
    return bytes
  }

  /// Adds one length-prefixed string.
  @inlinable
  public static func append(_ part: some Collection<UInt8>, to bytes: inout [UInt8]) {
    let n = UInt32(part.count)
    bytes.append(UInt8(n >> 24))
    bytes.append(UInt8(n >> 16 & 0xFF))
    bytes.append(UInt8(n >> 8 & 0xFF))
    bytes.append(UInt8(n & 0xFF))
    bytes.append(contentsOf: part)
  }

  /// - Parameter bytes: all six strings, length-prefixed.
  public init(digestOf bytes: [UInt8]) {
    var hash = SHA256()
    bytes.withUnsafeBytes { hash.update(bufferPointer: $0) }
    (high, low) = hash.finalize().withUnsafeBytes { digest in
      (
        UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
        UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      )
    }
  }

  /// Reads 32 lower-case hex digits; nil for anything else.
  public init?(_ text: String) {
    var text = text
    guard let id = text.withUTF8({ Self(hex: $0) }) else { return nil }
    self = id
  }

  /// Reads 32 lower-case hex digits; nil for anything else.
  package init?(hex: UnsafeBufferPointer<UInt8>) {
    guard hex.count == 32, let high = Self.half(hex, 0), let low = Self.half(hex, 16) else { return nil }
    self.init(high: high, low: low)
  }

  /// Sixteen digits, eight at a time: every line of results has two ids to be read. A digit's low four bits are its
  /// value, a letter's are nine less; what the nibbles of eight bytes come to is drawn together by shifts.
  @inline(__always)
  private static func half(_ hex: UnsafeBufferPointer<UInt8>, _ start: Int) -> UInt64? {
    guard let base = hex.baseAddress else { return nil }
    let raw = UnsafeRawPointer(base + start)
    guard let high = eight(UInt64(littleEndian: raw.loadUnaligned(as: UInt64.self))),
      let low = eight(UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    else { return nil }
    return high << 32 | low
  }

  @inline(__always)
  private static func eight(_ text: UInt64) -> UInt64? {
    let ones: UInt64 = 0x0101_0101_0101_0101
    let highs: UInt64 = 0x8080_8080_8080_8080
    guard text & highs == 0 else { return nil }
    // Of each byte, 0x80 where it is at least the limit: none is above 0x7F.
    func least(_ limit: UInt64) -> UInt64 { (text + ones * (0x80 - limit)) & highs }
    let digits = least(0x30) & ~least(0x3A)
    let letters = least(0x61) & ~least(0x67)
    guard digits | letters == highs else { return nil }
    var value = (text & 0x0F0F_0F0F_0F0F_0F0F) + (letters >> 7) * 9
    value = (value << 4 | value >> 8) & 0x00FF_00FF_00FF_00FF
    value = (value << 8 | value >> 16) & 0x0000_FFFF_0000_FFFF
    value = value << 16 & 0xFFFF_0000 | value >> 32
    return value
  }

  /// For tables over sends.
  package var tableHash: UInt64 { ByteHash.fold(high ^ ByteHash.second, low ^ ByteHash.first) }

  /// 32 lower-case hex digits.
  public var text: String {
    String(unsafeUninitializedCapacity: 32) { out in
      for i in 0..<32 { out[i] = digit(i) }
      return 32
    }
  }

  package func appendText(to bytes: inout [UInt8]) {
    for i in 0..<32 { bytes.append(digit(i)) }
  }

  private func digit(_ i: Int) -> UInt8 {
    let digit = UInt8((i < 16 ? high : low) >> UInt64(60 - i % 16 * 4) & 15)
    return digit < 10 ? 0x30 + digit : 0x57 + digit
  }
}

extension SendID: CustomStringConvertible, Comparable {
  public var description: String { text }
  @inlinable public static func < (a: SendID, b: SendID) -> Bool {
    a.high != b.high ? a.high < b.high : a.low < b.low
  }
}

/// The digest of a file too large to hold, fed piece by piece; the same text as `Hex.digest` of the whole.
public struct FileDigest: Sendable {
  private var hash = SHA256()

  public init() {}
  public mutating func update(_ bytes: UnsafeRawBufferPointer) { hash.update(bufferPointer: bytes) }
  /// `sha256:` and 64 hex digits.
  public var text: String { "sha256:" + Hex.encode(hash.finalize()) }
}

/// Lower-case hexadecimal, and the digests that files are known by.
public enum Hex {
  public static func encode(_ bytes: some Sequence<UInt8>) -> String {
    var out: [UInt8] = []
    let digits = Array("0123456789abcdef".utf8)
    for b in bytes {
      out.append(digits[Int(b >> 4)])
      out.append(digits[Int(b & 15)])
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// `sha256:` and the digest of `bytes`.
  public static func digest(_ bytes: some Sequence<UInt8>) -> String {
    "sha256:" + encode(SHA256.hash(data: Array(bytes)))
  }
}

/// One line of a plan: everything the executor needs besides templates, mailboxes, providers and settings.
public struct PlannedSend: Hashable, Sendable {
  public var id: SendID
  public var sendAt: Instant
  /// The instants of the plan's day at which it may go out.
  public var open: IntervalSet
  public var expiresAt: Instant?
  public var campaign: String
  public var step: String
  /// Nil for a step without variants.
  public var variant: String?
  /// The contact's key.
  public var contact: String
  public var channel: Channel
  /// Envelope address or E.164 number.
  public var to: String
  /// The recipient's name, for the To line; only message rows give one.
  public var name: String?
  public var mailbox: String
  public var subject: String?
  /// What the step's templates and `on_sent` name, less what only the executor knows (`send_id`, `mailbox.…`, `unsubscribe_url`).
  public var vars: [String: String]
  public var batch: String?
  /// Empty except for message rows.
  public var key: String
  /// A message row's literal text.
  public var text: String?
  public var html: String?
  public var thread: Thread?

  /// The earlier message that a reply answers.
  public struct Thread: Hashable, Sendable {
    /// Message-IDs in angle brackets, the thread's first one first; the last is what In-Reply-To names.
    public var references: [String]
    /// The thread's subject without `Re: `.
    public var subject: String
    public init(references: [String], subject: String) {
      self.references = references
      self.subject = subject
    }
  }

  public init(
    id: SendID, sendAt: Instant, open: IntervalSet, expiresAt: Instant? = nil, campaign: String, step: String,
    variant: String? = nil, contact: String, channel: Channel, to: String, name: String? = nil, mailbox: String,
    subject: String? = nil, vars: [String: String] = [:], batch: String? = nil, key: String = "",
    text: String? = nil, html: String? = nil, thread: Thread? = nil
  ) {
    self.id = id
    self.sendAt = sendAt
    self.open = open
    self.expiresAt = expiresAt
    self.campaign = campaign
    self.step = step
    self.variant = variant
    self.contact = contact
    self.channel = channel
    self.to = to
    self.name = name
    self.mailbox = mailbox
    self.subject = subject
    self.vars = vars
    self.batch = batch
    self.key = key
    self.text = text
    self.html = html
    self.thread = thread
  }
}

/// A due step that is not planned for a cause in its own data: a line of `skipped.jsonl`.
public struct SkippedStep: Hashable, Sendable {
  /// The contact's key, or the row's place where it has none.
  public var contact: String
  public var campaign: String
  public var step: String
  public var reason: SkipReason
  public var detail: String
  /// Of a message row: what makes it one of a kind; nil of a step of a sequence, and where it could not be read.
  public var key: String?
  public init(
    contact: String, campaign: String, step: String, reason: SkipReason, detail: String, key: String? = nil
  ) {
    self.contact = contact
    self.campaign = campaign
    self.step = step
    self.reason = reason
    self.detail = detail
    self.key = key
  }
}

/// What became of a campaign's due steps. `due = planned + deferred + skipped`, always.
public struct PlanTotals: Hashable, Sendable {
  public var planned = 0
  public var skipped: [SkipReason: Int] = [:]
  public var deferred: [DeferReason: Int] = [:]
  /// Not due: held by a send in doubt, or by another day's plan.
  public var held: [HoldReason: Int] = [:]
  /// Not due: the delay, the row's `send_at` or the campaign's start lies ahead.
  public var waiting = 0
  /// Not due: the sequence has ended.
  public var ended = 0

  public init() {}
  public var due: Int { planned + skippedTotal + deferredTotal }
  public var skippedTotal: Int { skipped.values.reduce(0, +) }
  public var deferredTotal: Int { deferred.values.reduce(0, +) }

  public static func + (a: PlanTotals, b: PlanTotals) -> PlanTotals {
    var sum = a
    sum.planned += b.planned
    sum.waiting += b.waiting
    sum.ended += b.ended
    sum.skipped.merge(b.skipped, uniquingKeysWith: +)
    sum.deferred.merge(b.deferred, uniquingKeysWith: +)
    sum.held.merge(b.held, uniquingKeysWith: +)
    return sum
  }
}

/// A day's plan. Only Planning and the reader of plan files make one.
public struct Plan: Sendable {
  public var header: PlanHeader
  public var lines: any PlanLines
  public var skipped: [SkippedStep]
  /// Worth a person's look: a sequence that lost its mailbox, and the like.
  public var notes: [String]

  public init(header: PlanHeader, lines: any PlanLines, skipped: [SkippedStep], notes: [String] = []) {
    self.header = header
    self.lines = lines
    self.skipped = skipped
    self.notes = notes
  }

  public init(header: PlanHeader, sends: [PlannedSend], skipped: [SkippedStep], notes: [String] = []) {
    self.init(header: header, lines: ListedLines(sends), skipped: skipped, notes: notes)
  }

  /// All lines as values, in `send_at` order: for plans of a size that a person looks at.
  public var sends: [PlannedSend] {
    get { (0..<lines.count).map(lines.send) }
    set { lines = ListedLines(newValue) }
  }
}

/// A plan's first line.
public struct PlanHeader: Hashable, Sendable {
  public var date: CalendarDay
  public var zone: Zone
  public var tzdata: String
  public var notBefore: Instant
  public var seed: UInt64
  public var sends: Int
  /// Path to digest.
  public var inputs: [String: String]
  /// By campaign id, the digest of the files that its messages are made from: an approval holds for these.
  public var content: [String: String]
  /// The digest of the history that it was planned on.
  public var history: String
  /// By campaign id.
  public var campaigns: [String: PlanTotals]
  /// Left out by `--keep-going`.
  public var broken: [String]

  public init(
    date: CalendarDay, zone: Zone, tzdata: String, notBefore: Instant, seed: UInt64, sends: Int,
    inputs: [String: String], content: [String: String] = [:], history: String, campaigns: [String: PlanTotals],
    broken: [String] = []
  ) {
    self.date = date
    self.zone = zone
    self.tzdata = tzdata
    self.notBefore = notBefore
    self.seed = seed
    self.sends = sends
    self.inputs = inputs
    self.content = content
    self.history = history
    self.campaigns = campaigns
    self.broken = broken
  }

  public var totals: PlanTotals { campaigns.values.reduce(PlanTotals(), +) }
}
