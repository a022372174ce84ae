import Foundation
import Model
import Reporting
import TestSupport
import Testing
import Transports

@testable import nightmail

/// `doctor` as it is typed: what it says of a project, of this machine and of servers on it.
@Suite(.timeLimit(.minutes(5)))
struct DoctorTests {
  private func verdicts(_ json: JSON) -> [String: String] {
    (json["checks"]?.array ?? []).reduce(into: [:]) { found, check in
      found[check["about"]?.string ?? ""] = check["verdict"]?.string
    }
  }

  @Test func aServerThatTakesTheLoginIsWellAndGetsNoMail() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["AUTH PLAIN"]))
    let project = try TestProject(
      Projects.letter(contacts: 1, port: server.port, provider: "tls: none\nusername: anna\npassword: {env: WORD}"))
    let text = try project.nightmail(expecting: 0, "doctor", environment: ["WORD": "secret-word"])
    #expect(
      text.contains("ok    provider server (anna): localhost:\(server.port) reached, no TLS, logged in as"), "\(text)")
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 } && server.messages.isEmpty)
    #expect(!project.folder.exists("output"), "it changes nothing")
    // Without the secret nobody is asked.
    let missing = try project.nightmail("doctor")
    #expect(missing.status == 1 && missing.out.contains("WORD is not set") && server.connections == 1, "\(missing.out)")
  }

  @Test func aRefusedLoginFails() throws {
    let server = try ScriptedSMTPServer(SMTPScript(capabilities: ["AUTH PLAIN"], login: "535 5.7.8 no"))
    let project = try TestProject(
      Projects.letter(contacts: 1, port: server.port, provider: "tls: none\nusername: anna\npassword: {env: WORD}"))
    let output = try project.nightmail("doctor", "--json", environment: ["WORD": "secret-word"])
    let json = try output.out.json
    #expect(output.status == 1 && json["ok"] == .bool(false) && verdicts(json)["provider server (anna)"] == "fail")
  }

  @Test func aServerThatSaysNothingHoldsItUpNoLongerThanAsked() throws {
    let server = try ScriptedSMTPServer(SMTPScript(greetings: [.silence]))
    let project = try TestProject(Projects.letter(contacts: 1, port: server.port))
    let began = Date()
    let output = try project.nightmail("doctor", "--timeout", "1s")
    #expect(output.status == 1 && output.out.contains("did not answer"), "\(output.out)")
    #expect(Date().timeIntervalSince(began) < 20)
    // Offline it is not asked at all.
    let offline = try project.nightmail(expecting: 0, "doctor", "--offline")
    #expect(offline.contains("not asked, by --offline") && server.connections == 1)
  }

  @Test func anOutputThatOthersCanReadFailsAndSaysHowToCloseIt() throws {
    let project = try TestProject(Projects.files(contacts: 1))
    try project.nightmail(expecting: 0, "plan")
    try project.nightmail(expecting: 0, "doctor", "--offline")
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: project.folder.file("output"))
    let output = try project.nightmail("doctor", "--offline")
    #expect(output.status == 1 && output.out.contains("chmod -R go= \(project.path)/output"), "\(output.out)")
  }

  @Test func aLostHistoryALooseKeyAndAPauseAreSeen() throws {
    var files = Projects.files(contacts: 1)
    files["word"] = "secret"
    files["data/providers.yaml"] =
      "- {id: server, type: file}\n- {id: spare, type: smtp, host: localhost, port: 9, tls: none, "
      + "username: a, password: {file: word}}\n"
    let project = try TestProject(files)
    try project.nightmail(expecting: 0, "plan")
    try project.nightmail(expecting: 0, "send", "--due")
    try project.nightmail(expecting: 0, "pause", "mailbox", "anna")
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: project.folder.file("word"))
    let json = try project.nightmail(expecting: 0, "doctor", "--offline", "--json").json
    #expect(verdicts(json)["history"] == "ok" && verdicts(json)["paused"] == "warn")
    #expect(verdicts(json)["key file"] == "warn" && json["ok"] == .bool(true))
    try FileManager.default.removeItem(atPath: project.folder.file("output/history/id"))
    let lost = try project.nightmail("doctor", "--offline", "--json")
    let found = verdicts(try lost.out.json)
    #expect(lost.status == 1 && found["history"] == "fail")
  }

  @Test func aProjectThatIsNoneOrBrokenIsSaidAndTheMachineIsLookedAtAllTheSame() throws {
    let empty = try TestProject([:])
    let output = try empty.nightmail("doctor")
    #expect(output.status == 1 && output.out.contains("nightmail init") && output.out.contains("disk:"))
    var files = Projects.files(contacts: 1)
    files["data/providers.yaml"] = "- {id: server, type: pigeon}\n"
    let broken = try TestProject(files).nightmail("doctor")
    #expect(broken.status == 1 && broken.out.contains("data/providers.yaml:1:") && broken.out.contains("lock:"))
    let wrong = try empty.nightmail("doctor", "--timeout", "soon")
    #expect(wrong.status == 1 && wrong.error.contains("--timeout"))
  }

  @Test func theKeyInDNSIsComparedWithTheOneThatSigns() {
    func verdict(_ answer: TextRecords) -> Checkup.Verdict {
      NetworkCheck.judge(name: "s1._domainkey.example.com", record: "v=DKIM1; k=rsa; p=AAAA", answer).verdict
    }
    #expect(verdict(.records(["v=DKIM1; k=rsa; p=AA AA"])) == .ok)
    #expect(verdict(.records(["google-site-verification=x", "k=rsa;p=AAAA;"])) == .ok)
    #expect(verdict(.records(["v=DKIM1; p=BBBB"])) == .fail && verdict(.records(["v=DKIM1; p="])) == .fail)
    #expect(verdict(.none) == .fail && verdict(.unknown) == .warn && verdict(.records(["nothing"])) == .fail)
    let line = NetworkCheck.judge(name: "s1._domainkey.example.com", record: "v=DKIM1; p=AAAA", .none)
    #expect(line.advice == "publish it: s1._domainkey.example.com. TXT \"v=DKIM1; p=AAAA\"")
  }
}
