import Config
import Foundation
import Journal
import Messages
import Model

/// The project as a plan knew it: settings, mailboxes, campaigns and templates out of the plan's `inputs/`, so that an
/// old plan shows what it would have sent, whatever has become of the files since.
struct PlannedProject {
  let project: Project
  let inputs: PlanInputs
  /// What of today's files differs from the plan's, one sentence a file, sorted.
  let changes: [String]
  /// What the plan's messages cannot be shown by, one sentence each: its copy is missing, or a file does not read.
  let gaps: [String]

  init(_ workspace: Workspace, _ header: PlanHeader, at path: String, day: DayFolder) throws {
    inputs = try PlanInputs.of(header, at: path, in: day)
    var copies = inputs.copies
    let lists = ["campaigns/settings.yaml", "data/mailboxes.yaml", "data/mailboxes.csv"]
    for file in lists where header.inputs[file] == nil { copies[file] = ProjectLoader.absent }
    let (project, findings) = ProjectLoader.loadMessages(
      folder: workspace.folder, campaigns: Array(header.campaigns.keys), copies: copies)
    self.project = project

    var changes: [String] = []
    var gaps = inputs.damaged.map { "the plan's copy of \($0) was changed and is not used" }
    for input in project.inputs where input.role.makesStale {
      guard let planned = header.inputs[input.path] else { continue }
      let now = try AtomicFile.digest(of: "\(workspace.folder)/\(input.path)")
      if now != planned { changes.append(now == nil ? "\(input.path) is gone" : "\(input.path) was changed") }
      if input.digest != planned { gaps.append("\(input.path) was changed and the plan has no copy of it") }
    }
    let read = Set(project.inputs.map(\.path))
    for file in header.inputs.keys where !read.contains(file) && file.hasPrefix("campaigns/") {
      let isThere = FileManager.default.fileExists(atPath: "\(workspace.folder)/\(file)")
      if !isThere { gaps.append("\(file) is gone and the plan has no copy of it") }
    }
    for file in lists where header.inputs[file] == nil {
      if FileManager.default.fileExists(atPath: "\(workspace.folder)/\(file)") { changes.append("\(file) is new") }
    }
    gaps += findings.filter { $0.severity == .error }.map { "\($0.place): \($0.message)" }
    self.changes = changes.sorted()
    self.gaps = gaps.sorted()
  }

  /// Says on stderr what has changed since the plan was made, and what cannot be shown as it was.
  func say(_ workspace: Workspace) {
    if !changes.isEmpty {
      workspace.log.warning(
        "the plan is stale: \(changes.joined(separator: "; ")) (what follows is as it was planned, from the plan's inputs)"
      )
    }
    for gap in gaps { workspace.log.warning("\(gap)") }
  }

  /// Makes the plan's messages. What a mailbox signs with is today's; a key that does not read leaves its mail unsigned.
  func composer(_ workspace: Workspace, engine: TemplateEngine, mailboxes: Set<String>) -> MessageComposer {
    let (signers, problems) = workspace.signers(project.mailboxes.filter { mailboxes.contains($0.id) })
    for problem in problems {
      workspace.log.warning("\(problem.place): \(problem.message); the message is shown unsigned")
    }
    return workspace.composer(project, engine: engine, signers: signers)
  }
}

extension Workspace {
  /// The settings alone: commands that look at what is written already need no sound project.
  func settings() throws -> Settings {
    guard FileManager.default.fileExists(atPath: folder + "/campaigns") else {
      throw Failure(
        .failed, "\(folder) has no campaigns/ folder: name the project with --project, or make one with nightmail init")
    }
    let (settings, findings) = ProjectLoader.settings(folder: folder)
    for finding in findings where finding.severity == .error { log.warning("\(finding.place): \(finding.message)") }
    return settings
  }
}
