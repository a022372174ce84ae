import Foundation
import TestSupport
import Testing

@testable import Config
@testable import Model

struct ProjectTests {
  @Test func aSoundProjectIsReadWhole() throws {
    let sample = try Sample()
    let (loaded, findings) = sample.load()
    #expect(findings == [])
    let project = try #require(loaded)
    let berlin = try #require(Zone("Europe/Berlin"))

    #expect(project.settings.zone == berlin)
    #expect(project.settings.dayStarts == 6 * 3600)
    #expect(project.settings.contactCapPerDay == 1)
    #expect(project.settings.retry == RetryPolicy(backoff: .minutes(2)))
    #expect(project.settings.seed == 7)

    #expect(project.campaigns.map(\.id) == ["codes", "welcome"])
    let welcome = project.campaigns[1]
    #expect(welcome.status == .active)
    #expect(welcome.start == Instant("2026-11-20T00:00:00+01:00"))
    #expect(welcome.end == Instant("2027-01-01T00:00:00+01:00"))
    #expect(welcome.window.rules?.count == 2)
    #expect(welcome.holidays == project.settings.holidays && welcome.holidays.count == 1)
    #expect(welcome.stopOn == [.reply, .autoReply])
    #expect(welcome.ttl == .days(2))
    #expect(welcome.retry == RetryPolicy(backoff: .minutes(2), attempts: 3))
    #expect(welcome.vars == ["company": "Example GmbH", "year": "2027"])
    #expect(welcome.approval == .required)
    #expect(welcome.mailboxes == .tag("sales"))
    #expect(project.mailboxes(of: welcome).map(\.id) == ["anna"])
    guard case .contacts(let audience) = welcome.audience else { return #expect(Bool(false)) }
    #expect(audience.including == [.init(column: "country", values: ["DE", "AT"])])
    #expect(audience.excluding == [.init(column: "tags", values: ["customer"])])
    #expect(audience.files == [0])

    let intro = welcome.steps[0]
    #expect(intro.variants.map(\.id) == ["a", "b"])
    #expect(intro.variants.map(\.weight) == [1, 2])
    #expect(intro.variants.map { $0.subject?.source } == ["Hello {{first_name}}", "Good morning"])
    #expect(intro.variants[1].text?.place == Place("campaigns/welcome/intro.txt", line: 1, column: 1))
    #expect(intro.variants[1].html?.isHTML == true)
    #expect(intro.attachments == ["campaigns/welcome/terms.pdf"])
    #expect(welcome.steps[1].delay == .businessDays(3) && welcome.steps[1].reply)

    let codes = project.campaigns[0]
    #expect(codes.status == .draft && codes.approval == .optional && codes.window == .always)
    #expect(codes.steps.map(\.id) == ["message"] && codes.steps[0].variants.first?.templates.isEmpty == true)

    #expect(project.mailboxes[0].providers == ["main", "backup"] && project.mailboxes[0].tags == ["sales", "eu"])
    #expect(project.mailboxes[0].minGap == .seconds(90) && project.mailboxes[0].dailyLimit == 50)
    #expect(project.mailboxes[0].zone.identifier == "Europe/London" && project.mailboxes[1].zone == berlin)
    #expect(project.mailboxes[2].sender.channel == .sms)

    #expect(project.providers.map(\.id) == ["main", "second", "backup"])
    #expect(project.providers[0].interval == Instant.Span(milliseconds: 334))
    guard case .smtp(let first) = project.providers[0].kind, case .smtp(let second) = project.providers[1].kind
    else { return #expect(Bool(false)) }
    #expect(first.port == 587 && first.security == .starttls && first.password == .environment("SMTP_PASSWORD"))
    #expect(second.port == 465 && second.host == "smtp.example.com" && project.providers[1].maxConnections == 5)

    #expect(project.suppressions.map(\.value) == ["eve@example.com", "@xn--bcher-kva.example"])
    #expect(project.suppressions[0].until == Instant("2026-12-02T00:00:00+01:00"))
    #expect(project.events.map(\.contact) == ["ada@example.com"])
  }

  @Test func everyFileThatWasReadIsAnInputWithItsRoleAndDigest() throws {
    let sample = try Sample()
    let inputs = try #require(sample.load().project).inputs
    #expect(
      inputs.map { "\($0.path) \($0.role.rawValue)" } == [
        "campaigns/codes/campaign.yaml campaign", "campaigns/settings.yaml settings",
        "campaigns/welcome/campaign.yaml campaign", "campaigns/welcome/intro.txt template",
        "campaigns/welcome/terms.pdf attachment", "data/contacts.csv contacts", "data/events/old.jsonl events",
        "data/mailboxes.csv mailboxes", "data/messages/today.csv messages", "data/providers.yaml providers",
        "data/suppressions.csv suppressions",
      ])
    for input in inputs { #expect(input.digest == Hex.digest(Array(try sample.text(input.path).utf8))) }
  }

  @Test func keepGoingLeavesBrokenCampaignsOutAndNamesThem() throws {
    let sample = try Sample(
      Sample.good, ["campaigns/sad/campaign.yaml": "audience: {contacts: [x.csv]}\nmailboxes: [ben]\nsteps: 3\n"])
    #expect(sample.load().project == nil)
    let (project, findings) = sample.load(keepGoing: true)
    #expect(project?.campaigns.map(\.id) == ["codes", "welcome"])
    #expect(project?.broken == ["sad"])
    #expect(findings.count == 2)
    try sample.write("campaigns/settings.yaml", Array("sede: 7\n".utf8))
    #expect(sample.load(keepGoing: true).project == nil)
  }

  @Test func defaultsHoldWithoutSettings() throws {
    var files = Sample.good
    files["campaigns/settings.yaml"] = nil
    let settings = try #require(try Sample(files).load().project).settings
    #expect(settings.zone == .utc && settings.approval == .required && settings.window == .always)
    #expect(settings.retry == RetryPolicy() && settings.contactCapPerDay == nil)
  }

  @Test func aSymbolicLinkOutOfTheProjectIsRefused() throws {
    let (sample, other) = (try Sample(), try Sample(["secret.txt": "secret"]))
    let link = sample.folder + "/campaigns/welcome/intro.txt"
    try FileManager.default.removeItem(atPath: link)
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: other.folder + "/secret.txt")
    #expect(
      sample.load().findings == [
        "campaigns/welcome/campaign.yaml:20:11: error: 'intro.txt' leads out of the project; copy the file into it"
      ])
  }

