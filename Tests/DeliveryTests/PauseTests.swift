import Journal
import Model
import TestSupport
import Testing

@testable import Delivery

/// What a person pauses waits, and goes on when it is resumed.
struct PauseTests {
  private static let campaign = Part(.campaign, "welcome")

  private func paused(_ part: Part) -> Pauses { Pauses([Pauses.Entry(.paused, part, at: at("08:30:00"), by: "ben")]) }
  private func resumed(_ part: Part) -> Pauses {
    Pauses([
      Pauses.Entry(.paused, part, at: at("08:30:00"), by: "ben"),
      Pauses.Entry(.resumed, part, at: at("09:30:00"), by: "ben"),
    ])
  }

  /// One send of each of two campaigns through each of two mailboxes, at 9 o'clock.
  private func scene(providers: [String] = ["alpha"]) -> Scene {
    var scene = Scene(mailboxes: 2, providers: providers)
    scene.campaigns = ["welcome", "news"].map { Scene.campaign($0) }
    for mailbox in ["m1", "m2"] {
      for campaign in ["welcome", "news"] { scene.add(at("09:00:00"), mailbox: mailbox, campaign: campaign) }
    }
    return scene
  }

  private func heed(_ pauses: Pauses?, _ bench: inout Bench, _ now: Instant) {
    bench.take(bench.dispatcher.heed(pauses, now: now), now)
  }

