import Foundation
import Journal
import Messages
import Model
import Planning
import Reporting

/// What `status --contact` prints: where the contact stands in each campaign, by the decisions that `why` explains, and
/// every send to it of all days.
struct ContactPage {
  private let who: String
  private let workspace: Workspace
  private let zone: Zone
  /// Nil for whom only sends of campaigns that are gone know.
  private let explanation: Explanation?
  private let planned: [ContactStanding.PlannedLine]
  private let sends: [SendRecord]
  private let pauses: Pauses

  /// - Parameters:
  ///   - campaign: the only one to speak of; nil for all.
  ///   - word: the day from which the next sends are told, or its plan. By default today; in a rehearsal the last day
  ///     that was planned.
  init(
    _ who: String, campaign: String?, asOf word: String?, _ workspace: Workspace, _ project: Project,
    engine: TemplateEngine
  ) throws {
    self.who = who
    self.workspace = workspace
    zone = project.settings.zone
    pauses = try workspace.pauses(project)
    let date = try Self.date(word, workspace, project.settings)
    let session = try PlanSession(
      workspace, project, try DayOptions.parse(["--date", date.description]), engine: engine)
    let explainer = try session.explainer()
    explanation = explainer.explain(who, campaign: campaign)
    let names = explanation.map { [$0.person.key] + $0.person.names } ?? Self.names(who)
    sends = explainer.history.sends(of: names).filter { campaign == nil || $0.campaign == campaign }
    planned =
      explanation == nil ? [] : try Self.planned(Set(names), from: date, explainer.history, workspace, project)
    if explanation == nil, sends.isEmpty {
      let hint = explainer.nearest(who).map { "; did you mean '\($0)'?" } ?? ""
      throw Failure(.failed, "no contact, message row or earlier send has '\(who)'\(hint)")
    }
  }

  private static func names(_ who: String) -> [String] {
    [who, EmailAddress(who)?.canonical, PhoneNumber(who)?.e164].compactMap { $0 }
  }

  private static func date(_ word: String?, _ workspace: Workspace, _ settings: Settings) throws -> CalendarDay {
    let today = settings.day(of: Workspace.now())
    if let word {
      let date = try PlanTarget.date(word, settings) ?? PlanFile.header(GlobalOptions.absolute(word)).date
      // What comes next comes from now on.
      return workspace.isRehearsal ? date : max(date, today)
    }
    guard workspace.isRehearsal else { return today }
    return try workspace.output.days().last { FileManager.default.fileExists(atPath: $0.planPath) }?.date ?? today
  }

  /// The lines that the plans of a day and later ones have for a person and that `send` would still take up.
  private static func planned(
    _ names: Set<String>, from date: CalendarDay, _ history: History, _ workspace: Workspace, _ project: Project
  ) throws -> [ContactStanding.PlannedLine] {
    let hashes = Set(names.map { ByteHash.of($0) })
    var found: [ContactStanding.PlannedLine] = []
    for day in try workspace.output.days()
    where day.date >= date && FileManager.default.fileExists(atPath: day.planPath) {
      let header = try PlanFile.header(day.planPath)
      let (index, lines) = try PlanIndex.read(day.planPath, header: header)
      let own = (0..<index.count).filter { hashes.contains(index.contacts[$0]) || hashes.contains(index.address($0)) }
      guard !own.isEmpty else { continue }
      let held = Set(index.held.map(\.number))
      let released = try LineChoice.releasedFrom(index.plan, day)
      let approvals = try Approvals.read(day.approvalPath)
      for number in own where !held.contains(number) && !released.contains(index.ids[number]) {
        let send = try lines.send(number)
        guard names.contains(send.contact) || names.contains(EmailAddress.canonical(of: send.to)),
          history.isOpen(send.id), workspace.isRehearsal || send.open.close.map({ $0 > Workspace.now() }) ?? false
        else { continue }
        let mayGo = project.mayGo(send, of: header, approvals)
        found.append(ContactStanding.PlannedLine(send: send, date: header.date, mayGo: mayGo))
      }
    }
    return found
  }

  var text: String {
    var text = explanation.map { ContactStanding.text($0, planned: planned) } ?? "\(who): in no file any more\n"
    text += sends.isEmpty ? "\nNothing was ever sent to it.\n" : "\n" + SendStory.table(sends, zone: zone)
    if !pauses.isEmpty {
      let lines = pauses.entries.map { PauseReport.line($0, zone: zone, rehearse: workspace.isRehearsal) }
      text += "\n" + lines.joined(separator: "\n") + "\n"
    }
    return text
  }

  var json: JSON {
    let sorted = sends.sorted { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
    return .members(
      ("contact", .string(explanation?.person.key ?? who)),
      ("campaigns", explanation.map { ContactStanding.json($0, planned: planned) } ?? .array([])),
      ("sends", .array(sorted.map(SendStory.json))), ("paused", .array(PauseReport.json(pauses).array ?? [])))
  }
}
