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
    ] + ConnectionKeys.all)

  static func address(_ object: ObjectReader) -> String? {
    guard let text = object.given(url), template(text, url, object) != nil,
      ServiceKeys.isAddress(text, url, object)
    else { return nil }
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

extension ValueType where Value == HTTPService<SecretReference>.Webhook.HeaderValue {
  /// A text, or where a secret is.
  static var headerValue: ValueType {
    let name = "a text, or {env: NAME}, {file: PATH} or {command: [PROGRAM, …]}"
    return ValueType(name: name, shape: .either([.string, .object(SecretKeys.schema)])) { node, key, findings in
      guard let text = node.scalar?.text else {
        return ValueType<SecretReference>.secret.decode(node, key, findings).map { .secret($0) }
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
    return ValueType(name: name, shape: .list(.either([.integer(100...599), .string]))) { node, key, findings in
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
