import Model

/// Whom to trust, who we are, and which way to go: the keys that smtp and all services over HTTP share.
enum ConnectionKeys {
  static let certificates = Key(
    "certificates", .string, "A PEM file of certificates to trust in place of the system's.", example: "ca.pem")
  static let clientCertificate = Key(
    "client_certificate", .string,
    "A PEM file with the certificate that shows the server who we are, where it asks for one.", example: "client.pem")
  static let clientKey = Key(
    "client_key", .string,
    "A PEM file with the private key of `client_certificate`, without a passphrase; without it, the key stands in the "
      + "certificate's file.", example: "client.key")
  static let proxy = Key(
    "proxy", .string,
    "A proxy to go through, http or https (by CONNECT), socks5, or socks5h (which looks names up itself); without it none "
      + "is used, whatever the environment says.", example: "http://proxy.example.com:3128")
  static let all = [certificates.info, clientCertificate.info, clientKey.info, proxy.info]
  static let rules: [KeyRule] = [.needs("client_key", oneOf: ["client_certificate"])]

  struct Values {
    var certificates: String?
    var client: ClientCertificate?
    var proxy: String?
    /// This machine's own addresses mean another one to a proxy elsewhere.
    var leavesHere: Bool { proxy.map { WebAddress(proxy: $0).map { !Loopback.contains($0.host) } ?? true } ?? false }
  }

  static func read(_ object: ObjectReader, _ files: ProjectFiles) -> Values {
    let trusted = file(certificates, object, files)
    let certificate = file(clientCertificate, object, files)
    let key = file(clientKey, object, files)
    if object.has(clientKey), !object.has(clientCertificate) {
      object.findings.error(object.place(clientKey), "'client_key' needs a 'client_certificate'")
    }
    let way = object.given(proxy)
    if let way, WebAddress(proxy: way) == nil {
      object.findings.error(
        object.place(proxy),
        "'proxy' must be http://HOST:PORT, https://HOST:PORT, socks5://HOST:PORT or socks5h://HOST:PORT, without a user "
          + "name or a path")
    }
    return Values(
      certificates: trusted, client: certificate.map { ClientCertificate(certificate: $0, key: key) }, proxy: way)
  }

  /// A file's path; where it stands for one file a mailbox, whether they are there shows when they are used.
  private static func file(_ key: Key<String>, _ object: ObjectReader, _ files: ProjectFiles) -> String? {
    guard let path = object.given(key) else { return nil }
    if !path.contains("{{"), !files.isFile(path) {
      object.findings.error(object.place(key), "there is no file '\(path)'")
    }
    return path
  }
}
