import Model

/// A plan's lines on their way into the history: what the records of a send say of it, in some 100 bytes a line, so that
/// the plan, which holds on to the history that it was made from, is gone before that history goes on.
struct AssumedSends {
  /// What lines of one shape have in common.
  private struct Shape {
    /// Campaign, step, mailbox and provider, one after the other.
    var texts: [UInt8] = []
    /// The record without what is the line's own.
    var record = FlatRecord(.intent)
    /// Of the mailbox's address, as Message-IDs have it; nil for SMS.
    var domain: String?
  }

  private struct Line {
    var id: SendID
    var sendAt: Instant
    var shape: UInt32
    /// Lengths of its texts, which stand in `bytes` in this order. `.max` for a subject that it lacks.
    var contact: UInt32
    var to: UInt32
    var key: UInt32
    var subject: UInt32
  }

  private var shapes: [Shape] = []
  private var lines: [Line] = []
  private var bytes: [UInt8] = []

  /// - Parameter each: is told of every line's shape and time.
  init(_ plan: some PlanLines, mailboxes: [String: Mailbox], each: (Int, Instant) -> Void) {
    shapes = plan.shapes.map { Self.shape($0, mailboxes[$0.mailbox]) }
    lines.reserveCapacity(plan.count)
    var parts = LineParts()
    for i in 0..<plan.count {
      if i % 64 == 0 { plan.fetch(i..<min(plan.count, i + 64)) }
      plan.read(i, into: &parts)
      each(parts.shape, parts.sendAt)
      bytes += parts.bytes[parts.contact]
      bytes += parts.bytes[parts.to]
      let key = parts.extra?.key ?? ""
      bytes += key.utf8
      if let subject = parts.subject { bytes += parts.bytes[subject] }
      lines.append(
        Line(
          id: parts.id, sendAt: parts.sendAt, shape: UInt32(parts.shape), contact: UInt32(parts.contact.count),
          to: UInt32(parts.to.count), key: UInt32(key.utf8.count),
          subject: parts.subject.map { UInt32($0.count) } ?? .max))
    }
  }

  private static func shape(_ line: LineShape, _ mailbox: Mailbox?) -> Shape {
    var shape = Shape()
    func put(_ text: String) -> FlatRecord.Text {
      let offset = shape.texts.count
      shape.texts += text.utf8
      return FlatRecord.Text(offset: UInt32(offset), count: UInt32(shape.texts.count - offset))
    }
    shape.record.channel = line.channel
    shape.record.expiresAt = line.expiresAt?.milliseconds ?? .min
    shape.record.campaign = put(line.campaign)
    shape.record.step = put(line.step)
    shape.record.mailbox = put(line.mailbox)
    shape.record.provider = put(mailbox?.providers.first ?? line.mailbox)
    if case .email(let named)? = mailbox?.sender { shape.domain = named.address.domain }
    return shape
  }

  /// Folds each send into the history as one that was accepted at its `send_at`, by the records that a run writes.
  func take(into history: inout History) {
    var offset = 0
    var text: [UInt8] = []
    for line in lines {
      let shape = shapes[Int(line.shape)]
      var record = shape.record
      text.removeAll(keepingCapacity: true)
      text += shape.texts
      func put(_ count: UInt32) -> FlatRecord.Text {
        let place = FlatRecord.Text(offset: UInt32(text.count), count: count)
        text += bytes[offset..<offset + Int(count)]
        offset += Int(count)
        return place
      }
      record.contact = put(line.contact)
      record.to = put(line.to)
      record.key = put(line.key)
      if line.subject != .max { record.subject = put(line.subject) }
      if let domain = shape.domain {
        let start = text.count
        text.append(UInt8(ascii: "<"))
        line.id.appendText(to: &text)
        text.append(UInt8(ascii: "@"))
        text += domain.utf8
        text.append(UInt8(ascii: ">"))
        record.messageID = FlatRecord.Text(offset: UInt32(start), count: UInt32(text.count - start))
      }
      record.id = line.id
      record.number = 1
      record.at = line.sendAt.milliseconds
      record.sendAt = record.at
      text.withUnsafeBufferPointer { text in
        history.fold(record, text)
        record.kind = .outcome
        history.fold(record, text)
      }
    }
    history.settle()
  }
}
