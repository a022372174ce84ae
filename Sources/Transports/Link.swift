import CCurl
import Delivery
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// One connection of libcurl: name, TCP, TLS, EHLO and AUTH are libcurl's, the bytes after them ours
/// (`CURLOPT_CONNECT_ONLY`).
///
/// Each link has a multi handle of its own. A multi handle's connection cache takes a CONNECT_ONLY connection for an
/// idle one: whenever another transfer connects, it closes those that are old (`CURLOPT_MAXAGE_CONN`, 118 s) or that
/// have bytes to read, which here are live connections with a reply under way. Alone in its cache, nothing of it is
/// ever pruned.
///
/// Not Sendable: both handles, and the pointers that libcurl holds to this object, live on the transport's thread.
final class Link {
  enum Received {
    case bytes(Int)
    case again
    case closed(String)
  }
  enum Sent {
    case bytes(Int)
    case again
    case failed(String)
  }

  /// The sockets that libcurl waits for while it connects, with their poll events.
  var sockets: [Int32: Int16] { multi.sockets }
  /// When libcurl wants to be called at the latest, on the monotonic clock.
  var timer: Instant? { multi.timer }
  private(set) var handshake: Handshake
  /// Counts the lines heard from the server, so that silence can be told from slowness.
  private(set) var linesHeard = 0
  /// After the login: the connection's socket.
  private(set) var socket: Int32 = -1
  let isEncrypted: Bool

  private var easy: UnsafeMutableRawPointer?
  private let multi: MultiHandle
  private let errorText: UnsafeMutablePointer<CChar>

  /// Nil if libcurl has no memory or lacks an option that safety depends on.
  /// - Parameter keepsCertificate: whether `certificateEnds` will be asked for; it costs some time a handshake.
  init?(_ smtp: Endpoint.SMTP, ehlo: String, timeout: Instant.Span, keepsCertificate: Bool = false) {
    guard let multi = MultiHandle() else { return nil }
    self.multi = multi
    isEncrypted = smtp.security != .none
    handshake = Handshake(
      mayFallBack: smtp.security == .none && smtp.username == nil, redaction: Redaction(smtp))
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    guard configure(easy, smtp, ehlo: ehlo, timeout: timeout) else { return nil }
    if keepsCertificate {
      _ = nm_setopt_long(easy, CURLOPT_CERTINFO, 1)
      // Whoever asks once leaves behind what hangs.
      _ = nm_setopt_long(easy, CURLOPT_QUICK_EXIT, 1)
    }
    guard multi.add(easy) else { return nil }
  }

