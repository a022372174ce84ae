import ArgumentParser
import Foundation
import Journal

/// What every command understands.
struct GlobalOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The project's folder.", valueName: "dir"))
  var project: String = "."

  @Option(
    help: ArgumentHelp(
      "Where plans and results go; by default output/ in the project, or NIGHTMAIL_OUTPUT.", valueName: "dir"))
  var output: String?

  @Flag(help: "Results as JSON on stdout.")
  var json = false

  @Flag(name: .shortAndLong, help: "No progress and no hints; errors and results only.")
  var quiet = false

  @Flag(name: .shortAndLong, help: "More about what is done: every attempt, and addresses in full.")
  var verbose = false

  @Option(
    help: ArgumentHelp(
      "Appends the log to this file too, as JSON lines, every attempt among them.", valueName: "path"))
  var logFile: String?

  @Flag(help: "No colours.")
  var noColor = false

  func validate() throws {
    // Found out before anything is done, not with the first line.
    if let logFile { _ = try LogFile(Self.absolute(logFile)) }
  }

  var projectFolder: String { Self.absolute(project) }

  var outputFolder: OutputFolder {
    if let output { return OutputFolder(Self.absolute(output)) }
    if let output = ProcessInfo.processInfo.environment["NIGHTMAIL_OUTPUT"], !output.isEmpty {
      return OutputFolder(Self.absolute(output))
    }
    return OutputFolder(projectFolder + "/output")
  }

  static func absolute(_ path: String) -> String {
    var path = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    while path.count > 1, path.hasSuffix("/") || path.hasSuffix("/.") {
      path = String(path.dropLast(path.hasSuffix("/.") ? 2 : 1))
    }
    return path.isEmpty ? "/" : path
  }
}

/// `--rehearse`, for the commands that can.
struct RehearsalOptions: ParsableArguments {
  @Flag(
    help:
      "Works in output/rehearsal/ with a history of its own, does not wait, and delivers to files and this machine only."
  )
  var rehearse = false
}
