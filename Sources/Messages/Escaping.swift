import Mustache

/// What becomes of a value where `{{name}}` stands; `{{{name}}}` and `{{&name}}` always give it as it is.
enum Escaping: String, CaseIterable, Sendable {
  case text = "nightmail-text"
  case html = "nightmail-html"
  case uri = "nightmail-uri"

  func escape(_ value: String) -> String {
    switch self {
    case .text: value
    case .html: Self.html(value)
    case .uri: Percent.encode(value)
    }
  }

  /// By octet rather than by `Character` as swift-mustache's own does: a quote with a combining mark on it is one
  /// `Character`, is still a quote to a browser, and would end an attribute.
  private static func html(_ value: String) -> String {
    guard value.utf8.contains(where: { $0 == 0x3C || $0 == 0x3E || $0 == 0x26 || $0 == 0x22 || $0 == 0x27 }) else {
      return value
    }
    var out: [UInt8] = []
    out.reserveCapacity(value.utf8.count + 32)
    for byte in value.utf8 {
      switch byte {
      case 0x3C: out.append(contentsOf: "&lt;".utf8)
      case 0x3E: out.append(contentsOf: "&gt;".utf8)
      case 0x26: out.append(contentsOf: "&amp;".utf8)
      case 0x22: out.append(contentsOf: "&quot;".utf8)
      case 0x27: out.append(contentsOf: "&#39;".utf8)
      default: out.append(byte)
      }
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// Makes swift-mustache know the three by name, once in the process.
  static let registered: Void = {
    for escaping in allCases {
      MustacheContentTypes.register(EscapingContent(escaping: escaping), named: escaping.rawValue)
    }
  }()

  /// Selects it inside swift-mustache. The pragma stands on a line of its own, which Mustache takes out whole, so the
  /// template's first line still begins a line.
  var pragma: String { "{{% CONTENT_TYPE:\(rawValue)}}\n" }
}

private struct EscapingContent: MustacheContentType {
  let escaping: Escaping
  func escapeText(_ text: String) -> String { escaping.escape(text) }
}

/// The values as swift-mustache looks them up. A blank value is not there at all.
struct TemplateScope: MustacheParent {
  let values: [String: String]

  func child(named name: String) -> Any? {
    if name == "mailbox" { return MailboxScope(values: values) }
    return TemplateValue(values[name])
  }
}

/// `mailbox.…`, whose values stand under their whole names.
private struct MailboxScope: MustacheParent {
  let values: [String: String]
  func child(named name: String) -> Any? { TemplateValue(values["mailbox." + name]) }
}

/// One value. It has no children: inside `{{#name}}…{{/name}}` all other names still mean the send's values.
private struct TemplateValue: MustacheParent, MustacheCustomRenderable {
  let renderText: String
  var isNull: Bool { false }

  init?(_ text: String?) {
    guard let text, !text.isBlank else { return nil }
    renderText = text
  }
  func child(named: String) -> Any? { nil }
}

/// Percent-encoding (RFC 3986 §2.1).
enum Percent {
  static func isUnreserved(_ byte: UInt8) -> Bool {
    (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39) || byte == 0x2D
      || byte == 0x2E || byte == 0x5F || byte == 0x7E
  }

  /// All but RFC 3986 §2.3's unreserved characters, so that a value stays one component wherever it is put.
  static func encode(_ text: String) -> String { encode(text, keeping: isUnreserved) }

  static func encode(_ text: String, keeping keep: (UInt8) -> Bool) -> String {
    guard !text.utf8.allSatisfy(keep) else { return text }
    let hex = Array("0123456789ABCDEF".utf8)
    var out: [UInt8] = []
    for byte in text.utf8 {
      if keep(byte) {
        out.append(byte)
      } else {
        out.append(0x25)
        out.append(hex[Int(byte >> 4)])
        out.append(hex[Int(byte & 15)])
      }
    }
    return String(decoding: out, as: UTF8.self)
  }
}
