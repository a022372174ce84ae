import Delivery
import Foundation
import Model
import TestSupport
import Testing

@testable import Transports

@Suite struct EndpointsTests {
  private func mailbox(_ id: String, _ address: String, providers: [String] = ["p"]) throws -> Mailbox {
    Mailbox(
      id: id, sender: .email(try #require(NamedAddress(address))), zone: .utc, providers: providers)
  }

  private func provider(
    _ id: String = "p", host: String = "smtp.example.com", username: String? = "{{mailbox.email}}",
    password: SecretReference? = .environment("PASSWORD_{{mailbox.id}}"), token: SecretReference? = nil
  ) -> Provider {
    Provider(
      id: id,
      kind: .smtp(
        .init(
          host: host, port: 587, security: .starttls, username: username, password: password, token: token,
          certificates: "certificates/{{mailbox.id}}.pem")),
      maxConnections: 3, messagesPerConnection: 50, interval: .seconds(1), timeout: .seconds(20),
      place: Place("data/providers.yaml", line: 4, column: 3))
  }

  private func resolve(
    _ providers: [Provider], _ mailboxes: [Mailbox], folder: String = "/project", loopbackOnly: Bool = false,
    environment: [String: String] = [:]
  ) async -> (endpoints: [String: [Endpoint]], findings: [Finding]) {
    await Endpoints.resolve(
      providers: providers, mailboxes: mailboxes, folder: folder, outbox: "/project/output/outbox",
      loopbackOnly: loopbackOnly, environment: environment)
  }

  private func smtp(_ endpoint: Endpoint?) throws -> Endpoint.SMTP {
    guard case .smtp(let smtp) = try #require(endpoint).kind else {
      throw Endpoints.Problem("not SMTP")
    }
    return smtp
  }

  @Test func oneEntryServesEveryMailbox() async throws {
    let (endpoints, findings) = await resolve(
      [provider(host: "{{ mailbox.id }}.example.com")],
      [try mailbox("anna", "anna@example.com"), try mailbox("bo", "bo@example.com")],
      environment: ["PASSWORD_anna": "one-secret", "PASSWORD_bo": "two-secret"])
    #expect(findings.isEmpty)
    let anna = try smtp(endpoints["anna"]?.first)
    let bo = try smtp(endpoints["bo"]?.first)
    #expect(anna.host == "anna.example.com")
    #expect(anna.username == "anna@example.com")
    #expect(anna.password == Secret("one-secret"))
    #expect(anna.certificates == "/project/certificates/anna.pem")
    #expect(bo.password == Secret("two-secret"))
    #expect(endpoints["anna"]?.first?.login == "p anna@example.com@anna.example.com:587")
    #expect(endpoints["bo"]?.first?.maxConnections == 3)
    #expect(endpoints["bo"]?.first?.interval == .seconds(1))
  }

  @Test func aHostOutsideASCIIIsReachedByItsALabels() async throws {
    let (endpoints, findings) = await resolve(
      [provider(host: "smtp.Bücher.example", username: nil, password: nil)],
      [try mailbox("anna", "anna@bücher.example")])
    #expect(findings.isEmpty)
    #expect(try smtp(endpoints["anna"]?.first).host == "smtp.xn--bcher-kva.example")
  }

  @Test func eachClientCertificateIsALoginOfItsOwn() async throws {
    let way = Provider.SMTP(
      host: "smtp.example.com", port: 465, security: .implicit,
      clientCertificate: ClientCertificate(certificate: "keys/{{mailbox.id}}.pem", key: "/keys/{{mailbox.id}}.key"))
    let (endpoints, findings) = await resolve(
      [Provider(id: "p", kind: .smtp(way))],
      [try mailbox("anna", "anna@example.com"), try mailbox("bo", "bo@example.com")])
    #expect(findings.isEmpty)
    let client = try smtp(endpoints["bo"]?.first).clientCertificate
    #expect(client == ClientCertificate(certificate: "/project/keys/bo.pem", key: "/keys/bo.key"))
    #expect(endpoints["anna"]?.first?.login != endpoints["bo"]?.first?.login)
  }

  @Test func aChainKeepsItsOrder() async throws {
    let (endpoints, findings) = await resolve(
      [provider("b", username: nil, password: nil), Provider(id: "a", kind: .file(directory: nil))],
      [try mailbox("anna", "anna@example.com", providers: ["a", "b"])])
    #expect(findings.isEmpty)
    #expect(endpoints["anna"]?.map(\.provider) == ["a", "b"])
  }

  @Test func foldersAreAbsoluteAndStayWhereTheyAre() async throws {
    let (endpoints, _) = await resolve(
      [
        Provider(id: "a", kind: .file(directory: nil)),
        Provider(id: "b", kind: .file(directory: "mail/{{mailbox.email}}")),
        Provider(id: "c", kind: .file(directory: "/var/mail/{{mailbox.id}}")),
      ], [try mailbox("..", "x/y@example.com", providers: ["a", "b", "c"])])
    let folders = endpoints[".."]?.map { endpoint -> String in
      guard case .file(let directory, _) = endpoint.kind else { return "" }
      return directory
    }
    #expect(folders == ["/project/output/outbox", "/project/mail/x_y@example.com", "/var/mail/__"])
  }

  @Test func secretsComeFromFilesAndCommandsLessTheLineBreak() async throws {
    let folder = try TemporaryFolder([
      "secrets/anna": "from-file\n", "give.sh": "#!/bin/sh\nprintf 'from-%s\\r\\n' $1\n",
    ])
    let (endpoints, findings) = await resolve(
      [
        provider("f", password: .file("secrets/{{mailbox.id}}")),
        provider("c", username: "other", password: .command(["/bin/sh", "give.sh", "{{mailbox.id}}"])),
        provider("n", username: "third", password: .command(["sh", "-c", "echo $WORD"])),
      ], [try mailbox("anna", "anna@example.com", providers: ["f", "c", "n"])], folder: folder.path,
      environment: ["PATH": "/usr/bin:/bin", "WORD": "from-environment"])
    #expect(findings.isEmpty)
    #expect(
      try endpoints["anna"]?.map { try smtp($0).password?.revealed } == ["from-file", "from-anna", "from-environment"])
  }

