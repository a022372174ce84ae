/// What a server offers (the EHLO keywords that matter here).
struct Capabilities: Hashable {
  /// RFC 2920.
  var pipelining = false
  /// RFC 6152.
  var eightBitMIME = false
  /// RFC 6531.
  var smtpUTF8 = false
  /// RFC 1870: the largest message; 0 means that the server names no limit, nil that it does not know SIZE.
  var size: Int?
  /// RFC 3207.
  var startTLS = false
  /// RFC 4954: the ways to log in, in capitals.
  var mechanisms: [String] = []
}

/// Follows the lines that libcurl reads while it connects, greets, secures and logs in: what the server offers, what
/// it refused with which words, and whether libcurl is about to give up.
struct Handshake {
  private(set) var capabilities = Capabilities()
  /// A 220 greeting has been seen.
  private(set) var isGreeted = false
  /// The last refusal: its code and words, such as `535 5.7.8 Authentication failed`.
  private(set) var refusal: (code: Int, text: String)?
  /// What came in place of a greeting.
  private(set) var nonsense: String?
  /// libcurl will now give up, and would first say QUIT and wait for the answer, blocking everything else.
  private(set) var isHopeless = false

  private var ehloAccepted = false
  private var ehloRefusals = 0
  /// The lines of a refusal so far, each after a line break.
  private var partial: [UInt8] = []
  /// Without TLS and login libcurl says HELO when EHLO is refused.
  private let mayFallBack: Bool
  /// What the server's words are read without.
  private let redaction: Redaction

  init(mayFallBack: Bool, redaction: Redaction = Redaction()) {
    self.mayFallBack = mayFallBack
    self.redaction = redaction
  }

  /// One line as it came, with or without its line break.
  mutating func take(_ bytes: some Collection<UInt8>) {
    let line = ReplyText.printable(redaction.apply(Array(bytes)), limit: 600).trimmingSpaces()
    guard line.count >= 3, let code = Int(line.prefix(3)) else {
      // libcurl would read on in the hope of a reply until its time is up.
      guard !isGreeted else { return }
      nonsense = String(line.prefix(80))
      isHopeless = true
      return
    }
    let isLast = line.dropFirst(3).first != "-"
    switch code {
    case 220:
      // The greeting, or the answer to STARTTLS: what was offered before TLS counts no more (RFC 3207 §4.2).
      isGreeted = true
      ehloAccepted = false
      capabilities = Capabilities()
    case 250:
      if isLast { ehloAccepted = true }
      capability(line.dropFirst(4).trimmingSpaces())
    case 400...:
      partial.append(0x0A)
      partial.append(contentsOf: line.dropFirst(4).utf8)
      guard isLast else { return }
      let words = ReplyText(partial, code: code)
      refusal = (code, ["\(code)", words.enhancedCode, words.text].compactMap(\.self).joined(separator: " "))
      if isGreeted, !ehloAccepted { ehloRefusals += 1 }
      isHopeless = !isGreeted || ehloAccepted || ehloRefusals > 1 || !mayFallBack
    default: break
    }
    partial = []
  }

  private mutating func capability(_ text: String) {
    let words = text.uppercased().split(separator: " ").map(String.init)
    switch words.first {
    case "PIPELINING": capabilities.pipelining = true
    case "8BITMIME": capabilities.eightBitMIME = true
    case "SMTPUTF8": capabilities.smtpUTF8 = true
    case "STARTTLS": capabilities.startTLS = true
    case "SIZE": capabilities.size = words.count > 1 ? Int(words[1]) ?? 0 : 0
    case "AUTH": capabilities.mechanisms = Array(words.dropFirst())
    default: break
    }
  }
}

extension StringProtocol {
  fileprivate func trimmingSpaces() -> String {
    var text = Substring(self)
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
