import Foundation
import Model
import TestSupport
import Testing

/// The documentation says what is so: its examples are tried, in the repository's own project, from each page's top to
/// its end.
@Suite(.timeLimit(.minutes(10)))
struct DocumentationTests {
  static let folder = ShippedProject.repository.appending(path: "Sources/nightmail/Documentation.docc")
  static let pages = ["Files", "PlanningRules", "Guarantees", "Providers", "Operations"]

  static func text(_ page: String) throws -> String {
    try String(contentsOf: folder.appending(path: "\(page).md"), encoding: .utf8)
  }

  @Test(arguments: pages)
  func everyExampleOfAPageIsSo(_ page: String) throws {
    let examples = Example.all(in: try Self.text(page))
    #expect(examples.count >= 4, "a page without examples")
    try Self.play(examples, in: try ShippedProject.copy(), page)
  }

  @Test(arguments: ["property-alerts"])
  func everyExampleOfACampaignsPageIsSo(_ campaign: String) throws {
    let examples = Example.all(in: try ShippedProject.text("campaigns/\(campaign)/README.md"))
    #expect(examples.count >= 4, "a page without examples")
    try Self.play(examples, in: try ShippedProject.copy(), campaign)
  }

  static func play(_ examples: [(line: Int, example: Example)], in project: TestProject, _ page: String) throws {
    var unchecked: Int?
    func check() throws {
      guard let line = unchecked else { return }
      unchecked = nil
      let found = try project.nightmail("validate")
      #expect(found.status == 0, "\(page).md:\(line): \(found.out)")
    }
    for (line, example) in examples {
      switch example {
      case .file(let path, let text):
        try project.folder.write(text, to: path)
        unchecked = line
      case .command(let command, let codes):
        try check()
        let output = try type(command, project)
        #expect(codes.contains(output.status), "\(page).md:\(line): \(command): \(output.out)\(output.error)")
      case .dialogue(let command, let expected):
        try check()
        let output = try type(command, project)
        #expect(output.status == 0, "\(page).md:\(line): \(command): \(output.out)\(output.error)")
        #expect(Example.matches(output.out, expected), "\(page).md:\(line): \(command) prints\n\(output.out)")
      }
    }
    try check()
  }

  private static func type(_ command: String, _ project: TestProject) throws -> Shell.Output {
    try Shell.run("sh", ["-c", command], folder: project.path, environment: Program.environment, limit: 120)
  }

  /// Files may come one after another before they are whole: what is checked is the last of a row.
  @Test func anExampleThatIsNotSoIsFound() throws {
    let page = """
      Text.

      ```yaml data/x.yaml
      a: 1
      ```

      ```sh
      # In the clone:
      nightmail status    # a comment
      nightmail send 2026-11-20   # exit code 3|5: held
      ```

      ```console
      $ nightmail plan
      Plan for …
      …
      end
      $ nightmail show
      ```

      ```
      nightmail nothing
      ```
      """
    #expect(
      Example.all(in: page).map(\.example) == [
        .file(path: "data/x.yaml", text: "a: 1\n"), .command("nightmail status    # a comment", codes: [0]),
        .command("nightmail send 2026-11-20", codes: [3, 5]),
        .dialogue("nightmail plan", output: "Plan for …\n…\nend"), .dialogue("nightmail show", output: ""),
      ])
    #expect(Example.matches("Plan for x\nend\n", "Plan for …\n…\nend"))
    #expect(Example.matches("Plan for x\n1\n2\nend\n", "Plan for …\n…\nend"))
    #expect(!Example.matches("Plan for x\n1\nend\nmore\n", "Plan for …\n…\nend"))
    #expect(!Example.matches("Plan of x\nend\n", "Plan for …\n…\nend"))
    #expect(Example.matches("a (1+1)\nb\nc\n", "a (1+1)\n…") && !Example.matches("a (1+1)\n", "a (1…1)\nb"))
    #expect(Example.matches("", "") && !Example.matches("something", ""))
  }

  /// The words that files and commands use for reasons.
  @Test func everyReasonHasItsLine() throws {
    let rules = try Self.text("PlanningRules")
    for reason in SkipReason.allCases.map(\.rawValue) + DeferReason.allCases.map(\.rawValue)
      + HoldReason.allCases.map(\.rawValue)
    { #expect(rules.contains("`\(reason)`"), "\(reason)") }
    let guarantees = try Self.text("Guarantees")
    for reason in DeadReason.allCases { #expect(guarantees.contains("| `\(reason.rawValue)` |"), "\(reason)") }
  }

  /// Links between pages and to files of the repository.
  @Test func noLinkLeadsNowhere() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).filter { $0.hasSuffix(".md") }
    #expect(names.count >= 8)
    for name in names {
      let page = try Self.text(String(name.dropLast(3)))
      for match in page.matches(of: /\]\((?<target>[^)#]+)\)/) where !match.output.target.contains("://") {
        let file = Self.folder.appending(path: String(match.output.target)).standardizedFileURL
        #expect(FileManager.default.fileExists(atPath: file.path), "\(name): \(match.output.target)")
      }
      for match in page.matches(of: /<doc:(?<page>[A-Za-z]+)>/) {
        #expect(names.contains("\(match.output.page).md"), "\(name): \(match.output.page)")
      }
    }
  }

  /// Its YAML and the table of its limits; its commands are tried by the other tests of this folder.
  @Test func theReadmesProvidersAndLimitsAreRead() throws {
    let readme = try ShippedProject.text("README.md")
    let blocks = readme.components(separatedBy: "```yaml\n").dropFirst().compactMap {
      $0.components(separatedBy: "\n```").first
    }
    let providers = blocks.filter { $0.hasPrefix("- ") }
    #expect(providers.count >= 2)
    let files = try ShippedProject.text("data/providers.yaml")
    let own = "- {id: gateway, type: file}\n"
    #expect(files.contains(own))
    let entries = files.replacing(own, with: "") + providers.joined(separator: "\n") + "\n"
    let project = try ShippedProject.copy(["data/providers.yaml": entries])
    try project.nightmail(expecting: 0, "validate")
  }
}
