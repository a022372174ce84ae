import Delivery
import Journal
import Logging
import Model

/// Records go to the results, and what became of each send to the log: the same ids in both, so that a line of the log
/// leads to `status --id` and back. What is delivered leaves its rows once that is on disk.
final class AttemptLog: RecordSink {
  private let results: ResultsWriter
  private let rows: SentRowsWriter?
  private let log: Logger

  init(_ results: ResultsWriter, _ rows: SentRowsWriter?, _ log: Logger) {
    self.results = results
    self.rows = rows
    self.log = log
  }

  func append(_ record: Record) throws {
    results.append(record)
    rows?.take(record)
    guard log.logLevel <= .info else { return }
    switch record {
    case .outcome(let attempt, let result): tell(attempt, result)
    case .released(let note, let reason):
      log.info(
        "\(note.campaign)/\(note.step) to \(note.to): released (\(reason.rawValue))",
        metadata: ["send": "\(note.id)", "campaign": "\(note.campaign)", "step": "\(note.step)"])
    case .intent, .run, .withdrawn, .requeued, .resolved: break
    }
  }

  private func tell(_ attempt: Record.Attempt, _ result: Record.Result) {
    var metadata: Logger.Metadata = [
      "send": "\(attempt.id)", "campaign": "\(attempt.campaign)", "step": "\(attempt.step)",
      "mailbox": "\(attempt.mailbox)", "outcome": "\(result.outcome.rawValue)",
    ]
    if let batch = attempt.batch { metadata["batch"] = "\(batch)" }
    if attempt.number > 0 {
      metadata["attempt"] = "\(attempt.number)"
      metadata["provider"] = "\(attempt.provider)"
      metadata["ms"] = "\(result.milliseconds)"
    }
    let reply = [result.code.map(String.init), result.enhancedCode, result.response].compactMap { $0 }
      .filter { !$0.isEmpty }.joined(separator: " ")
    let way = attempt.number > 0 ? " through \(attempt.provider)" : ""
    let why = result.reason.map { " (\($0.rawValue))" } ?? ""
    log.info(
      "\(attempt.campaign)/\(attempt.step) to \(attempt.to)\(way): \(result.outcome.rawValue)\(why)\(reply.isEmpty ? "" : ", \(reply)")",
      metadata: metadata)
  }

  func commit() throws {
    try results.commit()
    rows?.commitBegins()
    rows?.commitEnded()
  }

  func beginCommit(done: @escaping @Sendable () -> Void) throws -> Bool {
    guard try results.beginCommit(done: done) else { return false }
    rows?.commitBegins()
    return true
  }

  func endCommit() throws -> Bool {
    guard try results.endCommit() else { return false }
    rows?.commitEnded()
    return true
  }
}
