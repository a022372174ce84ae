import Model
import Testing

@Test func theDailyLimitHoldsForTheCalendarDayOfTheMailboxsZone() throws {
  var scene = Scene()
  let tokyo = try zone("Asia/Tokyo")
  scene.mailboxes = [try mailbox("anna", limit: 5, zone: tokyo)]
  scene.contacts = crowd(30)
  // 15:00Z is midnight in Tokyo: the plan's day holds parts of two days of the mailbox.
  let plan = try scene.plan()
  let midnight = try at("2026-11-20T15:00:00Z")
  #expect(plan.sends.count { $0.sendAt < midnight } == 5)
  #expect(plan.sends.count { $0.sendAt >= midnight } == 5)
  #expect(plan.header.totals.deferred == [.mailboxLimit: 20])
}

@Test func whatHistoryAndOtherPlansHaveOfALimitIsNotGivenAgain() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", limit: 6)]
  scene.contacts = crowd(10)
  scene.history.add("intro", of: "other", to: "x@example.org", at: try at("2026-11-20T01:00:00Z"))
  scene.history.add("intro", of: "other", to: "y@example.org", at: try at("2026-11-20T02:00:00Z"), outcome: .inDoubt)
  // A retry uses up no daily budget, nor does yesterday.
  scene.history.add("intro", of: "other", to: "z@example.org", at: try at("2026-11-20T02:30:00Z"), outcome: .retry)
  scene.history.add("intro", of: "other", to: "w@example.org", at: try at("2026-11-19T23:59:00Z"))
  let noon = try at("2026-11-20T12:00:00Z")
  #expect(try scene.plan(notBefore: noon).sends.count == 4)
  #expect(try scene.plan(notBefore: noon).header.totals.deferred == [.mailboxLimit: 6])
  scene.history.reserve("intro", of: "other", to: "v@example.org", at: try at("2026-11-20T23:00:00Z"))
  #expect(try scene.plan(notBefore: noon).sends.count == 3)
  #expect(try scene.plan(notBefore: noon).header.totals.deferred == [.reserved: 7])
}

@Test func aLimitIsNotExceededWhereOneCampaignsWindowCutsTheDay() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", limit: 3)]
  scene.contacts = crowd(8)
  scene.campaigns = [campaign("a"), campaign("b", window: try window("daily 09:00-12:00 project"))]
  #expect(try scene.plan().sends.count == 3)
}

@Test func aSendMovesToAnotherMailboxWhereThatMakesRoom() throws {
  var scene = Scene()
  // Whichever `ada` is given first, `bob` can only take ben, so that ada must take anna.
  scene.mailboxes = [try mailbox("anna", limit: 1), try mailbox("ben", limit: 1)]
  scene.campaigns = [
    campaign("a", priority: 1, mailboxes: ["ben", "anna"]),
    campaign(
      "b",
      .messages(
        MessageTable(rows: [row("1", to: "bob@example.org", from: "ben")])), mailboxes: ["anna", "ben"]),
    campaign(
      "c",
      .messages(
        MessageTable(rows: [row("1", to: "cy@example.org", from: "anna")])), mailboxes: ["anna", "ben"]),
  ]
  #expect(try scene.plan().sends.count == 2)
  scene.campaigns.removeLast()
  for seed in UInt64(0)..<8 {
    scene.settings.seed = seed
    #expect(try scene.plan().header.totals.deferred == [:])
  }
}

@Test func theGapHoldsWithinADayAndOverToTheNext() throws {
  var scene = Scene()
  let gap = Instant.Span.seconds(97)
  scene.mailboxes = [try mailbox("anna", limit: 2000, gap: gap)]
  scene.contacts = crowd(2000)
  let first = try scene.plan("2026-11-20")
  let second = try scene.plan("2026-11-21")
  let times = (first.sends + second.sends).map(\.sendAt)
  // A day of 86400 seconds has 890 or 891 slots.
  #expect(first.sends.count >= 890 && second.sends.count >= 890)
  #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 >= gap })
}

@Test func theGapHoldsAfterTheLastAttemptWhateverCameOfIt() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", gap: .hours(3))]
  scene.history.add("intro", of: "other", to: "x@example.org", at: try at("2026-11-20T11:30:00.5Z"), outcome: .retry)
  let send = try #require(try scene.plan(notBefore: try at("2026-11-20T12:00:00Z")).sends.first)
  #expect(send.sendAt >= (try at("2026-11-20T14:30:00.5Z")))
}

@Test func aGapLongerThanTheWindowLeavesTheMailboxOneSendADay() throws {
  for seed in 0..<20 as Range<UInt64> {
    var scene = Scene()
    scene.settings.seed = seed
    scene.mailboxes = [try mailbox("anna", gap: .hours(24), window: try window("daily 09:00-17:00 mailbox"))]
    scene.contacts = crowd(3)
    #expect(try scene.plan().sends.count == 1, "seed \(seed)")
  }
}

