import Foundation
import Model

/// HTML that cannot be broken out of: texts are escaped wherever they come from.
struct PageText {
  private(set) var html = ""

  mutating func raw(_ markup: String) { html += markup }

  mutating func text(_ text: String) { html += Self.escaped(text) }

  /// `<tag attributes>text</tag>`
  mutating func element(_ tag: String, _ attributes: String = "", _ text: String) {
    html += "<\(tag)\(attributes.isEmpty ? "" : " " + attributes)>\(Self.escaped(text))</\(tag)>\n"
  }

  /// Of data, for element content and for attributes in double quotes. What turns the reading direction round, or is a
  /// control, becomes a space (`TextTable.printable`).
  static func escaped(_ text: String) -> String {
    var out = ""
    for character in TextTable.printable(text).unicodeScalars {
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      default: out.unicodeScalars.append(character)
      }
    }
    return out
  }

  /// A table that scrolls by itself where it is wider than the page.
  /// - Parameters:
  ///   - caption: said first to those who hear the page.
  ///   - numbers: columns that stand to the right.
  mutating func table(
    _ caption: String, _ headings: [String], numbers: Set<Int> = [], rows: [[String]], total: [String]? = nil
  ) {
    let label = Self.escaped(caption)
    html += "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"\(label)\"><table>\n"
    html += "<caption>\(label)</caption>\n<thead><tr>"
    for (i, heading) in headings.enumerated() {
      html += "<th scope=\"col\"\(numbers.contains(i) ? " class=\"n\"" : "")>\(Self.escaped(heading))</th>"
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
      let text = Self.escaped(cell)
      html +=
        i == 0
        ? "<th scope=\"row\">\(text)</th>" : "<td\(numbers.contains(i) ? " class=\"n\"" : "")>\(text)</td>"
    }
    html += "</tr>\n"
  }

  /// The whole page. Nothing is loaded, no script runs, and the one style is the one whose digest the policy names.
  func page(title: String, style: String) -> String {
    let hex = Hex.digest(style.utf8).dropFirst("sha256:".count)
    let digest = Data(
      stride(from: 0, to: 64, by: 2).compactMap { UInt8(hex.dropFirst($0).prefix(2), radix: 16) }
    ).base64EncodedString()
    return """
      <!DOCTYPE html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-\(digest)'; base-uri 'none'; form-action 'none'">
      <meta name="referrer" content="no-referrer">
      <meta name="robots" content="noindex">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(Self.escaped(title))</title>
      <style>\(style)</style>
      </head>
      <body>
      \(html)</body>
      </html>

      """
  }
}
