import ArgumentParser
import Foundation
import Journal
import Model
import Reporting

struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Where a day, a campaign, a batch, a contact or one send stands.")

  @OptionGroup var options: GlobalOptions
  @OptionGroup var rehearsal: RehearsalOptions
  @Option(help: ArgumentHelp("Only this campaign.", valueName: "id"))
  var campaign: String?
  @Option(
    help: ArgumentHelp("All sends to this contact, of all days: an id, an address or a number.", valueName: "who"))
  var contact: String?
  @Option(help: ArgumentHelp("Only this batch of message rows.", valueName: "id"))
  var batch: String?
  @Option(
    name: .customLong("id"), help: ArgumentHelp("One send's whole story: an id, or its first digits.", valueName: "id"))
  var send: String?
  @Argument(help: ArgumentHelp("The day's plan: a path or a date; by default today.", valueName: "plan"))
  var plan: String?

  func run() throws {
    let workspace = Workspace(options, rehearse: rehearsal.rehearse)
    let project = try workspace.load(keepGoing: true)
    let zone = project.settings.zone
    if let send { return try story(send, workspace, zone) }
    if let contact { return try story(of: contact, workspace, project) }
    let target = try PlanTarget(plan, in: workspace, settings: project.settings)
    let status = try day(target, workspace)
    let pauses = try workspace.pauses(project)
    if options.json {
      let members = (status.json.object ?? []) + [JSON.Member("paused", PauseReport.json(pauses))]
      return Console.out(.object(members))
    }
    Console.out("\(target.day.date)\n\n\(status.text)")
    guard !pauses.isEmpty else { return }
    let lines = pauses.entries.map { PauseReport.line($0, zone: zone, rehearse: workspace.isRehearsal) }
    Console.out("\n" + lines.joined(separator: "\n"))
  }

  private func day(_ target: PlanTarget, _ workspace: Workspace) throws -> DayStatus {
    let stored = try PlanFile.read(target.path)
    var history = History()
    var released: Set<SendID> = []
    var batches: [SendID: String] = [:]
    for send in stored.sends { batches[send.id] = send.batch }
    try ResultsReader.forEach(in: target.day) { record in
      history.apply(record)
      switch record {
      case .released(let note, _): released.insert(note.id)
      case .intent(let attempt), .outcome(let attempt, _):
        released.remove(attempt.id)
        if let batch = attempt.batch { batches[attempt.id] = batch }
      case .requeued(let note), .withdrawn(let note), .resolved(let note, _): released.remove(note.id)
      case .run: break
      }
    }
    // What an earlier plan of the day gave back and this one has again is pending.
    let planned = try PlannedLines.read(planPath: target.path, header: stored.header)
    let givenBack = try LineChoice.releasedFrom(planned.plan, target.day)
    released.subtract(stored.sends.map(\.id).filter { !givenBack.contains($0) })
    var others = History()
    for day in try workspace.output.days() where day != target.day {
      try ResultsReader.forEach(in: day) { others.apply($0) }
    }
    let elsewhere = others.sends.values.filter { $0.state.isFinal || $0.state == .inDoubt }.map(\.id)
    return DayStatus(
      lines: stored.sends, history: history, released: released, elsewhere: Set(elsewhere),
      runIsLive: try Self.isLive(target.day)
    ) { id, name in
      (campaign == nil || name == campaign) && (batch == nil || batches[id] == batch)
    }
  }

  /// Whether a run holds the day: an intent without an outcome is then under way, not in doubt.
  static func isLive(_ day: DayFolder) throws -> Bool { try day.isLive() }

  private func story(of who: String, _ workspace: Workspace, _ project: Project) throws {
    var history = History()
    for day in try workspace.output.days() { try ResultsReader.forEach(in: day) { history.apply($0) } }
    let contact = project.contacts.find(who)
    let names = Set(
      [who, EmailAddress(who)?.canonical, PhoneNumber(who)?.e164, contact?.key, contact?.email?.canonical].compactMap {
        $0
      })
    let records = history.sends.values.filter { record in
      (names.contains(record.contact) || names.contains(EmailAddress(record.to)?.canonical ?? record.to))
        && (campaign == nil || record.campaign == campaign)
    }
    if options.json {
      let sorted = records.sorted { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
      return Console.out(.array(sorted.map(SendStory.json)))
    }
    Console.out(
      records.isEmpty
        ? "Nothing was ever sent to \(who)." : SendStory.table(Array(records), zone: project.settings.zone))
  }

  private func story(_ id: String, _ workspace: Workspace, _ zone: Zone) throws {
    var lines: [String] = []
    var ids: Set<SendID> = []
    var history = History()
    for day in try workspace.output.days() {
      try ResultsReader.forEach(in: day) { record in
        guard let found = record.id, found.text.hasPrefix(id.lowercased()) else { return }
        ids.insert(found)
        history.apply(record)
        lines.append(SendStory.line(record, zone: zone))
      }
    }
    guard ids.count == 1, let only = ids.first, let record = history.sends[only] else {
      throw Failure(
        .failed, ids.isEmpty ? "no result for '\(id)'" : "'\(id)' begins \(ids.count) ids; give more digits")
    }
    if options.json { return Console.out(SendStory.json(record)) }
    Console.out("\(record.id)  \(record.campaign)/\(record.step) to \(record.to): \(SendStory.state(record))\n")
    for line in lines { Console.out(line) }
  }
}

extension Record {
  /// The send that a record is about; nil for a run.
  var id: SendID? {
    switch self {
    case .run: nil
    case .intent(let attempt), .outcome(let attempt, _): attempt.id
    case .released(let note, _), .withdrawn(let note), .requeued(let note), .resolved(let note, _): note.id
    }
  }
}
