import Foundation
import Model
import TestSupport
import Testing

/// The built program, as users run it.
enum Program {
  /// The folder that the build put it into: that of the test bundle, or one of those above it.
  static let folder: String? = {
    let start = Bundle.main.executablePath ?? CommandLine.arguments.first ?? ""
    var folder = URL(filePath: start).deletingLastPathComponent()
    for _ in 0..<5 {
      if FileManager.default.isExecutableFile(atPath: folder.appending(path: "nightmail").path) { return folder.path }
      folder.deleteLastPathComponent()
    }
    return nil
  }()

  /// What the program sees of the environment: nothing of the machine's but where programs are.
  static var environment: [String: String] {
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return ["PATH": "\(folder ?? ""):\(path)", "NIGHTMAIL_USER": "tester", "LC_ALL": "C.UTF-8"]
  }
}

/// A project in a folder of its own, on which commands are typed.
struct TestProject {
  let folder: TemporaryFolder

  init(_ files: [String: String]) throws { folder = try TemporaryFolder(files) }

  var path: String { folder.path }

  /// Runs a command to its end.
  @discardableResult
  func nightmail(_ arguments: String..., environment: [String: String] = [:], limit: Double = 120) throws
    -> Shell.Output
  {
    let program = try #require(Program.folder, "the program is not beside the tests; build it") + "/nightmail"
    return try Shell.run(
      program, arguments, folder: path,
      environment: Program.environment.merging(environment, uniquingKeysWith: { $1 }), limit: limit)
  }

  /// A command that must end with this code; its standard output.
  @discardableResult
  func nightmail(
    expecting status: Int32, _ arguments: String..., environment: [String: String] = [:],
    at location: SourceLocation = #_sourceLocation
  ) throws -> String {
    let program = try #require(Program.folder, "the program is not beside the tests; build it") + "/nightmail"
    let output = try Shell.run(
      program, arguments, folder: path,
      environment: Program.environment.merging(environment, uniquingKeysWith: { $1 }), limit: 120)
    #expect(
      output.status == status, "nightmail \(arguments.joined(separator: " ")): \(output.out)\(output.error)",
      sourceLocation: location)
    return output.out
  }

  /// Begins a command and leaves it running.
  func start(_ arguments: String...) throws -> RunningProgram {
    let program = try #require(Program.folder, "the program is not beside the tests; build it") + "/nightmail"
    return try RunningProgram(program, arguments, folder: path, environment: Program.environment)
  }

  /// The records of a JSON Lines file less its header; a torn last line is passed over.
  func records(_ file: String) throws -> [JSON] {
    var lines = try folder.read(file).split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeLast()
    return try lines.dropFirst().map { try JSON(parsing: Array($0.utf8)) }
  }
}

extension String {
  /// The one JSON value that a command printed.
  var json: JSON { get throws { try JSON(parsing: Array(utf8)) } }
}
