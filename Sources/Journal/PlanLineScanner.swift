import Foundation
import Model

/// What a run needs of a plan's line before it is served.
struct PlanEntry: Hashable, Sendable {
  var id: SendID
  var sendAt: Int64
  /// Number of its kind, and of its domain, in the scanner's tables.
  var kind: UInt32
  var domain: Int32
  /// `.max` where there is none.
  var expiresAt: Int64
  /// `ByteHash` of the contact's key and of the canonical address.
  var contact: UInt64
  var address: UInt64
  /// `LineDigest.planned`; zeros where nobody asked for it.
  var digest: LineDigest.Short
}

/// Reads lines of a plan into entries: those that look as `LineEncoder` writes them without a tree in between, all others
/// by way of `PlanCodec`, which takes them or says why not. What both read, they read alike.
struct PlanLineScanner: ~Copyable {
  /// In the order of their first use; only added to.
  private(set) var kinds: [PlanIndex.Kind] = []
  private(set) var domains = DomainNumbers()
  /// Lines that were read the long way.
  private(set) var slow = 0
  private var kindNumbers: [PlanIndex.Kind: UInt32] = [:]
  private var shapes: [Shape] = []
  private var byKey = HashIndex()
  /// The heads of lines, and the names of their values, that shapes have: a plan has few.
  private var heads = FewTexts()
  private var nameLists = FewTexts()
  private var namesText: [UInt8] = []
  private var message = LineBuffer(capacity: 1024)
  private var parts = LineParts()
  private var names: [Range<Int>] = []
  // The line at hand.
  private var base: UnsafePointer<UInt8>
  private var at = 0
  private var end = 0
  /// Texts are copied into `parts.bytes`, since some have escapes.
  private var isCopying = false
  private var metEscape = false
  private var domainHash: UInt64 = 0
  private var clock = OffsetClock()

  /// What lines have in common that begin alike, go from one mailbox and have the same names of values.
  private struct Shape {
    var head: Int32
    var names: Int32
    var marks: UInt8
    var mailbox: [UInt8]
    var kind: UInt32
    var expiresAt: Int64
    /// Nought where no digests are made.
    var digest: LineDigest.Short
    /// One of its sends and the names of its values in the lines' order, where sends are read.
    var sample: PlannedSend?
    var valueNames: [String] = []
  }

  /// What of a line is not among its parts.
  private struct Frame {
    var head: Range<Int>
    var channel: Channel
    var mailbox: Range<Int>
  }

  /// Where a scanner points before its first line; never read.
  private nonisolated(unsafe) static let noLine = UnsafePointer(UnsafeMutablePointer<UInt8>.allocate(capacity: 1))

  /// Whether entries have the digests of their lines, which cost as much as the rest.
  private let makesDigests: Bool
  private let readsSends: Bool
  private static let noDigest = LineDigest.Short(high: 0, low: 0)

  /// - Parameter readsSends: whether `send` will be asked for.
  init(makesDigests: Bool = true, readsSends: Bool = false) {
    self.makesDigests = makesDigests
    self.readsSends = readsSends
    base = Self.noLine
  }

  /// - Parameter line: without its line break; lies still during the call.
  mutating func read(_ line: UnsafeBufferPointer<UInt8>) throws(LineProblem) -> PlanEntry {
    if let entry = try scan(line) { return entry }
    slow += 1
    return entry(of: try PlanCodec.send(try LineReader.Line.json(line)))
  }

  /// Nil where the line is not of the usual look.
  mutating func scan(_ line: UnsafeBufferPointer<UInt8>) throws(LineProblem) -> PlanEntry? {
    guard let frame = scanFrame(line) else { return nil }
    let shape = try shape(line, frame)
    return isCopying
      ? parts.bytes.withUnsafeBytes { finish(shape, frame.channel, $0) }
      : finish(shape, frame.channel, UnsafeRawBufferPointer(line))
  }

  /// The send of a line, for a scanner that was made to read them.
  /// - Parameter line: without its line break; lies still during the call.
  mutating func send(_ line: UnsafeBufferPointer<UInt8>) throws(LineProblem) -> PlannedSend {
    guard let frame = scanFrame(line), let send = send(of: try shape(line, frame)) else {
      return try PlanCodec.send(try LineReader.Line.json(line))
    }
    return send
  }

