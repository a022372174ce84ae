import CMemory

/// The bytes of a cell. They belong to the table, or the buffer, that gave them and are valid as long as it lives.
public typealias Cell = UnsafeBufferPointer<UInt8>

extension UnsafeBufferPointer<UInt8> {
  @inlinable public var text: String { String(decoding: self, as: UTF8.self) }

  @inlinable
  public func equals(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
    guard count == other.count else { return false }
    guard let a = baseAddress, let b = other.baseAddress else { return true }
    return a == b
      || UnsafeRawBufferPointer(start: a, count: count).elementsEqual(UnsafeRawBufferPointer(start: b, count: count))
  }

  /// Whether it counts as missing: see `String.isBlank`.
  @inlinable public var isBlank: Bool {
    guard let first else { return true }
    return first > 0x20 && first < 0x80 ? false : text.isBlank
  }
}

/// What is kept of each contact beside its cells, in 32 bytes.
@usableFromInline
struct ContactEntry {
  /// The record: `addedAt` in eight bytes and three cells of normalised addresses, where the flags say so, then the
  /// layout's cells. A cell is its length (one byte, or 255 and four) and its bytes.
  @usableFromInline var record: UnsafePointer<UInt8>
  @usableFromInline var keyHash: UInt64
  @usableFromInline var line: UInt32
  /// From 1, as an index into the table's zones; 0 for none.
  @usableFromInline var zone: UInt16
  @usableFromInline var layout: UInt16
  /// Index into the table's sets of files.
  @usableFromInline var files: UInt32
  @usableFromInline var flags: Flags

  init(
    record: UnsafePointer<UInt8>, keyHash: UInt64, line: UInt32, zone: UInt16, layout: UInt16, files: UInt32,
    flags: Flags
  ) {
    self.record = record
    self.keyHash = keyHash
    self.line = line
    self.zone = zone
    self.layout = layout
    self.files = files
    self.flags = flags
  }

  @usableFromInline
  struct Flags: OptionSet, Sendable {
    @usableFromInline let rawValue: UInt16
    @usableFromInline init(rawValue: UInt16) { self.rawValue = rawValue }

    @usableFromInline static let hasEmail = Flags(rawValue: 1)
    @usableFromInline static let hasPhone = Flags(rawValue: 2)
    /// The record begins with the canonical address, the envelope's and the number: the columns have them otherwise.
    @usableFromInline static let hasNormalised = Flags(rawValue: 4)
    @usableFromInline static let hasAddedAt = Flags(rawValue: 8)
    @usableFromInline static let emailOff = Flags(rawValue: 16)
    @usableFromInline static let smsOff = Flags(rawValue: 32)
    @usableFromInline static let smsOn = Flags(rawValue: 64)
    @usableFromInline static let hasDefect = Flags(rawValue: 128)
    /// The key is the `id` column.
    @usableFromInline static let hasOwnID = Flags(rawValue: 256)
    /// Duplicates of it stand under ids of their own.
    @usableFromInline static let hasOtherNames = Flags(rawValue: 512)
    /// Another contact gets the text messages to its number.
    @usableFromInline static let isNumberTaken = Flags(rawValue: 1024)
  }
}

/// Where a record's cells are, for all rows of one file: -1 for what it lacks.
@usableFromInline
struct ContactLayout: Equatable {
  @usableFromInline var email: Int16 = -1
  @usableFromInline var phone: Int16 = -1
  @usableFromInline var id: Int16 = -1
  @usableFromInline var tags: Int16 = -1
  @usableFromInline var mailbox: Int16 = -1
  /// How many cells a record has.
  @usableFromInline var count: Int16 = 0

  init() {}
}

/// All contacts of a table as it holds them. Valid as long as the table, which whoever keeps this keeps too.
///
/// Sendable although it is made of pointers: what they point at never changes (see `ContactStore`).
@frozen
public struct ContactViews: @unchecked Sendable {
  @usableFromInline let entries: UnsafePointer<ContactEntry>
  @usableFromInline let layouts: UnsafePointer<ContactLayout>
  @usableFromInline let positions: UnsafePointer<Int16>
  /// Columns of the table.
  @usableFromInline let width: Int
  public let count: Int

  @usableFromInline
  init(
    entries: UnsafePointer<ContactEntry>, layouts: UnsafePointer<ContactLayout>, positions: UnsafePointer<Int16>,
    width: Int, count: Int
  ) {
    self.entries = entries
    self.layouts = layouts
    self.positions = positions
    self.width = width
    self.count = count
  }

  @inlinable
  public subscript(index: Int) -> ContactView {
    precondition(index >= 0 && index < count)
    let entry = entries + index
    let layout = Int(entry.pointee.layout)
    return ContactView(entry: entry, layout: layouts + layout, positions: positions + layout * width)
  }
}

/// For contacts that are about to be read in no order: it is quicker to wait for many places at once than for one after
/// the other. First the entries of some, then their records.
extension ContactViews {
  public func fetchEntry(_ index: Int) { nightmail_prefetch(entries + index) }

  /// A record is two or three lines of the cache.
  public func fetchRecord(_ index: Int) {
    let record = entries[index].record
    nightmail_prefetch(record)
    nightmail_prefetch(record + 64)
    nightmail_prefetch(record + 128)
  }
}

