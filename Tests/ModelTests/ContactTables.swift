import TestSupport
import Testing

@testable import Model

/// Rows as a loader gives them, from texts.
private func piece(_ columns: [String], _ rows: [[String]], table: [Int]) -> ContactPiece {
  var places = ContactPiece.Columns(table: table)
  places.email = columns.firstIndex(of: "email") ?? -1
  places.phone = columns.firstIndex(of: "phone") ?? -1
  places.id = columns.firstIndex(of: "id") ?? -1
  places.tags = columns.firstIndex(of: "tags") ?? -1
  var piece = ContactPiece(places)
  for (i, texts) in rows.enumerated() {
    var row = ContactPiece.Row(line: i + 1)
    let email = places.email < 0 ? nil : EmailAddress(texts[places.email])
    row.hasEmail = email != nil
    if let email, email.canonical != texts[places.email] {
      row.normalised = (email.canonical, email.envelope, "")
    }
    if let column = columns.firstIndex(of: "phone") { row.hasPhone = PhoneNumber(texts[column]) != nil }
    if row.normalised != nil, row.hasPhone { row.normalised?.phone = texts[places.phone] }
    if let column = columns.firstIndex(of: "email_enabled") { row.emailOff = texts[column] == "no" }
    let bytes = texts.map { Array($0.utf8) }
    let cells = bytes.map { bytes -> UnsafeMutableBufferPointer<UInt8> in
      let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: bytes.count)
      _ = copy.initialize(from: bytes)
      return copy
    }
    cells.map { Cell($0) }.withUnsafeBufferPointer { piece.append(row, cells: $0) }
    for cell in cells { cell.deallocate() }
  }
  return piece
}

@Test func rowsOfOneIdentityMergeOverPiecesAndFiles() {
  var builder = ContactTableBuilder()
  let first = builder.addFile("a.csv")
  let columns = ["id", "email", "phone", "city", "email_enabled"]
  let table = builder.addColumns(columns) ?? []
  builder.append(
    piece(columns, [["u1", "", "", "", ""], ["u2", "Bob@Example.com", "", "Bonn", ""]], table: table), file: first,
    lines: 1)
  builder.append(piece(columns, [["u1", "ada@example.com", "", "Ulm", "no"]], table: table), file: first, lines: 3)
  let second = builder.addFile("b.csv")
  let others = ["city", "tags", "email"]
  let otherTable = builder.addColumns(others) ?? []
  #expect(otherTable == [3, 5, 1])
  builder.append(
    piece(others, [["Wien", "x;y", "bob@example.com"], ["Graz", "", "cy@example.com"]], table: otherTable),
    file: second, lines: 1)
  let all = builder.finish()
  #expect(all.columns == ["id", "email", "phone", "city", "email_enabled", "tags"])
  #expect(all.contacts.map(\.key) == ["u1", "u2", "bob@example.com", "cy@example.com"])
  #expect(all[0].values == ["u1", "ada@example.com", "", "Ulm", "no", ""])
  #expect(!all[0].emailEnabled && all[0].files == [0] && all.place(0) == Place("a.csv", line: 2))
  #expect(all[1].email?.envelope == "Bob@example.com" && all[1].values[1] == "Bob@Example.com")
  #expect(all.defect(2)?.detail == "bob@example.com (b.csv:2) stands as 'u2' already (a.csv:3)")
  #expect(all[2].tags == ["x", "y"] && all.fileSets[all.view(2).fileSet] == [1])
  #expect(all.place(3) == Place("b.csv", line: 3))
  #expect(all.index(of: "ADA@example.com") == 0 && all.index(of: "u2") == 1 && all.index(of: "nobody") == nil)
}

@Test func aContactWithNothingToWriteToIsRejectedAndABrokenAddressIsADefect() {
  var builder = ContactTableBuilder()
  let file = builder.addFile("a.csv")
  let columns = ["id", "email", "phone"]
  let table = builder.addColumns(columns) ?? []
  let rows = [
    ["u1", "", ""], ["u2", "", "12"], ["u2", "bad", ""], ["u3", "ada@example.com", ""], ["", "worse", ""],
  ]
  builder.append(piece(columns, rows, table: table), file: file, lines: 0)
  let all = builder.finish()
  #expect(all.contacts.map(\.key) == ["u2", "u3", "worse"])
  #expect(all.contacts.map { $0.defect?.detail } == ["'12' is no address", nil, "'worse' is no address"])
  #expect(all.rejected.map(\.detail) == ["'u1' has no address and no phone number"])
  #expect(all.index(of: "u3") == 1 && all.index(of: "worse") == 2 && all.index(of: "u1") == nil)
}

