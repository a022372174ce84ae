import Delivery
import Model

/// Twilio's Messages resource (https://www.twilio.com/docs/messaging/api/message-resource).
enum Twilio {
  static func request(
    _ attempt: OutgoingAttempt, url: String, account: String, token: Secret, service: String?
  ) throws(HTTPRequest.Problem) -> HTTPRequest {
    let text = String(decoding: attempt.message, as: UTF8.self)
    // "The text content of the message, up to 1,600 characters".
    guard text.count <= 1600 else {
      throw HTTPRequest.Problem("the text has \(text.count) characters and Twilio takes at most 1600")
    }
    let sender = service.map { ("MessagingServiceSid", $0) } ?? ("From", attempt.from)
    let form = [("To", attempt.to), sender, ("Body", text)].map { "\($0)=\(escaped($1))" }.joined(separator: "&")
    return HTTPRequest(
      url: "\(url)/2010-04-01/Accounts/\(escaped(account))/Messages.json",
      fields: [.basic(account, token), .init("Content-Type", "application/x-www-form-urlencoded")],
      body: Array(form.utf8))
  }

  /// As a form has it: unreserved characters as they are, the rest percent-encoded.
  private static func escaped(_ text: String) -> String { WebhookTemplate.Escaping.url.apply(text) }

  /// `{"sid":"SM…","status":"queued"}`, or `{"code":21211,"message":"…"}`.
  static func reply(_ response: HTTPResponse) -> Reply {
    let json = response.json
    let id = json?["sid"]?.string
    return response.reply(
      code: json?["code"]?.integer.map { String($0) }, words: json?["message"]?.string ?? json?["status"]?.string,
      id: id, isSound: response.status >= 300 || ((200...201).contains(response.status) && id != nil))
  }
}
