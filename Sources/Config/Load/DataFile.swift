import Foundation
import Model

/// Appends rows to `data/events.csv` and `data/suppressions.csv`, as `nightmail event` and `nightmail suppress` do.
///
/// The file's own header decides order and delimiter; a file that is not there is begun with a header. The row is
/// written in one piece under a lock (flock) and synced; if that fails, the file is cut back to what it was.
public enum DataFile {
  /// - Parameter folder: the project's.
  /// - Throws: a `FileProblem` that says what to do; the file is then unchanged.
  public static func append(_ event: Event, folder: String) throws(FileProblem) {
    let row = [
      "at": Zone.utc.format(event.at), "type": event.type.rawValue, "contact": event.contact,
      "campaign": event.campaign ?? "", "step": event.step ?? "", "message_id": event.messageID ?? "",
      "detail": event.detail ?? "",
    ]
    try append(row, columns: DropLoader.eventColumns, to: DropLoader.eventsPath, folder: folder)
  }

  /// The value is written as it is given; its `place` is not used.
  /// - Throws: as for an event, and if the value is no address, `@domain` or number.
  public static func append(_ suppression: Suppression, folder: String) throws(FileProblem) {
    guard DropLoader.canonical(suppression.value) != nil else {
      throw FileProblem("'\(suppression.value)' is no address, no @domain and no phone number")
    }
    let row = [
      "value": suppression.value, "reason": suppression.reason ?? "", "campaign": suppression.campaign ?? "",
      "until": suppression.until.map { Zone.utc.format($0) } ?? "",
    ]
    try append(row, columns: DropLoader.suppressionColumns, to: DropLoader.suppressionsPath, folder: folder)
  }

  /// - Parameters:
  ///   - columns: the header that a new file gets.
  ///   - path: relative to `folder`.
  static func append(_ row: [String: String], columns: [String], to path: String, folder: String)
    throws(FileProblem)
  {
    if let bad = row.first(where: { $0.value.utf8.contains(0) }) {
      throw FileProblem("'\(bad.key)' holds a NUL byte")
    }
    let full = ProjectFiles(root: folder).absolute(path)
    let parent = (full as NSString).deletingLastPathComponent
    let descriptor = open(full, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK, 0o644)
    guard descriptor >= 0 else { throw .system("\(path) cannot be opened") }
    defer { close(descriptor) }
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw .system("\(path) cannot be locked") }
    }
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw .system("\(path) cannot be read") }
    guard info.st_mode & S_IFMT == S_IFREG else { throw FileProblem("\(path) is no regular file") }

    let text = info.st_size == 0 ? fresh(row, columns) : try following(row, full, path, descriptor, info.st_size)
    try write(Array(text.utf8), to: descriptor, path, size: info.st_size)
    if info.st_size == 0 { sync(folder: parent) }
  }

  private static func fresh(_ row: [String: String], _ columns: [String]) -> String {
    CSVLine.text(columns) + CSVLine.text(columns.map { row[$0] ?? "" })
  }

  /// The row in the order of the file's header, with the line break before it that the file's last line may lack.
  private static func following(
    _ row: [String: String], _ full: String, _ path: String, _ descriptor: Int32, _ size: off_t
  ) throws(FileProblem) -> String {
    let findings = Findings()
    var reader = try CSVReader(ByteSource(path: full), file: path, chunk: 4096)
    guard let header = try reader.header(findings) else {
      throw FileProblem(findings.all.first?.description ?? "\(path) has no header")
    }
    for (name, value) in row.sorted(by: { $0.key < $1.key }) where !value.isEmpty && header.index(name) == nil {
      throw FileProblem("\(path) has no column '\(name)'; add it to its first line")
    }
    let newline = reader.lineEnd
    var last: UInt8 = 0
    guard pread(descriptor, &last, 1, size - 1) == 1 else { throw .system("\(path) cannot be read") }
    let delimiter = String(decoding: [reader.delimiter], as: UTF8.self)
    let text = CSVLine.text(header.names.map { row[$0] ?? "" }, delimiter: delimiter, newline: newline)
    return last == 0x0A || last == 0x0D ? text : newline + text
  }

  private static func write(_ bytes: [UInt8], to descriptor: Int32, _ path: String, size: off_t)
    throws(FileProblem)
  {
    var rest = bytes[...]
    while !rest.isEmpty {
      let n = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if n < 0, errno == EINTR { continue }
      guard n > 0 else {
        let problem = FileProblem.system("\(path) cannot be written")
        // Half a row would be a finding that stops the next plan.
        _ = ftruncate(descriptor, size)
        throw problem
      }
      rest = rest.dropFirst(n)
    }
    guard fsync(descriptor) == 0 else { throw .system("\(path) cannot be synced") }
  }

  private static func sync(folder: String) {
    let descriptor = open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    _ = fsync(descriptor)
    close(descriptor)
  }
}
