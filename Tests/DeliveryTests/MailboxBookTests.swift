import Model
import Testing

@testable import Delivery

/// When a mailbox's limits have room: one case a line.
struct MailboxBookTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var daily: Int?
    var hourly: Int?
    var rolling: Int?
    var ramp: Mailbox.Ramp?
    var zone = "UTC"
    var past: [String]
    var now: String
    /// Nil: none before the close.
    var room: String?
    var close = "2026-11-22T00:00:00Z"

    init(
      _ name: String, daily: Int? = nil, hourly: Int? = nil, rolling: Int? = nil, ramp: Mailbox.Ramp? = nil,
      zone: String = "UTC", _ past: [String], now: String, room: String?, close: String = "2026-11-22T00:00:00Z"
    ) {
      testDescription = name
      (self.daily, self.hourly, self.rolling, self.ramp) = (daily, hourly, rolling, ramp)
      (self.zone, self.past, self.now, self.room, self.close) = (zone, past, now, room, close)
    }
  }

  static let ramp = Mailbox.Ramp(
    from: 1, step: 1, everyDays: 2, start: CalendarDay("2026-11-20") ?? CalendarDay(number: 0))

  static let cases = [
    Case("a free day", daily: 2, ["2026-11-20T08:00:00Z"], now: "2026-11-20T09:00:00Z", room: "2026-11-20T09:00:00Z"),
    Case("a full day", daily: 1, ["2026-11-20T08:00:00Z"], now: "2026-11-20T09:00:00Z", room: "2026-11-21T00:00:00Z"),
    Case(
      "a full day that is not over at the close", daily: 1, ["2026-11-20T08:00:00Z"], now: "2026-11-20T09:00:00Z",
      room: nil, close: "2026-11-21T00:00:00Z"),
    Case(
      "a day of a zone far east", daily: 1, zone: "Pacific/Auckland", ["2026-11-20T10:59:59.999Z"],
      now: "2026-11-20T11:00:00Z", room: "2026-11-20T11:00:00Z"),
    Case("no sends at all", daily: 0, [], now: "2026-11-20T09:00:00Z", room: nil),
    Case(
      "a ramp before its first day", ramp: ramp, [], now: "2026-11-19T09:00:00Z", room: "2026-11-20T00:00:00Z"),
    Case(
      "a ramp on its second day", ramp: ramp, ["2026-11-21T08:00:00Z"], now: "2026-11-21T09:00:00Z",
      room: "2026-11-22T00:00:00Z", close: "2026-11-23T00:00:00Z"),
    Case(
      "a ramp after its first step", ramp: ramp, ["2026-11-22T08:00:00Z"], now: "2026-11-22T09:00:00Z",
      room: "2026-11-22T09:00:00Z", close: "2026-11-23T00:00:00Z"),
    Case(
      "a ramp that has outgrown the daily limit", daily: 1, ramp: ramp, ["2026-11-22T08:00:00Z"],
      now: "2026-11-22T09:00:00Z", room: nil, close: "2026-11-23T00:00:00Z"),
    Case(
      "an hour used up", hourly: 2, ["2026-11-20T09:00:00Z", "2026-11-20T09:59:59.999Z"],
      now: "2026-11-20T09:59:59.999Z", room: "2026-11-20T10:00:00Z"),
    Case(
      "an hour is the clock's, not any sixty minutes", hourly: 1, ["2026-11-20T09:59:59.999Z"],
      now: "2026-11-20T10:00:00Z", room: "2026-11-20T10:00:00Z"),
    Case(
      "a clock that is half an hour off", hourly: 1, zone: "Asia/Kolkata", ["2026-11-20T09:31:00Z"],
      now: "2026-11-20T10:00:00Z", room: "2026-11-20T10:30:00Z"),
    Case(
      "an hour that the clock shows twice is one", hourly: 1, zone: "Europe/Berlin", ["2026-10-25T00:10:00Z"],
      now: "2026-10-25T00:20:00Z", room: "2026-10-25T02:00:00Z"),
    Case(
      "half an hour that the clock shows twice", hourly: 1, zone: "Australia/Lord_Howe", ["2026-04-04T14:40:00Z"],
      now: "2026-04-04T14:50:00Z", room: "2026-04-04T15:30:00Z"),
    Case("no sends an hour", hourly: 0, [], now: "2026-11-20T09:00:00Z", room: nil),
    Case(
      "24 hours to the millisecond", rolling: 2,
      ["2026-11-19T09:00:00.500Z", "2026-11-19T12:00:00Z"], now: "2026-11-20T09:00:00.499Z",
      room: "2026-11-20T09:00:00.500Z"),
    Case(
      "24 hours just over", rolling: 2, ["2026-11-19T09:00:00.500Z", "2026-11-19T12:00:00Z"],
      now: "2026-11-20T09:00:00.500Z", room: "2026-11-20T09:00:00.500Z"),
    Case(
      "more in 24 hours than a limit that was lowered", rolling: 1,
      ["2026-11-19T20:00:00Z", "2026-11-19T21:00:00Z", "2026-11-19T22:00:00Z"], now: "2026-11-20T09:00:00Z",
      room: "2026-11-20T22:00:00Z"),
    Case(
      "sends ahead of the clock count too", rolling: 2, ["2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z"],
      now: "2026-11-20T09:00:00Z", room: "2026-11-21T08:00:00Z"),
    Case(
      "room between sends that lie apart", rolling: 2, ["2026-11-19T08:00:00Z", "2026-11-20T10:00:00Z"],
      now: "2026-11-20T09:00:00Z", room: "2026-11-20T09:00:00Z"),
    Case("no sends in 24 hours", rolling: 0, [], now: "2026-11-20T09:00:00Z", room: nil),
    Case(
      "each limit hands on to the next", daily: 3, hourly: 1, rolling: 3,
      ["2026-11-20T08:30:00Z", "2026-11-20T09:00:00Z", "2026-11-20T09:30:00Z"], now: "2026-11-20T09:40:00Z",
      room: "2026-11-21T08:30:00Z"),
  ]

  @Test(arguments: cases) func roomIsThereAtTheFirstInstantThatAllLimitsAllow(_ test: Case) throws {
    var mailbox = Scene(mailboxes: 1).mailboxes[0]
    mailbox.zone = try #require(Zone(test.zone))
    (mailbox.dailyLimit, mailbox.hourlyLimit, mailbox.rollingLimit) = (test.daily, test.hourly, test.rolling)
    mailbox.ramp = test.ramp
    var book = MailboxBook(mailbox)
    for text in test.past { book.add(try #require(Instant(text))) }
    let (now, close) = (try #require(Instant(test.now)), try #require(Instant(test.close)))
    let room = test.room.flatMap { Instant($0) }
    #expect(book.firstRoom(from: now, before: close) == room)
    // What is taken back leaves no trace, in whatever order.
    book.add(now)
    book.remove(now)
    #expect(book.firstRoom(from: now, before: close) == room)
  }
}
