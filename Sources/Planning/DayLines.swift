import Model

/// A day's lines as they come out of the allocation: 24 bytes a send and 12 for its place. What a line says of its
/// contact is read from the contact's cells when the line is, on as many threads as like.
struct DayLines: PlanLines {
  private let day: PlanningDay
  private let due: DueSteps
  private let contacts: ContactViews
  private let pastSends: HistoryView
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
    pastSends = day.pastSends
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
  func shapeNumber(_ index: Int) -> Int { Int(shapeNumbers[index]) }
  func shape(_ index: Int) -> LineShape { shapes[shapeNumber(index)] }

  func read(_ index: Int, into parts: inout LineParts) {
    let number = Int(order[index])
    let send = due.sends[number]
    parts.removeAll()
    parts.id = send.id
    parts.sendAt = time(index)
    parts.shape = Int(shapeNumbers[index])
    let recipe = recipes[parts.shape]
    if recipe.isRow {
      row(due.rows[Int(send.person)], send, recipe, &parts)
    } else {
      contact(contacts[Int(send.person)], send, recipe, thread: recipe.isReply ? due.threads[number] : [], &parts)
    }
  }

  func fetch(_ range: Range<Int>) {
    let isOfContact = { (i: Int) in !recipes[Int(shapeNumbers[i])].isRow }
    due.fetchSends(order[range])
    for i in range where isOfContact(i) { contacts.fetchEntry(Int(due.sends[Int(order[i])].person)) }
    for i in range where isOfContact(i) { contacts.fetchRecord(Int(due.sends[Int(order[i])].person)) }
    if due.threads.isEmpty { return }
    for step in [HistoryView.Fetch.row, .texts] {
      for i in range {
        if let entry = due.threads.first(of: Int(order[i])) { pastSends.fetch(step, entry) }
      }
    }
  }

  private func contact(
    _ contact: ContactView, _ send: DueSend, _ recipe: LineRecipes.Recipe, thread: ArraySlice<UInt32>,
    _ parts: inout LineParts
  ) {
    parts.contact = parts.append(contact.key)
    let to = recipe.isEmail ? contact.envelope : contact.phone
    parts.to = to.equals(contact.key) ? parts.contact : parts.append(to)
    for i in recipe.values { parts.values.append(recipes.value(i, contact, &parts)) }
    guard recipe.isEmail else { return }
    if !thread.isEmpty { addThread(thread, &parts) }
    if recipe.template >= 0 {
      let values = recipes.values(of: recipe, contact)
      parts.subject = recipes.render(parts.shape, values, send.id, day).map { parts.append($0) }
    } else if recipe.hasSubject {
      let start = parts.bytes.count
      for i in recipe.subject { recipes.write(i, contact, send.id, &parts) }
      parts.subject = start..<parts.bytes.count
    } else if let thread = parts.threadSubject {
      let start = parts.bytes.count
      _ = parts.append("Re: ")
      for i in thread { parts.bytes.append(parts.bytes[i]) }
      parts.subject = start..<parts.bytes.count
    }
  }

  private func addThread(_ thread: ArraySlice<UInt32>, _ parts: inout LineParts) {
    var subject: Cell?
    for number in thread {
      let message = pastSends.message(number, into: &parts)
      if let reference = message.id { parts.references.append(reference) }
      subject = subject ?? message.subject
    }
    guard let subject else { return }
    parts.threadSubject = parts.append(Progress.withoutReplyPrefix(subject))
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
      parts.subject = recipes.render(parts.shape, values, send.id, day).map { parts.append($0) }
    }
  }
}
