import Foundation
import Model
import TestSupport
import Testing

@testable import Delivery

/// Random limits, histories and sends: the limit book against a recount of everything. `NIGHTMAIL_SEED=n` plays case n
/// alone; `NIGHTMAIL_LONG=1` plays 20,000, else as many of 4,000 as a few seconds have time for.
struct LimitPropertyTests {
  static let seeds: [UInt64] = {
    if let text = ProcessInfo.processInfo.environment["NIGHTMAIL_SEED"], let seed = UInt64(text) { return [seed] }
    return Array(1...(isLong ? 20_000 : 4000))
  }()
  static let isLong = ProcessInfo.processInfo.environment["NIGHTMAIL_LONG"] == "1"

  /// Days on which clocks stand still, go back and go forward in the zones below.
  static let dates = ["2026-11-20", "2026-10-25", "2026-03-29", "2026-04-05", "2026-10-04"]
  static let zones = [
    "UTC", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland", "Australia/Lord_Howe", "America/New_York",
  ]

  struct RandomCase {
    var dice: Dice
    var scene: Scene
    var past: [SendRecord] = []

    init(seed: UInt64) {
      dice = Dice(seed)
      scene = Scene(mailboxes: 2)
      scene.settings.zone = Zone(dice.pick(LimitPropertyTests.zones)) ?? .utc
      scene.settings.dayStarts = dice.pick([0, 0, 6 * 3600])
      scene.settings.contactCapPerDay = dice.pick([nil, nil, 1, 2])
      scene.settings.contactCapPerWeek = dice.pick([nil, nil, 1, 3])
      scene.settings.domainCap = dice.pick([nil, DomainCap(perDay: 0), DomainCap(perDay: 3, except: ["example.net"])])
      let day = CalendarDay(dice.pick(LimitPropertyTests.dates)) ?? CalendarDay(number: 0)
      scene.day = scene.settings.span(of: day)
      for m in 0..<2 {
        scene.mailboxes[m].zone = Zone(dice.pick(LimitPropertyTests.zones)) ?? .utc
        scene.mailboxes[m].dailyLimit = dice.pick([nil, nil, 0, 2, 8])
        scene.mailboxes[m].hourlyLimit = dice.pick([nil, nil, 0, 1, 3])
        scene.mailboxes[m].rollingLimit = dice.pick([nil, nil, 0, 1, 4, 9])
        if dice.oneIn(4) {
          scene.mailboxes[m].ramp = Mailbox.Ramp(
            from: dice.below(4), step: dice.below(3), everyDays: 1 + dice.below(3), start: day - 2 + dice.below(4))
        }
      }
      scene.campaigns = [
        Scene.campaign("welcome"), Scene.campaign("news"), Scene.campaign("codes", class: .transactional),
      ]
      for c in 0..<3 {
        scene.campaigns[c].was = ["old-\(c)"]
        scene.campaigns[c].steps[0].was = ["first"]
        scene.campaigns[c].dailyNewLimit = dice.pick([nil, nil, 0, 2])
      }
      // Today's contacts are known by an id or by their address; earlier sends may name either.
      let hasIDs = dice.oneIn(2)
      for _ in 0..<30 {
        let n = dice.below(6)
        var send = send(contact: hasIDs ? "u\(n)" : address(n), n)
        send.campaign = ["welcome", "news", "codes"][dice.below(3)]
        scene.items.append(Dispatcher.Item(send: send))
        scene.items[scene.items.count - 1].others = ["u\(n)", address(n), number(n)]
      }
      for _ in 0..<dice.below(40) {
        let n = dice.below(6)
        let send = send(contact: dice.pick(["u\(n)", address(n), "gone"]), n)
        let near = dice.oneIn(2)
        let back = Int64(dice.below(near ? 100_000_000 : 900_000_000))
        var record = SendRecord(send, at: scene.day.end - Instant.Span(milliseconds: back))
        record.state = dice.pick([.sent, .sent, .inDoubt, .inFlight])
        past.append(record)
      }
    }

    private func address(_ n: Int) -> String { "c\(n)@\(["example.org", "example.net", "mail.example.org"][n % 3])" }
    private func number(_ n: Int) -> String { "+4915112345\(600 + n)" }