  /// Every key is data: its default is one that its own decoder takes, and none is declared twice.
  @Test func keyDeclarationsAreWholeAndTheirDefaultsGood() {
    for schema in Schemas.all {
      let names = schema.keys.map(\.name)
      #expect(Set(names).count == names.count, "\(schema.name)")
      for key in schema.keys { #expect(!key.doc.isEmpty && !key.example.isEmpty && !key.type.isEmpty, "\(key.name)") }
    }
    #expect(SettingsKeys.window.defaultValue == .always && SettingsKeys.timezone.defaultValue == .utc)
    #expect(RetryKeys.defaults == RetryPolicy())
    #expect(CampaignKeys.stopOn.defaultValue == [.reply] && CampaignKeys.status.defaultValue == .draft)
    #expect(ProviderKeys.maxConnections.defaultValue == 2 && ProviderKeys.messagesPerConnection.defaultValue == 100)
  }
}

struct PlannedFilesTests {
  @Test func copiesStandForFilesThatHaveChangedOrGone() throws {
    let folder = try TemporaryFolder([
      "campaigns/a/campaign.yaml": "nonsense: [",
      "kept/yaml": "audience: {contacts: [gone.csv]}\nmailboxes: [anna]\nsteps: [{id: x, subject: S, text: t.txt}]\n",
      "kept/text": "As it was.\n",
      "kept/mailboxes": "- {id: anna, from: anna@shop.example, providers: [gone]}\n",
      "data/mailboxes.csv": "id,from\n",
    ])
    let (project, findings) = ProjectLoader.loadMessages(
      folder: folder.path, campaigns: ["a", "never-there"],
      copies: [
        "campaigns/a/campaign.yaml": folder.file("kept/yaml"), "campaigns/a/t.txt": folder.file("kept/text"),
        "data/mailboxes.yaml": folder.file("kept/mailboxes"), "data/mailboxes.csv": ProjectLoader.absent,
      ])
    #expect(findings.filter { $0.severity == .error } == [])
    #expect(project.campaigns.map(\.id) == ["a"] && project.mailboxes.map(\.id) == ["anna"])
    let text = project.campaigns.first?.steps.first?.variants.first?.text
    #expect(text?.source == "As it was.\n" && text?.place.file == "campaigns/a/t.txt")
    #expect(project.inputs.map(\.path) == ["campaigns/a/campaign.yaml", "campaigns/a/t.txt", "data/mailboxes.yaml"])
  }
}
