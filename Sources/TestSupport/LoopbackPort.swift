import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// TCP ports on 127.0.0.1.
public enum LoopbackPort {
  /// A port that nobody listens on just now.
  public static func free() -> Int {
    guard let (socket, port) = listen() else { return 0 }
    close(socket)
    return port
  }

  /// Whether somebody listens there before the time is up.
  public static func waitUntilOpen(_ port: Int, seconds: Double = 10) -> Bool {
    let end = Date().addingTimeInterval(seconds)
    repeat {
      let socket = socket(AF_INET, streamType, 0)
      defer { close(socket) }
      if withAddress(port, { open(socket, $0, $1) }) == 0 { return true }
      usleep(5000)
    } while Date() < end
    return false
  }

  /// A socket that is connected to a port; nil if nobody listens there.
  static func connect(_ port: Int) -> Int32? {
    let socket = socket(AF_INET, streamType, 0)
    guard socket >= 0 else { return nil }
    if withAddress(port, { open(socket, $0, $1) }) == 0 { return socket }
    close(socket)
    return nil
  }

  private static func open(_ socket: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t) -> Int32 {
    #if canImport(Glibc)
      Glibc.connect(socket, address, size)
    #elseif canImport(Musl)
      Musl.connect(socket, address, size)
    #else
      Darwin.connect(socket, address, size)
    #endif
  }

  /// A listening socket on a port that the system picks.
  static func listen() -> (socket: Int32, port: Int)? {
    let listener = socket(AF_INET, streamType, 0)
    guard listener >= 0 else { return nil }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard withAddress(0, { bind(listener, $0, $1) }) == 0, startListening(listener) else {
      close(listener)
      return nil
    }
    var address = sockaddr_in()
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let named = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) }
    }
    guard named == 0 else {
      close(listener)
      return nil
    }
    return (listener, Int(UInt16(bigEndian: address.sin_port)))
  }

  #if canImport(Glibc)
    private static let streamType = Int32(SOCK_STREAM.rawValue)
    private static func startListening(_ socket: Int32) -> Bool { Glibc.listen(socket, 512) == 0 }
  #elseif canImport(Musl)
    private static let streamType = SOCK_STREAM
    private static func startListening(_ socket: Int32) -> Bool { Musl.listen(socket, 512) == 0 }
  #else
    private static let streamType = SOCK_STREAM
    private static func startListening(_ socket: Int32) -> Bool { Darwin.listen(socket, 512) == 0 }
  #endif

  private static func withAddress(
    _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
  ) -> Int32 {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr.s_addr = in_addr_t(UInt32(0x7F00_0001).bigEndian)
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
  }
}
