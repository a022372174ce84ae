import Foundation
import Model
import TestSupport
import Testing

/// What a recording server has accepted against what the program has written down and says of the day.
struct Reckoning {
  let project: TestProject
  let server: RecordingServer
  let day: String

  init(_ project: TestProject, _ server: RecordingServer) {
    self.project = project
    self.server = server
    day = "output/\(Daytime.today)"
  }

  struct Figures: CustomStringConvertible {
    var planned = 0
    var accepted = 0
    var sent = 0
    var refused = 0
    var inDoubt = 0
    /// In doubt, and the server has it.
    var arrived = 0
    var description: String {
      "\(planned) planned, \(accepted) accepted, \(sent) sent, \(refused) refused, \(inDoubt) in doubt (\(arrived) of "
        + "them accepted)"
    }
  }

  /// After a run that was cut off: whatever the server has, the disk had its intent by then.
  /// - Parameter size: of the results that were on disk for sure; nil: the file as it is.
  func nothingIsOutThatWasNotWrittenDown(_ note: Comment, size: Int? = nil) throws {
    try wait(30) { server.openConnections == 0 }
    var intents: Set<String> = []
    if project.folder.exists("\(day)/results.jsonl") {
      let text = try project.folder.read("\(day)/results.jsonl").utf8
      var lines = text.prefix(size ?? text.count).split(separator: 0x0A, omittingEmptySubsequences: false)
      lines.removeLast()
      for line in lines {
        let record = try JSON(parsing: Array(line))
        if record["kind"]?.string == "intent", let id = record["id"]?.string { intents.insert(id) }
      }
    }
    let unknown = Set(server.accepted).subtracting(intents)
    #expect(unknown.isEmpty, "\(note): accepted, and no intent was on disk: \(unknown)")
  }

  /// At the end: nothing twice, nothing lost, everything said.
  /// - Parameter isThorough: what the commands say is looked at too.
  @discardableResult
  func reconcile(_ note: Comment, isThorough: Bool = true) throws -> Figures {
    try wait(30) { server.openConnections == 0 }
    let ledger = try Ledger(project, day: day)
    let plan = try project.records("\(day)/plan.jsonl")
    let accepted = server.accepted
    #expect(Set(accepted).count == accepted.count, "\(note): accepted twice: \(twice(accepted))")
    #expect(Set(accepted).isSubset(of: ledger.planned), "\(note): accepted and not planned")
    let (sent, failed, inDoubt) = (ledger.ids("sent"), ledger.ids("failed"), ledger.ids("in-doubt"))
    #expect(sent.union(failed).union(inDoubt) == Set(ledger.planned), "\(note): lost: \(ledger.state)")
    #expect(sent.isSubset(of: accepted), "\(note): recorded as sent, and the server has it not")
    #expect(failed.isDisjoint(with: accepted), "\(note): recorded as refused, and the server has it")
    #expect(ledger.sent.values.allSatisfy { $0 == 1 }, "\(note): recorded as sent twice")
    for line in plan {
      guard let id = line["id"]?.string, let to = line["to"]?.string else { continue }
      let fate = server.manners.fate(server.wire == .smtp ? to : id)
      let isRefused = fate == .refuse || fate == .refuseLate
      if failed.contains(id) { #expect(isRefused, "\(note): \(id) is recorded as refused, and was not") }
      if fate == .drop, sent.contains(id) { Issue.record("\(note): \(id) was never answered, and is recorded as sent") }
    }
    if isThorough { try commandsAgree(ledger, note) }
    return Figures(
      planned: ledger.planned.count, accepted: accepted.count, sent: sent.count, refused: failed.count,
      inDoubt: inDoubt.count, arrived: inDoubt.intersection(accepted).count)
  }

  private func commandsAgree(_ ledger: Ledger, _ note: Comment) throws {
    let (sent, failed, inDoubt) = (ledger.ids("sent"), ledger.ids("failed"), ledger.ids("in-doubt"))
    let letters = try project.nightmail(expecting: 0, "dead-letters", "list", "--json").json.array ?? []
    func ids(_ reason: String) -> [String] {
      letters.filter { $0["reason"]?.string == reason }.compactMap { $0["id"]?.string }.sorted()
    }
    #expect(ids("in-doubt") == inDoubt.sorted(), note)
    #expect(ids("rejected") == failed.sorted(), note)
    #expect(letters.count == inDoubt.count + failed.count, note)
    let totals = try #require(try project.nightmail(expecting: 0, "status", "--json").json["totals"]?.object)
    let wanted = [
      "total": ledger.planned.count, "sent": sent.count, "in-doubt": inDoubt.count, "dead": failed.count,
    ]
    for member in totals {
      #expect(member.value.integer == Int64(wanted[member.key] ?? 0), "\(note): status says \(member)")
    }
    let derived = try project.records("\(day)/dead-letters.jsonl").compactMap { $0["id"]?.string }
    #expect(Set(derived) == failed.union(inDoubt), note)
  }

  private func twice(_ ids: [String]) -> [String] {
    Dictionary(grouping: ids) { $0 }.filter { $0.value.count > 1 }.keys.sorted()
  }
}
