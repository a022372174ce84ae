import Model

/// How long to wait for a server at each point (RFC 5321 §4.5.3.2), or as the endpoint's `timeout` says.
struct Timeouts {
  /// Name, connection, TLS and greeting; and each reply until the login is done.
  var greeting = Instant.Span.minutes(5)
  var mail = Instant.Span.minutes(5)
  var rcpt = Instant.Span.minutes(5)
  var data = Instant.Span.minutes(2)
  /// While the message is being written, from one piece that the connection took to the next.
  var block = Instant.Span.minutes(3)
  /// From the final dot to the reply.
  var message = Instant.Span.minutes(10)
  /// RSET has nothing to wait for; a server that is slow here is better left.
  var reset = Instant.Span.minutes(1)

  /// A connection that nothing needs is closed after this.
  static let idle = Instant.Span.seconds(30)
  /// For the reply to QUIT.
  static let quit = Instant.Span.seconds(5)
  /// How soon a server answers a message for the next one's opening to follow it at once; and how long that one then
  /// waits where the answer does not come.
  static let quick = Instant.Span(milliseconds: 250)
  static let following = Instant.Span.seconds(1)
  /// After a connection failed while others of its login live on, before another is tried.
  static let pause = Instant.Span.seconds(5)

  init(_ override: Instant.Span?) {
    guard let override else { return }
    greeting = override
    mail = override
    rcpt = override
    data = override
    block = override
    message = override
    reset = override
  }
}
