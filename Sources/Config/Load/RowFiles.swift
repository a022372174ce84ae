import Model

/// One row of data, whatever the kind of file it stands in.
struct DataRow {
  /// By column in `snake_case`; empty values left out.
  var values: [String: String]
  /// `destinations` of a JSON Lines row.
  var destinations: [JSON]?
  var place: Place
  /// Of a CSV row: the columns' places.
  var places: [String: Place]

  func place(_ column: String) -> Place { places[column] ?? place }
}

/// Reads CSV and JSON Lines files as rows with names.
enum RowFile {
  static func isJSONLines(_ path: String) -> Bool { path.hasSuffix(".jsonl") || path.hasSuffix(".ndjson") }

  /// - Parameters:
  ///   - start: called with a CSV file's header.
  ///   - row: called for each row that can be read.
  ///   - bad: called for each that cannot.
  static func read(
    _ path: String, _ role: InputFile.Role, _ files: ProjectFiles, _ findings: Findings,
    start: (CSVHeader) -> Bool, row: (DataRow) -> Void, bad: (Place, String) -> Void
  ) {
    if isJSONLines(path) { return readLines(path, role, files, findings, row: row, bad: bad) }
    CSVFile.read(path, role, files, findings, start: start) { reader, header in
      if let (defect, field) = reader.defect { return bad(reader.place(field), defect.message) }
      var values: [String: String] = [:]
      var places: [String: Place] = [:]
      for (i, name) in header.names.enumerated() where !reader.isEmpty(i) {
        let text = reader.text(i)
        if text.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
        values[name] = text
        places[name] = reader.place(i)
      }
      let place = Place(path, line: reader.line)
      guard !values.isEmpty else { return }
      row(DataRow(values: values, place: place, places: places))
    }
  }

  private static func readLines(
    _ path: String, _ role: InputFile.Role, _ files: ProjectFiles, _ findings: Findings, row: (DataRow) -> Void,
    bad: (Place, String) -> Void
  ) {
    do throws(FileProblem) {
      let source = try ByteSource(path: files.absolute(path))
      var lines = LineReader(source)
      while let line = try lines.next() {
        guard let bytes = line.bytes else {
          bad(Place(path, line: line.number), "the line is larger than 16 MiB")
          continue
        }
        if bytes.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { continue }
        do throws(JSONProblem) {
          let json = try JSON(parsing: bytes)
          guard let members = json.object else {
            bad(Place(path, line: line.number), "the line must be an object, not \(json.kind)")
            continue
          }
          if let problem = object(members, Place(path, line: line.number), row) {
            bad(Place(path, line: line.number), problem)
          }
        } catch {
          let column = TextPosition.find(error.offset, in: bytes).column
          bad(Place(path, line: line.number, column: column), "not valid JSON: \(error.message)")
        }
      }
      files.record(path, source, role)
    } catch {
      findings.error(Place(path), error.message)
    }
  }

  private static func object(_ members: [JSON.Member], _ place: Place, _ row: (DataRow) -> Void) -> String? {
    var data = DataRow(values: [:], place: place, places: [:])
    for member in members {
      let name = CSVHeader.normalise(member.key)
      if name == "destinations" {
        guard let list = member.value.array else { return "'destinations' must be a list, not \(member.value.kind)" }
        data.destinations = list
        continue
      }
      guard !name.isEmpty else { return "a key has no name" }
      guard data.values[name] == nil else { return "the key '\(name)' stands twice" }
      let text: String
      switch member.value {
      case .null: continue
      case .string(let string): text = string
      default: text = member.value.text
      }
      if !text.utf8.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) { data.values[name] = text }
    }
    row(data)
    return nil
  }
}

/// Lines of a file, read in chunks: LF or CRLF, a byte-order mark passed over.
struct LineReader {
  private let source: ByteSource
  private let limit: Int
  private var buffer: [UInt8] = []
  private var start = 0
  private var isAtEnd = false
  private var number = 0

  init(_ source: ByteSource, limit: Int = CSVReader.recordLimit) {
    self.source = source
    self.limit = limit
  }

  /// A line without its end; `bytes` is nil for one over the limit, which is passed over.
  mutating func next() throws(FileProblem) -> (number: Int, bytes: ArraySlice<UInt8>?)? {
    var searched = start
    var isTooLong = false
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer { start = end + 1 }
        return line(upTo: end, isTooLong)
      }
      if isAtEnd {
        guard start < buffer.count || isTooLong else { return nil }
        defer { start = buffer.count }
        return line(upTo: buffer.count, isTooLong)
      }
      if buffer.count - start > limit {
        isTooLong = true
        start = buffer.count
      }
      buffer.removeSubrange(0..<start)
      start = 0
      searched = buffer.count
      if try source.read(max(256 << 10, buffer.count), into: &buffer) == 0 { isAtEnd = true }
    }
  }

  private mutating func line(upTo end: Int, _ isTooLong: Bool) -> (number: Int, bytes: ArraySlice<UInt8>?) {
    number += 1
    if isTooLong { return (number, nil) }
    var bytes = buffer[start..<end]
    if bytes.last == 0x0D { bytes = bytes.dropLast() }
    if number == 1, bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes = bytes.dropFirst(3) }
    return (number, bytes)
  }
}
