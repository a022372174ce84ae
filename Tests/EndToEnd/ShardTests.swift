import Foundation
import Model
import TestSupport
import Testing

/// Several runs that share a plan's mailboxes out (`--shard I/N`).
@Suite(.serialized, .timeLimit(.minutes(10)))
struct ShardTests {
  private static let day = "output/rehearsal/2025-11-20"
  private static let mailboxes = (0..<8).map { "box\($0)" }

  private func project(_ contacts: Int, _ server: ScriptedSMTPServer) throws -> TestProject {
    var files = Projects.letter(contacts: contacts, port: server.port, connections: 4)
    files["campaigns/letter/campaign.yaml"] = files["campaigns/letter/campaign.yaml"]?
      .replacing("mailboxes: [anna]", with: "mailboxes: [\(Self.mailboxes.joined(separator: ", "))]")
      .appending("\non_sent: {record: told.csv, columns: [send_id]}\n")
    files["data/mailboxes.yaml"] = Self.mailboxes
      .map { "- {id: \($0), from: Anna <\($0)@shop.example>, providers: [server]}\n" }.joined()
    let project = try TestProject(files)
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-20")
    return project
  }

  private func start(_ shard: String, _ project: TestProject) throws -> RunningProgram {
    try project.start("send", "--rehearse", "--shard", shard, "2025-11-20")
  }

  /// Records of all results files, by file.
  private func results(_ project: TestProject) throws -> [String: [JSON]] {
    let names = try FileManager.default.contentsOfDirectory(atPath: "\(project.path)/\(Self.day)")
      .filter { $0.hasPrefix("results") && $0.hasSuffix(".jsonl") }
    return Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try project.records("\(Self.day)/\($0)")) })
  }

  /// Ids by how often a server took them, as the results have it.
  private func sent(_ project: TestProject) throws -> [String: Int] {
    var counts: [String: Int] = [:]
    for record in try results(project).values.joined() where record["outcome"]?.string == "sent" {
      counts[record["id"]?.string ?? "", default: 0] += 1
    }
    return counts
  }

  @Test func shardsDeliverAPlanTogetherEachItsOwnMailboxes() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 20))
    let project = try project(80, server)
    let runs = try ["0/2", "1/2"].map { try start($0, project) }
    defer { for run in runs { run.stop() } }
    try wait(30) { !server.messages.isEmpty || !runs[0].isRunning }
    for command in [
      ["send", "2025-11-20"], ["plan", "--date", "2025-11-20"], ["send", "--shard", "0/2", "2025-11-20"],
    ] {
      let output = try Shell.run(
        try #require(Program.folder) + "/nightmail", command + ["--rehearse"], folder: project.path,
        environment: Program.environment)
      #expect(output.status == 75, "\(command): \(output.out)\(output.error)")
    }
    let live = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-20", "--json").json
    #expect(live["totals"]?["in-doubt"]?.integer == 0, "what is under way is not in doubt")
    for run in runs { #expect(run.wait(seconds: 60) == 0, "\(run.output)") }
    #expect(server.messages.count == 80)
    for i in 0..<2 {
      let shard = try #require(Shard(i, of: 2))
      let own = try #require(try results(project)["results.\(i)-of-2.jsonl"])
      let boxes = Set(own.compactMap { $0["mailbox"]?.string })
      #expect(boxes == Set(Self.mailboxes.filter { shard.owns(mailbox: $0) }))
    }
    let status = try project.nightmail(expecting: 0, "status", "--rehearse", "2025-11-20", "--json").json
    #expect(status["totals"]?["sent"]?.integer == 80)
    let told = try project.folder.read("\(Self.day)/told.csv").split(separator: "\n").dropFirst().map(String.init)
    #expect(try told.count == 80 && Set(told) == Set(sent(project).keys))
    // Whoever plans again reads them all: nothing is due any more.
    let again = try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-21", "--json").json
    #expect(again["totals"]?["due"]?.integer == 0)
  }

  @Test func anotherNumberOfShardsHalfWayLosesNothingAndSendsNothingTwice() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 10))
    let project = try project(160, server)
    let killed = try ["0/2", "1/2"].map { try start($0, project) }
    try wait(30) { server.messages.count >= 30 }
    for run in killed { run.stop() }
    for shard in ["2/3", "0/3", "1/3"] {
      let run = try start(shard, project)
      #expect([0, 3].contains(run.wait(seconds: 60) ?? -1), "\(run.output)")
    }
    try reconcile(project, server, 160)
  }

  @Test func shardsThatWereAllKilledLeaveTheirRowsToTheNextRunOfAnyDay() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 10))
    let project = try project(160, server)
    let killed = try ["0/2", "1/2"].map { try start($0, project) }
    try wait(30) { server.messages.count >= 30 }
    for run in killed { run.stop() }
    let known = try sent(project)
    #expect(!known.isEmpty)
    try project.nightmail(expecting: 0, "plan", "--rehearse", "--date", "2025-11-21")
    try project.nightmail(expecting: 0, "send", "--rehearse", "2025-11-21")
    let told = try project.folder.read("\(Self.day)/told.csv").split(separator: "\n").dropFirst().map(String.init)
    #expect(told.count == known.count && Set(told) == Set(known.keys))
  }

  @Test func aMailboxHasOneOwnerAlsoWhileShardsOfAnotherNumberRun() throws {
    let server = try ScriptedSMTPServer(SMTPScript(latency: 20))
    let project = try project(160, server)
    let first = try start("0/2", project)
    defer { first.stop() }
    try wait(30) { server.messages.count >= 4 || !first.isRunning }
    let others = try ["0/3", "1/3", "2/3"].map { try start($0, project) }
    let shared = Self.mailboxes.filter { Shard(0, of: 2)?.owns(mailbox: $0) == true }
    for (i, run) in others.enumerated() {
      let status = run.wait(seconds: 60)
      let wants = shared.filter { Shard(i, of: 3)?.owns(mailbox: $0) == true }
      // The first may have ended before this one looked; while it runs, what it has is left to it.
      if first.isRunning, !wants.isEmpty { #expect(status == 75 && run.output.contains("another run has it")) }
    }
    #expect(first.wait(seconds: 60) == 0, "\(first.output)")
    for shard in ["0/3", "1/3", "2/3"] { #expect(try start(shard, project).wait(seconds: 60) == 0) }
    try reconcile(project, server, 160)
    #expect(server.messages.count == 160)
  }

  /// Every line was sent once or is in doubt, and the server has each at most once.
  private func reconcile(_ project: TestProject, _ server: ScriptedSMTPServer, _ count: Int) throws {
    try wait(30) { server.openConnections == 0 }
    let planned = try project.records("\(Self.day)/plan.jsonl").compactMap { $0["id"]?.string }
    #expect(planned.count == count)
    let sent = try sent(project)
    #expect(sent.values.allSatisfy { $0 == 1 })
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--rehearse", "--json").json.array ?? []
    let doubtful = Set(letters.filter { $0["reason"]?.string == "in-doubt" }.compactMap { $0["id"]?.string })
    #expect(Set(sent.keys).isDisjoint(with: doubtful))
    #expect(Set(planned) == Set(sent.keys).union(doubtful))
    let ids = server.takenIDs
    #expect(ids.count == server.messages.count && Set(ids).count == ids.count, "a message went out twice")
    #expect(Set(ids).isSuperset(of: sent.keys))
  }
}
