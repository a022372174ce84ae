import CCurl
import Delivery

extension NetworkTransport {
  /// `mail.example.com:587`.
  func place(_ connection: Connection) -> String {
    Self.place(connection)
  }

  private static func place(_ connection: Connection) -> String {
    guard case .smtp(let smtp) = connection.login.endpoint.kind else { return connection.login.name }
    return "\(smtp.host):\(smtp.port)" + through(smtp.proxy)
  }

  /// What fails at a proxy is told as what it is.
  static func through(_ proxy: String?) -> String { proxy.map { " through the proxy \($0)" } ?? "" }

  /// Why libcurl could not connect or log in, for the operator: what, and what to do.
  static func explain(_ code: CURLcode, _ connection: Connection) -> (Unavailability.Cause, String) {
    let place = place(connection)
    let detail = connection.parser.redaction.apply(connection.link.problem(code))
    let handshake = connection.link.handshake
    let words = handshake.refusal?.text
    if let nonsense = handshake.nonsense {
      return (.greeting, "\(place) does not speak SMTP; it said: \(nonsense)")
    }
    switch code {
    case CURLE_COULDNT_RESOLVE_HOST:
      return (.connection, "\(place): no such host name; is `host` right, and does name resolution work?")
    case CURLE_COULDNT_RESOLVE_PROXY: return (.connection, "\(place), which is no host name")
    case CURLE_COULDNT_CONNECT:
      return (
        .connection,
        "\(place): no connection (\(connection.link.systemProblem ?? detail)); is the port right and the server up?"
      )
    case CURLE_OPERATION_TIMEDOUT:
      return (.connection, "\(place) did not answer in time")
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CERTPROBLEM, CURLE_SSL_ISSUER_ERROR,
      CURLE_SSL_CIPHER, CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS:
      return (.tls, "\(place): TLS failed: \(detail)\(advice(detail))")
    case CURLE_SSL_CACERT_BADFILE:
      return (.tls, "\(place): the file of `certificates` cannot be used: \(detail)")
    case CURLE_USE_SSL_FAILED:
      let said = words.map { " (the server said: \($0))" } ?? ""
      return (.tls, "\(place) offers no STARTTLS\(said); for TLS from the first byte use `tls: implicit`")
    case CURLE_LOGIN_DENIED:
      if let words {
        return (.credentials, "\(place) refused the login: \(words)")
      }
      let offered = handshake.capabilities.mechanisms.joined(separator: " ")
      return (
        .credentials,
        "\(place) offers no way to log in that would do (\(offered.isEmpty ? "no AUTH" : offered))"
      )
    default: break
    }
    if let refusal = handshake.refusal, let words {
      if [530, 534, 535, 538, 454].contains(refusal.code), handshake.isGreeted {
        return (.credentials, "\(place) refused the login: \(words)")
      }
      return (.greeting, "\(place) refused the connection: \(words)")
    }
    if code == CURLE_WEIRD_SERVER_REPLY { return (.greeting, "\(place) does not speak SMTP (\(detail))") }
    return (.connection, "\(place): the connection failed: \(detail)")
  }

  /// What an operator can do about libcurl's and OpenSSL's words.
  static func advice(_ detail: String) -> String {
    if detail.contains("no alternative certificate subject name") || detail.contains("does not match target host") {
      return "; the certificate is for another name, so `host` must be the name that it carries"
    }
    if detail.contains("set private key file") || detail.contains("private key does not match")
      || detail.contains("client certificate")
    {
      return
        "; `client_certificate` and `client_key` must be PEM files that belong together, the key without a passphrase"
    }
    if detail.contains("expired") { return "; the server's certificate must be renewed" }
    if detail.contains("unable to get local issuer") || detail.contains("self-signed")
      || detail.contains("self signed")
    {
      return "; the certificate is from an unknown authority, which `certificates` can name"
    }
    if detail.contains("wrong version number") { return "; the port may want `tls: starttls`" }
    return ""
  }

  /// Less the host that a text begins with where the login's name has it: whoever is told why a login rests is told
  /// its name too.
  static func withoutPlace(_ text: String, of login: String) -> String {
    let first = text.prefix { $0 != " " }
    let place = first.hasSuffix(":") || first.hasSuffix(",") ? first.dropLast() : first
    let rest = text.dropFirst(first.count).drop { $0 == " " }
    // The name's first word is the provider's.
    let names = login.split(separator: " ").dropFirst().contains { $0 == place || $0.hasSuffix("@\(place)") }
    return place.isEmpty || rest.isEmpty || !names ? text : String(rest)
  }
}
