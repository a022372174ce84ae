import Foundation
import Model
import TestSupport
import Testing

/// The project at the top of the repository: five campaigns that run at once, into files.
@Suite(.timeLimit(.minutes(5)))
struct ShippedProjectTests {
  static let campaigns: Set = ["activation", "announcement", "newsletter", "outreach", "property-alerts"]

  /// A Thursday, a Saturday, a Sunday, a holiday; the days on which clocks go back, and forward.
  @Test(arguments: ["2026-11-19", "2026-11-21", "2026-11-22", "2026-12-25", "2027-10-31", "2027-03-28"])
  func allFiveAreDeliveredOnAnyDayAndNothingTwice(date: String) throws {
    let project = try ShippedProject.copy()
    #expect(try project.nightmail(expecting: 0, "validate").contains("No findings."))
    let first = try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", date, "--json")
    let day = "output/rehearsal/\(date)"
    let letters = project.folder.list("\(day)/outbox")
    #expect(letters.contains { $0.hasSuffix(".eml") } && letters.contains { $0.hasSuffix(".txt") })
    #expect(try first.split(separator: "\n").last.map(String.init)?.json["sent"]?.integer == Int64(letters.count))
    let sent = try project.records("\(day)/results.jsonl").filter { $0["outcome"]?.string == "sent" }
    #expect(sent.count == letters.count)
    #expect(Set(sent.compactMap { $0["campaign"]?.string }) == Self.campaigns)
    let again = try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", date, "--json")
    #expect(try again.split(separator: "\n").last.map(String.init)?.json["sent"]?.integer == 0)
    #expect(project.folder.list("\(day)/outbox") == letters)
  }

  /// One page: what it does, and three sections.
  @Test(arguments: campaigns)
  func eachCampaignHasItsPage(campaign: String) throws {
    let lines = try ShippedProject.text("campaigns/\(campaign)/README.md").components(separatedBy: "\n")
    #expect(lines.first == "# \(campaign)")
    let sections = lines.filter { $0.hasPrefix("## ") }
    #expect(sections == ["## Run it", "## See what happened", "## Break it"])
    let opening = lines.dropFirst().prefix { !$0.hasPrefix("## ") }.filter { !$0.isEmpty }
    #expect(!opening.isEmpty, "it does not say what it does")
    #expect((30...80).contains(lines.count), "\(lines.count) lines")
  }

  @Test func editorsFindTheSchemasOfThisVersion() throws {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "schema", "--out", "schemas")
    let names = project.folder.list("schemas")
    #expect(names.count >= 4)
    for name in names {
      #expect(
        try project.folder.read("schemas/\(name)") == ShippedProject.text("campaigns/.schema/\(name)"),
        "nightmail schema --out campaigns/.schema makes \(name) anew")
    }
  }
}
