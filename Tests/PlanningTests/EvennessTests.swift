import Model
import Testing

/// Seconds from nine o'clock of all sends of a campaign, ascending.
private func times(_ plan: Plan, _ campaign: String? = nil) throws -> [Double] {
  let nine = try at("2026-11-20T09:00:00Z")
  return plan.sends.filter { campaign == nil || $0.campaign == campaign }
    .map { Double(($0.sendAt - nine).milliseconds) / 1000 }
}

private func expectEven(_ times: [Double], over seconds: Double, _ why: Comment) {
  let stride = seconds / Double(times.count)
  #expect(zip(times, times.dropFirst()).allSatisfy { $1 - $0 <= 2.5 * stride }, why)
  #expect(times.first.map { $0 >= 0 && $0 <= 2 * stride } ?? false, why)
  #expect(times.last.map { $0 < seconds && $0 >= seconds - 2 * stride } ?? false, why)
}

@Test(arguments: [0, 7, 60, 90])
func aMailboxsSendsAreSpreadEvenlyOverItsWindow(_ gap: Int64) throws {
  for n in [2, 3, 10, 47, 200, 300] {
    for seed in UInt64(1)...20 {
      var scene = Scene()
      scene.settings.seed = seed
      scene.mailboxes = [try mailbox("anna", gap: .seconds(gap))]
      scene.contacts = crowd(n)
      scene.campaigns = [campaign(window: try window("daily 09:00-17:00 project"))]
      let found = try times(try scene.plan())
      #expect(found.count == n)
      expectEven(found, over: 8 * 3600, "seed \(seed), \(n) sends, gap \(gap)")
    }
  }
}

@Test func theSpreadIsEvenWhereOtherWindowsCutTheDayIntoPieces() throws {
  for n in [3, 5, 12, 40] {
    for seed in UInt64(1)...20 {
      var scene = Scene()
      scene.settings.seed = seed
      scene.mailboxes = [try mailbox("anna", gap: .seconds(20))]
      scene.contacts = crowd(n)
      // Message rows at every quarter of an hour cut the day; one a day is left after them.
      let alerts = try (0..<32).map { i in
        row("\(i)", to: "x\(i)@example.org", sendAt: try at("2026-11-20T09:00:00Z") + .minutes(Int64(i) * 15))
      }
      scene.campaigns = [
        campaign(window: try window("daily 09:00-17:00 project")),
        campaign("alerts", .messages(MessageTable(rows: alerts)), messageClass: .transactional),
      ]
      let found = try times(try scene.plan(), "welcome")
      #expect(found.count == n)
      expectEven(found, over: 8 * 3600, "seed \(seed), \(n) sends")
    }
  }
}

@Test func sendsWithLongerWindowsFillWhatOthersLeaveEmpty() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", gap: .seconds(30))]
  scene.contacts = crowd(50)
  scene.campaigns = [
    campaign("morning", window: try window("daily 09:00-13:00 project")),
    campaign("day", window: try window("daily 09:00-17:00 project")),
  ]
  let found = try times(try scene.plan())
  #expect(found.count == 100)
  // Fifty must go before one o'clock; the others make the afternoon as full.
  #expect(abs(found.count { $0 < 4 * 3600 } - 50) <= 1)
}

@Test func theSeedMovesTheTimes() throws {
  var scene = Scene()
  scene.contacts = crowd(20)
  let first = try scene.plan()
  scene.settings.seed = 8
  let second = try scene.plan()
  #expect(first.sends.map(\.sendAt) != second.sends.map(\.sendAt))
  #expect(Set(first.sends.map(\.id)) == Set(second.sends.map(\.id)))
}
