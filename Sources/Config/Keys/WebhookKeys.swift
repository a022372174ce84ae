import Model

/// The keys of a webhook: any service that takes a JSON body.
enum WebhookKeys {
  static let url = Key(
    "url", .string, required: true, "Where requests go; its path and query may hold {{id}} and the like.",
    example: "https://example.com/send/{{id}}")
  static let method = Key(
    "method", .choice(of: WebhookMethod.allCases), default: "POST", "The request's method.", example: "PUT")
  static let headers = Key(
    "headers", .map(.headerValue), "More header fields, each a text that may hold {{id}} and the like, or a secret.",
    example: "{X-Api-Key: {env: KEY}}")
  static let token = Key(
    "token", .secret, "Where a token is that is sent as `Authorization: Bearer`.", example: "{env: WEBHOOK_TOKEN}")
  static let body = Key(
    "body", .string, required: true,
    "JSON, with {{id}}, {{to}}, {{from}}, {{subject}}, {{text}}, {{html}}, {{phone}}, {{message_id}}, {{mailbox.id}} "
      + "and {{mailbox.email}} inside its strings.",
    example: "'{\"to\": \"{{to}}\", \"text\": \"{{text}}\"}'")
  static let success = Key(
    "success", .statuses, default: "200-299", "Status codes that say that the message was taken.", example: "[200, 202]"
  )
  static let retry = Key(
    "retry", .statuses, default: "429;503", "Status codes that say that it was not, and may be later.",
    example: "[429, 503]")
  static let inDoubt = Key(
    "in_doubt", .statuses, default: "500-599",
    "Status codes after which nobody knows: such a send is never made again by itself. Of the three lists the first "
      + "that holds a code decides.", example: "[500-599]")
  static let channel = Key(
    "channel", .choice(of: Channel.allCases), default: "email", "What it carries.", example: "sms")

  static let schema = Schema(
    "webhook provider", "Any service that takes a JSON body: data/providers.yaml.",
    ProviderKeys.common + [
      url.info, method.info, headers.info, token.info, body.info, success.info, retry.info, inDoubt.info, channel.info,
    ] + ConnectionKeys.all, rules: ConnectionKeys.rules)

  static func address(_ object: ObjectReader) -> String? {
    guard let text = object.given(url), template(text, url, object) != nil else { return nil }
    guard !WebhookSecrets.hasUser(text) else {
      object.findings.error(
        object.place(url),
        "'url' holds a user name in clear; give the header field Authorization in 'headers' as \(WebhookSecrets.places) "
          + "instead, and change the password if this was shared")
      return nil
    }
    guard ServiceKeys.isAddress(text, url, object) else { return nil }
    let clear = WebhookSecrets.literals(inQueryOf: text)
    for name in clear {
      object.findings.error(
        object.place(url),
        "'url' holds a secret in clear, '\(name)' in its query; give it in 'headers' or 'token' as "
          + "\(WebhookSecrets.places) instead, and change the secret if this was shared")
    }
    guard clear.isEmpty else { return nil }
    let host = text.firstRange(of: "://").map { text[$0.upperBound...].prefix { $0 != "/" && $0 != "?" } }
    guard host?.contains("{{") == false else {
      object.findings.error(object.place(url), "'url' may hold values in its path and query, not in its host")
      return nil
    }
    return text
  }

  static func service(_ object: ObjectReader) -> HTTPService<SecretReference>? {
    let how = object.value(method) ?? .post
    let fields = object.given(headers) ?? [:]
    let bearer = object.given(token)
    let carried = object.value(channel) ?? .email
    let defaults = WebhookStatuses()
    let statuses = WebhookStatuses(
      success: object.value(success) ?? defaults.success, retry: object.value(retry) ?? defaults.retry,
      inDoubt: object.value(inDoubt) ?? defaults.inDoubt)
    let text = object.given(body)
    if let text, let template = template(text, body, object) {
      do throws(JSONProblem) {
        _ = try JSON(parsing: template.render(.json) { _ in "x" })
      } catch {
        object.findings.error(
          object.place(body),
          "'body' is no JSON once its values are filled in: \(error.message); a value stands inside "
            + "a string's quotes")
      }
    }
    for name in fields.keys.sorted() where !isFieldName(name) {
      object.findings.error(
        object.place(headers), "'\(name)' in 'headers' is no name of a header field that can be set")
    }
    guard let text else { return nil }
    return .webhook(
      .init(
        method: how, token: bearer, headers: fields.sorted { $0.key < $1.key }.map { .init($0.key, $0.value) },
        body: text, channel: carried, statuses: statuses))
  }

  private static func template(_ text: String, _ key: Key<String>, _ object: ObjectReader) -> WebhookTemplate? {
    do throws(WebhookTemplate.Problem) {
      return try WebhookTemplate(parsing: text)
    } catch {
      object.findings.error(object.place(key), "'\(key.info.name)' \(error.message)")
      return nil
    }
  }

