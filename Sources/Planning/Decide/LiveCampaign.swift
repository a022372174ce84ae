import Model

/// A campaign that may send on the plan's day, with what is asked of it for every contact worked out once.
final class LiveCampaign: Sendable {
  let campaign: Campaign
  /// Indices of its mailboxes, by channel.
  let mailboxes: [Channel: [Int]]
  /// Variables that every one of its mailboxes gives, by channel.
  private let mailboxVars: [Channel: Set<String>]
  /// What each step's variants ask for.
  let needs: [[Needs]]
  private let sameVars: [Bool]
  private let hasMailbox: (email: Bool, sms: Bool)
  private let isMailbox: [Bool]
  /// By the history's numbers: which campaigns are this one, under today's name or an earlier one, and the positions of
  /// steps, -1 for those that it has not.
  private let isHistoryCampaign: [Bool]
  private let positionOfHistoryStep: [Int]
  /// What the ids of each step's sends begin with.
  let idPrefixes: [[UInt8]]
  /// What is asked of every contact, without anything that would have to be retained.
  let facts: [StepFacts]
  let variantFacts: [VariantFacts]
  /// Columns that contacts must have a value in, for ranges of `VariantFacts`.
  let askedColumns: [Int]

  /// Of a variant: what the subject, the body, and the links and `on_sent` ask for, less what the executor gives.
  struct Needs {
    var subject: TemplateNeeds
    var body: TemplateNeeds
    /// Whatever text a row brings.
    var always: TemplateNeeds
  }

  struct StepFacts {
    var channel: Step.StepChannel
    var isReply: Bool
    /// Into `variantFacts`.
    var variants: Range<Int>
  }

  struct VariantFacts {
    var hasSubject: Bool
    /// Columns that it requires where the mailbox is still to be chosen and neither mailboxes nor campaign give them,
    /// as ranges of `askedColumns`, by channel.
    var email: Range<Int>
    var sms: Range<Int>
    /// Whether it requires what nobody can have.
    var isNever: (email: Bool, sms: Bool)
  }

  init(
    _ campaign: Campaign, project: Project, history: History, mailboxIndex: [String: Int], isMine: [Bool],
    renderer: any TemplateRenderer
  ) {
    self.campaign = campaign
    isMailbox = isMine
    let names = Set([campaign.id] + campaign.was)
    isHistoryCampaign = history.campaignNames.map(names.contains)
    var mailboxes: [Channel: [Int]] = [:]
    var vars: [Channel: Set<String>] = [:]
    for (i, mailbox) in project.mailboxes.enumerated() where isMine[i] && mailboxIndex[mailbox.id] == i {
      let channel = mailbox.sender.channel
      mailboxes[channel, default: []].append(i)
      let names = mailbox.givenNames
      vars[channel] = vars[channel].map { $0.intersection(names) } ?? names
    }
    self.mailboxes = mailboxes
    mailboxVars = vars
    var index: [String: Int] = [:]
    for (i, step) in campaign.steps.enumerated() {
      for id in [step.id] + step.was where index[id] == nil { index[id] = i }
    }
    positionOfHistoryStep = history.stepNames.map { index[$0] ?? -1 }
    idPrefixes = campaign.steps.map { SendID.prefix(campaign: campaign.id, step: $0.id) }
    var always = TemplateNeeds(required: Set(campaign.onSent?.variables ?? []))
    let namesLink = campaign.steps.contains { step in
      step.variants.contains { variant in
        variant.templates.contains { renderer.needs(of: $0).all.contains("unsubscribe_url") }
      }
    }
    if campaign.messageClass == .bulk || namesLink, let unsubscribe = campaign.unsubscribe {
      for template in [unsubscribe.mailto, unsubscribe.url].compactMap({ $0 }) {
        always = always.union(renderer.needs(of: template))
      }
    }
    let needs = campaign.steps.map { step in
      step.variants.map { variant in
        Needs(
          subject: variant.subject.map { renderer.needs(of: $0) } ?? TemplateNeeds(),
          body: [variant.text, variant.html].compactMap { $0 }
            .reduce(TemplateNeeds()) { $0.union(renderer.needs(of: $1)) },
          always: always)
      }
    }
    self.needs = needs
    var columns: [Int] = []
    func asked(_ needs: Needs, _ channel: Channel) -> (range: Range<Int>, isNever: Bool) {
      let start = columns.count
      var isNever = false
      for name in Self.required(needs, channel: channel, hasBody: false, hasSubject: false).sorted()
      where !Self.isGiven(name, by: vars[channel] ?? [], campaign, needs, channel) {
        if let column = project.contacts.column(name) { columns.append(column) } else { isNever = true }
      }
      return (start..<columns.count, isNever)
    }
    var facts: [StepFacts] = []
    var variants: [VariantFacts] = []
    for (i, step) in campaign.steps.enumerated() {
      let start = variants.count
      for (v, variant) in step.variants.enumerated() {
        let (email, sms) = (asked(needs[i][v], .email), asked(needs[i][v], .sms))
        variants.append(
          VariantFacts(
            hasSubject: variant.subject != nil, email: email.range, sms: sms.range,
            isNever: (email.isNever, sms.isNever)))
      }
      facts.append(StepFacts(channel: step.channel, isReply: step.reply, variants: start..<variants.count))
    }
    self.facts = facts
    variantFacts = variants
    askedColumns = columns
    sameVars = project.mailboxes.map { $0.givenNames == vars[$0.sender.channel] ?? [] }
    hasMailbox = (!(mailboxes[.email] ?? []).isEmpty, !(mailboxes[.sms] ?? []).isEmpty)
  }

