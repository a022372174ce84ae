import Foundation
import Journal
import Model
import TestSupport

/// How long `send` takes from its start to its first outcome, and the most memory that a whole start has had: of a fresh
/// plan, and after nine lines in ten have an intent and an outcome. Each run is stopped by a signal once it is under way.
struct StartBenchmark {
  var lines: Int
  private static let day = "2026-11-23"

  private struct Start {
    var first: Double
    var peak: Double
    var end: Double
  }

  func run() throws {
    // One in fifty contacts is suppressed.
    let project = try BenchmarkProject.make(
      contacts: lines + lines / 49, mailboxes: max(1, lines / 1000), limit: 2400, gap: "", window: "always")
    let common = [Self.day, "--rehearse", "--project", project.path]
    _ = try Shell.run(Benchmarks.nightmail, ["plan", "--quiet", "--date"] + common, limit: 300)
    guard let date = CalendarDay(Self.day) else { return }
    let day = OutputFolder(project.file("output")).rehearsal.day(date)
    print("\nstart: \(try PlanFile.header(day.planPath).sends) lines; medians of 3\n")
    Benchmarks.row("", ["first s", "stopped s", "peak MiB"])
    try row("send, until its first outcome") {
      for path in try day.resultsPaths() { try FileManager.default.removeItem(atPath: path) }
      return try start(day, common)
    }
    for path in try day.resultsPaths() { try FileManager.default.removeItem(atPath: path) }
    let results = try write(to: day)
    try row("after nine in ten were sent") {
      try? FileManager.default.removeItem(atPath: day.resultsPath)
      try FileManager.default.copyItem(atPath: results, toPath: day.resultsPath)
      return try start(day, common)
    }
  }

  private func row(_ name: String, _ start: () throws -> Start) throws {
    var starts: [Start] = []
    for _ in 0..<3 { starts.append(try start()) }
    Benchmarks.row(
      name,
      [\.first, \.end, \.peak].map { (path: KeyPath<Start, Double>) in
        Benchmarks.fixed(Benchmarks.median(starts.map { $0[keyPath: path] }))
      })
  }

  private func start(_ day: DayFolder, _ common: [String]) throws -> Start {
    let before = try FileHandle(forReadingAtPath: day.resultsPath)?.seekToEnd() ?? 0
    let clock = ContinuousClock()
    let began = clock.now
    var first: ContinuousClock.Instant?
    let program = Program(path: Benchmarks.nightmail, arguments: ["send", "--quiet", "--grace", "5s"] + common)
    // 4: stopped early.
    let measured = try program.run(exitCodes: [0, 4]) { pid in
      while clock.now - began < .seconds(120), kill(pid, 0) == 0 {
        if Self.hasOutcome(day.resultsPath, from: before) {
          first = clock.now
          break
        }
        usleep(1000)
      }
      kill(pid, SIGTERM)
    }
    guard let first else { throw Program.Failed(description: "no outcome in two minutes") }
    return Start(first: Double((first - began) / .microseconds(1)) / 1e6, peak: measured.peak, end: measured.wall)
  }

  private static func hasOutcome(_ path: String, from offset: UInt64) -> Bool {
    guard let file = FileHandle(forReadingAtPath: path) else { return false }
    defer { try? file.close() }
    guard (try? file.seek(toOffset: offset)) != nil, let data = try? file.read(upToCount: 1 << 18) else { return false }
    return data.range(of: Data("\"kind\":\"outcome\"".utf8)) != nil
  }

  /// Results of a run that sent nine lines in ten, in a file beside the day's.
  private func write(to day: DayFolder) throws -> String {
    let path = day.path + "/earlier"
    let writer = try ResultsWriter(path: path)
    let run = "00000000000000b1"
    writer.append(
      .run(
        Record.Run(
          id: run, at: Instant(milliseconds: 1_795_000_000_000), plan: day.planPath, host: "benchmark", pid: 1,
          approvedBy: [])))
    var n = 0
    try PlanFile.forEach(day.planPath) { (send, _) throws(JournalProblem) in
      n += 1
      if n % 5000 == 0 { try writer.commit() }
      if n % 10 == 0 { return }
      var attempt = Record.Attempt(
        send, number: 1, at: send.sendAt, provider: "main", messageID: "<\(send.id.text)@sender.example>", run: run)
      writer.append(.intent(attempt))
      attempt.at = send.sendAt + Instant.Span(milliseconds: 180)
      writer.append(
        .outcome(
          attempt,
          Record.Result(
            outcome: .sent, code: 250, enhancedCode: "2.0.0", response: "2.0.0 Ok: queued as 4F2B81C0A3",
            milliseconds: 180)))
    }
    try writer.close()
    return path
  }
}
