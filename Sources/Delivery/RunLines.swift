import Journal
import Model

/// Where the dispatcher gets the whole of a line from when it is about to be served. Plans have a million lines: what
/// is kept of each is what scheduling needs (`RunLines`), and the rest is read again.
public protocol LineSource: AnyObject {
  /// The send of a line.
  /// - Throws: when it cannot be read again, or is not what it was when the run began.
  func send(_ line: Int) throws -> PlannedSend
  /// What else the contact is known by - the key it has by now, addresses and numbers: complaints and unsubscribes
  /// under them hold too.
  func others(_ line: Int, _ send: PlannedSend) -> [String]
  /// When the sequence of the line's contact began, for stop events; nil for a first step.
  func began(_ line: Int, _ send: PlannedSend) -> Instant?
  /// Hands over what contacts are known by besides the key and the address that lines have, all as `ByteHash`:
  /// what was sent to them counts for their caps.
  func forEachOtherName(_ body: (_ contact: UInt64, _ others: [UInt64]) -> Void)
  /// The lines, of those given, that may have one of these ids or be to somebody with one of these names. It may name
  /// too many.
  func lines(_ lines: [Int], ids: Set<SendID>, to names: Set<String>) -> [Int]
}

/// The lines of a run as columns: what the dispatcher and the limits need of each before it is served.
public struct RunLines {
  /// What many lines have in common.
  public typealias Kind = PlanIndex.Kind

  public struct Line: Sendable {
    /// Its place in the source.
    public var number: UInt32
    /// Index into `kinds`.
    public var kind: UInt32
    /// Index into `domains`; -1 for what goes to none.
    public var domain: Int32
    public var sendAt: Instant

    public init(number: UInt32, kind: UInt32, domain: Int32, sendAt: Instant) {
      self.number = number
      self.kind = kind
      self.domain = domain
      self.sendAt = sendAt
    }
  }

  /// What earlier runs have left of a line.
  public struct Past: Hashable, Sendable {
    public var attempts: Int
    public var firstAttempt: Instant?
    /// Where a retry waits: not before it.
    public var notBefore: Instant?

    public init(attempts: Int = 0, firstAttempt: Instant? = nil, notBefore: Instant? = nil) {
      self.attempts = attempts
      self.firstAttempt = firstAttempt
      self.notBefore = notBefore
    }
  }

  public var kinds: [Kind] = []
  /// By line, its place in the source; empty where that is its own number.
  private var numbers: [UInt32] = []
  public private(set) var kindOf = NumberColumn()
  private var domainOf = NumberColumn()
  /// By line, in milliseconds since the epoch.
  private(set) var times = TimeColumn()
  /// By line, in milliseconds since the epoch, `.max` for those that never expire; empty if none does.
  public var expiries: [Int64] = []
  /// The domains that lines go to; nil for what is no address.
  public var domains: [String?] = []
  /// By line, `ByteHash` of the contact's key and of the canonical address; empty where there is no cap on contacts.
  public var contacts: [UInt64] = []
  public var addresses = SameOrOther()
  /// Of the lines that were attempted before.
  public var past: [Int: Past] = [:]
  public var source: any LineSource

  public init(source: any LineSource) { self.source = source }

  /// All lines of a source, in its order; the columns are shared with it.
  public init(
    source: any LineSource, kinds: [Kind], kindOf: NumberColumn, domainOf: NumberColumn, times: TimeColumn,
    expiries: [Int64]
  ) {
    self.init(source: source)
    self.kinds = kinds
    self.kindOf = kindOf
    self.domainOf = domainOf
    self.times = times
    self.expiries = expiries
  }

  public var count: Int { kindOf.count }
  public var isEmpty: Bool { count == 0 }

  subscript(_ i: Int) -> Line {
    Line(
      number: numbers.isEmpty ? UInt32(i) : numbers[i], kind: UInt32(kindOf[i]), domain: domainOf[i],
      sendAt: Instant(milliseconds: times[i]))
  }

  /// Lets go of what the sends have by now.
  mutating func forgetKinds() {
    kindOf = NumberColumn()
    domainOf = NumberColumn()
  }

  func domain(_ i: Int) -> Int32 { domainOf[i] }
  func address(_ i: Int) -> UInt64 { addresses.value(i, beside: contacts) }

  mutating func setExpiry(_ expiry: Instant?) {
    if let expiry {
      while expiries.count < count - 1 { expiries.append(.max) }
      expiries.append(expiry.milliseconds)
    } else if !expiries.isEmpty {
      expiries.append(.max)
    }
  }
}

/// Lines that are in memory as a whole.
private final class ListedSource: LineSource {
  let items: [Dispatcher.Item]
  init(_ items: [Dispatcher.Item]) { self.items = items }
  func send(_ line: Int) -> PlannedSend { items[line].send }
  func others(_ line: Int, _ send: PlannedSend) -> [String] { items[line].others }
  func began(_ line: Int, _ send: PlannedSend) -> Instant? { items[line].began }
  func forEachOtherName(_ body: (UInt64, [UInt64]) -> Void) {
    for item in items where !item.others.isEmpty {
      body(ByteHash.of(item.send.contact), item.others.map { ByteHash.of($0) })
    }
  }
  func lines(_ lines: [Int], ids: Set<SendID>, to names: Set<String>) -> [Int] { lines }
}

extension RunLines {
  /// A run of a few lines that are at hand.
  public init(_ items: [Dispatcher.Item]) {
    self.init(source: ListedSource(items))
    var numbers: [Kind: UInt32] = [:]
    var domains = DomainNumbers()
    for (i, item) in items.enumerated() {
      let send = item.send
      let kind = Kind(send)
      let number = numbers[kind] ?? UInt32(kinds.count)
      if Int(number) == kinds.count {
        numbers[kind] = number
        kinds.append(kind)
      }
      append(
        Line(number: UInt32(i), kind: number, domain: domains.number(of: send), sendAt: send.sendAt),
        expiresAt: send.expiresAt)
      contacts.append(ByteHash.of(send.contact))
      let address = send.channel == .email ? EmailAddress.canonical(of: send.to) : send.to
      addresses.append(ByteHash.of(address), beside: contacts)
      if item.attempts > 0 || item.firstAttempt != nil || item.notBefore != nil {
        past[i] = Past(attempts: item.attempts, firstAttempt: item.firstAttempt, notBefore: item.notBefore)
      }
    }
    self.domains = domains.names
  }

  /// Adds a line that is the last one then.
  public mutating func append(_ line: Line, expiresAt: Instant?) {
    if numbers.isEmpty, Int(line.number) != count { numbers = (0..<UInt32(count)).map { $0 } }
    kindOf.append(Int32(line.kind))
    if !numbers.isEmpty || Int(line.number) != count - 1 { numbers.append(line.number) }
    domainOf.append(line.domain)
    times.append(line.sendAt.milliseconds)
    setExpiry(expiresAt)
  }
}
