import Journal
import Model
import Testing

@testable import Delivery

/// The breaker of a login, by what its attempts come to.
struct LoginBreakerTests {
  private static let policy = RetryPolicy(backoff: .minutes(1), maxBackoff: .minutes(30))

  private func scene(_ count: Int, kind: Endpoint.Kind? = nil, providers: [String] = ["alpha"]) -> Scene {
    var scene = Scene(providers: providers, connections: 20)
    scene.settings.retry = Self.policy
    // No pace of catching up holds what is late.
    scene.campaigns = [Scene.campaign("welcome", class: .transactional, retry: Self.policy)]
    if let kind, let first = scene.endpoints["m1"]?.first {
      scene.endpoints["m1"]?[0] = Endpoint(
        provider: first.provider, login: first.login, kind: kind, maxConnections: 20, messagesPerConnection: 100)
    }
    for _ in 0..<count { scene.add(at("09:00:00")) }
    return scene
  }

  static let service = Endpoint.Kind.http(
    Endpoint.HTTP(.sendgrid(key: Secret("SG.x")), url: "http://127.0.0.1:1"))

  private static func status(_ code: Int, after: Instant.Span? = nil) -> Reply {
    Reply(stage: .request, ending: .reply(code: code), text: "later", retryAfter: after, completed: true)
  }

  @Test func faultsInARowOpenItAndOneGoodReplyAmongThemDoesNot() {
    var breaker = LoginBreaker()
    for fault in [Fault.strike, .strike, .strike, .strike, .none, .strike, .strike, .strike, .strike] {
      #expect(breaker.note(fault, at: at("09:00:00"), policy: Self.policy, name: "alpha") == nil)
    }
    let rest = breaker.note(.strike, at: at("09:00:00"), policy: Self.policy, name: "alpha")
    #expect(rest == RetrySchedule.delay(after: 1, policy: Self.policy, id: "alpha"))
    #expect(breaker.restsUntil == at("09:00:00") + (rest ?? .zero))
  }

  @Test func itsRestsDoubleUpToTheLimitAndAGoodReplyEndsThat() {
    var breaker = LoginBreaker()
    var now = at("09:00:00")
    var rests: [Instant.Span] = []
    for _ in 0..<4 { _ = breaker.note(.strike, at: now, policy: Self.policy, name: "alpha") }
    for _ in 0..<8 {
      guard let rest = breaker.note(.strike, at: now, policy: Self.policy, name: "alpha") else { continue }
      rests.append(rest)
      // What was under way when it opened says nothing new.
      #expect(breaker.note(.strike, at: now + .seconds(1), policy: Self.policy, name: "alpha") == nil)
      now = breaker.restsUntil
    }
    #expect(rests.count == 8, "half open, one fault is enough")
    for (n, rest) in rests.enumerated() {
      let base = min(Instant.Span.minutes(1 << Int64(n)), .minutes(30))
      #expect(rest >= base * 4 / 5 && rest <= min(base * 6 / 5, .minutes(30)), "rest \(n) is \(rest)")
    }
    _ = breaker.note(.none, at: now, policy: Self.policy, name: "alpha")
    #expect(!breaker.isProbing && breaker == LoginBreaker(restsUntil: breaker.restsUntil))
  }

  @Test func afterItsRestOneAttemptAtATimeShowsWhetherItIsWell() {
    var bench = Bench(scene(20))
    #expect(bench.start(at("09:00:00")).count == 20)
    for handle in 0..<20 { bench.finish(handle, .closing, at("09:00:01")) }
    #expect(bench.warnings.count == 1, "\(bench.warnings)")
    let first = bench.dispatcher.logins["alpha"]?.restsUntil ?? .distantPast
    #expect(bench.start(first - .seconds(1)).isEmpty)
    // All twenty are due again by then.
    let probe = bench.start(max(first, at("09:02:00")))
    #expect(probe.count == 1 && bench.dispatcher.inFlight == 1)
    guard probe.count == 1 else { return }
    bench.finish(probe[0], .closing, at("09:02:01"))
    let second = bench.dispatcher.logins["alpha"]?.restsUntil ?? .distantPast
    #expect(second - at("09:02:01") > first - at("09:00:01"))
    let next = bench.start(max(second, at("09:06:00")))
    #expect(next.count == 1)
    guard next.count == 1 else { return }
    bench.accept(next[0], at("09:06:01"))
    #expect(bench.start(at("09:06:01")).count == 19, "it is well: all connections at once")
  }

  @Test func theRecipientsOwnFaultsNeverOpenIt() {
    var bench = Bench(scene(20))
    for (n, handle) in bench.start(at("09:00:00")).enumerated() {
      bench.finish(handle, n % 2 == 0 ? .unknown : .greylisted, at("09:00:01"))
    }
    #expect(bench.warnings.isEmpty && bench.dispatcher.logins["alpha"]?.breaker == LoginBreaker())
  }

  @Test(arguments: [429, 503]) func aServiceThatAsksToBeLeftAloneRestsForAsLongAsItAsks(code: Int) {
    var bench = Bench(scene(3, kind: Self.service))
    #expect(bench.start(at("09:00:00")).count == 3)
    for handle in 0..<3 { bench.ready(handle, at("09:00:00")) }
    bench.finish(0, Self.status(code, after: .minutes(20)), at("09:00:01"))
    #expect(bench.dispatcher.logins["alpha"]?.restsUntil == at("09:20:01"))
    #expect(bench.outcomes.map(\.1.retryAt) == [at("09:20:01")])
    // Answers to what was under way neither end its rest nor make it longer.
    bench.finish(1, Self.status(code, after: .hours(5)), at("09:00:02"))
    #expect(bench.dispatcher.logins["alpha"]?.restsUntil == at("09:20:01"))
    bench.finish(2, Reply(stage: .request, ending: .reply(code: 202), text: "", completed: true), at("09:00:03"))
    #expect(bench.tally.sent == 1)
    #expect(bench.start(at("09:20:00")).isEmpty)
    #expect(bench.start(at("09:20:01")).count == 1)
  }

