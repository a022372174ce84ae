import Foundation
import Model

/// What a person can pause and a breaker can stop.
public struct Part: Hashable, Comparable, Sendable, CustomStringConvertible {
  public enum Kind: String, CaseIterable, Sendable { case campaign, mailbox, provider }
  public var kind: Kind
  /// Its id in the project.
  public var name: String

  public init(_ kind: Kind, _ name: String) {
    self.kind = kind
    self.name = name
  }

  public var description: String { "\(kind.rawValue) \(name)" }
  public static func < (a: Part, b: Part) -> Bool {
    a.kind != b.kind ? a.kind.rawValue < b.kind.rawValue : a.name < b.name
  }
}

/// What is paused, and what a breaker has stopped: the fold of `pauses.jsonl`, in which `pause`, `resume` and a send
/// whose breaker trips append a line each.
///
///     running ──paused──▶ paused ──resumed──▶ running
///     running ──tripped─▶ stopped ──resumed──▶ running   (and its breaker counts anew from that instant)
///
/// A part may be both paused and stopped; one `resumed` ends both.
public struct Pauses: Hashable, Sendable {
  /// One line of the file.
  public struct Entry: Hashable, Sendable {
    public enum Kind: String, CaseIterable, Sendable {
      /// A person pauses it.
      case paused
      /// A person lets it go on, after a pause or a trip.
      case resumed
      /// Its breaker has stopped it; `reason` has the figures.
      case tripped
    }
    public var kind: Kind
    public var at: Instant
    public var part: Part
    /// Who; nil where a breaker did it.
    public var by: String?
    public var reason: String?

    public init(_ kind: Kind, _ part: Part, at: Instant, by: String? = nil, reason: String? = nil) {
      self.kind = kind
      self.part = part
      self.at = at
      self.by = by
      self.reason = reason
    }
  }

  public private(set) var paused: [Part: Entry] = [:]
  public private(set) var tripped: [Part: Entry] = [:]
  /// Since when each part's breaker counts: its last `resumed`.
  public private(set) var countsSince: [Part: Instant] = [:]

  public init(_ entries: [Entry] = []) { for entry in entries { apply(entry) } }

  public mutating func apply(_ entry: Entry) {
    switch entry.kind {
    case .paused: paused[entry.part] = entry
    case .tripped: tripped[entry.part] = entry
    case .resumed:
      paused[entry.part] = nil
      tripped[entry.part] = nil
      countsSince[entry.part] = entry.at
    }
  }

  public var isEmpty: Bool { paused.isEmpty && tripped.isEmpty }

  /// All that holds now, by part; a pause stands before a trip of the same part.
  public var entries: [Entry] {
    (paused.values.sorted { $0.part < $1.part } + tripped.values.sorted { $0.part < $1.part }).enumerated()
      .sorted { $0.element.part != $1.element.part ? $0.element.part < $1.element.part : $0.offset < $1.offset }
      .map(\.element)
  }
}

extension Pauses {
  /// The same by present ids: what the file says of a campaign under an earlier id holds for it. Where several ids of
  /// one campaign are paused, or stopped, the earliest line stands for them; its breaker counts since the last `resumed`
  /// of any.
  /// - Parameter present: campaigns' present ids (`presentIDs`).
  public func renamed(_ present: [String: String]) -> Pauses {
    func part(_ part: Part) -> Part {
      guard part.kind == .campaign, let id = present[part.name] else { return part }
      return Part(.campaign, id)
    }
    func renamed(_ entries: [Part: Entry]) -> [Part: Entry] {
      var result: [Part: Entry] = [:]
      for (named, var entry) in entries {
        entry.part = part(named)
        if let other = result[entry.part], other.at <= entry.at { continue }
        result[entry.part] = entry
      }
      return result
    }
    var copy = self
    copy.paused = renamed(paused)
    copy.tripped = renamed(tripped)
    copy.countsSince = Dictionary(countsSince.map { (part($0.key), $0.value) }, uniquingKeysWith: max)
    return copy
  }
}

