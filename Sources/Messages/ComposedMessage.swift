import Model

/// A send as bytes, with its envelope (RFC 5321 §3.3).
public struct ComposedMessage: Hashable, Sendable {
  /// The bare address or number it comes from; where bounces go.
  public var envelopeFrom: String
  /// The bare address or number it goes to.
  public var envelopeTo: String
  /// With its angle brackets.
  public var messageID: String
  /// A whole RFC 5322 message with CRLF line ends, not dot-stuffed; for SMS the text in UTF-8.
  public var bytes: [UInt8]
  /// An address in envelope or header has a local part outside ASCII (RFC 6531 §3.1).
  public var needsSMTPUTF8: Bool
  /// The same e-mail in pieces, for services that put it together themselves; nil for SMS.
  public var parts: MessageParts?

  public init(
    envelopeFrom: String, envelopeTo: String, messageID: String, bytes: [UInt8], needsSMTPUTF8: Bool,
    parts: MessageParts? = nil
  ) {
    self.envelopeFrom = envelopeFrom
    self.envelopeTo = envelopeTo
    self.messageID = messageID
    self.bytes = bytes
    self.needsSMTPUTF8 = needsSMTPUTF8
    self.parts = parts
  }
}

/// Dates as a header has them.
enum MailDate {
  /// RFC 5322 §3.3, on `zone`'s clock: `Fri, 20 Nov 2026 09:00:12 +0100`.
  static func format(_ instant: Instant, zone: Zone) -> String {
    var bytes: [UInt8] = []
    append(instant, zone: zone, to: &bytes)
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Digit by digit: every message has one, and strings put together take five times as long.
  static func append(_ instant: Instant, zone: Zone, to out: inout [UInt8]) {
    // The form has whole minutes; the offsets of zones before standard time had seconds.
    let offset = zone.offset(at: instant) / 60 * 60
    let local = instant.seconds + offset
    let day = CalendarDay(number: Int(local >= 0 ? local / 86_400 : (local - 86_399) / 86_400))
    let second = local - Int64(day.number) * 86_400
    let (y, m, d) = day.components
    func two(_ n: Int64) {
      out.append(0x30 + UInt8(n / 10 % 10))
      out.append(0x30 + UInt8(n % 10))
    }
    out.append(contentsOf: weekdays[day.weekday.index].utf8)
    out.append(contentsOf: ", ".utf8)
    out.append(contentsOf: String(d).utf8)
    out.append(0x20)
    out.append(contentsOf: months[m - 1].utf8)
    out.append(0x20)
    for _ in 0..<max(0, 4 - String(y).utf8.count) { out.append(0x30) }
    out.append(contentsOf: String(y).utf8)
    for (i, n) in [second / 3600, second / 60 % 60, second % 60].enumerated() {
      out.append(i == 0 ? 0x20 : 0x3A)
      two(n)
    }
    out.append(contentsOf: offset < 0 ? " -".utf8 : " +".utf8)
    two(abs(offset) / 3600)
    two(abs(offset) / 60 % 60)
  }

  private static let weekdays = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
