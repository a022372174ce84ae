import Model
import Testing

@testable import Delivery

struct ReplyHandlingTests {
  @Test func theIntentIsRecordedBeforeTheMessageIsCompleted() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    #expect(bench.records.isEmpty)
    let actions = bench.dispatcher.handle(.ready(handle: 0), now: at("09:00:01"))
    guard actions.count == 2, case .record(.intent(let intent)) = actions[0], case .complete(0) = actions[1] else {
      Issue.record("\(actions)")
      return
    }
    #expect(intent.number == 1 && intent.at == at("09:00:01") && intent.provider == "alpha")
    #expect(intent.messageID == "<\(intent.id.text)@example.com>")
    // Said twice, it is done once.
    #expect(bench.dispatcher.handle(.ready(handle: 0), now: at("09:00:01")).isEmpty)
  }

  @Test func aProvidersFaultGoesToTheNextProviderAtOnce() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .closing, at("09:00:01"))
    #expect(bench.outcomes.last?.1.outcome == .retry && bench.outcomes.last?.1.retryAt == at("09:00:01"))
    #expect(bench.start(at("09:00:01")) == [0])
    bench.accept(0, at("09:00:02"))
    #expect(bench.begun.map(\.login) == ["alpha", "beta"])
    #expect(bench.outcomes.map(\.0.number) == [1, 2] && bench.outcomes.map(\.0.provider) == ["alpha", "beta"])
    #expect(bench.tally.sent == 1 && bench.tally.retried == 1 && bench.tally.waiting == 0)
  }

  @Test func inDoubtNeverFailsOver() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:01"))
    bench.finish(0, .lost(completed: true), at("09:00:02"))
    #expect(bench.outcomes.map(\.1.outcome) == [.inDoubt])
    bench.start(at("12:00:00"))
    #expect(bench.begun.count == 1 && bench.dispatcher.isFinished && bench.tally.inDoubt == 1)
  }

  @Test func afterTheLastProviderTheFirstIsTriedLater() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .closing, at("09:00:00"))
    bench.start(at("09:00:00"))
    bench.finish(0, .closing, at("09:00:00"))
    #expect(bench.start(at("09:00:10")) == [])
    let wake = bench.dispatcher.nextWake() ?? .distantPast
    // Attempt 2 waits two minutes, less or more by a fifth.
    #expect(wake >= at("09:01:36") && wake <= at("09:02:24"))
    #expect(bench.start(wake) == [0])
    #expect(bench.begun.map(\.login) == ["alpha", "beta", "alpha"])
  }

  @Test func aRefusalByPolicyIsFinalOnceEveryProviderHasSaidSo() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .policy, at("09:00:00"))
    bench.start(at("09:00:00"))
    bench.finish(0, .policy, at("09:00:00"))
    #expect(bench.outcomes.map(\.1.outcome) == [.retry, .failed])
    #expect(bench.outcomes.last?.1.reason == .rejected && bench.outcomes.last?.1.isBounce == false)
    #expect(bench.tally.dead == [.rejected: 1] && bench.dispatcher.isFinished)
  }

  @Test func whileTheNextProviderRestsTheOneThatFailedIsNotHammered() {
    var scene = Scene(mailboxes: 2, providers: ["alpha", "beta"])
    scene.endpoints["m2"] = [Scene.endpoint("beta")]
    scene.add(at("09:00:00"), mailbox: "m2")
    scene.add(at("09:00:01"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.unavailable("beta", [0], at("09:00:00"))
    for _ in 0..<20 {
      for handle in bench.start(at("09:00:01")) { bench.finish(handle, .closing, at("09:00:01")) }
    }
    #expect(bench.begun.filter { $0.login == "alpha" }.count == 1)
    let retry = bench.outcomes.last?.1.retryAt ?? .distantPast
    #expect(retry >= at("09:00:49"))
  }

  @Test func aProviderThatRefusedForGoodIsNotAskedAgainWhileAnotherRests() {
    var scene = Scene(mailboxes: 2, providers: ["alpha", "beta"])
    scene.endpoints["m2"] = [Scene.endpoint("beta")]
    scene.add(at("09:00:00"), mailbox: "m2")
    scene.add(at("09:00:01"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.unavailable("beta", [0], at("09:00:00"))
    bench.start(at("09:00:01"))
    bench.finish(1, .policy, at("09:00:01"))
    // Beta has not been asked: the send is not dead, and waits for it.
    #expect(bench.outcomes.map(\.1.outcome) == [.retry])
    bench.play(from: at("09:00:01"), until: at("12:00:00"))
    #expect(bench.begun.filter { $0.handle == 1 }.map(\.login) == ["alpha", "beta"])
    #expect(bench.tally.sent == 2)
  }

  @Test func greylistingGoesBackToTheSameProvider() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .greylisted, at("09:00:01"))
    #expect(bench.tally.waiting == 1)
    let wake = bench.dispatcher.nextWake() ?? .distantPast
    #expect(wake >= at("09:00:49") && wake <= at("09:01:13"))
    #expect(bench.outcomes.last?.1.retryAt == wake)
    #expect(bench.start(wake) == [0])
    #expect(bench.begun.map(\.login) == ["alpha", "alpha"])
  }

  @Test func attemptsAreCountedOnOverRuns() {
    var scene = Scene()
    scene.campaigns[0].retry = RetryPolicy(attempts: 3)
    scene.items = [
      Dispatcher.Item(
        send: Scene.send(0, at: at("09:00:00")), attempts: 2, firstAttempt: at("08:00:00"), notBefore: at("09:07:00"))
    ]
    var bench = Bench(scene)
    #expect(bench.start(at("09:06:59")) == [])
    #expect(bench.start(at("09:07:00")) == [0])
    bench.finish(0, .greylisted, at("09:07:01"))
    #expect(bench.outcomes.map(\.0.number) == [3])
    #expect(bench.tally.dead == [.gaveUp: 1] && bench.tally.waiting == 0)
  }

  @Test func givingUpCountsFromTheFirstAttempt() {
    var scene = Scene()
    scene.campaigns[0].retry = RetryPolicy(giveUpAfter: .hours(2))
    scene.items = [
      Dispatcher.Item(send: Scene.send(0, at: at("09:00:00")), attempts: 9, firstAttempt: at("07:01:00"))
    ]
    var bench = Bench(scene)
    bench.start(at("09:00:59"))
    bench.finish(0, .greylisted, at("09:00:59"))
    #expect(bench.tally.dead == [.gaveUp: 1])
  }

  @Test func aConnectionThatTheServerHadClosedCostsOneTryAtOnceAndNotTwo() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .lost(completed: false), at("09:00:00"))
    #expect(bench.start(at("09:00:00")) == [0])
    bench.finish(0, .lost(completed: false), at("09:00:00"))
    #expect(bench.start(at("09:00:00")) == [])
    #expect(bench.tally.waiting == 1 && bench.tally.retried == 2)
  }

  @Test func anUnknownRecipientIsRefusedForGoodAndBounces() {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"), contact: "Ada@Example.org")
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .unknown, at("09:00:00"))
    #expect(bench.tally.dead == [.rejected: 1] && bench.dispatcher.isFinished)
    var history = History()
    for record in bench.records { history.apply(record) }
    #expect(history.bounces.map(\.contact) == ["ada@example.org"])
  }

  @Test func anAddressThatBouncedInThisRunIsNotWrittenToAgain() {
    var scene = Scene()
    scene.campaigns.append(Scene.campaign("codes", class: .transactional))
    scene.add(at("09:00:00"), contact: "Ada@Example.org")
    scene.add(at("09:05:00"), campaign: "codes", contact: "ada@example.org")
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.finish(0, .unknown, at("09:00:01"))
    #expect(bench.start(at("09:05:00")) == [])
    #expect(bench.released == [.bounced])
  }

  @Test func whatATransportReturnsAfterCompletionIsInDoubt() {
    var scene = Scene()
    scene.add(at("09:00:00"))
    var bench = Bench(scene)
    bench.start(at("09:00:00"))
    bench.ready(0, at("09:00:01"))
    bench.unavailable("alpha", [0], at("09:00:02"))
    #expect(bench.tally.inDoubt == 1 && bench.outcomes.map(\.1.outcome) == [.inDoubt])
    #expect(bench.dispatcher.isFinished)
  }
}
