import Model
import Testing

private func alerts(
  _ rows: MessageRow..., ttl: Instant.Span? = nil, end: Instant? = nil, steps: [Step] = [step("message")],
  mailboxes: [String] = ["anna"]
) -> Campaign {
  campaign(
    "alerts", .messages(MessageTable(rows: rows)), messageClass: .transactional, end: end, mailboxes: mailboxes,
    ttl: ttl, steps: steps)
}

@Test func aRowIsOneOfAKindByItsKey() throws {
  var scene = Scene()
  scene.campaigns = [alerts(row("a", to: ada), row("b", to: ada), row("a", to: ada, line: 4))]
  let plan = try scene.plan()
  #expect(plan.sends.count == 2)
  #expect(plan.skipped.map(\.reason) == [.duplicate])
  #expect(plan.sends.allSatisfy { $0.batch == "alerts" && ["a", "b"].contains($0.key) })
}

@Test func aRowThatWasSentIsNotDueAgain() throws {
  var scene = Scene()
  scene.history.add("message", of: "alerts", to: ada, at: try at("2026-11-19T09:00:00Z"), key: "a")
  scene.campaigns = [alerts(row("a", to: ada))]
  #expect(try scene.fate() == "ended")
}

@Test func aRowThatWasSentIsNotDueAgainWhenTheAddressBecomesAContactWithAnIdOrCeasesToBeOne() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", id: "17"))
  scene.history.add("message", of: "alerts", to: ada, at: try at("2026-11-19T09:00:00Z"), key: "a")
  scene.campaigns = [alerts(row("a", to: ada))]
  #expect(try scene.fate() == "ended")
  scene.contacts = people()
  scene.history = History()
  scene.history.add("message", of: "alerts", to: "17", at: try at("2026-11-19T09:00:00Z"), address: ada, key: "a")
  #expect(try scene.fate() == "ended")
}

@Test func aRowWaitsForItsSendAtAndGoesOutNoEarlier() throws {
  var scene = Scene()
  scene.campaigns = [alerts(row("a", to: ada, sendAt: try at("2026-11-21T08:00:00Z")))]
  #expect(try scene.fate("2026-11-20") == "waiting")
  let send = try #require(try scene.plan("2026-11-21").sends.first)
  #expect(send.sendAt == (try at("2026-11-21T08:00:00Z")))
  #expect(send.open.first == send.sendAt)
  #expect(try scene.fate("2026-11-25") == "message")
}

@Test func aRowNamesAContactByIdOrAddressAndAnUnknownOneIsSaid() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", id: "17", zone: try zone("Asia/Kolkata")))
  for name in ["17", "ADA@example.org"] {
    scene.campaigns = [alerts(row("a", contact: name))]
    let send = try #require(try scene.plan().sends.first)
    #expect(send.contact == "17" && send.to == ada)
  }
  scene.campaigns = [alerts(row("a", contact: "18"))]
  let plan = try scene.plan()
  #expect(plan.skipped.map(\.reason) == [.invalidRow])
  #expect(plan.skipped.map(\.contact) == ["18"])
  scene.campaigns = [alerts(row("a"))]
  #expect(try scene.plan().skipped.map(\.contact) == ["data/messages/alerts.csv:2"])
}

@Test func aRowsCellThatIsNoAddressOrNumberIsSkippedAndNothingTakesItsPlace() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try smsMailbox("sms", number: "+4915112345678")]
  scene.contacts = people(
    contact("ada", phone: "+4915187654321", smsEnabled: true),
    contact("bert", phone: "+4915187654322", smsEnabled: false))
  func fate(_ channel: Step.StepChannel, _ to: String, _ broken: [Channel: String]) throws -> String {
    var row = row("a", to: broken[.email] == nil ? to : nil, contact: to)
    row.broken = broken
    scene.campaigns = [alerts(row, steps: [step("message", channel: channel)], mailboxes: ["anna", "sms"])]
    let plan = try scene.plan()
    #expect(plan.skipped.allSatisfy { $0.key == "a" && $0.detail.hasSuffix("(data/messages/alerts.csv:2)") })
    return (plan.sends.map(\.channel.rawValue) + plan.skipped.map(\.reason.rawValue)).joined(separator: " ")
  }
  #expect(try fate(.all, ada, [:]) == "email sms")
  #expect(try fate(.all, ada, [.sms: "12"]) == "email invalid-address")
  #expect(try fate(.all, ada, [.email: "nobody"]) == "sms invalid-address")
  #expect(try fate(.any, ada, [.email: "nobody"]) == "sms")
  #expect(try fate(.any, ada, [.sms: "12"]) == "email")
  #expect(try fate(.sms, ada, [.sms: "12"]) == "invalid-address")
  #expect(try fate(.email, ada, [.email: "nobody"]) == "invalid-address")
  // He wants no text messages: his number does not matter.
  #expect(try fate(.all, "bert@example.org", [.sms: "12"]) == "email")
  #expect(try fate(.sms, "bert@example.org", [.sms: "12"]) == "opted-out")
}

