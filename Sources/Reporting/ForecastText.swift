import Model

extension ForecastReport {
  /// All of it for a terminal.
  public var text: String {
    var out = head
    guard !forecast.campaigns.isEmpty else { return out + "\nNo active campaign.\n" + idleText }
    out += "\n" + (mailbox == nil ? dayTable : mailboxDays)
    if mailbox == nil { out += skippedAndHeld }
    let courses = courses
    if !courses.isEmpty { out += "\n" + campaignTable(courses) }
    if courses.count > 1 { out += "\nSends a day, by campaign\n" + campaignGrid(courses) }
    if mailbox == nil, !busyMailboxes.isEmpty { out += "\n" + mailboxText }
    return out + "\n" + shortText + idleText
  }

  private var head: String {
    let days = forecast.days.count
    var title = "Forecast for \(Words.count(days, "day")) from \(forecast.days.first.map { Self.name($0.date) } ?? "")"
    title += " (\(forecast.zone.identifier))"
    if let campaign { title += ", campaign \(campaign)" }
    if let mailbox { title += ", mailbox \(mailbox)" }
    return WhyReport.paragraph(title)
      + WhyReport.paragraph(
        "If every plan is approved, everything in it accepted at its time, nobody replies or bounces, and the files "
          + "stay as they are.",
        hanging: 0)
  }

  /// `Sat 2026-11-21`
  static func name(_ day: CalendarDay) -> String {
    "\(day.weekday.rawValue.prefix(1).uppercased())\(day.weekday.rawValue.dropFirst()) \(day)"
  }

  // MARK: Days

  private var dayTable: String {
    let totals = forecast.days.map(totals)
    func width(_ heading: String, _ value: (PlanTotals) -> Int) -> Int {
      max(heading.count, totals.map { Words.number(value($0)).count }.max() ?? 0)
    }
    let all = Words.number(totals.reduce(0) { $0 + $1.planned })
    let used =
      16 + width("due", \.due) + 2 + max(all.count, width("planned", \.planned)) + 2
      + width("deferred", \.deferredTotal) + 2 + width("skipped", \.skippedTotal) + 2
    var table = TextTable(["day", "due", "planned", "deferred", "skipped", "waits for"], numbers: [1, 2, 3, 4])
    for (day, totals) in zip(forecast.days, totals) {
      let reasons = Self.lines(of: totals.deferred, within: Self.columns - used)
      let counts = [totals.due, totals.planned, totals.deferredTotal, totals.skippedTotal].map(Words.number)
      table.add([Self.name(day.date)] + counts + [reasons.first ?? ""])
      for more in reasons.dropFirst() { table.add(["", "", "", "", "", more]) }
    }
    if forecast.days.count > 1 { table.add(["all days", "", all]) }
    return table.text
  }

  /// Counts, most first, on as few lines as they fit on; of an only reason the count stands beside it already.
  private static func lines(of counts: [DeferReason: Int], within width: Int) -> [String] {
    let counts = counts.filter { $0.value > 0 }
      .sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
    if counts.count == 1 { return counts.map(\.key.rawValue) }
    var lines: [String] = []
    for (reason, count) in counts {
      var text = "\(reason.rawValue) \(Words.number(count))"
      if text.count >= width { text = "\(reason.rawValue) \(short(count))" }
      if let last = lines.last, last.count + 2 + text.count < width {
        lines[lines.count - 1] = last + ", " + text
      } else {
        if let last = lines.popLast() { lines.append(last + ",") }
        lines.append(text)
      }
    }
    return lines
  }

  /// `1.2M`, `345k`
  private static func short(_ n: Int) -> String {
    switch n {
    case 1_000_000...: "\(n / 1_000_000).\(n / 100_000 % 10)M"
    case 1000...: "\(n / 1000)k"
    default: "\(n)"
    }
  }