  @Test func withoutRetryAfterAThrottlingServiceRestsAsItsBreakerSays() {
    var bench = Bench(scene(1, kind: Self.service))
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:00"))
    bench.finish(0, Self.status(429), at("09:00:01"))
    let rest = RetrySchedule.delay(after: 1, policy: Self.policy, id: "alpha")
    #expect(bench.dispatcher.logins["alpha"]?.restsUntil == at("09:00:01") + rest)
  }

  @Test func whatIsDueWhileALoginRestsTakesTheNextProvider() {
    var scene = scene(1, kind: Self.service, providers: ["alpha", "beta"])
    scene.add(at("09:05:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:00"))
    bench.finish(0, Self.status(503, after: .minutes(20)), at("09:00:01"))
    #expect(bench.start(at("09:05:00")) == [1])
    #expect(bench.begun.last?.login == "beta")
  }

  // MARK: - Restarts and resumes

  /// What alpha's attempts of an earlier run came to, one a second.
  private func faults(_ count: Int, from start: Instant) -> [Record] {
    (0..<count).map { n in
      let time = start + .seconds(Int64(n))
      return .outcome(
        Record.Attempt(
          Scene.send(n, at: time), number: 1, at: time, provider: "alpha", messageID: "<x>", run: "r"),
        Record.Result(outcome: .retry, code: 421, response: "too busy"))
    }
  }

  private func resumed(_ time: String) -> Pauses {
    Pauses([Pauses.Entry(.resumed, Part(.provider, "alpha"), at: at(time), by: "ben")])
  }

  @Test func aRestThatAnEarlierRunLeftIsSaidOnceWhenTheNextBeginsAndIsOverWithAGoodReply() {
    var scene = scene(2)
    scene.earlier = faults(5, from: at("08:59:50"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")).isEmpty)
    #expect(bench.start(at("09:00:01")).isEmpty)
    #expect(bench.warnings.count == 1, "\(bench.warnings)")
    for words in ["alpha: 421 too busy", "nightmail resume provider alpha"] {
      #expect(bench.warnings.first?.contains(words) == true, "\(bench.warnings)")
    }
    #expect(bench.tally.unavailable == ["alpha": "421 too busy"])
    let probe = bench.start(at("09:02:00"))
    #expect(probe.count == 1)
    for handle in probe { bench.accept(handle, at("09:02:01")) }
    #expect(bench.tally.unavailable.isEmpty && bench.tally.sent == 1)
  }

  @Test func whatWasBeforeItsProviderWasResumedCountsForNothing() {
    var scene = scene(2)
    scene.earlier = faults(5, from: at("08:59:50"))
    #expect(scene.breakers.logins["alpha"]?.isProbing == true)
    scene.pauses = resumed("08:59:58")
    #expect(scene.breakers.logins["alpha"] == nil)
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")).count == 2)
    #expect(bench.warnings.isEmpty && bench.tally.unavailable.isEmpty)
    for (count, isOpen) in [(4, false), (5, true)] {
      scene.earlier = faults(5, from: at("08:59:50")) + faults(count, from: at("08:59:58"))
      #expect(scene.breakers.logins["alpha"]?.isProbing == isOpen)
    }
    // That another provider was resumed changes nothing.
    scene.earlier = faults(5, from: at("08:59:50"))
    scene.pauses = Pauses([Pauses.Entry(.resumed, Part(.provider, "beta"), at: at("08:59:58"), by: "ben")])
    #expect(scene.breakers.logins["alpha"]?.isProbing == true)
  }

  @Test func aRunningSendUsesALoginAgainOnceItsProviderIsResumed() {
    var scene = scene(1, kind: Self.service)
    for _ in 0..<3 { scene.add(at("09:05:00")) }
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:00"))
    bench.finish(0, Self.status(503, after: .minutes(20)), at("09:00:01"))
    #expect(bench.start(at("09:05:00")).isEmpty)
    #expect(bench.tally.unavailable.count == 1)
    let pauses = resumed("09:06:00")
    bench.take(bench.dispatcher.heed(pauses, now: at("09:06:00")), at("09:06:00"))
    #expect(bench.tally.unavailable.isEmpty)
    // All connections at once; what was tried waits for its own time.
    #expect(bench.start(at("09:06:00")).sorted() == [1, 2, 3])
    // The same line of the file says nothing new the next time.
    bench.ready(1, at("09:06:00"))
    bench.finish(1, Self.status(503, after: .minutes(20)), at("09:06:01"))
    bench.take(bench.dispatcher.heed(pauses, now: at("09:06:02")), at("09:06:02"))
    #expect(bench.dispatcher.logins["alpha"]?.restsUntil == at("09:26:01"))
    for handle in [2, 3] { bench.accept(handle, at("09:06:03")) }
    bench.play(from: at("09:26:01"), until: at("10:30:00"))
    // All four have been made; the bench's 250 is no answer of this service's.
    #expect(bench.tally.inDoubt == 4 && bench.dispatcher.isFinished)
  }
}

extension LoginBreaker {
  /// One that works, whenever its last rest ended.
  fileprivate init(restsUntil: Instant) {
    self.init()
    _ = open(at: restsUntil - .seconds(1), policy: RetryPolicy(backoff: .seconds(1), maxBackoff: .seconds(1)), name: "")
    _ = note(.none, at: restsUntil, policy: RetryPolicy(), name: "")
  }
}
