import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Delivery

/// A project, a plan, a history and servers that fail, all made from a seed.
struct RandomRun {
  let seed: UInt64
  var scene: Scene
  var fates: [Fate]
  var stopsAtPoll: Int?
  let begin: Instant

  init(seed: UInt64) {
    self.seed = seed
    var chance = Dice(seed)
    let count = 1 + chance.below(3)
    scene = Scene(mailboxes: count)
    scene.settings.retry = RetryPolicy(
      backoff: chance.pick([.seconds(1), .minutes(1), .minutes(20)]), maxBackoff: .minutes(30),
      giveUpAfter: chance.pick([.hours(2), .days(4)]), attempts: chance.pick([nil, 1, 3]))
    scene.settings.contactCapPerDay = chance.pick([nil, 1, 2])
    scene.settings.contactCapPerWeek = chance.pick([nil, nil, 2])
    scene.settings.domainCap = chance.pick([nil, nil, DomainCap(perDay: 5)])
    let end = chance.pick([nil, at("15:00:00")])
    scene.campaigns = [
      Scene.campaign("welcome", retry: scene.settings.retry),
      Scene.campaign("news", end: end, retry: scene.settings.retry),
      Scene.campaign("codes", class: .transactional, retry: scene.settings.retry),
    ]
    for c in 0..<3 {
      scene.campaigns[c].steps[0].was = (0..<10).map { "intro-\($0)" }
      scene.campaigns[c].dailyNewLimit = chance.pick([nil, nil, 3])
    }
    let interval: Instant.Span = chance.pick([.zero, .zero, Instant.Span(milliseconds: 100), .seconds(5)])
    let logins = ["alpha", "beta", "gamma"].map {
      Scene.endpoint($0, connections: 1 + chance.below(3), interval: interval)
    }
    for m in 0..<count {
      scene.mailboxes[m].minGap = chance.pick([.zero, .seconds(1), .seconds(30), .seconds(90)])
      scene.mailboxes[m].dailyLimit = chance.pick([nil, 1, 3, 8])
      scene.mailboxes[m].hourlyLimit = chance.pick([nil, nil, 1, 2])
      scene.mailboxes[m].rollingLimit = chance.pick([nil, nil, 2, 5])
      scene.mailboxes[m].zone = Zone(chance.pick(["UTC", "Europe/Berlin", "Pacific/Auckland"])) ?? .utc
      if chance.oneIn(3) {
        scene.mailboxes[m].window = Window(rules: [
          Window.Rule(days: [.fri, .sat], from: 9 * 3600, to: 17 * 3600, clock: .mailbox)
        ])
      }
      let first = chance.below(3)
      let chain = chance.oneIn(2) ? [logins[first]] : [logins[first], logins[(first + 1) % 3]]
      scene.endpoints["m\(m + 1)"] = chance.oneIn(40) ? [] : chain
    }
    begin = today.start + .minutes(Int64(chance.below(23 * 60)))
    scene.now = begin
    scene.dueOnly = chance.oneIn(8)
    // What an earlier run did this day; some of it is tried again now.
    for n in 0..<chance.below(5) {
      let send = Scene.send(
        1000 + n, at: begin - .hours(1), mailbox: "m\(1 + chance.below(count))", contact: "c\(n % 3)@example.org")
      let attempt = Record.Attempt(
        send, number: 1, at: begin - .minutes(Int64(1 + chance.below(chance.pick([90, 90, 3000])))), provider: "alpha",
        messageID: "<x>",
        run: "r")
      switch chance.below(4) {
      case 0: scene.history.apply(.outcome(attempt, Record.Result(outcome: .sent)))
      case 1: scene.history.apply(.outcome(attempt, Record.Result(outcome: .inDoubt)))
      case 2: scene.history.apply(.intent(attempt))
      default:
        let until = begin + .minutes(Int64(chance.below(30)))
        scene.history.apply(.outcome(attempt, Record.Result(outcome: .retry, retryAt: until)))
        scene.items.append(
          Dispatcher.Item(send: send, attempts: 1, firstAttempt: attempt.at, notBefore: until, began: attempt.at))
      }
    }
    for _ in 0..<(1 + chance.below(12)) {
      let time = today.start + .seconds(Int64(chance.below(86_400)))
      let open: IntervalSet =
        chance.oneIn(2)
        ? IntervalSet([Interval(time - .hours(1), time + .hours(Int64(1 + chance.below(6))))]) : IntervalSet([today])
      scene.add(
        chance.oneIn(3) ? begin : time, mailbox: "m\(1 + chance.below(count))",
        campaign: chance.pick(["welcome", "news", "codes"]), contact: "c\(chance.below(6))@example.org", open: open,
        expires: chance.oneIn(5) ? time + .hours(1) : nil)
    }
    if chance.oneIn(4) {
      scene.drops = Drops(
        suppressions: [Suppression(value: "c1@example.org", place: Place("data/suppressions.csv"))],
        events: [Event(at: begin, type: .unsubscribe, contact: "c2@example.org")])
    }
    // Many runs are mostly well, some are very unwell.
    let sick = chance.pick([10, 3, 1])
    fates = (0..<40).map { _ in chance.oneIn(sick) ? chance.pick(Fate.allCases) : .accept }
    stopsAtPoll = chance.oneIn(5) ? chance.below(60) : nil
    if chance.oneIn(6) {
      let part: Part = chance.pick([
        Part(.campaign, "welcome"), Part(.campaign, "news"), Part(.mailbox, "m1"), Part(.provider, "alpha"),
        Part(.provider, "beta"),
      ])
      scene.pauses = Pauses([Pauses.Entry(.paused, part, at: begin - .hours(1), by: "ben")])
    }
    if chance.oneIn(4) {
      let policy = BreakerPolicy(
        bounceRate: .percent(chance.below(60)), errorRate: .percent(chance.below(60)), minSends: 1 + chance.below(4))
      scene.settings.breaker = policy
      for c in 0..<3 where chance.oneIn(2) { scene.campaigns[c].breaker = policy }
    }
  }

