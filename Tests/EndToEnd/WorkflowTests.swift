import Foundation
import Model
import TestSupport
import Testing

@testable import Config

/// The sample workflow for GitHub Actions: read as YAML, its shell steps typed in order, as a runner does.
@Suite(.timeLimit(.minutes(5)))
struct WorkflowTests {
  private static let documentation = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().appending(path: "Sources/nightmail/Documentation.docc")

  private func workflow() throws -> YAMLNode {
    let bytes = try Data(contentsOf: Self.documentation.appending(path: "github-actions.yml"))
    let findings = Findings()
    let node = YAMLReader.read(Array(bytes), file: "github-actions.yml", findings: findings)
    #expect(findings.all.isEmpty, "\(findings.all)")
    return try #require(node)
  }

  /// A runner's state: what `${{ … }}` may name.
  private struct Runner {
    let folder: TemporaryFolder
    let project: TestProject
    var values: [String: String]

    /// Fills in expressions; one that it does not know is a mistake.
    func filled(_ text: String) throws -> String {
      var text = text
      while let found = text.firstMatch(of: #/\$\{\{ *(.*?) *\}\}/#) {
        let value = try #require(values[String(found.1)], "unknown expression \(found.1)")
        text.replaceSubrange(found.range, with: value)
      }
      return text
    }

    func environment(_ node: YAMLNode?) throws -> [String: String] {
      var result: [String: String] = [:]
      for entry in node?["env"]?.entries ?? [] {
        let given = values["env.\(entry.key)"]
        result[entry.key] = try given ?? filled(entry.value.scalar?.text ?? "")
      }
      return result
    }
  }

  private func items(_ node: YAMLNode?) -> [YAMLNode] {
    if case .sequence(let items)? = node?.content { items } else { [] }
  }

  /// - Returns: what the job's steps have put out, and the paths of its artefacts.
  private func run(_ name: String, _ workflow: YAMLNode, _ runner: inout Runner) throws -> [String] {
    let job = try #require(workflow["jobs"]?[name])
    var artefacts: [String] = []
    for (number, step) in items(job["steps"]).enumerated() {
      if let path = step["with"]?["path"]?.scalar?.text { artefacts.append(try runner.filled(path)) }
      guard let script = step["run"]?.scalar?.text else { continue }
      var environment = Program.environment
      for part in [workflow, job, step] { environment.merge(try runner.environment(part)) { $1 } }
      let output = "output-\(name)-\(number)"
      try runner.folder.write("", to: output)
      environment.merge([
        "GITHUB_OUTPUT": runner.folder.file(output), "GITHUB_STEP_SUMMARY": runner.folder.file("summary.md"),
        "RUNNER_TEMP": runner.folder.path, "GITHUB_ACTOR": "octocat", "GITHUB_REPOSITORY": "shop/mail",
        "GITHUB_RUN_ID": "1",
      ]) { $1 }
      #expect(!script.contains("${{"), "an expression in a script is text that others can write")
      // As GitHub runs them.
      let result = try Shell.run(
        "bash", ["-e", "-o", "pipefail", "-c", script], folder: runner.project.path, environment: environment)
      #expect(result.status == 0, "\(name), \(step["name"]?.scalar?.text ?? script): \(result.out)\(result.error)")
      for line in try runner.folder.read(output).split(separator: "\n") {
        let parts = line.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2, let id = step["id"]?.scalar?.text else { continue }
        runner.values["steps.\(id).outputs.\(parts[0])"] = parts[1]
      }
    }
    for entry in job["outputs"]?.entries ?? [] {
      runner.values["needs.\(name).outputs.\(entry.key)"] = try runner.filled(entry.value.scalar?.text ?? "")
    }
    return artefacts
  }

  private func runner() throws -> Runner {
    var files = Projects.codes(3, through: nil)
    files["campaigns/codes/campaign.yaml"] = files["campaigns/codes/campaign.yaml"]?
      .replacing("class: transactional", with: "class: transactional\napproval: required")
    let project = try TestProject(files)
    let output = project.folder.file("kept")
    return Runner(
      folder: try TemporaryFolder(["summary.md": ""]), project: project,
      values: [
        "inputs.date || 'tomorrow'": "today", "env.NIGHTMAIL_OUTPUT": output, "github.token": "",
        "secrets.SMTP_PASSWORD": "",
      ])
  }

  @Test func itsStepsPlanApproveAndSend() throws {
    let workflow = try workflow()
    var runner = try runner()
    let pages = try run("plan", workflow, &runner)
    let folder = "kept/\(Daytime.today)"
    #expect(runner.values["needs.plan.outputs.date"] == Daytime.today)
    #expect(runner.values["needs.plan.outputs.due"] == "true")
    #expect(pages == [runner.project.folder.file("\(folder)/plan.html")])
    #expect(pages.allSatisfy { FileManager.default.fileExists(atPath: $0) })
    let counts = try runner.folder.read("summary.md")
    #expect(counts.contains("Plan for \(Daytime.today)") && !counts.contains("@example.com"), "\(counts)")
    _ = try run("send", workflow, &runner)
    let approval = try runner.project.records("\(folder)/approval.jsonl")
    #expect(approval.first?["by"]?.string == "octocat")
    #expect(runner.project.folder.list("\(folder)/outbox").count == 3)
    #expect(try runner.folder.read("summary.md").contains("3 of 3 sent"))
    #expect(!(try runner.folder.read("summary.md")).contains("@example.com"))
    // The next night finds nothing to send, and the job that sends is not asked for.
    _ = try run("plan", workflow, &runner)
    #expect(runner.values["needs.plan.outputs.due"] == "false")
  }

  @Test func anotherPlanThanTheReviewedOneIsNotApproved() throws {
    let workflow = try workflow()
    var runner = try runner()
    _ = try run("plan", workflow, &runner)
    try runner.project.folder.write("email\nnew@example.com\n", to: "data/messages.csv")
    try runner.project.nightmail(expecting: 0, "plan", "--output", "kept")
    let sha256 = try #require(runner.values["needs.plan.outputs.sha256"])
    let refused = try runner.project.nightmail("approve", "--output", "kept", "--sha256", sha256)
    #expect(refused.status == 1 && refused.error.contains("nothing of the plan that was reviewed"))
  }

  @Test func theJobThatSendsWaitsForThePlanAndForAPerson() throws {
    let send = try #require(try workflow()["jobs"]?["send"])
    #expect(send["needs"]?.scalar?.text == "plan")
    #expect(send["environment"]?.scalar?.text == "production")
    #expect(send["if"]?.scalar?.text == "needs.plan.outputs.due == 'true'")
    // The page that explains it names it, and its example of the settings is sound.
    let page = try String(contentsOf: Self.documentation.appending(path: "Review.md"), encoding: .utf8)
    #expect(page.contains("`github-actions.yml`") && page.contains("`production`"))
    let example = try #require(page.firstMatch(of: #/```yaml\n(review:.*)\n```/#)).1
    let project = try TestProject(Projects.files(contacts: 1, settings: "\(example)\n"))
    #expect(try project.nightmail(expecting: 0, "validate") == "No findings.\n")
  }
}
