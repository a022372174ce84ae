import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// What a scanner says of a line, in words of its own tables.
private struct Said: Hashable {
  var entry: PlanEntry
  var kind: PlanIndex.Kind
  var domain: String?
  var problem: LineProblem?

  /// By the fast way where the line allows it.
  static func reading(_ line: [UInt8], _ scanner: inout PlanLineScanner) -> Result<Said, LineProblem> {
    line.withUnsafeBufferPointer { bytes in
      Result { () throws(LineProblem) in Said(try scanner.read(bytes), scanner) }
    }
  }

  /// By the tree.
  static func plainly(_ line: [UInt8], _ scanner: inout PlanLineScanner) -> Result<Said, LineProblem> {
    Result { () throws(LineProblem) in
      Said(scanner.entry(of: try PlanCodec.send(try LineReader.Line.json(line))), scanner)
    }
  }

  private init(_ entry: PlanEntry, _ scanner: borrowing PlanLineScanner) {
    kind = scanner.kinds[Int(entry.kind)]
    domain = entry.domain < 0 ? nil : scanner.domains.names[Int(entry.domain)] ?? "-"
    self.entry = entry
    self.entry.kind = 0
    self.entry.domain = 0
  }
}

private func lines(_ sends: [PlannedSend], zone: Zone) -> [[UInt8]] {
  sends.map { send in
    var line: [UInt8] = []
    PlanCodec.encode(send, zone: zone, to: &line)
    return line
  }
}

@Suite struct PlanScannerTests {
  @Test(arguments: 1...12 as ClosedRange<UInt64>) func whatIsWrittenIsReadAsTheTreeReadsIt(seed: UInt64) throws {
    var dice = Dice(seed)
    let zone = dice.pick([Sample.berlin, Zone("America/St_Johns") ?? .utc, .utc])
    var fast = PlanLineScanner()
    var plain = PlanLineScanner()
    var reader = PlanLineScanner(makesDigests: false, readsSends: true)
    for _ in 0..<150 {
      let send = anySend(&dice)
      // Twice: the second time its shape is known.
      for _ in 0..<2 {
        let line = lines([send], zone: zone)[0]
        let said = Said.reading(line, &fast)
        #expect(said == Said.plainly(line, &plain), "\(String(decoding: line, as: UTF8.self))")
        #expect(try said.get().entry.digest.text == LineDigest.planned(send))
        #expect(try line.withUnsafeBufferPointer { try reader.send($0) } == send)
      }
    }
  }

  @Test func theUsualLineIsNotReadTheLongWay() throws {
    var scanner = PlanLineScanner()
    var plain = Sample.fullSend
    plain.name = "Jörg \"Y\""
    for line in lines((0..<20).map { Sample.send($0) } + [plain], zone: Sample.berlin) {
      _ = try Said.reading(line, &scanner).get()
    }
    #expect(scanner.slow == 0)
  }

  @Test(arguments: 1...8 as ClosedRange<UInt64>) func aDamagedLineIsReadOrRefusedAsTheTreeDoes(seed: UInt64) {
    var dice = Dice(seed &+ 99)
    var fast = PlanLineScanner()
    var plain = PlanLineScanner()
    var reader = PlanLineScanner(makesDigests: false, readsSends: true)
    var accepted = 0
    for round in 0..<1500 {
      let send = dice.oneIn(2) ? Sample.send(dice.below(5)) : dice.oneIn(2) ? Sample.fullSend : anySend(&dice)
      let whole = lines([send], zone: Sample.berlin)[0]
      _ = Said.reading(whole, &fast)
      var line = whole
      let at = dice.below(line.count)
      let inserts = [
        " ", "\"", "\\", ",", "\u{0}", "0", "\\u0041", "\\n", "\u{E9}", "}", ",\"x\":1", "null", "-", "Z", ":", "[",
      ]
      switch dice.below(6) {
      case 0: line[at] = UInt8(dice.below(256))
      case 1: line.insert(contentsOf: Array(dice.pick(inserts).utf8), at: at)
      case 2: line.remove(at: at)
      case 3: line.removeSubrange(at..<min(line.count, at + dice.below(20)))
      case 4: line.append(contentsOf: Array(dice.pick([" ", "\r", "x", "}"]).utf8))
      default:
        // Two members change places.
        var members = String(decoding: line.dropFirst().dropLast(), as: UTF8.self).split(separator: ",")
        members.swapAt(dice.below(members.count), dice.below(members.count))
        line = Array("{\(members.joined(separator: ","))}".utf8)
      }
      let sent = Result { try line.withUnsafeBufferPointer { try reader.send($0) } }
      let meant = Result { try line.withUnsafeBufferPointer { try PlanCodec.send(try LineReader.Line.json($0)) } }
      #expect((try? sent.get()) == (try? meant.get()), "\(String(decoding: line, as: UTF8.self))")
      let said = Said.reading(line, &fast)
      #expect(
        said == Said.plainly(line, &plain), "round \(round): \(String(decoding: line, as: UTF8.self))")
      if case .success = said { accepted += 1 }
    }
    #expect(accepted > 50)
  }
}

