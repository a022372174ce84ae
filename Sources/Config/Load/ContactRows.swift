import Foundation
import Model
import Synchronization

/// The rows of one piece of a contacts file, read by one thread: each becomes a contact, or is set aside with its place.
struct ContactRows {
  /// Where a file's columns are; -1 for those it lacks.
  struct Columns: Sendable {
    var email, phone, id, timezone, tags, mailbox, addedAt, emailEnabled, smsEnabled, count: Int
    /// The table's column of each of the file's.
    var table: [Int]

    init(_ header: CSVHeader, table: [Int]) {
      func at(_ name: String) -> Int { header.index(name) ?? -1 }
      email = at("email")
      phone = at("phone")
      id = at("id")
      timezone = at("timezone")
      tags = at("tags")
      mailbox = at("mailbox")
      addedAt = at("added_at")
      emailEnabled = at("email_enabled")
      smsEnabled = at("sms_enabled")
      count = header.names.count
      self.table = table
    }

    var places: ContactPiece.Columns {
      var places = ContactPiece.Columns(table: table)
      (places.email, places.phone, places.id) = (email, phone, id)
      (places.tags, places.mailbox) = (tags, mailbox)
      return places
    }
  }

  /// Warnings of one kind for one file; more of them would hide the rest.
  static let warningLimit = 20

  private let columns: Columns
  private let file: String
  private let projectZone: Zone
  private let knownZones: KnownZones
  private(set) var piece: ContactPiece
  /// With lines counted from 1 in the piece; at most `warningLimit`.
  private(set) var warnings: [Finding] = []

  private var zones = CellCache<UInt16>()
  private var instants = CellCache<Instant>()

  init(_ columns: Columns, file: String, projectZone: Zone, knownZones: KnownZones, memory: RecordMemory) {
    self.columns = columns
    self.file = file
    self.projectZone = projectZone
    self.knownZones = knownZones
    piece = ContactPiece(columns.places, memory: memory)
  }

  /// Reads all records of a piece.
  mutating func read(_ scan: inout RecordScan) {
    let cells = UnsafeMutableBufferPointer<Cell>.allocate(capacity: columns.count)
    cells.initialize(repeating: Cell(start: nil, count: 0))
    defer { cells.deallocate() }
    while scan.next() {
      if let (defect, field) = scan.defect {
        reject(scan.place(field, file: file), defect.message)
        continue
      }
      var copies: [UnsafeMutableBufferPointer<UInt8>] = []
      for i in 0..<columns.count {
        var cell = scan.cell(i)
        if scan.isEscaped(i) { cell = Self.unescaped(cell, &copies) }
        cells[i] = cell.trimmed
      }
      if columns.id >= 0, !cells[columns.id].isASCII { compose(&cells[columns.id], &copies) }
      row(UnsafeBufferPointer(cells), scan, isCopied: !copies.isEmpty)
      for copy in copies { copy.deallocate() }
    }
  }

