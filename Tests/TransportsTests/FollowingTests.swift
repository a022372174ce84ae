import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// An attempt whose opening goes out right behind the message before it (RFC 2920 §3.1).
@Suite struct FollowingTests {
  /// A server that has shown itself quick, with the message of 2 under way and 3 behind it.
  private final class Scene {
    let server: ScriptedSMTPServer
    let harness = Harness()
    let endpoint: Endpoint
    var connection: Connection? { harness.transport.connections.first }

    init(second: SMTPScript.Attempt = .init(), third: SMTPScript.Attempt = .init(), maxConnections: Int = 1) throws {
      server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(), second, third]))
      endpoint = .smtp(server.port, maxConnections: maxConnections)
      #expect(harness.send(.make(1, endpoint))?.ending == .reply(code: 250))
      harness.completesAtOnce = false
      harness.transport.begin(.make(2, endpoint))
      #expect(harness.run { harness.ready == [1, 2] })
      harness.transport.begin(.make(3, endpoint, to: "grace@example.org"))
    }

    /// Completes 2; 3's opening is then behind it.
    func completeSecond() {
      harness.completesAtOnce = true
      harness.transport.complete(2)
      harness.poll(milliseconds: 0)
    }
  }

  @Test func theNextOpeningFollowsAMessageAtOnce() throws {
    let scene = try Scene()
    scene.completeSecond()
    #expect(scene.harness.finish(2...3))
    #expect(scene.server.messages.map(\.to) == [["ada@example.org"], ["ada@example.org"], ["grace@example.org"]])
    #expect(scene.server.connections == 1)
    #expect(scene.harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) && $0.completed })
  }

  @Test func aServerThatTakesItsTimeIsNotAskedAhead() throws {
    let scene = try Scene(second: .init(message: .silence))
    scene.connection?.login.replyTime = Timeouts.quick
    scene.completeSecond()
    #expect(scene.connection?.next == nil)
  }

  @Test(arguments: [SMTPScript.Answer.hangUp, .replyAndHangUp("421 4.3.2 Closing")])
  func whatFollowedALostMessageGoesOutOnAnotherConnection(_ answer: SMTPScript.Answer) throws {
    let scene = try Scene(second: .init(message: answer))
    scene.completeSecond()
    #expect(scene.harness.finish(2...3))
    #expect(scene.harness.replies[2]?.completed == true)
    #expect(scene.harness.replies[3]?.ending == .reply(code: 250))
    #expect(scene.server.messages.filter { $0.to == ["grace@example.org"] }.count == 1)
    #expect(scene.server.connections == 2)
  }

  /// A receiver that hangs after the dot holds nobody else up.
  @Test func anotherConnectionTakesOverWhatHasWaitedForASecond() throws {
    let scene = try Scene(second: .init(message: .silence), maxConnections: 2)
    scene.completeSecond()
    #expect(scene.connection?.next?.job != nil)
    scene.harness.clock.advance(by: .seconds(1))
    #expect(scene.harness.finish([3]))
    #expect(scene.harness.replies[3]?.ending == .reply(code: 250))
    #expect(scene.harness.endings[2] == nil)
    #expect(scene.server.messages.filter { $0.to == ["grace@example.org"] }.count == 1)
    // Its answer comes after all: the connection has an opening without a message, and goes.
    scene.server.hangUpOnAll()
    #expect(scene.harness.finish([2]))
    #expect(scene.harness.replies[2]?.completed == true)
  }

  @Test func whatFollowsIsRefusedByItself() throws {
    let scene = try Scene(third: .init(rcpt: "550 5.1.1 No such user", data: "554 5.5.1 No valid recipients"))
    scene.completeSecond()
    #expect(scene.harness.finish(2...3))
    #expect(scene.harness.replies[2]?.ending == .reply(code: 250))
    #expect(scene.harness.replies[3]?.ending == .reply(code: 550))
    #expect(scene.harness.send(.make(4, scene.endpoint))?.ending == .reply(code: 250))
    #expect(scene.server.connections == 1)
  }

  @Test func aStopTakesWhatFollowsBackAndLetsTheMessageEnd() throws {
    let scene = try Scene()
    scene.completeSecond()
    guard scene.connection?.next != nil else { return }
    scene.harness.transport.drain()
    #expect(scene.harness.finish(2...3))
    #expect(scene.harness.replies[2]?.ending == .reply(code: 250))
    #expect(scene.harness.replies[3]?.ending == .connectionLost)
    #expect(scene.harness.replies[3]?.completed == false)
    #expect(scene.server.messages.count == 2)
  }

  @Test func aCancelledFollowerSendsNothing() throws {
    let scene = try Scene()
    scene.harness.transport.complete(2)
    scene.harness.poll(milliseconds: 0)
    scene.harness.transport.cancel(3)
    #expect(scene.harness.finish([2]))
    #expect(scene.harness.endings[3] == nil)
    scene.harness.completesAtOnce = true
    #expect(scene.harness.send(.make(4, scene.endpoint))?.ending == .reply(code: 250))
    #expect(scene.server.messages.filter { $0.to == ["grace@example.org"] }.isEmpty)
  }

  /// Only the message's own bytes say whether the server may have it.
  @Test func whatFollowsDoesNotMakeAMessageLookUnwritten() throws {
    let scene = try Scene(second: .init(message: .hangUp))
    scene.completeSecond()
    #expect(scene.harness.finish([2]))
    #expect(scene.harness.replies[2]?.ending == .connectionLost)
    #expect(scene.harness.replies[2]?.completed == true)
  }

  /// A connection that has carried messages may be closed by its server at any time.
  @Test(arguments: [SMTPScript.Answer.hangUp, .replyAndHangUp("421 4.4.2 Too many messages")])
  func anAttemptThatAUsedConnectionDidNotAnswerGoesToAnotherAndIsNoAttempt(_ answer: SMTPScript.Answer) throws {
    let server = try ScriptedSMTPServer(SMTPScript(attempts: [.init(), .init(mail: answer)]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(harness.endings == [1: 1, 2: 1])
    #expect(harness.ready == [1, 2])
    #expect(server.connections == 2)
  }

  @Test func aServerThatClosesEveryConnectionSoIsAFaultInTheEnd() throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(attempts: [.init(), .init(mail: .hangUp), .init(mail: .hangUp), .init(mail: .hangUp)]))
    let harness = Harness()
    #expect(harness.send(.make(1, .smtp(server.port)))?.ending == .reply(code: 250))
    #expect(harness.send(.make(2, .smtp(server.port)))?.ending == .connectionLost)
    #expect(harness.replies[2]?.completed == false)
  }

  @Test func whatIsNotReadyIsNotCompleted() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 5))
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(.make(1, .smtp(server.port)))
    harness.transport.complete(1)
    #expect(harness.run { harness.ready == [1] })
    for _ in 0..<5 { harness.poll() }
    #expect(server.messages.isEmpty)
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .reply(code: 250))
  }
}
