import CCurl
import Delivery
import Model

/// One request on its way, or (`request` nil) a connection that is made, found good and closed: an easy handle of
/// libcurl with what its callbacks need.
///
/// libcurl may send a request a second time, unasked, when a reused connection dies before any answer
/// (`Curl_retry_request`, lib/transfer.c): the server could have the message twice. Two guards, either of which would do:
/// the body cannot be rewound, and the second time that a request is about to be written ends the transfer.
///
/// Not Sendable: the handle, and the pointer to this object that libcurl holds, live on the transport's thread.
final class HTTPTransfer {
  let job: Job?
  /// libcurl has been given the transfer.
  var isStarted = false
  /// The connection stood and the request's first byte may have left.
  private(set) var isSent = false
  private(set) var response = HTTPResponse()
  /// When it has waited long enough.
  var deadline = Instant(milliseconds: .max)
  let easy: UnsafeMutableRawPointer

  private let request: HTTPRequest?
  private let errorText: UnsafeMutablePointer<CChar>
  private var fields: UnsafeMutablePointer<curl_slist>?
  private var position = 0
  private let timeouts: HTTPTimeouts
  private let now: () -> Instant
  /// Told the connection's local port as the request goes out; true if it is to be the connection's last.
  private let isLastOn: (Int32) -> Bool

  /// Nil if libcurl has no memory or lacks an option that safety depends on, or a field could not be written as one.
  init?(
    _ job: Job?, _ request: HTTPRequest?, url: String, _ http: Endpoint.HTTP, _ timeouts: HTTPTimeouts,
    now: @escaping () -> Instant, isLastOn: @escaping (Int32) -> Bool
  ) {
    guard let easy = curl_easy_init() else { return nil }
    self.easy = easy
    self.job = job
    self.request = request
    self.timeouts = timeouts
    self.now = now
    self.isLastOn = isLastOn
    errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
    errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    guard configure(url, http), request.map(configure) ?? true else { return nil }
  }

  deinit {
    curl_easy_cleanup(easy)
    curl_slist_free_all(fields)
    errorText.deallocate()
  }

  /// libcurl's words for what went wrong.
  func problem(_ code: CURLcode) -> String {
    let detail = String(cString: errorText)
    if !detail.isEmpty { return detail }
    return curl_easy_strerror(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
  }

  /// The system's words for why a connection could not be made; nil if it was not the system.
  var systemProblem: String? {
    var code = 0
    guard nm_getinfo_long(easy, CURLINFO_OS_ERRNO, &code) == CURLE_OK, code > 0 else { return nil }
    return SystemCalls.words(Int32(clamping: code))
  }

  // MARK: Options

  private func set(_ option: CURLoption, _ value: Int) -> Bool { nm_setopt_long(easy, option, value) == CURLE_OK }
  private func set(_ option: CURLoption, _ value: String) -> Bool {
    nm_setopt_string(easy, option, value) == CURLE_OK
  }

  private func configure(_ url: String, _ http: Endpoint.HTTP) -> Bool {
    var ok = set(CURLOPT_URL, url) && set(CURLOPT_PROTOCOLS_STR, "http,https")
    let options = ConnectionOptions(
      certificates: http.certificates, clientCertificate: http.clientCertificate, proxy: http.proxy)
    ok = ok && options.apply(to: easy) && set(CURLOPT_FOLLOWLOCATION, 0)
    ok = ok && set(CURLOPT_HTTP_VERSION, Int(CURL_HTTP_VERSION_1_1))
    // An idle connection may be closed by the server at any time, and a request that meets that is in doubt: of old
    // ones none is used.
    ok = ok && set(CURLOPT_MAXAGE_CONN, Int(HTTPTimeouts.idle.secondsRoundedUp))
    // The transport measures waits by its own clock; this is a backstop, a little later.
    ok = ok && set(CURLOPT_CONNECTTIMEOUT_MS, Int(clamping: timeouts.connect.milliseconds * 4 + 2000))
    ok = ok && nm_setopt_pointer(easy, CURLOPT_ERRORBUFFER, errorText) == CURLE_OK
    if request == nil { ok = ok && set(CURLOPT_CONNECT_ONLY, 1) }
    return ok
  }

  private func configure(_ request: HTTPRequest) -> Bool {
    var ok = set(CURLOPT_POST, 1) && set(CURLOPT_CUSTOMREQUEST, request.method)
    ok = ok && nm_setopt_offset(easy, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count)) == CURLE_OK
    for field in request.fields { ok = ok && append(field) }
    // By its option, since libcurl signs every field that it is given, and a proxy may put its own in this one's place.
    ok = ok && set(CURLOPT_USERAGENT, "nightmail")
    if let signing = request.signing {
      ok = ok && set(CURLOPT_AWS_SIGV4, "aws:amz:\(signing.region):\(signing.service)")
      ok = ok && set(CURLOPT_USERNAME, signing.accessKeyID.revealed)
      ok = ok && set(CURLOPT_PASSWORD, signing.secretAccessKey.revealed)
    } else {
      // Without `100 Continue` (RFC 9110 §10.1.1): few services answer it, and each large message would wait a second.
      // 7.88 signs an empty Expect wrongly, so a signed request leaves it to libcurl.
      fields = curl_slist_append(fields, "Expect:")
    }
    ok = ok && nm_setopt_pointer(easy, CURLOPT_HTTPHEADER, fields) == CURLE_OK
    return ok && setCallbacks()
  }

