import CMemory
import Model

/// What a plan's lines have in common, as it stands in the files: encoded once for the whole plan, and read by all
/// threads that write it.
struct LineShapes: Sendable {
  /// A range of `text`.
  struct Piece {
    var start: UInt32 = 0
    var count: UInt32 = 0
  }

  struct Shape {
    /// `,"open":…` up to `,"contact":`.
    var head = Piece()
    /// `,"channel":…,"to":`.
    var channel = Piece()
    /// `,"mailbox":…`.
    var mailbox = Piece()
    /// Indices into `names`.
    var names: Range<UInt32> = 0..<0
    /// Its index among the shapes of the list of lines, as text.
    var kind = Piece()
    /// Of a line that has a value for every name.
    var digest = LineDigest.Short(high: 0, low: 0)
  }

  /// As `LineShapes`, for as long as the arrays lie still: without a count of references for every line.
  struct View {
    var text: UnsafeRawBufferPointer
    var shapes: UnsafeBufferPointer<Shape>
    var names: UnsafeBufferPointer<Piece>

    /// Brings a shape near that is about to be read.
    @inline(__always)
    func fetch(_ number: Int) { nightmail_prefetch(shapes.baseAddress.map { $0 + number }) }

    @inline(__always)
    subscript(_ piece: Piece) -> UnsafeRawBufferPointer {
      UnsafeRawBufferPointer(rebasing: text[Int(piece.start)..<Int(piece.start) + Int(piece.count)])
    }
  }

  /// What stands in several shapes stands here once: lines of all of them are written in turn, and this should be near.
  private var text: [UInt8] = []
  private var pieces: [[UInt8]: Piece] = [:]
  private var shapes: [Shape] = []
  /// `,"name":`.
  private var names: [Piece] = []
  /// Each once, in the order in which the list of lines has them.
  private(set) var kinds: [PlannedLines.Kind] = []

  init(_ lines: [LineShape], zone: Zone) {
    var known: [PlannedLines.Kind: Int] = [:]
    var knownNames: [[String]: Range<UInt32>] = [:]
    for line in lines {
      let kind = PlannedLines.Kind(
        campaign: line.campaign, step: line.step, channel: line.channel, mailbox: line.mailbox,
        expiresAt: line.expiresAt)
      let index = known[kind] ?? kinds.count
      if index == kinds.count {
        known[kind] = index
        kinds.append(kind)
      }
      var shape = Shape()
      shape.head = add { PlanCodec.encodeHead(line, zone: zone, to: &$0) }
      shape.channel = add { out in
        out.comma(member: "channel", line.channel.rawValue)
        out.text(",\"to\":")
      }
      shape.mailbox = add { $0.comma(member: "mailbox", line.mailbox) }
      let own = knownNames[line.names] ?? add(names: line.names)
      knownNames[line.names] = own
      shape.names = own
      shape.kind = add { $0.number(Int64(index)) }
      shape.digest = LineDigest.short(line, names: line.names)
      shapes.append(shape)
    }
  }

  private mutating func add(_ write: (inout [UInt8]) -> Void) -> Piece {
    var bytes: [UInt8] = []
    write(&bytes)
    if let known = pieces[bytes] { return known }
    let piece = Piece(start: UInt32(text.count), count: UInt32(bytes.count))
    text += bytes
    pieces[bytes] = piece
    return piece
  }

  private mutating func add(names line: [String]) -> Range<UInt32> {
    let first = UInt32(names.count)
    for name in line {
      names.append(
        add { out in
          out.append(0x2C)
          JSON.write(name, to: &out)
          out.append(0x3A)
        })
    }
    return first..<UInt32(names.count)
  }

  func withView<R>(_ body: (View) -> R) -> R {
    text.withUnsafeBytes { text in
      shapes.withUnsafeBufferPointer { shapes in
        names.withUnsafeBufferPointer { names in body(View(text: text, shapes: shapes, names: names)) }
      }
    }
  }
}

extension [UInt8] {
  /// A member of an object that is not its first.
  fileprivate mutating func comma(member name: StaticString, _ value: String) {
    append(0x2C)
    append(0x22)
    text(name)
    text("\":")
    JSON.write(value, to: &self)
  }
}
