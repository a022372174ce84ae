import Delivery
import Journal
import Model

/// The lines of a stored plan for the dispatcher.
final class PlanSource: LineSource {
  private let lines: StoredLines
  private let people: People
  private let history: History
  private let campaigns: [String: Campaign]
  /// When sequences began by what was sent earlier on this day, where that is known.
  var began: [Int: Instant] = [:]
  /// Pieces of the hashes of each line's id, contact and address: who may be the one that an event is about.
  private let tags: [(id: UInt32, contact: UInt32, address: UInt32)]

  init(_ lines: StoredLines, _ index: PlanIndex, _ people: People, _ history: History, _ project: Project) {
    self.lines = lines
    self.people = people
    self.history = history
    campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    tags = (0..<index.count).map { n in
      (Self.tag(index.ids[n].low), Self.tag(index.contacts[n]), Self.tag(index.addresses[n]))
    }
  }

  private static func tag(_ hash: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: hash) }

  func send(_ line: Int) throws -> PlannedSend { try lines.send(line) }
  func others(_ line: Int, _ send: PlannedSend) -> [String] { people.names(send) }

  func began(_ line: Int, _ send: PlannedSend) -> Instant? {
    let earlier = campaigns[send.campaign].flatMap { campaign in
      history.sends(campaign: campaign, contact: send.contact, to: [EmailAddress(send.to)?.canonical ?? send.to])
        .filter { $0.state == .sent }.map { history.firstAttempt($0.id) ?? $0.at }.min()
    }
    return [earlier, began[line]].compactMap { $0 }.min()
  }

  /// What other days' results know of a send.
  func record(_ id: SendID) -> SendRecord? { history.sends[id] }

  func forEachOtherName(_ body: (UInt64, [UInt64]) -> Void) {
    people.forEachName { hashes in
      for hash in hashes { body(hash, hashes) }
    }
  }

  func lines(_ lines: [Int], ids: Set<SendID>, to names: Set<String>) -> [Int] {
    let ids = Set(ids.map { Self.tag($0.low) })
    let people = Set(names.union(people.others(of: names)).map { Self.tag(ByteHash.of($0)) })
    return lines.filter { line in
      let tag = tags[line]
      return ids.contains(tag.id) || people.contains(tag.contact) || people.contains(tag.address)
    }
  }
}