@Suite struct PlanIndexTests {
  private let scratch: Scratch
  private let path: String
  private let plan: Plan

  init() throws {
    scratch = try Scratch()
    path = scratch.path + "/plan.jsonl"
    var dice = Dice(5)
    plan = Sample.plan((0..<300).map { n in n % 3 == 0 ? anySend(&dice) : Sample.send(n) })
    try PlanFile.write(plan, toFile: path)
  }

  private func index(workers: Int = 2, chunk: Int = 4000) throws -> (index: PlanIndex, lines: StoredLines) {
    try PlanIndex.read(path, header: try PlanFile.header(path), workers: workers, chunk: chunk)
  }

  private func edit(_ change: (inout [String]) -> Void) throws {
    var lines = try text(path).components(separatedBy: "\n")
    change(&lines)
    try put(lines.joined(separator: "\n"), path)
  }

  @Test func theNumberOfThreadsAndTheSizeOfBlocksChangeNothing() throws {
    let sends = plan.sends
    for (workers, chunk) in [(1, 1 << 20), (2, 1 << 20), (2, 300), (3, 1), (4, 5000)] {
      let (index, lines) = try index(workers: workers, chunk: chunk)
      #expect(index.ids == sends.map(\.id))
      #expect(index.held.isEmpty)
      for (n, send) in sends.enumerated() {
        #expect(index.number(of: send.id) == n)
        #expect(index.kinds[Int(index.kindOf[n])] == PlanIndex.Kind(send))
        #expect(index.sendAt[n] == send.sendAt.milliseconds && index.expiry(n) == send.expiresAt)
        #expect(index.contacts[n] == ByteHash.of(send.contact))
        #expect(try lines.send(n) == send)
      }
    }
  }

  @Test func whatAPersonDidToThePlanIsToldAsByTheWholeList() throws {
    try edit { lines in
      lines.swapAt(5, 100)
      lines.swapAt(40, 41)
      lines[60] = lines[60].replacingOccurrences(of: "\"to\":\"", with: "\"to\":\"x")
      lines[80] = ""
      lines.removeSubrange(90..<95)
      lines.insert("  ", at: 120)
      var added = Sample.send(7000)
      added.subject = "Added"
      lines.insert(String(decoding: Self.line(added), as: UTF8.self), at: 130)
    }
    let stored = try PlanFile.read(path)
    let planned = try PlannedLines.read(planPath: path, header: stored.header)
    let expected = zip(stored.sends, stored.lines).filter { planned.verdict(on: $0.0) != .asPlanned }
    #expect(expected.count == 2)
    for chunk in [100, 3000, 1 << 20] {
      let (index, _) = try index(chunk: chunk)
      #expect(index.ids == stored.sends.map(\.id))
      #expect(index.plan == planned.plan)
      #expect(index.held.map(\.id) == expected.map(\.0.id) && index.held.map(\.line) == expected.map(\.1))
    }
  }

  private static func line(_ send: PlannedSend) -> [UInt8] {
    var line: [UInt8] = []
    PlanCodec.encode(send, zone: Sample.berlin, to: &line)
    return line
  }

  @Test func whatIsWrongWithAPlanIsSaidAsByThePlainReader() throws {
    let changes: [(inout [String]) -> Void] = [
      { $0.insert($0[10], at: 200) }, { $0[70] = "{}" }, { $0[90].removeLast() }, { $0[3] += "x" },
    ]
    let whole = try bytes(path)
    for change in changes {
      try put(whole, path)
      try edit(change)
      let expected = #expect(throws: JournalProblem.self) { try PlanFile.read(path) }
      #expect(#expect(throws: JournalProblem.self) { try index() } == expected)
    }
  }

