import Model
import Testing

@testable import Delivery

struct LimitTests {
  private func attempt(_ send: PlannedSend, _ time: Instant) -> Record.Attempt {
    Record.Attempt(send, number: 1, at: time, provider: "alpha", messageID: "<x>", run: "r")
  }

  @Test func theDailyLimitHoldsWhateverThePlanSays() {
    var scene = Scene()
    scene.mailboxes[0].dailyLimit = 3
    for n in 0..<5 { scene.add(at("09:00:00") + .seconds(Int64(n))) }
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("23:59:59"))
    #expect(bench.tally.sent == 3 && bench.tally.released == [.mailboxLimit: 2] && bench.sums)
  }

  @Test func historyCountsSentInDoubtAndInFlightAndNothingElse() {
    var scene = Scene()
    scene.mailboxes[0].dailyLimit = 4
    let results: [Record.Result?] = [
      Record.Result(outcome: .sent), Record.Result(outcome: .inDoubt), nil,
      Record.Result(outcome: .retry, retryAt: at("12:00:00")), Record.Result(outcome: .failed, reason: .rejected),
    ]
    for (n, result) in results.enumerated() {
      let attempt = attempt(Scene.send(100 + n, at: at("07:00:00")), at("07:00:00"))
      scene.history.apply(.intent(attempt))
      if let result { scene.history.apply(.outcome(attempt, result)) }
    }
    // Yesterday's and another mailbox's do not count.
    let yesterday = attempt(Scene.send(200, at: at("07:00:00")), at("23:59:59", day: "2026-11-19"))
    scene.history.apply(.outcome(yesterday, Record.Result(outcome: .sent)))
    let other = attempt(Scene.send(201, at: at("07:00:00"), mailbox: "m9"), at("07:00:00"))
    scene.history.apply(.outcome(other, Record.Result(outcome: .sent)))
    for n in 0..<3 { scene.add(at("09:00:00") + .seconds(Int64(n))) }
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("23:59:59"))
    #expect(bench.tally.sent == 1 && bench.tally.released == [.mailboxLimit: 2])
  }

  @Test func aDayIsTheMailboxsOwn() {
    var scene = Scene()
    scene.mailboxes[0].zone = Zone("Pacific/Auckland") ?? .utc
    scene.mailboxes[0].dailyLimit = 1
    // Midnight in Auckland is 11:00 UTC.
    for time in ["10:58:00", "10:59:00", "11:30:00"] { scene.add(at(time)) }
    var bench = Bench(scene)
    bench.play(from: at("08:00:00"), until: at("10:59:59"))
    #expect(bench.tally.sent == 1 && bench.released.isEmpty)
    // The second waits for the mailbox's next day and has its room; the third finds none.
    bench.play(from: at("11:00:00"), until: at("23:59:59"))
    #expect(bench.begun.map(\.at) == [at("10:58:00"), at("11:00:00")])
    #expect(bench.tally.released == [.mailboxLimit: 1])
  }

  @Test func failuresAndRetriesGiveTheirRoomBackAndDoubtDoesNot() {
    var scene = Scene()
    scene.mailboxes[0].dailyLimit = 1
    for minute in 0..<4 { scene.add(at("09:00:00") + .minutes(Int64(minute * 10))) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.finish(0, .unknown, at("09:00:01"))
    #expect(bench.start(at("09:10:00")) == [1])
    bench.finish(1, .code(554, .message), at("09:10:01"))
    #expect(bench.start(at("09:20:00")) == [2])
    bench.ready(2, at("09:20:01"))
    bench.finish(2, .lost(completed: true), at("09:20:02"))
    #expect(bench.start(at("09:30:00")) == [])
    #expect(bench.released == [.mailboxLimit])
  }

  @Test func anIntentCountsForTheDayOnWhichItIsWritten() {
    var scene = Scene()
    scene.mailboxes[0].zone = Zone("Pacific/Auckland") ?? .utc
    scene.mailboxes[0].dailyLimit = 1
    scene.add(at("10:59:59"))
    scene.add(at("11:00:05"))
    var bench = Bench(scene)
    #expect(bench.start(at("10:59:59")) == [0])
    // A slow greeting: the intent is of the next day, and takes that day's room.
    bench.ready(0, at("11:00:01"))
    bench.finish(0, .accepted, at("11:00:02"))
    #expect(bench.start(at("11:00:05")) == [])
    #expect(bench.released == [.mailboxLimit])
  }

  @Test func aContactGetsNoMoreThanItsCapOverAllCampaigns() {
    var scene = Scene(mailboxes: 2)
    scene.settings.contactCapPerDay = 1
    scene.campaigns = [
      Scene.campaign("welcome"), Scene.campaign("news"), Scene.campaign("codes", class: .transactional),
    ]
    scene.add(at("09:00:00"), contact: "ada@example.org")
    scene.add(at("09:00:00"), mailbox: "m2", campaign: "news", contact: "ada@example.org")
    scene.add(at("10:00:00"), campaign: "codes", contact: "ada@example.org")
    scene.add(at("11:00:00"), contact: "bob@example.org")
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("23:59:59"))
    #expect(bench.tally.sent == 3 && bench.tally.released == [.contactCap: 1])
  }

  static let reasons: [(EventType?, ReleaseReason)] = [
    (nil, .suppressed), (.bounce, .bounced), (.complaint, .complained), (.unsubscribe, .unsubscribed),
    (.reply, .stopped),
  ]

  @Test(arguments: reasons) func whatComesAfterThePlanIsHeeded(_ type: EventType?, _ reason: ReleaseReason) {
    var scene = Scene()
    scene.items = [
      Dispatcher.Item(
        send: Scene.send(0, at: at("09:00:00"), contact: "Ada@Example.org"), began: at("08:00:00", day: "2026-11-10"))
    ]
    scene.items[0].send.contact = "ada@example.org"
    var bench = Bench(scene)
    let suppression = Suppression(value: "@example.org", place: Place("data/suppressions.csv"))
    bench.dispatcher.drops = Drops(
      suppressions: type == nil ? [suppression] : [],
      events: type.map { [Event(at: at("08:30:00"), type: $0, contact: "ada@example.org")] } ?? [])
    #expect(bench.start(at("09:00:00")) == [])
    #expect(bench.released == [reason] && bench.dispatcher.isFinished && bench.sums)
  }

  @Test func aRetryIsHeldToTheDropsToo() {
    var scene = Scene()
    scene.add(at("09:00:00"), contact: "ada@example.org")
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .greylisted, at("09:00:01"))
    bench.dispatcher.drops = Drops(
      suppressions: [Suppression(value: "ada@example.org", place: Place("data/suppressions.csv"))])
    #expect(bench.start(at("09:05:00")) == [])
    #expect(bench.released == [.suppressed] && bench.tally.waiting == 0)
  }

  @Test func unreadableDropsHoldNewAttemptsUntilTheyCanBeRead() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.dispatcher.drops = nil
    #expect(bench.start(at("09:10:00")) == [])
    #expect(!bench.dispatcher.isFinished && bench.records.isEmpty)
    bench.dispatcher.drops = Drops()
    #expect(bench.start(at("09:20:00")) == [0])
  }
}

