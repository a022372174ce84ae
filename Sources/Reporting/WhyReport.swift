import Model

/// Why a contact is, or is not, in the plan, in words: one paragraph a campaign, one line a step, within 80 columns.
public enum WhyReport {
  /// A line of the plan that was written for the same day, as it stands in its file.
  public struct WrittenLine: Sendable {
    public var send: PlannedSend
    /// Approved, or in no need of it.
    public var mayGo: Bool
    public init(send: PlannedSend, mayGo: Bool) {
      self.send = send
      self.mayGo = mayGo
    }
  }

  /// - Parameter written: the person's lines in the day's written plan; nil if there is no plan yet.
  public static func text(_ explanation: Explanation, written: [WrittenLine]?) -> String {
    let words = WhyWords(explanation)
    var out = paragraph(head(explanation))
    out += paragraph("Plan for \(explanation.date), from \(explanation.zone.format(explanation.notBefore)):")
    for campaign in explanation.campaigns { out += "\n" + text(campaign, words) }
    if !explanation.notes.isEmpty { out += "\n" + explanation.notes.map { paragraph("Note: \($0)") }.joined() }
    if let written {
      let differences = differences(explanation, written, words)
      if !differences.isEmpty { out += "\nThe plan that was written for this day:\n" }
      for line in differences { out += paragraph("  " + line, hanging: 4) }
    }
    return out
  }

  static func head(_ explanation: Explanation) -> String {
    let person = explanation.person
    let names = person.names.filter { $0 != person.key }
    let also = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
    switch person.kind {
    case .contact:
      let zone = person.zone.map { "lives in \($0.identifier)" } ?? "no zone, so \(explanation.zone.identifier)"
      return "\(person.key)\(also): a contact, \(person.place.map(\.description) ?? ""), \(zone)"
    case .recipient: return "\(person.key): no contact, named by message rows"
    case .rejected: return "\(person.key): a row that is rejected"
    case .former: return "\(person.key)\(also): in no file any more, known from earlier sends"
    }
  }

  private static func text(_ campaign: Explanation.InCampaign, _ words: WhyWords) -> String {
    var out = campaign.campaign
    if let absence = campaign.absence { out += ": " + words.absence(absence) }
    out = paragraph(out)
    for item in campaign.items where item.step == nil {
      out += paragraph("  " + words.verdict(item.verdict), hanging: 4)
    }
    let now = campaign.items.filter { $0.step != nil }
    let width = (campaign.steps + campaign.past.map(\.step)).map(TextTable.width).max() ?? 0
    func line(_ step: String, _ text: String) {
      let name = TextTable.printable(step)
      let padding = String(repeating: " ", count: max(0, width - TextTable.width(name)))
      out += paragraph("  \(name)\(padding)  \(text)", hanging: min(width, 24) + 4)
    }
    let gone = campaign.past.filter { !campaign.steps.contains($0.step) }
    for record in gone { line(record.step, words.past(record)) }
    var isReached = now.isEmpty
    for step in campaign.steps {
      let own = now.filter { $0.step == step }
      for record in campaign.past where record.step == step && !own.contains(where: { $0.tells(record) }) {
        line(step, words.past(record))
      }
      for item in own { line(step, words.item(item)) }
      if !own.isEmpty { isReached = true } else if isReached, !now.isEmpty { line(step, "after the step before it") }
    }
    return out
  }

  // MARK: The written plan

  private static func differences(
    _ explanation: Explanation, _ written: [WrittenLine], _ words: WhyWords
  ) -> [String] {
    var out: [String] = []
    let byID = Dictionary(written.map { ($0.send.id, $0) }, uniquingKeysWith: { a, _ in a })
    var planned: Set<SendID> = []
    let campaigns = Set(explanation.campaigns.map(\.campaign))
    for case .planned(let send) in explanation.campaigns.flatMap({ $0.items.map(\.verdict) }) {
      planned.insert(send.id)
      guard let there = byID[send.id] else {
        out.append("\(send.campaign) \(send.step): not in it; plan again to have it")
        continue
      }
      let state = there.mayGo ? "approved" : "awaits approval"
      let differs = there.send.sendAt != send.sendAt || there.send.mailbox != send.mailbox
      out.append(
        "\(send.campaign) \(send.step): "
          + (differs
            ? "at \(words.time(there.send.sendAt)) from \(there.send.mailbox), \(state)" : "the same, \(state)"))
    }
    let ended = Set(explanation.campaigns.flatMap(\.past).filter { $0.state.isFinal }.map(\.id))
    for line in written where !planned.contains(line.send.id) && !ended.contains(line.send.id) {
      guard campaigns.contains(line.send.campaign) else { continue }
      out.append(
        "\(line.send.campaign) \(line.send.step): planned in it at \(words.time(line.send.sendAt)) from "
          + "\(line.send.mailbox), \(line.mayGo ? "approved" : "awaits approval"); a plan made now would not have it")
    }
    return out
  }

  // MARK: Lines

  private static let columns = 80

  /// Text broken at spaces, its further lines indented.
  static func paragraph(_ text: String, hanging: Int = 2) -> String {
    let text = TextTable.printable(text)
    let indent = String(text.prefix { $0 == " " })
    var lines: [String] = []
    var line = indent
    var isEmpty = true
    for word in text.dropFirst(indent.count).split(separator: " ", omittingEmptySubsequences: false) {
      if !isEmpty, TextTable.width(line) + 1 + TextTable.width(String(word)) > columns {
        lines.append(line)
        line = String(repeating: " ", count: hanging) + word
      } else {
        line += (isEmpty ? "" : " ") + word
      }
      isEmpty = false
    }
    lines.append(line)
    return lines.map { $0.trimmingTrailingSpaces + "\n" }.joined()
  }
}

extension Explanation.Item {
  /// Whether its words tell the record already.
  fileprivate func tells(_ record: SendRecord) -> Bool {
    switch verdict {
    case .held(_, by: .send(let own)): own.id == record.id
    case .ended(.complete(last: .some(let own))), .ended(.failed(let own)): row != nil && own.id == record.id
    default: false
    }
  }
}

extension String {
  fileprivate var trimmingTrailingSpaces: String {
    var text = Substring(self)
    while text.last == " " { text.removeLast() }
    return String(text)
  }
}
