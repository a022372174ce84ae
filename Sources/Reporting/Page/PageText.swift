/// HTML that cannot be broken out of: texts are escaped wherever they come from.
struct PageText {
  private(set) var html = ""

  mutating func raw(_ markup: String) { html += markup }

  mutating func text(_ text: String) { html += HTML.text(text) }

  /// `<tag attributes>text</tag>`
  mutating func element(_ tag: String, _ attributes: String = "", _ text: String) {
    html += "<\(tag)\(attributes.isEmpty ? "" : " " + attributes)>\(HTML.text(text))</\(tag)>\n"
  }

  /// A table that scrolls by itself where it is wider than the page.
  /// - Parameters:
  ///   - caption: said first to those who hear the page.
  ///   - numbers: columns that stand to the right.
  mutating func table(
    _ caption: String, _ headings: [String], numbers: Set<Int> = [], rows: [[String]], total: [String]? = nil
  ) {
    let label = HTML.text(caption)
    html += "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(label)\"><table>\n"
    html += "<caption>\(label)</caption>\n<thead><tr>"
    for (i, heading) in headings.enumerated() {
      html += "<th scope=\"col\"\(numbers.contains(i) ? " class=\"n\"" : "")>\(HTML.text(heading))</th>"
    }
    html += "</tr></thead>\n<tbody>\n"
    for row in rows { self.row(row, numbers) }
    html += "</tbody>\n"
    if let total {
      html += "<tfoot>\n"
      row(total, numbers)
      html += "</tfoot>\n"
    }
    html += "</table></div>\n"
  }

  private mutating func row(_ cells: [String], _ numbers: Set<Int>) {
    html += "<tr>"
    for (i, cell) in cells.enumerated() {
      let text = HTML.text(cell)
      html +=
        i == 0
        ? "<th scope=\"row\">\(text)</th>" : "<td\(numbers.contains(i) ? " class=\"n\"" : "")>\(text)</td>"
    }
    html += "</tr>\n"
  }

  /// The whole page. No script runs, and the one style is the one whose digest the policy names.
  func page(title: String, style: String) -> String {
    HTML.head(title: title, policy: "style-src \(HTML.source(style)); ", style: style)
      + "<body>\n\(html)</body>\n</html>\n"
  }
}
