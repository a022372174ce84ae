import Model
import Testing

@testable import Delivery

struct ReplyPolicyTests {
  struct Row: Sendable, CustomStringConvertible {
    var stage: Reply.Stage
    var code: Int
    var enhanced: String?
    var verdict: Verdict
    init(_ stage: Reply.Stage, _ code: Int, _ enhanced: String?, _ verdict: Verdict) {
      self.stage = stage
      self.code = code
      self.enhanced = enhanced
      self.verdict = verdict
    }
    var description: String { "\(code) \(enhanced ?? "-") at \(stage.rawValue)" }
  }

  static let rows: [Row] = [
    Row(.message, 250, "2.0.0", .accepted), Row(.message, 250, nil, .accepted),
    // Out of step: a positive reply where nothing was complete, and one that answers nothing.
    Row(.mail, 250, nil, .failOver(isFinal: false)), Row(.data, 354, nil, .failOver(isFinal: false)),
    Row(.message, 354, nil, .inDoubt), Row(.message, 199, nil, .inDoubt),
    Row(.rcpt, 700, nil, .failOver(isFinal: false)),
    // The service closes (421), is throttled (SES: 454 after DATA), wants other credentials: not the recipient's doing.
    Row(.mail, 421, nil, .failOver(isFinal: false)), Row(.rcpt, 421, "4.7.0", .failOver(isFinal: false)),
    Row(.data, 421, nil, .failOver(isFinal: false)), Row(.message, 421, "4.3.0", .failOver(isFinal: false)),
    Row(.data, 454, nil, .failOver(isFinal: false)), Row(.message, 454, "4.7.0", .failOver(isFinal: false)),
    Row(.mail, 530, "5.7.0", .failOver(isFinal: false)), Row(.mail, 535, "5.7.8", .failOver(isFinal: false)),
    Row(.rcpt, 530, nil, .failOver(isFinal: false)), Row(.mail, 534, "5.7.9", .failOver(isFinal: false)),
    Row(.mail, 538, nil, .failOver(isFinal: false)),
    // Greylisting and full mailboxes wait and go back to the same provider.
    Row(.rcpt, 450, nil, .later), Row(.rcpt, 451, "4.7.1", .later), Row(.rcpt, 450, "4.2.0", .later),
    Row(.rcpt, 452, "4.2.2", .later), Row(.message, 452, "4.2.2", .later), Row(.rcpt, 552, "5.2.2", .later),
    Row(.message, 552, "5.2.2", .later), Row(.message, 451, nil, .later), Row(.rcpt, 452, "4.5.3", .later),
    // Too many recipients for one transaction (RFC 5321 §4.5.3.1.10).
    Row(.rcpt, 552, nil, .later), Row(.rcpt, 552, "5.5.3", .later),
    // Before a recipient was named, and by policy or the system: the sender's or the provider's.
    Row(.mail, 451, nil, .failOver(isFinal: false)), Row(.mail, 452, "4.3.1", .failOver(isFinal: false)),
    Row(.mail, 451, "4.1.8", .failOver(isFinal: false)), Row(.mail, 452, "4.2.2", .failOver(isFinal: false)),
    Row(.message, 451, "4.7.1", .failOver(isFinal: false)), Row(.message, 451, "4.3.0", .failOver(isFinal: false)),
    Row(.mail, 550, nil, .failOver(isFinal: true)), Row(.mail, 550, "5.1.1", .failOver(isFinal: true)),
    Row(.mail, 552, "5.2.2", .failOver(isFinal: true)), Row(.mail, 553, "5.1.8", .failOver(isFinal: true)),
    Row(.mail, 552, "5.3.4", .failOver(isFinal: true)),
    Row(.rcpt, 550, "5.7.1", .failOver(isFinal: true)), Row(.message, 550, "5.7.26", .failOver(isFinal: true)),
    Row(.message, 550, "5.7.515", .failOver(isFinal: true)), Row(.message, 552, "5.3.4", .failOver(isFinal: true)),
    Row(.rcpt, 550, "5.4.1", .failOver(isFinal: true)), Row(.rcpt, 550, "5.1.7", .failOver(isFinal: true)),
    Row(.rcpt, 553, "5.1.8", .failOver(isFinal: true)),
    // The recipient's own: bounces.
    Row(.rcpt, 550, "5.1.1", .refused(isBounce: true)), Row(.rcpt, 550, nil, .refused(isBounce: true)),
    Row(.rcpt, 551, nil, .refused(isBounce: true)), Row(.rcpt, 553, nil, .refused(isBounce: true)),
    Row(.rcpt, 550, "5.2.1", .refused(isBounce: true)), Row(.rcpt, 556, "5.1.10", .refused(isBounce: true)),
    Row(.message, 550, "5.1.1", .refused(isBounce: true)),
    // Final, and no fault of the address: the message is too long for it, the content, the protocol.
    Row(.message, 552, "5.2.3", .refused(isBounce: false)), Row(.message, 554, nil, .refused(isBounce: false)),
    Row(.message, 554, "5.6.0", .refused(isBounce: false)), Row(.rcpt, 501, "5.5.4", .refused(isBounce: false)),
    Row(.rcpt, 554, nil, .refused(isBounce: false)), Row(.data, 503, "5.5.1", .refused(isBounce: false)),
    Row(.data, 554, nil, .refused(isBounce: false)), Row(.message, 552, nil, .refused(isBounce: false)),
    // An enhanced code of another class is a mistake, and no code at all is passed over.
    Row(.message, 550, "4.2.2", .refused(isBounce: false)), Row(.rcpt, 450, "5.1.1", .later),
    Row(.message, 554, "5.x", .refused(isBounce: false)), Row(.message, 554, "", .refused(isBounce: false)),
  ]

