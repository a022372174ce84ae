import Foundation

/// An open file. Every call ends in bytes moved or a typed problem; EINTR and short writes are seen to here.
/// Owned by one reader or writer, closed with it.
final class Descriptor {
  let path: String
  private var fd: Int32

  /// - Parameter flags: of open(2); O_CLOEXEC is added, since a child must not keep a lock or a file open.
  init(_ path: String, flags: Int32, mode: mode_t = 0o600) throws(JournalProblem) {
    self.path = path
    var fd: Int32 = -1
    repeat { fd = open(path, flags | O_CLOEXEC, mode) } while fd < 0 && errno == EINTR
    guard fd >= 0 else {
      let code = errno
      self.fd = -1
      throw code == ENOENT && flags & O_CREAT == 0 ? .missing(path: path) : .system(.open, path: path, code: code)
    }
    self.fd = fd
  }

  deinit { if fd >= 0 { _ = Foundation.close(fd) } }

  /// A failed close is an error: on network file systems it is where a failed write first shows.
  func close() throws(JournalProblem) {
    guard fd >= 0 else { return }
    let closing = fd
    fd = -1
    // After EINTR the descriptor is gone on Linux all the same; a second close could hit somebody else's.
    guard Foundation.close(closing) == 0 || errno == EINTR else { throw problem(.close) }
  }

  private func problem(_ operation: JournalProblem.Operation) -> JournalProblem {
    .system(operation, path: path, code: errno)
  }

  func write(_ bytes: [UInt8]) throws(JournalProblem) {
    let code = bytes.withUnsafeBytes { put($0) }
    guard code == 0 else { throw .system(.write, path: path, code: code) }
  }

  func write(_ bytes: UnsafeRawBufferPointer) throws(JournalProblem) {
    let code = put(bytes)
    guard code == 0 else { throw .system(.write, path: path, code: code) }
  }

  private func put(_ buffer: UnsafeRawBufferPointer) -> Int32 {
    var done = 0
    while done < buffer.count {
      let n = Foundation.write(fd, buffer.baseAddress?.advanced(by: done), buffer.count - done)
      if n < 0 && errno == EINTR { continue }
      // A write of nothing would go on for ever; no regular file answers so.
      guard n > 0 else { return n == 0 ? EIO : errno }
      done += n
    }
    return 0
  }

  /// Writes at a place of its own; several threads may do so at once.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(JournalProblem) {
    var done = 0
    while done < bytes.count {
      let n = pwrite(fd, bytes.baseAddress?.advanced(by: done), bytes.count - done, off_t(offset + done))
      if n < 0 && errno == EINTR { continue }
      guard n > 0 else { throw .system(.write, path: path, code: n == 0 ? EIO : errno) }
      done += n
    }
  }

  func write(_ bytes: [UInt8], at offset: Int) throws(JournalProblem) {
    let result = bytes.withUnsafeBytes { bytes in
      Result { () throws(JournalProblem) in try write(bytes, at: offset) }
    }
    try result.get()
  }

  /// Has the kernel begin with bringing these bytes to the disk, so that a sync at the end is short: Linux starts the
  /// write-back of what is said not to be needed (fadvise64(2), and mm/fadvise.c). No more than a hint: where it fails,
  /// the sync does it all.
  func startWriteBack(at offset: Int, count: Int) {
    _ = posix_fadvise(fd, off_t(offset), off_t(count), POSIX_FADV_DONTNEED)
  }

  /// Up to `count` bytes from the current place, or from `offset`; none at the end.
  func read(_ count: Int, at offset: Int? = nil) throws(JournalProblem) -> [UInt8] {
    let fd = fd
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var n = 0
      repeat {
        n = offset.map { pread(fd, buffer.baseAddress, count, $0) } ?? Foundation.read(fd, buffer.baseAddress, count)
      } while n < 0 && errno == EINTR
      if n < 0 { code = errno }
      filled = max(0, n)
    }
    guard code == 0 else { throw .system(.read, path: path, code: code) }
    return bytes
  }

  /// Fills `buffer` as far as the file has bytes, from the current place or from `offset`. Returns how many.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int? = nil) throws(JournalProblem) -> Int {
    var done = 0
    while done < buffer.count {
      let (target, left) = (buffer.baseAddress?.advanced(by: done), buffer.count - done)
      let n = offset.map { pread(fd, target, left, $0 + done) } ?? Foundation.read(fd, target, left)
      if n < 0 && errno == EINTR { continue }
      guard n >= 0 else { throw problem(.read) }
      if n == 0 { break }
      done += n
    }
    return done
  }

  var stamp: FileStamp {
    get throws(JournalProblem) {
      var status = stat()
      guard fstat(fd, &status) == 0 else { throw problem(.read) }
      return FileStamp(status)
    }
  }

  var size: Int {
    get throws(JournalProblem) {
      var status = stat()
      guard fstat(fd, &status) == 0 else { throw problem(.read) }
      return Int(status.st_size)
    }
  }

  func truncate(to size: Int) throws(JournalProblem) {
    guard ftruncate(fd, off_t(size)) == 0 else { throw problem(.truncate) }
  }

  /// Data and length, but no times: what an append needs.
  func syncData() throws(JournalProblem) {
    guard fdatasync(fd) == 0 else { throw problem(.sync) }
  }

  /// Counts as changed now: to the nanosecond, where writing goes by the kernel's last tick.
  func touch() throws(JournalProblem) {
    var now = timespec()
    guard clock_gettime(CLOCK_REALTIME, &now) == 0, futimens(fd, [now, now]) == 0 else { throw problem(.write) }
  }

  func sync() throws(JournalProblem) {
    guard fsync(fd) == 0 else { throw problem(.sync) }
  }

  /// Takes the exclusive lock of flock(2) without waiting; false if another process or descriptor holds it.
  func tryLock(shared: Bool = false, waits: Bool = false) throws(JournalProblem) -> Bool {
    while flock(fd, (shared ? LOCK_SH : LOCK_EX) | (waits ? 0 : LOCK_NB)) != 0 {
      if errno == EWOULDBLOCK { return false }
      guard errno == EINTR else { throw problem(.lock) }
    }
    return true
  }
}

