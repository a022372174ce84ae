import Model
import Testing

@Test func aSuppressionHoldsForTheAddressTheDomainOrOneCampaignUntilItEnds() throws {
  let now = try instant("2026-11-20T09:00:00Z")
  let place = Place("data/suppressions.csv", line: 2)
  let drops = Drops(suppressions: [
    Suppression(value: "ada@example.com", place: place), Suppression(value: "@bad.example", place: place),
    Suppression(value: "eve@example.com", campaign: "welcome", until: now, place: place),
    Suppression(value: "bob@example.com", campaign: "welcome", place: place),
  ])
  func reason(_ to: String, _ campaign: String = "welcome", at: Instant) -> SkipReason? {
    drops.reason(
      Drops.Person(key: "7", to: to, channel: .email), campaign: campaign, messageClass: .transactional, now: at)?
      .reason
  }
  #expect(reason("ada@example.com", at: now) == .suppressed)
  // What is sent to keeps the spelling of its local part.
  #expect(reason("Ada@example.com", at: now) == .suppressed)
  #expect(reason("x@bad.example", at: now) == .suppressed)
  #expect(reason("x@sub.bad.example", at: now) == nil)
  #expect(reason("eve@example.com", at: now - .seconds(1)) == .suppressed)
  #expect(reason("eve@example.com", at: now) == nil)
  #expect(reason("bob@example.com", at: now) == .suppressed)
  #expect(reason("bob@example.com", "other", at: now) == nil)
}

@Test func bouncesHoldForTheAddressUnsubscribesForIdAndAddressInBulkOnly() throws {
  let now = try instant("2026-11-20T09:00:00Z")
  let drops = Drops(events: [
    Event(at: now, type: .bounce, contact: "old@example.com"), Event(at: now, type: .bounce, contact: "id-1"),
    Event(at: now, type: .unsubscribe, contact: "id-2"), Event(at: now, type: .complaint, contact: "id-3"),
  ])
  func reason(_ key: String, _ to: String, _ messageClass: Campaign.MessageClass) -> SkipReason? {
    drops.reason(
      Drops.Person(key: key, to: to, channel: .email), campaign: "c", messageClass: messageClass, now: now)?.reason
  }
  #expect(reason("9", "old@example.com", .transactional) == .bounced)
  #expect(reason("id-1", "new@example.com", .bulk) == nil)
  #expect(reason("id-2", "x@example.com", .bulk) == .unsubscribed)
  #expect(reason("id-2", "x@example.com", .transactional) == nil)
  #expect(reason("id-3", "x@example.com", .transactional) == .complained)
}

private let campaign = Campaign(
  id: "welcome", audience: .contacts(.init(files: [])), mailboxes: .ids([]), was: ["hello"],
  steps: [Step(id: "intro", variants: [.init(id: "")])])

@Test func anEventStopsTheCampaignThatItNamesOrThoseThatRan() throws {
  let began = try instant("2026-11-10T09:00:00Z")
  let person = Drops.Person(key: "7", to: "ada@example.com", channel: .email)
  func stops(_ type: EventType, _ contact: String, in named: String? = nil, at: Instant, began: Instant?) -> Bool {
    Drops(events: [Event(at: at, type: type, contact: contact, campaign: named)])
      .stop(person, campaign: campaign, began: began) != nil
  }
  #expect(stops(.reply, "7", in: "hello", at: began, began: nil))
  #expect(!stops(.reply, "7", in: "other", at: began, began: began))
  #expect(stops(.reply, "ada@example.com", at: began, began: began))
  #expect(!stops(.reply, "7", at: began - .seconds(1), began: began))
  #expect(!stops(.reply, "7", at: began, began: nil))
  #expect(!stops(.autoReply, "7", at: began, began: began))
}

private let id = SendID(campaign: "welcome", step: "intro", contact: "7", channel: .email, key: "")