  @Test(arguments: [
    (Part(.campaign, "welcome"), [1, 3]), (Part(.mailbox, "m1"), [2, 3]), (Part(.provider, "alpha"), []),
  ])
  func whatIsPausedWaitsAndTheRestGoesOut(_ part: Part, _ rest: [Int]) {
    var scene = scene()
    scene.pauses = paused(part)
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")).sorted() == rest)
    for handle in rest { bench.accept(handle, at("09:00:01")) }
    #expect(
      bench.start(at("09:29:59")).isEmpty && !bench.dispatcher.isFinished && bench.records.count == 2 * rest.count)
    heed(resumed(part), &bench, at("09:30:00"))
    for handle in bench.start(at("09:30:00")) { bench.accept(handle, at("09:30:01")) }
    bench.play(from: at("09:31:00"), until: at("23:59:00"))
    #expect(bench.tally.sent == 4 && bench.dispatcher.isFinished)
  }

  @Test func aCampaignPausedUnderAnEarlierNameIsPaused() {
    var scene = scene()
    scene.campaigns[0].was = ["hello"]
    scene.pauses = paused(Part(.campaign, "hello"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")).sorted() == [1, 3])
  }

  @Test func whatIsStillPausedAtItsClosingGoesBackToTheNextPlanAndWhatExpiresDies() {
    var scene = Scene()
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    scene.add(at("09:00:00"), open: open)
    scene.add(at("09:00:00"), open: open, expires: at("12:00:00"))
    scene.pauses = paused(Self.campaign)
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("23:59:00"))
    #expect(bench.begun.isEmpty && bench.dispatcher.isFinished && bench.sums)
    #expect(bench.tally.released == [.paused: 1] && bench.tally.dead == [.expired: 1])
  }

  @Test func whatWasPausedForHoursComesBackAtThePaceOfCatchingUp() {
    var scene = Scene(gap: .seconds(30))
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    for n in 0..<10 { scene.add(at("09:00:00") + .minutes(Int64(n)), open: open) }
    scene.pauses = paused(Self.campaign)
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("12:00:00"))
    #expect(bench.begun.isEmpty)
    heed(resumed(Self.campaign), &bench, at("12:00:00"))
    bench.play(from: at("12:00:00"), until: at("23:59:00"))
    #expect(bench.tally.sent == 10, "\(bench.released)")
    #expect(bench.begun.map(\.at) == (0..<10).map { at("12:00:00") + .minutes(30) * Int64($0) })
  }

  @Test func whatIsPausedWhileItsConnectionComesUpDoesNotGoOut() {
    var scene = Scene()
    // No pace of catching up holds it.
    scene.campaigns = [Scene.campaign("welcome", class: .transactional)]
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    heed(paused(Self.campaign), &bench, at("09:00:10"))
    bench.ready(0, at("09:00:12"))
    #expect(bench.cancelled == [0] && bench.completed.isEmpty && bench.records.isEmpty)
    #expect(bench.start(at("09:20:00")).isEmpty)
    heed(resumed(Self.campaign), &bench, at("09:30:00"))
    #expect(bench.start(at("09:30:00")) == [0])
    bench.ready(0, at("09:30:01"))
    bench.finish(0, .accepted, at("09:30:02"))
    #expect(bench.outcomes.map(\.0.number) == [1] && bench.tally.sent == 1)
  }

  // MARK: - Providers

  @Test func aPausedProviderIsPassedOverForTheNextOfTheChain() {
    var scene = scene(providers: ["alpha", "beta"])
    scene.pauses = paused(Part(.provider, "alpha"))
    var bench = Bench(scene)
    for handle in bench.start(at("09:00:00")) { bench.accept(handle, at("09:00:01")) }
    #expect(bench.begun.map(\.login) == ["beta", "beta", "beta", "beta"])
    #expect(bench.tally.sent == 4 && bench.dispatcher.isFinished)
  }

  @Test func aProviderThatFailsHandsOnPastAPausedOne() {
    var scene = Scene(providers: ["alpha", "beta", "gamma"])
    scene.add(at("09:00:00"))
    scene.pauses = paused(Part(.provider, "beta"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .closing, at("09:00:01"))
    #expect(bench.start(at("09:00:01")) == [0])
    #expect(bench.begun.map(\.login) == ["alpha", "gamma"])
  }

  @Test func whatOnlyAPausedProviderIsLeftForWaitsForIt() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.campaigns = [Scene.campaign("welcome", class: .transactional)]
    scene.add(at("09:00:00"))
    scene.pauses = paused(Part(.provider, "beta"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    // Alpha refuses it for good, by its policy.
    bench.finish(0, .policy, at("09:00:01"))
    #expect(bench.start(at("09:29:00")).isEmpty && bench.tally.deadTotal == 0)
    heed(resumed(Part(.provider, "beta")), &bench, at("09:30:00"))
    #expect(bench.start(at("09:30:00")) == [0] && bench.begun.last?.login == "beta")
  }

  @Test func aProviderPausedWhileItsConnectionComesUpHandsOnToTheNext() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    heed(paused(Part(.provider, "alpha")), &bench, at("09:00:05"))
    bench.ready(0, at("09:00:06"))
    #expect(bench.cancelled == [0] && bench.completed.isEmpty)
    #expect(bench.start(at("09:00:06")) == [0] && bench.begun.last?.login == "beta")
    bench.accept(0, at("09:00:07"))
    #expect(bench.outcomes.map(\.0.number) == [1], "what was taken back was no attempt")
  }

  // MARK: - While a run goes on

  /// Plays a send a second on a clock that polls move, the pauses file saying `states` from each instant on.
  private func run(_ seconds: Int, _ states: @escaping (Instant) throws -> Pauses?) throws -> (
    begun: [Instant], tally: Tally, warnings: [String]
  ) {
    var scene = Scene()
    for second in 0..<seconds { scene.add(at("09:00:00") + .seconds(Int64(second))) }
    scene.now = at("09:00:00")
    let (clock, sink, stop) = (SteppingClock(at("09:00:00")), MemorySink(), StopRequest())
    let transport = FakeTransport(
      servers: FakeServers(), sink: sink, clock: clock, seed: 7, stop: stop, script: { _, _ in .accept })
    transport.onPoll = { clock.step($0) }
    var warnings: [String] = []
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
      hooks: DeliveryRun.Hooks(
        compose: { send, _ in
          OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 105, 13, 10], needsSMTPUTF8: false)
        }, newPauses: { try states(clock.now()) }, warn: { warnings.append($0) }))
    let tally = try run.run()
    #expect(transport.servers.problems.isEmpty)
    return (transport.starts.map(\.at), tally, warnings)
  }

  @Test func aRunningSendHeedsAPauseAndItsEndWithinSeconds() throws {
    let span = Interval(at("09:00:05"), at("09:00:20"))
    let (begun, tally, _) = try run(10) { span.contains($0) ? paused(Self.campaign) : resumed(Self.campaign) }
    #expect(tally.sent == 10)
    #expect(begun.allSatisfy { !Interval(span.start + .seconds(2), span.end).contains($0) }, "\(begun)")
    #expect(begun.contains { $0 >= span.end && $0 <= span.end + .seconds(3) })
  }

  @Test func whileThePausesCannotBeReadNothingBeginsAndThenItGoesOn() throws {
    let span = Interval(at("09:00:05"), at("09:00:20"))
    let (begun, tally, warnings) = try run(10) { if span.contains($0) { throw Unreadable() } else { nil } }
    #expect(tally.sent == 10 && warnings.count == 1)
    #expect(begun.allSatisfy { !Interval(span.start + .seconds(2), span.end).contains($0) }, "\(begun)")
  }

  // MARK: - Several runs

  @Test func shardsHeedEachOthersTripsAndTheResumeOfThem() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("pauses.jsonl")
    /// A shard with a mailbox of its own, and the file as it sees it.
    func shard(_ mailbox: String) throws -> (bench: Bench, watch: PauseWatch) {
      var scene = Scene(mailboxes: 2)
      scene.campaigns[0].breaker = BreakerPolicy(bounceRate: .percent(10), minSends: 2)
      for minute in 0..<4 { scene.add(at("09:00:00") + .minutes(Int64(minute)), mailbox: mailbox) }
      let watch = PauseWatch(path)
      scene.pauses = try watch.changed() ?? Pauses()
      return (Bench(scene), watch)
    }
    var (first, second) = (try shard("m1"), try shard("m2"))
    // As a run does that is told of a trip.
    func keep(_ bench: Bench) throws {
      for trip in bench.tally.stopped {
        try Pauses.append(Pauses.Entry(.tripped, trip.part, at: trip.at, reason: trip.text), to: path)
      }
    }
    for minute in 0..<2 {
      let now = at("09:00:00") + .minutes(Int64(minute))
      for handle in first.bench.start(now) { first.bench.finish(handle, .unknown, now) }
    }
    #expect(first.bench.stopped == [Self.campaign] && first.bench.tally.released == [.breaker: 2])
    try keep(first.bench)
    // The other has had no bounce, and stops all the same.
    for handle in second.bench.start(at("09:01:00")) { second.bench.accept(handle, at("09:01:00")) }
    let seen = try #require(try second.watch.changed())
    heed(seen, &second.bench, at("09:01:02"))
    #expect(second.bench.stopped == [Self.campaign] && second.bench.dispatcher.isFinished)
    #expect(second.bench.tally.sent == 2 && second.bench.tally.released == [.breaker: 2])
    #expect(second.bench.tally.stopped.map(\.text) == first.bench.tally.stopped.map(\.text))
    // Both have said it; the file says it once, and a late word of the second does not undo what a person says.
    try keep(second.bench)
    let lines = try folder.read("pauses.jsonl").split(separator: "\n")
    #expect(lines.count == 2, "\(lines)")
    try Pauses.append(Pauses.Entry(.resumed, Self.campaign, at: at("09:05:00"), by: "ben"), to: path)
    try keep(second.bench)
    #expect(try Pauses.read(path).isEmpty)
    let now = try shard("m2").bench
    #expect(now.dispatcher.breakers.trips.isEmpty)
  }
}