  @Test func aCommandRunsOnceHoweverManyUseIt() async throws {
    let folder = try TemporaryFolder()
    let command = SecretReference.command(["/bin/sh", "-c", "echo x >> count; echo word"])
    let boxes = try (0..<20).map { try mailbox("m\($0)", "m\($0)@example.com") }
    let (endpoints, findings) = await resolve(
      [provider(password: command)], boxes, folder: folder.path, environment: ["PATH": "/bin:/usr/bin"])
    #expect(findings.isEmpty)
    #expect(endpoints.count == 20)
    #expect(try folder.read("count") == "x\n")
  }

  @Test(arguments: [
    (SecretReference.environment("MISSING"), "the environment variable MISSING is not set"),
    (.environment("EMPTY"), "empty secret"),
    (.environment("BROKEN"), "line breaks or control characters"),
    (.file("nowhere"), "the file nowhere cannot be read: No such file"),
    (.file("binary"), "not UTF-8"),
    (.file("large"), "larger than a secret"),
    (.file("."), "cannot be read"),
    (.command(["no-such-program-here"]), "was not found"),
    (.command([]), "command is empty"),
    (.command(["sh", "-c", "echo TOPSECRET; exit 3"]), "failed"),
  ])
  func aSecretThatCannotBeHadIsAFindingWithoutItsValue(reference: SecretReference, text: String) async throws {
    let folder = try TemporaryFolder(["large": String(repeating: "TOPSECRET", count: 10_000)])
    try Data([0x54, 0x4F, 0x50, 0xFF, 0xFE]).write(to: URL(filePath: folder.file("binary")))
    let (endpoints, findings) = await resolve(
      [provider(password: reference)], [try mailbox("anna", "anna@example.com")], folder: folder.path,
      environment: ["PATH": "/bin:/usr/bin", "EMPTY": "\n", "BROKEN": "TOPSECRET\r\nRSET"])
    #expect(endpoints["anna"]?.isEmpty == true)
    #expect(findings.count == 1)
    #expect(findings.first?.severity == .error)
    #expect(findings.first?.place == Place("data/providers.yaml", line: 4, column: 3))
    #expect(findings.first?.message.contains(text) == true, "\(findings)")
    #expect(findings.first?.message.contains("TOP") == false)
  }

