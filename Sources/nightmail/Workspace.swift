import Config
import Delivery
import Foundation
import Journal
import Logging
import Messages
import Model
import Reporting

/// A project folder and its output, opened for one command.
struct Workspace {
  let folder: String
  let output: OutputFolder
  let isRehearsal: Bool
  let options: GlobalOptions
  /// Its metadata name the run, once there is one.
  var log: Logger

  init(_ options: GlobalOptions, rehearse: Bool = false) {
    self.options = options
    folder = options.projectFolder
    isRehearsal = rehearse
    output = rehearse ? options.outputFolder.rehearsal : options.outputFolder
    log = Console.logger(options)
  }

  static func now() -> Instant { WallClock().now() }

  /// The project's files as values, with every finding.
  func findings(
    keepGoing: Bool = false, readsContacts: Bool = true, engine: TemplateEngine = TemplateEngine()
  ) -> (Project?, [Finding]) {
    var (project, findings) = ProjectLoader.load(
      folder: folder, keepGoing: keepGoing, readsContacts: readsContacts)
    if let loaded = project {
      let templates = MessageFindings.check(project: loaded, engine: engine)
      findings = Array(Set(findings + templates)).sorted { $0.place < $1.place }
      let bad = Set(templates.filter { $0.severity == .error }.map(\.place.file))
      if !bad.isEmpty {
        project = keepGoing ? loaded.without(campaignsReading: bad) : nil
      }
    }
    return (project, findings)
  }

  /// The project, or a failure that prints every finding.
  /// - Parameters:
  ///   - readsContacts: see `ProjectLoader.load`.
  ///   - project: read a moment ago without its contacts: what was found then has been said.
  func load(
    keepGoing: Bool = false, readsContacts: Bool = true, engine: TemplateEngine = TemplateEngine(),
    after project: Project? = nil
  ) throws -> Project {
    guard FileManager.default.fileExists(atPath: folder + "/campaigns") else {
      throw Failure(
        .failed, "\(folder) has no campaigns/ folder: name the project with --project, or make one with nightmail init")
    }
    let contacts = Set(project?.inputs.filter { $0.role == .contacts }.map(\.path) ?? [])
    let isSaid = project != nil
    var (loaded, findings) = findings(
      keepGoing: keepGoing, readsContacts: readsContacts, engine: engine)
    if isSaid { findings.removeAll { !contacts.contains($0.place.file) } }
    return try sound((loaded, findings))
  }

  /// The project that a reading gave, or a failure; prints every finding.
  func sound(_ reading: (project: Project?, findings: [Finding])) throws -> Project {
    let findings = reading.findings
    for finding in findings where finding.severity == .warning { log.warning("\(finding.place): \(finding.message)") }
    let errors = findings.filter { $0.severity == .error }
    for finding in errors {
      FileHandle.standardError.write(Data("\(finding)\n".utf8))
      LogFile.note(error: "\(finding)")
    }
    guard let loaded = reading.project else {
      throw Failure(.failed, "\(errors.count == 1 ? "1 error" : "\(errors.count) errors"); nothing was done")
    }
    return loaded
  }

  /// The history of all days, and what other days' approved plans hold at `instant`.
  /// - Parameter planPath: a plan whose people will be asked for, the project perhaps being without its contacts.
  func history(
    _ project: Project, excluding date: CalendarDay? = nil, leavesOut: Bool = false, at instant: Instant,
    keepsSnapshot: Bool = false, planPath: String? = nil
  ) throws -> History {
    let approval = Dictionary(project.campaigns.map { ($0.id, $0.approval) }, uniquingKeysWith: { a, _ in a })
    return try HistoryReader.read(
      output, project: project, excluding: date, leavesOut: leavesOut, at: instant, keepsSnapshot: keepsSnapshot,
      names: { (take) throws(JournalProblem) in
        guard let planPath else { return }
        try PlanFile.forEach(planPath) { send, _ in
          take(send.contact)
          if send.to != send.contact { take(EmailAddress.canonical(of: send.to)) }
        }
      }
    ) {
      approval[$0.campaign] != .optional
    }
  }

  /// Stops where the project's history is not in this output (DESIGN §4.12). A rehearsal has a history of its own.
  func checkHistory(renew: Bool) throws {
    guard !isRehearsal else { return }
    if renew {
      try HistoryIdentity.renew(project: folder, output: output)
      return
    }
    if case .lost(let reason) = try HistoryIdentity.check(project: folder, output: output) {
      throw Failure(.failed, reason)
    }
  }

