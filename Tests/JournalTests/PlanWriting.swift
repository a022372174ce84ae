import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// Text of every kind that a line may hold: what JSON escapes, what eight bytes at a time may get wrong, and blanks.
func oddText(_ dice: inout Dice, longest: Int = 40) -> String {
  let odd = [
    "\"", "\\", "\n", "\r", "\t", "\u{0}", "\u{1F}", "\u{7F}", "\u{2028}", "\u{2029}", "\u{2019}", "ö", "漢", "😀", " ",
  ]
  let isPlain = dice.oneIn(2)
  return (0..<dice.below(longest + 1)).map { _ in
    !isPlain && dice.oneIn(4) ? dice.pick(odd) : String(UnicodeScalar(UInt8(0x20 + dice.below(95))))
  }.joined()
}

private func maybe(_ dice: inout Dice) -> String? { dice.oneIn(3) ? oddText(&dice) : nil }

func anySend(_ dice: inout Dice) -> PlannedSend {
  let opening = Sample.morning + .minutes(Int64(dice.below(100_000)))
  let later = opening + .minutes(Int64(20 + dice.below(100)))
  let contact = oddText(&dice)
  var send = PlannedSend(
    id: SendID(high: dice.next(), low: dice.next()),
    sendAt: opening + Instant.Span(milliseconds: Int64(dice.below(3) == 0 ? dice.below(1_000_000) : 0)),
    open: IntervalSet(
      [Interval(opening, opening + .minutes(10))] + (dice.oneIn(3) ? [Interval(later, later + .hours(1))] : [])),
    campaign: oddText(&dice), step: "intro", contact: contact, channel: dice.pick(Channel.allCases),
    to: dice.oneIn(2) ? contact : oddText(&dice), mailbox: oddText(&dice))
  if dice.oneIn(3) { send.expiresAt = opening + Instant.Span(milliseconds: Int64(dice.below(10_000_000))) }
  send.variant = maybe(&dice)
  send.name = maybe(&dice)
  send.subject = maybe(&dice)
  send.batch = maybe(&dice)
  if dice.oneIn(3) { send.key = oddText(&dice) }
  send.text = dice.oneIn(4) ? oddText(&dice, longest: 3000) : nil
  send.html = maybe(&dice)
  if dice.oneIn(4) {
    send.thread = .init(references: (0..<dice.below(4)).map { _ in oddText(&dice) }, subject: oddText(&dice))
  }
  for _ in 0..<dice.below(5) { send.vars[oddText(&dice, longest: 12)] = oddText(&dice) }
  return send
}

/// Lines that share shapes, so that some lack names that others have.
private struct SharedLines: PlanLines {
  let shapes: [LineShape]
  let listed: ListedLines
  let names: [[Int?]]

  /// All of one shape but for their vars.
  init(_ sends: [PlannedSend]) {
    listed = ListedLines(sends)
    let all = Set(sends.flatMap(\.vars.keys)).sorted()
    var shape = listed.shapes[0]
    shape.names = all
    shapes = [shape]
    names = sends.map { send in
      let own = send.vars.keys.sorted()
      return all.map { own.firstIndex(of: $0) }
    }
  }

  var count: Int { listed.count }

  func shapeNumber(_ index: Int) -> Int { 0 }

  func read(_ index: Int, into parts: inout LineParts) {
    listed.read(index, into: &parts)
    let values = parts.values
    parts.values = names[index].map { $0.flatMap { values[$0] } }
    parts.shape = 0
  }
}

/// Both files as they are written one line at a time, from values.
private func plainly(_ lines: any PlanLines, zone: Zone) -> (plan: [UInt8], digests: [String]) {
  var plan: [UInt8] = []
  var digests: [String] = []
  for i in 0..<lines.count {
    PlanCodec.encode(lines.send(i), zone: zone, to: &plan)
    plan.append(0x0A)
    digests.append(LineDigest.planned(lines.send(i)))
  }
  return (plan, digests)
}

private func encoded(_ lines: any PlanLines, zone: Zone) throws -> (plan: [UInt8], digests: [String]) {
  var encoder = LineEncoder(zone: zone)
  LineShapes(lines.shapes, zone: zone).withView { encoder.encode(lines, 0..<lines.count, shapes: $0) }
  let digests = try encoder.list.bytes.split(separator: 0x0A).map { line in
    try #require(try JSON(parsing: Array(line)).array?[1].string)
  }
  return (Array(encoder.plan.bytes), digests)
}

