import Foundation
import Model

/// The lines of a file, read in pieces, so that a file of any size needs the memory of its longest line.
struct LineReader {
  struct Line {
    /// Without its line break.
    var bytes: ArraySlice<UInt8>
    /// From 1.
    var number: Int
    /// Whether a line break ends it; without one it is the last line, and may be torn.
    var isEnded: Bool

    var isBlank: Bool { bytes.allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D } }
  }

  /// No line that Nightmail writes comes near it; a file of zeros must not fill the memory.
  static let longest = 1 << 26

  let path: String
  private let file: Descriptor
  private var buffer: [UInt8] = []
  private var start = 0
  private var searched = 0
  private var number = 0
  private var atEnd = false

  init(_ path: String) throws(JournalProblem) {
    self.path = path
    file = try Descriptor(path, flags: O_RDONLY)
  }

  mutating func next() throws(JournalProblem) -> Line? {
    while true {
      if let end = newline() {
        defer {
          start = end + 1
          searched = start
        }
        number += 1
        return Line(bytes: buffer[start..<end], number: number, isEnded: true)
      }
      searched = buffer.count
      if atEnd {
        guard start < buffer.count else { return nil }
        defer { start = buffer.count }
        number += 1
        return Line(bytes: buffer[start...], number: number, isEnded: false)
      }
      guard buffer.count - start <= Self.longest else {
        throw .malformed(path: path, line: number + 1, message: "the line is longer than 64 MiB")
      }
      let more = try file.read(1 << 18)
      atEnd = more.isEmpty
      buffer = Array(buffer[start...])
      searched -= start
      start = 0
      buffer += more
    }
  }

  private func newline() -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard searched < bytes.count, let base = bytes.baseAddress,
        let hit = memchr(base + searched, 0x0A, bytes.count - searched)
      else { return nil }
      return base.distance(to: UnsafeRawPointer(hit))
    }
  }
}

/// Why one line is not what its format says; the reader adds file and line.
struct LineProblem: Error, Hashable {
  var message: String
  init(_ message: String) { self.message = message }
}

/// The members of an object that must have known keys and right types, and nothing else.
struct Fields {
  private let members: [JSON.Member]

  init(_ json: JSON, _ allowed: [String], what: String) throws(LineProblem) {
    guard case .object(let members) = json else { throw LineProblem("\(what) is an object, not \(json.kind)") }
    for member in members where !allowed.contains(member.key) {
      throw LineProblem("\(what) has no '\(member.key)'\(Nearest.hint(member.key, among: allowed))")
    }
    self.members = members
  }

  subscript(_ key: String) -> JSON? { members.first { $0.key == key }?.value }

  func need(_ key: String) throws(LineProblem) -> JSON {
    guard let value = self[key] else { throw LineProblem("'\(key)' is missing") }
    return value
  }

  func optionalString(_ key: String) throws(LineProblem) -> String? {
    switch self[key] {
    case nil: return nil
    case .string(let s)?: return s
    case let other?: throw LineProblem("'\(key)' is a string, not \(other.kind)")
    }
  }

  func string(_ key: String) throws(LineProblem) -> String {
    guard let s = try optionalString(key) else { throw LineProblem("'\(key)' is missing") }
    return s
  }

  /// An integer within `range`.
  func optionalInteger(_ key: String, _ range: ClosedRange<Int64>) throws(LineProblem) -> Int64? {
    guard let value = self[key] else { return nil }
    guard let n = value.integer, range.contains(n) else {
      throw LineProblem("'\(key)' is a whole number from \(range.lowerBound) to \(range.upperBound)")
    }
    return n
  }

  func integer(_ key: String, _ range: ClosedRange<Int64>) throws(LineProblem) -> Int64 {
    guard let n = try optionalInteger(key, range) else { throw LineProblem("'\(key)' is missing") }
    return n
  }

  func count(_ key: String) throws(LineProblem) -> Int { Int(try integer(key, 0...1_000_000_000_000)) }

  func optionalInstant(_ key: String) throws(LineProblem) -> Instant? {
    guard let text = try optionalString(key) else { return nil }
    return try Self.instant(text, key)
  }

  func instant(_ key: String) throws(LineProblem) -> Instant { try Self.instant(try string(key), key) }

  static func instant(_ text: String, _ key: String) throws(LineProblem) -> Instant {
    guard let instant = Instant(text) else {
      throw LineProblem("'\(key)' is a time such as 2026-11-20T09:00:12+01:00, not '\(text)'")
    }
    return instant
  }

  /// A string that is one of an enum's raw values.
  func word<W: RawRepresentable & CaseIterable>(_ key: String, _: W.Type) throws(LineProblem) -> W
  where W.RawValue == String {
    let text = try string(key)
    guard let word = W(rawValue: text) else {
      throw LineProblem("'\(text)' is no \(key)\(Nearest.hint(text, among: W.allCases.map(\.rawValue)))")
    }
    return word
  }

  func id(_ key: String = "id") throws(LineProblem) -> SendID {
    let text = try string(key)
    guard let id = SendID(text) else { throw LineProblem("'\(key)' has 32 hex digits in lower case, not '\(text)'") }
    return id
  }

  /// An object of strings.
  func strings(_ key: String) throws(LineProblem) -> [String: String] {
    guard let value = self[key] else { return [:] }
    guard let members = value.object else { throw LineProblem("'\(key)' is an object, not \(value.kind)") }
    var result: [String: String] = [:]
    for member in members {
      guard let s = member.value.string else {
        throw LineProblem("'\(member.key)' in '\(key)' is a string, not \(member.value.kind)")
      }
      result[member.key] = s
    }
    return result
  }

  /// A list of strings.
  func list(_ key: String) throws(LineProblem) -> [String] {
    guard let value = self[key] else { return [] }
    guard let values = value.array else { throw LineProblem("'\(key)' is a list, not \(value.kind)") }
    var result: [String] = []
    for value in values {
      guard let s = value.string else { throw LineProblem("'\(key)' is a list of strings") }
      result.append(s)
    }
    return result
  }

  /// An object of counts by reason.
  func counts<W: RawRepresentable & CaseIterable & Hashable>(_ key: String, _: W.Type) throws(LineProblem) -> [W: Int]
  where W.RawValue == String {
    guard let value = self[key] else { return [:] }
    let fields = try Fields(value, W.allCases.map(\.rawValue), what: "'\(key)'")
    var result: [W: Int] = [:]
    for word in W.allCases where fields[word.rawValue] != nil { result[word] = try fields.count(word.rawValue) }
    return result
  }
}

extension LineReader.Line {
  /// The line as JSON.
  func json() throws(LineProblem) -> JSON { try Self.json(bytes) }

  static func json(_ bytes: some Sequence<UInt8>) throws(LineProblem) -> JSON {
    do { return try JSON(parsing: bytes) } catch { throw LineProblem("\(error.message) (byte \(error.offset + 1))") }
  }
}

/// The format version that opens every file: `{"nightmail_results":1,…}`.
enum FormatVersion {
  static func check(_ json: JSON, key: String, path: String, known: Int64 = 1) throws(JournalProblem) {
    guard let found = json[key]?.integer else {
      throw .malformed(path: path, line: 1, message: "the first line must be a header with '\(key)'")
    }
    guard (1...known).contains(found) else { throw .version(path: path, found: found) }
  }
}
