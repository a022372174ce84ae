import Foundation
import Testing

@testable import Config
@testable import Model

/// The keys of each type of provider: what they are read as, and what is said of bad ones.
struct ProviderKeyTests {
  /// A project with one provider more; its entry begins in line 3 of data/providers.yaml, its keys two columns in.
  private func load(_ lines: String, mailboxes: String? = nil) throws -> (provider: Provider?, findings: [String]) {
    var files = [
      "data/providers.yaml": "- {id: backup, type: file}\n- {id: main, type: file}\n- id: x\n"
        + lines.split(separator: "\n").map { "  \($0)\n" }.joined(),
      "ca.pem": "x", "client.pem": "x", "client.key": "x",
    ]
    if let mailboxes { files["data/mailboxes.csv"] = mailboxes }
    let (project, findings) = try Sample(Sample.good, files).load()
    return (project?.providers.last, findings)
  }

  private func http(_ lines: String) throws -> Provider.HTTP {
    let (provider, findings) = try load(lines)
    #expect(findings == [])
    guard case .http(let http)? = provider?.kind else { throw FileProblem("no service over HTTP") }
    return http
  }

  @Test func everyKeyOfSendGridIsRead() throws {
    let plain = try http("type: sendgrid\napi_key: {env: KEY}")
    #expect(plain.url == "https://api.sendgrid.com" && plain.proxy == nil && plain.certificates == nil)
    let full = try http(
      """
      type: sendgrid
      api_key: {file: secrets/key}
      region: eu
      certificates: ca.pem
      client_certificate: client.pem
      client_key: client.key
      proxy: socks5h://proxy.example.com:1080
      """)
    #expect(full.url == "https://api.eu.sendgrid.com" && full.certificates == "ca.pem")
    #expect(full.clientCertificate == ClientCertificate(certificate: "client.pem", key: "client.key"))
    #expect(full.proxy == "socks5h://proxy.example.com:1080")
    #expect(full.service.credentials == [.file("secrets/key")])
    #expect(
      try http("type: sendgrid\napi_key: {env: KEY}\nbase_url: http://127.0.0.1:80/").url == "http://127.0.0.1:80")
  }

  @Test func everyKeyOfMailgunIsRead() throws {
    let mailgun = try http("type: mailgun\ndomain: mg.example.com\napi_key: {env: KEY}\nregion: eu")
    guard case .mailgun(let domain, let key) = mailgun.service else { throw FileProblem("no mailgun") }
    #expect(domain == "mg.example.com" && key == .environment("KEY") && mailgun.url == "https://api.eu.mailgun.net")
  }

  @Test func everyKeyOfSESIsRead() throws {
    let ses = try http(
      """
      type: ses
      region: eu-central-1
      access_key_id: {env: ID}
      secret_access_key: {env: KEY}
      session_token: {command: [get-token, a]}
      configuration_set: outreach
      """)
    guard case .ses(let keys) = ses.service else { throw FileProblem("no SES") }
    #expect(ses.url == "https://email.eu-central-1.amazonaws.com" && keys.region == "eu-central-1")
    #expect(keys.accessKeyID == .environment("ID") && keys.secretAccessKey == .environment("KEY"))
    #expect(keys.sessionToken == .command(["get-token", "a"]) && keys.configurationSet == "outreach")
  }

  @Test func everyKeyOfPostmarkIsRead() throws {
    let postmark = try http("type: postmark\nserver_token: {env: TOKEN}\nmessage_stream: broadcast")
    guard case .postmark(let token, let stream) = postmark.service else { throw FileProblem("no postmark") }
    #expect(token == .environment("TOKEN") && stream == "broadcast" && postmark.url == "https://api.postmarkapp.com")
  }

  @Test func everyKeyOfTwilioIsRead() throws {
    let twilio = try http("type: twilio\naccount_sid: AC1\nauth_token: {env: TOKEN}\nmessaging_service_sid: MG1")
    guard case .twilio(let account, let token, let service) = twilio.service else { throw FileProblem("no twilio") }
    #expect(account == "AC1" && token == .environment("TOKEN") && service == "MG1")
    #expect(twilio.url == "https://api.twilio.com" && twilio.service.channel == .sms)
  }

  @Test func everyKeyOfAWebhookIsRead() throws {
    let http = try http(
      """
      type: webhook
      url: https://hook.example.com/v1/send/{{id}}?from={{mailbox.email}}
      method: PUT
      headers: {X-To: "{{to}}", X-Key: {env: KEY}}
      token: {env: TOKEN}
      body: '{"id": "{{id}}", "phone": "{{phone}}", "text": "{{text}}"}'
      success: [200, 202]
      retry: 420-429
      in_doubt: [500-599, 409]
      channel: sms
      """)
    guard case .webhook(let hook) = http.service else { throw FileProblem("no webhook") }
    #expect(http.url == "https://hook.example.com/v1/send/{{id}}?from={{mailbox.email}}")
    #expect(hook.method == .put && hook.token == .environment("TOKEN") && hook.channel == .sms)
    #expect(hook.headers.map(\.name) == ["X-Key", "X-To"])
    #expect(hook.statuses.success == [200...200, 202...202] && hook.statuses.retry == [420...429])
    #expect(hook.statuses.inDoubt == [500...599, 409...409])
    guard case .webhook(let plain) = try self.http("type: webhook\nurl: http://localhost/\nbody: '{}'").service else {
      throw FileProblem("no webhook")
    }
    #expect(plain.method == .post && plain.statuses == WebhookStatuses() && plain.channel == .email)
  }

  @Test func everyKeyOfAnSMTPConnectionIsRead() throws {
    let (provider, findings) = try load(
      """
      type: smtp
      host: smtp.example.com
      tls: implicit
      username: "{{mailbox.email}}"
      token: {command: [get-token, "{{mailbox.email}}"]}
      certificates: ca.pem
      client_certificate: "keys/{{mailbox.id}}.pem"
      proxy: http://proxy.example.com:3128
      """)
    #expect(findings == [])
    guard case .smtp(let smtp)? = provider?.kind else { throw FileProblem("no SMTP") }
    #expect(
      smtp.port == 465 && smtp.token == .command(["get-token", "{{mailbox.email}}"]) && smtp.certificates == "ca.pem")
    #expect(smtp.clientCertificate == ClientCertificate(certificate: "keys/{{mailbox.id}}.pem"))
    #expect(smtp.proxy == "http://proxy.example.com:3128")
  }

  @Test func aMaildirIsRead() throws {
    let (provider, findings) = try load("type: file\ndirectory: mail\nformat: maildir")
    #expect(findings == [])
    guard case .file("mail", .maildir)? = provider?.kind else { throw FileProblem("no Maildir") }
  }

  private static let clear =
    "holds a secret in clear; give {env: NAME}, {file: PATH} or {command: [PROGRAM, …]} instead, and change the secret "
    + "if this was shared"
  private static let hook = "type: webhook\nurl: https://hook.example.com/\n"
  private static let statuses = "status codes from 100 to 599 and ranges of them, such as [429, 500-599]"

  /// Where in data/providers.yaml, and what.
  static let bad: [(lines: String, findings: [String])] = [
    ("type: sendgrid\napi_key: SG.hunter2", ["5:12: error: 'api_key' \(clear)"]),
    ("type: mailgun\ndomain: mg.example.com\napi_key: hunter2", ["6:12: error: 'api_key' \(clear)"]),
    (
      "type: ses\nregion: eu-west-1\naccess_key_id: AKIA\nsecret_access_key: hunter2\nsession_token: hunter2",
      [
        "6:18: error: 'access_key_id' \(clear)", "7:22: error: 'secret_access_key' \(clear)",
        "8:18: error: 'session_token' \(clear)",
      ]
    ),
    ("type: postmark\nserver_token: hunter2", ["5:17: error: 'server_token' \(clear)"]),
    ("type: twilio\naccount_sid: AC1\nauth_token: hunter2", ["6:15: error: 'auth_token' \(clear)"]),
    (hook + "body: '{}'\ntoken: hunter2", ["7:10: error: 'token' \(clear)"]),
    (
      hook + "body: '{}'\nheaders:\n  Authorization: Bearer hunter2\n  X-Api-Key: 'hunter2 {{id}}'\n"
        + "  cookie: a=hunter2",
      [
        "8:20: error: 'headers.Authorization' \(clear)", "9:16: error: 'headers.X-Api-Key' \(clear)",
        "10:13: error: 'headers.cookie' \(clear)",
      ]
    ),
    (
      "type: webhook\nurl: https://hook.example.com/?to={{to}}&key=hunter2&Access-Token=hunter2\nbody: '{}'",
      ["Access-Token", "key"].map {
        "5:8: error: 'url' holds a secret in clear, '\($0)' in its query; give it in 'headers' or 'token' as {env: NAME}, "
          + "{file: PATH} or {command: [PROGRAM, …]} instead, and change the secret if this was shared"
      }
    ),
    (
      "type: webhook\nurl: https://anna:hunter2@hook.example.com/\nbody: '{}'",
      [
        "5:8: error: 'url' holds a user name in clear; give the header field Authorization in 'headers' as {env: NAME}, "
          + "{file: PATH} or {command: [PROGRAM, …]} instead, and change the password if this was shared"
      ]
    ),
    ("type: sendgrid", ["3:3: error: sendgrid provider lacks its 'api_key'"]),
    (
      "type: mailgun\nregion: eu",
      ["3:3: error: mailgun provider lacks its 'api_key'", "3:3: error: mailgun provider lacks its 'domain'"]
    ),
    (
      "type: sendgrid\napi_kye: {env: KEY}\napi_key: {env: KEY}\nregion: us",
      [
        "5:3: error: unknown key 'api_kye' in sendgrid provider; did you mean 'api_key'?",
        "7:11: error: 'region' must be global or eu, not 'us'",
      ]
    ),
    (
      "type: ses\nregion: EU West\naccess_key_id: {env: A}\nsecret_access_key: {env: B}",
      ["5:11: error: 'region' must be an AWS region, such as eu-central-1, not 'EU West'"]
    ),
    (
      "type: postmark\nserver_token: {env: T}\nbase_url: http://api.example.com",
      [
        "6:13: error: 'base_url' would send secrets and messages to api.example.com in the clear; use https (http is for "
          + "this machine)"
      ]
    ),
    (
      "type: postmark\nserver_token: {env: T}\nbase_url: ftp://api.example.com",
      ["6:13: error: 'base_url' must be a URL, such as https://api.eu.example.com, without a user name or a fragment"]
    ),
    (
      "type: webhook\nurl: http://hook.example.com/{{id}}\nbody: '{}'",
      [
        "5:8: error: 'url' would send secrets and messages to hook.example.com in the clear; use https (http is for this "
          + "machine)"
      ]
    ),
    (
      "type: webhook\nurl: https://{{mailbox.id}}.example.com/\nbody: '{}'",
      ["5:8: error: 'url' may hold values in its path and query, not in its host"]
    ),
    (
      hook + "body: '{\"to\": \"{{adress}}\"}'",
      [
        "6:9: error: 'body' has no value '{{adress}}'; it may hold id, to, from, subject, text, html, phone, message_id, "
          + "mailbox.id, mailbox.email"
      ]
    ),
    (
      hook + "body: '{\"to\": \"{{phon}}\"}'",
      [
        "6:9: error: 'body' has no value '{{phon}}'; it may hold id, to, from, subject, text, html, phone, message_id, "
          + "mailbox.id, mailbox.email; did you mean 'phone'?"
      ]
    ),
    (hook + "body: '{\"to\": \"{{to\"}'", ["6:9: error: 'body' opens '{{' and does not close it"]),
    (
      hook + "body: '{}'\nsuccess: [2xx]\nretry: 700\nin_doubt: [599-500]",
      [
        "7:13: error: 'success' must be \(statuses), not '2xx'", "8:10: error: 'retry' must be \(statuses), not 700",
        "9:14: error: 'in_doubt' must be \(statuses), not '599-500'",
      ]
    ),
    (
      hook + "body: '{}'\nmethod: GET\nchannel: fax\nheaders: {Host: a}",
      [
        "7:11: error: 'method' must be POST or PUT, not 'GET'; did you mean 'PUT'?",
        "8:12: error: 'channel' must be email or sms, not 'fax'",
        "9:12: error: 'Host' in 'headers' is no name of a header field that can be set",
      ]
    ),
    (
      "type: sendgrid\napi_key: {env: KEY}\nproxy: http://user:hunter2@proxy.example.com",
      [
        "6:10: error: 'proxy' must be http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT, "
          + "without a user name or a path"
      ]
    ),
    (
      "type: sendgrid\napi_key: {env: KEY}\nbase_url: http://localhost:1\nproxy: http://proxy.example.com",
      [
        "7:10: error: 'proxy' would carry secrets and messages in the clear; http is for this machine, without a proxy "
          + "elsewhere"
      ]
    ),
    (
      "type: sendgrid\napi_key: {env: KEY}\ncertificates: no.pem\nclient_key: no.key",
      [
        "6:17: error: there is no file 'no.pem'", "7:15: error: 'client_key' needs a 'client_certificate'",
        "7:15: error: there is no file 'no.key'",
      ]
    ),
    (
      "type: smtp\nhost: localhost\ntls: none\nusername: a\npassword: {env: P}\nproxy: http://proxy.example.com\n"
        + "client_certificate: client.pem",
      [
        "6:8: error: 'tls: none' would send the password to localhost in the clear; use starttls or implicit",
        "10:23: error: 'client_certificate' needs TLS; use starttls or implicit",
      ]
    ),
    ("type: file\nformat: mbox", ["5:11: error: 'format' must be eml or maildir, not 'mbox'"]),
  ]

  @Test(arguments: bad) func aBadKeyIsReportedWhereItStands(_ lines: String, _ expected: [String]) throws {
    let (provider, findings) = try load(lines)
    #expect(findings == expected.map { "data/providers.yaml:\($0)" })
    #expect(provider == nil)
    #expect(!findings.joined().contains("hunter2"))
  }

  @Test func aWebhooksPlaceholdersAndReferencesAreNoSecretsInClear() throws {
    let http = try http(
      """
      type: webhook
      url: https://hook.example.com/a@b?token={{id}}&keyword=hello&key=&to={{to}}
      headers:
        Authorization: Bearer {{mailbox.id}}
        X-Request-Token: "{{id}}"
        X-Api-Key: {env: KEY}
        X-Author: anna
        X-Tenant: acme
      body: '{}'
      """)
    guard case .webhook(let hook) = http.service else { throw FileProblem("no webhook") }
    #expect(hook.headers.map(\.name) == ["Authorization", "X-Api-Key", "X-Author", "X-Request-Token", "X-Tenant"])
    #expect(http.service.credentials == [.environment("KEY")])
  }

  @Test(arguments: [
    ("Authorization", true), ("proxy-authorization", true), ("Cookie", true), ("X-API-KEY", true), ("ApiKey", true),
    ("x_api_key", true), ("X-Auth-Token", true), ("X-Hook-Secret", true), ("X-Password", true), ("X-Auth", true),
    ("X-OAuth", true), ("X-Author", false), ("Idempotency-Key", false), ("X-Key-Id", false), ("Accept", false),
  ])
  func aHeaderFieldsNameTellsWhetherItHoldsASecret(name: String, isSecret: Bool) {
    #expect(WebhookSecrets.isSecret(field: name) == isSecret)
  }

  @Test func aProviderThatDoesNotCarryWhatTheMailboxSendsIsReported() throws {
    let mailboxes = "id,from,providers,tags\nanna,anna@example.com,main;x,sales\nben,ben@example.com,backup,\n"
    let sms = try load("type: twilio\naccount_sid: AC1\nauth_token: {env: TOKEN}", mailboxes: mailboxes).findings
    #expect(
      sms == [
        "data/mailboxes.csv:2:23: error: mailbox 'anna' is for e-mail, and provider 'x' carries text messages only"
      ])
    let text = "id,from,providers,tags\nanna,anna@example.com,main,sales\nben,+4930123456,backup;x,\n"
    for lines in [
      "type: smtp\nhost: localhost", "type: sendgrid\napi_key: {env: K}", "type: file\nformat: maildir",
      Self.hook + "body: '{}'",
    ] {
      let findings = try load(lines, mailboxes: text).findings.filter { $0.hasPrefix("data/mailboxes") }
      #expect(
        findings == [
          "data/mailboxes.csv:3:17: error: mailbox 'ben' is for text messages, and provider 'x' carries e-mail only"
        ])
    }
  }
}
