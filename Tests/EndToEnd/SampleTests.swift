import Config
import Foundation
import Messages
import Model
import TestSupport
import Testing

/// The project that `init` makes.
@Suite(.timeLimit(.minutes(5)))
struct SampleTests {
  private func initialised() throws -> TestProject {
    let project = try TestProject([:])
    try project.nightmail(expecting: 0, "init")
    return project
  }

  /// Paths of all files under these folders of a folder.
  private func files(_ folders: [String], of root: URL) -> Set<String> {
    Set(
      folders.flatMap { folder in
        (FileManager.default.enumerator(atPath: root.appending(path: folder).path)?.compactMap { $0 as? String } ?? [])
          .map { "\(folder)/\($0)" }
      }.filter {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: root.appending(path: $0).path, isDirectory: &isFolder)
          && !isFolder.boolValue
      })
  }

  @Test func initWritesOverNothing() throws {
    let project = try initialised()
    try project.folder.write("mine\n", to: "data/contacts.csv")
    let output = try project.nightmail("init")
    #expect(output.status == 1)
    #expect(output.error.contains("data/contacts.csv"))
    #expect(try project.folder.read("data/contacts.csv") == "mine\n")
    try project.nightmail(expecting: 0, "init", "deep/er")
    try project.nightmail(expecting: 0, "validate", "--project", "deep/er/")
  }

  /// A Thursday, a Saturday, a Sunday, and a Friday that is a holiday; the day on which clocks go back, and forward.
  @Test(arguments: ["2026-11-19", "2026-11-21", "2026-11-22", "2026-12-25", "2026-10-25", "2026-03-29"])
  func theSampleDeliversOnAnyDayAndNothingTwice(date: String) throws {
    let project = try initialised()
    #expect(try project.nightmail(expecting: 0, "validate").contains("No findings."))
    let first = try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", date, "--json")
    let day = "output/rehearsal/\(date)"
    let letters = project.folder.list("\(day)/outbox")
    #expect(letters.count >= 10 && letters.allSatisfy { $0.hasSuffix(".eml") }, "\(letters)")
    #expect(try first.split(separator: "\n").last.map(String.init)?.json["sent"]?.integer == Int64(letters.count))
    let results = try project.records("\(day)/results.jsonl").count { $0["outcome"]?.string == "sent" }
    #expect(results == letters.count)
    let again = try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", date, "--json")
    #expect(try again.split(separator: "\n").last.map(String.init)?.json["sent"]?.integer == 0)
    #expect(project.folder.list("\(day)/outbox") == letters)
    #expect(try project.records("\(day)/results.jsonl").count { $0["outcome"]?.string == "sent" } == letters.count)
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", date, "--json").json
    #expect(status["totals"]?["sent"]?.integer == Int64(letters.count))
  }

  /// Attempts count as made at their `send_at`, however they overlap: what is recorded lies within what is open.
  @Test func aRehearsalRecordsEachAttemptAtItsPlannedTime() throws {
    let project = try initialised()
    try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", "2026-11-19")
    let sent = try project.records("output/rehearsal/2026-11-19/results.jsonl").filter {
      $0["kind"] == .string("intent")
    }
    #expect(sent.count > 10)
    for record in sent {
      let at = try #require(record["at"]?.string.flatMap { Instant($0) })
      let planned = try #require(record["send_at"]?.string.flatMap { Instant($0) })
      #expect(at >= planned && at - planned <= .minutes(2), "\(record.text)")
    }
  }

  @Test func aMonthIsPlayedThroughWithoutARepeat() throws {
    let project = try initialised()
    for day in 19...30 {
      try project.nightmail(expecting: 0, "run", "--rehearse", "--auto-approve", "--date", "2026-11-\(day)")
    }
    var sent: [String: Int] = [:]
    for day in 19...30 {
      for record in try project.records("output/rehearsal/2026-11-\(day)/results.jsonl")
      where record["outcome"]?.string == "sent" {
        sent[record["id"]?.string ?? "", default: 0] += 1
      }
    }
    // Two reminders, ten tips, six welcomes and six follow-ups.
    #expect(sent.count == 24, "\(sent.count)")
    #expect(sent.values.allSatisfy { $0 == 1 })
  }

  @Test func nothingCrashesOnAnyPrefixOfTheSamplesFiles() throws {
    let project = try initialised()
    var (loads, broken) = (0, 0)
    for file in files(["campaigns", "data"], of: URL(filePath: project.path)).sorted() where !file.contains("/.") {
      let whole = try Data(contentsOf: URL(filePath: project.folder.file(file)))
      defer { try? whole.write(to: URL(filePath: project.folder.file(file))) }
      // Every eleventh byte, and around each line's end.
      let cuts = whole.indices.filter { i in i % 11 == 0 || whole[i] == 0x0A || (i > 0 && whole[i - 1] == 0x0A) }
      for cut in cuts {
        try whole.prefix(cut).write(to: URL(filePath: project.folder.file(file)))
        let (loaded, findings) = ProjectLoader.load(folder: project.path, keepGoing: loads % 2 == 0)
        if let loaded { _ = MessageFindings.check(project: loaded) }
        if findings.contains(where: { $0.severity == .error }) { broken += 1 }
        loads += 1
      }
    }
    #expect(loads > 500)
    #expect(broken > 100 && broken < loads, "\(broken) of \(loads)")
    let (_, findings) = ProjectLoader.load(folder: project.path, keepGoing: false)
    #expect(findings.isEmpty)
  }
}
