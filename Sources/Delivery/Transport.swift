import Model

/// A provider as one mailbox uses it: placeholders filled in, secrets fetched, paths absolute.
public struct Endpoint: Sendable {
  /// The provider's id.
  public var provider: String
  /// Connections, refused credentials and rests count by it: provider, host and user name.
  public var login: String
  public var kind: Kind
  /// Connections at a time for this login.
  public var maxConnections: Int
  /// Messages on one connection before it is closed.
  public var messagesPerConnection: Int
  /// Attempts in flight at a time for this login. Over SMTP each connection may have one under way and one that
  /// follows it at once.
  public var maxInFlight: Int {
    if case .smtp = kind { return maxConnections * 2 }
    return maxConnections
  }
  /// The least time between two attempts at this login.
  public var interval: Instant.Span
  /// A limit on each wait for the server in place of RFC 5321 §4.5.3.2's.
  public var timeout: Instant.Span?

  /// Whether its service puts e-mails together itself, out of their pieces.
  public var needsParts: Bool {
    guard case .http(let http) = kind else { return false }
    return http.service.channel == .email
  }

  /// Kept out of line: endpoints are handed on with every attempt.
  public indirect enum Kind: Sendable {
    case smtp(SMTP)
    case http(HTTP)
    /// Absolute path of the folder that takes the files.
    case file(directory: String, format: Provider.FileFormat = .eml)
  }

  public struct HTTP: Sendable {
    public var service: HTTPService<Secret>
    /// Where the service's paths begin, without the last `/`; for a webhook the whole URL, with `{{name}}` in it.
    public var url: String
    /// Absolute path of a PEM file of certificates to trust in place of the system's.
    public var certificates: String?
    /// Absolute paths.
    public var clientCertificate: ClientCertificate?
    /// As `WebAddress(proxy:)` reads it; nil means none, whatever the environment says.
    public var proxy: String?

    public init(
      _ service: HTTPService<Secret>, url: String, certificates: String? = nil,
      clientCertificate: ClientCertificate? = nil, proxy: String? = nil
    ) {
      self.service = service
      self.url = url
      self.certificates = certificates
      self.clientCertificate = clientCertificate
      self.proxy = proxy
    }
  }

  public struct SMTP: Sendable {
    public var host: String
    public var port: Int
    public var security: Provider.SMTP.Security
    public var username: String?
    public var password: Secret?
    /// An OAuth 2 access token: XOAUTH2.
    public var token: Secret?
    /// Fetches the token anew, since access tokens live for an hour or so and a night's run for longer. Nil: there is
    /// none but `token`. What it throws is for the operator, and holds no secret.
    public var renewToken: (@Sendable () async throws -> Secret)?
    /// Absolute path of a PEM file of certificates to trust in place of the system's.
    public var certificates: String?
    /// Absolute paths.
    public var clientCertificate: ClientCertificate?
    /// As `WebAddress(proxy:)` reads it; nil means none, whatever the environment says.
    public var proxy: String?

    public init(
      host: String, port: Int, security: Provider.SMTP.Security, username: String? = nil, password: Secret? = nil,
      token: Secret? = nil, renewToken: (@Sendable () async throws -> Secret)? = nil, certificates: String? = nil,
      clientCertificate: ClientCertificate? = nil, proxy: String? = nil
    ) {
      self.host = host
      self.port = port
      self.security = security
      self.username = username
      self.password = password
      self.token = token
      self.renewToken = renewToken
      self.certificates = certificates
      self.clientCertificate = clientCertificate
      self.proxy = proxy
    }
  }

  public init(
    provider: String, login: String, kind: Kind, maxConnections: Int, messagesPerConnection: Int,
    interval: Instant.Span = .zero, timeout: Instant.Span? = nil
  ) {
    self.provider = provider
    self.login = login
    self.kind = kind
    self.maxConnections = maxConnections
    self.messagesPerConnection = messagesPerConnection
    self.interval = interval
    self.timeout = timeout
  }
}

/// One try at a send through one provider, as a transport is given it.
public struct OutgoingAttempt: Sendable {
  /// The caller's handle; events carry it back.
  public var handle: Int
  public var endpoint: Endpoint
  public var sendID: SendID
  public var channel: Channel
  /// Envelope sender and recipient: addresses with A-label domains, without brackets; numbers for SMS.
  public var from: String
  public var to: String
  /// A whole RFC 5322 message with CRLF line ends, not dot-stuffed; for SMS the text in UTF-8.
  public var message: [UInt8]
  /// An address has a local part outside ASCII (RFC 6531).
  public var needsSMTPUTF8: Bool
  /// The message's Message-ID with its brackets; empty where nothing names one.
  public var messageID: String
  /// The same e-mail in pieces; nil for SMS.
  public var parts: MessageParts?

  public init(
    handle: Int, endpoint: Endpoint, sendID: SendID, channel: Channel, from: String, to: String, message: [UInt8],
    needsSMTPUTF8: Bool, messageID: String = "", parts: MessageParts? = nil
  ) {
    self.handle = handle
    self.endpoint = endpoint
    self.sendID = sendID
    self.channel = channel
    self.from = from
    self.to = to
    self.message = message
    self.needsSMTPUTF8 = needsSMTPUTF8
    self.messageID = messageID
    self.parts = parts
  }
}

