import Testing

@testable import Reporting

struct TextTableTests {
  /// The column at which a text stands in a line, in cells of a terminal.
  private func column(of text: String, in line: Substring) -> Int? {
    line.range(of: text).map { TextTable.width(String(line[..<$0.lowerBound])) }
  }

  @Test func columnsStandUnderTheirHeadingsAndNumbersToTheRight() {
    var table = TextTable(["campaign", "sent", "dead"], numbers: [1, 2])
    table.add(["welcome", "1,204", "3"])
    table.add(["a-very-long-campaign", "7", "12"])
    #expect(
      table.text == """
        campaign               sent  dead
        welcome               1,204     3
        a-very-long-campaign      7    12

        """)
  }

  @Test(arguments: ["你好", "안녕", "ｗｉｄｅ", "🎉 party", "✅ done", "👩‍👩‍👧 family", "🇩🇪 flag", "e\u{301}te\u{301}", "a\u{200B}b"])
  func wideCharactersKeepTheColumnsAligned(_ name: String) {
    var table = TextTable(["to", "state"])
    table.add([name, "sent"])
    table.add(["plain text that is longer", "sent"])
    let lines = table.text.split(separator: "\n")
    #expect(lines.compactMap { column(of: "sent", in: $0) } == [27, 27])
  }

  @Test(arguments: [
    ("abc", 3), ("你好", 4), ("✅", 2), ("⭐", 2), ("🎉", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("e\u{301}", 1), ("\u{200B}", 0), ("€", 1),
    ("→", 1),
  ])
  func widthIsCountedInCellsOfATerminal(_ text: String, _ cells: Int) {
    #expect(TextTable.width(text) == cells)
  }

  @Test(arguments: [
    "a\u{1B}[2Jb", "a\nb", "a\r\nb", "a\tb", "a\u{7F}b", "a\u{9B}31mb", "a\u{2028}b", "a\u{2029}b", "a\u{202E}b",
    "a\u{2066}b", "a\u{0}b",
  ])
  func dataCannotMoveTheCursorNorBreakALine(_ name: String) {
    var table = TextTable(["to", "state"])
    table.add([name, "sent"])
    let text = table.text
    #expect(text.split(separator: "\n", omittingEmptySubsequences: false).count == 3)
    let bad: Set<Unicode.Scalar> = [
      "\u{1B}", "\r", "\t", "\u{7F}", "\u{9B}", "\u{2028}", "\u{2029}", "\u{202E}", "\u{2066}", "\u{0}",
    ]
    #expect(!text.unicodeScalars.contains { bad.contains($0) })
  }

  @Test func aRowMayBeShorterThanTheHeadings() {
    var table = TextTable(["a", "b", "c"], numbers: [2])
    #expect(table.isEmpty)
    table.add(["x"])
    table.add(["x", "y", "1", "beyond"])
    #expect(table.text == "a  b  c\nx\nx  y  1\n")
  }

  @Test func countsReadAsPeopleWriteThem() {
    #expect(
      [0, 7, 999, 1000, 1_234_567, -1000].map(Words.number) == ["0", "7", "999", "1,000", "1,234,567", "-1,000"])
    #expect(Words.number(.min) == "-9,223,372,036,854,775,808")
    #expect(Words.count(1, "send") == "1 send" && Words.count(1204, "send") == "1,204 sends")
    #expect(Words.count(0, "entry", "entries") == "0 entries")
    #expect(Words.counts(["b": 3, "a": 3, "none": 0, "c": 1200]) == "c 1,200, a 3, b 3")
    #expect(Words.counts([String: Int]()) == "")
  }
}
