import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// What a server repeats of a secret goes into no result, no log and no message to the operator.
@Suite struct RedactionTests {
  private static let secret = "s3/cr+t \"wörd\""

  @Test(arguments: [
    secret, "s3\\/cr+t \\\"wörd\\\"", "s3\\u002fcr\\u002Bt\\u0020\\u0022w\\u00f6rd\\u0022",
    "s3%2Fcr%2Bt%20%22w%C3%B6rd%22", "s3%2fcr%2bt+%22w%c3%b6rd%22", "\\u00733/cr%2Bt \\\"w\\u00F6rd%22",
  ])
  func aSecretIsFoundInEveryFormThatAServerMayGiveIt(form: String) {
    let redaction = Redaction([Self.secret])
    #expect(redaction.apply("no '\(form)' here, nor \(form)") == "no '<redacted>' here, nor <redacted>")
    #expect(redaction.apply(form) == "<redacted>")
  }

  @Test func whatIsNoSecretIsLeftAsItIs() {
    let redaction = Redaction([Self.secret, "abc"])
    for text in ["", "s3/cr+t", "abc", "100% \\ + \\u00", "s3%2Fcr%2Bt%20%22w%C3%B7rd%22", "Grüße"] {
      #expect(redaction.apply(text) == text)
    }
    let bytes: [UInt8] = [0xFF, 0x25, 0x5C, 0x00]
    #expect(redaction.apply(bytes) == bytes)
    #expect(Redaction().apply(Self.secret) == Self.secret)
  }

  @Test func ofSecretsThatBeginAlikeTheLongestGoes() {
    #expect(Redaction(["token", "token-and-more"]).apply("a token-and-more, a token") == "a <redacted>, a <redacted>")
  }

