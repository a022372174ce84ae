import Model

/// Writing objects straight into bytes, without a tree in between: plans and results have millions of lines.
/// Measured, optimised, 2 cores: 1.1 µs for an intent of 400 bytes, 1.5 µs for an outcome of 490.
extension [UInt8] {
  mutating func text(_ s: StaticString) {
    s.withUTF8Buffer { append(contentsOf: $0) }
  }

  mutating func openObject() { append(0x7B) }
  mutating func closeObject() { append(0x7D) }

  /// `"name":`, with a comma before it unless it is the first of its object.
  mutating func key(_ name: StaticString) {
    if last != 0x7B { append(0x2C) }
    append(0x22)
    text(name)
    append(0x22)
    append(0x3A)
  }

  mutating func key(string name: String) {
    if last != 0x7B { append(0x2C) }
    JSON.write(name, to: &self)
    append(0x3A)
  }

  mutating func member(_ name: StaticString, _ value: String) {
    key(name)
    JSON.write(value, to: &self)
  }

  mutating func member(_ name: StaticString, _ value: String?) {
    if let value { member(name, value) }
  }

  mutating func member(_ name: StaticString, unlessEmpty value: String) {
    if !value.isEmpty { member(name, value) }
  }

  mutating func member(_ name: StaticString, _ value: Int64) {
    key(name)
    number(value)
  }

  mutating func member(_ name: StaticString, _ value: Int) { member(name, Int64(value)) }

  /// Members in the order of their keys.
  mutating func member(_ name: StaticString, _ values: [String: String]) {
    key(name)
    openObject()
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      self.key(string: key)
      JSON.write(value, to: &self)
    }
    closeObject()
  }

  mutating func member(_ name: StaticString, _ values: [String]) {
    key(name)
    append(0x5B)
    for (i, value) in values.enumerated() {
      if i > 0 { append(0x2C) }
      JSON.write(value, to: &self)
    }
    append(0x5D)
  }

  /// RFC 3339 with the zone's offset at that instant.
  mutating func member(_ name: StaticString, _ instant: Instant, zone: Zone) {
    key(name)
    time(instant, zone: zone)
  }

  mutating func time(_ instant: Instant, zone: Zone) {
    append(0x22)
    Zone.append(instant, offset: zone.offset(at: instant), to: &self)
    append(0x22)
  }

  /// RFC 3339 in UTC, always with milliseconds: `2026-11-20T08:00:12.345Z`.
  mutating func member(utc name: StaticString, _ instant: Instant) {
    key(name)
    append(0x22)
    let fraction = instant.milliseconds - instant.seconds * 1000
    Zone.append(instant, offset: 0, to: &self)
    if fraction == 0 {
      removeLast()
      text(".000Z")
    }
    append(0x22)
  }

  mutating func number(_ value: Int64) {
    if value >= 0 && value < 10 { append(0x30 + UInt8(value)) } else { append(contentsOf: String(value).utf8) }
  }
}
