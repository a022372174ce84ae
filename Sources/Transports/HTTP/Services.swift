import Delivery
import Foundation
import Model

/// Which service speaks how: a message and an endpoint into a request, and a response into a reply.
enum Services {
  /// - Throws: why the message cannot go through this service; nothing has been sent.
  static func request(
    _ attempt: OutgoingAttempt, _ http: Endpoint.HTTP
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    switch http.service {
    case .sendgrid(let key): return try SendGrid.request(attempt, url: http.url, key: key)
    case .mailgun(let domain, let key): return Mailgun.request(attempt, url: http.url, domain: domain, key: key)
    case .ses(let ses): return try SES.request(attempt, url: http.url, ses)
    case .postmark(let token, let stream):
      return try Postmark.request(attempt, url: http.url, token: token, stream: stream)
    case .twilio(let account, let token, let service):
      return try Twilio.request(attempt, url: http.url, account: account, token: token, service: service)
    case .webhook(let webhook): return try Webhook.request(attempt, url: http.url, webhook)
    }
  }

  /// A server may repeat what it was sent: the reply holds none of it.
  static func reply(_ response: HTTPResponse, _ http: Endpoint.HTTP) -> Reply {
    let response = response.redacted(by: Redaction(http.service))
    return switch http.service {
    case .sendgrid: SendGrid.reply(response)
    case .mailgun: Mailgun.reply(response)
    case .ses: SES.reply(response)
    case .postmark: Postmark.reply(response)
    case .twilio: Twilio.reply(response)
    case .webhook: Webhook.reply(response)
    }
  }

  /// Scheme, host and port of a URL that may be a template in what follows them.
  static func place(of url: String) -> String {
    guard let scheme = url.firstRange(of: "://") else { return url }
    return String(url[..<scheme.upperBound] + url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" })
  }
}

extension HTTPResponse {
  /// The reply to a request that was sent.
  /// - Parameters:
  ///   - words: what the service says is wrong; without it, the body's first words, and without these, of a refusal,
  ///     what stands beside its status.
  ///   - isSound: false where a good status comes with something else than the service would say.
  func reply(
    code: String? = nil, words: String? = nil, id: String? = nil, retryAfter: Instant.Span? = nil, isSound: Bool = true
  ) -> Reply {
    var said = words ?? String(decoding: body.prefix(500), as: UTF8.self)
    if said.allSatisfy(\.isWhitespace) { said = "" }
    var text = code.map { said.isEmpty ? $0 : "\($0): \(said)" } ?? said
    if text.isEmpty, status >= 300 { text = reason.isEmpty ? "no words" : reason }
    return Reply(
      stage: .request, ending: isSound ? .reply(code: status) : .malformed(code: status),
      text: ReplyText.printable(text.utf8, limit: 500), providerID: id.flatMap { $0.isEmpty ? nil : $0 },
      providerCode: code, retryAfter: retryAfter ?? self.retryAfter, completed: true)
  }
}

extension HTTPRequest.Field {
  static func bearer(_ token: Secret) -> HTTPRequest.Field {
    HTTPRequest.Field("Authorization", "Bearer \(token.revealed)")
  }
  /// RFC 7617.
  static func basic(_ user: String, _ password: Secret) -> HTTPRequest.Field {
    HTTPRequest.Field("Authorization", "Basic " + base64(Array("\(user):\(password.revealed)".utf8)))
  }
}

/// On one line (RFC 4648 §4).
func base64(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

extension MessageParts.Attachment {
  /// The content in base64 on one line.
  var base64: String { String(decoding: base64Lines.filter { $0 != 0x0D && $0 != 0x0A }, as: UTF8.self) }
}

extension OutgoingAttempt {
  func pieces() throws(HTTPRequest.Problem) -> MessageParts {
    guard let parts else { throw HTTPRequest.Problem("the message is no e-mail") }
    return parts
  }
}
