import Foundation
import Model
import Testing

@testable import Journal

/// `pauses.jsonl`: what is paused and what breakers have stopped.
struct PausesTests {
  private static let campaign = Part(.campaign, "welcome")
  private static let mailbox = Part(.mailbox, "anna")

  private func entry(_ kind: Pauses.Entry.Kind, _ part: Part, _ time: String, reason: String? = nil) throws
    -> Pauses.Entry
  {
    Pauses.Entry(kind, part, at: try instant("2026-11-20T\(time)Z"), by: kind == .tripped ? nil : "ben", reason: reason)
  }

  private func refusal(_ body: () throws -> Void) -> String? {
    do { try body() } catch { return "\(error)" }
    return nil
  }

  @Test func whatIsSaidOfACampaignUnderEarlierIDsHoldsForIt() throws {
    let (hello, hi, welcome) = (Part(.campaign, "hello"), Part(.campaign, "hi"), Part(.campaign, "welcome"))
    let present = ["hello": "welcome", "hi": "welcome", "welcome": "welcome"]
    let mailbox = Part(.mailbox, "hello")
    var pauses = Pauses([
      try entry(.paused, welcome, "09:05:00"), try entry(.paused, hello, "09:04:00", reason: "a wrong link"),
      try entry(.tripped, hi, "09:03:00", reason: "6 bounces"), try entry(.paused, mailbox, "09:02:00"),
    ])
    let renamed = pauses.renamed(present)
    #expect(renamed.paused.keys.sorted() == [welcome, mailbox], "a mailbox has its own names")
    let earliest = try entry(.paused, welcome, "09:04:00", reason: "a wrong link")
    #expect(renamed.paused[welcome] == earliest)
    let trip = try entry(.tripped, welcome, "09:03:00", reason: "6 bounces")
    #expect(renamed.tripped == [welcome: trip])
    #expect(renamed.renamed(present) == renamed)
    for (part, time) in [(hi, "09:07:00"), (hello, "09:08:00")] { pauses.apply(try entry(.resumed, part, time)) }
    let after = pauses.renamed(present)
    #expect(after.tripped.isEmpty && after.paused.keys.sorted() == [welcome, mailbox], "its own pause holds")
    let last = try instant("2026-11-20T09:08:00Z")
    #expect(after.countsSince == [welcome: last])
  }

  @Test func whatHoldsIsTheFoldOfAllLines() throws {
    let entries = [
      try entry(.paused, Self.campaign, "09:00:00", reason: "a wrong link"),
      try entry(.tripped, Self.campaign, "09:01:00", reason: "6 bounces in 60 sends"),
      try entry(.paused, Self.mailbox, "09:02:00"), try entry(.resumed, Self.mailbox, "09:03:00"),
      try entry(.paused, Part(.provider, "relay"), "09:04:00"),
      try entry(.paused, Part(.provider, "relay"), "09:05:00"),
    ]
    var pauses = Pauses(entries)
    #expect(pauses.paused.keys.sorted() == [Self.campaign, Part(.provider, "relay")])
    #expect(pauses.tripped.keys.sorted() == [Self.campaign])
    #expect(pauses.entries == [entries[0], entries[1], entries[5]])
    #expect(pauses.countsSince == [Self.mailbox: entries[3].at])
    // One word of a person ends both.
    pauses.apply(try entry(.resumed, Self.campaign, "09:06:00"))
    pauses.apply(try entry(.resumed, Part(.provider, "relay"), "09:07:00"))
    #expect(pauses.isEmpty && pauses.countsSince.count == 3)
  }

