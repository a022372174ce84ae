import Crypto
import Foundation
import Model

/// `output/history/snapshot.bin`: the history as it stood after some days of results, so that a `plan` need not read
/// them again. Nothing but time hangs on it: it names every file that went into it, holds only as long as none of them
/// has changed, and one that is missing, damaged, of another version or of other files is passed over without a word and
/// made anew by a `plan`. It holds personal data as the results do (0600).
///
///     "NMHISTRY" · fingerprint of rows and version · bytes of the header · checksum of the header      32 bytes
///     header: sizes of the sections, checksums of their pieces, files, released sends
///     sections: see `History.withImage`
///
/// A day that was added to since, the newest and of one file, is read on from where it was read to, if what was read has
/// not changed; days after it are read whole.
enum HistorySnapshot {
  private static let magic = UInt64(littleEndian: 0x5952_5453_4948_4D4E)
  /// What one checksum is over, and one read of a worker.
  private static let piece = 1 << 20

  /// The history up to where the snapshot goes, and the days that are to be added to it. Nil where there is no snapshot
  /// that holds for `days`.
  static func read(
    of output: OutputFolder, days: [HistoryFold.Day]
  ) -> (fold: HistoryFold, rest: [HistoryFold.Day])? {
    guard let file = try? Descriptor(output.snapshotPath, flags: O_RDONLY), let size = try? file.size,
      let (header, start) = readHeader(file, size: size), let rest = rest(of: days, after: header.files, output),
      let history = History(
        sizes: header.sizes, spare: rest.spare, fill: { fill($0, from: file, at: start, header.checksums) })
    else { return nil }
    var fold = HistoryFold()
    fold.history = history
    fold.records = header.records
    fold.released = header.released
    fold.files = rest.files
    return (fold, rest.days)
  }

  /// Whether a snapshot of so many records, of which another has `known`, is worth the time to write it.
  static func pays(records: Int, known: Int, threshold: Int = 20_000) -> Bool {
    records - known > max(threshold, known / 16)
  }

  static func remove(from output: OutputFolder) { _ = unlink(output.snapshotPath) }

  /// Leaves everything as it was where it cannot be written: the next `plan` tries again.
  static func write(_ fold: inout HistoryFold, to output: OutputFolder) {
    guard fold.files.allSatisfy(\.isSettled) else { return }
    fold.history.fitTables()
    let temporary = output.historyPath + "/.snapshot.bin.\(UInt64.random(in: 0 ... .max)).tmp"
    do throws(JournalProblem) {
      try FileSystem.createFolder(output.historyPath)
      let file = try Descriptor(temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW)
      try fold.history.withImage { (sections) throws(JournalProblem) in
        let header = encode(fold, sections)
        var start: [UInt8] = []
        let checksum = header.withUnsafeBytes { ByteHash.of($0) }
        for word in [magic, History.imageFingerprint, UInt64(header.count), checksum] {
          withUnsafeBytes(of: word.littleEndian) { start.append(contentsOf: $0) }
        }
        try file.write(start + header)
        for section in sections { try file.write(section) }
      }
      // No sync: after a power cut the checksums tell.
      try file.close()
      if rename(temporary, output.snapshotPath) != 0 { _ = unlink(temporary) }
    } catch {
      _ = unlink(temporary)
    }
  }
}

// MARK: - The header

extension HistorySnapshot {
  struct Header {
    var sizes: [Int] = []
    var checksums: [UInt64] = []
    var records = 0
    var files: [HistoryFold.File] = []
    var released: [CalendarDay: Set<SendID>] = [:]
  }