  private static func unescaped(_ cell: Cell, _ copies: inout [UnsafeMutableBufferPointer<UInt8>]) -> Cell {
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: cell.count)
    copies.append(copy)
    return Cell(rebasing: copy[..<copy.fill(unescaping: cell)])
  }

  /// Two spellings of `é` are one id.
  private func compose(_ cell: inout Cell, _ copies: inout [UnsafeMutableBufferPointer<UInt8>]) {
    let text = cell.text.composed
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.utf8.count)
    _ = copy.initialize(from: text.utf8)
    copies.append(copy)
    cell = Cell(copy)
  }

  private mutating func reject(_ place: Place, _ detail: String) {
    piece.rejected.append(RejectedRow(place: place, reason: .invalidRow, detail: detail))
  }

  /// - Parameter isCopied: some cells do not lie in the piece and are gone after this row.
  private mutating func row(_ cells: UnsafeBufferPointer<Cell>, _ scan: borrowing RecordScan, isCopied: Bool) {
    @inline(__always)
    func cell(_ i: Int) -> Cell { i < 0 ? Cell(start: nil, count: 0) : cells[i] }
    var row = ContactPiece.Row(line: scan.line)
    let (address, number) = (cell(columns.email), cell(columns.phone))
    let isPlain =
      (address.isEmpty || EmailAddress.isCanonical(address)) && (number.isEmpty || PhoneNumber.isCanonical(number))
    if isPlain {
      row.hasEmail = !address.isEmpty
      row.hasPhone = !number.isEmpty
    } else {
      normalise(address, number, &row)
    }
    if address.isEmpty, number.isEmpty, cell(columns.id).isEmpty {
      return reject(Place(file, line: scan.line), "the row has no address, no phone number and no id")
    }
    let zone = cell(columns.timezone)
    if !zone.isEmpty {
      guard let known = self.zone(zone, isCopied: isCopied) else {
        return reject(
          scan.place(columns.timezone, file: file), "'\(zone.text)' is no IANA time zone, such as Europe/Berlin")
      }
      row.zone = known
    }
    let added = cell(columns.addedAt)
    if !added.isEmpty {
      row.addedAt = instant(added, isCopied: isCopied)
      guard row.addedAt != nil else {
        return reject(
          scan.place(columns.addedAt, file: file), "'\(added.text)' is no date or time, such as 2026-11-20")
      }
    }
    if let allowed = flag(cell(columns.emailEnabled), "email_enabled", columns.emailEnabled, scan) {
      row.emailOff = !allowed
    }
    if let allowed = flag(cell(columns.smsEnabled), "sms_enabled", columns.smsEnabled, scan) {
      row.smsOff = !allowed
      row.smsOn = allowed
    }
    piece.append(row, cells: cells)
  }

  /// Addresses that are not written as they are kept, and what is no address.
  private func normalise(_ address: Cell, _ number: Cell, _ row: inout ContactPiece.Row) {
    let email = address.isEmpty ? nil : EmailAddress(address.text)
    let phone = number.isEmpty ? nil : PhoneNumber(number.text)
    row.hasEmail = email != nil
    row.hasPhone = phone != nil
    guard row.hasEmail || row.hasPhone else { return }
    row.normalised = (email?.canonical ?? "", email?.envelope ?? "", phone?.e164 ?? "")
  }

  private mutating func zone(_ cell: Cell, isCopied: Bool) -> UInt16? {
    // The cache would keep a pointer to what is gone with the row.
    if isCopied { return knownZones.zone(cell.text).flatMap { piece.zone($0) } }
    let known = knownZones
    return zones.value(cell) { text in known.zone(text).flatMap { piece.zone($0) } }
  }

  private mutating func instant(_ cell: Cell, isCopied: Bool) -> Instant? {
    if isCopied { return Instant(cell.text, zone: projectZone) }
    let zone = projectZone
    return instants.value(cell) { Instant($0, zone: zone) }
  }

  /// Nil for an empty cell. What cannot be understood counts as an opt-out: mail too little rather than too much.
  private mutating func flag(_ cell: Cell, _ name: String, _ column: Int, _ scan: borrowing RecordScan) -> Bool? {
    if cell.isEmpty { return nil }
    if cell.isWord("yes") || cell.isWord("true") || cell.isWord("1") { return true }
    if cell.isWord("no") || cell.isWord("false") || cell.isWord("0") { return false }
    if warnings.count < Self.warningLimit {
      warnings.append(
        .warning(
          scan.place(column, file: file),
          "'\(name)' must be yes or no, not '\(cell.text.prefix(40))'; it is taken for no"))
    }
    return false
  }
}

/// The zones that contacts have been found to live in, for all threads: making one costs more than reading a row.
final class KnownZones: Sendable {
  private let zones = Mutex<[String: Zone]>([:])

  func zone(_ text: String) -> Zone? {
    zones.withLock { zones in
      if let zone = zones[text] { return zone }
      guard let zone = Zone(text) else { return nil }
      zones[text] = zone
      return zone
    }
  }
}
