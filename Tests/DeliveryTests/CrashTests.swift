import Model
import TestSupport
import Testing

@testable import Delivery

/// The process dies at every point at which it writes, and is started again from what was on disk.
struct CrashTests {
  /// Ten sends whose attempts fail in every way, and then succeed.
  private static let scene: Scene = {
    var scene = Scene(mailboxes: 2, gap: .seconds(1), providers: ["alpha", "beta"], connections: 2)
    for n in 0..<10 { scene.add(at("09:00:00") + .seconds(Int64(n / 3)), mailbox: "m\(1 + n % 2)") }
    return scene
  }()

  private static let fates: [[Fate]] = [
    [.accept], [.greylisted, .accept], [.lostBeforeDot, .accept], [.lostAfterDot], [.timeoutAfterDot],
    [.unknown], [.unavailable, .closing, .accept], [.laterAfterDot, .accept], [.refusedAfterDot], [.policy, .accept],
  ]

  private func fate(_ id: SendID, _ attempt: Int) -> Fate {
    let n = Self.scene.items.firstIndex { $0.send.id == id } ?? 0
    return attempt < Self.fates[n].count ? Self.fates[n][attempt] : .accept
  }

  /// One process: settles what an earlier one left dangling, takes up what is open, and runs till it ends or dies.
  /// - Returns: whether it came to its end.
  private func process(_ sink: MemorySink, _ servers: FakeServers, seed: UInt64) throws -> Bool {
    var scene = Self.scene
    for case .intent(let attempt) in sink.committed where sink.openIntents.contains(attempt.id) {
      do {
        try sink.append(.outcome(attempt, Record.Result(outcome: .inDoubt, response: "the run was cut off")))
        try sink.commit()
      } catch is Crash { return false }
    }
    for record in sink.committed { scene.history.apply(record) }
    let released = sink.committed.compactMap { if case .released(let note, _) = $0 { note.id } else { nil } }
    scene.items = scene.items.compactMap { item in
      guard !released.contains(item.send.id) else { return nil }
      let record = scene.history.sends[item.send.id]
      var item = item
      switch record?.state {
      case nil, .pending: break
      case .waiting(let until): item.notBefore = until
      default: return nil
      }
      item.attempts = record?.attempts ?? 0
      item.firstAttempt = record?.firstAttempt
      return item
    }
    let start = scene.history.sends.values.map(\.at).max().map { max($0, at("08:59:00")) } ?? at("08:59:00")
    scene.now = start
    let (clock, stop) = (RehearsalClock(start: start), StopRequest())
    let transport = FakeTransport(servers: servers, sink: sink, clock: clock, seed: seed, stop: stop, script: fate)
    var run = DeliveryRun(
      dispatcher: scene.dispatcher, drops: Drops(), transport: transport, journal: sink, clock: clock, stop: stop,
      hooks: DeliveryRun.Hooks(compose: { send, _ in
        OutgoingMessage(from: send.mailbox, to: send.to, bytes: [72, 105, 13, 10], needsSMTPUTF8: false)
      }))
    do { _ = try run.run() } catch is Crash { return false }
    return true
  }

  private func check(_ sink: MemorySink, _ servers: FakeServers) -> [String] {
    var problems = servers.problems
    var history = History()
    for record in sink.committed { history.apply(record) }
    for item in Self.scene.items {
      let id = item.send.id
      let state = history.sends[id]?.state
      let arrived = servers.arrived[id] ?? 0
      if arrived > 1 { problems.append("\(id) arrived \(arrived) times") }
      switch state {
      case .sent: if !servers.accepted.contains(id) { problems.append("\(id) is sent and the server has it not") }
      case .inDoubt: break
      case .dead: if arrived > 0 { problems.append("\(id) is dead and arrived") }
      default: problems.append("\(id) is lost: \(state.map { "\($0)" } ?? "no record")")
      }
    }
    return problems
  }

  @Test(arguments: MemorySink.Loss.allCases, [false, true])
  func aCrashAtAnyWriteSendsNothingTwiceAndLosesNothing(_ loss: MemorySink.Loss, isLate: Bool) throws {
    var boundaries = 0
    for crash in 1..<500 {
      let servers = FakeServers()
      let first = MemorySink(crashAt: crash, loss: loss, isLate: isLate)
      let ended = try process(first, servers, seed: UInt64(crash))
      // What the dead process had told the servers is theirs; what it had not written is gone.
      let second = MemorySink(first.committed)
      if !ended { #expect(try process(second, servers, seed: 99)) }
      let problems = check(second, servers)
      guard problems.isEmpty else {
        Issue.record("crash at \(crash): \(problems.joined(separator: "\n"))")
        return
      }
      if ended { break }
      boundaries = crash
    }
    #expect(boundaries > 30 && boundaries < 499, "\(boundaries) boundaries")
  }

  @Test func aProcessThatDiesAgainAndAgainComesToTheSameEnd() throws {
    for seed in UInt64(1)...150 {
      var chance = Dice(seed)
      let servers = FakeServers()
      var disk: [Record] = []
      var ended = false
      var lives = 0
      while !ended && lives < 400 {
        lives += 1
        let sink = MemorySink(
          disk, crashAt: 1 + chance.below(12), loss: chance.pick(MemorySink.Loss.allCases), isLate: seed % 2 == 0)
        ended = try process(sink, servers, seed: seed &+ UInt64(lives))
        disk = sink.committed
      }
      let problems = check(MemorySink(disk), servers)
      #expect(ended && problems.isEmpty, "seed \(seed): \(problems.joined(separator: "\n"))")
      if !problems.isEmpty { return }
    }
  }
}
