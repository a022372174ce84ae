import Model

/// A plan for people: what became of everything that was due.
public enum PlanReport {
  /// Campaigns with their totals, and the reasons behind them.
  public static func summary(_ header: PlanHeader) -> String {
    var out = "Plan for \(header.date) (\(header.zone.identifier)), from \(header.zone.format(header.notBefore))\n\n"
    var table = TextTable(
      ["campaign", "due", "planned", "deferred", "skipped", "waiting", "ended"], numbers: [1, 2, 3, 4, 5, 6])
    func row(_ name: String, _ t: PlanTotals) {
      table.add(
        [name] + [t.due, t.planned, t.deferredTotal, t.skippedTotal, t.waiting, t.ended].map(Words.number))
    }
    for (id, totals) in header.campaigns.sorted(by: { $0.key < $1.key }) { row(id, totals) }
    if header.campaigns.count > 1 { row("all", header.totals) }
    out += table.isEmpty ? "No active campaign.\n" : table.text
    let totals = header.totals
    if totals.skippedTotal > 0 {
      out += "\nSkipped: \(Words.counts(totals.skipped)) (skipped.jsonl says whom and why)\n"
    }
    if totals.deferredTotal > 0 { out += "\nDeferred to the next plan: \(Words.counts(totals.deferred))\n" }
    if !totals.held.isEmpty { out += "\nHeld: \(Words.counts(totals.held))\n" }
    if !header.broken.isEmpty { out += "\nLeft out for their findings: \(header.broken.joined(separator: ", "))\n" }
    return out
  }

  public static func json(_ header: PlanHeader, path: String, diff: PlanDiffReport? = nil) -> JSON {
    .members(
      ("plan", .string(path)), ("date", .string(header.date.description)),
      ("not_before", .string(header.zone.format(header.notBefore))), ("totals", json(header.totals)),
      (
        "campaigns",
        .object(
          header.campaigns.sorted(by: { $0.key < $1.key }).map { JSON.Member($0.key, json($0.value)) })
      ),
      ("left_out", header.broken.isEmpty ? nil : .array(header.broken.map(JSON.string))), ("diff", diff?.json))
  }

  static func json(_ totals: PlanTotals) -> JSON {
    .members(
      ("due", .integer(Int64(totals.due))), ("planned", .integer(Int64(totals.planned))),
      ("deferred", counts(totals.deferred)), ("skipped", counts(totals.skipped)), ("held", counts(totals.held)),
      ("waiting", .integer(Int64(totals.waiting))), ("ended", .integer(Int64(totals.ended))))
  }

  static func counts<Reason: RawRepresentable>(_ reasons: [Reason: Int]) -> JSON where Reason.RawValue == String {
    .object(
      reasons.sorted { $0.key.rawValue < $1.key.rawValue }
        .map { JSON.Member($0.key.rawValue, .integer(Int64($0.value))) })
  }
}
