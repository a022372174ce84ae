import Foundation

/// How a part's content travels over seven-bit SMTP (RFC 2045 §6).
enum BodyEncoding: String {
  case sevenBit = "7bit"
  case quotedPrintable = "quoted-printable"
  case base64

  /// Text with CRLF line ends and one at its end. Sent as it is where it is ASCII in lines of at most 998 octets
  /// (RFC 5322 §2.1.1) and no relay could be tempted to change it; else quoted-printable or base64, whichever is
  /// shorter.
  static func encode(text: String) -> (encoding: BodyEncoding, bytes: [UInt8]) {
    let (lines, isSafe) = normalised(text)
    if isSafe { return (.sevenBit, lines) }
    let quoted = QuotedPrintable.encode(lines)
    // 76 of 78 octets of a full base64 line are content.
    let base64Count = (lines.count + 2) / 3 * 4
    if quoted.count <= base64Count + (base64Count + 75) / 76 * 2 { return (.quotedPrintable, quoted) }
    return (.base64, Base64.lines(lines))
  }

  /// CR, LF and CRLF all become CRLF, and the last line has one too.
  ///
  /// `isSafe`: ASCII without controls, no line over 998 octets, none that ends in white space or begins with `From `
  /// (which mailbox files escape).
  static func normalised(_ text: String) -> (lines: [UInt8], isSafe: Bool) {
    var isSafe = true
    var text = text
    // A line at a time, its bytes looked at all at once: a tenth of the time of byte by byte.
    let lines = text.withUTF8 { bytes in
      // Each line break may come to one octet more, and there is one at the end.
      [UInt8](unsafeUninitializedCapacity: bytes.count * 2 + 2) { out, filled in
        let hasReturns = place(of: 0x0D, in: bytes, from: 0) != nil
        var start = 0
        while start < bytes.count {
          var end = place(of: 0x0A, in: bytes, from: start) ?? bytes.count
          if hasReturns, let i = place(of: 0x0D, in: bytes, from: start), i < end { end = i }
          let line = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: bytes[start..<end]))
          isSafe = isSafe && isSafeLine(line)
          UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(out)[filled...]).copyMemory(from: line)
          filled += line.count
          out[filled] = 0x0D
          out[filled + 1] = 0x0A
          filled += 2
          let isPair = end + 1 < bytes.count && bytes[end] == 0x0D && bytes[end + 1] == 0x0A
          start = end + (isPair ? 2 : 1)
        }
      }
    }
    return (lines.isEmpty ? [0x0D, 0x0A] : lines, isSafe)
  }

  /// By memchr(3), which looks at 32 bytes at a time.
  private static func place(of byte: UInt8, in bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int? {
    guard start < bytes.count, let base = bytes.baseAddress.map({ UnsafeRawPointer($0) }) else { return nil }
    return memchr(base + start, Int32(byte), bytes.count - start).map { UnsafeRawPointer($0) - base }
  }

  private static func isSafeLine(_ line: UnsafeRawBufferPointer) -> Bool {
    guard line.count <= 998 else { return false }
    guard let first = line.first, let last = line.last else { return true }
    guard last != 0x20, last != 0x09, first != 0x46 || !line.starts(with: "From ".utf8) else { return false }
    func isPlain(_ range: Range<Int>) -> Bool { range.allSatisfy { line[$0] &- 0x20 <= 0x5E || line[$0] == 0x09 } }
    guard line.count >= 8 else { return isPlain(0..<line.count) }
    // Eight bytes at a time, the last ones once more where the count is odd.
    func isPlain(from i: Int) -> Bool {
      // The highest bit of a byte of `odd` says that it is below 0x20, DEL, or no ASCII.
      let ones: UInt64 = 0x0101_0101_0101_0101
      let word = line.loadUnaligned(fromByteOffset: i, as: UInt64.self)
      let deletes = word ^ ones &* 0x7F
      let odd = (word &- ones &* 0x20) | (deletes &- ones) | word
      return odd & 0x8080_8080_8080_8080 == 0 || isPlain(i..<(i + 8))
    }
    var i = 0
    while i + 8 <= line.count {
      guard isPlain(from: i) else { return false }
      i += 8
    }
    return isPlain(from: line.count - 8)
  }
}

/// RFC 2045 §6.7.
enum QuotedPrintable {
  /// Of text with CRLF line ends. No line is over 76 characters, none ends in white space, begins with `From ` or is a
  /// dot alone.
  static func encode(_ text: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(text.count + text.count / 4)
    var column = 0
    var i = 0
    while i < text.count {
      let byte = text[i]
      if byte == 0x0D, i + 1 < text.count, text[i + 1] == 0x0A {
        out.append(contentsOf: [0x0D, 0x0A])
        column = 0
        i += 2
        continue
      }
      let endsLine = i + 1 >= text.count || (text[i + 1] == 0x0D && i + 2 < text.count && text[i + 2] == 0x0A)
      let isLiteral =
        switch byte {
        case 0x3D: false
        case 0x20, 0x09: !endsLine
        case 0x2E: column > 0
        case 0x46: column > 0 || !text[i...].starts(with: "From ".utf8)
        default: byte > 0x20 && byte < 0x7F
        }
      let width = isLiteral ? 1 : 3
      // One column is left for the soft line break's `=`, unless the line ends here anyway.
      if column + width > (endsLine ? 76 : 75) {
        out.append(contentsOf: [0x3D, 0x0D, 0x0A])
        column = 0
        continue
      }
      if isLiteral {
        out.append(byte)
      } else {
        out.append(0x3D)
        out.append(hexDigits[Int(byte >> 4)])
        out.append(hexDigits[Int(byte & 15)])
      }
      column += width
      i += 1
    }
    return out
  }
}

/// RFC 2045 §6.8.
enum Base64 {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// In lines of 76 characters, each with its CRLF.
  static func lines(_ bytes: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count / 57 * 78 + 80)
    var at = 0
    while at < bytes.count {
      let end = min(at + 57, bytes.count)
      append(bytes[at..<end], to: &out)
      out.append(contentsOf: [0x0D, 0x0A])
      at = end
    }
    return out
  }

  /// Without line breaks.
  static func append(_ bytes: some RandomAccessCollection<UInt8>, to out: inout [UInt8]) {
    var group: UInt32 = 0
    var held = 0
    for byte in bytes {
      group = group << 8 | UInt32(byte)
      held += 1
      if held == 3 {
        for shift in [18, 12, 6, 0] as [UInt32] { out.append(alphabet[Int(group >> shift & 63)]) }
        (group, held) = (0, 0)
      }
    }
    guard held > 0 else { return }
    group <<= held == 1 ? 16 : 8
    out.append(alphabet[Int(group >> 18 & 63)])
    out.append(alphabet[Int(group >> 12 & 63)])
    out.append(held == 2 ? alphabet[Int(group >> 6 & 63)] : 0x3D)
    out.append(0x3D)
  }
}
