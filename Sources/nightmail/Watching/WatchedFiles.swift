import Config
import Foundation
import Journal
import Messages
import Model

/// The project's files as `run --watch` sees them from outside: paths, sizes, times and file numbers.
struct WatchedFiles: Hashable, Sendable {
  /// Nil for a file that has gone since it was listed.
  private var stamps: [String: FileStamp?] = [:]

  /// - Parameter known: files that were read, in case they stand elsewhere than under `campaigns` and `data`.
  init(folder: String, known: [InputFile] = []) {
    for input in known { stamps.updateValue(FileStamp(folder + "/" + input.path), forKey: input.path) }
    for part in ["campaigns", "data"] { add(part, folder) }
  }

  private mutating func add(_ part: String, _ folder: String) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder + "/" + part)) ?? []
    for name in names where !ProjectLoader.isPassedOver(name) {
      let path = part + "/" + name
      var isFolder: ObjCBool = false
      if FileManager.default.fileExists(atPath: folder + "/" + path, isDirectory: &isFolder), isFolder.boolValue {
        add(path, folder)
      } else {
        stamps.updateValue(FileStamp(folder + "/" + path), forKey: path)
      }
    }
  }
}

/// A project that was read, with the templates that it was checked with.
struct WatchedProject: Sendable {
  let project: Project
  let engine: TemplateEngine
  let inputs: WatchedInputs

  init(_ project: Project, _ engine: TemplateEngine) {
    self.project = project
    self.engine = engine
    inputs = WatchedInputs(project.inputs)
  }
}

/// Reads the project again and again, and says each finding once.
struct WatchedReading {
  private let workspace: Workspace
  private let keepGoing: Bool
  private var said: Set<Finding> = []
  private(set) var isBroken = false

  init(_ workspace: Workspace, keepGoing: Bool) {
    self.workspace = workspace
    self.keepGoing = keepGoing
  }

  /// What a first reading does: it prints its findings, and stops where there are errors.
  mutating func first() throws -> WatchedProject {
    let engine = TemplateEngine()
    let reading = workspace.findings(keepGoing: keepGoing, engine: engine)
    said = Set(reading.1)
    return WatchedProject(try workspace.sound(reading), engine)
  }

  /// - Returns: nil while the files do not read: what was read before holds.
  mutating func again(after last: WatchedProject) -> WatchedProject? {
    let engine = TemplateEngine()
    var (project, findings) = workspace.findings(keepGoing: keepGoing, engine: engine)
    if let read = project, let gone = WatchedInputs.vanished(read.inputs, since: last.project.inputs) {
      findings.append(
        .error(Place(gone), "the file is gone; what it said still holds until it is back, or run --watch begins anew"))
      project = nil
    }
    for finding in findings where !said.contains(finding) {
      switch finding.severity {
      case .warning: workspace.log.warning("\(finding.place): \(finding.message)")
      case .error: workspace.log.error("\(finding.place): \(finding.message)")
      }
    }
    said = Set(findings)
    if project == nil, !isBroken {
      workspace.log.error("the files do not read: nothing is planned until they do; what is planned goes out as it was")
    }
    if project != nil, isBroken { workspace.log.notice("the files read again") }
    isBroken = project == nil
    return project.map { WatchedProject($0, engine) }
  }
}
