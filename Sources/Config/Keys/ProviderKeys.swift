import Foundation
import Model

/// What kinds of ways out there are.
enum ProviderType: String, CaseIterable, Sendable {
  case smtp, sendgrid, mailgun, ses, postmark, twilio, webhook, file
}

/// An entry of `data/providers.yaml`.
enum ProviderKeys {
  static let id = Key("id", .id, required: true, "What mailboxes call it.", example: "main")
  static let type = Key(
    "type", .choice(of: ProviderType.allCases), required: true, "What kind of way out it is.", example: "smtp")
  static let maxConnections = Key(
    "max_connections", .integer(1...1000), default: "2", "Connections at a time, for each login.", example: "5")
  static let messagesPerConnection = Key(
    "messages_per_connection", .integer(1...1_000_000), default: "100",
    "Messages on one connection before it is made anew.", example: "50")
  static let rate = Key(
    "rate", .rate, "At most so many attempts at one login, evenly spaced; no limit without it.", example: "10/s")
  static let timeout = Key(
    "timeout", .span(least: .seconds(1)),
    "A limit on each wait for the server, in place of RFC 5321 §4.5.3.2's, or of 30 s for a connection and 2 minutes for "
      + "an answer over HTTP.",
    example: "60s")
  static let common = [
    id.info, type.info, maxConnections.info, messagesPerConnection.info, rate.info, timeout.info,
  ]

  static let host = Key("host", .string, required: true, "The server's name or address.", example: "smtp.example.com")
  static let port = Key(
    "port", .integer(1...65_535), "587 for starttls, 465 for implicit and 25 for none, without it.", example: "587")
  static let tls = Key(
    "tls", .choice(of: Provider.SMTP.Security.allCases), default: "starttls",
    "starttls: EHLO, then TLS, and no mail without it (RFC 3207); implicit: TLS from the first byte (RFC 8314); none: "
      + "in the clear, for this machine and for tests.", example: "implicit")
  static let username = Key("username", .string, "To log in with.", example: "\"{{mailbox.email}}\"")
  static let password = Key("password", .secret, "Where the password is.", example: "{env: SMTP_PASSWORD}")
  static let token = Key(
    "token", .secret,
    "Where the OAuth 2 access token is (XOAUTH2), in place of a password. A file or command is asked anew when the server "
      + "refuses the token and when it is 45 minutes old.",
    example: "{command: [get-token]}")
  static let smtp = Schema(
    "smtp provider", "An SMTP server: data/providers.yaml.",
    common + [
      host.info, port.info, tls.info, username.info, password.info, token.info,
    ] + ConnectionKeys.all,
    rules: ConnectionKeys.rules + [
      .needs("username", oneOf: ["password", "token"]), .needs("password", oneOf: ["username"]),
      .needs("token", oneOf: ["username"]), .atMostOne(["password", "token"]),
    ])

  static let directory = Key(
    "directory", .string, "The folder that takes the files; the day's outbox without it.", example: "sent")
  static let format = Key(
    "format", .choice(of: Provider.FileFormat.allCases), default: "eml",
    "eml: one .eml file a send, named by its id; maildir: a Maildir, which mail programs read.", example: "maildir")
  static let file = Schema(
    "file provider", "A folder of messages: data/providers.yaml.", common + [directory.info, format.info])

  /// Used to find an entry's id and type before its own schema is known.
  static let head = Schema("provider", "A way out: data/providers.yaml.", common)

  static func schema(_ type: ProviderType) -> Schema {
    switch type {
    case .smtp: smtp
    case .file: file
    case .sendgrid: ServiceKeys.sendgrid
    case .mailgun: ServiceKeys.mailgun
    case .ses: ServiceKeys.ses
    case .postmark: ServiceKeys.postmark
    case .twilio: ServiceKeys.twilio
    case .webhook: WebhookKeys.schema
    }
  }

