import Messages
import Model
import Planning

/// A campaign's messages as one contact, or message row, would get them, addressed to somebody else: what `test` sends.
/// They are no sends of any plan: their ids are their own, so that a click on their links says nothing about the contact.
struct TestLetters {
  let project: Project
  let campaign: Campaign
  let engine: TemplateEngine
  let to: String
  let channel: Channel
  let now: Instant

  static let mark = "[test] "

  /// Whose values they hold.
  enum Person {
    case contact(Contact)
    case row(MessageRow, Contact?)
  }

  /// - Parameter to: an e-mail address or a phone number.
  init(project: Project, campaign: Campaign, engine: TemplateEngine, to: String, now: Instant) throws {
    self.project = project
    self.campaign = campaign
    self.engine = engine
    self.now = now
    if let address = EmailAddress(to) {
      (self.to, channel) = (address.envelope, .email)
    } else if let phone = PhoneNumber(to) {
      (self.to, channel) = (phone.e164, .sms)
    } else {
      throw Failure(.failed, "--to: '\(to)' is neither an e-mail address nor a phone number such as +4915112345678")
    }
  }

  /// The one that is named, or the first of the audience whose values fill all templates; without such a one, the first.
  func person(_ name: String?) throws -> Person {
    switch campaign.audience {
    case .contacts(let audience):
      if let name {
        guard let contact = project.contacts.find(name) else { throw Failure(.failed, "there is no contact '\(name)'") }
        return .contact(contact)
      }
      let filter = AudienceFilter(audience, project.contacts)
      var first: Contact?
      // Enough to find one with every value, however many there are.
      var looks = 1000
      for i in 0..<project.contacts.count where filter.matches(project.contacts.view(i)) {
        let contact = project.contacts[i]
        guard contact.defect == nil else { continue }
        if missing(.contact(contact)).isEmpty { return .contact(contact) }
        first = first ?? contact
        looks -= 1
        if looks == 0 { break }
      }
      guard let first else {
        throw Failure(.failed, "campaign '\(campaign.id)' has no contact in its audience; name one with --contact")
      }
      return .contact(first)
    case .messages(let table):
      let rows = table.rows.filter { $0.defect == nil }
      let row = name.map { name in
        rows.first { [$0.contact, $0.email?.canonical, $0.email?.envelope, $0.phone?.e164].contains(name) }
      }
      guard let row = row ?? rows.first else {
        throw Failure(
          .failed,
          name.map { "campaign '\(campaign.id)' has no message row for '\($0)'" }
            ?? "campaign '\(campaign.id)' has no message row to make a message of")
      }
      let contact = row.contact ?? row.email?.canonical ?? row.phone?.e164
      return .row(row, contact.flatMap { project.contacts.find($0) })
    }
  }

  /// The mailbox that the person's messages would come from, as far as it is settled: its own, else the first.
  func mailbox(_ person: Person) throws -> Mailbox {
    let all = project.mailboxes(of: campaign).filter { $0.sender.channel == channel }
    let wish: String? =
      switch person {
      case .contact(let contact): contact.mailbox
      case .row(let row, let contact): row.from ?? contact?.mailbox
      }
    guard let mailbox = all.first(where: { $0.id == wish || $0.sender.address == wish }) ?? all.first else {
      throw Failure(
        .failed,
        "--to \(to): campaign '\(campaign.id)' has no mailbox for \(channel == .sms ? "text messages" : "e-mail")")
    }
    return mailbox
  }

  /// One message for each step that goes by this channel, and each of its variants that anybody gets.
  /// - Parameter step: only this one.
  /// - Throws: what is missing, all of it at once.
  func make(_ person: Person, from mailbox: Mailbox, step only: String?) throws -> [PlannedSend] {
    let names = campaign.steps.map(\.id)
    if let only, !names.contains(only) {
      let hint = Nearest.match(only, among: names).map { "did you mean '\($0)'?" }
      throw Failure(
        .failed, "campaign '\(campaign.id)' has no step '\(only)'; \(hint ?? "it has \(names.joined(separator: ", "))")"
      )
    }
    var sends: [PlannedSend] = []
    var thread: (id: String?, subject: String)?
    var problems: [String] = []
    for step in campaign.steps where step.channel.channels.contains(channel) {
      let isWanted = only == nil || step.id == only
      var first: (id: String?, subject: String)?
      for variant in step.variants where variant.weight > 0 || step.variants.count == 1 {
        let lacking = missing(person, step: step, variant: variant)
        guard lacking.isEmpty else {
          if isWanted {
            problems.append("step '\(step.id)' asks for \(lacking.map { "{{\($0)}}" }.joined(separator: ", "))")
          }
          continue
        }
        let send = try send(step, variant, person, mailbox, answering: step.reply ? thread : nil)
        // What is not sent cannot be referred to; its subject still names the thread.
        let id = isWanted ? MessageComposer.messageID(for: send.id, mailbox: mailbox) : nil
        first = first ?? (id, send.subject ?? "")
        if isWanted { sends.append(send) }
      }
      if !step.reply || thread == nil { thread = first ?? thread }
    }
    guard problems.isEmpty else {
      throw Failure(
        .failed,
        "\(Set(problems).sorted().joined(separator: "; ")), and \(name(of: person)) has no such value: name another with "
          + "--contact; nothing was sent")
    }
    if sends.isEmpty {
      throw Failure(
        .failed, "no step of campaign '\(campaign.id)' goes by \(channel == .sms ? "SMS" : "e-mail"); nothing was sent")
    }
    return sends
  }

