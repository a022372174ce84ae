import Model

/// `{{mailbox.id}}` and `{{mailbox.email}}` in a provider's strings, so that one entry serves every mailbox.
enum Placeholders {
  /// - Parameter inPath: values become parts of a path; a `/` in an address must not lead elsewhere.
  static func fill(_ text: String, _ mailbox: Mailbox, inPath: Bool = false) throws(Endpoints.Problem) -> String {
    var out = ""
    var rest = Substring(text)
    while let open = rest.firstRange(of: "{{") {
      out += rest[..<open.lowerBound]
      rest = rest[open.upperBound...]
      guard let close = rest.firstRange(of: "}}") else {
        throw Endpoints.Problem("'\(text)' opens a placeholder and does not close it")
      }
      let name = rest[..<close.lowerBound].filter { $0 != " " }
      var value: String
      switch name {
      case "mailbox.id": value = mailbox.id
      case "mailbox.email": value = mailbox.sender.address
      default:
        throw Endpoints.Problem("'{{\(name)}}' is none of {{mailbox.id}} and {{mailbox.email}}")
      }
      if inPath {
        value = value.replacing("/", with: "_")
        if value == "." || value == ".." { value = value.replacing(".", with: "_") }
      }
      out += value
      rest = rest[close.upperBound...]
    }
    out += rest
    guard !out.utf8.contains(0) else { throw Endpoints.Problem("a value holds a NUL character") }
    return out
  }

  static func fill(_ reference: SecretReference, _ mailbox: Mailbox) throws(Endpoints.Problem) -> SecretReference {
    switch reference {
    case .environment(let name): return .environment(try fill(name, mailbox))
    case .file(let path): return .file(try fill(path, mailbox, inPath: true))
    case .command(let words):
      var filled: [String] = []
      for word in words { filled.append(try fill(word, mailbox)) }
      return .command(filled)
    }
  }

  static func absolute(_ path: String, in folder: String) -> String {
    path.hasPrefix("/") ? path : folder.hasSuffix("/") ? folder + path : "\(folder)/\(path)"
  }
}
