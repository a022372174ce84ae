import Foundation
import TestSupport
import Testing

/// Mail over TLS, by certificates of an authority made for the test.
@Suite(
  .enabled(if: Shell.find("python3") != nil && Shell.find("openssl") != nil, "needs python3 and openssl"),
  .timeLimit(.minutes(3)))
struct TLSTests {
  private struct Server {
    let folder: TemporaryFolder
    let port: Int
    private let program: RunningProgram

    /// - Parameter name: what the certificate is for, as a subjectAltName.
    init(name: String) throws {
      let folder = try TemporaryFolder(["server.py": Self.source, "log": "", "ext": "subjectAltName=\(name)\n"])
      func openssl(_ line: String) throws {
        let output = try Shell.run("openssl", line.split(separator: " ").map(String.init), folder: folder.path)
        try #require(output.status == 0, "\(output.error)")
      }
      try openssl("req -x509 -subj /CN=CA -days 2 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem")
      try openssl("req -subj /CN=server -newkey rsa:2048 -nodes -keyout server.key -out server.csr")
      try openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile ext -days 2 -out server.pem")
      self.folder = folder
      port = LoopbackPort.free()
      program = try RunningProgram("python3", ["server.py", "\(port)"], folder: folder.path)
      try #require(LoopbackPort.waitUntilOpen(port), "\(program.output)")
    }

    /// The commands it was told under TLS.
    var log: [Substring] { ((try? folder.read("log")) ?? "").split(whereSeparator: \.isNewline) }

    private static let source = """
      import asyncio, ssl, sys
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain('server.pem', 'server.key')
      log = open('log', 'a', buffering=1)
      async def serve(reader, writer):
          def say(text): writer.write(text.encode() + b'\\r\\n')
          try:
              say('220 tls.test')
              while line := await reader.readline():
                  log.write(line.decode())
                  word = line[:4].upper()
                  if word == b'EHLO': say('250-tls.test\\r\\n250 PIPELINING')
                  elif word == b'DATA':
                      say('354 go')
                      while (await reader.readline()) not in (b'.\\r\\n', b''): pass
                      say('250 2.0.0 taken')
                  elif word == b'QUIT': break
                  else: say('250 ok')
          except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError): pass
          writer.close()
      async def main():
          async with await asyncio.start_server(serve, '127.0.0.1', int(sys.argv[1]), ssl=context) as server:
              await server.serve_forever()
      asyncio.run(main())
      """
  }

  private func run(_ server: Server, trusted: Bool) throws -> Shell.Output {
    var files = Projects.letter(
      contacts: 5, port: server.port, provider: "tls: implicit" + (trusted ? "\ncertificates: ca.pem" : ""))
    files["ca.pem"] = try server.folder.read("ca.pem")
    return try TestProject(files).nightmail("run", "--rehearse", "--date", "2025-11-20", "--json")
  }

  @Test func mailIsDeliveredOnceTheCertificateIsTheServers() throws {
    let server = try Server(name: "DNS:localhost")
    let output = try run(server, trusted: true)
    #expect(output.status == 0, "\(output.out)\(output.error)")
    #expect(try output.out.json["sent"]?.integer == 5)
    #expect(server.log.count { $0.hasPrefix("DATA") } == 5)
  }

  @Test func aCertificateForAnotherNameIsRefusedClearly() throws {
    let server = try Server(name: "DNS:mail.example.com")
    let output = try run(server, trusted: true)
    #expect(output.status == 4, "\(output.out)\(output.error)")
    #expect(output.error.contains("another name"), "\(output.error)")
    #expect(try output.out.json["sent"]?.integer == 0)
    #expect(server.log.isEmpty)
  }

  @Test func anUnknownAuthorityIsRefusedClearly() throws {
    let server = try Server(name: "DNS:localhost")
    let output = try run(server, trusted: false)
    #expect(output.status == 4, "\(output.out)\(output.error)")
    #expect(output.error.contains("unknown authority"), "\(output.error)")
    #expect(try output.out.json["released"]?.integer == 5)
    #expect(server.log.isEmpty)
  }
}
