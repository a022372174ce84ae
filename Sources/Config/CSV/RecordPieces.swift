import Foundation
import Model

/// Cuts a file into pieces that begin with a record and end with one, in order.
///
/// Where a record ends cannot be known without all quotes before it, but little else matters: a quote opens a field
/// only right after a delimiter or a line break, and is closed by the next one that is not doubled. So one thread can
/// cut as fast as memory is read, and others take the pieces apart.
struct RecordPieces {
  let source: ByteSource
  private(set) var delimiter: UInt8 = 0x2C
  /// Bytes asked for at a time.
  var chunk: Int
  private var isAtEnd = false
  /// A record is longer than any may be: what follows is read for the digest alone.
  private var hasOverrun = false
  /// What was read and belongs to the next piece.
  private var rest = ByteBuffer()
  /// Whether `rest` may hold whole records.
  private var isRestWhole = true

  /// Reads the first line for its delimiter.
  init(_ source: ByteSource, chunk: Int) throws(FileProblem) {
    self.source = source
    self.chunk = max(16, chunk)
    while rest.count < 3, try fill(rest) {}
    if rest.count >= 3, rest[0..<3].elementsEqual([0xEF, 0xBB, 0xBF]) { rest.drop(before: 3) }
    try sniff()
  }

  /// Fills a buffer with whole records, and with what follows them so far.
  /// - Returns: where the last record ends; nil at the end of the file. `isUnread`: the end of what had been read
  ///   before, and digested if the source does so.
  mutating func next(_ buffer: ByteBuffer) throws(FileProblem) -> (end: Int, digested: Int)? {
    buffer.count = 0
    buffer.reserve(rest.count + chunk)
    buffer.append(rest[0..<rest.count])
    rest.count = 0
    let digested = buffer.count
    var end = isRestWhole ? Self.cut(buffer, delimiter) : 0
    isRestWhole = false
    while end == 0 || hasOverrun, try fill(buffer) {
      if hasOverrun { return (0, digested) }
      end = Self.cut(buffer, delimiter)
      if end == 0, buffer.count > CSVReader.recordLimit {
        hasOverrun = true
        return (buffer.count, digested)
      }
    }
    if isAtEnd, !hasOverrun { end = buffer.count }
    if end == 0 { return nil }
    rest.append(buffer[end..<buffer.count])
    return (end, digested)
  }

  /// Gives records back that were in a piece and have not been used.
  mutating func giveBack(_ records: UnsafeBufferPointer<UInt8>) {
    let whole = ByteBuffer(capacity: records.count + rest.count)
    whole.append(records)
    whole.append(rest[0..<rest.count])
    rest = whole
    isRestWhole = true
  }

  /// Growing with what is held keeps a long record from being cut more than a few times over.
  private mutating func fill(_ buffer: ByteBuffer) throws(FileProblem) -> Bool {
    guard !isAtEnd else { return false }
    let n = max(chunk, buffer.count)
    buffer.reserve(buffer.count + n)
    let got = try source.read(UnsafeMutableRawBufferPointer(start: buffer.start + buffer.count, count: n))
    buffer.count += got
    isAtEnd = got == 0
    return !isAtEnd
  }

  /// The delimiter that the header line has most of, outside quotes.
  private mutating func sniff() throws(FileProblem) {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    var i = 0
    while true {
      if i == rest.count {
        guard rest.count < CSVReader.recordLimit, try fill(rest) else { break }
        continue
      }
      let byte = rest.start[i]
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
  }

  /// Where the last record that surely ends in the bytes does; 0 if none does. The bytes begin with a record.
  static func cut(_ buffer: ByteBuffer, _ delimiter: UInt8) -> Int {
    let (bytes, count) = (buffer.start, buffer.count)
    func quote(from i: Int) -> Int? {
      guard i < count, let found = memchr(bytes + i, 0x22, count - i) else { return nil }
      return UnsafeRawPointer(found) - UnsafeRawPointer(bytes)
    }
    func isOpening(_ i: Int) -> Bool {
      i == 0 || bytes[i - 1] == delimiter || bytes[i - 1] == 0x0A || bytes[i - 1] == 0x0D
    }
    var last = 0
    var start = 0
    while true {
      var open = quote(from: start)
      while let i = open, !isOpening(i) { open = quote(from: i + 1) }
      last = lastBreak(bytes, start..<(open ?? count), count) ?? last
      guard let open else { return last }
      var close = quote(from: open + 1)
      while let i = close, i + 1 < count, bytes[i + 1] == 0x22 { close = quote(from: i + 2) }
      // A quote as the last byte may yet be doubled.
      guard let close, close + 1 < count else { return last }
      start = close + 1
    }
  }

  private static func lastBreak(_ bytes: UnsafePointer<UInt8>, _ range: Range<Int>, _ count: Int) -> Int? {
    var i = range.upperBound - 1
    while i >= range.lowerBound {
      if bytes[i] == 0x0A { return i + 1 }
      // Whether LF follows CR must be known.
      if bytes[i] == 0x0D, i + 1 < count { return i + 1 }
      i -= 1
    }
    return nil
  }
}