  private func configure(
    _ easy: UnsafeMutableRawPointer, _ smtp: Endpoint.SMTP, ehlo: String, timeout: Instant.Span
  ) -> Bool {
    var ok = true
    func set(_ option: CURLoption, _ value: Int) { ok = ok && nm_setopt_long(easy, option, value) == CURLE_OK }
    func set(_ option: CURLoption, _ value: String) { ok = ok && nm_setopt_string(easy, option, value) == CURLE_OK }
    let host = smtp.host.contains(":") ? "[\(smtp.host)]" : smtp.host
    let scheme = smtp.security == .implicit ? "smtps" : "smtp"
    set(CURLOPT_URL, "\(scheme)://\(host):\(smtp.port)/\(ehlo)")
    set(CURLOPT_PROTOCOLS_STR, "smtp,smtps")
    let options = ConnectionOptions(
      certificates: smtp.certificates, clientCertificate: smtp.clientCertificate, proxy: smtp.proxy)
    ok = ok && options.apply(to: easy)
    set(CURLOPT_HTTPPROXYTUNNEL, 1)
    set(CURLOPT_CONNECT_ONLY, 1)
    set(CURLOPT_TCP_NODELAY, 1)
    set(CURLOPT_FRESH_CONNECT, 1)
    if smtp.security == .starttls { set(CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)) }
    // The transport measures waits by its own clock; these are a backstop, a little later.
    set(CURLOPT_SERVER_RESPONSE_TIMEOUT, Int(clamping: timeout.secondsRoundedUp + 2))
    set(CURLOPT_CONNECTTIMEOUT_MS, Int(clamping: timeout.milliseconds * 4 + 2000))
    if let username = smtp.username {
      set(CURLOPT_SASL_IR, 1)
      set(CURLOPT_USERNAME, username)
      if let token = smtp.token {
        set(CURLOPT_XOAUTH2_BEARER, token.revealed)
        set(CURLOPT_LOGIN_OPTIONS, "AUTH=XOAUTH2")
      } else {
        set(CURLOPT_PASSWORD, smtp.password?.revealed ?? "")
      }
    }
    let me = Unmanaged.passUnretained(self).toOpaque()
    ok = ok && nm_setopt_pointer(easy, CURLOPT_ERRORBUFFER, errorText) == CURLE_OK
    ok = ok && nm_setopt_pointer(easy, CURLOPT_HEADERDATA, me) == CURLE_OK
    ok =
      ok
      && nm_setopt_data_callback(easy, CURLOPT_HEADERFUNCTION) { data, size, count, context in
        guard let data, let context else { return 0 }
        let link = Unmanaged<Link>.fromOpaque(context).takeUnretainedValue()
        link.heard(UnsafeRawBufferPointer(start: data, count: size * count))
        return size * count
      } == CURLE_OK
    return ok
  }

  deinit {
    close()
    errorText.deallocate()
  }

  // MARK: While it connects

  private func heard(_ line: UnsafeRawBufferPointer) {
    linesHeard += 1
    handshake.take(line)
    // libcurl would say QUIT and block in wait for its answer; on a socket that is shut it cannot.
    if handshake.isHopeless { shutDown() }
  }

  private func shutDown() {
    for socket in sockets.keys { SystemCalls.shutDown(socket) }
    if socket >= 0 { SystemCalls.shutDown(socket) }
  }

  /// A socket that libcurl waits for is ready.
  func ready(_ socket: Int32, events: Int16) { multi.ready(socket, events: events) }

  /// Calls libcurl if its time has come.
  func tick(_ now: Instant) { multi.tick(now) }

  /// Nil while libcurl is at it; then its result. After `CURLE_OK` the connection is ours.
  func result() -> CURLcode? {
    guard let easy else { return CURLE_FAILED_INIT }
    guard let (_, result) = multi.nextFinished() else { return nil }
    guard result == CURLE_OK else { return result }
    var socket = curl_socket_t(-1)
    guard nm_getinfo_socket(easy, CURLINFO_ACTIVESOCKET, &socket) == CURLE_OK, socket >= 0 else {
      return CURLE_COULDNT_CONNECT
    }
    self.socket = socket
    multi.forgetSockets()
    return CURLE_OK
  }

  /// The system's words for why a connection could not be made; nil if it was not the system.
  var systemProblem: String? {
    var code = 0
    guard let easy, nm_getinfo_long(easy, CURLINFO_OS_ERRNO, &code) == CURLE_OK, code > 0 else { return nil }
    return SystemCalls.words(Int32(clamping: code))
  }

  /// When the server's certificate runs out; nil unless it was asked for, and over TLS.
  var certificateEnds: Instant? { easy.flatMap { Certificate.ends(of: $0) } }

  /// libcurl's words for what went wrong.
  func problem(_ code: CURLcode) -> String {
    let detail = String(cString: errorText)
    if !detail.isEmpty { return detail }
    return curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
  }

  // MARK: Once it is ours

  /// Takes what there is, up to the buffer's size; never waits.
  func receive(into buffer: inout [UInt8]) -> Received {
    guard let easy else { return .closed("the connection is closed") }
    var count = 0
    let code = buffer.withUnsafeMutableBytes { curl_easy_recv(easy, $0.baseAddress, $0.count, &count) }
    switch code {
    case CURLE_OK where count > 0: return .bytes(count)
    case CURLE_OK: return .closed("the server closed the connection")
    case CURLE_AGAIN: return .again
    default: return .closed("the connection broke: \(problem(code))")
    }
  }

  /// Hands over as much as the connection takes, at most one TLS record, so that progress shows; never waits.
  func send(_ bytes: [UInt8], from start: Int) -> Sent {
    guard let easy else { return .failed("the connection is closed") }
    var count = 0
    let code = bytes.withUnsafeBytes { all in
      let rest = all[start...].prefix(isEncrypted ? 16_384 : 262_144)
      return curl_easy_send(easy, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, &count)
    }
    switch code {
    case CURLE_OK: return .bytes(count)
    case CURLE_AGAIN: return .again
    default: return .failed("the connection broke: \(problem(code))")
    }
  }

  /// Closes at once. The socket is shut first, so that libcurl's own QUIT fails instead of blocking for its answer.
  func close() {
    shutDown()
    if let easy {
      multi.remove(easy)
      curl_easy_cleanup(easy)
    }
    multi.close()
    easy = nil
    socket = -1
  }
}
