import Foundation
import Model

/// Reads a plan's file in blocks on several threads and joins them in the file's order.
///
/// Sendable because all that changes belongs to the thread whose turn it is (`BlockOrder.inTurn`), and every scanner to
/// its thread.
final class PlanIndexBuilder: @unchecked Sendable {
  private let file: Descriptor
  /// Nil where the bytes tell that every line is as it was planned.
  private var walk: PlannedLinesWalk?
  // In turn:
  var index: PlanIndex
  private var kindNumbers: [PlanIndex.Kind: UInt32] = [:]
  private var domains = DomainNumbers()
  private var lines = 1
  private var pieces: PlanPieces.Joined?

  /// The lines of one block.
  private struct Part {
    var entries: [PlanEntry] = []
    var offsets: [UInt64] = []
    var checks: [UInt32] = []
    var verdicts: [PlannedLines.Verdict] = []
    /// Numbers of lines from the block's first, from 0; blank ones have none.
    var lines: [UInt32] = []
    var lineCount = 0
    /// The digest of the block's bytes, where that is asked for.
    var digest: PlanPieces.Digest?
  }

  /// Numbers of a thread's kinds and domains among all.
  private struct Numbers {
    var kinds: [UInt32] = []
    var domains: [Int32] = []
  }

  init(_ file: Descriptor, _ walk: PlannedLinesWalk?, _ header: PlanHeader, plan: String) {
    self.file = file
    self.walk = walk
    index = PlanIndex(header: header)
    index.plan = plan
  }

  /// Nil where the file's bytes are not those that were planned: then each line has to be looked at.
  /// - Parameter bytes: what `plan.lines` says of them.
  func build(unedited bytes: String, workers: Int) throws(JournalProblem) -> PlanIndex? {
    pieces = PlanPieces.Joined()
    do throws(JournalProblem) {
      let index = try build(workers: workers, chunk: PlanPieces.size)
      return pieces?.text == bytes ? index : nil
    } catch .malformed {
      return nil
    }
  }

  func build(workers: Int, chunk: Int) throws(JournalProblem) -> PlanIndex {
    let size = try file.size
    let start = try firstLineEnd(size)
    reserve(min(index.header.sends, size / 64))
    let order = BlockOrder(count: (size - start + chunk - 1) / chunk)
    try order.run(workers: workers) { (_) throws(JournalProblem) in
      var scanner = PlanLineScanner(makesDigests: self.walk != nil)
      var numbers = Numbers()
      var buffer: [UInt8] = []
      while let block = order.next() {
        let from = start + block * chunk
        let part = try self.read(from..<min(size, from + chunk), of: size, first: start, &buffer, &scanner)
        try order.inTurn(block) { () throws(JournalProblem) in try self.join(part, &numbers, scanner) }
      }
    }
    if walk != nil, let number = index.firstRepeated() {
      throw .malformed(path: file.path, line: 1, message: "the id \(index.ids[number]) stands twice")
    }
    try walk?.finish { index.number(of: $0) != nil }
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
    index.offsets.reserveCapacity(n)
    index.checks.reserveCapacity(n)
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
          if pieces != nil, part != nil {
            let piece = range.lowerBound - from..<min(filled, range.upperBound - from)
            part?.digest = PlanPieces.digest(UnsafeRawBufferPointer(bytes).piece(piece))
          }
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
        if let walk, walk.needsSends {
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
    if let digest = part.digest { pieces?.add(digest) }
    try judge(part)
    for entry in part.entries {
      let number = index.ids.count
      index.ids.append(entry.id)
      index.sendAt.append(entry.sendAt)
      index.kindOf.append(Int32(numbers.kinds[Int(entry.kind)]))
      index.domainOf.append(entry.domain < 0 ? -1 : numbers.domains[Int(entry.domain)])
      index.contacts.append(entry.contact)
      index.addresses.append(entry.address, beside: index.contacts)
      if entry.expiresAt != .max || !index.expiries.isEmpty {
        while index.expiries.count < number { index.expiries.append(.max) }
        index.expiries.append(entry.expiresAt)
      }
    }
    for offset in part.offsets { index.offsets.append(offset) }
    index.checks += part.checks
    lines += part.lineCount
  }

  /// Says of each line that is not as it was planned that it is held.
  private func judge(_ part: Part) throws(JournalProblem) {
    guard let needsSends = walk?.needsSends else { return }
    for (i, entry) in part.entries.enumerated() {
      let verdict = needsSends ? part.verdicts[i] : try walk?.verdict(entry.id, entry.digest)
      if verdict == .asPlanned { continue }
      index.held.append(.init(id: entry.id, line: lines + Int(part.lines[i]) + 1, number: index.ids.count + i))
    }
  }
}
