/// Joins the rows of all contacts files into one table: rows of the same identity merge, and the same address under
/// two ids is told apart (DESIGN §2, contacts).
public struct ContactTableBuilder {
  private(set) var columns: [String]
  private var files: [String]
  private var columnIndex: [String: Int] = [:]
  let entries = ContactEntries()
  private(set) var layouts: [(layout: ContactLayout, positions: [Int16])] = []
  /// For the cells of all rows.
  public let memory: RecordMemory
  /// Memory of pieces that came with their own.
  private(set) var others: [RecordMemory] = []
  private var arena: CellArena
  private(set) var zones: [Zone] = []
  private var zoneIndex: [Zone: UInt16] = [:]
  /// With the file that is named first.
  private(set) var fileSets: [FileSet] = []
  private var fileSetIndex: [FileSet: UInt32] = [:]
  private(set) var defects: [Int: Contact.Defect] = [:]
  /// Contacts whose number an earlier one has, too.
  private(set) var takenNumbers: [Int: Contact.Defect] = [:]
  /// The ids of a contact's duplicates.
  private(set) var otherNames: [Int: [String]] = [:]
  private(set) var keys = HashIndex()
  private(set) var addresses: HashIndex?
  private var rejected: [RejectedRow] = []
  private var hasOwnIDs = false
  /// Whether anybody wants text messages.
  private var hasTexts = false
  /// What merged contacts without a usable address have in place of one: the first text that was given for it.
  private var broken: [Int: String] = [:]

  private var wide: (places: ContactPiece.Columns, layout: UInt16)?

  struct FileSet: Hashable {
    var files: Set<Int>
    var first: Int
  }

  /// The most columns that all files together may have.
  public static let columnLimit = 4096

  /// - Parameters:
  ///   - columns: known beforehand.
  ///   - files: paths relative to the project, known beforehand, in the order in which their rows are added.
  public init(columns: [String] = [], files: [String] = []) {
    memory = RecordMemory()
    arena = CellArena(memory)
    self.columns = columns
    self.files = files
    for (i, column) in columns.enumerated() where columnIndex[column] == nil { columnIndex[column] = i }
  }

  /// Another file.
  /// - Returns: its index.
  public mutating func addFile(_ path: String) -> Int {
    files.append(path)
    return files.count - 1
  }

  /// The table's columns of a file's, new ones added; nil if that would be more than `columnLimit`.
  public mutating func addColumns(_ names: [String]) -> [Int]? {
    let fresh = names.filter { columnIndex[$0] == nil }
    guard columns.count + fresh.count <= Self.columnLimit else { return nil }
    for name in fresh where columnIndex[name] == nil {
      columnIndex[name] = columns.count
      columns.append(name)
    }
    for i in layouts.indices {
      layouts[i].positions += [Int16](repeating: -1, count: columns.count - layouts[i].positions.count)
    }
    return names.compactMap { columnIndex[$0] }
  }

  /// Room for so many contacts more, about.
  public mutating func reserve(_ n: Int) {
    entries.reserve(entries.count + n)
    keys.reserve(entries.count + n)
  }

  /// Adds the rows of a piece, which is used up. Pieces come in the files' order.
  /// - Parameters:
  ///   - file: index into `files`.
  ///   - lines: how many lines of the file lie before the piece's first.
  public mutating func append(_ piece: consuming ContactPiece, file: Int, lines: Int) {
    let layout = addLayout(ContactLayout(piece.columns), table: piece.columns.table)
    let set = fileSet([file], first: file)
    // 65,535 spellings of zones over all files: the rest live in the project's zone.
    let zone = [0] + piece.zones.map { self.zone($0) }
    piece.arena.close()
    if piece.arena.memory !== memory { others.append(piece.arena.memory) }
    for var row in piece.rejected {
      row.place.line += lines
      rejected.append(row)
    }
    let lines = UInt32(truncatingIfNeeded: lines)
    piece.entries.withUnsafeBufferPointer { rows in
      for i in rows.indices {
        keys.fetch(rows[min(i + 12, rows.count - 1)].keyHash)
        var entry = rows[i]
        entry.layout = layout
        entry.files = set
        entry.line &+= lines
        entry.zone = zone[Int(entry.zone)]
        if entry.flags.contains(.hasOwnID) { hasOwnIDs = true }
        if entry.flags.contains(.smsOn) { hasTexts = true }
        if let first = findOrInsert(entry) { merge(entry, into: first) } else { entries.append(entry) }
      }
    }
  }