  /// The right to write a day's folder, which is made if it is missing.
  func lock(_ day: DayFolder, purpose: String, isShared: Bool = false) throws -> Lock {
    try output.create()
    try day.create()
    return try lock(day.lockPath, purpose: purpose, isShared: isShared)
  }

  /// The same, waited for where `run --watch` has it, which gives way to a person's command and goes on after it.
  func lockInTurn(_ day: DayFolder, purpose: String) throws -> Lock {
    do {
      try output.create()
      try day.create()
      return try Lock.acquire(day.lockPath, purpose: purpose, at: Self.now())
    } catch LockProblem.held(let held) {
      guard held.holder?.purpose == RunWatch.purpose else { throw Failure(.locked, "\(held)") }
      if !options.quiet { log.notice("waiting for \(RunWatch.purpose) to let \(purpose) in between") }
    } catch LockProblem.journal(let problem) {
      throw problem
    }
    let turn = try lock(day.waitingPath, purpose: purpose, waits: true)
    defer { turn.release() }
    return try lock(day.lockPath, purpose: purpose, waits: true)
  }

  func lock(_ path: String, purpose: String, isShared: Bool = false, waits: Bool = false) throws -> Lock {
    do {
      return try Lock.acquire(path, purpose: purpose, at: Self.now(), isShared: isShared, waits: waits)
    } catch .held(let held) {
      throw Failure(.locked, "\(held)")
    } catch .journal(let problem) {
      throw problem
    }
  }

  /// What is paused or stopped, campaigns by their present ids.
  func pauses(_ project: Project) throws -> Pauses {
    try Pauses.read(output.pausesPath).renamed(project.campaigns.presentIDs)
  }

  /// Says what is paused or stopped.
  func say(_ pauses: Pauses, zone: Zone) {
    for entry in pauses.entries { log.warning("\(PauseReport.line(entry, zone: zone, rehearse: isRehearsal))") }
  }

  /// Writes down that a breaker has stopped a part, so that every later run heeds it, and says so.
  func keep(_ trip: Breakers.Trip, zone: Zone) {
    let at = isRehearsal ? Self.now() : trip.at
    let entry = Pauses.Entry(.tripped, trip.part, at: at, reason: trip.text)
    log.error("\(PauseReport.line(entry, zone: zone, rehearse: isRehearsal))")
    do { try Pauses.append(entry, to: output.pausesPath) } catch {
      // This run holds to it, and so does any other of the day: it follows from the results.
      log.error("\(error)")
    }
  }

  /// A file of the project, for attachments and copies.
  func read(_ path: String) throws -> [UInt8] { try Self.read(path, in: folder) }

  private static func read(_ path: String, in folder: String) throws -> [UInt8] {
    guard let bytes = try AtomicFile.read(folder + "/" + path) else {
      throw Failure(.failed, "\(path): no such file in the project")
    }
    return bytes
  }

  /// Makes messages out of a project's sends, signed by `signers`.
  func composer(_ project: Project, engine: TemplateEngine, signers: DKIMSigners) -> MessageComposer {
    MessageComposer(
      project: project, engine: engine, signers: signers,
      attachment: { [folder] in try Self.read($0, in: folder) })
  }

  /// The keys of mailboxes that sign their mail, with an error for each that cannot.
  func signers(_ mailboxes: [Mailbox]) -> (signers: DKIMSigners, findings: [Finding]) {
    DKIMSigners.load(mailboxes) { path in
      guard let bytes = try AtomicFile.read(path.hasPrefix("/") ? path : folder + "/" + path) else {
        throw JournalProblem.system(.open, path: path, code: ENOENT)
      }
      return bytes
    }
  }

  /// Who is at the keyboard, for approvals and settlements.
  static var userName: String {
    let name = ProcessInfo.processInfo.environment["NIGHTMAIL_USER"] ?? NSUserName()
    return name.isEmpty ? "uid \(getuid())" : name
  }
}

extension Project {
  /// Without the campaigns whose files are among `files`, which are named as broken.
  fileprivate func without(campaignsReading files: Set<String>) -> Project? {
    var copy = self
    let broken = campaigns.filter { campaign in
      let own = "campaigns/\(campaign.id)/"
      return files.contains { $0.hasPrefix(own) }
        || campaign.steps.contains { $0.variants.contains { $0.templates.contains { files.contains($0.place.file) } } }
    }
    guard !broken.isEmpty else { return nil }
    copy.campaigns.removeAll { campaign in broken.contains { $0.id == campaign.id } }
    copy.broken = (copy.broken + broken.map(\.id)).sorted()
    return copy
  }
}
