import Model

/// The keys of providers that are services over HTTP.
enum ServiceKeys {
  static let baseURL = Key(
    "base_url", .string,
    "Where requests go in place of the service's own address: https, or http to this machine, for tests.",
    example: "https://api.eu.example.com")
  private static let common = ProviderKeys.common + [baseURL.info] + ConnectionKeys.all

  enum SendGridRegion: String, CaseIterable, Sendable { case global, eu }
  enum MailgunRegion: String, CaseIterable, Sendable { case us, eu }

  static let apiKey = Key("api_key", .secret, required: true, "Where the API key is.", example: "{env: API_KEY}")
  static let sendgridRegion = Key(
    "region", .choice(of: SendGridRegion.allCases), default: "global", "Where SendGrid keeps the data.", example: "eu")
  static let sendgrid = Schema(
    "sendgrid provider", "Twilio SendGrid's v3 API: data/providers.yaml.", common + [apiKey.info, sendgridRegion.info],
    rules: ConnectionKeys.rules)

  static let domain = Key(
    "domain", .string, required: true, "The sending domain, as Mailgun has it.", example: "mg.example.com")
  static let mailgunRegion = Key(
    "region", .choice(of: MailgunRegion.allCases), default: "us", "Where the domain is kept.", example: "eu")
  static let mailgun = Schema(
    "mailgun provider", "Mailgun's API: data/providers.yaml.", common + [domain.info, apiKey.info, mailgunRegion.info],
    rules: ConnectionKeys.rules)

  static let sesRegion = Key(
    "region",
    .parsed("an AWS region, such as eu-central-1", shape: .pattern("^[a-z0-9-]+$")) { text in
      !text.isEmpty && text.utf8.allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) || $0 == 0x2D }
        ? text : nil
    }, required: true, "The AWS region.", example: "eu-central-1")
  static let accessKeyID = Key(
    "access_key_id", .secret, required: true, "Where the access key's id is.", example: "{env: AWS_ACCESS_KEY_ID}")
  static let secretAccessKey = Key(
    "secret_access_key", .secret, required: true, "Where the secret access key is.",
    example: "{env: AWS_SECRET_ACCESS_KEY}")
  static let sessionToken = Key(
    "session_token", .secret, "Where the session token of temporary credentials is.",
    example: "{env: AWS_SESSION_TOKEN}")
  static let configurationSet = Key(
    "configuration_set", .string, "The SES configuration set to send with.", example: "outreach")
  static let ses = Schema(
    "ses provider", "Amazon SES v2: data/providers.yaml.",
    common + [
      sesRegion.info, accessKeyID.info, secretAccessKey.info, sessionToken.info, configurationSet.info,
    ], rules: ConnectionKeys.rules)

  static let serverToken = Key(
    "server_token", .secret, required: true, "Where the server's token is.", example: "{env: POSTMARK_TOKEN}")
  static let messageStream = Key(
    "message_stream", .string, "The message stream; Postmark's own default without it.", example: "broadcast")
  static let postmark = Schema(
    "postmark provider", "Postmark's API: data/providers.yaml.", common + [serverToken.info, messageStream.info],
    rules: ConnectionKeys.rules)

  static let accountSID = Key("account_sid", .string, required: true, "The account's SID.", example: "AC0123456789")
  static let authToken = Key(
    "auth_token", .secret, required: true, "Where the account's auth token is.", example: "{env: TWILIO_AUTH_TOKEN}")
  static let messagingService = Key(
    "messaging_service_sid", .string, "A messaging service to send from in place of the mailbox's number.",
    example: "MG0123456789")
  static let twilio = Schema(
    "twilio provider", "Twilio's SMS: data/providers.yaml.",
    common + [
      accountSID.info, authToken.info, messagingService.info,
    ], rules: ConnectionKeys.rules)

  /// Nil if a key that makes it what it is is missing or wrong.
  static func provider(_ type: ProviderType, _ object: ObjectReader, _ files: ProjectFiles) -> Provider.HTTP? {
    let service: HTTPService<SecretReference>?
    var url = ""
    switch type {
    case .sendgrid:
      url = object.value(sendgridRegion) == .eu ? "https://api.eu.sendgrid.com" : "https://api.sendgrid.com"
      service = object.given(apiKey).map { .sendgrid(key: $0) }
    case .mailgun:
      url = object.value(mailgunRegion) == .eu ? "https://api.eu.mailgun.net" : "https://api.mailgun.net"
      let (name, key) = (object.given(domain), object.given(apiKey))
      service = name.flatMap { name in key.map { .mailgun(domain: name, key: $0) } }
    case .ses:
      let region = object.given(sesRegion)
      url = "https://email.\(region ?? "").amazonaws.com"
      let (id, key) = (object.given(accessKeyID), object.given(secretAccessKey))
      let (token, set) = (object.given(sessionToken), object.given(configurationSet))
      if let region, let id, let key {
        service = .ses(
          .init(region: region, accessKeyID: id, secretAccessKey: key, sessionToken: token, configurationSet: set))
      } else {
        service = nil
      }
    case .postmark:
      url = "https://api.postmarkapp.com"
      let stream = object.given(messageStream)
      service = object.given(serverToken).map { .postmark(token: $0, stream: stream) }
    case .twilio:
      url = "https://api.twilio.com"
      let (account, token) = (object.given(accountSID), object.given(authToken))
      let from = object.given(messagingService)
      service = account.flatMap { account in
        token.map { .twilio(account: account, token: $0, messagingService: from) }
      }
    case .webhook:
      url = WebhookKeys.address(object) ?? ""
      service = WebhookKeys.service(object)
    case .smtp, .file: service = nil
    }
    if type != .webhook, let text = object.given(baseURL), let base = base(text, object) { url = base }
    let connection = ConnectionKeys.read(object, files)
    if connection.leavesHere, url.lowercased().hasPrefix("http://") {
      object.findings.error(
        object.place(ConnectionKeys.proxy),
        "'proxy' would carry secrets and messages in the clear; http is for this machine, without a proxy elsewhere")
    }
    guard let service else { return nil }
    return Provider.HTTP(
      service, url: url, certificates: connection.certificates, clientCertificate: connection.client,
      proxy: connection.proxy)
  }

  /// Without the last `/`.
  private static func base(_ text: String, _ object: ObjectReader) -> String? {
    guard isAddress(text, baseURL, object) else { return nil }
    return text.hasSuffix("/") ? String(text.dropLast()) : text
  }

  /// Whether requests may go there; if not, a finding says why.
  /// - Parameter text: placeholders count as letters.
  static func isAddress(_ text: String, _ key: Key<String>, _ object: ObjectReader) -> Bool {
    let plain = text.replacing(#/\{\{[^{}]*\}\}/#, with: "x")
    let name = key.info.name
    guard let address = WebAddress(plain) else {
      object.findings.error(
        object.place(key), "'\(name)' must be a URL, such as \(key.info.example), without a user name or a fragment")
      return false
    }
    guard address.isSafe else {
      object.findings.error(
        object.place(key),
        "'\(name)' would send secrets and messages to \(address.host) in the clear; use https (http is for this machine)"
      )
      return false
    }
    return true
  }
}
