import Model

/// Reads CSV (RFC 4180) as people have it: a byte-order mark, CRLF, LF or CR, `,` `;` or tab as the delimiter (the
/// header's most frequent one), quoted line breaks. Works on bytes in chunks and makes strings only when asked.
///
/// Empty lines, and lines of nothing but delimiters, are passed over. Large files go through `ParallelRecords`.
public struct CSVReader: ~Copyable {
  public static let fieldLimit = 1 << 20
  public static let recordLimit = 16 << 20

  let source: ByteSource
  let file: String
  private(set) var pieces: RecordPieces
  private let buffer = ByteBuffer()
  private var scan: RecordScan
  /// Where the records end that are at hand.
  private var end = 0

  /// - Parameter chunk: bytes read at a time.
  init(_ source: ByteSource, file: String, chunk: Int = 256 << 10) throws(FileProblem) {
    self.source = source
    self.file = file
    pieces = try RecordPieces(source, chunk: chunk)
    scan = RecordScan(buffer, to: 0, delimiter: pieces.delimiter)
  }

  /// Opens a file; its first record is the header. `chunk` is in bytes, at least 16.
  public init(path: String, chunk: Int = 256 << 10) throws(FileProblem) {
    try self.init(ByteSource(path: path), file: path, chunk: chunk)
  }

  /// The number of fields of the current record.
  public var count: Int { scan.count }
  /// The current record's first line, from 1.
  public var line: Int { scan.line }
  /// What is wrong with the current record, and in which field.
  public var defect: (defect: CSVDefect, field: Int)? { scan.defect }
  var delimiter: UInt8 { pieces.delimiter }
  /// The first line after the current record.
  var nextLine: Int { scan.nextLine }
  /// How the current record ends.
  var lineEnd: String { scan.lineEnd }

  /// From now on records must have as many fields as the current one has: it is the header.
  mutating func fixWidth() { scan.width = scan.count }

  /// Moves on to the next record; false at the end of the file.
  public mutating func next() throws(FileProblem) -> Bool {
    while !scan.next() {
      guard !scan.hasStopped, let piece = try pieces.next(buffer) else { return false }
      end = piece.end
      scan.move(to: buffer, end: end)
    }
    return true
  }

  /// A field's text, without its quotes. Only for records without a defect.
  public func text(_ index: Int) -> String { scan.text(index) }

  public func isEmpty(_ index: Int) -> Bool { index >= scan.count || scan.cell(index).isEmpty }

  /// Where a field starts.
  public func place(_ index: Int) -> Place { scan.place(index, file: file) }

  /// Reads on to the end, for the digest's sake.
  mutating func drain() throws(FileProblem) { try source.drain() }

  /// The records that have not been read yet, for others to read.
  consuming func remaining() -> RecordPieces {
    pieces.giveBack(buffer[scan.at..<end])
    return pieces
  }
}

extension UnsafeMutableBufferPointer<UInt8> {
  /// Writes a cell with its doubled quotes made single; the number of bytes.
  func fill(unescaping cell: Cell) -> Int {
    var n = 0
    var i = 0
    while i < cell.count {
      self[n] = cell[i]
      n += 1
      i += cell[i] == 0x22 ? 2 : 1
    }
    return n
  }
}
