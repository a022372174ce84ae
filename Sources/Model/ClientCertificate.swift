/// What shows a server who we are within TLS (RFC 8446 §4.4.2), where it asks: PEM files.
public struct ClientCertificate: Hashable, Sendable {
  /// The certificate, and those between it and its authority after it.
  public var certificate: String
  /// Its private key, without a passphrase; nil where it stands in the certificate's file.
  public var key: String?

  public init(certificate: String, key: String? = nil) {
    self.certificate = certificate
    self.key = key
  }
}