  func fate(_ id: SendID, _ attempt: Int) -> Fate {
    let hash = id.text.utf8.reduce(seed &+ UInt64(attempt) &* 31) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
    return fates[Int((hash >> 24) % UInt64(fates.count))]
  }
}

/// What must be true of any run, whatever happened in it.
struct RunCheck {
  let scene: Scene
  let records: [Record]
  let tally: Tally
  let starts: [(from: String, login: String, at: Instant)]
  private let found = Found()
  var problems: [String] { found.problems }

  private final class Found { var problems: [String] = [] }

  init(_ scene: Scene, _ records: [Record], _ tally: Tally, _ starts: [(from: String, login: String, at: Instant)]) {
    self.scene = scene
    self.records = records
    self.tally = tally
    self.starts = starts
    for item in scene.items { checkLife(item) }
    checkGaps()
    checkTally()
    checkLimits()
    checkHeldBack()
  }

  private func expect(_ holds: Bool, _ text: @autoclosure () -> String) {
    if !holds { note(text()) }
  }
  fileprivate func note(_ text: String) { found.problems.append(text) }

  /// One send's records tell one story: attempts count up by one, each has one outcome, and the end is the end.
  private func checkLife(_ item: Dispatcher.Item) {
    let id = item.send.id
    var number = item.attempts
    var open: Int?
    var hasEnded = false
    for record in records where record.id == id {
      expect(!hasEnded, "\(id): a record after its end: \(record)")
      switch record {
      case .intent(let a):
        expect(open == nil && a.number == number + 1, "\(id): intent \(a.number) after attempt \(number)")
        open = a.number
        let time = scene.rules.open(RunLines.Kind(item.send), within: scene.day)
        expect(time.contains(a.at), "\(id): out of its open time at \(Zone.utc.format(a.at))")
        expect(a.at >= max(item.send.sendAt, item.notBefore ?? .distantPast), "\(id): early")
        if let expires = item.send.expiresAt { expect(a.at < expires, "\(id): sent after its expiry") }
      case .outcome(let a, let result):
        if a.number == 0 {
          expect(open == nil && result.outcome == .failed, "\(id): ended without an attempt as \(result.outcome)")
        } else {
          expect(a.number == (open ?? number + 1), "\(id): outcome \(a.number) after attempt \(number)")
          number = a.number
          if result.outcome == .sent || result.outcome == .inDoubt { expect(open != nil, "\(id): no intent") }
        }
        open = nil
        hasEnded = result.outcome != .retry
      case .released: hasEnded = true
      default: found.problems.append("\(id): \(record)")
      }
    }
    expect(open == nil, "\(id): an intent without an outcome")
  }

