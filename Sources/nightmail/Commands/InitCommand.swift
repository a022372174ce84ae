import ArgumentParser
import Foundation

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Makes a new project that runs at once.")

  @OptionGroup var options: GlobalOptions
  @Argument(help: ArgumentHelp("The folder; by default this one.", valueName: "dir"))
  var directory: String?

  /// In `.gitignore` beside the sample's own lines: `dkim keygen` writes keys into the project.
  private static let keys = """

    # Private keys.
    *.pem

    """

  func run() throws {
    let folder = GlobalOptions.absolute(directory ?? options.project)
    let present = SampleProject.files.map(\.path).filter { FileManager.default.fileExists(atPath: "\(folder)/\($0)") }
    // A repository has one already; the output folder keeps itself out of git in any case.
    let taken = present.filter { $0 != ".gitignore" }
    guard taken.isEmpty else {
      throw Failure(.failed, "\(folder) has \(taken.joined(separator: ", ")) already; init writes over nothing")
    }
    for file in SampleProject.files where !present.contains(file.path) {
      let url = URL(fileURLWithPath: "\(folder)/\(file.path)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      let content = file.path == ".gitignore" ? file.content + Self.keys : file.content
      try Data(content.utf8).write(to: url)
    }
    if options.json { return Console.out(.members(("project", .string(folder)))) }
    let there = folder == FileManager.default.currentDirectoryPath ? "" : " --project \(directory ?? options.project)"
    Console.out(
      """
      Made \(SampleProject.files.count - present.count) files in \(folder).
      Try it:  nightmail run --rehearse --auto-approve\(there)
      Editors that know yaml-language-server complete and check the files; nightmail explain KEY says what a key means.
      """)
  }
}
