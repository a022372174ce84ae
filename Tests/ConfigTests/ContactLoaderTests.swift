import Foundation
import TestSupport
import Testing

@testable import Config
@testable import Model

struct ContactLoaderTests {
  struct Reading: Equatable {
    var table: [String]
    var rejected: [RejectedRow]
    var findings: [Finding]
    var inputs: [InputFile]
  }

  /// All that a table says, as text.
  static func load(_ sample: Sample, _ paths: [String], threads: Int, piece: Int) throws -> Reading {
    let files = ProjectFiles(root: sample.folder)
    let findings = Findings()
    let zone = try #require(Zone("Europe/Berlin"))
    let loader = ContactLoader(
      files, zone: zone, findings, sharing: .init(threads: threads, piece: piece, floor: 0))
    for path in paths { loader.read(path) }
    let table = loader.table()
    let rows = Array(table.contacts).map { contact -> String in
      var text = "\(contact.key)|\(contact.email?.canonical ?? "-")|\(contact.email?.envelope ?? "-")"
      text += "|\(contact.phone?.e164 ?? "-")|\(contact.zone?.identifier ?? "-")|\(contact.tags)"
      text += "|\(contact.mailbox ?? "-")|\(contact.addedAt?.milliseconds ?? -1)"
      text += "|\(contact.emailEnabled)|\(contact.smsEnabled)|\(contact.values)|\(contact.files.sorted())"
      return text + "|\(contact.place)|\(contact.defect?.detail ?? "-")"
    }
    for contact in table.contacts {
      let found = table.find(contact.key)
      #expect(found?.place == contact.place)
    }
    return Reading(table: rows, rejected: table.rejected, findings: findings.all, inputs: files.inputs)
  }

  static func rows(_ dice: inout Dice) -> String {
    func one(_ choices: [String]) -> String { choices.randomElement(using: &dice) ?? "" }
    return (0..<Int.random(in: 1...40, using: &dice)).map { _ in
      [
        one(["", "", "u1", "u2", "u3", "ü\u{301}4", "u5"]),
        one([
          "", "ada@example.com", "ADA@Example.com", "bob@example.com", " cy@x.example ", "é@x.example", "broken", "a@b",
        ]),
        one(["", "", "+4915112345678", "+49 151 12345678", "0151"]),
        one([
          "", "\"Acme, Inc.\"", "\"two\nlines\"", "\"say \"\"hi\"\"\"", "\u{A0}Ada\u{A0}", "x\"y",
          String(repeating: "z", count: 300),
        ]),
        one(["", "Europe/Berlin", "Asia/Kolkata", "\"America/New_York\"", "Mars/Base"]),
        one(["", "a;b", "; c ;"]), one(["", "anna"]), one(["", "2026-11-20", "2026-11-20T09:00:00Z", "soon"]),
        one(["", "", "yes", "NO", "perhaps"]), one(["", "yes", "no"]),
      ].joined(separator: ",") + one(["\n", "\n", "\r\n", ",one more\n", "\n\n"])
    }.joined()
  }

  @Test(arguments: [UInt64(5), 6]) func theTableDoesNotDependOnThreadsAndPieces(_ seed: UInt64) throws {
    var dice = Dice(seed)
    let sample = try Sample()
    let header = "id,email,phone,company,timezone,tags,mailbox,added_at,email_enabled,sms_enabled\n"
    let paths = ["data/contacts.csv", "data/contacts/b.csv", "data/contacts/c.csv"]
    for round in 0..<150 {
      try sample.write(paths[0], Array((header + Self.rows(&dice)).utf8))
      try sample.write(paths[1], Array((header.replacing("company", with: "city") + Self.rows(&dice)).utf8))
      try sample.write(paths[2], Array("Phone,E-Mail\n+4915112345678,eve@example.com\n,ada@example.com\n".utf8))
      let first = try Self.load(sample, paths, threads: 1, piece: 1 << 20)
      for threads in [1, 2, 3, 7] {
        let piece = Int.random(in: 16...400, using: &dice)
        let other = try Self.load(sample, paths, threads: threads, piece: piece)
        #expect(other == first, "seed \(seed), round \(round), \(threads) threads, pieces of \(piece)")
      }
    }
  }

  @Test func whiteSpaceOfEveryKindIsTrimmedAndTwoSpellingsOfAnIdAreOne() throws {
    let sample = try Sample()
    try sample.write(
      "data/contacts.csv",
      Array("id,email,city\nr\u{E9}ne,\u{A0}r@example.com\u{2003},\" \u{A0}Köln\u{A0} \"\nre\u{301}ne,,Bonn\n".utf8))
    let files = ProjectFiles(root: sample.folder)
    let loader = ContactLoader(files, zone: .utc, Findings())
    loader.read("data/contacts.csv")
    let table = loader.table()
    #expect(table.count == 1)
    #expect(table[0].email?.canonical == "r@example.com" && table.value("city", of: table[0]) == "Köln")
    #expect(table.index(of: "re\u{301}ne") == 0 && table.index(of: "r\u{E9}ne") == 0)
  }

  @Test func onlyTheFirstWarningsOfAFileAreGivenWhicheverPieceTheyLieIn() throws {
    let sample = try Sample()
    let rows = (0..<60).map { "u\($0)@example.com,perhaps\n" }.joined()
    try sample.write("data/contacts.csv", Array(("email,email_enabled\n" + rows).utf8))
    for (threads, piece) in [(1, 1 << 20), (2, 64), (3, 700)] {
      let reading = try Self.load(sample, ["data/contacts.csv"], threads: threads, piece: piece)
      #expect(reading.findings.map(\.place.line) == Array(2...21))
    }
  }

  @Test func tooManyColumnsAreAFinding() throws {
    let sample = try Sample()
    let names = (0..<5000).map { "c\($0)" }.joined(separator: ",")
    try sample.write("data/contacts.csv", Array("email,\(names)\n".utf8))
    let reading = try Self.load(sample, ["data/contacts.csv"], threads: 1, piece: 1 << 20)
    #expect(reading.findings.map(\.severity) == [.error])
  }

  @Test func aFileThatChangesWhileItIsReadIsAFinding() throws {
    let sample = try Sample()
    let path = sample.folder + "/data/contacts.csv"
    func change(_ body: () throws -> Void) throws -> FileProblem? {
      let source = try ByteSource(path: path)
      try source.drain()
      try source.checkUnchanged()
      try body()
      do throws(FileProblem) { try source.checkUnchanged() } catch { return error }
      return nil
    }
    let message = FileProblem("the file changed while it was being read; run again")
    #expect(try change {} == nil)
    // As long as before: its time tells.
    let bytes = Array("email\nada@example.com\n".utf8)
    #expect(try change { try sample.write("data/contacts.csv", bytes) } == message)
    #expect(
      try change {
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data("bob@example.com\n".utf8))
        try file.close()
      } == message)
    #expect(try change { try FileManager.default.removeItem(atPath: path) } == message)
  }
}
