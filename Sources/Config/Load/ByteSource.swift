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
  /// Bytes in memory in place of a file: for tests and for values.
  private var memory: ArraySlice<UInt8> = []
  private var digest = FileDigest()
  private var scratch = UnsafeMutableRawBufferPointer(start: nil, count: 0)

  init(path: String) throws(FileProblem) {
    // Without O_NONBLOCK a pipe in the data folder would hang the plan for ever.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw .system("the file cannot be opened") }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw .system("the file cannot be read") }
    guard info.st_mode & S_IFMT == S_IFREG else { throw FileProblem("this is no regular file") }
  }

  init(bytes: [UInt8]) { memory = bytes[...] }

  deinit {
    scratch.deallocate()
    if descriptor >= 0 { close(descriptor) }
  }

  /// `sha256:` and the hex digits of what has been read so far.
  var digestText: String { digest.text }

  /// Appends at most `count` bytes; 0 means the end.
  func read(_ count: Int, into buffer: inout [UInt8]) throws(FileProblem) -> Int {
    guard descriptor >= 0 else {
      let part = memory.prefix(count)
      memory = memory.dropFirst(part.count)
      buffer += part
      part.withUnsafeBytes { digest.update($0) }
      return part.count
    }
    // Read beside the buffer and copied over: growing an array by zeros first would cost more than the copy.
    if scratch.count < count {
      scratch.deallocate()
      scratch = .allocate(byteCount: count, alignment: 16)
    }
    var got = -1
    repeat { got = Foundation.read(descriptor, scratch.baseAddress, count) } while got < 0 && errno == EINTR
    guard got >= 0 else { throw .system("the file cannot be read") }
    let part = UnsafeRawBufferPointer(rebasing: scratch[..<got])
    digest.update(part)
    buffer.append(contentsOf: part)
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
    var bytes: [UInt8] = []
    repeat { bytes.removeAll(keepingCapacity: true) } while try read(256 << 10, into: &bytes) > 0
  }
}
