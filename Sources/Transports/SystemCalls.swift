import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The clock that waits are measured by: it never goes back, whatever happens to the wall clock.
public enum MonotonicTime {
  /// Milliseconds from an arbitrary beginning, as an instant. Only differences mean anything.
  public static func now() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

/// The few system calls of this room, where a Swift name would hide them.
enum SystemCalls {
  /// The words for an `errno`.
  static func words(_ code: Int32) -> String {
    strerror(code).map { String(cString: $0) } ?? "error \(code)"
  }

  /// Waits for any of the sockets; 0 and less than 0 both mean that there is nothing to do.
  static func wait(_ sockets: inout [pollfd], milliseconds: Int) -> Int32 {
    poll(&sockets, nfds_t(sockets.count), Int32(clamping: milliseconds))
  }

  /// Writes what it can of the bytes from `start`; less than 0 means `errno`.
  static func write(_ file: Int32, _ bytes: UnsafeRawBufferPointer, from start: Int) -> Int {
    guard let base = bytes.baseAddress else { return 0 }
    #if canImport(Glibc)
      return Glibc.write(file, base + start, bytes.count - start)
    #elseif canImport(Musl)
      return Musl.write(file, base + start, bytes.count - start)
    #else
      return Darwin.write(file, base + start, bytes.count - start)
    #endif
  }

  /// The place of a byte; nil if it does not occur from `start` on.
  static func find(_ byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int) -> Int? {
    guard start < bytes.count, let base = bytes.baseAddress else { return nil }
    return memchr(base + start, Int32(byte), bytes.count - start).map { UnsafeRawPointer($0) - base }
  }

  static func shutDown(_ socket: Int32) {
    _ = shutdown(socket, Int32(SHUT_RDWR))
  }

  /// A peer that went away must end a write with an error, not the process with a signal. libcurl and OpenSSL write
  /// in places where the call cannot ask for that.
  static let ignoreBrokenPipes: Void = {
    signal(SIGPIPE, SIG_IGN)
  }()

  /// This machine's name where it could stand in EHLO, else `localhost`.
  static let hostName: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, 255) == 0 else { return "localhost" }
    let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return Envelope.isHostName(text) ? text : "localhost"
  }()
}
