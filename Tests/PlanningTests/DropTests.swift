import Testing

@testable import Model

private func event(_ type: EventType, _ who: String = ada) throws -> Event {
  Event(at: try at("2026-11-01T09:00:00Z"), type: type, contact: who)
}

private func suppressed(_ value: String, campaign: String? = nil, until: Instant? = nil) -> Suppression {
  Suppression(value: value, campaign: campaign, until: until, place: Place("data/suppressions.csv", line: 2))
}

@Test(arguments: [
  (EventType.bounce, "bounced", "bounced"), (.complaint, "complained", "complained"),
  (.unsubscribe, "unsubscribed", "intro"), (.softBounce, "intro", "intro"),
])
func bouncesAndComplaintsHoldForAllUnsubscribesForBulk(_ type: EventType, bulk: String, transactional: String) throws {
  var scene = Scene()
  scene.events = [try event(type)]
  #expect(try scene.fate() == bulk)
  scene.campaigns = [campaign(messageClass: .transactional)]
  #expect(try scene.fate() == transactional)
}

@Test func unsubscribesHoldForIdAndAddressBouncesForTheAddressAlone() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", id: "17"))
  for who in ["17", ada] {
    scene.events = [try event(.unsubscribe, who)]
    #expect(try scene.fate() == "unsubscribed")
    scene.events = [try event(.bounce, who)]
    #expect(try scene.fate() == (who == ada ? "bounced" : "intro"))
  }
}

/// Contacts as a file has them that were looked through for duplicates.
private func sorted(_ contacts: Contact...) -> ContactTable {
  var builder = ContactTableBuilder(files: ["data/contacts.csv"])
  for contact in contacts { builder.append(asItIs: contact) }
  return builder.finish()
}

@Test func whatIsKnownUnderADuplicatesIdHoldsForTheContactThatIsKept() throws {
  var scene = Scene()
  scene.contacts = sorted(contact("ada", id: "17"), contact("ada", id: "18"))
  #expect(try scene.plan().sends.map(\.contact) == ["17"])
  for type in [EventType.unsubscribe, .complaint] {
    scene.events = [try event(type, "18")]
    #expect(try scene.plan().sends.isEmpty, "\(type)")
  }
  let began = try at("2026-11-10T09:00:00Z")
  scene.events = []
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge", delay: .days(3))])]
  scene.history.add("intro", to: "17", at: began, address: ada)
  #expect(try scene.plan().sends.map(\.step) == ["nudge"])
  scene.events = [Event(at: began + .hours(1), type: .reply, contact: "18")]
  #expect(try scene.plan().sends.isEmpty)
}

@Test func aNumberThatTwoContactsHaveGetsOneTextMessage() throws {
  var scene = Scene()
  scene.mailboxes = [try smsMailbox("sms", number: "+4915112345678")]
  scene.campaigns = [campaign(mailboxes: ["sms"], steps: [step("intro", channel: .sms)])]
  scene.contacts = sorted(
    contact("ada", id: "17", phone: "+4915187654321", smsEnabled: true),
    contact("bob", id: "18", phone: "+4915187654321", smsEnabled: true))
  let plan = try scene.plan()
  #expect(plan.sends.map(\.contact) == ["17"])
  #expect(plan.skipped.map(\.reason) == [.duplicate] && plan.skipped.map(\.contact) == ["18"])
}

@Test func aReplyToAnAttemptThatWasMadeAgainStopsTheSequence() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", id: "17"))
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge", delay: .days(3))])]
  let began = try at("2026-11-10T09:00:00Z")
  scene.history.add("intro", to: "17", at: began, outcome: .inDoubt, address: ada)
  scene.history.apply(.requeued(scene.history.note("intro", to: "17", at: began + .hours(2), address: ada)))
  scene.history.add("intro", to: "17", at: began + .hours(3), address: ada)
  #expect(try scene.plan().sends.map(\.step) == ["nudge"])
  scene.events = [Event(at: began + .hours(1), type: .reply, contact: "17")]
  #expect(try scene.plan().sends.isEmpty)
}

@Test func anUnsubscribeByMailStopsTextMessagesToTheSameContact() throws {
  var scene = Scene()
  scene.mailboxes = [try smsMailbox("sms", number: "+4915112345678")]
  scene.campaigns = [campaign(mailboxes: ["sms"], steps: [step("intro", channel: .sms)])]
  scene.contacts = people(contact("ada", id: "17", phone: "+4915187654321", smsEnabled: true))
  #expect(try scene.fate() == "intro")
  scene.events = [try event(.unsubscribe)]
  #expect(try scene.fate() == "unsubscribed")
  scene.events = [try event(.bounce)]
  #expect(try scene.fate() == "intro")
}