  /// For tables made of values: with the key, zone and all that the contact says.
  mutating func append(asItIs contact: Contact) {
    let entry = encode(contact)
    if let defect = contact.defect { defects[entries.count] = defect }
    hasOwnIDs = true
    if entry.flags.contains(.smsOn) { hasTexts = true }
    _ = findOrInsert(entry)
    entries.append(entry)
  }

  /// Where the key stands already; else the entry that comes next has it.
  @inline(__always)
  private mutating func findOrInsert(_ entry: ContactEntry) -> Int? {
    let (entries, layouts) = (entries, layouts)
    return keys.findOrInsert(entry.keyHash, entries.count) { other in
      let other = entries[other]
      guard other.keyHash == entry.keyHash else { return false }
      return Self.view(entry, layouts) { a in Self.view(other, layouts) { a.key.equals($0.key) } }
    }
  }

  private func view<R>(_ entry: ContactEntry, _ body: (ContactView) -> R) -> R {
    Self.view(entry, layouts, body)
  }

  private static func view<R>(
    _ entry: ContactEntry, _ layouts: [(layout: ContactLayout, positions: [Int16])],
    _ body: (ContactView) -> R
  ) -> R {
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
    guard let index = UInt16(exactly: zones.count + 1) else { return 0 }
    zones.append(zone)
    zoneIndex[zone] = index
    return index
  }

  private mutating func fileSet(_ files: Set<Int>, first: Int) -> UInt32 {
    let set = FileSet(files: files, first: first)
    if let known = fileSetIndex[set] { return known }
    let index = UInt32(fileSets.count)
    fileSets.append(set)
    fileSetIndex[set] = index
    return index
  }

  private mutating func addLayout(_ layout: ContactLayout, table: [Int]) -> UInt16 {
    var positions = [Int16](repeating: -1, count: columns.count)
    for (cell, column) in table.enumerated() { positions[column] = Int16(cell) }
    if let same = layouts.firstIndex(where: { $0.positions == positions && $0.layout == layout }) {
      return UInt16(same)
    }
    layouts.append((layout, positions))
    return UInt16(layouts.count - 1)
  }

  /// Of records with every column of the table, and the id, tags and mailbox after them.
  private mutating func wideColumns() -> (places: ContactPiece.Columns, layout: UInt16) {
    let n = columns.count
    if let wide, wide.places.table.count == n { return wide }
    var all = ContactPiece.Columns(table: Array(0..<n))
    (all.id, all.tags, all.mailbox) = (n, n + 1, n + 2)
    (all.email, all.phone) = (columnIndex["email"] ?? -1, columnIndex["phone"] ?? -1)
    let made = (all, addLayout(ContactLayout(all), table: all.table))
    wide = made
    return made
  }

  /// A record with all columns.
  /// - Parameter cells: the columns', then the id, the tags and the mailbox.
  private mutating func encode(_ row: ContactPiece.Row, cells: [Cell]) -> ContactEntry {
    let (places, layout) = wideColumns()
    var piece = ContactPiece(places, memory: memory)
    swap(&piece.arena, &arena)
    cells.withUnsafeBufferPointer { piece.append(row, cells: $0) }
    swap(&piece.arena, &arena)
    var entry = piece.entries[0]
    entry.layout = layout
    return entry
  }

