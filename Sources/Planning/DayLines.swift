import Model

/// A day's lines as they come out of the allocation: 24 bytes a send and 12 for its place. What a line says of its
/// contact is read from the contact's cells when the line is.
struct DayLines: PlanLines {
  private let day: PlanningDay
  private let due: DueSteps
  /// Sends in the plan's order, with their times in seconds after the day's beginning and their shapes.
  private let order: [UInt32]
  private let seconds: [UInt32]
  private let shapeNumbers: [UInt32]
  let shapes: [LineShape]
  /// For each shape how its variable parts come about.
  private let recipes: [Recipe]

  /// What the lines of one step and variant in one mailbox need beside the contact.
  struct Recipe {
    var subject: [SubjectPart]?
    /// A subject that only the renderer can make.
    var template: Template?
    var isReply: Bool
    /// For each of the shape's names.
    var values: [Source]
    var campaign: Int
    var step: Int

    struct Source {
      var name: String
      var column: Int?
      /// From mailbox or campaign, where the contact has none.
      var fallback: String?
    }

    enum SubjectPart {
      case text(String)
      case value(Source)
      case sendID
    }
  }

  init(
    _ day: PlanningDay, _ due: DueSteps, order: [UInt32], seconds: [UInt32], shapeNumbers: [UInt32],
    shapes: [LineShape], recipes: [Recipe]
  ) {
    self.day = day
    self.due = due
    self.order = order
    self.seconds = seconds
    self.shapeNumbers = shapeNumbers
    self.shapes = shapes
    self.recipes = recipes
  }

  var count: Int { order.count }

  /// The send at a place in the plan: its index among the due ones.
  func dueIndex(_ index: Int) -> Int { Int(order[index]) }
  func time(_ index: Int) -> Instant { day.span.start + .seconds(Int64(seconds[index])) }

  func read(_ index: Int, into parts: inout LineParts) {
    let send = due.sends[Int(order[index])]
    parts.id = send.id
    parts.sendAt = time(index)
    parts.shape = Int(shapeNumbers[index])
    parts.bytes.removeAll(keepingCapacity: true)
    parts.values.removeAll(keepingCapacity: true)
    parts.subject = nil
    parts.extra = nil
    let recipe = recipes[parts.shape]
    if due.kinds[Int(send.kind)].isRow {
      row(due.rows[Int(send.person)], send, recipe, &parts)
    } else {
      contact(day.project.contacts.view(Int(send.person)), send, recipe, &parts)
    }
  }

  private func contact(_ contact: ContactView, _ send: DueSend, _ recipe: Recipe, _ parts: inout LineParts) {
    parts.contact = parts.append(contact.key)
    let channel = shapes[parts.shape].channel
    parts.to = parts.append(channel == .email ? contact.envelope : contact.phone)
    func value(_ source: Recipe.Source, _ parts: inout LineParts) -> Range<Int>? {
      if let column = source.column {
        let cell = contact.value(column)
        if !cell.isBlank { return parts.append(cell) }
      }
      return source.fallback.map { parts.append($0) }
    }
    for source in recipe.values { parts.values.append(value(source, &parts)) }
    guard channel == .email else { return }
    if let subject = recipe.subject {
      let start = parts.bytes.count
      for part in subject {
        switch part {
        case .text(let text): _ = parts.append(text)
        case .value(let source): _ = value(source, &parts)
        case .sendID: _ = parts.append(send.id.text)
        }
      }
      parts.subject = start..<parts.bytes.count
    } else if let template = recipe.template {
      parts.subject = rendered(template, Self.values(contact, recipe), send, &parts)
    } else if recipe.isReply, let thread = Self.thread(contact, recipe, day) {
      var extra = LineParts.Extra()
      extra.thread = thread
      parts.extra = extra
      parts.subject = parts.append("Re: \(thread.subject)")
    }
    if recipe.isReply, parts.extra == nil, let thread = Self.thread(contact, recipe, day) {
      var extra = LineParts.Extra()
      extra.thread = thread
      parts.extra = extra
    }
  }

  private static func values(_ contact: ContactView, _ recipe: Recipe) -> [String: String] {
    values(recipe.values) { source in
      source.column.map { contact.value($0) }.flatMap { $0.isBlank ? nil : $0.text } ?? source.fallback
    }
  }

  private static func values(_ row: RowSend, _ recipe: Recipe) -> [String: String] {
    values(recipe.values) { source in
      if let own = row.values[source.name], !own.isBlank { return own }
      return source.fallback
    }
  }

  /// Whether the renderer takes a send's subject, where it is one that only the renderer can make.
  static func canRender(
    _ send: DueSend, _ due: DueSteps, _ recipe: Recipe, _ mailbox: String, _ day: PlanningDay
  ) -> Bool {
    guard let template = recipe.template else { return true }
    if due.kinds[Int(send.kind)].isRow {
      let row = due.rows[Int(send.person)]
      if row.literal.subject != nil { return true }
      return render(template, values(row, recipe), send.id, mailbox, day) != nil
    }
    let contact = day.project.contacts.view(Int(send.person))
    return render(template, values(contact, recipe), send.id, mailbox, day) != nil
  }

  private static func thread(_ contact: ContactView, _ recipe: Recipe, _ day: PlanningDay) -> PlannedSend.Thread? {
    guard day.mayConcern(contact) else { return nil }
    let live = day.campaigns[recipe.campaign]
    return Progress(contact, live, day.history)
      .thread(before: recipe.step, steps: live.campaign.steps, day.history)
  }

  private func row(_ row: RowSend, _ send: DueSend, _ recipe: Recipe, _ parts: inout LineParts) {
    parts.contact = parts.append(row.contactKey)
    parts.to = parts.append(row.to)
    let values = Self.values(row, recipe)
    for source in recipe.values { parts.values.append(values[source.name].map { parts.append($0) }) }
    var extra = LineParts.Extra()
    extra.name = row.name
    extra.batch = row.batch
    extra.key = row.key
    extra.text = row.literal.text
    extra.html = row.literal.html
    parts.extra = extra
    guard shapes[parts.shape].channel == .email else { return }
    if let own = row.literal.subject {
      parts.subject = parts.append(own)
    } else if let template = recipe.template {
      parts.subject = rendered(template, values, send, &parts)
    }
  }

  private static func values(
    _ sources: [Recipe.Source], _ value: (Recipe.Source) -> String?
  ) -> [String: String] {
    var values: [String: String] = [:]
    for source in sources { values[source.name] = value(source) }
    return values
  }

  private func rendered(
    _ template: Template, _ values: [String: String], _ send: DueSend, _ parts: inout LineParts
  ) -> Range<Int>? {
    Self.render(template, values, send.id, shapes[parts.shape].mailbox, day).map { parts.append($0) }
  }

  /// Nil where the renderer refuses, which `Planner` has found out before: such a send is skipped.
  static func render(
    _ template: Template, _ values: [String: String], _ id: SendID, _ mailbox: String, _ day: PlanningDay
  ) -> String? {
    var values = values
    values["send_id"] = id.text
    if let m = day.mailboxIndex[mailbox] {
      for name in day.renderer.needs(of: template).all where name.hasPrefix("mailbox.") {
        values[name] = day.project.mailboxes[m].variable(String(name.dropFirst("mailbox.".count)))
      }
    }
    return try? day.renderer.render(template, values)
  }
}
