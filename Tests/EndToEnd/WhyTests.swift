import Foundation
import Model
import TestSupport
import Testing

/// `why` on the sample project, as typed.
@Suite(.timeLimit(.minutes(5)))
struct WhyTests {
  private func why(_ project: TestProject, _ who: String, _ options: String...) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", ["why", who, "--rehearse", "--date", "2026-11-19"] + options,
      folder: project.path, environment: Program.environment)
  }

  @Test func whyAgreesWithThePlanAndWritesNothing() throws {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    let before = try why(project, "ada@example.com")
    #expect(before.status == 0, "\(before.error)")
    #expect(!project.folder.exists("output/rehearsal"))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2026-11-19")
    let lines = try project.records("output/rehearsal/2026-11-19/plan.jsonl")
    let contacts = Set(lines.compactMap { $0["contact"]?.string })
    #expect(contacts.count > 5)
    var told = 0
    for contact in contacts {
      let json = try why(project, contact, "--json").out.json
      let items = (json["campaigns"]?.array ?? []).flatMap { $0["today"]?.array ?? [] }
      for item in items where item["verdict"]?.string == "planned" {
        let line = try #require(lines.first { $0["id"] == item["id"] })
        #expect(line["send_at"] == item["send_at"] && line["mailbox"] == item["mailbox"])
        told += 1
      }
      let text = try why(project, contact).out
      #expect(text.contains("planned at"), "\(text)")
      #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(text)")
    }
    #expect(told == lines.count)
  }

  @Test func whyNamesTheNearestContactOfOneItDoesNotKnow() throws {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    try project.folder.write("email,first_name\ngrace@example.com,Grace\n", to: "data/contacts.csv")
    let output = try why(project, "grcae@example.com", "--keep-going")
    #expect(output.status == 1)
    #expect(output.error.contains("did you mean 'grace@example.com'?"), "\(output.error)")
    #expect(try why(project, "grace@example.com", "--keep-going", "--campaign", "welcom").status == 1)
  }
}
