import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Reporting

struct PlanDiffTests {
  private func diff(
    _ old: [PlannedSend], _ new: [PlannedSend], files: PlanFileDiff = PlanFileDiff(), limit: Int = .max
  ) throws -> PlanDiff {
    let folder = try TemporaryFolder()
    try PlanSample.write(old, to: folder.file("old.jsonl"))
    try PlanSample.write(new, to: folder.file("new.jsonl"))
    return try PlanDiff(old: folder.file("old.jsonl"), new: folder.file("new.jsonl"), files: files, limit: limit)
  }

  @Test func sendsThatCameWentMovedAndChangedAreToldApart() throws {
    let old = (0..<6).map { PlanSample.send($0, vars: ["name": "N\($0)"]) }
    var new = Array(old[1...])
    new[0].sendAt = new[0].sendAt + .hours(1)
    new[1].mailbox = "ben"
    new[2].vars["name"] = "M"
    new[2].subject = "Hi"
    new[2].sendAt = new[2].sendAt + .hours(2)
    new.append(PlanSample.send(9, campaign: "news"))
    let diff = try diff(old, new)
    #expect(diff.total == PlanDiff.Counts(added: 1, removed: 1, moved: 2, changed: 1, same: 2))
    #expect(diff.campaigns["news"] == PlanDiff.Counts(added: 1))
    #expect(diff.changes.map(\.kind) == [.added, .removed, .moved, .moved, .changed])
    let changed = try #require(diff.changes.last)
    #expect(changed.fields.map(\.name) == ["subject", "vars.name"])
    #expect(changed.fields.last?.old == "N3" && changed.fields.last?.new == "M")
    let text = PlanDiffReport(diff).text
    #expect(text.hasPrefix("Plan for 2026-11-20: 1 added, 1 removed, 2 moved, 1 changed, 2 the same\n"), "\(text)")
    #expect(text.contains("09:01:00 → 10:01:00") && text.contains("anna → ben"), "\(text)")
    #expect(text.contains("    vars.name: 'N3' → 'M'"), "\(text)")
  }

  @Test func markdownHasCountsAndNoAddress() throws {
    let old = (0..<5).map { PlanSample.send($0) }
    let new = (2..<9).map { PlanSample.send($0, at: PlanSample.nine, campaign: "a|b") }
    let markdown = PlanDiffReport(try diff(old, new)).markdown
    #expect(!markdown.contains("@"))
    #expect(markdown.contains("| a\\|b | 0 | 7 | 7 | 0 | 0 | 0 |"), "\(markdown)")
    #expect(markdown.contains("| all | 5 | 7 | 7 | 5 | 0 | 0 |"), "\(markdown)")
  }

  @Test func onlySoManyAreListedAndTheCountsAreOfAll() throws {
    let old = (0..<50).map { PlanSample.send($0) }
    let new = (30..<90).map { PlanSample.send($0, at: PlanSample.nine + .hours(3) + .minutes(Int64($0))) }
    let diff = try diff(old, new, limit: 4)
    #expect(diff.total == PlanDiff.Counts(added: 40, removed: 30, moved: 20))
    #expect(PlanDiff.Change.Kind.allCases.map { kind in diff.changes.count { $0.kind == kind } } == [4, 4, 4, 0])
    #expect(PlanDiffReport(diff).text.contains("… and 36 more (--all)"))
  }

  @Test(arguments: 0..<20) func countsAddUpToBothPlans(seed: Int) throws {
    var dice = Dice(UInt64(seed))
    var (old, new): ([PlannedSend], [PlannedSend]) = ([], [])
    var expected = PlanDiff.Counts()
    for n in 0..<200 {
      let send = PlanSample.send(n, campaign: "c\(n % 3)")
      var other = send
      switch Int.random(in: 0..<6, using: &dice) {
      case 0:
        old.append(send)
        expected.removed += 1
      case 1:
        new.append(send)
        expected.added += 1
      case 2:
        other.mailbox = "ben"
        (old, new) = (old + [send], new + [other])
        expected.moved += 1
      case 3:
        other.vars["x"] = "1"
        other.mailbox = "ben"
        (old, new) = (old + [send], new + [other])
        expected.changed += 1
      default:
        (old, new) = (old + [send], new + [send])
        expected.same += 1
      }
    }
    let diff = try diff(old, new)
    #expect(diff.total == expected)
    #expect(diff.total.old == old.count && diff.total.new == new.count)
    #expect(diff.changes.count == 200 - expected.same)
  }

