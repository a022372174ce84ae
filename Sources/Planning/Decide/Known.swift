import Model

/// What results and other plans have of a send, found under every name that campaign, step and contact have had:
/// history holds for the id and for the address (DESIGN §2, contacts), and nothing is sent twice.
struct Known {
  private struct Name: Hashable {
    var campaign: String
    var step: String
    var channel: Channel
    var key: String
    var person: String
  }

  private let history: History
  private var reserved: Set<Name> = []
  /// Records of message rows. Those of sequences are found by `History.sends`.
  private var rows: [Name: [SendID]] = [:]

  var hasReserved: Bool { !reserved.isEmpty }

  init(_ history: History, forRows: Bool) {
    self.history = history
    for send in history.reserved.values {
      for person in Self.persons(send.contact, send.to) {
        reserved.insert(
          Name(campaign: send.campaign, step: send.step, channel: send.channel, key: send.key, person: person))
      }
    }
    guard forRows else { return }
    history.forEachKeyed { entry in
      let record = history.record(entry)
      for person in Self.persons(record.contact, record.to) {
        let name = Name(
          campaign: record.campaign, step: record.step, channel: record.channel, key: record.key, person: person)
        rows[name, default: []].append(record.id)
      }
    }
  }

  private static func persons(_ contact: String, _ to: String) -> Set<String> {
    [contact, EmailAddress.canonical(of: to)]
  }

  /// Whether unsent lines of other approved plans have the send.
  func isReserved(_ campaign: Campaign, _ step: Step, _ channel: Channel, key: String, persons: [String]) -> Bool {
    !reserved.isEmpty && names(campaign, step, channel, key, persons).contains(where: reserved.contains)
  }

  /// The record of a message row; of several the one that got furthest.
  func row(_ campaign: Campaign, _ step: Step, _ channel: Channel, key: String, persons: [String]) -> SendRecord? {
    if rows.isEmpty { return nil }
    let records = Set(names(campaign, step, channel, key, persons).flatMap { rows[$0] ?? [] })
      .sorted().compactMap { history.sends[$0] }
    return records.first { $0.state.isFinal } ?? records.first { $0.state.countsAgainstLimits } ?? records.first
  }

  private func names(
    _ campaign: Campaign, _ step: Step, _ channel: Channel, _ key: String, _ persons: [String]
  ) -> [Name] {
    ([campaign.id] + campaign.was).flatMap { campaign in
      ([step.id] + step.was).flatMap { step in
        persons.map { Name(campaign: campaign, step: step, channel: channel, key: key, person: $0) }
      }
    }
  }
}
