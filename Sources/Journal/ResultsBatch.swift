import Crypto
import Foundation
import Model

/// Some whole lines of a results file as records, and the bytes in which their texts lie.
struct ResultsBatch: Sendable {
  var bytes: [UInt8] = []
  var records: [FlatRecord] = []
  /// Runs, each before a record: `before` of the number of records stands after all of them.
  var runs: [(before: Int, run: Record.Run)] = []
  /// What is wrong with the line after the last record; nothing is read after it.
  var problem: JournalProblem?
  /// How many lines it was read from.
  var lines = 0

  func record(_ i: Int) -> Record { bytes.withUnsafeBufferPointer { records[i].record(in: $0) } }
}

/// Reads a results file batch by batch, in the memory of one: what everybody who reads results goes through.
///
/// A last line without a line break is torn and passed over, nothing else is tolerated (`ResultsReader`).
struct ResultsBatchReader {
  /// How much of a file has been read, so that what is appended to it can be read alone.
  struct Mark: Sendable {
    /// The place after the last whole line.
    var offset = 0
    var lines = 0
    /// Over all bytes before `offset`.
    var hash = SHA256()
  }

  let path: String
  /// As the file was when it was opened.
  let stamp: FileStamp
  private(set) var mark: Mark
  /// Of all bytes, a torn last line too; nil before the end, and where nobody asked.
  private(set) var digest: String?
  /// How many bytes there were in all, at the end.
  private(set) var size = 0
  private let isHashing: Bool
  /// What the first line must have: another one's records have tokens in place of names.
  private let header: String
  private let file: Descriptor
  private var carry: [UInt8] = []
  private var isAtEnd = false

  /// Small enough for a core's cache, and for the allocator's own heap: larger blocks are the kernel's, page by page anew
  /// (measured: a quarter of the time).
  static let piece = 160 << 10

  init(
    _ path: String, hashing: Bool = false, from mark: Mark = Mark(), header: String = ResultsCodec.key
  ) throws(JournalProblem) {
    self.path = path
    self.header = header
    self.mark = mark
    isHashing = hashing
    file = try Descriptor(path, flags: O_RDONLY)
    stamp = try file.stamp
  }

  /// Nil at the end of the file and after a problem with a line.
  mutating func next() throws(JournalProblem) -> ResultsBatch? {
    guard let piece = try cut() else { return nil }
    var batch = Self.scan(piece, path: path, isFirst: mark.lines == 0, header: header)
    batch.problem = batch.problem?.moved(by: mark.lines)
    mark.lines += batch.lines
    if batch.problem != nil { isAtEnd = true }
    return batch
  }

  /// The next whole lines as they stand; nil at the end of the file. Whoever takes pieces counts their lines.
  mutating func cut() throws(JournalProblem) -> [UInt8]? {
    while !isAtEnd {
      var bytes = carry
      let place = mark.offset + carry.count
      // Small files in one piece of their own size.
      // A line that is longer than that is looked for in pieces that grow with it.
      let wanted = max(1 << 12, min(max(Self.piece, carry.count), stamp.size - place + 1))
      let (more, code) = Self.append(wanted, of: file, at: place, to: &bytes)
      if let code { throw code }
      guard let end = Self.lastLineBreak(bytes) else {
        if more == 0 { return try finish(torn: bytes) }
        guard bytes.count <= LineReader.longest else {
          throw .malformed(path: path, line: mark.lines + 1, message: "the line is longer than 64 MiB")
        }
        carry = bytes
        continue
      }
      carry = Array(bytes[(end + 1)...])
      bytes.removeLast(carry.count)
      if isHashing { mark.hash.update(data: bytes) }
      mark.offset += bytes.count
      return bytes
    }
    return nil
  }

  private mutating func finish(torn: [UInt8]) throws(JournalProblem) -> [UInt8]? {
    isAtEnd = true
    size = mark.offset + torn.count
    if isHashing {
      var whole = mark.hash
      whole.update(data: torn)
      digest = "sha256:" + Hex.encode(whole.finalize())
    }
    return nil
  }

  private static func append(
    _ count: Int, of file: Descriptor, at offset: Int, to bytes: inout [UInt8]
  ) -> (Int, JournalProblem?) {
    var problem: JournalProblem?
    var found = 0
    let old = bytes
    bytes = [UInt8](unsafeUninitializedCapacity: old.count + count) { buffer, filled in
      _ = buffer.update(fromContentsOf: old)
      do throws(JournalProblem) {
        let free = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[old.count...]))
        found = try file.read(into: free, at: offset)
      } catch { problem = error }
      filled = old.count + found
    }
    return (found, problem)
  }

  private static func lastLineBreak(_ bytes: [UInt8]) -> Int? {
    bytes.withUnsafeBufferPointer { $0.lastIndex(of: 0x0A) }
  }

  /// Whole lines as records, up to the first that is none. Lines of problems count from the piece's first, from 1.
  /// - Parameter isFirst: whether the header is among them.
  static func scan(
    _ lines: [UInt8], path: String, isFirst: Bool, header: String = ResultsCodec.key
  ) -> ResultsBatch {
    var batch = ResultsBatch()
    batch.records.reserveCapacity(lines.count / 400)
    var unescaped: [UInt8] = []
    lines.withUnsafeBufferPointer { bytes in
      guard let base = bytes.baseAddress else { return }
      var scanner = ResultsScanner(bytes, base: base)
      var start = 0
      while start < bytes.count, batch.problem == nil {
        guard let hit = memchr(base + start, 0x0A, bytes.count - start) else { break }
        let end = UnsafeRawPointer(base).distance(to: UnsafeRawPointer(hit))
        batch.lines += 1
        let isHeader = isFirst && batch.lines == 1
        if !isHeader, let record = scanner.scan(start..<end) {
          batch.records.append(record)
        } else {
          readSlowly(
            UnsafeBufferPointer(rebasing: bytes[start..<end]), header: isHeader ? header : nil, path, &scanner, &batch)
        }
        start = end + 1
      }
      unescaped = scanner.unescaped
    }
    batch.bytes = lines
    // Adding nothing would copy all the same.
    if !unescaped.isEmpty { batch.bytes += unescaped }
    return batch
  }

  /// The header, a run, and lines of any other look.
  private static func readSlowly(
    _ line: UnsafeBufferPointer<UInt8>, header: String?, _ path: String, _ scanner: inout ResultsScanner,
    _ batch: inout ResultsBatch
  ) {
    do throws(LineProblem) {
      let json = try LineReader.Line.json(line)
      if let header {
        do { try FormatVersion.check(json, key: header, path: path) } catch { batch.problem = error }
        return
      }
      let record = try ResultsCodec.decode(json)
      if case .run(let run) = record {
        batch.runs.append((batch.records.count, run))
      } else if let flat = scanner.keep(record) {
        batch.records.append(flat)
      }
    } catch {
      batch.problem = .damaged(path: path, line: batch.lines, message: error.message)
    }
  }
}

extension JournalProblem {
  /// The same of a line that comes so many lines later.
  func moved(by lines: Int) -> JournalProblem {
    guard case .damaged(let path, let line, let message) = self else { return self }
    return .damaged(path: path, line: line + lines, message: message)
  }
}
