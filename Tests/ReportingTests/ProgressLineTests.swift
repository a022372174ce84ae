import Model
import Testing

@testable import Reporting

struct ProgressLineTests {
  private func line(
    _ ended: Int, of total: Int, after elapsed: Instant.Span, deferred: Int = 0, dead: Int = 0, inDoubt: Int = 0
  ) -> ProgressLine {
    ProgressLine(
      total: total, sent: ended - dead - inDoubt, deferred: deferred, dead: dead, inDoubt: inDoubt, ended: ended,
      elapsed: elapsed)
  }

  @Test func aLineIsNeverLongerThanTheTerminalIsWide() {
    for (ended, total) in [(0, 0), (0, 1), (1, 1), (512, 1204), (999_999_999, 1_000_000_000), (5, 3)] {
      for elapsed in [Instant.Span.zero, .seconds(1), .days(4), .seconds(-5)] {
        let line = line(ended, of: total, after: elapsed, deferred: 17, dead: 3, inDoubt: 2)
        for width in -1...140 {
          #expect(line.text(width: width).count <= max(0, width), "\(ended)/\(total) in \(width)")
        }
      }
    }
  }

  @Test func theBarFillsAsSendsEnd() {
    #expect(line(0, of: 100, after: .seconds(10)).text(width: 120).hasPrefix("[------------------------------] 0/100"))
    #expect(
      line(50, of: 100, after: .seconds(10)).text(width: 120).hasPrefix("[###############---------------] 50/100"))
    #expect(
      line(100, of: 100, after: .seconds(10)).text(width: 120).hasPrefix("[##############################] 100/100"))
    #expect(line(0, of: 0, after: .zero).text(width: 120).hasPrefix("[##############################] 0/0"))
  }

  @Test func whatThereIsNoneOfIsNotNamed() {
    let plain = line(50, of: 100, after: .seconds(10)).text(width: 160)
    #expect(!plain.contains("dead") && !plain.contains("deferred") && !plain.contains("doubt"))
    let ill = line(50, of: 100, after: .seconds(10), deferred: 4, dead: 3, inDoubt: 2).text(width: 160)
    #expect(ill.contains("sent 45  deferred 4  dead 3  in doubt 2"))
  }

  @Test(arguments: [
    (300, 1200, Instant.Span.seconds(10), "30/s  30s left"), (300, 1200, .seconds(30), "10/s  1m30s left"),
    (10, 1210, .minutes(1), "10/min  2h0m left"), (1, 100_001, .hours(1), "1/min  100000h0m left"),
    (0, 10, .seconds(10), "0/min"), (10, 10, .seconds(1), "10/s"),
  ])
  func theRateTellsTheTimeLeft(_ ended: Int, _ total: Int, _ elapsed: Instant.Span, _ end: String) {
    let text = line(ended, of: total, after: elapsed).text(width: 160)
    if end == "1/min  100000h0m left" {
      // One in an hour: a rate too small to name, and still the right time.
      #expect(text.hasSuffix("100000h0m left"))
    } else {
      #expect(text.hasSuffix("  " + end), "\(text)")
    }
  }
}