    private mutating func send(contact: String, _ n: Int) -> PlannedSend {
      let channel: Channel = dice.oneIn(5) ? .sms : .email
      let to = channel == .sms ? number(n) : dice.oneIn(4) ? address(n).uppercased() : address(n)
      let campaign = dice.pick(["welcome", "news", "codes", "old-0", "old-2", "unknown"])
      let (step, key) = dice.pick([("intro", ""), ("first", ""), ("nudge", ""), ("message", "k")])
      return PlannedSend(
        id: SendID(campaign: campaign, step: step, contact: contact, channel: channel, key: "\(dice.next())"),
        sendAt: scene.day.start, open: IntervalSet([scene.day]), campaign: campaign, step: step, contact: contact,
        channel: channel, to: to, mailbox: dice.pick(["m1", "m2"]), key: key)
    }

    var recount: Recount {
      // Every number and every address here has its person's digit in the same place.
      Recount(rules: scene.rules) { $0.to.hasPrefix("+") ? String($0.to.suffix(1)) : String($0.to.prefix(2).suffix(1)) }
    }
  }

  /// What must stand in a send's way: the first time that has room, among all at which room can arise.
  private func obstacle(
    _ new: SendRecord, _ now: Instant, before close: Instant, among others: [SendRecord], _ recount: Recount
  ) -> LimitBook.Obstacle? {
    if let reason = recount.cap(new, among: others) { return .ends(reason) }
    if recount.hasRoom(new.mailbox, at: now, among: others) { return nil }
    // Hours begin at quarters of an hour in every zone there is.
    let quarter: Int64 = 900
    var times = (0..<110).map { Instant(seconds: (now.seconds / quarter + 1 + $0) * quarter) }
    times += others.map { ($0.attemptAt ?? $0.at) + .days(1) }
    let room = times.filter { $0 > now && $0 < close }.sorted()
      .first { recount.hasRoom(new.mailbox, at: $0, among: others) }
    return room.map { .waits(until: $0) } ?? .ends(.mailboxLimit)
  }

  @Test(.timeLimit(.minutes(5))) func noLimitIsExceededAndNothingWaitsLongerThanItMust() {
    let began = ContinuousClock.now
    var met: [String: Int] = [:]
    var ran = 0
    for seed in Self.seeds {
      if !Self.isLong, ContinuousClock.now - began > .seconds(10) { break }
      ran += 1
      var random = RandomCase(seed: seed)
      let recount = random.recount
      let scene = random.scene
      var history = History()
      for record in random.past { history.apply(record.asRecord) }
      var counted = random.past
      var book = LimitBook(items: scene.items, rules: scene.rules, history: history, day: scene.day)
      let kinds = RunLines(scene.items).kindOf
      var under: [Int] = []
      var times: [Int: Instant] = [:]
      var now = scene.day.start + .minutes(Int64(random.dice.below(1300)))
      for handle in scene.items.indices {
        let new = SendRecord(scene.items[handle].send, at: now)
        let close = random.dice.oneIn(3) ? scene.day.end : min(scene.day.end, now + .hours(5))
        let expected = obstacle(new, now, before: close, among: counted, recount)
        let found = book.obstacle(to: handle, of: UInt32(kinds[handle]), at: now, before: close)
        guard found == expected else {
          Issue.record(
            "NIGHTMAIL_SEED=\(seed), send \(handle): \(String(describing: found)), not \(String(describing: expected))")
          return
        }
        switch found {
        case nil:
          met["free", default: 0] += 1
          book.count(handle, of: UInt32(kinds[handle]), at: now, by: 1)
          counted.append(new)
          under.append(handle)
          times[handle] = now
        case .ends(let reason): met[reason.rawValue, default: 0] += 1
        case .waits: met["waits", default: 0] += 1
        }
        // Some attempts prove to be none.
        if random.dice.oneIn(4), let other = under.popLast(), let time = times[other] {
          book.count(other, of: UInt32(kinds[other]), at: time, by: -1)
          counted.removeAll { $0.id == scene.items[other].send.id }
        }
        // Time goes on; now and then the clock is set back a little.
        let step: Int64 = random.dice.pick([0, 1, 1000, 600_000, 3_600_000, 7_200_000, -5000])
        now = min(max(scene.day.start, now + Instant.Span(milliseconds: step)), scene.day.end - .seconds(1))
      }
    }
    #expect(ran == Self.seeds.count || ran >= 50, "only \(ran) cases in the time")
    guard Self.seeds.count > 1 else { return }
    for what in ["free", "waits", "contact-cap", "domain-cap", "new-limit", "mailbox-limit"] {
      #expect(met[what] ?? 0 > 0, "\(what): \(met[what] ?? 0)")
    }
  }
}

