import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// The records of a file, or what was said against it, with the records before that.
private struct Reading: Equatable {
  var records: [Record]
  var problem: JournalProblem?

  init(_ path: String) {
    records = []
    do { try ResultsReader.forEach(path) { records.append($0) } } catch { problem = error }
  }
}

private func reference(_ path: String) -> (records: [Record]?, problem: JournalProblem?) {
  do { return (try ReferenceReader.all(path), nil) } catch { return (nil, error) }
}

@Suite struct ScannerTests {
  @Test(arguments: 0..<8) func whatIsWrittenIsScannedAsTheTreeReadsIt(seed: Int) throws {
    let scratch = try Scratch()
    let path = scratch.path + "/results.jsonl"
    var random = RandomRecords(seed: UInt64(seed), sends: 100)
    let records = random.records(2000)
    try put(lines(records), path)
    #expect(Reading(path).records == records)
    #expect(try ReferenceReader.all(path) == records)
  }

  @Test func theUsualLineIsScannedAndNotReadTheLongWay() {
    for record in Sample.records.dropFirst() {
      var bytes: [UInt8] = []
      ResultsCodec.encode(record, to: &bytes)
      let isOdd = bytes.contains { $0 == 0x5C } && String(decoding: bytes, as: UTF8.self).contains("\\u")
      bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        var scanner = ResultsScanner(buffer, base: base)
        let flat = scanner.scan(0..<buffer.count - 1)
        #expect((flat == nil) == isOdd)
        (Array(buffer) + scanner.unescaped).withUnsafeBufferPointer { #expect(isOdd || flat?.record(in: $0) == record) }
      }
    }
  }

  @Test(arguments: 0..<8) func aLineThatWasTamperedWithIsReadOrRefusedAsTheTreeDoes(part: Int) throws {
    let scratch = try Scratch()
    let path = scratch.path + "/results.jsonl"
    var random = RandomRecords(seed: UInt64(part) + 77, sends: 100)
    let before = random.records(3)
    var accepted = 0
    for round in 0..<400 {
      var line: [UInt8] = []
      ResultsCodec.encode(random.next(), to: &line)
      line.removeLast()
      let at = random.dice.below(line.count)
      let inserts = [" ", "\"", "\\", ",", "\u{0}", "0", "\\u0041", "\\n", "\u{E9}", "}", ",\"x\":1", "null", "-"]
      switch random.dice.below(6) {
      case 0: line[at] = UInt8(random.dice.below(256))
      case 1: line.insert(contentsOf: Array(random.dice.pick(inserts).utf8), at: at)
      case 2: line.remove(at: at)
      case 3: line.removeSubrange(at..<min(line.count, at + random.dice.below(20)))
      case 4: line.append(contentsOf: Array(random.dice.pick([" ", "\r", "x", "}"]).utf8))
      default:
        // Two members change places.
        var members = String(decoding: line.dropFirst().dropLast(), as: UTF8.self).split(separator: ",")
        members.swapAt(random.dice.below(members.count), random.dice.below(members.count))
        line = Array("{\(members.joined(separator: ","))}".utf8)
      }
      line.removeAll { $0 == 0x0A }
      try put(lines(before) + line + [0x0A] + lines(before).drop { $0 != 0x0A }.dropFirst(), path)
      let (expected, problem) = reference(path)
      let read = Reading(path)
      #expect(read.problem == problem, "round \(round): \(String(decoding: line, as: UTF8.self))")
      if let expected {
        accepted += 1
        #expect(read.records == expected, "round \(round): \(String(decoding: line, as: UTF8.self))")
      } else {
        #expect(read.records == before)
      }
    }
    #expect(accepted > 20)
  }

  @Test func aFileThatIsCutAnywhereGivesWhatTheTreeGives() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/results.jsonl"
    var random = RandomRecords(seed: 3)
    let whole = lines(random.records(6))
    for count in 0...whole.count {
      try put(Array(whole[..<count]), path)
      let read = Reading(path)
      let (expected, problem) = reference(path)
      #expect(read.problem == problem && (expected == nil || read.records == expected), "cut at \(count)")
    }
    try put("{\"nightmail_results\":2}\n", path)
    #expect(Reading(path).problem == .version(path: path, found: 2))
    try put("{}\n", path)
    #expect(Reading(path).problem == reference(path).problem)
    #expect(Reading(scratch.path + "/none").problem == .missing(path: scratch.path + "/none"))
  }

  @Test func batchesEndBetweenLinesHoweverLongTheFileIs() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/results.jsonl"
    var random = RandomRecords(seed: 8, sends: 5000)
    var records = random.records(14_000)
    // A line longer than a batch.
    var long = Sample.send(1)
    long.subject = String(repeating: "x", count: ResultsBatchReader.piece + 1000)
    records.insert(.intent(Sample.attempt(long)), at: 7000)
    try put(lines(records), path)
    var reader = try ResultsBatchReader(path, hashing: true)
    var read: [Record] = []
    var batches = 0
    while let batch = try reader.next() {
      batches += 1
      read += batch.records.indices.map { batch.record($0) }
    }
    #expect(batches > 2)
    #expect(read == records.filter { if case .run = $0 { false } else { true } })
    #expect(reader.digest == (try AtomicFile.digest(of: path)))
    #expect(reader.mark.lines == records.count + 1 && reader.mark.digest == reader.digest)
  }
}
