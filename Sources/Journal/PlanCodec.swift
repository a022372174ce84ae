import Crypto
import Model

/// A plan's lines as bytes, version 1 (DESIGN §2): the header, then one object a send.
public enum PlanCodec {
  public static let version: Int64 = 1

  /// The header without a line break. Instants are written on the project's clock.
  public static func encode(_ header: PlanHeader) -> [UInt8] { encode(header, zone: header.zone) }

  private static func encode(_ header: PlanHeader, zone: Zone) -> [UInt8] {
    var out: [UInt8] = []
    let totals = header.totals
    out.openObject()
    out.member("nightmail_plan", version)
    out.member("date", header.date.description)
    out.member("timezone", header.zone.identifier)
    out.member("tzdata", header.tzdata)
    out.member("not_before", header.notBefore, zone: zone)
    if let seed = Int64(exactly: header.seed) {
      out.member("seed", seed)
    } else {
      // Beyond what readers of JSON keep exactly.
      out.member("seed", String(header.seed))
    }
    out.member("sends", header.sends)
    out.member("inputs", header.inputs)
    out.member("content", header.content)
    out.member("history", header.history)
    out.counts("skipped", totals.skipped)
    out.counts("deferred", totals.deferred)
    out.member("ended", totals.ended)
    out.member("due", totals.due)
    out.counts("held", totals.held)
    out.member("waiting", totals.waiting)
    out.key("campaigns")
    out.openObject()
    for (id, totals) in header.campaigns.sorted(by: { $0.key < $1.key }) {
      out.key(string: id)
      out.openObject()
      out.member("due", totals.due)
      out.member("planned", totals.planned)
      out.counts("skipped", totals.skipped)
      out.counts("deferred", totals.deferred)
      out.counts("held", totals.held)
      out.member("waiting", totals.waiting)
      out.member("ended", totals.ended)
      out.closeObject()
    }
    out.closeObject()
    if !header.broken.isEmpty { out.member("left_out", header.broken) }
    out.closeObject()
    return out
  }

  /// What a plan's list of lines knows it by. People take lines out of a plan and leave its header; the header names
  /// everything that the plan was made from, so that two plans with one header are one plan. Taken in UTC, since a
  /// later version of the zone data may write the same instant with another offset.
  static func identity(of header: PlanHeader) -> String { Hex.digest(encode(header, zone: .utc)) }

  /// Which parts of a line are written.
  enum Part {
    case whole
    /// Less `send_at` and `open`: what an approval is for (DESIGN §2).
    case approved
  }

  /// One send without a line break.
  public static func encode(_ send: PlannedSend, zone: Zone, to out: inout [UInt8]) {
    encode(send, zone: zone, part: .whole, to: &out)
  }

  static func encode(_ send: PlannedSend, zone: Zone, part: Part, to out: inout [UInt8]) {
    out.openObject()
    out.member("id", send.id.text)
    if part == .whole {
      out.member("send_at", send.sendAt, zone: zone)
      out.key("open")
      out.append(0x5B)
      for (i, interval) in send.open.intervals.enumerated() {
        if i > 0 { out.append(0x2C) }
        out.append(0x5B)
        out.time(interval.start, zone: zone)
        out.append(0x2C)
        out.time(interval.end, zone: zone)
        out.append(0x5D)
      }
      out.append(0x5D)
      if let expiresAt = send.expiresAt { out.member("expires_at", expiresAt, zone: zone) }
    }
    out.member("campaign", send.campaign)
    out.member("step", send.step)
    out.member("variant", send.variant)
    out.member("contact", send.contact)
    out.member("channel", send.channel.rawValue)
    out.member("to", send.to)
    out.member("name", send.name)
    out.member("mailbox", send.mailbox)
    out.member("subject", send.subject)
    out.member("batch", send.batch)
    out.member("key", unlessEmpty: send.key)
    out.member("text", send.text)
    out.member("html", send.html)
    if let thread = send.thread {
      out.key("thread")
      out.openObject()
      out.member("references", thread.references)
      out.member("subject", thread.subject)
      out.closeObject()
    }
    if !send.vars.isEmpty { out.member("vars", send.vars) }
    out.closeObject()
  }
}

extension [UInt8] {
  /// Counts by reason in the order of the cases, those that are none left out.
  fileprivate mutating func counts<W: RawRepresentable & CaseIterable & Hashable>(
    _ name: StaticString, _ values: [W: Int]
  ) where W.RawValue == String {
    key(name)
    openObject()
    for word in W.allCases {
      guard let n = values[word], n != 0 else { continue }
      key(string: word.rawValue)
      number(Int64(n))
    }
    closeObject()
  }
}

/// The digests by which lines are known again. They are taken over canonical bytes, never over the file's: white
/// space, the order of keys and the zone of a time do not count as a change.
public enum LineDigest {
  /// SHA-256 in hex over a line less its times (`send_at`, `open`, `expires_at`): what an approval holds for, so that
  /// a re-plan keeps it.
  /// - Parameter content: the header's digest of what the campaign's messages are made from, where it has one: with
  ///   another text, sender or attachment a line is not what was approved.
  public static func of(_ send: PlannedSend, content: String? = nil) -> String { digest(send, .approved, content) }

  /// SHA-256 in hex over the whole line: by it a line counts as planned. `open` is in it, since an edited line must
  /// not widen the time at which it may go out.
  public static func whole(_ send: PlannedSend) -> String { digest(send, .whole) }

  private static func digest(_ send: PlannedSend, _ part: PlanCodec.Part, _ content: String? = nil) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    if let content { bytes.append(contentsOf: content.utf8) }
    PlanCodec.encode(send, zone: .utc, part: part, to: &bytes)
    return Hex.encode(SHA256.hash(data: bytes))
  }
}
