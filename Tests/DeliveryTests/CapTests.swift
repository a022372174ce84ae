import Model
import Testing

@testable import Delivery

/// Limits that hold over mailboxes and campaigns, and limits that pass while a send is open.
struct CapTests {
  /// What an earlier run sent, or may have sent.
  private func past(
    _ scene: inout Scene, _ time: Instant, contact: String, to: String? = nil, campaign: String = "welcome",
    step: String = "old", key: String = "", mailbox: String = "m9", outcome: Record.Outcome = .sent
  ) {
    let send = PlannedSend(
      id: SendID(campaign: campaign, step: "\(step) \(time)", contact: contact, channel: .email, key: key),
      sendAt: time, open: IntervalSet([today]), campaign: campaign, step: step, contact: contact, channel: .email,
      to: to ?? contact, mailbox: mailbox, key: key)
    let attempt = Record.Attempt(send, number: 1, at: time, provider: "alpha", messageID: "<x>", run: "r")
    scene.history.apply(.outcome(attempt, Record.Result(outcome: outcome)))
  }

  private func played(_ scene: Scene) -> Bench {
    var bench = Bench(scene)
    bench.play(from: at("09:00:00"), until: at("23:59:59"))
    return bench
  }

  static let weeks: [(daysAgo: Int, time: String, goesOut: Bool)] = [
    (0, "08:00:00", false), (6, "00:00:00", false), (6, "23:59:59", false), (7, "23:59:59", true),
    (30, "09:00:00", true),
  ]

  @Test(arguments: weeks) func aWeekIsSevenProjectDaysOfWhichTheSendsOwnIsTheLast(
    _ daysAgo: Int, _ time: String, _ goesOut: Bool
  ) {
    var scene = Scene()
    scene.settings.contactCapPerWeek = 1
    past(&scene, at(time) - .days(Int64(daysAgo)), contact: "ada@example.org", campaign: "news")
    scene.add(at("09:00:00"), contact: "ada@example.org")
    #expect(played(scene).tally.released == (goesOut ? [:] : [.contactCap: 1]))
  }

  @Test func aWeeksDaysBeginWhenTheProjectsDo() {
    for (time, goesOut) in [("05:59:59", true), ("06:00:00", false)] {
      var scene = Scene()
      scene.settings.dayStarts = 6 * 3600
      scene.settings.contactCapPerWeek = 1
      scene.day = scene.settings.span(of: scene.settings.day(of: at("09:00:00")))
      past(&scene, at(time, day: "2026-11-14"), contact: "ada@example.org")
      scene.add(at("09:00:00"), contact: "ada@example.org")
      #expect(played(scene).tally.sent == (goesOut ? 1 : 0))
    }
  }

  /// What an earlier send named a contact by, and what the plan and the contacts of today name it by.
  static let names: [(was: String, wroteTo: String, key: String, to: String, others: [String])] = [
    ("ada@example.org", "ada@example.org", "u1", "ada@example.org", []),
    ("ada@example.org", "Ada@Example.ORG", "u1", "Ada@example.org", []),
    ("u1", "ada@example.org", "ada@example.org", "ada@example.org", ["u1"]),
    ("u1", "ada@old.example", "ada@example.org", "ada@example.org", ["u1"]),
    ("+4915112345678", "+4915112345678", "u1", "ada@example.org", ["ada@example.org", "+4915112345678"]),
  ]

  @Test(arguments: names) func aContactIsTheSameUnderItsIdAndItsAddresses(
    _ was: String, _ wroteTo: String, _ key: String, _ to: String, _ others: [String]
  ) {
    var scene = Scene()
    scene.settings.contactCapPerDay = 1
    past(&scene, at("07:00:00"), contact: was, to: wroteTo, campaign: "news")
    scene.add(at("09:00:00"), contact: key)
    scene.items[0].send.to = to
    scene.items[0].others = others
    #expect(played(scene).tally.released == [.contactCap: 1])
  }

