import Foundation
import Model

/// A plan's lines as columns, some 45 bytes a line: what a run needs of each before its send is served. The line itself is
/// read again then (`StoredLines`), so that a plan of any size needs little memory.
public struct PlanIndex: Sendable {
  /// What many lines have in common.
  public struct Kind: Hashable, Sendable {
    public var campaign: String
    public var step: String
    public var channel: Channel
    public var mailbox: String
    /// Whether it is of message rows.
    public var hasKey: Bool
    public var open: IntervalSet

    public init(_ send: PlannedSend) {
      campaign = send.campaign
      step = send.step
      channel = send.channel
      mailbox = send.mailbox
      hasKey = !send.key.isEmpty
      open = send.open
    }
  }

  /// A line that is not as it was planned.
  public struct Held: Hashable, Sendable {
    public var id: SendID
    /// The file's line, from 1.
    public var line: Int
    /// Its place in the index.
    public var number: Int
  }

  public let header: PlanHeader
  /// The digest of the plan's bytes as they were written.
  public internal(set) var plan = ""
  public internal(set) var kinds: [Kind] = []
  /// The domains that lines go to; nil for what is no address.
  public internal(set) var domains: [String?] = []
  public internal(set) var held: [Held] = []

  // By line, in the file's order.
  public internal(set) var ids: [SendID] = []
  /// Milliseconds since the epoch.
  public internal(set) var sendAt = TimeColumn()
  public internal(set) var kindOf = NumberColumn()
  public internal(set) var domainOf = NumberColumn()
  /// Milliseconds since the epoch, `.max` where there is none; empty if no line expires.
  public internal(set) var expiries: [Int64] = []
  /// `ByteHash` of the contact's key, and of the canonical address.
  public internal(set) var contacts: [UInt64] = []
  public internal(set) var addresses = SameOrOther()
  var offsets = LineOffsets()
  var checks: [UInt32] = []
  /// Made by the first question for a number; a run without results asks none.
  private var numbers = IDNumbers()

  init(header: PlanHeader) { self.header = header }

  public var count: Int { ids.count }

  @inline(__always)
  public func number(of id: SendID) -> Int? { numbers.find(id, in: ids) }

  /// The same, looked for first among the few lines around another one.
  @inline(__always)
  func number(of id: SendID, near number: Int) -> Int? {
    for place in max(0, number - 1)..<min(ids.count, number + 4) where ids[place] == id { return place }
    return self.number(of: id)
  }

  @inline(__always)
  public func address(_ number: Int) -> UInt64 { addresses.value(number, beside: contacts) }

  /// Lets go of the table behind `number(of:)`; it is made again by the next question.
  public func forgetNumbers() { numbers.forget() }

  /// The place of an id that stands on an earlier line too.
  func firstRepeated() -> Int? { numbers.make(ids) }

  public func expiry(_ number: Int) -> Instant? {
    guard !expiries.isEmpty, expiries[number] != .max else { return nil }
    return Instant(milliseconds: expiries[number])
  }

  /// Reads a plan and what `plan.lines` says of its lines, on all cores.
  /// - Parameter header: as `PlanFile.header` read it.
  /// - Throws: what is wrong with the first line that is wrong; `.interrupted` where the list is not the plan's.
  public static func read(
    _ path: String, header: PlanHeader
  ) throws(JournalProblem) -> (index: PlanIndex, lines: StoredLines) {
    try read(path, header: header, workers: BlockOrder.usefulWorkers, chunk: 1 << 20)
  }

  static func read(
    _ path: String, header: PlanHeader, workers: Int, chunk: Int
  ) throws(JournalProblem) -> (index: PlanIndex, lines: StoredLines) {
    let file = try Descriptor(path, flags: O_RDONLY)
    let walk = try PlannedLinesWalk(planPath: path, header: header)
    if let bytes = walk.bytes {
      let builder = PlanIndexBuilder(file, nil, header, plan: walk.plan)
      if let index = try builder.build(unedited: bytes, workers: workers) {
        return (index, StoredLines(file: file, builder))
      }
    }
    let builder = PlanIndexBuilder(file, walk, header, plan: walk.plan)
    do {
      return (try builder.build(workers: workers, chunk: chunk), StoredLines(file: file, builder))
    } catch .malformed {
      // The plain reader says what is wrong, and with which line first.
      _ = try PlanFile.read(path)
      throw .malformed(path: path, line: 1, message: "the file was changed while it was read")
    }
  }

