import Model

/// What all decisions of one plan share: the day, the project and what is known of the past.
struct PlanningDay {
  let project: Project
  let history: History
  let date: CalendarDay
  /// The instants that the plan covers, from `notBefore` on.
  let span: Interval
  /// The whole of the project's day.
  let wholeDay: Interval
  let notBefore: Instant
  let drops: Drops
  let known: Known
  let renderer: any TemplateRenderer
  /// Active campaigns that have not ended, in order of their ids.
  let campaigns: [LiveCampaign]
  /// Ids and addresses of mailboxes to their index.
  let mailboxIndex: [String: Int]

  init(project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer) {
    self.project = project
    self.history = history
    self.date = date
    self.renderer = renderer
    wholeDay = project.settings.span(of: date)
    let start = min(max(notBefore, wholeDay.start).roundedUpToSecond, wholeDay.end)
    self.notBefore = start
    span = Interval(start, wholeDay.end)
    // A suppression that names a campaign by an earlier id holds for the campaign of today.
    let renamed = project.campaigns.flatMap { campaign in
      project.suppressions.filter { $0.campaign.map(campaign.was.contains) ?? false }.map { suppression in
        var renamed = suppression
        renamed.campaign = campaign.id
        return renamed
      }
    }
    drops = Drops(suppressions: project.suppressions + renamed, events: project.events + history.bounces)
    var index: [String: Int] = [:]
    for (i, mailbox) in project.mailboxes.enumerated() {
      index[mailbox.id] = i
      switch mailbox.sender {
      case .email(let named): if index[named.address.canonical] == nil { index[named.address.canonical] = i }
      case .sms(let number): if index[number.e164] == nil { index[number.e164] = i }
      }
    }
    mailboxIndex = index
    campaigns = project.campaigns
      .filter { $0.status == .active && ($0.end.map { $0 > start } ?? true) }
      .sorted { $0.id < $1.id }
      .map { LiveCampaign($0, project: project, mailboxIndex: index, renderer: renderer) }
    known = Known(history, forRows: campaigns.contains { $0.campaign.readsMessages })
  }

  var seed: UInt64 { project.settings.seed }

  /// The project's day on which a send was made.
  func day(of record: SendRecord) -> CalendarDay { project.settings.day(of: record.attemptAt ?? record.at) }

  func tie(_ id: SendID) -> UInt64 {
    var random = Seeded(seed, id.text)
    return random.next()
  }

  /// When a send ends unsent: the earlier of its time to live, counted from `origin`, and the campaign's end.
  /// A send that was planned before, and released or not yet made, keeps what its first plan gave it.
  func expiry(_ campaign: Campaign, _ id: SendID, origin: Instant, record: SendRecord?) -> Instant? {
    let byTTL = campaign.ttl.map { record?.expiresAt ?? history.firstExpiry[id] ?? origin + $0 }
    guard let byTTL, let end = campaign.end else { return byTTL ?? campaign.end }
    return min(byTTL, end)
  }
}

/// A campaign that may send on the plan's day, with what is asked of it for every contact worked out once.
struct LiveCampaign {
  let campaign: Campaign
  /// Indices of its mailboxes, by channel.
  let mailboxes: [Channel: [Int]]
  /// Variables that every one of its mailboxes gives, by channel.
  private let mailboxVars: [Channel: Set<String>]
  /// Step ids, present and past, to positions.
  let stepIndex: [String: Int]
  /// What each step's variants ask for.
  let needs: [[Needs]]

  /// Of a variant: what the subject, the body and the links ask for, less what the executor gives.
  struct Needs {
    var subject: TemplateNeeds
    var body: TemplateNeeds
    var links: TemplateNeeds
  }

