import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// How connections are opened, shared, kept and given up.
@Suite struct ConnectionTests {
  /// The caller was at something else - a disk, a large file - while the reply lay there.
  @Test func aReplyThatCameInTimeIsReadHoweverLateAnybodyLooks() throws {
    let (harness, server) = (Harness(), try ScriptedSMTPServer())
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .smtp(server.port, timeout: .seconds(2))))
    #expect(harness.run { harness.ready == [1] })
    harness.transport.complete(1)
    harness.poll(milliseconds: 0)
    // Nobody looks while the server takes the message and writes its reply.
    let connection = try #require(harness.transport.connections.first)
    var socket = pollfd(fd: connection.link.socket, events: Int16(POLLIN), revents: 0)
    // Unless it was so quick that the look above has it.
    #expect(harness.replies[1] != nil || Foundation.poll(&socket, 1, 120_000) == 1)
    harness.clock.advance(by: .seconds(60))
    harness.poll(milliseconds: 0)
    #expect(harness.replies[1]?.ending == .reply(code: 250), "\(String(describing: harness.replies[1]))")
  }

  @Test func aConnectionIsKeptForMessagesPerConnectionAndThenMadeAnew() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    for handle in 0..<25 { harness.transport.begin(.make(handle, .smtp(server.port, messagesPerConnection: 10))) }
    #expect(harness.finish(0..<25))
    #expect(server.messages.count == 25)
    #expect(server.connections == 3)
    #expect(server.mostConnections == 1)
    #expect(server.transcripts.map { lines in lines.count { $0.hasPrefix("MAIL") } } == [10, 10, 5])
    #expect(server.transcripts[0].last == "QUIT")
  }

  @Test func aLoginHasAtMostItsConnections() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 2))
    let harness = Harness()
    for handle in 0..<60 {
      harness.transport.begin(.make(handle, .smtp(server.port, maxConnections: 4, messagesPerConnection: 7)))
    }
    #expect(harness.finish(0..<60))
    #expect(server.messages.count == 60)
    #expect(server.mostConnections == 4)
  }

  @Test func moreAttemptsThanOneServerAnswersAtATimeAllEndOnce() throws {
    let servers = try (0..<3).map { _ in try ScriptedSMTPServer() }
    let harness = Harness()
    for handle in 0..<300 {
      harness.transport.begin(.make(handle, .smtp(servers[handle % 3].port, maxConnections: 8)))
    }
    #expect(harness.finish(0..<300))
    #expect(servers.map { $0.messages.count } == [100, 100, 100])
    #expect(Set(servers.flatMap { $0.messages.map(\.from) }) == ["anna@example.com"])
  }

  @Test func anIdleConnectionIsClosedAfterThirtySecondsWithAGoodbye() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port))) != nil)
    harness.clock.advance(by: .seconds(29))
    harness.poll()
    #expect(harness.transport.connections.map(\.phase) == [.idle])
    harness.clock.advance(by: .seconds(1))
    #expect(harness.run { harness.transport.connections.isEmpty })
    #expect(server.transcripts[0].last == "QUIT")
  }

  @Test(arguments: [SMTPScript.Answer.hangUp, .replyAndHangUp("421 4.4.2 Idle too long"), "250 Surprise"])
  func anIdleConnectionThatTheServerHasClosedIsNotUsed(after: SMTPScript.Answer) throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(after: after)]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(harness.run { harness.transport.connections.isEmpty })
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(server.connections == 2)
  }

  @Test func nobodyListeningGivesBackAllThatWaited() {
    let port = LoopbackPort.free()
    let harness = Harness()
    for handle in 1...5 { harness.transport.begin(.make(handle, .smtp(port, maxConnections: 3))) }
    #expect(harness.finish(1...5))
    #expect(harness.unavailable.count == 1)
    #expect(harness.unavailable.first?.login == "test @127.0.0.1:\(port)")
    #expect(harness.unavailable.first?.1.cause == .connection)
    // The login's name has host and port, and stands before the text.
    #expect(harness.unavailable.first?.1.text.hasPrefix("no connection (") == true, "\(harness.unavailable)")
    #expect(harness.unavailable.first?.1.text.lowercased().contains("refused") == true)
    #expect(harness.unavailable.first?.returned == [1, 2, 3, 4, 5])
    #expect(harness.replies.isEmpty)
  }

  @Test func aHostThatDoesNotExistIsNamed() {
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(25, host: "no-such-host.invalid")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .connection)
    #expect(harness.unavailable.first?.login.contains("no-such-host.invalid:25") == true)
    #expect(harness.unavailable.first?.1.text.hasPrefix("no such host name") == true)
  }

  @Test(arguments: [
    ("554 5.7.1 Blocked", Unavailability.Cause.greeting, "5.7.1 Blocked"),
    ("421 4.7.0 Too many connections", .greeting, "421 4.7.0 Too many connections"),
    ("SSH-2.0-OpenSSH_9.2", .greeting, "does not speak SMTP"),
  ])
  func aGreetingThatIsNoWelcomeIsToldInItsWords(
    greeting: String, cause: Unavailability.Cause, text: String
  ) throws {
    let server = try ScriptedSMTPServer(SMTPScript(greetings: [.reply(greeting)]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == cause)
    #expect(harness.unavailable.first?.1.text.contains(text) == true)
  }

  @Test func aServerThatNeverGreetsIsGivenUpAfterFiveMinutes() throws {
    let server = try ScriptedSMTPServer(SMTPScript(greetings: [.silence]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port)))
    #expect(harness.run { server.connections == 1 })
    harness.clock.advance(by: Instant.Span(milliseconds: 299_999))
    harness.poll()
    #expect(harness.unavailable.isEmpty)
    harness.clock.advance(by: Instant.Span(milliseconds: 1))
    harness.poll()
    #expect(harness.unavailable.first?.1.cause == .connection)
    #expect(harness.unavailable.first?.1.text.contains("did not answer in time") == true)
  }

  /// libcurl waits for the answer to its own QUIT inside its loop; a server that refuses and then says nothing would
  /// hold up every other connection.
  @Test func aServerThatRefusesAndFallsSilentHoldsUpNobody() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(capabilities: ["AUTH PLAIN"], login: "535 5.7.8 Wrong", quit: .silence))
    let harness = Harness()
    let start = MonotonicTime.now()
    harness.transport.begin(.make(1, .smtp(server.port, username: "anna", password: "wrong-one")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .credentials)
    #expect((MonotonicTime.now() - start) < .seconds(2))
  }

  @Test func aRefusedConnectionLeavesTheAttemptsToThoseThatLive() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(greetings: ["220 one", "421 4.7.0 One is enough for you"], latency: 1))
    let harness = Harness()
    for handle in 0..<40 { harness.transport.begin(.make(handle, .smtp(server.port, maxConnections: 3))) }
    #expect(harness.finish(0..<40))
    #expect(harness.unavailable.isEmpty)
    #expect(server.messages.count == 40)
  }

  @Test func afterAFailureTheSameLoginIsTriedAgain() throws {
    let server = try ScriptedSMTPServer(SMTPScript(greetings: ["421 Not yet", "220 Now"]))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.count == 1)
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
  }

  @Test func drainingEndsWhatIsNotCompletedAndLetsTheRestFinish() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.completesAtOnce = false
    for handle in 1...4 { harness.transport.begin(.make(handle, .smtp(server.port, maxConnections: 2))) }
    #expect(harness.run { harness.ready.count == 2 })
    harness.transport.complete(harness.ready[0])
    harness.transport.drain()
    harness.transport.begin(.make(5, .smtp(server.port)))
    #expect(harness.finish(1...5))
    #expect(harness.replies[harness.ready[0]]?.ending == .reply(code: 250))
    for handle in 1...5 where handle != harness.ready[0] {
      #expect(harness.replies[handle]?.ending == .connectionLost)
      #expect(harness.replies[handle]?.completed == false)
    }
    #expect(server.messages.count == 1)
    #expect(harness.run { harness.transport.connections.isEmpty })
  }

  @Test func closingSaysGoodbyeOnIdleConnectionsAndTellsNothing() throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(), .init(message: .silence)]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port))) != nil)
    harness.transport.close()
    #expect(harness.transport.poll(milliseconds: 0).isEmpty)
    let again = Harness()
    again.transport.begin(.make(2, .smtp(server.port)))
    #expect(again.run { again.ready == [2] && server.messages.count == 2 })
    again.transport.close()
    #expect(again.transport.poll(milliseconds: 0).isEmpty)
    #expect(harness.run { server.openConnections == 0 })
    #expect(server.transcripts[0].last == "QUIT")
    #expect(server.transcripts[1].last == "DATA")
  }

  @Test func aHandleInFlightIsNotTakenTwice() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .smtp(server.port)))
    harness.transport.begin(.make(1, .smtp(server.port)))
    harness.poll()
    #expect(harness.replies[1]?.ending == .unsupported)
  }
}
