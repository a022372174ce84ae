import Foundation
import Model

/// Contacts files into one table: rows of the same identity merge, the same address under two ids is told apart.
///
/// Large files are read by several threads. Nothing that comes out depends on how many there are.
final class ContactLoader {
  static let known = [
    "email", "phone", "id", "timezone", "tags", "mailbox", "added_at", "email_enabled", "sms_enabled", "first_name",
    "last_name", "company",
  ]
  /// More files than anyone has; each has a few numbers in the table that have 16 bits.
  private static let fileLimit = 10_000

  /// How files are shared out among threads.
  struct Sharing {
    var threads = min(8, ProcessInfo.processInfo.activeProcessorCount)
    /// Bytes of a piece: large beside the cost of handing it over, small beside the cache.
    var piece = 1 << 20
    /// Files smaller than this are not worth a second thread, in bytes.
    var floor = 4 << 20
  }

  private let files: ProjectFiles
  private let findings: Findings
  private let projectZone: Zone
  private let sharing: Sharing
  private let zones = KnownZones()
  private var builder = ContactTableBuilder()
  private var fileCount = 0
  private let readsRows: Bool

  /// - Parameter readsRows: false for columns and digests alone.
  init(
    _ files: ProjectFiles, zone: Zone, _ findings: Findings, sharing: Sharing = Sharing(), readsRows: Bool = true
  ) {
    self.readsRows = readsRows
    self.files = files
    self.findings = findings
    self.sharing = sharing
    projectZone = zone
  }

  func read(_ path: String) {
    fileCount += 1
    guard fileCount <= Self.fileLimit else {
      if fileCount == Self.fileLimit + 1 {
        findings.error(Place(path), "there are more than \(Self.fileLimit) contacts files; join some of them")
      }
      return
    }
    let file = builder.addFile(path)
    do throws(FileProblem) {
      let source = try ByteSource(path: files.absolute(path))
      var reader = try CSVReader(source, file: path)
      if let header = try reader.header(findings), let columns = columns(header, path), readsRows {
        try rows(reader, columns, path, file)
      } else {
        try reader.drain()
      }
      try source.checkUnchanged()
      files.record(path, source, .contacts)
    } catch {
      findings.error(Place(path), error.message)
    }
  }

  private func columns(_ header: CSVHeader, _ path: String) -> ContactRows.Columns? {
    guard ["email", "phone", "id"].contains(where: { header.index($0) != nil }) else {
      findings.error(
        header.places.first ?? Place(path),
        "a contacts file needs a column 'email', 'phone' or 'id'; this one has "
          + header.names.prefix(8).joined(separator: ", "))
      return nil
    }
    guard let table = builder.addColumns(header.names) else {
      findings.error(
        header.places.first ?? Place(path),
        "all contacts files together may have \(ContactTableBuilder.columnLimit) columns; with this one they have more")
      return nil
    }
    return ContactRows.Columns(header, table: table)
  }

  private func rows(_ reader: consuming CSVReader, _ columns: ContactRows.Columns, _ path: String, _ file: Int)
    throws(FileProblem)
  {
    let size = reader.source.size
    let isLarge = size >= sharing.floor
    let chunk = isLarge ? sharing.piece : min(sharing.piece, 256 << 10)
    let lines = reader.nextLine - 1
    let (zones, projectZone, memory) = (zones, projectZone, builder.memory)
    var isFirst = true
    var warnings = 0
    let records = ParallelRecords<ContactRows>(
      reader.remaining(), lines: lines, width: columns.count, threads: isLarge ? sharing.threads : 1, chunk: chunk,
      parse: { scan in
        var rows = ContactRows(columns, file: path, projectZone: projectZone, knownZones: zones, memory: memory)
        rows.read(&scan)
        return rows
      },
      join: { rows, lines in
        // The first piece tells how many rows there will be, about.
        if isFirst { self.builder.reserve(rows.piece.count * (size / chunk + 1)) }
        isFirst = false
        for var warning in rows.warnings.prefix(ContactRows.warningLimit - warnings) {
          warning.place.line += lines
          self.findings.add(warning)
          warnings += 1
        }
        self.builder.append(rows.piece, file: file, lines: lines)
      })
    try records.run()
  }

  /// The table of all that was read.
  func table() -> ContactTable {
    let all = builder
    builder = ContactTableBuilder()
    return all.finish()
  }
}
