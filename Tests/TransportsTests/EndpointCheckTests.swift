import Delivery
import Model
import TestSupport
import Testing

@testable import Transports

/// `doctor`'s questions: what is found out, and that nothing is sent to find it out.
@Suite(.timeLimit(.minutes(2)))
struct EndpointCheckTests {
  private func check(_ endpoint: Endpoint, limit: Instant.Span = .seconds(5)) async -> EndpointCheck {
    await EndpointCheck.run(endpoint, domain: "example.com", limit: limit)
  }

  @Test func anSMTPServerIsLoggedInToAndLeftPolitely() async throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["AUTH PLAIN"]))
    let check = await check(.smtp(server.port, username: "anna", password: "secret-word"))
    #expect(check.verdict == .ok && check.text.contains("logged in as anna") && check.certificateEnds == nil)
    #expect(server.messages.isEmpty && server.connections == 1)
    let said = server.transcripts.first ?? []
    #expect(said.first == "EHLO example.com" && said.contains("QUIT"), "\(said)")
    #expect(!said.contains { $0.hasPrefix("MAIL") || $0.hasPrefix("RCPT") })
  }

  @Test func aRefusedPasswordIsSaidWithoutTheSecret() async throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(capabilities: ["AUTH PLAIN"], login: "535 5.7.8 secret-word is wrong"))
    let check = await check(.smtp(server.port, username: "anna", password: "secret-word"))
    #expect(check.verdict == .fail && check.text.contains("refused the login: 535 5.7.8"))
    #expect(!check.text.contains("secret-word"))
  }

  @Test func aServerThatOffersNoLoginIsAFailureWhereOneIsWanted() async throws {
    let server = try ScriptedSMTPServer()
    let check = await check(.smtp(server.port, username: "anna", password: "secret-word"))
    #expect(check.verdict == .fail && check.text.contains("no way to log in"))
    #expect(await self.check(.smtp(server.port)).text.contains("no login; nothing was sent"))
  }

  @Test func nobodyThereAndNobodyAnsweringAreFailuresWithinTheTime() async throws {
    let gone = await check(.smtp(LoopbackPort.free()))
    #expect(gone.verdict == .fail && gone.text.contains("no connection"), "\(gone.text)")
    let silent = try ScriptedSMTPServer(SMTPScript(greetings: [.silence]))
    let check = await check(.smtp(silent.port), limit: .seconds(1))
    #expect(check.verdict == .fail, "\(check.text)")
    let dumb = try ScriptedHTTPServer(isDumb: true)
    #expect(await self.check(ServiceSample.postmark.endpoint(dumb.port), limit: .seconds(1)).verdict == .fail)
  }

  @Test(arguments: ServiceSample.all.filter { $0.name != "webhook" })
  func aServiceIsAskedWhatChangesNothing(sample: ServiceSample) async throws {
    let server = try ScriptedHTTPServer(
      otherwise: .reply(200, fields: ["Date": "Sun, 06 Nov 1994 08:49:37 GMT"], body: "{}"))
    let check = await check(sample.endpoint(server.port))
    #expect(check.verdict == .ok && check.text.contains("logged in"), "\(check.text)")
    let request = try #require(server.requests.first)
    #expect(
      request.method == "GET" && request.body.isEmpty && request.target != sample.path && server.requests.count == 1)
    #expect(request.fields["authorization"] != nil || request.fields["x-postmark-server-token"] != nil)
    // Ahead by more than thirty years.
    let ahead = try #require(check.clockAhead)
    #expect(ahead > .days(11_000))
  }

  @Test(arguments: ServiceSample.all.filter { $0.name != "webhook" }, [401, 500])
  func aServiceThatRefusesIsNotWell(sample: ServiceSample, status: Int) async throws {
    let server = try ScriptedHTTPServer(otherwise: .reply(status, body: "{\"message\":\"\(ServiceSample.key)\"}"))
    let check = await check(sample.endpoint(server.port))
    #expect(check.verdict == (status == 401 && sample.name != "mailgun" ? .fail : .warn), "\(check.text)")
    #expect(!check.text.contains(ServiceSample.key))
  }

  @Test func aWebhookIsOnlyConnectedTo() async throws {
    let server = try ScriptedHTTPServer()
    let check = await check(ServiceSample.webhook.endpoint(server.port))
    #expect(check.verdict == .ok && check.text.contains("nothing was asked") && server.begun == 0, "\(check.text)")
  }

  @Test func aFolderThatCanBeMadeIsWell() async throws {
    let folder = try TemporaryFolder(["note": ""])
    #expect(await check(.file(folder.file("out/box"))).text.contains("will be made"))
    #expect(await check(.file(folder.path)).verdict == .ok)
    #expect(await check(.file(folder.file("note/box"))).verdict == .fail)
  }

  @Test func certificatesEndAsEachTLSLibrarySaysIt() {
    let noon = Instant("2026-11-30T12:00:00Z")
    #expect(Certificate.end("Expire date:Nov 30 12:00:00 2026 GMT") == noon)
    #expect(Certificate.end("Expire date:2026-11-30 12:00:00 GMT") == noon)
    #expect(Certificate.end("Expire date:Nov  3 12:00:00 2026 GMT") == Instant("2026-11-03T12:00:00Z"))
    #expect(Certificate.end("Start date:Nov 30 12:00:00 2026 GMT") == nil && Certificate.end("Expire date:soon") == nil)
    #expect(HTTPCheck.date("Sun, 06 Nov 1994 08:49:37 GMT") == Instant("1994-11-06T08:49:37Z"))
    #expect(HTTPCheck.date("yesterday") == nil)
  }

  @Test func aDNSAnswersStringsAreJoinedAndItsCompressionIsFollowed() {
    func name(_ text: String) -> [UInt8] {
      text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
    let question = name("s1._domainkey.example.com") + [0, 16, 0, 1]
    func record(type: UInt8, _ data: [UInt8]) -> [UInt8] {
      [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 255)] + data
    }
    func strings(_ texts: [String]) -> [UInt8] { texts.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } }
    let header: [UInt8] = [0, 1, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0]
    let answer =
      header + question + record(type: 5, [0xC0, 12]) + record(type: 16, strings(["v=DKIM1; k=rsa; ", "p=AAAA"]))
    #expect(TextRecords.parse(answer) == .records(["v=DKIM1; k=rsa; p=AAAA"]))
    // Cut off anywhere, it is never read beyond its end.
    for count in 0..<answer.count {
      #expect(TextRecords.parse(Array(answer.prefix(count))) != .records(["v=DKIM1; k=rsa; p=AAAA"]))
    }
    #expect(TextRecords.parse(Array(repeating: 0xFF, count: 600)) == .unknown)
  }
}
