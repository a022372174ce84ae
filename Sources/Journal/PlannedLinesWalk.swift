import Model

/// Goes through a plan's list of lines in step with the plan, which nearly always has the same order: what a line was
/// planned as is told without the list being held. Where they part - lines were deleted, or moved - what is passed over
/// is remembered until it is asked for.
struct PlannedLinesWalk {
  /// The digest of the plan's bytes as they were written.
  let plan: String
  /// The digest of the plan's bytes by which it is known not to have been edited (`PlanPieces`); nil in lists that were
  /// written without it.
  let bytes: String?
  private var reader: LineReader
  private var kinds: PlannedLinesReader
  private var passed: [SendID: (digest: LineDigest.Short, line: Int)] = [:]
  private var hasLines = false
  /// Of version 1, whose digests are of another kind.
  private let old: PlannedLines?

  init(planPath: String, header: PlanHeader) throws(JournalProblem) {
    let path = PlannedLines.path(forPlan: planPath)
    do { reader = try LineReader(path) } catch .missing { throw .interrupted(path: planPath) }
    guard let first = try reader.next() else { throw .interrupted(path: planPath) }
    kinds = try PlannedLines.open(first, path: path, planPath: planPath, header: header)
    plan = kinds.plan
    bytes = kinds.bytes
    old = kinds.version == 1 ? try PlannedLines.read(planPath: planPath, header: header) : nil
  }

  /// Whether verdicts need the whole of a send.
  var needsSends: Bool { old != nil }
  func verdict(on send: PlannedSend) -> PlannedLines.Verdict { old?.verdict(on: send) ?? .added }

  mutating func verdict(_ id: SendID, _ digest: LineDigest.Short) throws(JournalProblem) -> PlannedLines.Verdict {
    if !passed.isEmpty, let known = passed.removeValue(forKey: id) {
      return known.digest == digest ? .asPlanned : .changed
    }
    while let next = try next() {
      if next.id == id { return next.digest == digest ? .asPlanned : .changed }
      try pass(next)
    }
    return .added
  }

  /// Reads what is left of the list.
  /// - Parameter isInPlan: whether the plan has a line of this id, whose place in the list was asked for.
  mutating func finish(isInPlan: (SendID) -> Bool) throws(JournalProblem) {
    guard old == nil else { return }
    while let next = try next() { try pass(next) }
    for (id, place) in passed where isInPlan(id) {
      throw problem(place.line, "the id \(id) stands twice")
    }
  }

  private typealias Entry = (id: SendID, digest: LineDigest.Short, line: Int)

  private mutating func pass(_ entry: Entry) throws(JournalProblem) {
    if passed.updateValue((entry.digest, entry.line), forKey: entry.id) != nil {
      throw problem(entry.line, "the id \(entry.id) stands twice")
    }
  }

  private func problem(_ line: Int, _ message: String) -> JournalProblem {
    .malformed(path: reader.path, line: line, message: message)
  }

  private mutating func next() throws(JournalProblem) -> Entry? {
    while let line = try reader.next() {
      let found = line.bytes.withUnsafeBufferPointer { Self.scan($0, kinds: kinds.kindCount) }
      if let found {
        hasLines = true
        return (found.id, found.digest, line.number)
      }
      do {
        let json = try line.json()
        guard let values = json.array else {
          if hasLines { throw LineProblem("'kind' counts up from 0, before the first line") }
          try kinds.addKind(json)
          continue
        }
        let planned = try kinds.line(values)
        hasLines = true
        // A digest of another form is none that a line can have.
        let digest = SendID(planned.digest)
        return (
          planned.id, LineDigest.Short(high: digest?.high ?? 0, low: digest?.low ?? 0), line.number
        )
      } catch let problem as LineProblem {
        throw self.problem(line.number, problem.message)
      } catch {
        throw problem(line.number, "\(error)")
      }
    }
    return nil
  }

  /// `["id","digest",kind,"contact"…]` as `LineEncoder` writes it; nil for any other look.
  private static func scan(
    _ line: UnsafeBufferPointer<UInt8>, kinds: Int
  ) -> (id: SendID, digest: LineDigest.Short)? {
    guard let base = line.baseAddress, line.count > 74, line[0] == 0x5B, line[1] == 0x22, line[34] == 0x22,
      line[35] == 0x2C, line[36] == 0x22, line[69] == 0x22, line[70] == 0x2C,
      let id = SendID(hex: UnsafeBufferPointer(start: base + 2, count: 32)),
      let digest = SendID(hex: UnsafeBufferPointer(start: base + 37, count: 32))
    else { return nil }
    var at = 71
    var kind = 0
    while at < line.count, at < 81, line[at] >= 0x30, line[at] <= 0x39 {
      kind = kind * 10 + Int(line[at] - 0x30)
      at += 1
    }
    guard at > 71, at == 72 || line[71] != 0x30, kind < kinds else { return nil }
    var texts = 0
    while at < line.count, line[at] == 0x2C, texts < 3 {
      at += 1
      guard at < line.count else { return nil }
      if texts == 1, line.count - at > 4, line[at] == 0x6E {
        guard line[at + 1] == 0x75, line[at + 2] == 0x6C, line[at + 3] == 0x6C else { return nil }
        at += 4
      } else {
        guard line[at] == 0x22 else { return nil }
        at = PlainText.skip(base, from: at + 1, to: line.count)
        // Escapes and what lies outside ASCII are left to the tree.
        while at < line.count, line[at] >= 0x20, line[at] < 0x80, line[at] != 0x22, line[at] != 0x5C { at += 1 }
        guard at < line.count, line[at] == 0x22 else { return nil }
        at += 1
      }
      texts += 1
    }
    guard texts > 0, at + 1 == line.count, line[at] == 0x5D else { return nil }
    return (id, LineDigest.Short(high: digest.high, low: digest.low))
  }
}
