@testable import Config
@testable import Model

/// CSV read the plainest way there is, a byte after another over the whole file: what the fast readers are held to.
enum PlainCSV {
  static func read(_ file: [UInt8]) -> [[String]] {
    let bytes = file.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(file.dropFirst(3)) : file
    let delimiter = delimiter(bytes)
    var rows: [[String]] = []
    var width = 0
    var (i, line) = (0, 1)
    while i < bytes.count {
      let first = line
      var fields: [[UInt8]] = []
      var places: [(line: Int, column: Int)] = []
      var problem: (what: String, field: Int)?
      var lineStart = i
      func fail(_ what: String) { problem = problem ?? (what, fields.count) }
      while true {
        var field: [UInt8] = []
        places.append((line, characters(bytes[lineStart..<i]) + 1))
        if i < bytes.count, bytes[i] == 0x22 {
          i += 1
          var isClosed = false
          while i < bytes.count, !isClosed {
            let byte = bytes[i]
            if byte == 0x22, i + 1 < bytes.count, bytes[i + 1] == 0x22 {
              field.append(byte)
              i += 2
            } else if byte == 0x22 {
              isClosed = true
              i += 1
            } else {
              if byte == 0 { fail("nul") }
              field.append(byte)
              i += 1
              if byte == 0x0A || (byte == 0x0D && !(i < bytes.count && bytes[i] == 0x0A)) {
                line += 1
                lineStart = i
              }
            }
          }
          if !isClosed { fail("unterminatedQuote") }
          while i < bytes.count, bytes[i] != delimiter, bytes[i] != 0x0A, bytes[i] != 0x0D {
            fail("textAfterQuote")
            i += 1
          }
        } else {
          while i < bytes.count, bytes[i] != delimiter, bytes[i] != 0x0A, bytes[i] != 0x0D {
            if bytes[i] == 0 { fail("nul") }
            field.append(bytes[i])
            i += 1
          }
        }
        fields.append(field)
        guard i < bytes.count else { break }
        let byte = bytes[i]
        i += 1
        if byte == delimiter { continue }
        if byte == 0x0D, i < bytes.count, bytes[i] == 0x0A { i += 1 }
        line += 1
        break
      }
      if problem == nil, let bad = fields.firstIndex(where: { String(validating: $0, as: UTF8.self) == nil }) {
        problem = ("brokenUTF8", bad)
      }
      if problem == nil, fields.allSatisfy(\.isEmpty) { continue }
      if problem == nil, width > 0, fields.count != width {
        problem = ("width(expected: \(width), found: \(fields.count))", 0)
      }
      if let problem {
        rows.append(["!\(problem.what) \(places[problem.field].line):\(places[problem.field].column)", "\(first)"])
      } else {
        rows.append(fields.map { String(decoding: $0, as: UTF8.self) } + ["\(first)"])
      }
      if rows.count == 1 { width = fields.count }
    }
    return rows
  }

  private static func characters(_ bytes: ArraySlice<UInt8>) -> Int { bytes.count { $0 & 0xC0 != 0x80 } }

  private static func delimiter(_ bytes: [UInt8]) -> UInt8 {
    var counts: [UInt8: Int] = [:]
    var isQuoted = false
    for byte in bytes {
      if byte == 0x22 { isQuoted.toggle() }
      if isQuoted { continue }
      if byte == 0x0A || byte == 0x0D { break }
      counts[byte, default: 0] += 1
    }
    var best: UInt8 = 0x2C
    for byte: UInt8 in [0x3B, 0x09] where counts[byte, default: 0] > counts[best, default: 0] { best = byte }
    return best
  }
}
