import Model

/// What the replies of HTTP services mean, as tables: one row for a kind of reply, the first that fits deciding. A
/// service's own rows come first, then those that hold for HTTP (RFC 9110 §15) and our own rule that a server's fault
/// after the request may have left is in doubt (DESIGN §4.8).
struct ServicePolicy {
  struct Row: Sendable {
    var statuses: [ClosedRange<Int>]
    /// The service's own codes; empty means any.
    var codes: Set<String> = []
    /// What the reply's text must hold, in lower case; nil means anything.
    var words: String?
    var verdict: Verdict
    /// What the reply says of the login: it rests, and no other send is spent on it.
    var trouble: Unavailability.Cause?
    /// Where the rule is written.
    var source: String

    func fits(_ status: Int, _ reply: Reply) -> Bool {
      guard statuses.contains(where: { $0.contains(status) }) else { return false }
      guard codes.isEmpty || reply.providerCode.map(codes.contains) == true else { return false }
      return words.map { reply.text.lowercased().contains($0) } ?? true
    }
  }

  let rows: [Row]

  init(_ service: HTTPService<Secret>) {
    switch service {
    case .sendgrid: rows = Self.sendgrid
    case .mailgun: rows = Self.mailgun
    case .ses: rows = Self.ses
    case .postmark: rows = Self.postmark
    case .twilio: rows = Self.twilio
    case .webhook(let webhook): rows = Self.webhook(webhook.statuses)
    }
  }

  func verdict(_ reply: Reply) -> Verdict {
    switch reply.ending {
    case .connectionLost, .timeout: reply.completed ? .inDoubt : .failOver(isFinal: false)
    case .unsupported: .failOver(isFinal: true)
    case .malformed: .inDoubt
    case .reply(let status): row(status, reply)?.verdict ?? .inDoubt
    }
  }

  func trouble(_ reply: Reply) -> Unavailability.Cause? {
    guard case .reply(let status) = reply.ending else { return nil }
    return row(status, reply)?.trouble
  }

  private func row(_ status: Int, _ reply: Reply) -> Row? {
    rows.first { $0.fits(status, reply) } ?? Self.http.first { $0.fits(status, reply) }
  }

  // MARK: - Rows for all

  /// What a status means where the service says nothing of its own.
  static let http: [Row] = [
    Row(
      statuses: [401...403], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "RFC 9110 §15.5.2 to §15.5.4: the credentials are missing, wrong, not paid for, or not enough"),
    Row(
      statuses: [429...429, 503...503], verdict: .later, trouble: .throttled,
      source: "RFC 6585 §4, RFC 9110 §15.6.4: not processed, later; Retry-After says when"),
    Row(
      statuses: [404...405, 408...408, 410...410], verdict: .failOver(isFinal: false),
      source: "RFC 9110 §15.5: nothing takes messages at this address just now, or the request did not arrive whole"),
    Row(
      statuses: [400...499], verdict: .failOver(isFinal: true),
      source: "RFC 9110 §15.5: the request is at fault, and would be again"),
    Row(
      statuses: [301...302, 307...308], verdict: .failOver(isFinal: false),
      source: "RFC 9110 §15.4: the address is another; a message is not sent after it"),
    Row(
      statuses: [500...599], verdict: .inDoubt,
      source: "RFC 9110 §15.6: the server failed, having done nobody knows how much"),
  ]

  // MARK: - Rows of each service

  /// https://www.twilio.com/docs/sendgrid/api-reference/how-to-use-the-sendgrid-v3-api/responses
  static let sendgrid: [Row] = [
    Row(statuses: [202...202], verdict: .accepted, source: "SendGrid: 202, the message is queued for delivery"),
    Row(
      statuses: [400...400], codes: ["personalizations.0.to.0.email", "personalizations.0.to"],
      verdict: .refused(isBounce: true), source: "SendGrid: the error's `field` names the recipient's address"),
  ]

  /// https://documentation.mailgun.com/docs/mailgun/api-reference/mg-errors
  static let mailgun: [Row] = [
    Row(statuses: [200...200], verdict: .accepted, source: "Mailgun: 200, the message is queued"),
    Row(
      statuses: [400...400], words: "'to' parameter is not a valid address", verdict: .refused(isBounce: true),
      source: "Mailgun: `to` is no address"),
  ]

