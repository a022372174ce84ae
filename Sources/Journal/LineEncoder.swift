import Foundation
import Model

/// Writes lines of a plan, and of the list of its lines, from their parts: byte for byte what `PlanCodec.encode` writes
/// from values, and the list as `PlannedLinesCodec.swift` describes it. Each thread has one of its own.
struct LineEncoder: ~Copyable {
  /// Lines of `plan.jsonl`.
  var plan = LineBuffer(capacity: 1 << 16)
  /// Lines of `plan.lines`.
  var list = LineBuffer(capacity: 1 << 16)
  private var message = LineBuffer(capacity: 512)
  private var parts = LineParts()
  private var times: LineTimes
  /// Digests of shapes as lines have them that lack some of their names.
  private var partial: [Partial: LineDigest.Short] = [:]

  /// Lines whose contacts are fetched together.
  private static let ahead = 64

  private struct Partial: Hashable {
    var shape: Int
    /// A bit for each name that is there.
    var names: UInt64
  }

  init(zone: Zone) { times = LineTimes(zone: zone) }

  mutating func removeAll() {
    plan.removeAll()
    list.removeAll()
  }

  /// Adds the lines of `range` to both files.
  mutating func encode(_ lines: any PlanLines, _ range: Range<Int>, shapes: LineShapes.View) {
    // Out of the encoder for as long, so that its bytes can be read while it is written to.
    var parts = LineParts()
    swap(&parts, &self.parts)
    for index in range {
      if (index - range.lowerBound) % Self.ahead == 0 {
        let next = index..<min(range.upperBound, index + Self.ahead)
        for i in next { shapes.fetch(lines.shapeNumber(i)) }
        lines.fetch(next)
      }
      lines.read(index, into: &parts)
      let shape = shapes.shapes[parts.shape]
      let isWhole = parts.values.count == shape.names.count && parts.values.allSatisfy { $0 != nil }
      let digest = isWhole ? shape.digest : partialDigest(parts, lines)
      parts.bytes.withUnsafeBytes { bytes in
        encode(parts, bytes, shape, shapes)
        list(parts, bytes, shapes[shape.kind], LineDigest.short(parts, bytes, shape: digest, message: &message))
      }
    }
    swap(&parts, &self.parts)
  }

  private mutating func partialDigest(_ parts: LineParts, _ lines: any PlanLines) -> LineDigest.Short {
    let shape = lines.shapes[parts.shape]
    var mask: UInt64 = 0
    for (i, value) in parts.values.enumerated() where value != nil && i < 64 { mask |= 1 << UInt64(i) }
    let key = Partial(shape: parts.shape, names: mask)
    if shape.names.count <= 64, let known = partial[key] { return known }
    let names = zip(shape.names, parts.values).filter { $0.1 != nil }.map(\.0)
    let digest = LineDigest.short(shape, names: names)
    // As many as fit a small memory: lines that all lack something else are not worth remembering.
    if partial.count >= 4096 { partial.removeAll(keepingCapacity: true) }
    if shape.names.count <= 64 { partial[key] = digest }
    return digest
  }

  @inline(__always)
  private mutating func encode(
    _ parts: LineParts, _ bytes: UnsafeRawBufferPointer, _ shape: LineShapes.Shape, _ shapes: LineShapes.View
  ) {
    plan.text("{\"id\":\"")
    plan.hex(parts.id.high)
    plan.hex(parts.id.low)
    plan.text("\",\"send_at\":")
    times.append(parts.sendAt, to: &plan)
    plan.append(shapes[shape.head])
    plan.string(bytes.piece(parts.contact))
    plan.append(shapes[shape.channel])
    plan.string(bytes.piece(parts.to))
    if parts.extra != nil, let name = parts.extra?.name { plan.member(",\"name\":", name) }
    plan.append(shapes[shape.mailbox])
    if let subject = parts.subject {
      plan.text(",\"subject\":")
      plan.string(bytes.piece(subject))
    }
    if let extra = parts.extra { encode(extra) }
    if let subject = parts.threadSubject { encodeThread(parts.references, subject, bytes) }
    encodeVars(parts, bytes, shape, shapes)
    plan.text("}\n")
  }

  @inline(__always)
  private mutating func encodeVars(
    _ parts: LineParts, _ bytes: UnsafeRawBufferPointer, _ shape: LineShapes.Shape, _ shapes: LineShapes.View
  ) {
    var isFirst = true
    for i in parts.values.indices {
      guard let value = parts.values[i] else { continue }
      let name = shapes[shapes.names[Int(shape.names.lowerBound) + i]]
      if isFirst {
        plan.text(",\"vars\":{")
        plan.append(UnsafeRawBufferPointer(rebasing: name[1...]))
      } else {
        plan.append(name)
      }
      isFirst = false
      plan.string(bytes.piece(value))
    }
    if !isFirst { plan.append(0x7D) }
  }

  /// What stands between the subject and the vars.
  private mutating func encode(_ extra: LineParts.Extra) {
    if let batch = extra.batch { plan.member(",\"batch\":", batch) }
    if !extra.key.isEmpty { plan.member(",\"key\":", extra.key) }
    if let text = extra.text { plan.member(",\"text\":", text) }
    if let html = extra.html { plan.member(",\"html\":", html) }
  }

  private mutating func encodeThread(
    _ references: [Range<Int>], _ subject: Range<Int>, _ bytes: UnsafeRawBufferPointer
  ) {
    plan.text(",\"thread\":{\"references\":[")
    for (i, reference) in references.enumerated() {
      if i > 0 { plan.append(0x2C) }
      plan.string(bytes.piece(reference))
    }
    plan.text("],\"subject\":")
    plan.string(bytes.piece(subject))
    plan.append(0x7D)
  }

  /// `["id","digest",kind,"contact","to","key"]`: `to` is null where it is the contact, and left out with the key
  /// where there is none.
  @inline(__always)
  private mutating func list(
    _ parts: LineParts, _ bytes: UnsafeRawBufferPointer, _ kind: UnsafeRawBufferPointer, _ digest: LineDigest.Short
  ) {
    list.text("[\"")
    list.hex(parts.id.high)
    list.hex(parts.id.low)
    list.text("\",\"")
    list.hex(digest.high)
    list.hex(digest.low)
    list.text("\",")
    list.append(kind)
    list.append(0x2C)
    let contact = bytes.piece(parts.contact)
    let to = bytes.piece(parts.to)
    list.string(contact)
    let isSame = to.isSame(as: contact)
    if !isSame {
      list.append(0x2C)
      list.string(to)
    }
    if let extra = parts.extra, !extra.key.isEmpty {
      list.text(isSame ? ",null," : ",")
      list.string(extra.key)
    }
    list.text("]\n")
  }
}

extension LineBuffer {
  fileprivate mutating func member(_ name: StaticString, _ value: String) {
    text(name)
    string(value)
  }
}

extension UnsafeRawBufferPointer {
  @inline(__always)
  func isSame(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count else { return false }
    guard count > 0, let a = baseAddress, let b = other.baseAddress, a != b else { return true }
    return memcmp(a, b, count) == 0
  }
}
