import Foundation

/// Memory for records, which stays where it is as long as this is kept: a record is known by its pointer. Threads that
/// read pieces of one file share it.
///
/// Sendable: blocks are nobody's but their taker's, and what is not given out is under a lock.
public final class RecordMemory: @unchecked Sendable {
  private static let blockSize = 64 << 10
  /// More than this is read in no order, and takes huge pages.
  private static let small = 1 << 20
  private static let regionSize = 2 * HugePages.size

  typealias Block = UnsafeMutableBufferPointer<UInt8>

  private let lock = NSLock()
  private var regions: [UnsafeMutableRawPointer] = []
  /// What is left of the last region for blocks.
  private var left = Block(start: nil, count: 0)
  private var given = 0
  /// Ends of blocks that came back.
  private var rests: [Block] = []

  public init() {}

  deinit { for region in regions { region.deallocate() } }

  /// A block of at least `size` bytes.
  func take(_ size: Int) -> Block {
    lock.lock()
    defer { lock.unlock() }
    if let rest = rests.last, rest.count >= size {
      rests.removeLast()
      return rest
    }
    let count = max(size, Self.blockSize)
    given += count
    if count > Self.blockSize || given <= Self.small { return allocate(count, alignment: 16) }
    if left.count < count {
      left = allocate(Self.regionSize, alignment: HugePages.size)
      HugePages.advise(UnsafeMutableRawBufferPointer(left))
    }
    let block = Block(rebasing: left[..<count])
    left = Block(rebasing: left[count...])
    return block
  }

  /// Takes back the end of a block, if it is worth it.
  func giveBack(_ rest: Block) {
    guard rest.count >= 4096 else { return }
    lock.lock()
    rests.append(rest)
    lock.unlock()
  }

  private func allocate(_ count: Int, alignment: Int) -> Block {
    let region = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: alignment)
    regions.append(region)
    return Block(start: region.bindMemory(to: UInt8.self, capacity: count), count: count)
  }
}

/// Writes records, one after the other, into blocks of memory.
struct CellArena {
  let memory: RecordMemory
  private var next: UnsafeMutablePointer<UInt8>?
  private var left = 0

  init(_ memory: RecordMemory) { self.memory = memory }

  struct Writer {
    let start: UnsafeMutablePointer<UInt8>
    var at: UnsafeMutablePointer<UInt8>

    @inline(__always)
    mutating func write(_ cell: Cell) {
      let n = cell.count
      if n < 255 {
        at.pointee = UInt8(truncatingIfNeeded: n)
        at += 1
      } else {
        at.pointee = 255
        UnsafeMutableRawPointer(at + 1).storeBytes(of: UInt32(truncatingIfNeeded: n).littleEndian, as: UInt32.self)
        at += 5
      }
      if let base = cell.baseAddress { copy(base, n) }
      at += n
    }

    /// Most cells are shorter than a call of memcpy is worth: two moves that overlap do.
    @inline(__always)
    private func copy(_ base: UnsafePointer<UInt8>, _ n: Int) {
      let (from, to) = (UnsafeRawPointer(base), UnsafeMutableRawPointer(at))
      if n > 32 {
        to.copyMemory(from: from, byteCount: n)
      } else if n >= 16 {
        let (a, b) = (
          from.loadUnaligned(as: UInt64.self), from.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        )
        let (c, d) = (
          from.loadUnaligned(fromByteOffset: n - 16, as: UInt64.self),
          from.loadUnaligned(fromByteOffset: n - 8, as: UInt64.self)
        )
        to.storeBytes(of: a, as: UInt64.self)
        to.storeBytes(of: b, toByteOffset: 8, as: UInt64.self)
        to.storeBytes(of: c, toByteOffset: n - 16, as: UInt64.self)
        to.storeBytes(of: d, toByteOffset: n - 8, as: UInt64.self)
      } else if n >= 8 {
        let (a, b) = (
          from.loadUnaligned(as: UInt64.self), from.loadUnaligned(fromByteOffset: n - 8, as: UInt64.self)
        )
        to.storeBytes(of: a, as: UInt64.self)
        to.storeBytes(of: b, toByteOffset: n - 8, as: UInt64.self)
      } else if n >= 4 {
        let (a, b) = (
          from.loadUnaligned(as: UInt32.self), from.loadUnaligned(fromByteOffset: n - 4, as: UInt32.self)
        )
        to.storeBytes(of: a, as: UInt32.self)
        to.storeBytes(of: b, toByteOffset: n - 4, as: UInt32.self)
      } else {
        for i in 0..<n { at[i] = base[i] }
      }
    }

    mutating func write(_ text: String) {
      var text = text
      text.withUTF8 { write($0) }
    }

    mutating func write(_ number: Int64) {
      UnsafeMutableRawPointer(at).storeBytes(of: number.littleEndian, as: Int64.self)
      at += 8
    }
  }

  /// Room for one record of at most `size` bytes.
  @inline(__always)
  mutating func begin(_ size: Int) -> Writer {
    if let next, left >= size { return Writer(start: next, at: next) }
    return beginBlock(size)
  }

  private mutating func beginBlock(_ size: Int) -> Writer {
    close()
    let block = memory.take(size)
    guard let start = block.baseAddress else { preconditionFailure("a block of memory has a start") }
    next = start
    left = block.count
    return Writer(start: start, at: start)
  }

  @inline(__always)
  mutating func end(_ writer: Writer) {
    left -= writer.at - writer.start
    next = writer.at
  }

  /// Gives back what it has not used.
  mutating func close() {
    memory.giveBack(.init(start: next, count: left))
    next = nil
    left = 0
  }
}