  @Test func filesOfWhichOnePlanHasNoCopyAreStillNamed() throws {
    let folder = try TemporaryFolder()
    let day = OutputFolder(folder.path).day(PlanSample.date)
    let (a, b) = (Array("one two three\n".utf8), Array("one 2 three\n".utf8))
    let old = PlanSample.header(
      [], inputs: ["t.txt": Hex.digest(a), "gone.txt": Hex.digest(a), "data.csv": "sha256:01"])
    let new = PlanSample.header(
      [], inputs: ["t.txt": Hex.digest(b), "new.txt": Hex.digest(b), "data.csv": "sha256:02"])
    for bytes in [a, b] {
      let path = try #require(day.inputPath(digest: Hex.digest(bytes)))
      try folder.write(String(decoding: bytes, as: UTF8.self), to: String(path.dropFirst(folder.path.count + 1)))
    }
    let diff = try PlanFileDiff(
      old, PlanInputs.of(old, at: day.planPath, in: day), new,
      PlanInputs.of(new, at: day.planPath, in: day))
    #expect(diff.files.map(\.path) == ["data.csv", "gone.txt", "new.txt", "t.txt"])
    let text = PlanDiffReport(try self.diff([], [], files: diff)).text
    #expect(text.contains("  data.csv: changed\n  gone.txt: not used any more\n  new.txt: new\n"), "\(text)")
    #expect(text.contains("  t.txt: 1 word out, 1 in\n    1: one [-two-]{+2+} three\n"), "\(text)")
  }
}

struct WordDiffTests {
  @Test func wordsAreToldWithWhatStandsAroundThem() {
    let old = "Dear Ada,\n\nwe will meet on Monday at nine, as ever.\nAnna\n"
    let new = "Dear Ada,\n\nwe will meet on Tuesday at ten, as ever.\nAnna\nP.S. Bring a pen.\n"
    let diff = WordDiff(old: old, new: new)
    #expect(diff.changes.map(\.line) == [3, 3, 5])
    #expect(diff.changes.map(\.removed) == ["Monday", "nine,", ""])
    #expect(diff.changes.map(\.added) == ["Tuesday", "ten,", "P.S. Bring a pen.\n"])
    #expect(diff.changes[0].before == "will meet on " || diff.changes[0].before.hasSuffix("meet on "))
    #expect(diff.wordsRemoved == 2 && diff.wordsAdded == 6)
    #expect(WordDiff(old: old, new: old).isEmpty)
  }

  @Test func textsThatHaveNothingInCommonAreGivenWhole() {
    let old = (0..<20_000).map { "a\($0)\n" }.joined()
    let new = (0..<20_000).map { "b\($0)\n" }.joined()
    let began = ContinuousClock.now
    let diff = WordDiff(old: old, new: new)
    #expect(diff.changes.count == 1 && diff.wordsRemoved == 20_000 && diff.wordsAdded == 20_000)
    #expect(ContinuousClock.now - began < .seconds(60), "no comparison of all with all")
  }

  @Test(arguments: 0..<40) func whatIsToldAccountsForEveryWord(seed: Int) {
    var dice = Dice(UInt64(seed))
    func text() -> String {
      (0..<Int.random(in: 0..<60, using: &dice)).map { _ in
        ["a", "b", "c", "d"][Int.random(in: 0..<4, using: &dice)]
          + [" ", " ", "\n", "\r\n", "  "][Int.random(in: 0..<5, using: &dice)]
      }.joined()
    }
    let (old, new) = (text(), text())
    let diff = WordDiff(old: old, new: new)
    #expect(diff.isEmpty == (old == new))
    #expect(WordDiff.words(old) - diff.wordsRemoved == WordDiff.words(new) - diff.wordsAdded)
    // What is left of each without its own changes is the same text.
    #expect(Self.without(diff.changes.map(\.removed), old) == Self.without(diff.changes.map(\.added), new))
  }

  /// Takes the pieces out in their order, each from the first place that leaves the others theirs; nil if one is missing.
  private static func without(_ pieces: [String], _ text: String) -> Int? {
    var rest = text[...]
    for piece in pieces where !piece.isEmpty {
      guard let range = rest.range(of: piece) else { return nil }
      rest = rest[range.upperBound...]
    }
    return text.count - pieces.reduce(0) { $0 + $1.count }
  }
}
