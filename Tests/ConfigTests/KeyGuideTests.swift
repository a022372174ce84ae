import Testing

@testable import Config
@testable import Model

struct KeyGuideTests {
  private func paths(_ word: String) -> [[String]] {
    guard case .keys(let groups) = KeyGuide.find(word) else { return [] }
    return groups.map { $0.map(\.path) }
  }

  @Test func everyDeclaredKeyHasItsPlace() {
    let paths = Set(KeyGuide.all.map(\.path))
    #expect(paths.count == KeyGuide.all.count)
    for schema in Schemas.all where schema.name != ProviderKeys.head.name {
      for key in schema.keys { #expect(paths.contains { $0.hasSuffix(".\(key.name)") }, "\(schema.name).\(key.name)") }
    }
    #expect(
      paths.isSuperset(of: ["settings.retry.backoff", "campaign.steps.variants.weight", "mailboxes.dkim.selector"]))
    #expect(
      paths.isSuperset(of: [
        "providers.smtp.password.env", "providers.webhook.headers.file", "campaign.steps.text.inline",
      ]))
  }

  @Test func aKeyIsFoundByItsPathAPartOfItOrItsName() {
    #expect(paths("campaign.window") == [["campaign.window"]])
    #expect(paths("campaigns.steps.delay") == [["campaign.steps.delay"]])
    #expect(paths("campaign.delay") == [["campaign.steps.delay"]])
    #expect(paths("ramp.from") == [["mailboxes.ramp.from"]])
    #expect(paths("mailbox.min_gap") == [["mailboxes.min_gap"]])
    #expect(paths("ramp_from") == [["mailboxes.ramp.from"]])
    #expect(paths("window") == [["settings.window"], ["campaign.window"], ["mailboxes.window"]])
    #expect(paths("provider.host") == [["providers.smtp.host"]])
    #expect(paths("proxy").count == 1 && paths("proxy").first?.count == 7)
    #expect(paths("providers.*.proxy") == paths("proxy"))
  }

  @Test func aFileAndAProvidersTypeAreTheirKeys() {
    guard case .group(let title, let keys, let rules) = KeyGuide.find("campaign") else {
      Issue.record("no campaign")
      return
    }
    #expect(title == "campaigns/<id>/campaign.yaml" && keys.map(\.info.name) == CampaignKeys.schema.keys.map(\.name))
    #expect(rules == ["steps, unless audience has messages"])
    guard case .group(_, let server, let needs) = KeyGuide.find("providers.smtp") else {
      Issue.record("no smtp")
      return
    }
    #expect(server.map(\.info.name) == ProviderKeys.smtp.keys.map(\.name))
    #expect(needs.contains("username only with password or token") && needs.contains("not both password and token"))
  }

  @Test func whatIsUnknownHasANearestName() {
    func nearest(_ word: String) -> String? {
      guard case .unknown(let nearest) = KeyGuide.find(word) else { return "known" }
      return nearest
    }
    #expect(nearest("windw") == "window")
    #expect(nearest("campaign.windw") == "campaign.window")
    #expect(nearest("mailbxes") == "mailboxes")
    #expect(nearest("campaign") == "known")
    #expect(nearest("") == nil && nearest("...") == nil && nearest("something quite different") == nil)
  }

  @Test func aCampaignsKeySaysWhatItStandsInPlaceOf() {
    let campaign = KeyGuide.all.filter { $0.kind == .campaign && $0.overrides != nil }
    let direct = campaign.filter { $0.parent == "campaign" }
    #expect(Set(direct.map(\.info.name)) == ["window", "holidays", "retry", "breaker", "approval", "vars"])
    let settings = Set(KeyGuide.all.filter { $0.kind == .settings }.map(\.path))
    for entry in campaign {
      #expect(settings.contains(entry.overrides ?? ""), "\(entry.path)")
    }
    #expect(campaign.contains { $0.path == "campaign.retry.backoff" && $0.overrides == "settings.retry.backoff" })
  }

  /// `mailboxes.csv` takes each of the columns that are named.
  @Test func theColumnsAreThoseThatAreRead() throws {
    let columns = KeyGuide.all.compactMap(\.column)
    #expect(columns.contains("ramp_every_days") && columns.contains("dkim_key_file") && !columns.contains("vars"))
    let sample = try Sample()
    for column in columns where !["id", "from", "providers", "tags"].contains(column) {
      try sample.write(
        "data/mailboxes.csv",
        Array("id,from,providers,tags,\(column)\nanna,a@example.com,main,sales,?\nben,b@example.com,main,,\n".utf8))
      let findings = sample.load().findings
      #expect(!findings.contains { $0.contains("unknown key") || $0.contains("column '\(column)'") }, "\(findings)")
    }
  }
}