  func name(of person: Person) -> String {
    switch person {
    case .contact(let contact): contact.key
    case .row(let row, _): "\(row.place)"
    }
  }

  private func send(
    _ step: Step, _ variant: Step.Variant, _ person: Person, _ mailbox: Mailbox,
    answering thread: (id: String?, subject: String)?
  ) throws -> PlannedSend {
    // Of this moment alone: two tests of one step are two messages.
    let id = SendID(
      campaign: campaign.id, step: step.id, contact: "test:\(to)", channel: channel,
      key: "\(variant.id) \(now.milliseconds)")
    let values = values(person, mailbox)
    var wanted: [String: String] = [:]
    for name in needs(step, variant, person).all { wanted[name] = values[name] }
    let row: MessageRow? = if case .row(let row, _) = person { row } else { nil }
    var subject: String?
    if channel == .email {
      let own =
        try row?.subject
        ?? variant.subject.map { template in
          var all = wanted
          all["send_id"] = id.text
          for name in engine.needs(of: template).all where name.hasPrefix("mailbox.") {
            all[name] = mailbox.variable(String(name.dropFirst("mailbox.".count)))
          }
          return try engine.render(template, all)
        }
      let text = own ?? thread.map { "Re: " + $0.subject.replacing(Self.mark, with: "") } ?? ""
      subject = Self.mark + text
    }
    return PlannedSend(
      id: id, sendAt: now, open: IntervalSet(), campaign: campaign.id, step: step.id,
      variant: variant.id.isEmpty ? nil : variant.id, contact: name(of: person), channel: channel, to: to,
      mailbox: mailbox.id, subject: subject, vars: wanted, batch: row?.batch, key: row?.key ?? "", text: row?.text,
      html: row?.html, thread: thread.map { .init(references: [$0.id].compactMap { $0 }, subject: $0.subject) })
  }

  /// What a message's templates ask for; a row's own subject and text take the place of the step's.
  private func needs(_ step: Step, _ variant: Step.Variant, _ person: Person) -> TemplateNeeds {
    var templates = [variant.subject, variant.text, variant.html]
    if case .row(let row, _) = person {
      if row.subject != nil { templates[0] = nil }
      if row.text != nil || row.html != nil { templates[1...2] = [nil, nil] }
    }
    if channel == .sms { (templates[0], templates[2]) = (nil, nil) }
    var needs = templates.compactMap { $0 }.reduce(TemplateNeeds()) { $0.union(engine.needs(of: $1)) }
    guard campaign.messageClass == .bulk || needs.all.contains("unsubscribe_url") else { return needs }
    for template in [campaign.unsubscribe?.mailto, campaign.unsubscribe?.url].compactMap({ $0 }) {
      needs = needs.union(engine.needs(of: template))
    }
    return needs
  }

  /// As the planner takes them: the person's own, else the mailbox's, else the campaign's. A blank is none.
  private func values(_ person: Person, _ mailbox: Mailbox?) -> [String: String] {
    var values = campaign.vars.filter { !$0.value.isBlank }
    for (name, value) in mailbox?.vars ?? [:] where !value.isBlank { values[name] = value }
    func take(_ contact: Contact) {
      for (name, value) in zip(project.contacts.columns, contact.values) where !value.isBlank { values[name] = value }
    }
    switch person {
    case .contact(let contact): take(contact)
    case .row(let row, let contact):
      if let contact { take(contact) }
      for (name, value) in row.values where !value.isBlank { values[name] = value }
    }
    return values
  }

  private func missing(_ person: Person) -> [String] {
    campaign.steps.filter { $0.channel.channels.contains(channel) }.flatMap { step in
      step.variants.flatMap { missing(person, step: step, variant: $0) }
    }
  }

  private func missing(_ person: Person, step: Step, variant: Step.Variant) -> [String] {
    let values = values(person, try? mailbox(person))
    return needs(step, variant, person).required.filter { name in
      values[name] == nil && name != "send_id" && name != "unsubscribe_url" && !name.hasPrefix("mailbox.")
    }.sorted()
  }
}