  static func provider(_ node: YAMLNode, _ findings: Findings, files: ProjectFiles) -> Provider? {
    guard let typeNode = node["type"], typeNode.scalar != nil else {
      if let object = ObjectReader(node, head, findings) {
        _ = object.given(id)
        _ = object.given(type)
      }
      return nil
    }
    guard let kind = type.type.decode(typeNode, "type", findings) else { return nil }
    guard let object = ObjectReader(node, schema(kind), findings) else { return nil }
    placeholders(in: node, findings)
    let id = object.given(id)
    let connections = object.value(maxConnections) ?? 2
    let messages = object.value(messagesPerConnection) ?? 100
    let interval = object.given(rate) ?? .zero
    let wait = object.given(timeout)
    let way: Provider.Kind?
    switch kind {
    case .smtp: way = server(object, files).map { .smtp($0) }
    case .file: way = .file(directory: object.given(directory), format: object.value(format) ?? .eml)
    case .sendgrid, .mailgun, .ses, .postmark, .twilio, .webhook:
      way = ServiceKeys.provider(kind, object, files).map { .http($0) }
    }
    guard let id, let way else { return nil }
    return Provider(
      id: id, kind: way, maxConnections: connections, messagesPerConnection: messages, interval: interval,
      timeout: wait, place: node.place)
  }

  private static func server(_ object: ObjectReader, _ files: ProjectFiles) -> Provider.SMTP? {
    let findings = object.findings
    let name = object.given(host)
    let security = object.value(tls) ?? .starttls
    let user = object.given(username)
    let secret = object.given(password)
    let access = object.given(token)
    let connection = ConnectionKeys.read(object, files)
    let number = object.given(port) ?? (security == .starttls ? 587 : security == .implicit ? 465 : 25)
    if let name, name.isEmpty || name.utf8.contains(where: { $0 <= 0x20 || $0 == 0x2F || $0 == 0x7F }) {
      findings.error(object.place(host), "'host' must be a server's name or address, without spaces or slashes")
    }
    if object.has(username), !object.has(password), !object.has(token) {
      findings.error(object.place(username), "'username' needs a 'password' or a 'token' to log in with")
    }
    if object.has(password) || object.has(token), !object.has(username) {
      findings.error(object.place, "'\(object.has(password) ? "password" : "token")' needs a 'username'")
    }
    if object.has(password), object.has(token) {
      findings.error(object.place(token), "give a 'password' or a 'token', not both")
    }
    if security == .none, object.has(username), let name, !Loopback.contains(name) || connection.leavesHere {
      findings.error(
        object.place(tls), "'tls: none' would send the password to \(name) in the clear; use starttls or implicit")
    }
    if security == .none, object.has(ConnectionKeys.clientCertificate) {
      findings.error(
        object.place(ConnectionKeys.clientCertificate), "'client_certificate' needs TLS; use starttls or implicit")
    }
    guard let name else { return nil }
    return Provider.SMTP(
      host: name, port: number, security: security, username: user, password: secret, token: access,
      certificates: connection.certificates, clientCertificate: connection.client, proxy: connection.proxy)
  }

  /// Values that are no such strings: secrets, and a webhook's templates, which know more names.
  private static let otherStrings: Set<String> = ["password", "token", "url", "body"]

  /// `{{…}}` in strings may name the mailbox's id and email, nothing else.
  private static func placeholders(in node: YAMLNode, _ findings: Findings) {
    for entry in node.entries ?? [] {
      guard let text = entry.value.scalar?.text, !otherStrings.contains(entry.key) else { continue }
      for part in text.components(separatedBy: "{{").dropFirst() {
        let name = part.components(separatedBy: "}}")[0].trimmingCharacters(in: .whitespaces)
        if !["mailbox.id", "mailbox.email"].contains(name) || !part.contains("}}") {
          findings.error(
            entry.value.place, "'\(entry.key)' may hold {{mailbox.id}} and {{mailbox.email}}, not '{{\(name)}}'")
        }
      }
    }
  }
}
