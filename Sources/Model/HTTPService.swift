/// A service that takes messages over HTTP: which one, and what it has to be told with each request.
///
/// `Credential` is a `SecretReference` as the files have it (`Provider.HTTP`), and the `Secret` itself as a transport is
/// given it.
public enum HTTPService<Credential: Sendable>: Sendable {
  /// Twilio SendGrid's v3 Mail Send.
  case sendgrid(key: Credential)
  /// Mailgun's `messages.mime`. `domain`: the sending domain, which is part of the path.
  case mailgun(domain: String, key: Credential)
  /// Amazon SES v2's SendEmail.
  case ses(SES)
  /// `stream`: the message stream, Postmark's own default without it.
  case postmark(token: Credential, stream: String?)
  /// Twilio's Messages resource. `messagingService`: takes the place of the mailbox's number.
  case twilio(account: String, token: Credential, messagingService: String?)
  /// Anything that takes a JSON body.
  case webhook(Webhook)

  public struct SES: Sendable {
    public var region: String
    public var accessKeyID: Credential
    public var secretAccessKey: Credential
    /// With temporary credentials.
    public var sessionToken: Credential?
    public var configurationSet: String?

    public init(
      region: String, accessKeyID: Credential, secretAccessKey: Credential, sessionToken: Credential? = nil,
      configurationSet: String? = nil
    ) {
      self.region = region
      self.accessKeyID = accessKeyID
      self.secretAccessKey = secretAccessKey
      self.sessionToken = sessionToken
      self.configurationSet = configurationSet
    }
  }

  public struct Webhook: Sendable {
    /// Sent as `Authorization: Bearer …`.
    public var token: Credential?
    /// In the file's order.
    public var headers: [Header]
    public var method: WebhookMethod
    /// JSON with `{{name}}` inside its strings (`WebhookTemplate`).
    public var body: String
    public var channel: Channel
    public var statuses: WebhookStatuses

    public struct Header: Sendable {
      public var name: String
      public var value: HeaderValue
      public init(_ name: String, _ value: HeaderValue) {
        self.name = name
        self.value = value
      }
    }
    public enum HeaderValue: Sendable {
      /// May hold `{{name}}`.
      case text(String)
      case secret(Credential)
    }

    public init(
      method: WebhookMethod = .post, token: Credential? = nil, headers: [Header] = [], body: String, channel: Channel,
      statuses: WebhookStatuses = WebhookStatuses()
    ) {
      self.method = method
      self.token = token
      self.headers = headers
      self.body = body
      self.channel = channel
      self.statuses = statuses
    }
  }

  /// What it carries.
  public var channel: Channel {
    switch self {
    case .sendgrid, .mailgun, .ses, .postmark: .email
    case .twilio: .sms
    case .webhook(let webhook): webhook.channel
    }
  }

  /// The same with each secret fetched, or its place filled in, and each setting that may hold `{{mailbox.id}}` and
  /// `{{mailbox.email}}` filled in too. A webhook's body and header texts are left alone: what they hold has to be
  /// escaped.
  public func map<Other: Sendable, Problem: Error>(
    text: (String) throws(Problem) -> String, credential: (Credential) throws(Problem) -> Other
  ) throws(Problem) -> HTTPService<Other> {
    func optional(_ value: Credential?) throws(Problem) -> Other? {
      guard let value else { return nil }
      return try credential(value)
    }
    func optional(_ value: String?) throws(Problem) -> String? {
      guard let value else { return nil }
      return try text(value)
    }
    switch self {
    case .sendgrid(let key): return .sendgrid(key: try credential(key))
    case .mailgun(let domain, let key): return .mailgun(domain: try text(domain), key: try credential(key))
    case .ses(let ses):
      return .ses(
        HTTPService<Other>.SES(
          region: try text(ses.region), accessKeyID: try credential(ses.accessKeyID),
          secretAccessKey: try credential(ses.secretAccessKey), sessionToken: try optional(ses.sessionToken),
          configurationSet: try optional(ses.configurationSet)))
    case .postmark(let token, let stream):
      return .postmark(token: try credential(token), stream: try optional(stream))
    case .twilio(let account, let token, let service):
      return .twilio(account: try text(account), token: try credential(token), messagingService: try optional(service))
    case .webhook(let webhook):
      var headers: [HTTPService<Other>.Webhook.Header] = []
      for header in webhook.headers {
        switch header.value {
        case .text(let text): headers.append(.init(header.name, .text(text)))
        case .secret(let secret): headers.append(.init(header.name, .secret(try credential(secret))))
        }
      }
      return .webhook(
        HTTPService<Other>.Webhook(
          method: webhook.method, token: try optional(webhook.token), headers: headers, body: webhook.body,
          channel: webhook.channel, statuses: webhook.statuses))
    }
  }

  /// Each secret, in a fixed order.
  public var credentials: [Credential] {
    switch self {
    case .sendgrid(let key), .mailgun(_, let key): [key]
    case .ses(let ses): [ses.accessKeyID, ses.secretAccessKey] + [ses.sessionToken].compactMap { $0 }
    case .postmark(let token, _), .twilio(_, let token, _): [token]
    case .webhook(let webhook):
      [webhook.token].compactMap { $0 }
        + webhook.headers.compactMap { header in
          if case .secret(let secret) = header.value { return secret }
          return nil
        }
    }
  }
}

public enum WebhookMethod: String, CaseIterable, Sendable {
  case post = "POST"
  case put = "PUT"
}

/// What a webhook's status codes mean: the first list that holds a code decides. A code in none of them is a refusal
/// by this provider, and another may be tried.
public struct WebhookStatuses: Hashable, Sendable {
  /// The message was taken.
  public var success: [ClosedRange<Int>]
  /// It was not, and may be later.
  public var retry: [ClosedRange<Int>]
  /// Nobody knows.
  public var inDoubt: [ClosedRange<Int>]

  public init(
    success: [ClosedRange<Int>] = [200...299], retry: [ClosedRange<Int>] = [429...429, 503...503],
    inDoubt: [ClosedRange<Int>] = [500...599]
  ) {
    self.success = success
    self.retry = retry
    self.inDoubt = inDoubt
  }
}

extension Provider {
  /// A service that takes messages over HTTP, as `providers.yaml` has it.
  public struct HTTP: Sendable {
    public var service: HTTPService<SecretReference>
    /// Where the service's paths begin, without the last `/`; for a webhook the whole URL, with `{{name}}` in its path
    /// or query.
    public var url: String
    /// Certificates to trust in place of the system's, as a PEM file.
    public var certificates: String?
    public var clientCertificate: ClientCertificate?
    /// As `WebAddress(proxy:)` reads it; nil means none, whatever the environment says.
    public var proxy: String?

    public init(
      _ service: HTTPService<SecretReference>, url: String, certificates: String? = nil,
      clientCertificate: ClientCertificate? = nil, proxy: String? = nil
    ) {
      self.service = service
      self.url = url
      self.certificates = certificates
      self.clientCertificate = clientCertificate
      self.proxy = proxy
    }
  }
}
