import Model
import TestSupport
import Testing

@Test(arguments: [
  #"{"a":[1,-2,3.5,true,false,null,"x"],"b":{}}"#, #""\"\\\n\r\t\u0000\u007f\u2028\u2029""#, "[]", "0", "-1.5e-07",
  "9223372036854775807", #""ünïcode 😀""#,
])
func canonicalTextIsReadAndWrittenBackTheSame(_ text: String) throws {
  #expect(try JSON(parsing: text).text == text)
}

@Test(arguments: [
  "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "01", "1.", ".5", "+1", "1e", "nul", "\"\u{1}\"", #""\x""#,
  #""\ud800""#, #""\ud800\u0041""#, #""\udc00""#, #""\u12""#, "[1] 2", "'a'", "NaN", "1e999", "\"abc", "{1:2}",
])
func whatIsNoJSONIsRefused(_ text: String) {
  #expect(throws: JSONProblem.self) { try JSON(parsing: text) }
}

@Test func brokenUTF8AndDeepNestingAreRefused() {
  #expect(throws: JSONProblem.self) { try JSON(parsing: [0x22, 0xFF, 0x22]) }
  #expect(throws: JSONProblem.self) { try JSON(parsing: [0x22, 0x5C, 0x6E, 0xC3, 0x22]) }
  #expect(throws: JSONProblem.self) { try JSON(parsing: String(repeating: "[", count: 100_000)) }
  let deep = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
  #expect(throws: Never.self) { try JSON(parsing: deep) }
}

@Test func escapesOfPairsOfSurrogatesAreOneCharacter() throws {
  #expect(try JSON(parsing: #""\ud83d\ude00\u00e9\/""#).string == "😀é/")
}

@Test func anyValueIsReadBackAsItWasWritten() throws {
  let seed: UInt64 = 99
  var random = Dice(seed)
  for _ in 0..<3000 {
    let value = random.value(depth: 0)
    #expect(try JSON(parsing: value.text) == value, "seed \(seed)")
    #expect(!value.text.utf8.contains(0x0A), "seed \(seed)")
  }
}

@Test func anyBytesAreJSONOrAProblemWithAPlaceInsideThem() {
  let seed: UInt64 = 3
  var random = Dice(seed)
  let alphabet = Array(#"{}[]",:\u0019aetrflsn-+. "#.utf8) + [0x00, 0xC3, 0xA9, 0xFF, 0x0A]
  for _ in 0..<30_000 {
    let bytes = (0..<Int.random(in: 0...24, using: &random)).map { _ in
      alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
    }
    do throws(JSONProblem) {
      let value = try JSON(parsing: bytes)
      let again = try JSON(parsing: value.text)
      #expect(again == value, "\(bytes), seed \(seed)")
    } catch {
      #expect((0...bytes.count).contains(error.offset), "\(bytes), seed \(seed)")
    }
  }
}

extension Dice {
  fileprivate mutating func value(depth: Int) -> JSON {
    switch Int.random(in: 0...(depth > 3 ? 4 : 6), using: &self) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &self))
    case 2: return .integer(Int64.random(in: .min ... .max, using: &self))
    case 3: return .number(Double.random(in: -1e9...1e9, using: &self))
    case 4: return .string(text())
    case 5: return .array((0..<Int.random(in: 0...4, using: &self)).map { _ in value(depth: depth + 1) })
    default:
      return .object(
        (0..<Int.random(in: 0...4, using: &self)).map { JSON.Member("\($0)" + text(), value(depth: depth + 1)) })
    }
  }

  private mutating func text() -> String {
    let scalars: [Unicode.Scalar] = [
      "a", "\"", "\\", "\n", "\u{0}", "\u{7F}", "é", "\u{2028}", "\u{2029}", "😀", "\u{2027}",
    ]
    var text = String.UnicodeScalarView()
    for _ in 0..<Int.random(in: 0...8, using: &self) { text.append(scalars[Int.random(in: 0..<11, using: &self)]) }
    return String(text)
  }
}
