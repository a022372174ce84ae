import Model

/// Why a record cannot be used. The reader goes on with the next one, except after `recordTooLong`.
public enum CSVDefect: Hashable, Sendable {
  case width(expected: Int, found: Int)
  case brokenUTF8
  case unterminatedQuote
  case textAfterQuote
  case nul
  case fieldTooLong
  case recordTooLong

  public var message: String {
    switch self {
    case .width(let expected, let found):
      "the row has \(found) \(found == 1 ? "field" : "fields") and the header \(expected)"
    case .brokenUTF8: "the field is not UTF-8; save the file as UTF-8"
    case .unterminatedQuote: "the quote that opens here is never closed"
    case .textAfterQuote: "text follows the closing quote of this field; double quotes inside it"
    case .nul: "the field holds a NUL byte"
    case .fieldTooLong: "the field is larger than 1 MiB"
    case .recordTooLong: "the row is larger than 16 MiB; is a quote left open here?"
    }
  }
}

/// Reads CSV (RFC 4180) as people have it: a byte-order mark, CRLF, LF or CR, `,` `;` or tab as the delimiter (the
/// header's most frequent one), quoted line breaks. Works on bytes in chunks and makes strings only when asked.
///
/// Empty lines, and lines of nothing but delimiters, are passed over.
public struct CSVReader: ~Copyable {
  public static let fieldLimit = 1 << 20
  public static let recordLimit = 16 << 20

  /// One field of the current record: where its content lies in the buffer, less its quotes.
  struct Field {
    var start: Int
    var end: Int
    /// Counted from the record's first line.
    var line: Int
    /// Where that line starts in the buffer.
    var lineStart: Int
    /// Where the field starts, its quote included.
    var origin: Int
    /// Holds doubled quotes.
    var isEscaped: Bool
  }

  let source: ByteSource
  let file: String
  private let chunk: Int
  var buffer: [UInt8] = []
  private var isAtEnd = false
  private var hasStopped = false
  private var recordStart = 0
  private var recordEnd = 0
  private var nextLine = 1
  private(set) var fields: [Field] = []
  private(set) var delimiter: UInt8 = 0x2C
  private var special = [Bool](repeating: false, count: 256)

  /// The current record's first line, from 1.
  public private(set) var line = 1
  /// What is wrong with the current record, and in which field.
  public private(set) var defect: (defect: CSVDefect, field: Int)?
  /// The width that records must have; zero while the header is read.
  private var width = 0

  /// - Parameter chunk: bytes read at a time.
  init(_ source: ByteSource, file: String, chunk: Int = 256 << 10) throws(FileProblem) {
    self.source = source
    self.file = file
    self.chunk = max(16, chunk)
    try fill()
    while buffer.count < 3, !isAtEnd { try fill() }
    if buffer.starts(with: [0xEF, 0xBB, 0xBF]) { recordEnd = 3 }
    try sniff()
  }

  /// Opens a file; its first record is the header. `chunk` is in bytes, at least 16.
  public init(path: String, chunk: Int = 256 << 10) throws(FileProblem) {
    try self.init(ByteSource(path: path), file: path, chunk: chunk)
  }

  /// The number of fields of the current record.
  public var count: Int { fields.count }

  /// From now on records must have as many fields as the current one has: it is the header.
  mutating func fixWidth() { width = fields.count }

  /// Moves on to the next record; false at the end of the file.
  public mutating func next() throws(FileProblem) -> Bool {
    while true {
      guard !hasStopped else { return false }
      recordStart = recordEnd
      line = nextLine
      defect = nil
      var done = scan()
      while !done {
        if buffer.count - recordStart > Self.recordLimit {
          hasStopped = true
          defect = (.recordTooLong, 0)
          return true
        }
        try fill()
        done = scan()
      }
      if recordEnd == recordStart, isAtEnd { return false }
      if defect != nil { return true }
      if fields.allSatisfy({ $0.start == $0.end }) { continue }
      if width > 0, fields.count != width { defect = (.width(expected: width, found: fields.count), 0) }
      return true
    }
  }