struct StopTests {
  @Test func aStopLetsWhatIsInFlightEndAndBeginsNothing() {
    var scene = Scene(connections: 2)
    for _ in 0..<4 { scene.add(at("09:00:00")) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0, 1])
    bench.ready(0, at("09:00:01"))
    bench.dispatcher.stop()
    // Ready only now: it is not completed any more.
    bench.ready(1, at("09:00:01"))
    #expect(bench.completed == [0])
    bench.finish(1, .lost(completed: false), at("09:00:01"))
    bench.finish(0, .accepted, at("09:00:02"))
    #expect(bench.start(at("09:00:03")) == [])
    #expect(bench.dispatcher.isFinished)
    // What the stop cut off before its message was never an attempt.
    #expect(bench.outcomes.map(\.1.outcome) == [.sent])
    #expect(bench.tally.sent == 1 && bench.tally.left == 3 && bench.sums)
  }

  @Test func anIntentOnDiskHasItsOutcomeThoughTheConnectionBreaksWhileStopping() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:01"))
    bench.dispatcher.stop()
    bench.finish(0, .lost(completed: false), at("09:00:02"))
    #expect(bench.outcomes.map(\.1.outcome) == [.retry])
    #expect(bench.dispatcher.isFinished && bench.tally.left == 1)
  }

  @Test func whatIsUnansweredWhenTheRunIsAbandonedIsInDoubtWithARecord() {
    var scene = Scene()
    for _ in 0..<3 { scene.add(at("09:00:00")) }
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(1, at("09:00:01"))
    bench.dispatcher.stop()
    bench.take(bench.dispatcher.abandon(now: at("09:00:11")), at("09:00:11"))
    #expect(bench.outcomes.map(\.1.outcome) == [.inDoubt] && bench.outcomes.map(\.0.number) == [1])
    #expect(bench.outcomes.map(\.1.milliseconds) == [11_000])
    #expect(bench.dispatcher.isFinished && bench.tally.inDoubt == 1 && bench.tally.left == 2 && bench.sums)
  }
}