  init(_ campaign: Campaign, project: Project, mailboxIndex: [String: Int], renderer: any TemplateRenderer) {
    self.campaign = campaign
    let own = project.mailboxes(of: campaign)
    var mailboxes: [Channel: [Int]] = [:]
    var vars: [Channel: Set<String>] = [:]
    for mailbox in own {
      let channel = mailbox.sender.channel
      if let i = mailboxIndex[mailbox.id] { mailboxes[channel, default: []].append(i) }
      let names = mailbox.givenNames
      vars[channel] = vars[channel].map { $0.intersection(names) } ?? names
    }
    self.mailboxes = mailboxes
    mailboxVars = vars
    var index: [String: Int] = [:]
    for (i, step) in campaign.steps.enumerated() {
      for id in [step.id] + step.was where index[id] == nil { index[id] = i }
    }
    stepIndex = index
    var links = TemplateNeeds()
    let namesLink = campaign.steps.contains { step in
      step.variants.contains { variant in
        variant.templates.contains { renderer.needs(of: $0).all.contains("unsubscribe_url") }
      }
    }
    if campaign.messageClass == .bulk || namesLink, let unsubscribe = campaign.unsubscribe {
      for template in [unsubscribe.mailto, unsubscribe.url].compactMap({ $0 }) {
        links = links.union(renderer.needs(of: template))
      }
    }
    needs = campaign.steps.map { step in
      step.variants.map { variant in
        Needs(
          subject: variant.subject.map { renderer.needs(of: $0) } ?? TemplateNeeds(),
          body: [variant.text, variant.html].compactMap { $0 }
            .reduce(TemplateNeeds()) { $0.union(renderer.needs(of: $1)) },
          links: links)
      }
    }
  }

  /// Whether a name is the executor's to give. The subject is rendered by the planner, before there is an
  /// unsubscribe link.
  static func isBuiltin(_ name: String) -> Bool {
    name == "send_id" || name == "unsubscribe_url" || name.hasPrefix("mailbox.")
  }

  /// The required names that nothing gives, sorted.
  /// - Parameter mailbox: the one that it must take; nil if any of them may be, so that all must give what it asks for.
  func missing(
    step: Int, variant: Int, channel: Channel, mailbox: Mailbox?, literal: Candidate.Literal?,
    values: [String: String]
  ) -> [String] {
    let needs = needs[step][variant]
    var required = needs.links.required
    if literal?.hasBody != true { required.formUnion(needs.body.required) }
    var missing: Set<String> = []
    if literal?.subject == nil && channel == .email {
      required.formUnion(needs.subject.required)
      if needs.subject.required.contains("unsubscribe_url") { missing.insert("unsubscribe_url") }
    }
    let given = mailbox?.givenNames ?? mailboxVars[channel] ?? []
    for name in required {
      if name.hasPrefix("mailbox.") {
        let own = name.dropFirst("mailbox.".count)
        if !["id", "email", "name"].contains(own), !given.contains(String(own)) { missing.insert(name) }
      } else if !Self.isBuiltin(name), !given.contains(name) {
        if (values[name] ?? campaign.vars[name])?.isBlank ?? true { missing.insert(name) }
      }
    }
    return missing.sorted()
  }

  /// Which variant a contact gets: by weight, fixed by the seed.
  func variant(step: Int, contact: String, seed: UInt64) -> Int {
    let variants = campaign.steps[step].variants
    guard variants.count > 1 else { return 0 }
    let total = variants.reduce(Int64(0)) { $0 + Int64($1.weight) }
    var random = Seeded(seed, "variant", campaign.id, campaign.steps[step].id, contact)
    var at = random.below(total)
    for (i, variant) in variants.enumerated() {
      at -= Int64(variant.weight)
      if at < 0 { return i }
    }
    return 0
  }
}

extension Mailbox {
  /// The names of its own variables that are no blanks.
  fileprivate var givenNames: Set<String> { Set(vars.filter { !$0.value.isBlank }.keys) }
}

extension Campaign {
  fileprivate var readsMessages: Bool {
    if case .messages = audience { true } else { false }
  }
}

extension SendRecord {
  /// A retry is not due before its time.
  var retryAt: Instant? {
    if case .waiting(let until) = state { until } else { nil }
  }
}
