import Model
import Testing

func day(_ text: String) throws -> CalendarDay { try #require(CalendarDay(text)) }
func instant(_ text: String) throws -> Instant { try #require(Instant(text)) }

@Test func everyDayOfFourCenturiesHasTheWeekdayAndNumberAfterTheOneBefore() throws {
  var day = try day("1800-01-01")
  #expect(day.weekday == .wed)
  let end = try #require(CalendarDay("2200-01-01"))
  var weekday = day.weekday.index
  var wrong: [CalendarDay] = []
  while day < end {
    let (y, m, d) = day.components
    if CalendarDay(year: y, month: m, day: d) != day || CalendarDay(day.description) != day
      || day.weekday.index != weekday
    {
      wrong.append(day)
    }
    weekday = (weekday + 1) % 7
    day = day + 1
  }
  #expect(wrong == [])
  #expect(end.number == 84_006)
}

@Test(arguments: [
  "2026-02-29", "2026-00-10", "2026-13-01", "2026-11-31", "2026-1-1", "26-11-20", "2026-11-20 ", "0000-01-01",
  "2026/11/20", "", "２０２６-11-20",
])
func whatIsNoDateIsRefused(_ text: String) { #expect(CalendarDay(text) == nil) }

@Test func businessDaysPassOverWeekendsAndHolidays() throws {
  // Friday, 20 November 2026; in the second case Monday the 23rd is a holiday.
  let friday = try day("2026-11-20")
  #expect(friday.weekday == .fri)
  let holidays: Set<CalendarDay> = [friday + 3]
  #expect(friday.adding(.businessDays(1), holidays: []) == friday + 3)
  #expect(friday.adding(.businessDays(1), holidays: holidays) == friday + 4)
  #expect(friday.adding(.businessDays(5), holidays: holidays) == friday + 10)
  #expect(friday.adding(.days(3), holidays: holidays) == friday + 3)
}

@Test func aTimeInTheSpringGapMeansTheFirstInstantAfterIt() throws {
  let berlin = try #require(Zone("Europe/Berlin"))
  let gap = try day("2026-03-29")
  for minute in [0, 1, 30, 59] {
    for edge in [Zone.Edge.opening, .closing] {
      let found = berlin.instant(gap, second: Int64(2 * 3600 + minute * 60), edge: edge)
      #expect(berlin.format(found) == "2026-03-29T03:00:00+02:00")
    }
  }
  #expect(berlin.format(berlin.instant(gap, second: 7199)) == "2026-03-29T01:59:59+01:00")
  #expect(berlin.format(berlin.instant(gap, second: 10_800)) == "2026-03-29T03:00:00+02:00")
}

@Test func aTimeThatExistsTwiceOpensTheFirstTimeAndClosesTheSecond() throws {
  let berlin = try #require(Zone("Europe/Berlin"))
  let autumn = try day("2026-10-25")
  #expect(berlin.format(berlin.instant(autumn, second: 9000, edge: .opening)) == "2026-10-25T02:30:00+02:00")
  #expect(berlin.format(berlin.instant(autumn, second: 9000, edge: .closing)) == "2026-10-25T02:30:00+01:00")
  #expect(berlin.format(berlin.instant(autumn, second: 10_800, edge: .closing)) == "2026-10-25T03:00:00+01:00")
}

@Test func gapsOfHalfAnHourAndOfAWholeDayAreGapsToo() throws {
  // Lord Howe moves by 30 minutes; Apia left out 30 December 2011.
  let howe = try #require(Zone("Australia/Lord_Howe"))
  #expect(howe.format(howe.instant(try day("2026-10-04"), second: 8000)) == "2026-10-04T02:30:00+11:00")
  let apia = try #require(Zone("Pacific/Apia"))
  #expect(apia.format(apia.instant(try day("2011-12-30"), second: 43_200)) == "2011-12-31T00:00:00+14:00")
}

@Test func wallClockTimesOfAYearNeverRunBackwardsAndMissNothingButGaps() throws {
  for name in ["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Africa/Casablanca", "Australia/Lord_Howe"] {
    let zone = try #require(Zone(name))
    var current = try day("2026-01-01")
    var last = Instant.distantPast
    var wrong: [String] = []
    for _ in 0..<365 {
      for second in stride(from: Int64(0), to: 86_400, by: 1800) {
        let found = zone.instant(current, second: second)
        let local = found.seconds + zone.offset(at: found) - Int64(current.number) * 86_400
        let closing = zone.instant(current, second: second, edge: .closing)
        if local < second || local > second + 3600 || found < last || closing < found {
          wrong.append("\(name) \(current) \(second)")
        }
        last = found
      }
      current = current + 1
    }
    #expect(wrong == [])
  }
}

@Test func theProjectsDayHas23Or25HoursWhenClocksChangeAndDaysNeverOverlap() throws {
  let settings = Settings(zone: try #require(Zone("Europe/Berlin")), dayStarts: 5400)
  var current = try day("2026-03-01")
  var lengths: [Int64: Int] = [:]
  for _ in 0..<300 {
    let span = settings.span(of: current)
    #expect(span.end == settings.span(of: current + 1).start)
    #expect(settings.day(of: span.start) == current)
    #expect(settings.day(of: span.end - .seconds(1)) == current)
    lengths[span.length.milliseconds / 3_600_000, default: 0] += 1
    current = current + 1
  }
  #expect(lengths == [23: 1, 24: 298, 25: 1])
}

@Test(arguments: [
  ("2026-11-20T09:00:12+01:00", 1_795_161_612_000), ("2026-11-20T08:00:12Z", 1_795_161_612_000),
  ("2026-11-20 08:00:12.3456z", 1_795_161_612_345), ("2026-11-20T08:00:12.5Z", 1_795_161_612_500),
  ("1969-12-31T23:59:59.999Z", -1), ("2016-12-31T23:59:60Z", 1_483_228_799_000),
])
func rfc3339IsReadToTheMillisecond(_ text: String, _ milliseconds: Int64) {
  #expect(Instant(text)?.milliseconds == milliseconds)
}

@Test(arguments: [
  "2026-11-20", "2026-11-20T09:00:12", "2026-11-20T24:00:00Z", "2026-11-20T09:60:00Z", "2026-11-20T09:00:00+1:00",
  "2026-11-20T09:00:00Zx", "2026-11-20T09:00:00.Z", "2026-11-20T", "", "now",
])
func whatHasNoOffsetOrIsNoTimeIsNoInstantWithoutAZone(_ text: String) { #expect(Instant(text) == nil) }

@Test func formattedInstantsAreReadBackTheSameInEveryZone() throws {
  for name in ["UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "Pacific/Chatham", "Africa/Monrovia"] {
    let zone = try #require(Zone(name))
    // Monrovia kept an offset of 44 minutes and 30 seconds until 1972.
    for milliseconds: Int64 in [0, 1, 999, -1, -61_000_000_000_123, 1_795_161_612_345, 4_102_444_800_000, 63_000_000] {
      let instant = Instant(milliseconds: milliseconds)
      #expect(Instant(zone.format(instant)) == instant, "\(zone.format(instant))")
    }
  }
}

@Test func zonesAreIANANamesAndNoAbbreviations() {
  #expect(Zone("Europe/Berlin") != nil)
  for text in ["EST", "Europe/Berlim", "", "+01:00", "GMT+1", "/"] { #expect(Zone(text) == nil, "\(text)") }
}

@Test(arguments: [
  ("90s", 90_000), ("5m", 300_000), ("20h", 72_000_000), ("4d", 345_600_000), ("250ms", 250), ("0s", 0),
])
func spansAreReadAndWrittenWithTheirUnit(_ text: String, _ milliseconds: Int64) {
  #expect(Instant.Span(text)?.milliseconds == milliseconds)
  #expect(Instant.Span(milliseconds: milliseconds).description == text)
}

@Test(arguments: ["90", "", "s", "-5m", "1.5h", "5 m", "9223372036854775807d", "99999999d", "５m", "5M"])
func whatIsNoSpanIsRefused(_ text: String) { #expect(Instant.Span(text) == nil) }

@Test func delaysAreDaysOrBusinessDaysUpToTenYears() {
  #expect(Delay("3d") == .days(3))
  #expect(Delay("3bd") == .businessDays(3))
  #expect(Delay("3660d") == .days(3660))
  for text in ["3661d", "3", "d", "bd", "-1d", "3h", "99999999999999999999d"] { #expect(Delay(text) == nil) }
}
