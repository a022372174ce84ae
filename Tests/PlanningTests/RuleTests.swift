import Model
import Testing

// Rules that the random projects mix, one at a time and with figures that can be counted by hand (Rules.md).

@Test func theHourlyLimitHoldsForEachHourOfTheMailboxsClock() throws {
  var scene = Scene()
  // Kolkata's hours begin at half past.
  scene.mailboxes = [try mailbox("anna", zone: try zone("Asia/Kolkata"))]
  scene.mailboxes[0].hourlyLimit = 4
  scene.contacts = crowd(30)
  scene.campaigns = [campaign(window: try window("daily 09:00-11:00 project"))]
  scene.history.add("intro", of: "other", to: "x@example.org", at: try at("2026-11-20T08:40:00Z"))
  let plan = try scene.plan(notBefore: try at("2026-11-20T09:00:00Z"))
  let minutes = try plan.sends.map { try ($0.sendAt - at("2026-11-20T08:30:00Z")).milliseconds / 60_000 }
  #expect([0, 60, 120].map { hour in minutes.count { $0 >= hour && $0 < hour + 60 } } == [3, 4, 4])
  #expect(plan.header.totals.deferred == [.mailboxLimit: 19])
}

@Test func any24HoursHoldNoMoreThanTheRollingLimit() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna")]
  scene.mailboxes[0].rollingLimit = 10
  scene.contacts = crowd(30)
  for i in 0..<6 {
    scene.history.add("intro", of: "other", to: "x\(i)@example.org", at: try at("2026-11-19T15:30:00Z"))
  }
  // Four until the six of yesterday have left the 24 hours, and no more than ten in all.
  let plan = try scene.plan()
  let change = try at("2026-11-20T15:30:00Z")
  #expect(plan.sends.count == 10)
  #expect(plan.sends.count { $0.sendAt <= change } <= 4)
  scene.campaigns = [campaign(window: try window("daily 09:00-15:00 project"))]
  #expect(try scene.plan().sends.count == 4)
}

@Test(arguments: [
  ("2026-11-19", 0), ("2026-11-20", 2), ("2026-11-21", 2), ("2026-11-22", 5), ("2026-11-24", 8), ("2026-11-26", 9),
])
func aRampRisesByItsStepFromItsStartUpToTheDailyLimit(_ date: String, _ count: Int) throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", limit: 9)]
  scene.mailboxes[0].ramp = Mailbox.Ramp(from: 2, step: 3, everyDays: 2, start: try day("2026-11-20"))
  scene.contacts = crowd(30)
  #expect(try scene.plan(date).sends.count == count)
}

@Test func theWeeklyCapHoldsForAnySevenDaysThatThePlansIsOneOf() throws {
  var scene = Scene()
  scene.settings.contactCapPerWeek = 2
  scene.campaigns = ["a", "b", "c"].map { campaign($0) }
  #expect(try scene.plan().sends.count == 2)
  // The 14th is the first day of the week that the 20th ends.
  scene.history.add("intro", of: "e", to: ada, at: try at("2026-11-13T23:59:59Z"))
  #expect(try scene.plan().sends.count == 2)
  scene.history.add("intro", of: "f", to: ada, at: try at("2026-11-14T00:00:00Z"))
  #expect(try scene.plan().sends.count == 1)
  // Another plan's line four days later shares some weeks with the 20th, and none of them with the 14th.
  scene.history.reserve("intro", of: "g", to: ada, at: try at("2026-11-24T09:00:00Z"))
  #expect(try scene.plan().sends.count == 1)
  scene.history.reserve("intro", of: "h", to: ada, at: try at("2026-11-25T09:00:00Z"))
  #expect(try scene.fate() == "contact-cap")
}

@Test func theDomainCapCountsEMailsOfBulkCampaignsAndPassesOverItsExceptions() throws {
  var scene = Scene()
  scene.settings.domainCap = DomainCap(perDay: 3, except: ["example.net"])
  scene.campaigns = ["a", "b"].map { campaign($0) }
  scene.contacts = ContactTable(
    files: ["data/contacts.csv"],
    contacts: (0..<8).map { contact("person\($0)", domain: $0 < 4 ? "example.org" : "example.net") })
  scene.history.add("intro", of: "other", to: "x@EXAMPLE.org", at: try at("2026-11-20T01:00:00Z"))
  scene.history.add("intro", of: "other", to: "x@example.org", at: try at("2026-11-19T01:00:00Z"))
  let noon = try at("2026-11-20T12:00:00Z")
  let plan = try scene.plan(notBefore: noon)
  #expect(plan.sends.count { $0.to.hasSuffix("@example.org") } == 2)
  #expect(plan.sends.count { $0.to.hasSuffix("@example.net") } == 8)
  #expect(plan.header.totals.deferred == [.domainCap: 6])
  scene.campaigns.append(campaign("t", messageClass: .transactional))
  #expect(try scene.plan(notBefore: noon).sends.count { $0.campaign == "t" } == 8)
}

