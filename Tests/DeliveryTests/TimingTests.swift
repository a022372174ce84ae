import Model
import TestSupport
import Testing

@testable import Delivery

struct TimingTests {
  @Test func nothingGoesOutBeforeItsTime() {
    var scene = Scene()
    scene.add(at("09:00:12"))
    scene.add(at("09:30:00"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:11")) == [])
    #expect(bench.dispatcher.nextWake() == at("09:00:12"))
    #expect(bench.start(at("09:00:12")) == [0])
    bench.accept(0, at("09:00:13"))
    #expect(bench.start(at("09:29:59")) == [])
    #expect(bench.start(at("09:30:00")) == [1])
    bench.accept(1, at("09:30:01"))
    #expect(bench.dispatcher.isFinished)
    #expect(bench.tally.sent == 2 && bench.sums)
  }

  @Test func aMailboxsAttemptsKeepItsGapRetriesIncluded() {
    var scene = Scene(gap: .seconds(90))
    for second in 0..<4 { scene.add(at("09:00:00") + .seconds(Int64(second))) }
    var bench = Bench(scene)
    var now = at("09:00:00")
    var tries: [Int: Int] = [:]
    for _ in 0..<100 where !bench.dispatcher.isFinished {
      for handle in bench.start(now) {
        tries[handle, default: 0] += 1
        if tries[handle] == 1 { bench.finish(handle, .greylisted, now) } else { bench.accept(handle, now) }
      }
      if let wake = bench.dispatcher.nextWake() { now = max(now, wake) }
    }
    #expect(bench.tally.sent == 4 && bench.begun.count == 8)
    for (a, b) in zip(bench.begun, bench.begun.dropFirst()) { #expect(b.at - a.at >= .seconds(90)) }
  }

  @Test func theGapHoldsAcrossRuns() {
    var scene = Scene(gap: .seconds(90))
    scene.add(at("09:00:00"))
    let earlier = Scene.send(77, at: at("08:59:00"))
    scene.history.apply(
      .outcome(
        Record.Attempt(earlier, number: 1, at: at("08:59:00"), provider: "alpha", messageID: "<x>", run: "r"),
        Record.Result(outcome: .retry, retryAt: at("12:00:00"))))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:29")) == [])
    #expect(bench.start(at("09:00:30")) == [0])
  }

  @Test func aProvidersRateHoldsOverAllMailboxesOfTheLogin() {
    var scene = Scene(mailboxes: 3)
    for n in 1...3 {
      scene.endpoints["m\(n)"] = [Scene.endpoint("alpha", interval: .seconds(2))]
      for _ in 0..<2 { scene.add(at("09:00:00"), mailbox: "m\(n)") }
    }
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("10:00:00"))
    #expect(bench.begun.count == 6)
    for (a, b) in zip(bench.begun, bench.begun.dropFirst()) { #expect(b.at - a.at >= .seconds(2)) }
  }

  /// A greeting that takes six seconds: nothing gathers behind it that would then go out in one burst.
  @Test func aProvidersRateHoldsWhileItsFirstConnectionOpens() {
    var scene = Scene()
    scene.endpoints["m1"] = [Scene.endpoint("alpha", interval: .seconds(1))]
    for _ in 0..<5 { scene.add(at("09:00:00")) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    for second in 1...5 { #expect(bench.start(at("09:00:00") + .seconds(Int64(second))) == []) }
    bench.ready(0, at("09:00:06"))
    #expect(bench.start(at("09:00:06")) == [])
    #expect(bench.start(at("09:00:07")) == [1])
    // By now connections are open: the next need not wait for this one's turn.
    #expect(bench.start(at("09:00:08")) == [2])
    bench.unavailable("alpha", [1, 2], at("09:00:08"))
    #expect(bench.dispatcher.logins["alpha"]?.opening == 0)
  }

  @Test func missedSendsAreSpreadOverTheOpenTimeLeft() {
    var scene = Scene(gap: .seconds(30))
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    for n in 0..<10 { scene.add(at("09:00:00") + .minutes(Int64(n)), open: open) }
    // The machine was off until noon.
    scene.now = at("12:00:00")
    var bench = Bench(scene)
    bench.play(from: at("12:00:00"), until: at("23:59:00"))
    #expect(bench.tally.sent == 10, "released: \(bench.released)")
    for (a, b) in zip(bench.begun, bench.begun.dropFirst()) {
      #expect(b.at - a.at >= .minutes(29) && b.at - a.at <= .minutes(31))
    }
    #expect(bench.begun.first?.at == at("12:00:00"))
  }

  @Test func theMinimalGapWinsWhereTheTimeLeftIsShort() {
    var scene = Scene(gap: .minutes(10))
    let open = IntervalSet([Interval(at("09:00:00"), at("10:00:00"))])
    for n in 0..<20 { scene.add(at("09:00:00") + .seconds(Int64(n)), open: open) }
    scene.now = at("09:30:00")
    var bench = Bench(scene)
    bench.play(from: at("09:30:00"), until: at("23:59:00"))
    #expect(bench.begun.map(\.at) == [at("09:30:00"), at("09:40:00"), at("09:50:00")])
    #expect(bench.tally.released == [.missed: 17] && bench.sums)
  }

  @Test(arguments: UInt64(1)...60)
  func whatIsLateGoesAtTheGapOrAtTheOpenTimeLeftByTheSendsLeftWhicheverIsLonger(seed: UInt64) {
    var chance = Dice(seed)
    let (count, gap) = (2 + chance.below(30), Instant.Span.seconds(Int64(chance.below(1200))))
    let close = at("12:00:00") + .minutes(Int64(30 + chance.below(600)))
    let open = IntervalSet([Interval(at("06:00:00"), close)])
    var scene = Scene(gap: gap)
    for _ in 0..<count { scene.add(at("06:00:00") + .seconds(Int64(chance.below(3600))), open: open) }
    scene.now = at("12:00:00")
    var bench = Bench(scene)
    bench.play(from: at("12:00:00"), until: at("23:59:00"))
    let interval = max(gap, (close - at("12:00:00")) / Int64(count))
    for (n, one) in bench.begun.enumerated() {
      let expected = at("12:00:00") + interval * Int64(n)
      // Each division leaves less than a millisecond.
      #expect(abs((one.at - expected).milliseconds) <= Int64(count), "send \(n)")
    }
    // Where the gap is the longer one: as many as it lets begin before the closing.
    let room = (close - at("12:00:00")).milliseconds - 1
    let fits = interval > gap ? count : min(count, Int(room / interval.milliseconds) + 1)
    #expect(bench.begun.count == fits && bench.tally.releasedTotal == count - fits && bench.sums)
  }

  @Test func retriesThatWereMissedAreNoBurstEither() {
    var scene = Scene(gap: .seconds(1))
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    for n in 0..<9 {
      scene.items.append(
        Dispatcher.Item(
          send: Scene.send(n, at: at("09:00:00"), open: open), attempts: 1, firstAttempt: at("09:00:00"),
          notBefore: at("09:05:00")))
    }
    scene.now = at("12:00:00")
    var bench = Bench(scene)
    bench.play(from: at("12:00:00"), until: at("23:59:00"))
    #expect(bench.tally.sent == 9)
    for (a, b) in zip(bench.begun, bench.begun.dropFirst()) { #expect(b.at - a.at >= .minutes(30)) }
  }

  @Test func aMissedTransactionalMessageIsNotHeldUp() {
    var scene = Scene(gap: .seconds(30))
    scene.campaigns = [Scene.campaign("codes", class: .transactional)]
    for _ in 0..<3 { scene.add(at("09:00:00"), campaign: "codes") }
    scene.now = at("12:00:00")
    var bench = Bench(scene)
    bench.play(from: at("12:00:00"), until: at("23:59:00"))
    #expect(bench.begun.map(\.at) == [at("12:00:00"), at("12:00:30"), at("12:01:00")])
  }

  @Test func theOpenTimeOfALineIsHeldTo() {
    var scene = Scene()
    let open = IntervalSet([
      Interval(at("09:00:00"), at("10:00:00")), Interval(at("14:00:00"), at("15:00:00")),
    ])
    scene.add(at("08:00:00"), open: open)
    var bench = Bench(scene)
    #expect(bench.start(at("08:30:00")) == [])
    #expect(bench.dispatcher.nextWake() == at("09:00:00"))
    // Nobody looked until the break.
    #expect(bench.start(at("10:00:00")) == [])
    #expect(bench.dispatcher.nextWake() == at("14:00:00"))
    #expect(bench.start(at("15:00:00")) == [])
    #expect(bench.released == [.missed])
    #expect(bench.dispatcher.isFinished)
  }

  @Test func anEditedOpenWidensNothing() {
    let ever = IntervalSet([Interval(at("00:00:00", day: "2026-11-01"), at("00:00:00", day: "2026-12-01"))])
    var scene = Scene()
    scene.mailboxes[0].window = Window(rules: [
      Window.Rule(days: [.fri], from: 9 * 3600, to: 17 * 3600, clock: .mailbox)
    ])
    scene.campaigns = [Scene.campaign("welcome", end: at("16:00:00")), Scene.campaign("open")]
    scene.add(at("08:00:00"), open: ever)
    scene.add(at("08:00:00"), campaign: "open", open: ever)
    let bench = Bench(scene)
    #expect(bench.dispatcher.open(0) == IntervalSet([Interval(at("09:00:00"), at("16:00:00"))]))
    #expect(bench.dispatcher.open(1) == IntervalSet([Interval(at("09:00:00"), at("17:00:00"))]))
    scene.mailboxes[0].window = .always
    #expect(Bench(scene).dispatcher.open(1) == IntervalSet([today]))
  }

  @Test func whatExpiresIsDeadAndWhatIsMissedIsReleased() {
    var scene = Scene()
    scene.add(at("09:00:00"), expires: at("10:00:00"))
    scene.add(at("09:00:00"), open: IntervalSet([Interval(at("09:00:00"), at("10:00:00"))]))
    scene.now = at("10:00:00")
    var bench = Bench(scene)
    #expect(bench.start(at("10:00:00")) == [])
    #expect(bench.tally.dead == [.expired: 1])
    #expect(bench.tally.released == [.missed: 1])
    #expect(bench.outcomes.map(\.0.number) == [0] && bench.outcomes.map(\.1.reason) == [.expired])
    #expect(bench.dispatcher.isFinished && bench.sums)
  }

  /// The next plan is the next day's: given back, it would be gone without a word.
  @Test func whatIsMissedAndExpiresWithItsDayIsDeadAndWhatExpiresLaterIsReleased() {
    var scene = Scene()
    let open = IntervalSet([Interval(at("09:00:00"), at("10:00:00"))])
    scene.add(at("09:00:00"), open: open, expires: today.end)
    scene.add(at("09:00:00"), open: open, expires: today.end + .seconds(1))
    scene.add(at("09:00:00"), open: open, expires: at("20:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .accepted, at("09:00:01"))
    for handle in [1, 2] { bench.finish(handle, .greylisted, at("09:00:01")) }
    #expect(bench.start(at("10:00:00")) == [])
    #expect(bench.tally.sent == 1 && bench.tally.dead == [.expired: 1] && bench.tally.released == [.missed: 1])
    #expect(bench.outcomes.last?.0.id == scene.items[2].send.id && bench.dispatcher.isFinished && bench.sums)
    #expect(bench.outcomes.last?.1.response.hasPrefix("missed, and its time to live") == true)
  }

  /// Whoever is suppressed is not dead of time, and what a breaker stopped may go on the same day.
  @Test func whatSomethingElseSpeaksAgainstIsReleasedForThatThoughItExpiresWithItsDay() {
    for reason in ReleaseReason.allCases {
      let isForRoom = [.missed, .providerUnavailable, .mailboxLimit, .contactCap, .domainCap, .newLimit, .paused]
        .contains(reason)
      #expect(reason.waitsForAnotherDay == isForRoom, "\(reason)")
    }
  }

  @Test func aRetryThatWouldComeAfterTheExpiryDiesAtIt() {
    var scene = Scene()
    scene.campaigns[0].retry = RetryPolicy(backoff: .minutes(30))
    scene.add(at("09:00:00"), expires: at("09:10:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .greylisted, at("09:00:01"))
    #expect(bench.dispatcher.nextWake() == at("09:10:00"))
    bench.start(at("09:10:00"))
    #expect(bench.tally.dead == [.expired: 1] && bench.tally.waiting == 0)
    #expect(bench.dispatcher.isFinished)
  }

  /// Cron's next run may find a plan that has it no more.
  @Test func withDueOnlyWhatWaitsForALaterTryIsToldOfOnceItHasExpired() {
    var scene = Scene()
    scene.dueOnly = true
    scene.now = at("09:30:00")
    for expires in ["09:30:00", "09:30:01"] {
      let send = Scene.send(scene.items.count, at: at("09:00:00"), expires: at(expires))
      scene.items.append(
        Dispatcher.Item(send: send, attempts: 1, firstAttempt: at("09:00:00"), notBefore: at("09:40:00")))
    }
    var bench = Bench(scene)
    #expect(bench.start(at("09:30:00")).isEmpty && bench.dispatcher.isFinished)
    #expect(bench.tally.dead == [.expired: 1] && bench.tally.left == 1 && bench.sums)
  }

  @Test func aRetryThatWouldComeAfterTheClosingIsReleasedWithItsAttemptsKept() {
    var scene = Scene()
    scene.add(at("09:59:50"), open: IntervalSet([Interval(at("09:00:00"), at("10:00:00"))]))
    var bench = Bench(scene)
    bench.start(at("09:59:50"))
    bench.finish(0, .greylisted, at("09:59:51"))
    #expect(bench.released == [.missed])
    #expect(bench.outcomes.map(\.1.outcome) == [.retry])
    var history = History()
    for record in bench.records { history.apply(record) }
    let record = history.sends[scene.items[0].send.id]
    #expect(record?.state == .pending && record?.attempts == 1)
    #expect(bench.tally.waiting == 0 && bench.sums)
  }
}

struct DueTests {
  @Test func withDueOnlyWhatIsDueGoesOutAndTheRestIsLeft() {
    var scene = Scene(mailboxes: 2)
    scene.add(at("09:00:00"))
    scene.add(at("09:10:00"))
    scene.add(at("11:00:00"), mailbox: "m2")
    scene.now = at("09:05:00")
    scene.dueOnly = true
    var bench = Bench(scene)
    #expect(bench.start(at("09:05:00")) == [0])
    bench.accept(0, at("09:05:01"))
    bench.start(at("09:05:01"))
    #expect(bench.dispatcher.isFinished)
    #expect(bench.tally.sent == 1 && bench.tally.left == 2 && bench.records.count == 2)
  }

  @Test func withDueOnlyARetryIsLeftToTheNextRunAndAFailOverIsNot() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    scene.add(at("09:00:00"))
    scene.now = at("09:00:00")
    scene.dueOnly = true
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0, 1])
    bench.finish(0, .greylisted, at("09:00:01"))
    bench.finish(1, .closing, at("09:00:01"))
    #expect(bench.start(at("09:00:01")) == [1])
    bench.accept(1, at("09:00:02"))
    bench.start(at("09:00:02"))
    #expect(bench.dispatcher.isFinished)
    #expect(bench.tally.sent == 1 && bench.tally.left == 1 && bench.tally.waiting == 1)
  }

  @Test func withDueOnlyAProviderThatRestsIsNotWaitedFor() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    scene.now = at("09:00:00")
    scene.dueOnly = true
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.unavailable("alpha", [0], at("09:00:01"))
    bench.start(at("09:00:01"))
    #expect(bench.dispatcher.isFinished)
    #expect(bench.tally.left == 1 && bench.records.isEmpty)
  }
}
