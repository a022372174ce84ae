import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// Drives a transport as Delivery does: an intent as soon as an attempt is ready, unless the test wants to wait.
final class Harness {
  let clock = ManualClock()
  let transport: NetworkTransport
  /// In the order in which they came.
  private(set) var ready: [Int] = []
  private(set) var replies: [Int: Reply] = [:]
  private(set) var unavailable: [(login: String, Unavailability, returned: [Int])] = []
  /// How often an attempt ended; more than once is a defect.
  private(set) var endings: [Int: Int] = [:]
  var completesAtOnce = true

  init() { transport = NetworkTransport(now: { [clock] in clock.now }) }
  deinit { transport.close() }

  func poll(milliseconds: Int = 20) {
    for event in transport.poll(milliseconds: milliseconds) {
      switch event {
      case .ready(let handle):
        ready.append(handle)
        if completesAtOnce { transport.complete(handle) }
      case .finished(let handle, let reply):
        replies[handle] = reply
        endings[handle, default: 0] += 1
      case .unavailable(let login, let why, let returned):
        unavailable.append((login, why, returned))
        for handle in returned { endings[handle, default: 0] += 1 }
      }
    }
  }

  /// Polls until the condition holds; false if it does not within so many real seconds.
  @discardableResult
  func run(seconds: Int64 = 10, until condition: () -> Bool) -> Bool {
    let end = MonotonicTime.now() + .seconds(seconds)
    while !condition() {
      guard MonotonicTime.now() < end else { return false }
      poll()
    }
    return true
  }

  /// Begins one attempt and runs it to its end.
  func send(_ attempt: OutgoingAttempt) -> Reply? {
    endings[attempt.handle] = nil
    transport.begin(attempt)
    run { endings[attempt.handle] != nil }
    return replies[attempt.handle]
  }

  /// Runs until all of these have ended, and that each ended once.
  func finish(_ handles: some Sequence<Int>, seconds: Int64 = 20) -> Bool {
    let handles = Array(handles)
    return run(seconds: seconds) { handles.allSatisfy { endings[$0] != nil } }
      && handles.allSatisfy { endings[$0] == 1 }
  }
}

extension Endpoint {
  /// An SMTP server on loopback, in the clear.
  static func smtp(
    _ port: Int, host: String = "127.0.0.1", security: Provider.SMTP.Security = .none, username: String? = nil,
    password: String? = nil, token: String? = nil, renewToken: (@Sendable () async throws -> Secret)? = nil,
    certificates: String? = nil, clientCertificate: ClientCertificate? = nil, proxy: String? = nil,
    maxConnections: Int = 1,
    messagesPerConnection: Int = 100, timeout: Instant.Span? = nil
  ) -> Endpoint {
    Endpoint(
      provider: "test", login: "test \(username ?? "")@\(host):\(port)",
      kind: .smtp(
        Endpoint.SMTP(
          host: host, port: port, security: security, username: username, password: password.map { Secret($0) },
          token: token.map { Secret($0) }, renewToken: renewToken, certificates: certificates,
          clientCertificate: clientCertificate, proxy: proxy)),
      maxConnections: maxConnections, messagesPerConnection: messagesPerConnection, timeout: timeout)
  }

  static func file(_ directory: String, format: Provider.FileFormat = .eml) -> Endpoint {
    Endpoint(
      provider: "files", login: "files \(directory)", kind: .file(directory: directory, format: format),
      maxConnections: 100,
      messagesPerConnection: 100)
  }
}

extension OutgoingAttempt {
  static let text = "Subject: Hello\r\n\r\n.A dot first\r\nand text\r\n..two\r\n"

  static func make(
    _ handle: Int, _ endpoint: Endpoint, from: String = "anna@example.com", to: String = "ada@example.org",
    message: String = text, channel: Channel = .email, needsSMTPUTF8: Bool = false
  ) -> OutgoingAttempt {
    OutgoingAttempt(
      handle: handle, endpoint: endpoint,
      sendID: SendID(campaign: "welcome", step: "intro", contact: "\(handle)", channel: channel, key: ""),
      channel: channel, from: from, to: to, message: Array(message.utf8), needsSMTPUTF8: needsSMTPUTF8)
  }
}