  private mutating func encode(_ contact: Contact) -> ContactEntry {
    let texts =
      columns.indices.map { $0 < contact.values.count ? contact.values[$0] : "" }
      + [contact.key, contact.tags.joined(separator: ";"), contact.mailbox ?? ""]
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for text in texts {
      bytes += text.utf8
      ends.append(bytes.count)
    }
    var row = ContactPiece.Row(line: contact.place.line)
    row.addedAt = contact.addedAt
    row.hasEmail = contact.email != nil
    row.hasPhone = contact.phone != nil
    row.emailOff = !contact.emailEnabled
    row.smsOn = contact.smsEnabled
    row.normalised = (
      contact.email?.canonical ?? "", contact.email?.envelope ?? "", contact.phone?.e164 ?? ""
    )
    var entry = bytes.withUnsafeBufferPointer { all in
      encode(row, cells: ends.indices.map { Cell(rebasing: all[($0 == 0 ? 0 : ends[$0 - 1])..<ends[$0]]) })
    }
    entry.files = fileSet(contact.files, first: firstFile(contact))
    entry.zone = contact.zone.map { zone($0) } ?? 0
    if contact.defect != nil { entry.flags.insert(.hasDefect) }
    return entry
  }

  private func firstFile(_ contact: Contact) -> Int { files.firstIndex(of: contact.place.file) ?? 0 }

  /// The first non-empty value wins, any opt-out wins over all.
  private mutating func merge(_ new: ContactEntry, into i: Int) {
    let old = entries[i]
    let flags = old.flags.union(new.flags)
    var row = ContactPiece.Row(line: Int(old.line))
    row.zone = old.zone > 0 ? old.zone : new.zone
    row.hasEmail = flags.contains(.hasEmail)
    row.hasPhone = flags.contains(.hasPhone)
    row.emailOff = flags.contains(.emailOff)
    row.smsOff = flags.contains(.smsOff)
    row.smsOn = flags.contains(.smsOn)
    if !row.hasEmail, !row.hasPhone { noteBroken(i, old, new) }
    let (emails, phones) = (columnIndex["email"], columnIndex["phone"])
    // The cells lie in the arena, which never moves what it holds.
    var cells = view(old) { a in
      view(new) { b in
        row.addedAt = a.addedAt ?? b.addedAt
        let (email, phone) = (a.hasEmail ? a : b, a.hasPhone ? a : b)
        row.normalised = (email.email.text, email.envelope.text, phone.phone.text)
        return columns.indices.map { column in
          let isMended =
            (column == emails && !a.hasEmail && b.hasEmail)
            || (column == phones && !a.hasPhone && b.hasPhone)
          let (first, second) = (a.value(column), b.value(column))
          return second.isEmpty || (!first.isEmpty && !isMended) ? first : second
        } + [
          a.key, a.tags.isEmpty ? b.tags : a.tags, a.mailbox.isEmpty ? b.mailbox : a.mailbox,
        ]
      }
    }
    var merged = Array("no".utf8).withUnsafeBufferPointer { no in
      for (name, isOff) in [("email_enabled", row.emailOff), ("sms_enabled", row.smsOff)] where isOff {
        if let column = columnIndex[name] { cells[column] = no }
      }
      return encode(row, cells: cells)
    }
    merged.files = fileSet(
      fileSets[Int(old.files)].files.union(fileSets[Int(new.files)].files), first: fileSets[Int(old.files)].first)
    if !flags.contains(.hasOwnID) { merged.flags.remove(.hasOwnID) }
    entries[i] = merged
  }

  /// The text of a broken address, in the order of the rows.
  private mutating func noteBroken(_ i: Int, _ old: ContactEntry, _ new: ContactEntry) {
    if broken[i] == nil { broken[i] = brokenAddress(old) ?? brokenAddress(new) }
  }

