import Model

/// Whom an explanation is about, and which of the project's rows are theirs.
struct Subject {
  var person: Explanation.Person
  /// Index into the contacts.
  var index: Int?
  var rejected: RejectedRow?
}

extension Explainer {
  private var contacts: ContactTable { day.project.contacts }

  private var tables: [MessageTable] {
    day.project.campaigns.compactMap { campaign in
      if case .messages(let table) = campaign.audience { table } else { nil }
    }
  }

  /// A contact; else a recipient that message rows name; else a row that was rejected; else whom history knows.
  func subject(_ who: String) -> Subject? {
    if let index = contacts.index(of: who) {
      let contact = contacts[index]
      let names = [contact.key, contact.email?.canonical, contact.phone?.e164].compactMap { $0 }
      return Subject(
        person: Explanation.Person(
          kind: .contact, key: contact.key, place: contact.place, zone: contact.zone, names: Self.unique(names)),
        index: index)
    }
    let names = Self.unique([who, EmailAddress(who)?.canonical, PhoneNumber(who)?.e164].compactMap { $0 })
    let key = names.dropFirst().first ?? who
    let stranger = Subject(person: Explanation.Person(kind: .recipient, key: key, names: names))
    if tables.contains(where: { $0.rows.contains { isOf($0, stranger) } }) { return stranger }
    if let row = rejectedRow(who) {
      let place = row.place
      return Subject(
        person: Explanation.Person(kind: .rejected, key: place.description, place: place, names: names), rejected: row)
    }
    let former = Explanation.Person(kind: .former, key: key, names: names)
    return day.project.campaigns.contains { !past($0, former).isEmpty } ? Subject(person: former) : nil
  }

  private static func unique(_ names: [String]) -> [String] {
    var seen: Set<String> = []
    return names.filter { seen.insert($0).inserted }
  }

  /// By its place, or by a word that its detail quotes.
  private func rejectedRow(_ who: String) -> RejectedRow? {
    let rows = contacts.rejected + tables.flatMap(\.rejected)
    return rows.first { $0.place.description == who }
      ?? (who.count < 3 ? nil : rows.first { $0.detail.lowercased().contains(who.lowercased()) })
  }

  /// Whether a message row goes to a person, as `RowPosition` finds its contact.
  func isOf(_ row: MessageRow, _ subject: Subject) -> Bool {
    let own = [row.contact, row.email?.canonical, row.phone?.e164].compactMap { $0 }
    if let index = own.first.flatMap({ contacts.index(of: $0) }) { return index == subject.index }
    guard subject.index == nil else { return false }
    let names = own.isEmpty ? [row.place.description] : own
    return names.contains(where: subject.person.names.contains)
  }

  /// What the results know of a campaign's sends to a person, by their last change.
  func past(_ campaign: Campaign, _ person: Explanation.Person) -> [SendRecord] {
    day.history.sends(campaign: campaign, contact: person.key, to: person.names)
      .sorted { $0.at != $1.at ? $0.at < $1.at : $0.id < $1.id }
  }

  // MARK: Audiences

  func files(_ audience: Campaign.ContactAudience) -> [String] {
    audience.files.sorted().filter { $0 < contacts.files.count }.map { contacts.files[$0] }
  }

  /// What leaves a contact out of an audience: the same filter, asked one part at a time.
  func gap(_ audience: Campaign.ContactAudience, _ index: Int) -> Explanation.Absence? {
    let contact = contacts.view(index)
    func has(including: [Campaign.Filter] = [], excluding: [Campaign.Filter] = []) -> Bool {
      let part = Campaign.ContactAudience(files: audience.files, including: including, excluding: excluding)
      return AudienceFilter(part, contacts).matches(contact)
    }
    if !has() { return .notInFiles(files(audience)) }
    if let filter = audience.including.first(where: { !has(including: [$0]) }) { return .notWhere(filter) }
    if let filter = audience.excluding.first(where: { !has(excluding: [$0]) }) { return .excepted(filter) }
    return nil
  }

  // MARK: Misspelt names

  /// The name in the project's files that is most like `word`; nil if none is.
  public func nearest(_ word: String) -> String? {
    let own = LetterCount(word)
    var close: [String] = []
    let views = contacts.views
    for i in 0..<views.count {
      let contact = views[i]
      if own.mayBeNear(contact.key) { close.append(contact.key.text) }
      if contact.hasOwnID, contact.hasEmail, own.mayBeNear(contact.email) { close.append(contact.email.text) }
    }
    for row in tables.flatMap(\.rows) {
      for var name in [row.email?.canonical, row.phone?.e164].compactMap({ $0 })
      where name.withUTF8({ own.mayBeNear($0) }) {
        close.append(name)
      }
    }
    return Nearest.match(word, among: close)
  }
}

/// A quick no for names that `Nearest` would find too far from a word: among a million contacts it is asked of a few.
private struct LetterCount {
  private var counts = [Int](repeating: 0, count: 256)
  private let length: Int

  init(_ word: String) {
    length = word.utf8.count
    for byte in word.utf8 { counts[Int(Self.folded(byte))] += 1 }
  }

  private static func folded(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte + 0x20 : byte }

  /// An edit changes the counts of two letters at most.
  func mayBeNear(_ name: Cell) -> Bool {
    let limit = max(2, name.count / 3)
    guard abs(name.count - length) <= limit else { return false }
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { left in
      _ = left.initialize(from: counts)
      for byte in name { left[Int(Self.folded(byte))] -= 1 }
      return left.reduce(0) { $0 + abs($1) } <= 2 * limit
    }
  }
}