  /// A field's text, without its quotes. Only for records without a defect.
  public func text(_ index: Int) -> String {
    guard index < fields.count else { return "" }
    let field = fields[index]
    guard field.isEscaped else {
      return buffer.withUnsafeBufferPointer { String(decoding: $0[field.start..<field.end], as: UTF8.self) }
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(field.end - field.start)
    var i = field.start
    while i < field.end {
      bytes.append(buffer[i])
      i += buffer[i] == 0x22 ? 2 : 1
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  public func isEmpty(_ index: Int) -> Bool { index >= fields.count || fields[index].start == fields[index].end }

  /// Where a field starts.
  public func place(_ index: Int) -> Place {
    guard index < fields.count else { return Place(file, line: line, column: 1) }
    let field = fields[index]
    var column = 1
    for byte in buffer[min(field.lineStart, field.origin)..<field.origin] where byte & 0xC0 != 0x80 { column += 1 }
    return Place(file, line: line + field.line, column: column)
  }

  /// How the current record ends.
  var lineEnd: String {
    guard recordEnd > 0, recordEnd <= buffer.count, buffer[recordEnd - 1] == 0x0A else {
      return recordEnd > 0 && recordEnd <= buffer.count && buffer[recordEnd - 1] == 0x0D ? "\r" : "\n"
    }
    return recordEnd > 1 && buffer[recordEnd - 2] == 0x0D ? "\r\n" : "\n"
  }

  /// Reads on to the end, for the digest's sake.
  mutating func drain() throws(FileProblem) {
    while !isAtEnd {
      buffer.removeAll(keepingCapacity: true)
      try fill()
    }
    hasStopped = true
  }

  /// Drops what has been used and reads more.
  private mutating func fill() throws(FileProblem) {
    if recordStart > 0 {
      buffer.removeSubrange(0..<recordStart)
      recordEnd -= recordStart
      recordStart = 0
    }
    // Growing with what is held keeps a long record from being scanned more than a few times over.
    let n = try source.read(max(chunk, buffer.count), into: &buffer)
    if n == 0 { isAtEnd = true }
  }

  /// The delimiter that the header line has most of, outside quotes.
  private mutating func sniff() throws(FileProblem) {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    var i = recordEnd
    while true {
      if i == buffer.count {
        guard !isAtEnd, buffer.count < Self.recordLimit else { break }
        try fill()
        continue
      }
      let byte = buffer[i]
      i += 1
      if byte == 0x22 {
        isQuoted.toggle()
      } else if !isQuoted {
        if byte == 0x0A || byte == 0x0D { break }
        if byte == 0x2C || byte == 0x3B || byte == 0x09 { counts[byte, default: 0] += 1 }
      }
    }
    for candidate: UInt8 in [0x2C, 0x3B, 0x09] where counts[candidate, default: 0] > counts[delimiter, default: 0] {
      delimiter = candidate
    }
    for byte in [delimiter, 0x0A, 0x0D, 0] { special[Int(byte)] = true }
  }

  /// Finds the fields of the record at `recordEnd`; false if the buffer ends before it does. A table of the bytes
  /// that mean something keeps the loop to one load and one branch for all others.
  private mutating func scan() -> Bool {
    recordEnd = recordStart
    fields.removeAll(keepingCapacity: true)
    defect = nil
    var scan = RecordScan(at: recordStart, isAtEnd: isAtEnd, delimiter: delimiter)
    swap(&scan.fields, &fields)
    let done = buffer.withUnsafeBufferPointer { bytes in
      special.withUnsafeBufferPointer { scan.run(bytes, $0) }
    }
    swap(&scan.fields, &fields)
    guard done else { return false }
    defect = scan.defect
    recordEnd = scan.at
    nextLine = line + scan.lines
    return true
  }
}
