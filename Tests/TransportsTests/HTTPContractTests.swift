import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// What the contract in Delivery says of attempts, for every service over HTTP, against a server that behaves by
/// script.
@Suite struct HTTPContractTests {
  @Test(arguments: ServiceSample.all)
  func anAcceptedMessageHasTheProvidersID(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([sample.accepted])
    let harness = Harness()
    let reply = harness.send(sample.attempt(1, server))
    #expect(sample.verdict(reply) == .accepted)
    #expect(reply?.providerID == sample.id)
    #expect(reply?.completed == true)
    #expect(reply?.stage == .request)
    #expect(harness.ready == [1])
    #expect(server.requests.map(\.target) == [sample.path])
    #expect(server.requests.first?.method == "POST")
  }

  @Test(arguments: ServiceSample.all)
  func notAByteOfTheRequestLeavesBeforeTheIntentIsOnDisk(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(sample.attempt(1, server))
    #expect(harness.run { harness.ready == [1] })
    for _ in 0..<5 { harness.poll() }
    #expect(server.begun == 0)
    harness.transport.complete(1)
    #expect(harness.finish([1]))
    #expect(server.requests.count == 1)
  }

  @Test(arguments: ServiceSample.all)
  func aRefusalIsForGoodAndLeavesTheLoginAlone(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([sample.refused, sample.accepted])
    let harness = Harness()
    let attempt = sample.attempt(1, server)
    let reply = harness.send(attempt)
    #expect(sample.verdict(reply) == sample.refusedVerdict)
    #expect(reply?.trouble(from: attempt.endpoint.kind) == nil)
    #expect(reply?.text.isEmpty == false)
    #expect(sample.verdict(harness.send(sample.attempt(2, server))) == .accepted)
    #expect(harness.unavailable.isEmpty)
    #expect(server.connections == 1)
  }

  @Test(arguments: ServiceSample.all, [429, 503])
  func tooManyRequestsAreMadeLater(sample: ServiceSample, status: Int) throws {
    let server = try ScriptedHTTPServer(
      [.reply(status), .reply(status, fields: ["Retry-After": "120"], body: "{}")])
    let harness = Harness()
    let plain = harness.send(sample.attempt(1, server))
    #expect(sample.verdict(plain) == .later)
    #expect(plain?.retryAfter == nil)
    let asked = harness.send(sample.attempt(2, server))
    #expect(sample.verdict(asked) == .later)
    #expect(asked?.retryAfter == .seconds(120))
    #expect(asked?.trouble(from: sample.endpoint(1).kind) == .throttled)
  }

