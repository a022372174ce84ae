import Foundation
import Model
import Synchronization
import TestSupport

/// The gateway of the newsletter on this machine: `POST /v1/send/{id}` with a bearer token and a JSON object of id, phone
/// and text. It keeps what it took, and when, and is as bad as it is told to be.
final class TextGateway: Sendable {
  struct Text: Sendable {
    var id: String
    var phone: String
    var text: String
    var at: Date
  }

  /// How it answers a request that is as it should be.
  enum Mood: String, Sendable, CaseIterable, CustomStringConvertible {
    case good, stalls, fails, talksNonsense, refusesToken, asksToComeAgain, refusesNumber, isDown
    var description: String { rawValue }
  }

  static let token = "gw-0123456789abcdef"

  let server: ScriptedHTTPServer
  private let log: Log
  /// What is no such request, in words.
  var complaints: [String] { log.complaints.withLock { $0 } }
  /// What it took, in that order.
  var taken: [Text] { log.taken.withLock { $0 } }
  /// All that it was asked, whatever it said to it.
  var asked: [Text] { log.asked.withLock { $0 } }

  private final class Log: Sendable {
    let taken = Mutex<[Text]>([])
    let asked = Mutex<[Text]>([])
    let complaints = Mutex<[String]>([])
  }

  /// - Parameter mood: by the number that a message is for.
  init(mood: @escaping @Sendable (String) -> Mood = { _ in .good }) throws {
    let log = Log()
    self.log = log
    server = try ScriptedHTTPServer { request in
      guard let text = Self.read(request) else {
        log.complaints.withLock { $0.append("\(request.method) \(request.target) \(request.fields) \(request.text)") }
        return .reply(400, body: #"{"error":"no such request"}"#)
      }
      log.asked.withLock { $0.append(text) }
      switch mood(text.phone) {
      case .good: break
      case .stalls: return .silence
      case .fails: return .reply(500, body: "oops")
      case .talksNonsense: return .raw("SMS/0.9 what?\r\n\r\n")
      case .refusesToken: return .reply(401, body: #"{"error":"unknown token"}"#)
      case .asksToComeAgain: return .reply(503)
      case .refusesNumber: return .reply(422, body: #"{"error":"no such number"}"#)
      case .isDown: return .hangUp
      }
      log.taken.withLock { $0.append(text) }
      return .reply(200, body: #"{"id":"gw-\#(text.id)"}"#)
    }
  }

  private static func read(_ request: ScriptedHTTPServer.Request) -> Text? {
    guard request.method == "POST", request.fields["authorization"] == "Bearer \(token)",
      request.fields["content-type"] == "application/json", let body = try? request.text.json,
      body.object?.map(\.key) == ["id", "phone", "text"], let id = body["id"]?.string,
      request.target == "/v1/send/\(id)", let phone = body["phone"]?.string, let text = body["text"]?.string
    else { return nil }
    return Text(id: id, phone: phone, text: text, at: Date())
  }
}
