import CResolver
import Foundation

/// TXT records of a name, asked of the system's own resolver: for the key that a signature is checked by.
public enum TextRecords: Hashable, Sendable {
  /// Each record's strings joined (RFC 6376 §3.6.2.2).
  case records([String])
  /// DNS says that there is none.
  case none
  /// No name server answered.
  case unknown

  /// Waits some seconds at most, on a thread of its own.
  public static func ask(_ name: String) async -> TextRecords {
    await withCheckedContinuation { continuation in
      let thread = Thread { continuation.resume(returning: query(name)) }
      thread.name = "dns"
      thread.start()
    }
  }

  private static func query(_ name: String) -> TextRecords {
    var answer = [UInt8](repeating: 0, count: 65_535)
    // Ended with a dot, so that no search list is tried.
    let count = answer.withUnsafeMutableBufferPointer { nm_query_txt("\(name).", $0.baseAddress, Int32($0.count)) }
    guard count > 0 else { return [1, 4].contains(nm_query_error()) ? .none : .unknown }
    return parse(Array(answer.prefix(Int(count))))
  }

  /// Reads an answer (RFC 1035 §4.1). One that is cut off or is none tells nothing.
  static func parse(_ bytes: [UInt8]) -> TextRecords {
    guard bytes.count >= 12 else { return .unknown }
    func two(_ at: Int) -> Int? { at + 1 < bytes.count ? Int(bytes[at]) << 8 | Int(bytes[at + 1]) : nil }
    /// The place after a name: labels up to an empty one, or up to a pointer.
    func afterName(_ start: Int) -> Int? {
      var at = start
      while at < bytes.count {
        let length = Int(bytes[at])
        if length == 0 { return at + 1 }
        if length >= 0xC0 { return at + 2 }
        at += length + 1
      }
      return nil
    }
    var at = 12
    for _ in 0..<(two(4) ?? 0) {
      guard let next = afterName(at) else { return .unknown }
      at = next + 4
    }
    var records: [String] = []
    for _ in 0..<(two(6) ?? 0) {
      guard let next = afterName(at), let type = two(next), let length = two(next + 8),
        next + 10 + length <= bytes.count
      else { return .unknown }
      let data = bytes[(next + 10)..<(next + 10 + length)]
      at = next + 10 + length
      // A CNAME on the way is followed by the resolver.
      guard type == 16 else { continue }
      var text: [UInt8] = []
      var place = data.startIndex
      while place < data.endIndex {
        let end = place + 1 + Int(data[place])
        guard end <= data.endIndex else { return .unknown }
        text += data[(place + 1)..<end]
        place = end
      }
      records.append(String(decoding: text, as: UTF8.self))
    }
    return records.isEmpty ? .none : .records(records)
  }
}

/// Whether the system keeps its clock right.
public enum SystemClock {
  /// Nil where the system does not tell.
  public static var isKept: Bool? {
    switch nm_clock_is_kept() {
    case 1: true
    case 0: false
    default: nil
    }
  }
}