  @Test(arguments: ServiceSample.all, [401, 403])
  func refusedCredentialsCostOneAttemptAndGiveTheOthersBack(sample: ServiceSample, status: Int) throws {
    let server = try ScriptedHTTPServer(
      otherwise: .reply(status, body: #"{"message":"no entry with \#(ServiceSample.key)"}"#))
    let harness = Harness()
    for handle in 1...3 {
      harness.transport.begin(sample.attempt(handle, sample.endpoint(server.port, maxConnections: 3)))
    }
    #expect(harness.finish(1...3))
    #expect(server.requests.count == 1)
    #expect(sample.verdict(harness.replies[1]) == .failOver(isFinal: false))
    #expect(harness.replies[1]?.trouble(from: sample.endpoint(1).kind) == .credentials)
    #expect(harness.replies[1]?.text.contains(ServiceSample.key) == false)
    #expect(harness.unavailable.map(\.returned) == [[2, 3]])
    #expect(harness.unavailable.first?.1.cause == .credentials)
    #expect(harness.unavailable.first?.1.text.contains(ServiceSample.key) == false)
    #expect(harness.ready == [1])
  }

  @Test(arguments: ServiceSample.all)
  func anotherFaultOfTheServerIsInDoubt(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([.reply(500, body: "oops"), .reply(502)])
    let harness = Harness()
    for handle in 1...2 {
      #expect(sample.verdict(harness.send(sample.attempt(handle, server))) == .inDoubt)
    }
  }

  @Test(arguments: ServiceSample.all)
  func aServerThatIsNotThereCostsNobodyAnAttempt(sample: ServiceSample) throws {
    let harness = Harness()
    let endpoint = sample.endpoint(LoopbackPort.free(), maxConnections: 2)
    for handle in 1...2 { harness.transport.begin(sample.attempt(handle, endpoint)) }
    #expect(harness.finish(1...2))
    #expect(harness.unavailable.map(\.returned) == [[1, 2]])
    #expect(harness.unavailable.first?.1.cause == .connection)
    // The login's name has host and port, and stands before the text.
    #expect(harness.unavailable.first?.1.text.hasPrefix("no connection (") == true, "\(harness.unavailable)")
    #expect(harness.ready.isEmpty)
    #expect(harness.replies.isEmpty)
  }

  @Test(arguments: ServiceSample.all)
  func aRefusalWithoutABodyIsToldByItsStatusLine(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([.reply(503), .raw("HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n")])
    let harness = Harness()
    #expect(harness.send(sample.attempt(1, server))?.text == "Scripted")
    let bare = harness.send(sample.attempt(2, server))
    #expect(bare?.ending == .reply(code: 503))
    #expect(bare?.text == "no words")
  }

  @Test(arguments: ServiceSample.all)
  func aHandshakeThatHangsCostsNobodyAnAttempt(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer(isDumb: true)
    let harness = Harness()
    harness.transport.begin(sample.attempt(1, sample.endpoint(server.port, scheme: "https")))
    #expect(harness.run { server.accepted == 1 })
    harness.clock.advance(by: Instant.Span(milliseconds: 29_999))
    harness.poll()
    #expect(harness.unavailable.isEmpty)
    harness.clock.advance(by: Instant.Span(milliseconds: 1))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.text.contains("did not answer in time") == true)
  }

  /// The login is proven, so there is no probe: the connection fails with the intent on disk.
  @Test(arguments: ServiceSample.all, [true, false])
  func aConnectionThatFailsAfterTheIntentHasSentNothing(sample: ServiceSample, hangs: Bool) throws {
    let good = try ScriptedHTTPServer(otherwise: sample.accepted)
    let dumb = try ScriptedHTTPServer(isDumb: true)
    let harness = Harness()
    #expect(sample.verdict(harness.send(sample.attempt(1, sample.endpoint(good.port, login: "one")))) == .accepted)
    let port = hangs ? dumb.port : LoopbackPort.free()
    harness.transport.begin(sample.attempt(2, sample.endpoint(port, scheme: "https", login: "one")))
    if hangs {
      #expect(harness.run { dumb.accepted == 1 })
      harness.clock.advance(by: .seconds(30))
    }
    #expect(harness.finish([2]))
    #expect(harness.replies[2]?.ending == (hangs ? .timeout : .connectionLost))
    #expect(harness.replies[2]?.completed == false)
    #expect(sample.verdict(harness.replies[2]) == .failOver(isFinal: false))
    // Whoever comes next is not to meet the same.
    #expect(sample.verdict(harness.send(sample.attempt(3, sample.endpoint(good.port, login: "one")))) == .accepted)
  }

  @Test(arguments: ServiceSample.all)
  func silenceAfterTheRequestIsInDoubt(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([.silence])
    let harness = Harness()
    harness.transport.begin(sample.attempt(1, server))
    #expect(harness.run { server.requests.count == 1 })
    harness.clock.advance(by: Instant.Span(milliseconds: 119_999))
    harness.poll()
    #expect(harness.replies.isEmpty)
    harness.clock.advance(by: Instant.Span(milliseconds: 1))
    #expect(harness.finish([1]))
    #expect(harness.replies[1]?.ending == .timeout)
    #expect(harness.replies[1]?.completed == true)
    #expect(sample.verdict(harness.replies[1]) == .inDoubt)
  }

  @Test(arguments: ServiceSample.all)
  func aConnectionLostAfterTheRequestIsInDoubt(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([.hangUp, .hangUpAtOnce])
    let harness = Harness()
    for handle in 1...2 {
      let reply = harness.send(sample.attempt(handle, server))
      #expect(reply?.ending == .connectionLost)
      #expect(reply?.completed == true)
      #expect(sample.verdict(reply) == .inDoubt)
    }
  }

  @Test(arguments: ServiceSample.all, [false, true])
  func aRequestIsNeverSentTwiceWhenAKeptConnectionDies(sample: ServiceSample, atOnce: Bool) throws {
    let server = try ScriptedHTTPServer(
      [sample.accepted, atOnce ? .hangUpAtOnce : .hangUp], otherwise: sample.accepted)
    let harness = Harness()
    #expect(sample.verdict(harness.send(sample.attempt(1, server))) == .accepted)
    let reply = harness.send(sample.attempt(2, server))
    #expect(server.begun == 2)
    #expect(server.connections == 1)
    #expect(sample.verdict(reply) == .inDoubt)
  }

  @Test(arguments: ServiceSample.all)
  func aConnectionThatTheServerHasClosedMeanwhileIsNotUsed(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([sample.accepted], otherwise: sample.accepted)
    let harness = Harness()
    #expect(sample.verdict(harness.send(sample.attempt(1, server))) == .accepted)
    server.hangUpOnAll()
    #expect(sample.verdict(harness.send(sample.attempt(2, server))) == .accepted)
    #expect(server.connections == 2)
    #expect(server.requests.count == 2)
  }

  @Test(arguments: ServiceSample.all)
  func whatIsNoHTTPIsInDoubt(sample: ServiceSample) throws {
    let server = try ScriptedHTTPServer([.raw("hello there\r\n\r\n"), .raw("HTTP/1.1 2xx what\r\n\r\n")])
    let harness = Harness()
    for handle in 1...2 {
      #expect(sample.verdict(harness.send(sample.attempt(handle, server))) == .inDoubt)
    }
  }

  @Test(arguments: ServiceSample.all)
  func aGoodStatusWithNonsenseIsInDoubt(sample: ServiceSample) throws {
    guard let malformed = sample.malformed else { return }
    let server = try ScriptedHTTPServer([malformed])
    let harness = Harness()
    let reply = harness.send(sample.attempt(1, server))
    #expect(sample.verdict(reply) == .inDoubt)
    #expect(reply?.completed == true)
  }

  @Test(arguments: ServiceSample.all)
  func aRedirectIsNotFollowed(sample: ServiceSample) throws {
    let other = try ScriptedHTTPServer()
    let server = try ScriptedHTTPServer([.reply(307, fields: ["Location": "http://127.0.0.1:\(other.port)/"])])
    let harness = Harness()
    #expect(sample.verdict(harness.send(sample.attempt(1, server))) == .failOver(isFinal: false))
    #expect(other.begun == 0)
  }

  @Test(arguments: ServiceSample.all)
  func anAnswerWithoutAnEndIsReadNoFurtherThanItsLimit(sample: ServiceSample) throws {
    let body = String(repeating: "x", count: HTTPResponse.limit + 1)
    let server = try ScriptedHTTPServer([.reply(400, body: body)])
    let harness = Harness()
    let reply = harness.send(sample.attempt(1, server))
    #expect(reply?.ending == .reply(code: 400))
    #expect(reply?.text.count == 500)
  }

  @Test func connectionsAreKeptAndNeverMoreThanAllowed() throws {
    let sample = ServiceSample.sendgrid
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    for handle in 1...30 {
      harness.transport.begin(sample.attempt(handle, sample.endpoint(server.port, maxConnections: 3)))
    }
    #expect(harness.finish(1...30))
    #expect(server.requests.count == 30)
    #expect(server.connections <= 3)
    // And the one that the probe made.
    #expect(server.accepted <= 4)
  }

  @Test func aConnectionIsClosedAfterAsManyMessagesAsItMayCarry() throws {
    let sample = ServiceSample.sendgrid
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    let endpoint = sample.endpoint(server.port, messagesPerConnection: 2)
    for handle in 1...5 { #expect(sample.verdict(harness.send(sample.attempt(handle, endpoint))) == .accepted) }
    #expect(server.requests.map(\.connection) == [0, 0, 1, 1, 2])
  }

  @Test func aLargeMessageArrivesWhole() throws {
    for sample in [ServiceSample.mailgun, .ses] {
      let server = try ScriptedHTTPServer([sample.accepted])
      let harness = Harness()
      var attempt = sample.attempt(1, server)
      attempt.message = Array((String(repeating: "0123456789\r\n", count: 300_000)).utf8)
      #expect(sample.verdict(harness.send(attempt)) == .accepted)
      #expect((server.requests.first?.body.count ?? 0) > attempt.message.count)
    }
  }

  @Test func aCancelledAttemptSendsNothing() throws {
    let sample = ServiceSample.postmark
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    harness.completesAtOnce = false
    harness.transport.begin(sample.attempt(1, server))
    harness.transport.begin(sample.attempt(2, server))
    #expect(harness.run { harness.ready == [1] })
    harness.transport.cancel(1)
    #expect(harness.run { harness.ready == [1, 2] })
    harness.transport.complete(2)
    #expect(harness.finish([2]))
    #expect(harness.endings[1] == nil)
    #expect(server.begun == 1)
  }

  @Test func drainingEndsWhatIsNotCompleted() throws {
    let sample = ServiceSample.postmark
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    #expect(sample.verdict(harness.send(sample.attempt(9, server))) == .accepted)
    harness.completesAtOnce = false
    let endpoint = sample.endpoint(server.port, maxConnections: 2)
    for handle in 1...3 { harness.transport.begin(sample.attempt(handle, endpoint)) }
    #expect(harness.run { harness.ready.count == 3 })
    harness.transport.complete(2)
    harness.transport.drain()
    #expect(harness.finish(1...3))
    #expect(sample.verdict(harness.replies[2]) == .accepted)
    #expect(harness.replies[1]?.completed == false)
    #expect(harness.replies[3]?.ending == .connectionLost)
    #expect(server.requests.count == 2)
  }

  @Test func theEnvironmentsProxyIsNotUsed() throws {
    let sample = ServiceSample.webhook
    let proxy = try ScriptedHTTPServer()
    let server = try ScriptedHTTPServer(otherwise: sample.accepted)
    let harness = Harness()
    var attempt = sample.attempt(1, server)
    #expect(sample.verdict(harness.send(attempt)) == .accepted)
    guard case .http(var http) = attempt.endpoint.kind else { return }
    http.proxy = "http://127.0.0.1:\(proxy.port)"
    attempt.endpoint.kind = .http(http)
    attempt.endpoint.login = "by proxy"
    attempt.handle = 2
    #expect(harness.send(attempt)?.ending == .reply(code: 200))
    #expect(proxy.requests.first?.target == "http://127.0.0.1:\(server.port)/hook")
    #expect(server.requests.count == 1)
  }
}
