import Model

/// A send that has ended without being sent, or of which nobody can tell: the reason, and everything to replay it.
public struct DeadLetter: Hashable, Sendable {
  public var id: SendID
  public var reason: DeadReason
  public var attempts: Int
  /// What was recorded of it last: an outcome, or the intent that none followed.
  public var last: Record
  /// Its line of the plan; nil where no plan of the day has it any more.
  public var send: PlannedSend?

  public init(id: SendID, reason: DeadReason, attempts: Int, last: Record, send: PlannedSend?) {
    self.id = id
    self.reason = reason
    self.attempts = attempts
    self.last = last
    self.send = send
  }
}

/// A day's dead letters, derived from its results: the file can be thrown away and made again.
///
/// `requeued` and `resolved` belong into the results of the day whose dead letter they settle.
public struct DeadLetters: Sendable {
  private var history = History()
  private var last: [SendID: Record] = [:]

  public init() {}

  /// Takes the day's records in their order.
  public mutating func apply(_ record: Record) {
    history.apply(record)
    switch record {
    case .outcome(let attempt, let result):
      last[attempt.id] = result.outcome == .failed || result.outcome == .inDoubt ? record : nil
    case .intent(let attempt): last[attempt.id] = record
    case .run, .released, .withdrawn, .requeued, .resolved: return
    }
  }

  /// The ids whose plan lines `derive` needs.
  public func ids(runIsLive: Bool = false) -> Set<SendID> {
    Set(last.keys.filter { reason(of: $0, runIsLive: runIsLive) != nil })
  }

  /// The dead letters so far, in order of their last record's time, then id.
  /// - Parameter runIsLive: an intent without an outcome is in flight, not in doubt.
  public func derive(lines: [SendID: PlannedSend], runIsLive: Bool = false) -> [DeadLetter] {
    var letters: [DeadLetter] = []
    for (id, record) in last {
      guard let reason = reason(of: id, runIsLive: runIsLive) else { continue }
      letters.append(
        DeadLetter(
          id: id, reason: reason, attempts: history.sends[id]?.attempts ?? 0, last: record, send: lines[id]))
    }
    return letters.sorted { ($0.last.at, $0.id) < ($1.last.at, $1.id) }
  }

  private func reason(of id: SendID, runIsLive: Bool) -> DeadReason? {
    switch history.sends[id]?.state {
    case .dead(let reason): reason
    case .inDoubt: .inDoubt
    case .inFlight: runIsLive ? nil : .inDoubt
    default: nil
    }
  }

  /// Derives a day's dead letters from what is on disk.
  public static func read(_ day: DayFolder, runIsLive: Bool = false) throws(JournalProblem) -> [DeadLetter] {
    var fold = DeadLetters()
    // Few sends can have a letter: the others' records are looked at as they lie.
    let candidates = try DeadLetterCandidates.read(day)
    if !candidates.isEmpty {
      try ResultsReader.forEachFlat(in: day) { record, bytes in
        if candidates.contains(record.id) { fold.apply(record.record(in: bytes)) }
      }
    }
    let lines = try planLines(of: fold.ids(runIsLive: runIsLive), in: day)
    return fold.derive(lines: lines, runIsLive: runIsLive)
  }

  /// Derives a day's dead letters and writes their file.
  /// - Parameter zone: the project's; times of the plan lines are written on its clock.
  @discardableResult
  public static func rebuild(
    _ day: DayFolder, zone: Zone, runIsLive: Bool = false
  ) throws(JournalProblem) -> [DeadLetter] {
    let letters = try read(day, runIsLive: runIsLive)
    try write(letters, zone: zone, to: day.deadLettersPath)
    return letters
  }

  /// The plan lines of some sends, from the day's plan and those it replaced, the newest first.
  public static func planLines(
    of ids: Set<SendID>, in day: DayFolder
  ) throws(JournalProblem) -> [SendID: PlannedSend] {
    var lines: [SendID: PlannedSend] = [:]
    for path in try day.planPaths() where lines.count < ids.count {
      try PlanFile.forEach(path) { (send, _) throws(JournalProblem) in
        if ids.contains(send.id), lines[send.id] == nil { lines[send.id] = send }
      }
    }
    return lines
  }

  public static func write(_ letters: [DeadLetter], zone: Zone, to path: String) throws(JournalProblem) {
    var out: [UInt8] = []
    out.text("{\"nightmail_dead_letters\":1}\n")
    for letter in letters {
      out.openObject()
      out.member("id", letter.id.text)
      out.member("reason", letter.reason.rawValue)
      out.member("attempts", letter.attempts)
      out.key("last")
      ResultsCodec.encodeObject(letter.last, to: &out)
      if let send = letter.send {
        out.key("send")
        PlanCodec.encode(send, zone: zone, to: &out)
      }
      out.closeObject()
      out.append(0x0A)
    }
    try AtomicFile.write(out, to: path)
  }

  /// Reads a file of dead letters; none if there is no file.
  public static func readFile(_ path: String) throws(JournalProblem) -> [DeadLetter] {
    var reader: LineReader
    do { reader = try LineReader(path) } catch .missing { return [] }
    var letters: [DeadLetter] = []
    while let line = try reader.next() {
      let json: JSON
      do { json = try line.json() } catch {
        throw .malformed(path: path, line: line.number, message: error.message)
      }
      if line.number == 1 {
        try FormatVersion.check(json, key: "nightmail_dead_letters", path: path)
        continue
      }
      do {
        let fields = try Fields(json, ["id", "reason", "attempts", "last", "send"], what: "a dead letter")
        var send: PlannedSend?
        if let value = fields["send"] { send = try PlanCodec.send(value) }
        letters.append(
          DeadLetter(
            id: try fields.id(), reason: try fields.word("reason", DeadReason.self),
            attempts: try fields.count("attempts"), last: try ResultsCodec.decode(try fields.need("last")), send: send))
      } catch {
        throw .malformed(path: path, line: line.number, message: error.message)
      }
    }
    return letters
  }
}

/// The sends that may have a dead letter: those of which an outcome says so, and those whose intent none has followed.
private struct DeadLetterCandidates {
  private var ended: Set<SendID> = []
  private var open: Set<SendID> = []

  static func read(_ day: DayFolder) throws(JournalProblem) -> Set<SendID> {
    var candidates = DeadLetterCandidates()
    try ResultsReader.forEachFlat(in: day) { record, _ in candidates.take(record) }
    return candidates.ended.union(candidates.open)
  }

  private mutating func take(_ record: FlatRecord) {
    switch record.kind {
    case .intent: open.insert(record.id)
    case .outcome:
      open.remove(record.id)
      if record.outcome == .failed || record.outcome == .inDoubt { ended.insert(record.id) }
    case .requeued, .resolved: open.remove(record.id)
    case .released, .withdrawn: break
    }
  }
}
