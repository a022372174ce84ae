import Foundation
import Testing

@testable import Config
@testable import Model

/// Every folder of `Broken` is a project with `expected.txt`: exactly the findings that it must give.
/// `NIGHTMAIL_RECORD=1` writes them anew, and such a run fails.
struct BrokenProjectTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Broken")
  static let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()

  @Test func thereAreBrokenProjects() { #expect(Self.names.count >= 30) }

  @Test(arguments: names) func aBrokenProjectGivesExactlyItsFindings(_ name: String) throws {
    let project = Self.folder.appending(path: name)
    let result = ProjectLoader.load(folder: project.path)
    let found = result.findings.map(\.description).joined(separator: "\n") + "\n"
    let file = project.appending(path: "expected.txt")
    if ProcessInfo.processInfo.environment["NIGHTMAIL_RECORD"] == "1" {
      try found.write(to: file, atomically: true, encoding: .utf8)
      Issue.record("recorded \(name)")
    }
    #expect(found == (try String(contentsOf: file, encoding: .utf8)))
    #expect(result.project == nil)
    #expect(!found.contains("hunter2") && !found.contains("12345678910"))
  }
}
