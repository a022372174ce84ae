import Foundation

/// An IANA time zone, with the design's rule for wall-clock times that a change of clocks removes or repeats.
public struct Zone: Hashable, Sendable {
  public let identifier: String
  private let zone: TimeZone

  /// Nil if the identifier is no IANA zone. Abbreviations such as `EST` are refused: they name an offset, not a place.
  public init?(_ identifier: String) {
    guard identifier == "UTC" || identifier.contains("/"), let zone = TimeZone(identifier: identifier) else {
      return nil
    }
    self.identifier = identifier
    self.zone = zone
  }

  private init(utc: Void) {
    identifier = "UTC"
    zone = TimeZone.gmt
  }

  public static let utc = Zone(utc: ())

  /// The version of the time-zone data in use, such as `2025b`; it stands in every plan's header.
  public static var dataVersion: String { TimeZone.timeZoneDataVersion }

  public static func == (a: Zone, b: Zone) -> Bool { a.identifier == b.identifier }
  public func hash(into hasher: inout Hasher) { hasher.combine(identifier) }

  /// Seconds east of UTC at an instant.
  public func offset(at instant: Instant) -> Int64 {
    Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant.seconds))))
  }

  /// The calendar day of an instant here.
  public func day(of instant: Instant) -> CalendarDay {
    let local = instant.seconds + offset(at: instant)
    return CalendarDay(number: Int(local >= 0 ? local / 86_400 : (local - 86_399) / 86_400))
  }

  /// Which instant a repeated wall-clock time means: the first for an opening, the second for a closing (DESIGN §2).
  public enum Edge: Sendable { case opening, closing }

  /// The instant at which the clock here shows `second` seconds after midnight on `day`.
  ///
  /// A time that does not exist on a day the clocks go forward means the first instant after the gap; a time that
  /// exists twice means the first for an opening and the second for a closing.
  /// - Parameter second: 0...172800; 86400 and more reach into the next day.
  public func instant(_ day: CalendarDay, second: Int64, edge: Edge = .opening) -> Instant {
    let local = Int64(day.number) * 86_400 + second
    // The offsets in force around the time. Zone changes lie further apart than two days.
    let before = offset(at: Instant(seconds: local - 86_400))
    let after = offset(at: Instant(seconds: local + 86_400))
    if before == after && offset(at: Instant(seconds: local - before)) == before {
      return Instant(seconds: local - before)
    }
    let candidates = [local - before, local - after].sorted().filter { $0 + offset(at: Instant(seconds: $0)) == local }
    if let first = candidates.first, let last = candidates.last {
      return Instant(seconds: edge == .opening ? first : last)
    }
    // The time falls into a gap: find the first instant after it, at which the offset changes.
    var low = local - max(before, after)
    var high = local - min(before, after)
    let offsetBefore = offset(at: Instant(seconds: low))
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(at: Instant(seconds: middle)) == offsetBefore { low = middle } else { high = middle }
    }
    return Instant(seconds: high)
  }

  /// RFC 3339 with this zone's offset: `2026-11-20T09:00:12+01:00`; milliseconds only where there are any.
  public func format(_ instant: Instant) -> String {
    let offset = offset(at: instant)
    return Self.format(instant, offset: offset)
  }

  /// As `format(_:)`, with an offset that the caller already knows.
  public static func format(_ instant: Instant, offset: Int64) -> String {
    var out: [UInt8] = []
    out.reserveCapacity(29)
    append(instant, offset: offset, to: &out)
    return String(decoding: out, as: UTF8.self)
  }

  /// Writes the RFC 3339 form as ASCII bytes: the plan's hot path. An offset has whole minutes there; the seconds of
  /// offsets from before standard time are dropped from the clock too, so that the instant stays what it is.
  public static func append(_ instant: Instant, offset: Int64, to out: inout [UInt8]) {
    let offset = offset / 60 * 60
    let local = instant.seconds + offset
    let dayNumber = local >= 0 ? local / 86_400 : (local - 86_399) / 86_400
    let second = Int(local - dayNumber * 86_400)
    let (y, m, d) = CalendarDay(number: Int(dayNumber)).components
    func two(_ n: Int) {
      out.append(UInt8(0x30 + n / 10))
      out.append(UInt8(0x30 + n % 10))
    }
    two(y / 100)
    two(y % 100)
    out.append(0x2D)
    two(m)
    out.append(0x2D)
    two(d)
    out.append(0x54)
    two(second / 3600)
    out.append(0x3A)
    two(second / 60 % 60)
    out.append(0x3A)
    two(second % 60)
    let fraction = Int(instant.milliseconds - instant.seconds * 1000)
    if fraction != 0 {
      out.append(0x2E)
      out.append(UInt8(0x30 + fraction / 100))
      two(fraction % 100)
    }
    if offset == 0 {
      out.append(0x5A)
    } else {
      out.append(offset < 0 ? 0x2D : 0x2B)
      let minutes = Int(abs(offset) / 60)
      two(minutes / 60)
      out.append(0x3A)
      two(minutes % 60)
    }
  }
}

