import Journal
import Model
import Testing

@testable import Delivery

/// Intents that are on their way to the disk while the run goes on.
struct LateCommitTests {
  /// Commits when it is told to.
  private final class SlowSink: RecordSink {
    private(set) var onDisk: [Record] = []
    private var pending: [Record] = []
    private var underWay: [Record] = []
    var mayEnd = false

    func append(_ record: Record) { pending.append(record) }
    func commit() {
      onDisk += underWay + pending
      (underWay, pending) = ([], [])
    }
    func beginCommit(done: @escaping @Sendable () -> Void) -> Bool {
      (underWay, pending) = (pending, [])
      return true
    }
    func endCommit() -> Bool {
      guard mayEnd else { return false }
      onDisk += underWay
      underWay = []
      return true
    }
    var intents: Int {
      onDisk.count {
        if case .intent = $0 { true } else { false }
      }
    }
  }

  /// What each poll gives, by script.
  private final class ScriptedTransport: Transport {
    var polls: [() -> [TransportEvent]] = []
    var begun: [String] = []
    /// Handles, and how many intents were on disk then.
    var completed: [(handle: Int, intents: Int)] = []
    let sink: SlowSink
    let stop: StopRequest

    init(_ sink: SlowSink, _ stop: StopRequest) { (self.sink, self.stop) = (sink, stop) }
    func begin(_ attempt: OutgoingAttempt) { begun.append(attempt.endpoint.login) }
    func complete(_ handle: Int) { completed.append((handle, sink.intents)) }
    func cancel(_ handle: Int) {}
    func drain() {}
    func close() {}
    var wake: (@Sendable () -> Void)? { {} }
    func poll(milliseconds: Int) -> [TransportEvent] {
      guard milliseconds > 0 else { return [] }
      guard !polls.isEmpty else {
        stop.ask()
        stop.ask()
        return []
      }
      return polls.removeFirst()()
    }
  }

  private func run(_ script: (ScriptedTransport, SlowSink, StopRequest) -> Void) throws -> (
    ScriptedTransport, SlowSink, Tally
  ) {
    var scene = Scene(providers: ["alpha", "beta"])
    scene.add(at("09:00:00"))
    scene.now = at("09:00:00")
    let (sink, stop) = (SlowSink(), StopRequest())
    let transport = ScriptedTransport(sink, stop)
    script(transport, sink, stop)
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink,
      clock: SteppingClock(at("09:00:00")), stop: stop,
      hooks: DeliveryRun.Hooks(
        compose: { send, _ in
          OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 13, 10], needsSMTPUTF8: false)
        }))
    return (transport, sink, try run.run())
  }

  /// Ready, and lost in the same moment: the next provider's attempt waits for an intent of its own.
  @Test func anAttemptThatEndsAsItGetsReadyIsNotCompleted() throws {
    let (transport, sink, tally) = try run { transport, sink, _ in
      transport.polls = [
        { [.ready(handle: 0), .finished(handle: 0, .closing)] },
        {
          sink.mayEnd = true
          return []
        }, { [.ready(handle: 0)] }, { [] }, { [.finished(handle: 0, .accepted)] },
      ]
    }
    #expect(transport.begun == ["alpha", "beta"])
    #expect(transport.completed.map(\.handle) == [0])
    #expect(transport.completed.map(\.intents) == [2])
    #expect(tally.sent == 1 && sink.intents == 2)
  }

  /// Lost while its intent is being written, and begun again before that has ended.
  @Test func aCommitThatEndsLateCompletesOnlyTheAttemptThatItHolds() throws {
    let (transport, _, tally) = try run { transport, sink, _ in
      transport.polls = [
        { [.ready(handle: 0)] }, { [.finished(handle: 0, .lost(completed: false))] }, { [.ready(handle: 0)] },
        {
          sink.mayEnd = true
          return []
        }, { [] }, { [.finished(handle: 0, .accepted)] },
      ]
    }
    #expect(transport.completed.map(\.intents) == [2])
    #expect(tally.sent == 1)
  }

  /// A second signal, with the intent still on its way: nothing of the message has left.
  @Test func whatWasNeverCompletedIsNotInDoubtAfterAStop() throws {
    let (transport, sink, tally) = try run { transport, _, stop in
      transport.polls = [
        { [.ready(handle: 0)] },
        {
          stop.ask()
          stop.ask()
          return []
        },
      ]
    }
    #expect(transport.completed.isEmpty)
    #expect(tally.inDoubt == 0 && tally.left == 1)
    guard case .outcome(_, let result)? = sink.onDisk.last else {
      Issue.record("no outcome")
      return
    }
    #expect(result.outcome == .retry)
  }
}
