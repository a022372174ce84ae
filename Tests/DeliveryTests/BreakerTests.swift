import Journal
import Model
import TestSupport
import Testing

@testable import Delivery

/// The breakers of campaigns and mailboxes.
struct BreakerTests {
  private static let policy = BreakerPolicy(
    bounceRate: .percent(10), complaintRate: .percent(10), errorRate: .percent(50), minSends: 10)
  private static let parts = [Part(.campaign, "welcome"), Part(.mailbox, "m1")]

  private static let sent = Record.Result(outcome: .sent, code: 250)
  private static let bounce = Record.Result(outcome: .failed, reason: .rejected, code: 550, isBounce: true)
  private static let doubt = Record.Result(outcome: .inDoubt)
  private static let greylisted = Record.Result(outcome: .retry, code: 451, enhancedCode: "4.7.1")
  private static let closing = Record.Result(outcome: .retry, code: 421)
  private static let refused = Record.Result(outcome: .failed, reason: .rejected, code: 554, enhancedCode: "5.6.0")

  private func scene(_ policy: BreakerPolicy = Self.policy) -> Scene {
    var scene = Scene(mailboxes: 2)
    scene.settings.breaker = policy
    scene.campaigns = ["welcome", "news"].map { Scene.campaign($0) }
    for c in scene.campaigns.indices { scene.campaigns[c].breaker = policy }
    return scene
  }

  /// Outcomes of one send each, one a second from 9 o'clock on.
  private func records(
    _ results: [Record.Result], from start: Instant = at("09:00:00"), mailbox: String = "m1",
    campaign: String = "welcome"
  ) -> [Record] {
    results.enumerated().map { n, result in
      let time = start + .seconds(Int64(n))
      let send = Scene.send(n, at: time, mailbox: mailbox, campaign: campaign)
      return .outcome(
        Record.Attempt(send, number: 1, at: time, provider: "alpha", messageID: "<x>", run: "r"), result)
    }
  }

  private func fold(_ records: [Record], _ policy: BreakerPolicy = Self.policy, _ pauses: Pauses = Pauses()) -> Breakers
  {
    var scene = scene(policy)
    scene.pauses = pauses
    scene.earlier = records
    return scene.breakers
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var name: String
    var results: [Record.Result]
    /// What it says once it has stopped; nil if it goes on.
    var text: String?
    var testDescription: String { name }
  }

  private static func of(_ n: Int, _ result: Record.Result) -> [Record.Result] { Array(repeating: result, count: n) }

  static let cases: [Case] = [
    Case(name: "bounces below the floor", results: of(9, bounce), text: nil),
    Case(name: "bounces at the rate", results: of(9, sent) + of(1, bounce), text: nil),
    Case(
      name: "bounces above the rate", results: of(8, sent) + of(2, bounce),
      text: "2 bounces in 10 sends (20.0%), above the bounce_rate of 10%"),
    Case(name: "errors below the floor", results: of(9, doubt), text: nil),
    Case(name: "errors at the rate", results: of(5, sent) + of(5, doubt), text: nil),
    Case(
      name: "sends in doubt", results: of(4, sent) + of(6, doubt),
      text: "6 errors in 10 attempts (60.0%), above the error_rate of 50%"),
    Case(
      name: "the provider's fault, tried again", results: of(4, sent) + of(7, closing),
      text: "6 errors in 10 attempts (60.0%), above the error_rate of 50%"),
    Case(
      name: "refused for its content", results: of(4, sent) + of(6, refused),
      text: "6 errors in 10 attempts (60.0%), above the error_rate of 50%"),
    Case(name: "greylisting is the receiver's way", results: of(40, greylisted), text: nil),
    Case(name: "bounces are no errors", results: of(9, bounce) + of(1, sent), text: "9 bounces in 10 sends (90.0%)"),
  ]

