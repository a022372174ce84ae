import Crypto
import Model

/// Makes the history out of what is on disk: the results of all days, steps carried over from another tool, and what
/// the approved plans of other days still hold.
public enum HistoryReader {
  /// - Parameters:
  ///   - project: for `sent` events, whose contact may be named by id, address or number.
  ///   - date: the day that is being planned; its own plan holds nothing back. Nil when nothing is planned.
  ///   - leavesOut: whether that day's results are left out too: who sends its plan reads them by `DayResults`.
  ///   - instant: lines whose open time has ended by then hold nothing.
  ///   - keepsSnapshot: whether to keep what was read for the next time, where that pays. Only `plan` does; whoever reads
  ///     uses what was kept.
  ///   - names: hands over whom else the history will be asked for; the project's own people it knows anyway.
  ///   - needsApproval: whether a line's campaign has to be approved; a line that needs it and lacks it holds nothing.
  /// - Throws: what a broken results, plan or approval file has to say; history is never made from half of the files.
  public static func read(
    _ output: OutputFolder, project: Project, excluding date: CalendarDay?, leavesOut: Bool = false,
    at instant: Instant, keepsSnapshot: Bool = false,
    names: ((String) -> Void) throws(JournalProblem) -> Void = { (_) throws(JournalProblem) in },
    needsApproval: (PlannedSend) -> Bool
  ) throws(JournalProblem) -> History {
    let days = try output.days()
    let counted = leavesOut ? days.filter { $0.date != date } : days
    var fold = try fold(output, counted, keepsSnapshot: keepsSnapshot)
    // Taken out of the fold, so that what is added to it copies nothing.
    var history = History()
    swap(&history, &fold.history)
    var digest = Digests()
    for file in fold.files {
      guard let kept = fold.pruned[file.day], file.path.hasPrefix(output.relativePrunedPath) else {
        digest.add(file.path, file.digest)
        continue
      }
      for file in kept.files { digest.add("\(kept.date)/\(file.name)", file.digest) }
    }
    if history.hasTokens {
      var finder = NameFinder()
      finder.add(project, to: &history)
      try names { finder.add($0, to: &history) }
      finder.resolve(&history)
    }
    carryOver(project, into: &history)
    for day in days where day.date != date && day.date.canHold(at: instant) && FileSystem.exists(day.planPath) {
      for path in [day.planPath, day.linesPath, day.approvalPath] { try digest.add(path, in: output) }
      try reserve(day, released: fold.released[day.date] ?? [], at: instant, needsApproval, in: &history)
    }
    history.digest = digest.text
    return history
  }

  /// What the results of all days come to; plans, events and approvals are left out of it.
  /// - Parameters:
  ///   - date: a day that is left out.
  ///   - names: whom it will be asked for, by id, canonical address or number.
  public static func results(
    _ output: OutputFolder, except date: CalendarDay? = nil, naming names: Set<String> = []
  ) throws(JournalProblem) -> History {
    var history = try fold(output, try output.days().filter { $0.date != date }, keepsSnapshot: false).history
    var finder = NameFinder()
    for name in names { finder.add(name, to: &history) }
    if history.hasTokens { finder.resolve(&history) }
    return history
  }

  /// Hands over the records of all days, one day after the other; of pruned days what was kept of them.
  public static func forEachRecord(
    _ output: OutputFolder, _ body: (Record) throws(JournalProblem) -> Void
  ) throws(JournalProblem) {
    let pruned = try output.pruned()?.days ?? [:]
    let days = try output.days()
    for date in Set(days.map(\.date)).union(pruned.keys).sorted() {
      guard let kept = pruned[date] else {
        try ResultsReader.forEach(in: output.day(date), body)
        continue
      }
      try ResultsReader.forEach(output.prunedPath(date), header: PrunedDay.header, body)
      for path in try kept.unkept(output.day(date)) { try ResultsReader.forEach(path, body) }
    }
  }

  /// The results of all days, those that a snapshot has out of the snapshot, and of pruned days what was kept of them.
  /// Read again where a day was pruned meanwhile: it would be in neither place, or in both.
  static func fold(
    _ output: OutputFolder, _ days: [DayFolder], keepsSnapshot: Bool, threshold: Int = 20_000
  ) throws(JournalProblem) -> HistoryFold {
    let dates = try output.prunedDates()
    let result = Result { () throws(JournalProblem) in
      try foldOnce(output, days, keepsSnapshot: keepsSnapshot, threshold: threshold)
    }
    guard try output.prunedDates() == dates else {
      return try Self.fold(output, days, keepsSnapshot: keepsSnapshot, threshold: threshold)
    }
    return try result.get()
  }

  private static func foldOnce(
    _ output: OutputFolder, _ days: [DayFolder], keepsSnapshot: Bool, threshold: Int
  ) throws(JournalProblem) -> HistoryFold {
    let pruned = try output.pruned()
    var results: [HistoryFold.Day] =
      (pruned?.days.keys).map { dates in
        dates.map { .init(date: $0, paths: [output.prunedPath($0)], isPruned: true) }
      } ?? []
    for day in days {
      var paths = try day.resultsPaths()
      if let kept = pruned?.days[day.date] { paths = try kept.unkept(day) }
      if !paths.isEmpty { results.append(.init(date: day.date, paths: paths)) }
    }
    // What was kept of a day comes before what was written since.
    results.sort { ($0.date, $0.isPruned ? 0 : 1) < ($1.date, $1.isPruned ? 0 : 1) }
    var fold = HistoryFold()
    if let known = HistorySnapshot.read(of: output, days: results) {
      (fold, results) = (known.fold, known.rest)
    } else {
      var size = 0
      for path in results.flatMap(\.paths) { size += FileStamp(path)?.size ?? 0 }
      // An intent and an outcome of some 450 bytes each.
      if size > 1 << 20 { fold.history.reserve(sends: size / 900) }
    }
    let known = fold.records
    fold.pruned = pruned?.days ?? [:]
    fold.history.nameKey = pruned?.key
    if !results.isEmpty { try ParallelFold.add(results, of: output, to: &fold) }
    if keepsSnapshot, HistorySnapshot.pays(records: fold.records, known: known, threshold: threshold) {
      HistorySnapshot.write(&fold, to: output)
    } else if keepsSnapshot, known == 0, pruned != nil {
      // One from before a prune would keep the names that were to go.
      HistorySnapshot.remove(from: output)
    }
    return fold
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
      add(String(path.dropFirst(output.path.count + 1)), digest)
    }

    mutating func add(_ path: String, _ digest: String) { hash.update(data: Array("\(path) \(digest)\n".utf8)) }

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