  /// https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html
  static let ses: [Row] = [
    Row(statuses: [200...200], verdict: .accepted, source: "SES v2 SendEmail: 200 with MessageId"),
    Row(
      statuses: [400...499], words: "maximum sending rate exceeded", verdict: .later, trouble: .throttled,
      source: "SES sending quotas: the rate a second; wait and send again"),
    Row(
      statuses: [400...499], words: "daily message quota exceeded", verdict: .failOver(isFinal: false),
      trouble: .throttled, source: "SES sending quotas: the quota of 24 hours"),
    Row(
      statuses: [400...400], codes: ["LimitExceededException"], verdict: .failOver(isFinal: false),
      trouble: .throttled, source: "SES v2 LimitExceededException: a quota of the account"),
    Row(
      statuses: [400...400], codes: ["AccountSuspendedException", "SendingPausedException"],
      verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "SES v2 AccountSuspended, SendingPaused: the account cannot send"),
    Row(
      statuses: [400...400], codes: ["MailFromDomainNotVerifiedException", "MessageRejected"],
      verdict: .failOver(isFinal: true), source: "SES v2: the sender is not verified, or the content is refused"),
  ]

  /// https://postmarkapp.com/developer/api/overview#error-codes
  static let postmark: [Row] = [
    Row(statuses: [200...200], codes: ["0"], verdict: .accepted, source: "Postmark: 200 with ErrorCode 0"),
    Row(
      statuses: [422...422], codes: ["406"], verdict: .refused(isBounce: true),
      source: "Postmark 406: inactive recipient, after a hard bounce or complaint"),
    Row(
      statuses: [422...422], codes: ["300"], words: "'to'", verdict: .refused(isBounce: true),
      source: "Postmark 300: invalid e-mail request, the To address"),
    Row(
      statuses: [422...422], codes: ["405", "412", "413"], verdict: .failOver(isFinal: false), trouble: .credentials,
      source: "Postmark 405, 412, 413: the account is out of credits, pending, or may not send"),
  ]

  /// https://www.twilio.com/docs/api/errors
  static let twilio: [Row] = [
    Row(statuses: [200...201], verdict: .accepted, source: "Twilio Messages: 201 with the message's sid"),
    Row(
      statuses: [400...599], codes: ["20429", "14107"], verdict: .later, trouble: .throttled,
      source: "Twilio 20429, 14107: too many requests, not processed"),
    Row(
      statuses: [400...599], codes: ["21611"], verdict: .later, trouble: .throttled,
      source: "Twilio 21611: the From number's queue is full"),
    Row(
      statuses: [400...599], codes: ["20500"], verdict: .inDoubt,
      source: "Twilio 20500: internal error; the message may have been created"),
    Row(
      statuses: [400...499], codes: ["21211", "21217", "21614", "21610"], verdict: .refused(isBounce: true),
      source: "Twilio 21211, 21217: no valid number; 21614: no mobile number; 21610: the recipient has opted out"),
    Row(
      statuses: [400...499], codes: ["21617", "21602"], verdict: .refused(isBounce: false),
      source: "Twilio 21617, 21602: the text is too long, or there is none"),
    Row(
      statuses: [400...499], codes: ["20003", "20005", "20008"], verdict: .failOver(isFinal: false),
      trouble: .credentials, source: "Twilio 20003, 20005, 20008: not authenticated, suspended, or test credentials"),
  ]

  static func webhook(_ statuses: WebhookStatuses) -> [Row] {
    [
      Row(statuses: statuses.success, verdict: .accepted, source: "providers.yaml: success"),
      Row(statuses: statuses.retry, verdict: .later, trouble: .throttled, source: "providers.yaml: retry"),
      Row(statuses: statuses.inDoubt, verdict: .inDoubt, source: "providers.yaml: in_doubt"),
    ]
  }
}

extension Verdict {
  /// Sorts a reply by the rules of the endpoint that gave it.
  public init(_ reply: Reply, from kind: Endpoint.Kind?) {
    if case .http(let http)? = kind {
      self = ServicePolicy(http.service).verdict(reply)
    } else {
      self.init(smtp: reply)
    }
  }
}

extension Reply {
  /// What it says of the login rather than of this send: every other send of it waits too. Nil: nothing.
  public func trouble(from kind: Endpoint.Kind?) -> Unavailability.Cause? {
    if case .http(let http)? = kind { return ServicePolicy(http.service).trouble(self) }
    guard case .reply(let code) = ending else { return nil }
    return [454, 530, 534, 535, 538].contains(code) ? .credentials : nil
  }
}
