import Foundation
import Model
import TestSupport
import Testing

@testable import Planning

func plan(_ random: RandomProject) -> Plan {
  Planner.plan(
    project: random.project, history: random.history, date: random.date, notBefore: random.notBefore,
    renderer: PlainRenderer())
}

private func equal(_ a: Plan, _ b: Plan) -> Bool {
  a.header == b.header && a.sends == b.sends && a.skipped == b.skipped && a.notes == b.notes
}

/// Totals of every campaign, each send's mailbox, time and open time, and every limit.
private func check(_ plan: Plan, _ random: RandomProject, _ why: Comment) throws {
  try plan.checkTotals()
  let oracle = Oracle(random)
  var expected = random.totals
  for send in random.due where oracle.expiresToday(send) {
    expected[send.campaign.id]?.skipped[.expired, default: 0] += 1
  }
  let due = Dictionary(random.due.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
  let perCampaign = Dictionary(grouping: random.due, by: \.campaign.id).mapValues(\.count)
  #expect(Set(plan.header.campaigns.keys) == Set(expected.keys), why)
  for (id, totals) in plan.header.campaigns {
    guard let own = expected[id] else { continue }
    #expect(totals.skipped == own.skipped, "\(why) \(id)")
    #expect(totals.held == own.held, "\(why) \(id)")
    #expect(totals.waiting == own.waiting, "\(why) \(id)")
    #expect(totals.ended == own.ended, "\(why) \(id)")
    let skipped = random.totals[id]?.skippedTotal ?? 0
    #expect(totals.due == skipped + (perCampaign[id] ?? 0), "\(why) \(id)")
  }
  checkReasons(plan, random, oracle, why)
  #expect(Set(plan.sends.map(\.id)).count == plan.sends.count, why)
  #expect(zip(plan.sends, plan.sends.dropFirst()).allSatisfy { $0.sendAt <= $1.sendAt }, why)

  let boxes = Dictionary(uniqueKeysWithValues: random.project.mailboxes.map { ($0.id, $0) })
  var seen: Set<String> = []
  for send in plan.sends {
    guard let own = due[send.id], let box = boxes[send.mailbox] else {
      Issue.record("\(why): \(send.campaign) \(send.step) \(send.key) \(send.contact) is not due")
      continue
    }
    #expect(own.mailboxes.contains(box.id), "\(why) \(send.id)")
    #expect(send.channel == own.channel && send.to == own.to && send.expiresAt == own.expiresAt, "\(why) \(send.id)")
    #expect(send.variant == nil || own.campaign.steps[own.step].variants.map(\.id).contains(send.variant ?? ""), why)
    #expect(send.open.contains(send.sendAt), "\(why) \(send.id)")
    let mayGo = oracle.mayGo(own, from: box, at: send.sendAt)
    #expect(mayGo, "\(why) \(send.id) at \(Zone.utc.format(send.sendAt))")
    // `open` holds neither more nor less than the windows. Sends of one kind have the same.
    guard seen.insert("\(Oracle.Kind(own)) \(box.id) \(send.open)").inserted else { continue }
    let after = random.history.lastAttempt.mailbox[box.id].map { $0 + box.minGap } ?? .distantPast
    for quarter in oracle.quarters where quarter >= after {
      if send.open.contains(quarter) != oracle.mayGo(own, from: box, at: quarter) {
        Issue.record("\(why): \(send.id) open at \(Zone.utc.format(quarter)) is \(send.open.contains(quarter))")
        break
      }
    }
  }
  let excesses = Recount(random, plan).excesses()
  #expect(excesses == [], why)
}

/// What is deferred is so for a cause that there is.
private func checkReasons(_ plan: Plan, _ random: RandomProject, _ oracle: Oracle, _ why: Comment) {
  let planned = Set(plan.sends.map(\.id))
  var closed: [Oracle.Kind: Bool] = [:]
  var withoutWindow: [String: Int] = [:]
  for send in random.due where !planned.contains(send.id) {
    let isClosed = closed[Oracle.Kind(send)] ?? !oracle.hasOpenTime(send)
    closed[Oracle.Kind(send)] = isClosed
    if isClosed { withoutWindow[send.campaign.id, default: 0] += 1 }
  }
  let settings = random.settings
  for campaign in random.project.campaigns {
    guard let deferred = plan.header.campaigns[campaign.id]?.deferred else { continue }
    #expect(deferred[.noWindowToday] ?? 0 <= withoutWindow[campaign.id] ?? 0, "\(why) \(campaign.id)")
    let isBulk = campaign.messageClass == .bulk
    let hasContactCap = settings.contactCapPerDay != nil || settings.contactCapPerWeek != nil
    #expect(deferred[.contactCap] == nil || (isBulk && hasContactCap), "\(why) \(campaign.id)")
    #expect(deferred[.domainCap] == nil || (isBulk && settings.domainCap != nil), "\(why) \(campaign.id)")
    #expect(deferred[.newLimit] == nil || campaign.dailyNewLimit != nil, "\(why) \(campaign.id)")
    #expect(deferred[.reserved] == nil || !random.history.reserved.isEmpty, "\(why) \(campaign.id)")
  }
}

@Test func anyProjectsPlanKeepsEveryLimitWindowAndTotal() throws {
  for seed in seeds(1500) {
    let random = try RandomProject(seed: seed, rules: .checked)
    try check(plan(random), random, "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test(arguments: [2000, 6000, 20_000])
func aLargeProjectsPlanKeepsEveryLimitWindowAndTotal(contacts: Int) throws {
  for seed in seeds(1) {
    let random = try RandomProject(seed: seed + UInt64(contacts), rules: .checked, crowd: contacts)
    try check(plan(random), random, "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func planningAgainGivesTheSamePlan() throws {
  for seed in seeds(300) {
    let random = try RandomProject(seed: seed, rules: .checked)
    #expect(equal(plan(random), plan(random)), "NIGHTMAIL_SEED=\(seed)")
  }
}

@Test func theOrderOfContactsAndRowsInTheFilesDoesNotChangeTheSends() throws {
  for seed in seeds(300) {
    var random = try RandomProject(seed: seed, rules: .checked)
    let first = plan(random)
    let table = random.project.contacts
    random.project.contacts = ContactTable(files: table.files, contacts: Array(table.contacts.reversed()))
    for i in random.project.campaigns.indices {
      guard case .messages(var rows) = random.project.campaigns[i].audience else { continue }
      rows.rows.reverse()
      random.project.campaigns[i].audience = .messages(rows)
    }
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
