import Foundation
import Model
import TestSupport
import Testing

@testable import Planning

/// `NIGHTMAIL_SEED=n` plans project n alone.
private func seeds(_ count: UInt64) -> [UInt64] {
  if let text = ProcessInfo.processInfo.environment["NIGHTMAIL_SEED"], let seed = UInt64(text) { return [seed] }
  return Array(1...count)
}

private func plan(_ random: RandomProject) -> Plan {
  Planner.plan(
    project: random.project, history: random.history, date: random.date, notBefore: random.notBefore,
    renderer: PlainRenderer())
}

private func equal(_ a: Plan, _ b: Plan) -> Bool {
  a.header == b.header && a.sends == b.sends && a.skipped == b.skipped && a.notes == b.notes
}

@Test func anyProjectsPlanKeepsEveryLimitWindowAndTotal() throws {
  for seed in seeds(1500) {
    let random = try RandomProject(seed: seed, caps: true)
    let plan = plan(random)
    let why = Comment(rawValue: "NIGHTMAIL_SEED=\(seed)")
    try plan.checkTotals()
    let expected = Dictionary(random.expected.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    #expect(plan.header.totals.due == random.expected.count, why)
    #expect(plan.header.totals.skipped[.suppressed] ?? 0 == random.expected.count { $0.isSuppressed }, why)
    let oracle = Oracle(random: random)
    #expect(plan.header.totals.skipped[.expired] ?? 0 == random.expected.count { oracle.expiresToday($0) }, why)
    #expect(Set(plan.sends.map(\.id)).count == plan.sends.count, why)
    #expect(zip(plan.sends, plan.sends.dropFirst()).allSatisfy { $0.sendAt <= $1.sendAt }, why)

    for send in plan.sends {
      let due = try #require(expected[send.id], why)
      let box = try #require(random.project.mailboxes.first { $0.id == send.mailbox }, why)
      #expect(due.mailboxes.contains(box.id), why)
      #expect(send.open.contains(send.sendAt), why)
      #expect(oracle.mayGo(due, from: box, at: send.sendAt), "\(why) \(send.id)")
      // `open` holds neither more nor less than the windows, looked at minute by minute.
      let span = random.project.settings.span(of: random.date)
      var minute = span.start
      while minute < span.end {
        if send.open.contains(minute) != oracle.mayGo(due, from: box, at: minute) {
          Issue.record("\(why): \(send.id) open at \(Zone.utc.format(minute)) is \(send.open.contains(minute))")
          break
        }
        minute = minute + .minutes(15)
      }
    }
    checkMailboxes(plan, random, oracle, why)
    if let cap = random.project.settings.contactCapPerDay { checkContacts(plan, random, cap: cap, why) }
  }
}

private func checkMailboxes(_ plan: Plan, _ random: RandomProject, _ oracle: Oracle, _ why: Comment) {
  for box in random.project.mailboxes {
    let times = plan.sends.filter { $0.mailbox == box.id }.map(\.sendAt)
    if let limit = box.dailyLimit {
      for (date, sends) in Dictionary(grouping: times, by: { Oracle.localDay($0, box.zone) }) {
        #expect(sends.count + oracle.used(box, on: date) <= limit, "\(why) \(box.id) \(date)")
      }
    }
    let before = [random.history.lastAttempt.mailbox[box.id]].compactMap { $0 }
    for (a, b) in zip(before + times, (before + times).dropFirst()) {
      #expect(b - a >= box.minGap, "\(why) \(box.id) \(Zone.utc.format(a)) \(Zone.utc.format(b))")
    }
  }
}

private func checkContacts(_ plan: Plan, _ random: RandomProject, cap: Int, _ why: Comment) {
  let bulk = Set(random.project.campaigns.filter { $0.messageClass == .bulk }.map(\.id))
  let span = random.project.settings.span(of: random.date)
  for (person, sends) in Dictionary(grouping: plan.sends.filter { bulk.contains($0.campaign) }, by: \.contact) {
    let earlier = random.history.sends.values.count {
      $0.contact == person && bulk.contains($0.campaign) && $0.state.countsAgainstLimits
        && span.contains($0.attemptAt ?? $0.at)
    }
    #expect(sends.count + earlier <= cap, "\(why) \(person)")
  }
}

@Test func thePlanHasAsManySendsOfEachRankAsBruteForceFinds() throws {
  for seed in seeds(1500) {
    let random = try RandomProject(seed: seed, caps: false)
    let plan = plan(random)
    let expected = Dictionary(random.expected.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var found: [[Int]: Int] = [:]
    for send in plan.sends {
      if let due = expected[send.id] { found[due.rank, default: 0] += 1 }
    }
    let best = Oracle(random: random).optimum()
    #expect(found == best, "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func planningAgainGivesTheSamePlan() throws {
  for seed in seeds(300) {
    let random = try RandomProject(seed: seed, caps: true)
    #expect(equal(plan(random), plan(random)), "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func theOrderOfContactsInTheFileDoesNotChangeTheSends() throws {
  for seed in seeds(300) {
    var random = try RandomProject(seed: seed, caps: true)
    let first = plan(random)
    let table = random.project.contacts
    random.project.contacts = ContactTable(files: table.files, contacts: table.contacts.reversed())
    let second = plan(random)
    #expect(first.sends == second.sends, "NIGHTMAIL_SEED=\(seed)")
    #expect(first.header == second.header, "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func noFirstStepTakesThePlaceOfAFollowUp() throws {
  // Two mailboxes for 30 sends; a follow-up from each of 12 people, who may take either.
  for seed in seeds(200) {
    var dice = Dice(seed)
    var scene = Scene()
    scene.settings.seed = seed
    scene.mailboxes = [
      try mailbox("anna", limit: 1 + dice.below(9), gap: .minutes(30)), try mailbox("ben", limit: 1 + dice.below(9)),
    ]
    scene.campaigns = [
      campaign("welcome", mailboxes: ["anna", "ben"], steps: [step("intro"), step("nudge", delay: .days(2))])
    ]
    scene.contacts = crowd(30)
    for i in 0..<12 {
      scene.history.add("intro", to: "person\(i)@example.org", at: try at("2026-11-17T10:00:00Z"), mailbox: "gone")
    }
    let plan = try scene.plan()
    let followUps = plan.sends.count { $0.step == "nudge" }
    #expect(followUps == 12 || plan.sends.allSatisfy { $0.step == "nudge" }, "NIGHTMAIL_SEED=\(seed)")
  }
}