@Test func aRecipientRefusedForGoodCountsAsABounceInEveryCampaign() throws {
  var scene = Scene()
  let id = SendID(campaign: "other", step: "intro", contact: ada, channel: .email, key: "")
  let attempt = Record.Attempt(
    id: id, number: 1, at: try at("2026-11-10T09:00:00Z"), sendAt: try at("2026-11-10T09:00:00Z"), campaign: "other",
    step: "intro", variant: nil, batch: nil, key: "", contact: ada, channel: .email, to: "Ada@Example.org",
    mailbox: "anna", provider: "server", messageID: "<1@example.com>", subject: nil, expiresAt: nil, run: "00")
  scene.history.apply(.outcome(attempt, Record.Result(outcome: .failed, reason: .rejected, code: 550, isBounce: true)))
  #expect(try scene.fate() == "bounced")
}

@Test func suppressionsNameAddressesDomainsAndCampaigns() throws {
  var scene = Scene()
  for (suppression, fate) in [
    (suppressed(ada), "suppressed"), (suppressed("@example.org"), "suppressed"), (suppressed("@ample.org"), "intro"),
    (suppressed(ada, campaign: "welcome"), "suppressed"), (suppressed(ada, campaign: "another"), "intro"),
  ] {
    scene.suppressions = [suppression]
    #expect(try scene.fate() == fate, "\(suppression.value) \(suppression.campaign ?? "")")
  }
}

@Test func aSuppressionForARenamedCampaignStillHolds() throws {
  var scene = Scene()
  scene.suppressions = [suppressed(ada, campaign: "old")]
  scene.campaigns = [campaign(was: ["old"])]
  #expect(try scene.fate() == "suppressed")
}

@Test func aSuppressionHoldsUntilItsInstantAndNoLonger() throws {
  var scene = Scene()
  scene.suppressions = [suppressed(ada, until: try at("2026-11-20T12:00:00Z"))]
  #expect(try scene.fate(notBefore: try at("2026-11-20T11:59:59Z")) == "suppressed")
  #expect(try scene.fate(notBefore: try at("2026-11-20T12:00:00Z")) == "intro")
}

@Test func theFirstReasonOfTheListIsGiven() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro", text: "Dear {{first_name}}")])]
  scene.contacts = people(contact("ada", emailEnabled: false))
  #expect(try scene.fate() == "opted-out")
  scene.contacts = people(contact("ada"))
  #expect(try scene.fate() == "missing-variable")
  scene.contacts = people(contact("ada", emailEnabled: false))
  scene.events = [try event(.unsubscribe)]
  #expect(try scene.fate() == "unsubscribed")
  scene.events.append(try event(.bounce))
  #expect(try scene.fate() == "bounced")
  scene.suppressions = [suppressed(ada)]
  #expect(try scene.fate() == "suppressed")
  scene.contacts = people(contact("ada", defect: .init(.duplicate, "lines 2 and 3")))
  #expect(try scene.fate() == "duplicate")
}

@Test func aChannelIsUsedOnlyWhereTheContactAllowsIt() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try smsMailbox("sms", number: "+4915112345678")]
  let phone = "+4915187654321"
  let mailOnly = contact("ada", phone: phone)
  let textOnly = contact("ada", phone: phone, emailEnabled: false, smsEnabled: true)
  let both = contact("ada", phone: phone, smsEnabled: true)
  let none = contact("ada", phone: phone, emailEnabled: false)
  for (channel, person, channels) in [
    (Step.StepChannel.email, mailOnly, [Channel.email]), (.email, textOnly, []), (.sms, mailOnly, []),
    (.sms, both, [.sms]), (.any, both, [.email]), (.any, textOnly, [.sms]), (.all, both, [.email, .sms]),
    (.all, mailOnly, [.email]), (.all, none, []),
  ] {
    scene.contacts = people(person)
    scene.campaigns = [campaign(mailboxes: ["anna", "sms"], steps: [step("intro", channel: channel)])]
    let plan = try scene.plan()
    #expect(Set(plan.sends.map(\.channel)) == Set(channels), "\(channel)")
    #expect(plan.header.totals.skipped[.optedOut] ?? 0 == (channels.isEmpty ? 1 : 0), "\(channel)")
  }
}

@Test func aChannelWithoutMailboxIsSaid() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro", channel: .sms)])]
  scene.contacts = people(contact("ada", phone: "+4915187654321", smsEnabled: true))
  #expect(try scene.fate() == "no-mailbox")
}

