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
  private var hash = SHA256()
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
    hash.update(data: bytes)
    pending += bytes
    if pending.count >= 1 << 18 { try flush() }
  }

  private func flush() throws(JournalProblem) {
    try file.write(pending)
    pending.removeAll(keepingCapacity: true)
  }

  /// `sha256:` and the digest of what was written so far.
  public var digest: String { "sha256:" + Hex.encode(hash.finalize()) }

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