  /// A token (RFC 9110 §5.6.2), and none of the fields that the connection needs for itself.
  private static func isFieldName(_ name: String) -> Bool {
    let isToken = name.utf8.allSatisfy {
      ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || "!#$%&'*+-.^_`|~".utf8.contains($0)
    }
    return isToken && !name.isEmpty
      && !["host", "content-length", "transfer-encoding", "connection", "expect", "te"].contains(name.lowercased())
  }
}

/// Which texts of a webhook would be secrets in clear: known by the names under which they are sent.
enum WebhookSecrets {
  static let places = "{env: NAME}, {file: PATH} or {command: [PROGRAM, …]}"

  /// Whether a header field holds a secret, by its name.
  static func isSecret(field name: String) -> Bool {
    let name = name.lowercased().replacing("_", with: "-")
    if ["api-key", "apikey", "token", "secret", "password", "cookie"].contains(where: { name.contains($0) }) {
      return true
    }
    // X-Auth, OAuth, Authorization, Proxy-Authorization, Authentication; not Author.
    return name.split(separator: "-").contains { word in
      word.hasSuffix("auth") || word.hasPrefix("authori") || word.hasPrefix("authent")
    }
  }

  /// Whether a header field's value is more than `{{…}}` and the name of a scheme (RFC 9110 §11.1).
  static func isLiteral(_ value: String) -> Bool {
    let words = withoutPlaceholders(value).lowercased().split(separator: " ")
    return !words.allSatisfy { ["basic", "bearer", "token"].contains($0) }
  }

  /// The names in a URL's query that are given a secret in clear, in its order.
  static func literals(inQueryOf url: String) -> [String] {
    guard let mark = url.firstIndex(of: "?") else { return [] }
    return url[mark...].dropFirst().split(whereSeparator: { $0 == "&" || $0 == ";" }).compactMap { pair in
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, isSecret(query: String(parts[0])), !withoutPlaceholders(String(parts[1])).isEmpty else {
        return nil
      }
      return String(parts[0])
    }
  }

  /// Whether a URL has a user name before its host (RFC 3986 §3.2.1).
  static func hasUser(_ url: String) -> Bool {
    guard let scheme = url.firstRange(of: "://") else { return false }
    return url[scheme.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }.contains("@")
  }

  private static func isSecret(query name: String) -> Bool {
    let name = name.lowercased().replacing("-", with: "_")
    return ["key", "sig", "signature"].contains(name)
      || ["api_key", "apikey", "token", "secret", "password"].contains { name == $0 || name.hasSuffix("_\($0)") }
  }

  private static func withoutPlaceholders(_ text: String) -> String {
    text.replacing(#/\{\{[^{}]*\}\}/#, with: "")
  }
}

extension ValueType where Value == HTTPService<SecretReference>.Webhook.HeaderValue {
  /// A text, or where a secret is.
  static var headerValue: ValueType {
    let name = "a text, or {env: NAME}, {file: PATH} or {command: [PROGRAM, …]}"
    return ValueType(name: name, shape: .either([.text, .object(SecretKeys.schema)])) { node, key, findings in
      guard let text = node.scalar?.text else {
        return ValueType<SecretReference>.secret.decode(node, key, findings).map { .secret($0) }
      }
      let field = key.hasPrefix("headers.") ? String(key.dropFirst("headers.".count)) : key
      guard !WebhookSecrets.isSecret(field: field) || !WebhookSecrets.isLiteral(text) else {
        findings.error(
          node.place,
          "'\(key)' holds a secret in clear; give \(WebhookSecrets.places) instead, and change the secret if this was "
            + "shared")
        return nil
      }
      guard text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
        findings.error(node.place, "'\(key)' holds a line break or another control character")
        return nil
      }
      do throws(WebhookTemplate.Problem) {
        _ = try WebhookTemplate(parsing: text)
        return .text(text)
      } catch {
        findings.error(node.place, "'\(key)' \(error.message)")
        return nil
      }
    }
  }
}

extension ValueType where Value == [ClosedRange<Int>] {
  /// HTTP status codes and ranges of them, `429` and `500-599`.
  static var statuses: ValueType {
    let name = "status codes from 100 to 599 and ranges of them, such as [429, 500-599]"
    let code = "[+]?0*[1-5][0-9]{2}"
    let item = Shape.either([.integer(100...599), .pattern("^\(code)(-\(code))?$")])
    return ValueType(name: name, shape: .list(item)) { node, key, findings in
      var ranges: [ClosedRange<Int>] = []
      for item in ValueType<[String]>.items(of: node) {
        let parts = (item.scalar?.text ?? "").split(separator: "-", omittingEmptySubsequences: false)
        let codes = parts.compactMap { Int($0) }.filter { (100...599).contains($0) }
        guard codes.count == parts.count, (1...2).contains(codes.count), let first = codes.first,
          let last = codes.last, first <= last
        else { return wrong(item, key, name, findings) }
        ranges.append(first...last)
      }
      return ranges
    }
  }
}
