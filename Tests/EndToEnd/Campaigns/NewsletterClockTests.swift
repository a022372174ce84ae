import Foundation
import Model
import TestSupport
import Testing

/// The shipped newsletter by the wall clock: tenants who come while it runs, its end, and a gateway that is no good.
@Suite(.timeLimit(.minutes(5)))
struct NewsletterClockTests {
  private static let day = "output/\(Daytime.today)"

  /// The newsletter until an instant some seconds from now, its tenants awake, the project's day theirs.
  private static func files(until end: Date, gateway: String, tenants: Int) throws -> [String: String] {
    let campaign = try ShippedProject.text("campaigns/newsletter/campaign.yaml")
    let settings = try ShippedProject.text("campaigns/settings.yaml")
    return [
      "campaigns/newsletter/campaign.yaml": campaign.replacing(
        "2035-12-31T20:00:00+01:00", with: ISO8601DateFormatter().string(from: end)),
      "campaigns/settings.yaml": settings.replacing("Europe/Berlin", with: Daytime.zone).replacing(
        "backoff: 1m,", with: "backoff: 1s,"),
      "data/contacts.csv": NewsletterCampaignTests.header + (0..<tenants).map { tenant($0) }.joined(),
      "data/providers.yaml": gateway,
    ]
  }

  private static func tenant(_ n: Int) -> String {
    "t\(n)@example.com,+4915112300\(n + 100),Zoë \(n),Town \(n),\(Daytime.zone),tenant,flats,26201,yes\n"
  }

  /// Whole seconds: as a campaign's end is written.
  private static func soon(_ seconds: Int) -> Date {
    Date(timeIntervalSince1970: (Date().timeIntervalSince1970 + Double(seconds)).rounded())
  }

  /// `run --due` typed again and again, as cron does.
  @Test func tenantsWhoComeWhileItRunsGetItAndNothingGoesOutAfterItsEnd() throws {
    let gateway = try TextGateway { $0.hasSuffix("100") ? .asksToComeAgain : .good }
    let end = Self.soon(12)
    let project = try ShippedProject.copy(
      try Self.files(until: end, gateway: try NewsletterCampaignTests.providers(gateway), tenants: 3)
        .merging(try ShippedProject.drafts(["activation", "announcement", "outreach", "property-alerts"])) { $1 })
    func run() throws -> Shell.Output {
      try project.nightmail("run", "--due", "--auto-approve", environment: NewsletterCampaignTests.environment)
    }
    func took(_ n: Int) -> Bool { gateway.taken.contains { $0.phone == "+4915112300\(n + 100)" } }
    let contacts = try project.folder.read("data/contacts.csv")
    var runs = 0
    while Date() < end {
      let output = try run()
      runs += 1
      // 4: the gateway has asked to be left alone for a while.
      #expect([0, 3, 4].contains(output.status), "\(output.out)\(output.error)")
      if runs == 1 { try project.folder.write(contacts + Self.tenant(3), to: "data/contacts.csv") }
    }
    try #require(runs > 1, "the machine was too busy")
    try project.folder.write(contacts + Self.tenant(3) + Self.tenant(4), to: "data/contacts.csv")
    let asked = gateway.asked.count
    for _ in 0..<2 { _ = try run() }
    #expect(took(1) && took(2) && took(3), "\(gateway.taken)")
    #expect(!took(0) && !took(4) && gateway.asked.count == asked)
    #expect(gateway.asked.allSatisfy { $0.at < end } && gateway.complaints.isEmpty)
    #expect(Set(gateway.taken.map(\.id)).count == gateway.taken.count, "nobody twice")
    // The one that was put off until the end is told of.
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--json").json.array ?? []
    #expect(letters.map { $0["reason"]?.string } == ["expired"], "\(letters)")
    #expect(letters.first?["to"]?.string == "+4915112300100")
  }

