import Foundation
import Model

/// A plan as it was read from its file.
public struct StoredPlan: Sendable {
  public var header: PlanHeader
  /// In the file's order.
  public var sends: [PlannedSend]
  /// The line, from 1, on which each send stands.
  public var lines: [Int]
  /// `sha256:` and the digest of the file's bytes.
  public var digest: String

  public init(header: PlanHeader, sends: [PlannedSend], lines: [Int], digest: String) {
    self.header = header
    self.sends = sends
    self.lines = lines
    self.digest = digest
  }
}

/// A day's plan on disk.
///
/// **Order of writing.** Copies of inputs first (named by their digest, they harm nobody), then the plan that is to be
/// replaced as `plan.N.jsonl`, then `skipped.jsonl`, then `plan.lines`, and `plan.jsonl` last. Each is written whole
/// or not at all and synced before the next. A crash after `plan.lines` leaves the old plan beside the new list; the
/// list names another plan then, so that no line of the old plan counts as planned and none of the new list as taken
/// out by a person: everything is held until the next `plan`, which finishes the work.
public enum PlanFile {
  public enum Written: Hashable, Sendable {
    /// The same bytes were there already.
    case unchanged
    /// `previous`: the name under which the plan that it replaced is kept.
    case written(previous: String?)
  }

  /// A place at which writing can be cut off, for tests of what a crash leaves behind.
  enum Stage: CaseIterable { case inputs, previous, skipped, lines, plan }

  /// Writes a plan into its day's folder, which is made if it is missing.
  /// - Parameter copies: input files to keep, each with its digest (`sha256:…`) and bytes.
  public static func write(
    _ plan: Plan, to day: DayFolder, copies: [(digest: String, bytes: [UInt8])] = []
  ) throws(JournalProblem) -> Written {
    try write(plan, to: day, copies: copies, after: nil)
  }

  static func write(
    _ plan: Plan, to day: DayFolder, copies: [(digest: String, bytes: [UInt8])],
    after: ((Stage) throws(JournalProblem) -> Void)?
  ) throws(JournalProblem) -> Written {
    try FileSystem.createFolder(day.path)
    if !copies.isEmpty { try FileSystem.createFolder(day.inputsPath) }
    for copy in copies {
      guard let path = day.inputPath(digest: copy.digest), Hex.digest(copy.bytes).hasSuffix(copy.digest) else {
        throw .malformed(
          path: day.inputsPath, line: 0, message: "an input does not have its digest; it changed meanwhile: plan again")
      }
      if !FileSystem.exists(path) { try AtomicFile.write(copy.bytes, to: path) }
    }
    try after?(.inputs)

    let files = try PlanWriter.write(plan, path: day.planPath)
    let skipped = try SkippedFile.write(plan.skipped, path: day.skippedPath)
    let isPlanThere = try files.plan.isThereAlready()
    let isSkippedThere = try skipped.isThereAlready()
    let areLinesThere = try files.lines.isThereAlready()
    if isPlanThere && isSkippedThere && areLinesThere { return .unchanged }

    let previous = isPlanThere ? nil : try keep(day)
    try after?(.previous)
    if !isSkippedThere { try skipped.commit() }
    try after?(.skipped)
    try files.lines.commit()
    try after?(.lines)
    try files.plan.commit()
    try after?(.plan)
    return .written(previous: previous)
  }

  /// Writes a plan to any path (`plan --out FILE`), with its list of lines beside it.
  public static func write(_ plan: Plan, toFile path: String) throws(JournalProblem) {
    let files = try PlanWriter.write(plan, path: path)
    try files.lines.commit()
    try files.plan.commit()
  }

  /// Keeps the current plan, if there is one, under the next number; once, even if writing was cut off after it and
  /// begun again.
  private static func keep(_ day: DayFolder) throws(JournalProblem) -> String? {
    guard FileSystem.exists(day.planPath) else { return nil }
    let last = try day.keptPlans().last ?? 0
    if last > 0, try AtomicFile.areSame("\(day.path)/plan.\(last).jsonl", day.planPath) { return "plan.\(last).jsonl" }
    let name = "plan.\(last + 1).jsonl"
    try AtomicFile.keep(day.planPath, as: "\(day.path)/\(name)")
    return name
  }

  /// Reads a plan. That fewer sends stand in it than its header says is no error: people take lines out.
  public static func read(_ path: String) throws(JournalProblem) -> StoredPlan {
    var sends: [PlannedSend] = []
    var lines: [Int] = []
    var seen: [SendID: Int] = [:]
    let header = try forEach(path) { (send, line) throws(JournalProblem) in
      if let first = seen.updateValue(line, forKey: send.id) {
        throw .malformed(path: path, line: line, message: "the id \(send.id) stands on line \(first) already")
      }
      sends.append(send)
      lines.append(line)
    }
    guard let digest = try AtomicFile.digest(of: path) else { throw .missing(path: path) }
    return StoredPlan(header: header, sends: sends, lines: lines, digest: digest)
  }

  /// Hands each send to `body` with its line, from 1, as it is read; ids that stand twice are not noticed. Blank
  /// lines, which an editor leaves behind, are passed over.
  @discardableResult
  public static func forEach(
    _ path: String, _ body: (PlannedSend, Int) throws(JournalProblem) -> Void
  ) throws(JournalProblem) -> PlanHeader {
    var reader = try LineReader(path)
    var scanner = PlanLineScanner(makesDigests: false, readsSends: true)
    var header: PlanHeader?
    while let line = try reader.next() {
      if line.isBlank { continue }
      if header != nil {
        let send: PlannedSend
        do {
          send = try line.bytes.withUnsafeBufferPointer { (bytes) throws(LineProblem) in try scanner.send(bytes) }
        } catch {
          throw .malformed(path: path, line: line.number, message: error.message)
        }
        try body(send, line.number)
        continue
      }
      header = try decode(line, path) { json throws(LineProblem) in json }.planHeader(path)
    }
    guard let header else {
      throw .malformed(path: path, line: 1, message: "the first line must be a header with 'nightmail_plan'")
    }
    return header
  }

  /// A plan's header alone.
  public static func header(_ path: String) throws(JournalProblem) -> PlanHeader {
    var reader = try LineReader(path)
    guard let line = try reader.next() else {
      throw .malformed(path: path, line: 1, message: "the first line must be a header with 'nightmail_plan'")
    }
    return try decode(line, path) { json throws(LineProblem) in json }.planHeader(path)
  }

  private static func decode<T>(
    _ line: LineReader.Line, _ path: String, _ body: (JSON) throws(LineProblem) -> T
  ) throws(JournalProblem) -> T {
    do { return try body(try line.json()) } catch {
      throw .malformed(path: path, line: line.number, message: error.message)
    }
  }
}

extension JSON {
  fileprivate func planHeader(_ path: String) throws(JournalProblem) -> PlanHeader {
    try FormatVersion.check(self, key: "nightmail_plan", path: path, known: PlanCodec.version)
    do { return try PlanCodec.header(self) } catch {
      throw .malformed(path: path, line: 1, message: error.message)
    }
  }
}
