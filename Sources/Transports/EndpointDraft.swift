import Delivery
import Model

/// An endpoint whose placeholders are filled in and whose secrets are still references.
struct EndpointDraft {
  let provider: Provider
  /// Connections, refused credentials and rests count by it.
  let login: String
  private let way: Way

  private enum Way {
    case file(directory: String, Provider.FileFormat)
    case smtp(Endpoint.SMTP, password: SecretReference?, token: SecretReference?)
    case http(Provider.HTTP)
  }

  init(
    _ provider: Provider, _ mailbox: Mailbox, folder: String, outbox: String
  ) throws(Endpoints.Problem) {
    self.provider = provider
    switch provider.kind {
    case .file(let directory, let format):
      let filled = try directory.map { text throws(Endpoints.Problem) in
        try Placeholders.fill(text, mailbox, inPath: true)
      }
      guard format == .eml || mailbox.sender.channel == .email else {
        throw Endpoints.Problem("a Maildir takes e-mail only; use `format: eml`")
      }
      let path = filled.map { Placeholders.absolute($0, in: folder) } ?? outbox
      login = "\(provider.id) \(path)"
      way = .file(directory: path, format)
    case .smtp(let smtp): (login, way) = try Self.smtp(smtp, provider.id, mailbox, folder: folder)
    case .http(let http): (login, way) = try Self.http(http, provider.id, mailbox, folder: folder)
    }
  }

