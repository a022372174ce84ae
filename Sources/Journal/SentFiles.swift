import Foundation
import Model

/// The files of `on_sent` in a day's folder: a row for each send of its campaigns that was delivered.
///
/// A row counts once its outcome is on disk, and there is one for each send, because the files follow from the results
/// (DESIGN §4.9): they can be thrown away and made again. What a person has marked as sent has a row too.
public struct SentFiles: Sendable {
  /// By all the names that campaigns have and had.
  private let records: [String: SentRecord]
  private let zone: Zone

  /// - Parameter zone: the project's; times are on its clock.
  public init(_ campaigns: [Campaign], zone: Zone) {
    let asking = Dictionary(
      campaigns.compactMap { campaign in campaign.onSent.map { (campaign.id, $0) } }, uniquingKeysWith: { a, _ in a })
    records = campaigns.presentIDs.compactMapValues { asking[$0] }
    self.zone = zone
  }

  /// No campaign asks for rows.
  public var isEmpty: Bool { records.isEmpty }

  /// Each file, with its first line.
  var headers: [String: [UInt8]] {
    var headers: [String: [UInt8]] = [:]
    for record in records.values { headers[record.file] = Array(CSVLine.text(record.columns).utf8) }
    return headers
  }

  static func path(_ file: String, in day: DayFolder) -> String { "\(day.path)/\(file)" }

  /// A send's row, without what is known only once it is sent.
  struct Draft {
    let file: String
    /// Its cells; nil for the time.
    fileprivate let cells: [String?]
  }

  /// Nil for a campaign that asks for none.
  func draft(_ send: PlannedSend) -> Draft? {
    guard let record = records[send.campaign] else { return nil }
    return Draft(
      file: record.file,
      cells: record.columns.map { column in
        switch column {
        case "sent_at": nil
        case "send_id": send.id.text
        case "campaign": send.campaign
        case "step": send.step
        case "contact": send.contact
        case "to": send.to
        case "mailbox": send.mailbox
        default: send.vars[column] ?? ""
        }
      })
  }

  func line(_ draft: Draft, at: Instant) -> [UInt8] {
    let time = zone.format(at)
    return Array(CSVLine.text(draft.cells.map { $0 ?? time }).utf8)
  }

  /// Makes a day's files anew from its results and plans.
  /// - Returns: how many sends have no row, since no plan of the day has their line any more.
  @discardableResult
  public func rebuild(_ day: DayFolder) throws(JournalProblem) -> Int {
    guard !isEmpty else { return 0 }
    var order: [(id: SendID, at: Instant)] = []
    var sent: Set<SendID> = []
    try ResultsReader.forEachFlat(in: day) { flat, bytes in
      guard flat.isDelivery, !sent.contains(flat.id) else { return }
      guard records[String(decoding: bytes.text(flat.campaign), as: UTF8.self)] != nil else { return }
      sent.insert(flat.id)
      order.append((flat.id, Instant(milliseconds: flat.at)))
    }
    var drafts: [SendID: Draft] = [:]
    if !sent.isEmpty {
      // The newest plan first: it is nearest to what the columns ask for today.
      for path in try day.planPaths() where drafts.count < sent.count {
        try PlanFile.forEach(path) { (send, _) throws(JournalProblem) in
          if sent.contains(send.id), drafts[send.id] == nil { drafts[send.id] = draft(send) }
        }
      }
    }
    var files = headers
    var lost = 0
    for (id, at) in order {
      guard let draft = drafts[id] else {
        lost += 1
        continue
      }
      files[draft.file, default: []] += line(draft, at: at)
    }
    for (file, bytes) in files { try AtomicFile.write(bytes, to: Self.path(file, in: day)) }
    return lost
  }

  /// Whether a day's results are newer than its files: a run ended before it could bring them up to date.
  public func isBehind(_ day: DayFolder) throws(JournalProblem) -> Bool {
    let files = headers.keys.compactMap { FileStamp(Self.path($0, in: day)) }
    guard let oldest = files.map(\.modified).min() else { return false }
    for path in try day.resultsPaths() {
      // At the same tick of the kernel's clock nobody can tell.
      if let results = FileStamp(path), results.modified >= oldest { return true }
    }
    return false
  }
}

/// Brings the files of `on_sent` forward while a run delivers: other programs may wait for each row. A row is written
/// once the outcome that it tells of is on disk, so that none can be taken back. Not for two threads at once.
public final class SentRowsWriter {
  private let files: SentFiles
  private let day: DayFolder
  private var open: [String: Descriptor] = [:]
  /// Of attempts that are under way.
  private var drafts: [SendID: SentFiles.Draft] = [:]
  /// Rows whose outcomes no commit has taken up, and those of the commit that is under way.
  private var pending: [(file: String, line: [UInt8])] = []
  private var committing: [(file: String, line: [UInt8])] = []
  /// What went wrong, once: from then on nothing is appended, and `close` makes the files anew.
  private var problem: JournalProblem?

  /// Makes the files anew: a run that was cut off may have left rows out. The caller holds the day's lock.
  public init(_ files: SentFiles, _ day: DayFolder) throws(JournalProblem) {
    self.files = files
    self.day = day
    try files.rebuild(day)
    for file in files.headers.keys {
      open[file] = try Descriptor(SentFiles.path(file, in: day), flags: O_WRONLY | O_APPEND)
    }
  }

  /// An attempt at a send is about to be made.
  public func expect(_ send: PlannedSend) {
    guard let draft = files.draft(send) else { return }
    drafts[send.id] = draft
  }

  /// A record was appended to the results.
  public func take(_ record: Record) {
    switch record {
    case .outcome(let attempt, let result):
      guard let draft = drafts.removeValue(forKey: attempt.id), result.outcome == .sent else { return }
      pending.append((draft.file, files.line(draft, at: record.at)))
    case .released(let note, _): drafts[note.id] = nil
    case .run, .intent, .withdrawn, .requeued, .resolved: return
    }
  }

  /// A commit begins with all records so far.
  public func commitBegins() {
    committing += pending
    pending.removeAll(keepingCapacity: true)
  }

  /// The commit that began is on disk.
  public func commitEnded() {
    guard !committing.isEmpty, problem == nil else { return committing.removeAll() }
    var blocks: [String: [UInt8]] = [:]
    for (file, line) in committing { blocks[file, default: []] += line }
    committing.removeAll(keepingCapacity: true)
    do throws(JournalProblem) {
      // Synced each time: a file that looks newer than the results must have what they have.
      for (file, block) in blocks {
        try open[file]?.write(block)
        try open[file]?.syncData()
      }
    } catch {
      problem = error
    }
  }

  /// After the last commit: what a reader finds from now on is whole, and on disk.
  /// - Throws: what stands in the way; the files are made anew by the next run of any day.
  public func close() throws(JournalProblem) {
    if problem != nil || !pending.isEmpty || !committing.isEmpty { try files.rebuild(day) }
    // Newer than the results: `isBehind` goes by that.
    for file in open.values {
      try file.touch()
      try file.sync()
      try file.close()
    }
    open = [:]
  }
}

extension FlatRecord {
  fileprivate var isDelivery: Bool {
    kind == .outcome && outcome == .sent || kind == .resolved && resolution == .sent
  }
}
