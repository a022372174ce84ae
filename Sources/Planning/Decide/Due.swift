import Model

/// A due step of a contact, or a due message row: what the planner finds room for. There may be millions, so that all
/// they have in common stands once, in their kind.
struct DueSend {
  var id: SendID
  /// Index into the contacts, or into the row sends where the kind is a row's.
  var person: UInt32
  /// Index into the kinds.
  var kind: UInt32
}

/// Everything about a due send that is not the person: decided before any mailbox is chosen.
struct SendKind: Equatable {
  /// Index into the live campaigns.
  var campaign: Int
  var step: Int
  var variant: Int
  var channel: Channel
  var isRow = false
  /// Index into the day's zones: the one that `contact` stands for in windows.
  var zone: Int
  /// Not before it: a message row's `send_at`, or the time that a retry waits for.
  var earliest: Instant?
  var expiresAt: Instant?
  /// The mailbox that it must take: kept through the sequence, assigned by the contact, or named by the row. -1 leaves
  /// the choice open.
  var mailbox = -1
  var daysOverdue = 0
}

extension SendKind {
  /// For tables of kinds.
  var tableHash: UInt64 {
    func word(_ instant: Instant?) -> UInt64 { instant.map { UInt64(bitPattern: $0.milliseconds) } ?? 1 }
    let small = UInt64(truncatingIfNeeded: campaign &* 31 &+ step &* 7 &+ variant)
    let own =
      small << 48 ^ UInt64(truncatingIfNeeded: mailbox &+ 1) << 24 ^ UInt64(truncatingIfNeeded: zone) << 12
      ^ UInt64(truncatingIfNeeded: daysOverdue)
    return Seeded.mix(Seeded.mix(own ^ word(earliest)) ^ word(expiresAt))
  }
}

extension SendKind: Comparable {
  /// An order that does not depend on that of contacts and rows in their files.
  static func < (a: SendKind, b: SendKind) -> Bool {
    let (x, y) = (a.message, b.message)
    return x == y ? a.terms < b.terms : x < y
  }

  private var message: (Int, Int, Int, Int, Int) {
    (campaign, step, variant, channel == .email ? 0 : 1, isRow ? 1 : 0)
  }

  private var terms: (Int, Int64, Int64, Int, Int) {
    (zone, earliest?.milliseconds ?? .min, expiresAt?.milliseconds ?? .max, mailbox, daysOverdue)
  }
}

/// What a due message row has of its own.
struct RowSend {
  /// Index into the contacts, where the row means one of them.
  var contact: Int?
  var contactKey: String
  /// The envelope's address or number.
  var to: String
  var canonical: String
  var name: String?
  /// The row's values and the contact's, the row's winning.
  var values: [String: String]
  var batch: String?
  var key: String
  var literal: Literal

  /// A message row's own words, which are no templates.
  struct Literal {
    var subject: String?
    var text: String?
    var html: String?
    /// With a text or page of its own, a row does not use the step's.
    var hasBody: Bool { text != nil || html != nil }
  }
}

/// The threads that due replies join: few sends have one where there is no history, and then nothing is kept.
struct Threads {
  /// By send, where its thread begins in `entries`, and one; 0 for none. It ends with the last that has one.
  private var starts: [UInt32] = []
  /// Of each thread how many e-mails it has, and their numbers in the history.
  private var entries: [UInt32] = []

  mutating func add(_ thread: [UInt32], of send: Int) {
    pad(to: send)
    starts.append(UInt32(entries.count) + 1)
    entries.append(UInt32(thread.count))
    entries += thread
  }

  /// - Parameter start: the number that the first send of the other ones has here.
  mutating func append(_ other: Threads, at start: Int) {
    if other.starts.isEmpty { return }
    pad(to: start)
    let offset = UInt32(entries.count)
    starts += other.starts.lazy.map { $0 == 0 ? 0 : $0 + offset }
    entries += other.entries
  }

  private mutating func pad(to count: Int) {
    starts.append(contentsOf: repeatElement(0, count: count - starts.count))
  }

  var isEmpty: Bool { entries.isEmpty }

  /// The number of its first e-mail.
  func first(of send: Int) -> UInt32? {
    send < starts.count && starts[send] > 0 ? entries[Int(starts[send])] : nil
  }

  /// Numbers in the history; empty for none.
  subscript(send: Int) -> ArraySlice<UInt32> {
    guard send < starts.count, starts[send] > 0 else { return [] }
    let start = Int(starts[send])
    return entries[start..<start + Int(entries[start - 1])]
  }
}

/// The kinds of due sends, each once.
struct KindTable {
  private(set) var kinds: [SendKind] = []
  private var index = HashIndex()
  /// The kinds asked for last, by zone: contacts of a file differ in little else.
  private var recent: [Int] = []

  mutating func number(of kind: SendKind) -> Int {
    while recent.count <= kind.zone { recent.append(-1) }
    let last = recent[kind.zone]
    if last >= 0, kinds[last] == kind { return last }
    let known = index.findOrInsert(kind.tableHash, kinds.count) { kinds[$0] == kind }
    let number = known ?? kinds.count
    if known == nil { kinds.append(kind) }
    recent[kind.zone] = number
    return number
  }
}

/// What a plan's day finds of one step: the one decision that the plan is made from, and that `why` tells.
enum Decision {
  case due(SendID, SendKind)
  /// With the step's position.
  case skipped(SkipReason, step: Int, detail: String)
  case held(HoldReason, step: Int)
  /// The delay, the row's `send_at`, a retry's time or the campaign's start lies ahead.
  case waiting(step: Int, until: Instant)
  /// Every step is through; with the last one sent, where one was.
  case complete(last: HistoryEntry?)
  case ended(EndReason)
}
