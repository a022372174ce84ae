import Foundation
import TestSupport
import Testing

@testable import Config
@testable import Model

struct FuzzTests {
  static let yaml = Sample.good.filter { $0.key.hasSuffix(".yaml") }.sorted { $0.key < $1.key }
  static let interesting = Array("\"',;:\n\r\t \0{}[]&*<>|#-!%@`~?\u{FF}".utf8) + [0xFF, 0xC3, 0xEF, 0xBB, 0xBF]

  static func mutate(_ bytes: [UInt8], _ dice: inout Dice) -> [UInt8] {
    var out = bytes
    for _ in 0..<Int.random(in: 1...4, using: &dice) where !out.isEmpty {
      let at = Int.random(in: 0..<out.count, using: &dice)
      switch Int.random(in: 0..<5, using: &dice) {
      case 0: out[at] = interesting.randomElement(using: &dice) ?? 0
      case 1: out.insert(interesting.randomElement(using: &dice) ?? 0, at: at)
      case 2: out.remove(at: at)
      case 3: out.removeSubrange(at..<min(out.count, at + 20))
      default: out.insert(contentsOf: out[at..<min(out.count, at + 30)], at: at)
      }
    }
    return out
  }

  /// Whatever the bytes: a node or a finding, and places inside the file.
  static func readYAML(_ bytes: [UInt8], _ note: Comment) {
    let (node, findings) = YAMLReader.read(bytes, file: "f")
    #expect(node != nil || !findings.isEmpty, note)
    let lines = bytes.split(omittingEmptySubsequences: false, whereSeparator: { $0 == 0x0A || $0 == 0x0D }).count
    for finding in findings { #expect(finding.place.line <= lines + 1, note) }
    guard let node else { return }
    let log = Findings()
    _ = ObjectReader(node, SettingsKeys.schema, log).map(SettingsKeys.settings)
    _ = ObjectReader(node, CampaignKeys.schema, log).flatMap { $0.given(CampaignKeys.steps) }
    _ = ProviderKeys.provider(node, log, files: ProjectFiles(root: "/nowhere"))
  }

  @Test(arguments: [UInt64(1), 20_261_120]) func mutatedYAMLNeverCrashes(_ seed: UInt64) {
    var dice = Dice(seed)
    for round in 0..<800 {
      for (name, text) in Self.yaml {
        Self.readYAML(Self.mutate(Array(text.utf8), &dice), "seed \(seed), round \(round), \(name)")
      }
    }
  }

  @Test(arguments: [UInt64(2), 7]) func mutatedCSVReadsTheSameInEveryChunkSize(_ seed: UInt64) throws {
    var dice = Dice(seed)
    let samples = Sample.good.filter { $0.key.hasSuffix(".csv") }.sorted { $0.key < $1.key }
    for round in 0..<500 {
      for (name, text) in samples {
        let bytes = Self.mutate(Array(text.utf8), &dice)
        let whole = try CSVTests.read(bytes, chunk: 4096)
        let chunk = Int.random(in: 16...40, using: &dice)
        #expect(try CSVTests.read(bytes, chunk: chunk) == whole, "seed \(seed), round \(round), \(name)")
      }
    }
  }

  @Test func noPrefixOfAnySampleFileCrashes() throws {
    for (name, text) in Sample.good {
      let bytes = Array(text.utf8)
      for n in 0...bytes.count {
        let prefix = Array(bytes[..<n])
        if name.hasSuffix(".yaml") { Self.readYAML(prefix, "\(n) bytes of \(name)") }
        if name.hasSuffix(".csv") { _ = try CSVTests.read(prefix, chunk: 16) }
      }
    }
  }

  /// Data files of a whole project, cut and mutated: rows are read, set aside or reported, and what is known to be
  /// suppressed is never silently less.
  @Test(arguments: [UInt64(3), 99]) func mutatedDataFilesNeverCrashTheLoader(_ seed: UInt64) throws {
    var dice = Dice(seed)
    let sample = try Sample()
    let jsonl = Array(
      "{\"email\":\"a@example.com\",\"n\":1.5,\"destinations\":[{\"email\":\"b@example.com\",\"name\":\"B\\u00e9\"}]}\n{\"email\":\"c@example.com\"}\n"
        .utf8)
    for round in 0..<60 {
      for path in ["data/contacts.csv", "data/messages/today.csv", "data/suppressions.csv", "data/events/old.jsonl"] {
        try sample.write(path, Self.mutate(Array((Sample.good[path] ?? "").utf8), &dice))
      }
      try sample.write("data/messages/alerts.jsonl", Self.mutate(jsonl, &dice))
      let (project, findings) = ProjectLoader.load(folder: sample.folder, keepGoing: true)
      #expect(project != nil || findings.contains { $0.severity == .error }, "seed \(seed), round \(round)")
      if let contacts = project?.contacts {
        #expect(contacts.contacts.allSatisfy { $0.values.count == contacts.columns.count && !$0.key.isEmpty })
      }
    }
  }
}
