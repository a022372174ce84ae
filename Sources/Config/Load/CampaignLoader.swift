import Foundation
import Model

/// One campaign's folder: `campaign.yaml` with its templates beside it, its audience looked up in the data.
struct CampaignLoader {
  let id: String
  let files: ProjectFiles
  let settings: Settings
  let mailboxes: [Mailbox]
  /// Ids that a mailboxes file gives, sound or not: a broken entry is reported once, where it stands.
  let mailboxIDs: Set<String>
  let findings: Findings

  var folder: String { "campaigns/\(id)" }
  var path: String { "\(folder)/campaign.yaml" }

  /// A campaign as its file gives it, before contacts are read.
  struct Draft {
    var campaign: Campaign
    var audience: AudienceKeys.Given
    /// Where `on_sent` stands.
    var recordPlace: Place
  }

  func read() -> Draft? {
    if !Self.isID(id) {
      findings.error(
        Place(path), "the folder's name is the campaign's id: lower-case letters, digits, - and _, not '\(id)'")
    }
    guard let node = files.yaml(path, .campaign, findings),
      let object = ObjectReader(node, CampaignKeys.schema, findings)
    else { return nil }
    let status = object.value(CampaignKeys.status) ?? .draft
    let messageClass = object.value(CampaignKeys.messageClass) ?? .bulk
    let priority = object.value(CampaignKeys.priority) ?? 0
    let start = object.given(CampaignKeys.start).flatMap { Instant($0, zone: settings.zone) }
    let end = object.given(CampaignKeys.end).flatMap { text in
      CalendarDay(text).map { settings.zone.instant($0 + 1, second: 0) } ?? Instant(text, zone: settings.zone)
    }
    if let start, let end, start >= end {
      findings.error(object.place(CampaignKeys.end), "'end' is not after 'start'")
    }
    let window =
      object.given(SettingsKeys.window) ?? (messageClass == .transactional ? .always : settings.window)
    let holidays = object.given(SettingsKeys.holidays).map { Set($0) } ?? settings.holidays
    let newLimit = object.given(CampaignKeys.dailyNewLimit)
    let stopOn = Set(object.value(CampaignKeys.stopOn) ?? [.reply])
    let ttl = object.given(CampaignKeys.ttl)
    let maxSegments = object.value(CampaignKeys.maxSegments) ?? 10
    let unsubscribe = object.given(CampaignKeys.unsubscribe)
    let retry = object.given(SettingsKeys.retry)?.over(settings.retry) ?? settings.retry
    let breaker = object.given(SettingsKeys.breaker)?.over(settings.breaker) ?? settings.breaker
    let approval =
      object.given(SettingsKeys.approval) ?? (messageClass == .transactional ? .optional : settings.approval)
    let vars = settings.vars.merging(object.given(SettingsKeys.vars) ?? [:]) { _, own in own }
    let was = object.given(CampaignKeys.was) ?? []
    let choice = object.given(CampaignKeys.mailboxes)
    let audience = object.given(CampaignKeys.audience)
    let isMessages = audience?.messages != nil
    let steps = StepLoader(campaign: self, isMessages: isMessages).steps(object)
    if let choice {
      checkMailboxes(choice, steps, at: object.place(CampaignKeys.mailboxes))
    }
    guard let choice, let audience else { return nil }
    let campaign = Campaign(
      id: id, status: status, messageClass: messageClass, priority: priority, start: start, end: end,
      audience: .messages(MessageTable()), mailboxes: choice, window: window, holidays: holidays,
      dailyNewLimit: newLimit,
      stopOn: stopOn, ttl: ttl, maxSegments: maxSegments, unsubscribe: unsubscribe,
      onSent: object.given(CampaignKeys.onSent), vars: vars, retry: retry, breaker: breaker, approval: approval,
      was: was, steps: steps, place: Place(path, line: 1, column: 1))
    return Draft(campaign: campaign, audience: audience, recordPlace: object.place(CampaignKeys.onSent))
  }

  static func isID(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D || $0 == 0x5F }
  }

  private func checkMailboxes(_ choice: Campaign.MailboxChoice, _ steps: [Step], at place: Place) {
    var chosen: [Mailbox] = []
    switch choice {
    case .ids(let ids):
      if ids.isEmpty { findings.error(place, "'mailboxes' is empty; name at least one, or {tag: NAME}") }
      for id in ids where !mailboxIDs.contains(id) {
        findings.error(place, "there is no mailbox '\(id)'" + Nearest.hint(id, among: mailboxIDs.sorted()))
      }
      chosen = mailboxes.filter { ids.contains($0.id) }
    case .tag(let tag):
      chosen = mailboxes.filter { $0.tags.contains(tag) }
      if chosen.isEmpty {
        let tags = Set(mailboxes.flatMap(\.tags)).sorted()
        findings.error(place, "no mailbox has the tag '\(tag)'" + Nearest.hint(tag, among: tags))
      }
    }
    guard !chosen.isEmpty else { return }
    let channels = Set(chosen.map(\.sender.channel))
    for step in steps {
      let wanted: Channel? = step.channel == .email ? .email : step.channel == .sms ? .sms : nil
      if let wanted, !channels.contains(wanted) {
        findings.error(
          step.place, "step '\(step.id)' goes by \(wanted.rawValue), and no mailbox of the campaign does")
      }
    }
  }

  /// The audience's files, found among the project's; a pattern that matches nothing is a finding.
  func matches(_ patterns: [String], key: String, at place: Place) -> [String] {
    var found: Set<String> = []
    for pattern in patterns {
      let paths = files.matches(pattern, in: "data")
      if paths.isEmpty { findings.error(place, "'\(key)': no file matches data/\(pattern)") }
      found.formUnion(paths)
    }
    return found.sorted()
  }

  /// The audience over the contacts that were read.
  func contacts(_ audience: AudienceKeys.Given, paths: [String], _ table: ContactTable) -> Campaign.Audience {
    let indices = Set(paths.compactMap { table.files.firstIndex(of: $0) })
    func filters(_ given: [String: [String]], _ key: String) -> [Campaign.Filter] {
      given.sorted { $0.key < $1.key }.map { name, values in
        let column = CSVHeader.normalise(name)
        if table.column(column) == nil {
          findings.error(
            audience.places[key] ?? audience.place,
            "'\(key)': no contacts file has a column '\(name)'" + Nearest.hint(name, among: table.columns))
        }
        return Campaign.Filter(column: column, values: Set(values))
      }
    }
    return .contacts(
      Campaign.ContactAudience(
        files: indices, including: filters(audience.including, "where"),
        excluding: filters(audience.excluding, "except")))
  }
}