/// A contact as the table holds it, without making a string: for work on millions. Valid as long as its table.
@frozen
public struct ContactView {
  @usableFromInline let entry: UnsafePointer<ContactEntry>
  @usableFromInline let layout: UnsafePointer<ContactLayout>
  /// For each of the table's columns, the record's cell.
  @usableFromInline let positions: UnsafePointer<Int16>

  @usableFromInline
  init(entry: UnsafePointer<ContactEntry>, layout: UnsafePointer<ContactLayout>, positions: UnsafePointer<Int16>) {
    self.entry = entry
    self.layout = layout
    self.positions = positions
  }

  @inlinable var flags: ContactEntry.Flags { entry.pointee.flags }

  /// `ByteHash` of the key.
  @inlinable public var keyHash: UInt64 { entry.pointee.keyHash }
  /// Index into the table's zones, from 1; 0 for none.
  @inlinable public var zone: Int { Int(entry.pointee.zone) }
  @inlinable public var hasDefect: Bool { flags.contains(.hasDefect) }
  @inlinable public var hasEmail: Bool { flags.contains(.hasEmail) }
  @inlinable public var hasPhone: Bool { flags.contains(.hasPhone) }
  @inlinable public var emailEnabled: Bool { !flags.contains(.emailOff) }
  @inlinable public var smsEnabled: Bool { flags.contains(.smsOn) && !flags.contains(.smsOff) }
  /// Whether `ContactTable.otherNames` has any for it.
  @inlinable public var hasOtherNames: Bool { flags.contains(.hasOtherNames) }
  /// Whether another contact, who stands before it, gets the text messages to its number.
  @inlinable public var isNumberTaken: Bool { flags.contains(.isNumberTaken) }
  /// Whether the key is an id and not the address or number.
  @inlinable public var hasOwnID: Bool { flags.contains(.hasOwnID) }
  /// Index into the table's sets of files.
  @inlinable public var fileSet: Int { Int(entry.pointee.files) }

  /// See `Contact.allows`; of a sequence only one contact with a number gets the text messages to it.
  @inlinable
  public func allows(_ channel: Channel) -> Bool {
    switch channel {
    case .email: hasEmail && emailEnabled
    case .sms: hasPhone && smsEnabled && !isNumberTaken
    }
  }

  /// The identity: the id, else the canonical address, else the number.
  @inlinable
  public var key: Cell {
    if hasOwnID { return cell(at: layout.pointee.id) }
    if hasEmail { return email }
    if hasPhone { return phone }
    let written = cell(at: layout.pointee.email)
    return written.isEmpty ? cell(at: layout.pointee.phone) : written
  }

  /// The canonical address; empty without one.
  @inlinable public var email: Cell {
    guard hasEmail else { return Cell(start: nil, count: 0) }
    return flags.contains(.hasNormalised) ? normalised(0) : cell(at: layout.pointee.email)
  }
  /// The address as SMTP is given it; empty without one.
  @inlinable public var envelope: Cell {
    guard hasEmail else { return Cell(start: nil, count: 0) }
    return flags.contains(.hasNormalised) ? normalised(1) : cell(at: layout.pointee.email)
  }
  /// E.164; empty without one.
  @inlinable public var phone: Cell {
    guard hasPhone else { return Cell(start: nil, count: 0) }
    return flags.contains(.hasNormalised) ? normalised(2) : cell(at: layout.pointee.phone)
  }
  /// What a message by a channel is addressed to, in canonical spelling.
  @inlinable public func address(_ channel: Channel) -> Cell { channel == .email ? email : phone }

  /// The mailbox that it is assigned to; empty for none.
  @inlinable public var mailbox: Cell { cell(at: layout.pointee.mailbox) }
  @inlinable public var tags: Cell { cell(at: layout.pointee.tags) }

  @inlinable
  public var addedAt: Instant? {
    guard flags.contains(.hasAddedAt) else { return nil }
    return Instant(
      milliseconds: Int64(littleEndian: UnsafeRawPointer(entry.pointee.record).loadUnaligned(as: Int64.self)))
  }

  /// The value of one of the table's columns; empty where there is none.
  @inlinable public func value(_ column: Int) -> Cell { cell(at: positions[column]) }

  @usableFromInline
  func normalised(_ index: Int) -> Cell {
    var at = entry.pointee.record + (flags.contains(.hasAddedAt) ? 8 : 0)
    for _ in 0..<index { at = Self.cell(at).end }
    return Self.cell(at).cell
  }

  @usableFromInline
  func cell(at position: Int16) -> Cell {
    guard position >= 0 else { return Cell(start: nil, count: 0) }
    var at = entry.pointee.record
    if !flags.isDisjoint(with: [.hasAddedAt, .hasNormalised]) {
      if flags.contains(.hasAddedAt) { at += 8 }
      if flags.contains(.hasNormalised) { for _ in 0..<3 { at = Self.cell(at).end } }
    }
    for _ in 0..<position { at = Self.cell(at).end }
    return Self.cell(at).cell
  }

  @inlinable
  static func cell(_ at: UnsafePointer<UInt8>) -> (cell: Cell, end: UnsafePointer<UInt8>) {
    var count = Int(at.pointee)
    var start = at + 1
    if count == 255 {
      count = Int(UInt32(littleEndian: UnsafeRawPointer(start).loadUnaligned(as: UInt32.self)))
      start += 4
    }
    return (Cell(start: start, count: count), start + count)
  }
}
