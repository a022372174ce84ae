import Model

/// Failures on purpose, to see what retries, fail-over, dead letters and breakers do before a real server makes them:
/// `--inject-failures RATE[:CLASS]`.
public struct InjectedFailures: Hashable, Sendable {
  public enum Class: String, CaseIterable, Sendable {
    /// The server asks to come again later: SMTP's 451, HTTP's 503, by which a login rests.
    case temporary
    /// It refuses the message for good, though not for the recipient's sake: SMTP's 554, HTTP's 400. No address becomes
    /// a bounce of it.
    case permanent
    /// The connection is lost after the message, and nobody knows.
    case inDoubt = "in-doubt"
    /// The connection is lost before the message was complete.
    case connection
  }

  /// Of the attempts.
  public var rate: Share
  public var failure: Class

  public init(_ failure: Class, rate: Share) {
    self.failure = failure
    self.rate = rate
  }

  /// Reads `0.2`, `20%`, `20%:permanent`; `temporary` if no class is named. Nil for anything else.
  public init?(_ text: String) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2, let rate = Share(String(first)) else { return nil }
    guard parts.count == 2 else {
      self.init(.temporary, rate: rate)
      return
    }
    guard let failure = Class(rawValue: String(parts[1])) else { return nil }
    self.init(failure, rate: rate)
  }

  /// Whether a try of a send fails; the same in every run of the same seed.
  /// - Parameter number: the try's, from 0, within one run.
  func fails(_ id: SendID, try number: Int, seed: UInt64) -> Bool {
    let hash = ByteHash.of("\(seed)/\(id.text)/\(number)")
    return Int(hash % 1_000_000) < rate.millionths
  }
}

/// A transport some of whose attempts fail without any network. All else goes to the one that it stands before.
///
/// An injected attempt keeps a transport's promises: one that fails in doubt, or by an answer over HTTP, has said that
/// it was ready, and its intent is on disk before it fails.
public final class FailingTransport: Transport {
  private let inner: any Transport
  private let failures: InjectedFailures
  private let seed: UInt64
  /// Attempts that fail, and where they were to go.
  private var active: [Int: Endpoint.Kind] = [:]
  private var events: [TransportEvent] = []
  /// Tries of sends that have failed once.
  private var tries: [SendID: Int] = [:]
  private var isDraining = false
  /// How many attempts have failed on purpose.
  public private(set) var count = 0

  public init(_ inner: any Transport, _ failures: InjectedFailures, seed: UInt64) {
    self.inner = inner
    self.failures = failures
    self.seed = seed
  }

  public func begin(_ attempt: OutgoingAttempt) {
    let number = tries[attempt.sendID] ?? 0
    guard failures.fails(attempt.sendID, try: number, seed: seed) else {
      if number > 0 { tries[attempt.sendID] = number + 1 }
      return inner.begin(attempt)
    }
    tries[attempt.sendID] = number + 1
    let (handle, kind) = (attempt.handle, attempt.endpoint.kind)
    active[handle] = kind
    if isDraining { return finish(handle, Self.lost(completed: false)) }
    let isAnswered = [.temporary, .permanent].contains(failures.failure)
    if failures.failure == .inDoubt || (isAnswered && kind.isHTTP) { return events.append(.ready(handle: handle)) }
    finish(handle, isAnswered ? answer(from: kind) : Self.lost(completed: false))
  }

  public func complete(_ handle: Int) {
    guard let kind = active[handle] else { return inner.complete(handle) }
    finish(handle, failures.failure == .inDoubt ? Self.lost(completed: true) : answer(from: kind))
  }

  public func cancel(_ handle: Int) {
    guard active.removeValue(forKey: handle) != nil else { return inner.cancel(handle) }
    events.removeAll { $0.handle == handle }
  }

  public func poll(milliseconds: Int) -> [TransportEvent] {
    let own = events
    events = []
    return own + inner.poll(milliseconds: own.isEmpty ? milliseconds : 0)
  }

  public func drain() {
    isDraining = true
    for handle in active.keys.sorted() {
      events.removeAll { $0.handle == handle }
      finish(handle, Self.lost(completed: false))
    }
    inner.drain()
  }

  public func close() { inner.close() }

  public var wake: (@Sendable () -> Void)? { inner.wake }

  private func finish(_ handle: Int, _ reply: Reply) {
    active[handle] = nil
    // What a stop cuts off is no attempt.
    if !isDraining || reply.completed { count += 1 }
    events.append(.finished(handle: handle, reply))
  }

  private static func lost(completed: Bool) -> Reply {
    Reply(
      stage: .message, ending: .connectionLost,
      text: completed ? "injected: no reply to the message" : "injected: the connection is lost", completed: completed)
  }

  /// A refusal, for now or for good, as the endpoint's own table knows one: a webhook may give any status a meaning.
  private func answer(from kind: Endpoint.Kind) -> Reply {
    let isFinal = failures.failure == .permanent
    let text = isFinal ? "injected: a permanent failure" : "injected: a temporary failure"
    guard kind.isHTTP else {
      return Reply(
        stage: isFinal ? .data : .rcpt, ending: .reply(code: isFinal ? 554 : 451),
        enhancedCode: isFinal ? "5.5.0" : "4.3.0", text: text, completed: false)
    }
    let (wanted, codes): (Verdict, [Int]) =
      isFinal ? (.failOver(isFinal: true), [400, 422, 409, 406]) : (.later, [503, 429])
    let replies = codes.map { Reply(stage: .request, ending: .reply(code: $0), text: text, completed: true) }
    return replies.first { Verdict($0, from: kind) == wanted } ?? replies[0]
  }
}

extension Endpoint.Kind {
  fileprivate var isHTTP: Bool { if case .http = self { true } else { false } }
}

extension TransportEvent {
  /// The attempt that it is about; nil for a login's.
  fileprivate var handle: Int? {
    switch self {
    case .ready(let handle), .finished(let handle, _): handle
    case .unavailable: nil
    }
  }
}
