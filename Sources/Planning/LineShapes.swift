import Model

/// Makes the shapes of one mailbox's lines, and says how the rest of each line comes about.
struct LineShapes {
  private let day: PlanningDay
  private let number: Int
  private let mailbox: Mailbox
  private(set) var shapes: [LineShape] = []
  private(set) var recipes = LineRecipes()
  private var index: [Key: Int] = [:]
  private var last: (key: Key, number: Int)?

  private struct Key: Hashable {
    var kind: UInt32
    var hasSubject: Bool
    var hasBody: Bool
  }

  /// - Parameter number: the mailbox's index.
  init(_ day: PlanningDay, mailbox number: Int) {
    self.day = day
    self.number = number
    mailbox = day.project.mailboxes[number]
  }

  /// The shape of a send, new or known.
  mutating func number(of send: DueSend, _ due: DueSteps, open: IntervalSet) -> Int {
    let kind = due.kinds[Int(send.kind)]
    let literal = kind.isRow ? due.rows[Int(send.person)].literal : nil
    let key = Key(kind: send.kind, hasSubject: literal?.subject != nil, hasBody: literal?.hasBody == true)
    if let last, last.key == key { return last.number }
    let number = index[key] ?? shapes.count
    if number == shapes.count {
      index[key] = number
      add(kind, key, open)
    }
    last = (key, number)
    return number
  }

  private mutating func add(_ kind: SendKind, _ key: Key, _ open: IntervalSet) {
    let live = day.campaigns[kind.campaign]
    let campaign = live.campaign
    let step = campaign.steps[kind.step]
    let variant = step.variants[kind.variant]
    let needs = live.needs[kind.step][kind.variant]
    var names = needs.always.all
    if !key.hasBody { names.formUnion(needs.body.all) }
    if !key.hasSubject { names.formUnion(needs.subject.all) }
    let sorted = names.filter { !LiveCampaign.isBuiltin($0) }.sorted()
    shapes.append(
      LineShape(
        open: open, expiresAt: kind.expiresAt, campaign: campaign.id, step: step.id,
        variant: variant.id.isEmpty ? nil : variant.id, channel: kind.channel, mailbox: mailbox.id, names: sorted))
    let template = kind.channel == .email ? variant.subject : nil
    let pieces = kind.isRow ? nil : template.flatMap { day.renderer.pieces(of: $0) }
    let subject: LineRecipes.Subject =
      if let pieces { .pieces(pieces.map { part($0, campaign) }) } else { template.map { .template($0) } ?? .none }
    recipes.append(
      LineRecipes.Recipe(
        isRow: kind.isRow, isEmail: kind.channel == .email, isReply: step.reply, hasSubject: false, values: 0..<0,
        subject: 0..<0, template: -1, campaign: kind.campaign, step: kind.step),
      mailbox: number, values: sorted.map { source($0, campaign) }, subject: subject)
  }

  private func part(_ piece: TemplatePiece, _ campaign: Campaign) -> LineRecipes.Subject.Part {
    switch piece {
    case .text(let text): return .text(text)
    case .variable("send_id", _): return .sendID
    case .variable(let name, _):
      guard name.hasPrefix("mailbox.") else { return .value(source(name, campaign)) }
      return .text(mailbox.variable(String(name.dropFirst("mailbox.".count))) ?? "")
    }
  }

  /// Values come from the contact, else from the mailbox, else from the campaign.
  private func source(_ name: String, _ campaign: Campaign) -> (name: String, column: Int?, fallback: String?) {
    let fallback = [mailbox.vars[name], campaign.vars[name]].compactMap { $0 }.first { !$0.isBlank }
    return (name, day.project.contacts.column(name), fallback)
  }
}
