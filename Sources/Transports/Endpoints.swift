import Model
import Delivery

/// Turns providers and mailboxes into endpoints: placeholders filled in, secrets fetched, paths made absolute.
public enum Endpoints {
  /// The endpoints of each mailbox by its id, in the order of its chain, and what is wrong with those left out.
  ///
  /// - Parameters:
  ///   - folder: the project's, absolute; relative paths and commands start there.
  ///   - outbox: absolute; where a file provider without a directory writes.
  ///   - loopbackOnly: refuses every server but those on this machine (`--rehearse`, DESIGN §3).
  ///   - environment: where `{env: NAME}` looks, and what commands are given.
  /// - Returns: a mailbox with an error in its chain keeps the endpoints that are whole. No finding holds a secret.
  public static func resolve(
    providers: [Provider], mailboxes: [Mailbox], folder: String, outbox: String, loopbackOnly: Bool,
    environment: [String: String]
  ) async -> (endpoints: [String: [Endpoint]], findings: [Finding]) {
    var findings: [Finding] = []
    let byID = Dictionary(providers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    var drafts: [(mailbox: String, draft: EndpointDraft)] = []
    for mailbox in mailboxes {
      for id in mailbox.providers {
        guard let provider = byID[id] else {
          let hint = Nearest.hint(id, among: byID.keys.sorted())
          findings.append(.error(mailbox.place, "mailbox '\(mailbox.id)' names no provider by '\(id)'\(hint)"))
          continue
        }
        do throws(Problem) {
          let draft = try EndpointDraft(provider, mailbox, folder: folder, outbox: outbox)
          if loopbackOnly { try draft.mustStayHere() }
          drafts.append((mailbox.id, draft))
        } catch {
          findings.append(.error(provider.place, "provider '\(id)' for mailbox '\(mailbox.id)': \(error.text)"))
        }
      }
    }
    let references = Set(drafts.flatMap(\.draft.references))
    let fetched = await Secrets.fetch(references, folder: folder, environment: environment)
    var endpoints: [String: [Endpoint]] = [:]
    var secretOfLogin: [String: [SecretReference]] = [:]
    for mailbox in mailboxes { endpoints[mailbox.id] = [] }
    for (mailbox, draft) in drafts {
      do throws(Problem) {
        let endpoint = try draft.endpoint(
          { reference throws(Problem) in
            switch fetched[reference] {
            case .success(let secret)?: return secret
            case .failure(let problem)?: throw problem
            case nil: throw Problem("the secret was not fetched")
            }
          },
          renew: { Secrets.renewal(of: $0, folder: folder, environment: environment) })
        if let earlier = secretOfLogin[endpoint.login], earlier != draft.references {
          throw Problem("two mailboxes log in by the same user name with different secrets")
        }
        secretOfLogin[endpoint.login] = draft.references
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
