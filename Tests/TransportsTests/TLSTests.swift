import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

/// A server with TLS: Python's ssl, on certificates that `openssl` makes for each test.
private struct TLSServer {
  let folder: TemporaryFolder
  let port: Int
  private let program: RunningProgram

  /// - Parameters:
  ///   - name: what the certificate is for, as a subjectAltName.
  ///   - implicit: TLS from the first byte; otherwise STARTTLS.
  ///   - speaksHTTP: over TLS from the first byte, and answers as Postmark does.
  ///   - expired: the certificate ran out yesterday.
  ///   - asksWho: only a client with a certificate of the same authority is let in.
  init(name: String, implicit: Bool, expired: Bool = false, asksWho: Bool = false, speaksHTTP: Bool = false) throws {
    let folder = try TemporaryFolder(["server.py": Self.source, "log": "", "extensions": "subjectAltName=\(name)\n"])
    let key = ["-newkey", "rsa:2048", "-nodes", "-sha256"]
    func openssl(_ arguments: [String]) throws {
      let output = try Shell.run("openssl", arguments, folder: folder.path)
      try #require(output.status == 0, "\(output.error)")
    }
    try openssl(["req", "-x509", "-subj", "/CN=Test CA", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"] + key)
    try openssl(["req", "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr"] + key)
    try openssl(
      [
        "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-extfile", "extensions", "-days", expired ? "-1" : "2", "-out", "server.pem",
      ])
    if asksWho {
      try openssl(["req", "-subj", "/CN=night mail", "-keyout", "client.key", "-out", "client.csr"] + key)
      try openssl(
        [
          "x509", "-req", "-in", "client.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
          "-out", "client.pem",
        ])
      try openssl(["rsa", "-aes128", "-passout", "pass:word", "-in", "client.key", "-out", "locked.key"])
    }
    self.folder = folder
    port = LoopbackPort.free()
    program = try RunningProgram(
      "python3",
      ["server.py", "\(port)", speaksHTTP ? "http" : implicit ? "implicit" : "starttls", asksWho ? "who" : ""],
      folder: folder.path
    )
    try #require(LoopbackPort.waitUntilOpen(port), "\(program.output)")
  }

  func client(_ key: String = "client.key") -> ClientCertificate {
    ClientCertificate(certificate: folder.file("client.pem"), key: folder.file(key))
  }
  var authority: String { folder.file("ca.pem") }
  var log: String { (try? folder.read("log")) ?? "" }

  private static let source = """
    import asyncio, ssl, sys
    port, mode = int(sys.argv[1]), sys.argv[2]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain('server.pem', 'server.key')
    if sys.argv[3] == 'who':
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations('ca.pem')
    log = open('log', 'a', buffering=1)
    async def serve(reader, writer):
        secure = mode != 'starttls'
        def say(text): writer.write(text.encode() + b'\\r\\n')
        try:
            if mode != 'http': say('220 tls.test ESMTP')
            while line := await reader.readline():
                words = line.split()
                command = words[0].upper() if words else b''
                log.write(('tls ' if secure else 'clear ') + line.decode().strip() + '\\n')
                if command == b'EHLO':
                    peer = writer.get_extra_info('ssl_object')
                    if secure and peer and peer.getpeercert():
                        log.write('who %s\\n' % dict(x[0] for x in peer.getpeercert()['subject'])['commonName'])
                    offers = ['PIPELINING', 'AUTH PLAIN'] if secure else ['STARTTLS', 'SMTPUTF8']
                    say('\\r\\n'.join(['250-tls.test'] + ['250-' + o for o in offers[:-1]] + ['250 ' + offers[-1]]))
                elif command == b'STARTTLS':
                    say('220 go')
                    await writer.drain()
                    await writer.start_tls(context)
                    secure = True
                elif command == b'AUTH': say('235 2.7.0 ok')
                elif command == b'DATA':
                    say('354 go')
                    size = 0
                    while (line := await reader.readline()) not in (b'.\\r\\n', b''): size += len(line)
                    log.write('message %d\\n' % size)
                    say('250 2.0.0 taken')
                elif command == b'POST':
                    size = 0
                    while (line := await reader.readline()) not in (b'\\r\\n', b''):
                        if line.lower().startswith(b'content-length:'): size = int(line.split(b':')[1])
                    await reader.readexactly(size)
                    peer = writer.get_extra_info('ssl_object').getpeercert()
                    if peer: log.write('who %s\\n' % dict(x[0] for x in peer['subject'])['commonName'])
                    body = b'{"ErrorCode":0,"Message":"OK","MessageID":"pm-1"}'
                    writer.write(b'HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
                elif command == b'QUIT':
                    say('221 bye')
                    break
                else: say('250 ok')
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError): pass
        writer.close()
    async def main():
        tls = context if mode != 'starttls' else None
        async with await asyncio.start_server(serve, '127.0.0.1', port, ssl=tls) as server:
            await server.serve_forever()
    asyncio.run(main())
    """
}

@Suite(
  .enabled(if: Shell.find("python3") != nil && Shell.find("openssl") != nil, "needs python3 and openssl"),
  .timeLimit(.minutes(5)))
struct TLSTests {
  private static let names = "DNS:localhost,IP:127.0.0.1"

  private func endpoint(
    _ server: TLSServer, implicit: Bool, trusted: Bool = true, host: String = "localhost",
    client: ClientCertificate? = nil
  ) -> Endpoint {
    .smtp(
      server.port, host: host, security: implicit ? .implicit : .starttls, username: "anna", password: "s3cret-word",
      certificates: trusted ? server.authority : nil, clientCertificate: client, maxConnections: 2)
  }

  @Test(arguments: [true, false])
  func mailGoesThroughOnceTheCertificateIsTheServers(implicit: Bool) throws {
    let server = try TLSServer(name: Self.names, implicit: implicit)
    let harness = Harness()
    let line = String(repeating: "0123456789", count: 7) + "\r\n"
    let sizes = [1, 500, 40_000]
    for handle in 0..<30 {
      harness.transport.begin(
        .make(
          handle, endpoint(server, implicit: implicit),
          message: String(repeating: line, count: sizes[handle % 3])))
    }
    #expect(harness.finish(0..<30))
    #expect(harness.replies.values.allSatisfy { $0.ending == .reply(code: 250) }, "\(harness.unavailable)")
    let log = server.log.split(separator: "\n")
    #expect(log.count { $0 == "message 72" } == 10)
    #expect(log.count { $0 == "message 36000" } == 10)
    #expect(log.count { $0 == "message 2880000" } == 10)
    // Nothing but the opening was ever said in the clear, and what was offered there has been forgotten.
    let clear = Set(log.filter { $0.hasPrefix("clear ") })
    #expect(clear == (implicit ? [] : ["clear EHLO example.com", "clear STARTTLS"]))
    #expect(log.contains("tls AUTH PLAIN AGFubmEAczNjcmV0LXdvcmQ="))
  }

  @Test(arguments: [true, false])
  func aCertificateForAnotherNameIsRefused(implicit: Bool) throws {
    let server = try TLSServer(name: "DNS:mail.example.com", implicit: implicit)
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, implicit: implicit)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("another name") == true, "\(harness.unavailable)")
    #expect(!server.log.contains("AUTH"))
  }

