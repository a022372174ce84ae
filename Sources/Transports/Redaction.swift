import Delivery
import Model

/// Takes secrets out of what a server says: it may repeat what it was sent, and its words go into results and logs.
///
/// A secret is found plain, percent-encoded (RFC 3986 §2.1), as JSON escapes it (RFC 8259 §7), in any mixture of these,
/// and in the base64 in which it was sent. Redact first and cut afterwards: of a secret across a cut, the beginning
/// would stay. What was cut before it came here is dealt with too: a secret's beginning at the very end of a text goes
/// as well, from `leastBeginning` characters on.
struct Redaction: Sendable {
  /// In bytes; what is shorter occurs in ordinary words.
  static let least = 4
  /// In characters.
  static let leastBeginning = 8
  private static let mark = Array("<redacted>".utf8)

  private var needles: [[Unicode.Scalar]] = []
  /// By byte: whether a needle in any of its forms may begin with it. Most texts hold no secret, and cost one look a byte.
  private var mayBegin = [Bool](repeating: false, count: 256)

  /// - Parameter secrets: as they were sent; those shorter than `least` are left alone.
  init(_ secrets: [String] = []) {
    for secret in Set(secrets) where secret.utf8.count >= Self.least {
      needles.append(Array(secret.unicodeScalars))
      if let first = secret.utf8.first { mayBegin[Int(first)] = true }
    }
    guard !needles.isEmpty else { return }
    for byte in "%\\+".utf8 { mayBegin[Int(byte)] = true }
  }

  /// What a service is sent: its credentials, alone and as its requests have them.
  init(_ service: HTTPService<Secret>) {
    var sent = service.credentials.flatMap { Self.forms($0.revealed) }
    switch service {
    case .mailgun(_, let key): sent.append(Self.encoded("api:\(key.revealed)"))
    case .twilio(let account, let token, _): sent.append(Self.encoded("\(account):\(token.revealed)"))
    case .webhook(let webhook):
      for header in webhook.headers {
        // `Bearer …`: a server may name the token without its scheme.
        guard case .secret(let secret) = header.value, let space = secret.revealed.firstIndex(of: " ") else { continue }
        sent += Self.forms(String(secret.revealed[space...].drop { $0 == " " }))
      }
    case .sendgrid, .ses, .postmark: break
    }
    self.init(sent)
  }

  /// What an SMTP server is sent at a login: by PLAIN (RFC 4616), LOGIN, or XOAUTH2
  /// (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol).
  /// - Parameter token: the one in use, where it is another than the endpoint's.
  init(_ smtp: Endpoint.SMTP, token: Secret? = nil) {
    var sent: [String] = []
    let user = smtp.username ?? ""
    if let password = smtp.password?.revealed {
      sent += Self.forms(password) + [Self.encoded("\0\(user)\0\(password)")]
    }
    for token in [smtp.token, token].compactMap({ $0?.revealed }) {
      sent += Self.forms(token) + [Self.encoded("user=\(user)\u{1}auth=Bearer \(token)\u{1}\u{1}")]
    }
    self.init(sent)
  }

  private static func forms(_ secret: String) -> [String] { [secret, encoded(secret)] }

  /// In base64, without its padding, which not everybody repeats.
  private static func encoded(_ text: String) -> String {
    String(base64(Array(text.utf8)).prefix { $0 != "=" })
  }

  func apply(_ text: String) -> String {
    let bytes = Array(text.utf8)
    let clean = apply(bytes)
    return clean == bytes ? text : String(decoding: clean, as: UTF8.self)
  }

  func apply(_ text: [UInt8]) -> [UInt8] {
    guard !needles.isEmpty else { return text }
    var out: [UInt8] = []
    var copied = 0
    var i = 0
    while i < text.count {
      guard mayBegin[Int(text[i])], let end = end(of: text, from: i) else {
        i += 1
        continue
      }
      out.append(contentsOf: text[copied..<i])
      out.append(contentsOf: Self.mark)
      i = end
      copied = end
    }
    guard copied > 0 else { return text }
    out.append(contentsOf: text[copied...])
    return out
  }

  /// Where the longest needle that begins at `start` ends; nil if none does.
  private func end(of text: [UInt8], from start: Int) -> Int? {
    var longest: Int?
    for needle in needles {
      if let end = Self.end(of: needle, in: text, from: start), end > longest ?? start { longest = end }
    }
    return longest
  }

  /// A `%` may be itself or begin an escape, so that there may be several ways to read on: all are followed.
  private static func end(of needle: [Unicode.Scalar], in text: [UInt8], from start: Int) -> Int? {
    var positions = [start]
    for (count, scalar) in needle.enumerated() {
      var next: [Int] = []
      for at in positions {
        // The text ends amid the needle.
        if count >= leastBeginning, at == text.count || isCut(text, at) { return text.count }
        read(scalar, text, at, &next)
      }
      guard !next.isEmpty else { return nil }
      positions = next
    }
    return positions.max()
  }

  /// Whether an escape begins here that the text's end cuts off.
  private static func isCut(_ text: [UInt8], _ at: Int) -> Bool {
    let left = text.count - at
    return (text[at] == 0x25 && left < 3) || (text[at] == 0x5C && (left < 2 || (text[at + 1] == 0x75 && left < 6)))
  }

  /// Adds each place where `scalar`, written in any way, may end if it begins at `at`.
  private static func read(_ scalar: Unicode.Scalar, _ text: [UInt8], _ at: Int, _ ends: inout [Int]) {
    guard at < text.count else { return }
    func add(_ end: Int) {
      if !ends.contains(end) { ends.append(end) }
    }
    let plain = Array(scalar.utf8)
    if text[at...].starts(with: plain) { add(at + plain.count) }
    switch text[at] {
    case 0x25:
      var position = at
      for byte in plain {
        guard position < text.count, text[position] == 0x25, hex(text, position + 1, 2) == UInt32(byte) else { return }
        position += 3
      }
      add(position)
    case 0x2B:
      // As forms have a space.
      if scalar == " " { add(at + 1) }
    case 0x5C:
      guard at + 1 < text.count else { return }
      if text[at + 1] == 0x75 {
        var position = at
        for unit in scalar.utf16 {
          guard position + 1 < text.count, text[position] == 0x5C, text[position + 1] == 0x75,
            hex(text, position + 2, 4) == UInt32(unit)
          else { return }
          position += 6
        }
        add(position)
      } else if plain == [text[at + 1]], "\"\\/".utf8.contains(text[at + 1]) {
        add(at + 2)
      }
    default: break
    }
  }

  /// So many hexadecimal digits as a number, in either case; nil if they are none.
  private static func hex(_ text: [UInt8], _ at: Int, _ count: Int) -> UInt32? {
    guard at + count <= text.count else { return nil }
    var value: UInt32 = 0
    for byte in text[at..<at + count] {
      switch byte {
      case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
      case 0x41...0x46, 0x61...0x66: value = value << 4 | UInt32((byte | 0x20) - 0x57)
      default: return nil
      }
    }
    return value
  }
}

extension Redaction: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  var description: String { "<redacted>" }
  var debugDescription: String { "<redacted>" }
  var customMirror: Mirror { Mirror(self, children: [:]) }
}