  @Test(arguments: cases) func aRateAboveItsShareOverEnoughSendsStopsCampaignAndMailbox(_ one: Case) {
    let breakers = fold(records(one.results))
    #expect(breakers.trips.keys.sorted() == (one.text == nil ? [] : Self.parts))
    for trip in breakers.trips.values { #expect(trip.text.hasPrefix(one.text ?? "-"), "\(trip.text)") }
  }

  @Test func noShareAtAllStopsAtTheFirstCaseAndTheWholeNever() {
    let strict = BreakerPolicy(bounceRate: .none, complaintRate: .none, errorRate: .none, minSends: 1)
    #expect(fold(records([Self.sent, Self.sent]), strict).trips.isEmpty)
    #expect(fold(records([Self.bounce]), strict).trips.count == 2)
    let never = BreakerPolicy(bounceRate: .all, complaintRate: .all, errorRate: .all, minSends: 1)
    #expect(fold(records(Self.of(30, Self.bounce) + Self.of(30, Self.doubt)), never).trips.isEmpty)
  }

  @Test func aCampaignHasItsOwnRatesAndItsMailboxTheSettings() {
    var scene = scene(BreakerPolicy(bounceRate: .all, minSends: 10))
    scene.campaigns[0].breaker = Self.policy
    scene.earlier = records(Self.of(10, Self.bounce))
    #expect(scene.breakers.trips.keys.sorted() == [Part(.campaign, "welcome")])
  }

  @Test func aCampaignUnderAnEarlierNameIsTheSameCampaign() {
    var scene = scene()
    scene.campaigns[0].was = ["hello"]
    scene.earlier =
      records(Self.of(6, Self.bounce), campaign: "hello") + records(Self.of(6, Self.bounce), mailbox: "m2")
    #expect(scene.breakers.trips.keys.sorted() == [Part(.campaign, "welcome")])
  }

  @Test func anIDInUseIsNobodysEarlierOne() {
    var campaigns = ["welcome", "news"].map { Scene.campaign($0) }
    campaigns[0].was = ["hello", "news"]
    #expect(campaigns.presentIDs == ["welcome": "welcome", "hello": "welcome", "news": "news"])
  }

  @Test func aTripUnderAnEarlierNameHoldsAndItsResumeCountsForThePresentOne() {
    let hello = Part(.campaign, "hello")
    var scene = scene()
    scene.campaigns[0].was = ["hello"]
    scene.earlier = records(Self.of(30, Self.bounce), campaign: "hello")
    let trip = Pauses.Entry(.tripped, hello, at: at("09:00:09"), reason: "bounces")
    scene.pauses = Pauses([trip])
    #expect(scene.breakers.trips[Self.parts[0]]?.text == "bounces")
    #expect(scene.breakers.trips.keys.sorted() == Self.parts)
    #expect(scene.breakers.isStopped(campaign: "welcome", mailbox: "m2"))
    scene.pauses = Pauses([trip, Pauses.Entry(.resumed, hello, at: at("09:10:00"), by: "ben")])
    #expect(scene.breakers.trips.keys.sorted() == [Self.parts[1]], "the mailbox was not resumed")
  }

  @Test func whatIsStoppedIsGivenBackAtOnceAndTheRestOfTheRunGoesOn() {
    var scene = scene()
    for n in 0..<10 { scene.add(at("09:00:00") + .seconds(Int64(n))) }
    scene.add(at("09:00:09"))
    for _ in 0..<4 { scene.add(at("10:00:00")) }
    for _ in 0..<3 { scene.add(at("10:00:00"), mailbox: "m2", campaign: "news") }
    var bench = Bench(scene)
    for n in 0..<9 {
      let now = at("09:00:00") + .seconds(Int64(n))
      for handle in bench.start(now) {
        if n < 7 { bench.accept(handle, now) } else { bench.finish(handle, .unknown, now) }
      }
    }
    #expect(bench.stopped.isEmpty, "nine prove nothing")
    #expect(bench.start(at("09:00:09")) == [9, 10])
    bench.ready(10, at("09:00:10"))
    bench.finish(9, .unknown, at("09:00:11"))
    #expect(bench.stopped == Self.parts)
    #expect(bench.released == [.breaker, .breaker, .breaker, .breaker])
    // What the server may have already comes to its own end.
    bench.finish(10, .accepted, at("09:00:12"))
    bench.play(from: at("10:00:00"), until: at("11:00:00"))
    #expect(bench.stopped == Self.parts, "it is said once")
    #expect(bench.dispatcher.isFinished && bench.sums)
    #expect(bench.tally.sent == 7 + 1 + 3 && bench.tally.dead == [.rejected: 3])
    #expect(bench.tally.stopped.map(\.part) == Self.parts)
  }

  @Test func whatIsReadyOnceItsCampaignIsStoppedDoesNotGoOut() {
    var scene = scene()
    scene.earlier = records(Self.of(9, Self.bounce))
    for _ in 0..<2 { scene.add(at("10:00:00")) }
    var bench = Bench(scene)
    #expect(bench.start(at("10:00:00")) == [0, 1])
    bench.finish(0, .unknown, at("10:00:01"))
    bench.ready(1, at("10:00:01"))
    #expect(bench.cancelled == [1] && bench.completed.isEmpty)
    #expect(bench.tally.released == [.breaker: 1] && bench.dispatcher.isFinished)
  }

  @Test func aRetryThatStopsItsOwnCampaignIsGivenBack() {
    var scene = scene(BreakerPolicy(errorRate: .none, minSends: 1))
    scene.add(at("10:00:00"))
    var bench = Bench(scene)
    bench.start(at("10:00:00"))
    bench.finish(0, .closing, at("10:00:01"))
    #expect(bench.outcomes.map(\.1.outcome) == [.retry] && bench.released == [.breaker])
    #expect(bench.dispatcher.isFinished && bench.tally.waiting == 0 && bench.sums)
  }

  @Test func whatIsResumedCountsAnewFromThen() {
    let before = records(Self.of(30, Self.bounce))
    #expect(fold(before).trips.count == 2)
    let resumed = Pauses([
      Pauses.Entry(.tripped, Self.parts[0], at: at("09:00:09"), reason: "bounces"),
      Pauses.Entry(.resumed, Self.parts[0], at: at("09:10:00"), by: "ben"),
    ])
    // The mailbox was not resumed.
    #expect(fold(before, Self.policy, resumed).trips.keys.sorted() == [Self.parts[1]])
    for (n, isStopped) in [(9, false), (10, true)] {
      let after = records(Self.of(n, Self.bounce), from: at("09:10:00"))
      #expect((fold(before + after, Self.policy, resumed).trips[Self.parts[0]] != nil) == isStopped)
    }
  }

  @Test func aRunThatHearsOfAResumeAMomentLaterCountsFromTheResume() {
    let policy = BreakerPolicy(bounceRate: .percent(10), minSends: 4)
    let resume = Pauses(Self.parts.map { Pauses.Entry(.resumed, $0, at: at("09:00:10"), by: "ben") })
    var breakers = fold(records(Self.of(6, Self.bounce)), policy)
    #expect(breakers.trips.count == 2)
    // Two came after it, before the file was looked at; a third and a fourth follow.
    let later = records(Self.of(4, Self.bounce), from: at("09:00:10"))
    for record in later[..<2] { breakers.apply(record) }
    #expect(breakers.heed(resume).isEmpty && breakers.trips.isEmpty)
    breakers.apply(later[2])
    #expect(breakers.trips.isEmpty)
    breakers.apply(later[3])
    #expect(breakers.trips.keys.sorted() == Self.parts)
  }

  @Test(arguments: [true, false]) func complaintsOfTheDayStopThePartsThatTheirSendsBelongTo(byMessageID: Bool) {
    var scene = scene()
    for n in 0..<10 { scene.add(at("09:00:00"), mailbox: n < 5 ? "m1" : "m2") }
    for _ in 0..<3 { scene.add(at("15:00:00")) }
    scene.add(at("15:00:00"), mailbox: "m2", campaign: "news")
    var bench = Bench(scene)
    for handle in bench.start(at("09:00:00")) { bench.accept(handle, at("09:00:01")) }
    func complaints(_ handles: [Int]) -> Drops {
      Drops(
        events: handles.map { n in
          let send = scene.items[n].send
          return Event(
            at: at("12:00:00"), type: .complaint, contact: byMessageID ? "elsewhere@example.net" : send.contact,
            messageID: byMessageID ? "<\(send.id.text)@example.com>" : nil)
        })
    }
    func heed(_ drops: Drops) { bench.take(bench.dispatcher.heed(drops: drops, now: at("13:00:00")), at("13:00:00")) }
    heed(complaints([0]))
    #expect(bench.stopped.isEmpty, "one in ten is not above one in ten")
    heed(complaints([0, 7]))
    // The mailboxes have sent five each, and that is too few to judge them by.
    #expect(bench.stopped == [Part(.campaign, "welcome")])
    #expect(bench.tally.stopped.first?.text == "2 complaints in 10 sends (20.0%), above the complaint_rate of 10%")
    heed(complaints([0, 7]))
    #expect(bench.stopped.count == 1)
    bench.play(from: at("15:00:00"), until: at("16:00:00"))
    #expect(bench.tally.sent == 11 && bench.tally.released == [.breaker: 3])
  }

  @Test func aBounceThatAnEventTellsOfCountsOnceAlsoIfAResultKnowsIt() {
    var scene = scene()
    for _ in 0..<11 { scene.add(at("09:00:00")) }
    var bench = Bench(scene)
    let handles = bench.start(at("09:00:00"))
    for handle in handles.dropLast() { bench.accept(handle, at("09:00:01")) }
    if let last = handles.last { bench.finish(last, .unknown, at("09:00:01")) }
    for handle in bench.start(at("09:00:02")) { bench.accept(handle, at("09:00:03")) }
    func bounces(_ handles: [Int]) -> [Dispatcher.Action] {
      bench.dispatcher.heed(
        drops: Drops(
          events: handles.map { Event(at: at("09:30:00"), type: .bounce, contact: scene.items[$0].send.contact) }),
        now: at("10:00:00"))
    }
    bench.take(bounces([9]), at("10:00:00"))
    #expect(bench.stopped.isEmpty, "a result had told of it: one of eleven")
    bench.take(bounces([9, 3]), at("10:00:00"))
    #expect(bench.stopped == Self.parts)
  }

  /// Random days with retries, bounces and resumes: at each instant a new process that reads the records knows what the
  /// one that ran through knows, of campaigns, mailboxes and logins.
  @Test func aRestartDerivesFromTheRecordsWhatTheRunKnew() {
    var (stops, resumes, rests) = (0, 0, 0)
    for seed in UInt64(1)...300 {
      var chance = Dice(seed)
      // On every third day nothing but the logins' own breakers steps in.
      let policy =
        seed % 3 == 0
        ? BreakerPolicy(bounceRate: .all, errorRate: .all)
        : BreakerPolicy(
          bounceRate: .percent(chance.below(40)), errorRate: .percent(chance.below(60)), minSends: 1 + chance.below(6))
      var scene = scene(policy)
      scene.settings.retry = RetryPolicy(backoff: .minutes(1), maxBackoff: .minutes(4), giveUpAfter: .hours(8))
      for m in 1...2 { scene.endpoints["m\(m)"] = [Scene.endpoint("alpha"), Scene.endpoint("beta", connections: 3)] }
      for _ in 0..<40 {
        scene.add(
          at("09:00:00") + .minutes(Int64(chance.below(300))), mailbox: chance.pick(["m1", "m2"]),
          campaign: chance.pick(["welcome", "news"]))
      }
      var bench = Bench(scene)
      var now = at("09:00:00")
      let sick = chance.pick([12, 4, 2, 1])
      let replies: [Reply] = chance.pick([[.unknown, .closing, .greylisted, .policy], [.closing, .closing, .policy]])
      for _ in 0..<400 where !bench.dispatcher.isFinished {
        for handle in bench.start(now) {
          if chance.oneIn(sick) {
            bench.finish(handle, chance.pick(replies), now)
          } else {
            bench.ready(handle, now)
            if bench.completed.last == handle {
              bench.finish(handle, chance.oneIn(sick * 2) ? .lost(completed: true) : .accepted, now)
            }
          }
        }
        if let part = bench.dispatcher.breakers.trips.keys.sorted().first, chance.oneIn(3) {
          resumes += 1
          var pauses = scene.pauses
          pauses.apply(Pauses.Entry(.resumed, part, at: now.roundedUpToSecond, by: "ben"))
          scene.pauses = pauses
          bench.take(bench.dispatcher.heed(pauses, now: now), now)
        }
        var restarted = scene
        restarted.earlier = bench.records
        let breakers = restarted.breakers
        let running = bench.dispatcher.breakers
        #expect(breakers.trips.keys.sorted() == running.trips.keys.sorted(), "seed \(seed)")
        for (name, login) in bench.dispatcher.logins {
          #expect(breakers.logins[name] ?? LoginBreaker() == login.breaker, "seed \(seed), \(name)")
          if login.breaker.isProbing { rests += 1 }
        }
        guard let wake = bench.dispatcher.nextWake() else { break }
        now = max(now, wake).roundedUpToSecond
      }
      stops += bench.stopped.count
    }
    #expect(stops > 100 && resumes > 50 && rests > 50, "\(stops) stops, \(resumes) resumes, \(rests) rests")
  }
}