  @Test(arguments: [true, false])
  func anUnknownAuthorityIsRefused(implicit: Bool) throws {
    let server = try TLSServer(name: Self.names, implicit: implicit)
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, implicit: implicit, trusted: false)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("unknown authority") == true, "\(harness.unavailable)")
    #expect(!server.log.contains("AUTH"))
  }

  @Test func anExpiredCertificateIsRefused() throws {
    let server = try TLSServer(name: Self.names, implicit: false, expired: true)
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, implicit: false)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("expired") == true, "\(harness.unavailable)")
  }

  @Test(arguments: [true, false])
  func aServerThatAsksWhoWeAreIsShownOurCertificate(implicit: Bool) throws {
    let server = try TLSServer(name: Self.names, implicit: implicit, asksWho: true)
    let harness = Harness()
    let known = harness.send(.make(1, endpoint(server, implicit: implicit, client: server.client())))
    #expect(known?.ending == .reply(code: 250), "\(harness.unavailable)")
    #expect(server.log.contains("who night mail\n"))
    let unknown = Harness()
    unknown.transport.begin(.make(1, endpoint(server, implicit: implicit)))
    #expect(unknown.finish([1]))
    #expect(unknown.unavailable.count == 1)
    #expect(server.log.split(separator: "\n").count { $0.hasPrefix("message") } == 1)
  }

  @Test(arguments: ["locked.key", "nowhere.key", "ca.key"])
  func aKeyThatCannotBeUsedIsToldAndNobodyIsAskedForAPassphrase(name: String) throws {
    let server = try TLSServer(name: Self.names, implicit: true, asksWho: true)
    let harness = Harness()
    harness.transport.begin(.make(1, endpoint(server, implicit: true, client: server.client(name))))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("client_certificate") == true, "\(harness.unavailable)")
  }

  private func request(
    _ server: TLSServer, trusted: Bool = true, client: ClientCertificate? = nil
  ) -> OutgoingAttempt {
    let sample = ServiceSample.postmark
    var endpoint = sample.endpoint(server.port)
    endpoint.kind = .http(
      Endpoint.HTTP(
        sample.service, url: "https://localhost:\(server.port)", certificates: trusted ? server.authority : nil,
        clientCertificate: client))
    return sample.attempt(1, endpoint)
  }

  @Test(arguments: [false, true])
  func aRequestGoesOutOverTLSWithOurCertificateWhereItIsAskedFor(asksWho: Bool) throws {
    let server = try TLSServer(name: Self.names, implicit: true, asksWho: asksWho, speaksHTTP: true)
    let harness = Harness()
    let reply = harness.send(request(server, client: asksWho ? server.client() : nil))
    #expect(reply?.ending == .reply(code: 200), "\(harness.unavailable)")
    #expect(reply?.providerID == "pm-1")
    #expect(server.log.contains("who night mail") == asksWho)
    #expect(server.log.split(separator: "\n").count { $0.hasPrefix("tls POST /email") } == 1)
  }

  @Test(arguments: ["DNS:api.example.com", "unknown", "expired"])
  func noSecretGoesToAServiceThatIsNotTheOneNamed(fault: String) throws {
    let server = try TLSServer(
      name: fault.hasPrefix("DNS") ? fault : Self.names, implicit: true, expired: fault == "expired", speaksHTTP: true)
    let harness = Harness()
    harness.transport.begin(request(server, trusted: fault != "unknown"))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.map(\.returned) == [[1]])
    #expect(harness.unavailable.first?.1.cause == .tls, "\(harness.unavailable)")
    #expect(!server.log.contains("POST"))
  }

  /// `doctor` says when a certificate runs out; these are made for two days.
  @Test(arguments: [false, true])
  func aCertificatesEndIsKnownBeforeItComes(implicit: Bool) async throws {
    let server = try TLSServer(name: Self.names, implicit: implicit)
    let endpoint = Endpoint.smtp(
      server.port, host: "localhost", security: implicit ? .implicit : .starttls, username: "anna",
      password: "s3cret-word", certificates: server.authority)
    let check = await EndpointCheck.run(endpoint, domain: "example.com", limit: .seconds(10))
    #expect(
      check.verdict == .ok && check.text.contains(implicit ? "TLS, logged in" : "STARTTLS, logged in"), "\(check.text)")
    let left = try #require(check.certificateEnds) - Instant(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
    #expect(left > .hours(47) && left <= .hours(48), "\(left)")
    #expect(!server.log.contains("MAIL"))
    let expired = try TLSServer(name: Self.names, implicit: implicit, expired: true)
    let refused = await EndpointCheck.run(
      .smtp(
        expired.port, host: "localhost", security: implicit ? .implicit : .starttls, certificates: expired.authority),
      domain: "example.com", limit: .seconds(10))
    #expect(refused.verdict == .fail && refused.text.contains("must be renewed"), "\(refused.text)")
  }

  @Test func aServerWithoutSTARTTLSGetsNoMail() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["PIPELINING", "AUTH PLAIN"]))
    let harness = Harness()
    harness.transport.begin(
      .make(1, .smtp(server.port, security: .starttls, username: "anna", password: "s3cret-word")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("offers no STARTTLS") == true)
    #expect(!server.transcripts[0].contains { $0.hasPrefix("AUTH") || $0.hasPrefix("MAIL") })
  }

  @Test func aPlainPortTakenForTLSIsExplained() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.transport.begin(.make(1, .smtp(server.port, security: .implicit)))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("tls: starttls") == true, "\(harness.unavailable)")
  }

  @Test func aFileOfCertificatesThatIsNotThereIsNamed() throws {
    let server = try ScriptedSMTPServer()
    let harness = Harness()
    harness.transport.begin(
      .make(1, .smtp(server.port, security: .implicit, certificates: "/nowhere/ca.pem")))
    #expect(harness.finish([1]))
    #expect(harness.unavailable.first?.1.cause == .tls)
    #expect(harness.unavailable.first?.1.text.contains("/nowhere/ca.pem") == true, "\(harness.unavailable)")
  }
}
