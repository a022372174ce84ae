import Model

/// Text as a header field may carry it (RFC 5322 §2.2, RFC 2047). Whatever goes into a header comes through here, and
/// nothing that comes out has a line break that is not a fold, so no value can begin a header field of its own.
enum HeaderText {
  /// Whether a text has `=?`, which a reader could take for the beginning of an encoded-word (RFC 2047 §2).
  static func looksEncoded(_ text: String) -> Bool {
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if byte == 0x3F && previous == 0x3D { return true }
      previous = byte
    }
    return false
  }

  /// A value on one line: each run of controls (CR, LF, NUL, tab, DEL, C1) and line or paragraph separators becomes
  /// one space, and spaces at either end go.
  static func clean(_ text: String) -> String {
    if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }), text.utf8.first != 0x20, text.utf8.last != 0x20 {
      return text
    }
    var out = String.UnicodeScalarView()
    var inControls = false
    for scalar in text.unicodeScalars {
      let isControl = isControl(scalar)
      if !isControl { out.append(scalar) } else if !inControls { out.append(" ") }
      inControls = isControl
    }
    var result = String(out)[...]
    while result.utf8.first == 0x20 { result = result.dropFirst() }
    while result.utf8.last == 0x20 { result = result.dropLast() }
    return String(result)
  }

  static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    scalar.value < 0x20 || (scalar.value >= 0x7F && scalar.value < 0xA0) || scalar.value == 0x2028
      || scalar.value == 0x2029
  }

  /// Unstructured text (RFC 5322 §2.2.1): as it is where it is ASCII and folds to 78 characters, else in encoded-words;
  /// also where a reader could take it for encoded-words.
  /// - Parameter column: how many characters stand on the line before it.
  static func unstructured(_ text: String, column: Int) -> [UInt8] {
    let text = clean(text)
    if text.utf8.allSatisfy({ $0 < 0x80 }), !looksEncoded(text), let folded = fold(text, column: column) {
      return folded
    }
    return encodedWords(text, column: column)
  }

  /// A name before an address (RFC 5322 §3.2.5): atoms, a quoted string, or encoded-words, whichever is plainest.
  static func phrase(_ name: String, column: Int) -> [UInt8] {
    let name = clean(name)
    guard name.utf8.allSatisfy({ $0 < 0x80 }), name.utf8.count <= 60, !looksEncoded(name) else {
      return encodedWords(name, column: column)
    }
    var previous: UInt8 = 0
    let isAtoms = name.utf8.allSatisfy { byte in
      defer { previous = byte }
      return isAtomText(byte) || (byte == 0x20 && previous != 0x20)
    }
    return isAtoms ? Array(name.utf8) : quoted(name)
  }

  /// A quoted string (RFC 5322 §3.2.4) of ASCII text.
  static func quoted(_ text: String) -> [UInt8] {
    var out: [UInt8] = [0x22]
    for byte in text.utf8 {
      if byte == 0x22 || byte == 0x5C { out.append(0x5C) }
      out.append(byte)
    }
    out.append(0x22)
    return out
  }

  /// RFC 5322 §3.2.3.
  private static func isAtomText(_ byte: UInt8) -> Bool {
    (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39)
      || "!#$%&'*+-/=?^_`{|}~".utf8.contains(byte)
  }

  /// Folds before white space so that no line passes 78 characters (RFC 5322 §2.1.1); nil where a word is too long for
  /// that. The text neither begins nor ends with a space, so no line is white space alone.
  private static func fold(_ text: String, column: Int) -> [UInt8]? {
    let bytes = Array(text.utf8)
    if column + bytes.count <= 78 { return bytes }
    var out: [UInt8] = []
    var column = column
    var at = 0
    while at < bytes.count {
      var word = at
      while word < bytes.count, bytes[word] == 0x20 { word += 1 }
      var end = word
      while end < bytes.count, bytes[end] != 0x20 { end += 1 }
      if column + end - at > 78 {
        guard at > 0, end - at <= 78 else { return nil }
        out.append(contentsOf: [0x0D, 0x0A])
        column = 0
      }
      out.append(contentsOf: bytes[at..<end])
      column += end - at
      at = end
    }
    return out
  }

  /// Encoded-words (RFC 2047 §2): UTF-8, each at most 75 characters and each line at most 76, no character split
  /// between two, B or Q, whichever is shorter. Q keeps to what §5 (3) allows inside a phrase.
  static func encodedWords(_ text: String, column: Int) -> [UInt8] {
    var literal = 0
    var count = 0
    for byte in text.utf8 {
      count += 1
      if isPlainInQ(byte) || byte == 0x20 { literal += 1 }
    }
    let usesQ = literal + 3 * (count - literal) <= (count + 2) / 3 * 4
    // "=?utf-8?Q?" and "?=".
    let overhead = 12
    var budget = 76 - column - overhead
    var out: [UInt8] = []
    var pending: [UInt8] = []
    var length = 0

    func flush() {
      out.append(contentsOf: "=?utf-8?\(usesQ ? "Q" : "B")?".utf8)
      if usesQ { out.append(contentsOf: pending) } else { Base64.append(pending, to: &out) }
      out.append(contentsOf: "?=".utf8)
      pending.removeAll(keepingCapacity: true)
    }
    func next() {
      out.append(contentsOf: [0x0D, 0x0A, 0x20])
      budget = 75 - overhead
      length = 0
    }

    // A whole character fits, or the first word begins on a line of its own.
    if budget < 12 { next() }
    for scalar in text.unicodeScalars {
      let bytes = Array(String(scalar).utf8)
      let piece = usesQ ? bytes.flatMap(q) : bytes
      let grown = usesQ ? length + piece.count : (length + piece.count + 2) / 3 * 4
      if grown > budget {
        flush()
        next()
      }
      pending.append(contentsOf: piece)
      length += piece.count
    }
    if !pending.isEmpty { flush() }
    return out
  }

  private static func isPlainInQ(_ byte: UInt8) -> Bool {
    (byte >= 0x61 && byte <= 0x7A) || (byte >= 0x41 && byte <= 0x5A) || (byte >= 0x30 && byte <= 0x39)
      || byte == 0x21 || byte == 0x2A || byte == 0x2B || byte == 0x2D || byte == 0x2F
  }

  private static func q(_ byte: UInt8) -> [UInt8] {
    if byte == 0x20 { return [0x5F] }
    return isPlainInQ(byte) ? [byte] : [0x3D, hexDigits[Int(byte >> 4)], hexDigits[Int(byte & 15)]]
  }
}

