import Journal
import Model

/// What differs between two plans: which sends came, went, moved or say something else, and which words of which file.
///
/// A send is known by its id, which does not depend on the day. Both plans are read line by line; what is kept of each
/// line of the older one has 40 bytes, so that plans of a million lines are compared in little memory. The lines that are
/// told one by one are kept whole.
public struct PlanDiff: Sendable {
  /// `removed + moved + changed + same` is the older plan, `added + moved + changed + same` the newer.
  public struct Counts: Hashable, Sendable {
    public var added = 0
    public var removed = 0
    /// Another time or mailbox, and nothing else.
    public var moved = 0
    /// Another address, subject, variant, value or text; whether it moved too.
    public var changed = 0
    public var same = 0

    public var old: Int { removed + moved + changed + same }
    public var new: Int { added + moved + changed + same }
    public var isNone: Bool { added + removed + moved + changed == 0 }
  }

  /// One send that differs.
  public struct Change: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable { case added, removed, moved, changed }
    public var kind: Kind
    /// As the newer plan has it; a removed one as the older had it.
    public var send: PlannedSend
    /// Nil for what was not in the older plan.
    public var oldTime: Instant?
    public var oldMailbox: String?
    /// What it says otherwise.
    public var fields: [Field] = []
  }

  public struct Field: Hashable, Sendable {
    public var name: String
    public var old: String?
    public var new: String?
  }

  public let old: PlanHeader
  public let new: PlanHeader
  public private(set) var campaigns: [String: Counts] = [:]
  public private(set) var total = Counts()
  /// The first of each kind, in the plans' order.
  public private(set) var changes: [Change] = []
  public let files: PlanFileDiff

  public var isNone: Bool { total.isNone && files.isNone }

  private struct Entry {
    var id: SendID
    var sendAt: Instant
    var mailbox: Int32
    var campaign: Int32
    /// Of everything but time and mailbox. Compared within this process alone.
    var rest: Int
  }

  /// - Parameter limit: changes of each kind that are told one by one.
  public init(
    old oldPath: String, new newPath: String, files: PlanFileDiff, limit: Int
  ) throws(JournalProblem) {
    self.files = files
    var names = Names()
    var entries: [Entry] = []
    old = try PlanFile.forEach(oldPath) { send, _ in
      entries.append(
        Entry(
          id: send.id, sendAt: send.sendAt, mailbox: names.number(send.mailbox),
          campaign: names.number(send.campaign), rest: Self.rest(send)))
    }
    entries.sort { $0.id < $1.id }
    var isMet = [Bool](repeating: false, count: entries.count)
    var kept: [Change.Kind: Int] = [:]
    var found: [Change] = []
    // Of changed sends the older line is read again.
    var wanted: [SendID: Int] = [:]
    var counts: [String: Counts] = [:]
    new = try PlanFile.forEach(newPath) { send, _ in
      guard let number = Self.find(send.id, in: entries) else {
        counts[send.campaign, default: Counts()].added += 1
        Self.keep(Change(kind: .added, send: send), &found, &kept, limit)
        return
      }
      isMet[number] = true
      let entry = entries[number]
      let (time, mailbox) = (entry.sendAt, names[entry.mailbox])
      let hasMoved = time != send.sendAt || mailbox != send.mailbox
      if entry.rest != Self.rest(send) {
        counts[send.campaign, default: Counts()].changed += 1
        let change = Change(kind: .changed, send: send, oldTime: time, oldMailbox: mailbox)
        if Self.keep(change, &found, &kept, limit) { wanted[send.id] = found.count - 1 }
      } else if hasMoved {
        counts[send.campaign, default: Counts()].moved += 1
        Self.keep(Change(kind: .moved, send: send, oldTime: time, oldMailbox: mailbox), &found, &kept, limit)
      } else {
        counts[send.campaign, default: Counts()].same += 1
      }
    }
    var gone: Set<SendID> = []
    for (number, entry) in entries.enumerated() where !isMet[number] {
      counts[names[entry.campaign], default: Counts()].removed += 1
      if gone.count < limit { gone.insert(entry.id) }
    }
    entries = []
    if !gone.isEmpty || !wanted.isEmpty {
      try PlanFile.forEach(oldPath) { send, _ in
        if gone.contains(send.id) {
          found.append(Change(kind: .removed, send: send, oldTime: send.sendAt, oldMailbox: send.mailbox))
        } else if let number = wanted[send.id] {
          found[number].fields = Self.fields(send, found[number].send)
        }
      }
    }
    campaigns = counts
    total = counts.values.reduce(into: Counts()) { sum, one in
      sum.added += one.added
      sum.removed += one.removed
      sum.moved += one.moved
      sum.changed += one.changed
      sum.same += one.same
    }
    let order = Change.Kind.allCases
    changes = order.flatMap { kind in found.filter { $0.kind == kind } }
  }

  @discardableResult
  private static func keep(
    _ change: Change, _ found: inout [Change], _ kept: inout [Change.Kind: Int], _ limit: Int
  ) -> Bool {
    guard kept[change.kind, default: 0] < limit else { return false }
    kept[change.kind, default: 0] += 1
    found.append(change)
    return true
  }

  private static func find(_ id: SendID, in entries: [Entry]) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].id < id { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].id == id ? low : nil
  }

  private static func rest(_ send: PlannedSend) -> Int {
    var hasher = Hasher()
    for text in [send.campaign, send.step, send.contact, send.to, send.channel.rawValue, send.key] {
      hasher.combine(text)
    }
    for text in [send.variant, send.name, send.subject, send.batch, send.text, send.html] { hasher.combine(text) }
    hasher.combine(send.vars)
    hasher.combine(send.thread)
    hasher.combine(send.expiresAt)
    return hasher.finalize()
  }

  private static func fields(_ old: PlannedSend, _ new: PlannedSend) -> [Field] {
    var fields: [Field] = []
    func compare(_ name: String, _ before: String?, _ after: String?) {
      if before != after { fields.append(Field(name: name, old: before, new: after)) }
    }
    compare("to", old.to, new.to)
    compare("name", old.name, new.name)
    compare("subject", old.subject, new.subject)
    compare("variant", old.variant, new.variant)
    compare("batch", old.batch, new.batch)
    compare("text", old.text, new.text)
    compare("html", old.html, new.html)
    compare("thread", old.thread?.references.last, new.thread?.references.last)
    compare("expires_at", old.expiresAt.map(Zone.utc.format), new.expiresAt.map(Zone.utc.format))
    for name in Set(old.vars.keys).union(new.vars.keys).sorted() {
      compare("vars.\(name)", old.vars[name], new.vars[name])
    }
    return fields
  }

  /// Names by number, each kept once.
  private struct Names {
    private var all: [String] = []
    private var numbers: [String: Int32] = [:]

    mutating func number(_ name: String) -> Int32 {
      if let known = numbers[name] { return known }
      let number = Int32(all.count)
      numbers[name] = number
      all.append(name)
      return number
    }

    subscript(_ number: Int32) -> String { all[Int(number)] }
  }
}

