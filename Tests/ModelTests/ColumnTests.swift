import Model
import TestSupport
import Testing

@Suite struct ColumnTests {
  @Test func timesComeBackAsTheyWereHoweverFarApart() {
    let start: Int64 = 1_795_000_000_000
    let day: Int64 = 86_400_000
    for times in [
      [start, start + 1, start - day, start + 24 * day], [start, start - 24 * day, start + 30 * day, start],
      [0, .max, .min, start], [.min, 0, 5],
    ] {
      var column = TimeColumn()
      for time in times { column.append(time) }
      #expect(column.count == times.count)
      #expect(times.indices.map { column[$0] } == times)
    }
  }

  @Test func hashesBesideOthersAreTheirOwnFromTheFirstThatDiffers() {
    let others: [UInt64] = [4, 8, 15, 16]
    for own in [others, [4, 8, 15, 23], [42, 8, 15, 16]] as [[UInt64]] {
      var column = SameOrOther()
      for i in others.indices { column.append(own[i], beside: Array(others[...i])) }
      #expect(column.isSame == (own == others))
      #expect(others.indices.map { column.value($0, beside: others) } == own)
    }
  }

  @Test func anIDIsReadFromLowerCaseDigitsAlone() {
    var dice = Dice(3)
    for _ in 0..<500 {
      let id = SendID(high: dice.next(), low: dice.next())
      #expect(SendID(id.text) == id)
      var text = Array(id.text.utf8)
      let byte = UInt8(truncatingIfNeeded: dice.next())
      text[Int(dice.next() % 32)] = byte
      let isHex = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
      guard byte < 0x80 else { continue }
      #expect((SendID(String(decoding: text, as: UTF8.self)) != nil) == isHex)
    }
  }
}