  /// A mailbox's own days.
  private var mailboxDays: String {
    var table = TextTable(["day", "planned", "of limit", "wait for room", ""], numbers: [1, 2, 3])
    var all = 0
    for day in forecast.days {
      guard let mailbox, let load = load(day, of: mailbox) else { continue }
      let planned = sends(day).reduce(0) { $0 + $1.count }
      all += planned
      table.add([
        Self.name(day.date), Words.number(planned),
        (load.limit.map { "\(Words.number(load.used))/\(Words.number($0))" } ?? "none"), Words.number(load.waited),
        load.isFull ? "full" : "",
      ])
    }
    if forecast.days.count > 1 { table.add(["all days", Words.number(all)]) }
    return table.text
      + WhyReport.paragraph(
        "Of limit: all that the mailbox sends on its day, earlier sends too, and what limit and ramp allow.",
        hanging: 0)
  }

  private var skippedAndHeld: String {
    var skipped: [SkipReason: Int] = [:]
    var held: [HoldReason: Int] = [:]
    for totals in forecast.days.map(totals) {
      skipped.merge(totals.skipped, uniquingKeysWith: max)
      held.merge(totals.held, uniquingKeysWith: max)
    }
    var out = ""
    if !skipped.isEmpty {
      out += WhyReport.paragraph(
        "Skipped, the most on one day: \(Words.counts(skipped)) (nightmail plan writes whom and why)")
    }
    // Not due, and not through either: a person settles what is in doubt, a plan of its own has the rest.
    if !held.isEmpty { out += WhyReport.paragraph("Held, the most on one day: \(Words.counts(held))") }
    return out
  }

  // MARK: Campaigns

  private func campaignTable(_ courses: [Forecast.Course]) -> String {
    let headings = ["campaign", "sends", "a day", "first", "last", "through"]
    let rows = courses.map { course -> [String] in
      let span = span(of: course.id)
      let ending =
        switch course.ending {
        case .through(nil): "already"
        case .through(let day?): day.description
        case .goesOn(let left): "no, \(Words.number(left)) left"
        case .cutOff(_, let left): "ends, \(Words.number(left)) left"
        }
      return [
        TextTable.printable(course.id), Words.number(span.sends),
        span.sends == 0 ? "" : "≤ \(Words.number(span.most))", span.first?.description ?? "none",
        span.last?.description ?? "", ending,
      ]
    }
    let others = headings.indices.dropFirst().reduce(0) { sum, i in
      sum + 2 + max(headings[i].count, rows.map { $0[i].count }.max() ?? 0)
    }
    var table = TextTable(headings, numbers: [1, 2])
    for row in rows {
      table.add([PlanListing.cut(row[0], to: max(headings[0].count, Self.columns - others))] + row.dropFirst())
    }
    return table.text
  }

  private func campaignGrid(_ courses: [Forecast.Course]) -> String {
    let sending = courses.filter { span(of: $0.id).sends > 0 }
    guard !sending.isEmpty else { return "None.\n" }
    return grid(sending.map { course in (course.id, forecast.days.map { Words.number(planned($0, of: course.id)) }) })
  }

  // MARK: Mailboxes

  /// How many mailboxes the text shows.
  private static let shownMailboxes = 12

  /// Those that send or had no room for somebody.
  private var busyMailboxes: [String] {
    let busy = Set(
      forecast.days.flatMap { day in day.loads.filter { $0.planned + $0.waited > 0 }.map(\.mailbox) })
    return mailboxes.filter(busy.contains)
  }

  private var mailboxText: String {
    let busy = busyMailboxes
    var shown = busy
    if busy.count > Self.shownMailboxes {
      // Those with most to do, still in the file's order.
      let weight = Dictionary(
        busy.map { id in
          let loads = forecast.days.compactMap { load($0, of: id) }
          return (id, (loads.count { $0.isFull }, loads.reduce(0) { $0 + $1.planned }))
        }, uniquingKeysWith: { a, _ in a })
      let heaviest = Set(
        busy.sorted { weight[$1] ?? (0, 0) < weight[$0] ?? (0, 0) }.prefix(Self.shownMailboxes))
      shown = busy.filter(heaviest.contains)
    }
    let columns = shown.map { id in
      (
        id,
        forecast.days.map { day -> String in
          guard let load = load(day, of: id) else { return "" }
          let limit = load.limit.map { "/\(Words.number($0))" } ?? ""
          return "\(Words.number(load.planned))\(limit)\(load.isFull ? "*" : " ")"
        }
      )
    }
    var out = campaign == nil ? "Sends a day, by mailbox" : "Sends a day, by mailbox, of all campaigns"
    out += " (of its daily limit; * full)\n" + grid(columns)
    if shown.count < busy.count {
      let more = Words.count(busy.count - shown.count, "more mailbox", "more mailboxes")
      out += "… and \(more): --mailbox ID, or --json\n"
    }
    return out
  }

