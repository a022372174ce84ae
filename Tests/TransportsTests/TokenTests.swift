import Delivery
import Foundation
import Model
import Synchronization
import TestSupport
import Testing

@testable import Transports

/// Access tokens live for an hour, and a night's run outlives them.
@Suite struct TokenTests {
  /// Gives tokens in turn, the last again and again, and counts how often it was asked.
  private final class Source: Sendable {
    private let state: Mutex<(asked: Int, tokens: [String])>
    init(_ tokens: String...) { state = Mutex((0, tokens)) }
    var asked: Int { state.withLock { $0.asked } }

    func next() throws -> Secret {
      try state.withLock { state in
        state.asked += 1
        guard let token = state.tokens.first else { throw Endpoints.Problem("the command get-token failed") }
        if state.tokens.count > 1 { state.tokens.removeFirst() }
        return Secret(token)
      }
    }
  }

  private static let refusal = SMTPScript.Answer.reply("535 5.7.8 Token has expired")

  private func server(_ logins: [SMTPScript.Answer], attempts: [SMTPScript.Attempt] = []) throws -> ScriptedSMTPServer {
    try ScriptedSMTPServer(
      SMTPScript(capabilities: ["PIPELINING", "AUTH XOAUTH2"], logins: logins, attempts: attempts))
  }

  private func endpoint(_ server: ScriptedSMTPServer, _ source: Source, messages: Int = 100) -> Endpoint {
    .smtp(
      server.port, username: "anna", token: "token-0", renewToken: { try source.next() },
      messagesPerConnection: messages)
  }

  /// The tokens that a server was shown, in turn.
  private func shown(_ server: ScriptedSMTPServer) -> [String] {
    server.transcripts.joined().compactMap { line in
      guard line.hasPrefix("AUTH XOAUTH2 "), let data = Data(base64Encoded: String(line.dropFirst(13))) else {
        return nil
      }
      return String(decoding: data, as: UTF8.self).split(separator: "\u{1}")
        .first { $0.hasPrefix("auth=") }.map { String($0.dropFirst(12)) }
    }
  }

  @Test(arguments: [refusal, .reply("334 eyJzdGF0dXMiOiI0MDEifQ==")])
  func aRefusedTokenIsFetchedAnewAndTheSameAttemptsGoOn(refusal: SMTPScript.Answer) throws {
    let server = try server([refusal])
    let source = Source("token-1")
    let harness = Harness()
    for handle in 1...3 { harness.transport.begin(.make(handle, endpoint(server, source))) }
    #expect(harness.finish(1...3))
    #expect(harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) }, "\(harness.unavailable)")
    #expect(harness.unavailable.isEmpty)
    #expect(shown(server) == ["token-0", "token-1"])
    #expect(source.asked == 1)
  }