/// Upper-case hexadecimal digits, as RFC 2045 §6.7 (1) asks.
let hexDigits = Array("0123456789ABCDEF".utf8)

/// The header of a message or of a part, field by field.
struct HeaderBlock {
  private(set) var bytes: [UInt8] = []

  /// A field whose value is already folded and clean.
  mutating func add(_ name: String, _ value: [UInt8]) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: ": ".utf8)
    bytes.append(contentsOf: value)
    bytes.append(contentsOf: [0x0D, 0x0A])
  }

  mutating func add(_ name: String, _ value: String) {
    bytes.append(contentsOf: name.utf8)
    bytes.append(contentsOf: ": ".utf8)
    bytes.append(contentsOf: value.utf8)
    bytes.append(contentsOf: [0x0D, 0x0A])
  }

  /// Fields that another block has put together.
  mutating func add(_ fields: [UInt8]) { bytes.append(contentsOf: fields) }

  /// When the message was sent.
  mutating func addDate(_ date: Instant, zone: Zone) {
    bytes.append(contentsOf: "Date: ".utf8)
    MailDate.append(date, zone: zone, to: &bytes)
    bytes.append(contentsOf: [0x0D, 0x0A])
  }

  mutating func reserve(_ count: Int) { bytes.reserveCapacity(count) }

  mutating func addUnstructured(_ name: String, _ text: String) {
    add(name, HeaderText.unstructured(text, column: name.utf8.count + 2))
  }

  /// One address (RFC 5322 §3.4), the name before it where there is one.
  mutating func addAddress(_ name: String, _ address: EmailAddress, named displayName: String?) {
    let column = name.utf8.count + 2
    let displayName = displayName.map(HeaderText.clean) ?? ""
    guard !displayName.isEmpty else { return add(name, address.envelope) }
    var value = HeaderText.phrase(displayName, column: column)
    let line = value.lastIndex(of: 0x0A).map { value.count - $0 - 1 } ?? column + value.count
    let fits = line + 3 + address.envelope.utf8.count <= 78
    value.append(contentsOf: (fits ? " <" : "\r\n <").utf8)
    value.append(contentsOf: address.envelope.utf8)
    value.append(0x3E)
    add(name, value)
  }

  /// Items that may stand on lines of their own, folded before any that does not fit into 78 characters.
  mutating func addList(_ name: String, _ items: [String], separator: String) {
    var value: [UInt8] = []
    var column = name.utf8.count + 2
    for (i, item) in items.enumerated() {
      let item = i + 1 < items.count ? item + separator : item
      if i > 0 {
        let fits = column + 1 + item.utf8.count <= 78
        value.append(contentsOf: (fits ? " " : "\r\n ").utf8)
        column = fits ? column + 1 : 1
      }
      value.append(contentsOf: item.utf8)
      column += item.utf8.count
    }
    add(name, value)
  }
}
