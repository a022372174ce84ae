/// Messages in the form that a DKIM signature is made over: relaxed canonicalization of header and body, which lets
/// relays fold header fields anew and trim white space without breaking the signature (RFC 6376 §3.4.2, §3.4.4).
enum RelaxedForm {
  private static let space: UInt8 = 0x20
  private static let tab: UInt8 = 0x09

  /// A header field, folds and all, as `name:value` with the name in lower case, runs of white space as one space, and
  /// none at either end of the value (RFC 6376 §3.4.2). Without a line break at its end.
  static func field(_ field: some Collection<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(field.count)
    // Nil while in the name.
    var valueStart: Int?
    var isSpacePending = false
    for byte in field {
      switch byte {
      case 0x0D, 0x0A: continue
      case space, tab: isSpacePending = true
      case 0x3A where valueStart == nil:
        out.append(byte)
        (valueStart, isSpacePending) = (out.count, false)
      default:
        // White space around the name's colon goes altogether.
        if isSpacePending, let valueStart, out.count > valueStart { out.append(space) }
        isSpacePending = false
        out.append(valueStart == nil && byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte)
      }
    }
    return out
  }

  /// A body without white space at the ends of lines, with one space for each run of it inside them, without empty
  /// lines at its end, and with a CRLF at the end of what is left, if anything is (RFC 6376 §3.4.4). Only CRLF ends a
  /// line.
  static func body(_ body: ArraySlice<UInt8>) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(body.count + 2)
    body.withUnsafeBufferPointer { body in
      var emptyLines = 0
      var at = 0
      while at < body.count {
        var end = at
        while end < body.count, !(body[end] == 0x0D && end + 1 < body.count && body[end + 1] == 0x0A) { end += 1 }
        var textEnd = end
        while textEnd > at, body[textEnd - 1] == space || body[textEnd - 1] == tab { textEnd -= 1 }
        if textEnd == at {
          emptyLines += 1
        } else {
          for _ in 0..<emptyLines { out.append(contentsOf: [0x0D, 0x0A]) }
          emptyLines = 0
          appendLine(UnsafeBufferPointer(rebasing: body[at..<textEnd]), to: &out)
        }
        at = end + 2
      }
    }
    return out
  }

  /// A line that does not end in white space. Stretches that stay as they are, nearly always all of it, are copied whole.
  private static func appendLine(_ line: UnsafeBufferPointer<UInt8>, to out: inout [UInt8]) {
    var start = 0
    var i = 0
    while i < line.count {
      let isSpace = line[i] == space || line[i] == tab
      // A line ends in no white space, so something follows.
      if !isSpace || (line[i] == space && line[i + 1] != space && line[i + 1] != tab) {
        i += 1
        continue
      }
      out.append(contentsOf: line[start..<i])
      out.append(space)
      while line[i] == space || line[i] == tab { i += 1 }
      start = i
    }
    out.append(contentsOf: line[start...])
    out.append(contentsOf: [0x0D, 0x0A])
  }
}

/// A finished message taken apart into its header's fields and its body (RFC 5322 §2.1).
struct SplitMessage {
  struct Field {
    /// In lower case.
    var name: String
    /// With its folds, without the CRLF at its end.
    var bytes: ArraySlice<UInt8>
  }

  /// In the message's order.
  private(set) var fields: [Field] = []
  /// After the empty line; empty where there is none.
  private(set) var body: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) {
    body = bytes[bytes.endIndex...]
    var start = 0
    var at = 0
    while at < bytes.count {
      guard bytes[at] == 0x0D, at + 1 < bytes.count, bytes[at + 1] == 0x0A else {
        at += 1
        continue
      }
      if at == start {
        body = bytes[(at + 2)...]
        return
      }
      let next = at + 2
      if next < bytes.count, bytes[next] == 0x20 || bytes[next] == 0x09 {
        at = next
        continue
      }
      add(bytes[start..<at])
      (start, at) = (next, next)
    }
    if start < bytes.count { add(bytes[start...]) }
  }

  private mutating func add(_ field: ArraySlice<UInt8>) {
    let name = field.prefix { $0 != 0x3A && $0 != 0x20 && $0 != 0x09 }
    fields.append(Field(name: String(decoding: name, as: UTF8.self).lowercased(), bytes: field))
  }
}