extension Sequence<Campaign> {
  /// Present ids by all that campaigns have and had; an id that is in use is nobody's earlier one.
  public var presentIDs: [String: String] {
    var ids: [String: String] = [:]
    for campaign in self {
      for name in campaign.was { ids[name] = campaign.id }
    }
    for campaign in self { ids[campaign.id] = campaign.id }
    return ids
  }
}

extension Pauses {
  private static let header = "{\"nightmail_pauses\":1}"

  /// Reads the file; nothing is paused if there is none. A torn last line is passed over: whoever was writing it had
  /// not yet said that it was done.
  public static func read(_ path: String) throws(JournalProblem) -> Pauses {
    var pauses = Pauses()
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return pauses }
    while let line = try reader.next(), line.isEnded {
      let json: JSON
      do { json = try line.json() } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
      if line.number == 1 {
        try FormatVersion.check(json, key: "nightmail_pauses", path: path)
        continue
      }
      do { pauses.apply(try entry(json)) } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
    }
    return pauses
  }

  private static func entry(_ json: JSON) throws(LineProblem) -> Entry {
    let fields = try Fields(json, ["kind", "at", "part", "name", "by", "reason"], what: "a pause")
    return Entry(
      try fields.word("kind", Entry.Kind.self),
      Part(try fields.word("part", Part.Kind.self), try fields.string("name")), at: try fields.instant("at"),
      by: try fields.optionalString("by"), reason: try fields.optionalString("reason"))
  }

  /// Appends a line, on disk when it returns. The file has a lock of its own, which is held for a moment only: a
  /// person must be able to pause while a send runs.
  ///
  /// A trip that is written down already is not written again, nor one that a person has resumed meanwhile: every run
  /// that hears of it comes here, and the last of them must not undo the `resume`.
  public static func append(_ entry: Entry, to path: String) throws(JournalProblem) {
    let lock = try acquire(path + ".lock", at: entry.at)
    defer { lock.release() }
    // Nothing is added to a file that cannot be read: it would be lost with it.
    let known = try read(path)
    if entry.kind == .tripped {
      guard known.tripped[entry.part] == nil, known.countsSince[entry.part] ?? .distantPast <= entry.at else { return }
    }
    let file = try AppendFile(path, header: header)
    file.pending.openObject()
    file.pending.member("kind", entry.kind.rawValue)
    file.pending.member(utc: "at", entry.at)
    file.pending.member("part", entry.part.kind.rawValue)
    file.pending.member("name", entry.part.name)
    file.pending.member("by", entry.by)
    file.pending.member("reason", entry.reason)
    file.pending.closeObject()
    file.pending.append(0x0A)
    try file.close()
  }

  private static func acquire(_ path: String, at: Instant) throws(JournalProblem) -> Lock {
    // Whoever holds it writes one line: five seconds are for a very slow disk.
    for _ in 0..<250 {
      do {
        return try Lock.acquire(path, purpose: "pause", at: at)
      } catch {
        if case .journal(let problem) = error { throw problem }
        usleep(20_000)
      }
    }
    throw .system(.lock, path: path, code: EWOULDBLOCK)
  }
}

/// Reads the pauses of an output when a run begins, and again when the file changes.
public final class PauseWatch {
  private let path: String
  private var stamp: FileStamp?
  private var isFirst = true

  public init(_ path: String) { self.path = path }

  /// Nil if nothing changed since the last good reading.
  /// - Throws: each time it is asked, while the file cannot be read; also once a file that was there is gone, since
  ///   what it said still holds.
  public func changed() throws(JournalProblem) -> Pauses? {
    // Taken before reading: what is written meanwhile shows as a change the next time.
    let now = FileStamp(path)
    guard isFirst || now != stamp else { return nil }
    if !isFirst, stamp != nil, now == nil { throw .missing(path: path) }
    let pauses = try Pauses.read(path)
    stamp = now
    isFirst = false
    return pauses
  }
}