/// How the server ended an attempt, or that it did not.
public struct Reply: Hashable, Sendable {
  /// What had been sent last when it came.
  public enum Stage: String, Hashable, Sendable {
    case mail, rcpt, data, message
    /// HTTP has one step.
    case request
  }
  public enum Ending: Hashable, Sendable {
    /// The server answered: an SMTP code or an HTTP status.
    case reply(code: Int)
    /// The server answered with a status that is good, and with something else than the service would say: whether it
    /// has the message, nobody knows.
    case malformed(code: Int)
    /// The connection was closed or reset.
    case connectionLost
    /// Nothing came within the time allowed.
    case timeout
    /// Nothing was sent: the message cannot go through this endpoint (no SMTPUTF8, larger than SIZE).
    case unsupported
  }

  public var stage: Stage
  public var ending: Ending
  /// RFC 3463, such as `4.7.1`; nil where the reply has none.
  public var enhancedCode: String?
  /// The reply's text, lines joined by a space, or what went wrong; at most 500 characters, printable.
  public var text: String
  public var providerID: String?
  /// An HTTP service's own code for what is wrong, such as Twilio's `21610` or SES's `MessageRejected`.
  public var providerCode: String?
  /// How long the server asks to be left alone (RFC 9110 §10.2.3); not negative.
  public var retryAfter: Instant.Span?
  /// Whether the byte that completes the message may have left: the final dot for SMTP, the request's first byte for
  /// HTTP. After that only a reply tells whether the server has the message (RFC 1047).
  public var completed: Bool

  public init(
    stage: Stage, ending: Ending, enhancedCode: String? = nil, text: String, providerID: String? = nil,
    providerCode: String? = nil, retryAfter: Instant.Span? = nil, completed: Bool
  ) {
    self.stage = stage
    self.ending = ending
    self.enhancedCode = enhancedCode
    self.text = text
    self.providerID = providerID
    self.providerCode = providerCode
    self.retryAfter = retryAfter
    self.completed = completed
  }
}

/// What a transport has to tell.
public enum TransportEvent: Sendable {
  /// Everything but the byte that could complete the message has been agreed with the server; over HTTP nothing of the
  /// request has been written. The caller writes the intent, and once that is on disk calls `complete`.
  case ready(handle: Int)
  /// The attempt has ended.
  case finished(handle: Int, Reply)
  /// A connection or login failed; `returned` were waiting for it and come back untouched: no attempt was made
  /// (DESIGN §4.5). Whatever else waits for this login is returned too.
  case unavailable(login: String, Unavailability, returned: [Int])
}

/// Why a login cannot be used just now. None of these is an attempt.
public struct Unavailability: Hashable, Sendable {
  public enum Cause: String, Hashable, Sendable {
    /// Name not found, refused, unreachable, timed out, hung up.
    case connection
    /// The greeting was a refusal, or no SMTP.
    case greeting
    /// No TLS, wrong name, unknown or expired certificate.
    case tls
    /// SMTP's 535 and 530, HTTP's 401 and 403: user name, password, token or key refused, or the account closed.
    case credentials
    /// Asked to be left alone: too many requests, a quota used up, or the service is not available.
    case throttled
  }
  public var cause: Cause
  /// For the operator: what, and what to do.
  public var text: String
  public init(cause: Cause, text: String) {
    self.cause = cause
    self.text = text
  }
}

/// A way to carry attempts out. One object serves all endpoints; it is used from one thread only and does its work
/// inside `poll`. It never retries by itself.
///
/// The life of an attempt: `begin` ─▶ `.ready` ─▶ `complete` ─▶ `.finished`, or `.finished` at any point before, or
/// `.unavailable` before anything was sent. Exactly one of `.finished`, `.unavailable` and `cancel` ends each attempt.
public protocol Transport: AnyObject {
  /// Takes an attempt. The caller keeps those in flight for a login within its `maxInFlight`.
  func begin(_ attempt: OutgoingAttempt)
  /// The intent is on disk: write the rest of the message.
  func complete(_ handle: Int)
  /// Gives up an attempt that is not complete: nothing of its message is written, and no event follows. A server that
  /// waits for the message sees its connection close.
  func cancel(_ handle: Int)
  /// Carries on with whatever can be done; returns as soon as there is an event, or after `milliseconds`.
  func poll(milliseconds: Int) -> [TransportEvent]
  /// Makes a `poll` that waits return early, from any thread; nil if the transport cannot.
  var wake: (@Sendable () -> Void)? { get }
  /// Ends every attempt that has not been completed (`.finished`, `connectionLost`, from the next `poll`), and
  /// begins no more; those after `complete` go on until they end or `close` is called.
  func drain()
  /// Closes everything: QUIT where the connection is idle. What is still in flight gets no event.
  func close()
}

extension Transport {
  public var wake: (@Sendable () -> Void)? { nil }
}
