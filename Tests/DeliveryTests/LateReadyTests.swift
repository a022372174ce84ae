import Model
import Testing

@testable import Delivery

/// What stands between an attempt's beginning and its message: a connection may take minutes.
struct LateReadyTests {
  @Test func whatWasSuppressedWhileTheConnectionCameUpDoesNotGoOut() {
    var scene = Scene()
    scene.add(at("09:00:00"), contact: "ada@example.org")
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.dispatcher.drops = Drops(suppressions: [
      Suppression(value: "ada@example.org", place: Place("data/suppressions.csv"))
    ])
    bench.event(.ready(handle: 0), at("09:00:25"))
    #expect(bench.cancelled == [0] && bench.completed.isEmpty)
    #expect(bench.tally.released == [.suppressed: 1])
    #expect(bench.dispatcher.isFinished)
  }

  @Test func whileTheFilesCannotBeReadNothingIsCompleted() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.dispatcher.drops = nil
    bench.event(.ready(handle: 0), at("09:00:25"))
    #expect(bench.cancelled == [0] && bench.completed.isEmpty && bench.records.isEmpty)
    bench.dispatcher.drops = Drops()
    #expect(bench.start(at("09:00:31")) == [0])
    bench.ready(0, at("09:00:32"))
    bench.accept(0, at("09:00:33"))
    #expect(bench.tally.sent == 1 && bench.outcomes.map(\.0.number) == [1])
  }

  @Test func whatIsReadyAtTheClosingDoesNotGoOut() {
    var scene = Scene()
    scene.add(at("09:00:00"), open: IntervalSet([Interval(at("09:00:00"), at("09:01:00"))]))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.event(.ready(handle: 0), at("09:01:00"))
    #expect(bench.cancelled == [0] && bench.tally.released == [.missed: 1])
  }

  @Test func aDailyLimitOfOneLetsItsOneMessageGo() {
    var scene = Scene()
    scene.mailboxes[0].dailyLimit = 1
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:01"))
    #expect(bench.completed == [0] && bench.cancelled.isEmpty)
  }

  @Test func theGapRunsFromTheMessageAndNotFromItsBeginning() {
    var scene = Scene(gap: .seconds(4))
    scene.add(at("09:00:00"))
    scene.add(at("09:00:04"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    // The connection takes 25 s: nothing else of the mailbox is begun meanwhile.
    #expect(bench.start(at("09:00:10")) == [])
    bench.ready(0, at("09:00:25"))
    #expect(bench.start(at("09:00:26")) == [])
    #expect(bench.start(at("09:00:29")) == [1])
  }

  @Test func whatClosesOrExpiresWhileTheFilesCannotBeReadStillEnds() {
    var scene = Scene()
    scene.add(at("09:00:00"), open: IntervalSet([Interval(at("09:00:00"), at("09:01:00"))]))
    scene.add(at("09:00:00"), expires: at("09:02:00"))
    var bench = Bench(scene)
    bench.dispatcher.drops = nil
    for minute in ["09:00:00", "09:01:00", "09:02:00"] { #expect(bench.start(at(minute)) == []) }
    #expect(bench.tally.released == [.missed: 1] && bench.tally.dead == [.expired: 1])
    #expect(bench.dispatcher.isFinished)
  }

  @Test func aDueRunLeavesWhatItsPaceWouldKeepItForHours() {
    var scene = Scene(gap: .seconds(20))
    scene.dueOnly = true
    scene.now = at("12:00:00")
    for i in 0..<240 { scene.add(at("0\(i / 60):\(i % 60 < 10 ? "0" : "")\(i % 60):00")) }
    var bench = Bench(scene)
    var now = at("12:00:00")
    while !bench.dispatcher.isFinished, now < at("13:00:00") {
      for handle in bench.start(now) {
        bench.ready(handle, now)
        bench.accept(handle, now)
      }
      now += .seconds(1)
    }
    #expect(now <= at("12:05:02"))
    #expect(bench.tally.sent >= 1 && bench.tally.left == 240 - bench.tally.sent)
  }

  @Test func whatIsPutOffDoesNotHoldUpTheRestOfItsMailbox() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    scene.add(at("09:00:02"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.dispatcher.drops = nil
    bench.event(.ready(handle: 0), at("09:00:01"))
    bench.dispatcher.drops = Drops()
    #expect(bench.start(at("09:00:02")) == [1])
    #expect(bench.start(at("09:00:06")) == [0])
  }
}
