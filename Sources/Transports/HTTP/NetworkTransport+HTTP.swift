import CCurl
import Delivery
import Model

/// What happens to attempts over HTTP: the probe, the request, and every way to end.
extension NetworkTransport {
  func beginHTTP(_ job: Job, _ http: Endpoint.HTTP) {
    let attempt = job.attempt
    guard attempt.channel == http.service.channel else {
      let text = attempt.channel == .sms ? "this service carries no text messages" : "this service carries no e-mail"
      return end(job, .unsupported, text)
    }
    guard let login = services[attempt.endpoint.login] ?? MultiHandle().map({ HTTPLogin(attempt.endpoint, http, $0) })
    else {
      return end(job, .connectionLost, "libcurl could not be prepared")
    }
    login.endpoint = attempt.endpoint
    login.http = http
    login.multi.keepConnections(max(1, attempt.endpoint.maxConnections))
    services[login.name] = login
    login.waiting.append(job)
    hasNewRequests = true
  }

  private func end(_ job: Job, _ ending: Reply.Ending, _ text: String) {
    let reply = Reply(
      stage: .request, ending: ending, text: ReplyText.printable(text.utf8, limit: 500), completed: false)
    tell(.finished(handle: job.attempt.handle, reply))
  }

  /// Gives room to those that wait.
  func serveServices() {
    guard hasNewRequests else { return }
    hasNewRequests = false
    for login in services.values where !login.waiting.isEmpty { serve(login) }
  }

  private func serve(_ login: HTTPLogin) {
    guard !isDraining, !login.waiting.isEmpty else { return }
    if login.state == .unknown { return startProbe(login) }
    while login.room > 0, !login.waiting.isEmpty {
      let job = login.waiting.removeFirst()
      do throws(HTTPRequest.Problem) {
        let request = try Services.request(job.attempt, login.http)
        guard let transfer = transfer(login, job, request) else {
          throw HTTPRequest.Problem("the request cannot be written: a value has a character that HTTP cannot carry")
        }
        login.add(transfer)
        tell(.ready(handle: job.attempt.handle))
      } catch {
        end(job, .unsupported, error.text)
      }
    }
  }

  private func transfer(_ login: HTTPLogin, _ job: Job?, _ request: HTTPRequest?) -> HTTPTransfer? {
    let template = login.http.url
    let url = request?.url ?? WebAddress(template).map { "\($0.isEncrypted ? "https" : "http")://\($0.authority)/" }
    return HTTPTransfer(
      job, request, url: url ?? Services.place(of: template), login.http, HTTPTimeouts(login.endpoint.timeout),
      now: now, isLastOn: { [unowned login] in login.isLast(on: $0) })
  }

  private func startProbe(_ login: HTTPLogin) {
    guard let probe = transfer(login, nil, nil) else {
      return unavailable(login, .connection, "\(place(login)): libcurl could not prepare a connection")
    }
    login.state = .probing
    login.probe = probe
    start(login, probe)
  }

  /// The intent is on disk.
  func completeHTTP(_ job: Job) {
    guard let login = services[job.attempt.endpoint.login], let transfer = login.transfer(job) else { return }
    start(login, transfer)
  }

  private func start(_ login: HTTPLogin, _ transfer: HTTPTransfer) {
    transfer.deadline = now() + HTTPTimeouts(login.endpoint.timeout).connect
    earliestDeadline = min(earliestDeadline, transfer.deadline)
    guard login.multi.add(transfer.easy) else {
      return finish(login, transfer, CURLE_FAILED_INIT)
    }
    transfer.isStarted = true
    // libcurl asks for its first call by a timer of 0 ms.
    login.multi.tick(MonotonicTime.now())
    advance(login)
  }

  func cancelHTTP(_ job: Job) {
    guard let login = services[job.attempt.endpoint.login] else { return }
    login.waiting.removeAll { $0 === job }
    if let transfer = login.transfer(job) { login.remove(transfer) }
    hasNewRequests = true
  }

  /// Before `drain` ends what is not complete.
  func drainServices() {
    for login in services.values {
      login.waiting = []
      if let probe = login.probe { login.remove(probe) }
      for transfer in login.transfers.values where transfer.job?.isCompleted == false { login.remove(transfer) }
    }
  }

  func advance(_ login: HTTPLogin) {
    while let (easy, result) = login.multi.nextFinished() {
      if let probe = login.probe, probe.easy == easy {
        login.remove(probe)
        probed(login, probe, result)
      } else if let transfer = login.transfers[easy] {
        finish(login, transfer, result)
      }
    }
  }

