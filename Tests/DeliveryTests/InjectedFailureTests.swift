import Model
import Testing

@testable import Delivery

/// Failures on purpose (`--inject-failures`).
struct InjectedFailureTests {
  /// Watches what comes past the injection, and takes all of it.
  private final class Inner: Transport {
    var begun: [SendID] = []
    private var events: [TransportEvent] = []
    func begin(_ attempt: OutgoingAttempt) {
      begun.append(attempt.sendID)
      events.append(.ready(handle: attempt.handle))
    }
    func complete(_ handle: Int) { events.append(.finished(handle: handle, .accepted)) }
    func cancel(_ handle: Int) {}
    func poll(milliseconds: Int) -> [TransportEvent] {
      defer { events = [] }
      return events
    }
    func drain() {}
    func close() {}
  }

  private struct Played {
    var tally: Tally
    var records: [Record]
    var inner: [SendID]
    var injected: Int
  }

  private func play(
    _ text: String, count: Int = 200, seed: UInt64 = 7, kind: Endpoint.Kind? = nil, attempts: Int = 1
  ) throws -> Played {
    let failures = try #require(InjectedFailures(text))
    var scene = Scene()
    // What is rehearsed here is not the breakers.
    let never = BreakerPolicy(bounceRate: .all, complaintRate: .all, errorRate: .all, minSends: 1)
    scene.settings.breaker = never
    let retry = RetryPolicy(backoff: .seconds(1), maxBackoff: .seconds(1), attempts: attempts)
    scene.settings.retry = retry
    scene.campaigns = [Scene.campaign("welcome", retry: retry)]
    scene.campaigns[0].breaker = never
    if let kind, let first = scene.endpoints["m1"]?.first {
      scene.endpoints["m1"] = [
        Endpoint(provider: first.provider, login: first.login, kind: kind, maxConnections: 10, messagesPerConnection: 9)
      ]
    }
    for n in 0..<count { scene.add(at("09:00:00") + .seconds(Int64(n))) }
    let (clock, sink, inner) = (RehearsalClock(start: at("08:00:00")), MemorySink(), Inner())
    let transport = FailingTransport(inner, failures, seed: seed)
    var intentsOnDisk = true
    let watched = Watch(transport) { id in if !sink.openIntents.contains(id) { intentsOnDisk = false } }
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: watched, journal: sink, clock: clock,
      stop: StopRequest(),
      hooks: DeliveryRun.Hooks(compose: { send, _ in
        OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 105, 13, 10], needsSMTPUTF8: false)
      }))
    let tally = try run.run()
    #expect(intentsOnDisk, "what is completed has its intent on disk")
    #expect(sink.openIntents.isEmpty)
    return Played(tally: tally, records: sink.committed, inner: inner.begun, injected: transport.count)
  }

  /// Between the run and the transport: looks at each message that is completed.
  private final class Watch: Transport {
    private let inner: FailingTransport
    private let onComplete: (SendID) -> Void
    private var ids: [Int: SendID] = [:]
    init(_ inner: FailingTransport, _ onComplete: @escaping (SendID) -> Void) {
      self.inner = inner
      self.onComplete = onComplete
    }
    func begin(_ attempt: OutgoingAttempt) {
      ids[attempt.handle] = attempt.sendID
      inner.begin(attempt)
    }
    func complete(_ handle: Int) {
      if let id = ids[handle] { onComplete(id) }
      inner.complete(handle)
    }
    func cancel(_ handle: Int) { inner.cancel(handle) }
    func poll(milliseconds: Int) -> [TransportEvent] { inner.poll(milliseconds: milliseconds) }
    func drain() { inner.drain() }
    func close() { inner.close() }
  }

  private func results(_ records: [Record]) -> [Record.Result] {
    records.compactMap { if case .outcome(let a, let result) = $0, a.number > 0 { result } else { nil } }
  }

  @Test(
    arguments: [
      ("20%", InjectedFailures(.temporary, rate: .percent(20))),
      ("0.2", InjectedFailures(.temporary, rate: .percent(20))),
      ("100%:permanent", InjectedFailures(.permanent, rate: .all)),
      ("1:in-doubt", InjectedFailures(.inDoubt, rate: .all)),
      ("0.5%:connection", InjectedFailures(.connection, rate: Share(millionths: 5000))), ("20", nil), ("120%", nil),
      ("", nil), ("20%:", nil), ("20%:fatal", nil), ("20%:permanent:x", nil), ("-1%", nil), ("half", nil),
    ] as [(String, InjectedFailures?)])
  func whatToInjectIsARateAndAClass(_ text: String, _ expected: InjectedFailures?) {
    #expect(InjectedFailures(text) == expected)
  }

  @Test func theShareThatFailsIsTheOneAskedForAndTheSameEachTime() throws {
    let first = try play("20%:permanent", count: 2000)
    #expect((320...480).contains(first.tally.deadTotal), "\(first.tally.deadTotal) of 2000")
    #expect(first.tally.sent == 2000 - first.tally.deadTotal && first.injected == first.tally.deadTotal)
    #expect(first.inner.count == first.tally.sent, "what fails on purpose reaches nobody")
    let again = try play("20%:permanent", count: 2000)
    #expect(again.records == first.records)
    let other = try play("20%:permanent", count: 2000, seed: 8)
    #expect(Set(other.inner) != Set(first.inner))
    #expect(try play("0%").tally.sent == 200)
  }

  static let kinds: [(String, Endpoint.Kind)] = [
    (
      "smtp",
      .smtp(Endpoint.SMTP(host: "127.0.0.1", port: 1, security: .none))
    ),
    ("file", .file(directory: "/nowhere")), ("http", LoginBreakerTests.service),
  ]

  @Test(arguments: kinds.indices) func eachClassEndsAsItsNameSaysAndSaysSo(_ k: Int) throws {
    let (name, kind) = Self.kinds[k]
    let classes: [(String, Record.Outcome, DeadReason?)] = [
      ("temporary", .failed, .gaveUp), ("permanent", .failed, .rejected), ("in-doubt", .inDoubt, nil),
      ("connection", .failed, .gaveUp),
    ]
    for (word, outcome, reason) in classes {
      let played = try play("100%:\(word)", count: 3, kind: kind, attempts: 2)
      let all = results(played.records)
      #expect(played.inner.isEmpty, "\(name), \(word)")
      #expect(all.allSatisfy { $0.response.hasPrefix("injected: ") }, "\(name), \(word): \(all)")
      #expect(all.allSatisfy { !$0.isBounce }, "no address becomes a bounce of it")
      let ends = all.filter { $0.outcome != .retry }
      #expect(ends.count == 3 && ends.allSatisfy { $0.outcome == outcome && $0.reason == reason }, "\(name), \(word)")
      #expect(all.count == (reason == .gaveUp ? 6 : 3), "\(name), \(word): two attempts where a retry may help")
      #expect(played.tally.deadTotal + played.tally.inDoubt == 3)
    }
  }

  @Test func aSendInDoubtOnPurposeHasItsIntentBeforeIt() throws {
    let played = try play("100%:in-doubt", count: 4)
    var intents: Set<SendID> = []
    for record in played.records {
      switch record {
      case .intent(let a): intents.insert(a.id)
      case .outcome(let a, let result): #expect(result.outcome == .inDoubt && intents.contains(a.id))
      default: break
      }
    }
    #expect(intents.count == 4)
  }

  @Test func aRetryOfWhatFailedOnPurposeMaySucceed() throws {
    let played = try play("50%:temporary", count: 100, attempts: 20)
    #expect(played.tally.sent == 100 && played.injected > 60)
    #expect(played.tally.retried == played.injected)
  }

  @Test func aStopCutsItOffBeforeItsIntentAndCountsNothing() {
    let transport = FailingTransport(Inner(), InjectedFailures(.inDoubt, rate: .all), seed: 7)
    let send = Scene.send(1, at: at("09:00:00"))
    transport.begin(
      OutgoingAttempt(
        handle: 3, endpoint: Scene.endpoint("alpha"), sendID: send.id, channel: .email, from: "a", to: "b", message: [],
        needsSMTPUTF8: false))
    transport.drain()
    let events = transport.poll(milliseconds: 0)
    guard events.count == 1, case .finished(3, let reply)? = events.first else {
      Issue.record("\(events)")
      return
    }
    #expect(reply.ending == .connectionLost && !reply.completed && transport.count == 0)
  }
}
