import Crypto
import Model

/// Makes the history out of what is on disk: the results of all days, steps carried over from another tool, and what
/// the approved plans of other days still hold.
public enum HistoryReader {
  /// - Parameters:
  ///   - project: for `sent` events, whose contact may be named by id, address or number.
  ///   - date: the day that is being planned; its own plan holds nothing back. Nil when nothing is planned.
  ///   - instant: lines whose open time has ended by then hold nothing.
  ///   - needsApproval: whether a line's campaign has to be approved; a line that needs it and lacks it holds nothing.
  /// - Throws: what a broken results, plan or approval file has to say; history is never made from half of the files.
  public static func read(
    _ output: OutputFolder, project: Project, excluding date: CalendarDay?, at instant: Instant,
    needsApproval: (PlannedSend) -> Bool
  ) throws(JournalProblem) -> History {
    var history = History()
    var digest = Digests()
    var released: [CalendarDay: Set<SendID>] = [:]
    let days = try output.days()
    for day in days {
      for path in try day.resultsPaths() { try digest.add(path, in: output) }
      try ResultsReader.forEach(in: day) { record in
        history.apply(record)
        switch record {
        case .released(let note, _): released[day.date, default: []].insert(note.id)
        case .intent(let attempt): released[day.date]?.remove(attempt.id)
        default: break
        }
      }
    }
    carryOver(project, into: &history)
    for day in days where day.date != date && day.date.canHold(at: instant) && FileSystem.exists(day.planPath) {
      for path in [day.planPath, day.linesPath, day.approvalPath] { try digest.add(path, in: output) }
      try reserve(day, released: released[day.date] ?? [], at: instant, needsApproval, in: &history)
    }
    history.digest = digest.text
    return history
  }

  /// Lines that can still go out of another day's plan: as planned, approved where that is needed, nothing final or
  /// undecided recorded of them, and not given back on that day.
  private static func reserve(
    _ day: DayFolder, released: Set<SendID>, at instant: Instant, _ needsApproval: (PlannedSend) -> Bool,
    in history: inout History
  ) throws(JournalProblem) {
    let approvals = try Approvals.read(day.approvalPath)
    let plan = try PlanFile.read(day.planPath)
    let lines: PlannedLines
    do { lines = try PlannedLines.read(planPath: day.planPath, header: plan.header) } catch .interrupted {
      // No line of it can go out before it is planned again.
      return
    }
    for send in plan.sends {
      guard let close = send.open.close, close > instant, !released.contains(send.id), history.isOpen(send.id)
      else { continue }
      guard lines.verdict(on: send) == .asPlanned,
        !needsApproval(send) || approvals.isApproved(send, content: plan.header.content[send.campaign])
      else { continue }
      history.reserved[send.id] = send
    }
  }

  /// `sent` events under the contact's key, since that is what its sends are known by.
  private static func carryOver(_ project: Project, into history: inout History) {
    let events = project.events.filter { $0.type == .sent }
    guard !events.isEmpty else { return }
    var campaigns: [String: Campaign] = [:]
    for campaign in project.campaigns {
      for id in [campaign.id] + campaign.was { campaigns[id] = campaign }
    }
    for event in events.enumerated().sorted(by: { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }) {
      var event = event.element
      let contact = project.contacts.find(event.contact)
      let step = event.campaign.flatMap { campaigns[$0] }?.steps.first {
        event.step == $0.id || event.step.map($0.was.contains) == true
      }
      let isPhone = contact.map { $0.email == nil } ?? (PhoneNumber(event.contact) != nil)
      let channel: Channel = step?.channel == .sms || isPhone ? .sms : .email
      let to = channel == .email ? contact?.email?.canonical : contact?.phone?.e164
      event.contact = contact?.key ?? event.contact
      history.carryOver(event, to: to, channel: channel)
    }
  }

  /// Digests of files under their names relative to the output, in order.
  private struct Digests {
    var hash = SHA256()

    mutating func add(_ path: String, in output: OutputFolder) throws(JournalProblem) {
      guard let digest = try AtomicFile.digest(of: path) else { return }
      hash.update(data: Array("\(path.dropFirst(output.path.count + 1)) \(digest)\n".utf8))
    }

    var text: String { "sha256:" + Hex.encode(hash.finalize()) }
  }
}

extension CalendarDay {
  /// Whether a plan for this day can have open time left at an instant: it ends within the next day (`day_starts`), in
  /// whatever zone. Older plans need not be read.
  fileprivate func canHold(at instant: Instant) -> Bool {
    Instant(seconds: Int64(number + 3) * 86_400) > instant
  }
}
