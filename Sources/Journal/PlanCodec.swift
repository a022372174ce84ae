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
      times(send.open, send.expiresAt, zone: zone, to: &out)
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

  private static func times(_ open: IntervalSet, _ expiresAt: Instant?, zone: Zone, to out: inout [UInt8]) {
    out.key("open")
    out.append(0x5B)
    for (i, interval) in open.intervals.enumerated() {
      if i > 0 { out.append(0x2C) }
      out.append(0x5B)
      out.time(interval.start, zone: zone)
      out.append(0x2C)
      out.time(interval.end, zone: zone)
      out.append(0x5D)
    }
    out.append(0x5D)
    if let expiresAt { out.member("expires_at", expiresAt, zone: zone) }
  }

  /// What stands between the `send_at` and the contact of all lines of a shape: from the comma to the colon.
  static func encodeHead(_ shape: LineShape, zone: Zone, to out: inout [UInt8]) {
    times(shape.open, shape.expiresAt, zone: zone, to: &out)
    out.member("campaign", shape.campaign)
    out.member("step", shape.step)
    out.member("variant", shape.variant)
    out.key("contact")
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
