/// A text with `{{name}}` in it, as a webhook's URL, header values and body may be. Mustache has sections and its own
/// escaping; here a name is a value and nothing else, escaped for the place where it stands.
public struct WebhookTemplate: Hashable, Sendable {
  /// What may stand between the braces.
  public enum Name: String, CaseIterable, Sendable {
    /// The send's id.
    case id
    /// The recipient's address or number.
    case to
    /// The mailbox's address or number.
    case from
    /// Empty for SMS.
    case subject
    /// The plain text.
    case text
    /// Empty where the message has none.
    case html
    /// The recipient's number; empty for e-mail.
    case phone
    /// With its angle brackets.
    case messageID = "message_id"
    case mailboxID = "mailbox.id"
    case mailboxEmail = "mailbox.email"
  }

  public enum Piece: Hashable, Sendable {
    case literal(String)
    case value(Name)
  }

  /// Why a text is no template: words that follow its key's name.
  public struct Problem: Error, Hashable, Sendable {
    public var message: String
  }

  public let pieces: [Piece]

  public init(parsing text: String) throws(Problem) {
    var pieces: [Piece] = []
    var rest = Substring(text)
    while let open = rest.firstRange(of: "{{") {
      if open.lowerBound > rest.startIndex { pieces.append(.literal(String(rest[..<open.lowerBound]))) }
      rest = rest[open.upperBound...]
      guard let close = rest.firstRange(of: "}}") else {
        throw Problem(message: "opens '{{' and does not close it")
      }
      let word = String(rest[..<close.lowerBound].filter { $0 != " " })
      guard let name = Name(rawValue: word) else {
        let names = Name.allCases.map(\.rawValue)
        throw Problem(
          message: "has no value '{{\(word)}}'; it may hold \(names.joined(separator: ", "))"
            + Nearest.hint(word, among: names))
      }
      pieces.append(.value(name))
      rest = rest[close.upperBound...]
    }
    if !rest.isEmpty { pieces.append(.literal(String(rest))) }
    self.pieces = pieces
  }

  public func render(_ escaping: Escaping, _ value: (Name) -> String) -> String {
    pieces.reduce(into: "") { out, piece in
      switch piece {
      case .literal(let text): out += text
      case .value(let name): out += escaping.apply(value(name))
      }
    }
  }

  /// The template with the values that are known by now filled in, escaped; the others stay names.
  public func filling(_ escaping: Escaping, _ value: (Name) -> String?) -> String {
    pieces.reduce(into: "") { out, piece in
      switch piece {
      case .literal(let text): out += text
      case .value(let name):
        // A brace in an address must not open a name of its own.
        out += value(name).map { escaping.apply($0, braces: true) } ?? "{{\(name.rawValue)}}"
      }
    }
  }

  /// How a value is written where it stands.
  public enum Escaping: Sendable {
    /// Inside a JSON string (RFC 8259 §7).
    case json
    /// As a part of a path or query: all but RFC 3986's unreserved characters percent-encoded.
    case url
    /// In a header field's value: controls become spaces.
    case header

    public func apply(_ text: String, braces: Bool = false) -> String {
      switch self {
      case .json:
        var out: [UInt8] = []
        JSON.write(text, to: &out)
        let escaped = String(decoding: out.dropFirst().dropLast(), as: UTF8.self)
        return braces ? escaped.replacing("{", with: "\\u007b") : escaped
      case .url:
        var out: [UInt8] = []
        for byte in text.utf8 {
          let isPlain =
            (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A) || (byte >= 0x30 && byte <= 0x39) || "-._~".utf8.contains(byte)
          if isPlain { out.append(byte) } else { out.append(contentsOf: "%\(Hex.encode([byte]).uppercased())".utf8) }
        }
        return String(decoding: out, as: UTF8.self)
      case .header:
        let safe = String.UnicodeScalarView(
          text.unicodeScalars.map { $0.properties.generalCategory == .control ? " " : $0 })
        return braces ? String(safe).replacing("{", with: " ") : String(safe)
      }
    }
  }
}
