import Foundation
import Model
import TestSupport
import Testing

/// The shipped newsletter through a gateway that speaks its protocol: who gets it and when, and that all that is said of
/// it agrees.
@Suite(.timeLimit(.minutes(5)))
struct NewsletterCampaignTests {
  static let header = "email,phone,first_name,city,timezone,segment,tags,operator,sms_enabled\n"
  static let environment = ["GATEWAY_TOKEN": TextGateway.token]

  /// A tenant, and what becomes of it by the campaign's words.
  private struct Tenant {
    var number: Int
    var zone: String
    /// Minutes that its clocks are ahead of UTC on 2026-11-20.
    var offset: Int
    var operatorCode: String
    var tags: String
    var isEnabled: Bool

    var phone: String { "+4915112300\(number + 100)" }
    var line: String {
      "t\(number)@example.com,\(phone),Zoë \(number),Town \(number),\(zone),tenant,\(tags),\(operatorCode),\(isEnabled ? "yes" : "no")\n"
    }
    var text: String {
      "Zoë \(number), 3 new flats in Town \(number) this week: northwind.example/new. STOP ends this."
    }
    var isMeant: Bool {
      ["26201", "26202", "23415"].contains(operatorCode) && tags.split(separator: ";").contains("flats") && isEnabled
    }

    static let zones = [
      ("Europe/Berlin", 60), ("Europe/London", 0), ("Asia/Tokyo", 540), ("America/New_York", -300),
      ("Asia/Kolkata", 330), ("Pacific/Auckland", 780),
    ]
    static let all = (0..<96).map { n in
      Tenant(
        number: n, zone: zones[n % 6].0, offset: zones[n % 6].1,
        operatorCode: ["26201", "26202", "23415", "26203"][n / 6 % 4],
        tags: ["flats", "garden;flats", "garden", "flats"][n / 24 % 4], isEnabled: n % 11 != 0)
    }
    static let contacts = NewsletterCampaignTests.header + all.map(\.line).joined()
  }

  static func providers(_ gateway: TextGateway, more: String = "") throws -> String {
    try ShippedProject.providers(
      real: ["gateway"],
      [("https://sms.example.com", "http://127.0.0.1:\(gateway.server.port)"), ("rate: 20/s", "timeout: 3s\(more)")])
  }

  /// Of the epoch; fractions of a second are left out.
  private static func seconds(_ time: String) -> Int? {
    let zone = time.hasSuffix("Z") ? "Z" : String(time.suffix(6))
    return ISO8601DateFormatter().date(from: time.prefix(19) + zone).map { Int($0.timeIntervalSince1970) }
  }

  private static let day = "output/rehearsal/2026-11-20"