  /// A percent sign is itself and the beginning of an escape.
  @Test func aSecretWithAPercentSignIsFoundEitherWay() {
    let redaction = Redaction(["a%25b"])
    for form in ["a%25b", "a%2525b", "%61%2525b"] { #expect(redaction.apply(form) == "<redacted>") }
  }

  @Test func aSecretsBeginningGoesWhereTheTextWasCut() {
    let redaction = Redaction(["0123456789abcdef"])
    #expect(redaction.apply("sent 0123456789ab") == "sent <redacted>")
    #expect(redaction.apply("sent 01234567%") == "sent <redacted>")
    #expect(redaction.apply("sent 01234567\\u00") == "sent <redacted>")
    #expect(redaction.apply("sent 0123456") == "sent 0123456")
    #expect(redaction.apply("sent 0123456789ab, no more") == "sent 0123456789ab, no more")
  }

  @Test func aRedactionNeverPrintsWhatItLooksFor() {
    var text = ""
    dump(Redaction(["hunter2"]), to: &text)
    #expect(!"\(text) \(Redaction(["hunter2"])) \(String(reflecting: Redaction(["hunter2"])))".contains("hunter2"))
  }

  // MARK: - HTTP

  /// The body is cut to 500 characters, and the key lies across the cut.
  @Test(arguments: ServiceSample.all, 485...500)
  func aKeyAcrossTheCutLeavesNothingOfItself(sample: ServiceSample, start: Int) throws {
    let padding = String(repeating: "x", count: start)
    let response = try response(400, body: "\(padding)\(ServiceSample.key)")
    guard case .http(let http) = sample.endpoint(1).kind else { return }
    let text = Services.reply(response, http).text
    #expect(text.hasPrefix(padding) && !text.contains(ServiceSample.key.prefix(2)))
  }

  @Test(arguments: ServiceSample.all)
  func idAndCodeAreGivenWithoutTheKey(sample: ServiceSample) throws {
    let key = ServiceSample.key
    let body = """
      {"id":"a-\(key)","message_id":"\(key)","MessageId":"\(key)","MessageID":"\(key)","sid":"\(key)", \
      "__type":"\(key)","message":"\(key)","Message":"\(key)","errors":[{"field":"\(key)","message":"\(key)"}]}
      """
    guard case .http(let http) = sample.endpoint(1).kind else { return }
    for status in [200, 202, 400] {
      let reply = Services.reply(
        try response(status, fields: ["X-Message-Id": key, "x-amzn-ErrorType": key], body: body), http)
      #expect(!"\(reply)".contains(key), "\(reply)")
      #expect("\(reply)".contains("<redacted>"), "\(reply)")
    }
  }

  @Test func basicCredentialsGoAsTheyWereSent() throws {
    for (sample, user) in [(ServiceSample.mailgun, "api"), (ServiceSample.twilio, "AC01")] {
      guard case .http(let http) = sample.endpoint(1).kind else { return }
      let sent = Data("\(user):\(ServiceSample.key)".utf8).base64EncodedString()
      let request = try Services.request(sample.attempt(1, sample.endpoint(1)), http)
      #expect(request.fields.contains { $0.value == "Basic \(sent)" })
      let escaped = sent.replacing("/", with: "\\/")
      let body = #"{"message":"bad Authorization: Basic \#(escaped) given"}"#
      let text = Services.reply(try response(401, body: body), http).text
      #expect(text.contains("Basic <redacted>") && !text.contains(sent.prefix(12)), "\(text)")
    }
  }

  @Test func aHeadersTokenGoesWithoutItsSchemeToo() throws {
    let service = HTTPService<Secret>.webhook(
      .init(headers: [.init("Authorization", .secret(Secret("Bearer hunter2-token")))], body: "{}", channel: .sms))
    let text = Services.reply(
      try response(401, body: "no hunter2-token"), Endpoint.HTTP(service, url: "https://api.test/")
    ).text
    #expect(text == "no <redacted>")
  }

  private func response(_ status: Int, fields: [String: String] = [:], body: String) throws -> HTTPResponse {
    var response = HTTPResponse()
    var isHTTP = response.take(line: Array("HTTP/1.1 \(status) Scripted\r\n".utf8))
    for (name, value) in fields { isHTTP = response.take(line: Array("\(name): \(value)\r\n".utf8)) && isHTTP }
    isHTTP = response.take(line: Array("\r\n".utf8)) && isHTTP
    let isWhole = Array(body.utf8).withUnsafeBytes { response.take(body: $0) }
    try #require(isHTTP && isWhole)
    return response
  }

  // MARK: - SMTP

  /// What a client says at a login, as it is (PLAIN, LOGIN) and in the server's words afterwards.
  private static let said = [
    "hunter2-word", "AGFubmEAaHVudGVyMi13b3Jk", "aHVudGVyMi13b3Jk",
  ]

  @Test(arguments: said, [Reply.Stage.mail, .rcpt, .data, .message])
  func noReplyAfterTheLoginHoldsThePassword(said: String, stage: Reply.Stage) throws {
    let answer = SMTPScript.Answer.reply("550 5.7.1 Not with \(said), \(said)")
    let attempt: SMTPScript.Attempt =
      switch stage {
      case .mail: .init(mail: answer)
      case .rcpt: .init(rcpt: answer)
      case .data: .init(data: answer)
      case .message, .request: .init(message: answer)
      }
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["AUTH PLAIN"], attempts: [attempt]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port, username: "anna", password: "hunter2-word")))
    #expect(reply?.stage == stage)
    #expect(reply?.text == "Not with <redacted>, <redacted>")
  }

  @Test func theQueueIDAndWhatIsNoReplyHoldNoPassword() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(
        capabilities: ["AUTH PLAIN"],
        attempts: [.init(message: "250 2.0.0 Ok: queued as hunter2-word"), .init(mail: "hunter2-word is no reply")]))
    let harness = Harness()
    let endpoint = Endpoint.smtp(server.port, username: "anna", password: "hunter2-word")
    let taken = harness.send(.make(1, endpoint))
    #expect(taken?.ending == .reply(code: 250) && taken?.providerID == nil)
    #expect(taken?.text == "Ok: queued as <redacted>")
    let nonsense = harness.send(.make(2, endpoint))
    #expect(nonsense?.ending == .connectionLost)
    #expect(nonsense?.text.contains("hunter2") == false)
  }

  /// Longer than what is kept of a line, with the token that has been fetched anew.
  @Test func aLongTokenLeavesNothingOfItselfInRefusalsAndReplies() throws {
    let token = "ya29." + String(repeating: "0123456789abcdef", count: 60)
    let sent = Data("user=anna\u{1}auth=Bearer \(token)\u{1}\u{1}".utf8).base64EncodedString()
    for said in [token, sent] {
      let server = try ScriptedSMTPServer(
        SMTPScript(
          capabilities: ["AUTH XOAUTH2"], logins: ["535 5.7.8 Expired"],
          attempts: [.init(rcpt: .reply("550 5.7.1 Not with \(said)"))]))
      let harness = Harness()
      let endpoint = Endpoint.smtp(
        server.port, username: "anna", token: "token-0", renewToken: { Secret(token) })
      let text = harness.send(.make(1, endpoint))?.text
      #expect(text?.hasPrefix("Not with <redacted>") == true, "\(text ?? "")")
      #expect(text?.contains(said.prefix(8)) == false)
    }
    let server = try ScriptedSMTPServer(
      SMTPScript(capabilities: ["AUTH XOAUTH2"], login: .reply("535 5.7.8 Not with \(sent)")))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, username: "anna", token: token)))
    #expect(harness.finish([1]))
    let why = harness.unavailable.first?.1.text
    #expect(why?.contains("535 5.7.8 Not with <redacted>") == true, "\(why ?? "")")
    #expect(why?.contains(sent.prefix(8)) == false)
  }

  // MARK: - The place

  @Test(arguments: [
    ("127.0.0.1:25: no connection (x)", "p 127.0.0.1:25", "no connection (x)"),
    ("mail.test:587 refused the login: 535", "p anna@mail.test:587", "refused the login: 535"),
    (
      "mail.test:587 through the proxy http://p:1, which is no host name", "p mail.test:587 /client.pem",
      "through the proxy http://p:1, which is no host name"
    ),
    ("no access token: x", "no mail.test:587", "no access token: x"),
    ("", "p mail.test:25", ""), ("mail.test:25", "p mail.test:25", "mail.test:25"),
  ])
  func theHostIsSaidOnce(text: String, login: String, expected: String) {
    #expect(NetworkTransport.withoutPlace(text, of: login) == expected)
  }
}
