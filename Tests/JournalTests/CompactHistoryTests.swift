import Foundation
import Model
import TestSupport
import Testing

@testable import Journal

/// Everything that a history says, so that two can be compared.
struct Telling: Equatable {
  var sends: [SendRecord]
  var found: [[SendRecord]]
  var counted: [SendRecord]
  var spent: [SendRecord]
  var bounces: [Event]
  var mailbox: [String: Instant]
  var provider: [String: Instant]
  var isOpen: [Bool]

  private static let campaign = Campaign(
    id: "welcome", audience: .contacts(.init(files: [])), mailboxes: .ids([]), steps: [])
  private static var renamed: Campaign {
    var campaign = campaign
    campaign.id = "códes"
    campaign.was = ["old", "none", "a b"]
    return campaign
  }

  private static func order(_ a: SendRecord, _ b: SendRecord) -> Bool { (a.id, a.at) < (b.id, b.at) }
  private static let ids = (0..<20).map {
    SendID(campaign: "c", step: "s", contact: String($0), channel: .email, key: "")
  }

  private static func found(_ find: (Campaign, String, [String]) -> [SendRecord]) -> [[SendRecord]] {
    [campaign, renamed].flatMap { campaign in
      RandomRecords.people.flatMap { a in
        [
          find(campaign, a, []), find(campaign, a, ["ada@example.com", "jörg@example.com"]),
          find(campaign, "none", [a]),
        ]
      }
    }
  }

  init(_ h: History) {
    sends = h.sends.values.sorted(by: Self.order)
    found = Self.found { h.sends(campaign: $0, contact: $1, to: $2) }
    counted = h.counted.sorted(by: Self.order)
    spent = h.spent
    bounces = h.bounces
    (mailbox, provider) = h.lastAttempt
    isOpen = Self.ids.map { h.isOpen($0) }
  }

  init(_ h: ReferenceHistory) {
    sends = h.sends.values.sorted(by: Self.order)
    found = Self.found { h.sends(campaign: $0, contact: $1, to: $2) }
    counted = h.counted.sorted(by: Self.order)
    spent = h.spent
    bounces = h.bounces
    (mailbox, provider) = h.lastAttempt
    isOpen = Self.ids.map { h.isOpen($0) }
  }
}

private func carriedOver(_ dice: inout Dice) -> (Event, String?, Channel) {
  (
    Event(
      at: Sample.morning, type: .sent, contact: dice.pick(RandomRecords.people),
      campaign: dice.pick(RandomRecords.campaigns), step: "intro", messageID: dice.oneIn(2) ? "<m@x>" : nil),
    dice.oneIn(2) ? dice.pick(RandomRecords.people) : nil, dice.oneIn(4) ? .sms : .email
  )
}

@Suite struct CompactHistoryTests {
  @Test(arguments: 0..<20) func aCompactHistorySaysWhatADictionaryOfRecordsSays(part: Int) {
    for seed in 0..<100 {
      var random = RandomRecords(seed: UInt64(part * 1000 + seed), sends: 1 + seed % 15)
      var (compact, reference) = (History(), ReferenceHistory())
      for _ in 0..<(5 + seed * 2) {
        if random.dice.oneIn(12) {
          let (event, to, channel) = carriedOver(&random.dice)
          compact.carryOver(event, to: to, channel: channel)
          reference.carryOver(event, to: to, channel: channel)
        }
        let record = random.next()
        compact.apply(record)
        reference.apply(record)
      }
      #expect(Telling(compact) == Telling(reference), "seed \(part * 1000 + seed)")
    }
  }

  @Test func aHistoryThatIsCopiedGoesItsOwnWay() {
    var random = RandomRecords(seed: 5)
    var history = History()
    for record in random.records(40) { history.apply(record) }
    let before = Telling(history)
    let kept = history
    for record in random.records(40) { history.apply(record) }
    #expect(Telling(kept) == before && Telling(history) != before)
  }

