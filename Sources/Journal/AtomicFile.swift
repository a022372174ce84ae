import Crypto
import Foundation
import Model

/// A file that appears whole or not at all: written beside its place, synced, renamed over it, the folder synced.
public enum AtomicFile {
  /// Writes `bytes` to `path`. After it returns, a power cut no longer takes them away; if it throws, what was at
  /// `path` before is there still.
  /// - Parameter mode: permissions of the new file, less the umask.
  public static func write(_ bytes: [UInt8], to path: String, mode: mode_t = 0o600) throws(JournalProblem) {
    let file = try AtomicFileWriter(path: path, mode: mode)
    try file.write(bytes)
    try file.commit()
  }

  /// Writes a new file that only its owner may read, synced; nothing that stands at `path` is written over.
  /// - Returns: false if something stands there already.
  public static func create(_ bytes: [UInt8], at path: String) throws(JournalProblem) -> Bool {
    let file: Descriptor
    do throws(JournalProblem) {
      file = try Descriptor(path, flags: O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
    } catch .system(.open, _, EEXIST) {
      return false
    }
    do throws(JournalProblem) {
      try file.write(bytes)
      try file.sync()
      try file.close()
    } catch {
      _ = unlink(path)
      throw error
    }
    return true
  }

  /// The whole file; nil if there is none.
  public static func read(_ path: String) throws(JournalProblem) -> [UInt8]? {
    do {
      let file = try Descriptor(path, flags: O_RDONLY)
      var bytes = try file.read(max(1, try file.size) + 1)
      while true {
        let more = try file.read(1 << 16)
        if more.isEmpty { return bytes }
        bytes += more
      }
    } catch .missing { return nil }
  }

  /// `sha256:` and the digest of a file, read in pieces; nil if there is none.
  public static func digest(of path: String) throws(JournalProblem) -> String? {
    do {
      let file = try Descriptor(path, flags: O_RDONLY)
      var hash = SHA256()
      while true {
        let bytes = try file.read(1 << 18)
        if bytes.isEmpty { return "sha256:" + Hex.encode(hash.finalize()) }
        hash.update(data: bytes)
      }
    } catch .missing { return nil }
  }

  /// Whether two files hold the same bytes; not if one is missing. Sizes first, then pieces up to the first that
  /// differs.
  static func areSame(_ a: String, _ b: String) throws(JournalProblem) -> Bool {
    do {
      let (a, b) = (try Descriptor(a, flags: O_RDONLY), try Descriptor(b, flags: O_RDONLY))
      guard try a.size == b.size else { return false }
      while true {
        let (one, other) = (try a.read(1 << 18), try b.read(1 << 18))
        guard one == other else { return false }
        if one.isEmpty { return true }
      }
    } catch .missing { return false }
  }

  /// Keeps a file under a second name, at no cost; as a copy where the file system has no second names. The two are one
  /// file until another is renamed over the first.
  static func keep(_ source: String, as path: String) throws(JournalProblem) {
    guard link(source, path) == 0 else { return try copy(source, to: path) }
    try FileSystem.syncFolder(FileSystem.folder(of: path))
  }

  /// Copies a file, whole or not at all.
  static func copy(_ source: String, to path: String) throws(JournalProblem) {
    let from = try Descriptor(source, flags: O_RDONLY)
    let file = try AtomicFileWriter(path: path)
    while true {
      let bytes = try from.read(1 << 18)
      if bytes.isEmpty { return try file.commit() }
      try file.write(bytes)
    }
  }
}

/// As `AtomicFile.write`, for files that are made piece by piece. Dropped without `commit`, it leaves nothing behind.
public final class AtomicFileWriter {
  public let path: String
  private let temporary: String
  private let file: Descriptor
  private var pending: [UInt8] = []
  /// Where the next bytes go, those of `pending` not counted.
  private var size = 0
  private var isOpen = true

  /// The temporary name opens with a dot and ends in `.tmp`, which globs pass over.
  public init(path: String, mode: mode_t = 0o600) throws(JournalProblem) {
    self.path = path
    let mark = Hex.encode(withUnsafeBytes(of: UInt64.random(in: 0 ... .max)) { Array($0) })
    temporary = FileSystem.folder(of: path) + "/." + FileSystem.name(of: path) + "." + mark + ".tmp"
    file = try Descriptor(temporary, flags: O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode)
  }

  deinit { discard() }

  public func write(_ bytes: [UInt8]) throws(JournalProblem) {
    pending += bytes
    if pending.count >= 1 << 18 { try flush() }
  }

  private func flush() throws(JournalProblem) {
    guard !pending.isEmpty else { return }
    let offset = size
    size += pending.count
    defer { pending.removeAll(keepingCapacity: true) }
    try file.write(pending, at: offset)
  }

  /// Keeps a place behind what was written so far, for `put`. In the order of the calls; never two at once.
  func place(_ count: Int) throws(JournalProblem) -> Int {
    try flush()
    defer { size += count }
    return size
  }

  /// Writes at a place that was kept. Any number of threads may do so at once.
  func put(_ bytes: UnsafeRawBufferPointer, at place: Int) throws(JournalProblem) {
    try file.write(bytes, at: place)
    // Whoever comes to the end of a stretch has the one before it written back.
    let stretch = (place + bytes.count) / Self.stretch
    if stretch > 0, stretch > place / Self.stretch {
      file.startWriteBack(at: (stretch - 1) * Self.stretch, count: Self.stretch)
    }
  }

  /// Measured with 570 MB: from 4 to 16 MiB at a time take 0.59 s in all, half a MiB 0.65, and no write-back before the
  /// sync 0.69.
  private static let stretch = 1 << 23

  /// Changes the file's first bytes into others of the same number.
  func overwrite(_ bytes: [UInt8], insteadOf first: [UInt8]) throws(JournalProblem) {
    precondition(bytes.count == first.count)
    try flush()
    try file.write(bytes, at: 0)
  }

  /// Whether what was written so far is what stands at the path already, byte for byte.
  public func isThereAlready() throws(JournalProblem) -> Bool {
    try flush()
    return try AtomicFile.areSame(temporary, path)
  }

  /// Puts the file in its place.
  public func commit() throws(JournalProblem) {
    guard isOpen else { throw .stopped(path: path) }
    try flush()
    try file.sync()
    try file.close()
    guard rename(temporary, path) == 0 else { throw .system(.rename, path: path, code: errno) }
    isOpen = false
    try FileSystem.syncFolder(FileSystem.folder(of: path))
  }

  /// Takes the temporary file away; what stands at `path` stays.
  public func discard() {
    guard isOpen else { return }
    isOpen = false
    _ = unlink(temporary)
  }
}
