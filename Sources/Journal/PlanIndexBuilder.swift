import Foundation
import Model

/// Reads a plan's file in blocks on several threads and joins them in the file's order.
///
/// Sendable because all that changes belongs to the thread whose turn it is (`BlockOrder.inTurn`), and every scanner to
/// its thread.
final class PlanIndexBuilder: @unchecked Sendable {
  private let file: Descriptor
  private var walk: PlannedLinesWalk
  // In turn:
  var index: PlanIndex
  private var kindNumbers: [PlanIndex.Kind: UInt32] = [:]
  private var domains = DomainNumbers()
  private var lines = 1

  /// The lines of one block.
  private struct Part {
    var entries: [PlanEntry] = []
    var offsets: [UInt64] = []
    var checks: [UInt32] = []
    var verdicts: [PlannedLines.Verdict] = []
    /// Numbers of lines from the block's first, from 0; blank ones have none.
    var lines: [UInt32] = []
    var lineCount = 0
  }

  /// Numbers of a thread's kinds and domains among all.
  private struct Numbers {
    var kinds: [UInt32] = []
    var domains: [Int32] = []
  }

  init(_ file: Descriptor, _ walk: PlannedLinesWalk, _ header: PlanHeader) {
    self.file = file
    self.walk = walk
    index = PlanIndex(header: header)
    index.plan = walk.plan
  }

  func build(workers: Int, chunk: Int) throws(JournalProblem) -> PlanIndex {
    let size = try file.size
    let start = try firstLineEnd(size)
    reserve(min(index.header.sends, size / 64))
    let order = BlockOrder(count: (size - start + chunk - 1) / chunk)
    try order.run(workers: workers) { (_) throws(JournalProblem) in
      var scanner = PlanLineScanner()
      var numbers = Numbers()
      var buffer: [UInt8] = []
      while let block = order.next() {
        let from = start + block * chunk
        let part = try self.read(from..<min(size, from + chunk), of: size, first: start, &buffer, &scanner)
        try order.inTurn(block) { () throws(JournalProblem) in try self.join(part, &numbers, scanner) }
      }
    }
    try walk.finish { index.number(of: $0) != nil }
    index.domains = domains.names
    return index
  }

  /// The place after the header.
  private func firstLineEnd(_ size: Int) throws(JournalProblem) -> Int {
    var at = 0
    var hasText = false
    while at < size {
      let bytes = try file.read(1 << 16, at: at)
      if bytes.isEmpty { break }
      var i = 0
      while i < bytes.count {
        if bytes[i] == 0x0A {
          if hasText { return at + i + 1 }
          lines += 1
        } else if bytes[i] != 0x20 && bytes[i] != 0x09 && bytes[i] != 0x0D {
          hasText = true
        }
        i += 1
      }
      at += bytes.count
    }
    return size
  }

  private func reserve(_ n: Int) {
    index.ids.reserveCapacity(n)
    index.sendAt.reserveCapacity(n)
    index.kindOf.reserveCapacity(n)
    index.domainOf.reserveCapacity(n)
    index.contacts.reserveCapacity(n)
    index.addresses.reserveCapacity(n)
    index.offsets.reserveCapacity(n)
    index.checks.reserveCapacity(n)
    index.byID.reserve(n)
  }

