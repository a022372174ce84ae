/// One pass over the bytes of one record.
struct RecordScan {
  var fields: [CSVReader.Field] = []
  var at: Int
  let isAtEnd: Bool
  let delimiter: UInt8
  /// Line breaks passed.
  var lines = 0
  var defect: (defect: CSVDefect, field: Int)?
  private var lineStart: Int
  /// All bytes or-ed together: below 0x80, the record is ASCII and surely UTF-8.
  private var bits: UInt8 = 0

  init(at: Int, isAtEnd: Bool, delimiter: UInt8) {
    self.at = at
    self.isAtEnd = isAtEnd
    self.delimiter = delimiter
    lineStart = at
  }

  private mutating func report(_ what: CSVDefect) {
    if defect == nil { defect = (what, fields.count) }
  }

  /// False if the bytes end before the record does, and more may come.
  mutating func run(_ bytes: UnsafeBufferPointer<UInt8>, _ special: UnsafeBufferPointer<Bool>) -> Bool {
    let end = bytes.count
    while true {
      let isQuoted = at < end && bytes[at] == 0x22
      guard isQuoted ? quoted(bytes) : plain(bytes, special) else { return false }
      if at == end { break }
      let byte = bytes[at]
      if byte == delimiter {
        at += 1
        // A delimiter as the file's last byte: one more, empty field.
        if at == end, isAtEnd {
          fields.append(.init(start: at, end: at, line: lines, lineStart: lineStart, origin: at, isEscaped: false))
          break
        }
        continue
      }
      // CR, LF or CRLF ends the record; whether LF follows CR must be known.
      if byte == 0x0D, at + 1 == end, !isAtEnd { return false }
      at += byte == 0x0D && at + 1 < end && bytes[at + 1] == 0x0A ? 2 : 1
      lines += 1
      break
    }
    if bits >= 0x80, defect == nil { checkUTF8(bytes) }
    for (i, field) in fields.enumerated() where field.end - field.start > CSVReader.fieldLimit && defect == nil {
      defect = (.fieldTooLong, i)
    }
    return true
  }

  private mutating func plain(_ bytes: UnsafeBufferPointer<UInt8>, _ special: UnsafeBufferPointer<Bool>) -> Bool {
    let start = at
    let end = bytes.count
    var i = at
    var seen: UInt8 = 0
    while i < end {
      let byte = bytes[i]
      seen |= byte
      if special[Int(byte)] {
        guard byte == 0 else { break }
        report(.nul)
      }
      i += 1
    }
    bits |= seen
    at = i
    if i == end, !isAtEnd { return false }
    fields.append(.init(start: start, end: i, line: lines, lineStart: lineStart, origin: start, isEscaped: false))
    return true
  }

  private mutating func quoted(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    let end = bytes.count
    var field = CSVReader.Field(
      start: at + 1, end: at + 1, line: lines, lineStart: lineStart, origin: at, isEscaped: false)
    var i = at + 1
    while i < end {
      let byte = bytes[i]
      bits |= byte
      if byte == 0x22 {
        guard i + 1 < end || isAtEnd else { return false }
        guard i + 1 < end, bytes[i + 1] == 0x22 else {
          field.end = i
          return close(field, at: i + 1, bytes)
        }
        field.isEscaped = true
        i += 2
        continue
      }
      if byte == 0x0A || byte == 0x0D {
        if byte == 0x0D {
          guard i + 1 < end || isAtEnd else { return false }
          if i + 1 < end, bytes[i + 1] == 0x0A { i += 1 }
        }
        lines += 1
        lineStart = i + 1
      } else if byte == 0 {
        report(.nul)
      }
      i += 1
    }
    guard isAtEnd else { return false }
    report(.unterminatedQuote)
    field.end = end
    fields.append(field)
    at = end
    return true
  }

  /// After the closing quote comes a delimiter or the record's end; anything else is reported and passed over.
  private mutating func close(_ field: CSVReader.Field, at next: Int, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var i = next
    while i < bytes.count, bytes[i] != delimiter, bytes[i] != 0x0A, bytes[i] != 0x0D {
      report(.textAfterQuote)
      i += 1
    }
    if i == bytes.count, !isAtEnd { return false }
    fields.append(field)
    at = i
    return true
  }

  private mutating func checkUTF8(_ bytes: UnsafeBufferPointer<UInt8>) {
    for (i, field) in fields.enumerated() {
      guard String(validating: bytes[field.start..<field.end], as: UTF8.self) == nil else { continue }
      defect = (.brokenUTF8, i)
      return
    }
  }
}
