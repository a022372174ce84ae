import Testing

@testable import Config
@testable import Model

/// `breaker`, in settings and per campaign.
struct BreakerKeyTests {
  private func load(settings: String = "", campaign: String = "") throws -> (project: Project?, findings: [String]) {
    try Sample(
      Sample.good,
      [
        "campaigns/settings.yaml": "timezone: Europe/Berlin\n" + settings,
        "campaigns/codes/campaign.yaml":
          "audience: {messages: [messages/*], columns: {mail: email}}\nmailboxes: [ben]\n" + campaign,
      ]
    ).load()
  }

  private func breaker(of id: String, _ project: Project?) -> BreakerPolicy? {
    project?.campaigns.first { $0.id == id }?.breaker
  }

  @Test func withoutItTheDefaultsHold() throws {
    let (project, findings) = try load()
    #expect(findings == [])
    let expected = BreakerPolicy(
      bounceRate: .percent(5), complaintRate: Share(millionths: 3000), errorRate: .percent(20), minSends: 50)
    #expect(project?.settings.breaker == expected)
    #expect(breaker(of: "codes", project) == expected && breaker(of: "welcome", project) == expected)
  }

  @Test func ratesAreWrittenAsPercentOrAsAShareAndACampaignGivesSomeOfThem() throws {
    let (project, findings) = try load(
      settings: "breaker: {bounce_rate: 0.08, complaint_rate: 0.25%, error_rate: 100%, min_sends: 200}\n",
      campaign: "breaker: {error_rate: 1, min_sends: 1}\n")
    #expect(findings == [])
    let settings = BreakerPolicy(
      bounceRate: .percent(8), complaintRate: Share(millionths: 2500), errorRate: .all, minSends: 200)
    #expect(project?.settings.breaker == settings && breaker(of: "welcome", project) == settings)
    var codes = settings
    codes.minSends = 1
    #expect(breaker(of: "codes", project) == codes)
  }

  private static let share = "must be a share from 0% to 100%, such as 5% or 0.05, not"

  static let bad: [(where: String, text: String, findings: [String])] = [
    (
      "settings", "breaker: 5%\n",
      ["campaigns/settings.yaml:2:10: error: 'breaker' must be a mapping of keys, not '5%'"]
    ),
    (
      "settings", "breaker: {bounce_rate: 120%, error_rate: five, min_sends: 0}\n",
      [
        "campaigns/settings.yaml:2:24: error: 'bounce_rate' \(share) '120%'",
        "campaigns/settings.yaml:2:42: error: 'error_rate' \(share) 'five'",
        "campaigns/settings.yaml:2:59: error: 'min_sends' must be a whole number from 1 to 1000000, not 0",
      ]
    ),
    (
      "settings", "breaker: {bounce_rat: 5%}\n",
      ["campaigns/settings.yaml:2:11: error: unknown key 'bounce_rat' in breaker; did you mean 'bounce_rate'?"]
    ),
    (
      "campaign", "breaker: {complaint_rate: 3}\n",
      ["campaigns/codes/campaign.yaml:3:27: error: 'complaint_rate' \(share) 3"]
    ),
    (
      "campaign", "breaker: {complaint_rate: -1%, error_rate: [5%]}\n",
      [
        "campaigns/codes/campaign.yaml:3:27: error: 'complaint_rate' \(share) '-1%'",
        "campaigns/codes/campaign.yaml:3:44: error: 'error_rate' \(share) a list",
      ]
    ),
  ]

  @Test(arguments: bad) func aBadBreakerIsReportedWhereItStands(_ place: String, _ text: String, _ expected: [String])
    throws
  {
    let found = try load(settings: place == "settings" ? text : "", campaign: place == "campaign" ? text : "")
    #expect(found.findings == expected)
    #expect(found.project == nil)
  }

  @Test func aShareIsExactToAMillionth() {
    for (text, millionths) in [
      ("5%", 50_000), ("0.3%", 3_000), ("0.05", 50_000), ("1", 1_000_000), ("0", 0), ("100%", 1_000_000),
      ("0.0001%", 1), (".5", 500_000), ("5.%", 50_000), ("0.000001", 1), ("12.50%", 125_000),
    ] {
      #expect(Share(text)?.millionths == millionths, "\(text)")
    }
    for text in ["", "%", ".", "1.1", "101%", "0.00001%", "0.0000001", "5 %", "-1", "1e-2", "5%%", "٥%"] {
      #expect(Share(text) == nil, "\(text)")
    }
    #expect(Share.percent(5).description == "5%" && Share(millionths: 3000).description == "0.3%")
    #expect(!Share.percent(10).isExceeded(by: 1, of: 10) && Share.percent(10).isExceeded(by: 2, of: 19))
    #expect(!Share.none.isExceeded(by: 0, of: 0) && !Share.all.isExceeded(by: 7, of: 7))
  }
}
