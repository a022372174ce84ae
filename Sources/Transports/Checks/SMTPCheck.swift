import CCurl
import Delivery
import Model

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Connects to an SMTP server and logs in as a send would, then says QUIT.
enum SMTPCheck {
  static func run(_ endpoint: Endpoint, _ smtp: Endpoint.SMTP, domain: String, limit: Instant.Span) -> EndpointCheck {
    let ehlo = Envelope.isHostName(domain) ? domain : SystemCalls.hostName
    guard Envelope.isHost(smtp.host), (1...65_535).contains(smtp.port) else {
      return EndpointCheck(.fail, "'\(smtp.host):\(smtp.port)' is no host and port; correct providers.yaml")
    }
    guard let link = Link(smtp, ehlo: ehlo, timeout: limit, keepsCertificate: true) else {
      return EndpointCheck(.fail, "libcurl could not prepare a connection to \(smtp.host):\(smtp.port)")
    }
    let end = MonotonicTime.now() + limit
    let login = Login(endpoint)
    let connection = Connection(link: link, login: login, timeouts: Timeouts(limit), limit: 1, deadline: end)
    connection.token = smtp.token
    defer { link.close() }
    guard let result = wait(link, until: end) else {
      return EndpointCheck(.fail, "\(smtp.host):\(smtp.port) did not answer within \(limit)")
    }
    guard result == CURLE_OK else {
      return EndpointCheck(.fail, NetworkTransport.explain(result, connection).1)
    }
    let certificate = smtp.security == .none ? nil : link.certificateEnds
    let offered = link.handshake.capabilities
    if smtp.username != nil, offered.mechanisms.isEmpty {
      return EndpointCheck(
        .fail, "\(smtp.host):\(smtp.port) offers no way to log in; is it the right port?",
        certificateEnds: certificate)
    }
    quit(link, until: min(end, MonotonicTime.now() + .seconds(2)))
    let how =
      switch smtp.security {
      case .starttls: "STARTTLS"
      case .implicit: "TLS"
      case .none: "no TLS"
      }
    let who = smtp.username.map { "logged in as \($0)" } ?? "no login"
    let text = "\(smtp.host):\(smtp.port) reached, \(how), \(who); nothing was sent"
    return EndpointCheck(.ok, text, certificateEnds: certificate)
  }

  /// Nil when the time is up.
  private static func wait(_ link: Link, until end: Instant) -> CURLcode? {
    link.tick(MonotonicTime.now())
    while true {
      if let result = link.result() { return result }
      let now = MonotonicTime.now()
      guard now < end else { return nil }
      let wake = min(end, link.timer ?? end)
      var polled = link.sockets.map { pollfd(fd: $0.key, events: $0.value, revents: 0) }
      let milliseconds = Int(max(0, min(200, (wake - now).milliseconds)))
      _ = SystemCalls.wait(&polled, milliseconds: milliseconds)
      for one in polled where one.revents != 0 { link.ready(one.fd, events: one.revents) }
      link.tick(MonotonicTime.now())
    }
  }

  private static func quit(_ link: Link, until end: Instant) {
    let bytes = Array("QUIT\r\n".utf8)
    guard case .bytes(bytes.count) = link.send(bytes, from: 0) else { return }
    var buffer = [UInt8](repeating: 0, count: 1024)
    while MonotonicTime.now() < end {
      guard case .again = link.receive(into: &buffer) else { return }
      var polled = [pollfd(fd: link.socket, events: Int16(POLLIN), revents: 0)]
      _ = SystemCalls.wait(&polled, milliseconds: 50)
    }
  }
}