  /// A field with a control in it could end its line and begin another.
  private func append(_ field: HTTPRequest.Field) -> Bool {
    guard !field.name.isEmpty, !field.value.isEmpty,
      field.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != 0x3A }),
      field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
    else { return false }
    guard let longer = curl_slist_append(fields, "\(field.name): \(field.value)") else { return false }
    fields = longer
    return true
  }

  private func setCallbacks() -> Bool {
    let me = Unmanaged.passUnretained(self).toOpaque()
    var ok = true
    for option in [CURLOPT_READDATA, CURLOPT_SEEKDATA, CURLOPT_WRITEDATA, CURLOPT_HEADERDATA, CURLOPT_PREREQDATA] {
      ok = ok && nm_setopt_pointer(easy, option, me) == CURLE_OK
    }
    let read: nm_data_callback = { data, size, count, context in
      guard let data, let context else { return Int(CURL_READFUNC_ABORT) }
      return Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
        .read(UnsafeMutableRawBufferPointer(start: data, count: size * count))
    }
    let write: nm_data_callback = { data, size, count, context in
      guard let data, let context else { return 0 }
      let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
      return transfer.response.take(body: UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
    }
    let header: nm_data_callback = { data, size, count, context in
      guard let data, let context else { return 0 }
      let transfer = Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue()
      return transfer.response.take(line: UnsafeRawBufferPointer(start: data, count: size * count)) ? size * count : 0
    }
    ok = ok && nm_setopt_data_callback(easy, CURLOPT_READFUNCTION, read) == CURLE_OK
    ok = ok && nm_setopt_data_callback(easy, CURLOPT_WRITEFUNCTION, write) == CURLE_OK
    ok = ok && nm_setopt_data_callback(easy, CURLOPT_HEADERFUNCTION, header) == CURLE_OK
    ok = ok && nm_setopt_seek_callback(easy) { _, _, _ in CURL_SEEKFUNC_FAIL } == CURLE_OK
    let prereq: nm_prereq_callback = { context, _, _, _, localPort in
      guard let context else { return CURL_PREREQFUNC_ABORT }
      return Unmanaged<HTTPTransfer>.fromOpaque(context).takeUnretainedValue().mayBeWritten(localPort)
        ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT
    }
    return ok && nm_setopt_prereq_callback(easy, prereq) == CURLE_OK
  }

  // MARK: What libcurl calls

  /// The connection stands, and the request is about to be written: once.
  private func mayBeWritten(_ localPort: Int32) -> Bool {
    guard !isSent else { return false }
    isSent = true
    if isLastOn(localPort) { _ = set(CURLOPT_FORBID_REUSE, 1) }
    deadline = now() + timeouts.reply
    return true
  }

  private func read(_ target: UnsafeMutableRawBufferPointer) -> Int {
    guard let request else { return Int(CURL_READFUNC_ABORT) }
    let count = min(target.count, request.body.count - position)
    request.body.withUnsafeBytes { body in
      target.copyMemory(from: UnsafeRawBufferPointer(rebasing: body[position..<(position + count)]))
    }
    position += count
    // The server is given its time anew as long as the body moves on.
    deadline = now() + timeouts.reply
    return count
  }
}

/// How long to wait over HTTP, or as the endpoint's `timeout` says.
struct HTTPTimeouts {
  /// For name, connection and TLS.
  var connect = Instant.Span.seconds(30)
  /// From one piece of the request to the next, and from its last to the end of the answer. Services answer within
  /// seconds; since an attempt without an answer is in doubt, one that is slow is given more.
  var reply = Instant.Span.minutes(2)

  /// An idle connection is not used any more after this.
  static let idle = Instant.Span.seconds(20)

  init(_ override: Instant.Span?) {
    guard let override else { return }
    connect = override
    reply = override
  }
}
