/// Rows of contacts as one thread reads them, in the order of one piece of one file. `ContactTableBuilder` joins pieces.
///
/// Pieces of one table do best with one memory for all.
public struct ContactPiece {
  /// Where the columns of a file are; -1 for those it lacks.
  public struct Columns: Sendable {
    public var email = -1
    public var phone = -1
    public var id = -1
    public var tags = -1
    public var mailbox = -1
    /// The table's column of each of the file's.
    public var table: [Int]
    public init(table: [Int]) { self.table = table }
  }

  /// What a loader has found out about a row, besides its cells.
  public struct Row {
    /// The line, from 1, in the piece.
    public var line: Int
    /// As `ContactPiece.zone` gives it; 0 for none.
    public var zone: UInt16 = 0
    public var addedAt: Instant?
    public var hasEmail = false
    public var hasPhone = false
    /// `email_enabled` says no.
    public var emailOff = false
    /// `sms_enabled` says no.
    public var smsOff = false
    /// `sms_enabled` says yes.
    public var smsOn = false
    /// The address and number where a cell does not hold its own in canonical spelling; empty for what is not there.
    public var normalised: (canonical: String, envelope: String, phone: String)?
    public init(line: Int) { self.line = line }
  }

  let columns: Columns
  var arena: CellArena
  var entries: [ContactEntry] = []
  var zones: [Zone] = []
  private var zoneIndex: [Zone: UInt16] = [:]
  /// Rows that are no contact; lines count as in `Row`.
  public var rejected: [RejectedRow] = []

  public init(_ columns: Columns, memory: RecordMemory = RecordMemory()) {
    self.columns = columns
    arena = CellArena(memory)
  }

  public var count: Int { entries.count }

  /// Adds a row. Its cells are trimmed and unescaped, one for each column of the file, and are copied.
  /// A row needs a key: an id, a usable address or number, or at least the text of a broken one.
  public mutating func append(_ row: Row, cells: UnsafeBufferPointer<Cell>) {
    var flags: ContactEntry.Flags = []
    if row.hasEmail { flags.insert(.hasEmail) }
    if row.hasPhone { flags.insert(.hasPhone) }
    if row.normalised != nil { flags.insert(.hasNormalised) }
    if row.addedAt != nil { flags.insert(.hasAddedAt) }
    if row.emailOff { flags.insert(.emailOff) }
    if row.smsOff { flags.insert(.smsOff) }
    if row.smsOn { flags.insert(.smsOn) }
    if columns.id >= 0, !cells[columns.id].isEmpty { flags.insert(.hasOwnID) }
    var size = 8
    for cell in cells { size += cell.count + 5 }
    if let all = row.normalised {
      size += all.canonical.utf8.count + all.envelope.utf8.count + all.phone.utf8.count + 15
    }
    var writer = arena.begin(size)
    let start = writer.start
    if let addedAt = row.addedAt { writer.write(addedAt.milliseconds) }
    if let normalised = row.normalised {
      writer.write(normalised.canonical)
      writer.write(normalised.envelope)
      writer.write(normalised.phone)
    }
    for cell in cells { writer.write(cell) }
    arena.end(writer)
    entries.append(
      ContactEntry(
        record: start, keyHash: keyHash(row, flags, cells), line: UInt32(truncatingIfNeeded: row.line),
        zone: row.zone, layout: 0, files: 0, flags: flags))
  }

  /// Of the key that `ContactView.key` gives.
  private func keyHash(_ row: Row, _ flags: ContactEntry.Flags, _ cells: UnsafeBufferPointer<Cell>) -> UInt64 {
    if flags.contains(.hasOwnID) { return ByteHash.of(cells[columns.id]) }
    if let normalised = row.normalised, row.hasEmail || row.hasPhone {
      return ByteHash.of(row.hasEmail ? normalised.canonical : normalised.phone)
    }
    let (email, phone) = (columns.email, columns.phone)
    if email >= 0, row.hasEmail || !row.hasPhone, !cells[email].isEmpty { return ByteHash.of(cells[email]) }
    return phone >= 0 ? ByteHash.of(cells[phone]) : 0
  }

  /// The number by which the piece's rows name a zone. Nil if there are too many: the world has some 600, and 65,535
  /// spellings of them are a mistake.
  public mutating func zone(_ zone: Zone) -> UInt16? {
    if let known = zoneIndex[zone] { return known }
    guard let index = UInt16(exactly: zones.count + 1) else { return nil }
    zones.append(zone)
    zoneIndex[zone] = index
    return index
  }
}

extension ContactLayout {
  init(_ columns: ContactPiece.Columns) {
    self.init()
    email = Int16(columns.email)
    phone = Int16(columns.phone)
    id = Int16(columns.id)
    tags = Int16(columns.tags)
    mailbox = Int16(columns.mailbox)
    count = Int16(columns.table.count)
  }
}
