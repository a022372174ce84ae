import Model
import Testing

@testable import Delivery

/// A stop by a signal: nothing new begins, and what is under way has its grace.
struct GraceTests {
  /// The time that passes, moved on by polls.
  private final class Time {
    var passed = Instant.Span.zero
  }

  /// A server that answers each message so many seconds after a stop was asked for; nil: never.
  private final class SlowTransport: Transport {
    let time: Time
    let answers: [Instant.Span?]
    var begun: [Int] = []
    private(set) var isDraining = false
    private var open: [Int: Bool] = [:]
    var onPoll: () -> Void = {}

    init(_ time: Time, _ answers: [Instant.Span?]) {
      self.time = time
      self.answers = answers
    }

    var completed: Int { open.values.count { $0 } }
    func begin(_ attempt: OutgoingAttempt) {
      begun.append(attempt.handle)
      open[attempt.handle] = false
    }
    func complete(_ handle: Int) { open[handle] = true }
    func cancel(_ handle: Int) { open[handle] = nil }
    func drain() { isDraining = true }
    func close() {}

    func poll(milliseconds: Int) -> [TransportEvent] {
      onPoll()
      if isDraining { time.passed = time.passed + Instant.Span(milliseconds: Int64(max(1, milliseconds))) }
      var events: [TransportEvent] = []
      for (handle, isComplete) in open.sorted(by: { $0.key < $1.key }) {
        if !isComplete {
          // The last of them stays on its way to the server's word.
          if isDraining {
            events.append(.finished(handle: handle, .lost(completed: false)))
            open[handle] = nil
          } else if handle < answers.count {
            events.append(.ready(handle: handle))
          }
        } else if isDraining, let after = answers[handle], time.passed >= after {
          events.append(.finished(handle: handle, .accepted))
          open[handle] = nil
        }
      }
      return events
    }
  }

  private func stop(
    answers: [Instant.Span?], grace: Instant.Span = .seconds(30), urgentAfter: Instant.Span? = nil,
    within signals: StopRequest? = nil, signalAfter: Instant.Span? = nil
  ) throws -> (tally: Tally, passed: Instant.Span, sink: MemorySink, begun: [Int]) {
    var scene = Scene(connections: answers.count + 1)
    for _ in 0..<(answers.count + 5) { scene.add(at("09:00:00")) }
    scene.now = at("09:00:00")
    let (time, sink, request) = (Time(), MemorySink(), StopRequest(within: signals))
    let transport = SlowTransport(time, answers)
    transport.onPoll = {
      if !transport.isDraining, transport.completed == answers.count { request.ask() }
      if let urgentAfter, time.passed >= urgentAfter { request.ask() }
      if let signalAfter, time.passed >= signalAfter, signals?.isAsked == false { signals?.ask() }
    }
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink,
      clock: SteppingClock(at("09:00:00")), stop: request, grace: grace,
      hooks: DeliveryRun.Hooks(
        compose: { send, _ in
          OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 105, 13, 10], needsSMTPUTF8: false)
        }, elapsed: { time.passed }))
    return (try run.run(), time.passed, sink, transport.begun)
  }

  @Test func whatIsAnsweredWithinTheGraceIsSentAndTheRunEndsWithIt() throws {
    let (tally, passed, sink, begun) = try stop(answers: [.seconds(2), .seconds(29)])
    #expect(tally.sent == 2 && tally.inDoubt == 0 && tally.left == 5)
    #expect(passed >= .seconds(29) && passed < .seconds(30), "it does not wait longer than it must")
    #expect(begun == [0, 1, 2], "nothing new begins")
    #expect(sink.openIntents.isEmpty)
    // The one that was only on its way is as if it had never been begun.
    #expect(sink.committed.count == 4)
  }

  @Test func whatIsUnansweredAfterTheGraceIsInDoubtByItsRecord() throws {
    let (tally, passed, sink, _) = try stop(answers: [.seconds(2), nil, .seconds(31)])
    #expect(tally.sent == 1 && tally.inDoubt == 2 && tally.left == 5)
    #expect(passed > .seconds(30) && passed < .seconds(31))
    #expect(sink.openIntents.isEmpty, "every intent has its outcome")
    let doubtful = sink.committed.filter {
      if case .outcome(_, let result) = $0 { result.outcome == .inDoubt } else { false }
    }
    #expect(doubtful.count == 2)
  }

  @Test func theGraceIsWhatTheOperatorSaysItIs() throws {
    #expect(try stop(answers: [.seconds(29)], grace: .seconds(2)).tally.inDoubt == 1)
    #expect(try stop(answers: [.seconds(90)], grace: .minutes(2)).tally.sent == 1)
  }

  @Test func aSecondSignalEndsTheGrace() throws {
    let (tally, passed, _, _) = try stop(answers: [.seconds(20)], urgentAfter: .seconds(3))
    #expect(tally.inDoubt == 1 && passed < .seconds(4))
  }

  @Test func aStopThatNoSignalAskedForHasAllTheTimeThatItTakes() throws {
    let (tally, passed, sink, begun) = try stop(
      answers: [.seconds(2), .minutes(8)], urgentAfter: .seconds(5), within: StopRequest())
    #expect(tally.sent == 2 && tally.inDoubt == 0 && tally.left == 5)
    #expect(passed >= .minutes(8))
    #expect(begun == [0, 1, 2], "nothing new begins")
    #expect(sink.openIntents.isEmpty)
  }

  @Test func aSignalDuringSuchAStopBeginsTheGrace() throws {
    let (tally, passed, _, _) = try stop(answers: [.minutes(8)], within: StopRequest(), signalAfter: .minutes(1))
    #expect(tally.inDoubt == 1)
    #expect(passed >= .seconds(90) && passed < .seconds(92))
  }
}