  /// Days against columns, in as many blocks as the width needs.
  private func grid(_ columns: [(name: String, cells: [String])]) -> String {
    let names = forecast.days.map { Self.name($0.date) }
    var blocks: [[(name: String, cells: [String])]] = [[]]
    var used = 14
    for column in columns {
      let name = PlanListing.cut(TextTable.printable(column.name), to: 18)
      let width = max(TextTable.width(name), column.cells.map(\.count).max() ?? 0) + 2
      if used + width > Self.columns, !blocks[blocks.count - 1].isEmpty {
        blocks.append([])
        used = 14
      }
      used += width
      blocks[blocks.count - 1].append((name, column.cells))
    }
    return blocks.map { block in
      var table = TextTable(["day"] + block.map(\.name), numbers: Set(1...max(1, block.count)))
      for (i, name) in names.enumerated() { table.add([name] + block.map { $0.cells[i] }) }
      return table.text
    }.joined(separator: "\n")
  }

  // MARK: What runs short

  private var shortText: String {
    var out = ""
    let waits = waits
    if !waits.isEmpty {
      out += "What waits\n"
      for wait in waits { out += WhyReport.paragraph("  \(sentence(wait))", hanging: 4) }
    } else if mailbox == nil {
      out += "Nothing waits: everything that is due is sent on its day.\n"
    }
    for course in courses {
      if case .cutOff(let at, let left) = course.ending {
        out += WhyReport.paragraph(
          "\(course.id) ends on \(forecast.zone.format(at)), with \(Words.number(left)) still to send or to follow up.")
      }
    }
    let unreached = courses.filter { !$0.unreached.isEmpty && span(of: $0.id).sends > 0 }
    if !unreached.isEmpty {
      let names = unreached.flatMap { course in course.unreached.map { "\(course.id)/\($0)" } }
      let shown = names.prefix(10).joined(separator: ", ")
      let more = names.count > 10 ? " and \(Words.number(names.count - 10)) more" : ""
      out += WhyReport.paragraph(
        "Steps that nobody reaches within \(Words.count(forecast.days.count, "day")): \(shown)\(more)")
    }
    return out
  }

  private func sentence(_ wait: Wait) -> String {
    let what =
      switch wait.reason {
      case .mailboxLimit: "for room in a mailbox (mailbox-limit)"
      case .noWindowToday: "for a window to open (no-window-today)"
      case .contactCap: "for the contact's cap (contact-cap)"
      case .domainCap: "for the domain's cap (domain-cap)"
      case .newLimit: "for daily_new_limit (new-limit)"
      case .reserved: "for room that other approved plans hold (reserved)"
      }
    let when =
      wait.first == wait.last
      ? "on \(Self.name(wait.first))"
      : "on \(Words.count(wait.days, "day")) from \(Self.name(wait.first)) to \(Self.name(wait.last))"
    var text = "up to \(Words.number(wait.most)) \(what) \(when)"
    if !wait.mailboxes.isEmpty {
      let names = wait.mailboxes.prefix(5).joined(separator: ", ")
      text += ", in \(names)" + (wait.mailboxes.count > 5 ? " and \(Words.number(wait.mailboxes.count - 5)) more" : "")
    }
    return text
      + (wait.atTheEnd > 0
        ? "; \(Words.number(wait.atTheEnd)) still on the last day" : "; nobody from \(Self.name(wait.last + 1)) on")
  }

  private var idleText: String {
    let idle = forecast.idle.filter { campaign == nil || $0.campaign == campaign }
    guard mailbox == nil, !idle.isEmpty else { return "" }
    return WhyReport.paragraph("Not forecast: \(idle.map { "\($0.campaign) (\($0.why))" }.joined(separator: ", "))")
  }
}
