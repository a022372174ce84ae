import Foundation
import Model
import Synchronization
import TestSupport

/// Mailgun, Amazon SES and SendGrid on this machine: what the announcement's chain asks of each, checked as the service
/// would, and what it took.
final class MailServices: Sendable {
  enum Service: String, Sendable, CaseIterable { case mailgun, ses, sendgrid }

  struct Mail: Sendable {
    var service: Service
    var id: String
    var to: String
    /// The message, or of SendGrid the JSON that it is made of.
    var content: String
  }

  enum Answer: Sendable {
    case accepts
    /// A sandbox that may write to others, but not to this one.
    case isSandbox
    /// The account may not send this at all.
    case refuses
    case asksToComeAgain
  }

  static let environment = [
    "MAILGUN_KEY": "key-mg-0123456789", "AWS_KEY": "AKIDEXAMPLE000000001", "AWS_SECRET": "aws-secret-0123456789",
    "SENDGRID_KEY": "SG.0123456789abcdef",
  ]

  private let servers: [Service: ScriptedHTTPServer]
  private let log: Log
  var taken: [Mail] { log.taken.withLock { $0 } }
  var asked: [Mail] { log.asked.withLock { $0 } }
  /// Requests that the service would not understand, in words.
  var complaints: [String] { log.complaints.withLock { $0 } }

  private final class Log: Sendable {
    let taken = Mutex<[Mail]>([])
    let asked = Mutex<[Mail]>([])
    let complaints = Mutex<[String]>([])
  }

  /// - Parameter answer: by service and recipient.
  init(_ answer: @escaping @Sendable (Service, String) -> Answer = { _, _ in .accepts }) throws {
    let log = Log()
    self.log = log
    var servers: [Service: ScriptedHTTPServer] = [:]
    for service in Service.allCases {
      servers[service] = try ScriptedHTTPServer { request in
        guard let mail = Self.read(request, service) else {
          log.complaints.withLock { $0.append("\(service): \(request.method) \(request.target) \(request.text)") }
          return .reply(400, body: #"{"message":"no such request"}"#)
        }
        log.asked.withLock { $0.append(mail) }
        let answer = answer(service, mail.to)
        if answer == .accepts { log.taken.withLock { $0.append(mail) } }
        return Self.reply(answer, service, mail)
      }
    }
    self.servers = servers
  }

  /// `data/providers.yaml` with the real entries of all three.
  func providers() throws -> String {
    func base(_ service: Service) -> String { "base_url: \"http://127.0.0.1:\(servers[service]?.port ?? 0)\"" }
    return try ShippedProject.providers(
      real: Service.allCases.map(\.rawValue),
      Service.allCases.map { ("type: \($0.rawValue),", "type: \($0.rawValue), \(base($0)), ") })
  }

  /// Nobody listens any more.
  func stop() { for server in servers.values { server.stop() } }

  private static func read(_ request: ScriptedHTTPServer.Request, _ service: Service) -> Mail? {
    let authorization = request.fields["authorization"] ?? ""
    guard request.method == "POST" else { return nil }
    switch service {
    case .mailgun:
      let login = Data("api:\(environment["MAILGUN_KEY"] ?? "")".utf8).base64EncodedString()
      guard request.target == "/v3/mg.northwind.example/messages.mime", authorization == "Basic \(login)",
        let boundary = request.fields["content-type"]?.components(separatedBy: "boundary=").last
      else { return nil }
      var parts: [String: String] = [:]
      for part in request.text.components(separatedBy: "--\(boundary)\r\n").dropFirst() {
        let halves = part.components(separatedBy: "\r\n\r\n")
        let name = halves[0].components(separatedBy: "name=\"").dropFirst().first?.components(separatedBy: "\"").first
        parts[name ?? ""] = halves.dropFirst().joined(separator: "\r\n\r\n")
      }
      guard let to = parts["to"], let id = parts["v:send_id"], let message = parts["message"] else { return nil }
      return Mail(service: service, id: trimmed(id), to: trimmed(to), content: message)
    case .ses:
      guard request.target == "/v2/email/outbound-emails", let body = try? request.text.json,
        authorization.hasPrefix("AWS4-HMAC-SHA256 Credential=\(environment["AWS_KEY"] ?? "")/"),
        authorization.contains("/eu-central-1/ses/aws4_request"),
        let to = body["Destination"]?["ToAddresses"]?.array?.first?.string,
        let id = body["EmailTags"]?.array?.first?["Value"]?.string,
        let data = (body["Content"]?["Raw"]?["Data"]?.string).flatMap({ Data(base64Encoded: $0) })
      else { return nil }
      return Mail(service: service, id: id, to: to, content: String(decoding: data, as: UTF8.self))
    case .sendgrid:
      guard request.target == "/v3/mail/send", let body = try? request.text.json,
        authorization == "Bearer \(environment["SENDGRID_KEY"] ?? "")",
        let to = body["personalizations"]?.array?.first?["to"]?.array?.first?["email"]?.string,
        let id = body["custom_args"]?["send_id"]?.string
      else { return nil }
      return Mail(service: service, id: id, to: to, content: request.text)
    }
  }

  private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }

  private static func reply(_ answer: Answer, _ service: Service, _ mail: Mail) -> HTTPAnswer {
    switch (answer, service) {
    case (.accepts, .mailgun):
      .reply(200, body: #"{"id":"<\#(mail.id)@mg.northwind.example>","message":"Queued. Thank you."}"#)
    case (.accepts, .ses): .reply(200, body: #"{"MessageId":"0100018-\#(mail.id)"}"#)
    case (.accepts, .sendgrid): .reply(202, fields: ["X-Message-Id": "sg-\(mail.id)"])
    case (.isSandbox, .ses):
      .reply(
        400, fields: ["x-amzn-ErrorType": "MessageRejected"],
        body: #"{"message":"Email address is not verified: \#(mail.to)"}"#)
    case (.isSandbox, _):
      .reply(403, body: #"{"message":"A sandbox is for tests; add the address to authorized recipients."}"#)
    case (.refuses, .ses):
      .reply(400, fields: ["x-amzn-ErrorType": "MailFromDomainNotVerifiedException"], body: #"{"message":"no"}"#)
    case (.refuses, .mailgun): .reply(400, body: #"{"message":"from parameter is not allowed"}"#)
    case (.refuses, .sendgrid):
      .reply(400, body: #"{"errors":[{"message":"does not match a verified sender","field":"from"}]}"#)
    case (.asksToComeAgain, _): .reply(503)
    }
  }
}