  /// Lets go of everything but the header.
  public mutating func forget() {
    let plan = plan
    self = PlanIndex(header: header)
    self.plan = plan
  }
}

/// A plan's lines by their numbers in its index, read again one at a time. Not for two threads at once.
public final class StoredLines {
  private let file: Descriptor
  private let offsets: LineOffsets
  private let checks: [UInt32]
  /// What was read last: lines that follow one another are mostly served so.
  private var buffer = [UInt8](repeating: 0, count: usual)
  private static let usual = 1 << 14
  private var window = 0..<0
  private var scanner = PlanLineScanner(makesDigests: false, readsSends: true)

  init(file: Descriptor, _ builder: PlanIndexBuilder) {
    self.file = file
    offsets = builder.index.offsets
    checks = builder.index.checks
    builder.index.offsets = LineOffsets()
    builder.index.checks = []
  }

  /// - Throws: `.malformed` where the file's bytes are not what they were when the index was made.
  public func send(_ number: Int) throws(JournalProblem) -> PlannedSend {
    let offset = Int(offsets[number])
    var end = window.contains(offset) ? lineEnd(offset) : nil
    while end == nil {
      if window.lowerBound == offset, window.count == buffer.count {
        guard buffer.count <= LineReader.longest else { throw changed }
        buffer = [UInt8](repeating: 0, count: buffer.count * 4)
      } else if buffer.count > Self.usual {
        // The last line was a long one.
        buffer = [UInt8](repeating: 0, count: Self.usual)
      }
      try read(at: offset)
      end = lineEnd(offset)
      if end == nil, window.count < buffer.count { end = window.upperBound }
    }
    let line = (offset - window.lowerBound)..<((end ?? offset) - window.lowerBound)
    let send = try? buffer.withUnsafeBufferPointer { bytes throws(LineProblem) -> PlannedSend? in
      let line = UnsafeBufferPointer(rebasing: bytes[line])
      guard Self.check(UnsafeRawBufferPointer(line)) == checks[number] else { return nil }
      return try scanner.send(line)
    }
    guard let send else { throw changed }
    return send
  }

  private func read(at offset: Int) throws(JournalProblem) {
    window = 0..<0
    var filled = 0
    var problem: JournalProblem?
    buffer.withUnsafeMutableBytes { bytes in
      do throws(JournalProblem) { filled = try file.read(into: bytes, at: offset) } catch { problem = error }
    }
    if let problem { throw problem }
    window = offset..<(offset + filled)
  }

  /// Where the line ends that begins at `offset`, if that is in the window.
  private func lineEnd(_ offset: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return nil }
      let line = start + (offset - window.lowerBound)
      return memchr(line, 0x0A, window.upperBound - offset).map { offset + (UnsafeRawPointer($0) - line) }
    }
  }

  static func check(_ line: UnsafeRawBufferPointer) -> UInt32 { UInt32(truncatingIfNeeded: ByteHash.of(line) >> 32) }

  private var changed: JournalProblem {
    .malformed(path: file.path, line: 0, message: "the plan was changed since the run began")
  }
}

/// Where lines begin: two bytes each, or four where lines are long, counted from every sixteenth - a line has at most
/// 64 MiB.
struct LineOffsets: Sendable {
  private static let every = 16
  private var starts: [UInt64] = []
  private var distances = NumberColumn()

  mutating func reserveCapacity(_ n: Int) {
    starts.reserveCapacity(n / Self.every + 1)
    distances.reserveCapacity(n)
  }

  /// - Parameter offset: beyond those before it.
  mutating func append(_ offset: UInt64) {
    if distances.count % Self.every == 0 { starts.append(offset) }
    distances.append(Int32(truncatingIfNeeded: offset - starts[starts.count - 1]))
  }

  subscript(_ number: Int) -> UInt64 { starts[number / Self.every] + UInt64(distances[number]) }
}