@Test func cellsOfEveryLengthComeBackAsTheyWere() {
  var dice = Dice(3)
  let columns = ["id", "x", "y"]
  var builder = ContactTableBuilder()
  let file = builder.addFile("a.csv")
  let table = builder.addColumns(columns) ?? []
  let lengths = Array(0...70) + [253, 254, 255, 256, 257, 65_535, 300_000]
  let rows = lengths.map { n -> [String] in
    let text = String((0..<n).map { _ in Character(Unicode.Scalar(UInt8.random(in: 0x61...0x7A, using: &dice))) })
    return ["u\(n)", text, String(text.reversed())]
  }
  let made = piece(columns + ["email"], rows.map { $0 + ["a@b.example"] }, table: table + [1])
  builder.append(made, file: file, lines: 0)
  let all = builder.finish()
  for (i, row) in rows.enumerated() {
    #expect(all.view(i).key.text == row[0] && all.view(i).value(2).text == row[2])
    #expect(all.index(of: row[0]) == i)
  }
}

@Test func theByteTestForAddressesAgreesWithTheWholeRule() {
  var dice = Dice(11)
  let parts = [
    "a", "b", "1", "-", ".", "example", "x.y", "mail", "co", "A", "_", "+", " ", "é", "@", "\"",
    String(repeating: "l", count: 62),
  ]
  func some(_ most: Int) -> String {
    (0..<Int.random(in: 0...most, using: &dice)).map { _ in parts.randomElement(using: &dice) ?? "" }.joined()
  }
  var plain = 0
  for _ in 0..<40_000 {
    let text = some(4) + "@" + some(4) + (Bool.random(using: &dice) ? ".com" : "")
    var copy = text
    let isCanonical = copy.withUTF8 { EmailAddress.isCanonical($0) }
    let address = EmailAddress(text)
    let expected = address.map {
      $0.canonical.utf8.elementsEqual(text.utf8) && $0.envelope.utf8.elementsEqual(text.utf8)
    }
    // Outside ASCII the whole rule decides.
    if text.utf8.allSatisfy({ $0 < 0x80 }) {
      #expect(isCanonical == (expected ?? false), "\(text)")
    } else {
      #expect(!isCanonical, "\(text)")
    }
    if isCanonical { plain += 1 }
  }
  #expect(plain > 500)
}

@Test(arguments: [
  ("+4915112345678", true), ("+49 151 12345678", false), ("+0915112345678", false), ("+1234567", false),
  ("+12345678", true), ("+123456789012345", true), ("+1234567890123456", false), ("4915112345678", false), ("", false),
  ("+49151a2345678", false),
])
func theByteTestForNumbersAgreesWithE164(_ text: String, _ isPlain: Bool) {
  var copy = text
  #expect(copy.withUTF8 { PhoneNumber.isCanonical($0) } == isPlain)
  #expect((PhoneNumber(text)?.e164 == text) == isPlain)
}

@Test(
  arguments: [
    ("+49 (151) 123-45/678", "+4915112345678"), ("+49\u{A0}151 12345678", "+4915112345678"), ("0049 151 12345678", nil),
    ("+49 151 ١٢٣٤٥٦٧٨", nil), ("+49151\t12345678", nil),
  ] as [(String, String?)])
func whatPeopleWriteIntoNumbersIsTakenOut(_ text: String, _ number: String?) {
  #expect(PhoneNumber(text)?.e164 == number)
}

@Test func anIndexFindsWhatWasInsertedHoweverManyShareAHash() {
  var dice = Dice(17)
  for spread in [UInt64(1), 7, 1 << 40, .max] {
    var index = HashIndex()
    var hashes: [UInt64] = []
    for number in 0..<3000 {
      let hash = UInt64.random(in: 0..<spread, using: &dice) << (spread < 100 ? 60 : 0)
      // Of equal hashes each stands for something else.
      #expect(index.findOrInsert(hash, number) { _ in false } == nil)
      hashes.append(hash)
      if number % 100 == 0 { for (i, hash) in hashes.enumerated() { #expect(index.find(hash) { $0 == i } == i) } }
      if spread < 100, number > 300 { break }
    }
    #expect(index.findOrInsert(hashes[5], 9999) { $0 == 5 } == 5)
    #expect(index.count == hashes.count)
  }
}
