/// Rows of contacts as one thread reads them, in the order of one piece of one file. `ContactTableBuilder` joins pieces.
public final class ContactPiece {
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
    /// The file's line, from 1.
    public var line: Int
    public var zone: Zone?
    public var addedAt: Instant?
    public var hasEmail = false
    public var hasPhone = false
    /// `email_enabled` says no.
    public var emailOff = false
    /// `sms_enabled` says no.
    public var smsOff = false
    /// `sms_enabled` says yes.
    public var smsOn = false
    /// The address or number where the cell does not hold it in canonical spelling.
    public var normalised: (canonical: String, envelope: String, phone: String)?
    public init(line: Int) { self.line = line }
  }

  let columns: Columns
  var arena = CellArena()
  var entries: [ContactEntry] = []
  var zones: [Zone] = []
  private var zoneIndex: [Zone: UInt16] = [:]
  private var lastZone: (zone: Zone, index: UInt16)?
  /// Rows that are no contact.
  public var rejected: [RejectedRow] = []

  public init(_ columns: Columns) { self.columns = columns }

  public var count: Int { entries.count }

  /// Adds a row. Its cells are trimmed and unescaped, one for each column of the file, and are copied.
  /// A row needs a key: an id, a usable address or number, or at least the text of a broken one.
  public func append(_ row: Row, cells: [Cell]) {
    var flags: ContactEntry.Flags = []
    if row.hasEmail { flags.insert(.hasEmail) }
    if row.hasPhone { flags.insert(.hasPhone) }
    if row.normalised != nil { flags.insert(.hasNormalised) }
    if row.addedAt != nil { flags.insert(.hasAddedAt) }
    if row.emailOff { flags.insert(.emailOff) }
    if row.smsOff { flags.insert(.smsOff) }
    if row.smsOn { flags.insert(.smsOn) }
    let id = columns.id < 0 ? nil : cells[columns.id]
    if let id, !id.isEmpty { flags.insert(.hasOwnID) }
    var writer = arena.begin(
      cells.reduce(8) { $0 + $1.count + 5 }
        + (row.normalised.map { $0.canonical.utf8.count + $0.envelope.utf8.count + $0.phone.utf8.count + 15 } ?? 0))
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
        record: start, keyHash: keyHash(row, id, cells), line: UInt32(truncatingIfNeeded: row.line),
        zone: zone(row.zone), layout: 0, files: 0, flags: flags))
  }

  /// Of the key that `ContactView.key` gives.
  private func keyHash(_ row: Row, _ id: Cell?, _ cells: [Cell]) -> UInt64 {
    if let id, !id.isEmpty { return ByteHash.of(id) }
    if let normalised = row.normalised, row.hasEmail || row.hasPhone {
      return ByteHash.of(row.hasEmail ? normalised.canonical : normalised.phone)
    }
    let (email, phone) = (columns.email, columns.phone)
    if email >= 0, row.hasEmail || !row.hasPhone, !cells[email].isEmpty { return ByteHash.of(cells[email]) }
    return phone >= 0 ? ByteHash.of(cells[phone]) : 0
  }

  private func zone(_ zone: Zone?) -> UInt16 {
    guard let zone else { return 0 }
    if let lastZone, lastZone.zone == zone { return lastZone.index }
    let index =
      zoneIndex[zone]
      ?? {
        zones.append(zone)
        let index = UInt16(zones.count)
        zoneIndex[zone] = index
        return index
      }()
    lastZone = (zone, index)
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

/// Memory for records: blocks that never move, so that a record is known by its pointer. Whoever takes the blocks over
/// frees them.
struct CellArena {
  private(set) var blocks: [UnsafeMutablePointer<UInt8>] = []
  private var next: UnsafeMutablePointer<UInt8>?
  private var left = 0
  private static let blockSize = 1 << 20

  struct Writer {
    let start: UnsafeMutablePointer<UInt8>
    var at: UnsafeMutablePointer<UInt8>

    mutating func write(_ cell: Cell) {
      let n = cell.count
      if n < 255 {
        at.pointee = UInt8(n)
        at += 1
      } else {
        at.pointee = 255
        UnsafeMutableRawPointer(at + 1).storeBytes(of: UInt32(truncatingIfNeeded: n).littleEndian, as: UInt32.self)
        at += 5
      }
      if let base = cell.baseAddress { at.update(from: base, count: n) }
      at += n
    }

    mutating func write(_ text: String) {
      var text = text
      text.withUTF8 { write($0) }
    }

    mutating func write(_ number: Int64) {
      UnsafeMutableRawPointer(at).storeBytes(of: number.littleEndian, as: Int64.self)
      at += 8
    }
  }

  /// Room for one record of at most `size` bytes.
  mutating func begin(_ size: Int) -> Writer {
    if left < size || next == nil {
      let bytes = max(Self.blockSize, size)
      let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
      blocks.append(block)
      next = block
      left = bytes
    }
    let start = next ?? UnsafeMutablePointer<UInt8>.allocate(capacity: size)
    return Writer(start: start, at: start)
  }

  mutating func end(_ writer: Writer) {
    left -= writer.at - writer.start
    next = writer.at
  }

  mutating func takeOver(_ other: inout CellArena) {
    blocks += other.blocks
    other.blocks = []
    other.next = nil
    other.left = 0
  }

  func free() { for block in blocks { block.deallocate() } }
}
