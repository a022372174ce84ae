import Model
import Testing

/// Three steps: at once, two days after it, three business days after that.
private func threeSteps() -> [Step] {
  [step("intro"), step("nudge", delay: .days(2)), step("last", delay: .businessDays(3))]
}

@Test func aFirstStepIsDueFromTheStartOrFromWhenTheContactWasAddedWhicheverIsLater() throws {
  var scene = Scene()
  scene.campaigns = [campaign(start: try at("2026-11-20T00:00:00Z"))]
  scene.contacts = people(contact("ada", addedAt: try at("2026-11-22T09:00:00Z")))
  #expect(try scene.fate("2026-11-21") == "waiting")
  #expect(try scene.fate("2026-11-22") == "intro")
  scene.contacts = people(contact("ada", addedAt: try at("2026-10-01T09:00:00Z")))
  #expect(try scene.fate("2026-11-19") == "waiting")
  #expect(try scene.fate("2026-11-20") == "intro")
}

@Test func aFirstStepsDelayCountsFromWhenTheContactWasAdded() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro", delay: .days(3))])]
  scene.contacts = people(contact("ada", addedAt: try at("2026-11-20T23:30:00Z")))
  #expect(try scene.fate("2026-11-22") == "waiting")
  #expect(try scene.fate("2026-11-23") == "intro")
}

@Test func aLaterStepIsDueItsDelayAfterTheProjectsDayOfTheStepBefore() throws {
  var scene = Scene()
  scene.settings.zone = try zone("Europe/Berlin")
  scene.campaigns = [campaign(steps: threeSteps())]
  // 23:30Z on the 16th is the 17th in Berlin.
  scene.history.add("intro", to: ada, at: try at("2026-11-16T23:30:00Z"))
  #expect(try scene.fate("2026-11-18") == "waiting")
  #expect(try scene.fate("2026-11-19") == "nudge")
}

@Test func businessDaysPassOverWeekendsAndHolidays() throws {
  var scene = Scene()
  scene.campaigns = [campaign(holidays: [try day("2026-11-24")], steps: threeSteps())]
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"))
  // From Friday: Monday is the first business day, Tuesday a holiday, Wednesday and Thursday the others.
  scene.history.add("nudge", to: ada, at: try at("2026-11-20T09:00:00Z"))
  #expect(try scene.fate("2026-11-25") == "waiting")
  #expect(try scene.fate("2026-11-26") == "last")
}

@Test func aStepWithoutDelayGoesWithTheNextPlanAndNotTheSameDay() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.history.add("intro", to: ada, at: try at("2026-11-20T09:00:00Z"))
  #expect(try scene.fate("2026-11-20") == "waiting")
  #expect(try scene.fate("2026-11-21") == "nudge")
}

@Test func dayStartsDecidesToWhichDayANightlySendBelongs() throws {
  var scene = Scene()
  scene.settings.dayStarts = 4 * 3600
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  // Three in the morning of the 21st is still the 20th's night.
  scene.history.add("intro", to: ada, at: try at("2026-11-21T03:00:00Z"))
  #expect(try scene.fate("2026-11-20") == "waiting")
  let plan = try scene.plan("2026-11-21")
  #expect(plan.sends.map(\.step) == ["nudge"])
  #expect(plan.header.notBefore == (try at("2026-11-21T04:00:00Z")))
}

@Test func aStepInsertedBeforeTheOneReachedIsNotSent() throws {
  var scene = Scene()
  scene.history.add("nudge", to: ada, at: try at("2026-11-10T09:00:00Z"))
  scene.campaigns = [campaign(steps: [step("new"), step("nudge"), step("last")])]
  #expect(try scene.fate() == "last")
}

@Test func aStepMovedOrRenamedKeepsItsHistory() throws {
  var scene = Scene()
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"))
  scene.campaigns = [campaign(steps: [step("hello", was: ["intro"]), step("nudge")])]
  #expect(try scene.fate() == "nudge")
}

