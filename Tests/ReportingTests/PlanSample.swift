import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Reporting

/// Plans for the tests of what is said of them.
enum PlanSample {
  static let berlin = Zone("Europe/Berlin") ?? .utc
  static let date = CalendarDay("2026-11-20") ?? CalendarDay(number: 0)
  static let nine = Instant("2026-11-20T09:00:00+01:00") ?? .distantPast

  static func send(
    _ n: Int, at: Instant? = nil, campaign: String = "welcome", mailbox: String = "anna", to: String? = nil,
    subject: String = "Hello", vars: [String: String] = [:]
  ) -> PlannedSend {
    let contact = to ?? "c\(n)@example.org"
    return PlannedSend(
      id: SendID(campaign: campaign, step: "intro", contact: "\(n)", channel: .email, key: ""),
      sendAt: at ?? nine + .minutes(Int64(n)), open: IntervalSet([Interval(nine, nine + .hours(8))]),
      campaign: campaign, step: "intro", contact: contact, channel: .email, to: contact, mailbox: mailbox,
      subject: subject, vars: vars)
  }

  static func header(
    _ sends: [PlannedSend], inputs: [String: String] = [:], date: CalendarDay = date
  ) -> PlanHeader {
    var campaigns: [String: PlanTotals] = [:]
    for send in sends { campaigns[send.campaign, default: PlanTotals()].planned += 1 }
    return PlanHeader(
      date: date, zone: berlin, tzdata: "2026b", notBefore: berlin.instant(date, second: 0), seed: 7,
      sends: sends.count, inputs: inputs, history: "sha256:", campaigns: campaigns)
  }

  static func tally(_ sends: [PlannedSend]) -> PlanTally {
    var tally = PlanTally()
    for send in sends { tally.add(send) }
    return tally
  }

  static func mailbox(_ id: String, limit: Int? = nil, zone: Zone = berlin) throws -> Mailbox {
    let address = try #require(EmailAddress("\(id)@shop.example"))
    return Mailbox(
      id: id, sender: .email(NamedAddress(name: nil, address: address)), dailyLimit: limit, zone: zone,
      providers: ["outbox"])
  }

  /// A plan on disk.
  static func write(_ sends: [PlannedSend], to path: String, inputs: [String: String] = [:]) throws {
    let ordered = sends.sorted { ($0.sendAt, $0.id) < ($1.sendAt, $1.id) }
    try PlanFile.write(Plan(header: header(ordered, inputs: inputs), sends: ordered, skipped: []), toFile: path)
  }
}
