import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// What the contract in Delivery says of attempts, against a server that behaves by script.
@Suite struct SMTPContractTests {
  @Test func aMessageArrivesAsItWasGiven() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    let reply = harness.send(.make(7, .smtp(server.port)))
    #expect(reply?.ending == .reply(code: 250))
    #expect(reply?.stage == .message)
    #expect(reply?.enhancedCode == "2.0.0")
    #expect(reply?.text == "Ok: queued as ABC123")
    #expect(reply?.providerID == "ABC123")
    #expect(reply?.completed == true)
    #expect(harness.ready == [7])
    #expect(server.messages.count == 1)
    #expect(server.messages.first?.text == OutgoingAttempt.text)
    #expect(server.messages.first?.from == "anna@example.com")
    #expect(server.messages.first?.to == ["ada@example.org"])
  }

  @Test func nothingOfTheMessageLeavesBeforeTheIntentIsOnDisk() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .smtp(server.port)))
    #expect(harness.run { harness.ready == [1] })
    for _ in 0..<5 { harness.poll() }
    #expect(server.messages.isEmpty)
    #expect(harness.replies.isEmpty)
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(server.messages.count == 1)
  }

  @Test(arguments: [true, false])
  func commandsArePipelinedOnlyWhereThatIsOffered(pipelining: Bool) throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: pipelining ? ["PIPELINING"] : ["SIZE 1000"]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port)))?.ending == .reply(code: 250))
    let mail = pipelining ? "MAIL FROM:<anna@example.com>" : "MAIL FROM:<anna@example.com> SIZE=49"
    #expect(server.transcripts == [["EHLO example.com", mail, "RCPT TO:<ada@example.org>", "DATA"]])
  }

  struct Refusal: Sendable, CustomTestStringConvertible {
    var stage: Reply.Stage
    var answer: String
    var pipelining: Bool
    var testDescription: String { "\(stage) \(answer) pipelining \(pipelining)" }

    static let all = [Reply.Stage.mail, .rcpt, .data, .message].flatMap { stage in
      [
        "451 4.7.1 Later please",
        "550 5.1.1 Not here\r\n550 5.1.1 at all"
          .replacing("550 5.1.1 Not", with: "550-5.1.1 Not"),
      ].flatMap { answer in
        [true, false].map { Refusal(stage: stage, answer: answer, pipelining: $0) }
      }
    }

    var attempt: SMTPScript.Attempt {
      var attempt = SMTPScript.Attempt()
      switch stage {
      case .mail:
        // As a real server answers what was pipelined after it.
        (attempt.mail, attempt.rcpt, attempt.data) = (.reply(answer), "503 5.5.1 MAIL first", "503 5.5.1 MAIL first")
      case .rcpt: (attempt.rcpt, attempt.data) = (.reply(answer), "554 5.5.1 No valid recipients")
      case .data: attempt.data = .reply(answer)
      case .message, .request: attempt.message = .reply(answer)
      }
      return attempt
    }
  }

  @Test(arguments: Refusal.all)
  func aRefusalEndsTheAttemptAndTheConnectionCarriesTheNext(refusal: Refusal) throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(
        capabilities: refusal.pipelining ? ["PIPELINING"] : [], attempts: [refusal.attempt, .init(), refusal.attempt]))
    let harness = Harness()
    for handle in 1...4 { harness.transport.begin(.make(handle, .smtp(server.port))) }
    #expect(harness.finish(1...4))
    for handle in [1, 3] {
      let reply = harness.replies[handle]
      #expect(reply?.stage == refusal.stage)
      #expect(reply?.completed == (refusal.stage == .message))
      if refusal.answer.hasPrefix("451") {
        #expect(reply?.ending == .reply(code: 451))
        #expect(reply?.enhancedCode == "4.7.1")
        #expect(reply?.text == "Later please")
      } else {
        #expect(reply?.ending == .reply(code: 550))
        #expect(reply?.enhancedCode == "5.1.1")
        #expect(reply?.text == "Not here at all")
      }
    }
    for handle in [2, 4] { #expect(harness.replies[handle]?.ending == .reply(code: 250)) }
    #expect(server.connections == 1)
    #expect(server.messages.count == (refusal.stage == .message ? 4 : 2))
  }

  @Test func aServerThatTakesDataWithoutARecipientGetsAnEmptyMessage() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [.init(rcpt: "550 5.1.1 Unknown", message: "554 5.5.1 No valid recipients")]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port)))
    #expect(reply?.stage == .rcpt)
    #expect(reply?.ending == .reply(code: 550))
    #expect(reply?.completed == false)
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(harness.ready == [2])
    #expect(server.messages.map(\.data.isEmpty) == [true, false])
    #expect(server.connections == 1)
  }

  @Test func aServerThatRefusesTheSenderAndTakesTheRestGetsNoEmptyMessage() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(mail: "550 5.7.1 Not you")]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port)))?.stage == .mail)
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(server.messages.count == 1)
    #expect(server.connections == 2)
  }

  @Test(arguments: ["mail", "rcpt", "data", "message"])
  func aGoodbyeEndsTheAttemptWithItsWordsAndTheConnection(stage: String) throws {
    let bye = SMTPScript.Answer.replyAndHangUp("421 4.3.2 Closing down")
    let attempt: SMTPScript.Attempt =
      switch stage {
      case "mail": .init(mail: bye)
      case "rcpt": .init(rcpt: bye)
      case "data": .init(data: bye)
      default: .init(message: bye)
      }
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [attempt]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port)))
    #expect(reply?.ending == .reply(code: 421))
    #expect(reply?.stage.rawValue == stage)
    #expect(reply?.enhancedCode == "4.3.2")
    #expect(reply?.completed == (stage == "message"))
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(server.connections == 2)
  }

  @Test func aGoodbyeWhileTheIntentIsWrittenEndsTheAttemptIncomplete() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [.init(data: .pieces(["354 Go\r\n", "421 4.4.2 Too slow\r\n"], pause: 30))]))
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .smtp(server.port)))
    #expect(harness.finish([1]))
    #expect(harness.ready == [1])
    #expect(harness.replies[1]?.ending == .reply(code: 421))
    #expect(harness.replies[1]?.completed == false)
    harness.transport.complete(1)
    for _ in 0..<3 { harness.poll() }
    #expect(harness.endings[1] == 1)
    #expect(server.messages.isEmpty)
  }

  @Test func aConnectionThatIsLostTellsWhetherTheDotHadLeft() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [
        .init(mail: .hangUp), .init(data: .hangUp), .init(data: .replyAndHangUp("354 Go")), .init(message: .hangUp),
      ]))
    let harness = Harness()
    let expected: [(Reply.Stage, Bool)] = [(.mail, false), (.data, false), (.data, false), (.message, true)]
    for (handle, (stage, completed)) in expected.enumerated() {
      harness.completesAtOnce = handle != 2
      let reply = harness.send(.make(handle, .smtp(server.port)))
      #expect(reply?.ending == .connectionLost)
      #expect(reply?.stage == stage)
      #expect(reply?.completed == completed)
    }
    #expect(server.messages.count == 1)
  }

  /// 64 MB does not fit into the socket buffers of loopback, so the dot cannot have left when the server hangs up.
  @Test func aConnectionLostAmidALargeMessageIsNotComplete() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(capabilities: ["PIPELINING"], attempts: [.init(amid: .replyAndHangUp("552 5.3.4 Too much"))]))
    let harness = Harness()
    let line = String(repeating: "0123456789", count: 7) + "\r\n"
    let reply = harness.send(
      .make(1, .smtp(server.port), message: String(repeating: line, count: 64 * 1024 * 1024 / 72)))
    #expect(reply?.stage == .message)
    #expect(reply?.completed == false)
    #expect(reply?.ending == .reply(code: 552) || reply?.ending == .connectionLost)
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
  }

  @Test(arguments: [
    (SMTPScript.Attempt(mail: .silence), Reply.Stage.mail, Instant.Span.minutes(5), false),
    (SMTPScript.Attempt(rcpt: .silence), .rcpt, .minutes(5), false),
    (SMTPScript.Attempt(data: .silence), .data, .minutes(2), false),
    (SMTPScript.Attempt(message: .silence), .message, .minutes(10), true),
  ])
  func silenceIsBorneAsLongAsRFC5321Asks(
    attempt: SMTPScript.Attempt, stage: Reply.Stage, limit: Instant.Span, completed: Bool
  ) throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [attempt]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port)))
    let connection = { harness.transport.connections.first }
    let state: Transaction.State =
      switch stage {
      case .mail: .mail
      case .rcpt: .rcpt
      case .data: .data
      case .message, .request: .message
      }
    #expect(harness.run { connection()?.transaction?.state == state && connection()?.isWritten == true })
    harness.clock.advance(by: Instant.Span(milliseconds: limit.milliseconds - 1))
    harness.poll()
    #expect(harness.replies.isEmpty)
    harness.clock.advance(by: Instant.Span(milliseconds: 1))
    harness.poll()
    #expect(harness.replies[1]?.ending == .timeout)
    #expect(harness.replies[1]?.stage == stage)
    #expect(harness.replies[1]?.completed == completed)
  }

  @Test func theEndpointsTimeoutReplacesTheLongOnes() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(message: .silence)]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, timeout: .seconds(20))))
    #expect(harness.run { harness.transport.connections.first?.transaction?.state == .message })
    harness.clock.advance(by: .seconds(20))
    harness.poll()
    #expect(harness.replies[1]?.ending == .timeout)
    #expect(harness.replies[1]?.completed == true)
  }

  @Test(arguments: [
    "hello there\r\n", "25\r\n", "250-one\r\n251 two\r\n", "999 what\r\n", "354 Go on\r\n", "150 Wait\r\n",
    "250_x\r\n", "\r\n",
  ])
  func whatIsNoReplyEndsTheConnection(nonsense: String) throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(mail: .pieces([nonsense], pause: 0))]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port)))
    #expect(reply?.ending == .connectionLost)
    #expect(reply?.completed == false)
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
  }

  @Test func nonsenseAfterTheDotLeavesTheAttemptComplete() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(message: "354 More"), .init(message: "ok")]))
    let harness = Harness()
    for handle in 1...2 {
      let reply = harness.send(.make(handle, .smtp(server.port)))
      #expect(reply?.ending == .connectionLost)
      #expect(reply?.completed == true)
    }
  }

  @Test func aReplyWithoutEndIsCutOff() throws {
    let flood = SMTPScript.Answer.pieces([String(repeating: "250-and so on and on\r\n", count: 3300)], pause: 0)
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(mail: flood)]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port)))
    #expect(reply?.ending == .connectionLost)
    #expect(reply?.text.contains("64 KiB") == true)
  }

  @Test func aReplyInManyPiecesIsOneReply() throws {
    let text = "250-2.0.0 Thank you\r\n250-2.0.0 very\r\n250 2.0.0 much\r\n"
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [.init(message: .pieces(text.map { $0 == "\r\n" ? "\r\n" : String($0) }, pause: 1))]))
    let harness = Harness()
    let reply = harness.send(.make(1, .smtp(server.port)))
    #expect(reply?.ending == .reply(code: 250))
    #expect(reply?.text == "Thank you very much")
  }
}
