import Foundation
import Journal
import Messages
import Model
import Reporting

/// A stored plan with what it was made from: what `show` prints, and the page for reviewers is made of. The plan itself
/// is read line by line, as often as it takes.
struct PlanView {
  let workspace: Workspace
  let target: PlanTarget
  let header: PlanHeader
  let planned: PlannedProject
  let engine: TemplateEngine

  init(_ workspace: Workspace, _ target: PlanTarget, engine: TemplateEngine = TemplateEngine()) throws {
    self.workspace = workspace
    self.target = target
    self.engine = engine
    header = try PlanFile.header(target.path)
    planned = try PlannedProject(workspace, header, at: target.path, day: target.day)
  }

  /// Whether it is its day's plan at present: skipped steps are kept for that one alone.
  var isCurrent: Bool { target.path == target.day.planPath }

  /// The header of the last plan of an earlier day, to compare with. One that does not read is passed over: it is not
  /// what is asked for.
  func earlier() throws -> PlanHeader? {
    for day in try workspace.output.days().reversed() where day.date < header.date {
      if let header = try? PlanFile.header(day.planPath) { return header }
    }
    return nil
  }

  /// A filter whose mailbox and campaign are the plan's.
  func check(_ filter: PlanFilter) throws -> PlanFilter {
    if let campaign = filter.campaign, header.campaigns[campaign] == nil {
      let known = header.campaigns.keys.sorted()
      throw Failure(.failed, "the plan has no campaign '\(campaign)'\(Nearest.hint(campaign, among: known))")
    }
    let mailboxes = planned.project.mailboxes.map(\.id)
    if let mailbox = filter.mailbox, !mailboxes.isEmpty, !mailboxes.contains(mailbox) {
      throw Failure(.failed, "there is no mailbox '\(mailbox)'\(Nearest.hint(mailbox, among: mailboxes))")
    }
    return filter
  }

  /// - Parameters:
  ///   - keptExamples: of skipped steps, of each campaign and reason.
  ///   - each: is handed every send that is counted.
  func overview(
    _ filter: PlanFilter = PlanFilter(), keptExamples: Int, each: (PlannedSend) -> Void = { _ in }
  ) throws -> PlanOverview {
    var tally = PlanTally()
    try PlanFile.forEach(target.path) { send, _ in
      guard filter.takes(send) else { return }
      tally.add(send)
      each(send)
    }
    var skipped = SkippedSummary(kept: keptExamples)
    if isCurrent {
      try SkippedFile.forEach(target.day.skippedPath) { step in
        if filter.takes(step) { skipped.add(step) }
      }
    }
    return PlanOverview(
      header, tally, project: planned.project, skipped: skipped, earlier: filter.isEmpty ? try earlier() : nil)
  }

  /// Prints the plan.
  /// - Parameter limit: sends that are listed.
  func show(_ filter: PlanFilter, limit: Int) throws {
    var listing = PlanListing(zone: header.zone, width: Console.tableWidth)
    let isJSON = workspace.options.json
    var measured = 0
    let overview = try overview(filter, keptExamples: filter.contact == nil ? 3 : .max) { send in
      measured += 1
      if !isJSON, measured <= limit { listing.measure(send) }
    }
    if isJSON { return try printJSON(overview, filter) }
    let tableWidth = Console.tableWidth
    let width = min(100, tableWidth ?? 80)
    Console.out(
      filter.isEmpty
        ? overview.text(width: width, tableWidth: tableWidth)
        : overview.filteredText(width: width, tableWidth: tableWidth))
    guard overview.tally.count > 0 else { return }
    var out = "\n" + listing.heading
    var listed = 0
    try PlanFile.forEach(target.path) { send, _ in
      guard listed < limit, filter.takes(send) else { return }
      listed += 1
      out += listing.line(send)
      guard out.utf8.count > 1 << 16 else { return }
      Console.out(out)
      out = ""
    }
    let more = overview.tally.count - listed
    if more > 0 { out += "… and \(Words.number(more)) more: --all, or --campaign, --mailbox, --contact\n" }
    if !out.isEmpty { Console.out(out) }
  }

  /// One object, its sends written as they are read.
  private func printJSON(_ overview: PlanOverview, _ filter: PlanFilter) throws {
    var out = Array(overview.json(path: target.path).text.dropLast().utf8)
    out += Array(",\"sends\":[".utf8)
    var isFirst = true
    try PlanFile.forEach(target.path) { send, _ in
      guard filter.takes(send) else { return }
      if !isFirst { out.append(0x2C) }
      isFirst = false
      PlanCodec.encode(send, zone: header.zone, to: &out)
      guard out.count > 1 << 16 else { return }
      Console.write(out)
      out.removeAll(keepingCapacity: true)
    }
    Console.write(out + Array("]}\n".utf8))
  }

  /// Prints one send as it goes out.
  /// - Parameter id: its first digits.
  func show(message id: String) throws {
    var found: [PlannedSend] = []
    var count = 0
    let wanted = id.lowercased()
    try PlanFile.forEach(target.path) { send, _ in
      guard send.id.text.hasPrefix(wanted) else { return }
      count += 1
      if found.isEmpty { found.append(send) }
    }
    guard let send = found.first, count == 1 else {
      throw Failure(
        .failed, count == 0 ? "no send '\(id)' in the plan" : "'\(id)' begins \(count) ids; give more digits")
    }
    let composer = planned.composer(workspace, engine: engine, mailboxes: [send.mailbox])
    let message = try composer.compose(send, date: send.sendAt)
    let text = String(decoding: message.bytes, as: UTF8.self)
    if workspace.options.json {
      return Console.out(
        .members(
          ("id", .string(send.id.text)), ("from", .string(message.envelopeFrom)), ("to", .string(message.envelopeTo)),
          ("message", .string(text))))
    }
    Console.out(text.replacing("\r\n", with: "\n"))
  }
}
