import ArgumentParser
import Config
import Messages
import Model

struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate", abstract: "Checks the project's files; every finding at once.")

  enum Format: String, ExpressibleByArgument, CaseIterable { case text, json, github }

  @OptionGroup var options: GlobalOptions
  @Option(help: "How findings are printed: text, json or github (annotations of a pull request).")
  var format: Format = .text

  func run() throws {
    let workspace = Workspace(options)
    let engine = TemplateEngine()
    let (project, problems) = workspace.findings(engine: engine)
    let keys = project.map { workspace.signers($0.mailboxes).findings } ?? []
    let findings =
      (problems + keys + (project.map { Self.rows(of: $0) + Self.doubts(about: $0, in: workspace, engine) } ?? []))
      .sorted { $0.place < $1.place }
    let errors = findings.filter { $0.severity == .error }.count
    let warnings = findings.count - errors
    switch options.json ? .json : format {
    case .text:
      for finding in findings { Console.out("\(finding)") }
      if !options.quiet {
        Console.out(
          findings.isEmpty
            ? "No findings."
            : "\(errors) error\(errors == 1 ? "" : "s"), \(warnings) warning\(warnings == 1 ? "" : "s").")
      }
    case .json:
      Console.out(
        .members(
          ("errors", .integer(Int64(errors))), ("warnings", .integer(Int64(warnings))),
          ("findings", .array(findings.map(Self.json)))))
    case .github: for finding in findings { Console.out(Self.annotation(finding)) }
    }
    if errors > 0 { try ExitStatus.failed.end() }
  }

  /// What is allowed and probably not meant. Only here: whoever plans every night has seen it.
  private static func doubts(about project: Project, in workspace: Workspace, _ engine: TemplateEngine) -> [Finding] {
    ProjectWarnings.check(project, folder: workspace.folder) + UnknownVariables.check(project: project, engine: engine)
  }

  /// Rows that will be skipped each time: no reason to stop, and worth a person's look.
  static func rows(of project: Project) -> [Finding] {
    let messages = project.campaigns.flatMap { campaign -> [RejectedRow] in
      guard case .messages(let table) = campaign.audience else { return [] }
      return table.rejected
    }
    let rows = (project.contacts.rejected + messages).map { row in
      Finding.warning(row.place, "\(row.detail); the row is skipped, \(row.reason.rawValue)")
    }
    let contacts = (0..<project.contacts.count).compactMap { i in
      project.contacts.defect(i).map { defect in
        Finding.warning(
          project.contacts.place(i), "\(defect.detail); the row is skipped, \(defect.reason.rawValue)")
      }
    }
    return Array(Set(rows + contacts + brokenAddresses(of: project)))
  }

  /// Cells that are no address or number, in rows that have another to write to, or are skipped whole.
  private static func brokenAddresses(of project: Project) -> [Finding] {
    let contacts = project.contacts
    let views = contacts.views
    var findings: [Finding] = []
    for i in 0..<contacts.count where !(views[i].hasEmail && views[i].hasPhone) && !views[i].hasDefect {
      let channels = Channel.allCases.filter { $0 == .email ? views[i].emailEnabled : views[i].smsEnabled }
      for channel in channels {
        guard let text = contacts.brokenAddress(i, channel) else { continue }
        findings.append(warning(text, channel, contacts.place(i)))
      }
    }
    for campaign in project.campaigns {
      guard case .messages(let table) = campaign.audience else { continue }
      let channels = campaign.steps.first?.channel.channels ?? []
      for row in table.rows {
        for (channel, text) in row.broken where channels.contains(channel) {
          findings.append(warning(text, channel, row.place))
        }
      }
    }
    return findings
  }

  private static func warning(_ text: String, _ channel: Channel, _ place: Place) -> Finding {
    .warning(place, "\(Contact.Defect.notAnAddress(text, of: channel).detail); what would go there is skipped")
  }

  static func json(_ finding: Finding) -> JSON {
    .members(
      ("severity", .string(finding.severity.rawValue)), ("file", .string(finding.place.file)),
      ("line", .integer(Int64(finding.place.line))), ("column", .integer(Int64(finding.place.column))),
      ("message", .string(finding.message)))
  }

  /// GitHub's workflow command for an annotation; its own signs in data are escaped.
  static func annotation(_ finding: Finding) -> String {
    func escaped(_ text: String, property: Bool = false) -> String {
      var text = text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
      if property { text = text.replacing(":", with: "%3A").replacing(",", with: "%2C") }
      return text
    }
    var place = "file=\(escaped(finding.place.file, property: true))"
    if finding.place.line > 0 { place += ",line=\(finding.place.line)" }
    if finding.place.column > 0 { place += ",col=\(finding.place.column)" }
    return "::\(finding.severity.rawValue) \(place)::\(escaped(finding.message))"
  }
}