/// Which of the files that two plans were made from differ.
public struct PlanFileDiff: Sendable {
  public struct File: Sendable {
    public enum Change: Sendable {
      case added, removed
      /// Which words; nil where one of the plans has no copy of it, or it is no text.
      case changed(WordDiff?)
    }
    public var path: String
    public var change: Change
  }

  /// By path.
  public private(set) var files: [File] = []

  public var isNone: Bool { files.isEmpty }

  public init() {}

  /// - Throws: where a copy cannot be read.
  public init(
    _ old: PlanHeader, _ oldInputs: PlanInputs, _ new: PlanHeader, _ newInputs: PlanInputs
  ) throws(JournalProblem) {
    for path in Set(old.inputs.keys).union(new.inputs.keys).sorted() {
      switch (old.inputs[path], new.inputs[path]) {
      case (let before?, let after?) where before != after:
        var words: WordDiff?
        if let a = try oldInputs.bytes(of: path), let b = try newInputs.bytes(of: path),
          let old = String(validating: a, as: UTF8.self), let new = String(validating: b, as: UTF8.self)
        {
          words = WordDiff(old: old, new: new)
        }
        files.append(File(path: path, change: .changed(words)))
      case (nil, _?): files.append(File(path: path, change: .added))
      case (_?, nil): files.append(File(path: path, change: .removed))
      default: break
      }
    }
  }
}
