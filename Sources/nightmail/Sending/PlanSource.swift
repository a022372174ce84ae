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
  /// Pieces of the hashes of each line's id, contact and address: who may be the one that an event is about, of a million
  /// lines some fifteen too many for each. Addresses are left out where they are the contacts.
  private let ids: [UInt16]
  private let contacts: [UInt16]
  private let addresses: [UInt16]

  init(_ lines: StoredLines, _ index: PlanIndex, _ people: People, _ history: History, _ project: Project) {
    self.lines = lines
    self.people = people
    self.history = history
    campaigns = Dictionary(project.campaigns.map { ($0.id, $0) }, uniquingKeysWith: { a, _ in a })
    ids = index.ids.map { UInt16(truncatingIfNeeded: $0.low) }
    contacts = index.contacts.map(Self.tag)
    addresses = index.addresses.isSame ? [] : (0..<index.count).map { Self.tag(index.address($0)) }
  }

  private static func tag(_ hash: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: hash) }

  func send(_ line: Int) throws -> PlannedSend { try lines.send(line) }
  func others(_ line: Int, _ send: PlannedSend) -> [String] { people.names(send) }

  func began(_ line: Int, _ send: PlannedSend) -> Instant? {
    let earlier = campaigns[send.campaign].flatMap { campaign in
      history.sends(campaign: campaign, contact: send.contact, to: [EmailAddress.canonical(of: send.to)])
        .filter { $0.state == .sent }.map { history.firstAttempt($0.id) ?? $0.at }.min()
    }
    return [earlier, began[line]].compactMap { $0 }.min()
  }

  /// Whether other days' results know of any send.
  var hasRecords: Bool { !history.sends.isEmpty }
  /// What other days' results know of a send.
  func record(_ id: SendID) -> SendRecord? { history.sends[id] }

  func forEachOtherName(_ body: (UInt64, [UInt64]) -> Void) {
    people.forEachName { hashes in
      for hash in hashes { body(hash, hashes) }
    }
  }

  func lines(_ lines: [Int], ids: Set<SendID>, to names: Set<String>) -> [Int] {
    let wanted = Set(ids.map { UInt16(truncatingIfNeeded: $0.low) })
    let people = Set(names.union(people.others(of: names)).map { Self.tag(ByteHash.of($0)) })
    return lines.filter { line in
      wanted.contains(self.ids[line]) || people.contains(contacts[line])
        || !addresses.isEmpty && people.contains(addresses[line])
    }
  }
}
