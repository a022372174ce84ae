import Model
import Testing

/// The open time of the only send, as `HH:MM-HH:MM` of UTC.
private func open(_ scene: Scene, _ date: String = "2026-11-20") throws -> [String] {
  let send = try #require(try scene.plan(date).sends.first)
  #expect(send.open.contains(send.sendAt))
  func clock(_ at: Instant) -> String { String(Zone.utc.format(at).dropFirst(11).prefix(5)) }
  return send.open.intervals.map { "\(clock($0.start))-\(clock($0.end))" }
}

@Test(arguments: [
  ("contact", "03:30-11:30"), ("mailbox", "14:00-22:00"), ("project", "08:00-16:00"), ("Asia/Tokyo", "00:00-08:00"),
])
func aWindowIsReadOnTheClockItNames(_ clock: String, _ expected: String) throws {
  var scene = Scene()
  scene.settings.zone = try zone("Europe/Berlin")
  scene.mailboxes = [try mailbox("anna", zone: try zone("America/New_York"))]
  scene.contacts = people(contact("ada", zone: try zone("Asia/Kolkata")))
  scene.campaigns = [campaign(window: try window("fri 09:00-17:00 \(clock)"))]
  #expect(try open(scene) == [expected])
}

@Test func aContactWithoutAZoneLivesInTheProjects() throws {
  var scene = Scene()
  scene.settings.zone = try zone("Europe/Berlin")
  scene.campaigns = [campaign(window: try window("fri 09:00-17:00 contact"))]
  #expect(try open(scene) == ["08:00-16:00"])
}

@Test func campaignAndMailboxMustBothBeOpen() throws {
  var scene = Scene()
  scene.mailboxes = [try mailbox("anna", window: try window("daily 12:00-20:00 mailbox"))]
  scene.campaigns = [campaign(window: try window("daily 09:00-13:00 project", "daily 18:00-19:00 project"))]
  #expect(try open(scene) == ["12:00-13:00", "18:00-19:00"])
  scene.mailboxes = [try mailbox("anna", window: try window("daily 14:00-17:00 mailbox"))]
  #expect(try scene.fate() == "no-window-today")
}

@Test func aWindowOverMidnightBelongsToItsFirstDay() throws {
  var scene = Scene()
  scene.campaigns = [campaign(window: try window("thu 22:00-02:00 project"))]
  #expect(try open(scene, "2026-11-19") == ["22:00-00:00"])
  #expect(try open(scene, "2026-11-20") == ["00:00-02:00"])
  #expect(try scene.fate("2026-11-21") == "no-window-today")
  scene.campaigns = [campaign(window: try window("thu 22:00-02:00 project"), holidays: [try day("2026-11-19")])]
  #expect(try scene.fate("2026-11-20") == "no-window-today")
  scene.campaigns = [campaign(window: try window("thu 22:00-02:00 project"), holidays: [try day("2026-11-20")])]
  #expect(try open(scene, "2026-11-20") == ["00:00-02:00"])
}

@Test func aPlanCoversTheNightUntilTheNextDayStarts() throws {
  var scene = Scene()
  scene.settings.dayStarts = 4 * 3600
  scene.campaigns = [campaign(window: try window("daily 22:00-06:00 project"))]
  #expect(try open(scene) == ["04:00-06:00", "22:00-04:00"])
}

@Test func aContactAcrossTheWorldHasTwoPiecesOfTheDay() throws {
  var scene = Scene()
  scene.contacts = people(contact("ada", zone: try zone("Pacific/Auckland")))
  scene.campaigns = [campaign(window: try window("daily 08:00-20:00 contact"))]
  // Auckland is thirteen hours ahead: 19:00 to 07:00.
  #expect(try open(scene) == ["00:00-07:00", "19:00-00:00"])
}

@Test(
  arguments: [
    // Berlin's spring day lacks 02:00 to 03:00, its autumn day has it twice.
    ("Europe/Berlin", "2026-03-29", "02:15-02:45", nil), ("Europe/Berlin", "2026-03-29", "01:30-03:30", "00:30-01:30"),
    ("Europe/Berlin", "2026-03-29", "02:30-04:00", "01:00-02:00"),
    ("Europe/Berlin", "2026-10-25", "02:15-02:45", "00:15-01:45"),
    ("Europe/Berlin", "2026-10-25", "01:30-02:30", "23:30-01:30"),
    // Sao Paulo has had no change of clocks since 2019.
    ("America/Sao_Paulo", "2026-10-18", "00:00-02:00", "03:00-05:00"),
    ("America/Sao_Paulo", "2026-11-01", "00:00-02:00", "03:00-05:00"),
    // Lord Howe moves by half an hour: 02:00 to 02:30 is left out in October, 01:30 to 02:00 comes twice in April.
    ("Australia/Lord_Howe", "2026-10-04", "02:00-02:30", nil),
    ("Australia/Lord_Howe", "2026-10-04", "01:30-03:00", "15:00-16:00"),
    ("Australia/Lord_Howe", "2026-04-05", "01:30-02:00", "14:30-15:30"),
  ] as [(String, String, String, String?)])
func changesOfClocksLeaveOfAWindowWhatThereIs(name: String, date: String, times: String, expected: String?) throws {
  var scene = Scene()
  scene.settings.zone = try zone(name)
  scene.campaigns = [campaign(window: try window("daily \(times) project"))]
  if let expected {
    #expect(try open(scene, date) == [expected])
  } else {
    #expect(try scene.fate(date) == "no-window-today")
  }
}

@Test(arguments: [("2026-03-28", 24), ("2026-03-29", 23), ("2026-10-25", 25)])
func aDayHasAsManyHoursAsItsClocksSay(_ date: String, _ hours: Int64) throws {
  var scene = Scene()
  scene.settings.zone = try zone("Europe/Berlin")
  let send = try #require(try scene.plan(date).sends.first)
  #expect(send.open.length == .hours(hours))
}

@Test func nothingIsPlannedBeforeNotBefore() throws {
  var scene = Scene()
  scene.campaigns = [campaign(window: try window("daily 09:00-17:00 project"))]
  let noon = try at("2026-11-20T12:34:56.789Z")
  let plan = try scene.plan(notBefore: noon)
  #expect(plan.header.notBefore == (try at("2026-11-20T12:34:57Z")))
  let send = try #require(plan.sends.first)
  #expect(send.sendAt >= noon && send.open.first == plan.header.notBefore)
  #expect(try scene.fate(notBefore: try at("2026-11-20T17:00:00Z")) == "no-window-today")
  #expect(try scene.fate(notBefore: try at("2026-11-25T17:00:00Z")) == "no-window-today")
}

@Test func aCampaignSendsFromItsStartToItsEnd() throws {
  var scene = Scene()
  scene.campaigns = [
    campaign(start: try at("2026-11-20T10:00:00Z"), end: try at("2026-11-20T15:00:00Z"))
  ]
  #expect(try scene.fate("2026-11-19") == "waiting")
  #expect(try open(scene) == ["10:00-15:00"])
  #expect(try scene.plan().sends.map(\.expiresAt) == [try at("2026-11-20T15:00:00Z")])
  #expect(try scene.plan("2026-11-21").header.campaigns.isEmpty)
}