  @Test func aLineThatWasEditedIsNamedWhateverTheListSaysOfThePlansBytes() throws {
    let list = PlannedLines.path(forPlan: path)
    let header = try #require(try text(list).split(separator: "\n").first)
    let place = try #require(header.firstRange(of: ",\"bytes\":\"sha256:"))
    let digest = String(header[place.upperBound...].prefix(64))
    let whole = try bytes(list)
    // A list that was written without it, one whose digest is somebody's invention, and the true one.
    let changes = [
      { (list: String) in list.replacingOccurrences(of: ",\"bytes\":\"sha256:\(digest)\"", with: "") },
      { $0.replacingOccurrences(of: digest, with: String(repeating: "0", count: 64)) },
      { $0 },
    ]
    for isEdited in [false, true] {
      if isEdited { try edit { $0[60] = $0[60].replacingOccurrences(of: "\"to\":\"", with: "\"to\":\"x") } }
      for change in changes {
        try put(whole, list)
        try put(change(try text(list)), list)
        let (index, _) = try index()
        #expect(index.held.map(\.line) == (isEdited ? [61] : []))
        #expect(index.ids == plan.sends.map(\.id))
      }
    }
  }

  @Test func theDigestOfAPlansBytesIsTheSameInWhateverPiecesTheyCome() {
    var dice = Dice(11)
    for count in [0, 1, 5000, PlanPieces.size - 1, PlanPieces.size, 2 * PlanPieces.size + 77] {
      let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
      var whole = PlanPieces.Joined()
      var streamed = PlanPieces()
      bytes.withUnsafeBytes { bytes in
        for start in stride(from: 0, to: count, by: PlanPieces.size) {
          whole.add(PlanPieces.digest(bytes.piece(start..<min(count, start + PlanPieces.size))))
        }
        var at = 0
        while at < count {
          let next = min(count, at + 1 + Int(dice.next() % 700_000))
          streamed.update(bytes.piece(at..<next))
          at = next
        }
      }
      #expect(streamed.text == whole.text)
    }
  }

  @Test func ofAnEditedPlanAListThatIsNotItsOwnOrHasALineTwiceIsRefused() throws {
    let list = PlannedLines.path(forPlan: path)
    try edit { $0.remove(at: 7) }
    var lines = try text(list).components(separatedBy: "\n")
    lines.insert(lines[lines.count - 20], at: lines.count - 5)
    try put(lines.joined(separator: "\n"), list)
    #expect(throws: JournalProblem.self) { try index() }
    try FileManager.default.removeItem(atPath: list)
    #expect(throws: JournalProblem.interrupted(path: path)) { try index() }
  }

  @Test func aLineThatChangesDuringTheRunIsNotServed() throws {
    let (_, lines) = try index()
    let send = plan.sends[1]
    #expect(try lines.send(1) == send)
    // Lines are read together with their neighbours; one that is far from it takes their place.
    #expect(try lines.send(299) == plan.sends[299])
    let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    let whole = try bytes(path)
    let place = try #require(String(decoding: whole, as: UTF8.self).range(of: "Hello 1\""))
    try handle.seek(toOffset: UInt64(String(decoding: whole, as: UTF8.self)[..<place.lowerBound].utf8.count))
    try handle.write(contentsOf: Data("Hallo".utf8))
    try handle.close()
    #expect(throws: JournalProblem.self) { try lines.send(1) }
    #expect(try lines.send(2) == plan.sends[2])
  }
  @Test(arguments: 1...4 as ClosedRange<UInt64>) func longLinesAndShortOnesAreServedInAnyOrder(seed: UInt64) throws {
    var dice = Dice(seed)
    var sends = plan.sends
    for number in sends.indices where dice.oneIn(8) {
      sends[number].vars["long"] = String(repeating: "x", count: dice.below(dice.oneIn(3) ? 300_000 : 20_000))
    }
    try PlanFile.write(Sample.plan(sends), toFile: path)
    let (_, lines) = try index()
    for _ in 0..<600 {
      let number = dice.below(sends.count)
      #expect(try lines.send(number) == sends[number])
    }
  }
}