@Test func linesWrittenFromTheirPartsAreThoseWrittenFromValues() throws {
  for seed in 1...40 as ClosedRange<UInt64> {
    var dice = Dice(seed)
    let lines = ListedLines((0..<50).map { _ in anySend(&dice) })
    let zone = dice.pick([Sample.berlin, Zone("America/St_Johns") ?? .utc, .utc])
    let (fast, plain) = (try encoded(lines, zone: zone), plainly(lines, zone: zone))
    #expect(fast.plan == plain.plan, "seed \(seed)")
    #expect(fast.digests == plain.digests, "seed \(seed)")
  }
}

@Test func linesThatLackSomeNamesOfTheirShapeAreWrittenAsIfTheyHadAShapeOfTheirOwn() throws {
  for count in [3, 80] {
    var dice = Dice(UInt64(count))
    let names = (0..<count).map { "v\($0)" }
    let sends = (0..<200).map { n in
      var send = Sample.send(n)
      send.vars = [:]
      for name in names where !dice.oneIn(3) { send.vars[name] = oddText(&dice) }
      return send
    }
    let lines = SharedLines(sends)
    let (fast, plain) = (try encoded(lines, zone: Sample.berlin), plainly(ListedLines(sends), zone: Sample.berlin))
    #expect(fast.plan == plain.plan)
    #expect(fast.digests == plain.digests)
  }
}

@Test func theNumberOfThreadsAndTheSizeOfBlocksChangeNoByte() throws {
  let scratch = try Scratch()
  var dice = Dice(3)
  let plan = Sample.plan((0..<3000).map { _ in anySend(&dice) })
  var whole = PlanCodec.encode(plan.header) + [0x0A]
  whole += plainly(plan.lines, zone: plan.header.zone).plan
  var lists: Set<[UInt8]> = []
  var digests: Set<String> = []
  for (workers, blockBytes) in [(1, 1 << 20), (2, 1 << 19), (2, 5000), (4, 1), (7, 20_000)] {
    let path = scratch.path + "/plan-\(workers)-\(blockBytes).jsonl"
    let files = try PlanWriter.write(plan, path: path, effort: .init(workers: workers, blockBytes: blockBytes))
    try files.lines.commit()
    try files.plan.commit()
    #expect(try bytes(path) == whole)
    digests.insert(files.digest)
    lists.insert(try bytes(PlannedLines.path(forPlan: path)))
    let planned = try PlannedLines.read(planPath: path, header: plan.header)
    #expect(planned.plan == files.digest)
    #expect(planned.lines.map(\.id) == plan.sends.map(\.id))
    #expect(plan.sends.allSatisfy { planned.verdict(on: $0) == .asPlanned })
    #expect(
      zip(planned.lines, plan.sends).allSatisfy { line, send in
        line.note(at: Sample.morning, by: nil) == Record.Note(send, at: Sample.morning)
      })
  }
  #expect(lists.count == 1)
  #expect(digests.count == 1)
}

@Test func aFewLongTextsAmongShortOnesAreHandedOnInPieces() throws {
  let scratch = try Scratch()
  // The block's size is taken from 64 of the lines, all of them short.
  let sampled = Set((0..<64).map { $0 * 2000 / 64 })
  let plan = Sample.plan(
    (0..<2000).map { n in
      var send = Sample.send(n)
      if !sampled.contains(n) && n % 3 == 0 { send.html = String(repeating: "<b>\(n)</b>", count: 3000) }
      return send
    })
  var digests: Set<String> = []
  for workers in [1, 3] {
    let path = scratch.path + "/plan-\(workers).jsonl"
    let files = try PlanWriter.write(
      plan, path: path, effort: .init(workers: workers, blockBytes: 1 << 14, pieceLines: 5))
    try files.plan.commit()
    #expect(
      try bytes(path) == PlanCodec.encode(plan.header) + [0x0A] + plainly(plan.lines, zone: plan.header.zone).plan)
    digests.insert(files.digest)
  }
  #expect(digests.count == 1)
}

@Test func aWriteThatTheDiskRefusesSaysWhichFile() throws {
  let file = try Descriptor("/dev/full", flags: O_WRONLY)
  #expect(throws: JournalProblem.system(.write, path: "/dev/full", code: ENOSPC)) {
    try file.write([UInt8](repeating: 0x41, count: 100), at: 0)
  }
}

