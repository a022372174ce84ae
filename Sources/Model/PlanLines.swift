/// A plan's sends in `send_at` order. There may be millions, so they are read one at a time, in any order and from any
/// number of threads: `parts` for whoever writes them, `send` for whoever works with a few.
public protocol PlanLines: Sendable {
  var count: Int { get }
  /// What lines have in common. There are few: one for each mailbox and kind of send.
  var shapes: [LineShape] { get }
  /// A line's shape, as an index into `shapes`.
  func shapeNumber(_ index: Int) -> Int
  /// Reads the parts of a line. `parts` is used again for the next one, so that nothing is allocated.
  func read(_ index: Int, into parts: inout LineParts)
  /// Brings what some lines are read from near: for millions they lie anywhere in memory, and it is quicker to wait for
  /// many places at once than for one after the other.
  func fetch(_ range: Range<Int>)
}

extension PlanLines {
  public func fetch(_ range: Range<Int>) {}
}

/// Everything in a line that does not depend on the contact.
public struct LineShape: Hashable, Sendable {
  public var open: IntervalSet
  public var expiresAt: Instant?
  public var campaign: String
  public var step: String
  public var variant: String?
  public var channel: Channel
  public var mailbox: String
  /// The names of its `vars`, ascending. A line may lack some.
  public var names: [String]

  public init(
    open: IntervalSet, expiresAt: Instant?, campaign: String, step: String, variant: String?, channel: Channel,
    mailbox: String, names: [String]
  ) {
    self.open = open
    self.expiresAt = expiresAt
    self.campaign = campaign
    self.step = step
    self.variant = variant
    self.channel = channel
    self.mailbox = mailbox
    self.names = names
  }
}

/// The rest of a line: ranges of `bytes`, all UTF-8.
public struct LineParts {
  public var id = SendID(high: 0, low: 0)
  public var sendAt = Instant(seconds: 0)
  /// Index into the lines' shapes.
  public var shape = 0
  public var bytes: [UInt8] = []
  public var contact = 0..<0
  public var to = 0..<0
  public var subject: Range<Int>?
  /// The values of the shape's names; nil for those that the line lacks.
  public var values: [Range<Int>?] = []
  /// The Message-IDs and the subject of the thread that it joins; without a subject it joins none.
  public var references: [Range<Int>] = []
  public var threadSubject: Range<Int>?
  /// Nil for nearly all lines of a sequence.
  public var extra: Extra?

  /// What message rows have.
  public struct Extra: Sendable {
    public var name: String?
    public var batch: String?
    public var key = ""
    public var text: String?
    public var html: String?
    public init() {}
  }

  public init() {}

  /// Nothing but room for the next line.
  @inlinable
  public mutating func removeAll() {
    bytes.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
    references.removeAll(keepingCapacity: true)
    subject = nil
    threadSubject = nil
    if extra != nil { extra = nil }
  }

  /// Adds bytes and says where they are.
  @inlinable
  public mutating func append(_ cell: Cell) -> Range<Int> {
    let start = bytes.count
    bytes.append(contentsOf: cell)
    return start..<bytes.count
  }

  @inlinable
  public mutating func append(_ text: String) -> Range<Int> {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    return start..<bytes.count
  }
}

extension PlanLines {
  public func send(_ index: Int) -> PlannedSend {
    var parts = LineParts()
    read(index, into: &parts)
    let shape = shapes[parts.shape]
    func text(_ range: Range<Int>) -> String { String(decoding: parts.bytes[range], as: UTF8.self) }
    var vars: [String: String] = [:]
    for (name, range) in zip(shape.names, parts.values) {
      if let range { vars[name] = text(range) }
    }
    let extra = parts.extra
    return PlannedSend(
      id: parts.id, sendAt: parts.sendAt, open: shape.open, expiresAt: shape.expiresAt, campaign: shape.campaign,
      step: shape.step, variant: shape.variant, contact: text(parts.contact), channel: shape.channel,
      to: text(parts.to), name: extra?.name, mailbox: shape.mailbox, subject: parts.subject.map(text), vars: vars,
      batch: extra?.batch, key: extra?.key ?? "", text: extra?.text, html: extra?.html,
      thread: parts.threadSubject.map { .init(references: parts.references.map(text), subject: text($0)) })
  }
}

/// Lines that are there as values: plans that were read, and tests.
public struct ListedLines: PlanLines {
  public let shapes: [LineShape]
  private let sends: [PlannedSend]
  private let shapeOf: [Int]

  public init(_ sends: [PlannedSend]) {
    var shapes: [LineShape] = []
    var index: [LineShape: Int] = [:]
    shapeOf = sends.map { send in
      let shape = LineShape(
        open: send.open, expiresAt: send.expiresAt, campaign: send.campaign, step: send.step, variant: send.variant,
        channel: send.channel, mailbox: send.mailbox, names: send.vars.keys.sorted())
      if let known = index[shape] { return known }
      index[shape] = shapes.count
      shapes.append(shape)
      return shapes.count - 1
    }
    self.sends = sends
    self.shapes = shapes
  }

  public var count: Int { sends.count }

  public func shapeNumber(_ index: Int) -> Int { shapeOf[index] }

  public func read(_ i: Int, into parts: inout LineParts) {
    let send = sends[i]
    parts.id = send.id
    parts.sendAt = send.sendAt
    parts.shape = shapeOf[i]
    parts.removeAll()
    parts.contact = parts.append(send.contact)
    parts.to = parts.append(send.to)
    parts.subject = send.subject.map { parts.append($0) }
    for name in shapes[shapeOf[i]].names { parts.values.append(send.vars[name].map { parts.append($0) }) }
    var extra = LineParts.Extra()
    extra.name = send.name
    extra.batch = send.batch
    extra.key = send.key
    extra.text = send.text
    extra.html = send.html
    parts.extra = extra
    if let thread = send.thread {
      parts.references = thread.references.map { parts.append($0) }
      parts.threadSubject = parts.append(thread.subject)
    }
  }
}
