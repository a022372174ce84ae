import Model

/// What the replies of HTTP services mean. A service's own rows come first, then those that hold for HTTP (RFC 9110
/// §15) and our own rule that a server's fault after the request may have left is in doubt (DESIGN §4.8).
extension ReplyPolicy {
  static func rows(of service: HTTPService<Secret>) -> [ReplyRow] {
    switch service {
    case .sendgrid: sendgrid + http
    case .mailgun: mailgun + http
    case .ses: ses + http
    case .postmark: postmark + http
    case .twilio: twilio + http
    case .webhook(let webhook): Self.webhook(webhook.statuses) + http
    }
  }

  // MARK: - Rows for all

  /// What a status means where the service says nothing of its own.
  static let http: [ReplyRow] = [
    ReplyRow(
      codes: [401...403], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "RFC 9110 §15.5.2 to §15.5.4: the credentials are missing, wrong, not paid for, or not enough"),
    ReplyRow(
      codes: [429...429, 503...503], verdict: .later, trouble: .throttled,
      source: "RFC 6585 §4, RFC 9110 §15.6.4: not processed, later; Retry-After says when"),
    ReplyRow(
      codes: [404...405, 408...408, 410...410], verdict: .failOver(isFinal: false),
      source: "RFC 9110 §15.5: nothing takes messages at this address just now, or the request did not arrive whole"),
    ReplyRow(
      codes: [400...499], verdict: .failOver(isFinal: true),
      source: "RFC 9110 §15.5: the request is at fault, and would be again"),
    ReplyRow(
      codes: [301...302, 307...308], verdict: .failOver(isFinal: false),
      source: "RFC 9110 §15.4: the address is another; a message is not sent after it"),
    ReplyRow(
      codes: [500...599], verdict: .inDoubt,
      source: "RFC 9110 §15.6: the server failed, having done nobody knows how much"),
  ]

  // MARK: - Rows of each service

  /// https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses
  static let sendgrid: [ReplyRow] = [
    ReplyRow(codes: [202...202], verdict: .accepted, source: "SendGrid: 202, the message is queued for delivery"),
    ReplyRow(
      codes: [400...400], own: ["personalizations.0.to.0.email", "personalizations.0.to"],
      verdict: .refused(isBounce: true), source: "SendGrid: the error's `field` names the recipient's address"),
  ]

  /// https://documentation.mailgun.com/docs/mailgun/api-reference/mg-errors
  static let mailgun: [ReplyRow] = [
    ReplyRow(codes: [200...200], verdict: .accepted, source: "Mailgun: 200, the message is queued"),
    // Others of the list may be authorized: it says nothing of the login, and nothing against the recipient.
    ReplyRow(
      codes: [400...403], words: "authorized recipients", verdict: .failOver(isFinal: true),
      source: "Mailgun, Authorized Recipients: a sandbox or free account sends to those that it lists alone"),
    ReplyRow(
      codes: [400...400], words: "'to' parameter is not a valid address", verdict: .refused(isBounce: true),
      source: "Mailgun: `to` is no address"),
  ]

  /// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
  static let ses: [ReplyRow] = [
    ReplyRow(codes: [200...200], verdict: .accepted, source: "SES v2 SendEmail: 200 with MessageId"),
    ReplyRow(
      codes: [400...499], words: "maximum sending rate exceeded", verdict: .later, trouble: .throttled,
      source: "SES sending quotas: the rate a second; wait and send again"),
    ReplyRow(
      codes: [400...499], words: "daily message quota exceeded", verdict: .failOver(isFinal: false),
      trouble: .throttled, source: "SES sending quotas: the quota of 24 hours"),
    ReplyRow(
      codes: [400...400], own: ["LimitExceededException"], verdict: .failOver(isFinal: false),
      trouble: .throttled, source: "SES v2 LimitExceededException: a quota of the account"),
    ReplyRow(
      codes: [400...400], own: ["AccountSuspendedException", "SendingPausedException"],
      verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "SES v2 AccountSuspended, SendingPaused: the account cannot send"),
    ReplyRow(
      codes: [400...400], own: ["MailFromDomainNotVerifiedException", "MessageRejected"],
      verdict: .failOver(isFinal: true), source: "SES v2: the sender is not verified, or the content is refused"),
  ]

  /// https://postmarkapp.com/developer/api/overview#error-codes
  static let postmark: [ReplyRow] = [
    ReplyRow(codes: [200...200], own: ["0"], verdict: .accepted, source: "Postmark: 200 with ErrorCode 0"),
    ReplyRow(
      codes: [422...422], own: ["406"], verdict: .refused(isBounce: true),
      source: "Postmark 406: inactive recipient, after a hard bounce or complaint"),
    ReplyRow(
      codes: [422...422], own: ["300"], words: "'to'", verdict: .refused(isBounce: true),
      source: "Postmark 300: invalid e-mail request, the To address"),
    ReplyRow(
      codes: [422...422], own: ["405", "412", "413"], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "Postmark 405, 412, 413: the account is out of credits, pending, or may not send"),
  ]

  /// https://www.twilio.com/docs/api/errors
  static let twilio: [ReplyRow] = [
    ReplyRow(codes: [200...201], verdict: .accepted, source: "Twilio Messages: 201 with the message's sid"),
    ReplyRow(
      codes: [400...599], own: ["20429", "14107"], verdict: .later, trouble: .throttled,
      source: "Twilio 20429, 14107: too many requests, not processed"),
    ReplyRow(
      codes: [400...599], own: ["21611"], verdict: .later, trouble: .throttled,
      source: "Twilio 21611: the From number's queue is full"),
    ReplyRow(
      codes: [400...599], own: ["20500"], verdict: .inDoubt,
      source: "Twilio 20500: internal error; the message may have been created"),
    ReplyRow(
      codes: [400...499], own: ["21211", "21217", "21614", "21610"], verdict: .refused(isBounce: true),
      source: "Twilio 21211, 21217: no valid number; 21614: no mobile number; 21610: the recipient has opted out"),
    ReplyRow(
      codes: [400...499], own: ["21617", "21602"], verdict: .refused(isBounce: false),
      source: "Twilio 21617, 21602: the text is too long, or there is none"),
    ReplyRow(
      codes: [400...499], own: ["20003", "20005", "20008"], verdict: .failOver(isFinal: false),
      trouble: .credentials, source: "Twilio 20003, 20005, 20008: not authenticated, suspended, or test credentials"),
  ]

  static func webhook(_ statuses: WebhookStatuses) -> [ReplyRow] {
    [
      ReplyRow(codes: statuses.success, verdict: .accepted, source: "providers.yaml: success"),
      ReplyRow(codes: statuses.retry, verdict: .later, trouble: .throttled, source: "providers.yaml: retry"),
      ReplyRow(codes: statuses.inDoubt, verdict: .inDoubt, source: "providers.yaml: in_doubt"),
    ]
  }
}
