import Foundation
import TestSupport
import Testing

@testable import Config
@testable import Model

/// However a file is cut and by however many threads it is read, what comes out is what one slow reader finds.
struct PiecesTests {
  /// Little but what CSV makes something of.
  static func nasty(_ dice: inout Dice) -> [UInt8] {
    let parts: [[UInt8]] =
      [
        ",", ",", ",", "\"", "\"", "\"\"", "\n", "\n", "\r\n", "\r", ";", "a", "bc", " ", "5\" disk", ",\"x\ny\",",
        "\n\"q, \"\"r\"\"\r\n\",", "ü", "long text of more than sixteen bytes", "\u{0B}", "\t",
      ].map { Array($0.utf8) } + [[0], [0xFF], [0xC3]]
    var bytes: [UInt8] = Bool.random(using: &dice) ? [0xEF, 0xBB, 0xBF] : []
    bytes += Array((Bool.random(using: &dice) ? "a,b\n" : "\"a,;\";b;c\r\n").utf8)
    // Rare oddities give files that are mostly sound, frequent ones files that are mostly not.
    let sane = Int.random(in: 0...20, using: &dice)
    for _ in 0..<Int.random(in: 0...60, using: &dice) {
      if Int.random(in: 0..<24, using: &dice) < sane {
        bytes += Array("1,\"2\"\n".utf8)
      } else {
        bytes += parts.randomElement(using: &dice) ?? []
      }
    }
    return bytes
  }

  static func sequential(_ bytes: [UInt8], chunk: Int) throws -> [[String]] {
    var reader = try CSVReader(ByteSource(bytes: bytes), file: "f", chunk: chunk)
    var rows: [[String]] = []
    while try reader.next() {
      if let (defect, field) = reader.defect {
        rows.append(["!\(defect) \(reader.place(field).line):\(reader.place(field).column)", "\(reader.line)"])
      } else {
        rows.append((0..<reader.count).map { reader.text($0) } + ["\(reader.line)"])
      }
      if rows.count == 1 { reader.fixWidth() }
    }
    return rows
  }

  static func parallel(_ bytes: [UInt8], threads: Int, chunk: Int) throws -> (rows: [[String]], digest: String) {
    let source = ByteSource(bytes: bytes)
    var reader = try CSVReader(source, file: "f", chunk: chunk)
    var rows: [[String]] = []
    guard try reader.next() else { return ([], source.digestText) }
    if let (defect, field) = reader.defect {
      rows.append(["!\(defect) \(reader.place(field).line):\(reader.place(field).column)", "\(reader.line)"])
    } else {
      rows.append((0..<reader.count).map { reader.text($0) } + ["\(reader.line)"])
    }
    reader.fixWidth()
    let (lines, width) = (reader.nextLine - 1, reader.count)
    let records = ParallelRecords<[(place: Place, values: [String])]>(
      reader.remaining(), lines: lines, width: width, threads: threads, chunk: chunk,
      parse: { scan in
        var rows: [(Place, [String])] = []
        while scan.next() {
          let line = Place("f", line: scan.line)
          if let (defect, field) = scan.defect {
            let place = scan.place(field, file: "f")
            rows.append((line, ["!\(defect)", "\(place.line - scan.line)", "\(place.column)"]))
          } else {
            rows.append((line, (0..<scan.count).map { scan.text($0) }))
          }
        }
        return rows
      },
      join: { found, before in
        for (place, values) in found {
          let line = place.line + before
          if values[0].hasPrefix("!"), values.count == 3, let down = Int(values[1]) {
            rows.append(["\(values[0]) \(line + down):\(values[2])", "\(line)"])
          } else {
            rows.append(values + ["\(line)"])
          }
        }
      })
    try records.run()
    return (rows, source.digestText)
  }

  @Test(arguments: [UInt64(1), 2, 3, 4]) func nastyFilesReadTheSameInPiecesOfAnySize(_ seed: UInt64) throws {
    var dice = Dice(seed)
    for round in 0..<1500 {
      let bytes = Self.nasty(&dice)
      let plain = PlainCSV.read(bytes)
      let note: Comment = "seed \(seed), round \(round): \(String(decoding: bytes, as: UTF8.self).debugDescription)"
      let chunk = Int.random(in: 16...80, using: &dice)
      #expect(try Self.sequential(bytes, chunk: chunk) == plain, note)
      let threads = [1, 2, 3, 7][round % 4]
      let (rows, digest) = try Self.parallel(bytes, threads: threads, chunk: chunk)
      #expect(rows == plain, note)
      #expect(digest == Hex.digest(bytes), note)
    }
  }

  @Test func aRecordWithoutAnEndStopsTheReadingInAnyPieces() throws {
    let open = Array("a,b\n1,2\n3,\"".utf8) + [UInt8](repeating: 0x0A, count: 18 << 20) + Array("\"\n5,6\n".utf8)
    for threads in [1, 3] {
      let (rows, digest) = try Self.parallel(open, threads: threads, chunk: 64 << 10)
      #expect(rows == [["a", "b", "1"], ["1", "2", "2"], ["!recordTooLong 3:1", "3"]])
      #expect(digest == Hex.digest(open))
    }
  }

  @Test func trimmingLeavesWhatFoundationLeaves() {
    for value in Array(UInt32(0)...0x3100) + Array(0xFE00...0x1_0010) {
      guard let scalar = Unicode.Scalar(value) else { continue }
      for text in ["\(scalar)", "\(scalar)x", "x\(scalar)", " \(scalar)\u{A0}é\(scalar)\u{2003}\t", "a\(scalar)b"] {
        var copy = text
        let trimmed = copy.withUTF8 { $0.trimmed.text }
        #expect(
          trimmed.utf8.elementsEqual(text.trimmingCharacters(in: .whitespacesAndNewlines).utf8),
          "U+\(String(value, radix: 16))")
      }
    }
  }
}
