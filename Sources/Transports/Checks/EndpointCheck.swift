import Delivery
import Foundation
import Model

/// Whether a server can be reached and takes the login, found out without sending anything: for `doctor`.
public struct EndpointCheck: Sendable {
  public enum Verdict: Sendable { case ok, warn, fail }

  public var verdict: Verdict
  /// What was found, and what to do where it is not well.
  public var text: String
  /// When the server's certificate runs out; nil without TLS.
  public var certificateEnds: Instant?
  /// By how much this machine's clock is ahead of the server's; nil where the server told no time.
  public var clockAhead: Instant.Span?

  init(_ verdict: Verdict, _ text: String, certificateEnds: Instant? = nil, clockAhead: Instant.Span? = nil) {
    self.verdict = verdict
    self.text = text
    self.certificateEnds = certificateEnds
    self.clockAhead = clockAhead
  }

  /// Checks an endpoint on a thread of its own.
  ///
  /// - SMTP: connects, STARTTLS or TLS, EHLO, AUTH, and QUIT - no MAIL.
  /// - HTTP: what the service documents as a question that changes nothing (`Services.question`); a webhook is connected
  ///   to and nothing is asked, since every request to it may be a message.
  /// - Files: the folder can be written to, or made.
  /// - Parameters:
  ///   - domain: for EHLO, the sender's.
  ///   - limit: for all of it. What has not answered by then is left behind, whatever it waits for.
  public static func run(_ endpoint: Endpoint, domain: String, limit: Instant.Span) async -> EndpointCheck {
    _ = SystemCalls.ignoreBrokenPipes
    let answer = Answer()
    return await withCheckedContinuation { continuation in
      answer.set(continuation)
      let thread = Thread { answer.give(check(endpoint, domain: domain, limit: limit)) }
      thread.name = "check"
      thread.start()
      // Name resolution may wait for its servers longer than anybody wants to, and cannot be called off.
      DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(Int(limit.milliseconds) + 500)) {
        answer.give(
          EndpointCheck(.fail, "no answer within \(limit); is there a network, and does name resolution work?"))
      }
    }
  }

  private static func check(_ endpoint: Endpoint, domain: String, limit: Instant.Span) -> EndpointCheck {
    switch endpoint.kind {
    case .smtp(let smtp): SMTPCheck.run(endpoint, smtp, domain: domain, limit: limit)
    case .http(let http): HTTPCheck.run(http, limit: limit)
    case .file(let directory, _): folder(directory)
    }
  }

  private static func folder(_ path: String) -> EndpointCheck {
    var place = path
    var isFolder: ObjCBool = false
    while !FileManager.default.fileExists(atPath: place, isDirectory: &isFolder), place.count > 1 {
      place = URL(filePath: place).deletingLastPathComponent().path
    }
    guard isFolder.boolValue else {
      return EndpointCheck(.fail, "\(place) is no folder; name another `directory`, or move it away")
    }
    guard FileManager.default.isWritableFile(atPath: place) else {
      return EndpointCheck(.fail, "\(place) cannot be written to; give whoever runs nightmail the right to it")
    }
    return EndpointCheck(.ok, place == path ? "\(path) can be written to" : "\(path) will be made")
  }

  /// The first answer counts.
  private final class Answer: @unchecked Sendable {
    // Both under the lock.
    private let lock = NSLock()
    private var continuation: CheckedContinuation<EndpointCheck, Never>?

    func set(_ continuation: CheckedContinuation<EndpointCheck, Never>) {
      lock.withLock { self.continuation = continuation }
    }

    func give(_ check: EndpointCheck) {
      let continuation = lock.withLock {
        defer { self.continuation = nil }
        return self.continuation
      }
      continuation?.resume(returning: check)
    }
  }
}
