import Delivery
import Model

/// A request as it goes out, but for what libcurl adds: Host, Content-Length, and the signature where one is asked for.
struct HTTPRequest {
  struct Field: Hashable {
    var name: String
    var value: String
    init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }
  /// AWS Signature Version 4, which libcurl computes (`CURLOPT_AWS_SIGV4`).
  struct Signing {
    var region: String
    var service: String
    var accessKeyID: Secret
    var secretAccessKey: Secret
  }

  var method = "POST"
  var url: String
  var fields: [Field]
  var body: [UInt8]
  var signing: Signing?

  init(method: String = "POST", url: String, fields: [Field], body: [UInt8], signing: Signing? = nil) {
    self.method = method
    self.url = url
    self.fields = fields
    self.body = body
    self.signing = signing
  }

  /// Why the message cannot go through a service at all: one sentence.
  struct Problem: Error, Hashable {
    var text: String
    init(_ text: String) { self.text = text }
  }

  /// A body of JSON.
  static func json(url: String, _ fields: [Field], _ body: JSON, signing: Signing? = nil) -> HTTPRequest {
    var bytes: [UInt8] = []
    body.write(to: &bytes)
    return HTTPRequest(
      url: url, fields: fields + [Field("Content-Type", "application/json")], body: bytes, signing: signing)
  }
}

/// A reply as it came: its last status line and fields, and as much of its body as is read.
struct HTTPResponse {
  /// Of a body; what is beyond is not read. No service's answer to one message comes near it.
  static let limit = 64 * 1024

  /// 0 until a status line has come. Interim replies (RFC 9110 §15.2) do not count.
  var status = 0
  /// What stands beside the status, such as `Service Unavailable`; often empty (RFC 9112 §4).
  private(set) var reason = ""
  /// Names in lower case.
  var fields: [String: String] = [:]
  var body: [UInt8] = []
  /// The blank line after the fields has come: the reply can be judged.
  var hasHeader = false
  private var fieldBytes = 0

  init() {}

  /// One line of the header, with its line break; false if it is no line of HTTP, or there are too many.
  mutating func take(line: some Collection<UInt8>) -> Bool {
    fieldBytes += line.count
    guard fieldBytes <= Self.limit else { return false }
    let text = ReplyText.printable(line.prefix { $0 != 0x0D && $0 != 0x0A }, limit: 8192)
    if text.hasPrefix("HTTP/") {
      let words = text.split(separator: " ")
      guard words.count > 1, words[1].utf8.count == 3, let code = Int(words[1]), (100...999).contains(code) else {
        return false
      }
      status = code < 200 ? 0 : code
      reason = words.dropFirst(2).joined(separator: " ")
      fields = [:]
      hasHeader = false
      return true
    }
    if text.isEmpty {
      hasHeader = status != 0
      return true
    }
    guard let colon = text.firstIndex(of: ":") else { return true }
    let value = text[text.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
    fields[text[..<colon].lowercased()] = String(value)
    return true
  }

  /// False once there is more than is read.
  mutating func take(body bytes: UnsafeRawBufferPointer) -> Bool {
    let room = Self.limit - body.count
    body.append(contentsOf: bytes.prefix(room))
    return bytes.count <= room
  }

  /// The same without the secrets that it repeats, before anything of it is read or cut.
  func redacted(by redaction: Redaction) -> HTTPResponse {
    var clean = self
    clean.reason = redaction.apply(reason)
    clean.fields = fields.mapValues { redaction.apply($0) }
    clean.body = redaction.apply(body)
    return clean
  }

  /// The body as JSON; nil if it is none.
  var json: JSON? {
    do throws(JSONProblem) { return try JSON(parsing: body) } catch { return nil }
  }

  /// How long the server asks to be left alone (RFC 9110 §10.2.3): seconds, or a date, which is measured against the
  /// server's own `Date`. At most a week; nil where there is nothing to go by.
  var retryAfter: Instant.Span? {
    guard let value = fields["retry-after"] else { return nil }
    if let seconds = Int64(value), seconds >= 0 { return .seconds(min(seconds, Self.longest)) }
    guard let then = HTTPDate.parse(value) else { return nil }
    return span(until: then)
  }

  /// From the server's `Date` to an instant; not negative.
  func span(until then: Instant) -> Instant.Span? {
    guard let date = fields["date"].flatMap(HTTPDate.parse) else { return nil }
    return .seconds(min(max(0, (then - date).secondsRoundedUp), Self.longest))
  }

  private static let longest: Int64 = 7 * 86_400
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7; of its three forms the one that servers may still write).
enum HTTPDate {
  static func parse(_ text: String) -> Instant? {
    let words = text.split(separator: " ")
    guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), let year = Int(words[3]),
      let month = months.firstIndex(of: String(words[2])),
      let date = CalendarDay(year: year, month: month + 1, day: day)
    else { return nil }
    let time = words[4].split(separator: ":").compactMap { Int64($0) }
    guard time.count == 3, (0..<24).contains(time[0]), (0..<60).contains(time[1]), (0...60).contains(time[2]) else {
      return nil
    }
    return Instant(seconds: Int64(date.number) * 86_400 + time[0] * 3600 + time[1] * 60 + time[2])
  }

  private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
}
