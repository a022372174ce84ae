/// Joins the rows of all contacts files into one table: rows of the same identity merge, and the same address under
/// two ids is told apart (DESIGN §2, contacts).
public struct ContactTableBuilder {
  let columns: [String]
  private let files: [String]
  private let columnIndex: [String: Int]
  private(set) var entries: [ContactEntry] = []
  private(set) var layouts: [(layout: ContactLayout, positions: [Int16])] = []
  private(set) var arena = CellArena()
  private(set) var zones: [Zone] = []
  private var zoneIndex: [Zone: UInt16] = [:]
  /// With the file that is named first.
  private(set) var fileSets: [(files: Set<Int>, first: Int)] = []
  private(set) var defects: [Int: Contact.Defect] = [:]
  private(set) var keys = HashIndex()
  private(set) var addresses: HashIndex?
  private var rejected: [RejectedRow] = []
  private var hasOwnIDs = false

  /// - Parameters:
  ///   - columns: of all files together, in order of first appearance.
  ///   - files: paths relative to the project, in the order in which their rows are added.
  public init(columns: [String], files: [String]) {
    self.columns = columns
    self.files = files
    columnIndex = Dictionary(columns.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Room for so many contacts.
  public mutating func reserve(_ n: Int) {
    entries.reserveCapacity(n)
    keys.reserve(n)
  }

  /// Adds the rows of a piece, which is used up. Pieces come in the files' order.
  /// - Parameters:
  ///   - file: index into `files`.
  ///   - lines: how many lines of the file lie before the piece's first.
  public mutating func append(_ piece: ContactPiece, file: Int, lines: Int) {
    let layout = addLayout(ContactLayout(piece.columns), table: piece.columns.table)
    let set = fileSet([file], first: file)
    let zone = piece.zones.map { self.zone($0) }
    arena.takeOver(&piece.arena)
    rejected += piece.rejected
    for var entry in piece.entries {
      entry.layout = layout
      entry.files = set
      entry.line += UInt32(truncatingIfNeeded: lines)
      if entry.zone > 0 { entry.zone = zone[Int(entry.zone) - 1] }
      hasOwnIDs = hasOwnIDs || entry.flags.contains(.hasOwnID)
      if let first = find(entry) { merge(entry, into: first) } else { insert(entry) }
    }
    piece.entries = []
  }

  /// For tables made of values: with the key, zone and all that the contact says.
  mutating func append(asItIs contact: Contact) {
    let entry = encode(contact, row: contact.row)
    if let defect = contact.defect { defects[entries.count] = defect }
    hasOwnIDs = true
    if find(entry) == nil { insert(entry) } else { entries.append(entry) }
  }

  private mutating func insert(_ entry: ContactEntry) {
    keys.insert(entry.keyHash, entries.count)
    entries.append(entry)
  }

  private func find(_ entry: ContactEntry) -> Int? {
    keys.find(entry.keyHash) { other in
      entries[other].keyHash == entry.keyHash && view(entry) { a in view(entries[other]) { a.key.equals($0.key) } }
    }
  }

  private func view<R>(_ entry: ContactEntry, _ body: (ContactView) -> R) -> R {
    let layout = layouts[Int(entry.layout)]
    return withUnsafePointer(to: entry) { entry in
      withUnsafePointer(to: layout.layout) { own in
        layout.positions.withUnsafeBufferPointer { positions in
          var none: Int16 = -1
          return withUnsafePointer(to: &none) { none in
            body(ContactView(entry: entry, layout: own, positions: positions.baseAddress ?? none))
          }
        }
      }
    }
  }

  private mutating func zone(_ zone: Zone) -> UInt16 {
    if let known = zoneIndex[zone] { return known }
    zones.append(zone)
    let index = UInt16(zones.count)
    zoneIndex[zone] = index
    return index
  }

  private mutating func fileSet(_ files: Set<Int>, first: Int) -> UInt16 {
    if let i = fileSets.firstIndex(where: { $0.files == files && $0.first == first }) { return UInt16(i) }
    fileSets.append((files, first))
    return UInt16(fileSets.count - 1)
  }

  private mutating func addLayout(_ layout: ContactLayout, table: [Int]) -> UInt16 {
    var positions = [Int16](repeating: -1, count: columns.count)
    for (cell, column) in table.enumerated() { positions[column] = Int16(cell) }
    let same = layouts.firstIndex {
      $0.positions == positions && $0.layout.id == layout.id && $0.layout.count == layout.count
        && $0.layout.email == layout.email
    }
    if let same { return UInt16(same) }
    layouts.append((layout, positions))
    return UInt16(layouts.count - 1)
  }

  /// As a record with every column of the table, and the id, tags and mailbox after them.
  private mutating func encode(_ contact: Contact, row: ContactPiece.Row) -> ContactEntry {
    let n = columns.count
    var places = ContactPiece.Columns(table: Array(0..<n))
    (places.id, places.tags, places.mailbox) = (n, n + 1, n + 2)
    (places.email, places.phone) = (columnIndex["email"] ?? -1, columnIndex["phone"] ?? -1)
    let piece = ContactPiece(places)
    let cells =
      (0..<n).map { $0 < contact.values.count ? contact.values[$0] : "" }
      + [contact.key, contact.tags.joined(separator: ";"), contact.mailbox ?? ""]
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for cell in cells {
      bytes += cell.utf8
      ends.append(bytes.count)
    }
    bytes.withUnsafeBufferPointer { all in
      piece.append(row, cells: ends.indices.map { Cell(rebasing: all[($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0]]) })
    }
    arena.takeOver(&piece.arena)
    var entry = piece.entries[0]
    entry.layout = addLayout(ContactLayout(places), table: places.table)
    entry.files = fileSet(contact.files, first: contact.place.file.isEmpty ? 0 : firstFile(contact))
    entry.zone = contact.zone.map { zone($0) } ?? 0
    if contact.defect != nil { entry.flags.insert(.hasDefect) }
    return entry
  }

  private func firstFile(_ contact: Contact) -> Int { files.firstIndex(of: contact.place.file) ?? 0 }

  /// The first non-empty value wins, any opt-out wins over all.
  private mutating func merge(_ entry: ContactEntry, into i: Int) {
    let new = contact(entry)
    var merged = contact(entries[i])
    merged.files.formUnion(new.files)
    let (hadEmail, hadPhone) = (merged.email != nil, merged.phone != nil)
    for (column, value) in new.values.enumerated() where !value.isEmpty {
      let isMended =
        (columns[column] == "email" && !hadEmail && new.email != nil)
        || (columns[column] == "phone" && !hadPhone && new.phone != nil)
      if merged.values[column].isEmpty || isMended { merged.values[column] = value }
    }
    merged.email = merged.email ?? new.email
    merged.phone = merged.phone ?? new.phone
    merged.zone = merged.zone ?? new.zone
    if merged.tags.isEmpty { merged.tags = new.tags }
    merged.mailbox = merged.mailbox ?? new.mailbox
    merged.addedAt = merged.addedAt ?? new.addedAt
    var row = merged.row
    let flags = entries[i].flags.union(entry.flags)
    row.emailOff = flags.contains(.emailOff)
    row.smsOff = flags.contains(.smsOff)
    row.smsOn = flags.contains(.smsOn)
    for (name, isOff) in [("email_enabled", row.emailOff), ("sms_enabled", row.smsOff)] where isOff {
      if let column = columnIndex[name] { merged.values[column] = "no" }
    }
    var joined = encode(merged, row: row)
    joined.line = entries[i].line
    joined.files = fileSet(merged.files, first: fileSets[Int(entries[i].files)].first)
    entries[i] = joined
  }

  private func contact(_ entry: ContactEntry) -> Contact {
    view(entry) { view in
      Contact(
        key: view.key.text, email: view.hasEmail ? EmailAddress(view.envelope.text) : nil,
        phone: view.hasPhone ? PhoneNumber(view.phone.text) : nil, zone: view.zone > 0 ? zones[view.zone - 1] : nil,
        tags: ContactTable.tags(view.tags), mailbox: view.mailbox.isEmpty ? nil : view.mailbox.text,
        addedAt: view.addedAt, emailEnabled: view.emailEnabled, smsEnabled: view.smsEnabled,
        values: columns.indices.map { view.value($0).text }, files: fileSets[view.fileSet].files, place: place(entry))
    }
  }

  private func place(_ entry: ContactEntry) -> Place {
    let file = fileSets[Int(entry.files)].first
    return Place(file < files.count ? files[file] : "", line: Int(entry.line))
  }

  /// The table of everything that was added. Those who can never be written to as they stand have a defect.
  public consuming func finish() -> ContactTable {
    dropUnreachable()
    if hasOwnIDs { findDuplicates() }
    let rejected = self.rejected
    return table(rejected: rejected)
  }

  consuming func table(rejected: [RejectedRow]) -> ContactTable {
    if hasOwnIDs, addresses == nil { indexAddresses() }
    let (columns, files) = (columns, files)
    return ContactTable(columns: columns, files: files, rejected: rejected, store: ContactStore(self))
  }

  /// Contacts with nothing to write to: with a broken address they are skipped, with none they are no contacts.
  private mutating func dropUnreachable() {
    var isMissing = false
    for i in entries.indices where entries[i].flags.isDisjoint(with: [.hasEmail, .hasPhone]) {
      let entry = entries[i]
      let text = view(entry) { view in
        [columnIndex["email"], columnIndex["phone"]].compactMap { $0.map { view.value($0) } }.first { !$0.isEmpty }?
          .text
      }
      if let text {
        defects[i] = Contact.Defect(.invalidAddress, "'\(text.prefix(100))' is no address")
        entries[i].flags.insert(.hasDefect)
      } else {
        let key = view(entry) { $0.key.text }
        rejected.append(
          RejectedRow(
            place: place(entry), reason: .invalidRow, detail: "'\(key)' has no address and no phone number"))
        isMissing = true
      }
    }
    guard isMissing else { return }
    let all = entries
    let old = defects
    entries.removeAll(keepingCapacity: true)
    defects = [:]
    keys = HashIndex()
    for (i, entry) in all.enumerated() {
      if entry.flags.isDisjoint(with: [.hasEmail, .hasPhone, .hasDefect]) { continue }
      defects[entries.count] = old[i]
      insert(entry)
    }
  }

  private mutating func findDuplicates() {
    var index = HashIndex()
    index.reserve(entries.count)
    for i in entries.indices where entries[i].flags.contains(.hasEmail) {
      let entry = entries[i]
      let hash = view(entry) { ByteHash.of($0.email) }
      let first = index.find(hash) { other in
        view(entries[other]) { a in view(entry) { a.email.equals($0.email) } }
      }
      guard let first else {
        index.insert(hash, i)
        continue
      }
      let (address, key) = (view(entry) { $0.email.text }, view(entries[first]) { $0.key.text })
      defects[i] = Contact.Defect(
        .duplicate, "\(address) (\(place(entry))) stands as '\(key)' already (\(place(entries[first])))")
      entries[i].flags.insert(.hasDefect)
      // Whoever opted out under one id would not understand mail under another.
      if entry.flags.contains(.emailOff) { entries[first].flags.insert(.emailOff) }
    }
    addresses = index
  }

  private mutating func indexAddresses() {
    var index = HashIndex()
    for i in entries.indices where entries[i].flags.contains(.hasEmail) {
      index.insert(view(entries[i]) { ByteHash.of($0.email) }, i)
    }
    addresses = index
  }
}

extension Contact {
  /// What the contact says of itself, as a row would.
  fileprivate var row: ContactPiece.Row {
    var row = ContactPiece.Row(line: place.line)
    row.zone = nil
    row.addedAt = addedAt
    row.hasEmail = email != nil
    row.hasPhone = phone != nil
    row.emailOff = !emailEnabled
    row.smsOn = smsEnabled
    row.normalised = (email?.canonical ?? "", email?.envelope ?? "", phone?.e164 ?? "")
    return row
  }
}