@Test func contactCapsCountOverBulkCampaignsHistoryAndOtherPlans() throws {
  var scene = Scene()
  scene.settings.contactCapPerDay = 2
  scene.campaigns = ["a", "b", "c", "d"].map { campaign($0) }
  #expect(try scene.plan().sends.count == 2)
  #expect(try scene.plan().header.totals.deferred == [.contactCap: 2])
  let noon = try at("2026-11-20T12:00:00Z")
  scene.history.add("intro", of: "e", to: ada, at: try at("2026-11-20T01:00:00Z"))
  #expect(try scene.plan(notBefore: noon).sends.count == 1)
  scene.history.reserve("intro", of: "f", to: ada, at: try at("2026-11-20T20:00:00Z"))
  #expect(try scene.plan(notBefore: noon).sends.isEmpty)
  // Transactional mail neither counts nor waits.
  scene.campaigns.append(campaign("t", messageClass: .transactional))
  #expect(try scene.plan(notBefore: noon).sends.map(\.campaign) == ["t"])
}

@Test func theContactCapHoldsUnderANewIdOfTheContact() throws {
  var scene = Scene()
  scene.settings.contactCapPerDay = 1
  scene.history.add("intro", of: "e", to: ada, at: try at("2026-11-20T01:00:00Z"))
  scene.contacts = people(contact("ada", id: "17"))
  #expect(try scene.fate(notBefore: try at("2026-11-20T12:00:00Z")) == "contact-cap")
}

@Test func ranksAreFollowUpsThenPriorityThenDaysOverdue() throws {
  var scene = Scene()
  let two = [step("intro"), step("nudge", delay: .days(2))]
  scene.contacts = ContactTable(
    files: ["data/contacts.csv"],
    contacts: try (0..<4).map { i in
      contact("person\(i)", addedAt: try at("2026-11-1\(6 + i)T00:00:00Z"))
    })
  scene.campaigns = [campaign("low", steps: two), campaign("high", priority: 5, steps: two)]
  scene.history.add("intro", of: "low", to: "person3@example.org", at: try at("2026-11-18T09:00:00Z"))
  var order: [String] = []
  for limit in 1...8 {
    scene.mailboxes = [try mailbox("anna", limit: limit)]
    let now = try scene.plan().sends.map { "\($0.campaign) \($0.contact.prefix(7)) \($0.step)" }
    order += now.filter { !order.contains($0) }
  }
  #expect(
    order == [
      "low person3 nudge", "high person0 intro", "high person1 intro", "high person2 intro", "high person3 intro",
      "low person0 intro", "low person1 intro", "low person2 intro",
    ])
}

@Test func aContactKeepsItsMailboxElseHasTheAssignedOne() throws {
  var scene = Scene()
  scene.mailboxes = try ["anna", "ben", "carl"].map { try mailbox($0) }
  scene.campaigns = [campaign(mailboxes: ["anna", "ben"], steps: [step("intro"), step("nudge")])]
  for box in ["anna", "ben"] {
    scene.contacts = people(contact("ada", mailbox: box))
    #expect(try scene.plan().sends.map(\.mailbox) == [box])
    scene.contacts = people(contact("ada", mailbox: box == "anna" ? "ben" : "anna"))
    var sent = scene
    sent.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), mailbox: box)
    #expect(try sent.plan().sends.map(\.mailbox) == [box])
    #expect(try sent.plan().notes.isEmpty)
  }
}

@Test func aMailboxThatIsGoneIsSaidAndAnotherTakesOver() throws {
  var scene = Scene()
  scene.mailboxes = try ["anna", "carl"].map { try mailbox($0) }
  scene.campaigns = [campaign(mailboxes: ["anna"], steps: [step("intro"), step("nudge")])]
  for box in ["carl", "gone"] {
    scene.history = History()
    scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), mailbox: box)
    let plan = try scene.plan()
    #expect(plan.sends.map(\.mailbox) == ["anna"])
    #expect(plan.notes.count == 1 && plan.notes.allSatisfy { $0.contains(box) && $0.contains(ada) })
  }
}

@Test func aTextMessageInBetweenDoesNotLoseTheMailbox() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try mailbox("ben"), try smsMailbox("sms", number: "+4915112345678")]
  scene.contacts = people(contact("ada", phone: "+4915187654321", smsEnabled: true))
  scene.campaigns = [
    campaign(mailboxes: ["anna", "ben", "sms"], steps: [step("intro"), step("text", channel: .sms), step("last")])
  ]
  for box in ["anna", "ben"] {
    scene.history = History()
    scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), mailbox: box)
    scene.history.add(
      "text", to: ada, at: try at("2026-11-12T09:00:00Z"), mailbox: "sms", channel: .sms, address: "+4915187654321")
    let plan = try scene.plan()
    #expect(plan.sends.map(\.mailbox) == [box])
    #expect(plan.notes.isEmpty)
  }
}
