import Model

/// The column names of a CSV file, in `snake_case`.
struct CSVHeader {
  var names: [String]
  var places: [Place]

  func index(_ name: String) -> Int? { names.firstIndex(of: name) }

  /// `First Name`, `firstName`, `FIRST-NAME` and `first_name` are all `first_name`; `E-Mail` is `email`.
  static func normalise(_ name: String) -> String {
    var out = ""
    let characters = Array(name)
    for (i, c) in characters.enumerated() {
      guard c.isLetter || c.isNumber else {
        if !out.isEmpty, !out.hasSuffix("_") { out.append("_") }
        continue
      }
      if c.isUppercase, i > 0, characters[i - 1].isLetter || characters[i - 1].isNumber {
        // A word begins at a capital after a small letter (`firstName`), and at the last of a run of capitals that
        // a small letter follows (`HTMLBody`).
        let followsSmall = !characters[i - 1].isUppercase
        let startsWord = i + 1 < characters.count && characters[i + 1].isLowercase
        if followsSmall || startsWord { out.append("_") }
      }
      out += c.lowercased()
    }
    while out.hasSuffix("_") { out.removeLast() }
    return out == "e_mail" ? "email" : out
  }
}

extension CSVReader {
  /// Reads the header. Nil, with findings, if the file has none that can be used.
  mutating func header(_ findings: Findings) throws(FileProblem) -> CSVHeader? {
    guard try next() else {
      findings.error(Place(file), "the file is empty; its first line must name the columns")
      return nil
    }
    if let (defect, field) = defect {
      findings.error(place(field), defect.message)
      return nil
    }
    var header = CSVHeader(names: [], places: [])
    var isGood = true
    for i in 0..<count {
      let name = CSVHeader.normalise(text(i))
      if name.isEmpty {
        findings.error(place(i), "column \(i + 1) has no name")
        isGood = false
      } else if let first = header.index(name) {
        findings.error(place(i), "the column '\(name)' stands twice, first as column \(first + 1)")
        isGood = false
      }
      header.names.append(name)
      header.places.append(place(i))
    }
    fixWidth()
    return isGood ? header : nil
  }
}

/// Opens CSV files of the project and reads them to their end, whatever is found, so that their digest is whole.
enum CSVFile {
  /// - Parameters:
  ///   - start: called with the header; false passes the rows over.
  ///   - row: called for each record, those with a defect too.
  static func read(
    _ path: String, _ role: InputFile.Role, _ files: ProjectFiles, _ findings: Findings,
    start: (CSVHeader) -> Bool, row: (borrowing CSVReader, CSVHeader) -> Void
  ) {
    do throws(FileProblem) {
      let source = try ByteSource(path: files.absolute(path))
      var reader = try CSVReader(source, file: path)
      if let header = try reader.header(findings), start(header) {
        while try reader.next() { row(reader, header) }
      }
      try reader.drain()
      files.record(path, source, role)
    } catch {
      findings.error(Place(path), error.message)
    }
  }
}