  func expire(_ login: HTTPLogin, _ time: Instant) {
    if let probe = login.probe, probe.deadline <= time {
      login.remove(probe)
      probed(login, probe, CURLE_OPERATION_TIMEDOUT)
    }
    for transfer in login.transfers.values where transfer.deadline <= time {
      finish(login, transfer, CURLE_OPERATION_TIMEDOUT)
    }
  }

  /// The next time at which something of it has waited long enough.
  static func deadline(of login: HTTPLogin) -> Instant {
    (Array(login.transfers.values) + [login.probe].compactMap { $0 }).map(\.deadline).min()
      ?? Instant(milliseconds: .max)
  }

  // MARK: Ends

  private func probed(_ login: HTTPLogin, _ probe: HTTPTransfer, _ result: CURLcode) {
    guard result == CURLE_OK else {
      let (cause, text) = Self.explain(result, probe, place(login))
      login.state = .unknown
      return unavailable(login, cause, text)
    }
    login.state = .open
    serve(login)
  }

  private func finish(_ login: HTTPLogin, _ transfer: HTTPTransfer, _ result: CURLcode) {
    guard let job = transfer.job else { return }
    login.remove(transfer)
    let reply = Self.reply(login, transfer, result, place(login))
    tell(.finished(handle: job.attempt.handle, reply))
    if !transfer.isSent {
      // Whoever waits is not to meet the same.
      if login.probe == nil { login.state = .unknown }
    } else if let trouble = reply.trouble(from: login.endpoint.kind) {
      if trouble == .credentials, login.probe == nil { login.state = .open }
      unavailable(login, trouble, reply.text)
    } else if case .reply = reply.ending, login.probe == nil {
      login.state = .proven
    }
    serve(login)
  }

  private static func reply(
    _ login: HTTPLogin, _ transfer: HTTPTransfer, _ result: CURLcode, _ place: String
  ) -> Reply {
    // An answer is an answer, also if its body was cut off or longer than is read.
    if transfer.response.hasHeader, transfer.isSent { return Services.reply(transfer.response, login.http) }
    let text = Redaction(login.http.service).apply(explain(result, transfer, place).1)
    let ending: Reply.Ending = result == CURLE_OPERATION_TIMEDOUT ? .timeout : .connectionLost
    return Reply(
      stage: .request, ending: ending, text: ReplyText.printable(text.utf8, limit: 500), completed: transfer.isSent)
  }

  /// Gives back whatever waits.
  private func unavailable(_ login: HTTPLogin, _ cause: Unavailability.Cause, _ text: String) {
    let returned = login.waiting.map(\.attempt.handle)
    login.waiting = []
    guard !returned.isEmpty else { return }
    let clean = Self.withoutPlace(Redaction(login.http.service).apply(text), of: login.name)
    let said = ReplyText.printable(clean.utf8, limit: 500)
    tell(.unavailable(login: login.name, Unavailability(cause: cause, text: said), returned: returned))
  }

  /// `api.example.com`.
  private func place(_ login: HTTPLogin) -> String {
    let url = Services.place(of: login.http.url)
    return (WebAddress(url)?.authority ?? url) + Self.through(login.http.proxy)
  }

  /// Why libcurl could not carry a request out, for the operator: what, and what to do.
  private static func explain(
    _ code: CURLcode, _ transfer: HTTPTransfer, _ place: String
  ) -> (Unavailability.Cause, String) {
    let detail = transfer.problem(code)
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST:
      return (.connection, "\(place): no such host name; is the address right, and does name resolution work?")
    case CURLE_COULDNT_RESOLVE_PROXY: return (.connection, "\(place), which is no host name")
    case CURLE_COULDNT_CONNECT:
      return (.connection, "\(place): no connection (\(transfer.systemProblem ?? detail)); is the service up?")
    case CURLE_OPERATION_TIMEDOUT: return (.connection, "\(place) did not answer in time")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_CIPHER, CURLE_SSL_INVALIDCERTSTATUS:
      return transfer.isSent
        ? (.connection, "\(place): the connection broke: \(detail)")
        : (.tls, "\(place): TLS failed: \(detail)\(advice(detail))")
    case CURLE_SSL_CACERT_BADFILE:
      return (.tls, "\(place): the file of `certificates` cannot be used: \(detail)")
    case CURLE_SEND_FAIL_REWIND, CURLE_ABORTED_BY_CALLBACK:
      return (.connection, "\(place) closed its connection as the request went out; it may have it")
    case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_WRITE_ERROR:
      return (.connection, "\(place) answered what is no HTTP (\(detail))")
    default: return (.connection, "\(place): the connection failed: \(detail)")
    }
  }
}
