import Foundation
import Model
import Testing

@testable import Messages

/// Things that most tests here need: one campaign, one mailbox, one send.
enum Make {
  static let date = Instant(seconds: 1_795_161_612)  // 2026-11-20T08:00:12Z

  static func template(_ source: String, html: Bool = false, file: String = "campaigns/c/t.txt") -> Template {
    Template(source, place: Place(file, line: 1, column: 1), isHTML: html)
  }

  static func mailbox(
    from: String = "Anna Schmidt <anna@example.com>", replyTo: String? = nil, zone: String = "Europe/Berlin",
    vars: [String: String] = [:]
  ) throws -> Mailbox {
    Mailbox(
      id: "anna", sender: .email(try #require(NamedAddress(from))), replyTo: replyTo.flatMap { NamedAddress($0) },
      zone: try #require(Zone(zone)), providers: ["relay"], vars: vars)
  }

  static func campaign(
    _ messageClass: Campaign.MessageClass = .bulk, text: String? = nil, html: String? = nil, subject: String? = nil,
    attachments: [String] = [], unsubscribe: Campaign.Unsubscribe? = nil, channel: Step.StepChannel = .email
  ) -> Campaign {
    let variant = Step.Variant(
      id: "", subject: subject.map { template($0, file: "campaigns/c/campaign.yaml") },
      text: text.map { template($0) }, html: html.map { template($0, html: true, file: "campaigns/c/t.html") })
    return Campaign(
      id: "c", messageClass: messageClass, audience: .messages(MessageTable()), mailboxes: .ids(["anna"]),
      unsubscribe: unsubscribe,
      steps: [Step(id: "s", channel: channel, variants: [variant], attachments: attachments)],
      place: Place("campaigns/c/campaign.yaml"))
  }

  static func send(
    to: String = "ada@example.org", name: String? = nil, subject: String? = "Hello Ada", vars: [String: String] = [:],
    text: String? = nil, html: String? = nil, thread: PlannedSend.Thread? = nil, channel: Channel = .email,
    mailbox: String = "anna", key: String = ""
  ) -> PlannedSend {
    PlannedSend(
      id: SendID(campaign: "c", step: "s", contact: "ada", channel: channel, key: key), sendAt: date,
      open: IntervalSet([Interval(date, date + .hours(1))]), campaign: "c", step: "s", contact: "ada",
      channel: channel, to: to, name: name, mailbox: mailbox, subject: subject, vars: vars, key: key, text: text,
      html: html, thread: thread)
  }

  static func composer(
    _ campaign: Campaign, _ mailbox: Mailbox, engine: TemplateEngine = TemplateEngine(), files: [String: [UInt8]] = [:]
  ) -> MessageComposer {
    MessageComposer(project: Project(campaigns: [campaign], mailboxes: [mailbox]), engine: engine) { path in
      guard let bytes = files[path] else { throw NoSuchFile() }
      return bytes
    }
  }

  struct NoSuchFile: Error {}
}

/// A composed message taken apart by the plainest reading of RFC 5322: no library of ours.
struct Raw {
  var fields: [(name: String, value: String)] = []
  var body = ""

  init(_ message: ComposedMessage) {
    let text = String(decoding: message.bytes, as: UTF8.self)
    guard let end = text.range(of: "\r\n\r\n") else { return }
    body = String(text[end.upperBound...])
    for line in text[..<end.lowerBound].components(separatedBy: "\r\n") {
      if line.hasPrefix(" ") || line.hasPrefix("\t"), !fields.isEmpty {
        fields[fields.count - 1].value += "\r\n" + line
      } else {
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        fields.append((String(parts[0]), parts.count > 1 ? String(parts[1].dropFirst()) : "<none>"))
      }
    }
  }

  subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
  /// Without the folds.
  func unfolded(_ name: String) -> String? { self[name]?.replacingOccurrences(of: "\r\n", with: "") }
}

/// What is wrong with a message's lines: bare CR or LF, and lines over 998 octets (RFC 5322 §2.1.1, §2.3).
func lineFaults(_ bytes: [UInt8]) -> [String] {
  var faults: [String] = []
  var length = 0
  for (i, byte) in bytes.enumerated() {
    if byte == 0x0A, i == 0 || bytes[i - 1] != 0x0D { faults.append("bare LF at \(i)") }
    if byte == 0x0D, i + 1 == bytes.count || bytes[i + 1] != 0x0A { faults.append("bare CR at \(i)") }
    if byte == 0x0A || byte == 0x0D { length = 0 } else { length += 1 }
    if length == 999 { faults.append("long line at \(i)") }
    if byte == 0 { faults.append("NUL at \(i)") }
  }
  if bytes.suffix(2) != [0x0D, 0x0A] { faults.append("no final CRLF") }
  return faults
}
