/// Memory for records: blocks that never move, so that a record is known by its pointer. Whoever takes the blocks over
/// frees them.
struct CellArena {
  private(set) var blocks: [UnsafeMutablePointer<UInt8>] = []
  private var next: UnsafeMutablePointer<UInt8>?
  private var left = 0
  private static let blockSize = 256 << 10

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
    let bytes = max(Self.blockSize, size)
    let block = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes)
    blocks.append(block)
    next = block
    left = bytes
    return Writer(start: block, at: block)
  }

  @inline(__always)
  mutating func end(_ writer: Writer) {
    left -= writer.at - writer.start
    next = writer.at
  }

  mutating func takeOver(_ other: inout CellArena) {
    blocks += other.blocks
    other.blocks = []
    other.next = nil
    other.left = 0
  }

  func free() { for block in blocks { block.deallocate() } }
}
