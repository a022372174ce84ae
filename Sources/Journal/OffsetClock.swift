import Foundation
import Model

/// Times with an offset, as a plan has them: `2026-11-20T09:00:12+01:00`. A plan's lines have few days and offsets, and
/// what they come to is asked of `Instant` once.
struct OffsetClock {
  private var day: (UInt64, UInt16) = (0, 0)
  private var offset: UInt64 = 0
  /// The day's midnight with that offset.
  private var midnight: Int64?

  /// Reads up to and with the closing quote; nil where it looks different.
  mutating func read(_ base: UnsafePointer<UInt8>, _ at: inout Int, _ end: Int) -> Int64? {
    guard end - at >= 26 else { return nil }
    let text = base + at
    guard text[10] == 0x54, text[13] == 0x3A, text[16] == 0x3A, let hour = Self.two(text + 11), hour <= 23,
      let minute = Self.two(text + 14), minute <= 59, let second = Self.two(text + 17), second <= 59
    else { return nil }
    var n = 19
    var fraction = 0
    if text[19] == 0x2E {
      guard end - at >= 30, let tens = Self.two(text + 20), text[22] >= 0x30, text[22] <= 0x39 else { return nil }
      fraction = tens * 10 + Int(text[22] - 0x30)
      n = 23
    }
    let zone = n
    if text[n] == 0x5A {
      n += 1
    } else {
      guard text[n] == 0x2B || text[n] == 0x2D, text[n + 3] == 0x3A else { return nil }
      n += 6
    }
    guard text[n] == 0x22 else { return nil }
    let raw = UnsafeRawPointer(text)
    let day = (raw.loadUnaligned(as: UInt64.self), raw.loadUnaligned(fromByteOffset: 8, as: UInt16.self))
    var offset: UInt64 = 0
    for i in zone..<n { offset = offset << 8 | UInt64(text[i]) }
    if midnight == nil || day != self.day || offset != self.offset {
      let date = String(decoding: UnsafeBufferPointer(start: text, count: 10), as: UTF8.self)
      let rest = String(decoding: UnsafeBufferPointer(start: text + zone, count: n - zone), as: UTF8.self)
      guard let start = Instant("\(date)T00:00:00\(rest)") else { return nil }
      midnight = start.milliseconds
      self.day = day
      self.offset = offset
    }
    guard let midnight else { return nil }
    at += n + 1
    return midnight + Int64((hour * 60 + minute) * 60 + second) * 1000 + Int64(fraction)
  }

  @inline(__always)
  private static func two(_ text: UnsafePointer<UInt8>) -> Int? {
    let (a, b) = (text[0] &- 0x30, text[1] &- 0x30)
    return a <= 9 && b <= 9 ? Int(a) * 10 + Int(b) : nil
  }
}