  @Test func aDomainGetsNoMoreThanItsCapOverAllBulkCampaigns() {
    var scene = Scene(mailboxes: 2)
    scene.settings.domainCap = DomainCap(perDay: 2, except: ["gmail.com"])
    scene.campaigns = [
      Scene.campaign("welcome"), Scene.campaign("news"), Scene.campaign("codes", class: .transactional),
    ]
    past(&scene, at("07:00:00"), contact: "u1", to: "one@EXAMPLE.org", campaign: "gone", outcome: .inDoubt)
    // Of these none counts.
    past(&scene, at("07:00:00"), contact: "u2", to: "two@example.org", campaign: "codes")
    past(&scene, at("07:00:00") - .days(1), contact: "u3", to: "three@example.org")
    for (contact, campaign) in [
      ("a@example.org", "welcome"), ("b@Example.org", "news"), ("c@example.org", "codes"),
      ("d@mail.example.org", "news"), ("e@gmail.com", "news"), ("f@gmail.com", "welcome"), ("g@gmail.com", "welcome"),
    ] {
      scene.add(at("09:00:00"), mailbox: "m\(1 + scene.items.count % 2)", campaign: campaign, contact: contact)
    }
    let bench = played(scene)
    #expect(bench.tally.sent == 6 && bench.tally.released == [.domainCap: 1])
  }

  @Test func aCapOfNothingSendsNothingAndHoldsNoTransactionalMail() {
    var scene = Scene()
    scene.settings.domainCap = DomainCap(perDay: 0)
    scene.settings.contactCapPerDay = 0
    scene.settings.contactCapPerWeek = 0
    scene.campaigns.append(Scene.campaign("codes", class: .transactional))
    scene.add(at("09:00:00"))
    scene.add(at("09:00:00"), campaign: "codes")
    #expect(played(scene).tally.released == [.contactCap: 1])
    scene.settings.contactCapPerDay = nil
    scene.settings.contactCapPerWeek = nil
    let bench = played(scene)
    #expect(bench.tally.released == [.domainCap: 1] && bench.tally.sent == 1)
  }

  @Test func firstStepsAndRowsAreNewAndFollowUpsAreNot() {
    var scene = Scene()
    scene.campaigns[0].dailyNewLimit = 3
    scene.campaigns[0].was = ["hello"]
    scene.campaigns[0].steps[0].was = ["first"]
    scene.campaigns[0].steps.append(Step(id: "nudge", variants: [Step.Variant(id: "")]))
    past(&scene, at("07:00:00"), contact: "u1", campaign: "hello", step: "first")
    past(&scene, at("07:00:00"), contact: "u2", campaign: "welcome", step: "message", key: "k1", outcome: .inDoubt)
    // Of these none counts.
    past(&scene, at("07:00:00"), contact: "u3", campaign: "welcome", step: "nudge")
    past(&scene, at("07:00:00"), contact: "u4", campaign: "news", step: "intro")
    past(&scene, at("07:00:00") - .days(1), contact: "u5", campaign: "welcome", step: "intro")
    for (step, key) in [("nudge", ""), ("intro", ""), ("nudge", ""), ("intro", ""), ("message", "k2")] {
      scene.add(at("09:00:00"))
      scene.items[scene.items.count - 1].send.step = step
      scene.items[scene.items.count - 1].send.key = key
    }
    let bench = played(scene)
    #expect(bench.tally.sent == 3 && bench.tally.released == [.newLimit: 2])
  }

  @Test func aRefusalGivesItsRoomBackAndASendInDoubtDoesNot() {
    var scene = Scene()
    scene.settings.domainCap = DomainCap(perDay: 1)
    for minute in 0..<3 { scene.add(at("09:00:00") + .minutes(Int64(minute))) }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    bench.finish(0, .unknown, at("09:00:01"))
    #expect(bench.start(at("09:01:00")) == [1])
    bench.ready(1, at("09:01:01"))
    bench.finish(1, .lost(completed: true), at("09:01:02"))
    #expect(bench.start(at("09:02:00")) == [])
    #expect(bench.released == [.domainCap])
  }

