import Model

/// Makes a day's plan.
public enum Planner {
  /// The plan of `date`: a pure function of its arguments (DESIGN §4.1).
  ///
  /// - Parameters:
  ///   - history: of all days, with what other approved plans hold.
  ///   - notBefore: nothing is planned before it; clamped to the project's day.
  ///   - renderer: renders subjects, and says what templates ask for.
  /// - Returns: sends in `send_at` order; for every campaign due = planned + deferred + skipped.
  public static func plan(
    project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer
  ) -> Plan {
    make(project: project, history: history, date: date, notBefore: notBefore, renderer: renderer).plan
  }

  /// The plan with all that it was made from, for whoever explains it.
  static func make(
    project: Project, history: History, date: CalendarDay, notBefore: Instant, renderer: any TemplateRenderer
  ) -> (plan: Plan, day: PlanningDay, due: DueSteps, allocation: Allocation, lines: DayLines) {
    let day = PlanningDay(
      project: project, history: history, date: date, notBefore: notBefore, renderer: renderer)
    var due = DueSteps(day)
    let allocation = Allocation(due, day)
    let (lines, unrendered) = timetable(due, allocation, day)
    due.settle(allocation.places, unrendered, day)
    let header = PlanHeader(
      date: date, zone: project.settings.zone, tzdata: Zone.dataVersion, notBefore: day.notBefore, seed: day.seed,
      sends: lines.count,
      inputs: Dictionary(project.inputs.map { ($0.path, $0.digest) }, uniquingKeysWith: { first, _ in first }),
      content: Dictionary(
        day.campaigns.map { ($0.campaign.id, content(of: $0.campaign, project)) }, uniquingKeysWith: { a, _ in a }),
      history: history.digest, campaigns: due.totals, broken: project.broken)
    let late = LateStart(due, allocation, day)
    let plan = Plan(header: header, lines: lines, skipped: due.skipped, notes: Array(due.notes) + late.notes(day))
    return (plan, day, due, allocation, lines)
  }

  /// One digest over the files that a campaign's messages are made from, each by its path and digest.
  private static func content(of campaign: Campaign, _ project: Project) -> String {
    let templates = campaign.steps.flatMap { $0.variants.flatMap(\.templates).map(\.place.file) + $0.attachments }
    let own = Set([campaign.place.file] + templates)
    let lines = project.inputs.filter { own.contains($0.path) || $0.role == .settings || $0.role == .mailboxes }
      .map { "\($0.path) \($0.digest)\n" }
    return Hex.digest(lines.sorted().joined().utf8)
  }

  /// A mailbox's sends with their times.
  private struct Column: Sendable {
    /// By time, then by id.
    var entries: [(send: UInt32, second: UInt32, shape: UInt32)] = []
    var shapes: [LineShape] = []
    var recipes = LineRecipes()
    var unrendered: [UInt32] = []
  }

  /// Times for everything that has a place, and the lines in their order: by time, mailbox and id.
  private static func timetable(
    _ due: DueSteps, _ allocation: Allocation, _ day: PlanningDay
  ) -> (lines: DayLines, unrendered: [UInt32]) {
    let mailboxes = allocation.shares.indices.filter { !allocation.shares[$0].isEmpty }
      .sorted { day.project.mailboxes[$0].id < day.project.mailboxes[$1].id }
    let portion = max(1, min(16, mailboxes.count / 4))
    let columns = Parallel.map((mailboxes.count + portion - 1) / portion) { i in
      mailboxes[(i * portion)..<min(mailboxes.count, (i + 1) * portion)].map { column($0, due, allocation, day) }
    }.flatMap { $0 }
    let count = columns.reduce(0) { $0 + $1.entries.count }
    // Counted out by second: mailboxes come in the order of their ids, and so stay within each second.
    let length = Int(day.span.length.milliseconds / 1000)
    var next = [Int](repeating: 0, count: length + 2)
    for column in columns { for entry in column.entries { next[Int(entry.second) + 1] += 1 } }
    for second in 1..<next.count { next[second] += next[second - 1] }
    var order = [UInt32](repeating: 0, count: count)
    var seconds = order
    var shapeNumbers = order
    var shapes: [LineShape] = []
    var recipes = LineRecipes()
    for column in columns {
      let base = UInt32(shapes.count)
      shapes += column.shapes
      recipes.append(column.recipes)
      for entry in column.entries {
        let at = next[Int(entry.second)]
        next[Int(entry.second)] += 1
        order[at] = entry.send
        seconds[at] = entry.second
        shapeNumbers[at] = base + entry.shape
      }
    }
    let lines = DayLines(
      day, due, order: order, seconds: seconds, shapeNumbers: shapeNumbers, shapes: shapes, recipes: recipes)
    return (lines, columns.flatMap(\.unrendered))
  }

  private static func column(_ m: Int, _ due: DueSteps, _ allocation: Allocation, _ day: PlanningDay) -> Column {
    var column = Column()
    guard let mailboxDay = allocation.mailboxDays[m] else { return column }
    let mailbox = day.project.mailboxes[m]
    let shares = allocation.shares[m]
    let timeClasses = Dictionary(uniqueKeysWithValues: allocation.waysOf[m].map { ($0.way, $0.timeClass) })
    let ranked = allocation.ranked
    let kinds = shares.map { share in
      let campaign = day.campaigns[ranked.campaign(ofWay: share.way)].campaign
      return Slots.Kind(
        timeClass: timeClasses[share.way] ?? 0, count: share.members.count,
        isTransactional: campaign.messageClass == .transactional)
    }
    let times = Slots.times(kinds, day: mailboxDay, seed: day.seed, mailbox: mailbox.id) { a, b in
      ranked.isBefore(shares[a.kind].members[a.number], shares[b.kind].members[b.number], due, day)
    }
    var shapes = LineShapes(day, mailbox: m)
    let open = shares.map { share in
      allocation.openSet(time: ranked.ways[share.way].time, mailbox: m)
    }
    column.entries.reserveCapacity(times.count)
    for time in times {
      let number = shares[time.kind].members[time.number]
      let send = due.sends[Int(number)]
      let shape = shapes.number(of: send, due, open: open[time.kind])
      if !shapes.recipes.canRender(send, due, shape: shape, day) {
        column.unrendered.append(number)
        continue
      }
      let second = (time.at - day.span.start).milliseconds / 1000
      column.entries.append((number, UInt32(second), UInt32(shape)))
    }
    column.shapes = shapes.shapes
    column.recipes = shapes.recipes
    // Without a gap several may share a second.
    if mailbox.minGap.secondsRoundedUp == 0 {
      column.entries.sort { a, b in
        a.second != b.second ? a.second < b.second : due.sends[Int(a.send)].id < due.sends[Int(b.send)].id
      }
    }
    return column
  }
}
