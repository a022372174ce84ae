import CCurl
import Model

/// What SMTP and HTTP tell libcurl alike of a connection: whom to trust, who we are, and which way to go.
struct ConnectionOptions {
  var certificates: String?
  var clientCertificate: ClientCertificate?
  var proxy: String?

  /// False if libcurl lacks one of the options.
  func apply(to easy: UnsafeMutableRawPointer) -> Bool {
    var ok = true
    func set(_ option: CURLoption, _ value: Int) { ok = ok && nm_setopt_long(easy, option, value) == CURLE_OK }
    func set(_ option: CURLoption, _ value: String) { ok = ok && nm_setopt_string(easy, option, value) == CURLE_OK }
    set(CURLOPT_NOSIGNAL, 1)
    // The environment's proxies, and its exceptions from them, are for browsers.
    set(CURLOPT_PROXY, proxy ?? "")
    set(CURLOPT_NOPROXY, "")
    // What the proxy says is not the server's.
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
    set(CURLOPT_SSL_VERIFYPEER, 1)
    set(CURLOPT_SSL_VERIFYHOST, 2)
    set(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
    if let certificates {
      set(CURLOPT_CAINFO, certificates)
      ok = ok && nm_setopt_string(easy, CURLOPT_CAPATH, nil) == CURLE_OK
    }
    if let client = clientCertificate {
      set(CURLOPT_SSLCERT, client.certificate)
      set(CURLOPT_SSLKEY, client.key ?? client.certificate)
      // Without one, OpenSSL would ask the terminal for a passphrase and hold up everything.
      set(CURLOPT_KEYPASSWD, "")
    }
    return ok
  }
}