  @Test func aFullHourIsWaitedForAndTheSendsGoOutInTheNext() {
    var scene = Scene()
    scene.campaigns = [Scene.campaign("welcome", class: .transactional)]
    scene.mailboxes[0].hourlyLimit = 2
    for _ in 0..<5 { scene.add(at("09:40:00")) }
    let bench = played(scene)
    #expect(
      bench.begun.map(\.at) == ["09:40:00", "09:40:00", "10:00:00", "10:00:00", "11:00:00"].map { at($0) })
    #expect(bench.released.isEmpty && bench.tally.sent == 5)
  }

  @Test func theOldestOf24HoursMakesRoomForOneWhenItLeaves() {
    var scene = Scene()
    scene.campaigns = [Scene.campaign("welcome", class: .transactional)]
    scene.mailboxes[0].rollingLimit = 2
    past(&scene, at("10:00:00.250", day: "2026-11-19"), contact: "u1", mailbox: "m1")
    past(&scene, at("11:30:00", day: "2026-11-19"), contact: "u2", mailbox: "m1", outcome: .inDoubt)
    for _ in 0..<3 { scene.add(at("09:00:00")) }
    let bench = played(scene)
    #expect(bench.begun.map(\.at) == [at("10:00:00.250"), at("11:30:00")])
    // The third would have room tomorrow.
    #expect(bench.tally.released == [.mailboxLimit: 1])
  }

  @Test func bulkMailThatWaitedForRoomIsNoBurst() {
    var scene = Scene(gap: .seconds(1))
    scene.mailboxes[0].hourlyLimit = 10
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    for n in 0..<30 { scene.add(at("09:50:00") + .seconds(Int64(n)), open: open) }
    let bench = played(scene)
    #expect(bench.tally.sent == 30)
    for (a, b) in zip(bench.begun.dropFirst(10), bench.begun.dropFirst(11)) { #expect(b.at - a.at >= .minutes(10)) }
  }

  @Test func roomThatAFailureGivesBackIsUsedAtOnce() {
    var scene = Scene()
    scene.mailboxes[0].hourlyLimit = 1
    scene.add(at("09:00:00"))
    scene.add(at("09:00:10"))
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0])
    #expect(bench.start(at("09:00:10")) == [])
    #expect(bench.dispatcher.nextWake() == at("10:00:00"))
    bench.finish(0, .unknown, at("09:00:20"))
    #expect(bench.dispatcher.nextWake().map { $0 <= at("09:00:20") } == true)
    #expect(bench.start(at("09:00:20")) == [1])
  }

  @Test func whatClosesWhileItsMailboxIsFullSaysThatTheLimitWasInItsWay() {
    var scene = Scene()
    scene.mailboxes[0].hourlyLimit = 1
    scene.add(at("09:00:00"))
    scene.add(at("09:01:00"))
    scene.add(at("09:02:00"), open: IntervalSet([Interval(at("09:00:00"), at("09:30:00"))]))
    scene.add(at("09:03:00"), expires: at("09:45:00"))
    let bench = played(scene)
    #expect(bench.tally.sent == 2 && bench.sums)
    #expect(bench.tally.released == [.mailboxLimit: 1] && bench.tally.dead == [.expired: 1])
  }

  @Test func withDueOnlyWhatWaitsForRoomIsLeftToALaterRun() {
    var scene = Scene()
    scene.mailboxes[0].hourlyLimit = 1
    scene.dueOnly = true
    scene.now = at("09:00:00")
    for _ in 0..<3 { scene.add(at("09:00:00")) }
    let bench = played(scene)
    #expect(bench.tally.sent == 1 && bench.tally.left == 2 && bench.released.isEmpty)
  }

  @Test func aThousandSendsThatWaitForOneRoomEachCostLittle() {
    var scene = Scene()
    scene.campaigns = [Scene.campaign("welcome", class: .transactional)]
    scene.mailboxes[0].rollingLimit = 1000
    for n in 0..<1000 {
      past(
        &scene, at("10:00:00", day: "2026-11-19") + .seconds(Int64(n)), contact: "u\(n)", step: "s\(n)", mailbox: "m1")
      scene.add(at("09:00:00"))
    }
    var bench = Bench(scene)
    var asked = 0
    var now = at("09:00:00")
    while !bench.dispatcher.isFinished, asked < 5000 {
      for handle in bench.start(now) { bench.accept(handle, now) }
      asked += 1
      if let wake = bench.dispatcher.nextWake() { now = max(now, wake) }
    }
    #expect(bench.tally.sent == 1000 && asked <= 1002)
  }
}
