import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// What an attempt needs and a server offers, and what must never reach a server.
@Suite struct CapabilityTests {
  @Test func eightBitMessagesAreAnnounced() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    let attempt = OutgoingAttempt.make(1, .smtp(server.port), message: "Subject: x\r\n\r\nGrüße\r\n")
    #expect(harness.send(attempt)?.ending == .reply(code: 250))
    #expect(server.transcripts[0][1] == "MAIL FROM:<anna@example.com> SIZE=23 BODY=8BITMIME")
    #expect(server.messages[0].text == "Subject: x\r\n\r\nGrüße\r\n")
  }

  @Test func aLocalPartOutsideASCIIIsSentWithSMTPUTF8() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", "SMTPUTF8", "8BITMIME"]))
    let harness = Harness()
    let attempt = OutgoingAttempt.make(1, .smtp(server.port), to: "jürgen@example.org", needsSMTPUTF8: true)
    #expect(harness.send(attempt)?.ending == .reply(code: 250))
    #expect(server.transcripts[0][1...2] == ["MAIL FROM:<anna@example.com> SMTPUTF8", "RCPT TO:<jürgen@example.org>"])
  }

  @Test(arguments: [true, false])
  func whatTheServerDoesNotOfferIsNotTried(flagged: Bool) throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", "SIZE 100"]))
    let harness = Harness()
    let eight = harness.send(
      .make(1, .smtp(server.port), to: flagged ? "ada@example.org" : "jürgen@example.org", needsSMTPUTF8: flagged))
    #expect(eight?.ending == .unsupported)
    #expect(eight?.text.contains("SMTPUTF8") == true)
    let large = harness.send(.make(2, .smtp(server.port), message: String(repeating: "0123456\r\n", count: 12)))
    #expect(large?.ending == .unsupported)
    #expect(large?.text == "the message has 108 octets and the server takes at most 100")
    let bits = harness.send(.make(3, .smtp(server.port), message: "é\r\n"))
    #expect(bits?.ending == .unsupported)
    #expect(harness.send(.make(4, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(server.transcripts.count == 1)
    #expect(server.transcripts[0].count { $0.hasPrefix("MAIL") } == 1)
  }

  @Test(arguments: [
    "ada@example.org>\r\nRCPT TO:<eve@example.org", "ada@example.org\r\nDATA", "ada\u{0}@example.org",
    "a da@example.org", "<ada@example.org>", "", "ada@example.org\n",
  ])
  func anAddressThatCouldBreakOutIsNeverWritten(address: String) throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port), to: address))?.ending == .unsupported)
    #expect(harness.send(.make(2, .smtp(server.port), from: address))?.ending == .unsupported)
    #expect(harness.send(.make(3, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(server.messages.map(\.to) == [["ada@example.org"]])
  }

  @Test(arguments: ["a\r\nb\n.\nMAIL", "a\r\n.\rb\r\n", "a\n", "\r", "\n", "a\r\r\n"])
  func aMessageWithBareLineBreaksIsNeverWritten(message: String) throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port), message: message))?.ending == .unsupported)
    #expect(server.connections == 0)
  }

  @Test func textMessagesDoNotGoThroughSMTP() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port), to: "+491701234567", channel: .sms))?.ending == .unsupported)
  }

  @Test(arguments: [
    "", ".", "..", "\r\n", ".\r\n", ".\r\n.\r\n", "a", "a\r\n.", "a\r\n..\r\nb", "\r\n.\r\n\r\n.x\r\n",
  ])
  func dotsArriveAsTheyWere(message: String) throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port), message: message))?.ending == .reply(code: 250))
    #expect(harness.send(.make(2, .smtp(server.port), message: message))?.ending == .reply(code: 250))
    let ended = message.isEmpty || message.hasSuffix("\r\n") ? message : message + "\r\n"
    #expect(server.messages.map(\.text) == [ended, ended])
  }
}
