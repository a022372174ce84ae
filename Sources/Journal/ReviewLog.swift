import Foundation
import Model

/// What was mailed to a day's reviewers, from `review.jsonl`: who got which content, so that nobody is mailed the same
/// twice. It is no history: nothing of it counts for any limit or sequence.
public struct ReviewLog: Sendable {
  public enum Kind: String, CaseIterable, Sendable {
    /// A plan that awaits approval.
    case plan
    /// The report of a day that is done.
    case report
  }

  /// One mail to one reviewer.
  public struct Entry: Hashable, Sendable {
    public var kind: Kind
    public var at: Instant
    /// The reviewer's address, less the case of its letters.
    public var to: String
    /// `sha256:` and 64 hex digits of what was told.
    public var content: String
    public var outcome: Record.Outcome
    /// Empty where no provider could be tried.
    public var provider: String
    public var response: String

    public init(
      kind: Kind, at: Instant, to: String, content: String, outcome: Record.Outcome, provider: String, response: String
    ) {
      self.kind = kind
      self.at = at
      self.to = to
      self.content = content
      self.outcome = outcome
      self.provider = provider
      self.response = response
    }
  }

  /// In the order in which they were made.
  public private(set) var entries: [Entry] = []

  private static let header = "{\"nightmail_review\":1}"

  public init() {}

  /// Whether a reviewer has this content, or may have it.
  public func has(_ to: String, _ kind: Kind, _ content: String) -> Bool {
    entries.contains {
      $0.kind == kind && $0.to == to && $0.content == content && ($0.outcome == .sent || $0.outcome == .inDoubt)
    }
  }

  /// Reads the file; nobody was mailed anything if there is none. A torn last line is passed over: then somebody may be
  /// mailed twice.
  public static func read(_ path: String) throws(JournalProblem) -> ReviewLog {
    var log = ReviewLog()
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return log }
    while let line = try reader.next(), line.isEnded {
      do {
        let json = try line.json()
        if line.number == 1 {
          try FormatVersion.check(json, key: "nightmail_review", path: path)
        } else {
          log.entries.append(try entry(json))
        }
      } catch let problem as JournalProblem {
        throw problem
      } catch {
        throw .damaged(path: path, line: line.number, message: (error as? LineProblem)?.message ?? "\(error)")
      }
    }
    return log
  }

  private static func entry(_ json: JSON) throws(LineProblem) -> Entry {
    let fields = try Fields(
      json, ["kind", "at", "to", "content", "outcome", "provider", "response"], what: "a mail to a reviewer")
    guard let kind = Kind(rawValue: try fields.string("kind")) else {
      throw LineProblem("'kind' is one of \(Kind.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    guard let outcome = Record.Outcome(rawValue: try fields.string("outcome")) else {
      throw LineProblem("'outcome' is one of \(Record.Outcome.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    return Entry(
      kind: kind, at: try fields.instant("at"), to: try fields.string("to"), content: try fields.string("content"),
      outcome: outcome, provider: try fields.string("provider"), response: try fields.string("response"))
  }

  /// Adds what was mailed, on disk when it returns. The caller holds the day's lock.
  public static func append(_ entries: [Entry], to path: String) throws(JournalProblem) {
    let file = try AppendFile(path, header: header)
    for entry in entries {
      file.pending.openObject()
      file.pending.member("kind", entry.kind.rawValue)
      file.pending.member(utc: "at", entry.at)
      file.pending.member("to", entry.to)
      file.pending.member("content", entry.content)
      file.pending.member("outcome", entry.outcome.rawValue)
      file.pending.member("provider", entry.provider)
      file.pending.member("response", entry.response)
      file.pending.closeObject()
      file.pending.append(0x0A)
    }
    try file.close()
  }
}
