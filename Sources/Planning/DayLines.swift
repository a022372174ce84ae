import Model

/// A day's lines as they come out of the allocation: 24 bytes a send and 12 for its place. What a line says of its
/// contact is read from the contact's cells when the line is, on as many threads as like.
struct DayLines: PlanLines {
  private let day: PlanningDay
  private let due: DueSteps
  private let contacts: ContactViews
  /// Sends in the plan's order, with their times in seconds after the day's beginning and their shapes.
  private let order: [UInt32]
  private let seconds: [UInt32]
  private let shapeNumbers: [UInt32]
  let shapes: [LineShape]
  private let recipes: LineRecipes

  init(
    _ day: PlanningDay, _ due: DueSteps, order: [UInt32], seconds: [UInt32], shapeNumbers: [UInt32],
    shapes: [LineShape], recipes: LineRecipes
  ) {
    self.day = day
    self.due = due
    contacts = day.project.contacts.views
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
  func shape(_ index: Int) -> LineShape { shapes[Int(shapeNumbers[index])] }

  func read(_ index: Int, into parts: inout LineParts) {
    let send = due.sends[Int(order[index])]
    parts.id = send.id
    parts.sendAt = time(index)
    parts.shape = Int(shapeNumbers[index])
    parts.bytes.removeAll(keepingCapacity: true)
    parts.values.removeAll(keepingCapacity: true)
    parts.subject = nil
    if parts.extra != nil { parts.extra = nil }
    let recipe = recipes[parts.shape]
    if recipe.isRow {
      row(due.rows[Int(send.person)], send, recipe, &parts)
    } else {
      contact(contacts[Int(send.person)], send, recipe, &parts)
    }
  }

  func touch(_ range: Range<Int>) -> Int {
    var sum = 0
    for i in range {
      let send = due.sends[Int(order[i])]
      if !recipes[Int(shapeNumbers[i])].isRow { sum &+= contacts.touch(Int(send.person)) }
    }
    return sum
  }

  private func contact(_ contact: ContactView, _ send: DueSend, _ recipe: LineRecipes.Recipe, _ parts: inout LineParts)
  {
    parts.contact = parts.append(contact.key)
    let to = recipe.isEmail ? contact.envelope : contact.phone
    parts.to = to.equals(contact.key) ? parts.contact : parts.append(to)
    for i in recipe.values { parts.values.append(recipes.value(i, contact, &parts)) }
    guard recipe.isEmail else { return }
    if recipe.isReply, let thread = thread(contact, recipe) {
      var extra = LineParts.Extra()
      extra.thread = thread
      parts.extra = extra
    }
    if recipe.template >= 0 {
      let values = recipes.values(of: recipe, contact)
      parts.subject = recipes.render(recipe, values, send.id, day).map { parts.append($0) }
    } else if recipe.hasSubject {
      let start = parts.bytes.count
      for i in recipe.subject { recipes.write(i, contact, send.id, &parts) }
      parts.subject = start..<parts.bytes.count
    } else if let thread = parts.extra?.thread {
      parts.subject = parts.append("Re: \(thread.subject)")
    }
  }

  private func thread(_ contact: ContactView, _ recipe: LineRecipes.Recipe) -> PlannedSend.Thread? {
    guard day.mayConcern(contact) else { return nil }
    let live = day.campaigns[recipe.campaign]
    return Progress(contact, live, day.history)
      .thread(before: recipe.step, steps: live.campaign.steps, day.history)
  }

  private func row(_ row: RowSend, _ send: DueSend, _ recipe: LineRecipes.Recipe, _ parts: inout LineParts) {
    parts.contact = parts.append(row.contactKey)
    parts.to = parts.append(row.to)
    let values = recipes.values(of: recipe, row)
    for i in recipe.values { parts.values.append(values[recipes.name(i)].map { parts.append($0) }) }
    var extra = LineParts.Extra()
    extra.name = row.name
    extra.batch = row.batch
    extra.key = row.key
    extra.text = row.literal.text
    extra.html = row.literal.html
    parts.extra = extra
    guard recipe.isEmail else { return }
    if let own = row.literal.subject {
      parts.subject = parts.append(own)
    } else if recipe.template >= 0 {
      parts.subject = recipes.render(recipe, values, send.id, day).map { parts.append($0) }
    }
  }
}