  /// The lines that begin within a range. A line that begins before its end is read to its own.
  private func read(
    _ range: Range<Int>, of size: Int, first: Int, _ buffer: inout [UInt8], _ scanner: inout PlanLineScanner
  ) throws(JournalProblem) -> Part {
    // One byte before tells whether a line begins at the range's start.
    let from = range.lowerBound == first ? first : range.lowerBound - 1
    var wanted = min(size, range.upperBound + (1 << 14)) - from
    while true {
      if buffer.count < wanted { buffer = [UInt8](repeating: 0, count: wanted) }
      var problem: JournalProblem?
      var part: Part?
      buffer.withUnsafeMutableBytes { bytes in
        do throws(JournalProblem) {
          let filled = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<wanted]), at: from)
          let text = UnsafeBufferPointer(
            UnsafeMutableRawBufferPointer(rebasing: bytes[..<filled]).bindMemory(to: UInt8.self))
          part = try scan(text, from: from, range, isWhole: from + filled >= size, &scanner)
        } catch { problem = error }
      }
      if let problem { throw problem }
      if let part { return part }
      // The last line is longer than what was read beyond the range.
      guard wanted <= LineReader.longest + range.count else {
        throw .malformed(path: file.path, line: 1, message: "a line is longer than 64 MiB")
      }
      wanted = min(size - from, wanted * 2)
    }
  }

  /// Nil where the last line does not end within `text`.
  private func scan(
    _ text: UnsafeBufferPointer<UInt8>, from: Int, _ range: Range<Int>, isWhole: Bool,
    _ scanner: inout PlanLineScanner
  ) throws(JournalProblem) -> Part? {
    var part = Part()
    guard let base = text.baseAddress else { return part }
    var start = 0
    if from < range.lowerBound {
      guard let hit = memchr(base, 0x0A, text.count) else { return isWhole ? part : nil }
      start = UnsafeRawPointer(base).distance(to: UnsafeRawPointer(hit)) + 1
    }
    let guess = range.count / 300
    part.entries.reserveCapacity(guess)
    while start < text.count, from + start < range.upperBound {
      let hit = memchr(base + start, 0x0A, text.count - start)
      let end = hit.map { UnsafeRawPointer(base).distance(to: UnsafeRawPointer($0)) } ?? text.count
      if hit == nil, !isWhole { return nil }
      let line = UnsafeBufferPointer(rebasing: text[start..<end])
      defer {
        part.lineCount += 1
        start = end + 1
      }
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      do throws(LineProblem) {
        if walk.needsSends {
          let send = try PlanCodec.send(try LineReader.Line.json(line))
          part.verdicts.append(walk.verdict(on: send))
          part.entries.append(scanner.entry(of: send))
        } else {
          part.entries.append(try scanner.read(line))
        }
      } catch {
        throw .malformed(path: file.path, line: 1, message: error.message)
      }
      part.offsets.append(UInt64(from + start))
      part.checks.append(StoredLines.check(UnsafeRawBufferPointer(line)))
      part.lines.append(UInt32(part.lineCount))
    }
    return part
  }

  private func join(
    _ part: Part, _ numbers: inout Numbers, _ scanner: borrowing PlanLineScanner
  ) throws(JournalProblem) {
    while numbers.kinds.count < scanner.kinds.count {
      let kind = scanner.kinds[numbers.kinds.count]
      let number = kindNumbers[kind] ?? UInt32(index.kinds.count)
      if Int(number) == index.kinds.count {
        kindNumbers[kind] = number
        index.kinds.append(kind)
      }
      numbers.kinds.append(number)
    }
    while numbers.domains.count < scanner.domains.names.count {
      let i = numbers.domains.count
      numbers.domains.append(domains.number(hash: scanner.domains.hashes[i]) { scanner.domains.names[i] })
    }
    for (i, entry) in part.entries.enumerated() {
      let number = index.ids.count
      if !index.insert(entry.id) {
        throw .malformed(path: file.path, line: 1, message: "the id \(entry.id) stands twice")
      }
      let verdict = walk.needsSends ? part.verdicts[i] : try walk.verdict(entry.id, entry.digest)
      if verdict != .asPlanned {
        index.held.append(.init(id: entry.id, line: lines + Int(part.lines[i]) + 1, number: number))
      }
      index.sendAt.append(entry.sendAt)
      index.kindOf.append(numbers.kinds[Int(entry.kind)])
      index.domainOf.append(entry.domain < 0 ? -1 : numbers.domains[Int(entry.domain)])
      index.contacts.append(entry.contact)
      index.addresses.append(entry.address)
      if entry.expiresAt != .max || !index.expiries.isEmpty {
        while index.expiries.count < number { index.expiries.append(.max) }
        index.expiries.append(entry.expiresAt)
      }
    }
    index.offsets += part.offsets
    index.checks += part.checks
    lines += part.lineCount
  }
}