private func attempt(_ number: Int, _ at: Instant, provider: String = "main") -> Record.Attempt {
  Record.Attempt(
    id: id, number: number, at: at, sendAt: at, campaign: "welcome", step: "intro", variant: nil, batch: nil, key: "",
    contact: "7", channel: .email, to: "Ada@example.com", mailbox: "anna", provider: provider,
    messageID: number == 0 ? "" : "<\(id)@example.com>", subject: "Hello", expiresAt: nil, run: "r")
}

private func note(_ at: Instant) -> Record.Note {
  Record.Note(
    id: id, at: at, campaign: "welcome", step: "intro", key: "", contact: "7", channel: .email, to: "Ada@example.com",
    mailbox: "anna")
}

private func fold(_ records: [Record]) throws -> SendRecord {
  var history = History()
  for record in records { history.apply(record) }
  return try #require(history.sends[id])
}

@Test func everyRecordMovesASendWhereItsLastWordSays() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let intent = Record.intent(attempt(1, t))
  func outcome(_ result: Record.Result) -> Record { .outcome(attempt(1, t + .seconds(2)), result) }
  let retryAt = t + .minutes(5)
  #expect(try fold([intent]).state == .inFlight)
  #expect(try fold([intent]).countsNow)
  #expect(try fold([intent, outcome(.init(outcome: .sent))]).state == .sent)
  #expect(try fold([intent, outcome(.init(outcome: .retry, retryAt: retryAt))]).state == .waiting(until: retryAt))
  #expect(try !fold([intent, outcome(.init(outcome: .retry, retryAt: retryAt))]).countsNow)
  #expect(try fold([intent, outcome(.init(outcome: .inDoubt))]).state == .inDoubt)
  #expect(try fold([intent, outcome(.init(outcome: .failed, reason: .rejected))]).state == .dead(.rejected))
  #expect(try fold([.outcome(attempt(0, t), .init(outcome: .failed, reason: .expired))]).state == .dead(.expired))
  #expect(try fold([.released(note(t), .missed)]).state == .pending)
  #expect(try fold([.withdrawn(note(t))]).state == .withdrawn)
  let dead = [intent, outcome(.init(outcome: .failed, reason: .rejected))]
  #expect(try fold(dead + [.requeued(note(t))]).state == .pending)
  #expect(try fold(dead + [.resolved(note(t), .sent)]).state == .sent)
  #expect(try fold(dead + [.resolved(note(t), .dropped)]).state == .dropped)
}

@Test func deletingALineThatWentOutTakesNothingBack() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let sent: [Record] = [.intent(attempt(1, t)), .outcome(attempt(1, t), .init(outcome: .sent))]
  #expect(try fold(sent + [.withdrawn(note(t + .hours(1)))]) == fold(sent))
  #expect(try fold([sent[0], .withdrawn(note(t))]).state == .inFlight)
  #expect(try fold([.released(note(t), .missed), .withdrawn(note(t))]).state == .withdrawn)
}

@Test func aReleaseTakesNothingBackThatWentOut() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let sent: [Record] = [.intent(attempt(1, t)), .outcome(attempt(1, t), .init(outcome: .sent))]
  #expect(try fold(sent + [.released(note(t + .hours(1)), .alreadySent)]) == fold(sent))
  #expect(try fold([sent[0], .released(note(t), .missed)]).state == .inFlight)
}

@Test func aSendInDoubtThatIsMadeDueAgainGoesOnCountingAgainstLimits() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  var history = History()
  history.apply(.intent(attempt(1, t)))
  #expect(history.counted.map(\.attemptAt) == [t])
  history.apply(.requeued(note(t + .hours(1))))
  #expect(history.counted.map(\.attemptAt) == [t])
  history.apply(.intent(attempt(1, t + .hours(2))))
  #expect(Set(history.counted.map(\.attemptAt)) == [t, t + .hours(2)])
}

@Test func aBounceThatAPersonMadeDueAgainHoldsNoMore() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  var history = History()
  history.apply(.outcome(attempt(1, t), .init(outcome: .failed, reason: .rejected, isBounce: true)))
  #expect(history.bounces.map(\.contact) == ["ada@example.com"])
  history.apply(.requeued(note(t + .hours(1))))
  #expect(history.bounces.isEmpty)
}

