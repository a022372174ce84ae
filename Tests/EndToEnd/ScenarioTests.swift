import Foundation
import TestSupport
import Testing

/// Whole nights, typed as a user types them: each folder of `Scenarios` is a project with `commands.txt` (an exit code
/// and a shell command a line) and `expected/transcript.txt`, what the commands print. `NIGHTMAIL_RECORD=1` writes the
/// transcripts anew, and fails.
@Suite(.timeLimit(.minutes(5)))
struct ScenarioTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Scenarios")
  static let names: [String] = {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }()

  @Test func thereAreScenarios() { #expect(Self.names.count >= 7) }

  @Test(arguments: names)
  func aScenarioGoesAsRecorded(name: String) throws {
    let scenario = Self.folder.appending(path: name)
    let project = try TestProject([:])
    for part in ["campaigns", "data"] {
      try FileManager.default.copyItem(
        atPath: scenario.appending(path: part).path, toPath: project.folder.file(part))
    }
    let commands = try String(contentsOf: scenario.appending(path: "commands.txt"), encoding: .utf8)
    var transcript = ""
    for line in commands.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ", maxSplits: 1)
      let status = try #require(words.first.flatMap { Int32($0) }, "\(line)")
      let command = String(words.last ?? "")
      let output = try Shell.run(
        "sh", ["-c", command], folder: project.path, environment: Program.environment, limit: 120)
      #expect(output.status == status, "\(name): \(command)\n\(output.out)\(output.error)")
      let errors = output.error.split(separator: "\n").map { "! \($0)\n" }.joined()
      transcript += "$ \(command)\n\(output.out)\(errors)[\(output.status)]\n\n"
    }
    try compare(Masking.mask(transcript, project: project.path), scenario.appending(path: "expected/transcript.txt"))
  }

  private func compare(_ actual: String, _ file: URL) throws {
    if ProcessInfo.processInfo.environment["NIGHTMAIL_RECORD"] == "1" {
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(actual.utf8).write(to: file)
      Issue.record("\(file.lastPathComponent) was recorded; look at it, and run without NIGHTMAIL_RECORD")
      return
    }
    let expected = try String(contentsOf: file, encoding: .utf8)
    guard actual != expected else { return }
    let (a, e) = (actual.components(separatedBy: "\n"), expected.components(separatedBy: "\n"))
    let first = zip(a, e).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? min(a.count, e.count)
    func lines(_ lines: [String]) -> String { lines.dropFirst(max(0, first - 3)).prefix(12).joined(separator: "\n") }
    Issue.record("\(file.path):\(first + 1): expected\n\(lines(e))\nbut it is\n\(lines(a))")
  }
}
