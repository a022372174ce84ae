import Model

/// Appends records to a day's results. What `commit` returned from survives a crash and a power cut: the executor
/// writes the byte that could complete a message only after the intent's `commit` (DESIGN §4.5).
///
/// Whoever opens one holds the day's lock.
public final class ResultsWriter {
  private let file: AppendFile

  public var path: String { file.path }
  /// Bytes of a torn last line that were cut off on opening: a record whose `commit` never returned.
  public var cut: Int { file.cut }
  /// Whether a write failed; nothing more can be recorded through this writer.
  public var isStopped: Bool { file.isStopped }

  /// Opens the file, or makes it with its header. One torn last line is cut off; any other damage is refused with
  /// its line, since what follows it could not be trusted.
  /// - Parameter checked: files that the caller, who holds the lock, has just read without a problem.
  public init(path: String, checked: [String] = []) throws(JournalProblem) {
    if FileSystem.exists(path), !checked.contains(path) { try ParallelResults.read(path) { _ in } }
    file = try AppendFile(path, header: ResultsCodec.header)
  }

  init(_ file: AppendFile) { self.file = file }

  /// Keeps a record for the next `commit`; touches no disk.
  public func append(_ record: Record) { ResultsCodec.encode(record, to: &file.pending) }

  /// Writes what was appended and waits until it is on disk.
  /// - Throws: `.system` when it could not be written (disk full, …). From then on every call throws `.stopped`: what
  ///   was appended must count as not recorded, and no attempt may go on that needs its intent.
  public func commit() throws(JournalProblem) { try file.commit() }

  /// Begins a commit on another thread, one at a time; what is appended meanwhile belongs to the next.
  /// - Parameter done: called there when it has ended.
  /// - Returns: true: this writer can.
  public func beginCommit(done: @escaping @Sendable () -> Void) throws(JournalProblem) -> Bool {
    try file.beginCommit(done: done)
    return true
  }

  /// Whether the commit that was begun is on disk.
  /// - Throws: as `commit` does.
  public func endCommit() throws(JournalProblem) -> Bool { try file.endCommit() }

  /// Commits and closes.
  public func close() throws(JournalProblem) { try file.close() }
}

/// Reads results in pieces. A last line without a line break is torn and passed over - what was to be recorded had not
/// been said to be - and nothing else is tolerated.
public enum ResultsReader {
  /// Hands each record to `body` in the file's order.
  /// - Throws: `.missing` without the file, `.damaged` with the line of what is no record.
  public static func forEach(
    _ path: String, _ body: (Record) throws(JournalProblem) -> Void
  ) throws(JournalProblem) {
    try forEach(path, header: ResultsCodec.key, body)
  }

  static func forEach(
    _ path: String, header: String, _ body: (Record) throws(JournalProblem) -> Void
  ) throws(JournalProblem) {
    var reader = try ResultsBatchReader(path, header: header)
    while let batch = try reader.next() {
      var runs = batch.runs[...]
      for i in 0...batch.records.count {
        while let run = runs.first, run.before == i {
          try body(.run(run.run))
          runs.removeFirst()
        }
        if i < batch.records.count { try body(batch.record(i)) }
      }
      if let problem = batch.problem { throw problem }
    }
  }

  /// All records of a file.
  public static func all(_ path: String) throws(JournalProblem) -> [Record] {
    var records: [Record] = []
    try forEach(path) { records.append($0) }
    return records
  }

  /// Hands each record of a day to `body`: those of `results.jsonl` and of the shards' files together, each file in
  /// its own order and the files by the time of their records.
  public static func forEach(
    in day: DayFolder, _ body: (Record) throws(JournalProblem) -> Void
  ) throws(JournalProblem) {
    let paths = try day.resultsPaths()
    guard paths.count > 1 else {
      for path in paths { try forEach(path, body) }
      return
    }
    var merge = try ResultsMerge(paths)
    while let place = try merge.next() {
      if let run = place.run { try body(.run(run)) } else { try body(place.batch.record(place.record)) }
    }
  }

  /// The same of a day's records about sends as they lie in a buffer, which is valid during the call: for whoever has to
  /// look at millions.
  /// - Parameter run: is handed the runs between them.
  package static func forEachFlat(
    in day: DayFolder, run: (Record.Run) -> Void = { _ in }, _ body: (FlatRecord, UnsafeBufferPointer<UInt8>) -> Void
  ) throws(JournalProblem) {
    let paths = try day.resultsPaths()
    guard paths.count > 1 else {
      for path in paths {
        try ParallelResults.read(path) { batch in
          var runs = batch.runs[...]
          batch.bytes.withUnsafeBufferPointer { bytes in
            for (i, record) in batch.records.enumerated() {
              while let next = runs.first, next.before == i {
                run(next.run)
                runs.removeFirst()
              }
              body(record, bytes)
            }
          }
          for next in runs { run(next.run) }
        }
      }
      return
    }
    var merge = try ResultsMerge(paths)
    while let place = try merge.next() {
      if let began = place.run {
        run(began)
      } else {
        place.batch.bytes.withUnsafeBufferPointer { body(place.batch.records[place.record], $0) }
      }
    }
  }
}

extension Record {
  /// The send that it is about; nil for a run.
  public var send: (id: SendID, campaign: String, key: String)? {
    switch self {
    case .run: nil
    case .intent(let attempt), .outcome(let attempt, _): (attempt.id, attempt.campaign, attempt.key)
    case .released(let note, _), .withdrawn(let note), .requeued(let note), .resolved(let note, _):
      (note.id, note.campaign, note.key)
    }
  }

  /// When it was recorded.
  public var at: Instant {
    switch self {
    case .run(let run): run.at
    case .intent(let attempt), .outcome(let attempt, _): attempt.at
    case .released(let note, _), .withdrawn(let note), .requeued(let note), .resolved(let note, _): note.at
    }
  }
}