  @Test func manySendsAreFoundByIDAndByPersonAndNobodyElseIs() {
    var history = History()
    let sends = (0..<5000).map { Sample.send($0) }
    for send in sends { history.apply(.intent(Sample.attempt(send))) }
    var strangers = 0
    for (n, send) in sends.enumerated() {
      #expect(history.sends[send.id]?.subject == "Hello \(n)")
      for (person, isKnown) in [(send.contact, true), ("d\(n)@example.com", false)] {
        var (person, found) = (person, 0)
        let hash = ByteHash.of(person)
        if !isKnown, history.view.mayKnow(personHash: hash) { strangers += 1 }
        person.withUTF8 { history.view.forEachSend(personHash: hash, $0) { if $0.id == send.id { found += 1 } } }
        #expect(found == (isKnown ? 1 : 0))
      }
    }
    #expect(strangers < 250)
    #expect(history.sends.count == 5000 && history.sends.ids.first { _ in true } == sends[0].id)
  }

  @Test func onePersonsProgressComesInOrderOfFirstRecordWithoutStrings() throws {
    var history = History()
    let t = Sample.morning
    for n in 0..<300 {
      var send = Sample.send(n, campaign: n % 2 == 0 ? "welcome" : "news")
      if n % 3 == 0 { send.contact = "42" } else { send.contact = "n\(n)" }
      send.to = "Ada@example.com"
      send.key = n % 5 == 0 ? "k\(n)" : ""
      send.expiresAt = n % 7 == 0 ? t + .days(3) : nil
      history.apply(.intent(Sample.attempt(send, at: t + .seconds(Int64(n)))))
      if n % 4 == 0 { history.apply(.outcome(Sample.attempt(send), .init(outcome: .retry, retryAt: t + .hours(1)))) }
    }
    for (person, count) in [("42", 100), ("ada@example.com", 300), ("n1", 1), ("Ada@example.com", 0)] {
      var person = person
      var entries: [HistoryEntry] = []
      person.withUTF8 { history.view.forEachSend(personHash: ByteHash.of($0), $0) { entries.append($0) } }
      #expect(entries.count == count)
      for entry in entries {
        let record = history.record(entry)
        #expect(record == history.sends[entry.id])
        #expect(history.campaignNames[entry.campaign] == record.campaign)
        #expect(history.stepNames[entry.step] == record.step && history.mailboxNames[entry.mailbox] == record.mailbox)
        #expect(entry.hasKey == !record.key.isEmpty && entry.state == record.state && entry.at == record.at)
        #expect(entry.attemptAt == record.attemptAt && entry.expiresAt == record.expiresAt)
        #expect(entry.attempts == record.attempts && entry.channel == record.channel)
        var parts = LineParts()
        let message = history.view.message(entry.number, into: &parts)
        #expect(message.id.map { String(decoding: parts.bytes[$0], as: UTF8.self) } == record.messageID)
        #expect(message.subject?.text == record.subject)
        let has = history.view.hasMessage(entry)
        #expect(has.id == (record.messageID != nil) && has.subject == (record.subject != nil))
      }
      let firsts = entries.compactMap { history.record($0).subject }.compactMap { Int($0.dropFirst(6)) }
      #expect(firsts == firsts.sorted())
    }
    #expect(history.counted(since: t + .seconds(200)).count == 75)
    var keyed = 0
    history.forEachKeyed { _ in keyed += 1 }
    #expect(keyed == 60)
  }

  @Test func thousandsOfSendsToOneAddressAreTakenAsFastAsToMany() {
    var history = History()
    for n in 0..<20_000 {
      var send = Sample.send(n)
      send.contact = "ops@example.com"
      history.apply(.intent(Sample.attempt(send)))
    }
    var found = 0
    var person = "ops@example.com"
    person.withUTF8 { history.view.forEachSend(personHash: ByteHash.of($0), $0) { _ in found += 1 } }
    #expect(found == 20_000)
  }
}
