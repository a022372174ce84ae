import Journal
import Model

/// How a run of `send` ended: kept in `output/last-run.json`, since results tell what became of sends and not whether the
/// run did all that it had to do.
public struct RunEnd: Hashable, Sendable {
  public var at: Instant
  /// As in the results.
  public var run: String
  public var exitCode: Int32

  public init(at: Instant, run: String, exitCode: Int32) {
    self.at = at
    self.run = run
    self.exitCode = exitCode
  }

  /// 0, and 3: dead letters are no fault of the run.
  public var isSuccess: Bool { exitCode == 0 || exitCode == 3 }

  /// The last run, and when one last was a success.
  public struct Last: Hashable, Sendable {
    public var end: RunEnd?
    public var success: Instant?

    public init(end: RunEnd? = nil, success: Instant? = nil) {
      self.end = end
      self.success = success
    }

    private static func path(_ output: OutputFolder) -> String { output.path + "/last-run.json" }

    /// Nothing where there is no file, or one that tells nothing.
    public static func read(_ output: OutputFolder) -> Last {
      guard let bytes = try? AtomicFile.read(path(output)), let json = try? JSON(parsing: bytes),
        json["nightmail_last_run"]?.integer == 1
      else { return Last() }
      var last = Last(success: json["success"]?.string.flatMap { Instant($0) })
      if let at = json["at"]?.string.flatMap({ Instant($0) }), let run = json["run"]?.string,
        let code = json["exit_code"]?.integer
      {
        last.end = RunEnd(at: at, run: run, exitCode: Int32(clamping: code))
      }
      return last
    }

    /// Notes a run's end, and keeps it.
    public mutating func note(_ end: RunEnd, in output: OutputFolder) throws(JournalProblem) {
      self.end = end
      if end.isSuccess { success = end.at }
      let json = JSON.members(
        ("nightmail_last_run", .integer(1)), ("at", .string(Zone.utc.format(end.at))), ("run", .string(end.run)),
        ("exit_code", .integer(Int64(end.exitCode))), ("success", success.map { .string(Zone.utc.format($0)) }))
      try AtomicFile.write(Array((json.text + "\n").utf8), to: Self.path(output))
    }
  }
}