extension LimitPropertyTests {
  /// The dispatcher over a full day: each send goes out at the first instant that has room for it after those before
  /// it, and is given back where there is none.
  @Test(.timeLimit(.minutes(5))) func aRunSendsEachAtTheFirstInstantThatHasRoom() {
    let began = ContinuousClock.now
    var (ran, waited) = (0, 0)
    for seed in Self.seeds {
      if !Self.isLong, ContinuousClock.now - began > .seconds(6) { break }
      ran += 1
      var random = RandomCase(seed: seed)
      var scene = random.scene
      scene.settings.contactCapPerDay = nil
      scene.settings.contactCapPerWeek = nil
      scene.settings.domainCap = nil
      for c in scene.campaigns.indices {
        scene.campaigns[c].dailyNewLimit = nil
        // What is late is not spread out.
        scene.campaigns[c].messageClass = .transactional
      }
      let past = random.past.map { record in
        var record = record
        // None ahead of the day: after an attempt that the clock says is to come, everything waits for it.
        record.at = min(record.at - .days(1), scene.day.start)
        record.attemptAt = record.at
        return record
      }
      for record in past { scene.history.apply(record.asRecord) }
      let count = 1 + random.dice.below(15)
      scene.items = Array(scene.items.prefix(count)).map { item in
        var item = item
        item.send.open = IntervalSet([scene.day])
        item.send.sendAt = scene.day.start + .minutes(Int64(random.dice.below(1380)))
        return item
      }
      scene.now = scene.day.start
      var expected: [Int: Instant] = [:]
      let recount = Recount(rules: scene.rules)
      for mailbox in ["m1", "m2"] {
        var counted = past
        var now = scene.day.start
        let own = scene.items.indices.filter { scene.items[$0].send.mailbox == mailbox }
        for handle in own.sorted(by: { (scene.items[$0].send.sendAt, $0) < (scene.items[$1].send.sendAt, $1) }) {
          var at = max(now, scene.items[handle].send.sendAt)
          switch obstacle(
            SendRecord(scene.items[handle].send, at: at), at, before: scene.day.end, among: counted, recount)
          {
          case nil: break
          case .waits(let until):
            at = until
            waited += 1
          case .ends: continue
          }
          now = at
          expected[handle] = at
          counted.append(SendRecord(scene.items[handle].send, at: at))
        }
      }
      var bench = Bench(scene)
      bench.play(from: scene.day.start, until: scene.day.end + .days(1))
      let found = Dictionary(bench.begun.map { ($0.handle, $0.at) }, uniquingKeysWith: { a, _ in a })
      guard found == expected, bench.sums, bench.tally.left == 0 else {
        Issue.record("NIGHTMAIL_SEED=\(seed): \(found) and not \(expected)")
        return
      }
      let reasons = Set(bench.released)
      #expect(reasons.isSubset(of: [.mailboxLimit]), "NIGHTMAIL_SEED=\(seed): \(reasons)")
    }
    #expect(ran == Self.seeds.count || ran >= 50, "only \(ran) cases in the time")
    if Self.seeds.count > 1 { #expect(waited > 0, "\(waited) waited") }
  }
}

extension SendRecord {
  fileprivate init(_ send: PlannedSend, at: Instant) {
    self.init(
      id: send.id, campaign: send.campaign, step: send.step, key: send.key, contact: send.contact,
      channel: send.channel, to: send.to, mailbox: send.mailbox, state: .inFlight, at: at, attemptAt: at)
  }

  /// The record that leaves a history in this state.
  fileprivate var asRecord: Record {
    let send = PlannedSend(
      id: id, sendAt: at, open: IntervalSet(), campaign: campaign, step: step, contact: contact, channel: channel,
      to: to, mailbox: mailbox, key: key)
    let attempt = Record.Attempt(send, number: 1, at: at, provider: "alpha", messageID: "<x>", run: "r")
    switch state {
    case .sent: return .outcome(attempt, Record.Result(outcome: .sent))
    case .inDoubt: return .outcome(attempt, Record.Result(outcome: .inDoubt))
    default: return .intent(attempt)
    }
  }
}