  @Test func aNewTokenThatIsRefusedTooRestsTheLoginAndEachRestFetchesAnother() throws {
    let server = try server([Self.refusal, Self.refusal, Self.refusal])
    let source = Source("token-1", "token-2", "token-3")
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, source)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.map(\.returned) == [[1]])
    #expect(harness.unavailable.first?.1.cause == .credentials)
    #expect(harness.unavailable.first?.1.text.contains("Token has expired") == true)
    #expect(harness.unavailable.first?.1.text.contains("token-1") == false)
    #expect(shown(server) == ["token-0", "token-1"])
    // After the rest: one more login with the next token, not two.
    harness.transport.begin(.make(2, endpoint(server, source)))
    #expect(harness.finish([2]))
    #expect(shown(server) == ["token-0", "token-1", "token-2"])
    #expect(harness.unavailable.count == 2)
    // Once the server is content, all is as before.
    #expect(harness.send(.make(3, endpoint(server, source)))?.ending == .reply(code: 250))
    #expect(shown(server).last == "token-3")
  }

  @Test func aSourceThatGivesTheRefusedTokenAgainIsNotShownTwice() throws {
    let server = try server([Self.refusal])
    let source = Source("token-0")
    let harness = Harness()
    for rest in 1...2 {
      harness.transport.begin(.make(rest, endpoint(server, source)))
      #expect(harness.finish([rest]))
    }
    #expect(shown(server) == ["token-0"])
    #expect(source.asked == 2)
    #expect(harness.unavailable.map(\.returned) == [[1], [2]])
    #expect(harness.unavailable.last?.1.text.contains("gave the same") == true)
  }

  @Test func aTokenThatCannotBeFetchedIsSaidToTheOperator() throws {
    let server = try server([Self.refusal])
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, Source())))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.text == "no access token: the command get-token failed")
    #expect(harness.unavailable.first?.1.cause == .credentials)
  }

  /// Ten hours of a run that sends every twenty minutes, on connections that carry one message each.
  @Test func aNightsRunOutlivesItsToken() throws {
    let server = try server([])
    let source = Source("token-1", "token-2", "token-3", "token-4", "token-5", "token-6", "token-7", "token-8", "last")
    let harness = Harness()
    for handle in 0..<30 {
      #expect(harness.send(.make(handle, endpoint(server, source, messages: 1)))?.ending == .reply(code: 250))
      harness.clock.advance(by: .minutes(20))
    }
    // None was shown that could be an hour old: each serves 45 minutes at most, three sends.
    let tokens = shown(server)
    #expect(tokens.count == 30)
    #expect(Array(tokens.prefix(7)) == ["token-0", "token-0", "token-0", "token-1", "token-1", "token-1", "token-2"])
    #expect(Dictionary(grouping: tokens, by: \.self).values.allSatisfy { $0.count <= 3 || $0.first == "last" })
  }

  /// Exchange and others end the session's authentication amid it, when the token runs out.
  @Test func aLoginThatRunsOutOnAnOpenConnectionIsMadeAgain() throws {
    let server = try server(
      [], attempts: [.init(), .init(mail: "530 5.7.57 Client not authenticated")])
    let source = Source("token-1")
    let harness = Harness()
    #expect(harness.send(.make(1, endpoint(server, source)))?.ending == .reply(code: 250))
    #expect(harness.send(.make(2, endpoint(server, source)))?.ending == .reply(code: 530))
    #expect(harness.send(.make(3, endpoint(server, source)))?.ending == .reply(code: 250))
    #expect(shown(server) == ["token-0", "token-1"])
  }

  @Test func whileATokenIsOnItsWayOthersAreServed() throws {
    let (slow, quick) = (try server([Self.refusal]), try ScriptedSMTPServer())
    let gate = AsyncStream<Void>.makeStream()
    let harness = Harness()
    let endpoint = Endpoint.smtp(
      slow.port, username: "anna", token: "token-0",
      renewToken: {
        for await _ in gate.stream { break }
        return Secret("token-1")
      })
    harness.transport.begin(.make(1, endpoint))
    #expect(harness.run { self.shown(slow).count == 1 })
    for handle in 2...20 { #expect(harness.send(.make(handle, .smtp(quick.port)))?.ending == .reply(code: 250)) }
    #expect(harness.endings[1] == nil)
    gate.continuation.yield()
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .reply(code: 250))
  }

  @Test func drainingGivesBackWhoWaitsForAToken() throws {
    let server = try server([Self.refusal])
    let harness = Harness()
    let endpoint = Endpoint.smtp(
      server.port, username: "anna", token: "token-0",
      renewToken: {
        for await _ in AsyncStream<Void>.makeStream().stream { break }
        return Secret("never")
      })
    harness.transport.begin(.make(1, endpoint))
    #expect(harness.run { self.shown(server).count == 1 })
    for _ in 0..<5 { harness.poll() }
    harness.transport.drain()
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .connectionLost)
    #expect(harness.replies[1]?.completed == false)
  }

  @Test func aCommandIsAskedAnewAndAnEnvironmentIsNot() async throws {
    let folder = try TemporaryFolder(["give.sh": "echo x >> count; echo token-$(wc -l < count)\n"])
    let mailbox = Mailbox(
      id: "anna", sender: .email(try #require(NamedAddress("anna@example.com"))), zone: .utc, providers: ["p", "q"])
    func provider(_ id: String, _ token: SecretReference) -> Provider {
      Provider(
        id: id, kind: .smtp(.init(host: "localhost", port: 25, security: .none, username: "anna", token: token)))
    }
    let (endpoints, findings) = await Endpoints.resolve(
      providers: [provider("p", .command(["sh", "give.sh"])), provider("q", .environment("TOKEN"))],
      mailboxes: [mailbox], folder: folder.path, outbox: folder.path, loopbackOnly: true,
      environment: ["PATH": "/bin:/usr/bin", "TOKEN": "fixed"])
    #expect(findings.isEmpty)
    let kinds = (endpoints["anna"] ?? []).compactMap { endpoint -> Endpoint.SMTP? in
      if case .smtp(let smtp) = endpoint.kind { return smtp }
      return nil
    }
    #expect(kinds.map { $0.token?.revealed } == ["token-1", "fixed"])
    #expect(kinds.map { $0.renewToken == nil } == [false, true])
    let next = try await kinds[0].renewToken?()
    #expect(next?.revealed == "token-2")
  }
}
