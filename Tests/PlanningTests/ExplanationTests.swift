import Foundation
import Model
import TestSupport
import Testing

@testable import Planning

private func randomExplainer(_ random: RandomProject) -> Explainer {
  Explainer(
    project: random.project, history: random.history, date: random.date, notBefore: random.notBefore,
    renderer: PlainRenderer())
}

/// Every contact, and everybody whom rows name besides.
private func everybody(_ project: Project) -> [String] {
  var names = Array(project.contacts.contacts.map(\.key))
  for case .messages(let table) in project.campaigns.map(\.audience) {
    for row in table.rows {
      let own = row.contact ?? row.email?.canonical ?? row.phone?.e164 ?? row.place.description
      if project.contacts.index(of: own) == nil { names.append(own) }
    }
  }
  return Array(Set(names)).sorted()
}

extension PlanTotals {
  fileprivate mutating func add(_ verdict: Explanation.Verdict) {
    switch verdict {
    case .planned: planned += 1
    case .deferred(let reason, _, _): deferred[reason, default: 0] += 1
    case .skipped(let reason, _): skipped[reason, default: 0] += 1
    case .held(let reason, _): held[reason, default: 0] += 1
    case .waiting: waiting += 1
    case .ended: ended += 1
    }
  }

  /// Without reasons that were counted down to nothing.
  fileprivate var withoutZeros: PlanTotals {
    var copy = self
    copy.skipped = skipped.filter { $0.value != 0 }
    copy.deferred = deferred.filter { $0.value != 0 }
    copy.held = held.filter { $0.value != 0 }
    return copy
  }
}

@Suite struct ExplanationTests {
  @Test func allExplanationsTogetherAreThePlan() throws {
    for seed in seeds(300) {
      let random = try RandomProject(seed: seed, rules: .checked)
      let explainer = randomExplainer(random)
      let why: Comment = "NIGHTMAIL_SEED=\(seed)"
      #expect(explainer.plan.header == plan(random).header, why)
      var totals = random.totals.mapValues { _ in PlanTotals() }
      var planned: [PlannedSend] = []
      var seen: Set<String> = []
      for name in everybody(random.project) {
        let explanation = try #require(explainer.explain(name), why)
        #expect(explanation.campaigns.count == random.project.campaigns.count, why)
        for campaign in explanation.campaigns {
          #expect((campaign.absence == nil) != campaign.items.isEmpty, "\(why) \(campaign.campaign) \(name)")
          // A stranger's row is found by the address and by the number: it counts once.
          let rows = Set(campaign.items.compactMap(\.row?.place.description))
          let known = rows.filter { seen.contains("\(campaign.campaign) \($0)") }
          for item in campaign.items {
            if let place = item.row?.place.description, known.contains(place) { continue }
            totals[campaign.campaign]?.add(item.verdict)
            if case .planned(let send) = item.verdict { planned.append(send) }
          }
          seen.formUnion(rows.map { "\(campaign.campaign) \($0)" })
        }
      }
      for (id, own) in explainer.plan.header.campaigns {
        #expect(totals[id]?.withoutZeros == own.withoutZeros, "\(why) \(id)")
      }
      #expect(planned.sorted { $0.id < $1.id } == explainer.plan.sends.sorted { $0.id < $1.id }, why)
    }
  }

  @Test func whatIsDeferredIsSoUntilAfterTheDay() throws {
    for seed in seeds(150) {
      let random = try RandomProject(seed: seed, rules: .checked)
      let explainer = randomExplainer(random)
      for name in everybody(random.project) {
        for item in try #require(explainer.explain(name)).campaigns.flatMap(\.items) {
          guard case .deferred(let reason, let obstacle, let until) = item.verdict else { continue }
          let why: Comment = "NIGHTMAIL_SEED=\(seed) \(name) \(reason)"
          if let until { #expect(until >= random.span.end, why) }
          switch obstacle {
          case .contactCaps(let day, let week):
            #expect([day, week].compactMap { $0 }.contains { $0.earlier + $0.planned >= $0.limit }, why)
          // A crowd of texts and letters may keep a send from room that its domain or campaign still has.
          case .domainCap(_, let use):
            #expect(use.earlier + use.planned <= max(use.limit, use.earlier), why)
          case .newLimit(let use): #expect(use.earlier + use.planned == max(use.limit, use.earlier), why)
          case .mailboxes(let boxes):
            let isOpen = boxes.contains { $0.isOpen }
            #expect(isOpen, why)
            for use in boxes.flatMap(\.days).map(\.use) where use.planned > 0 {
              #expect(use.earlier + use.planned <= use.limit, why)
            }
          case .windows(let closed): #expect(closed.map { $0 <= random.notBefore } ?? true, why)
          }
        }
      }
    }
  }