@Test func aRowKeepsToThePreferencesOfTheContactItsAddressBelongsTo() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", emailEnabled: false))
  scene.campaigns = [alerts(row("a", to: ada))]
  #expect(try scene.fate() == "opted-out")
}

@Test func aRowKeepsToThePreferencesOfBothWhereItsAddressIsAnotherContactsThanTheOneItNames() throws {
  var scene = Scene()
  scene.contacts = people(contact("bert", id: "42"), contact("ada", id: "43", emailEnabled: false))
  scene.campaigns = [alerts(row("a", to: ada, contact: "42"))]
  #expect(try scene.fate() == "opted-out")
  scene.contacts = people(contact("bert", id: "42"), contact("ada", id: "43"))
  #expect(try scene.fate() == "message")
}

@Test func aComplaintUnderARowsAddressStopsItsTextMessageToo() throws {
  var scene = Scene()
  var both = row("a", to: ada)
  both.phone = PhoneNumber("+4915112345678")
  scene.contacts = people()
  scene.mailboxes = [try smsMailbox("texts", number: "+4915112345670")]
  scene.campaigns = [alerts(both, steps: [step("message", channel: .sms)], mailboxes: ["texts"])]
  #expect(try scene.fate() == "message")
  scene.events = [Event(at: try at("2026-11-01T09:00:00Z"), type: .complaint, contact: ada)]
  #expect(try scene.fate() == "complained")
}

@Test func aRowPicksItsMailboxByIdOrAddressAndNoOther() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try mailbox("ben"), try mailbox("carl")]
  for (from, box) in [("ben", "ben"), ("Ben@Example.com", "ben"), ("anna@example.com", "anna")] {
    scene.campaigns = [alerts(row("a", to: ada, from: from), mailboxes: ["anna", "ben"])]
    #expect(try scene.plan().sends.map(\.mailbox) == [box])
  }
  scene.campaigns = [alerts(row("a", to: ada, from: "carl"), mailboxes: ["anna", "ben"])]
  #expect(try scene.fate() == "no-mailbox")
}

@Test func aRowsOwnWordsAreLiteralAndAskForNoVariables() throws {
  var scene = Scene()
  let needy = [step("message", subject: "For {{name}}", text: "Code {{code}}")]
  scene.campaigns = [
    alerts(row("a", to: ada, subject: "{{code}}", text: "100 % {{literal}}"), steps: needy)
  ]
  let send = try #require(try scene.plan().sends.first)
  #expect(send.subject == "{{code}}" && send.text == "100 % {{literal}}" && send.vars.isEmpty)
  scene.campaigns = [alerts(row("a", to: ada, values: ["code": "4711"]), steps: needy)]
  #expect(try scene.plan().skipped.map { $0.detail.prefix(4) } == ["name"])
  scene.campaigns = [alerts(row("a", to: ada, values: ["code": "4711", "name": "Ada"]), steps: needy)]
  let second = try #require(try scene.plan().sends.first)
  #expect(second.subject == "For Ada" && second.vars["code"] == "4711")
}

@Test func aRowsValuesWinOverTheContacts() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", values: ["Ada", "London"]), columns: ["first_name", "city"])
  scene.campaigns = [
    alerts(row("a", to: ada, values: ["city": "Paris"]), steps: [step("message", text: "{{first_name}} {{city}}")])
  ]
  #expect(try scene.plan().sends.map(\.vars) == [["first_name": "Ada", "city": "Paris"]])
}