extension Instant {
  /// Reads RFC 3339 (`2026-11-20T09:00:12+01:00`, `…Z`, a space for the T, fractions to the millisecond).
  /// A time without an offset is read on `zone`'s clock, and a bare date as its midnight there.
  /// Nil for anything else.
  public init?(_ text: some StringProtocol, zone: Zone? = nil) {
    let bytes = Array(text.utf8)
    guard bytes.count >= 10, let day = CalendarDay(String(decoding: bytes[0..<10], as: UTF8.self)) else { return nil }
    if bytes.count == 10 {
      guard let zone else { return nil }
      self = zone.instant(day, second: 0)
      return
    }
    var i = 11
    guard bytes[10] == 0x54 || bytes[10] == 0x74 || bytes[10] == 0x20 else { return nil }
    func two() -> Int? {
      guard i + 1 < bytes.count, bytes[i] >= 0x30, bytes[i] <= 0x39, bytes[i + 1] >= 0x30, bytes[i + 1] <= 0x39
      else { return nil }
      defer { i += 2 }
      return Int(bytes[i] - 0x30) * 10 + Int(bytes[i + 1] - 0x30)
    }
    func skip(_ byte: UInt8) -> Bool {
      guard i < bytes.count, bytes[i] == byte else { return false }
      i += 1
      return true
    }
    guard let h = two(), h <= 23, skip(0x3A), let m = two(), m <= 59 else { return nil }
    var second = 0
    if skip(0x3A) {
      guard let s = two(), s <= 60 else { return nil }
      second = min(s, 59)
    }
    var fraction = 0
    if skip(0x2E) {
      var digits = 0
      while i < bytes.count, bytes[i] >= 0x30, bytes[i] <= 0x39 {
        if digits < 3 { fraction = fraction * 10 + Int(bytes[i] - 0x30) }
        digits += 1
        i += 1
      }
      guard digits > 0 else { return nil }
      for _ in min(digits, 3)..<3 { fraction *= 10 }
    }
    let ofDay = Int64(h * 3600 + m * 60 + second)
    if i == bytes.count {
      guard let zone else { return nil }
      self = zone.instant(day, second: ofDay) + Span(milliseconds: Int64(fraction))
      return
    }
    var offset: Int64 = 0
    if !skip(0x5A) && !skip(0x7A) {
      let sign: Int64 = skip(0x2B) ? 1 : (skip(0x2D) ? -1 : 0)
      guard sign != 0, let oh = two(), oh <= 23 else { return nil }
      _ = skip(0x3A)
      guard let om = two(), om <= 59 else { return nil }
      offset = sign * Int64(oh * 3600 + om * 60)
    }
    guard i == bytes.count else { return nil }
    milliseconds = (Int64(day.number) * 86_400 + ofDay - offset) * 1000 + Int64(fraction)
  }
}