  /// The line at hand, whose shape is known.
  private func send(of shape: Int) -> PlannedSend? {
    guard var send = shapes[shape].sample else { return nil }
    send.id = parts.id
    send.sendAt = parts.sendAt
    send.contact = string(parts.contact)
    send.to = string(parts.to)
    send.subject = parts.subject.map { string($0) }
    let extra = parts.extra
    send.name = extra?.name
    send.batch = extra?.batch
    send.key = extra?.key ?? ""
    send.text = extra?.text
    send.html = extra?.html
    send.thread = parts.threadSubject.map { subject in
      PlannedSend.Thread(references: parts.references.map { string($0) }, subject: string(subject))
    }
    send.vars = Dictionary(minimumCapacity: parts.values.count)
    for (name, value) in zip(shapes[shape].valueNames, parts.values) { send.vars[name] = value.map { string($0) } }
    return send
  }

  private mutating func scanFrame(_ line: UnsafeBufferPointer<UInt8>) -> Frame? {
    guard let start = line.baseAddress else { return nil }
    base = start
    end = line.count
    isCopying = false
    metEscape = false
    let frame = scanParts(line)
    if frame != nil || !metEscape { return frame }
    isCopying = true
    return scanParts(line)
  }

  /// The same of a send.
  mutating func entry(of send: PlannedSend) -> PlanEntry {
    let digest = Self.digest(send).line
    var contact = send.contact
    return PlanEntry(
      id: send.id, sendAt: send.sendAt.milliseconds, kind: number(of: PlanIndex.Kind(send)),
      domain: domains.number(of: send), expiresAt: send.expiresAt?.milliseconds ?? .max,
      contact: contact.withUTF8 { ByteHash.of($0) }, address: Self.hash(canonical: send.to), digest: digest)
  }

  static func hash(canonical to: String) -> UInt64 { ByteHash.of(EmailAddress.canonical(of: to)) }

  /// The digests of a send's shape and of its line.
  private static func digest(_ send: PlannedSend) -> (shape: LineDigest.Short, line: LineDigest.Short) {
    let lines = ListedLines([send])
    var parts = LineParts()
    lines.read(0, into: &parts)
    let shape = lines.shapes[parts.shape]
    let digest = LineDigest.short(shape, names: shape.names)
    var message = LineBuffer(capacity: 512)
    return (digest, parts.bytes.withUnsafeBytes { LineDigest.short(parts, $0, shape: digest, message: &message) })
  }

  private mutating func number(of kind: PlanIndex.Kind) -> UInt32 {
    if let known = kindNumbers[kind] { return known }
    let number = UInt32(kinds.count)
    kindNumbers[kind] = number
    kinds.append(kind)
    return number
  }

  private mutating func scanParts(_ line: UnsafeBufferPointer<UInt8>) -> Frame? {
    at = 0
    parts.removeAll()
    names.removeAll(keepingCapacity: true)
    guard take("{\"id\":\""), end - at > 33, let id = SendID(hex: UnsafeBufferPointer(rebasing: line[at..<at + 32]))
    else { return nil }
    parts.id = id
    at += 32
    guard take("\",\"send_at\":\""), let sendAt = clock.read(base, &at, end) else { return nil }
    parts.sendAt = Instant(milliseconds: sendAt)
    let headStart = at
    guard passHead() else { return nil }
    let head = headStart..<at
    guard take(",\"contact\":\""), let contact = text(), take(",\"channel\":\"") else { return nil }
    let channel: Channel
    if take("email\"") { channel = .email } else if take("sms\"") { channel = .sms } else { return nil }
    guard take(",\"to\":\""), let to = text() else { return nil }
    if channel == .email, !isCopying, !readsSends {
      domainHash = DomainNumbers.hash(UnsafeBufferPointer(rebasing: line[to]))
      domains.fetch(hash: domainHash)
    }
    var extra = LineParts.Extra()
    if take(",\"name\":\"") {
      guard let name = text() else { return nil }
      extra.name = string(name)
    }
    guard take(",\"mailbox\":\""), let mailbox = pass() else { return nil }
    if take(",\"subject\":\"") {
      guard let subject = text() else { return nil }
      parts.subject = subject
    }
    guard scanExtra(&extra), scanThread(), scanVars(), take("}"), at == end else { return nil }
    parts.contact = contact
    parts.to = to
    parts.extra = extra.isEmpty ? nil : extra
    return Frame(head: head, channel: channel, mailbox: mailbox)
  }