@Test func aRenamedCampaignKeepsItsHistory() throws {
  var scene = Scene()
  scene.history.add("intro", of: "old", to: ada, at: try at("2026-11-10T09:00:00Z"))
  scene.campaigns = [campaign("new", was: ["old"], steps: [step("intro"), step("nudge")])]
  #expect(try scene.fate() == "nudge")
}

@Test func aContactThatWasGivenAnIdKeepsTheHistoryOfItsAddress() throws {
  var scene = Scene()
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"))
  scene.contacts = people(contact("ada", id: "17"))
  #expect(try scene.fate() == "ended")
  scene.history = History()
  scene.history.add("intro", to: "17", at: try at("2026-11-10T09:00:00Z"), address: ada)
  scene.contacts = people(contact("ada"))
  #expect(try scene.fate() == "ended")
}

@Test func aStepCarriedOverFromAnotherToolCountsAsSent() throws {
  var scene = Scene()
  scene.history.carryOver(
    Event(at: try at("2026-11-10T09:00:00Z"), type: .sent, contact: ada, campaign: "welcome", step: "intro"))
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  #expect(try scene.fate() == "nudge")
}

@Test(arguments: [(EventType.reply, "ended"), (.autoReply, "nudge"), (.softBounce, "nudge")])
func onlyTheEventsOfStopOnEndASequence(_ type: EventType, _ fate: String) throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"))
  scene.events = [Event(at: try at("2026-11-11T09:00:00Z"), type: type, contact: ada)]
  #expect(try scene.fate() == fate)
}

@Test func anEventThatNamesNoCampaignStopsOnlyWhatWasRunning() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.events = [Event(at: try at("2026-11-09T09:00:00Z"), type: .reply, contact: ada)]
  #expect(try scene.fate() == "intro")
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"))
  #expect(try scene.fate() == "nudge")
}

@Test func anEventThatNamesItsCampaignStopsItWheneverItCame() throws {
  var scene = Scene()
  scene.events = [Event(at: try at("2026-11-09T09:00:00Z"), type: .reply, contact: ada, campaign: "welcome")]
  #expect(try scene.fate() == "ended")
  scene.events[0].campaign = "another"
  #expect(try scene.fate() == "intro")
  scene.campaigns[0].was = ["another"]
  #expect(try scene.fate() == "ended")
}

@Test func aReplyByAddressStopsAContactThatHasAnId() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", id: "17"))
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.history.add("intro", to: "17", at: try at("2026-11-10T09:00:00Z"), address: ada)
  scene.events = [Event(at: try at("2026-11-11T09:00:00Z"), type: .reply, contact: ada)]
  #expect(try scene.fate() == "ended")
}

@Test func aStepInDoubtHoldsItsSequence() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), outcome: .inDoubt)
  #expect(try scene.fate() == "in-doubt")
  let note = scene.history.note("intro", to: ada, at: try at("2026-11-12T09:00:00Z"))
  scene.history.apply(.resolved(note, .sent))
  #expect(try scene.fate() == "nudge")
}

@Test func aFailedWithdrawnOrDroppedStepEndsItsSequence() throws {
  var scene = Scene()
  scene.campaigns = [campaign(steps: [step("intro"), step("nudge")])]
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), outcome: .failed)
  #expect(try scene.fate() == "ended")
  let note = scene.history.note("intro", to: ada, at: try at("2026-11-12T09:00:00Z"))
  scene.history = History()
  scene.history.apply(.withdrawn(note))
  #expect(try scene.fate() == "ended")
  scene.history = History()
  scene.history.apply(.resolved(note, .dropped))
  #expect(try scene.fate() == "ended")
  scene.history.apply(.requeued(note))
  #expect(try scene.fate() == "intro")
}

