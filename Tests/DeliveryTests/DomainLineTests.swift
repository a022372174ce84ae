import Model
import TestSupport
import Testing

@testable import Delivery

/// One recipient domain that answers slowly, or not at all, must not hold a login's connections.
struct DomainLineTests {
  private static let domains = ["a.example", "b.example", "c.example"]

  /// Second by second: what was begun is accepted a second later, but nothing that goes to the hung domain.
  private struct Play {
    var begun: [String: [Instant]] = [:]
    var mostToHung = 0
    var bench: Bench

    init(_ scene: Scene, hung: String?, seconds: Int) {
      bench = Bench(scene)
      var open: [Int] = []
      for second in 0..<seconds {
        let now = at("09:00:00") + .seconds(Int64(second))
        for handle in open { bench.accept(handle, now) }
        open = []
        for handle in bench.start(now) {
          let domain = Self.domain(scene, handle)
          begun[domain, default: []].append(now)
          if domain != hung { open.append(handle) }
        }
        if let hung { mostToHung = max(mostToHung, bench.dispatcher.inFlight(to: hung)) }
      }
    }

    static func domain(_ scene: Scene, _ handle: Int) -> String {
      String(scene.items[handle].send.to.split(separator: "@").last ?? "")
    }
  }

  /// - Parameter every: seconds between two sends to one domain.
  private func scene(_ count: Int, connections: Int, every: Int) -> Scene {
    var scene = Scene(mailboxes: 2, connections: connections)
    for n in 0..<count {
      for (d, domain) in Self.domains.enumerated() {
        scene.add(
          at("09:00:00") + .seconds(Int64(n * every + (every > 0 ? d : 0))), mailbox: "m\(1 + n % 2)",
          contact: "c\(n)@\(domain)")
      }
    }
    return scene
  }

  @Test func oneHungDomainOfThreeSlowsTheOtherTwoByNothing() {
    // Twelve to each domain, four connections: without a share the hung one would have them all after its fourth.
    let scene = scene(12, connections: 4, every: 3)
    let well = Play(scene, hung: nil, seconds: 60)
    let ill = Play(scene, hung: "a.example", seconds: 60)
    for domain in Self.domains.dropFirst() {
      #expect(ill.begun[domain] == well.begun[domain] && ill.begun[domain]?.count == 12, "\(domain)")
    }
    #expect(well.bench.dispatcher.isFinished && well.bench.tally.sent == 36)
    #expect(ill.bench.tally.sent == 24)
  }

  @Test(arguments: [1, 2, 5, 6]) func aHungDomainHasAtMostHalfOfALoginsConnectionsRoundedUp(connections: Int) {
    let play = Play(scene(20, connections: connections, every: 0), hung: "a.example", seconds: 15)
    // Later, once nobody else waits, it may have them all.
    let others = play.begun.filter { $0.key != "a.example" }.values.joined()
    let half = connections - (connections + 1) / 2
    if half > 0 {
      for second in 0..<5 {
        #expect(others.count { $0 == at("09:00:00") + .seconds(Int64(second)) } >= half, "second \(second)")
      }
    }
    #expect(play.mostToHung <= connections)
  }

  @Test func theOnlyDomainLeftHasAllConnections() {
    let play = Play(scene(8, connections: 6, every: 0), hung: "a.example", seconds: 30)
    #expect(play.begun["b.example"]?.count == 8 && play.begun["c.example"]?.count == 8)
    // Both are through; what is left goes to one domain.
    #expect(play.begun["a.example"]?.count == 6 && play.mostToHung == 6)
    #expect(play.bench.dispatcher.heldCount == 2)
  }

  @Test func aRunToOneDomainAloneHasAllConnections() {
    var scene = Scene(connections: 6)
    for n in 0..<10 { scene.add(at("09:00:00"), contact: "c\(n)@\(n % 2 == 0 ? "a" : "A").example") }
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")).count == 6, "letters of either case are one domain")
  }

  @Test func whatIsHeldEndsWithItsWindowItsBreakerAndItsStop() {
    var scene = Scene(connections: 2)
    scene.campaigns[0].breaker = BreakerPolicy(errorRate: .none, minSends: 1)
    for n in 0..<4 { scene.add(at("09:00:00"), contact: "c\(n)@a.example") }
    scene.add(at("11:00:00"), contact: "x@b.example")
    var bench = Bench(scene)
    #expect(bench.start(at("09:00:00")) == [0] && bench.dispatcher.heldCount == 3)
    bench.ready(0, at("09:00:01"))
    bench.finish(0, .lost(completed: true), at("09:00:02"))
    bench.start(at("09:00:02"))
    #expect(bench.tally.inDoubt == 1 && bench.tally.released == [.breaker: 4])
    #expect(bench.dispatcher.isFinished && bench.dispatcher.heldCount == 0)
  }

  /// Whatever servers answer, all that is held comes to an end, and while several domains are left none has more than
  /// its share.
  @Test func heldSendsAreNeverForgotten() {
    var everHeld = 0
    for seed in UInt64(1)...200 {
      var chance = Dice(seed)
      var scene = Scene(
        mailboxes: 1 + chance.below(3), gap: chance.pick([.zero, .zero, .seconds(2)]),
        providers: chance.pick([["alpha"], ["alpha", "beta"]]), connections: 1 + chance.below(6))
      for n in 0..<(10 + chance.below(40)) {
        scene.add(
          at("09:00:00") + .seconds(Int64(chance.below(20))), mailbox: "m\(1 + chance.below(scene.mailboxes.count))",
          contact: "c\(n)@\(chance.pick(Self.domains + ["a.example"]))")
      }
      var bench = Bench(scene)
      var (now, open): (Instant, [Int]) = (at("09:00:00"), [])
      for _ in 0..<3000 where !bench.dispatcher.isFinished {
        open += bench.start(now)
        everHeld += bench.dispatcher.heldCount
        let share = ((scene.endpoints["m1"]?.first?.maxConnections ?? 0) + 1) / 2
        if bench.dispatcher.domainCount > 1 {
          for login in bench.dispatcher.logins.values {
            #expect(login.domains.values.allSatisfy { $0 <= max(1, share) }, "seed \(seed)")
          }
        }
        if open.isEmpty || chance.oneIn(6) {
          if let wake = bench.dispatcher.nextWake() { now = max(now + .seconds(1), wake) }
        }
        guard !open.isEmpty else { continue }
        let handle = open.remove(at: chance.below(open.count))
        switch chance.below(10) {
        case 0: bench.finish(handle, .greylisted, now)
        case 1: bench.finish(handle, .closing, now)
        case 2: bench.unavailable(bench.begun.last { $0.handle == handle }?.login ?? "", [handle], now)
        default: bench.accept(handle, now)
        }
      }
      #expect(bench.dispatcher.isFinished && bench.dispatcher.heldCount == 0 && bench.sums, "seed \(seed)")
      #expect(bench.tally.left == 0, "seed \(seed): \(bench.tally.left) left")
    }
    #expect(everHeld > 1000)
  }
}