  private func checkGaps() {
    for mailbox in scene.mailboxes {
      let times = starts.filter { $0.from == mailbox.id }.map(\.at).sorted()
      for (a, b) in zip(times, times.dropFirst()) {
        expect(b - a >= mailbox.minGap, "\(mailbox.id): \(b - a) between attempts")
      }
      if let last = scene.history.lastAttempt.mailbox[mailbox.id], let first = times.first {
        expect(first - last >= mailbox.minGap, "\(mailbox.id): \(first - last) since the earlier run")
      }
    }
    for endpoint in Set(scene.endpoints.values.joined().map(\.login)) {
      let interval = scene.endpoints.values.joined().first { $0.login == endpoint }?.interval ?? .zero
      let times = starts.filter { $0.login == endpoint }.map(\.at).sorted()
      for (a, b) in zip(times, times.dropFirst()) {
        expect(b - a >= interval, "\(endpoint): \(b - a) between attempts")
      }
    }
  }

  private func checkTally() {
    var history = scene.history
    for record in records { history.apply(record) }
    let states = scene.items.map { history.sends[$0.send.id]?.state }
    let releasedIDs = Set(
      records.compactMap { if case .released(let note, _) = $0 { note.id } else { nil } })
    expect(tally.sent == states.filter { $0 == .sent }.count, "sent \(tally.sent)")
    expect(tally.inDoubt == states.filter { $0 == .inDoubt }.count, "in doubt \(tally.inDoubt)")
    for reason in DeadReason.allCases {
      expect(tally.dead[reason] ?? 0 == states.filter { $0 == .dead(reason) }.count, "dead \(reason)")
    }
    expect(tally.releasedTotal == releasedIDs.count, "released \(tally.releasedTotal)")
    expect(tally.total == scene.items.count && tally.left >= 0, "total \(tally.total), left \(tally.left)")
    let waiting = scene.items.filter { item in
      guard case .waiting = history.sends[item.send.id]?.state else { return false }
      return records.contains { $0.id == item.send.id }
    }
    expect(tally.waiting == waiting.count, "waiting \(tally.waiting), by the records \(waiting.count)")
  }

  /// At each intent: what had been sent by then, was in doubt or in flight left room for it.
  private func checkLimits() {
    var history = scene.history
    let recount = Recount(rules: scene.rules)
    for record in records {
      history.apply(record)
      guard case .intent(let attempt) = record, let new = history.sends[attempt.id] else { continue }
      let others = history.counted.filter { $0.id != new.id }
      if let cap = recount.cap(new, among: others) { found.problems.append("\(new.id): over \(cap)") }
      expect(recount.hasRoom(new.mailbox, at: attempt.at, among: others), "\(new.id): \(new.mailbox) had no room")
    }
  }
}

extension RunCheck {
  /// What is paused stands still. A breaker that only reads the records says at each instant what the run's own did:
  /// nothing more of what it has stopped goes out, and in the end the same parts are stopped.
  fileprivate func checkHeldBack() {
    let paused = scene.pauses.paused
    var breakers = Breakers(rules: scene.rules, pauses: scene.pauses)
    for record in records {
      if case .intent(let a) = record {
        let parts = [Part(.campaign, a.campaign), Part(.mailbox, a.mailbox), Part(.provider, a.provider)]
        for part in parts where paused[part] != nil { note("\(a.id): \(part) is paused") }
        if let trip = breakers.trip(campaign: a.campaign, mailbox: a.mailbox) {
          note("\(a.id): sent though \(trip.part) was stopped: \(trip.text)")
        }
      }
      breakers.apply(record)
    }
    let stopped = tally.stopped.map(\.part).sorted()
    if stopped != breakers.trips.keys.sorted() {
      note("stopped \(stopped), by the records \(breakers.trips.keys.sorted())")
    }
  }
}