  private func explain(_ scene: Scene, _ who: String = ada, _ date: String = "2026-11-20") throws -> Explanation? {
    try explainer(scene, date).explain(who)
  }

  private func explainer(_ scene: Scene, _ date: String = "2026-11-20") throws -> Explainer {
    let project = Project(
      settings: scene.settings, campaigns: scene.campaigns,
      mailboxes: scene.mailboxes.isEmpty ? [try mailbox("anna")] : scene.mailboxes, contacts: scene.contacts,
      suppressions: scene.suppressions, events: scene.events)
    return Explainer(
      project: project, history: scene.history, date: try day(date), notBefore: .distantPast, renderer: PlainRenderer())
  }

  @Test func aClosedDayNamesTheNextOpening() throws {
    var scene = Scene()
    scene.campaigns = [campaign(window: try window("mon-fri 09:00-17:00 contact"))]
    let item = try #require(try explain(scene, ada, "2026-11-21")?.campaigns.first?.items.first)
    guard case .deferred(.noWindowToday, .windows(closed: nil), let until) = item.verdict else {
      Issue.record("\(item)")
      return
    }
    let expected = try at("2026-11-23T09:00:00Z")
    #expect(until == expected)
  }

  @Test func aWeeklyCapNamesItsNumbersAndTheDayItFrees() throws {
    var scene = Scene()
    scene.settings.contactCapPerWeek = 1
    scene.campaigns = [campaign("news"), campaign("welcome")]
    scene.history.add("intro", to: ada, at: try at("2026-11-18T10:00:00Z"))
    let news = try #require(try explain(scene)?.campaigns.first { $0.campaign == "news" })
    guard case .deferred(.contactCap, .contactCaps(day: nil, week: let week), let until) = news.items.first?.verdict
    else {
      Issue.record("\(news)")
      return
    }
    #expect(week == Explanation.Use(limit: 1, earlier: 1, planned: 0))
    let expected = try at("2026-11-25T00:00:00Z")
    #expect(until == expected)
  }

  @Test func aFullMailboxNamesItsNumbers() throws {
    var scene = Scene()
    scene.mailboxes = [try mailbox("anna", limit: 3)]
    scene.contacts = crowd(5)
    scene.campaigns = [campaign("welcome")]
    scene.history.add("old", of: "gone", to: "bob@example.org", at: try at("2026-11-20T00:00:00Z"))
    let explainer = try explainer(scene)
    var deferred = 0
    for i in 0..<5 {
      let item = try #require(explainer.explain("person\(i)@example.org")?.campaigns.first?.items.first)
      guard case .deferred(.mailboxLimit, .mailboxes(let boxes), let until) = item.verdict else { continue }
      deferred += 1
      #expect(boxes.map(\.id) == ["anna"])
      #expect(boxes.first?.days.map(\.use) == [Explanation.Use(limit: 3, earlier: 1, planned: 2)])
      let expected = try at("2026-11-21T00:00:00Z")
      #expect(until == expected)
    }
    #expect(deferred == 3)
  }

