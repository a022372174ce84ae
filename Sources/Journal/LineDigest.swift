import Crypto
import Model

/// The digests by which lines are known again. They are taken over canonical bytes, never over the file's: white
/// space, the order of keys and the zone of a time do not count as a change.
public enum LineDigest {
  /// SHA-256 in hex over a line less its times (`send_at`, `open`, `expires_at`): what an approval holds for, so that
  /// a re-plan keeps it.
  /// - Parameter content: the header's digest of what the campaign's messages are made from, where it has one: with
  ///   another text, sender or attachment a line is not what was approved.
  public static func of(_ send: PlannedSend, content: String? = nil) -> String { digest(send, .approved, content) }

  /// SHA-256 in hex over the whole line: by it a line counts as planned in lists of version 1. `open` is in it, since
  /// an edited line must not widen the time at which it may go out.
  public static func whole(_ send: PlannedSend) -> String { digest(send, .whole) }

  private static func digest(_ send: PlannedSend, _ part: PlanCodec.Part, _ content: String? = nil) -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(512)
    if let content { bytes.append(contentsOf: content.utf8) }
    PlanCodec.encode(send, zone: .utc, part: part, to: &bytes)
    return Hex.encode(SHA256.hash(data: bytes))
  }
}

/// How lists of version 2 know a line: the first 16 bytes of SHA-256 over binary fields, so that a million lines take
/// a fraction of a second. Measured: two or three blocks of SHA-256 a line.
///
/// Everything that the line's shape says stands for itself by its own digest, taken once for all lines of the shape;
/// the rest follows in a fixed order. Numbers have eight bytes, the highest first. A text is its length (four bytes,
/// the highest first; `FFFFFFFF` if there is none) and its UTF-8.
extension LineDigest {
  struct Short: Hashable, Sendable {
    var high: UInt64
    var low: UInt64
    var text: String { SendID(high: high, low: low).text }
  }

  /// Of a whole line as it was read.
  static func planned(_ send: PlannedSend) -> String {
    let lines = ListedLines([send])
    var parts = LineParts()
    lines.read(0, into: &parts)
    let shape = lines.shapes[parts.shape]
    var message = LineBuffer(capacity: 512)
    return parts.bytes.withUnsafeBytes { bytes in
      short(parts, bytes, shape: short(shape, names: shape.names), message: &message).text
    }
  }

  /// Of a shape: campaign, step, variant, channel, mailbox, expires_at, the number of open intervals and their ends,
  /// and the names of the values that the line has.
  static func short(_ shape: LineShape, names: [String]) -> Short {
    var out = LineBuffer(capacity: 512)
    out.field("nightmail shape 1")
    out.field(shape.campaign)
    out.field(shape.step)
    out.field(shape.variant)
    out.field(shape.channel.rawValue)
    out.field(shape.mailbox)
    out.append(length: shape.expiresAt == nil ? nil : 8)
    if let expiresAt = shape.expiresAt { out.number(bigEndian: expiresAt) }
    out.append(length: shape.open.intervals.count)
    for interval in shape.open.intervals {
      out.number(bigEndian: interval.start)
      out.number(bigEndian: interval.end)
    }
    out.append(length: names.count)
    for name in names { out.field(name) }
    return short(of: out.bytes)
  }

  /// Of a line: the shape's digest, id, send_at, contact, to (none if it is the contact), subject, the values in the
  /// order of their names. Lines of message rows and replies go on with name, batch, key, text, html, the thread's
  /// subject, and the number of its references and each of them.
  /// - Parameters:
  ///   - bytes: those of `parts`, lying still.
  ///   - shape: of the shape with the names that the line has values for.
  ///   - message: space to work in.
  @inline(__always)
  static func short(
    _ parts: LineParts, _ bytes: UnsafeRawBufferPointer, shape: Short, message out: inout LineBuffer
  ) -> Short {
    out.removeAll()
    out.append(bigEndian: shape.high)
    out.append(bigEndian: shape.low)
    out.append(bigEndian: parts.id.high)
    out.append(bigEndian: parts.id.low)
    out.number(bigEndian: parts.sendAt)
    let contact = bytes.piece(parts.contact)
    let to = bytes.piece(parts.to)
    out.field(contact)
    if to.isSame(as: contact) { out.append(length: nil) } else { out.field(to) }
    if let subject = parts.subject { out.field(bytes.piece(subject)) } else { out.append(length: nil) }
    for i in parts.values.indices {
      if let value = parts.values[i] { out.field(bytes.piece(value)) }
    }
    if parts.extra != nil || parts.threadSubject != nil { appendExtra(parts, bytes, to: &out) }
    return short(of: out.bytes)
  }

  private static func appendExtra(_ parts: LineParts, _ bytes: UnsafeRawBufferPointer, to out: inout LineBuffer) {
    let extra = parts.extra
    // Some readers of plans give every line an empty one.
    guard parts.threadSubject != nil || extra?.isEmpty == false else { return }
    out.field(extra?.name)
    out.field(extra?.batch)
    out.field(extra?.key ?? "")
    out.field(extra?.text)
    out.field(extra?.html)
    if let subject = parts.threadSubject {
      out.field(bytes.piece(subject))
      out.append(length: parts.references.count)
      for reference in parts.references { out.field(bytes.piece(reference)) }
    } else {
      out.append(length: nil)
      out.append(length: nil)
    }
  }

  @inline(__always)
  private static func short(of bytes: UnsafeRawBufferPointer) -> Short {
    var hash = SHA256()
    hash.update(bufferPointer: bytes)
    return hash.finalize().withUnsafeBytes { digest in
      Short(
        high: UInt64(bigEndian: digest.loadUnaligned(as: UInt64.self)),
        low: UInt64(bigEndian: digest.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}

extension LineParts.Extra {
  var isEmpty: Bool {
    key.isEmpty && name == nil && batch == nil && text == nil && html == nil
  }
}

extension UnsafeRawBufferPointer {
  @inline(__always)
  func piece(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: self[range]) }
}

extension LineBuffer {
  @inline(__always)
  fileprivate mutating func field(_ bytes: UnsafeRawBufferPointer) {
    append(length: bytes.count)
    append(bytes)
  }

  fileprivate mutating func field(_ text: String?) {
    guard var text else { return append(length: nil) }
    text.withUTF8 { field(UnsafeRawBufferPointer($0)) }
  }

  @inline(__always)
  fileprivate mutating func number(bigEndian instant: Instant) {
    append(bigEndian: UInt64(bitPattern: instant.milliseconds))
  }
}
