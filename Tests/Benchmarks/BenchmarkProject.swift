import Foundation
import TestSupport

/// A project of any size: two campaigns in eight time zones, with suppressions and quoted cells.
enum BenchmarkProject {
  private static let zones = [
    "Europe/Berlin", "America/New_York", "Asia/Tokyo", "America/Sao_Paulo", "Europe/London", "Asia/Kolkata",
    "Australia/Sydney", "America/Los_Angeles",
  ]
  private static let names = [
    "Ada", "Alan", "Grace", "Linus", "Barbara", "Donald", "Edsger", "Niklaus", "Ken", "Dennis",
  ]

  /// - Parameters:
  ///   - limit: sends a day for each mailbox.
  ///   - gap: the least time between two of a mailbox's.
  ///   - window: the campaigns'.
  ///   - port: an SMTP server on this machine; nil writes files.
  static func make(
    contacts: Int, mailboxes: Int, limit: Int, gap: String = "20s", window: String = "mon-fri 08:00-18:00 contact",
    port: Int? = nil
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      timezone: Europe/Berlin
      seed: 7
      approval: optional
      contact_caps: {per_day: 1}
      """, to: "campaigns/settings.yaml")
    for (i, id) in ["alpha", "beta"].enumerated() {
      try folder.write(campaign(id, priority: 10 - i, window: window), to: "campaigns/\(id)/campaign.yaml")
      let line = "Two kilobytes of text are what a letter with a signature and a quotation come to.\n"
      try folder.write(
        "Hello {{first_name}},\n\n{{company}} is growing.\n" + String(repeating: line, count: 22) + "\nAnna\n",
        to: "campaigns/\(id)/intro.txt")
    }
    try folder.write(rows(contacts), to: "data/contacts.csv")
    var boxes = "id,from,daily_limit,min_gap,timezone,providers,tags\n"
    for i in 0..<mailboxes {
      boxes +=
        "mb\(i),Anna \(i) <anna\(i)@sender.example>,\(limit),\(gap),Europe/Berlin,main,\(i % 3 != 0 ? "alpha" : "beta")\n"
    }
    try folder.write(boxes, to: "data/mailboxes.csv")
    var suppressions = "value,reason\n"
    for i in stride(from: 0, to: contacts, by: 50) {
      suppressions += "user\(i)@dom\(i % 20_000).example,unsubscribed\n"
    }
    try folder.write(suppressions, to: "data/suppressions.csv")
    let provider =
      port.map {
        "- id: main\n  type: smtp\n  host: 127.0.0.1\n  port: \($0)\n  tls: none\n  max_connections: 20\n"
          + "  messages_per_connection: 1000\n"
      } ?? "- id: main\n  type: file\n"
    try folder.write(provider, to: "data/providers.yaml")
    return folder
  }

  private static func campaign(_ id: String, priority: Int, window: String) -> String {
    """
    status: active
    priority: \(priority)
    audience:
      contacts: [contacts.csv]
      where: {segment: [\(id)]}
    mailboxes: {tag: \(id)}
    window: \(window)
    unsubscribe: {url: "https://sender.example/u/{{send_id}}"}
    steps:
      - id: intro
        subject: "{{first_name}}, a question about {{company}}"
        text: intro.txt
    """
  }

  private static func rows(_ count: Int) -> String {
    var out = "email,first_name,company,timezone,tags,segment\n"
    for i in 0..<count {
      let company = i % 10 == 0 ? "\"Acme, Inc.\"" : "Company \(i % 50_000)"
      out += "user\(i)@dom\(i % 20_000).example,\(names[i % 10]),\(company),\(zones[i / 3 % 8]),vip;t\(i % 17),"
      out += i % 3 != 0 ? "alpha\n" : "beta\n"
    }
    return out
  }
}
