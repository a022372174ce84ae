import Foundation
import Model

/// Reads a project's folder into the model.
public enum ProjectLoader {
  /// Reads everything that a plan is made from.
  ///
  /// - Parameters:
  ///   - folder: the project's folder, absolute or relative to the current one.
  ///   - keepGoing: leaves campaigns with errors of their own out and names them in `Project.broken`, in place of
  ///     giving no project; errors elsewhere still stop it.
  ///   - readsContacts: false for a table without contacts, though with their files' columns and digests: for who
  ///     sends a plan that was made of them.
  /// - Returns: the project, nil if an error stops planning, and all findings, sorted by place.
  public static func load(
    folder: String, keepGoing: Bool = false, readsContacts: Bool = true
  ) -> (project: Project?, findings: [Finding]) {
    let files = ProjectFiles(root: folder)
    let shared = Findings()
    guard files.isFolder("campaigns") else {
      shared.error(Place("campaigns"), "there is no folder 'campaigns' here; is this the project's folder?")
      return (nil, shared.all)
    }
    let settings = settings(files, shared)
    let lists = ListLoader(files: files, findings: shared)
    let ways = lists.providers()
    let (mailboxes, mailboxIDs) = lists.mailboxes(settings, providers: ways)
    if let review = settings.review { ReviewKeys.check(review, mailboxes: mailboxes, ids: mailboxIDs, shared) }

    var loaders: [CampaignLoader] = []
    for name in files.names(in: "campaigns") where files.isFolder("campaigns/\(name)") {
      guard files.exists("campaigns/\(name)/campaign.yaml") else {
        if files.exists("campaigns/\(name)/campaign.yml") {
          shared.error(Place("campaigns/\(name)/campaign.yml"), "the file must be called campaign.yaml")
        } else {
          shared.warning(Place("campaigns/\(name)"), "the folder has no campaign.yaml and is passed over")
        }
        continue
      }
      loaders.append(
        CampaignLoader(
          id: name, files: files, settings: settings, mailboxes: mailboxes, mailboxIDs: mailboxIDs,
          findings: Findings()))
    }
    let drafts = loaders.map { ($0, $0.read()) }
    checkOldIDs(drafts)
    checkRecords(drafts)
    let table = contacts(drafts, files, settings, shared, readsRows: readsContacts)
    var campaigns: [Campaign] = []
    for (loader, draft) in drafts {
      guard let draft else { continue }
      campaigns.append(complete(draft, loader, table, settings))
    }
    let drops = DropLoader(files: files, zone: settings.zone, findings: shared)
    let suppressions = drops.suppressions()
    let events = drops.events()
    checkDrops(suppressions, events, drafts, shared)

    let broken = loaders.filter { $0.findings.hasErrors }.map(\.id)
    let findings = Findings.tidy(shared.all + loaders.flatMap(\.findings.all))
    guard !shared.hasErrors, broken.isEmpty || keepGoing else { return (nil, findings) }
    let project = Project(
      settings: settings, campaigns: campaigns.filter { !broken.contains($0.id) }, mailboxes: mailboxes,
      providers: ways.list, contacts: table, suppressions: suppressions, events: events.map(\.event),
      inputs: files.inputs, broken: broken)
    return (project, findings)
  }

  /// Whether a file or folder of this name is none of the project's: hidden, or one that somebody is still writing.
  public static func isPassedOver(_ name: String) -> Bool {
    name.hasPrefix(".") || name.hasSuffix(".tmp") || name.hasSuffix(".part")
  }

  /// Suppressions and events alone, for a running send that heeds what came after the plan.
  public static func loadDrops(folder: String) -> DropsReading {
    let files = ProjectFiles(root: folder)
    let findings = Findings()
    // Only the zone matters here; the settings' other findings are not this reading's.
    let zone = settings(files, Findings()).zone
    let drops = DropLoader(files: files, zone: zone, findings: findings)
    let suppressions = drops.suppressions()
    let events = drops.events().map(\.event)
    let paths = DropLoader.paths(files)
    return DropsReading(
      suppressions: suppressions, events: events, findings: Findings.tidy(findings.all),
      files: paths.suppressions + paths.events)
  }

  /// Changes whenever `loadDrops` may give something else; costs a few calls and reads no file.
  public static func dropsFingerprint(folder: String) -> DropsFingerprint {
    DropLoader.fingerprint(ProjectFiles(root: folder))
  }

