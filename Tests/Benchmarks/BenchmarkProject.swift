import Foundation
import TestSupport

/// A project of any size: two campaigns of two steps in eight time zones, one mail a contact and day, with suppressed
/// addresses, a suppressed domain and quoted cells. The same size gives the same bytes.
enum BenchmarkProject {
  static let zones = [
    "Europe/Berlin", "America/New_York", "Asia/Tokyo", "America/Sao_Paulo", "Europe/London", "Asia/Kolkata",
    "Australia/Sydney", "America/Los_Angeles",
  ]
  private static let names = [
    "Ada", "Alan", "Grace", "Linus", "Barbara", "Donald", "Edsger", "Niklaus", "Ken", "Dennis", "Margaret", "Katherine",
  ]

  /// - Parameters:
  ///   - limit: sends a day for each mailbox.
  ///   - gap: the least time between two of a mailbox's.
  ///   - window: the campaigns'.
  ///   - port: an SMTP server on this machine; nil writes files.
  static func make(
    contacts: Int, mailboxes: Int, limit: Int = 1200, gap: String = "20s",
    window: String = "mon-fri 08:00-18:00 contact", port: Int? = nil
  ) throws -> TemporaryFolder {
    let folder = try TemporaryFolder()
    try folder.write(
      """
      timezone: Europe/Berlin
      seed: 7
      approval: optional
      contact_caps: {per_day: 1}
      retry: {attempts: 3, backoff: 1s, max_backoff: 5s}

      """, to: "campaigns/settings.yaml")
    for (i, id) in ["alpha", "beta"].enumerated() {
      try folder.write(campaign(id, priority: 10 - i, window: window), to: "campaigns/\(id)/campaign.yaml")
      let line = "Two kilobytes of text are what a letter with a signature and a quotation come to.\n"
      try folder.write(
        "Hello {{first_name}},\n\n{{company}} is growing.\n" + String(repeating: line, count: 22) + "\nAnna\n",
        to: "campaigns/\(id)/intro.txt")
      try folder.write(
        "Hello {{first_name}},\n\nhave you read my letter?\n\nAnna\n", to: "campaigns/\(id)/nudge.txt")
    }
    try folder.write("", to: "data/contacts.csv")
    try writeContacts(contacts, to: folder.file("data/contacts.csv"))
    try writeMailboxes(mailboxes, limit: limit, gap: gap, to: folder.file("data/mailboxes.csv"))
    try writeSuppressions(contacts, to: folder.file("data/suppressions.csv"))
    let provider =
      port.map {
        "- id: main\n  type: smtp\n  host: 127.0.0.1\n  port: \($0)\n  tls: none\n  max_connections: 20\n"
          + "  messages_per_connection: 1000\n"
      } ?? "- id: main\n  type: file\n"
    try folder.write(provider, to: "data/providers.yaml")
    return folder
  }

  /// The address of the contact in row `i`, which is its key too.
  static func address(_ i: Int) -> String { "user\(i)@dom\(i % 20_000).example" }

  /// Which campaign a contact or a mailbox belongs to: two thirds to the first.
  static func segment(_ i: Int) -> String { i % 3 != 0 ? "alpha" : "beta" }

  static func mailbox(_ i: Int) -> String { "mb\(i)" }

  private static func campaign(_ id: String, priority: Int, window: String) -> String {
    """
    status: active
    priority: \(priority)
    audience:
      contacts: [contacts.csv]
      where: {segment: [\(id)]}
    mailboxes: {tag: \(id)}
    window: \(window)
    steps:
      - id: intro
        channel: email
        subject: "{{first_name}}, a question about {{company}}"
        text: intro.txt
      - id: nudge
        delay: 3d
        channel: email
        reply: true
        text: nudge.txt

    """
  }

  private static func writeContacts(_ count: Int, to path: String) throws {
    let file = try TextFile(path)
    var dice = Dice(1)
    try file.write("email,first_name,last_name,company,timezone,tags,segment,phone\n")
    for i in 0..<count {
      let company = i % 10 == 0 ? "\"Acme, Inc.\"" : "Company \(i % 50_000)"
      let phone = String(10_000_000 + i % 10_000_000).dropFirst()
      let person = "\(address(i)),\(dice.pick(names)),Last\(i),\(company),\(dice.pick(zones))"
      try file.write("\(person),t\(i % 17);vip,\(segment(i)),+1555\(phone)\n")
    }
    try file.close()
  }

  private static func writeMailboxes(_ count: Int, limit: Int, gap: String, to path: String) throws {
    let file = try TextFile(path)
    try file.write("id,from,daily_limit,min_gap,timezone,providers,tags\n")
    for i in 0..<count {
      let from = "Anna \(i) <anna\(i)@sender.example>"
      try file.write("\(mailbox(i)),\(from),\(limit),\(gap),Europe/Berlin,main,\(segment(i))\n")
    }
    try file.close()
  }

  private static func writeSuppressions(_ contacts: Int, to path: String) throws {
    let file = try TextFile(path)
    try file.write("value,reason\n")
    for i in stride(from: 0, to: contacts, by: 50) { try file.write("\(address(i)),unsubscribed\n") }
    try file.write("@dom7.example,legal\n")
    try file.close()
  }
}

/// A text written piece by piece: no file is ever in memory whole, since the memory that this program has had at its
/// largest is the least that the programs it starts are said to have had (`Program`).
private final class TextFile {
  private let handle: FileHandle
  private var pending = Data()

  init(_ path: String) throws {
    guard FileManager.default.createFile(atPath: path, contents: nil), let handle = FileHandle(forWritingAtPath: path)
    else { throw CocoaError(.fileWriteUnknown) }
    self.handle = handle
    pending.reserveCapacity(1 << 20)
  }

  func write(_ text: String) throws {
    pending.append(contentsOf: text.utf8)
    if pending.count > 1 << 20 - 4096 { try flush() }
  }

  func close() throws {
    try flush()
    try handle.close()
  }

  private func flush() throws {
    try handle.write(contentsOf: pending)
    pending.removeAll(keepingCapacity: true)
  }
}
