import Model

/// Writes what is kept of a day: its records once through for the counts, once for the lines.
struct PrunedDayWriter {
  let output: OutputFolder
  let key: NameKey
  /// By name; most names come several times in a row.
  private var tokens: [String: String] = [:]

  init(_ output: OutputFolder, _ key: NameKey) {
    self.output = output
    self.key = key
  }

  /// Writes the file whole, synced, in its place. Of a day that was pruned before and sent on since, both are kept.
  mutating func write(
    _ day: DayFolder, after earlier: PrunedDay?, at now: Instant
  ) throws(JournalProblem) {
    var header = PrunedDay(
      date: day.date, prunedAt: now, key: key.fingerprint, files: earlier?.files ?? [],
      campaigns: earlier?.campaigns ?? [:])
    var isNew = true
    if let earlier { isNew = try !earlier.unkept(day).isEmpty }
    let paths = try day.resultsPaths()
    if isNew {
      for path in paths {
        guard let size = FileStamp(path)?.size, let digest = try AtomicFile.digest(of: path) else { continue }
        let file = PrunedDay.File(name: FileSystem.name(of: path), size: size, digest: digest)
        if !header.files.contains(file) { header.files.append(file) }
      }
      try count(day, into: &header)
    }
    try FileSystem.createFolder(output.prunedPath)
    let path = output.prunedPath(day.date)
    let file = try AtomicFileWriter(path: path)
    var line: [UInt8] = []
    header.json.write(to: &line)
    line.append(0x0A)
    try file.write(line)
    if earlier != nil {
      try ResultsReader.forEach(path, header: PrunedDay.header) { (record) throws(JournalProblem) in
        try file.write(encoded(record))
      }
    }
    if isNew {
      try ResultsReader.forEach(in: day) { (record) throws(JournalProblem) in
        if let kept = self.kept(record) { try file.write(self.encoded(kept)) }
      }
    }
    try file.commit()
  }

  private func encoded(_ record: Record) -> [UInt8] {
    var line: [UInt8] = []
    ResultsCodec.encode(record, to: &line)
    return line
  }

  private func count(_ day: DayFolder, into header: inout PrunedDay) throws(JournalProblem) {
    var history = History()
    try ResultsReader.forEachFlat(in: day) { history.fold($0, $1) }
    // An old plan that is whole no more takes nothing from what the results tell.
    if let plan = try? PlanFile.header(day.planPath) {
      for (campaign, totals) in plan.campaigns {
        header.campaigns[campaign, default: .init()].planned += totals.planned
      }
    }
    for record in history.sends.values {
      switch record.state {
      case .sent: header.campaigns[record.campaign, default: .init()].sent += 1
      case .dead, .dropped, .withdrawn, .inDoubt, .inFlight:
        header.campaigns[record.campaign, default: .init()].unsent += 1
      case .pending, .waiting: header.campaigns[record.campaign, default: .init()].released += 1
      }
    }
  }

  // MARK: What is left of a record

  private mutating func token(_ name: String) -> String {
    if let known = tokens[name] { return known }
    if tokens.count >= 100_000 { tokens.removeAll(keepingCapacity: true) }
    let token = key.token(name)
    tokens[name] = token
    return token
  }

  /// Of an address its canonical spelling's, by which it is looked for.
  private mutating func token(to: String) -> String { token(EmailAddress.canonical(of: to)) }

  private mutating func kept(_ record: Record) -> Record? {
    switch record {
    case .run: nil
    case .intent(let attempt): .intent(kept(attempt))
    case .outcome(let attempt, let result):
      .outcome(
        kept(attempt),
        Record.Result(
          outcome: result.outcome, reason: result.reason, code: result.code,
          response: result.isBounce ? Self.codes(result.response) : "", retryAt: result.retryAt,
          isBounce: result.isBounce))
    case .released(let note, let reason): .released(kept(note), reason)
    case .withdrawn(let note): .withdrawn(kept(note))
    case .requeued(let note): .requeued(kept(note))
    case .resolved(let note, let resolution): .resolved(kept(note), resolution)
    }
  }

  private mutating func kept(_ a: Record.Attempt) -> Record.Attempt {
    Record.Attempt(
      id: a.id, number: a.number, at: a.at, sendAt: a.sendAt, campaign: a.campaign, step: a.step, variant: nil,
      batch: nil, key: a.key, contact: token(a.contact), channel: a.channel, to: token(to: a.to), mailbox: a.mailbox,
      provider: a.provider, messageID: a.messageID, subject: a.subject, expiresAt: a.expiresAt, run: "")
  }

  private mutating func kept(_ note: Record.Note) -> Record.Note {
    var note = note
    note.contact = token(note.contact)
    note.to = token(to: note.to)
    note.by = nil
    return note
  }

  /// The reply code and the enhanced one at the beginning of what a server said: the rest of it may name the person.
  static func codes(_ response: String) -> String {
    func isCode(_ word: Substring) -> Bool {
      word.utf8.count == 3 && word.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    }
    func isEnhanced(_ word: Substring) -> Bool {
      let parts = word.split(separator: ".", omittingEmptySubsequences: false)
      return parts.count == 3
        && parts.allSatisfy { (1...3).contains($0.utf8.count) && $0.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 } }
    }
    let words = response.prefix(20).split(whereSeparator: { $0 == " " || $0 == "-" }).prefix(2)
    var codes = words.prefix(while: { isCode($0) || isEnhanced($0) })
    if codes.count == 2, isCode(codes[codes.startIndex + 1]) { codes.removeLast() }
    return codes.joined(separator: " ")
  }
}