@Test func aStepThatAnotherToolHasSentIsCarriedOverUnderEveryName() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let drops = Drops(events: [
    Event(at: t, type: .sent, contact: "ada@example.com", campaign: "hello", step: "intro")
  ])
  let ada = Drops.Person(key: "7", to: "Ada@example.com", channel: .email)
  #expect(drops.isCarriedOver(ada, campaign: campaign, step: "intro"))
  #expect(!drops.isCarriedOver(ada, campaign: campaign, step: "other"))
  #expect(
    !drops.isCarriedOver(Drops.Person(key: "8", to: "b@c.example", channel: .email), campaign: campaign, step: "intro"))
}

@Test func attemptsAreCountedOnOverReleasesAndFromNothingAfterARequeue() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let retry = Record.Result(outcome: .retry, retryAt: t + .minutes(1))
  let twice: [Record] = [
    .intent(attempt(1, t)), .outcome(attempt(1, t + .seconds(3)), retry), .intent(attempt(2, t + .minutes(1))),
    .outcome(attempt(2, t + .minutes(2)), retry), .released(note(t + .hours(8)), .missed),
  ]
  let released = try fold(twice)
  #expect(released.attempts == 2)
  #expect(released.firstAttempt == t)
  #expect(released.attemptAt == t + .minutes(1))
  let requeued = try fold(twice + [.requeued(note(t + .days(1)))])
  #expect(requeued.attempts == 0)
  #expect(requeued.firstAttempt == nil)
}

@Test func anEndWithoutAnAttemptKeepsWhatTheLastAttemptLeft() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  let send = try fold([
    .intent(attempt(1, t)), .outcome(attempt(1, t + .seconds(3)), .init(outcome: .retry, retryAt: t + .minutes(1))),
    .outcome(attempt(0, t + .days(4), provider: ""), .init(outcome: .failed, reason: .gaveUp)),
  ])
  #expect(send.state == .dead(.gaveUp))
  #expect(send.attempts == 1)
  #expect(send.provider == "main")
  #expect(send.messageID == "<\(id)@example.com>")
}

@Test func historyIsFoundByIdByAddressAndUnderOldCampaignNames() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  var history = History()
  history.apply(.intent(attempt(1, t)))
  history.carryOver(
    Event(at: t, type: .sent, contact: "8", campaign: "hello", step: "intro"), to: "bob@example.com")
  #expect(history.sends(campaign: campaign, contact: "7", to: []).count == 1)
  #expect(history.sends(campaign: campaign, contact: "new", to: ["ada@example.com"]).count == 1)
  #expect(history.sends(campaign: campaign, contact: "7", to: ["ada@example.com"]).count == 1)
  #expect(history.sends(campaign: campaign, contact: "8", to: []).first?.state == .sent)
  #expect(history.sends(campaign: campaign, contact: "x", to: ["bob@example.com"]).first?.contact == "8")
  #expect(history.sends(campaign: campaign, contact: "9", to: []).isEmpty)
}

@Test func aRecipientRefusedForGoodIsABounceOfItsAddressAndGapsCountEveryAttempt() throws {
  let t = try instant("2026-11-20T09:00:00Z")
  var history = History()
  history.apply(.intent(attempt(1, t)))
  history.apply(
    .outcome(
      attempt(1, t + .seconds(2)),
      .init(outcome: .failed, reason: .rejected, code: 550, response: "no such user", isBounce: true)))
  #expect(history.bounces.map(\.contact) == ["ada@example.com"])
  #expect(history.bounces.first?.detail == "no such user")
  #expect(history.lastAttempt.mailbox == ["anna": t + .seconds(2)])
  #expect(history.lastAttempt.provider == ["main": t + .seconds(2)])
}

extension SendRecord {
  fileprivate var countsNow: Bool { state.countsAgainstLimits }
}