  private mutating func finish(_ number: Int, _ channel: Channel, _ bytes: UnsafeRawBufferPointer) -> PlanEntry {
    let to = bytes.piece(parts.to)
    let (kind, expiresAt, shapeDigest) = (shapes[number].kind, shapes[number].expiresAt, shapes[number].digest)
    let isPlain = to.allSatisfy { $0 > 0x20 && $0 < 0x7F && !($0 >= 0x41 && $0 <= 0x5A) }
    var domain: Int32 = -1
    if channel == .email {
      if isCopying { domainHash = DomainNumbers.hash(to.bindMemory(to: UInt8.self)) }
      domain = domains.number(hash: domainHash) {
        EmailAddress(String(decoding: to, as: UTF8.self))?.domain
      }
    }
    return PlanEntry(
      id: parts.id, sendAt: parts.sendAt.milliseconds, kind: kind, domain: domain, expiresAt: expiresAt,
      contact: ByteHash.of(bytes.piece(parts.contact)),
      address: isPlain ? ByteHash.of(to) : Self.hash(canonical: String(decoding: to, as: UTF8.self)),
      digest: makesDigests
        ? LineDigest.short(parts, bytes, shape: shapeDigest, message: &message) : Self.noDigest)
  }

  /// What the line has in common with others; the first one of each shape is read the long way, and its word is taken
  /// for what all of them say in the same bytes.
  private mutating func shape(
    _ line: UnsafeBufferPointer<UInt8>, _ frame: Frame
  ) throws(LineProblem) -> Int {
    // Lines that all expire at times of their own are not worth remembering.
    if shapes.count >= (readsSends ? 1 << 10 : 1 << 15) {
      shapes.removeAll()
      byKey = HashIndex()
      heads = FewTexts()
    }
    namesText.removeAll(keepingCapacity: true)
    for name in names {
      namesText.append(contentsOf: UnsafeBufferPointer(rebasing: line[name]))
      namesText.append(0)
    }
    let headNumber = heads.number(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: line[frame.head])))
    let nameNumber = namesText.withUnsafeBytes { nameLists.number($0) }
    let marks: UInt8 = (frame.channel == .email ? 0 : 1) | (parts.extra?.key.isEmpty == false ? 2 : 0)
    let name = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: line[frame.mailbox]))
    let numbers =
      UInt64(UInt32(bitPattern: headNumber)) << 32 | UInt64(UInt32(bitPattern: nameNumber)) << 8 | UInt64(marks)
    let hash = ByteHash.of(name) ^ numbers &* 0x9E37_79B9_7F4A_7C15
    let found = shapes.withUnsafeBufferPointer { shapes in
      byKey.find(hash) {
        shapes[$0].head == headNumber && shapes[$0].names == nameNumber && shapes[$0].marks == marks
          && shapes[$0].mailbox.withUnsafeBytes { $0.isSame(as: name) }
      }
    }
    if let found { return found }
    let send = try PlanCodec.send(try LineReader.Line.json(line))
    var shape = Shape(
      head: headNumber, names: nameNumber, marks: marks, mailbox: Array(name), kind: number(of: PlanIndex.Kind(send)),
      expiresAt: send.expiresAt?.milliseconds ?? .max,
      digest: makesDigests ? Self.digest(send).shape : Self.noDigest)
    if readsSends {
      shape.sample = send
      shape.valueNames = names.map { string(in: line, $0) }
    }
    shapes.append(shape)
    byKey.insert(hash, shapes.count - 1)
    return shapes.count - 1
  }
}

// MARK: - Parts of a line

extension PlanLineScanner {
  /// `,"open":…` up to `,"contact":`. What it says is read when a shape is met first.
  private mutating func passHead() -> Bool {
    guard take(",\"open\":[") else { return false }
    var isFirst = true
    while !take("]") {
      if !isFirst, !take(",") { return false }
      isFirst = false
      guard take("[\""), pass() != nil, take(",\""), pass() != nil, take("]") else { return false }
    }
    if take(",\"expires_at\":\""), pass() == nil { return false }
    guard take(",\"campaign\":\""), pass() != nil, take(",\"step\":\""), pass() != nil else { return false }
    return !take(",\"variant\":\"") || pass() != nil
  }

