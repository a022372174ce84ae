import Foundation
import Model

/// A send's ways to unsubscribe, for the header and for `{{unsubscribe_url}}`.
struct UnsubscribeLinks: Hashable, Sendable {
  /// An https or http URI.
  var url: String?
  /// A `mailto:` URI (RFC 6068).
  var mailto: String?

  /// What `{{unsubscribe_url}}` gives: the page where there is one, else the address.
  var visible: String? { url ?? mailto }

  /// `List-Unsubscribe` (RFC 2369 §3.2), and `List-Unsubscribe-Post`, which RFC 8058 §3.1 allows only beside an https
  /// URI.
  func add(to header: inout HeaderBlock) {
    let uris = uris
    guard !uris.isEmpty else { return }
    header.addList("List-Unsubscribe", uris, separator: ",")
    if isOneClick { header.add("List-Unsubscribe-Post", Self.oneClick) }
  }

  /// The same fields, unfolded.
  var headers: [MessageParts.Header] {
    let uris = uris
    guard !uris.isEmpty else { return [] }
    let list = MessageParts.Header("List-Unsubscribe", uris.joined(separator: ", "))
    return isOneClick ? [list, MessageParts.Header("List-Unsubscribe-Post", Self.oneClick)] : [list]
  }

  private static let oneClick = "List-Unsubscribe=One-Click"
  private var uris: [String] { [url, mailto].compactMap { $0 }.map { "<\($0)>" } }
  private var isOneClick: Bool { url?.lowercased().hasPrefix("https://") == true }

  init() {}

  /// Renders the campaign's templates, values percent-encoded.
  init(_ unsubscribe: Campaign.Unsubscribe?, values: [String: String], engine: TemplateEngine) throws(RenderProblem) {
    if let template = unsubscribe?.url {
      let text = try engine.render(template, values, .uri)
      guard let uri = Self.page(text) else { throw .invalidUnsubscribe(text) }
      url = uri
    }
    if let template = unsubscribe?.mailto {
      let text = try engine.render(template, values, .uri)
      guard let uri = Self.mailto(text) else { throw .invalidUnsubscribe(text) }
      mailto = uri
    }
  }

  /// An https or http URI out of a template's output; what a URI cannot hold is percent-encoded. Nil if it is none, or
  /// too long for a line of 998 octets, since a URI in a header cannot be folded.
  static func page(_ text: String) -> String? {
    let uri = uri(text)
    let lower = uri.lowercased()
    guard let scheme = ["https://", "http://"].first(where: { lower.hasPrefix($0) }) else { return nil }
    guard uri.utf8.count > scheme.utf8.count, uri.utf8.count <= 900 else { return nil }
    return uri
  }

  /// `mailto:` and the address, which must be one, and whatever follows `?`.
  static func mailto(_ text: String) -> String? {
    var uri = uri(text)[...]
    if uri.lowercased().hasPrefix("mailto:") { uri = uri.dropFirst(7) }
    let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
    guard let first = parts.first, let decoded = String(first).removingPercentEncoding,
      let address = EmailAddress(decoded)
    else { return nil }
    // RFC 6068 §2: of what an address may hold, these need no encoding.
    let kept = Percent.encode(address.envelope) { Percent.isUnreserved($0) || "@!$'*+".utf8.contains($0) }
    let whole = "mailto:" + kept + (parts.count > 1 ? "?" + parts[1] : "")
    return whole.utf8.count <= 900 ? whole : nil
  }

  /// RFC 3986's characters as they are, all others percent-encoded: no space, control or angle bracket is left.
  private static func uri(_ text: String) -> String {
    Percent.encode(text.trimmingCharacters(in: .whitespacesAndNewlines)) {
      Percent.isUnreserved($0) || ":/?#[]@!$&'()*+,;=%".utf8.contains($0)
    }
  }
}