  /// Whether a mailbox gives just what all of them give: what is asked of contacts does not depend on it then.
  func givesTheSame(mailbox index: Int) -> Bool { sameVars[index] }

  /// Whether it has a mailbox that sends by a channel.
  func hasMailbox(_ channel: Channel) -> Bool { channel == .email ? hasMailbox.email : hasMailbox.sms }

  func isMine(historyCampaign number: Int) -> Bool { isHistoryCampaign[number] }

  func position(historyStep number: Int) -> Int? {
    positionOfHistoryStep[number] < 0 ? nil : positionOfHistoryStep[number]
  }

  func has(mailbox index: Int) -> Bool { isMailbox[index] }

  /// Whether a name is the executor's to give. The subject is rendered by the planner, before there is an
  /// unsubscribe link.
  static func isBuiltin(_ name: String) -> Bool {
    name == "send_id" || name == "unsubscribe_url" || name.hasPrefix("mailbox.")
  }

  private static func required(_ needs: Needs, channel: Channel, hasBody: Bool, hasSubject: Bool) -> Set<String> {
    var required = needs.always.required
    if !hasBody { required.formUnion(needs.body.required) }
    if !hasSubject && channel == .email { required.formUnion(needs.subject.required) }
    return required
  }

  /// Whether mailbox or campaign gives a name, whatever the contact has.
  private static func isGiven(
    _ name: String, by given: Set<String>, _ campaign: Campaign, _ needs: Needs, _ channel: Channel
  ) -> Bool {
    if name == "unsubscribe_url", channel == .email, needs.subject.required.contains(name) { return false }
    if name.hasPrefix("mailbox.") {
      let own = String(name.dropFirst("mailbox.".count))
      return ["id", "email", "name"].contains(own) || given.contains(own)
    }
    return isBuiltin(name) || given.contains(name) || !(campaign.vars[name]?.isBlank ?? true)
  }

  /// The required names that nothing gives, sorted.
  /// - Parameter mailbox: the one that it must take; nil if any of them may be, so that all must give what it asks for.
  func missing(
    step: Int, variant: Int, channel: Channel, mailbox: Mailbox?, literal: RowSend.Literal?,
    isThere: (String) -> Bool
  ) -> [String] {
    let needs = needs[step][variant]
    let hasSubject = literal?.subject != nil
    let required = Self.required(
      needs, channel: channel, hasBody: literal?.hasBody == true, hasSubject: hasSubject)
    let given = mailbox?.givenNames ?? mailboxVars[channel] ?? []
    return required.filter { name in
      if hasSubject, name == "unsubscribe_url" { return false }
      if Self.isGiven(name, by: given, campaign, needs, channel) { return false }
      return Self.isBuiltin(name) || !isThere(name)
    }.sorted()
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
