import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// Each HTTP service with the replies that its documentation shows: what the contract suite runs over.
struct ServiceSample: Sendable, CustomStringConvertible {
  var name: String
  var service: HTTPService<Secret>
  var path: String
  var accepted: HTTPAnswer
  /// The id in `accepted`.
  var id: String?
  /// The recipient's own fault, for good.
  var refused: HTTPAnswer
  var refusedVerdict = Verdict.refused(isBounce: true)
  /// A good status with something else than the service would say; nil where the status alone decides.
  var malformed: HTTPAnswer?
  var description: String { name }

  static let key = "k3y-0123456789-abcdef"
  static let all = [sendgrid, mailgun, ses, postmark, twilio, webhook]

  static let sendgrid = ServiceSample(
    name: "sendgrid", service: .sendgrid(key: Secret(key)), path: "/v3/mail/send",
    accepted: .reply(202, fields: ["X-Message-Id": "sg-1"]), id: "sg-1",
    refused: .reply(
      400,
      body:
        #"{"errors":[{"message":"Does not contain a valid address.","field":"personalizations.0.to.0.email","help":null}]}"#
    ),
    malformed: .reply(200, body: "<html>Welcome to the hotel</html>"))
  static let mailgun = ServiceSample(
    name: "mailgun", service: .mailgun(domain: "mg.example.com", key: Secret(key)),
    path: "/v3/mg.example.com/messages.mime",
    accepted: .reply(200, body: #"{"id":"<20261120.1@mg.example.com>","message":"Queued. Thank you."}"#),
    id: "<20261120.1@mg.example.com>",
    refused: .reply(
      400, body: #"{"message":"'to' parameter is not a valid address. please check documentation"}"#),
    malformed: .reply(200, body: "<html>Welcome to the hotel</html>"))
  static let ses = ServiceSample(
    name: "ses",
    service: .ses(.init(region: "eu-central-1", accessKeyID: Secret("AKIAEXAMPLE"), secretAccessKey: Secret(key))),
    path: "/v2/email/outbound-emails", accepted: .reply(200, body: #"{"MessageId":"0107-ses-1"}"#), id: "0107-ses-1",
    refused: .reply(
      400, fields: ["x-amzn-ErrorType": "MessageRejected:http://internal.amazon.com/"],
      body: #"{"message":"Email address is not verified."}"#),
    refusedVerdict: .failOver(isFinal: true), malformed: .reply(200, body: "{}"))
  static let postmark = ServiceSample(
    name: "postmark", service: .postmark(token: Secret(key), stream: "outbound"), path: "/email",
    accepted: .reply(200, body: #"{"ErrorCode":0,"Message":"OK","MessageID":"pm-1","To":"ada@example.org"}"#),
    id: "pm-1",
    refused: .reply(
      422, body: #"{"ErrorCode":406,"Message":"You tried to send to a recipient that has been marked as inactive."}"#),
    malformed: .reply(200, body: "OK"))
  static let twilio = ServiceSample(
    name: "twilio", service: .twilio(account: "AC01", token: Secret(key), messagingService: nil),
    path: "/2010-04-01/Accounts/AC01/Messages.json",
    accepted: .reply(201, body: #"{"sid":"SM01","status":"queued","error_code":null}"#), id: "SM01",
    refused: .reply(
      400, body: #"{"code":21610,"message":"Attempt to send to unsubscribed recipient","status":400}"#),
    malformed: .reply(201, body: "ok"))
  static let webhook = ServiceSample(
    name: "webhook",
    service: .webhook(.init(token: Secret(key), body: #"{"to":"{{to}}","text":"{{text}}"}"#, channel: .sms)),
    path: "/hook", accepted: .reply(200, body: #"{"id":"wh-1"}"#), id: "wh-1", refused: .reply(400, body: "no"),
    refusedVerdict: .failOver(isFinal: true))

  /// - Parameter scheme: with `https` the scripted server, which has no TLS, leaves the handshake to hang.
  func endpoint(
    _ port: Int, scheme: String = "http", login: String? = nil, maxConnections: Int = 1,
    messagesPerConnection: Int = 100, timeout: Instant.Span? = nil
  ) -> Endpoint {
    var url = "\(scheme)://127.0.0.1:\(port)"
    if case .webhook = service { url += path }
    return Endpoint(
      provider: name, login: login ?? "\(name) 127.0.0.1:\(port)", kind: .http(Endpoint.HTTP(service, url: url)),
      maxConnections: maxConnections, messagesPerConnection: messagesPerConnection, timeout: timeout)
  }

  func attempt(_ handle: Int, _ endpoint: Endpoint) -> OutgoingAttempt {
    if service.channel == .sms {
      return .make(handle, endpoint, from: "+4930123456", to: "+4915112345678", message: "Hello Ada", channel: .sms)
    }
    var attempt = OutgoingAttempt.make(handle, endpoint)
    attempt.parts = OutgoingAttempt.sampleParts
    attempt.messageID = "<1@example.com>"
    return attempt
  }

  func attempt(_ handle: Int, _ server: ScriptedHTTPServer) -> OutgoingAttempt {
    attempt(handle, endpoint(server.port))
  }

  func verdict(_ reply: Reply?, _ port: Int = 1) -> Verdict? {
    reply.map { Verdict($0, from: endpoint(port).kind) }
  }
}

extension OutgoingAttempt {
  /// What `text` would be in pieces, with something in every field.
  static let sampleParts: MessageParts? = {
    guard let from = NamedAddress("\"Schmidt, Anna\" <anna@example.com>"), let to = NamedAddress("ada@example.org"),
      let reply = NamedAddress("replies@example.com")
    else { return nil }
    return MessageParts(
      from: from, to: to, replyTo: reply, subject: "Grüße \"Ada\"", text: "Hello\nAda", html: "<p>Hello</p>",
      headers: [
        .init("Message-ID", "<1@example.com>"), .init("In-Reply-To", "<0@example.com>"),
        .init("List-Unsubscribe", "<https://example.com/u>"),
      ],
      attachments: [.init(name: "terms.pdf", type: "application/pdf", base64Lines: Array("JVBE\r\nRg==\r\n".utf8))])
  }()
}