@Test func aReleasedStepIsDueAgainFromItsMailbox() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try mailbox("ben")]
  scene.campaigns = [campaign(mailboxes: ["anna", "ben"])]
  for box in ["anna", "ben"] {
    scene.history = History()
    let note = scene.history.note("intro", to: ada, at: try at("2026-11-19T17:00:00Z"), mailbox: box)
    scene.history.apply(.released(note, .missed))
    #expect(try scene.plan().sends.map(\.mailbox) == [box])
  }
}

@Test func whatAnotherPlanHoldsIsNotDue() throws {
  var scene = Scene()
  scene.history.reserve("intro", to: ada, at: try at("2026-11-21T09:00:00Z"))
  #expect(try scene.fate() == "planned-elsewhere")
}

@Test func whatAnotherPlanHoldsIsNotDueUnderANewIdOrStepEither() throws {
  var scene = Scene()
  scene.history.reserve("intro", to: ada, at: try at("2026-11-21T09:00:00Z"))
  scene.contacts = people(contact("ada", id: "17"))
  #expect(try scene.fate() == "planned-elsewhere")
  scene.campaigns = [campaign("new", was: ["welcome"], steps: [step("hello", was: ["intro"])])]
  #expect(try scene.fate() == "planned-elsewhere")
}

@Test func aReplyJoinsTheThreadOfTheStepsBeforeIt() throws {
  var scene = Scene()
  scene.campaigns = [
    campaign(steps: [step("intro"), step("nudge", reply: true, subject: nil), step("last", reply: true, subject: nil)])
  ]
  scene.history.add("intro", to: ada, at: try at("2026-11-10T09:00:00Z"), subject: "Hello Ada")
  scene.history.add("nudge", to: ada, at: try at("2026-11-12T09:00:00Z"), subject: "Re: Hello Ada")
  let send = try #require(try scene.plan().sends.first)
  #expect(send.subject == "Re: Hello Ada")
  #expect(send.thread?.subject == "Hello Ada")
  #expect(send.thread?.references.count == 2)
}

@Test func theOtherChannelOfAStepForAllIsDueNoLaterThanTheStepItself() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try smsMailbox("sms", number: "+4915112345678")]
  scene.campaigns = [
    campaign(
      mailboxes: ["anna", "sms"], steps: [step("intro"), step("both", delay: .days(5), channel: .all), step("last")])
  ]
  scene.contacts = people(contact("ada", phone: "+4915187654321", smsEnabled: true))
  scene.history.add("intro", to: ada, at: try at("2026-11-14T09:00:00Z"))
  scene.history.add("both", to: ada, at: try at("2026-11-19T09:00:00Z"))
  let plan = try scene.plan()
  #expect(plan.sends.map(\.step) == ["both"])
  #expect(plan.sends.map(\.channel) == [.sms])
}

@Test func aChannelThatMayNotBeUsedDoesNotHoldTheStepsAfterAStepForAll() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna"), try smsMailbox("sms", number: "+4915112345678")]
  scene.campaigns = [campaign(mailboxes: ["anna", "sms"], steps: [step("both", channel: .all), step("last")])]
  scene.contacts = people(contact("ada", phone: "+4915187654321", smsEnabled: true))
  scene.suppressions = [Suppression(value: "+4915187654321", place: Place("data/suppressions.csv", line: 2))]
  #expect(try scene.fate() == "both suppressed")
  scene.history.add("both", to: ada, at: try at("2026-11-10T09:00:00Z"))
  #expect(try scene.fate() == "last")
}

@Test func aReleasedStepThatWasPutOffWaitsForItsRetry() throws {
  var scene = Scene()
  scene.history.add("intro", to: ada, at: try at("2026-11-20T11:59:30Z"), outcome: .retry)
  let send = try #require(try scene.plan(notBefore: try at("2026-11-20T12:00:00Z")).sends.first)
  #expect(send.sendAt >= (try at("2026-11-20T12:00:30Z")))
  #expect(send.open.first == (try at("2026-11-20T12:00:30Z")))
}
