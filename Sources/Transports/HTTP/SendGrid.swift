import Delivery
import Model

/// Twilio SendGrid, v3 Mail Send (https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send).
enum SendGrid {
  static func request(
    _ attempt: OutgoingAttempt, url: String, key: Secret
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    let parts = try attempt.pieces()
    // "If both are present, text/plain must come first"; neither may be empty.
    let content = [("text/plain", parts.text), ("text/html", parts.html)].compactMap { type, value -> JSON? in
      guard let value, !value.isEmpty else { return nil }
      return .members(("type", .string(type)), ("value", .string(value)))
    }
    guard !content.isEmpty else { throw HTTPRequest.Problem("SendGrid takes no message without a text") }
    guard !parts.subject.isEmpty else { throw HTTPRequest.Problem("SendGrid takes no message without a subject") }
    let attachments = parts.attachments.map { file in
      JSON.members(
        ("content", .string(file.base64)), ("filename", .string(file.name)), ("type", .string(file.type)),
        ("disposition", .string("attachment")))
    }
    let body = JSON.members(
      ("personalizations", .array([.members(("to", .array([address(parts.to)])))])), ("from", address(parts.from)),
      ("reply_to", parts.replyTo.map(address)), ("subject", .string(parts.subject)), ("content", .array(content)),
      ("attachments", attachments.isEmpty ? nil : .array(attachments)),
      ("headers", .object(parts.headers.map { JSON.Member($0.name, .string($0.value)) })),
      // Comes back with every event; SendGrid has no key that would keep a message from being sent twice.
      ("custom_args", .members(("send_id", .string(attempt.sendID.text)))))
    return .json(url: url + "/v3/mail/send", [.bearer(key)], body)
  }

  private static func address(_ named: NamedAddress) -> JSON {
    .members(("email", .string(named.address.envelope)), ("name", named.name.map(JSON.string)))
  }

  /// 202 with nothing but `X-Message-Id`; else `{"errors":[{"message","field"}]}`, and for 429 `X-RateLimit-Reset`,
  /// seconds of the epoch.
  static func reply(_ response: HTTPResponse) -> Reply {
    if response.status == 202 { return response.reply(words: "accepted", id: response.fields["x-message-id"]) }
    let error = response.json?["errors"]?.array?.first
    let reset = response.fields["x-ratelimit-reset"].flatMap { Int64($0) }.flatMap { seconds in
      seconds > 0 && seconds < 100_000_000_000 ? response.span(until: Instant(seconds: seconds)) : nil
    }
    return response.reply(
      code: error?["field"]?.string, words: error?["message"]?.string,
      retryAfter: response.status == 429 ? response.retryAfter ?? reset : nil, isSound: response.status >= 300)
  }
}