  static func settings(_ files: ProjectFiles, _ findings: Findings) -> Settings {
    let path = "campaigns/settings.yaml"
    var node: YAMLNode? = YAMLNode(.mapping([]), at: Place(path))
    if files.exists(path) {
      node = files.yaml(path, .settings, findings)
    } else if files.exists("campaigns/settings.yml") {
      findings.error(Place("campaigns/settings.yml"), "the file must be called settings.yaml")
    }
    guard let node, let object = ObjectReader(node, SettingsKeys.schema, findings) else {
      return Settings(retry: RetryKeys.defaults, breaker: BreakerKeys.defaults)
    }
    return SettingsKeys.settings(object)
  }

  /// All contacts: the usual files and those that audiences name.
  private static func contacts(
    _ drafts: [(CampaignLoader, CampaignLoader.Draft?)], _ files: ProjectFiles, _ settings: Settings,
    _ findings: Findings, readsRows: Bool
  ) -> ContactTable {
    var paths = Set(files.matches("contacts.csv", in: "data") + files.matches("contacts/*.csv", in: "data"))
    for (_, draft) in drafts {
      for pattern in draft?.audience.contacts ?? [] { paths.formUnion(files.matches(pattern, in: "data")) }
    }
    let loader = ContactLoader(files, zone: settings.zone, findings, readsRows: readsRows)
    for path in paths.sorted() { loader.read(path) }
    return loader.table()
  }

  private static func complete(
    _ draft: CampaignLoader.Draft, _ loader: CampaignLoader, _ table: ContactTable, _ settings: Settings
  ) -> Campaign {
    var campaign = draft.campaign
    let audience = draft.audience
    if let patterns = audience.contacts {
      let paths = loader.matches(patterns, key: "contacts", at: audience.places["contacts"] ?? audience.place)
      campaign.audience = loader.contacts(audience, paths: paths, table)
    } else {
      let paths = loader.matches(
        audience.messages ?? [], key: "messages", at: audience.places["messages"] ?? audience.place)
      campaign.audience = .messages(
        MessageLoader.read(audience, paths: paths, loader.files, zone: settings.zone, loader.findings))
    }
    return campaign
  }

  /// Two campaigns that claim one past would each take it for their own.
  private static func checkOldIDs(_ drafts: [(CampaignLoader, CampaignLoader.Draft?)]) {
    var owner: [String: String] = [:]
    for (loader, _) in drafts { owner[loader.id] = loader.id }
    for (loader, draft) in drafts {
      for old in draft?.campaign.was ?? [] {
        if let other = owner.updateValue(loader.id, forKey: old), other != loader.id {
          loader.findings.error(
            Place(loader.path), "'was' names '\(old)', which is the campaign '\(other)' or claimed by it")
        }
      }
    }
  }

  /// Two campaigns may write into one file if its columns are the same for both.
  private static func checkRecords(_ drafts: [(CampaignLoader, CampaignLoader.Draft?)]) {
    var first: [String: (columns: [String], campaign: String)] = [:]
    for (loader, draft) in drafts {
      guard let draft, let record = draft.campaign.onSent else { continue }
      let owner = first[record.file]
      if let owner, owner.columns != record.columns {
        loader.findings.error(
          draft.recordPlace,
          "'on_sent' writes \(record.file) with other columns than the campaign '\(owner.campaign)'; name another file")
      }
      first[record.file] = owner ?? (record.columns, loader.id)
    }
  }

  /// A misspelt campaign makes a suppression or event hold for none.
  private static func checkDrops(
    _ suppressions: [Suppression], _ events: [(event: Event, place: Place)],
    _ drafts: [(CampaignLoader, CampaignLoader.Draft?)], _ findings: Findings
  ) {
    var known: Set<String> = []
    for (loader, draft) in drafts {
      known.insert(loader.id)
      known.formUnion(draft?.campaign.was ?? [])
    }
    let names = known.sorted()
    let mentions = suppressions.map { ($0.campaign, $0.place) } + events.map { ($0.event.campaign, $0.place) }
    for (name, place) in mentions {
      guard let name, !known.contains(name) else { continue }
      findings.warning(place, "there is no campaign '\(name)'" + Nearest.hint(name, among: names))
    }
  }
}
