import Foundation
import TestSupport
import Testing

@testable import Config
@testable import Model

struct SchemaTests {
  static let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()

  /// The repository's own project, and those of the scenarios.
  static let soundProjects: [String] = {
    let scenarios = tests.appending(path: "EndToEnd/Scenarios").path
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: scenarios)) ?? []).sorted()
    return [tests.deletingLastPathComponent().path] + names.map { "\(scenarios)/\($0)" }
  }()

  @Test func noSchemaNamesAMemberTwice() throws {
    for kind in SchemaKind.allCases {
      // The parser refuses an object that does.
      let schema = try JSON(parsing: JSONSchema.document(kind).pretty())
      #expect(schema == JSONSchema.document(kind))
      #expect(schema["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
      #expect(schema["$id"]?.string?.hasSuffix(":\(kind.rawValue)") == true && schema["title"] != nil)
    }
  }

  /// Each example and each default is what the key's own decoder takes; a schema can then be trusted to show them.
  @Test(.enabled(if: SchemaValidator.python != nil, "\(SchemaValidator.missing)"))
  func everyExampleAndDefaultIsTaken() throws {
    var documents: [(kind: SchemaKind, value: JSON)] = []
    var names: [String] = []
    for kind in SchemaKind.allCases {
      for (type, schema) in kind.entryTypes + (kind.entryTypes.isEmpty ? [("", kind.entry)] : []) {
        for key in schema.keys {
          let example = try #require(YAMLText.json(key.example), "\(schema.name).\(key.name)")
          for value in [example] + (key.defaultText.map { [YAMLText.value(cell: $0)] } ?? []) {
            var object = SchemaSamples.least(schema)
            if !type.isEmpty { object = object.setting("type", .string(type)) }
            if key.name != "type" { object = object.setting(key.name, value) }
            for needed in SchemaSamples.needed(by: key.name, schema) {
              object = object.setting(needed.key, needed.value)
            }
            documents.append((kind, kind.isList ? .array([object]) : object))
            names.append("\(schema.name).\(key.name) \(value.text)")
          }
        }
      }
    }
    #expect(documents.count > 150)
    for (name, verdict) in zip(names, try SchemaValidator.check(documents)) { #expect(verdict == "ok", "\(name)") }
  }

  @Test(.enabled(if: SchemaValidator.python != nil, "\(SchemaValidator.missing)"))
  func soundProjectsPass() throws {
    var all: [(path: String, kind: SchemaKind, value: JSON)] = []
    for folder in Self.soundProjects {
      let broken = Set(
        ProjectLoader.load(folder: folder).findings.filter { $0.severity == .error }.map(\.place.file))
      all += try SchemaValidator.documents(folder).filter { !broken.contains($0.path) }
        .map { ("\(folder)/\($0.path)", $0.kind, $0.value) }
    }
    all += try SchemaValidator.documents(Sample().folder)
    #expect(all.count > 25 && Set(all.map(\.kind)).count == 4)
    for (document, verdict) in zip(all, try SchemaValidator.check(all.map { ($0.kind, $0.value) })) {
      #expect(verdict == "ok", "\(document.path)")
    }
  }

  /// Projects whose mistake is one of form: a schema sees it too. Others are for the decoder alone.
  @Test(
    .enabled(if: SchemaValidator.python != nil, "\(SchemaValidator.missing)"),
    arguments: [
      ("unknown-key", "campaigns/settings.yaml"), ("unknown-key", "campaigns/welcome/campaign.yaml"),
      ("on-sent", "data/providers.yaml"), ("wrong-type", "data/mailboxes.yaml"),
      ("wrong-type", "campaigns/welcome/campaign.yaml"), ("bad-time-zone", "data/mailboxes.yaml"),
      ("on-sent", "campaigns/fourth/campaign.yaml"),
    ])
  func brokenProjectsAreRefused(_ name: String, _ path: String) throws {
    let folder = Self.tests.appending(path: "ConfigTests/Broken/\(name)").path
    let document = try #require(try SchemaValidator.documents(folder).first { $0.path == path })
    let verdict = try SchemaValidator.check([(document.kind, document.value)])
    #expect(verdict != ["ok"], "\(document.value.text)")
  }

  @Test(.enabled(if: SchemaValidator.python != nil, "\(SchemaValidator.missing)"))
  func mistakesOfFormAreRefused() throws {
    let mistakes: [(SchemaKind, String)] = [
      (.settings, #"{"timezone": "Berlin"}"#), (.settings, #"{"day_starts": "6am"}"#), (.settings, #"{"seed": -1}"#),
      (.settings, #"{"window": "mon-fri 9-17"}"#), (.settings, #"{"window": "workdays 09:00-17:00"}"#),
      (.settings, #"{"window": ["always"]}"#), (.settings, #"{"retry": {"backoff": "1 minute"}}"#),
      (.settings, #"{"retry": {"backof": "1m"}}"#), (.settings, #"{"retry": {"backoff": 60}}"#),
      (.settings, #"{"breaker": {"bounce_rate": "5 percent"}}"#), (.settings, #"{"breaker": {"bounce_rate": 5}}"#),
      (.settings, #"{"approval": "yes"}"#), (.settings, #"{"holidays": ["24.12.2026"]}"#),
      (.settings, #"{"domain_caps": {"except": "gmail.com"}}"#), (.settings, "[]"),
      (.campaign, #"{"audience": {"contacts": "c.csv"}, "steps": []}"#),
      (.campaign, #"{"audience": {"contacts": "c.csv"}, "mailboxes": "anna"}"#),
      (.campaign, #"{"audience": {}, "mailboxes": "anna", "steps": []}"#),
      (.campaign, #"{"audience": {"contacts": "a", "messages": "b"}, "mailboxes": "anna", "steps": []}"#),
      (.campaign, #"{"audience": {"messages": "b", "where": {}}, "mailboxes": "anna"}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": {"tags": "x"}}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": "anna", "steps": [{"subject": "x"}]}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": "anna", "steps": [{"id": "a b"}]}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": "anna", "steps": [{"id": "a", "delay": 3}]}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": "anna", "unsubscribe": {}}"#),
      (.campaign, #"{"audience": {"messages": "b"}, "mailboxes": "anna", "on_sent": {}}"#),
      (.mailboxes, "[]"), (.mailboxes, #"[{"id": "anna", "from": "a@example.com"}]"#),
      (.mailboxes, #"[{"id": "anna", "from": "a@example.com", "providers": "x", "ramp_from": 10}]"#),
      (.mailboxes, #"[{"id": "anna", "from": "a@example.com", "providers": "x", "daily_limit": "40"}]"#),
      (.mailboxes, #"[{"id": 7, "from": "a@example.com", "providers": "x"}]"#),
      (.providers, #"[{"id": "a"}]"#), (.providers, #"[{"id": "a", "type": "smpt"}]"#),
      (.providers, #"[{"id": "a", "type": "smtp"}]"#), (.providers, #"[{"id": "a", "type": "file", "host": "b"}]"#),
      (.providers, #"[{"id": "a", "type": "smtp", "host": "b", "username": "u"}]"#),
      (.providers, #"[{"id": "a", "type": "smtp", "host": "b", "username": "u", "password": "hunter2"}]"#),
      (.providers, #"[{"id": "a", "type": "smtp", "host": "b", "username": "u", "password": {}}]"#),
      (.providers, #"[{"id": "a", "type": "postmark", "server_token": {"env": "A", "file": "b"}}]"#),
      (.providers, #"[{"id": "a", "type": "file", "rate": "10 per second"}]"#),
      (.providers, #"[{"id": "a", "type": "webhook", "url": "b", "body": "{}", "retry": [42]}]"#),
      (.providers, #"[{"id": "a", "type": "ses", "region": "EU"}]"#),
    ]
    let documents = try mistakes.map { (kind: $0.0, value: try JSON(parsing: $0.1)) }
    for (mistake, verdict) in zip(mistakes, try SchemaValidator.check(documents)) {
      #expect(verdict != "ok", "\(mistake)")
    }
  }

  /// For random files, right, nearly right and wrong: what the loader takes, the schema takes.
  @Test(.enabled(if: SchemaValidator.python != nil, "\(SchemaValidator.missing)"), arguments: [UInt64(5), 2026])
  func whatTheDecoderTakesTheSchemaTakes(_ seed: UInt64) throws {
    var dice = Dice(seed)
    let sample = try Sample(SchemaSamples.project)
    #expect(sample.load().findings.filter { $0.contains(" error: ") } == [])
    var taken: [(kind: SchemaKind, value: JSON)] = []
    var counts: [SchemaKind: Int] = [:]
    var refused = 0
    for _ in 0..<250 {
      for kind in SchemaKind.allCases {
        let path = kind == .campaign ? "campaigns/x/campaign.yaml" : kind.path
        let value = SchemaSamples.random(kind, &dice)
        // JSON is YAML.
        try sample.write(path, Array(value.text.utf8))
        let errors = sample.load(keepGoing: true).findings.filter { $0.hasPrefix(path) && $0.contains(" error: ") }
        try sample.write(path, Array((SchemaSamples.project[path] ?? "").utf8))
        guard errors.isEmpty else {
          refused += 1
          continue
        }
        counts[kind, default: 0] += 1
        taken.append((kind, value))
      }
    }
    #expect(refused > 100 && SchemaKind.allCases.allSatisfy { counts[$0, default: 0] > 40 }, "\(counts), \(refused)")
    for (one, verdict) in zip(taken, try SchemaValidator.check(taken)) {
      #expect(verdict == "ok", "seed \(seed), \(one.kind): \(one.value.text)")
    }
  }

  @Test func theSampleProjectsHintsAreTheKinds() throws {
    let root = Self.tests.deletingLastPathComponent().path
    let files = ProjectFiles(root: root)
    for (path, kind, _) in try SchemaValidator.documents(root) {
      let text = try String(contentsOf: URL(filePath: files.absolute(path)), encoding: .utf8)
      #expect(text.hasPrefix(kind.editorHint + "\n"), "\(path)")
      // Editors read it relative to the file.
      let place =
        (path as NSString).deletingLastPathComponent + "/" + (kind.editorHint.split(separator: "=").last ?? "")
      #expect(ProjectFiles.normalise(String(place)) == "\(SchemaKind.folder)/\(kind.file)")
    }
  }

  @Test func theSchemasFolderIsNoCampaign() throws {
    let sample = try Sample(
      Sample.good, ["campaigns/.schema/campaign.json": "{}", "campaigns/.schema/campaign.yaml": "x"])
    let (project, findings) = sample.load()
    #expect(findings == [] && project?.campaigns.map(\.id) == ["codes", "welcome"])
  }
}
