import Foundation
import Model
import TestSupport

@testable import Journal

/// Streams of records as they could stand in results, and some that could not: few sends and people, so that the same
/// one is met in every state.
struct RandomRecords {
  var dice: Dice
  private var clock = Sample.morning
  let sends: Int

  init(seed: UInt64, sends: Int = 12) {
    dice = Dice(seed)
    self.sends = sends
  }

  static let campaigns = ["welcome", "old", "códes", "a b"]
  static let people = ["ada@example.com", "Ada@Example.com", "42", "jörg@example.com", "+4915112345678", "x", ""]
  private static let texts = [
    "", "Hello", "Hëllo \u{2028}", "say \"hi\"", "a\\b", "line\nbreak\t\r", "\u{7F}\u{1}",
    "a long subject that goes on and on",
    "\u{1F600}", "/slash/", "\u{8}\u{C}",
  ]

  private mutating func id() -> SendID {
    let n = dice.below(sends)
    return SendID(campaign: "c", step: "s", contact: String(n), channel: .email, key: "")
  }

  private mutating func text() -> String { dice.pick(Self.texts) }
  private mutating func maybeText() -> String? { dice.oneIn(2) ? nil : text() }
  private mutating func maybeInstant() -> Instant? {
    dice.oneIn(3) ? clock + Instant.Span(milliseconds: Int64(dice.below(1_000_000_000))) : nil
  }

  private mutating func attempt() -> Record.Attempt {
    let id = id()
    let number = dice.oneIn(40) ? 70_000 + dice.below(3) : dice.below(4)
    let messageID = dice.pick(["<\(id)@example.com>", "<\(id)@other.example>", "<\(id)@>", "<x@y>", "", "<\(id)"])
    return Record.Attempt(
      id: id, number: number, at: clock, sendAt: clock - .seconds(3), campaign: dice.pick(Self.campaigns),
      step: dice.pick(["intro", "nudge"]), variant: maybeText(), batch: maybeText(), key: dice.oneIn(3) ? text() : "",
      contact: dice.pick(Self.people), channel: dice.oneIn(5) ? .sms : .email, to: dice.pick(Self.people),
      mailbox: dice.pick(["anna", "bob", ""]),
      provider: number == 0 || dice.oneIn(9) ? "" : dice.pick(["relay", "post"]),
      messageID: messageID, subject: maybeText(), expiresAt: maybeInstant(), run: "00112233aabbccdd")
  }

  private mutating func note() -> Record.Note {
    Record.Note(
      id: id(), at: clock, campaign: dice.pick(Self.campaigns), step: dice.pick(["intro", "nudge"]),
      key: dice.oneIn(3) ? text() : "", contact: dice.pick(Self.people), channel: dice.oneIn(5) ? .sms : .email,
      to: dice.pick(Self.people), mailbox: dice.pick(["anna", "bob"]), expiresAt: maybeInstant(), by: maybeText())
  }

  private mutating func result() -> Record.Result {
    let outcome = dice.pick(Record.Outcome.allCases)
    return Record.Result(
      outcome: outcome, reason: outcome == .failed && dice.oneIn(2) ? dice.pick(DeadReason.allCases) : nil,
      code: dice.oneIn(2) ? dice.below(600) : nil, enhancedCode: maybeText(), response: text(),
      providerID: maybeText(), milliseconds: Int64(dice.below(400_000)) - (dice.oneIn(20) ? 500_000 : 0),
      retryAt: outcome == .retry ? maybeInstant() : nil, isBounce: outcome == .failed && dice.oneIn(2))
  }

  mutating func next() -> Record {
    clock += Instant.Span(milliseconds: Int64(dice.below(90_000)))
    switch dice.below(20) {
    case 0:
      return .run(
        .init(id: "00112233aabbccdd", at: clock, plan: "sha256:cc", host: "h", pid: 7, approvedBy: ["ada"]))
    case 1...7: return .intent(attempt())
    case 8...14: return .outcome(attempt(), result())
    case 15, 16: return .released(note(), dice.pick(ReleaseReason.allCases))
    case 17: return .withdrawn(note())
    case 18: return .requeued(note())
    default: return .resolved(note(), dice.pick(Record.Resolution.allCases))
    }
  }

  mutating func records(_ count: Int) -> [Record] { (0..<count).map { _ in next() } }
}

func lines(_ records: [Record]) -> [UInt8] {
  var out = Array((ResultsCodec.header + "\n").utf8)
  for record in records { ResultsCodec.encode(record, to: &out) }
  return out
}

/// Results as the format defines them: a tree a line.
enum ReferenceReader {
  static func all(_ path: String) throws(JournalProblem) -> [Record] {
    var records: [Record] = []
    var reader = try LineReader(path)
    while let line = try reader.next(), line.isEnded {
      let json: JSON
      do { json = try line.json() } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
      if line.number == 1 {
        try FormatVersion.check(json, key: "nightmail_results", path: path)
        continue
      }
      do { records.append(try ResultsCodec.decode(json)) } catch {
        throw .damaged(path: path, line: line.number, message: error.message)
      }
    }
    return records
  }
}
