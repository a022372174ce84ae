/// A sending identity: who the mail is from, its limits, its window and its chain of providers.
public struct Mailbox: Sendable {
  public var id: String
  public var sender: Sender
  public var replyTo: NamedAddress?
  /// Sends a calendar day in `zone`; nil means no limit.
  public var dailyLimit: Int?
  /// Sends a clock hour in `zone`; nil means no limit.
  public var hourlyLimit: Int?
  /// Sends in any 24 hours; nil means no limit.
  public var rollingLimit: Int?
  /// A daily limit that grows from day to day; the lower of it and `dailyLimit` holds.
  public var ramp: Ramp?
  /// The least time between two attempts.
  public var minGap: Instant.Span
  public var window: Window
  /// Where its days begin; the project's zone if it names none.
  public var zone: Zone
  /// Ids of providers, first choice first; not empty.
  public var providers: [String]
  public var tags: [String]
  public var vars: [String: String]
  /// How its mail is signed, one signature for each; empty for mail that is not.
  public var dkim: [DKIM]
  public var place: Place

  /// A signature that its mail carries (RFC 6376).
  public struct DKIM: Hashable, Sendable {
    /// The domain that vouches for the mail: lower-case A-labels.
    public var domain: String
    /// Which of the domain's keys: the record stands at `<selector>._domainkey.<domain>`. In lower case.
    public var selector: String
    /// Of the private key; a relative path is the project's. The file is read when mail is signed and is no input of
    /// plans.
    public var keyFile: String
    /// Of `key_file`.
    public var place: Place

    public init(domain: String, selector: String, keyFile: String, place: Place = Place("data/mailboxes.yaml")) {
      self.domain = domain
      self.selector = selector
      self.keyFile = keyFile
      self.place = place
    }
  }

  /// How a new mailbox is warmed up: `from` sends a day at first, `step` more after every `everyDays` days.
  public struct Ramp: Hashable, Sendable {
    public var from: Int
    public var step: Int
    /// At least 1.
    public var everyDays: Int
    /// The first day, on the mailbox's clock; before it the mailbox sends nothing.
    public var start: CalendarDay

    public init(from: Int, step: Int, everyDays: Int, start: CalendarDay) {
      self.from = from
      self.step = step
      self.everyDays = everyDays
      self.start = start
    }

    /// Sends that it allows on a day.
    public func limit(on day: CalendarDay) -> Int {
      let days = day.number - start.number
      if days < 0 { return 0 }
      let grown = step.multipliedReportingOverflow(by: days / max(1, everyDays))
      return grown.overflow ? .max : max(0, from.addingReportingOverflow(grown.partialValue).partialValue)
    }
  }

  /// What `dailyLimit` and `ramp` allow on a calendar day of its zone; nil means no limit.
  public func limit(on day: CalendarDay) -> Int? {
    guard let ramp else { return dailyLimit }
    return min(ramp.limit(on: day), dailyLimit ?? .max)
  }

  /// A mailbox has one channel.
  public enum Sender: Hashable, Sendable {
    case email(NamedAddress)
    case sms(PhoneNumber)

    public var channel: Channel {
      switch self {
      case .email: .email
      case .sms: .sms
      }
    }
    /// The bare address or number.
    public var address: String {
      switch self {
      case .email(let named): named.address.envelope
      case .sms(let number): number.e164
      }
    }
  }

  public init(
    id: String, sender: Sender, replyTo: NamedAddress? = nil, dailyLimit: Int? = nil, hourlyLimit: Int? = nil,
    rollingLimit: Int? = nil, ramp: Ramp? = nil, minGap: Instant.Span = .zero, window: Window = .always, zone: Zone,
    providers: [String],
    tags: [String] = [], vars: [String: String] = [:], dkim: [DKIM] = [],
    place: Place = Place("data/mailboxes.yaml")
  ) {
    self.id = id
    self.sender = sender
    self.replyTo = replyTo
    self.dailyLimit = dailyLimit
    self.hourlyLimit = hourlyLimit
    self.rollingLimit = rollingLimit
    self.ramp = ramp
    self.minGap = minGap
    self.window = window
    self.zone = zone
    self.providers = providers
    self.tags = tags
    self.vars = vars
    self.dkim = dkim
    self.place = place
  }

  /// What a template can ask of it as `{{mailbox.…}}`.
  public func variable(_ name: String) -> String? {
    switch name {
    case "id": return id
    case "email": return sender.address
    case "name":
      if case .email(let named) = sender { return named.name ?? named.address.envelope }
      return sender.address
    default: return vars[name]
    }
  }
}

/// A way out: an SMTP server, a service over HTTP, or a folder of files.
public struct Provider: Sendable {
  public var id: String
  public var kind: Kind
  /// Connections at a time, for each login. 1...1000.
  public var maxConnections: Int
  /// Messages on one connection before it is closed and made anew. At least 1.
  public var messagesPerConnection: Int
  /// The least time between two attempts at one login; zero means no limit.
  public var interval: Instant.Span
  /// A limit on each wait for the server in place of RFC 5321's.
  public var timeout: Instant.Span?
  public var place: Place

  public enum Kind: Sendable {
    case smtp(SMTP)
    case http(HTTP)
    case file(directory: String?, format: FileFormat = .eml)

    public func carries(_ channel: Channel) -> Bool {
      switch self {
      case .smtp: channel == .email
      case .http(let http): channel == http.service.channel
      case .file(_, let format): format == .eml || channel == .email
      }
    }
  }

  /// How a folder takes messages.
  public enum FileFormat: String, CaseIterable, Sendable {
    /// One `.eml` file a send, named by its id; `.txt` for SMS.
    case eml
    /// A Maildir: `tmp`, `new` and `cur`, which mail programs read.
    case maildir
  }

  /// Strings may hold `{{mailbox.id}}` and `{{mailbox.email}}`.
  public struct SMTP: Sendable {
    public enum Security: String, CaseIterable, Sendable {
      /// EHLO, STARTTLS, and no mail without it (RFC 3207).
      case starttls
      /// TLS from the first byte (RFC 8314).
      case implicit
      /// In the clear: for this machine and for tests.
      case none
    }
    public var host: String
    public var port: Int
    public var security: Security
    public var username: String?
    public var password: SecretReference?
    /// An OAuth 2 access token: XOAUTH2.
    public var token: SecretReference?
    /// Certificates to trust in place of the system's, as a PEM file.
    public var certificates: String?
    public var clientCertificate: ClientCertificate?
    /// As `WebAddress(proxy:)` reads it; nil means none, whatever the environment says.
    public var proxy: String?

    public init(
      host: String, port: Int, security: Security, username: String? = nil, password: SecretReference? = nil,
      token: SecretReference? = nil, certificates: String? = nil, clientCertificate: ClientCertificate? = nil,
      proxy: String? = nil
    ) {
      self.host = host
      self.port = port
      self.security = security
      self.username = username
      self.password = password
      self.token = token
      self.certificates = certificates
      self.clientCertificate = clientCertificate
      self.proxy = proxy
    }
  }

  public init(
    id: String, kind: Kind, maxConnections: Int = 2, messagesPerConnection: Int = 100,
    interval: Instant.Span = .zero, timeout: Instant.Span? = nil, place: Place = Place("data/providers.yaml")
  ) {
    self.id = id
    self.kind = kind
    self.maxConnections = maxConnections
    self.messagesPerConnection = messagesPerConnection
    self.interval = interval
    self.timeout = timeout
    self.place = place
  }
}