  private func brokenAddress(_ entry: ContactEntry) -> String? {
    view(entry) { view in
      for name in ["email", "phone"] {
        if let column = columnIndex[name], !view.value(column).isEmpty { return view.value(column).text }
      }
      return nil
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
    if hasTexts { findSharedNumbers() }
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
    var kept = 0
    for i in 0..<entries.count {
      var entry = entries[i]
      if entry.flags.isDisjoint(with: [.hasEmail, .hasPhone]) {
        guard let text = broken[i] ?? brokenAddress(entry) else {
          let key = view(entry) { $0.key.text }
          rejected.append(
            RejectedRow(
              place: place(entry), reason: .invalidRow, detail: "'\(key)' has no address and no phone number"))
          continue
        }
        defects[kept] = Contact.Defect(.invalidAddress, "'\(text.prefix(100))' is no address")
        entry.flags.insert(.hasDefect)
        entries[kept] = entry
      } else if kept < i {
        entries[kept] = entry
      }
      kept += 1
    }
    guard kept < entries.count else { return }
    entries.truncate(to: kept)
    keys = HashIndex()
    keys.reserve(kept)
    for i in 0..<kept { keys.insert(entries[i].keyHash, i) }
  }

  /// The same address under two ids.
  private mutating func findDuplicates() {
    var index = HashIndex()
    index.reserve(entries.count)
    for i in 0..<entries.count where entries[i].flags.contains(.hasEmail) {
      let entry = entries[i]
      guard let first = findOrInsert(i, into: &index, by: { $0.email }) else { continue }
      makeDuplicate(i, of: first, by: { $0.email })
      // Whoever opted out under one id would not understand mail under another.
      if entry.flags.contains(.emailOff) { entries[first].flags.insert(.emailOff) }
      if entry.flags.contains(.smsOff) { entries[first].flags.insert(.smsOff) }
    }
    addresses = index
  }

  /// The same number under two identities: one of them gets the text messages. The other's e-mail is its own.
  private mutating func findSharedNumbers() {
    var index = HashIndex()
    for i in 0..<entries.count {
      let entry = entries[i]
      guard entry.flags.isSuperset(of: .hasPhone), !entry.flags.contains(.hasDefect),
        !entry.flags.isDisjoint(with: [.smsOn, .smsOff]),
        let first = findOrInsert(i, into: &index, by: { $0.phone })
      else { continue }
      if entry.flags.contains(.smsOff) || entries[first].flags.contains(.smsOff) {
        entries[first].flags.insert(.smsOff)
        entries[i].flags.insert(.smsOff)
      } else if entry.flags.contains(.hasEmail) {
        takenNumbers[i] = duplicate(i, of: first, by: { $0.phone })
        entries[i].flags.insert(.isNumberTaken)
      } else {
        makeDuplicate(i, of: first, by: { $0.phone })
      }
    }
  }

  /// Who stands in an index with the same address or number; else the contact does from now on.
  private func findOrInsert(
    _ i: Int, into index: inout HashIndex, by cell: (ContactView) -> Cell
  ) -> Int? {
    let (entries, layouts) = (entries, layouts)
    let entry = entries[i]
    let hash = Self.view(entry, layouts) { ByteHash.of(cell($0)) }
    return index.findOrInsert(hash, i) { other in
      Self.view(entries[other], layouts) { a in
        Self.view(entry, layouts) { cell(a).equals(cell($0)) }
      }
    }
  }

  private mutating func makeDuplicate(_ i: Int, of first: Int, by cell: (ContactView) -> Cell) {
    defects[i] = duplicate(i, of: first, by: cell)
    entries[i].flags.insert(.hasDefect)
    otherNames[first, default: []].append(view(entries[i]) { $0.key.text })
    entries[first].flags.insert(.hasOtherNames)
  }

  private func duplicate(
    _ i: Int, of first: Int, by cell: (ContactView) -> Cell
  ) -> Contact.Defect {
    let (address, key) = (view(entries[i]) { cell($0).text }, view(entries[first]) { $0.key.text })
    return Contact.Defect(
      .duplicate, "\(address) (\(place(entries[i]))) stands as '\(key)' already (\(place(entries[first])))")
  }

  private mutating func indexAddresses() {
    var index = HashIndex()
    for i in 0..<entries.count where entries[i].flags.contains(.hasEmail) {
      index.insert(view(entries[i]) { ByteHash.of($0.email) }, i)
    }
    addresses = index
  }
}