  @Test func aPlanMadeBeforeTheEndIsNotSentAfterIt() throws {
    let gateway = try TextGateway()
    let end = Self.soon(6)
    let project = try ShippedProject.copy(
      try Self.files(until: end, gateway: try NewsletterCampaignTests.providers(gateway), tenants: 4)
        .merging(try ShippedProject.drafts(["activation", "announcement", "outreach", "property-alerts"])) { $1 })
    try project.nightmail(expecting: 0, "plan")
    try #require(try Ledger(project, day: Self.day).planned.count == 4, "the machine was too busy")
    try project.nightmail(expecting: 0, "approve")
    try wait(30) { Date() >= end }
    let sent = try project.nightmail("send", environment: NewsletterCampaignTests.environment)
    #expect(sent.status == 3 && sent.out.contains("4 dead (expired 4)"), "\(sent.out)\(sent.error)")
    #expect(gateway.server.accepted == 0)
  }

  /// Codes that people wait for, in the same run.
  @Test(arguments: [TextGateway.Mood.stalls, .fails, .talksNonsense, .refusesToken, .isDown])
  func aGatewayThatIsNoGoodDisturbsNoOtherCampaign(mood: TextGateway.Mood) throws {
    let gateway = try TextGateway { _ in mood }
    if mood == .isDown { gateway.server.stop() }
    let smtp = try ScriptedSMTPServer()
    let end = Self.soon(10)
    let codes = (1...6).map { "u-\($0),u\($0)@example.com,48\($0)\n" }.joined()
    var providers = try NewsletterCampaignTests.providers(gateway)
    providers = providers.replacing(
      "- {id: relay, type: file}", with: "- {id: relay, type: smtp, host: localhost, port: \(smtp.port), tls: none}")
    let project = try ShippedProject.copy(
      try Self.files(until: end, gateway: providers, tenants: 24)
        .merging(try ShippedProject.drafts(["announcement", "outreach", "property-alerts"])) { $1 }
        .merging(["data/messages/activations.csv": "user_id,email,code\n" + codes]) { $1 })
    let output = try project.nightmail("run", "--auto-approve", environment: NewsletterCampaignTests.environment)
    #expect(output.status == 3, "\(output.out)\(output.error)")
    let rows = try project.records("\(Self.day)/results.jsonl").filter { $0["kind"]?.string == "outcome" }
    let clock = ISO8601DateFormatter()
    clock.formatOptions.insert(.withFractionalSeconds)
    func time(_ record: JSON, _ name: String) -> Date? {
      guard let text = record[name]?.string else { return nil }
      return clock.date(from: text) ?? ISO8601DateFormatter().date(from: text)
    }
    let attempts = rows.filter { $0["campaign"]?.string == "activation" }
    #expect(attempts.map { $0["outcome"]?.string } == Array(repeating: "sent", count: 6) && smtp.messages.count == 6)
    for code in attempts {
      let (at, due) = (try #require(time(code, "at")), try #require(time(code, "send_at")))
      // A stalled request of the gateway's takes three seconds, and there are two at a time.
      #expect(at.timeIntervalSince(due) < 2, "\(mood): \(code)")
    }
    let activated = try project.folder.read("\(Self.day)/activated.csv")
    #expect(activated.split(separator: "\n").count == 7, "\(activated)")

    // What the gateway may have is in doubt, and asked for once; what it did not take ends with the campaign.
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--json").json.array ?? []
    #expect(letters.count == 24 && letters.allSatisfy { $0["campaign"]?.string == "newsletter" })
    let inDoubt = Set(letters.filter { $0["reason"]?.string == "in-doubt" }.compactMap { $0["id"]?.string })
    #expect(letters.count { $0["reason"]?.string == "expired" } == 24 - inDoubt.count)
    if [.stalls, .fails, .talksNonsense].contains(mood) {
      #expect(!inDoubt.isEmpty && Set(gateway.asked.map(\.id)) == inDoubt && gateway.asked.count == inDoubt.count)
    } else {
      #expect(inDoubt.isEmpty && gateway.asked.isEmpty == (mood == .isDown))
    }
    #expect(gateway.taken.isEmpty && gateway.asked.allSatisfy { $0.at < end } && gateway.complaints.isEmpty)
  }
}