@Test func aRowsTimeToLiveCountsFromItsSendAt() throws {
  var scene = Scene()
  scene.campaigns = [alerts(row("a", to: ada, sendAt: try at("2026-11-20T08:00:00Z")), ttl: .hours(2))]
  let send = try #require(try scene.plan().sends.first)
  #expect(send.expiresAt == (try at("2026-11-20T10:00:00Z")))
  #expect(send.open.close == send.expiresAt)
  #expect(try scene.fate(notBefore: try at("2026-11-20T10:00:00Z")) == "expired")
  scene.campaigns = [
    alerts(
      row("a", to: ada, sendAt: try at("2026-11-20T08:00:00Z")), ttl: .hours(2), end: try at("2026-11-20T09:30:00Z"))
  ]
  #expect(try scene.plan().sends.map(\.expiresAt) == [try at("2026-11-20T09:30:00Z")])
}

@Test func aReleasedSendKeepsTheTimeToLiveOfItsFirstPlan() throws {
  var scene = Scene()
  scene.campaigns = [campaign(ttl: .hours(48))]
  #expect(try scene.plan().sends.map(\.expiresAt) == [try at("2026-11-22T00:00:00Z")])
  let note = scene.history.note(
    "intro", to: ada, at: try at("2026-11-20T17:00:00Z"), expiresAt: try at("2026-11-22T00:00:00Z"))
  scene.history.apply(.released(note, .missed))
  #expect(try scene.plan("2026-11-21").sends.map(\.expiresAt) == [try at("2026-11-22T00:00:00Z")])
  #expect(try scene.fate("2026-11-22") == "expired")
}

@Test func aCampaignsEndThatWasMovedHoldsForReleasedSendsToo() throws {
  var scene = Scene()
  let note = scene.history.note(
    "intro", to: ada, at: try at("2026-11-20T17:00:00Z"), expiresAt: try at("2026-11-21T00:00:00Z"))
  scene.history.apply(.released(note, .missed))
  scene.campaigns = [campaign(end: try at("2026-12-01T00:00:00Z"))]
  #expect(try scene.plan("2026-11-21").sends.map(\.expiresAt) == [try at("2026-12-01T00:00:00Z")])
}

@Test func whatExpiresBeforeItsWindowOpensIsExpiredAndDoesNotWaitForAWindow() throws {
  var scene = Scene()
  scene.campaigns = [campaign(window: try window("daily 09:00-17:00 project"), ttl: .hours(8))]
  #expect(try scene.fate() == "expired")
  scene.campaigns = [campaign(window: try window("sat 09:00-17:00 project"), ttl: .hours(48))]
  #expect(try scene.fate() == "no-window-today")
}

@Test func transactionalRowsTakeTheEarliestSlots() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", gap: .minutes(10))]
  scene.campaigns = [
    alerts(row("a", to: ada), row("b", to: ada), row("c", to: ada, sendAt: try at("2026-11-20T14:00:00Z"))),
    campaign(window: try window("daily 00:00-24:00 project")),
  ]
  let noon = try at("2026-11-20T12:00:00Z")
  let plan = try scene.plan(notBefore: noon)
  let times = plan.sends.filter { $0.campaign == "alerts" }.map { ($0.sendAt - noon).milliseconds / 60_000 }
  #expect(times.count == 3)
  // In minutes.
  #expect(times[0] < 10 && times[1] - times[0] == 10)
  #expect(times[2] >= 120 && times[2] < 130)
}

@Test func withoutAGapSlotsAreWholeSecondsInsideTheOpenTime() throws {
  var scene = Scene()
  scene.campaigns = [
    alerts(
      row("a", to: ada, sendAt: try at("2026-11-20T08:00:00.200Z")),
      row("b", to: ada, sendAt: try at("2026-11-20T08:00:00.600Z")),
      row("c", to: ada, sendAt: try at("2026-11-20T07:59:59.900Z")), ttl: Instant.Span(milliseconds: 300))
  ]
  let plan = try scene.plan()
  #expect(plan.sends.map(\.key) == ["c"])
  #expect(plan.sends.allSatisfy { $0.open.contains($0.sendAt) })
}