  @Test func whatIsAppendedIsReadBackAndNobodyElseMayReadIt() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    #expect(try Pauses.read(path).isEmpty, "without a file nothing is paused")
    let entries = [
      try entry(.paused, Self.campaign, "09:00:00", reason: "\"quoted\"\nand more"),
      try entry(.tripped, Self.mailbox, "09:01:00.250", reason: "6 bounces"),
      try entry(.resumed, Self.campaign, "09:02:00"),
    ]
    for entry in entries { try Pauses.append(entry, to: path) }
    #expect(try Pauses.read(path) == Pauses(entries))
    #expect(try text(path).hasPrefix("{\"nightmail_pauses\":1}\n{\"kind\":\"paused\","))
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    #expect(mode == 0o600)
  }

  @Test func aTornLastLineSaysNothingAndIsCutOffByTheNextWord() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    try Pauses.append(entry(.paused, Self.mailbox, "09:00:00"), to: path)
    let whole = try bytes(path)
    try Pauses.append(entry(.resumed, Self.mailbox, "09:01:00"), to: path)
    let both = try bytes(path)
    for end in whole.count..<both.count {
      try put(Array(both[..<end]), path)
      #expect(try Pauses.read(path).paused.keys.sorted() == [Self.mailbox], "torn at \(end)")
    }
    try Pauses.append(entry(.paused, Self.campaign, "09:02:00"), to: path)
    #expect(try Pauses.read(path).paused.keys.sorted() == [Self.campaign, Self.mailbox])
    #expect(try text(path).split(separator: "\n").count == 3)
  }

  @Test func aDamagedLineIsNamedAndNothingIsAddedToTheFile() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    for (line, words) in [
      ("{\"kind\":\"paused\"", ":2"), ("{\"kind\":\"stopped\",\"at\":\"2026-11-20T09:00:00Z\"}", ":2"),
      (
        "{\"kind\":\"paused\",\"at\":\"2026-11-20T09:00:00Z\",\"part\":\"contact\",\"name\":\"x\"}", "part"
      ), ("{\"kind\":\"paused\",\"at\":\"yesterday\",\"part\":\"mailbox\",\"name\":\"x\"}", "at"),
    ] {
      try put("{\"nightmail_pauses\":1}\n\(line)\n", path)
      let before = try bytes(path)
      #expect(try #require(refusal { _ = try Pauses.read(path) }).contains(words), "\(line)")
      #expect(refusal { try Pauses.append(entry(.resumed, Self.mailbox, "09:00:00"), to: path) } != nil)
      #expect(try bytes(path) == before)
    }
    try put("{\"nightmail_pauses\":2}\n", path)
    #expect(refusal { _ = try Pauses.read(path) } != nil, "a later version's")
  }

  @Test func aTripIsWrittenOnceAndNeverOverAResumeThatCameAfterIt() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    let trip = try entry(.tripped, Self.campaign, "09:00:00.500", reason: "6 bounces")
    for _ in 0..<3 { try Pauses.append(trip, to: path) }
    #expect(try text(path).split(separator: "\n").count == 2)
    try Pauses.append(entry(.resumed, Self.campaign, "09:00:01"), to: path)
    try Pauses.append(trip, to: path)
    #expect(try Pauses.read(path).isEmpty)
    // Another one later is another one.
    try Pauses.append(entry(.tripped, Self.campaign, "09:00:01"), to: path)
    #expect(try Pauses.read(path).tripped.keys.sorted() == [Self.campaign])
  }

  @Test func theWatchTellsOfChangesAloneAndAFileThatIsGoneOrBrokenLetsNothingOut() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    let watch = PauseWatch(path)
    #expect(try watch.changed() == Pauses())
    #expect(try watch.changed() == nil)
    try Pauses.append(entry(.paused, Self.mailbox, "09:00:00"), to: path)
    #expect(try watch.changed()?.paused.count == 1)
    #expect(try watch.changed() == nil)
    let good = try bytes(path)
    try FileManager.default.removeItem(atPath: path)
    for _ in 0..<2 { #expect(refusal { _ = try watch.changed() } != nil, "each time it is asked") }
    try put("{\"nightmail_pauses\":1}\nnonsense\n", path)
    for _ in 0..<2 { #expect(refusal { _ = try watch.changed() } != nil) }
    try put(good, path)
    #expect(try watch.changed()?.paused.count == 1)
  }

  @Test func personsAndRunsMayWriteAtOnce() async throws {
    let scratch = try Scratch()
    let path = scratch.path + "/pauses.jsonl"
    let time = try instant("2026-11-20T09:00:00Z")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for n in 0..<20 {
        group.addTask { try Pauses.append(Pauses.Entry(.paused, Part(.campaign, "c\(n)"), at: time), to: path) }
      }
      try await group.waitForAll()
    }
    #expect(try Pauses.read(path).paused.count == 20)
  }
}
