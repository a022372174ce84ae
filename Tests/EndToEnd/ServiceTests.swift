import Foundation
import Model
import TestSupport
import Testing

/// Services over HTTP and Maildirs, by configuration alone.
@Suite(.timeLimit(.minutes(5)))
struct ServiceTests {
  private static let day = "output/rehearsal/2025-11-20"
  private static let key = "SG.key-0123456789"

  /// Outcomes as `provider outcome`, for each send in its attempts' order.
  private func attempts(_ project: TestProject) throws -> [String: [String]] {
    var all: [String: [(Int64, String)]] = [:]
    for record in try project.records("\(Self.day)/results.jsonl") where record["kind"]?.string == "outcome" {
      all[record["id"]?.string ?? "", default: []].append(
        (record["attempt"]?.integer ?? 0, "\(record["provider"]?.string ?? "") \(record["outcome"]?.string ?? "")"))
    }
    return all.mapValues { $0.sorted { $0.0 < $1.0 }.map(\.1) }
  }

  private func project(
    contacts: Int, providers: String, chain: String = "first, second", settings: String = ""
  ) throws -> TestProject {
    var files = Projects.letter(contacts: contacts, port: 25, settings: settings)
    files["data/mailboxes.yaml"] = "- {id: anna, from: Anna <anna@shop.example>, providers: [\(chain)]}\n"
    files["data/providers.yaml"] = providers
    return try TestProject(files)
  }

