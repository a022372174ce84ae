import Foundation
import Model

/// Reads the records of a large file on several threads: one at a time reads and cuts, digests and joins, each in the
/// file's order, while all others take pieces apart. What comes out does not depend on their number.
///
/// Threads do whatever can be done next, so that none waits while there is work. At most `window` pieces are held.
///
/// Sendable because all that changes is behind `lock`, or belongs to the one thread that has set `isReading`,
/// `isDigesting` or `isJoining`; `join` runs on any thread, and never on two at a time.
final class ParallelRecords<Part>: @unchecked Sendable {
  private final class Piece {
    let buffer: ByteBuffer
    let end: Int
    let digested: Int
    var isDigested = false
    var result: (part: Part, breaks: Int, hasStopped: Bool)?

    init(_ buffer: ByteBuffer, end: Int, digested: Int) {
      self.buffer = buffer
      self.end = end
      self.digested = digested
    }
  }

  private enum Job { case read, digest(Piece), parse(Piece), join(Piece), wait, done }

  private let threads: Int
  private let parse: @Sendable (inout RecordScan) -> Part
  private let join: (Part, Int) -> Void
  private let width: Int
  private let source: ByteSource
  private let delimiter: UInt8
  /// Guards all that follows.
  private let lock = NSCondition()
  private var pieces: RecordPieces
  private var isReading = false
  private var isAtEnd = false
  private var problem: FileProblem?
  /// In the file's order: read and not yet done with.
  private var open: [Piece] = []
  private var unparsed: [Piece] = []
  private var isDigesting = false
  private var isJoining = false
  private var joined = 0
  private var lines: Int
  private var hasStopped = false
  private var spare: [ByteBuffer] = []

  private var window: Int { 2 * threads + 2 }

  /// - Parameters:
  ///   - pieces: of a source that has been read so far with its digest.
  ///   - lines: how many lines of the file lie before them.
  ///   - width: of every record.
  ///   - chunk: the size of a piece in bytes, about.
  ///   - parse: reads the records of a piece, on any thread; lines count from 1 in each piece.
  ///   - join: takes what `parse` gave and the number of lines before it, one piece at a time, in order.
  init(
    _ pieces: consuming RecordPieces, lines: Int, width: Int, threads: Int, chunk: Int,
    parse: @escaping @Sendable (inout RecordScan) -> Part, join: @escaping (Part, Int) -> Void
  ) {
    pieces.chunk = max(16, chunk)
    source = pieces.source
    delimiter = pieces.delimiter
    self.pieces = pieces
    self.lines = lines
    self.width = width
    self.threads = max(1, threads)
    self.parse = parse
    self.join = join
  }

  /// Reads to the end of the file. Not for Swift's own pool of threads: the caller works as one of the threads.
  func run() throws(FileProblem) {
    source.isDigesting = false
    defer { source.isDigesting = true }
    if threads == 1 {
      work()
    } else {
      DispatchQueue.concurrentPerform(iterations: threads) { _ in work() }
    }
    if let problem { throw problem }
  }

  private func work() {
    lock.lock()
    defer { lock.unlock() }
    while true {
      let job = next()
      switch job {
      case .wait:
        // Only while another thread is at something, which will wake this one.
        lock.wait()
        continue
      case .done:
        lock.broadcast()
        return
      case .read: read()
      case .digest(let piece): digest(piece)
      case .parse(let piece): parse(piece)
      case .join(let piece): join(piece)
      }
      lock.broadcast()
    }
  }

  /// What must go in order comes first, but for reading while there is enough to do.
  private func next() -> Job {
    if !isJoining, joined < open.count, open[joined].result != nil {
      isJoining = true
      return .join(open[joined])
    }
    let canRead = !isReading && !isAtEnd && open.count < window
    if canRead, unparsed.isEmpty {
      isReading = true
      return .read
    }
    if !isDigesting, let piece = open.first(where: { !$0.isDigested }) {
      isDigesting = true
      return .digest(piece)
    }
    if !unparsed.isEmpty { return .parse(unparsed.removeFirst()) }
    if canRead {
      isReading = true
      return .read
    }
    return isAtEnd && open.isEmpty ? .done : .wait
  }

  private func unlocked<R>(_ body: () -> R) -> R {
    lock.unlock()
    defer { lock.lock() }
    return body()
  }

  private func read() {
    let buffer = spare.popLast() ?? ByteBuffer()
    // Nobody else touches the pieces while `isReading` holds.
    let result = unlocked { Result { () throws(FileProblem) in try pieces.next(buffer) } }
    isReading = false
    switch result {
    case .success(let found?):
      let piece = Piece(buffer, end: found.end, digested: found.digested)
      open.append(piece)
      unparsed.append(piece)
    case .success(nil): isAtEnd = true
    case .failure(let failure):
      problem = failure
      isAtEnd = true
    }
  }

  private func digest(_ piece: Piece) {
    unlocked { source.take(piece.buffer[piece.digested..<piece.buffer.count]) }
    isDigesting = false
    piece.isDigested = true
    retire()
  }

  private func parse(_ piece: Piece) {
    let result = unlocked {
      var scan = RecordScan(piece.buffer, to: piece.end, delimiter: delimiter, width: width)
      let part = parse(&scan)
      return (part, scan.nextLine - 1, scan.hasStopped)
    }
    piece.result = result
  }

  private func join(_ piece: Piece) {
    if let result = piece.result, !hasStopped {
      let before = lines
      unlocked { join(result.part, before) }
      lines += result.breaks
      hasStopped = result.hasStopped
    }
    piece.result = nil
    isJoining = false
    joined += 1
    retire()
  }

  /// Pieces that are joined and digested give their buffers back.
  private func retire() {
    while joined > 0, let piece = open.first, piece.isDigested {
      open.removeFirst()
      joined -= 1
      spare.append(piece.buffer)
    }
  }
}
