import Model
import TestSupport
import Testing

private func open(
  _ line: String, on date: String, contact: String = "Europe/Berlin", holidays: [String] = []
) throws -> [String] {
  let project = try #require(Zone("Europe/Berlin"))
  let window = Window(rules: [try Window.Rule(parsing: line)])
  let span = Settings(zone: project).span(of: try day(date))
  let clocks = Window.Clocks(contact: try #require(Zone(contact)), mailbox: project, project: project)
  let set = window.open(within: span, clocks: clocks, holidays: Set(try holidays.map(day)))
  return set.intervals.map { "\(project.format($0.start)) \(project.format($0.end))" }
}

@Test func aWindowIsOpenOnItsWeekdaysOnly() throws {
  let line = "mon-fri 09:00-17:00 project"
  #expect(try open(line, on: "2026-11-20") == ["2026-11-20T09:00:00+01:00 2026-11-20T17:00:00+01:00"])
  #expect(try open(line, on: "2026-11-21") == [])
  #expect(try open(line, on: "2026-11-20", holidays: ["2026-11-20"]) == [])
}

@Test func aWindowOverMidnightBelongsToTheDayOnWhichItOpens() throws {
  // Friday night reaches into Saturday; Saturday night is not open.
  let line = "fri 22:00-02:00 project"
  #expect(try open(line, on: "2026-11-21") == ["2026-11-21T00:00:00+01:00 2026-11-21T02:00:00+01:00"])
  #expect(try open(line, on: "2026-11-20") == ["2026-11-20T22:00:00+01:00 2026-11-21T00:00:00+01:00"])
  #expect(try open(line, on: "2026-11-21", holidays: ["2026-11-20"]) == [])
  #expect(try open(line, on: "2026-11-21", holidays: ["2026-11-21"]).count == 1)
}

@Test func aContactAcrossTheWorldHasTwoPiecesOfOneDay() throws {
  // 09:00-17:00 in Auckland (+13) is 21:00-05:00 in Berlin (+1).
  #expect(
    try open("daily 09:00-17:00 contact", on: "2026-11-20", contact: "Pacific/Auckland") == [
      "2026-11-20T00:00:00+01:00 2026-11-20T05:00:00+01:00", "2026-11-20T21:00:00+01:00 2026-11-21T00:00:00+01:00",
    ])
}

@Test func windowsHoldWhatTheChangeOfClocksLeavesOfThem() throws {
  #expect(try open("daily 02:15-02:45 project", on: "2026-03-29") == [])
  #expect(
    try open("daily 02:15-03:15 project", on: "2026-03-29") == ["2026-03-29T03:00:00+02:00 2026-03-29T03:15:00+02:00"])
  #expect(
    try open("daily 02:15-02:45 project", on: "2026-10-25") == ["2026-10-25T02:15:00+02:00 2026-10-25T02:45:00+01:00"])
  #expect(
    try open("daily 00:00-24:00 project", on: "2026-10-25") == ["2026-10-25T00:00:00+02:00 2026-10-26T00:00:00+01:00"])
}

@Test(arguments: [
  "", "mon-fri", "mon-fri 09:00-17:00 contact x", "someday 09:00-17:00", "mon 9-17", "mon 09:00-09:00",
  "mon 24:00-02:00", "mon 09:60-10:00", "mon 09:00-25:00", "mon 09:00-17:00 EST", "mon- 09:00-17:00",
  ",mon 09:00-17:00",
])
func whatIsNoWindowIsRefused(_ text: String) {
  #expect(throws: WindowProblem.self) { try Window.Rule(parsing: text) }
}

@Test func daysOfAWindowMayWrapAroundTheWeek() throws {
  #expect(try Window.Rule(parsing: "sat-mon 10:00-12:00 mailbox").days == [.sat, .sun, .mon])
  #expect(try Window.Rule(parsing: "mon,wed 10:00-12:00").clock == .contact)
  #expect(try Window.Rule(parsing: "daily 18:00-00:00").to == 86_400)
}

@Test func intervalSetsAgreeWithSetsOfInstants() {
  let seed: UInt64 = 20_261_120
  var random = Dice(seed)
  for round in 0..<500 {
    let (a, b) = (random.intervals(), random.intervals())
    let (x, y) = (IntervalSet(a), IntervalSet(b))
    var wrong: [Int] = []
    for t in 0..<40 {
      let instant = Instant(milliseconds: Int64(t))
      let (inA, inB) = (a.contains { $0.contains(instant) }, b.contains { $0.contains(instant) })
      let next = (t..<41).first { u in a.contains { $0.contains(Instant(milliseconds: Int64(u))) } }
      if x.contains(instant) != inA || x.intersection(y).contains(instant) != (inA && inB)
        || x.union(y).contains(instant) != (inA || inB)
        || x.firstInstant(from: instant)?.milliseconds != next.map({ Int64($0) })
      {
        wrong.append(t)
      }
    }
    #expect(wrong == [], "round \(round), seed \(seed)")
    #expect(zip(x.intervals, x.intervals.dropFirst()).allSatisfy { $0.end < $1.start }, "round \(round), seed \(seed)")
  }
}

extension Dice {
  fileprivate mutating func intervals() -> [Interval] {
    (0..<Int.random(in: 0...5, using: &self)).map { _ in
      Interval(
        Instant(milliseconds: Int64.random(in: 0...39, using: &self)),
        Instant(milliseconds: Int64.random(in: 0...39, using: &self)))
    }
  }
}