  /// The header, and where the sections begin.
  private static func readHeader(_ file: Descriptor, size: Int) -> (Header, Int)? {
    guard let start = try? file.read(32, at: 0), start.count == 32 else { return nil }
    let words = start.withUnsafeBytes { bytes in
      (0..<4).map { UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: $0 * 8, as: UInt64.self)) }
    }
    guard words[0] == magic, words[1] == History.imageFingerprint, words[2] <= UInt64(max(0, size - 32)),
      let bytes = try? file.read(Int(words[2]), at: 32), bytes.count == Int(words[2]),
      bytes.withUnsafeBytes({ ByteHash.of($0) }) == words[3]
    else { return nil }
    let header = bytes.withUnsafeBufferPointer { decode($0) }
    let end = 32 + bytes.count
    guard end + header.sizes.reduce(0, +) == size else { return nil }
    return (header, end)
  }

  private static func encode(_ fold: HistoryFold, _ sections: [UnsafeRawBufferPointer]) -> [UInt8] {
    var out: [UInt8] = []
    func put(_ text: String) {
      var text = text
      text.withUTF8 { out.put(text: $0) }
    }
    out.put(number: UInt64(sections.count))
    for section in sections { out.put(number: UInt64(section.count)) }
    for piece in pieces(sections.map(\.count)) {
      let bytes = UnsafeRawBufferPointer(rebasing: sections[piece.section][piece.range])
      out.put(number: ByteHash.of(bytes))
    }
    out.put(number: UInt64(fold.records))
    out.put(number: UInt64(fold.files.count))
    for file in fold.files {
      put(file.path)
      out.put(signed: Int64(file.day.number))
      for value in [Int64(file.stamp.size), file.stamp.modified, file.stamp.changed] { out.put(signed: value) }
      out.put(number: file.stamp.inode)
      put(file.digest)
      out.put(signed: Int64(file.end))
      out.put(signed: Int64(file.lines))
      put(file.linesDigest)
    }
    let released = fold.released.filter { !$0.value.isEmpty }
    out.put(number: UInt64(released.count))
    for (day, ids) in released.sorted(by: { $0.key < $1.key }) {
      out.put(signed: Int64(day.number))
      out.put(number: UInt64(ids.count))
      for id in ids.sorted() {
        out.put(number: id.high)
        out.put(number: id.low)
      }
    }
    return out
  }

  private static func decode(_ bytes: UnsafeBufferPointer<UInt8>) -> Header {
    var reader = BlockReader(bytes)
    func text() -> String { String(decoding: reader.text(), as: UTF8.self) }
    var header = Header()
    header.sizes = (0..<reader.number()).map { _ in Int(reader.number()) }
    header.checksums = pieces(header.sizes).map { _ in reader.number() }
    header.records = Int(reader.number())
    for _ in 0..<reader.number() {
      let (path, day) = (text(), CalendarDay(number: Int(reader.signed())))
      let stamp = FileStamp(
        size: Int(reader.signed()), modified: reader.signed(), changed: reader.signed(), inode: reader.number())
      header.files.append(
        .init(
          path: path, day: day, stamp: stamp, digest: text(), end: Int(reader.signed()), lines: Int(reader.signed()),
          linesDigest: text()))
    }
    for _ in 0..<reader.number() {
      let day = CalendarDay(number: Int(reader.signed()))
      var ids: Set<SendID> = []
      for _ in 0..<reader.number() {
        let high = reader.number()
        ids.insert(SendID(high: high, low: reader.number()))
      }
      header.released[day] = ids
    }
    return header
  }
}

// MARK: - The sections

extension HistorySnapshot {
  private struct Piece {
    var section: Int
    var range: Range<Int>
    /// From the first section's start.
    var offset: Int
  }

  private static func pieces(_ sizes: [Int]) -> [Piece] {
    var pieces: [Piece] = []
    var offset = 0
    for (section, size) in sizes.enumerated() {
      for start in stride(from: 0, to: size, by: piece) {
        pieces.append(Piece(section: section, range: start..<min(start + piece, size), offset: offset + start))
      }
      offset += size
    }
    return pieces
  }

