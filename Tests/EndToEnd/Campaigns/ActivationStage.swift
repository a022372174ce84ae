import Foundation
import Model
import TestSupport
import Testing

/// The shipped activation campaign by itself, its relay an SMTP server on this machine, on a day that no test sees the
/// end of.
struct ActivationStage {
  let project: TestProject
  /// The codes that were asked for, by address.
  let codes: [String: (user: String, code: String)]

  /// - Parameters:
  ///   - count: of codes; 0: those that the project has.
  ///   - relay: `providers.yaml`'s entry; nil: into files, as shipped.
  init(_ count: Int = 0, relay: String? = nil) throws {
    var changes = [
      "campaigns/settings.yaml": try ShippedProject.text("campaigns/settings.yaml")
        .replacing("timezone: Europe/Berlin", with: "timezone: \(Daytime.zone)")
    ]
    if count > 0 {
      changes["data/messages/activations.csv"] =
        "user_id,email,code\n" + (1...count).map { "u-\($0),user\($0)@example.com,\(100_000 + $0)\n" }.joined()
    }
    project = try ShippedProject.copy(changes)
    for campaign in ShippedProjectTests.campaigns where campaign != "activation" {
      try FileManager.default.removeItem(atPath: project.folder.file("campaigns/\(campaign)"))
    }
    let rows = try project.folder.read("data/messages/activations.csv").split(separator: "\n").dropFirst()
      .map { $0.split(separator: ",").map(String.init) }
    codes = Dictionary(uniqueKeysWithValues: rows.map { ($0[1], ($0[0], $0[2])) })
    if let relay { try setRelay(relay) }
  }

  static func smtp(_ port: Int, _ more: String = "") -> String {
    "- {id: relay, type: smtp, host: localhost, port: \(port), tls: none, timeout: 10s, max_connections: 1\(more)}"
  }

  func setRelay(_ entry: String) throws {
    let shipped = try ShippedProject.text("data/providers.yaml")
    try #require(shipped.contains("- {id: relay, type: file}"))
    try project.folder.write(
      shipped.replacing("- {id: relay, type: file}", with: entry), to: "data/providers.yaml")
  }

  /// A row of the `activated.csv` of a day.
  struct Row: Hashable {
    var user: String
    var code: String
    var at: String
    var id: String
  }

  static let today = "output/\(Daytime.today)"

  /// Its rows; whoever reads while a run writes takes lines that have ended.
  func activated(_ day: String = today) throws -> [Row] {
    guard project.folder.exists("\(day)/activated.csv") else { return [] }
    var lines = try project.folder.read("\(day)/activated.csv").split(separator: "\n", omittingEmptySubsequences: false)
    lines.removeLast()
    if lines.isEmpty { return [] }
    #expect(lines[0] == "user_id,code,sent_at,send_id")
    return try lines.dropFirst().map { line in
      let cells = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      try #require(cells.count == 4, "\(line)")
      return Row(user: cells[0], code: cells[1], at: cells[2], id: cells[3])
    }
  }

  /// The lines of a day's plans by their ids, those that were replaced too.
  func planned(_ day: String) throws -> [String: JSON] {
    let plans = project.folder.list(day).filter { $0.hasPrefix("plan") && $0.hasSuffix(".jsonl") }
    let lines = try plans.flatMap { try project.records("\(day)/\($0)") }
    return Dictionary(lines.map { ($0["id"]?.string ?? "", $0) }, uniquingKeysWith: { a, _ in a })
  }

  /// What the file must be once all is settled: one row for each accepted message, of the code that was asked for.
  func expectRows(for accepted: [String], on day: String = today, _ note: Comment) throws {
    let rows = try activated(day)
    #expect(rows.map(\.id).sorted() == accepted.sorted(), note)
    try expectOwnCodes(rows, on: day, note)
  }

  func expectOwnCodes(_ rows: [Row], on day: String, _ note: Comment) throws {
    let planned = try planned(day)
    for row in rows {
      let asked = planned[row.id]?["to"]?.string.flatMap { codes[$0] }
      #expect(asked?.user == row.user && asked?.code == row.code, "\(note): \(row)")
      #expect(Instant(row.at) != nil, "\(note): \(row)")
    }
  }

  func letters(_ options: String...) throws -> [JSON] {
    try run(["dead-letters", "list", "--json"] + options).out.json.array ?? []
  }

  /// Any command, with any end.
  @discardableResult
  func run(_ arguments: [String], environment: [String: String] = [:]) throws -> Shell.Output {
    try Shell.run(
      try #require(Program.folder) + "/nightmail", arguments, folder: project.path,
      environment: Program.environment.merging(environment, uniquingKeysWith: { $1 }), limit: 60)
  }
}