extension Record {
  var id: SendID? {
    switch self {
    case .run: nil
    case .intent(let a), .outcome(let a, _): a.id
    case .released(let note, _), .withdrawn(let note), .requeued(let note), .resolved(let note, _): note.id
    }
  }
}

struct PropertyTests {
  /// `NIGHTMAIL_SEED=n` plays run n alone.
  static let seeds: [UInt64] = {
    if let text = ProcessInfo.processInfo.environment["NIGHTMAIL_SEED"], let seed = UInt64(text) { return [seed] }
    return Array(1...4000)
  }()

  /// What the runs came to, all together.
  private struct Sum {
    var sent = 0
    var inDoubt = 0
    var left = 0
    var dead: [DeadReason: Int] = [:]
    var released: [ReleaseReason: Int] = [:]
    var stopped: [Part.Kind: Int] = [:]

    mutating func add(_ tally: Tally) {
      for trip in tally.stopped { stopped[trip.part.kind, default: 0] += 1 }
      sent += tally.sent
      inDoubt += tally.inDoubt
      left += tally.left
      dead.merge(tally.dead, uniquingKeysWith: +)
      released.merge(tally.released, uniquingKeysWith: +)
    }
  }

  private struct CannotRender: Error {}

  private func play(_ run: RandomRun, _ sum: inout Sum) throws -> [String] {
    let (clock, sink) = (RehearsalClock(start: run.begin), MemorySink(isLate: run.seed % 2 == 0))
    let (stop, servers) = (StopRequest(), FakeServers())
    let transport = FakeTransport(
      servers: servers, sink: sink, clock: clock, seed: run.seed, stop: stop, script: run.fate)
    var polls = 0
    transport.onPoll = { _ in
      polls += 1
      if polls == run.stopsAtPoll { stop.ask() }
    }
    var delivery = DeliveryRun(
      dispatcher: run.scene.dispatcher, drops: run.scene.drops, transport: transport, journal: sink, clock: clock,
      stop: stop,
      hooks: DeliveryRun.Hooks(compose: { send, _ in
        if send.id.text.hasPrefix("0") { throw CannotRender() }
        return OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 105, 13, 10], needsSMTPUTF8: false)
      }))
    let tally = try delivery.run()
    sum.add(tally)
    var problems = servers.problems
    problems += RunCheck(run.scene, sink.committed, tally, transport.starts).problems
    if !stop.isAsked && !run.scene.dueOnly && tally.left != 0 { problems.append("\(tally.left) left") }
    if sink.openIntents.count > 0 { problems.append("intents without outcomes") }
    for (id, count) in servers.arrived where count > 1 { problems.append("\(id) arrived \(count) times") }
    return problems
  }

  @Test(.timeLimit(.minutes(2))) func whateverTheServersDoEverySendEndsOnceAndNoLimitBreaks() throws {
    let began = ContinuousClock.now
    var (ran, sum) = (0, Sum())
    for seed in Self.seeds {
      if ran >= 300, ContinuousClock.now - began > .seconds(12) { break }
      let problems = try play(RandomRun(seed: seed), &sum)
      ran += 1
      guard problems.isEmpty else {
        Issue.record("NIGHTMAIL_SEED=\(seed): \(problems.joined(separator: "\n"))")
        return
      }
    }
    guard Self.seeds.count > 1 else { return }
    #expect(ran >= 300)
    // Every way to end was met, so that the checks have seen it.
    #expect(sum.sent > 100 && sum.inDoubt > 10 && sum.left > 10)
    #expect(sum.stopped[.campaign] ?? 0 > 10 && sum.stopped[.mailbox] ?? 0 > 10)
    for reason in DeadReason.allCases where reason != .inDoubt { #expect(sum.dead[reason] ?? 0 > 0, "\(reason)") }
    for reason in ReleaseReason.allCases where ![.complained, .stopped, .optedOut, .alreadySent].contains(reason) {
      #expect(sum.released[reason] ?? 0 > 0, "\(reason)")
    }
  }
}
