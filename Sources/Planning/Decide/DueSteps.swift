import CMemory
import Collections
import Model

/// Every campaign's due steps on the day, with what is skipped, held, waiting and ended counted.
struct DueSteps {
  /// Contacts that one thread looks at in one go.
  private static let portion = 16_384
  /// Contacts whose history is fetched together.
  private static let ahead = 64

  private(set) var sends: [DueSend] = []
  private(set) var threads = Threads()
  private(set) var kinds: [SendKind] = []
  private(set) var rows: [RowSend] = []
  private(set) var skipped: [SkippedStep] = []
  /// By campaign id; every live campaign has an entry.
  private(set) var totals: [String: PlanTotals] = [:]
  /// In the order found, each once.
  private(set) var notes: OrderedSet<String> = []

  /// What one portion has found.
  private struct Part: Sendable {
    var sends: [DueSend] = []
    var threads = Threads()
    /// Index of the table that its kinds are in.
    var table: Int
    var skipped: [SkippedStep] = []
    var totals = PlanTotals()
    var notes: [String] = []

    init(table: Int) { self.table = table }

    mutating func take(
      _ id: SendID, _ kind: SendKind, _ person: UInt32, thread: [UInt32] = [], _ kinds: inout KindTable
    ) {
      if !thread.isEmpty { threads.add(thread, of: sends.count) }
      sends.append(DueSend(id: id, person: person, kind: UInt32(kinds.number(of: kind))))
    }

    mutating func take(
      _ decision: Decision, _ campaign: Campaign, person: UInt32, key: String? = nil, _ kinds: inout KindTable,
      contact: () -> String
    ) {
      switch decision {
      case .due(let id, let kind): take(id, kind, person, &kinds)
      case .skipped(let reason, let step, let detail):
        skipped.append(
          SkippedStep(
            contact: contact(), campaign: campaign.id, step: campaign.steps[step].id, reason: reason, detail: detail,
            key: key))
        totals.skipped[reason, default: 0] += 1
      case .held(let reason, _): totals.held[reason, default: 0] += 1
      case .waiting: totals.waiting += 1
      case .complete, .ended: totals.ended += 1
      }
    }
  }

  init(_ day: PlanningDay) {
    var parts: [Part] = []
    var tables: [KindTable] = []
    for (c, live) in day.campaigns.enumerated() {
      totals[live.campaign.id] = PlanTotals()
      let rejected: [RejectedRow]
      let own: [Part]
      switch live.campaign.audience {
      case .contacts(let audience):
        let files = Set(audience.files.map { day.project.contacts.files[$0] })
        rejected = day.project.contacts.rejected.filter { files.contains($0.place.file) }
        own = Self.contacts(day, c, audience, &tables)
      case .messages(let table):
        rejected = table.rejected
        own = [gather(day, c, table, &tables)]
      }
      for row in rejected {
        skip(
          SkippedStep(
            contact: row.place.description, campaign: live.campaign.id, step: live.campaign.steps.first?.id ?? "",
            reason: row.reason, detail: row.detail, key: row.key))
      }
      for part in own { take(part, live.campaign.id) }
      parts += own
    }
    join(parts, tables)
  }

  /// The sends of all parts, under kinds in an order that does not depend on that of contacts and rows.
  private mutating func join(_ parts: consuming [Part], _ tables: consuming [KindTable]) {
    var all = KindTable()
    let numbers = tables.map { table in table.kinds.map { all.number(of: $0) } }
    tables = []
    let order = all.kinds.indices.sorted { all.kinds[$0] < all.kinds[$1] }
    kinds = order.map { all.kinds[$0] }
    var place = [UInt32](repeating: 0, count: order.count)
    for (i, kind) in order.enumerated() { place[kind] = UInt32(i) }
    let places = numbers.map { $0.map { place[$0] } }
    let total = parts.reduce(0) { $0 + $1.sends.count }
    sends = .init(unsafeUninitializedCapacity: total) { sends, count in
      HugePages.advise(UnsafeMutableRawBufferPointer(sends))
      for i in parts.indices {
        let own = places[parts[i].table]
        threads.append(parts[i].threads, at: count)
        for send in parts[i].sends {
          sends.initializeElement(at: count, to: DueSend(id: send.id, person: send.person, kind: own[Int(send.kind)]))
          count += 1
        }
        parts[i].sends = []
      }
    }
  }

  /// Brings sends near that are about to be read.
  func fetchSends(_ numbers: ArraySlice<UInt32>) {
    sends.withUnsafeBufferPointer { sends in
      for i in numbers { nightmail_prefetch(sends.baseAddress.map { $0 + Int(i) }) }
    }
  }

  mutating func skip(_ step: SkippedStep) {
    skipped.append(step)
    totals[step.campaign, default: PlanTotals()].skipped[step.reason, default: 0] += 1
  }

  /// Takes what the allocation said of each send into account.
  mutating func settle(_ places: [Allocation.Place], _ unrendered: [UInt32], _ day: PlanningDay) {
    var counts = Array(repeating: [Int](repeating: 0, count: Allocation.Place.allCases.count), count: kinds.count)
    for (i, place) in places.enumerated() {
      counts[Int(sends[i].kind)][Int(place.rawValue)] += 1
      if place == .expired { skip(step(i, .expired, "before its window opens", day)) }
    }
    for i in unrendered {
      counts[Int(sends[Int(i)].kind)][Int(Allocation.Place.planned.rawValue)] -= 1
      skip(step(Int(i), .missingVariable, "the subject cannot be rendered", day))
    }
    for (kind, counts) in counts.enumerated() {
      let id = day.campaigns[kinds[kind].campaign].campaign.id
      for place in Allocation.Place.allCases where counts[Int(place.rawValue)] != 0 {
        let n = counts[Int(place.rawValue)]
        if place == .planned { totals[id]?.planned += n }
        if let reason = place.reason { totals[id]?.deferred[reason, default: 0] += n }
      }
    }
  }

