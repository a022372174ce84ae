import Model

/// Finds records and their fields in bytes that begin with a record and end with one, as `RecordPieces` cuts them.
///
/// The cells point into those bytes. Empty lines, and lines of nothing but delimiters, are passed over.
struct RecordScan: ~Copyable {
  /// One field of the current record: where its content lies, less its quotes.
  struct Field {
    var start: Int32
    var end: Int32
    var isQuoted: Bool
    /// Holds doubled quotes.
    var isEscaped: Bool
  }

  /// The width that records must have; zero while the header is read.
  var width = 0
  /// The current record's first line.
  private(set) var line = 1
  /// The first line after the current record.
  private(set) var nextLine = 1
  /// What is wrong with the current record, and in which field.
  private(set) var defect: (defect: CSVDefect, field: Int)?
  /// A record was too long: nothing after it can be trusted.
  private(set) var hasStopped = false
  /// The number of fields of the current record.
  private(set) var count = 0
  /// Where the next record starts in the bytes.
  private(set) var at = 0

  private var base: UnsafePointer<UInt8>
  private var end: Int
  private let delimiter: UInt8
  private var special: SpecialBytes
  private var recordStart = 0
  private var fields: UnsafeMutablePointer<Field>
  private var capacity = 64

  /// - Parameters:
  ///   - buffer: must outlive the scan, unchanged.
  ///   - end: where the last record ends.
  ///   - line: the first record's.
  init(_ buffer: ByteBuffer, from start: Int = 0, to end: Int, delimiter: UInt8, line: Int = 1, width: Int = 0) {
    base = UnsafePointer(buffer.start)
    self.end = end
    self.delimiter = delimiter
    at = start
    nextLine = line
    self.line = line
    self.width = width
    special = SpecialBytes(base, from: start, to: end, delimiter: delimiter)
    fields = .allocate(capacity: capacity)
  }

  deinit { fields.deallocate() }

  /// Goes on in other bytes.
  mutating func move(to buffer: ByteBuffer, end: Int) {
    base = UnsafePointer(buffer.start)
    self.end = end
    at = 0
    recordStart = 0
    count = 0
    special = SpecialBytes(base, from: 0, to: end, delimiter: delimiter)
  }

  /// Moves on to the next record; false at the end of the bytes.
  mutating func next() -> Bool {
    while at < end, !hasStopped {
      let isEmpty = record()
      if at - recordStart > CSVReader.recordLimit {
        hasStopped = true
        defect = (.recordTooLong, 0)
      }
      if defect != nil { return true }
      if isEmpty { continue }
      if width > 0, count != width { defect = (.width(expected: width, found: count), 0) }
      return true
    }
    return false
  }

  /// A field's bytes as they stand, without its quotes.
  @inline(__always)
  func cell(_ index: Int) -> Cell {
    let field = fields[index]
    return Cell(start: base + Int(field.start), count: Int(field.end - field.start))
  }

  @inline(__always) func isEscaped(_ index: Int) -> Bool { fields[index].isEscaped }

  /// A field's text, without its quotes. Only for records without a defect.
  func text(_ index: Int) -> String {
    guard index < count else { return "" }
    let cell = cell(index)
    guard isEscaped(index) else { return cell.text }
    return String(unsafeUninitializedCapacity: cell.count) { $0.fill(unescaping: cell) }
  }

  /// Where a field starts. Only what is wrong needs its place, so that it is worked out from the record's bytes.
  func place(_ index: Int, file: String) -> Place {
    guard index < count else { return Place(file, line: line, column: 1) }
    let origin = Int(fields[index].start) - (fields[index].isQuoted ? 1 : 0)
    var (row, column) = (line, 1)
    for i in recordStart..<max(recordStart, origin) {
      let byte = base[i]
      if byte == 0x0A || (byte == 0x0D && base[i + 1] != 0x0A) {
        row += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return Place(file, line: row, column: column)
  }

  /// How the current record ends.
  var lineEnd: String {
    guard at > recordStart, base[at - 1] == 0x0A else { return at > recordStart && base[at - 1] == 0x0D ? "\r" : "\n" }
    return at - 1 > recordStart && base[at - 2] == 0x0D ? "\r\n" : "\n"
  }

  private mutating func report(_ what: CSVDefect) {
    if defect == nil { defect = (what, count) }
  }

  @inline(__always)
  private mutating func append(_ field: Field) {
    if count == capacity { grow() }
    fields[count] = field
    count += 1
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Field>.allocate(capacity: capacity * 2)
    larger.update(from: fields, count: count)
    fields.deallocate()
    fields = larger
    capacity *= 2
  }

  /// One record. True if all its fields are empty.
  private mutating func record() -> Bool {
    recordStart = at
    line = nextLine
    count = 0
    defect = nil
    special.begin()
    var filled: Int32 = 0
    while true {
      let start = at
      if start < end, base[start] == 0x22 { quoted() } else { plain() }
      filled |= fields[count - 1].end - fields[count - 1].start
      guard at < end else { break }
      let byte = base[at]
      at += 1
      if byte == delimiter {
        if at < end { continue }
        // A delimiter as the file's last byte: one more, empty field.
        append(Field(start: Int32(at), end: Int32(at), isQuoted: false, isEscaped: false))
        break
      }
      if byte == 0x0D, at < end, base[at] == 0x0A {
        _ = special.next()
        at += 1
      }
      nextLine += 1
      break
    }
    check()
    return filled == 0
  }

  @inline(__always)
  private mutating func plain() {
    let start = at
    var i = special.next()
    while i < end {
      let byte = base[i]
      if byte == delimiter || byte == 0x0A || byte == 0x0D { break }
      if byte == 0 { report(.nul) }
      i = special.next()
    }
    at = i
    append(Field(start: Int32(start), end: Int32(i), isQuoted: false, isEscaped: false))
  }

  private mutating func quoted() {
    var field = Field(start: Int32(at + 1), end: Int32(end), isQuoted: true, isEscaped: false)
    var i = special.next()
    while true {
      i = special.next()
      guard i < end else {
        report(.unterminatedQuote)
        break
      }
      switch base[i] {
      case 0x22:
        if i + 1 < end, base[i + 1] == 0x22 {
          field.isEscaped = true
          _ = special.next()
          continue
        }
        field.end = Int32(i)
      case 0x0A:
        nextLine += 1
        continue
      case 0x0D:
        if i + 1 == end || base[i + 1] != 0x0A { nextLine += 1 }
        continue
      case 0:
        report(.nul)
        continue
      default: continue
      }
      break
    }
    // After the closing quote comes a delimiter or the record's end; anything else is reported and passed over.
    if i < end {
      let closed = i + 1
      i = special.next()
      while i < end, base[i] != delimiter, base[i] != 0x0A, base[i] != 0x0D { i = special.next() }
      if i > closed { report(.textAfterQuote) }
    }
    at = i
    append(field)
  }

  private mutating func check() {
    if !special.isASCII, defect == nil { checkUTF8() }
    guard at - recordStart > CSVReader.fieldLimit, defect == nil else { return }
    for i in 0..<count where Int(fields[i].end - fields[i].start) > CSVReader.fieldLimit && defect == nil {
      defect = (.fieldTooLong, i)
    }
  }

  private mutating func checkUTF8() {
    let bytes = Cell(start: base + recordStart, count: at - recordStart)
    if Self.isUTF8(bytes) { return }
    for i in 0..<count where !Self.isUTF8(cell(i)) {
      defect = (.brokenUTF8, i)
      return
    }
  }

  private static func isUTF8(_ bytes: Cell) -> Bool { (try? UTF8Span(validating: bytes.span)) != nil }
}
