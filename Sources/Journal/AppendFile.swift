import Foundation
import Model

/// A file of lines that only grows. What `commit` returned from is on disk; a crash in between leaves at most one
/// torn last line, which the next opening cuts off.
///
///     open ──append──▶ open ──commit──▶ open        (commit failed) ──▶ stopped: every call throws
///
/// The caller holds the lock of the folder: two writers would tear each other's lines.
final class AppendFile {
  let path: String
  /// How many bytes of a torn line were cut off on opening.
  let cut: Int
  private let file: Descriptor
  private let background: BackgroundWrite
  private(set) var isStopped = false
  var pending: [UInt8] = []
  /// The memory of the last block that was written.
  private var spare: [UInt8] = []

  /// Opens or makes the file; a new one begins with `header` and a line break.
  init(_ path: String, header: String) throws(JournalProblem) {
    self.path = path
    let isNew = !FileSystem.exists(path)
    file = try Descriptor(path, flags: O_RDWR | O_CREAT | O_APPEND)
    background = BackgroundWrite(file)
    let size = try file.size
    let end = try Self.endOfLastLine(file, size: size)
    cut = size - end
    if end < size { try file.truncate(to: end) }
    if end == 0 { try file.write(Array((header + "\n").utf8)) }
    if end == 0 || end < size { try file.sync() }
    if isNew { try FileSystem.syncFolder(FileSystem.folder(of: path)) }
    pending.reserveCapacity(1 << 16)
  }

  /// For tests: a file that is open already, such as `/dev/full`.
  init(_ file: Descriptor) {
    path = file.path
    self.file = file
    background = BackgroundWrite(file)
    cut = 0
  }

  /// The place after the last line break; 0 if there is none.
  private static func endOfLastLine(_ file: Descriptor, size: Int) throws(JournalProblem) -> Int {
    var end = size
    while end > 0 {
      let start = max(0, end - (1 << 16))
      let bytes = try file.read(end - start, at: start)
      guard bytes.count == end - start else { throw .system(.read, path: file.path, code: EIO) }
      if let i = bytes.lastIndex(of: 0x0A) { return start + i + 1 }
      end = start
    }
    return 0
  }

  /// Writes what was appended and waits until it is on disk (0.2 ms and more).
  func commit() throws(JournalProblem) {
    _ = try endCommit(waits: true)
    guard !pending.isEmpty else { return }
    do {
      try file.write(pending)
      try file.syncData()
    } catch {
      // Part of it may be on disk, and after a failed sync the kernel may have dropped the rest: only a new opening
      // can tell what is there.
      isStopped = true
      throw error
    }
    pending.removeAll(keepingCapacity: true)
  }

  /// Begins to write what was appended, on another thread; one such commit at a time.
  /// - Parameter done: called there once it is on disk or has failed; `endCommit` tells which.
  func beginCommit(done: @escaping @Sendable () -> Void) throws(JournalProblem) {
    guard !isStopped else { throw .stopped(path: path) }
    let block = pending
    pending = spare
    spare = []
    background.begin(block, done: done)
  }

  /// - Returns: true once what `beginCommit` began is on disk, or if nothing was begun.
  func endCommit(waits: Bool = false) throws(JournalProblem) -> Bool {
    guard !isStopped else { throw .stopped(path: path) }
    guard background.isUnderWay else { return true }
    do {
      guard let block = try background.end(waits: waits) else { return false }
      spare = block
      spare.removeAll(keepingCapacity: true)
      return true
    } catch {
      isStopped = true
      throw error
    }
  }

  func close() throws(JournalProblem) {
    if !isStopped { try commit() }
    isStopped = true
    try file.close()
  }
}
