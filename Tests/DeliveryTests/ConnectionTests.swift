import Model
import Testing

@testable import Delivery

struct ConnectionTests {
  @Test func noLoginHasMoreAttemptsInFlightThanConnections() {
    var scene = Scene(connections: 3)
    for _ in 0..<10 { scene.add(at("09:00:00")) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0, 1, 2])
    #expect(bench.start(at("09:00:01")) == [])
    bench.accept(1, at("09:00:01"))
    #expect(bench.start(at("09:00:01")) == [3])
    #expect(bench.dispatcher.inFlight == 3)
  }

  @Test func mailboxesInLineAreServedInTurn() {
    var scene = Scene(mailboxes: 3, connections: 1)
    for mailbox in 1...3 { for _ in 0..<3 { scene.add(at("09:00:00"), mailbox: "m\(mailbox)") } }
    var bench = Bench(scene)
    var now = at("09:00:00")
    var order: [Int] = []
    for _ in 0..<20 {
      let begun = bench.start(now)
      #expect(begun.count <= 1)
      guard let handle = begun.first else { break }
      order.append(handle / 3)
      now += Instant.Span(milliseconds: 20)
      bench.accept(handle, now)
    }
    // The first stood in line for its second before the others came.
    #expect(order == [0, 0, 1, 2, 0, 1, 2, 1, 2])
    #expect(bench.dispatcher.isFinished)
  }

  @Test func aMailboxInLineThatNeedsNoConnectionAnyMoreHoldsNobodyUp() {
    var scene = Scene(mailboxes: 3, connections: 1)
    scene.add(at("09:00:00"), mailbox: "m1")
    scene.add(at("09:00:00"), mailbox: "m2", expires: at("09:00:30"))
    scene.add(at("09:00:00"), mailbox: "m3")
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.accept(0, at("09:01:00"))
    #expect(bench.start(at("09:01:00")) == [2])
    bench.accept(2, at("09:01:01"))
    bench.start(at("09:01:01"))
    #expect(bench.dispatcher.isFinished)
    #expect(bench.tally.dead == [.expired: 1] && bench.tally.sent == 2)
  }

  @Test func aMailboxStandsInLineOnce() {
    var scene = Scene(mailboxes: 2, connections: 2)
    for _ in 0..<4 { scene.add(at("09:00:00"), mailbox: "m1") }
    scene.add(at("09:00:00"), mailbox: "m2")
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0, 1])
    bench.finish(0, .greylisted, at("09:00:01"))
    bench.finish(1, .greylisted, at("09:00:01"))
    #expect(Set(bench.start(at("09:00:01"))) == [2, 4])
    bench.accept(4, at("09:00:02"))
    #expect(bench.start(at("09:00:02")) == [3])
    bench.accept(2, at("09:00:03"))
    bench.accept(3, at("09:00:03"))
    bench.play(from: at("09:00:03"), until: at("10:00:00"))
    #expect(bench.dispatcher.isFinished && bench.dispatcher.waitingInLine == 0)
    #expect(bench.tally.sent == 5)
  }

  @Test func anUnavailableLoginCostsNoAttemptNoLimitAndNoGap() {
    var scene = Scene(gap: .minutes(5), providers: ["alpha", "beta"])
    scene.mailboxes[0].dailyLimit = 1
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.unavailable("alpha", [0], at("09:00:02"))
    #expect(bench.records.isEmpty)
    #expect(bench.start(at("09:00:02")) == [0])
    #expect(bench.begun.last?.login == "beta")
    bench.accept(0, at("09:00:03"))
    #expect(bench.outcomes.map(\.0.number) == [1] && bench.outcomes.map(\.0.provider) == ["beta"])
    #expect(bench.tally.sent == 1 && bench.dispatcher.isFinished)
  }

  @Test func aLoginRestsLongerEachTime() {
    var scene = Scene()
    scene.settings.retry = RetryPolicy(backoff: .minutes(1), maxBackoff: .minutes(30))
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    var now = at("09:00:00")
    var rests: [Int64] = []
    for _ in 0..<6 {
      #expect(bench.start(now) == [0])
      bench.unavailable("alpha", [0], now)
      #expect(bench.start(now) == [])
      let wake = bench.dispatcher.nextWake() ?? now
      rests.append((wake - now).milliseconds)
      now = wake
    }
    for (rest, minutes) in zip(rests, [1, 2, 4, 8, 16, 30]) {
      #expect(rest >= Int64(minutes) * 48_000 && rest <= Int64(minutes) * 72_000)
    }
    // Said once: the same trouble is not told at each try of a night.
    #expect(bench.warnings.count == 1)
    #expect(bench.tally.unavailable == ["alpha": "refused"])
    bench.start(now)
    bench.accept(0, now)
    #expect(bench.tally.unavailable.isEmpty && bench.tally.retried == 0)
    #expect(bench.outcomes.map(\.0.number) == [1])
  }

  @Test func aLoginWhoseCredentialsAreRefusedInTheTransactionRestsLongerEachTime() {
    var scene = Scene()
    // Transactional: what a rest made late is not spread over the day.
    scene.campaigns = [
      Scene.campaign("codes", class: .transactional, retry: RetryPolicy(backoff: .seconds(1), maxBackoff: .seconds(1)))
    ]
    scene.add(at("09:00:00"), campaign: "codes")
    var bench = Bench(scene)
    var now = at("09:00:00")
    var rests: [Int64] = []
    for _ in 0..<4 {
      #expect(bench.start(now) == [0])
      let began = now
      bench.finish(0, .code(530, .mail, "5.7.0"), now)
      for _ in 0..<5 where bench.dispatcher.inFlight == 0 {
        guard let wake = bench.dispatcher.nextWake() else { break }
        now = wake
        let restsUntil = bench.dispatcher.logins["alpha"]?.restsUntil ?? now
        if restsUntil <= now { break }
        bench.start(now)
      }
      rests.append((now - began).milliseconds)
    }
    for (rest, minutes) in zip(rests, [1, 2, 4, 8]) {
      #expect(rest >= Int64(minutes) * 48_000 && rest <= Int64(minutes) * 75_000, "\(rests)")
    }
  }

  @Test func everySendOfAnUnavailableLoginWaitsAndOthersGoOn() {
    var scene = Scene(mailboxes: 2)
    scene.endpoints["m2"] = [Scene.endpoint("beta")]
    for _ in 0..<3 { scene.add(at("09:00:00")) }
    scene.add(at("09:00:10"), mailbox: "m1")
    scene.add(at("09:00:10"), mailbox: "m2")
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0, 1, 2])
    bench.unavailable("alpha", [0, 1, 2], at("09:00:01"))
    bench.unavailable("alpha", [], at("09:00:01"))
    #expect(bench.warnings.count == 1)
    #expect(bench.start(at("09:00:10")) == [4])
    #expect(bench.dispatcher.inFlight == 1)
  }

  @Test func aProviderUnavailableUntilTheWindowClosesReleasesItsSends() {
    var scene = Scene()
    let open = IntervalSet([Interval(at("09:00:00"), at("09:30:00"))])
    for _ in 0..<2 { scene.add(at("09:00:00"), open: open) }
    var bench = Bench(scene)
    var now = at("09:00:00")
    for _ in 0..<100 where !bench.dispatcher.isFinished {
      let begun = bench.start(now)
      if !begun.isEmpty { bench.unavailable("alpha", begun, now) }
      if let wake = bench.dispatcher.nextWake() { now = max(now, wake) }
    }
    #expect(bench.tally.released == [.providerUnavailable: 2])
    #expect(bench.outcomes.isEmpty && bench.sums)
  }

  @Test func aMailboxWithoutProvidersReleasesItsSends() {
    var scene = Scene()
    scene.endpoints = [:]
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [])
    #expect(bench.tally.released == [.providerUnavailable: 1] && bench.dispatcher.isFinished)
  }

  @Test func aMessageThatCannotBeMadeEndsAndCostsNothing() {
    var scene = Scene(gap: .minutes(5), connections: 1)
    scene.mailboxes[0].dailyLimit = 1
    for minute in 0..<2 { scene.add(at("09:00:00") + .minutes(Int64(minute))) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.take(bench.dispatcher.cannotRender(0, "no value for {{name}}", now: at("09:00:00")), at("09:00:00"))
    #expect(bench.tally.dead == [.renderError: 1])
    #expect(bench.start(at("09:01:00")) == [1])
    bench.accept(1, at("09:01:00"))
    #expect(bench.tally.sent == 1 && bench.dispatcher.isFinished)
  }
}
