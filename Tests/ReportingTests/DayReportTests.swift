import Foundation
import Journal
import Model
import TestSupport
import Testing

@testable import Reporting

struct DayReportTests {
  private static let nine = StatusDay.nine

  private func report(letters count: Int = 3, response: String = "550 no such user", isLive: Bool = false) throws
    -> DayReport
  {
    let lines = (0..<(count + 4)).map { StatusDay.send($0, mailbox: $0 % 2 == 0 ? "anna" : "ben") }
    let day = try StatusDay(lines)
    var records = [StatusDay.run(try day.plan)]
    for (n, line) in lines.prefix(count).enumerated() {
      records.append(
        .outcome(
          StatusDay.attempt(line, at: Self.nine + .minutes(Int64(n))),
          .init(
            outcome: .failed, reason: n == 1 ? .inDoubt : .rejected, code: 550, response: response, milliseconds: 40)))
    }
    records.append(
      .outcome(StatusDay.attempt(lines[count], at: Self.nine + .hours(3)), .init(outcome: .sent, milliseconds: 1500)))
    try day.append(records)
    return DayReport(
      figures: try day.figures(isLive: isLive), letters: try DeadLetters.read(day.day),
      pauses: Pauses([.init(.paused, Part(.campaign, "welcome"), at: Self.nine, by: "ada", reason: "<wrong>")]),
      at: Self.nine + .hours(9))
  }

  @Test func theTextTellsTheDayWithinEightyColumns() throws {
    let text = try report().text
    for line in text.split(separator: "\n") { #expect(TextTable.width(String(line)) <= 80, "\(line)") }
    #expect(text.contains("1 of 7 sent (14.3 %), 3 pending, 3 dead"))
    #expect(text.contains("campaign welcome is paused since"))
    #expect(text.contains("1 run since 09:00:00; the last outcome at 12:00"))
    let row = text.split(separator: "\n").map { $0.split(separator: " ") }.first { $0.first == "alpha" }
    #expect(row?.prefix(6).map(String.init) == ["alpha", "4", "1", "0", "3", "0"])
    #expect(text.contains("Dead letters: 3") && text.contains("rejected 2: ") && text.contains("in-doubt 1: "))
  }

  @Test func thePageStandsAloneAndRunsNothing() throws {
    let html = ReportPage.html(try report())
    for word in ["<script", "http://", "https://", "src=", "style=\"", "javascript:", "onclick", "@import", "url("] {
      #expect(!html.contains(word), "\(word)")
    }
    let style = try #require(html.firstMatch(of: /<style>([\s\S]*?)<\/style>/)?.output.1)
    let hex = Hex.digest(style.utf8).dropFirst(7)
    let bytes = stride(from: 0, to: 64, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
    #expect(html.contains("default-src 'none'; style-src 'sha256-\(Data(bytes).base64EncodedString())'"))
    #expect(
      html.contains("<html lang=\"en\">") && html.contains("prefers-color-scheme:dark") && html.contains("@media print")
    )
  }

  @Test func whatServersAndPeopleWroteIsTextOnThePage() throws {
    let html = ReportPage.html(try report(response: "<img src=x onerror=\"alert(1)\"> & 'so'\u{202E}"))
    #expect(html.contains("&lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; &#39;so&#39;"))
    #expect(!html.contains("<img") && !html.contains("\u{202E}") && html.contains("(&lt;wrong&gt;)"))
  }

  @Test func everyElementThatOpensIsClosed() throws {
    let html = ReportPage.html(try report())
    let void: Set<String> = ["meta", "line", "rect"]
    var open: [String] = []
    for match in html.matches(of: /<(\/?)([a-z0-9]+)[^>]*?(\/?)>/) {
      let name = String(match.output.2)
      if void.contains(name) { continue }
      if match.output.1.isEmpty { open.append(name) } else { #expect(open.popLast() == name) }
    }
    #expect(open.isEmpty)
  }

  @Test func theChartSaysItsNumbersToThoseWhoHearIt() throws {
    let html = ReportPage.html(try report())
    #expect(
      html.contains("role=\"img\" aria-label=\"Attempts in") && html.contains("1 sent, 3 failed. The table below"))
    #expect(html.contains("<caption>Outcomes over time</caption>"))
    let cells = html.matches(
      of: /<th scope="row">([^<]*)<\/th><td class="n">(\d+)<\/td><td class="n">0<\/td><td class="n">(\d+)<\/td>/)
    #expect(
      cells.compactMap { Int($0.output.2) }.reduce(0, +) == 1 && cells.compactMap { Int($0.output.3) }.reduce(0, +) == 3
    )
  }

  @Test func ofManyLettersTheFirstAreListedAndAllAreCounted() throws {
    let html = ReportPage.html(try report(letters: 260))
    #expect(html.contains("rejected: 259") && html.contains("The first 200 of 259"))
    #expect(html.matches(of: /c\d+@example\.org/).count == 201, "two hundred, and the one in doubt")
    #expect(html.contains("nightmail dead-letters mark-sent --reason in-doubt --date 2026-11-20"))
  }

  @Test func everyReasonHasWordsAndACommand() {
    for reason in DeadReason.allCases {
      #expect(reason.meaning.hasSuffix(".") && reason.advice.hasSuffix("."))
      #expect(reason.command(date: StatusDay.date, rehearse: true).hasSuffix("--date 2026-11-20 --rehearse"))
    }
  }

  @Test func aDayWithNothingHasAPageToo() throws {
    let report = DayReport(figures: try StatusDay([]).figures(), letters: [], at: Self.nine)
    #expect(ReportPage.html(report).contains("Nothing was planned and nothing was sent."))
    #expect(report.text.contains("Nothing planned and nothing sent."))
  }

  @Test func textPageAndJSONCountTheSame() throws {
    let report = try report()
    let json = report.json
    #expect(json["dead_letters"]?["rejected"]?.integer == 2 && json["dead_letters"]?["in-doubt"]?.integer == 1)
    #expect(
      json["attempts"]?["alpha"]?["failed"]?.integer == 3 && json["attempts"]?["alpha"]?["ms"]?["max"]?.integer == 1500)
    #expect(json["totals"]?["dead"]?.integer == 3 && json["totals"]?["total"]?.integer == 7)
  }
}
