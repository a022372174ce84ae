import Foundation
import Model

/// Text that goes into a page. Whatever comes from data passes through here: nothing in it can open a tag, end an
/// attribute or a script, or turn the reading direction round.
enum HTML {
  /// For element content and quoted attributes; controls and marks of direction become spaces.
  static func text(_ text: some StringProtocol) -> String { escape(TextTable.printable(String(text))) }

  /// The same with line breaks and tabs kept, for a message's own text.
  static func lines(_ text: String) -> String {
    escape(
      text.replacing("\r\n", with: "\n").split(separator: "\n", omittingEmptySubsequences: false)
        .map {
          $0.split(separator: "\t", omittingEmptySubsequences: false).map { TextTable.printable(String($0)) }
            .joined(separator: "\t")
        }
        .joined(separator: "\n"))
  }

  /// For a document that a frame shows in `srcdoc`: as it is, which the frame's sandbox answers for.
  static func document(_ html: String) -> String { escape(html) }

  private static func escape(_ text: String) -> String {
    var out = ""
    out.reserveCapacity(text.utf8.count + 16)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case "'": out += "&#39;"
      // HTML has no NUL.
      case "\0": out += "\u{FFFD}"
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  /// A JSON value for a `<script type="application/json">`: no byte of it can be read as HTML, since `<` stands as an
  /// escape, and so do the two line separators that some readers of JSON trip over.
  static func json(_ bytes: [UInt8], to out: inout [UInt8]) {
    for byte in bytes {
      switch byte {
      case 0x3C: out += Array("\\u003c".utf8)
      case 0x3E: out += Array("\\u003e".utf8)
      case 0x26: out += Array("\\u0026".utf8)
      default: out.append(byte)
      }
    }
  }

  static func json(_ text: String, to out: inout [UInt8]) {
    var plain: [UInt8] = []
    JSON.write(TextTable.printable(text), to: &plain)
    json(plain, to: &out)
  }

  /// What stands before a page's body. Nothing is loaded, whatever else the policy allows.
  /// - Parameter policy: what a Content-Security-Policy says beyond that, each ended by `; `.
  static func head(title: String, policy: String, style: String) -> String {
    """
    <!doctype html>
    <html lang="en">
    <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \(policy)base-uri 'none'; form-action 'none'">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <meta name="color-scheme" content="light dark">
    <meta name="referrer" content="no-referrer">
    <meta name="robots" content="noindex">
    <title>\(text(title))</title>
    <style>\(style)</style>
    </head>

    """
  }

  /// What a Content-Security-Policy knows a script or a style by (CSP 3 §2.3.1).
  static func source(_ text: String) -> String {
    let hex = Hex.digest(text.utf8).dropFirst("sha256:".count)
    var bytes: [UInt8] = []
    var rest = hex[...]
    while rest.count >= 2 {
      bytes.append(UInt8(rest.prefix(2), radix: 16) ?? 0)
      rest = rest.dropFirst(2)
    }
    return "'sha256-\(Data(bytes).base64EncodedString())'"
  }
}