  /// Reads the sections on all cores. False where any byte is not what was written.
  private static func fill(
    _ sections: [UnsafeMutableRawBufferPointer], from file: Descriptor, at start: Int, _ checksums: [UInt64]
  ) -> Bool {
    let loading = Loading(sections: sections, file: file, start: start, checksums: checksums)
    let pieces = pieces(sections.map(\.count))
    let cores = min(pieces.count, ProcessInfo.processInfo.activeProcessorCount, 8)
    if cores < 2 { return pieces.indices.allSatisfy { loading.read(pieces[$0], $0) } }
    let bad = NSLock()
    nonisolated(unsafe) var isGood = true
    DispatchQueue.concurrentPerform(iterations: cores) { core in
      // Every core its own stretch: pages that lie together are touched by one.
      for i in pieces.count * core / cores..<pieces.count * (core + 1) / cores
      where !loading.read(pieces[i], i) {
        bad.withLock { isGood = false }
        return
      }
    }
    return isGood
  }

  /// Sections that are being filled by several workers, no byte by two.
  private struct Loading: @unchecked Sendable {
    let sections: [UnsafeMutableRawBufferPointer]
    let file: Descriptor
    let start: Int
    let checksums: [UInt64]

    func read(_ piece: Piece, _ number: Int) -> Bool {
      let target = UnsafeMutableRawBufferPointer(rebasing: sections[piece.section][piece.range])
      guard let count = try? file.read(into: target, at: start + piece.offset), count == target.count else {
        return false
      }
      return ByteHash.of(UnsafeRawBufferPointer(target)) == checksums[number]
    }
  }
}

// MARK: - What it holds for

extension HistorySnapshot {
  private struct Rest {
    var days: [HistoryFold.Day]
    /// The snapshot's files that need not be read.
    var files: [HistoryFold.File]
    /// About how many sends the days will add.
    var spare: Int
  }

  /// The days that are still to be read where these files have been; nil where they are not the first of the days any
  /// more, or not what they were.
  private static func rest(
    of days: [HistoryFold.Day], after files: [HistoryFold.File], _ output: OutputFolder
  ) -> Rest? {
    var left = files[...]
    var place = 0
    var rest = Rest(days: [], files: files, spare: 0)
    while !left.isEmpty {
      guard place < days.count else { return nil }
      let day = days[place]
      place += 1
      let known = left.prefix(day.paths.count)
      left = left.dropFirst(day.paths.count)
      guard known.map(\.path) == day.paths.map({ String($0.dropFirst(output.path.count + 1)) }) else { return nil }
      var changed: [(HistoryFold.File, String, FileStamp)] = []
      for (file, path) in zip(known, day.paths) {
        guard let stamp = FileStamp(path) else { return nil }
        if stamp != file.stamp { changed.append((file, path, stamp)) }
      }
      guard let (file, path, stamp) = changed.first else { continue }
      guard left.isEmpty, day.paths.count == 1, let mark = mark(file, path, stamp) else { return nil }
      rest.days.append(.init(date: day.date, paths: day.paths, mark: mark, isPruned: day.isPruned))
      rest.files.removeLast()
      rest.spare += (stamp.size - file.end) / 900 + 1
    }
    for day in days[place...] {
      rest.days.append(day)
      for path in day.paths { rest.spare += (FileStamp(path)?.size ?? 0) / 900 + 1 }
    }
    return rest
  }

  /// Where to read on in a file that was added to; nil where what was read of it has changed.
  private static func mark(_ file: HistoryFold.File, _ path: String, _ stamp: FileStamp) -> ResultsBatchReader.Mark? {
    guard stamp.inode == file.stamp.inode, stamp.size >= file.end, let open = try? Descriptor(path, flags: O_RDONLY)
    else { return nil }
    var mark = ResultsBatchReader.Mark(offset: 0, lines: file.lines)
    while mark.offset < file.end {
      guard let bytes = try? open.read(min(1 << 20, file.end - mark.offset), at: mark.offset), !bytes.isEmpty else {
        return nil
      }
      mark.hash.update(data: bytes)
      mark.offset += bytes.count
    }
    return mark.digest == file.linesDigest ? mark : nil
  }
}

extension OutputFolder {
  /// The history's snapshot; it can be deleted at any time.
  var snapshotPath: String { historyPath + "/snapshot.bin" }
}
