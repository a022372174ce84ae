import Model
import Delivery

/// Turns providers and mailboxes into endpoints: placeholders filled in, secrets fetched, paths made absolute.
public enum Endpoints {
  /// The endpoints of each mailbox by its id, in the order of its chain, and what is wrong with those left out.
  ///
  /// - Parameters:
  ///   - folder: the project's, absolute; relative paths and commands start there.
  ///   - outbox: absolute; where a file provider without a directory writes.
  ///   - loopbackOnly: refuses every SMTP server but those on this machine (`--rehearse`, DESIGN §3).
  ///   - environment: where `{env: NAME}` looks, and what commands are given.
  /// - Returns: a mailbox with an error in its chain keeps the endpoints that are whole. No finding holds a secret.
  public static func resolve(
    providers: [Provider], mailboxes: [Mailbox], folder: String, outbox: String, loopbackOnly: Bool,
    environment: [String: String]
  ) async -> (endpoints: [String: [Endpoint]], findings: [Finding]) {
    var findings: [Finding] = []
    let byID = Dictionary(providers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var drafts: [(mailbox: String, draft: Draft)] = []
    for mailbox in mailboxes {
      for id in mailbox.providers {
        guard let provider = byID[id] else {
          let hint = Nearest.hint(id, among: byID.keys.sorted())
          findings.append(.error(mailbox.place, "mailbox '\(mailbox.id)' names no provider by '\(id)'\(hint)"))
          continue
        }
        do throws(Problem) {
          let draft = try Draft(provider, mailbox, folder: folder, outbox: outbox)
          if loopbackOnly { try draft.mustStayHere() }
          drafts.append((mailbox.id, draft))
        } catch {
          findings.append(.error(provider.place, "provider '\(id)' for mailbox '\(mailbox.id)': \(error.text)"))
        }
      }
    }
    let references = Set(drafts.flatMap { [$0.draft.password, $0.draft.token].compactMap(\.self) })
    let fetched = await Secrets.fetch(references, folder: folder, environment: environment)
    var endpoints: [String: [Endpoint]] = [:]
    var secretOfLogin: [String: [SecretReference?]] = [:]
    for mailbox in mailboxes { endpoints[mailbox.id] = [] }
    for (mailbox, draft) in drafts {
      do throws(Problem) {
        let endpoint = try draft.endpoint { reference throws(Problem) in
          switch fetched[reference] {
          case .success(let secret)?: return secret
          case .failure(let problem)?: throw problem
          case nil: throw Problem("the secret was not fetched")
          }
        }
        let references = [draft.password, draft.token]
        if let earlier = secretOfLogin[endpoint.login], earlier != references {
          throw Problem("two mailboxes log in by the same user name with different secrets")
        }
        secretOfLogin[endpoint.login] = references
        endpoints[mailbox]?.append(endpoint)
      } catch {
        let message = "provider '\(draft.provider.id)' for mailbox '\(mailbox)': \(error.text)"
        findings.append(.error(draft.provider.place, message))
      }
    }
    return (endpoints, findings)
  }

  /// What makes an endpoint impossible: one sentence without a secret in it.
  struct Problem: Error, Hashable {
    var text: String
    init(_ text: String) { self.text = text }
  }
}

/// An endpoint whose placeholders are filled in and whose secrets are still references.
private struct Draft {
  let provider: Provider
  let login: String
  let kind: Endpoint.Kind
  let password: SecretReference?
  let token: SecretReference?

  init(
    _ provider: Provider, _ mailbox: Mailbox, folder: String, outbox: String
  ) throws(Endpoints.Problem) {
    self.provider = provider
    switch provider.kind {
    case .file(let directory):
      let filled = try directory.map { text throws(Endpoints.Problem) in
        try Placeholders.fill(text, mailbox, inPath: true)
      }
      let path = filled.map { Placeholders.absolute($0, in: folder) } ?? outbox
      login = "\(provider.id) \(path)"
      kind = .file(directory: path)
      password = nil
      token = nil
    case .smtp(let smtp):
      guard mailbox.sender.channel == .email else {
        throw Endpoints.Problem("an SMTP server carries no text messages to telephones")
      }
      let host = Self.withoutBrackets(try Placeholders.fill(smtp.host, mailbox))
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
      password = try smtp.password.map { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) }
      token = try smtp.token.map { text throws(Endpoints.Problem) in try Placeholders.fill(text, mailbox) }
      let certificates = try smtp.certificates.map { text throws(Endpoints.Problem) in
        Placeholders.absolute(try Placeholders.fill(text, mailbox, inPath: true), in: folder)
      }
      login = "\(provider.id) \(username.map { $0 + "@" } ?? "")\(host):\(smtp.port)"
      kind = .smtp(
        Endpoint.SMTP(
          host: host, port: smtp.port, security: smtp.security, username: username, certificates: certificates))
    }
  }

  private static func withoutBrackets(_ host: String) -> String {
    host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
  }

  /// A rehearsal reaches this machine only.
  func mustStayHere() throws(Endpoints.Problem) {
    guard case .smtp(let smtp) = kind, !Loopback.contains(smtp.host) else { return }
    throw Endpoints.Problem(
      "a rehearsal delivers to this machine only, and '\(smtp.host)' is not on it; use a file provider, localhost, "
        + "127.0.0.1 or ::1")
  }

  func endpoint(
    _ secret: (SecretReference) throws(Endpoints.Problem) -> Secret
  ) throws(Endpoints.Problem) -> Endpoint {
    var kind = kind
    if case .smtp(var smtp) = kind {
      if let password { smtp.password = try secret(password) }
      if let token { smtp.token = try secret(token) }
      kind = .smtp(smtp)
    }
    return Endpoint(
      provider: provider.id, login: login, kind: kind, maxConnections: provider.maxConnections,
      messagesPerConnection: provider.messagesPerConnection, interval: provider.interval, timeout: provider.timeout)
  }
}

/// Addresses of this machine that lead nowhere else.
enum Loopback {
  /// 127.0.0.0/8, ::1 and localhost.
  static func contains(_ host: String) -> Bool {
    if ["localhost", "localhost.", "::1"].contains(host.lowercased()) { return true }
    let parts = host.split(separator: ".", omittingEmptySubsequences: false)
    // As many digits as an octet has: `127.0.0.0x1.example.com` and the like are names.
    return parts.count == 4 && parts[0] == "127"
      && parts.allSatisfy { (1...3).contains($0.utf8.count) && UInt8($0) != nil }
  }
}