  private mutating func scanExtra(_ extra: inout LineParts.Extra) -> Bool {
    func read(_ into: inout String?) -> Bool {
      guard let range = text() else { return false }
      into = string(range)
      return true
    }
    if take(",\"batch\":\""), !read(&extra.batch) { return false }
    if take(",\"key\":\"") {
      guard let range = text() else { return false }
      extra.key = string(range)
    }
    if take(",\"text\":\""), !read(&extra.text) { return false }
    if take(",\"html\":\""), !read(&extra.html) { return false }
    return true
  }

  private mutating func scanThread() -> Bool {
    guard take(",\"thread\":{\"references\":[") else { return true }
    while !take("]") {
      if !parts.references.isEmpty, !take(",") { return false }
      guard take("\""), let reference = text() else { return false }
      parts.references.append(reference)
    }
    guard take(",\"subject\":\""), let subject = text(), take("}") else { return false }
    parts.threadSubject = subject
    return true
  }

  /// The names of values ascend and are plain ASCII, or the line is read the long way.
  private mutating func scanVars() -> Bool {
    guard take(",\"vars\":{") else { return true }
    repeat {
      guard take("\""), let name = pass(), isPlain(name), take(":\"") else { return false }
      if let last = names.last, !isLess(last, name) { return false }
      names.append(name)
      guard let value = text() else { return false }
      parts.values.append(value)
    } while take(",")
    return take("}")
  }

  private func isPlain(_ range: Range<Int>) -> Bool {
    range.allSatisfy { base[$0] < 0x80 && base[$0] != 0x5C }
  }

  private func isLess(_ a: Range<Int>, _ b: Range<Int>) -> Bool {
    let order = memcmp(base + a.lowerBound, base + b.lowerBound, min(a.count, b.count))
    return order != 0 ? order < 0 : a.count < b.count
  }

  @inline(__always)
  private mutating func take(_ literal: StaticString) -> Bool {
    let n = literal.utf8CodeUnitCount
    guard end - at >= n, memcmp(base + at, literal.utf8Start, n) == 0 else { return false }
    at += n
    return true
  }

  private func string(in line: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> String {
    String(decoding: UnsafeBufferPointer(rebasing: line[range]), as: UTF8.self)
  }

  private func string(_ range: Range<Int>) -> String {
    if isCopying { return String(decoding: parts.bytes[range], as: UTF8.self) }
    return String(
      decoding: UnsafeBufferPointer(start: base + range.lowerBound, count: range.count), as: UTF8.self)
  }

  /// Passes over a text up to its closing quote: the place of what stands in it, as it stands.
  private mutating func pass() -> Range<Int>? {
    let start = at
    var isASCII = true
    while true {
      at = PlainText.skip(base, from: at, to: end)
      guard at < end else { return nil }
      let byte = base[at]
      if byte == 0x22 { break }
      if byte < 0x20 { return nil }
      if byte == 0x5C {
        metEscape = true
        guard end - at >= 2 else { return nil }
        at += 2
      } else {
        isASCII = isASCII && byte < 0x80
        at += 1
      }
    }
    let range = start..<at
    at += 1
    if isASCII { return range }
    let bytes = UnsafeBufferPointer(start: base + range.lowerBound, count: range.count)
    return String(validating: bytes, as: UTF8.self) == nil ? nil : range
  }

  /// A text without its escapes: where it lies in the line, or in `parts.bytes`. Nil too where it has escapes and is not
  /// copied.
  private mutating func text() -> Range<Int>? {
    let hadEscape = metEscape
    metEscape = false
    let range = pass()
    let hasEscape = metEscape
    metEscape = hadEscape || hasEscape
    guard let range else { return nil }
    guard isCopying else { return hasEscape ? nil : range }
    let start = parts.bytes.count
    if !hasEscape {
      parts.bytes.append(contentsOf: UnsafeBufferPointer(start: base + range.lowerBound, count: range.count))
      return start..<parts.bytes.count
    }
    var i = range.lowerBound
    while i < range.upperBound {
      guard base[i] == 0x5C else {
        parts.bytes.append(base[i])
        i += 1
        continue
      }
      guard let byte = PlainText.unescaped(base[i + 1]) else { return nil }
      parts.bytes.append(byte)
      i += 2
    }
    return start..<parts.bytes.count
  }
}