  @Test func anAudienceSaysWhichOfItsPartsLeavesAContactOut() throws {
    var scene = Scene()
    let ours = Campaign.Filter(column: "segment", values: ["new"])
    let tagged = Campaign.Filter(column: "tags", values: ["vip"])
    func audience(_ id: String, files: Set<Int> = [0], _ including: [Campaign.Filter], _ excluding: [Campaign.Filter])
      -> Campaign
    {
      campaign(
        id, .contacts(Campaign.ContactAudience(files: files, including: including, excluding: excluding)))
    }
    scene.contacts = ContactTable(
      columns: ["segment", "tags"], files: ["data/contacts.csv", "data/others.csv"],
      contacts: [contact("ada", tags: ["vip"], values: ["old", "vip"])])
    scene.campaigns = [
      audience("a", files: [1], [], []), audience("b", [ours], []), audience("c", [tagged], [tagged]),
      audience("d", [tagged], [ours]), campaign("e", rows(row("x", to: "bob@example.org", text: "Hello"))),
    ]
    scene.campaigns.append(campaign("f"))
    scene.campaigns[5].status = .paused
    let absences = try #require(try explain(scene)).campaigns.map(\.absence)
    #expect(
      absences == [.notInFiles(["data/others.csv"]), .notWhere(ours), .excepted(tagged), nil, .noRow, .paused])
  }

  @Test func whoIsNotThereIsUnknownAndTheNearestNameIsFound() throws {
    var scene = Scene()
    scene.contacts = crowd(30)
    let explainer = try explainer(scene)
    #expect(explainer.explain("prson7@example.org") == nil)
    #expect(explainer.nearest("prson7@example.org") == "person7@example.org")
    #expect(explainer.nearest("somebody.else.entirely@nowhere.test") == nil)
  }

  @Test func aRejectedRowIsFoundByItsPlace() throws {
    var scene = Scene()
    let place = Place("data/contacts.csv", line: 9)
    scene.contacts = ContactTable(
      files: ["data/contacts.csv"], contacts: [contact("ada")],
      rejected: [RejectedRow(place: place, reason: .invalidRow, detail: "2 cells where the header has 3")])
    let explanation = try #require(try explain(scene, "data/contacts.csv:9"))
    #expect(explanation.person.kind == .rejected)
    guard case .skipped(.invalidRow, _) = explanation.campaigns.first?.items.first?.verdict else {
      Issue.record("\(explanation)")
      return
    }
  }

  @Test func aSequenceInDoubtNamesTheSendThatHoldsIt() throws {
    var scene = Scene()
    scene.campaigns = [campaign(steps: [step("intro"), step("nudge", delay: .days(2))])]
    scene.history.add("intro", to: ada, at: try at("2026-11-17T10:00:00Z"), outcome: .inDoubt)
    let story = try #require(try explain(scene)?.campaigns.first)
    guard case .held(.inDoubt, by: .send(let record)) = story.items.first?.verdict else {
      Issue.record("\(story)")
      return
    }
    #expect(record.step == "intro" && story.past.map(\.id) == [record.id])
  }

  @Test func aDelayNamesTheDayOnWhichTheStepIsDue() throws {
    var scene = Scene()
    scene.campaigns = [campaign(steps: [step("intro"), step("nudge", delay: .days(5))])]
    scene.history.add("intro", to: ada, at: try at("2026-11-17T10:00:00Z"))
    let item = try #require(try explain(scene)?.campaigns.first?.items.first)
    guard case .waiting(.delay, let until) = item.verdict else {
      Issue.record("\(item)")
      return
    }
    let expected = try at("2026-11-22T00:00:00Z")
    #expect(item.step == "nudge" && until == expected)
  }

  @Test func aContactsPlaceIsTheFurthestStepSentAndItsMailboxIsKept() throws {
    var scene = Scene()
    scene.mailboxes = [try mailbox("anna"), try mailbox("ben")]
    scene.contacts = people(contact("ada", mailbox: "anna"), contact("bob", mailbox: "anna"), contact("cleo"))
    scene.campaigns = [
      campaign(mailboxes: ["anna", "ben"], steps: [step("intro"), step("nudge"), step("last", delay: .days(9))])
    ]
    // The sequence's own mailbox goes before the contact's.
    scene.history.add("intro", to: ada, at: try at("2026-11-16T10:00:00Z"), mailbox: "ben")
    scene.history.add("nudge", to: ada, at: try at("2026-11-18T10:00:00Z"), mailbox: "ben")
    let stories = try ["ada", "bob", "cleo"].map {
      try #require(try explain(scene, "\($0)@example.org")?.campaigns.first)
    }
    #expect(stories.map(\.place) == ["nudge", nil, nil])
    #expect(stories.map(\.mailboxes) == [["ben"], ["anna"], []])
    #expect(stories.map { $0.lastSent?.step } == ["nudge", nil, nil])
  }

  /// Place and mailboxes are those that the day's decisions go by, and no others.
  @Test func whatIsDueIsTheStepAfterThePlaceFromTheMailboxThatIsKept() throws {
    var (known, kept) = (0, 0)
    for seed in seeds(200) {
      let random = try RandomProject(seed: seed, rules: .checked)
      let explainer = randomExplainer(random)
      for contact in random.project.contacts.contacts {
        for story in try #require(explainer.explain(contact.key)).campaigns {
          let own = try #require(random.project.campaigns.first { $0.id == story.campaign })
          guard case .contacts = own.audience else { continue }
          let why: Comment = "NIGHTMAIL_SEED=\(seed) \(contact.key) \(story.campaign)"
          let place = story.place.flatMap { step in own.steps.firstIndex { $0.id == step } }
          for case .planned(let send) in story.items.map(\.verdict) {
            let step = try #require(own.steps.firstIndex { $0.id == send.step })
            let isOwed = own.steps[step].channel == .all && step == place
            #expect(isOwed || step == place.map { $0 + 1 } ?? 0, why)
            if place != nil { known += 1 }
            let channels = random.project.mailboxes.filter { story.mailboxes.contains($0.id) }.map(\.sender.channel)
            if channels.contains(send.channel) {
              kept += 1
              #expect(story.mailboxes.contains(send.mailbox), why)
            }
          }
        }
      }
    }
    #expect(known > 20 && kept > 20, "\(known) with a place, \(kept) with a mailbox")
  }
}
