import Foundation

@testable import Config
@testable import Model

/// A project in a folder of its own that goes with it.
final class Sample {
  let folder: String

  static let good: [String: String] = [
    "campaigns/settings.yaml": """
    timezone: Europe/Berlin
    day_starts: "06:00"
    window: mon-fri 09:00-17:00 contact
    holidays: [2026-12-25]
    contact_caps: {per_day: 1}
    retry: {backoff: 2m}
    vars: {company: Example GmbH, year: 2026}
    seed: 7

    """,
    "campaigns/welcome/campaign.yaml": """
    status: active
    priority: 10
    start: 2026-11-20
    end: 2026-12-31
    audience:
      contacts: [contacts.csv]
      where: {Country: [DE, AT]}
      except: {tags: customer}
    mailboxes: {tag: sales}
    window: [mon-fri 08:00-10:00, sat 10:00-12:00 project]
    stop_on: [reply, auto_reply]
    ttl: 2d
    retry: {attempts: 3}
    unsubscribe: {url: "https://example.com/u/{{send_id}}"}
    vars: {year: 2027}
    was: [hello]
    steps:
      - id: intro
        subject: "Hello {{first_name}}"
        text: intro.txt
        attachments: [terms.pdf]
        variants:
          - {id: a}
          - {id: b, weight: 2, subject: Good morning, html: {inline: <p>Hi</p>}}
      - id: nudge
        delay: 3bd
        reply: true
        text: {inline: Did you see it?}

    """,
    "campaigns/welcome/intro.txt": "Hello {{first_name}}\n",
    "campaigns/welcome/terms.pdf": "%PDF",
    "campaigns/codes/campaign.yaml": """
    class: transactional
    audience: {messages: [messages/*], key: [order_id], columns: {mail: email}}
    mailboxes: [ben]

    """,
    "data/mailboxes.csv": """
    id,from,daily_limit,min_gap,timezone,providers,tags,window
    anna,"Anna Schmidt <anna@example.com>",50,90s,Europe/London,main;backup,sales;eu,mon-fri 08:00-18:00 mailbox
    ben,ben@example.com,,,,backup,,
    text,+4915112345678,,,,backup,,

    """,
    "data/providers.yaml": """
    - &main
      id: main
      type: smtp
      host: smtp.example.com
      username: "{{mailbox.email}}"
      password: {env: SMTP_PASSWORD}
      rate: 3/s
      timeout: 60s
    - <<: *main
      id: second
      tls: implicit
      max_connections: 5
    - {id: backup, type: file, directory: sent}

    """,
    "data/contacts.csv": """
    email,first_name,country,tags,timezone
    Ada@Example.com,Ada,DE,vip; new,Europe/Paris
    bob@example.com,Bob,AT,customer,

    """,
    "data/messages/today.csv": "mail,order_id,text,send_at\nada@example.com,7,Your code is 1,2026-11-20 09:00\n",
    "data/suppressions.csv":
      "value,reason,campaign,until\nEve@Example.COM,asked,,2026-12-01\n@Bücher.example,legal,,\n",
    "data/events/old.jsonl": "{\"at\":\"2026-11-19T10:00:00Z\",\"type\":\"reply\",\"contact\":\"Ada@example.com\"}\n",
  ]

  init(_ files: [String: String] = good, _ over: [String: String] = [:]) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "nightmail-\(UUID().uuidString)").path
    for (path, text) in files.merging(over, uniquingKeysWith: { $1 }) { try write(path, Array(text.utf8)) }
  }

  func write(_ path: String, _ bytes: [UInt8]) throws {
    let url = URL(filePath: folder).appending(path: path)
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
  }

  func text(_ path: String) throws -> String {
    try String(contentsOf: URL(filePath: folder).appending(path: path), encoding: .utf8)
  }

  func load(keepGoing: Bool = false) -> (project: Project?, findings: [String]) {
    let (project, findings) = ProjectLoader.load(folder: folder, keepGoing: keepGoing)
    return (project, findings.map(\.description))
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}
