import Foundation
import Model

/// A file that cannot be read or written: what the system says.
public struct FileProblem: Error, Hashable, Sendable, CustomStringConvertible {
  public var message: String
  public init(_ message: String) { self.message = message }
  public var description: String { message }

  static func system(_ what: String) -> FileProblem { FileProblem("\(what): \(String(cString: strerror(errno)))") }
}

/// The bytes of a file in order, digested as they pass.
final class ByteSource {
  private var descriptor: Int32 = -1
  private let path: String?
  private var first = stat()
  /// Bytes in memory in place of a file: for tests and for values.
  private var memory: ArraySlice<UInt8> = []
  private var digest = FileDigest()
  /// False where the caller digests what it has read itself, with `take`.
  var isDigesting = true

  init(path: String) throws(FileProblem) {
    self.path = path
    // Without O_NONBLOCK a pipe in the data folder would hang the plan for ever.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system("the file cannot be opened") }
    guard fstat(descriptor, &first) == 0 else { throw .system("the file cannot be read") }
    guard first.st_mode & S_IFMT == S_IFREG else { throw FileProblem("this is no regular file") }
  }

  init(bytes: [UInt8]) {
    path = nil
    memory = bytes[...]
    first.st_size = off_t(bytes.count)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// In bytes, when it was opened.
  var size: Int { Int(first.st_size) }

  /// `sha256:` and the hex digits of what has been read so far.
  var digestText: String { digest.text }

  /// Digests bytes that were read while `isDigesting` was false, in the file's order.
  func take(_ bytes: UnsafeBufferPointer<UInt8>) { digest.update(UnsafeRawBufferPointer(bytes)) }

  /// Reads on into `buffer`; 0 means the end.
  func read(_ buffer: UnsafeMutableRawBufferPointer) throws(FileProblem) -> Int {
    var got = -1
    if descriptor >= 0 {
      repeat { got = Foundation.read(descriptor, buffer.baseAddress, buffer.count) } while got < 0 && errno == EINTR
      guard got >= 0 else { throw .system("the file cannot be read") }
    } else {
      let part = memory.prefix(buffer.count)
      memory = memory.dropFirst(part.count)
      got = part.count
      part.withUnsafeBytes { buffer.copyMemory(from: $0) }
    }
    if isDigesting { digest.update(UnsafeRawBufferPointer(rebasing: buffer[..<got])) }
    return got
  }

  /// Appends at most `count` bytes; 0 means the end.
  func read(_ count: Int, into buffer: inout [UInt8]) throws(FileProblem) -> Int {
    // Read beside the buffer and copied over: growing an array by zeros first would cost more than the copy.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    defer { scratch.deallocate() }
    let got = try read(scratch)
    buffer.append(contentsOf: scratch[..<got])
    return got
  }

  /// All that is left, up to `limit` bytes and one more, which tells that there is more.
  func readAll(limit: Int) throws(FileProblem) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count <= limit {
      if try read(min(256 << 10, limit + 1 - bytes.count), into: &bytes) == 0 { break }
    }
    return bytes
  }

  /// Reads on to the end, keeping nothing: only the digest matters.
  func drain() throws(FileProblem) {
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
    defer { scratch.deallocate() }
    while try read(scratch) > 0 {}
  }

  /// Stops where the file is another one than when it was opened: half of what was read may be from before a change,
  /// and half from after it.
  func checkUnchanged() throws(FileProblem) {
    guard let path else { return }
    var (own, there) = (stat(), stat())
    guard fstat(descriptor, &own) == 0, stat(path, &there) == 0, isFirst(own), isFirst(there) else {
      throw FileProblem("the file changed while it was being read; run again")
    }
  }

  private func isFirst(_ info: stat) -> Bool {
    info.st_ino == first.st_ino && info.st_dev == first.st_dev && info.st_size == first.st_size
      && info.st_mtim.tv_sec == first.st_mtim.tv_sec && info.st_mtim.tv_nsec == first.st_mtim.tv_nsec
  }
}