@Test func whatNothingGivesIsNeverSentAsABlank() throws {
  var scene = Scene()
  let needy = [step("intro", subject: "Hello {{first_name}}", text: "From {{city}}")]
  scene.campaigns = [campaign(steps: needy)]
  scene.contacts = people(contact("ada", values: ["Ada", " \u{00A0} "]), columns: ["first_name", "city"])
  let plan = try scene.plan()
  #expect(plan.skipped.map(\.reason) == [.missingVariable])
  #expect(plan.skipped.map(\.detail) == ["city"])
  scene.campaigns = [campaign(vars: ["city": "London"], steps: needy)]
  let send = try #require(try scene.plan().sends.first)
  #expect(send.subject == "Hello Ada")
  #expect(send.vars == ["first_name": "Ada", "city": "London"])
}

@Test func aSectionWithItsOwnTextForAbsenceAsksForNothing() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro", text: "{{#city}}From {{city}}{{/city}}{{^city}}Hello{{/city}}")])]
  let send = try #require(try scene.plan().sends.first)
  #expect(send.vars == [:])
}

@Test func contactsValuesWinOverTheMailboxsAndTheseOverTheCampaigns() throws {
  var scene = Scene()
  let text = "{{a}} {{b}} {{c}}"
  scene.mailboxes = [try mailbox("anna", vars: ["a": "mailbox", "b": "mailbox"])]
  scene.campaigns = [
    campaign(vars: ["a": "campaign", "b": "campaign", "c": "campaign"], steps: [step("intro", text: text)])
  ]
  scene.contacts = people(contact("ada", values: ["contact"]), columns: ["a"])
  let send = try #require(try scene.plan().sends.first)
  #expect(send.vars == ["a": "contact", "b": "mailbox", "c": "campaign"])
}

@Test func aVariableOfTheMailboxThatItDoesNotHaveIsMissing() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", vars: ["phone": "+49 30 1"])]
  scene.campaigns = [campaign(steps: [step("intro", text: "{{mailbox.email}} {{mailbox.phone}}")])]
  #expect(try scene.fate() == "intro")
  scene.campaigns = [campaign(steps: [step("intro", text: "{{mailbox.fax}}")])]
  #expect(try scene.fate() == "missing-variable")
}

@Test func aKeptMailboxsOwnVariablesAreEnough() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", vars: ["sign": "Anna"]), try mailbox("ben")]
  scene.campaigns = [campaign(mailboxes: ["anna", "ben"], steps: [step("intro", text: "{{sign}}")])]
  scene.contacts = people(contact("ada", mailbox: "anna"))
  #expect(try scene.fate() == "intro")
  scene.contacts = people(contact("ada", mailbox: "ben"))
  #expect(try scene.fate() == "missing-variable")
  scene.contacts = people(contact("ada"))
  #expect(try scene.fate() == "missing-variable")
}

@Test func anAudienceIsItsFilesAndFilters() throws {
  var scene = Scene()
  scene.contacts = ContactTable(
    columns: ["country"], files: ["data/contacts.csv", "data/more.csv"],
    contacts: [
      contact("ada", tags: ["vip"], values: ["UK"]), contact("bob", values: ["DE"]),
      contact("cy", values: ["UK"], files: [1]), contact("dee", tags: ["test"], values: ["UK"]),
    ],
    rejected: [
      RejectedRow(place: Place("data/contacts.csv", line: 9), reason: .invalidRow, detail: "3 cells, not 4"),
      RejectedRow(place: Place("data/more.csv", line: 4), reason: .invalidRow, detail: "3 cells, not 4"),
    ])
  let audience = Campaign.ContactAudience(
    files: [0], including: [.init(column: "country", values: ["UK"])],
    excluding: [.init(column: "tags", values: ["test"])])
  scene.campaigns = [campaign("welcome", .contacts(audience))]
  let plan = try scene.plan()
  #expect(plan.sends.map(\.contact) == [ada])
  #expect(plan.skipped.map(\.contact) == ["data/contacts.csv:9"])
}

@Test func aSendWhoseRowCouldNotBeWholeIsSkippedAndItsLineHasTheRowsValues() throws {
  var scene = Scene()
  var codes = campaign(vars: ["shop": "north"], steps: [step("intro", text: "Hello")])
  codes.onSent = SentRecord(file: "sent.csv", columns: ["user", "shop", "send_id", "sent_at", "to"])
  scene.campaigns = [codes]
  scene.contacts = people(contact("ada", values: ["17"]), columns: ["user"])
  #expect(try #require(try scene.plan().sends.first).vars == ["user": "17", "shop": "north"])
  scene.contacts = people(contact("ada", values: [" "]), columns: ["user"])
  #expect(try scene.fate() == "missing-variable")
  #expect(try scene.plan().skipped.map(\.detail) == ["user"])
}
