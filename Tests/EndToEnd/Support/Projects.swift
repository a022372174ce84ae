import Foundation
import Model
import TestSupport

/// Projects that tests make by the dozen.
enum Projects {
  /// One step to so many contacts through one SMTP server on this machine. No approval, no limits, always open.
  static func letter(
    contacts: Int, port: Int, connections: Int = 4, provider: String = "tls: none", retry: String = "{}",
    settings: String = ""
  ) -> [String: String] {
    let rows = (0..<contacts).map { "c\($0)@example.com,Contact \($0)\n" }.joined()
    return [
      "campaigns/settings.yaml": "timezone: \(Daytime.zone)\nwindow: always\nretry: \(retry)\n\(settings)",
      "campaigns/letter/campaign.yaml": """
      status: active
      approval: optional
      audience: {contacts: [contacts.csv]}
      mailboxes: [anna]
      unsubscribe: {url: "https://shop.example/u/{{send_id}}"}
      steps:
        - {id: only, subject: "Hello {{first_name}}", text: {inline: "Dear {{first_name}}\\n"}}
      """,
      "data/contacts.csv": "email,first_name\n" + rows,
      "data/mailboxes.yaml": "- {id: anna, from: Anna <anna@shop.example>, providers: [server]}\n",
      "data/providers.yaml": """
      - id: server
        type: smtp
        host: localhost
        port: \(port)
        max_connections: \(connections)
        timeout: 10s
        \(provider.replacing("\n", with: "\n  "))
      """,
    ]
  }

  /// Codes to so many addresses, all due at once, through a recording server. No approval, limits or breakers.
  static func codes(_ count: Int, through server: RecordingServer?, connections: Int = 4) -> [String: String] {
    [
      "campaigns/settings.yaml": """
      timezone: \(Daytime.zone)
      window: always
      retry: {backoff: 1s, max_backoff: 2s}
      breaker: {bounce_rate: 100%, complaint_rate: 100%, error_rate: 100%}
      """,
      "campaigns/codes/campaign.yaml": """
      status: active
      class: transactional
      audience: {messages: [messages.csv], key: [email]}
      mailboxes: [anna]
      steps: [{id: code, subject: Your code, text: {inline: "{{email}}\n"}}]
      """,
      "data/messages.csv": "email\n" + (0..<count).map { "c\($0)@example.com\n" }.joined(),
      "data/mailboxes.yaml": "- {id: anna, from: Anna <anna@shop.example>, providers: [server]}\n",
      "data/providers.yaml": server.map { provider($0, connections: connections) } ?? "- {id: server, type: file}\n",
    ]
  }

  static func provider(_ server: RecordingServer, connections: Int) -> String {
    let keys =
      switch server.wire {
      case .smtp: "type: smtp, host: localhost, port: \(server.port), tls: none"
      case .webhook:
        #"type: webhook, url: "http://127.0.0.1:\#(server.port)/v1/send/{{id}}", "#
          + #"body: '{"id":"{{id}}","to":"{{to}}","text":"{{text}}"}'"#
      }
    return "- {id: server, \(keys), max_connections: \(connections), timeout: 10s}\n"
  }

  /// The same through a folder of `.eml` files.
  static func files(contacts: Int, settings: String = "") -> [String: String] {
    var files = letter(contacts: contacts, port: 25, settings: settings)
    files["data/providers.yaml"] = "- {id: server, type: file}\n"
    return files
  }
}

/// A time zone in which it is about noon now: a day that no test sees the end of.
enum Daytime {
  static let zone: String = {
    let hour = Int(Date().timeIntervalSince1970 / 3600) % 24
    let offset = 12 - hour
    // POSIX turns the sign round: Etc/GMT-5 is five hours ahead.
    return offset == 0 ? "Etc/GMT" : offset > 0 ? "Etc/GMT-\(offset)" : "Etc/GMT+\(-offset)"
  }()

  static var today: String {
    Zone(zone)?.day(of: Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))).description ?? ""
  }
}

/// Where each send of a day stands by its results alone, read without the code under test.
struct Ledger {
  /// Ids by their last word: the outcome, or `intent`, `released`, ….
  private(set) var state: [String: String] = [:]
  /// How often each was recorded as sent.
  private(set) var sent: [String: Int] = [:]
  /// Ids of the day's plan.
  let planned: [String]

  init(_ project: TestProject, day: String) throws {
    planned = try project.records("\(day)/plan.jsonl").compactMap { $0["id"]?.string }
    guard project.folder.exists("\(day)/results.jsonl") else { return }
    for record in try project.records("\(day)/results.jsonl") {
      guard let id = record["id"]?.string, let kind = record["kind"]?.string else { continue }
      state[id] = kind == "outcome" ? record["outcome"]?.string : kind
      if state[id] == "sent" { sent[id, default: 0] += 1 }
    }
  }

  func ids(_ wanted: String) -> Set<String> { Set(state.filter { $0.value == wanted }.keys) }
}
