import Delivery
import Model

/// Postmark's e-mail API (https://postmarkapp.com/developer/api/email-api).
enum Postmark {
  static func request(
    _ attempt: OutgoingAttempt, url: String, token: Secret, stream: String?
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    let parts = try attempt.pieces()
    // Without this Postmark puts a Message-ID of its own in place of ours
    // (https://postmarkapp.com/support/article/1042-how-to-use-a-custom-message-id).
    let headers = [MessageParts.Header("X-PM-KeepID", "true")] + parts.headers
    let attachments = parts.attachments.map { file in
      JSON.members(
        ("Name", .string(file.name)), ("Content", .string(file.base64)), ("ContentType", .string(file.type)))
    }
    let body = JSON.members(
      ("From", .string(address(parts.from))), ("To", .string(address(parts.to))),
      ("ReplyTo", parts.replyTo.map { .string(address($0)) }), ("Subject", .string(parts.subject)),
      ("TextBody", parts.text.map(JSON.string)), ("HtmlBody", parts.html.map(JSON.string)),
      ("Headers", .array(headers.map { .members(("Name", .string($0.name)), ("Value", .string($0.value))) })),
      ("Attachments", attachments.isEmpty ? nil : .array(attachments)),
      ("Metadata", .members(("send_id", .string(attempt.sendID.text)))), ("MessageStream", stream.map(JSON.string)))
    return .json(
      url: url + "/email",
      [HTTPRequest.Field("X-Postmark-Server-Token", token.revealed)], body)
  }

  /// The name in quotes, where there is one, as RFC 5322 §3.2.4 has it; Postmark encodes it.
  private static func address(_ named: NamedAddress) -> String {
    guard let name = named.name, !name.isEmpty else { return named.address.envelope }
    let quoted = name.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(quoted)\" <\(named.address.envelope)>"
  }

  /// `{"ErrorCode":0,"Message":"OK","MessageID":"…"}`.
  static func reply(_ response: HTTPResponse) -> Reply {
    let json = response.json
    let code = json?["ErrorCode"]?.integer
    let id = json?["MessageID"]?.string
    return response.reply(
      code: code.map { String($0) }, words: json?["Message"]?.string, id: id,
      isSound: response.status >= 300 || (response.status == 200 && code == 0 && id != nil))
  }
}
