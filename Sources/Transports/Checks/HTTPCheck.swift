import CCurl
import Delivery
import Foundation
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

extension Services {
  /// A request that a service documents as one that reads and changes nothing; nil where there is none.
  ///
  /// - SendGrid: the scopes of the key (https://www.twilio.com/docs/sendgrid/api-reference/api-key-permissions).
  /// - Mailgun: the domain (https://documentation.mailgun.com/docs/mailgun/api-reference/send/mailgun/domains).
  /// - SES: GetAccount (https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_GetAccount.html).
  /// - Postmark: the server (https://postmarkapp.com/developer/api/server-api).
  /// - Twilio: the account (https://www.twilio.com/docs/iam/api/account).
  static func question(_ http: Endpoint.HTTP) -> HTTPRequest? {
    func get(_ path: String, _ fields: [HTTPRequest.Field], signing: HTTPRequest.Signing? = nil) -> HTTPRequest {
      HTTPRequest(method: "GET", url: http.url + path, fields: fields, body: [], signing: signing)
    }
    func escaped(_ text: String) -> String { WebhookTemplate.Escaping.url.apply(text) }
    switch http.service {
    case .sendgrid(let key): return get("/v3/scopes", [.bearer(key)])
    case .mailgun(let domain, let key): return get("/v3/domains/\(escaped(domain))", [.basic("api", key)])
    case .postmark(let token, _):
      return get(
        "/server",
        [HTTPRequest.Field("X-Postmark-Server-Token", token.revealed), HTTPRequest.Field("Accept", "application/json")])
    case .twilio(let account, let token, _):
      return get("/2010-04-01/Accounts/\(escaped(account)).json", [.basic(account, token)])
    case .ses(let ses):
      var request = get(
        "/v2/email/account", [],
        signing: HTTPRequest.Signing(
          region: ses.region, service: "ses", accessKeyID: ses.accessKeyID, secretAccessKey: ses.secretAccessKey))
      request.fields.append(.init("x-amz-content-sha256", String(Hex.digest([]).dropFirst("sha256:".count))))
      if let token = ses.sessionToken { request.fields.append(.init("x-amz-security-token", token.revealed)) }
      if let address = WebAddress(http.url), address.port != nil {
        request.fields.append(.init("Host", address.authority))
      }
      return request
    case .webhook: return nil
    }
  }
}

/// Connects to a service over HTTP and asks it something that changes nothing.
enum HTTPCheck {
  static func run(_ http: Endpoint.HTTP, limit: Instant.Span) -> EndpointCheck {
    let question = Services.question(http)
    let place = Services.place(of: http.url)
    let url = question?.url ?? place
    guard let multi = MultiHandle(),
      let transfer = HTTPTransfer(
        nil, question, url: url, http, HTTPTimeouts(limit), now: MonotonicTime.now, isLastOn: { _ in true }),
      nm_setopt_long(transfer.easy, CURLOPT_CERTINFO, 1) == CURLE_OK, multi.add(transfer.easy)
    else { return EndpointCheck(.fail, "libcurl could not prepare a connection to \(place)") }
    // See EndpointCheck: name resolution that hangs is left behind. libcurl 7.87 and later.
    _ = nm_setopt_long(transfer.easy, CURLOPT_QUICK_EXIT, 1)
    defer {
      multi.remove(transfer.easy)
      multi.close()
    }
    guard let result = wait(multi, until: MonotonicTime.now() + limit) else {
      return EndpointCheck(.fail, "\(place) did not answer within \(limit)")
    }
    let ends = Certificate.ends(of: transfer.easy)
    guard result == CURLE_OK else {
      let detail = Redaction(http.service).apply(transfer.problem(result))
      let cause = result == CURLE_COULDNT_CONNECT ? transfer.systemProblem ?? detail : detail
      let way = NetworkTransport.through(http.proxy)
      return EndpointCheck(
        .fail, "\(place)\(way): \(cause)\(NetworkTransport.advice(detail))", certificateEnds: ends)
    }
    guard question != nil else {
      return EndpointCheck(
        .ok, "\(place) reached; nothing was asked, since any request may be a message: the login is not tried",
        certificateEnds: ends)
    }
    var check = judge(transfer.response.redacted(by: Redaction(http.service)), http, place: place)
    check.certificateEnds = ends
    check.clockAhead = transfer.response.fields["date"].flatMap(date).map { wallClock() - $0 }
    return check
  }

  private static func wait(_ multi: MultiHandle, until end: Instant) -> CURLcode? {
    multi.tick(MonotonicTime.now())
    while true {
      if let (_, result) = multi.nextFinished() { return result }
      let now = MonotonicTime.now()
      guard now < end else { return nil }
      let wake = min(end, multi.timer ?? end)
      var polled = multi.sockets.map { pollfd(fd: $0.key, events: $0.value, revents: 0) }
      _ = SystemCalls.wait(&polled, milliseconds: Int(max(0, min(200, (wake - now).milliseconds))))
      for one in polled where one.revents != 0 { multi.ready(one.fd, events: one.revents) }
      multi.tick(MonotonicTime.now())
    }
  }

  /// What an answer says of the credentials.
  static func judge(_ response: HTTPResponse, _ http: Endpoint.HTTP, place: String) -> EndpointCheck {
    let reply = Services.reply(response, http)
    let words = reply.text.isEmpty ? "" : " (\(reply.text.prefix(200)))"
    switch (response.status, http.service) {
    case (200..<300, _): return EndpointCheck(.ok, "\(place) reached and logged in; nothing was sent")
    case (401, .mailgun), (403, .mailgun):
      // A domain's sending key may post messages and nothing else.
      return EndpointCheck(
        .warn,
        "\(place) refused the question\(words): a sending key may only send and is refused so too; whether the key is right, the first send tells"
      )
    case (403, .ses) where reply.providerCode?.hasPrefix("AccessDenied") == true:
      return EndpointCheck(
        .warn,
        "\(place) knows the credentials, and they may not ask for the account (ses:GetAccount); whether they may send, the first send tells"
      )
    case (401, _), (403, .ses), (403, .twilio):
      return EndpointCheck(.fail, "\(place) refused the login: \(response.status)\(words); correct the credentials")
    case (403, _):
      return EndpointCheck(
        .warn,
        "\(place) knows the credentials, and they may not ask this\(words); whether they may send, the first send tells"
      )
    case (429, _), (500..., _):
      return EndpointCheck(.warn, "\(place) answered \(response.status)\(words); try again later")
    default:
      return EndpointCheck(.warn, "\(place) answered \(response.status)\(words); is the URL or the region right?")
    }
  }

  /// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
  static func date(_ text: String) -> Instant? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let month = Certificate.month(words[2]) else { return nil }
    return Instant("\(words[3])-\(month)-\(words[1])T\(words[4])Z")
  }

  private static func wallClock() -> Instant {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Instant(milliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}
