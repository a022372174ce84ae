import CCurl
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A multi handle of libcurl, with the sockets and the timer that it waits for: what the transport's one loop needs to
/// drive it.
///
/// Not Sendable: the handle, and the pointer to this object that libcurl holds, live on the transport's thread.
final class MultiHandle {
  /// The sockets that libcurl waits for, with their poll events.
  private(set) var sockets: [Int32: Int16] = [:]
  /// When libcurl wants to be called at the latest, on the monotonic clock.
  private(set) var timer: Instant?
  private var multi: UnsafeMutableRawPointer?
  private static let globalResult = curl_global_init(Int(CURL_GLOBAL_ALL))

  /// Nil if libcurl has no memory.
  init?() {
    guard Self.globalResult == CURLE_OK, let multi = curl_multi_init() else { return nil }
    self.multi = multi
    let me = Unmanaged.passUnretained(self).toOpaque()
    _ = nm_multi_setopt_pointer(multi, CURLMOPT_SOCKETDATA, me)
    _ = nm_multi_setopt_pointer(multi, CURLMOPT_TIMERDATA, me)
    _ = nm_multi_setopt_socket_callback(multi) { _, socket, what, context, _ in
      context.map { Unmanaged<MultiHandle>.fromOpaque($0).takeUnretainedValue().interest(socket, what) }
      return 0
    }
    _ = nm_multi_setopt_timer_callback(multi) { _, milliseconds, context in
      context.map { Unmanaged<MultiHandle>.fromOpaque($0).takeUnretainedValue().setTimer(milliseconds) }
      return 0
    }
  }

  deinit { close() }

  /// How many idle connections are kept.
  func keepConnections(_ count: Int) {
    guard let multi else { return }
    _ = nm_multi_setopt_long(multi, CURLMOPT_MAXCONNECTS, count)
  }

  func add(_ easy: UnsafeMutableRawPointer) -> Bool {
    guard let multi else { return false }
    return curl_multi_add_handle(multi, easy) == CURLM_OK
  }

  func remove(_ easy: UnsafeMutableRawPointer) {
    guard let multi else { return }
    curl_multi_remove_handle(multi, easy)
  }

  private func interest(_ socket: Int32, _ what: Int32) {
    switch what {
    case CURL_POLL_IN: sockets[socket] = Int16(POLLIN)
    case CURL_POLL_OUT: sockets[socket] = Int16(POLLOUT)
    case CURL_POLL_INOUT: sockets[socket] = Int16(POLLIN) | Int16(POLLOUT)
    default: sockets[socket] = nil
    }
  }

  private func setTimer(_ milliseconds: Int) {
    timer = milliseconds < 0 ? nil : MonotonicTime.now() + Instant.Span(milliseconds: Int64(milliseconds))
  }

  /// A socket that libcurl waits for is ready.
  func ready(_ socket: Int32, events: Int16) {
    guard let multi else { return }
    var mask: Int32 = 0
    if events & Int16(POLLIN) != 0 { mask |= CURL_CSELECT_IN }
    if events & Int16(POLLOUT) != 0 { mask |= CURL_CSELECT_OUT }
    if events & ~(Int16(POLLIN) | Int16(POLLOUT)) != 0 { mask |= CURL_CSELECT_ERR | CURL_CSELECT_IN }
    var running: Int32 = 0
    curl_multi_socket_action(multi, socket, mask, &running)
  }

  /// Calls libcurl if its time has come.
  func tick(_ now: Instant) {
    guard let multi, let timer, timer <= now else { return }
    self.timer = nil
    var running: Int32 = 0
    curl_multi_socket_action(multi, CURL_SOCKET_BAD, 0, &running)
  }

  /// The next transfer that has come to its end, each once.
  func nextFinished() -> (easy: UnsafeMutableRawPointer, result: CURLcode)? {
    guard let multi else { return nil }
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let easy = message.pointee.easy_handle else { continue }
      return (easy, nm_message_result(message))
    }
    return nil
  }

  /// A connection that has become somebody else's is waited for no more.
  func forgetSockets() {
    sockets = [:]
    timer = nil
  }

  func close() {
    if let multi {
      _ = nm_multi_setopt_pointer(multi, CURLMOPT_SOCKETDATA, nil)
      _ = nm_multi_setopt_pointer(multi, CURLMOPT_TIMERDATA, nil)
      curl_multi_cleanup(multi)
    }
    multi = nil
    forgetSockets()
  }
}
