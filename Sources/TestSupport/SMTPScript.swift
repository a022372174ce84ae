/// How a scripted server behaves, attempt by attempt.
public struct SMTPScript: Sendable {
  /// One answer.
  public enum Answer: Sendable, ExpressibleByStringLiteral {
    /// Sent with a line break after it. A text of several lines has `\r\n` between them.
    case reply(String)
    /// Sent as they stand, piece by piece, so many milliseconds apart.
    case pieces([String], pause: Int)
    /// Nothing any more on this connection, which stays open.
    case silence
    /// The connection is closed.
    case hangUp
    /// A reply, then the connection is closed.
    case replyAndHangUp(String)

    public init(stringLiteral text: String) { self = .reply(text) }
  }

  /// One transaction, counted over all connections by its MAIL command.
  public struct Attempt: Sendable {
    public var mail: Answer
    public var rcpt: Answer
    public var data: Answer
    /// To the final dot.
    public var message: Answer
    /// To the message's first line, before its dot.
    public var amid: Answer?
    /// Said unasked once the message has been answered.
    public var after: Answer?

    public init(
      mail: Answer = "250 2.1.0 Sender ok", rcpt: Answer = "250 2.1.5 Recipient ok",
      data: Answer = "354 End with a dot", message: Answer = "250 2.0.0 Ok: queued as ABC123",
      amid: Answer? = nil, after: Answer? = nil
    ) {
      self.mail = mail
      self.rcpt = rcpt
      self.data = data
      self.message = message
      self.amid = amid
      self.after = after
    }
  }

  /// To connections in turn; the last answers all that follow.
  public var greetings: [Answer]
  public var ehlo: Answer?
  /// Lines of the answer to EHLO, such as `PIPELINING` or `AUTH PLAIN LOGIN`.
  public var capabilities: [String]
  /// To logins that have said all they have to say, in turn over all connections; after the last, `login`.
  public var logins: [Answer]
  public var login: Answer
  /// After the last, all is accepted.
  public var attempts: [Attempt]
  /// To RSET and QUIT.
  public var reset: Answer
  public var quit: Answer
  /// Milliseconds before each answer.
  public var latency: Int

  public init(
    greetings: [Answer] = ["220 scripted.test ESMTP"], ehlo: Answer? = nil,
    capabilities: [String] = ["PIPELINING", "8BITMIME", "SMTPUTF8", "SIZE 10485760", "ENHANCEDSTATUSCODES"],
    logins: [Answer] = [], login: Answer = "235 2.7.0 Welcome", attempts: [Attempt] = [],
    reset: Answer = "250 2.0.0 Reset",
    quit: Answer = .replyAndHangUp("221 2.0.0 Bye"), latency: Int = 0
  ) {
    self.greetings = greetings
    self.ehlo = ehlo
    self.capabilities = capabilities
    self.logins = logins
    self.login = login
    self.attempts = attempts
    self.reset = reset
    self.quit = quit
    self.latency = latency
  }
}