  private static func smtp(
    _ smtp: Provider.SMTP, _ id: String, _ mailbox: Mailbox, folder: String
  ) throws(Endpoints.Problem) -> (String, Way) {
    guard mailbox.sender.channel == .email else {
      throw Endpoints.Problem("an SMTP server carries no text messages to telephones")
    }
    let name = Self.withoutBrackets(try Placeholders.fill(smtp.host, mailbox))
    // Outside ASCII a name is looked up, and shown in TLS, as A-labels (RFC 5890 §2.3.2.1).
    let host = name.utf8.allSatisfy { $0 < 0x80 } ? name : EmailAddress.domain(name) ?? name
    guard Envelope.isHost(host) else { throw Endpoints.Problem("'\(host)' is no host name") }
    guard (1...65_535).contains(smtp.port) else { throw Endpoints.Problem("\(smtp.port) is no port") }
    let username = try smtp.username.map { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) }
    if let username, username.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) {
      throw Endpoints.Problem("the user name holds a control character")
    }
    if username == nil, smtp.password != nil || smtp.token != nil {
      throw Endpoints.Problem("there is a secret and no `username` to log in by")
    }
    if username != nil, smtp.password == nil, smtp.token == nil {
      throw Endpoints.Problem("there is a `username` and neither `password` nor `token`")
    }
    let password = try smtp.password.map { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) }
    let token = try smtp.token.map { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) }
    let endpoint = Endpoint.SMTP(
      host: host, port: smtp.port, security: smtp.security, username: username,
      certificates: try path(smtp.certificates, mailbox, folder: folder),
      clientCertificate: try client(smtp.clientCertificate, mailbox, folder: folder), proxy: smtp.proxy)
    var login = "\(id) \(username.map { $0 + "@" } ?? "")\(host):\(smtp.port)"
    if let client = endpoint.clientCertificate { login += " \(client.certificate)" }
    return (login, .smtp(endpoint, password: password, token: token))
  }

  private static func http(
    _ http: Provider.HTTP, _ id: String, _ mailbox: Mailbox, folder: String
  ) throws(Endpoints.Problem) -> (String, Way) {
    let channel = http.service.channel
    guard mailbox.sender.channel == channel else {
      throw Endpoints.Problem(
        channel == .sms ? "it carries text messages, and the mailbox is for e-mail" : "it carries no text messages")
    }
    var service = try http.service.map(
      text: { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) },
      credential: { reference throws(Endpoints.Problem) in try Placeholders.fill(reference, mailbox) })
    var url = http.url
    if case .webhook(var webhook) = service {
      url = try fill(url, .url, mailbox)
      webhook.body = try fill(webhook.body, .json, mailbox)
      for i in webhook.headers.indices {
        guard case .text(let text) = webhook.headers[i].value else { continue }
        webhook.headers[i].value = .text(try fill(text, .header, mailbox))
      }
      service = .webhook(webhook)
    } else {
      url = try Placeholders.fill(url, mailbox)
    }
    guard let address = WebAddress(Services.place(of: url)) else { throw Endpoints.Problem("'\(url)' is no URL") }
    guard address.isSafe else {
      throw Endpoints.Problem("'\(url)' is not encrypted; only servers on this machine may be reached by http://")
    }
    // Without a user name, what tells two mailboxes' logins apart is where their secrets are.
    let isShared = service.credentials == http.service.credentials
    var words = [id, account(service).map { "\($0)@\(address.authority)" } ?? address.authority]
    let filled = Provider.HTTP(
      service, url: url, certificates: try path(http.certificates, mailbox, folder: folder),
      clientCertificate: try client(http.clientCertificate, mailbox, folder: folder), proxy: http.proxy)
    if let client = filled.clientCertificate { words.append(client.certificate) }
    return ((isShared ? words : words + [mailbox.id]).joined(separator: " "), .http(filled))
  }

  /// The part of a service's settings that says whose account it is; never a secret.
  private static func account(_ service: HTTPService<SecretReference>) -> String? {
    switch service {
    case .mailgun(let domain, _): domain
    case .twilio(let account, _, _): account
    case .ses(let ses): ses.region
    case .sendgrid, .postmark, .webhook: nil
    }
  }

  /// The mailbox's values, escaped; the message's stay to be filled in.
  private static func fill(
    _ text: String, _ escaping: WebhookTemplate.Escaping, _ mailbox: Mailbox
  ) throws(Endpoints.Problem) -> String {
    do throws(WebhookTemplate.Problem) {
      return try WebhookTemplate(parsing: text).filling(escaping) { name in
        switch name {
        case .mailboxID: mailbox.id
        case .mailboxEmail: mailbox.sender.address
        default: nil
        }
      }
    } catch {
      throw Endpoints.Problem("'\(text)' \(error.message)")
    }
  }

  private static func client(
    _ client: ClientCertificate?, _ mailbox: Mailbox, folder: String
  ) throws(Endpoints.Problem) -> ClientCertificate? {
    guard let client, let file = try path(client.certificate, mailbox, folder: folder) else { return nil }
    return ClientCertificate(certificate: file, key: try path(client.key, mailbox, folder: folder))
  }

  /// A file's absolute path.
  private static func path(
    _ path: String?, _ mailbox: Mailbox, folder: String
  ) throws(Endpoints.Problem) -> String? {
    guard let path else { return nil }
    return Placeholders.absolute(try Placeholders.fill(path, mailbox, inPath: true), in: folder)
  }

  private static func withoutBrackets(_ host: String) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
  }

  /// A rehearsal reaches this machine only.
  func mustStayHere() throws(Endpoints.Problem) {
    let hosts: [String]
    switch way {
    case .file: return
    case .smtp(let smtp, _, _): hosts = [smtp.host] + Self.host(ofProxy: smtp.proxy)
    case .http(let http):
      let place = Services.place(of: http.url)
      hosts = [WebAddress(place)?.host ?? place] + Self.host(ofProxy: http.proxy)
    }
    guard let host = hosts.first(where: { !Loopback.contains($0) }) else { return }
    throw Endpoints.Problem(
      "a rehearsal delivers to this machine only, and '\(host)' is not on it; use a file provider, localhost, "
        + "127.0.0.1 or ::1")
  }

  private static func host(ofProxy proxy: String?) -> [String] {
    proxy.map { [WebAddress(proxy: $0)?.host ?? $0] } ?? []
  }

  /// Every secret that it needs, in a fixed order.
  var references: [SecretReference] {
    switch way {
    case .file: []
    case .smtp(_, let password, let token): [password, token].compactMap { $0 }
    case .http(let http): http.service.credentials
    }
  }

  /// - Parameters:
  ///   - secret: what a reference was found to hold.
  ///   - renew: what fetches it anew.
  func endpoint(
    _ secret: (SecretReference) throws(Endpoints.Problem) -> Secret,
    renew: (SecretReference) -> (@Sendable () async throws -> Secret)?
  ) throws(Endpoints.Problem) -> Endpoint {
    let kind: Endpoint.Kind
    switch way {
    case .file(let directory, let format): kind = .file(directory: directory, format: format)
    case .smtp(var smtp, let password, let token):
      if let password { smtp.password = try secret(password) }
      if let token {
        smtp.token = try secret(token)
        smtp.renewToken = renew(token)
      }
      kind = .smtp(smtp)
    case .http(let http):
      let service = try http.service.map(
        text: { text throws(Endpoints.Problem) in text }, credential: secret)
      kind = .http(
        Endpoint.HTTP(
          service, url: http.url, certificates: http.certificates, clientCertificate: http.clientCertificate,
          proxy: http.proxy))
    }
    return Endpoint(
      provider: provider.id, login: login, kind: kind, maxConnections: provider.maxConnections,
      messagesPerConnection: provider.messagesPerConnection, interval: provider.interval, timeout: provider.timeout)
  }
}
