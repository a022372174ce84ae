import Testing

@testable import Model

@Suite struct ByteHashTests {
  @Test func aHashStaysTheSameForEverSinceSnapshotsKeepTablesMadeByIt() {
    #expect(ByteHash.of("") == 10_980_636_806_279_812_349)
    #expect(ByteHash.of("ada@example.com") == 1_493_674_436_206_118_355)
    #expect(ByteHash.of("a") == 8_732_921_618_651_586_233)
  }

  @Test func everyByteAndTheLengthCount() {
    for count in 1...70 {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
      let hash = bytes.withUnsafeBufferPointer { ByteHash.of($0) }
      var seen: Set<UInt64> = [hash]
      for i in 0..<count {
        var other = bytes
        other[i] ^= 1
        seen.insert(other.withUnsafeBufferPointer { ByteHash.of($0) })
      }
      seen.insert((bytes + [0]).withUnsafeBufferPointer { ByteHash.of($0) })
      #expect(seen.count == count + 2)
    }
  }

  @Test func itDoesNotDependOnWhereTheBytesLie() {
    let padded = Array("...ada.lovelace@example.com...".utf8)
    for shift in 0..<3 {
      let slice = Array(padded[shift..<shift + 20])
      let there = padded.withUnsafeBufferPointer { ByteHash.of(UnsafeBufferPointer(rebasing: $0[shift..<shift + 20])) }
      #expect(there == slice.withUnsafeBufferPointer { ByteHash.of($0) })
    }
  }

  @Test func likeAddressesSpreadOverTheLowAndTheHighBits() {
    var low: Set<UInt64> = []
    var high: Set<UInt64> = []
    for i in 0..<20_000 {
      let hash = ByteHash.of("person\(i)@example\(i % 97).com")
      low.insert(hash & 0xFFFF)
      high.insert(hash >> 48)
    }
    // 20,000 balls in 65,536 boxes leave some 17,240 boxes with one.
    #expect(low.count > 17_000 && high.count > 17_000)
  }
}
