import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// Going through a proxy, and through none that nobody asked for.
@Suite struct ProxyTests {
  @Test(arguments: ["http", "socks5", "socks5h"])
  func mailGoesThroughTheProxy(scheme: String) throws {
    let (server, proxy) = (try ScriptedSMTPServer(), try ScriptedProxy())
    let harness = Harness()
    // A name that only the proxy knows, where the proxy is to look it up.
    let host = scheme == "socks5" ? "127.0.0.1" : "mail.nowhere.example"
    let endpoint = Endpoint.smtp(
      server.port, host: host, proxy: "\(scheme)://127.0.0.1:\(proxy.port)", maxConnections: 2)
    for handle in 1...6 { harness.transport.begin(.make(handle, endpoint)) }
    #expect(harness.finish(1...6))
    #expect(harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) }, "\(harness.unavailable)")
    #expect(server.messages.count == 6)
    #expect(proxy.targets.count == server.connections)
    #expect(Set(proxy.targets) == ["\(host):\(server.port)"])
    // What the proxy says is no word of the server's.
    #expect(server.messages[0].text == OutgoingAttempt.text)
  }

  @Test func aPasswordIsGivenThroughTheProxyToTheServer() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", "AUTH PLAIN"]))
    let proxy = try ScriptedProxy()
    let harness = Harness()
    let endpoint = Endpoint.smtp(
      server.port, username: "anna", password: "s3cret-word", proxy: "http://127.0.0.1:\(proxy.port)")
    #expect(harness.send(.make(1, endpoint))?.ending == .reply(code: 250))
    #expect(server.transcripts[0][1] == "AUTH PLAIN AGFubmEAczNjcmV0LXdvcmQ=")
    #expect(proxy.targets == ["127.0.0.1:\(server.port)"])
  }

  @Test(arguments: ["403 Forbidden", "407 Proxy Authentication Required", "502 Bad Gateway"])
  func aProxyThatRefusesCostsNobodyAnAttempt(refusal: String) throws {
    let (server, proxy) = (try ScriptedSMTPServer(), try ScriptedProxy(refusal: refusal))
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, proxy: "http://127.0.0.1:\(proxy.port)")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.map(\.returned) == [[1]])
    #expect(harness.unavailable.first?.1.cause == .connection)
    #expect(harness.unavailable.first?.1.text.contains("proxy") == true, "\(harness.unavailable)")
    #expect(server.connections == 0)
  }

  @Test(arguments: ["http", "socks5"])
  func aProxyThatIsNotThereIsToldFromAServerThatIsNot(scheme: String) throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, proxy: "\(scheme)://127.0.0.1:\(LoopbackPort.free())")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .connection)
    #expect(harness.unavailable.first?.1.text.contains("proxy") == true, "\(harness.unavailable)")
  }

  @Test(arguments: ["socks5", "socks5h"])
  func requestsGoThroughSOCKS(scheme: String) throws {
    let sample = ServiceSample.postmark
    let (server, proxy) = (try ScriptedHTTPServer(otherwise: sample.accepted), try ScriptedProxy())
    let harness = Harness()
    var attempt = sample.attempt(1, server)
    guard case .http(var http) = attempt.endpoint.kind else { return }
    http.proxy = "\(scheme)://127.0.0.1:\(proxy.port)"
    attempt.endpoint.kind = .http(http)
    #expect(sample.verdict(harness.send(attempt)) == .accepted)
    #expect(Set(proxy.targets) == ["127.0.0.1:\(server.port)"])
    #expect(server.requests.map(\.target) == ["/email"])
  }

  @Test(arguments: [
    ("http://proxy.example.com:3128", true), ("https://proxy.example.com", true), ("socks5://10.0.0.1:1080", true),
    ("SOCKS5H://[::1]:1080", true), ("http://proxy.example.com:3128/", true),
    ("http://user:word@proxy.example.com", false),
    ("socks4://10.0.0.1", false), ("proxy.example.com:3128", false), ("http://proxy.example.com/path", false),
    ("", false),
  ])
  func aProxyIsASchemeAHostAndAPort(text: String, isGood: Bool) {
    #expect((WebAddress(proxy: text) != nil) == isGood)
  }

  @Test(arguments: [
    ("http://127.0.0.1:3128", true), ("socks5://localhost:1080", true), ("socks5://10.0.0.1:1080", false),
  ])
  func aRehearsalGoesThroughNoProxyElsewhere(proxy: String, isAllowed: Bool) async throws {
    let mailbox = Mailbox(
      id: "anna", sender: .email(try #require(NamedAddress("anna@example.com"))), zone: .utc, providers: ["p", "q"])
    let (endpoints, findings) = await Endpoints.resolve(
      providers: [
        Provider(id: "p", kind: .smtp(.init(host: "localhost", port: 25, security: .none, proxy: proxy))),
        Provider(
          id: "q", kind: .http(.init(.sendgrid(key: .environment("KEY")), url: "http://localhost:8080", proxy: proxy))),
      ], mailboxes: [mailbox], folder: "/project", outbox: "/project/outbox", loopbackOnly: true,
      environment: ["KEY": "key"])
    #expect(endpoints["anna"]?.count == (isAllowed ? 2 : 0), "\(findings)")
    #expect(findings.count == (isAllowed ? 0 : 2))
  }
}