/// What the system says of a file: as long as all of it is the same, so are the file's bytes.
public struct FileStamp: Hashable, Sendable {
  var size: Int
  /// Nanoseconds since the epoch.
  var modified: Int64
  var changed: Int64
  var inode: UInt64

  init(size: Int, modified: Int64, changed: Int64, inode: UInt64) {
    self.size = size
    self.modified = modified
    self.changed = changed
    self.inode = inode
  }

  init(_ status: stat) {
    func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec) }
    self.init(
      size: Int(status.st_size), modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim),
      inode: UInt64(status.st_ino))
  }

  /// Nil if there is no such file.
  public init?(_ path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    self.init(status)
  }
}

/// What is done to names rather than to bytes.
enum FileSystem {
  static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  static func name(of path: String) -> String {
    path.lastIndex(of: "/").map { String(path[path.index(after: $0)...]) } ?? path
  }

  static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

  /// Creates a folder and those above it that are missing, for the owner alone (0700).
  static func createFolder(_ path: String) throws(JournalProblem) {
    guard mkdir(path, 0o700) != 0 else { return try syncFolder(folder(of: path)) }
    let code = errno
    if code == EEXIST {
      var status = stat()
      if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return }
      throw .system(.create, path: path, code: ENOTDIR)
    }
    let parent = folder(of: path)
    guard code == ENOENT, parent != path, parent != "." else { throw .system(.create, path: path, code: code) }
    try createFolder(parent)
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .system(.create, path: path, code: errno) }
    try syncFolder(parent)
  }

  /// Makes a rename or a new name last. File systems that cannot sync a folder (EINVAL) do not need it.
  static func syncFolder(_ path: String) throws(JournalProblem) {
    let folder = try Descriptor(path, flags: O_RDONLY | O_DIRECTORY)
    do {
      try folder.sync()
    } catch {
      if case .system(_, _, EINVAL) = error { return }
      throw error
    }
  }

  /// The names in a folder, sorted; none if there is no such folder.
  static func names(in path: String) throws(JournalProblem) -> [String] {
    guard let stream = opendir(path) else {
      guard errno == ENOENT else { throw .system(.list, path: path, code: errno) }
      return []
    }
    defer { closedir(stream) }
    var names: [String] = []
    errno = 0
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: Int(NAME_MAX) + 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
      errno = 0
    }
    guard errno == 0 else { throw .system(.list, path: path, code: errno) }
    return names.sorted()
  }
}