@Test func timesInAPlanAreThoseOfTheZoneAroundEveryChangeOfClocks() throws {
  let zones = [
    "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns", "Pacific/Apia", "Africa/Monrovia",
    "Africa/Casablanca", "Asia/Kolkata",
  ]
  let around = [
    try instant("2026-10-25T01:00:00Z"), try instant("2026-03-29T01:00:00Z"), try instant("2026-04-04T15:00:00Z"),
    try instant("2011-12-30T10:00:00Z"), try instant("1972-01-07T00:44:30Z"), try instant("2026-11-20T23:59:59Z"),
    try instant("1969-12-31T23:00:00Z"), try instant("1900-06-01T12:00:00Z"),
  ]
  for name in zones {
    let zone = try #require(Zone(name))
    for center in around {
      var dice = Dice(5)
      // In ascending order, as plans have them, and in any.
      let ascending = (0..<400).map { center - .hours(20) + .minutes(Int64($0 * 6)) + .seconds(Int64(dice.below(360))) }
      let any = (0..<200).map { _ in center + Instant.Span(milliseconds: Int64(dice.below(200_000_000)) - 100_000_000) }
      var times = LineTimes(zone: zone)
      for time in ascending + any {
        var out = LineBuffer()
        times.append(time, to: &out)
        #expect(String(decoding: out.bytes, as: UTF8.self) == "\"\(zone.format(time))\"")
      }
    }
  }
}

@Test func stringsInAPlanAreEscapedAsEverywhere() {
  var dice = Dice(9)
  var texts = (0..<3000).map { _ in oddText(&dice) }
  for length in 0...40 {
    let plain = String(repeating: "x", count: length)
    texts.append(plain)
    for at in 0..<length {
      for odd in ["\"", "\u{1F}", "\u{7F}", "\u{2028}", "\u{80}"] {
        texts.append(String(plain.prefix(at)) + odd + plain.dropFirst(at + 1))
      }
    }
  }
  var out = LineBuffer(capacity: 1)
  var expected: [UInt8] = []
  for text in texts {
    out.string(text)
    JSON.write(text, to: &expected)
  }
  #expect(Array(out.bytes) == expected)
}

@Test func aPlannedLinesDigestCoversAllOfItAndNothingElse() throws {
  let send = Sample.fullSend
  var digests: Set<String> = [LineDigest.planned(send)]
  let changes: [(inout PlannedSend) -> Void] = [
    { $0.id = SendID(high: 1, low: 2) }, { $0.sendAt += .seconds(1) },
    { $0.open = IntervalSet([Interval(Sample.morning, Sample.morning + .hours(12))]) },
    { $0.expiresAt = Sample.morning + .hours(21) }, { $0.expiresAt = nil }, { $0.campaign = "x" }, { $0.step = "x" },
    { $0.variant = "" }, { $0.variant = "x" }, { $0.contact = "x" }, { $0.channel = .sms }, { $0.to = "x" },
    { $0.to = $0.contact }, { $0.name = nil }, { $0.mailbox = "x" }, { $0.subject = nil }, { $0.subject = "" },
    { $0.batch = nil }, { $0.key = "" }, { $0.text = nil }, { $0.html = nil }, { $0.html = $0.text },
    { $0.thread = nil }, { $0.thread?.subject = "" }, { $0.thread?.references.removeLast() },
    { $0.thread?.references = ["<a@example.com><b@example.com>"] }, { $0.vars["a"] = nil }, { $0.vars["c"] = "" },
    { $0.vars["a"] = "1" }, { $0.vars = ["a": "2", "b": "1\n"] }, { $0.vars = [:] },
  ]
  for (i, change) in changes.enumerated() {
    var other = send
    change(&other)
    #expect(digests.insert(LineDigest.planned(other)).inserted, "change \(i)")
  }
  // Another zone, white space and another order of keys are the same line.
  var line: [UInt8] = []
  PlanCodec.encode(send, zone: try #require(Zone("Asia/Kathmandu")), to: &line)
  let members = try #require(try JSON(parsing: line).object)
  let turned = JSON.object(members.reversed()).text.replacingOccurrences(of: "\",\"", with: "\" , \"")
  #expect(LineDigest.planned(try PlanCodec.send(try JSON(parsing: turned))) == LineDigest.planned(send))
}

@Test func listsOfVersion1AreStillRead() throws {
  let scratch = try Scratch()
  let path = scratch.path + "/plan.jsonl"
  try put(try bytes(sample("plan.1.jsonl")), path)
  try put(try bytes(sample("lines.1.lines")), scratch.path + "/plan.lines")
  let stored = try PlanFile.read(path)
  let planned = try PlannedLines.read(planPath: path, header: stored.header)
  #expect(planned.lines.count == 3)
  #expect(stored.sends.allSatisfy { planned.verdict(on: $0) == .asPlanned })
  var changed = stored.sends[0]
  changed.sendAt += .seconds(1)
  #expect(planned.verdict(on: changed) == .changed)
  #expect(
    planned.lines.map { $0.note(at: Sample.morning, by: nil) }
      == stored.sends.map { Record.Note($0, at: Sample.morning) })
}

