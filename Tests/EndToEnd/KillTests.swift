import Foundation
import Model
import TestSupport
import Testing

/// Killed at any instant, nothing is sent twice and nothing is lost.
@Suite(.serialized, .timeLimit(.minutes(15)))
struct KillTests {
  private static let isLong = ProcessInfo.processInfo.environment["NIGHTMAIL_LONG"] == "1"
  private static let day = "output/rehearsal/2025-11-20"

  /// A server that takes its time, and now and then takes a message and hangs up without a word.
  private func server(messages: Int, latency: Int, using random: inout Dice) throws -> ScriptedSMTPServer {
    let attempts = (0..<messages).map { _ in
      Int.random(in: 0..<100, using: &random) == 0
        ? SMTPScript.Attempt(message: .hangUp) : SMTPScript.Attempt()
    }
    return try ScriptedSMTPServer(SMTPScript(attempts: attempts, latency: latency))
  }

  @Test func killedAgainAndAgainNothingIsSentTwiceAndNothingIsLost() throws {
    let (messages, kills) = Self.isLong ? (2000, 100) : (300, 15)
    let seed = UInt64.random(in: 0 ... .max)
    var random = Dice(seed)
    let server = try server(messages: messages, latency: 5, using: &random)
    let project = try TestProject(Projects.letter(contacts: messages, port: server.port))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    var midway = 0
    for kill in 0..<kills {
      let before = server.messages.count
      let run = try project.start("send", "--rehearse", "2025-11-20")
      // Every third time while it reads its files, else once it has begun to send.
      if kill % 3 > 0 { try wait(30) { server.messages.count > before || !run.isRunning } }
      pause(milliseconds: Int.random(in: 5...150, using: &random))
      if run.isRunning, server.messages.count > before { midway += 1 }
      run.stop()
    }
    #expect(midway >= kills / 3, "seed \(seed): too few runs were killed while they sent")
    let last = try project.nightmail("send", "--rehearse", "2025-11-20", "--json", limit: 300)
    #expect([0, 3].contains(last.status), "seed \(seed): \(last.out)\(last.error)")
    try wait(30) { server.openConnections == 0 }
    try reconcile(project, server, messages: messages, "seed \(seed)")
    // And the end is the end.
    let count = server.messages.count
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-20")
    #expect(server.messages.count == count)
  }

  @Test func aRunThatIsAskedToStopEndsInOrderAndGoesOn() throws {
    var random = Dice(7)
    let server = try server(messages: 0, latency: 5, using: &random)
    let project = try TestProject(Projects.letter(contacts: 150, port: server.port))
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    for stop in 1...2 {
      let run = try project.start("send", "--rehearse", "2025-11-20")
      try wait(30) { server.messages.count >= stop * 20 || !run.isRunning }
      kill(run.processIdentifier, SIGTERM)
      let status = run.wait(seconds: 20)
      #expect(status == 4, "\(run.output)")
      #expect(run.output.contains("left for the next run"), "\(run.output)")
    }
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.ids("intent").isEmpty && ledger.ids("in-doubt").isEmpty, "an orderly stop leaves nothing in doubt")
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-20")
    try wait(30) { server.openConnections == 0 }
    #expect(server.messages.count == 150)
    try reconcile(project, server, messages: 150, "SIGTERM")
  }

  /// With `--due`, what is left is for later runs and no cause for a code - unless a signal left it.
  @Test func aDueRunThatIsAskedToStopSaysThatItWasStopped() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 8))
    var files = Projects.letter(contacts: 0, port: server.port, connections: 1)
    files["campaigns/letter/campaign.yaml"] = """
      status: active
      class: transactional
      audience: {messages: [messages.csv], key: [email]}
      mailboxes: [anna]
      steps: [{id: code, subject: Your code, text: {inline: "{{email}}\n"}}]
      """
    files["data/messages.csv"] = "email\n" + (0..<60).map { "c\($0)@example.com\n" }.joined()
    let project = try TestProject(files)
    let run = try project.start("run", "--due")
    try wait(30) { server.messages.count >= 5 || !run.isRunning }
    kill(run.processIdentifier, SIGTERM)
    #expect(run.wait(seconds: 20) == 4, "\(run.output)")
    try project.nightmail(expecting: 0, "run", "--due")
    #expect(server.messages.count == 60)
  }

  /// Each Message-ID was taken once, or its send is in doubt or dead by the results and in the list of dead letters.
  private func reconcile(_ project: TestProject, _ server: ScriptedSMTPServer, messages: Int, _ note: Comment) throws {
    let ledger = try Ledger(project, day: Self.day)
    #expect(ledger.planned.count == messages, note)
    let taken = server.takenIDs
    #expect(taken.count == server.messages.count, note)
    #expect(Set(taken).count == taken.count, "\(note): taken twice")
    let (sent, inDoubt) = (ledger.ids("sent"), ledger.ids("in-doubt"))
    #expect(sent.isSubset(of: taken), "\(note): recorded as sent and never taken")
    #expect(Set(taken).isSubset(of: sent.union(inDoubt)), "\(note): taken and recorded as neither sent nor in doubt")
    #expect(sent.count + inDoubt.count == messages, "\(note): \(sent.count) sent, \(inDoubt.count) in doubt")
    #expect(ledger.sent.values.allSatisfy { $0 == 1 }, note)
    let list = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    #expect(Set(list.compactMap { $0["id"]?.string }) == inDoubt, note)
  }
}
