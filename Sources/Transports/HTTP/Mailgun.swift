import Delivery
import Model

/// Mailgun's `messages.mime`, which takes our own message
/// (https://documentation.mailgun.com/docs/mailgun/api-reference/openapi-final/tag/Messages).
enum Mailgun {
  static func request(_ attempt: OutgoingAttempt, url: String, domain: String, key: Secret) -> HTTPRequest {
    // The message's own boundaries have `=_`; a counter is raised until this one does not occur (RFC 2046 §5.1.1).
    var boundary = "nightmail-\(attempt.sendID.text)"
    var counter = 0
    while attempt.message.firstRange(of: Array(boundary.utf8)) != nil {
      counter += 1
      boundary = "nightmail-\(attempt.sendID.text)-\(counter)"
    }
    var body: [UInt8] = []
    body.reserveCapacity(attempt.message.count + 800)
    // RFC 7578. `v:` comes back with every event.
    for (name, value) in [("to", attempt.to), ("v:send_id", attempt.sendID.text)] {
      body.append(contentsOf: "--\(boundary)\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\r\n".utf8)
      body.append(contentsOf: "\(value)\r\n".utf8)
    }
    body.append(
      contentsOf: ("--\(boundary)\r\nContent-Disposition: form-data; name=\"message\"; filename=\"message.eml\"\r\n"
        + "Content-Type: message/rfc822\r\n\r\n").utf8)
    body.append(contentsOf: attempt.message)
    body.append(contentsOf: "\r\n--\(boundary)--\r\n".utf8)
    return HTTPRequest(
      url: "\(url)/v3/\(WebhookTemplate.Escaping.url.apply(domain))/messages.mime",
      fields: [.basic("api", key), .init("Content-Type", "multipart/form-data; boundary=\(boundary)")], body: body)
  }

  /// `{"id":"<…>","message":"Queued. Thank you."}`, or `{"message":"…"}`.
  static func reply(_ response: HTTPResponse) -> Reply {
    let json = response.json
    let id = json?["id"]?.string
    return response.reply(
      words: json?["message"]?.string, id: id, isSound: response.status >= 300 || (response.status == 200 && id != nil))
  }
}
