import Foundation
import Model
import Testing

@testable import Journal

/// What was mailed to reviewers.
struct ReviewLogTests {
  private let entries = [
    ReviewLog.Entry(
      kind: .plan, at: Sample.morning, to: "ada@example.com", content: "sha256:aa", outcome: .sent, provider: "main",
      response: "250 2.0.0 \"queued\""),
    ReviewLog.Entry(
      kind: .plan, at: Sample.morning, to: "bob@example.com", content: "sha256:aa", outcome: .failed, provider: "main",
      response: "550 5.1.1 no such user"),
    ReviewLog.Entry(
      kind: .report, at: Sample.morning + .hours(9), to: "ada@example.com", content: "sha256:bb", outcome: .inDoubt,
      provider: "main", response: ""),
  ]

  @Test func mailsToReviewersAreWrittenAsVersion1AndReadBackWhole() throws {
    let path = try Scratch().path + ".jsonl"
    defer { try? FileManager.default.removeItem(atPath: path) }
    try ReviewLog.append([entries[0], entries[1]], to: path)
    try ReviewLog.append([entries[2]], to: path)
    if ProcessInfo.processInfo.environment["NIGHTMAIL_RECORD"] == "1" {
      try put(try bytes(path), sample("review.1.jsonl"))
      Issue.record("recorded review.1.jsonl; run again without NIGHTMAIL_RECORD")
    }
    #expect(try text(path) == text(sample("review.1.jsonl")))
    #expect(try ReviewLog.read(sample("review.1.jsonl")).entries == entries)
  }

  @Test func onlyWhatMayHaveArrivedCountsAsMailed() throws {
    let log = try ReviewLog.read(sample("review.1.jsonl"))
    #expect(log.has("ada@example.com", .plan, "sha256:aa"))
    #expect(!log.has("bob@example.com", .plan, "sha256:aa"), "it was refused")
    #expect(log.has("ada@example.com", .report, "sha256:bb"), "in doubt is never mailed again by itself")
    #expect(!log.has("ada@example.com", .report, "sha256:aa"))
    #expect(!log.has("ada@example.com", .plan, "sha256:bb"))
  }

  @Test func aTornLineIsPassedOverAndADamagedOneIsNamed() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/review.jsonl"
    #expect(try ReviewLog.read(path).entries.isEmpty)
    try ReviewLog.append([entries[0]], to: path)
    let whole = try bytes(path)
    try put(whole + Array("{\"kind\":\"pl".utf8), path)
    #expect(try ReviewLog.read(path).entries == [entries[0]])
    try ReviewLog.append([entries[1]], to: path)
    #expect(try ReviewLog.read(path).entries == [entries[0], entries[1]])
    try put(whole + Array("{\"kind\":\"letter\"}\n".utf8), path)
    #expect {
      try ReviewLog.read(path)
    } throws: { "\($0)".contains("review.jsonl:3") }
    try put("{\"nightmail_review\":2}\n", path)
    #expect(throws: JournalProblem.self) { try ReviewLog.read(path) }
  }
}
