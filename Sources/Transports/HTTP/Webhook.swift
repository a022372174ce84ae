import Delivery
import Model

/// A webhook: URL, fields and body as `providers.yaml` has them, the message's values in their places.
enum Webhook {
  static func request(
    _ attempt: OutgoingAttempt, url: String, _ webhook: HTTPService<Secret>.Webhook
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    let fill: (String, WebhookTemplate.Escaping) throws(HTTPRequest.Problem) -> String = {
      (text, escaping) throws(HTTPRequest.Problem) in
      do throws(WebhookTemplate.Problem) {
        return try WebhookTemplate(parsing: text).render(escaping) { value($0, attempt) }
      } catch {
        throw HTTPRequest.Problem("'\(text)' \(error.message)")
      }
    }
    // A server that keeps these keys can tell a second request for the same send from a first
    // (draft-ietf-httpapi-idempotency-key-header).
    var fields = [HTTPRequest.Field("Idempotency-Key", attempt.sendID.text), .init("Content-Type", "application/json")]
    if let token = webhook.token { fields.append(.bearer(token)) }
    for header in webhook.headers {
      let text: String
      switch header.value {
      case .text(let template): text = try fill(template, .header)
      case .secret(let secret): text = secret.revealed
      }
      fields.removeAll { $0.name.lowercased() == header.name.lowercased() }
      if !text.isEmpty { fields.append(.init(header.name, text)) }
    }
    let body = try fill(webhook.body, .json)
    return HTTPRequest(
      method: webhook.method.rawValue, url: try fill(url, .url), fields: fields, body: Array(body.utf8))
  }

  private static func value(_ name: WebhookTemplate.Name, _ attempt: OutgoingAttempt) -> String {
    switch name {
    case .id: attempt.sendID.text
    case .to: attempt.to
    case .from, .mailboxEmail: attempt.from
    case .subject: attempt.parts?.subject ?? ""
    case .text: attempt.parts.map { $0.text ?? "" } ?? String(decoding: attempt.message, as: UTF8.self)
    case .html: attempt.parts?.html ?? ""
    case .phone: attempt.channel == .sms ? attempt.to : ""
    case .messageID: attempt.messageID
    // Filled in with the endpoint.
    case .mailboxID: ""
    }
  }

  /// The status says it all; an id is taken from wherever answers commonly have one.
  static func reply(_ response: HTTPResponse) -> Reply {
    let json = response.json
    let id = ["id", "message_id", "messageId", "sid"].lazy.compactMap { key -> String? in
      json?[key]?.string ?? json?[key]?.integer.map { String($0) }
    }.first
    return response.reply(id: id)
  }
}