@Test func theNewLimitCountsFirstStepsAndRowsOfItsCampaignAndNoFollowUps() throws {
  var scene = Scene()
  var welcome = campaign(steps: [step("intro"), step("nudge", delay: .days(1))])
  welcome.dailyNewLimit = 3
  let list = (0..<5).map { row("\($0)", to: "y\($0)@example.org") }
  var alerts = campaign("alerts", .messages(MessageTable(rows: list)), messageClass: .transactional)
  alerts.dailyNewLimit = 4
  scene.campaigns = [welcome, alerts]
  scene.contacts = crowd(12)
  for i in 0..<6 {
    scene.history.add("intro", to: "person\(i)@example.org", at: try at("2026-11-18T09:00:00Z"))
  }
  scene.history.add("intro", to: "gone@example.org", at: try at("2026-11-20T01:00:00Z"))
  let plan = try scene.plan(notBefore: try at("2026-11-20T12:00:00Z"))
  #expect(plan.sends.count { $0.step == "nudge" } == 6)
  #expect(plan.sends.count { $0.campaign == "welcome" && $0.step == "intro" } == 2)
  #expect(plan.sends.count { $0.campaign == "alerts" } == 4)
  #expect(plan.header.totals.deferred == [.newLimit: 5])
}

@Test func mailboxesShareTheDayByWhatTheyCanStillDo() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", limit: 100), try mailbox("ben", limit: 300), try mailbox("carl", limit: 40)]
  scene.campaigns = [campaign(mailboxes: ["anna", "ben", "carl"])]
  scene.contacts = crowd(220)
  // Carl has half of his forty left: 420 in all, of which 220 are wanted.
  for i in 0..<20 {
    let who = "x\(i)@example.org"
    scene.history.add("intro", of: "other", to: who, at: try at("2026-11-20T01:00:00Z"), mailbox: "carl")
  }
  let plan = try scene.plan(notBefore: try at("2026-11-20T02:00:00Z"))
  let counts = ["anna", "ben", "carl"].map { box in plan.sends.count { $0.mailbox == box } }
  #expect(zip(counts, [52, 157, 10]).allSatisfy { abs($0 - $1) <= 1 }, "\(counts)")
  #expect(counts.reduce(0, +) == 220)
}

@Test func variantsAreDrawnByWeightAndStayWithTheirContact() throws {
  var scene = Scene()
  var intro = step("intro")
  intro.variants = [("a", 3), ("b", 1)].map { id, weight in
    Step.Variant(id: id, weight: weight, subject: template("Hello"), text: template("Good morning"))
  }
  scene.campaigns = [campaign(steps: [intro])]
  scene.contacts = crowd(2000)
  func variants(_ plan: Plan) -> [String: String] {
    Dictionary(uniqueKeysWithValues: plan.sends.map { ($0.contact, $0.variant ?? "") })
  }
  let first = variants(try scene.plan())
  #expect(abs(first.values.count { $0 == "a" } - 1500) < 100)
  // Neither the day nor who else is there changes a contact's.
  scene.contacts = crowd(500)
  let second = variants(try scene.plan("2026-11-25"))
  #expect(second.count == 500 && second.allSatisfy { first[$0.key] == $0.value })
  scene.settings.seed = 8
  #expect(try variants(scene.plan()) != second)
}

@Test func aRowThatIsOlderThanFreshWithinIsNotSent() throws {
  var scene = Scene()
  var (old, new) = (row("a", to: ada), row("b", to: ada))
  old.writtenAt = try at("2026-11-19T03:00:00Z")
  new.writtenAt = try at("2026-11-19T05:00:00Z")
  // Its own time counts, where it has one.
  var late = row("c", to: ada, sendAt: try at("2026-11-20T01:00:00Z"))
  late.writtenAt = old.writtenAt
  var table = MessageTable(rows: [old, new, late])
  table.freshWithin = .hours(20)
  scene.campaigns = [campaign("alerts", .messages(table), messageClass: .transactional)]
  let plan = try scene.plan()
  #expect(Set(plan.sends.map(\.key)) == ["b", "c"])
  #expect(plan.skipped.map(\.reason) == [.expired])
}
