import Testing

@testable import Config
@testable import Model

struct CSVTests {
  /// Records as text, `!` and the defect for a bad one; read with a chunk so small that every boundary is met.
  static func read(_ bytes: [UInt8], chunk: Int) throws -> [[String]] {
    var reader = try CSVReader(ByteSource(bytes: bytes), file: "f", chunk: chunk)
    var rows: [[String]] = []
    while try reader.next() {
      if let (defect, field) = reader.defect {
        rows.append(["!\(defect) \(reader.place(field).line):\(reader.place(field).column)"])
      } else {
        rows.append((0..<reader.count).map { reader.text($0) })
      }
      if rows.count == 1 { reader.fixWidth() }
    }
    return rows
  }

  @Test(arguments: [
    ("a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
    ("\u{FEFF}a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
    ("a,b\r1,2\r", [["a", "b"], ["1", "2"]]),
    ("a,b\n1,2", [["a", "b"], ["1", "2"]]),
    ("a,b\n1,", [["a", "b"], ["1", ""]]),
    ("a;b\n1,5;2", [["a", "b"], ["1,5", "2"]]),
    ("a\tb\n1\t2,3,4\n", [["a", "b"], ["1", "2,3,4"]]),
    ("\"a;;;\",b\n1,2\n", [["a;;;", "b"], ["1", "2"]]),
    ("a,b\n\n1,2\n\r\n,\n3,4\n", [["a", "b"], ["1", "2"], ["3", "4"]]),
    ("a,b\n\"1\n2\",\"3\r\n4\"\n5,6\n", [["a", "b"], ["1\n2", "3\r\n4"], ["5", "6"]]),
    ("a,b\n\"say \"\"hi\"\"\",\"\"\n", [["a", "b"], ["say \"hi\"", ""]]),
    ("a,b\n5\" disk,x\n", [["a", "b"], ["5\" disk", "x"]]),
    (
      "a,b\n1\n1,2,3\n4,5\n",
      [
        ["a", "b"], ["!width(expected: 2, found: 1) 2:1"], ["!width(expected: 2, found: 3) 3:1"], ["4", "5"],
      ]
    ),
    ("a,b\n\"1\"x,2\n3,4\n", [["a", "b"], ["!textAfterQuote 2:1"], ["3", "4"]]),
    ("a,b\n1,\"2\n3,4\n", [["a", "b"], ["!unterminatedQuote 2:3"]]),
    (
      "a,b\n\"x\ny\",\"\u{E4}\",3\nü,\"\n",
      [
        ["a", "b"], ["!width(expected: 2, found: 3) 2:1"], ["!unterminatedQuote 4:3"],
      ]
    ),
    ("a,b\n1,2\0\n", [["a", "b"], ["!nul 2:3"]]),
    ("a\n1\n\n2\n", [["a"], ["1"], ["2"]]),
    ("", []), ("\n\n", []), ("\u{FEFF}", []),
  ])
  func nastyInputsAreReadTheSameInChunksOfEverySize(_ text: String, _ rows: [[String]]) throws {
    for chunk in [16, 17, 19, 4096] { #expect(try Self.read(Array(text.utf8), chunk: chunk) == rows) }
  }

  @Test func brokenUTF8IsReportedForItsRecordOnly() throws {
    let bytes = Array("a,b\nx,".utf8) + [0xFC] + Array("\nü,é\n".utf8)
    #expect(try Self.read(bytes, chunk: 16) == [["a", "b"], ["!brokenUTF8 2:3"], ["ü", "é"]])
  }

  @Test func fieldsAndRecordsHaveALimit() throws {
    let large = [UInt8](repeating: 0x78, count: 1 << 20)
    let rows = try Self.read(
      Array("a,b\n".utf8) + large + Array(",1\n".utf8) + large + Array("x,1\n2,3\n".utf8), chunk: 4096)
    #expect(rows.count == 4)
    #expect(rows[1][0].utf8.count == 1 << 20)
    #expect(rows[2] == ["!fieldTooLong 3:1"])
    #expect(rows[3] == ["2", "3"])
    let open = Array("a,b\n1,\"".utf8) + [UInt8](repeating: 0x0A, count: 18 << 20)
    #expect(try Self.read(open, chunk: 256 << 10) == [["a", "b"], ["!recordTooLong 2:1"]])
  }

  @Test(arguments: [
    ("First Name", "first_name"), ("firstName", "first_name"), ("first-name", "first_name"),
    ("FIRST NAME", "first_name"),
    ("First_Name", "first_name"), (" email ", "email"), ("E-Mail", "email"), ("userID", "user_id"), ("URL", "url"),
    ("HTMLBody", "html_body"), ("Größe (cm)", "größe_cm"), ("address 2", "address_2"), ("--", ""),
  ])
  func headerNamesBecomeSnakeCase(_ written: String, _ name: String) { #expect(CSVHeader.normalise(written) == name) }
}