  @Test(arguments: rows) func aReplyIsSortedByCodeAndEnhancedCode(_ row: Row) {
    #expect(Verdict(.code(row.code, row.stage, row.enhanced), from: nil) == row.verdict)
  }

  @Test func aYesBeforeTheMessageWasWholeIsNoAcceptance() {
    let early = Reply(stage: .message, ending: .reply(code: 250), text: "ok", completed: false)
    #expect(Verdict(early, from: nil) == .failOver(isFinal: false))
  }

  @Test(arguments: [Reply.Ending.connectionLost, .timeout])
  func silenceAfterTheDotIsInDoubtAndBeforeItIsNot(_ ending: Reply.Ending) {
    for stage in [Reply.Stage.mail, .rcpt, .data, .message] {
      #expect(
        Verdict(Reply(stage: stage, ending: ending, text: "", completed: false), from: nil) == .failOver(isFinal: false)
      )
    }
    #expect(Verdict(Reply(stage: .message, ending: ending, text: "", completed: true), from: nil) == .inDoubt)
  }

  /// Amazon's words, without an enhanced code.
  @Test func aSandboxThatRefusesUnverifiedRecipientsIsTheProvidersFault() {
    let text = "Message rejected: Email address is not verified. The following identities failed the check: ada"
    let reply = Reply(stage: .message, ending: .reply(code: 554), text: text, completed: true)
    #expect(Verdict(reply, from: nil) == .failOver(isFinal: true))
  }

  /// Mailgun's words come with 403, which would otherwise be the login's fault, and in older days with 400.
  @Test(arguments: [400, 401, 403]) func soIsAMailgunSandboxThatWritesToThoseOnItsListAlone(_ code: Int) {
    let service = Endpoint.Kind.http(
      Endpoint.HTTP(.mailgun(domain: "sandbox1.mailgun.org", key: Secret("key-1")), url: "http://127.0.0.1:1"))
    let text = "Sandbox subdomains are for test purposes only. Please add the address to authorized recipients."
    let reply = Reply(stage: .request, ending: .reply(code: code), text: text, completed: true)
    #expect(Verdict(reply, from: service) == .failOver(isFinal: true) && reply.trouble(from: service) == nil)
    let other = Reply(stage: .request, ending: .reply(code: 403), text: "Forbidden", completed: true)
    #expect(Verdict(other, from: service) == .failOver(isFinal: false) && other.trouble(from: service) == .credentials)
  }

  @Test func aMessageThatAProviderCannotCarryGoesToTheNext() {
    let reply = Reply(stage: .mail, ending: .unsupported, text: "no SMTPUTF8", completed: false)
    #expect(Verdict(reply, from: nil) == .failOver(isFinal: true))
  }
}