  @Test func eachTenantThatIsMeantGetsItOnceInItsOwnDaytimeAndNobodyElseDoes() throws {
    let gateway = try TextGateway()
    let project = try ShippedProject.copy([
      "data/contacts.csv": Tenant.contacts, "data/providers.yaml": try Self.providers(gateway),
    ])
    for date in ["2026-11-20", "2026-11-21"] {
      try project.nightmail(
        expecting: 0, "run", "--rehearse", "--auto-approve", "--date", date, environment: Self.environment)
    }
    let meant = Tenant.all.filter(\.isMeant)
    #expect(meant.count > 40 && meant.count < Tenant.all.count)
    #expect(gateway.complaints.isEmpty, "\(gateway.complaints)")
    #expect(gateway.taken.map(\.phone).sorted() == meant.map(\.phone).sorted(), "each once, over both days")
    let texts = Dictionary(uniqueKeysWithValues: meant.map { ($0.phone, $0.text) })
    for text in gateway.taken { #expect(text.text == texts[text.phone]) }
    let plan = try project.records("\(Self.day)/plan.jsonl").filter { $0["campaign"]?.string == "newsletter" }
    let planned = Dictionary(uniqueKeysWithValues: plan.map { ($0["id"]?.string, $0["to"]?.string) })
    for text in gateway.taken { #expect(planned[text.id] == text.phone, "its id is the plan's") }

    var hours: [String: Set<Int>] = [:]
    for record in try project.records("\(Self.day)/results.jsonl")
    where record["campaign"]?.string == "newsletter" && record["outcome"]?.string == "sent" {
      let tenant = try #require(meant.first { $0.phone == record["to"]?.string })
      let at = try #require(record["at"]?.string.flatMap(Self.seconds))
      let minutes = (at / 60 + tenant.offset) % 1440
      #expect(minutes >= 9 * 60 && minutes < 20 * 60, "\(tenant.zone) at \(minutes / 60):\(minutes % 60)")
      hours[tenant.zone, default: []].insert(at / 3600 % 24)
    }
    #expect(hours.count == 6 && Set(hours.values).count > 1, "not all at one time: \(hours)")
  }

  @Test func textJSONPrometheusAndTheGatewayAgreeAndTheLogLeadsToEveryMessage() throws {
    let numbers = Tenant.all.filter(\.isMeant).map(\.phone)
    let (unknown, lost) = (numbers[3], numbers[7])
    let gateway = try TextGateway { $0 == unknown ? .refusesNumber : $0 == lost ? .fails : .good }
    let project = try ShippedProject.copy([
      "data/contacts.csv": Tenant.contacts, "data/providers.yaml": try Self.providers(gateway),
    ])
    try project.nightmail(
      expecting: 3, "run", "--rehearse", "--auto-approve", "--date", "2026-11-20", "--log-file", "mail.log",
      environment: Self.environment)
    let count = gateway.taken.count
    #expect(count == numbers.count - 2 && gateway.asked.count == numbers.count)

    let wanted: [String: Int] = ["sent": count, "dead": 1, "in-doubt": 1, "total": numbers.count]
    let json = try project.nightmail(expecting: 0, "status", "--rehearse", "2026-11-20", "--json").json
    for member in json["campaigns"]?["newsletter"]?.object ?? [] {
      #expect(member.value.integer == Int64(wanted[member.key] ?? 0), "\(member)")
    }
    let report = try project.nightmail(expecting: 0, "report", "--rehearse", "2026-11-20", "--json").json
    #expect(report["campaigns"]?["newsletter"] == json["campaigns"]?["newsletter"])
    #expect(report["attempts"]?["gateway"]?["sent"]?.integer == Int64(count))

    let text = try project.nightmail(
      expecting: 0, "status", "--rehearse", "2026-11-20", "--campaign", "newsletter")
    let rows = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    let head = try #require(rows.first { $0.first == "campaign" })
    let row = try #require(rows.first { $0.first == "newsletter" })
    #expect(Dictionary(uniqueKeysWithValues: zip(head, row).dropFirst()) == wanted.mapValues { "\($0)" })

    let metrics = try project.folder.read("output/rehearsal/metrics.prom")
    for state in ["sent", "dead", "in-doubt", "pending", "deferred", "released"] {
      let sample = #"nightmail_day_sends{campaign="newsletter",mailbox="short",state="\#(state)"}"#
      #expect(metrics.contains("\(sample) \(wanted[state] ?? 0)\n"), "\(state)")
    }
    let attempts = #"nightmail_attempts_total{campaign="newsletter",mailbox="short",provider="gateway",outcome="sent"}"#
    #expect(metrics.contains("\(attempts) \(count)\n"))

    try theLogLeadsEverywhere(project, gateway, lost: lost)
  }

  /// A mailing by its run, a message by its id, a contact by the ids that `status --contact` gives; nobody is named.
  private func theLogLeadsEverywhere(_ project: TestProject, _ gateway: TextGateway, lost: String) throws {
    let text = try project.folder.read("mail.log")
    for tenant in Tenant.all { #expect(!text.contains(tenant.phone), "a number in the log") }
    let log = try text.split(separator: "\n").map { try String($0).json }
    let run = try project.records("\(Self.day)/results.jsonl").first { $0["kind"]?.string == "run" }?["run"]?.string
    let mailing = log.filter { $0["run"]?.string == run && $0["campaign"]?.string == "newsletter" }
    #expect(run != nil && Set(mailing.compactMap { $0["send"]?.string }) == Set(gateway.asked.map(\.id)))
    #expect(mailing.count { $0["outcome"]?.string == "sent" } == gateway.taken.count)

    let found = try project.nightmail(expecting: 0, "status", "--rehearse", "--contact", lost, "--json").json
    let ids = Set((found.array ?? found["sends"]?.array ?? []).compactMap { $0["id"]?.string })
    let asked = try #require(gateway.asked.first { $0.phone == lost })
    #expect(ids == [asked.id])
    let story = log.filter { $0["send"]?.string.map(ids.contains) == true }
    #expect(story.map { $0["outcome"]?.string } == ["in-doubt"] && story.first?["provider"]?.string == "gateway")
    let masked = "\(lost.prefix(3))…\(lost.suffix(2))"
    #expect(
      story.first?["message"]?.string?.contains("newsletter/flats to \(masked) through gateway: in-doubt, 500 oops")
        == true)
    let told = try project.nightmail(expecting: 0, "status", "--rehearse", "--id", String(asked.id.prefix(12)))
    #expect(told.contains("planned for 2026-11-20") && told.contains("through gateway: in-doubt 500 oops"), "\(told)")
  }

  /// Its own campaign's last day: whoever could not be reached before the end is said to be, and is not written to later.
  @Test func whatTheGatewayCannotTakeBeforeTheEndIsADeadLetterAndNeverGoesOutLater() throws {
    let port = LoopbackPort.free()
    let campaign = try ShippedProject.text("campaigns/newsletter/campaign.yaml")
    let project = try ShippedProject.copy([
      "campaigns/newsletter/campaign.yaml": campaign.replacing("2035-12-31T20:00:00", with: "2026-11-20T20:00:00"),
      "data/contacts.csv": Self.header
        + "a@example.com,+81312345678,Aya,Tokyo,Asia/Tokyo,tenant,flats,26201,yes\n"
        + "b@example.com,+491511230001,Ben,Bonn,Europe/Berlin,tenant,flats,26202,yes\n",
      "data/providers.yaml": try ShippedProject.providers(
        real: ["gateway"], [("https://sms.example.com", "http://127.0.0.1:\(port)")]),
    ])
    func run(_ date: String) throws -> JSON {
      let output = try project.nightmail(
        "run", "--rehearse", "--auto-approve", "--date", date, "--json", environment: Self.environment)
      #expect(output.status == (date == "2026-11-20" ? 3 : 0), "\(output.out)\(output.error)")
      return try String(output.out.split(separator: "\n").last ?? "").json
    }
    #expect(try run("2026-11-20")["dead"]?.integer == 2)
    // The tenant in Tokyo was asleep before the campaign's end: its last chance was noon.
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(letters.map { $0["reason"]?.string } == ["expired", "expired"])
    #expect(Set(letters.compactMap { $0["to"]?.string }) == ["+81312345678", "+491511230001"])
    let gateway = try TextGateway()
    try project.folder.write(try Self.providers(gateway), to: "data/providers.yaml")
    #expect(try run("2026-11-21")["dead"]?.integer == 0)
    #expect(gateway.asked.isEmpty)
  }
}