  @Test func textMessagesGoOutThroughAWebhook() throws {
    let server = try ScriptedHTTPServer(otherwise: .reply(200, body: #"{"id":"gateway-1"}"#))
    var files = Projects.letter(contacts: 0, port: 25)
    files["campaigns/letter/campaign.yaml"] = """
      status: active
      approval: optional
      audience: {contacts: [contacts.csv]}
      mailboxes: [number]
      steps:
        - {id: only, channel: sms, text: {inline: "Hallo {{first_name}}, \\"Grüße\\""}}
      """
    files["data/contacts.csv"] =
      "phone,first_name,sms_enabled\n" + (0..<20).map { "+4915100000\($0 + 10),Zoë \($0),yes\n" }.joined()
    files["data/mailboxes.yaml"] = "- {id: number, from: \"+4930123456\", providers: [gateway]}\n"
    files["data/providers.yaml"] = """
      - id: gateway
        type: webhook
        channel: sms
        url: http://localhost:\(server.port)/v1/send/{{id}}
        token: {env: GATEWAY_TOKEN}
        body: '{"id": "{{id}}", "phone": "{{phone}}", "text": "{{text}}"}'
      """
    let project = try TestProject(files)
    try project.nightmail(
      expecting: 0, "run", "--rehearse", "--date", "2025-11-20", environment: ["GATEWAY_TOKEN": Self.key])
    let planned = try project.records("\(Self.day)/plan.jsonl")
    #expect(planned.count == 20)
    let requests = server.requests
    #expect(Set(requests.map(\.target)) == Set(planned.map { "/v1/send/\($0["id"]?.string ?? "")" }))
    #expect(requests.count == 20)
    for request in requests {
      let body = try request.text.json
      let line = planned.first { $0["id"] == body["id"] }
      #expect(body["phone"] == line?["to"] && body["phone"] != nil)
      #expect(body["text"]?.string == "Hallo \(line?["vars"]?["first_name"]?.string ?? ""), \"Grüße\"")
      #expect(body.object?.map(\.key) == ["id", "phone", "text"])
      #expect(request.method == "POST" && request.fields["content-type"] == "application/json")
      #expect(request.fields["authorization"] == "Bearer \(Self.key)")
      #expect(request.fields["idempotency-key"] == body["id"]?.string)
    }
    let outcomes = try project.records("\(Self.day)/results.jsonl").filter { $0["kind"]?.string == "outcome" }
    #expect(outcomes.allSatisfy { $0["provider_id"]?.string == "gateway-1" && $0["channel"]?.string == "sms" })
    #expect(try attempts(project).values.allSatisfy { $0 == ["gateway sent"] })
    let written = try project.folder.read("\(Self.day)/results.jsonl")
    #expect(!written.contains(Self.key))
  }

  @Test func whatAServerRefusesByPolicyGoesOutThroughTheNextProvider() throws {
    let refused = SMTPScript.Attempt(rcpt: "550 5.7.1 Relaying denied", data: "503 5.5.1 No recipient")
    let smtp = try ScriptedSMTPServer(SMTPScript(attempts: Array(repeating: refused, count: 100)))
    let server = try ScriptedHTTPServer(otherwise: .reply(202, fields: ["X-Message-Id": "sg-1"]))
    let project = try project(
      contacts: 8,
      providers: """
        - {id: first, type: smtp, host: localhost, port: \(smtp.port), tls: none, timeout: 10s}
        - id: second
          type: sendgrid
          api_key: {env: SENDGRID_KEY}
          base_url: http://127.0.0.1:\(server.port)
        """)
    try project.nightmail(
      expecting: 0, "run", "--rehearse", "--date", "2025-11-20", environment: ["SENDGRID_KEY": Self.key])
    #expect(smtp.messages.isEmpty)
    let planned = Set(try project.records("\(Self.day)/plan.jsonl").compactMap { $0["id"]?.string })
    let sent = try server.requests.map { try $0.text.json["custom_args"]?["send_id"]?.string ?? "" }
    #expect(Set(sent) == planned && sent.count == 8)
    let attempts = try attempts(project)
    #expect(Set(attempts.keys) == planned)
    #expect(attempts.values.allSatisfy { $0 == ["first retry", "second sent"] }, "\(attempts)")
  }

  @Test func whatMayHaveBeenTakenIsNeverSentThroughTheNextProvider() throws {
    let server = try ScriptedHTTPServer(otherwise: .reply(500, body: "oops"))
    let project = try project(
      contacts: 5,
      providers: """
        - id: first
          type: postmark
          server_token: {env: POSTMARK_TOKEN}
          base_url: http://localhost:\(server.port)
        - {id: second, type: file, directory: sent}
        """)
    let environment = ["POSTMARK_TOKEN": Self.key]
    let run = try project.nightmail("run", "--rehearse", "--date", "2025-11-20", "--json", environment: environment)
    #expect([3, 4].contains(run.status), "\(run.out)\(run.error)")
    let attempts = try attempts(project)
    #expect(!attempts.isEmpty && attempts.values.allSatisfy { $0 == ["first in-doubt"] }, "\(attempts)")
    let before = server.requests.count
    #expect(before == attempts.count)
    #expect(!project.folder.exists("sent") || project.folder.list("sent").isEmpty)
    let listed = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(Set(listed.compactMap { $0["id"]?.string }) == Set(attempts.keys))
    // Neither by another run nor by the next day's plan.
    _ = try project.nightmail("send", "--rehearse", "2025-11-20", environment: environment)
    let again = try self.attempts(project)
    for id in attempts.keys { #expect(again[id] == ["first in-doubt"]) }
    #expect(!project.folder.exists("sent") || project.folder.list("sent").isEmpty)
  }

  @Test func aServiceThatIsNotThereIsPassedOverWithoutAnAttempt() throws {
    let project = try project(
      contacts: 4,
      providers: """
        - {id: first, type: mailgun, domain: a.example, api_key: {env: KEY}, base_url: "http://localhost:\(LoopbackPort.free())"}
        - {id: second, type: file, directory: sent}
        """)
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20", environment: ["KEY": Self.key])
    #expect(project.folder.list("sent").count == 4)
    #expect(try attempts(project).values.allSatisfy { $0 == ["second sent"] })
  }

  /// RFC 6531: without SMTPUTF8 the address cannot be written, and domains go as A-labels anyway.
  @Test(arguments: [true, false])
  func anAddressOutsideASCIINeedsAServerThatTakesIt(offered: Bool) throws {
    let server = try ScriptedSMTPServer(
      SMTPScript(capabilities: ["PIPELINING", "8BITMIME"] + (offered ? ["SMTPUTF8"] : [])))
    let project = try project(
      contacts: 0,
      providers: """
        - {id: first, type: smtp, host: localhost, port: \(server.port), tls: none, timeout: 10s}
        - {id: second, type: file, directory: sent}
        """)
    try project.folder.write(
      "email,first_name\njürgen@bücher.example,Jürgen\nada@bücher.example,Ada\n", to: "data/contacts.csv")
    try project.nightmail(expecting: 0, "run", "--rehearse", "--date", "2025-11-20")
    let plain = "ada@xn--bcher-kva.example"
    #expect(Set(server.messages.flatMap(\.to)) == (offered ? [plain, "jürgen@xn--bcher-kva.example"] : [plain]))
    #expect(project.folder.exists("sent") == !offered)
    let mails = server.transcripts.joined().filter { $0.hasPrefix("MAIL") }
    #expect(mails.count { $0.hasSuffix(" BODY=8BITMIME SMTPUTF8") } == (offered ? 1 : 0))
    #expect(mails.contains("MAIL FROM:<anna@shop.example>"), "what is ASCII asks for nothing")
  }

  @Test func killedAtAnyInstantAMaildirHasNothingTwice() throws {
    let count = 1500
    let project = try project(
      contacts: count, providers: "- {id: first, type: file, directory: mail, format: maildir}\n", chain: "first",
      // What kills leave in doubt would count as errors.
      settings: "breaker: {min_sends: 100000}\n")
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    let seed = UInt64.random(in: 0 ... .max)
    var random = Dice(seed)
    func stored() -> [String] { project.folder.exists("mail/new") ? project.folder.list("mail/new") : [] }
    var midway = 0
    for _ in 0..<8 {
      let before = stored().count
      let run = try project.start("send", "--rehearse", "2025-11-20")
      try wait(30) { stored().count > before || !run.isRunning }
      pause(milliseconds: Int.random(in: 0...15, using: &random))
      if run.isRunning { midway += 1 }
      run.stop()
    }
    let last = try project.nightmail("send", "--rehearse", "2025-11-20")
    #expect([0, 3].contains(last.status), "seed \(seed): \(last.out)\(last.error)")
    #expect(midway > 0, "seed \(seed): no run was killed while it sent")
    let ids = stored().compactMap { $0.split(separator: "_").last.map { String($0.prefix(32)) } }
    #expect(Set(ids).count == ids.count, "seed \(seed): stored twice")
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.planned.count == count)
    #expect(ledger.ids("sent").isSubset(of: ids), "seed \(seed): recorded as sent and not there")
    #expect(ledger.ids("sent").union(ledger.ids("in-doubt")).isSuperset(of: ledger.planned), "seed \(seed): lost")
    #expect(Set(ids).isSubset(of: ledger.ids("sent").union(ledger.ids("in-doubt"))))
  }
}
