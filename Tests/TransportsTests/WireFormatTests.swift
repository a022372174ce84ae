import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// What each service is sent, against what its documentation asks for.
@Suite struct WireFormatTests {
  private static let id = SendID(campaign: "welcome", step: "intro", contact: "1", channel: .email, key: "").text

  /// A message with something awkward in every field.
  private static let parts: MessageParts? = {
    guard let from = NamedAddress("\"Schmidt \\\"Anna\\\", Dr.\" <anna@example.com>"),
      let to = NamedAddress("Zoë Müller <zoe@bücher.example>"), let reply = NamedAddress("replies@example.com")
    else { return nil }
    return MessageParts(
      from: from, to: to, replyTo: reply, subject: "Grüße \"Zoë\"", text: "Hallo\nZoë \\o/", html: "<p>\"Hallo\"</p>",
      headers: [
        .init("Message-ID", "<\(id)@example.com>"), .init("In-Reply-To", "<0@example.com>"),
        .init("References", "<0@example.com>"), .init("List-Unsubscribe", "<https://example.com/u?a=1>"),
        .init("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
      ],
      attachments: [
        .init(name: "Anlage \"A\".pdf", type: "application/pdf", base64Lines: Array("JVBE\r\nRg==\r\n".utf8)),
        .init(name: "zwei.txt", type: "text/plain; charset=utf-8", base64Lines: Array("w7w=\r\n".utf8)),
      ])
  }()

  private func request(
    _ service: HTTPService<Secret>, url: String = "https://api.test", text: String? = nil, headers: Int = 5
  ) throws -> HTTPRequest {
    let http = Endpoint.HTTP(service, url: url)
    let endpoint = Endpoint(provider: "p", login: "p", kind: .http(http), maxConnections: 1, messagesPerConnection: 1)
    var attempt = OutgoingAttempt.make(1, endpoint, to: "zoe@xn--bcher-kva.example")
    attempt.parts = Self.parts
    attempt.messageID = "<\(Self.id)@example.com>"
    if let text {
      attempt = .make(1, endpoint, from: "+4930123456", to: "+4915112345678", message: text, channel: .sms)
      attempt.messageID = "<\(attempt.sendID.text)@sms.invalid>"
    }
    return try Services.request(attempt, http)
  }

  private func fields(_ request: HTTPRequest) -> [String: String] {
    Dictionary(request.fields.map { ($0.name, $0.value) }, uniquingKeysWith: { "\($0), \($1)" })
  }

  private func body(_ request: HTTPRequest) throws -> JSON { try JSON(parsing: request.body) }

  @Test func sendgrid() throws {
    let request = try request(.sendgrid(key: Secret("SG.key")))
    #expect(request.method == "POST" && request.url == "https://api.test/v3/mail/send")
    #expect(fields(request) == ["Authorization": "Bearer SG.key", "Content-Type": "application/json"])
    let expected = try #"""
    {"personalizations":[{"to":[{"email":"zoe@xn--bcher-kva.example","name":"Zoë Müller"}]}],
    "from":{"email":"anna@example.com","name":"Schmidt \"Anna\", Dr."},"reply_to":{"email":"replies@example.com"},
    "subject":"Grüße \"Zoë\"",
    "content":[{"type":"text/plain","value":"Hallo\nZoë \\o/"},{"type":"text/html","value":"<p>\"Hallo\"</p>"}],
    "attachments":[
    {"content":"JVBERg==","filename":"Anlage \"A\".pdf","type":"application/pdf","disposition":"attachment"},
    {"content":"w7w=","filename":"zwei.txt","type":"text/plain; charset=utf-8","disposition":"attachment"}],
    "headers":{"Message-ID":"<\#(Self.id)@example.com>","In-Reply-To":"<0@example.com>","References":"<0@example.com>",
    "List-Unsubscribe":"<https://example.com/u?a=1>","List-Unsubscribe-Post":"List-Unsubscribe=One-Click"},
    "custom_args":{"send_id":"\#(Self.id)"}}
    """#.json
    #expect(try body(request) == expected)
  }

  @Test func postmark() throws {
    let request = try request(.postmark(token: Secret("pm-token"), stream: "broadcast"))
    #expect(request.method == "POST" && request.url == "https://api.test/email")
    #expect(fields(request) == ["X-Postmark-Server-Token": "pm-token", "Content-Type": "application/json"])
    let expected = try #"""
    {"From":"\"Schmidt \\\"Anna\\\", Dr.\" <anna@example.com>","To":"\"Zoë Müller\" <zoe@xn--bcher-kva.example>",
    "ReplyTo":"replies@example.com","Subject":"Grüße \"Zoë\"","TextBody":"Hallo\nZoë \\o/",
    "HtmlBody":"<p>\"Hallo\"</p>",
    "Headers":[{"Name":"X-PM-KeepID","Value":"true"},{"Name":"Message-ID","Value":"<\#(Self.id)@example.com>"},
    {"Name":"In-Reply-To","Value":"<0@example.com>"},{"Name":"References","Value":"<0@example.com>"},
    {"Name":"List-Unsubscribe","Value":"<https://example.com/u?a=1>"},
    {"Name":"List-Unsubscribe-Post","Value":"List-Unsubscribe=One-Click"}],
    "Attachments":[{"Name":"Anlage \"A\".pdf","Content":"JVBERg==","ContentType":"application/pdf"},
    {"Name":"zwei.txt","Content":"w7w=","ContentType":"text/plain; charset=utf-8"}],
    "Metadata":{"send_id":"\#(Self.id)"},"MessageStream":"broadcast"}
    """#.json
    #expect(try body(request) == expected)
    let plain = try self.request(.postmark(token: Secret("pm-token"), stream: nil))
    #expect(try body(plain)["MessageStream"] == nil)
  }

  @Test func mailgun() throws {
    let request = try request(.mailgun(domain: "mg.example.com", key: Secret("key-1")))
    #expect(request.method == "POST" && request.url == "https://api.test/v3/mg.example.com/messages.mime")
    let boundary = "nightmail-\(Self.id)"
    // `api:key-1`, RFC 7617.
    #expect(
      fields(request) == [
        "Authorization": "Basic YXBpOmtleS0x", "Content-Type": "multipart/form-data; boundary=\(boundary)",
      ])
    let expected = [
      "--\(boundary)", "Content-Disposition: form-data; name=\"to\"", "", "zoe@xn--bcher-kva.example", "--\(boundary)",
      "Content-Disposition: form-data; name=\"v:send_id\"", "", Self.id, "--\(boundary)",
      "Content-Disposition: form-data; name=\"message\"; filename=\"message.eml\"", "Content-Type: message/rfc822", "",
      OutgoingAttempt.text, "--\(boundary)--", "",
    ]
    #expect(String(decoding: request.body, as: UTF8.self) == expected.joined(separator: "\r\n"))
  }

  @Test func mailgunsBoundaryNeverOccursInTheMessage() throws {
    let http = Endpoint.HTTP(.mailgun(domain: "mg.example.com", key: Secret("key-1")), url: "https://api.test")
    let endpoint = Endpoint(provider: "p", login: "p", kind: .http(http), maxConnections: 1, messagesPerConnection: 1)
    let attempt = OutgoingAttempt.make(
      1, endpoint, message: "Subject: x\r\n\r\n--nightmail-\(Self.id)--\r\nnightmail-\(Self.id)-1\r\n")
    let type = try fields(Services.request(attempt, http))["Content-Type"]
    #expect(type == "multipart/form-data; boundary=nightmail-\(Self.id)-2")
  }

  @Test func ses() throws {
    let request = try request(
      .ses(
        .init(
          region: "eu-central-1", accessKeyID: Secret("AKIA"), secretAccessKey: Secret("secret"),
          sessionToken: Secret("session"), configurationSet: "outreach")))
    #expect(request.method == "POST" && request.url == "https://api.test/v2/email/outbound-emails")
    let raw = Data(OutgoingAttempt.text.utf8).base64EncodedString()
    let expected = try #"""
    {"FromEmailAddress":"anna@example.com","Destination":{"ToAddresses":["zoe@xn--bcher-kva.example"]},
    "Content":{"Raw":{"Data":"\#(raw)"}},"EmailTags":[{"Name":"send_id","Value":"\#(Self.id)"}],
    "ConfigurationSetName":"outreach"}
    """#.json
    #expect(try body(request) == expected)
    let fields = fields(request)
    #expect(fields["x-amz-security-token"] == "session")
    #expect(fields["x-amz-content-sha256"]?.count == 64)
    #expect(request.signing?.service == "ses" && request.signing?.region == "eu-central-1")
    #expect(fields["Authorization"] == nil, "libcurl signs")
  }

  @Test func twilio() throws {
    let text = "Grüße & \"Küsse\" + 100%\n€"
    let request = try request(.twilio(account: "AC01", token: Secret("t"), messagingService: nil), text: text)
    #expect(request.method == "POST" && request.url == "https://api.test/2010-04-01/Accounts/AC01/Messages.json")
    #expect(
      fields(request) == [
        "Authorization": "Basic QUMwMTp0", "Content-Type": "application/x-www-form-urlencoded",
      ])
    #expect(
      String(decoding: request.body, as: UTF8.self)
        == "To=%2B4915112345678&From=%2B4930123456&Body=Gr%C3%BC%C3%9Fe%20%26%20%22K%C3%BCsse%22%20%2B%20100%25%0A%E2%82%AC"
    )
    let service = try self.request(.twilio(account: "AC01", token: Secret("t"), messagingService: "MG 1"), text: "Hi")
    #expect(String(decoding: service.body, as: UTF8.self) == "To=%2B4915112345678&MessagingServiceSid=MG%201&Body=Hi")
    #expect(throws: HTTPRequest.Problem.self) {
      try self.request(
        .twilio(account: "AC01", token: Secret("t"), messagingService: nil), text: String(repeating: "ü", count: 1601))
    }
  }

  @Test func webhookForMail() throws {
    let body =
      #"{"id":"{{id}}","to":"{{to}}","from":"{{from}}","s":"{{ subject }}","t":"{{text}}","h":"{{html}}","#
      + #""p":"{{phone}}","m":"{{message_id}}","n":[1,{"x":"{{id}}-{{to}}"}]}"#
    let request = try request(
      .webhook(
        .init(
          method: .put, token: Secret("bearer"),
          headers: [
            .init("X-Subject", .text("About {{to}}")), .init("X-Key", .secret(Secret("k"))),
            .init("idempotency-key", .text("n-{{id}}")),
          ], body: body, channel: .email)), url: "https://hook.test/v1/send/{{id}}?to={{to}}&s={{subject}}")
    #expect(request.method == "PUT")
    #expect(
      request.url
        == "https://hook.test/v1/send/\(Self.id)?to=zoe%40xn--bcher-kva.example&s=Gr%C3%BC%C3%9Fe%20%22Zo%C3%AB%22")
    #expect(
      fields(request) == [
        "Content-Type": "application/json", "Authorization": "Bearer bearer",
        "X-Subject": "About zoe@xn--bcher-kva.example", "X-Key": "k", "idempotency-key": "n-\(Self.id)",
      ])
    let expected = try #"""
    {"id":"\#(Self.id)","to":"zoe@xn--bcher-kva.example","from":"anna@example.com","s":"Grüße \"Zoë\"",
    "t":"Hallo\nZoë \\o/","h":"<p>\"Hallo\"</p>","p":"","m":"<\#(Self.id)@example.com>",
    "n":[1,{"x":"\#(Self.id)-zoe@xn--bcher-kva.example"}]}
    """#.json
    #expect(try self.body(request) == expected)
  }

  @Test func webhookForTextMessages() throws {
    let request = try request(
      .webhook(.init(body: #"{"phone":"{{phone}}","text":"{{text}}","s":"{{subject}}"}"#, channel: .sms)),
      url: "https://hook.test/sms", text: "Your \"code\"\n4711 \u{1F600}")
    #expect(request.method == "POST")
    #expect(
      try body(request)
        == #"{"phone":"+4915112345678","text":"Your \"code\"\n4711 😀","s":""}"#.json)
    #expect(fields(request)["Idempotency-Key"]?.count == 32)
  }

  @Test(arguments: [ServiceSample.sendgrid, .postmark])
  func aServiceThatPutsMessagesTogetherNeedsTheirPieces(sample: ServiceSample) {
    let endpoint = sample.endpoint(1)
    guard case .http(let http) = endpoint.kind else { return }
    #expect(throws: HTTPRequest.Problem.self) { try Services.request(.make(1, endpoint), http) }
  }
}

extension String {
  fileprivate var json: JSON { get throws { try JSON(parsing: Array(utf8)) } }
}
