import Foundation
import Model

/// A plan's lines as columns, some 80 bytes a line with the index of ids: what a run needs of each before its send is served. The line itself
/// is read again then (`StoredLines`), so that a plan of any size needs little memory.
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
  public internal(set) var sendAt: [Int64] = []
  public internal(set) var kindOf: [UInt32] = []
  public internal(set) var domainOf: [Int32] = []
  /// Milliseconds since the epoch, `.max` where there is none; empty if no line expires.
  public internal(set) var expiries: [Int64] = []
  /// `ByteHash` of the contact's key, and of the canonical address.
  public internal(set) var contacts: [UInt64] = []
  public internal(set) var addresses: [UInt64] = []
  var offsets: [UInt64] = []
  var checks: [UInt32] = []
  var byID = HashIndex()

  init(header: PlanHeader) { self.header = header }

  public var count: Int { ids.count }

  @inline(__always)
  public func number(of id: SendID) -> Int? { byID.find(id.tableHash) { ids[$0] == id } }

  /// False if the id stands there already.
  mutating func insert(_ id: SendID) -> Bool {
    // Apart, so that the one is read while the other is written.
    var known = HashIndex()
    swap(&known, &byID)
    let isNew = known.findOrInsert(id.tableHash, ids.count) { ids[$0] == id } == nil
    swap(&known, &byID)
    if isNew { ids.append(id) }
    return isNew
  }

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
    let builder = PlanIndexBuilder(file, try PlannedLinesWalk(planPath: path, header: header), header)
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
  private let offsets: [UInt64]
  private let checks: [UInt32]
  /// What was read last: lines that follow one another are mostly served so.
  private var buffer = [UInt8](repeating: 0, count: 1 << 14)
  private var window = 0..<0
  private var scanner = PlanLineScanner(readsSends: true)

  init(file: Descriptor, _ builder: PlanIndexBuilder) {
    self.file = file
    offsets = builder.index.offsets
    checks = builder.index.checks
    builder.index.offsets = []
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
      }
      try read(at: offset)
      end = lineEnd(offset)
      if end == nil, window.count < buffer.count { end = window.upperBound }
    }
    let line = (offset - window.lowerBound)..<((end ?? offset) - window.lowerBound)
    do throws(LineProblem) {
      let send = try buffer.withUnsafeBufferPointer { bytes throws(LineProblem) -> PlannedSend? in
        let line = UnsafeBufferPointer(rebasing: bytes[line])
        guard Self.check(UnsafeRawBufferPointer(line)) == checks[number] else { return nil }
        return try scanner.send(line)
      }
      guard let send else { throw LineProblem("") }
      return send
    } catch {
      throw changed
    }
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
