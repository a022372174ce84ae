import Model
import TestSupport
import Testing

@testable import Planning

@Suite struct LateStartTests {
  private func scene(_ people: Int, open: String, limit: Int? = nil, gap: Instant.Span = .zero) throws -> Scene {
    var scene = Scene()
    scene.contacts = crowd(people)
    scene.mailboxes = [try mailbox("anna", limit: limit, gap: gap)]
    scene.campaigns = [campaign(window: try window(open))]
    return scene
  }

  private let hint =
    "a plan made by 2026-11-20T00:00 (nightmail plan --date 2026-11-20 the evening before) would reach them"

  @Test func windowsThatClosedBeforeThePlanBeganAreCountedInOneNote() throws {
    let scene = try scene(5, open: "daily 04:00-08:00 project")
    #expect(
      try scene.plan(notBefore: try at("2026-11-20T09:30:00Z")).notes == [
        "welcome: 5 sends' windows had closed before 2026-11-20T09:30; \(hint)"
      ])
    #expect(try scene.plan().notes == [])
    #expect(try scene.plan().header.sends == 5)
  }

  @Test func onlyWhatTheMailboxesHadRoomForIsCounted() throws {
    let scene = try scene(5, open: "daily 04:00-08:00 project", limit: 3)
    let notes = try scene.plan(notBefore: try at("2026-11-20T09:30:00Z")).notes
    #expect(notes == ["welcome: 3 sends' windows had closed before 2026-11-20T09:30; \(hint)"])
  }

  @Test func aDayOnWhichNothingOpensLeavesNothingUnused() throws {
    let scene = try scene(5, open: "mon 04:00-08:00 project")
    #expect(try scene.plan(notBefore: try at("2026-11-20T09:30:00Z")).notes == [])
  }

  @Test func aFullMailboxIsNoLateStartWhereItsLimitIsUsedUpAnyway() throws {
    let scene = try scene(5, open: "daily 04:00-18:00 project", limit: 2)
    let plan = try scene.plan(notBefore: try at("2026-11-20T09:30:00Z"))
    #expect(plan.header.sends == 2 && plan.notes == [])
  }

  @Test func whatTheGapLeavesNoRoomForIsCountedToo() throws {
    let scene = try scene(20, open: "daily 09:00-17:00 project", gap: .minutes(10))
    let plan = try scene.plan(notBefore: try at("2026-11-20T16:00:00Z"))
    #expect(plan.header.sends == 6)
    #expect(plan.notes == ["welcome: 14 sends found no room from 2026-11-20T16:00 on; \(hint)"])
  }

  @Test func aNewLimitBoundsWhatAnEarlierStartCouldReach() throws {
    var scene = try scene(5, open: "daily 04:00-08:00 project")
    scene.campaigns[0].dailyNewLimit = 2
    let notes = try scene.plan(notBefore: try at("2026-11-20T09:30:00Z")).notes
    #expect(notes == ["welcome: 2 sends' windows had closed before 2026-11-20T09:30; \(hint)"])
  }

  @Test func aPlanFromTheDaysStartHasAllThatTheNotesCount() throws {
    var noted = 0
    // Caps of contacts and domains are not looked at, and the note says so. What other days take of rolling limits,
    // and gaps of hours, the planner counts more strictly than need be, and from another beginning differently.
    let rules = RuleSet.checked.subtracting([.contactDay, .contactWeek, .domains, .rollingNearby, .longGaps])
    for seed in seeds(1200) {
      var random = try RandomProject(seed: seed, rules: rules)
      // A time to live counted from the plan's beginning makes the two plans differ in more than their beginning.
      for i in random.project.campaigns.indices { random.project.campaigns[i].ttl = nil }
      let late = plan(random)
      let counts = late.notes.filter { $0.contains("would reach them") }.map(Self.count)
      guard !counts.isEmpty else { continue }
      noted += 1
      random.notBefore = random.span.start
      let early = plan(random)
      #expect(early.header.sends >= late.header.sends + counts.reduce(0, +), "NIGHTMAIL_SEED=\(seed)")
    }
    #expect(noted > 20, "\(noted)")
  }

  /// The numbers before `send` and `sends` in a note.
  private static func count(_ note: String) -> Int {
    let words = note.split(separator: " ")
    return zip(words, words.dropFirst()).filter { $1.hasPrefix("send") }.compactMap { n, _ in Int(n) }.reduce(0, +)
  }
}