@Test(arguments: [
  (",0,\"c1@", ",7,\"c1@", 4, "kind 7"), ("[\"a231106dbd1f766ea657dbf1908dc4d7\"", "[\"a231\"", 4, "[id, digest"),
  ("{\"kind\":0", "{\"kind\":1", 2, "counts up"), ("\"step\"", "\"stepp\"", 2, "stepp"),
  ("\"c1@example.com\"]", "\"c1@example.com\",7]", 4, "'to'"),
  ("\"c1@example.com\"]", "\"c1@example.com\",null,null]", 4, "'key'"),
  ("\"c1@example.com\"]", "\"c1@example.com\",null,\"\",\"\"]", 4, "[id, digest"),
  ("5e953a221e79f5e1d8c2bf728a39570a", "a231106dbd1f766ea657dbf1908dc4d7", 5, "stands twice"),
  ("\"nightmail_lines\":2", "\"nightmail_lines\":3", 1, "format 3"),
  ("\"header\":\"sha256:", "\"header\":\"sha256:0", 1, "is not the plan"),
])
func aBrokenListOfLinesIsRefusedWithItsLine(_ old: String, _ new: String, _ line: Int, _ hint: String) throws {
  let scratch = try Scratch()
  let path = scratch.path + "/plan.jsonl"
  let plan = Sample.plan([Sample.send(1), Sample.send(2), Sample.fullSend])
  try PlanFile.write(plan, toFile: path)
  let list = try text(scratch.path + "/plan.lines")
  try #require(list.contains(old))
  try put(list.replacing(old, with: new, maxReplacements: 1), scratch.path + "/plan.lines")
  let problem = #expect(throws: JournalProblem.self) { try PlannedLines.read(planPath: path, header: plan.header) }
  let text = problem?.description ?? ""
  #expect(text.contains(hint), "\(text)")
  if line > 1 { #expect(text.contains("plan.lines:\(line): "), "\(text)") }
}

@Test func skippedStepsAreWrittenPieceByPieceAsTheyAre() throws {
  let scratch = try Scratch()
  var dice = Dice(12)
  var plan = Sample.plan([])
  plan.skipped = (0..<5000).map { _ in
    SkippedStep(
      contact: oddText(&dice), campaign: oddText(&dice), step: "intro", reason: dice.pick(SkipReason.allCases),
      detail: oddText(&dice), key: dice.below(2) == 0 ? oddText(&dice) : nil)
  }
  let day = scratch.output.day(Sample.day)
  #expect(try PlanFile.write(plan, to: day) == .written(previous: nil))
  #expect(try SkippedFile.read(day.skippedPath) == plan.skipped)
  #expect(try PlanFile.write(plan, to: day) == .unchanged)
  plan.skipped[4999].detail += "x"
  #expect(try PlanFile.write(plan, to: day) == .written(previous: nil))
  #expect(try SkippedFile.read(day.skippedPath) == plan.skipped)
}

@Test func blocksAreHandedOnInOrderWhoeverWorksOnThem() throws {
  for workers in [1, 2, 5] {
    let order = BlockOrder(count: 200)
    let done = Done()
    try order.run(workers: workers) { (_) throws(JournalProblem) in
      while let block = order.next() {
        try order.inTurn(block) { () throws(JournalProblem) in done.blocks.append(block) }
      }
    }
    #expect(done.blocks == Array(0..<200))
  }
}

@Test func theFirstProblemEndsTheWorkOfAllThreads() throws {
  for workers in [1, 2, 5] {
    let order = BlockOrder(count: 200)
    let done = Done()
    #expect(throws: JournalProblem.stopped(path: "here")) {
      try order.run(workers: workers) { (_) throws(JournalProblem) in
        while let block = order.next() {
          if block == 37 { throw JournalProblem.stopped(path: "here") }
          try order.inTurn(block) { () throws(JournalProblem) in done.blocks.append(block) }
        }
      }
    }
    #expect(done.blocks == Array(0..<done.blocks.count) && done.blocks.count <= 37)
  }
}

/// Written in turn only.
private final class Done: @unchecked Sendable { var blocks: [Int] = [] }

@Test func aPlanThatCannotBeWrittenLeavesNothingBehind() throws {
  let scratch = try Scratch()
  let day = scratch.output.day(Sample.day)
  try FileSystem.createFolder(day.planPath)
  #expect(throws: JournalProblem.self) { try PlanFile.write(Sample.plan([Sample.send(1)]), to: day) }
  #expect(throws: JournalProblem.self) {
    try PlanFile.write(Sample.plan([Sample.send(1)]), toFile: scratch.path + "/none/plan.jsonl")
  }
  #expect(try scratch.snapshot().keys.filter { $0.hasSuffix(".tmp") } == [])
}