  private func step(_ i: Int, _ reason: SkipReason, _ detail: String, _ day: PlanningDay) -> SkippedStep {
    let kind = kinds[Int(sends[i].kind)]
    let campaign = day.campaigns[kind.campaign].campaign
    let contact =
      kind.isRow ? rows[Int(sends[i].person)].contactKey : day.project.contacts.view(Int(sends[i].person)).key.text
    return SkippedStep(
      contact: contact, campaign: campaign.id, step: campaign.steps[kind.step].id, reason: reason, detail: detail,
      key: kind.isRow ? rows[Int(sends[i].person)].key : nil)
  }

  private mutating func take(_ part: Part, _ campaign: String) {
    skipped += part.skipped
    notes.append(contentsOf: part.notes)
    totals[campaign] = (totals[campaign] ?? PlanTotals()) + part.totals
  }

  private static func contacts(
    _ day: PlanningDay, _ c: Int, _ audience: Campaign.ContactAudience, _ tables: inout [KindTable]
  ) -> [Part] {
    let table = day.project.contacts
    let filter = AudienceFilter(audience, table)
    let position = SequencePosition(day: day, campaignIndex: c)
    let campaign = day.campaigns[c].campaign
    let first = tables.count
    let found = Parallel.map((table.count + portion - 1) / portion, own: KindTable()) { i, worker, kinds in
      var part = Part(table: first + worker)
      let views = table.views
      var scratch: [UInt8] = []
      let end = min(table.count, (i + 1) * portion)
      for index in (i * portion)..<end {
        if index % ahead == 0 { fetch(index..<min(end, index + ahead), views, day.pastSends) }
        guard filter.matches(views[index]) else { continue }
        var notes: [String] = []
        position.decide(
          index, scratch: &scratch, note: { notes.append($0) },
          due: { id, kind, thread in part.take(id, kind, UInt32(index), thread: thread, &kinds) },
          other: { decision in
            part.take(decision, campaign, person: UInt32(index), &kinds) { table.view(index).key.text }
          })
        if !notes.isEmpty { part.notes += notes }
      }
      return part
    }
    tables += found.owned
    return found.results
  }

  private static func fetch(_ contacts: Range<Int>, _ views: ContactViews, _ pastSends: HistoryView) {
    if pastSends.isEmpty { return }
    for step in HistoryView.Fetch.allCases {
      for i in contacts { pastSends.fetch(step, personHash: views[i].keyHash) }
    }
  }

  private mutating func gather(
    _ day: PlanningDay, _ c: Int, _ table: MessageTable, _ tables: inout [KindTable]
  ) -> Part {
    let campaign = day.campaigns[c].campaign
    var part = Part(table: tables.count)
    var kinds = KindTable()
    var seen: Set<SendID> = []
    for row in table.rows {
      var next = UInt32(rows.count)
      for decision in RowPosition(day: day, campaignIndex: c, row: row).decide(seen: &seen, sends: &rows) {
        part.take(decision, campaign, person: next, key: row.key, &kinds) {
          row.contact ?? row.email?.canonical ?? row.phone?.e164 ?? row.place.description
        }
        if case .due = decision { next += 1 }
      }
    }
    tables.append(kinds)
    return part
  }
}

/// Which contacts an audience has.
public struct AudienceFilter: Sendable {
  private let isFileSet: [Bool]
  private let including: [Column]
  private let excluding: [Column]

  /// A class, so that going through a list of them retains one thing and not all that they hold.
  private final class Column: Sendable {
    let index: Int?
    let isTags: Bool
    let values: [[UInt8]]
    let texts: Set<String>
    /// Where there are many values, a quick no for others.
    let filter: HashFilter

    init(_ filter: Campaign.Filter, _ table: ContactTable) {
      index = table.column(filter.column)
      isTags = filter.column == "tags"
      texts = filter.values
      values = filter.values.sorted().map { Array($0.utf8) }
      var hashes = HashFilter(capacity: values.count)
      for value in filter.values { hashes.insert(ByteHash.of(value)) }
      self.filter = hashes
    }

    func has(_ cell: Cell) -> Bool {
      // One letter may be written in several ways: as text they are the same.
      if cell.contains(where: { $0 >= 0x80 }) { return texts.contains(cell.text) }
      if values.count > 8, !filter.contains(ByteHash.of(cell)) { return false }
      return values.contains { value in value.withUnsafeBufferPointer { $0.equals(cell) } }
    }

    func has(_ contact: ContactView) -> Bool {
      if isTags {
        return ContactTable.tags(contact.tags).contains { tag in
          var tag = tag
          return tag.withUTF8 { has($0) }
        }
      }
      return has(index.map { contact.value($0) } ?? Cell(start: nil, count: 0))
    }
  }

  public init(_ audience: Campaign.ContactAudience, _ table: ContactTable) {
    isFileSet = table.fileSets.map { !$0.isDisjoint(with: audience.files) }
    including = audience.including.map { Column($0, table) }
    excluding = audience.excluding.map { Column($0, table) }
  }

  public func matches(_ contact: ContactView) -> Bool {
    guard isFileSet[contact.fileSet] else { return false }
    for column in including where !column.has(contact) { return false }
    for column in excluding where column.has(contact) { return false }
    return true
  }
}
