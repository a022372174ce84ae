import Model
import Testing

@testable import Delivery

/// A wall clock that a test's polls move on.
final class SteppingClock: DeliveryClock {
  private var time: Instant
  init(_ start: Instant) { time = start }
  func now() -> Instant { time }
  var isVirtual: Bool { false }
  func advance(to instant: Instant) {}
  func step(_ milliseconds: Int) { time += Instant.Span(milliseconds: Int64(max(1, milliseconds))) }
}

struct Unreadable: Error {}

struct RunTests {
  private func compose(_ send: PlannedSend, _ now: Instant) -> OutgoingMessage {
    OutgoingMessage(
      from: send.mailbox, to: send.to, bytes: Array("Subject: x\r\n\r\nHi\r\n".utf8), needsSMTPUTF8: false)
  }

  @Test func whileSuppressionsCannotBeReadNothingBeginsAndThenItGoesOn() throws {
    var scene = Scene()
    for second in 0..<20 { scene.add(at("09:00:00") + .seconds(Int64(second))) }
    scene.now = at("09:00:00")
    let (clock, sink, stop) = (SteppingClock(at("09:00:00")), MemorySink(), StopRequest())
    let transport = FakeTransport(
      servers: FakeServers(), sink: sink, clock: clock, seed: 7, stop: stop, script: { _, _ in .accept })
    transport.onPoll = { clock.step($0) }
    var warnings: [String] = []
    var attemptsWhileUnreadable: [Instant] = []
    let unreadable = Interval(at("09:00:05"), at("09:00:12"))
    let suppressed = scene.items[15].send.to
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
      hooks: DeliveryRun.Hooks(
        compose: { send, now in
          // Looked at every two seconds.
          if unreadable.contains(now - .seconds(2)) && unreadable.contains(now) { attemptsWhileUnreadable.append(now) }
          return compose(send, now)
        },
        newDrops: {
          if unreadable.contains(clock.now()) { throw Unreadable() }
          guard clock.now() >= unreadable.end else { return nil }
          return Drops(suppressions: [Suppression(value: suppressed, place: Place("data/suppressions.csv"))])
        },
        warn: { warnings.append($0) }))
    let tally = try run.run()
    #expect(attemptsWhileUnreadable.isEmpty)
    #expect(tally.sent == 19 && tally.released == [.suppressed: 1])
    #expect(warnings.count == 1)
    #expect(transport.servers.problems.isEmpty && transport.isClosed)
  }

  @Test func aMessageThatCannotBeMadeIsDeadAndTheOthersGoOut() throws {
    var scene = Scene(connections: 1)
    for _ in 0..<4 { scene.add(at("09:00:00")) }
    let (clock, sink, stop) = (RehearsalClock(start: at("08:00:00")), MemorySink(), StopRequest())
    let transport = FakeTransport(
      servers: FakeServers(), sink: sink, clock: clock, seed: 7, stop: stop, script: { _, _ in .accept })
    var waited = 0
    transport.onPoll = { if transport.active.isEmpty { waited += $0 } }
    let broken = scene.items[1].send.id
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
      hooks: DeliveryRun.Hooks(compose: { send, now in
        if send.id == broken { throw Unreadable() }
        return compose(send, now)
      }))
    let tally = try run.run()
    #expect(tally.sent == 3 && tally.dead == [.renderError: 1])
    #expect(waited == 0, "a rehearsal waits for nothing")
    #expect(transport.servers.problems.isEmpty)
  }

  @Test func aRehearsalsClockStandsStillWhileAnAttemptIsUnderWay() throws {
    var scene = Scene(mailboxes: 2)
    let open = IntervalSet([Interval(at("09:00:00"), at("17:00:00"))])
    scene.add(at("09:00:00"), open: open)
    scene.add(at("16:59:59"), mailbox: "m2", open: open)
    let (clock, sink, stop) = (RehearsalClock(start: at("08:00:00")), MemorySink(), StopRequest())
    let first = scene.items[0].send.id
    for seed in 0..<5 {
      let transport = FakeTransport(
        servers: FakeServers(), sink: sink, clock: clock, seed: UInt64(seed), stop: stop,
        script: { id, attempt in id == first && attempt == 0 ? .greylisted : .accept })
      var run = DeliveryRun(
        dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
        hooks: DeliveryRun.Hooks(compose: compose))
      if seed == 0 {
        let tally = try run.run()
        #expect(tally.sent == 2 && tally.releasedTotal == 0)
        #expect(transport.starts.map(\.at).last == at("16:59:59"))
        #expect(transport.starts.count == 3 && transport.starts[1].at < at("09:02:00"))
      }
    }
  }

  @Test func aStopAskedForTwiceEndsTheRunAtOnceWithWhatIsUnansweredInDoubt() throws {
    var unanswered = 0
    for seed in 0..<20 as Range<UInt64> {
      var scene = Scene()
      for _ in 0..<3 { scene.add(at("09:00:00")) }
      let (clock, sink, stop) = (RehearsalClock(start: at("08:00:00")), MemorySink(), StopRequest())
      let transport = FakeTransport(
        servers: FakeServers(), sink: sink, clock: clock, seed: seed, stop: stop, script: { _, _ in .accept })
      transport.onPoll = { _ in
        if transport.active.values.contains(where: \.isCompleted) {
          stop.ask()
          stop.ask()
        }
      }
      var run = DeliveryRun(
        dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
        hooks: DeliveryRun.Hooks(compose: compose))
      let tally = try run.run()
      #expect(tally.total == tally.sent + tally.inDoubt + tally.left, "seed \(seed)")
      #expect(sink.openIntents.isEmpty, "every intent has its outcome; seed \(seed)")
      unanswered += tally.left + tally.inDoubt
    }
    #expect(unanswered > 10)
  }

  @Test func aJournalThatCannotBeWrittenEndsTheRunAndNothingIsCompletedAfterIt() {
    var scene = Scene()
    for _ in 0..<6 { scene.add(at("09:00:00")) }
    for crash in 1...12 {
      let (clock, stop, servers) = (RehearsalClock(start: at("08:00:00")), StopRequest(), FakeServers())
      let sink = MemorySink(crashAt: crash)
      let transport = FakeTransport(
        servers: servers, sink: sink, clock: clock, seed: UInt64(crash), stop: stop, script: { _, _ in .accept })
      var run = DeliveryRun(
        dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
        hooks: DeliveryRun.Hooks(compose: compose))
      #expect(throws: Crash.self) { try run.run() }
      #expect(servers.problems.isEmpty && transport.isClosed)
    }
  }
}
