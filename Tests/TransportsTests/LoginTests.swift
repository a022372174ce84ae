import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// Logging in: the mechanisms, and what is said of a refusal.
@Suite struct LoginTests {
  @Test(arguments: [
    ("AUTH PLAIN LOGIN", ["AUTH PLAIN AGFubmEAczNjcmV0LXdvcmQ="]),
    ("AUTH LOGIN", ["AUTH LOGIN YW5uYQ==", "czNjcmV0LXdvcmQ="]),
    (
      "AUTH CRAM-MD5 LOGIN PLAIN",
      // RFC 2195's challenge, keyed with the password: computed with Python's hmac.
      ["AUTH CRAM-MD5", "YW5uYSBlMjU3NDkyM2U4YTU2YWJkYzY3NDgzNTk5MjA2ZGU5MA=="]
    ),
  ])
  func userNameAndPasswordAreGivenByTheMechanismThatIsOffered(offer: String, said: [String]) throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", offer]))
    let harness = Harness()
    let endpoint = Endpoint.smtp(server.port, username: "anna", password: "s3cret-word")
    #expect(harness.send(.make(1, endpoint))?.ending == .reply(code: 250))
    #expect(Array(server.transcripts[0][1...said.count]) == said)
  }

  @Test(arguments: ["AUTH XOAUTH2 PLAIN", "AUTH PLAIN LOGIN OAUTHBEARER XOAUTH2"])
  func aTokenIsGivenByXOAUTH2(offer: String) throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", offer]))
    let harness = Harness()
    let endpoint = Endpoint.smtp(server.port, username: "anna@example.com", token: "ya29.token-value")
    #expect(harness.send(.make(1, endpoint))?.ending == .reply(code: 250))
    let expected = Data("user=anna@example.com\u{1}auth=Bearer ya29.token-value\u{1}\u{1}".utf8).base64EncodedString()
    #expect(server.transcripts[0][1] == "AUTH XOAUTH2 \(expected)")
  }

  @Test(arguments: [
    ("AUTH PLAIN", SMTPScript.Answer.reply("535-5.7.8 Username and Password not accepted.\r\n535 5.7.8 See help"), ""),
    ("AUTH LOGIN", "535 5.7.8 Not accepted: s3cret-word", ""),
    ("AUTH CRAM-MD5", "535 5.7.8 Not accepted", ""),
    ("AUTH XOAUTH2", .reply("334 eyJzdGF0dXMiOiI0MDEifQ=="), "token"),
    ("AUTH XOAUTH2", "535 5.7.8 Not accepted", "token"),
    ("AUTH PLAIN", "454 4.7.0 Temporary authentication failure", ""),
  ])
  func aRefusedLoginIsToldInTheServersWordsAndWithoutTheSecret(
    offer: String, answer: SMTPScript.Answer, token: String
  ) throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: [offer], login: answer))
    let harness = Harness()
    for handle in 1...3 {
      harness.transport.begin(
        .make(
          handle,
          .smtp(
            server.port, username: "anna", password: token.isEmpty ? "s3cret-word" : nil,
            token: token.isEmpty ? nil : "s3cret-word", maxConnections: 3)))
    }
    #expect(harness.finish(1...3))
    #expect(harness.unavailable.map(\.returned) == [[1, 2, 3]])
    let why = harness.unavailable.first?.1
    #expect(why?.cause == .credentials)
    #expect(why?.text.contains("s3cret-word") == false)
    #expect(harness.unavailable.first?.login == "test anna@127.0.0.1:\(server.port)")
    #expect(why?.text.contains("127.0.0.1:\(server.port)") == false)
    // One look at a wrong password, not one a connection.
    #expect(server.connections == 1)
    if case .reply(let text) = answer, text.hasPrefix("535-") {
      #expect(why?.text.hasSuffix("535 5.7.8 Username and Password not accepted. See help") == true)
    }
  }

  @Test func aServerThatWantsNoLoginIsNotGivenOne() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING"]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, username: "anna", password: "s3cret-word")))
    #expect(harness.finish([1]))
    // Credentials were asked for by the operator: mail that leaves without them is not what was meant.
    #expect(harness.unavailable.first?.1.cause == .credentials)
    #expect(server.messages.isEmpty)
  }

  @Test func aSecretNeverPrints() {
    let endpoint = Endpoint.smtp(587, username: "anna", password: "s3cret-word")
    var text = ""
    dump(endpoint, to: &text)
    #expect(!"\(endpoint) \(text)".contains("s3cret"))
    #expect(text.contains("anna"))
  }
}