  @Test(.timeLimit(.minutes(5)))
  func aCommandThatPrintsWithoutEndIsEndedAndSaidWithoutItsValue() async throws {
    let reference = SecretReference.command(["yes", "TOPSECRET"])
    let result = await Secrets.fetch(
      [reference], folder: "/", environment: ["PATH": "/bin:/usr/bin"], commandLimit: .seconds(3600))
    guard case .failure(let problem)? = result[reference] else { throw Endpoints.Problem("no failure: \(result)") }
    #expect(problem.text == "the command yes printed more than a secret can have")
  }

  @Test(.timeLimit(.minutes(5)))
  func aCommandThatHangsIsKilledWithWhatItStarted() async throws {
    let folder = try TemporaryFolder()
    let reference = SecretReference.command(["sh", "-c", "sleep 3600 & echo $! > pid; sleep 3600"])
    let result = await Secrets.fetch(
      [reference], folder: folder.path, environment: ["PATH": "/bin:/usr/bin"], commandLimit: .milliseconds(300))
    #expect(throws: Endpoints.Problem.self) { try result[reference]?.get() }
    let pid = try #require(Int32(try folder.read("pid").split(separator: "\n")[0]))
    // Its parent is gone, so a reaper may need a moment; a sleeping process would not go away at all.
    #expect(
      try Shell.run(
        "sh",
        ["-c", "for i in 1 2 3 4 5 6 7 8 9; do grep -q '^State:.[SR]' /proc/\(pid)/status || exit 0; done; exit 1"]
      ).status == 0)
  }

  @Test(arguments: [
    ("127.0.0.1", true), ("127.8.9.10", true), ("::1", true), ("[::1]", true), ("localhost", true),
    ("smtp.example.com", false), ("128.0.0.1", false), ("127.0.0.1.example.com", false),
    ("localhost.example.com", false), ("0.0.0.0", false), ("::", false), ("127.1", false),
  ])
  func aRehearsalReachesThisMachineOnly(host: String, allowed: Bool) async throws {
    let (endpoints, findings) = await resolve(
      [provider(host: host, username: nil, password: nil)], [try mailbox("anna", "anna@example.com")],
      loopbackOnly: true)
    #expect(endpoints["anna"]?.count == (allowed ? 1 : 0))
    #expect(findings.isEmpty == allowed)
    if !allowed { #expect(findings.first?.message.contains("'\(host)'") == true) }
  }

  @Test(arguments: [
    (Optional("smtp example"), Optional("u"), "is no host name"), (nil, "{{mailbox.name}}", "none of"),
    (nil, "{{mailbox.id", "does not close it"), (nil, nil, "no `username`"),
    (nil, "a\r\nb", "control character"),
  ])
  func whatCannotBeAnEndpointIsAFinding(host: String?, username: String?, text: String) async throws {
    let (endpoints, findings) = await resolve(
      [provider(host: host ?? "smtp.example.com", username: username)], [try mailbox("anna", "anna@example.com")],
      environment: ["PASSWORD_anna": "one-secret"])
    #expect(endpoints["anna"]?.isEmpty == true)
    #expect(findings.first?.message.contains(text) == true, "\(findings)")
  }

  @Test func oneLoginHasOneSecret() async throws {
    let (_, findings) = await resolve(
      [provider(username: "shared")], [try mailbox("a", "a@example.com"), try mailbox("b", "b@example.com")],
      environment: ["PASSWORD_a": "one-secret", "PASSWORD_b": "two-secret"])
    #expect(findings.count == 1)
  }
}
