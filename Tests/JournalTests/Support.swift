import Foundation
import Model
import Testing

@testable import Journal

/// A folder of its own for one test, taken away with it.
final class Scratch {
  let path: String
  init() throws {
    // Thousands of syncs: in memory where there is such a place.
    let shared = "/dev/shm"
    let base = FileManager.default.isWritableFile(atPath: shared) ? shared : NSTemporaryDirectory()
    path = base + "/nightmail-journal-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }

  var output: OutputFolder { OutputFolder(path + "/output") }

  /// Every file below the folder with its bytes.
  func snapshot() throws -> [String: [UInt8]] {
    var files: [String: [UInt8]] = [:]
    for name in try FileManager.default.subpathsOfDirectory(atPath: path) {
      if let bytes = FileManager.default.contents(atPath: path + "/" + name) { files[name] = Array(bytes) }
    }
    return files
  }
}

func bytes(_ path: String) throws -> [UInt8] { try #require(try AtomicFile.read(path)) }
func text(_ path: String) throws -> String { String(decoding: try bytes(path), as: UTF8.self) }
func put(_ text: String, _ path: String) throws { try put(Array(text.utf8), path) }
/// Plainly, as an editor writes.
func put(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

func instant(_ text: String) throws -> Instant { try #require(Instant(text)) }
func date(_ text: String) throws -> CalendarDay { try #require(CalendarDay(text)) }

enum Sample {
  static let berlin = Zone("Europe/Berlin") ?? .utc
  static let day = CalendarDay("2026-11-20") ?? CalendarDay(number: 0)
  static let morning = Instant("2026-11-20T09:00:00+01:00") ?? .distantPast

  static func send(_ n: Int, on day: CalendarDay = day, campaign: String = "welcome") -> PlannedSend {
    let opening = berlin.instant(day, second: 9 * 3600)
    let contact = "c\(n)@example.com"
    return PlannedSend(
      id: SendID(campaign: campaign, step: "intro", contact: contact, channel: .email, key: ""),
      sendAt: opening + .seconds(Int64(n) * 90), open: IntervalSet([Interval(opening, opening + .hours(8))]),
      campaign: campaign, step: "intro", variant: "a", contact: contact, channel: .email, to: contact,
      mailbox: "anna", subject: "Hello \(n)", vars: ["first_name": "N\(n)"])
  }

  /// A line with everything that a line can have.
  static var fullSend: PlannedSend {
    PlannedSend(
      id: SendID(campaign: "codes", step: "code", contact: "42", channel: .email, key: "k \"1\""),
      sendAt: morning + .seconds(12),
      open: IntervalSet([Interval(morning, morning + .hours(1)), Interval(morning + .hours(5), morning + .hours(8))]),
      expiresAt: morning + .hours(20), campaign: "codes", step: "code", contact: "42", channel: .email,
      to: "J\u{00F6}rg@example.com", name: "Jörg \u{2028} \"Y\"", mailbox: "ops", subject: "Code\\1",
      vars: ["b": "2", "a": "1\n"], batch: "codes-1", key: "k \"1\"", text: "Your code is 123.\r\n", html: "<b>123</b>",
      thread: PlannedSend.Thread(references: ["<a@example.com>", "<b@example.com>"], subject: "Code"))
  }

  static func plan(_ sends: [PlannedSend], on day: CalendarDay = day, history: String = "sha256:00") -> Plan {
    var welcome = PlanTotals()
    welcome.planned = sends.count
    welcome.skipped = [.suppressed: 3, .duplicate: 1]
    welcome.deferred = [.mailboxLimit: 12]
    welcome.held = [.inDoubt: 1]
    welcome.waiting = 5
    welcome.ended = 40
    let header = PlanHeader(
      date: day, zone: berlin, tzdata: "2026b", notBefore: berlin.instant(day, second: 0), seed: 7, sends: sends.count,
      inputs: ["settings.yaml": "sha256:aa", "campaigns/welcome/campaign.yaml": "sha256:bb"], history: history,
      campaigns: ["welcome": welcome, "codes": PlanTotals()], broken: [])
    let skipped = [
      SkippedStep(
        contact: "x@example.com", campaign: "welcome", step: "intro", reason: .suppressed, detail: "\"asked\"")
    ]
    return Plan(header: header, sends: sends, skipped: skipped)
  }

  static func attempt(_ send: PlannedSend, _ number: Int = 1, at: Instant = morning) -> Record.Attempt {
    Record.Attempt(
      send, number: number, at: at + Instant.Span(milliseconds: 7), provider: number == 0 ? "" : "relay",
      messageID: number == 0 ? "" : "<\(send.id)@example.com>", run: "00112233aabbccdd")
  }

  /// One record of every kind, with and without what may be absent.
  static var records: [Record] {
    let (a, b, c) = (send(1), send(2), fullSend)
    return [
      .run(
        Record.Run(
          id: "00112233aabbccdd", at: morning, plan: "sha256:cc", host: "mail-1", pid: 4711, approvedBy: ["ada", "bob"])
      ),
      .intent(attempt(a)),
      .outcome(
        attempt(a, at: morning + .seconds(1)),
        Record.Result(
          outcome: .sent, code: 250, enhancedCode: "2.0.0", response: "queued as \"1\"", providerID: "p-1",
          milliseconds: 812)),
      .intent(attempt(c, 2)),
      .outcome(
        attempt(c, 2),
        Record.Result(
          outcome: .retry, code: 451, response: "greylisted\u{7F}", milliseconds: 40, retryAt: morning + .minutes(5))),
      .outcome(attempt(c, 0), Record.Result(outcome: .failed, reason: .expired)),
      .intent(attempt(b)),
      .outcome(
        attempt(b),
        Record.Result(
          outcome: .failed, reason: .rejected, code: 550, enhancedCode: "5.1.1", response: "no such user",
          milliseconds: 9, isBounce: true)),
      .outcome(attempt(b, 2), Record.Result(outcome: .inDoubt, response: "connection lost", milliseconds: 300_000)),
      .released(Record.Note(a, at: morning), .providerUnavailable),
      .withdrawn(Record.Note(b, at: morning, by: "ada")),
      .requeued(Record.Note(c, at: morning, by: "bob")),
      .resolved(Record.Note(c, at: morning + .days(1), by: "bob"), .sent),
    ]
  }
}
