import Model

extension PlanOverview {
  /// All of it for a terminal.
  /// - Parameters:
  ///   - width: of the chart, in characters.
  ///   - tableWidth: what tables of skipped steps are cut to; nil: nothing is cut.
  public func text(width: Int = 80, tableWidth: Int? = nil) -> String {
    var out = PlanReport.summary(header)
    let lacking = notPlanned
    if Set(lacking.map(\.campaign)).count > 1 {
      var table = TextTable(["not planned", "campaign", "reason", "sends"], numbers: [3])
      for one in lacking { table.add([one.what, one.campaign, one.reason, Words.number(one.count)]) }
      out += "\n" + table.text
    }
    if !warnings.isEmpty {
      out += "\nWorth a look\n" + warnings.map { "  - \(TextTable.printable($0.message))\n" }.joined()
    }
    if tally.count > 0 { out += "\n" + mailboxTable + "\n" + chart(width: width) }
    if !skipped.examples.isEmpty { out += "\n" + skippedTable(tableWidth) }
    return out
  }

  /// Of what a filter has left: the chart alone, since the totals are of all.
  public func filteredText(width: Int = 80, tableWidth: Int? = nil) -> String {
    var out = "Plan for \(header.date) (\(header.zone.identifier)): "
    out += "\(Words.number(tally.count)) of \(Words.count(header.sends, "send"))\n"
    if tally.count > 0 { out += "\n" + chart(width: width) }
    if !skipped.examples.isEmpty { out += "\n" + skippedTable(tableWidth) }
    return out
  }

  private var mailboxTable: String {
    var table = TextTable(["mailbox", "planned", "limit", "first", "last", "from"], numbers: [1, 2])
    for load in mailboxes {
      table.add([
        load.id, Words.number(load.planned), load.limit.map(Words.number) ?? "none",
        load.first.map(header.zone.clock) ?? "", load.last.map(header.zone.clock) ?? "", load.address ?? "",
      ])
    }
    return table.text
  }

  private func chart(width: Int) -> String {
    "Sends by hour (\(header.zone.identifier))\n"
      + PlanChart.text(tally.hours(in: header.zone), zone: header.zone, width: width)
  }

  private func skippedTable(_ width: Int?) -> String {
    var table = TextTable(["skipped", "campaign", "step", "reason", "detail"])
    for step in skipped.examples {
      table.add([step.contact, step.campaign, step.step, step.reason.rawValue, step.detail])
    }
    let all = skipped.counts.values.reduce(0) { $0 + $1.values.reduce(0, +) }
    let more = all - skipped.examples.count
    let lines = table.text.split(separator: "\n").map { line in
      (width.map { PlanListing.cut(String(line), to: max(40, $0)) } ?? String(line)) + "\n"
    }
    return lines.joined() + (more > 0 ? "… and \(Words.number(more)) more in skipped.jsonl\n" : "")
  }
}

extension PlanOverview {
  /// The same for scripts, less the sends.
  public func json(path: String) -> JSON {
    let zone = header.zone
    return .members(
      ("plan", .string(path)), ("date", .string(header.date.description)), ("timezone", .string(zone.identifier)),
      ("not_before", .string(zone.format(header.notBefore))), ("totals", PlanReport.json(header.totals)),
      (
        "campaigns",
        .object(header.campaigns.sorted { $0.key < $1.key }.map { JSON.Member($0.key, PlanReport.json($0.value)) })
      ),
      ("left_out", header.broken.isEmpty ? nil : .array(header.broken.map(JSON.string))),
      (
        "mailboxes",
        .array(
          mailboxes.map { load in
            .members(
              ("id", .string(load.id)), ("from", load.address.map(JSON.string)),
              ("planned", .integer(Int64(load.planned))), ("limit", load.limit.map { .integer(Int64($0)) }),
              ("first", load.first.map { .string(zone.format($0)) }),
              ("last", load.last.map { .string(zone.format($0)) }))
          })
      ),
      (
        "hours",
        .array(
          tally.hours(in: zone).map { hour in
            .members(("start", .string(zone.format(hour.start))), ("sends", .integer(Int64(hour.count))))
          })
      ),
      (
        "warnings",
        .array(
          warnings.map { .members(("kind", .string($0.kind.rawValue)), ("message", .string($0.message))) })
      ),
      ("selected", .integer(Int64(tally.count))))
  }
}
